"""The ledger on disk: fence, operations, transfers, payments and the HMAC audit chain of each shift.

A unit calls `fence` first (it locks the shift, takes the next sequence and receipt number), then does its work,
then `record` once. Everything here is inserted and never changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from counter_app.domain.asking import Asked
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import AccountId, CardNo, OperationId, PurseId, ReceiptNo, ShiftId, StaffNo
from counter_app.domain.ledger import OperationKind, Tender, TenderKind, Transfer
from counter_app.domain.shifts import TillState
from counter_app.domain.staff import SYSTEM_STAFF_NO
from counter_app.storage import shifts, tables, wire
from counter_app.storage.database import AsksSomething, Transaction, utc_text

b = sa.bindparam


@dataclass(frozen=True, slots=True)
class Fence:
    """The locked shift of one writing unit: its place in the sequence, its receipt number, the chain so far."""

    shift_id: ShiftId
    counter_no: int
    staff_no: StaffNo
    business_date: dt.date
    seq: int
    receipt_no: ReceiptNo
    chain_head: str


_shift = tables.shift
_hall_code = sa.select(tables.hall.c.code).where(tables.hall.c.hall_id == b("b_hall_id"))


def _raise_seq(*conditions: sa.ColumnElement[bool], receipt: bool) -> sa.Executable:
    values: dict[str, Any] = {"last_seq": _shift.c.last_seq + 1}
    if receipt:
        values["last_receipt"] = _shift.c.last_receipt + 1
    return (
        sa.update(_shift)
        .where(
            _shift.c.hall_id == b("b_hall_id"),
            _shift.c.shift_id == b("b_shift_id"),
            _shift.c.counter_no == b("b_counter_no"),
            _shift.c.staff_no == b("b_staff_no"),
            *conditions,
        )
        .values(values)
        .returning(
            _shift.c.shift_id,
            _shift.c.business_date,
            _shift.c.counter_no,
            _shift.c.staff_no,
            _shift.c.ordinal,
            _shift.c.last_seq,
            _shift.c.last_receipt,
            _shift.c.chain_head,
            _hall_code.scalar_subquery().label("code"),
        )
    )


_open = _shift.c.state == "open"
_TILLS = {
    TillState.OPEN: _shift.c.till_state == "open",
    TillState.NONE: _shift.c.till_state == "none",
    TillState.COUNTED: _shift.c.till_state == "counted",
}
_fence_work = _raise_seq(_open, receipt=True)
_fence_note = _raise_seq(_open, receipt=False)
_fence_money_note = _raise_seq(_open, _TILLS[TillState.OPEN], receipt=False)
_fence_till = {state: _raise_seq(_open, condition, receipt=True) for state, condition in _TILLS.items()}

_why = sa.select(
    _shift.c.state, _shift.c.till_state, _shift.c.business_date, tables.business_day.c.state.label("day")
).where(
    _shift.c.hall_id == b("hall_id"),
    _shift.c.shift_id == b("shift_id"),
    tables.business_day.c.hall_id == _shift.c.hall_id,
    tables.business_day.c.business_date == _shift.c.business_date,
)


def fence(tx: Transaction, asked: Asked, *, till: TillState | None = None) -> Fence:
    """Lock the shift of the person who asks and take the next number.

    With `till` the drawer must be in exactly that state, else `Refused` says what to do. Without it the work needs
    no drawer and never stops: when the day was closed meanwhile, the shift's successor on the next business date
    takes over.
    """
    if till is None:
        return _locked(tx, _fence_work, asked) or _successor(tx, _fence_work, asked)
    locked = _locked(tx, _fence_till[till], asked)
    if locked is None:
        raise _why_not(tx, asked)
    return locked


def fence_money_note(tx: Transaction, asked: Asked) -> Fence:
    """Lock a shift with an open drawer for a step that takes money later: no receipt number is used up."""
    locked = _locked(tx, _fence_money_note, asked)
    if locked is None:
        raise _why_not(tx, asked)
    return locked


def _locked(
    tx: Transaction, statement: sa.Executable, asked: Asked, shift_id: ShiftId | None = None
) -> Fence | None:
    """Raise the sequence of the shift (the one that asks, unless another is named); None when it may not be."""
    row = tx.one(
        statement,
        {
            "b_hall_id": tx.hall_id,
            "b_shift_id": shift_id or asked.shift_id,
            "b_counter_no": asked.counter_no,
            "b_staff_no": asked.staff_no,
        },
    )
    return None if row is None else _fence_of(row)


def _fence_of(row: Any) -> Fence:
    day = dt.date.fromisoformat(row.business_date)
    number = receipt_number(row.code, row.counter_no, day, row.ordinal, row.last_receipt)
    return Fence(
        ShiftId(row.shift_id),
        row.counter_no,
        StaffNo(row.staff_no),
        day,
        row.last_seq,
        number,
        row.chain_head,
    )


def receipt_number(hall_code: str, counter_no: int, date: dt.date, ordinal: int, number: int) -> ReceiptNo:
    """The n-th receipt of the shift with this ordinal: `D2-261123-1-0131`."""
    return ReceiptNo(f"{hall_code}{counter_no}-{date:%y%m%d}-{ordinal}-{number:04d}")


def _why_not(tx: Transaction, asked: Asked) -> Refused:
    row = tx.one(_why, {"hall_id": tx.hall_id, "shift_id": asked.shift_id})
    if row is None:
        return Refused(Reason.NOT_SIGNED_IN)
    if row.day == "closed":
        return Refused(Reason.DAY_CLOSED, business_date=row.business_date)
    if row.state == "closed":
        return Refused(Reason.SHIFT_CLOSED)
    return Refused(
        {
            "none": Reason.TILL_NOT_OPEN,
            "open": Reason.TILL_COUNT_MISSING,
            "counted": Reason.TILL_COUNT_LOCKED,
            "closed": Reason.TILL_CLOSED,
        }[row.till_state]
    )


def _successor(tx: Transaction, statement: sa.Executable, asked: Asked) -> Fence:
    """Lock the open shift of the same clerk and counter after the named one was closed with its day."""
    row = tx.one(_why, {"hall_id": tx.hall_id, "shift_id": asked.shift_id})
    if row is None or row.state != "closed":
        raise Refused(Reason.NOT_SIGNED_IN)
    follower = shifts.open_shift(tx, asked.counter_no, asked.staff_no)
    locked = _locked(tx, statement, asked, follower.shift_id)
    if locked is None:
        raise Refused(Reason.NOT_SIGNED_IN)
    return locked


_insert_key = sa.insert(tables.operation_key)
_insert_operation = sa.insert(tables.operation)
_insert_transfer = sa.insert(tables.transfer)
_insert_payment = sa.insert(tables.payment)
_insert_audit = sa.insert(tables.audit)
_insert_reversal = sa.insert(tables.reversal_key)
_set_head = (
    sa.update(_shift)
    .where(_shift.c.hall_id == b("b_hall_id"), _shift.c.shift_id == b("b_shift_id"))
    .values(chain_head=b("b_head"))
)


def record(
    tx: Transaction,
    fence: Fence,
    request: AsksSomething,
    kind: OperationKind,
    outcome: object,
    *,
    transfers: Sequence[Transfer] = (),
    card_no: CardNo | None = None,
    purse_id: PurseId | None = None,
    amount_fen: int = 0,
    tender: Tender | None = None,
    terminal_receipt_no: str = "",
    trace: str = "",
    approver: StaffNo | None = None,
    reverses: OperationId | None = None,
    reason: str = "",
) -> None:
    """Write one operation with its key, transfers, payment and audit link; the last step of a unit.

    `outcome` is stored as it will be returned to a retry: ids and masked values only. A second reversal of one
    operation breaks `reversal_key` and is a defect, because the desk has looked first under the same lock.
    """
    asked = request.asked
    date_text = fence.business_date.isoformat()
    digest_of_request = wire.request_hash(request)
    tx.run(
        _insert_key,
        {
            "operation_id": asked.operation_id,
            "hall_id": tx.hall_id,
            "business_date": date_text,
            "request_hash": digest_of_request,
        },
    )
    outcome_json = wire.to_json(outcome)
    operation = {
        "hall_id": tx.hall_id,
        "business_date": date_text,
        "operation_id": asked.operation_id,
        "kind": kind.value,
        "shift_id": fence.shift_id,
        "seq": fence.seq,
        "receipt_no": fence.receipt_no,
        "counter_no": fence.counter_no,
        "staff_no": fence.staff_no,
        "approver_no": approver,
        "asked_at": utc_text(asked.asked_at),
        "booked_at": utc_text(tx.now),
        "card_no": card_no,
        "purse_id": purse_id,
        "amount_fen": amount_fen,
        "tender": (tender.kind if tender else TenderKind.NONE).value,
        "reverses_operation_id": reverses,
        "reason": reason,
        "outcome": outcome_json,
    }
    tx.run(_insert_operation, operation)
    if transfers:
        tx.run(
            _insert_transfer,
            [
                {
                    "hall_id": tx.hall_id,
                    "business_date": date_text,
                    "operation_id": asked.operation_id,
                    "line": line,
                    "shift_id": fence.shift_id,
                    "debit": transfer.debit,
                    "credit": transfer.credit,
                    "amount_fen": transfer.amount_fen,
                }
                for line, transfer in enumerate(transfers, start=1)
            ],
        )
    payment: dict[str, Any] | None = None
    if tender is not None and tender.kind is not TenderKind.NONE:
        payment = {
            "hall_id": tx.hall_id,
            "business_date": date_text,
            "operation_id": asked.operation_id,
            "tender": tender.kind.value,
            "amount_fen": amount_fen,
            "received_fen": tender.received_fen,
            "terminal_id": tender.terminal_id,
            "terminal_receipt_no": terminal_receipt_no or tender.voucher,
            "trace": trace,
            "batch": tender.batch,
            "reference": tender.reference,
            "card_tail": tender.card_tail,
            "authorisation": tender.authorisation,
        }
        tx.run(_insert_payment, payment)
    if reverses is not None:
        tx.run(
            _insert_reversal,
            {"hall_id": tx.hall_id, "operation_id": reverses, "reversed_by": asked.operation_id},
        )
    digest = content_digest(operation, [(t.debit, t.credit, t.amount_fen) for t in transfers], payment)
    payload = {
        "operation_id": asked.operation_id,
        "receipt_no": fence.receipt_no,
        "request": digest_of_request,
        "content": digest,
    }
    link(tx, fence, kind.value, payload)


def content_digest(
    operation: Mapping[str, Any],
    transfers: Sequence[tuple[str, str, int]],
    payment: Mapping[str, Any] | None,
) -> str:
    """Hex SHA-256 over everything one operation wrote; `verify` computes it again from the rows."""
    content = wire.to_json([dict(operation), [list(line) for line in transfers], dict(payment or {})])
    return hashlib.sha256(content.encode()).hexdigest()


def note(tx: Transaction, asked: Asked, action: str, payload: Mapping[str, Any]) -> Fence:
    """Audit something that is no operation (sign-in, look at masked data, park): one link, no receipt number."""
    fence = _locked(tx, _fence_note, asked) or _successor(tx, _fence_note, asked)
    link(tx, fence, action, payload)
    return fence


def system_note(tx: Transaction, counter_no: int, action: str, payload: Mapping[str, Any]) -> None:
    """Audit what happens without a clerk on the counter's system chain."""
    chain = shifts.open_shift(tx, counter_no, SYSTEM_STAFF_NO)
    asked = Asked(OperationId(""), tx.hall_id, counter_no, chain.shift_id, SYSTEM_STAFF_NO, tx.now)
    note(tx, asked, action, payload)


def link(tx: Transaction, fence: Fence, action: str, payload: Mapping[str, Any]) -> None:
    """The audit link of a fenced unit; each unit writes exactly one."""
    at = utc_text(tx.now)
    text = wire.to_json(dict(payload))
    mac = link_mac(
        tx.keys.audit_key, fence.chain_head, fence.shift_id, fence.seq, at, fence.staff_no, action, text
    )
    tx.run(
        _insert_audit,
        {
            "hall_id": tx.hall_id,
            "business_date": fence.business_date.isoformat(),
            "shift_id": fence.shift_id,
            "seq": fence.seq,
            "at": at,
            "staff_no": fence.staff_no,
            "action": action,
            "payload": text,
            "key_id": tx.keys.key_id,
            "mac": mac,
        },
    )
    tx.run(_set_head, {"b_hall_id": tx.hall_id, "b_shift_id": fence.shift_id, "b_head": mac})


def link_mac(
    key: bytes, head: str, shift_id: str, seq: int, at: str, staff_no: str, action: str, payload: str
) -> str:
    """The MAC of one link over the link before it; the key never lies in the database."""
    message = "\x1f".join((head, shift_id, str(seq), at, staff_no, action, payload))
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()


def day_anchor(audit_key: bytes, business_date: dt.date, heads: Iterable[tuple[ShiftId, int, str]]) -> str:
    """The MAC over a business date's chains as they stood just before its close was booked.

    `heads` holds (shift, last_seq, chain_head) of every shift of that date, in any order. Kept with the day and on
    paper, it tells when a chain was cut or made anew.
    """
    lines = (f"{shift_id}\x1f{last_seq}\x1f{head}" for shift_id, last_seq, head in sorted(heads))
    message = "\x1e".join((business_date.isoformat(), *lines))
    return hmac.new(audit_key, message.encode(), hashlib.sha256).hexdigest()


# --- sums -------------------------------------------------------------------------------------------------------

_t = tables.transfer
_sum_of_shift = sa.select(
    sa.func.coalesce(sa.func.sum(sa.case((_t.c.debit == b("account"), _t.c.amount_fen), else_=0)), 0).label(
        "debit"
    ),
    sa.func.coalesce(sa.func.sum(sa.case((_t.c.credit == b("account"), _t.c.amount_fen), else_=0)), 0).label(
        "credit"
    ),
).where(_t.c.hall_id == b("hall_id"), _t.c.shift_id == b("shift_id"))

_debits = sa.select(sa.func.coalesce(sa.func.sum(_t.c.amount_fen), 0)).where(
    _t.c.hall_id == b("hall_id"), _t.c.debit == b("account")
)
_credits = sa.select(sa.func.coalesce(sa.func.sum(_t.c.amount_fen), 0)).where(
    _t.c.hall_id == b("hall_id"), _t.c.credit == b("account")
)


def moved_in_shift(tx: Transaction, shift_id: ShiftId, account: AccountId) -> tuple[int, int]:
    """What one shift debited and credited to an account, in fen."""
    row = tx.one(_sum_of_shift, {"hall_id": tx.hall_id, "shift_id": shift_id, "account": account})
    assert row is not None
    return int(row.debit), int(row.credit)


def balance(tx: Transaction, account: AccountId) -> int:
    """Debits less credits of an account over all time, in fen."""
    values = {"hall_id": tx.hall_id, "account": account}
    return int(tx.connection.execute(_debits, values).scalar_one()) - int(
        tx.connection.execute(_credits, values).scalar_one()
    )


# --- looking back -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Booked:
    """One operation as it was booked."""

    operation_id: OperationId
    business_date: dt.date
    kind: OperationKind
    shift_id: ShiftId
    receipt_no: ReceiptNo
    counter_no: int
    staff_no: StaffNo
    booked_at: dt.datetime
    card_no: CardNo | None
    purse_id: PurseId | None
    amount_fen: int
    tender: TenderKind
    outcome: str
    reversed_by: OperationId | None


_o, _r = tables.operation, tables.reversal_key
_booked_columns = (
    _o.c.operation_id,
    _o.c.business_date,
    _o.c.kind,
    _o.c.shift_id,
    _o.c.receipt_no,
    _o.c.counter_no,
    _o.c.staff_no,
    _o.c.booked_at,
    _o.c.card_no,
    _o.c.purse_id,
    _o.c.amount_fen,
    _o.c.tender,
    _o.c.outcome,
    _r.c.reversed_by,
)
_joined = _o.outerjoin(_r, sa.and_(_r.c.hall_id == _o.c.hall_id, _r.c.operation_id == _o.c.operation_id))
_by_receipt = (
    sa.select(*_booked_columns)
    .select_from(_joined)
    .where(_o.c.hall_id == b("hall_id"), _o.c.receipt_no == b("receipt_no"))
)
_by_id = (
    sa.select(*_booked_columns)
    .select_from(_joined)
    .where(
        _o.c.hall_id == b("hall_id"),
        _o.c.business_date == b("business_date"),
        _o.c.operation_id == b("operation_id"),
    )
)
_by_purse = (
    sa.select(*_booked_columns)
    .select_from(_joined)
    .where(_o.c.hall_id == b("hall_id"), _o.c.purse_id == b("purse_id"))
    .order_by(_o.c.booked_at.desc())
    .limit(b("most"))
)
_last_receipt = (
    sa.select(_o.c.receipt_no)
    .where(
        _o.c.hall_id == b("hall_id"), _o.c.business_date == b("business_date"), _o.c.shift_id == b("shift_id")
    )
    .order_by(_o.c.seq.desc())
    .limit(1)
)
_key_of = sa.select(tables.operation_key.c.business_date, tables.operation_key.c.request_hash).where(
    tables.operation_key.c.operation_id == b("operation_id")
)
_lines = (
    sa.select(_t.c.debit, _t.c.credit, _t.c.amount_fen)
    .where(
        _t.c.hall_id == b("hall_id"),
        _t.c.business_date == b("business_date"),
        _t.c.operation_id == b("operation_id"),
    )
    .order_by(_t.c.line)
)
_p = tables.payment
_payment_of = sa.select(_p).where(
    _p.c.hall_id == b("hall_id"),
    _p.c.business_date == b("business_date"),
    _p.c.operation_id == b("operation_id"),
)


def _booked(row: Any) -> Booked:
    from counter_app.storage.database import moment

    return Booked(
        OperationId(row.operation_id),
        dt.date.fromisoformat(row.business_date),
        OperationKind(row.kind),
        ShiftId(row.shift_id),
        ReceiptNo(row.receipt_no),
        row.counter_no,
        StaffNo(row.staff_no),
        moment(row.booked_at),
        None if row.card_no is None else CardNo(row.card_no),
        None if row.purse_id is None else PurseId(row.purse_id),
        row.amount_fen,
        TenderKind(row.tender),
        row.outcome,
        None if row.reversed_by is None else OperationId(row.reversed_by),
    )


def by_receipt_no(tx: Transaction, receipt_no: str) -> Booked | None:
    """The operation of a receipt number, or None."""
    row = tx.one(_by_receipt, {"hall_id": tx.hall_id, "receipt_no": receipt_no})
    return None if row is None else _booked(row)


def by_id(tx: Transaction, operation_id: OperationId) -> Booked | None:
    """The operation of an id, or None when it was never booked."""
    key = tx.one(_key_of, {"operation_id": operation_id})
    if key is None:
        return None
    row = tx.one(
        _by_id, {"hall_id": tx.hall_id, "business_date": key.business_date, "operation_id": operation_id}
    )
    return None if row is None else _booked(row)


_outcome_in_shift = sa.select(_o.c.outcome).where(
    _o.c.hall_id == b("hall_id"),
    _o.c.business_date == b("business_date"),
    _o.c.shift_id == b("shift_id"),
    _o.c.kind == b("kind"),
)


def outcome_in_shift(tx: Transaction, shift_id: ShiftId, date: dt.date, kind: OperationKind) -> str | None:
    """The stored outcome of a kind that a shift does once at most (open, count, close), or None."""
    row = tx.one(
        _outcome_in_shift,
        {
            "hall_id": tx.hall_id,
            "business_date": date.isoformat(),
            "shift_id": shift_id,
            "kind": kind.value,
        },
    )
    return None if row is None else str(row.outcome)


def first_outcome(tx: Transaction, request: AsksSomething) -> str | None:
    """The stored outcome of this very request, or None when its id was never booked.

    `Refused` with OPERATION_CHANGED when the id was booked with other content.
    """
    key = tx.one(_key_of, {"operation_id": request.asked.operation_id})
    if key is None:
        return None
    if key.request_hash != wire.request_hash(request):
        raise Refused(Reason.OPERATION_CHANGED)
    booked = by_id(tx, request.asked.operation_id)
    return None if booked is None else booked.outcome


def of_purse(tx: Transaction, purse_id: PurseId, most: int = 20) -> tuple[Booked, ...]:
    """The newest operations of a purse over all its card numbers."""
    return tuple(
        _booked(row) for row in tx.all(_by_purse, {"hall_id": tx.hall_id, "purse_id": purse_id, "most": most})
    )


def last_receipt_no(tx: Transaction, date: dt.date, shift_id: ShiftId) -> ReceiptNo | None:
    """The receipt number of a shift's newest operation, or None."""
    values = {"hall_id": tx.hall_id, "business_date": date.isoformat(), "shift_id": shift_id}
    row = tx.one(_last_receipt, values)
    return None if row is None else ReceiptNo(row.receipt_no)


_a = tables.audit
_newest_date = sa.select(sa.func.max(_a.c.business_date)).where(_a.c.hall_id == b("hall_id"))
_last_moment = sa.select(sa.func.max(_a.c.at).label("at")).where(
    _a.c.hall_id == b("hall_id"), _a.c.business_date == _newest_date.scalar_subquery()
)


def last_moment(tx: Transaction) -> dt.datetime | None:
    """The latest moment that was written down on the newest business date, or None in a hall without a past."""
    from counter_app.storage.database import moment

    row = tx.one(_last_moment, {"hall_id": tx.hall_id})
    return None if row is None or row.at is None else moment(row.at)


def transfers_of(tx: Transaction, booked: Booked) -> tuple[Transfer, ...]:
    """The transfers of an operation, in order."""
    values = {
        "hall_id": tx.hall_id,
        "business_date": booked.business_date.isoformat(),
        "operation_id": booked.operation_id,
    }
    return tuple(
        Transfer(AccountId(row.debit), AccountId(row.credit), row.amount_fen)
        for row in tx.all(_lines, values)
    )


def payment_of(tx: Transaction, booked: Booked) -> Mapping[str, Any] | None:
    """How an operation was paid, as plain values by column name, or None."""
    values = {
        "hall_id": tx.hall_id,
        "business_date": booked.business_date.isoformat(),
        "operation_id": booked.operation_id,
    }
    row = tx.one(_payment_of, values)
    return None if row is None else dict(row._mapping)


_slip_receipt = (
    sa.select(_o.c.receipt_no)
    .select_from(
        _p.join(
            _o,
            sa.and_(
                _o.c.hall_id == _p.c.hall_id,
                _o.c.business_date == _p.c.business_date,
                _o.c.operation_id == _p.c.operation_id,
            ),
        )
    )
    .where(
        _p.c.hall_id == b("hall_id"),
        _p.c.business_date >= b("since"),
        _p.c.tender == TenderKind.SLIP.value,
        _p.c.terminal_id == b("terminal_id"),
        _p.c.batch == b("batch"),
        _p.c.terminal_receipt_no == b("voucher"),
        _o.c.reverses_operation_id.is_(None),
    )
    .limit(1)
)
SLIP_MEMORY = dt.timedelta(days=7)
"""So far back a slip of a stand-alone terminal is looked for: a week's payments, not all there ever were."""


def receipt_of_slip(tx: Transaction, date: dt.date, tender: Tender) -> ReceiptNo | None:
    """What this slip (terminal, batch, voucher) paid for in the week before a business date, or None.

    Also when that was undone since: then the slip was voided at its terminal.
    """
    values = {
        "hall_id": tx.hall_id,
        "since": (date - SLIP_MEMORY).isoformat(),
        "terminal_id": tender.terminal_id,
        "batch": tender.batch,
        "voucher": tender.voucher,
    }
    row = tx.one(_slip_receipt, values)
    return None if row is None else ReceiptNo(row.receipt_no)
