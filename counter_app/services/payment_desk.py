"""Payments at the linked terminal: intent before the first byte, booking after the answer, UNKNOWN kept open.

No retry stands around a payment command anywhere. The desk that wants money registers how its request is checked
and booked; this desk owns the intent from SENT to its end.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from counter_app.domain import masking
from counter_app.domain.asking import Asked
from counter_app.domain.errors import Cancelled, DeviceTrouble, Reason, Refused
from counter_app.domain.ids import CardNo, IntentId, StaffNo, TerminalId
from counter_app.domain.ledger import TenderKind
from counter_app.domain.money import yuan
from counter_app.domain.payments import OnResult, PaymentMethod, PaymentOrder, Reply, TerminalResult, Verdict
from counter_app.domain.requests import Reverse, SettleUnknown, TopUp, UnknownSettled
from counter_app.domain.rule_book import RuleCode
from counter_app.domain.shifts import clock_text, hall_date
from counter_app.domain.staff import Right
from counter_app.services import approvals
from counter_app.storage import intents, ledger, people, wire
from counter_app.storage.database import AsksSomething, Transaction
from counter_app.storage.intents import Intent, IntentState

if TYPE_CHECKING:
    from counter_app.domain.waiting import CancelToken, Progress
    from counter_app.services.hall import HallAtCounter

log = logging.getLogger(__name__)

T = TypeVar("T")


class Terminal(Protocol):
    """What this desk needs of any payment terminal, whatever protocol it speaks."""

    def pay(
        self, order: PaymentOrder, on_result: OnResult, progress: Progress, cancel: CancelToken
    ) -> TerminalResult:
        """Charge once; `DeviceTrouble` and `Cancelled` only when surely nothing was sent."""
        ...

    def reverse(
        self, receipt_no: str, amount_fen: int, progress: Progress, cancel: CancelToken, *, trace: str = ""
    ) -> TerminalResult:
        """Undo a payment before settlement; APPROVED means undone. Raises as `pay` does."""
        ...


class PaidRequest(AsksSomething, Protocol):
    """A request that is paid for."""

    @property
    def tender(self) -> Any:
        """How."""


Book = Callable[[Transaction, ledger.Fence, Any, TerminalResult], Any]
Check = Callable[[Transaction, Any, IntentId | None], Any]


@dataclass(frozen=True, slots=True)
class _Kind:
    request: type
    outcome: type
    book: Book
    check: Check


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment as the terminal knows it: its own receipt number and trace, and the city card it was for."""

    card_no: CardNo
    amount_fen: int
    receipt_no: str
    trace: str


@dataclass(frozen=True, slots=True)
class PendingItem:
    """One open intent as the tray shows it, with what to do next.

    `to_settle`: two people may decide it from the slip. `to_release`: it only reserves a card, no money was asked for.
    """

    intent_id: IntentId
    what: str
    card_no: CardNo | None
    terminal_id: TerminalId | None
    amount_fen: int
    counter_no: int
    staff_no: StaffNo
    since: str
    state: str
    next_step: str
    to_settle: bool = False
    to_release: bool = False


class _BookedMeanwhile(Exception):
    """The same request was booked while this try waited for its shift; rolls the unit back."""

    def __init__(self, outcome: str) -> None:
        super().__init__("booked meanwhile")
        self.outcome = outcome


class PaymentDesk:
    """One counter's payments at its terminal, and everybody's open intents."""

    def __init__(self, at: HallAtCounter) -> None:
        self._at = at
        self._database = at.database
        self._kinds: dict[str, _Kind] = {}
        self._running: set[IntentId] = set()
        """Intents of tries that have not ended; what is open beside them was left by a fault."""

    def register(self, request: type, outcome: type, book: Book, check: Check) -> None:
        """How one kind of request is checked before and booked after its payment."""
        self._kinds[request.__name__] = _Kind(request, outcome, book, check)

    @property
    def terminal_id(self) -> TerminalId:
        """The terminal linked to this counter."""
        for terminal in self._at.terminals:
            if terminal.linked and terminal.counter_no == self._at.counter_no:
                return terminal.terminal_id
        raise Refused(Reason.TERMINAL_MISSING)

    def pay(
        self,
        request: PaidRequest,
        card_no: CardNo,
        amount_fen: int,
        terminal: Terminal,
        progress: Progress,
        cancel: CancelToken,
        outcome: type[T],
        reservation: IntentId | None = None,
    ) -> T:
        """Charge `amount_fen` at the terminal and book `request`.

        Raises `Refused`: a rule, PAYMENT_DECLINED (nothing taken, the page renews its operation id) or
        PAYMENT_UNKNOWN (the intent stays open). `DeviceTrouble` when surely nothing was sent; `Cancelled` when the
        clerk stopped it and the terminal confirmed that nothing was taken.
        """
        done = self._done_before(request, outcome)
        if done is not None:
            return done
        intent_id = reservation or IntentId(self._at.new_id())
        with self._in_flight(intent_id):
            try:
                self._database.write(
                    lambda tx: self._send(tx, request, intent_id, card_no, amount_fen, reservation)
                )
            except _BookedMeanwhile as booked:
                return wire.from_json(booked.outcome, outcome)
            order = PaymentOrder(
                intent_id,
                amount_fen,
                PaymentMethod.SCAN if request.tender.kind is TenderKind.TERMINAL_SCAN else PaymentMethod.CARD,
            )
            unsaid: list[TerminalResult] = []

            def on_result(answer: TerminalResult) -> Reply:
                reply = self._on_result(request, intent_id, answer)
                if (
                    reply is Reply.REVERSE
                    and answer.amount_fen == amount_fen
                    and _nobody_says_debit(request, answer)
                ):
                    unsaid.append(answer)
                return reply

            with self._sent(intent_id, reservation is not None):
                result = terminal.pay(order, on_result, progress, cancel)
            if result.verdict is Verdict.DECLINED and unsaid:
                self._end(intent_id, IntentState.DECLINED, result, reservation is not None)
                raise Refused(Reason.DEBIT_CARD_NOT_TOLD)
            return self._after(request, intent_id, result, outcome, cancel, reservation is not None)

    def undo(
        self,
        request: AsksSomething,
        charge: Charge,
        terminal: Terminal,
        progress: Progress,
        cancel: CancelToken,
        outcome: type[T],
    ) -> T:
        """Have the terminal undo `charge`, then book `request`; card and terminal are held meanwhile.

        Raises `Refused`: a rule, POS_REVERSAL_FIRST (the terminal said no, nothing is booked) or PAYMENT_UNKNOWN
        (the intent stays open); `DeviceTrouble` and `Cancelled` when surely nothing was sent.
        """
        done = self._done_before(request, outcome)
        if done is not None:
            return done
        intent_id = IntentId(self._at.new_id())
        with self._in_flight(intent_id):
            try:
                self._database.write(
                    lambda tx: self._send(tx, request, intent_id, charge.card_no, charge.amount_fen, None)
                )
            except _BookedMeanwhile as booked:
                return wire.from_json(booked.outcome, outcome)
            with self._sent(intent_id, reserved=False):
                result = terminal.reverse(
                    charge.receipt_no, charge.amount_fen, progress, cancel, trace=charge.trace
                )
            if result.verdict is Verdict.DECLINED:
                self._end(intent_id, IntentState.DECLINED, result, reserved=False)
                log.warning("reversal %s refused by the terminal: %s", intent_id, result.code)
                raise Refused(Reason.POS_REVERSAL_FIRST)
            undone = result.verdict is Verdict.APPROVED and result.amount_fen == charge.amount_fen
            state = IntentState.APPROVED if undone else IntentState.UNKNOWN
            self._database.write(lambda tx: intents.move(tx, intent_id, state, wire.to_json(result)))
            if not undone:
                log.warning("reversal %s of unknown outcome: %s", intent_id, result.code)
                raise Refused(Reason.PAYMENT_UNKNOWN)
            return self._book(request, intent_id, result, outcome)

    @contextlib.contextmanager
    def _in_flight(self, intent_id: IntentId) -> Iterator[None]:
        """Around the whole of one try, from before its intent can be seen: it is not one that a fault has left."""
        self._running.add(intent_id)
        try:
            yield
        finally:
            self._running.discard(intent_id)

    @contextlib.contextmanager
    def _sent(self, intent_id: IntentId, reserved: bool) -> Iterator[None]:
        """Around the one call that may move money: what the intent becomes when the call does not return."""
        try:
            yield
        except (DeviceTrouble, Cancelled):
            self._end(intent_id, IntentState.DECLINED, None, reserved)
            raise
        except BaseException:
            # Whatever broke, the terminal may have the money: unknown until the terminal or two people answer.
            self._move(intent_id, IntentState.UNKNOWN)
            raise

    def _done_before(self, request: AsksSomething, outcome: type[T]) -> T | None:
        """What an earlier try of this very request came to, or None when it moved no money: nothing is sent twice.

        A try that ended in a fault of the storage has left its intent open: an approval that was stored is booked
        now, and what was sent without an answer becomes unknown.
        """
        asked = request.asked

        def look(tx: Transaction) -> tuple[str | None, Intent | None]:
            left = [i for i in intents.all_open(tx) if i.operation_id == asked.operation_id]
            return ledger.first_outcome(tx, request), left[0] if left else None

        stored, left = self._database.read(look)
        if stored is not None:
            return wire.from_json(stored, outcome)
        if left is None or left.intent_id in self._running or left.counter_no != asked.counter_no:
            return None
        if left.state is IntentState.APPROVED and left.request_type == type(request).__name__:
            if wire.request_hash(wire.from_json(left.request, type(request))) != wire.request_hash(request):
                raise Refused(Reason.OPERATION_CHANGED)
            return self._book(request, left.intent_id, wire.from_json(left.result, TerminalResult), outcome)
        if left.state is IntentState.SENT:
            self._move(left.intent_id, IntentState.UNKNOWN)
            raise Refused(Reason.PAYMENT_UNKNOWN)
        return None

    def _send(
        self,
        tx: Transaction,
        request: AsksSomething,
        intent_id: IntentId,
        card_no: CardNo,
        amount_fen: int,
        reservation: IntentId | None,
    ) -> None:
        """Commit the intent; only then may a byte go out."""
        fence = ledger.fence_money_note(tx, request.asked)
        # Looked up again behind the fence: the same request sent twice at once must not be charged a second time
        # just after the first one was booked.
        booked = ledger.first_outcome(tx, request)
        if booked is not None:
            raise _BookedMeanwhile(booked)
        terminal_id = self.terminal_id
        held = intents.open_of_terminal(tx, terminal_id)
        if held is not None:
            if held.operation_id == request.asked.operation_id and held.intent_id in self._running:
                # Pressed twice: nobody may hear that the terminal is stuck and take cash for the same sale.
                raise Refused(Reason.PAYMENT_IN_PROGRESS)
            raise intents.terminal_held_by(held)
        self._kinds[type(request).__name__].check(tx, request, reservation)
        name, text = type(request).__name__, wire.to_json(request)
        if reservation is None:
            intents.add(
                tx,
                intent_id,
                request.asked,
                name,
                IntentState.SENT,
                card_no=card_no,
                terminal_id=terminal_id,
                amount_fen=amount_fen,
                request_type=name,
                request=text,
            )
        else:
            intents.send(tx, intent_id, request.asked.operation_id, terminal_id, amount_fen, name, text)
        ledger.link(
            tx,
            fence,
            "reversal_sent" if isinstance(request, Reverse) else "payment_sent",
            {"intent_id": intent_id, "terminal_id": terminal_id, "amount_fen": amount_fen},
        )

    def _on_result(self, request: AsksSomething, intent_id: IntentId, answer: TerminalResult) -> Reply:
        """Store an approval before it is acknowledged; a credit card is given back at once, and so are a card that
        nobody calls a debit card and what two people have meanwhile settled as not paid."""
        credit_allowed = self._at.rules.value(RuleCode.CREDIT_CARD_TOP_UP, hall_date(self._at.now()))
        refused = not credit_allowed and (answer.credit_card is True or _nobody_says_debit(request, answer))
        wrong_amount = answer.amount_fen != self._amount_of(intent_id)
        state = IntentState.UNKNOWN if refused or wrong_amount else IntentState.APPROVED

        def store(tx: Transaction) -> bool:
            if intents.move(tx, intent_id, state, wire.to_json(answer)):
                return True
            settled = intents.load(tx, intent_id)
            return settled is not None and settled.state is IntentState.BOOKED

        wanted = self._database.write(store)
        if not wanted:
            log.warning("approval of %s came after it was settled as not paid: given back", intent_id)
        return Reply.ACCEPT if wanted and not refused and not wrong_amount else Reply.REVERSE

    def _amount_of(self, intent_id: IntentId) -> int:
        def look(tx: Transaction) -> int:
            intent = intents.look(tx, intent_id)
            return -1 if intent is None else intent.amount_fen

        return self._database.read(look)

    def _after(
        self,
        request: AsksSomething,
        intent_id: IntentId,
        result: TerminalResult,
        outcome: type[T],
        cancel: CancelToken,
        reserved: bool,
    ) -> T:
        if result.verdict is Verdict.APPROVED:
            return self._book(request, intent_id, result, outcome)
        if result.verdict is Verdict.DECLINED:
            self._end(intent_id, IntentState.DECLINED, result, reserved)
            if result.credit_card is True:
                source = self._at.rules.rule(RuleCode.CREDIT_CARD_TOP_UP, hall_date(self._at.now())).source
                raise Refused(Reason.CREDIT_CARD, source=source)
            if cancel.cancelled:
                raise Cancelled()
            raise Refused(Reason.PAYMENT_DECLINED, message=result.message or result.code)
        self._database.write(
            lambda tx: intents.move(tx, intent_id, IntentState.UNKNOWN, wire.to_json(result))
        )
        log.warning("payment %s of unknown outcome: %s", intent_id, result.code)
        raise Refused(Reason.PAYMENT_UNKNOWN)

    def _end(
        self, intent_id: IntentId, state: IntentState, result: TerminalResult | None, reserved: bool
    ) -> None:
        """Nothing was taken. A reservation goes back to being one, so that the clerk may take cash instead."""
        text = None if result is None else wire.to_json(result)
        if reserved:
            self._database.write(lambda tx: intents.back_to_reserved(tx, intent_id))
        else:
            self._database.write(lambda tx: intents.move(tx, intent_id, state, text))

    def _book(
        self, request: AsksSomething, intent_id: IntentId, result: TerminalResult, outcome: type[T]
    ) -> T:
        kind = self._kinds[type(request).__name__]

        def unit(tx: Transaction) -> T:
            fence = ledger.fence(tx, request.asked)
            booked: T = kind.book(tx, fence, request, result)
            if not intents.move(tx, intent_id, IntentState.BOOKED, wire.to_json(result)):
                raise RuntimeError(f"intent {intent_id} was closed while its payment was booked")
            return booked

        return self._database.run(request, unit, outcome)

    # --- what is open -------------------------------------------------------------------------------------------

    def pending(self) -> tuple[PendingItem, ...]:
        """Everything in flight in the hall, oldest first, with the next step."""
        return tuple(_item(intent) for intent in self._database.read(intents.all_open))

    def pick_up(self) -> tuple[str, ...]:
        """At start: what this counter had in flight when it ended. Payments become unknown, reservations are released.

        An approval that was stored but not booked is unknown too: nobody can tell any more whether the terminal heard
        our acknowledgement, and a terminal that did not undoes its approval by itself. Returns one Chinese line for
        each, with what drawer, slip and terminal must show.
        """
        lines: list[str] = []
        mine = [i for i in self._database.read(intents.all_open) if i.counter_no == self._at.counter_no]
        for intent in mine:
            amount = yuan(intent.amount_fen)
            since = clock_text(intent.started_at)
            what = "POS 撤销" if intent.kind == Reverse.__name__ else "POS 收款"
            if intent.state is IntentState.RESERVED:
                self._move(intent.intent_id, IntentState.RELEASED)
                lines.append(f"{since} 补卡已预留但未收费：没有入账。若已收现金请退还客户后重新办理。")
            elif intent.state is IntentState.APPROVED:
                self._move(intent.intent_id, IntentState.UNKNOWN)
                lines.append(
                    f"{since} {what} {amount} 元：终端报过批准，但程序在入账前中断，还没有入账。"
                    "请看终端签购单和终端流水是否成功，由主管在待办（F11）中处理。"
                )
            else:
                self._move(intent.intent_id, IntentState.UNKNOWN)
                lines.append(
                    f"{since} {what} {amount} 元：结果未知，没有入账。请看终端签购单，由主管在待办（F11）中处理。"
                )
        return tuple(lines)

    def release(self, asked: Asked, intent_id: IntentId) -> None:
        """The clerk left a replacement before any money moved: the card is free again. `Refused` with RIGHT_MISSING
        when another counter holds it, where the fee may be in somebody's hand; that is for the manager."""

        def unit(tx: Transaction) -> None:
            intent = intents.load(tx, intent_id)
            if intent is None or intent.state is not IntentState.RESERVED:
                return
            if intent.counter_no != asked.counter_no:
                person = people.load(tx, asked.staff_no, approvals.rights_day(tx))
                if person is None or not person.member.may(Right.SETTLE_UNKNOWN):
                    raise Refused(Reason.RIGHT_MISSING, role="主管")
            intents.move(tx, intent_id, IntentState.RELEASED)
            ledger.note(tx, asked, "release_card", {"intent_id": intent_id})

        self._database.write(unit)

    def _move(self, intent_id: IntentId, state: IntentState) -> None:
        self._database.write(lambda tx: intents.move(tx, intent_id, state))

    def settle(self, request: SettleUnknown) -> UnknownSettled:
        """Two people decide an unknown payment from the terminal's slip: book it, or close it as not paid.

        Asked again, or after the terminal has answered the same, it tells what became of it. While the program that
        heard an approval still runs, that approval can only be booked.
        """

        def unit(tx: Transaction) -> UnknownSettled:
            approver = approvals.require(tx, request, self._at.rules)
            if not request.reason.strip() or (request.paid and not request.voucher.strip()):
                raise Refused(Reason.TEXT_MISSING, field="签购单凭证号" if request.paid else "原因")
            intent = intents.load(tx, request.intent_id)
            if intent is None:
                raise Refused(Reason.CARD_CHANGED)
            if not request.paid and intent.state is IntentState.NOT_PAID:
                return UnknownSettled(intent.intent_id, paid=False)
            if request.paid and intent.state is IntentState.BOOKED:
                known = ledger.by_id(tx, intent.operation_id)
                return UnknownSettled(intent.intent_id, True, known.receipt_no if known else None)
            settled = {
                "intent_id": intent.intent_id,
                "operation_id": intent.operation_id,
                "approver": approver,
                "reason": masking.mask_pan(request.reason),
            }
            if not request.paid:
                if intent.state is not IntentState.UNKNOWN:
                    raise Refused(Reason.CARD_CHANGED)
                ledger.note(tx, request.asked, "settle_not_paid", settled)
                intents.move(tx, intent.intent_id, IntentState.NOT_PAID)
                return UnknownSettled(intent.intent_id, paid=False)
            if intent.state not in (IntentState.UNKNOWN, IntentState.APPROVED):
                raise Refused(Reason.CARD_CHANGED)
            kind = self._kinds[intent.request_type]
            stored: Any = wire.from_json(intent.request, kind.request)
            result = TerminalResult(
                Verdict.APPROVED,
                intent.amount_fen,
                intent.terminal_id or TerminalId(""),
                receipt_no=request.voucher,
                card_tail=request.card_tail,
                message=masking.mask_pan(request.reason),
            )
            fence = ledger.fence(tx, request.asked)
            booked = kind.book(tx, fence, stored, result)
            # The operation is the one that was asked for first and knows no second signature: it stands beside it.
            ledger.system_note(tx, request.asked.counter_no, "settle_paid", settled)
            intents.move(tx, intent.intent_id, IntentState.BOOKED, wire.to_json(result))
            return UnknownSettled(intent.intent_id, True, booked.receipt_no)

        return self._database.write(unit)


def _nobody_says_debit(request: AsksSomething, answer: TerminalResult) -> bool:
    """Whether neither the terminal nor the clerk's tick says that the card of a top-up is a debit card."""
    return (
        isinstance(request, TopUp)
        and request.tender.kind is TenderKind.TERMINAL_CARD
        and answer.credit_card is None
        and not request.tender.debit_confirmed
    )


def _item(intent: Intent) -> PendingItem:
    done = "撤销" if intent.kind == Reverse.__name__ else "扣款"
    words = {
        IntentState.RESERVED: ("办理中", "等本台办完；若已离开，由主管撤销"),
        IntentState.SENT: ("等终端答复", "请等终端答复"),
        IntentState.APPROVED: ("已批准未记账", "回到该页按“再试一次”入账；重启后由主管看签购单处理"),
        IntentState.UNKNOWN: ("结果未知", f"看终端签购单，主管选择“已{done}”或“未{done}”"),
    }
    state, step = words[intent.state]
    return PendingItem(
        intent.intent_id,
        {"TopUp": "充值", "ReplaceCard": "补卡", "Reverse": "冲正"}.get(intent.kind, intent.kind),
        intent.card_no,
        intent.terminal_id,
        intent.amount_fen,
        intent.counter_no,
        intent.staff_no,
        clock_text(intent.started_at),
        state,
        step,
        intent.state is IntentState.UNKNOWN,
        intent.state is IntentState.RESERVED,
    )
