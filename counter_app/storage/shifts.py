"""Business days, shifts and tills on disk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import ShiftId, StaffNo
from counter_app.domain.shifts import CashCount, ShiftView, TillState, hall_date, next_business_date
from counter_app.domain.staff import SYSTEM_STAFF_NO
from counter_app.storage import tables
from counter_app.storage.database import Transaction, insert_ignoring, moment, new_id, utc_text

CHAIN_START = "0" * 64
"""The head of a shift's audit chain that has no link yet."""

b = sa.bindparam
_day, _shift, _count, _close = tables.business_day, tables.shift, tables.cash_count, tables.till_close

_newest = sa.select(
    sa.func.max(sa.case((_day.c.state == "closed", _day.c.business_date))).label("closed"),
    sa.func.max(sa.case((_day.c.state == "open", _day.c.business_date))).label("open"),
).where(_day.c.hall_id == b("hall_id"))
_one_day = sa.select(_day).where(_day.c.hall_id == b("hall_id"), _day.c.business_date == b("business_date"))
_day_held = _one_day.with_for_update(read=True)
_day_locked = _one_day.with_for_update()
_columns = (
    _shift.c.shift_id,
    _shift.c.counter_no,
    _shift.c.staff_no,
    _shift.c.business_date,
    _shift.c.ordinal,
    _shift.c.till_state,
)
_open_of = sa.select(*_columns).where(
    _shift.c.hall_id == b("hall_id"),
    _shift.c.counter_no == b("counter_no"),
    _shift.c.staff_no == b("staff_no"),
    _shift.c.business_date == b("business_date"),
    _shift.c.state == "open",
)
_last_ordinal = sa.select(sa.func.coalesce(sa.func.max(_shift.c.ordinal), 0)).where(
    _shift.c.hall_id == b("hall_id"),
    _shift.c.counter_no == b("counter_no"),
    _shift.c.business_date == b("business_date"),
)
_by_id = sa.select(*_columns).where(_shift.c.hall_id == b("hall_id"), _shift.c.shift_id == b("shift_id"))
_end = (
    sa.update(_shift)
    .where(_shift.c.hall_id == b("b_hall_id"), _shift.c.shift_id == b("b_shift_id"), _shift.c.state == "open")
    .values(state="closed", closed_at=b("b_closed_at"))
)


def _view(row: Any) -> ShiftView:
    return ShiftView(
        ShiftId(row.shift_id),
        row.counter_no,
        StaffNo(row.staff_no),
        dt.date.fromisoformat(row.business_date),
        row.ordinal,
        TillState(row.till_state),
    )


def load(tx: Transaction, shift_id: ShiftId) -> ShiftView | None:
    """A shift by id, or None."""
    row = tx.one(_by_id, {"hall_id": tx.hall_id, "shift_id": shift_id})
    return None if row is None else _view(row)


def business_date(tx: Transaction) -> dt.date:
    """The date that a shift opened now would carry."""
    row = tx.one(_newest, {"hall_id": tx.hall_id})
    assert row is not None
    return next_business_date(
        hall_date(tx.now),
        None if row.closed is None else dt.date.fromisoformat(row.closed),
        None if row.open is None else dt.date.fromisoformat(row.open),
    )


def open_shift(tx: Transaction, counter_no: int, staff_no: StaffNo) -> ShiftView:
    """The open shift of this person at this counter on the current business date; opened when there is none.

    A shift whose drawer is already closed is ended first: a second drawer on one day is a second shift. A drawer
    that this person left open on an earlier date comes first: nobody else can count and close it.
    """
    left_open = open_till_of(tx, counter_no)
    if left_open is not None and left_open.staff_no == staff_no:
        return left_open
    return open_shift_on(tx, counter_no, staff_no, _begun_day(tx))


def _begun_day(tx: Transaction) -> dt.date:
    """The current business date, begun and held open until the unit ends: its close waits for the new shift."""
    while True:
        date = business_date(tx)
        tx.run(
            insert_ignoring(_day, tx.connection.dialect.name),
            {
                "hall_id": tx.hall_id,
                "business_date": date.isoformat(),
                "state": "open",
                "opened_at": utc_text(tx.now),
                "closed_at": None,
                "closed_by": None,
                "anchor": None,
            },
        )
        row = tx.one(_day_held, {"hall_id": tx.hall_id, "business_date": date.isoformat()})
        # Closed while this unit waited for the row: the next look finds the day after it.
        if row is not None and row.state == "open":
            return date


def open_shift_on(tx: Transaction, counter_no: int, staff_no: StaffNo, date: dt.date) -> ShiftView:
    """As `open_shift`, on a date that the unit holds open: a forgotten day is closed in a shift of its own date."""
    dialect = tx.connection.dialect.name
    values = {"hall_id": tx.hall_id, "counter_no": counter_no, "business_date": date.isoformat()}
    found = tx.one(_open_of, {**values, "staff_no": staff_no})
    if found is not None and found.till_state == TillState.CLOSED.value:
        end_shift(tx, ShiftId(found.shift_id))
        found = None
    # The system's chain is nobody's shift: it stands before the first, which is what a clerk calls 第 1 班.
    before_first = staff_no == SYSTEM_STAFF_NO
    while found is None:
        ordinal = 0 if before_first else int(tx.connection.execute(_last_ordinal, values).scalar_one()) + 1
        before_first = False
        # Two people may open a shift at one counter in the same moment: the loser's ordinal is taken, try the next.
        tx.run(
            insert_ignoring(_shift, dialect),
            {
                **values,
                "shift_id": new_id(),
                "staff_no": staff_no,
                "ordinal": ordinal,
                "state": "open",
                "till_state": TillState.NONE.value,
                "last_seq": 0,
                "last_receipt": 0,
                "chain_head": CHAIN_START,
                "opened_at": utc_text(tx.now),
                "closed_at": None,
            },
        )
        found = tx.one(_open_of, {**values, "staff_no": staff_no})
    return _view(found)


def end_shift(tx: Transaction, shift_id: ShiftId) -> None:
    """End a shift; its chain and numbers stay as they are."""
    tx.run(_end, {"b_hall_id": tx.hall_id, "b_shift_id": shift_id, "b_closed_at": utc_text(tx.now)})


# --- till -------------------------------------------------------------------------------------------------------

_set_till = (
    sa.update(_shift)
    .where(
        _shift.c.hall_id == b("b_hall_id"),
        _shift.c.shift_id == b("b_shift_id"),
        _shift.c.till_state == b("b_from"),
    )
    .values(till_state=b("b_to"))
)
_till_of_counter = sa.select(*_columns).where(
    _shift.c.hall_id == b("hall_id"),
    _shift.c.counter_no == b("counter_no"),
    _shift.c.till_state.in_(("open", "counted")),
)
_insert_count = sa.insert(_count)
_insert_close = sa.insert(_close)
_counted = (
    sa.select(_count.c.denomination_fen, _count.c.pieces)
    .where(_count.c.hall_id == b("hall_id"), _count.c.shift_id == b("shift_id"), _count.c.phase == b("phase"))
    .order_by(_count.c.denomination_fen.desc())
)
_last_close = (
    sa.select(_close.c.left_fen)
    .where(_close.c.hall_id == b("hall_id"), _close.c.counter_no == b("counter_no"))
    .order_by(_close.c.closed_at.desc())
    .limit(1)
)
_newest_close = sa.select(sa.func.max(_close.c.closed_at)).where(
    _close.c.hall_id == b("hall_id"), _close.c.counter_no == b("counter_no")
)
_close_before = (
    sa.select(_close.c.left_fen)
    .where(
        _close.c.hall_id == b("hall_id"),
        _close.c.counter_no == b("counter_no"),
        _close.c.shift_id != b("shift_id"),
    )
    .order_by(_close.c.closed_at.desc())
    .limit(1)
)


def open_till_of(tx: Transaction, counter_no: int) -> ShiftView | None:
    """The shift whose drawer is open (or counted) at this counter, or None."""
    row = tx.one(_till_of_counter, {"hall_id": tx.hall_id, "counter_no": counter_no})
    return None if row is None else _view(row)


def change_till(tx: Transaction, shift_id: ShiftId, before: TillState, after: TillState) -> None:
    """Move the drawer one state on; the fence has locked the row, so a miss is a defect."""
    values = {"b_hall_id": tx.hall_id, "b_shift_id": shift_id, "b_from": before.value, "b_to": after.value}
    if tx.run(_set_till, values) != 1:
        raise RuntimeError(f"till of shift {shift_id} is not {before.value}")


def save_count(tx: Transaction, shift_id: ShiftId, phase: str, counted: CashCount) -> None:
    """Store what was counted, note by note; `phase` is "open" or "close"."""
    rows = [
        {
            "hall_id": tx.hall_id,
            "shift_id": shift_id,
            "phase": phase,
            "denomination_fen": denomination_fen,
            "pieces": pieces,
        }
        for denomination_fen, pieces in counted.pieces
        if pieces
    ]
    if rows:
        tx.run(_insert_count, rows)


def counted(tx: Transaction, shift_id: ShiftId, phase: str) -> CashCount:
    """What was counted in a phase; empty when nothing was."""
    rows = tx.all(_counted, {"hall_id": tx.hall_id, "shift_id": shift_id, "phase": phase})
    return CashCount(tuple((row.denomination_fen, row.pieces) for row in rows))


def left_last_time(tx: Transaction, counter_no: int) -> int:
    """What the last close left in this drawer, in fen."""
    row = tx.one(_last_close, {"hall_id": tx.hall_id, "counter_no": counter_no})
    return 0 if row is None else int(row.left_fen)


def left_before(tx: Transaction, counter_no: int, shift_id: ShiftId) -> int:
    """What the last close before this shift left in the drawer, in fen; its own close does not count."""
    row = tx.one(_close_before, {"hall_id": tx.hall_id, "counter_no": counter_no, "shift_id": shift_id})
    return 0 if row is None else int(row.left_fen)


def save_close(
    tx: Transaction,
    shift: ShiftView,
    *,
    opening_fen: int,
    expected_fen: int,
    counted_fen: int,
    left_fen: int,
    reason: str,
    signed_by: str,
) -> None:
    """Store declared, expected and difference for ever.

    `closed_at` orders a counter's closes, so it never goes back with the clock: the newest close must stay the one
    that tells what lies in the drawer.
    """
    closed_at = tx.now
    before = tx.connection.execute(
        _newest_close, {"hall_id": tx.hall_id, "counter_no": shift.counter_no}
    ).scalar_one()
    if before is not None:
        closed_at = max(closed_at, moment(before) + dt.timedelta(microseconds=1))
    tx.run(
        _insert_close,
        {
            "hall_id": tx.hall_id,
            "shift_id": shift.shift_id,
            "counter_no": shift.counter_no,
            "closed_at": utc_text(closed_at),
            "opening_fen": opening_fen,
            "expected_fen": expected_fen,
            "counted_fen": counted_fen,
            "difference_fen": counted_fen - expected_fen,
            "left_fen": left_fen,
            "reason": reason,
            "signed_by": signed_by,
        },
    )


# --- day --------------------------------------------------------------------------------------------------------

_close_day = (
    sa.update(_day)
    .where(
        _day.c.hall_id == b("b_hall_id"), _day.c.business_date == b("b_business_date"), _day.c.state == "open"
    )
    .values(state="closed", closed_at=b("b_closed_at"), closed_by=b("b_closed_by"), anchor=b("b_anchor"))
)


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """A shift as the day close sees it."""

    shift_id: ShiftId
    counter_no: int
    staff_no: StaffNo
    ordinal: int
    state: str
    till_state: TillState
    last_seq: int
    last_receipt: int
    chain_head: str


_shifts_of_day = (
    sa.select(
        _shift.c.shift_id,
        _shift.c.counter_no,
        _shift.c.staff_no,
        _shift.c.ordinal,
        _shift.c.state,
        _shift.c.till_state,
        _shift.c.last_seq,
        _shift.c.last_receipt,
        _shift.c.chain_head,
    )
    .where(_shift.c.hall_id == b("hall_id"), _shift.c.business_date == b("business_date"))
    .order_by(_shift.c.shift_id)
)
_shifts_of_day_locked = _shifts_of_day.with_for_update()


def shifts_of_day(tx: Transaction, date: dt.date, *, lock: bool = False) -> tuple[ShiftRow, ...]:
    """All shifts of a business date in id order; `lock` fences every one of them until the unit ends."""
    statement = _shifts_of_day_locked if lock else _shifts_of_day
    return tuple(
        ShiftRow(
            ShiftId(row.shift_id),
            row.counter_no,
            StaffNo(row.staff_no),
            row.ordinal,
            row.state,
            TillState(row.till_state),
            row.last_seq,
            row.last_receipt,
            row.chain_head,
        )
        for row in tx.all(statement, {"hall_id": tx.hall_id, "business_date": date.isoformat()})
    )


@dataclass(frozen=True, slots=True)
class DayRow:
    """A business date; the last three are None until it is closed."""

    business_date: dt.date
    state: str
    closed_at: dt.datetime | None
    closed_by: StaffNo | None
    anchor: str | None


def day(tx: Transaction, date: dt.date) -> DayRow | None:
    """A business date, or None when it was never opened."""
    row = tx.one(_one_day, {"hall_id": tx.hall_id, "business_date": date.isoformat()})
    if row is None:
        return None
    return DayRow(
        date,
        row.state,
        None if row.closed_at is None else moment(row.closed_at),
        None if row.closed_by is None else StaffNo(row.closed_by),
        row.anchor,
    )


def lock_open_day(tx: Transaction, date: dt.date) -> None:
    """Lock a business date for its close: nobody opens a shift on it until the unit ends.

    `Refused` for a date that was never opened or is closed.
    """
    row = tx.one(_day_locked, {"hall_id": tx.hall_id, "business_date": date.isoformat()})
    if row is None or row.state != "open":
        raise Refused(Reason.DAY_CLOSED, business_date=date.isoformat())


def close_day(tx: Transaction, date: dt.date, closed_by: StaffNo, anchor: str) -> None:
    """Seal a business date: end every shift, store the anchor over all chain heads."""
    for row in shifts_of_day(tx, date):
        end_shift(tx, row.shift_id)
    values = {
        "b_hall_id": tx.hall_id,
        "b_business_date": date.isoformat(),
        "b_closed_at": utc_text(tx.now),
        "b_closed_by": closed_by,
        "b_anchor": anchor,
    }
    if tx.run(_close_day, values) != 1:
        raise Refused(Reason.DAY_CLOSED, business_date=date.isoformat())


_open_days = (
    sa.select(_day.c.business_date)
    .where(_day.c.hall_id == b("hall_id"), _day.c.state == "open")
    .order_by(_day.c.business_date)
)


def open_days(tx: Transaction) -> Sequence[dt.date]:
    """Business dates not closed yet, oldest first."""
    return [dt.date.fromisoformat(row.business_date) for row in tx.all(_open_days, {"hall_id": tx.hall_id})]
