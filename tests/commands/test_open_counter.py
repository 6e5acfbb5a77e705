"""Opening a counter before anybody signs in: what makes money wait for the check of the books."""

from __future__ import annotations

from pathlib import Path

import pytest
from counter_builder import Counter
from hall_builder import NAMED_CARD, open_sqlite

from counter_app import bootstrap
from counter_app.settings import DatabaseAt, KeyAt, Settings
from counter_app.storage import health, keys

MASTER = b"master key of the hall of tests."


@pytest.fixture
def settings(sqlite_hall: Path, tmp_path: Path) -> Settings:
    """A counter with a day's work in its file, stopped as it should be."""
    database = open_sqlite(sqlite_hall)
    Counter(database).opened().top_up(NAMED_CARD, 10_00)
    database.close()
    key = tmp_path / "hall.key"
    keys.store_master(keys.InFile(key), MASTER)
    return Settings(database=DatabaseAt(path=str(sqlite_hall)), key=KeyAt(path=str(key)))


def money_waits(settings: Settings) -> bool:
    desks, waits = bootstrap._open_counter(settings, "", bootstrap.utc_now)
    health.mark_stopped(desks.at.database, settings.counter_no)
    desks.at.database.close()
    return waits


def test_after_a_clean_stop_money_does_not_wait(settings: Settings) -> None:
    assert not money_waits(settings)
    assert not money_waits(settings)


def test_a_chain_cut_short_makes_money_wait_also_after_a_clean_stop(settings: Settings) -> None:
    database = open_sqlite(Path(settings.database.path))
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_delete")
        connection.exec_driver_sql("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    database.close()
    assert money_waits(settings)
