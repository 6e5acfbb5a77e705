"""What is in flight: the one mutable table of money that is neither booked nor refused yet."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from counter_app.domain.asking import Asked
from counter_app.domain.cards import card_no_text
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, IntentId, OperationId, ShiftId, StaffNo, TerminalId
from counter_app.domain.money import yuan
from counter_app.domain.shifts import clock_text
from counter_app.storage import tables
from counter_app.storage.database import Transaction, moment, utc_text
from counter_app.storage.sealed import seal, unseal

b = sa.bindparam
_intent = tables.intent


class IntentState(enum.Enum):
    """Where an intent stands; the first four are open."""

    RESERVED = "reserved"
    SENT = "sent"
    APPROVED = "approved"
    UNKNOWN = "unknown"
    BOOKED = "booked"
    DECLINED = "declined"
    NOT_PAID = "not_paid"
    RELEASED = "released"
    REVERSED = "reversed"

    @property
    def open(self) -> bool:
        """Whether the card and the terminal are still held."""
        return self in _OPEN


_OPEN = frozenset((IntentState.RESERVED, IntentState.SENT, IntentState.APPROVED, IntentState.UNKNOWN))


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing in flight. `request` is the JSON of the request that will be booked ("" for a reservation);
    `result` the JSON of the terminal's answer or ""."""

    intent_id: IntentId
    operation_id: OperationId
    kind: str
    state: IntentState
    card_no: CardNo | None
    terminal_id: TerminalId | None
    amount_fen: int
    counter_no: int
    staff_no: StaffNo
    shift_id: ShiftId
    started_at: dt.datetime
    request_type: str
    request: str
    result: str


_load = sa.select(_intent).where(_intent.c.hall_id == b("hall_id"), _intent.c.intent_id == b("intent_id"))
_lock = _load.with_for_update()
_open_of_card = sa.select(_intent).where(
    _intent.c.hall_id == b("hall_id"), _intent.c.card_no == b("card_no"), _intent.c.closed_at.is_(None)
)
_open_of_terminal = sa.select(_intent).where(
    _intent.c.hall_id == b("hall_id"),
    _intent.c.terminal_id == b("terminal_id"),
    _intent.c.closed_at.is_(None),
)
_open = (
    sa.select(_intent)
    .where(_intent.c.hall_id == b("hall_id"), _intent.c.closed_at.is_(None))
    .order_by(_intent.c.started_at)
)
_insert = sa.insert(_intent)
_move = (
    sa.update(_intent)
    .where(
        _intent.c.hall_id == b("b_hall_id"),
        _intent.c.intent_id == b("b_intent_id"),
        _intent.c.closed_at.is_(None),
    )
    .values(
        state=b("b_state"),
        closed_at=b("b_closed_at"),
        result=sa.func.coalesce(sa.cast(b("b_result"), sa.Text), _intent.c.result),
    )
)
_send = (
    sa.update(_intent)
    .where(
        _intent.c.hall_id == b("b_hall_id"),
        _intent.c.intent_id == b("b_intent_id"),
        _intent.c.state == IntentState.RESERVED.value,
    )
    .values(
        state=IntentState.SENT.value,
        operation_id=b("b_operation_id"),
        terminal_id=b("b_terminal_id"),
        amount_fen=b("b_amount_fen"),
        request_sealed=b("b_request_sealed"),
        request_type=b("b_request_type"),
    )
)
_back = (
    sa.update(_intent)
    .where(
        _intent.c.hall_id == b("b_hall_id"),
        _intent.c.intent_id == b("b_intent_id"),
        _intent.c.closed_at.is_(None),
    )
    .values(state=IntentState.RESERVED.value, terminal_id=None, amount_fen=0)
)


def _of(tx: Transaction, row: Any) -> Intent:
    sealed = row.request_sealed
    return Intent(
        IntentId(row.intent_id),
        OperationId(row.operation_id),
        row.kind,
        IntentState(row.state),
        None if row.card_no is None else CardNo(row.card_no),
        None if row.terminal_id is None else TerminalId(row.terminal_id),
        int(row.amount_fen),
        row.counter_no,
        StaffNo(row.staff_no),
        ShiftId(row.shift_id),
        moment(row.started_at),
        row.request_type,
        "" if sealed is None else unseal(tx.keys, "intent", "request", row.intent_id, bytes(sealed)),
        row.result or "",
    )


def load(tx: Transaction, intent_id: IntentId) -> Intent | None:
    """An intent locked until the unit ends, or None."""
    row = tx.one(_lock, {"hall_id": tx.hall_id, "intent_id": intent_id})
    return None if row is None else _of(tx, row)


def look(tx: Transaction, intent_id: IntentId) -> Intent | None:
    """An intent for looking, or None."""
    row = tx.one(_load, {"hall_id": tx.hall_id, "intent_id": intent_id})
    return None if row is None else _of(tx, row)


def open_of_card(tx: Transaction, card_no: CardNo) -> Intent | None:
    """What is in flight for a card, or None."""
    row = tx.one(_open_of_card, {"hall_id": tx.hall_id, "card_no": card_no})
    return None if row is None else _of(tx, row)


def open_of_terminal(tx: Transaction, terminal_id: TerminalId) -> Intent | None:
    """What is in flight at a terminal, or None."""
    row = tx.one(_open_of_terminal, {"hall_id": tx.hall_id, "terminal_id": terminal_id})
    return None if row is None else _of(tx, row)


def all_open(tx: Transaction) -> tuple[Intent, ...]:
    """Everything in flight in the hall, oldest first."""
    return tuple(_of(tx, row) for row in tx.all(_open, {"hall_id": tx.hall_id}))


def require_free(tx: Transaction, card_no: CardNo, *, except_for: IntentId | None = None) -> None:
    """Refuse, naming who and since when, if something else is in flight for the card."""
    holder = open_of_card(tx, card_no)
    if holder is not None and holder.intent_id != except_for:
        raise reserved_by(holder)


def reserved_by(holder: Intent) -> Refused:
    """The refusal for whoever comes second."""
    return Refused(
        Reason.CARD_RESERVED,
        card_no=card_no_text(holder.card_no or ""),
        counter=holder.counter_no,
        staff=holder.staff_no,
        since=clock_text(holder.started_at),
    )


def terminal_held_by(holder: Intent) -> Refused:
    """The refusal of another card payment while one is in flight or unknown at the terminal."""
    return Refused(
        Reason.TERMINAL_BUSY_UNKNOWN,
        terminal=holder.terminal_id,
        amount=yuan(holder.amount_fen),
        since=clock_text(holder.started_at),
    )


def add(
    tx: Transaction,
    intent_id: IntentId,
    asked: Asked,
    kind: str,
    state: IntentState,
    *,
    card_no: CardNo | None = None,
    terminal_id: TerminalId | None = None,
    amount_fen: int = 0,
    request_type: str = "",
    request: str = "",
) -> None:
    """Open an intent. Whoever comes second in the same moment is refused with the first one's name."""
    values = {
        "hall_id": tx.hall_id,
        "intent_id": intent_id,
        "operation_id": asked.operation_id,
        "kind": kind,
        "state": state.value,
        "card_no": card_no,
        "terminal_id": terminal_id,
        "amount_fen": amount_fen,
        "counter_no": asked.counter_no,
        "staff_no": asked.staff_no,
        "shift_id": asked.shift_id,
        "started_at": utc_text(tx.now),
        "request_sealed": seal(tx.keys, "intent", "request", intent_id, request) if request else None,
        "request_type": request_type,
        "result": None,
        "closed_at": None,
    }
    try:
        with tx.connection.begin_nested():
            tx.run(_insert, values)
    except IntegrityError:
        if card_no is not None and (holder := open_of_card(tx, card_no)) is not None:
            raise reserved_by(holder) from None
        if terminal_id is not None and (holder := open_of_terminal(tx, terminal_id)) is not None:
            raise terminal_held_by(holder) from None
        raise


def send(
    tx: Transaction,
    intent_id: IntentId,
    operation_id: OperationId,
    terminal_id: TerminalId,
    amount_fen: int,
    request_type: str,
    request: str,
) -> None:
    """Turn a reservation into a payment about to be sent to a terminal."""
    held = open_of_terminal(tx, terminal_id)
    if held is not None:
        raise terminal_held_by(held)
    values = {
        "b_hall_id": tx.hall_id,
        "b_intent_id": intent_id,
        "b_operation_id": operation_id,
        "b_terminal_id": terminal_id,
        "b_amount_fen": amount_fen,
        "b_request_sealed": seal(tx.keys, "intent", "request", intent_id, request),
        "b_request_type": request_type,
    }
    if tx.run(_send, values) != 1:
        raise Refused(Reason.CARD_CHANGED)


def back_to_reserved(tx: Transaction, intent_id: IntentId) -> None:
    """A payment that surely took nothing becomes a plain reservation again; its terminal is free."""
    tx.run(_back, {"b_hall_id": tx.hall_id, "b_intent_id": intent_id})


def move(tx: Transaction, intent_id: IntentId, state: IntentState, result: str | None = None) -> bool:
    """Move an open intent on; False when it was closed already (somebody else settled it)."""
    values = {
        "b_hall_id": tx.hall_id,
        "b_intent_id": intent_id,
        "b_state": state.value,
        "b_closed_at": None if state.open else utc_text(tx.now),
        "b_result": result,
    }
    return tx.run(_move, values) == 1
