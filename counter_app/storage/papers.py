"""Receipts, print jobs, kept requests and parked customers on disk."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from counter_app.domain.ids import OperationId, ReceiptNo, StaffNo
from counter_app.storage import tables
from counter_app.storage.database import Transaction, moment, utc_text
from counter_app.storage.sealed import seal, unseal

b = sa.bindparam
_receipt, _job, _kept, _parked = tables.receipt, tables.print_job, tables.kept_request, tables.parked


@dataclass(frozen=True, slots=True)
class SavedReceipt:
    """One saved receipt with all its copies; `document` is its JSON."""

    receipt_no: ReceiptNo
    operation_id: OperationId
    document: str
    check_code: str


@dataclass(frozen=True, slots=True)
class PrintJob:
    """One copy to print. `copy_no` 0 is the original, n the n-th 补打."""

    job_id: str
    receipt_no: ReceiptNo
    copy_no: int
    counter_no: int
    state: str
    drawer: bool
    staff_no: StaffNo
    queued_at: dt.datetime
    note: str


_insert_receipt = sa.insert(_receipt)
_insert_job = sa.insert(_job)
_find = sa.select(_receipt).where(
    _receipt.c.hall_id == b("hall_id"), _receipt.c.receipt_no == b("receipt_no")
)
_lock = _find.with_for_update()
_by_code = sa.select(_receipt).where(
    _receipt.c.hall_id == b("hall_id"), _receipt.c.check_code == b("check_code")
)
_waiting = (
    sa.select(_job)
    .where(
        _job.c.hall_id == b("hall_id"),
        _job.c.counter_no == b("counter_no"),
        _job.c.state.in_(("queued", "sending", "unknown")),
    )
    .order_by(_job.c.queued_at, _job.c.receipt_no)
    .limit(200)
)
_find_job = sa.select(_job).where(_job.c.hall_id == b("hall_id"), _job.c.job_id == b("job_id"))
_waiting_by_counter = (
    sa.select(_job.c.counter_no, sa.func.count().label("jobs"))
    .where(_job.c.hall_id == b("hall_id"), _job.c.state.in_(("queued", "sending", "unknown")))
    .group_by(_job.c.counter_no)
)
_set_job = (
    sa.update(_job)
    .where(_job.c.hall_id == b("b_hall_id"), _job.c.job_id == b("b_job_id"), _job.c.state == b("b_from"))
    .values(state=b("b_to"), changed_at=b("b_at"), note=b("b_note"))
)
_copies = sa.select(sa.func.coalesce(sa.func.max(_job.c.copy_no), -1)).where(
    _job.c.hall_id == b("hall_id"), _job.c.receipt_no == b("receipt_no")
)


def save(tx: Transaction, receipt: SavedReceipt) -> None:
    """Keep a receipt for ever; reprints come from it."""
    tx.run(
        _insert_receipt,
        {
            "hall_id": tx.hall_id,
            "receipt_no": receipt.receipt_no,
            "operation_id": receipt.operation_id,
            "document": receipt.document,
            "check_code": receipt.check_code,
        },
    )


def queue(
    tx: Transaction,
    job_id: str,
    receipt_no: ReceiptNo,
    copy_no: int,
    counter_no: int,
    staff_no: StaffNo,
    *,
    drawer: bool,
) -> None:
    """Put one copy on a counter's print queue."""
    tx.run(
        _insert_job,
        {
            "hall_id": tx.hall_id,
            "job_id": job_id,
            "receipt_no": receipt_no,
            "copy_no": copy_no,
            "counter_no": counter_no,
            "state": "queued",
            "drawer": int(drawer),
            "staff_no": staff_no,
            "queued_at": utc_text(tx.now),
            "changed_at": utc_text(tx.now),
            "note": "",
        },
    )


def _saved(row: Any) -> SavedReceipt:
    return SavedReceipt(
        ReceiptNo(row.receipt_no), OperationId(row.operation_id), row.document, row.check_code
    )


def find(tx: Transaction, receipt_no: str) -> SavedReceipt | None:
    """A saved receipt, or None."""
    row = tx.one(_find, {"hall_id": tx.hall_id, "receipt_no": receipt_no})
    return None if row is None else _saved(row)


def lock(tx: Transaction, receipt_no: str) -> SavedReceipt | None:
    """A saved receipt, or None; whoever else wants to queue a copy of it waits until this unit ends."""
    row = tx.one(_lock, {"hall_id": tx.hall_id, "receipt_no": receipt_no})
    return None if row is None else _saved(row)


def by_check_code(tx: Transaction, check_code: str) -> tuple[SavedReceipt, ...]:
    """Receipts that carry a check code."""
    return tuple(_saved(r) for r in tx.all(_by_code, {"hall_id": tx.hall_id, "check_code": check_code}))


def _job_of(row: Any) -> PrintJob:
    return PrintJob(
        row.job_id,
        ReceiptNo(row.receipt_no),
        row.copy_no,
        row.counter_no,
        row.state,
        bool(row.drawer),
        StaffNo(row.staff_no),
        moment(row.queued_at),
        row.note,
    )


def waiting_jobs(tx: Transaction, counter_no: int) -> tuple[PrintJob, ...]:
    """Jobs of a counter that are queued, being sent or of unknown outcome, oldest first."""
    return tuple(_job_of(row) for row in tx.all(_waiting, {"hall_id": tx.hall_id, "counter_no": counter_no}))


def waiting_by_counter(tx: Transaction) -> dict[int, int]:
    """How many papers each counter still waits for; counters without any are left out."""
    return {row.counter_no: int(row.jobs) for row in tx.all(_waiting_by_counter, {"hall_id": tx.hall_id})}


def find_job(tx: Transaction, job_id: str) -> PrintJob | None:
    """A job in any state, or None."""
    row = tx.one(_find_job, {"hall_id": tx.hall_id, "job_id": job_id})
    return None if row is None else _job_of(row)


def set_job(tx: Transaction, job_id: str, before: str, after: str, note: str = "") -> bool:
    """Move a job on; False when somebody else moved it first, so that nothing prints twice by itself."""
    values = {
        "b_hall_id": tx.hall_id,
        "b_job_id": job_id,
        "b_from": before,
        "b_to": after,
        "b_at": utc_text(tx.now),
        "b_note": note,
    }
    return tx.run(_set_job, values) == 1


def copies(tx: Transaction, receipt_no: str) -> int:
    """The number of the newest copy; 0 when only the original was queued, -1 when nothing was."""
    return int(tx.connection.execute(_copies, {"hall_id": tx.hall_id, "receipt_no": receipt_no}).scalar_one())


# --- kept requests ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """A request that was about to be booked when the program ended."""

    operation_id: OperationId
    counter_no: int
    staff_no: StaffNo
    request_type: str
    request: str
    kept_at: dt.datetime


_kept_of = (
    sa.select(_kept)
    .where(_kept.c.hall_id == b("hall_id"), _kept.c.counter_no == b("counter_no"))
    .order_by(_kept.c.kept_at)
)
_drop_kept = sa.delete(_kept).where(
    _kept.c.hall_id == b("b_hall_id"), _kept.c.operation_id == b("b_operation_id")
)


def kept_requests(tx: Transaction, counter_no: int) -> tuple[KeptRequest, ...]:
    """What a counter had asked for and nobody answered, oldest first."""
    return tuple(
        KeptRequest(
            OperationId(row.operation_id),
            row.counter_no,
            StaffNo(row.staff_no),
            row.request_type,
            unseal(tx.keys, "kept_request", "request", row.operation_id, bytes(row.request_sealed)),
            moment(row.kept_at),
        )
        for row in tx.all(_kept_of, {"hall_id": tx.hall_id, "counter_no": counter_no})
    )


def drop_kept(tx: Transaction, operation_id: OperationId) -> None:
    """The clerk has answered what became of it."""
    tx.run(_drop_kept, {"b_hall_id": tx.hall_id, "b_operation_id": operation_id})


# --- parked customers -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked customer; `title` is masked, `typed` the JSON of everything typed on `page`."""

    parked_id: str
    counter_no: int
    staff_no: StaffNo
    title: str
    page: str
    typed: str
    parked_at: dt.datetime


_insert_parked = sa.insert(_parked)
_all_parked = (
    sa.select(_parked)
    .where(_parked.c.hall_id == b("hall_id"), _parked.c.counter_no == b("counter_no"))
    .order_by(_parked.c.parked_at)
)
_one_parked = sa.select(_parked).where(
    _parked.c.hall_id == b("hall_id"), _parked.c.parked_id == b("parked_id")
)
_parked_by_counter = (
    sa.select(_parked.c.counter_no, sa.func.count().label("customers"))
    .where(_parked.c.hall_id == b("hall_id"))
    .group_by(_parked.c.counter_no)
)
_drop_parked = sa.delete(_parked).where(
    _parked.c.hall_id == b("b_hall_id"), _parked.c.parked_id == b("b_parked_id")
)


def park(tx: Transaction, parked: Parked) -> None:
    """Keep a customer with everything typed."""
    tx.run(
        _insert_parked,
        {
            "hall_id": tx.hall_id,
            "parked_id": parked.parked_id,
            "counter_no": parked.counter_no,
            "staff_no": parked.staff_no,
            "title": parked.title,
            "page": parked.page,
            "typed_sealed": seal(tx.keys, "parked", "typed", parked.parked_id, parked.typed),
            "parked_at": utc_text(tx.now),
        },
    )


def _parked_row(tx: Transaction, row: Any) -> Parked:
    return Parked(
        row.parked_id,
        row.counter_no,
        StaffNo(row.staff_no),
        row.title,
        row.page,
        unseal(tx.keys, "parked", "typed", row.parked_id, bytes(row.typed_sealed)),
        moment(row.parked_at),
    )


def all_parked(tx: Transaction, counter_no: int) -> tuple[Parked, ...]:
    """Parked customers of a counter, oldest first."""
    rows = tx.all(_all_parked, {"hall_id": tx.hall_id, "counter_no": counter_no})
    return tuple(_parked_row(tx, row) for row in rows)


def parked_by_counter(tx: Transaction) -> dict[int, int]:
    """How many customers are parked at each counter; counters without any are left out."""
    return {row.counter_no: int(row.customers) for row in tx.all(_parked_by_counter, {"hall_id": tx.hall_id})}


def find_parked(tx: Transaction, parked_id: str) -> Parked | None:
    """A parked customer, or None when somebody took it up or dropped it."""
    row = tx.one(_one_parked, {"hall_id": tx.hall_id, "parked_id": parked_id})
    return None if row is None else _parked_row(tx, row)


def unpark(tx: Transaction, parked_id: str) -> bool:
    """The customer stands at the counter again, or left; False when somebody else was first."""
    return tx.run(_drop_parked, {"b_hall_id": tx.hall_id, "b_parked_id": parked_id}) == 1
