"""Cards, purses, media, loss reports and replacements on disk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from counter_app.domain.cards import Card, CardKind, CardState, LossChannel, Purse
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, HolderId, MediumId, OperationId, PurseId, ReceiptNo, StaffNo
from counter_app.domain.ledger import OperationKind, TenderKind, purse_account
from counter_app.storage import tables
from counter_app.storage.database import Transaction, moment, utc_text

b = sa.bindparam
_card, _purse, _medium = tables.card, tables.purse, tables.medium
_loss, _try, _replacement, _receivable = (
    tables.loss_report,
    tables.claim_try,
    tables.replacement,
    tables.receivable,
)

_card_columns = (
    _card.c.card_no,
    _card.c.kind,
    _card.c.state,
    _card.c.purse_id,
    _card.c.holder_id,
    _card.c.version,
    _card.c.replaced_by,
)
_load = sa.select(*_card_columns).where(_card.c.hall_id == b("hall_id"), _card.c.card_no == b("card_no"))
_lock = _load.with_for_update()
# Both unordered: with an order SQLite would walk the whole hall by card number rather than sort a few.
_of_holder = (
    sa.select(*_card_columns)
    .where(_card.c.hall_id == b("hall_id"), _card.c.holder_id == b("holder_id"))
    .limit(100)
)
_of_purse = (
    sa.select(*_card_columns)
    .where(_card.c.hall_id == b("hall_id"), _card.c.purse_id == b("purse_id"))
    .limit(100)
)
_save = (
    sa.update(_card)
    .where(
        _card.c.hall_id == b("b_hall_id"),
        _card.c.card_no == b("b_card_no"),
        _card.c.version == b("b_version"),
    )
    .values(
        kind=b("b_kind"),
        state=b("b_state"),
        purse_id=b("b_purse_id"),
        holder_id=b("b_holder_id"),
        replaced_by=b("b_replaced_by"),
        issued_on=sa.func.coalesce(_card.c.issued_on, b("b_issued_on")),
        version=_card.c.version + 1,
    )
)
_load_purse = sa.select(_purse.c.purse_id, _purse.c.balance_fen, _purse.c.version).where(
    _purse.c.hall_id == b("hall_id"), _purse.c.purse_id == b("purse_id")
)
_lock_purse = _load_purse.with_for_update()
_move = (
    sa.update(_purse)
    .where(_purse.c.hall_id == b("b_hall_id"), _purse.c.purse_id == b("b_purse_id"))
    .values(balance_fen=_purse.c.balance_fen + b("b_change"), version=_purse.c.version + 1)
    .returning(_purse.c.purse_id, _purse.c.balance_fen, _purse.c.version)
)
_by_medium = sa.select(_medium.c.card_no).where(
    _medium.c.hall_id == b("hall_id"), _medium.c.medium_id == b("medium_id")
)


def _of(row: Any) -> Card:
    return Card(
        CardNo(row.card_no),
        CardKind(row.kind),
        CardState(row.state),
        None if row.purse_id is None else PurseId(row.purse_id),
        None if row.holder_id is None else HolderId(row.holder_id),
        row.version,
        None if row.replaced_by is None else CardNo(row.replaced_by),
    )


def find(tx: Transaction, card_no: CardNo) -> Card | None:
    """A card, or None; for looks."""
    row = tx.one(_load, {"hall_id": tx.hall_id, "card_no": card_no})
    return None if row is None else _of(row)


def load(tx: Transaction, card_no: CardNo) -> Card:
    """A card locked until the unit ends; `Refused(CARD_UNKNOWN)` when the hall has none of that number."""
    row = tx.one(_lock, {"hall_id": tx.hall_id, "card_no": card_no})
    if row is None:
        raise Refused(Reason.CARD_UNKNOWN, card_no=card_no)
    return _of(row)


def of_holder(tx: Transaction, holder_id: HolderId) -> tuple[Card, ...]:
    """All card numbers of a person."""
    return _by_number(tx.all(_of_holder, {"hall_id": tx.hall_id, "holder_id": holder_id}))


def of_purse(tx: Transaction, purse_id: PurseId) -> tuple[Card, ...]:
    """All card numbers, old and new, that point to a purse."""
    return _by_number(tx.all(_of_purse, {"hall_id": tx.hall_id, "purse_id": purse_id}))


def _by_number(rows: Sequence[Any]) -> tuple[Card, ...]:
    return tuple(sorted((_of(row) for row in rows), key=lambda card: card.card_no))


def save(tx: Transaction, card: Card) -> None:
    """Write a changed card; `Refused(CARD_CHANGED)` when somebody else changed it since it was loaded."""
    touched = tx.run(
        _save,
        {
            "b_hall_id": tx.hall_id,
            "b_card_no": card.card_no,
            "b_version": card.version,
            "b_kind": card.kind.value,
            "b_state": card.state.value,
            "b_purse_id": card.purse_id,
            "b_holder_id": card.holder_id,
            "b_replaced_by": card.replaced_by,
            "b_issued_on": utc_text(tx.now)[:10],
        },
    )
    if touched != 1:
        raise Refused(Reason.CARD_CHANGED)


def by_medium(tx: Transaction, medium_id: MediumId) -> CardNo:
    """The printed number of what a reader saw; `Refused(MEDIUM_UNKNOWN)` when nobody registered it."""
    row = tx.one(_by_medium, {"hall_id": tx.hall_id, "medium_id": medium_id})
    if row is None:
        raise Refused(Reason.MEDIUM_UNKNOWN)
    return CardNo(row.card_no)


def look_at_purse(tx: Transaction, purse_id: PurseId) -> Purse:
    """A purse for looking."""
    return _purse_of(tx.one(_load_purse, {"hall_id": tx.hall_id, "purse_id": purse_id}), purse_id)


def load_purse(tx: Transaction, purse_id: PurseId) -> Purse:
    """A purse locked until the unit ends."""
    return _purse_of(tx.one(_lock_purse, {"hall_id": tx.hall_id, "purse_id": purse_id}), purse_id)


def change_balance(tx: Transaction, purse_id: PurseId, change_fen: int) -> Purse:
    """Add to (or, negative, take from) a purse; the transfers of the same unit must say the same."""
    values = {"b_hall_id": tx.hall_id, "b_purse_id": purse_id, "b_change": change_fen}
    return _purse_of(tx.one(_move, values), purse_id)


def _purse_of(row: Any, purse_id: PurseId) -> Purse:
    if row is None:
        raise RuntimeError(f"card points to a missing purse {purse_id}")
    return Purse(PurseId(row.purse_id), int(row.balance_fen), row.version)


# --- loss reports -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loss:
    """One row of 受理挂失登记表; `balance_fen` is the balance at the moment of the report."""

    reference: str
    card_no: CardNo
    holder_id: HolderId
    channel: LossChannel
    reported_at: dt.datetime
    deadline: dt.date
    balance_fen: int
    state: str
    hall_only: bool
    operation_id: OperationId
    remark: str = ""


_open_loss = sa.select(_loss).where(
    _loss.c.hall_id == b("hall_id"), _loss.c.card_no == b("card_no"), _loss.c.state == "open"
)
_losses_between = (
    sa.select(_loss)
    .where(
        _loss.c.hall_id == b("hall_id"), _loss.c.reported_at >= b("since"), _loss.c.reported_at < b("until")
    )
    .order_by(_loss.c.reported_at, _loss.c.reference)
)
_losses_overdue = (
    sa.select(_loss)
    .where(_loss.c.hall_id == b("hall_id"), _loss.c.state == "open", _loss.c.deadline < b("today"))
    .order_by(_loss.c.deadline, _loss.c.reference)
)
_insert_loss = sa.insert(_loss)
_end_loss = (
    sa.update(_loss)
    .where(_loss.c.hall_id == b("b_hall_id"), _loss.c.reference == b("b_reference"), _loss.c.state == "open")
    .values(state=b("b_state"), ended_at=b("b_ended_at"), remark=_loss.c.remark + b("b_remark"))
)


def open_loss(tx: Transaction, card_no: CardNo) -> Loss | None:
    """The open loss report of a card, or None."""
    row = tx.one(_open_loss, {"hall_id": tx.hall_id, "card_no": card_no})
    return None if row is None else _loss_of(row)


def losses_between(tx: Transaction, since: dt.datetime, until: dt.datetime) -> tuple[Loss, ...]:
    """The register from a moment (included) to another (not included), oldest first."""
    values = {"hall_id": tx.hall_id, "since": utc_text(since), "until": utc_text(until)}
    return tuple(_loss_of(row) for row in tx.all(_losses_between, values))


def losses_overdue(tx: Transaction, today: dt.date) -> tuple[Loss, ...]:
    """Open reports whose last day is over, the longest overdue first."""
    values = {"hall_id": tx.hall_id, "today": today.isoformat()}
    return tuple(_loss_of(row) for row in tx.all(_losses_overdue, values))


def _loss_of(row: Any) -> Loss:
    return Loss(
        row.reference,
        CardNo(row.card_no),
        HolderId(row.holder_id),
        LossChannel(row.channel),
        moment(row.reported_at),
        dt.date.fromisoformat(row.deadline),
        int(row.balance_fen),
        row.state,
        bool(row.hall_only),
        OperationId(row.operation_id),
        row.remark,
    )


def add_loss(tx: Transaction, loss: Loss) -> None:
    """Enter a report in the register."""
    tx.run(
        _insert_loss,
        {
            "hall_id": tx.hall_id,
            "reference": loss.reference,
            "card_no": loss.card_no,
            "holder_id": loss.holder_id,
            "operation_id": loss.operation_id,
            "channel": loss.channel.value,
            "reported_at": utc_text(loss.reported_at),
            "deadline": loss.deadline.isoformat(),
            "balance_fen": loss.balance_fen,
            "state": loss.state,
            "hall_only": int(loss.hall_only),
            "remark": loss.remark,
            "ended_at": None,
        },
    )


def end_loss(tx: Transaction, reference: str, state: str, remark: str) -> None:
    """End a report (`cancelled` or `replaced`); `remark` is added to 备注, nothing there is overwritten."""
    values = {
        "b_hall_id": tx.hall_id,
        "b_reference": reference,
        "b_state": state,
        "b_ended_at": utc_text(tx.now),
        "b_remark": remark,
    }
    if tx.run(_end_loss, values) != 1:
        raise Refused(Reason.CARD_CHANGED)


_tries = sa.select(sa.func.count()).where(
    _try.c.hall_id == b("hall_id"), _try.c.card_no == b("card_no"), _try.c.at > b("since"), _try.c.held == 0
)
_insert_try = sa.insert(_try)
_find_try = sa.select(_try.c.answer).where(_try.c.hall_id == b("hall_id"), _try.c.try_id == b("try_id"))


def answer_of_try(tx: Transaction, try_id: str) -> str | None:
    """What a try was answered, or None when it was never made."""
    row = tx.one(_find_try, {"hall_id": tx.hall_id, "try_id": try_id})
    return None if row is None else str(row.answer)


def failed_tries(tx: Transaction, card_no: CardNo, since: dt.datetime) -> int:
    """How many claims on this card did not hold since a moment."""
    values = {"hall_id": tx.hall_id, "card_no": card_no, "since": utc_text(since)}
    return int(tx.connection.execute(_tries, values).scalar_one())


def add_try(
    tx: Transaction, try_id: str, card_no: CardNo, staff_no: StaffNo, answer: str, *, held: bool
) -> None:
    """Log one comparison of a claim: which fields matched, never what was said."""
    tx.run(
        _insert_try,
        {
            "hall_id": tx.hall_id,
            "try_id": try_id,
            "card_no": card_no,
            "staff_no": staff_no,
            "at": utc_text(tx.now),
            "answer": answer,
            "held": int(held),
        },
    )


# --- what happened to a purse -----------------------------------------------------------------------------------

_o, _t, _r = tables.operation, tables.transfer, tables.reversal_key
_change = (
    sa.select(
        sa.func.coalesce(
            sa.func.sum(
                sa.case((_t.c.credit == b("account"), _t.c.amount_fen), else_=0)
                - sa.case((_t.c.debit == b("account"), _t.c.amount_fen), else_=0)
            ),
            0,
        )
    )
    .where(
        _t.c.hall_id == _o.c.hall_id,
        _t.c.business_date == _o.c.business_date,
        _t.c.operation_id == _o.c.operation_id,
    )
    .correlate(_o)
    .scalar_subquery()
)
_not_undone = _o.outerjoin(_r, sa.and_(_r.c.hall_id == _o.c.hall_id, _r.c.operation_id == _o.c.operation_id))
_history = (
    sa.select(
        _o.c.receipt_no,
        _o.c.kind,
        _o.c.booked_at,
        _o.c.card_no,
        _o.c.amount_fen,
        _o.c.tender,
        _o.c.counter_no,
        _o.c.staff_no,
        _r.c.reversed_by,
        _change.label("change_fen"),
    )
    .select_from(_not_undone)
    .where(
        _o.c.hall_id == b("hall_id"),
        _o.c.purse_id == b("purse_id"),
        # The first condition lets the index find the place, the second one breaks ties of one moment.
        _o.c.booked_at <= b("before_at"),
        sa.or_(_o.c.booked_at < b("before_at"), _o.c.receipt_no < b("before_receipt_no")),
    )
    .order_by(_o.c.booked_at.desc(), _o.c.receipt_no.desc())
    .limit(b("most"))
)
_last_top_up = (
    sa.select(_o.c.amount_fen)
    .select_from(_not_undone)
    .where(
        _o.c.hall_id == b("hall_id"),
        _o.c.purse_id == b("purse_id"),
        _o.c.kind == OperationKind.TOP_UP.value,
        _r.c.reversed_by.is_(None),
    )
    .order_by(_o.c.booked_at.desc())
    .limit(1)
)
_END_OF_TIME = "9999"


@dataclass(frozen=True, slots=True)
class PurseEvent:
    """One operation as a purse saw it. `change_fen` is what its transfers did to the balance."""

    receipt_no: ReceiptNo
    kind: OperationKind
    booked_at: dt.datetime
    card_no: CardNo | None
    amount_fen: int
    change_fen: int
    tender: TenderKind
    counter_no: int
    staff_no: StaffNo
    reversed: bool

    @property
    def key(self) -> str:
        """Where the next page of the history begins."""
        return f"{utc_text(self.booked_at)}|{self.receipt_no}"


def history(
    tx: Transaction, purse_id: PurseId, before: str | None = None, most: int = 50
) -> tuple[PurseEvent, ...]:
    """A purse's operations over all its card numbers, newest first; `before` is the key of the last one seen."""
    at, _, receipt_no = (before or _END_OF_TIME).partition("|")
    values = {
        "hall_id": tx.hall_id,
        "purse_id": purse_id,
        "account": purse_account(purse_id),
        "before_at": at,
        "before_receipt_no": receipt_no,
        "most": most,
    }
    return tuple(
        PurseEvent(
            ReceiptNo(row.receipt_no),
            OperationKind(row.kind),
            moment(row.booked_at),
            None if row.card_no is None else CardNo(row.card_no),
            int(row.amount_fen),
            int(row.change_fen),
            TenderKind(row.tender),
            row.counter_no,
            StaffNo(row.staff_no),
            row.reversed_by is not None,
        )
        for row in tx.all(_history, values)
    )


def last_top_up_fen(tx: Transaction, purse_id: PurseId) -> int | None:
    """The amount of the newest top-up that was not undone, or None."""
    row = tx.one(_last_top_up, {"hall_id": tx.hall_id, "purse_id": purse_id})
    return None if row is None else int(row.amount_fen)


# --- replacements and receivables -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replacement:
    """One old number and its successor."""

    old_card_no: CardNo
    new_card_no: CardNo
    counter_no: int
    staff_no: StaffNo
    at: dt.datetime


_find_replacement = sa.select(_replacement).where(
    _replacement.c.hall_id == b("hall_id"), _replacement.c.old_card_no == b("card_no")
)
_insert_replacement = sa.insert(_replacement)
_insert_receivable = sa.insert(_receivable)
_paid = tables.operation
_receivables = (
    sa.select(_receivable)
    .where(
        _receivable.c.hall_id == b("hall_id"),
        ~sa.exists().where(
            _paid.c.hall_id == _receivable.c.hall_id,
            _paid.c.purse_id == _receivable.c.purse_id,
            _paid.c.kind == OperationKind.SETTLE_RECEIVABLE.value,
            _paid.c.reason == _receivable.c.operation_id,
        ),
    )
    .order_by(_receivable.c.opened_at.desc(), _receivable.c.operation_id)
)
_receivables_of_purse = _receivables.where(_receivable.c.purse_id == b("purse_id"))


def replacement_of(tx: Transaction, old_card_no: CardNo) -> Replacement | None:
    """By whom and when an old number was replaced, or None."""
    row = tx.one(_find_replacement, {"hall_id": tx.hall_id, "card_no": old_card_no})
    if row is None:
        return None
    return Replacement(
        CardNo(row.old_card_no),
        CardNo(row.new_card_no),
        row.counter_no,
        StaffNo(row.staff_no),
        moment(row.at),
    )


def add_replacement(
    tx: Transaction, replacement: Replacement, operation_id: OperationId, *, overdue: bool
) -> None:
    """Enter a replacement; the key on the old number lets only one counter win."""
    tx.run(
        _insert_replacement,
        {
            "hall_id": tx.hall_id,
            "old_card_no": replacement.old_card_no,
            "new_card_no": replacement.new_card_no,
            "operation_id": operation_id,
            "counter_no": replacement.counter_no,
            "staff_no": replacement.staff_no,
            "at": utc_text(replacement.at),
            "overdue": int(overdue),
        },
    )


@dataclass(frozen=True, slots=True)
class Receivable:
    """What a holder owes, and why."""

    operation_id: OperationId
    purse_id: PurseId
    card_no: CardNo
    holder_id: HolderId | None
    amount_fen: int
    why: str
    opened_at: dt.datetime


def receivables(tx: Transaction) -> tuple[Receivable, ...]:
    """Everything holders still owe, newest first."""
    return _as_receivables(tx.all(_receivables, {"hall_id": tx.hall_id}))


def receivables_of(tx: Transaction, purse_id: PurseId) -> tuple[Receivable, ...]:
    """What is still owed on one purse, newest first."""
    return _as_receivables(tx.all(_receivables_of_purse, {"hall_id": tx.hall_id, "purse_id": purse_id}))


def _as_receivables(rows: Iterable[Any]) -> tuple[Receivable, ...]:
    return tuple(
        Receivable(
            OperationId(row.operation_id),
            PurseId(row.purse_id),
            CardNo(row.card_no),
            None if row.holder_id is None else HolderId(row.holder_id),
            int(row.amount_fen),
            row.why,
            moment(row.opened_at),
        )
        for row in rows
    )


def add_receivable(tx: Transaction, operation_id: OperationId, card: Card, amount_fen: int, why: str) -> None:
    """Open what a holder owes, on the manager's list."""
    tx.run(
        _insert_receivable,
        {
            "hall_id": tx.hall_id,
            "operation_id": operation_id,
            "purse_id": card.purse_id,
            "card_no": card.card_no,
            "holder_id": card.holder_id,
            "amount_fen": amount_fen,
            "why": why,
            "opened_at": utc_text(tx.now),
        },
    )


_insert_card = sa.insert(_card)
_insert_purse = sa.insert(_purse)
_insert_medium = sa.insert(_medium)


def add_many(tx: Transaction, new: Sequence[tuple[Card, int, MediumId | None]], issued_on: dt.date) -> None:
    """Enter cards with their purses (opening balance in fen) and what a reader sees of them."""
    purses = [
        {"hall_id": tx.hall_id, "purse_id": card.purse_id, "balance_fen": balance_fen, "version": 1}
        for card, balance_fen, _ in new
        if card.purse_id is not None
    ]
    if purses:
        tx.run(_insert_purse, purses)
    rows = [
        {
            "hall_id": tx.hall_id,
            "card_no": card.card_no,
            "kind": card.kind.value,
            "state": card.state.value,
            "purse_id": card.purse_id,
            "holder_id": card.holder_id,
            "version": card.version,
            "replaced_by": card.replaced_by,
            "issued_on": None if card.state is CardState.BLANK else issued_on.isoformat(),
        }
        for card, _, _ in new
    ]
    if rows:
        tx.run(_insert_card, rows)
    media = [
        {"hall_id": tx.hall_id, "medium_id": medium_id, "card_no": card.card_no}
        for card, _, medium_id in new
        if medium_id is not None
    ]
    if media:
        tx.run(_insert_medium, media)
