"""The desks in two steps: what sign-in needs is there first and is light, the others follow once."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hall_builder import CHEAP, CLERK, PASSWORD

from counter_app.domain.errors import Reason, Refused
from counter_app.services.desks import Desks
from counter_app.services.passwords import Passwords
from counter_app.storage.database import Database

SIGN_IN_LOADS = """
import json, sys
from counter_app.storage import health
from counter_app.services import desks
print(json.dumps(sorted(sys.modules)))
"""


def test_sign_in_on_sqlite_loads_neither_the_other_desks_nor_the_other_database() -> None:
    run = subprocess.run(
        [sys.executable, "-c", SIGN_IN_LOADS],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = json.loads(run.stdout)
    assert "counter_app.services.staff_desk" in loaded
    late = ("sqlalchemy.dialects.postgresql", "psycopg", "printing", "devices", "argon2")
    assert [name for name in loaded if name.startswith(late)] == []
    desks = {name for name in loaded if name.startswith("counter_app.services.") and name.endswith("_desk")}
    assert desks == {"counter_app.services.staff_desk"}


def test_a_clerk_signs_in_while_the_other_desks_are_still_closed(hall_database: Database) -> None:
    desks = Desks(hall_database, 1, Passwords(CHEAP), 32)
    assert desks.staff.sign_in(CLERK, PASSWORD).staff_no == CLERK
    assert not hasattr(desks, "cash")
    desks.open_rest()
    assert desks.cash.view is not None


def test_the_other_desks_are_opened_once_by_whoever_comes_first(hall_database: Database) -> None:
    desks = Desks(hall_database, 1, Passwords(CHEAP), 32)
    together = threading.Barrier(4)
    found: list[object] = []

    def come() -> None:
        together.wait(5.0)
        desks.open_rest()
        found.append(desks.payments)

    clerks = [threading.Thread(target=come) for _ in range(4)]
    for clerk in clerks:
        clerk.start()
    for clerk in clerks:
        clerk.join()
    assert found == [desks.payments] * 4


def test_what_comes_before_the_shift_waits_for_the_right_password(hall_database: Database) -> None:
    staff = Desks(hall_database, 1, Passwords(CHEAP), 32).staff
    shifts_then: list[int] = []

    def look() -> None:
        with hall_database.engine.connect() as connection:
            counted = connection.exec_driver_sql(f"SELECT count(*) FROM shift WHERE staff_no = '{CLERK}'")
            shifts_then.append(counted.scalar_one())

    with pytest.raises(Refused) as refused:
        staff.sign_in(CLERK, "not " + PASSWORD, look)
    assert refused.value.reason is Reason.SIGN_IN_REFUSED
    assert shifts_then == []
    staff.sign_in(CLERK, PASSWORD, look)
    assert shifts_then == [0]
