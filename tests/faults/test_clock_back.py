"""The clock is set back: the clerk is warned, it is audited once, and neither date nor sequence follows."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from counter_builder import Counter, require_sound
from hall_builder import CLERK, NAMED_CARD, PASSWORD, HallClock

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.requests import CloseTill
from counter_app.storage import tables
from counter_app.storage.database import Database

TODAY = dt.date(2026, 11, 23)


@pytest.fixture(autouse=True)
def sound(hall_database: Database) -> Iterator[None]:
    yield
    require_sound(hall_database)


@pytest.fixture
def counter(hall_database: Database) -> Counter:
    return Counter(hall_database).opened()


def notes(database: Database) -> list[dict[str, str]]:
    with database.engine.connect() as connection:
        rows = connection.execute(
            sa.select(tables.audit.c.payload).where(tables.audit.c.action == "clock_back")
        )
        return [json.loads(row.payload) for row in rows]


def sequence(database: Database, counter: Counter) -> int:
    with database.engine.connect() as connection:
        shift = tables.shift
        found = connection.execute(
            sa.select(shift.c.last_seq).where(shift.c.shift_id == counter.clerk.shift_id)
        )
        return int(found.scalar_one())


def test_a_clock_in_order_says_nothing(counter: Counter, clock: HallClock) -> None:
    assert counter.staff.look_at_clock(counter.asked()) == ""
    clock.advance(minutes=-2)
    assert counter.staff.look_at_clock(counter.asked()) == "", "what two clocks may differ"
    clock.advance(days=1)
    assert counter.staff.look_at_clock(counter.asked()) == ""
    assert notes(counter.database) == []


@pytest.mark.parametrize("back", [{"minutes": 3}, {"hours": 10}, {"days": 400}], ids=str)
def test_set_back_it_is_told_and_audited_once(
    counter: Counter, hall_database: Database, clock: HallClock, back: dict[str, int]
) -> None:
    before, seq = clock.now, sequence(hall_database, counter)
    clock.now -= dt.timedelta(**back)
    # Another program over the same hall, as after a restart with a dead clock battery.
    again = Counter(hall_database)
    signed_in = again.staff.sign_in(CLERK, PASSWORD)
    assert (signed_in.business_date, signed_in.shift_id) == (TODAY, counter.clerk.shift_id)
    sentence = again.staff.look_at_clock(again.asked())
    minutes = int(dt.timedelta(**back).total_seconds() // 60)
    assert f"2026-11-23 09:00）早 {minutes} 分钟" in sentence
    done = again.top_up(NAMED_CARD, 50_00)
    assert done.receipt_no.startswith("D1-261123-")
    assert again.staff.look_at_clock(again.asked()) == sentence, "it stays in sight"
    assert notes(hall_database) == [{"last_record": before.isoformat(), "now": clock.now.isoformat()}]
    assert sequence(hall_database, counter) == seq + 3  # sign-in, note, top-up


def test_set_right_and_back_again_is_another_occurrence(
    counter: Counter, hall_database: Database, clock: HallClock
) -> None:
    counter.staff.look_at_clock(counter.asked())
    for _ in range(2):
        clock.advance(minutes=-30)
        assert "早 30 分钟" in counter.staff.look_at_clock(counter.asked())
        clock.advance(minutes=30)
        assert counter.staff.look_at_clock(counter.asked()) == ""
    assert len(notes(hall_database)) == 2


def test_an_approval_does_not_live_longer_by_it(counter: Counter, clock: HallClock) -> None:
    counter.count(490_00)
    request = counter.signed(CloseTill(counter.asked(), 0, "找零出错"))
    clock.advance(minutes=-5)
    with pytest.raises(Refused) as refused:
        counter.cash.close_till(request)
    assert refused.value.reason is Reason.APPROVAL_EXPIRED
