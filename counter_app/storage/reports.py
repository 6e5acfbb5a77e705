"""Sums over operations for X report, day close and day report."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from counter_app.domain.ids import AccountId, CardNo, ShiftId, StaffNo, TerminalId
from counter_app.domain.ledger import OperationKind, TenderKind, till_account
from counter_app.domain.shifts import HALL_ZONE, SlipCount
from counter_app.storage import ledger, shifts, tables
from counter_app.storage.database import Transaction

AT_THE_COUNTER = (
    OperationKind.TOP_UP,
    OperationKind.REPORT_LOSS,
    OperationKind.CANCEL_LOSS,
    OperationKind.REPLACE_CARD,
    OperationKind.COLLECT_OLD_CARD,
    OperationKind.REVERSE,
    OperationKind.CORRECT,
    OperationKind.SETTLE_RECEIVABLE,
)
"""What is done with a customer standing there or calling; the load of the day."""

b = sa.bindparam
_o, _t, _close, _shift = tables.operation, tables.transfer, tables.till_close, tables.shift


@dataclass(frozen=True, slots=True)
class KindRow:
    """Count and sum of one kind, tender and clerk."""

    kind: OperationKind
    tender: TenderKind
    staff_no: StaffNo
    count: int
    amount_fen: int


def _grouped(*conditions: sa.ColumnElement[bool]) -> sa.Select[tuple[str, str, str, int, int]]:
    return (
        sa.select(
            _o.c.kind,
            _o.c.tender,
            _o.c.staff_no,
            sa.func.count().label("pieces"),
            sa.func.sum(_o.c.amount_fen).label("amount_fen"),
        )
        .where(_o.c.hall_id == b("hall_id"), *conditions)
        .group_by(_o.c.kind, _o.c.tender, _o.c.staff_no)
        .order_by(_o.c.kind, _o.c.tender, _o.c.staff_no)
    )


_of_shift = _grouped(_o.c.business_date == b("business_date"), _o.c.shift_id == b("shift_id"))
_of_day = _grouped(_o.c.business_date == b("business_date"))


def of_shift(tx: Transaction, shift_id: ShiftId, date: dt.date) -> tuple[KindRow, ...]:
    """One shift by kind and tender."""
    return _rows(tx, _of_shift, {"shift_id": shift_id, "business_date": date.isoformat()})


def of_day(tx: Transaction, date: dt.date) -> tuple[KindRow, ...]:
    """One business date by kind, tender and clerk."""
    return _rows(tx, _of_day, {"business_date": date.isoformat()})


def _rows(tx: Transaction, statement: sa.Executable, values: dict[str, str]) -> tuple[KindRow, ...]:
    return tuple(
        KindRow(
            OperationKind(row.kind),
            TenderKind(row.tender),
            StaffNo(row.staff_no),
            int(row.pieces),
            int(row.amount_fen),
        )
        for row in tx.all(statement, {"hall_id": tx.hall_id, **values})
    )


_hour = sa.func.substr(_o.c.booked_at, sa.literal_column("1"), sa.literal_column("13"))
_by_hour = (
    sa.select(_hour.label("hour"), sa.func.count().label("pieces"))
    .where(
        _o.c.hall_id == b("hall_id"),
        _o.c.business_date == b("business_date"),
        _o.c.kind.in_([kind.value for kind in AT_THE_COUNTER]),
    )
    .group_by(_hour)
)


def by_hour(tx: Transaction, date: dt.date) -> dict[int, int]:
    """How much business customers brought on one business date, by hour of the hall's clock; hours without are left out."""
    counts: dict[int, int] = {}
    for row in tx.all(_by_hour, {"hall_id": tx.hall_id, "business_date": date.isoformat()}):
        hour = dt.datetime.fromisoformat(f"{row.hour}:00+00:00").astimezone(HALL_ZONE).hour
        counts[hour] = counts.get(hour, 0) + int(row.pieces)
    return counts


def expected_cash(tx: Transaction, shift_id: ShiftId, counter_no: int) -> int:
    """What the drawer should hold: what the last close left plus everything this shift moved, in fen."""
    debit_fen, credit_fen = ledger.moved_in_shift(tx, shift_id, till_account(counter_no))
    return shifts.left_before(tx, counter_no, shift_id) + debit_fen - credit_fen


_totals = sa.select(
    sa.select(sa.func.count())
    .select_from(_o)
    .where(_o.c.hall_id == b("hall_id"), _o.c.business_date == b("business_date"))
    .scalar_subquery()
    .label("operations"),
    sa.select(sa.func.coalesce(sa.func.sum(_t.c.amount_fen), 0))
    .where(_t.c.hall_id == b("hall_id"), _t.c.business_date == b("business_date"))
    .scalar_subquery()
    .label("debit_fen"),
)


def totals_of_day(tx: Transaction, date: dt.date) -> tuple[int, int]:
    """(operations, sum of all transfers in fen) of one business date; debits equal credits by construction."""
    row = tx.one(_totals, {"hall_id": tx.hall_id, "business_date": date.isoformat()})
    assert row is not None
    return int(row.operations), int(row.debit_fen)


# --- slips ------------------------------------------------------------------------------------------------------

_p, _undone = tables.payment, tables.reversal_key
_slips = (
    sa.select(
        _p.c.terminal_id,
        sa.func.count().label("pieces"),
        sa.func.sum(_p.c.amount_fen).label("amount_fen"),
    )
    .select_from(
        _o.join(
            _p,
            sa.and_(
                _p.c.hall_id == _o.c.hall_id,
                _p.c.business_date == _o.c.business_date,
                _p.c.operation_id == _o.c.operation_id,
            ),
        ).outerjoin(
            _undone,
            sa.and_(_undone.c.hall_id == _o.c.hall_id, _undone.c.operation_id == _o.c.operation_id),
        )
    )
    .where(
        _o.c.hall_id == b("hall_id"),
        _o.c.business_date == b("business_date"),
        _o.c.shift_id == b("shift_id"),
        _o.c.tender == TenderKind.SLIP.value,
        _o.c.kind.not_in((OperationKind.REVERSE.value, OperationKind.CORRECT.value)),
        _undone.c.reversed_by.is_(None),
    )
    .group_by(_p.c.terminal_id)
    .order_by(_p.c.terminal_id)
)


def slips_of_shift(tx: Transaction, shift_id: ShiftId, date: dt.date) -> tuple[SlipCount, ...]:
    """The slips of stand-alone terminals that a shift of `date` keyed and nobody has undone, by terminal."""
    return tuple(
        SlipCount(TerminalId(row.terminal_id), int(row.pieces), int(row.amount_fen))
        for row in tx.all(
            _slips, {"hall_id": tx.hall_id, "shift_id": shift_id, "business_date": date.isoformat()}
        )
    )


# --- tills ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TillCloseRow:
    """One closed drawer: declared, expected and difference as stored at its close."""

    shift_id: ShiftId
    counter_no: int
    staff_no: StaffNo
    opening_fen: int
    expected_fen: int
    counted_fen: int
    difference_fen: int
    left_fen: int
    reason: str
    signed_by: str


_closes = (
    sa.select(_close, _shift.c.staff_no)
    .select_from(
        _close.join(
            _shift, sa.and_(_shift.c.hall_id == _close.c.hall_id, _shift.c.shift_id == _close.c.shift_id)
        )
    )
    .where(_shift.c.hall_id == b("hall_id"), _shift.c.business_date == b("business_date"))
    .order_by(_close.c.counter_no, _close.c.closed_at)
)
_between = (
    sa.select(
        sa.func.coalesce(
            sa.func.sum(sa.case((_t.c.debit == b("account"), _t.c.amount_fen), else_=0)), 0
        ).label("debit"),
        sa.func.coalesce(
            sa.func.sum(sa.case((_t.c.credit == b("account"), _t.c.amount_fen), else_=0)), 0
        ).label("credit"),
    )
    .select_from(
        _t.join(
            _o,
            sa.and_(
                _o.c.hall_id == _t.c.hall_id,
                _o.c.business_date == _t.c.business_date,
                _o.c.operation_id == _t.c.operation_id,
            ),
        )
    )
    .where(
        _t.c.hall_id == b("hall_id"),
        _t.c.shift_id == b("shift_id"),
        _o.c.kind.not_in((OperationKind.OPEN_TILL.value, OperationKind.CLOSE_TILL.value)),
    )
)


def closes_of_day(tx: Transaction, date: dt.date) -> tuple[TillCloseRow, ...]:
    """The closed drawers of one business date by counter, in the order of their closes."""
    return tuple(
        TillCloseRow(
            ShiftId(row.shift_id),
            row.counter_no,
            StaffNo(row.staff_no),
            int(row.opening_fen),
            int(row.expected_fen),
            int(row.counted_fen),
            int(row.difference_fen),
            int(row.left_fen),
            row.reason,
            row.signed_by,
        )
        for row in tx.all(_closes, {"hall_id": tx.hall_id, "business_date": date.isoformat()})
    )


def moved_between(tx: Transaction, shift_id: ShiftId, account: AccountId) -> tuple[int, int]:
    """What went into and out of a drawer between its opening and its close, business included, in fen."""
    row = tx.one(_between, {"hall_id": tx.hall_id, "shift_id": shift_id, "account": account})
    assert row is not None
    return int(row.debit), int(row.credit)


# --- receivables ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReceivableRow:
    """What a card owes the hall since one operation."""

    card_no: CardNo
    why: str
    amount_fen: int


_r = tables.receivable
_receivables = (
    sa.select(_r.c.card_no, _r.c.why, _r.c.amount_fen)
    .select_from(_r.join(_o, sa.and_(_o.c.hall_id == _r.c.hall_id, _o.c.operation_id == _r.c.operation_id)))
    .where(_o.c.hall_id == b("hall_id"), _o.c.business_date == b("business_date"))
    .order_by(_r.c.opened_at, _r.c.operation_id)
)


def receivables_of_day(tx: Transaction, date: dt.date) -> tuple[ReceivableRow, ...]:
    """What was opened on the manager's list on one business date, oldest first."""
    return tuple(
        ReceivableRow(CardNo(row.card_no), row.why, int(row.amount_fen))
        for row in tx.all(_receivables, {"hall_id": tx.hall_id, "business_date": date.isoformat()})
    )
