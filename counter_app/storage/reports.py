"""Sums over operations for X report, day close and day report."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from counter_app.domain.ids import ShiftId, StaffNo
from counter_app.domain.ledger import OperationKind, TenderKind
from counter_app.storage import tables
from counter_app.storage.database import Transaction

b = sa.bindparam
_o = tables.operation


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


_of_shift = _grouped(_o.c.shift_id == b("shift_id"))
_of_day = _grouped(_o.c.business_date == b("business_date"))


def of_shift(tx: Transaction, shift_id: ShiftId) -> tuple[KindRow, ...]:
    """One shift by kind and tender."""
    return _rows(tx, _of_shift, {"shift_id": shift_id})


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
