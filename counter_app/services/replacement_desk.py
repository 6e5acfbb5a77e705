"""补卡: a lost named card's purse moves to a blank card for a fee; what becomes of the old number and its late debts.

The pointer moves, the money does not: no transfer touches the purse, and both numbers share one history.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from counter_app.domain import claims, limits, masking
from counter_app.domain.asking import Asked
from counter_app.domain.cards import Card, CardState, Holder, card_no_text
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, IntentId, StaffNo
from counter_app.domain.ledger import (
    CARD_RECEIVABLE,
    FEE_INCOME,
    HEAD_OFFICE,
    OperationKind,
    TenderKind,
    Transfer,
    purse_account,
)
from counter_app.domain.money import money
from counter_app.domain.requests import (
    CardReplaced,
    CardReserved,
    CollectOldCard,
    LateSpending,
    OldCardCollected,
    ReplaceCard,
    ReserveCard,
    SpendingBooked,
)
from counter_app.domain.rule_book import RuleCode
from counter_app.domain.shifts import TillState, clock_text, hall_date
from counter_app.services import approvals, receipts
from counter_app.services.loss_desk import SIGN_CUSTOMER, freeze_from, outcome_of
from counter_app.services.top_up_desk import require_fresh_slip
from counter_app.storage import cards, holders, intents, ledger, wire
from counter_app.storage.cards import Loss, Replacement
from counter_app.storage.database import Transaction
from counter_app.storage.intents import Intent, IntentState
from printing.receipt import Block, Money, Pair, Rule

if TYPE_CHECKING:
    from counter_app.domain.payments import TerminalResult
    from counter_app.domain.waiting import CancelToken, Progress
    from counter_app.services.hall import HallAtCounter
    from counter_app.services.payment_desk import PaymentDesk, Terminal


@dataclass(frozen=True, slots=True)
class _Checked:
    """What may be replaced, locked: both cards, the open report, the person, and who signed for a typed document."""

    old: Card
    new: Card
    loss: Loss
    holder: Holder
    approver: StaffNo | None


class ReplacementDesk:
    """One counter's replacements."""

    def __init__(self, at: HallAtCounter, payments: PaymentDesk) -> None:
        self._at = at
        self._database = at.database
        self._payments = payments
        payments.register(ReplaceCard, CardReplaced, self._book_paid, self._check_paid)

    # --- reserving ----------------------------------------------------------------------------------------------

    def reserve(self, request: ReserveCard) -> CardReserved:
        """Hold a lost card for this counter before any money is taken; give it back with `PaymentDesk.release`.

        `Refused`: PLACE_MAY_NOT_REPLACE, CARD_ANONYMOUS, REPLACED_MEANWHILE, CARD_NOT_LOST, CARD_RESERVED (who and
        since when). The clerk who holds the card already gets the same reservation again.
        """
        return self._database.write(lambda tx: self._reserve(tx, request))

    def _reserve(self, tx: Transaction, request: ReserveCard) -> CardReserved:
        self._require_place()
        # Locked first: a second counter waits here and then sees the first one's intent.
        card = cards.load(tx, request.card_no)
        card.require_named()
        self._require_not_replaced(tx, card.card_no)
        loss = self._open_loss(tx, card)
        held = intents.open_of_card(tx, card.card_no)
        if held is not None and not _is_ours(held, request.asked):
            raise intents.reserved_by(held)
        if held is not None:
            return self._reserved(tx, held.intent_id, loss)
        intent_id = IntentId(self._at.new_id())
        intents.add(
            tx,
            intent_id,
            request.asked,
            ReplaceCard.__name__,
            IntentState.RESERVED,
            card_no=card.card_no,
        )
        ledger.note(tx, request.asked, "reserve_card", {"intent_id": intent_id, "card_no": card.card_no})
        return self._reserved(tx, intent_id, loss)

    def _reserved(self, tx: Transaction, intent_id: IntentId, loss: Loss) -> CardReserved:
        return CardReserved(intent_id, loss.card_no, _overdue(tx, loss), self._fee_fen(tx))

    def _require_place(self) -> None:
        if not self._at.may_replace_here:
            raise Refused(Reason.PLACE_MAY_NOT_REPLACE, places="、".join(self._at.replacing_places))

    @staticmethod
    def _require_not_replaced(tx: Transaction, card_no: CardNo) -> None:
        done = cards.replacement_of(tx, card_no)
        if done is not None:
            raise Refused(
                Reason.REPLACED_MEANWHILE,
                counter=done.counter_no,
                staff=done.staff_no,
                since=clock_text(done.at),
                new_card_no=card_no_text(done.new_card_no),
            )

    @staticmethod
    def _open_loss(tx: Transaction, card: Card) -> Loss:
        loss = cards.open_loss(tx, card.card_no) if card.state is CardState.LOST else None
        if loss is None:
            raise Refused(Reason.CARD_NOT_LOST, card_no=card_no_text(card.card_no))
        return loss

    def _fee_fen(self, tx: Transaction) -> int:
        return self._at.rules.value(RuleCode.REPLACEMENT_FEE, hall_date(tx.now))

    # --- replacing ----------------------------------------------------------------------------------------------

    def check(self, tx: Transaction, request: ReplaceCard) -> _Checked:
        """Everything that can say no, in the order a clerk would name it; what is to be booked when nothing does."""
        self._require_place()
        old = cards.load(tx, request.old_card_no)
        old.require_named()
        self._require_not_replaced(tx, old.card_no)
        intent = intents.load(tx, request.intent_id)
        if intent is None or intent.state is not IntentState.RESERVED or not _is_ours(intent, request.asked):
            intents.require_free(tx, old.card_no)
            raise Refused(Reason.CARD_CHANGED)
        if intent.card_no != old.card_no:
            raise Refused(Reason.CARD_CHANGED)
        loss = self._open_loss(tx, old)
        new = cards.load(tx, request.new_card_no)
        if new.state is not CardState.BLANK:
            raise Refused(Reason.CARD_NOT_BLANK, card_no=card_no_text(new.card_no))
        self._require_not_taken(tx, request)
        holder = _holder_of(tx, old)
        claims.require_holder(request.document, holder, hall_date(tx.now))
        approver = (
            None if request.document.read_by_machine else approvals.require(tx, request, self._at.rules)
        )
        return _Checked(old, new, loss, holder, approver)

    @staticmethod
    def _require_not_taken(tx: Transaction, request: ReplaceCard) -> None:
        """No other replacement that waits for its terminal may have chosen the same blank card."""
        for intent in intents.all_open(tx):
            if intent.intent_id == request.intent_id or intent.request_type != ReplaceCard.__name__:
                continue
            if wire.from_json(intent.request, ReplaceCard).new_card_no == request.new_card_no:
                raise intents.reserved_by(dataclasses.replace(intent, card_no=request.new_card_no))

    def _check_paid(self, tx: Transaction, request: ReplaceCard, _reservation: IntentId | None) -> _Checked:
        """Before the terminal is asked for money; the reservation stands in the request itself."""
        return self.check(tx, request)

    def replace(self, request: ReplaceCard) -> CardReplaced:
        """Book a replacement whose fee is paid in cash or by a stand-alone POS slip. Kept first; booked once."""
        if request.tender.kind.at_terminal:
            raise ValueError("a terminal payment goes through pay_at_terminal")
        self._database.keep(request)
        return self._database.run(request, lambda tx: self._replace(tx, request), CardReplaced)

    def pay_at_terminal(
        self, request: ReplaceCard, terminal: Terminal, progress: Progress, cancel: CancelToken
    ) -> CardReplaced:
        """Charge the fee at the linked terminal, then book; see `PaymentDesk.pay` for what may come back. After
        anything that surely took nothing the reservation stands, so that the clerk may take cash."""
        fee_fen = self._at.rules.value(RuleCode.REPLACEMENT_FEE, hall_date(self._at.now()))
        return self._payments.pay(
            request,
            request.old_card_no,
            fee_fen,
            terminal,
            progress,
            cancel,
            CardReplaced,
            reservation=request.intent_id,
        )

    def _replace(self, tx: Transaction, request: ReplaceCard) -> CardReplaced:
        cards.load(tx, request.old_card_no)
        first = outcome_of(tx, request, CardReplaced)
        if first is not None:
            return first
        fence = ledger.fence(tx, request.asked, till=TillState.OPEN)
        checked = self.check(tx, request)
        fee_fen = self._fee_fen(tx)
        change_fen = limits.check_received(request.tender, fee_fen, self._at.rules, hall_date(tx.now))
        tender = limits.slip_as_kept(request.tender)
        require_fresh_slip(tx, fence, tender)
        kept = dataclasses.replace(request, tender=tender)
        replaced = self._book(tx, fence, kept, checked, fee_fen, change_fen, original=request)
        if not intents.move(tx, request.intent_id, IntentState.BOOKED):
            raise Refused(Reason.CARD_CHANGED)
        return replaced

    def _book_paid(
        self, tx: Transaction, fence: ledger.Fence, request: ReplaceCard, result: TerminalResult
    ) -> CardReplaced:
        """The terminal took the fee. Its intent has held the old card and the new one since they were checked."""
        old, new = cards.load(tx, request.old_card_no), cards.load(tx, request.new_card_no)
        if new.state is not CardState.BLANK:
            raise Refused(Reason.CARD_NOT_BLANK, card_no=card_no_text(new.card_no))
        tender = dataclasses.replace(
            request.tender,
            # Not every terminal tells its number; the money is still on the one that was asked.
            terminal_id=result.terminal_id or request.tender.terminal_id,
            voucher=result.receipt_no,
            reference=result.trace,
            card_tail=result.card_tail,
            authorisation=result.authorisation,
        )
        typed = not request.document.read_by_machine
        checked = _Checked(
            old,
            new,
            self._open_loss(tx, old),
            _holder_of(tx, old),
            approvals.signed(tx, request) if typed else None,
        )
        paid = dataclasses.replace(request, tender=tender)
        return self._book(tx, fence, paid, checked, result.amount_fen, 0, original=request)

    def _book(
        self,
        tx: Transaction,
        fence: ledger.Fence,
        request: ReplaceCard,
        checked: _Checked,
        fee_fen: int,
        change_fen: int,
        original: ReplaceCard | None = None,
    ) -> CardReplaced:
        old, new, loss = checked.old, checked.new, checked.loss
        assert old.purse_id is not None
        overdue = _overdue(tx, loss)
        typed = not request.document.read_by_machine
        balance_fen = cards.load_purse(tx, old.purse_id).balance_fen
        issued = dataclasses.replace(
            new, kind=old.kind, state=CardState.ACTIVE, purse_id=old.purse_id, holder_id=old.holder_id
        )
        cards.save(tx, old.with_state(CardState.REPLACED, replaced_by=new.card_no))
        cards.save(tx, issued)
        cards.add_replacement(
            tx,
            Replacement(old.card_no, new.card_no, fence.counter_no, fence.staff_no, tx.now),
            request.asked.operation_id,
            overdue=overdue,
        )
        cards.end_loss(tx, loss.reference, "replaced", _remark(tx, loss, new, overdue, checked.approver))
        done = CardReplaced(
            request.asked.operation_id,
            fence.receipt_no,
            old.card_no,
            new.card_no,
            balance_fen,
            fee_fen,
            request.tender,
            change_fen,
            overdue,
            typed,
            freeze_from(self._at, loss),
            tx.now,
        )
        receipts.save(
            tx,
            self._at,
            fence,
            request.asked,
            (
                *receipts.head(self._at, tx, fence, "补卡凭证"),
                Pair("旧卡号", masking.mask_card(old.card_no)),
                *_new_card(issued, checked.holder),
                Pair("挂失受理号", loss.reference),
                *_marks(loss, checked.approver, overdue=overdue, typed=typed),
                Rule(),
                Money("补卡工本费", fee_fen),
                *(receipts.paid(request.tender, change_fen) if fee_fen else ()),
                Rule(),
                Pair("转入新卡余额", money(balance_fen), strong=True),
                Pair("截至", clock_text(tx.now)),
            ),
            signatures=SIGN_CUSTOMER,
            notes=(
                "旧卡已作废，如找回请交回营业厅。",
                f"脱机终端最迟 {clock_text(done.freeze_from)} 停用旧卡；此前旧卡的脱机消费随后从新卡余额扣除。",
                receipts.HOTLINE_NOTE,
            ),
            drawer=request.tender.kind is TenderKind.CASH,
        )
        income = (Transfer(request.tender.account(fence.counter_no), FEE_INCOME, fee_fen),) if fee_fen else ()
        ledger.record(
            tx,
            fence,
            original or request,
            OperationKind.REPLACE_CARD,
            done,
            transfers=income,
            card_no=new.card_no,
            purse_id=old.purse_id,
            amount_fen=fee_fen,
            tender=request.tender,
            approver=checked.approver,
            reason=loss.reference,
        )
        return done

    # --- the old card -------------------------------------------------------------------------------------------

    def collect_old(self, request: CollectOldCard) -> OldCardCollected:
        """收回作废: a replaced card turned up and is taken in. Needs no drawer."""
        self._database.keep(request)
        return self._database.run(request, lambda tx: self._collect_old(tx, request), OldCardCollected)

    def _collect_old(self, tx: Transaction, request: CollectOldCard) -> OldCardCollected:
        card = cards.load(tx, request.card_no)
        first = outcome_of(tx, request, OldCardCollected)
        if first is not None:
            return first
        if card.state is not CardState.REPLACED:
            card.require_usable()
            raise Refused(
                Reason.VALUE_NOT_ALLOWED,
                field="卡号（须是已补卡作废的旧卡）",
                typed=card_no_text(card.card_no),
            )
        fence = ledger.fence(tx, request.asked)
        cards.save(tx, card.with_state(CardState.COLLECTED))
        collected = OldCardCollected(request.asked.operation_id, fence.receipt_no, card.card_no)
        receipts.save(
            tx,
            self._at,
            fence,
            request.asked,
            (
                *receipts.head(self._at, tx, fence, "旧卡收回单"),
                Pair("旧卡号", masking.mask_card(card.card_no)),
                Pair("已补新卡", masking.mask_card(card.replaced_by or "")),
                Pair("处理", "收回作废", strong=True),
            ),
            signatures=("交回人", "经办", "复核"),
            notes=(),
        )
        ledger.record(
            tx,
            fence,
            request,
            OperationKind.COLLECT_OLD_CARD,
            collected,
            card_no=card.card_no,
            purse_id=card.purse_id,
        )
        return collected

    # --- late spending ------------------------------------------------------------------------------------------

    def late_spending(self, request: LateSpending) -> SpendingBooked:
        """Offline spending that arrives late finds the same purse by any of its numbers. What the purse no longer
        holds becomes a receivable; the balance never goes below 0. Needs no drawer."""
        self._database.keep(request)
        return self._database.run(request, lambda tx: self._late_spending(tx, request), SpendingBooked)

    def _late_spending(self, tx: Transaction, request: LateSpending) -> SpendingBooked:
        if request.amount_fen <= 0:
            raise Refused(Reason.AMOUNT_NOT_POSITIVE)
        if not request.source.strip():
            raise Refused(Reason.TEXT_MISSING, field="来源")
        fence = ledger.fence(tx, request.asked)
        card = cards.load(tx, request.card_no)
        if card.purse_id is None:
            raise Refused(Reason.CARD_BLANK, card_no=card_no_text(card.card_no))
        there_fen = max(cards.load_purse(tx, card.purse_id).balance_fen, 0)
        from_purse_fen = min(there_fen, request.amount_fen)
        owed_fen = request.amount_fen - from_purse_fen
        transfers: list[Transfer] = []
        if from_purse_fen:
            cards.change_balance(tx, card.purse_id, -from_purse_fen)
            transfers.append(Transfer(purse_account(card.purse_id), HEAD_OFFICE, from_purse_fen))
        if owed_fen:
            transfers.append(Transfer(CARD_RECEIVABLE, HEAD_OFFICE, owed_fen))
            cards.add_receivable(
                tx,
                request.asked.operation_id,
                card,
                owed_fen,
                f"旧卡脱机消费 {clock_text(request.spent_at)}，余额不足",
            )
        source = masking.mask_pan(request.source.strip())
        booked = SpendingBooked(
            request.asked.operation_id,
            fence.receipt_no,
            card.card_no,
            request.amount_fen,
            from_purse_fen,
            owed_fen,
        )
        receipts.save(
            tx,
            self._at,
            fence,
            request.asked,
            (
                *receipts.head(self._at, tx, fence, "脱机消费补记单"),
                Pair("卡号", masking.mask_card(card.card_no)),
                Pair("消费时间", clock_text(request.spent_at)),
                Pair("来源", source),
                Money("消费金额", request.amount_fen),
                Pair("从卡内扣除", money(from_purse_fen)),
                *((Pair("登记应收", money(owed_fen), strong=True),) if owed_fen else ()),
            ),
            notes=(),
        )
        ledger.record(
            tx,
            fence,
            request,
            OperationKind.LATE_SPENDING,
            booked,
            transfers=transfers,
            card_no=card.card_no,
            purse_id=card.purse_id,
            amount_fen=request.amount_fen,
            reason=source,
        )
        return booked


def _is_ours(intent: Intent, asked: Asked) -> bool:
    """Whether this clerk at this counter holds it as a reservation, so that a reopened page goes on with it."""
    return (
        intent.state is IntentState.RESERVED
        and intent.counter_no == asked.counter_no
        and intent.staff_no == asked.staff_no
    )


def _overdue(tx: Transaction, loss: Loss) -> bool:
    return hall_date(tx.now) > loss.deadline


def _holder_of(tx: Transaction, card: Card) -> Holder:
    if card.holder_id is None:
        raise Refused(Reason.HOLDER_UNKNOWN)
    return holders.load(tx, card.holder_id)


def _new_card(new: Card, holder: Holder) -> tuple[Block, ...]:
    number, *rest = receipts.person(new.card_no, new.kind.text, holder)
    assert isinstance(number, Pair)
    return (dataclasses.replace(number, label="新卡号", strong=True), *rest)


def _marks(loss: Loss, approver: StaffNo | None, *, overdue: bool, typed: bool) -> tuple[Block, ...]:
    """What was unusual: after the deadline, or a document that could not be read."""
    marks: tuple[Block, ...] = ()
    if overdue:
        marks += (Pair("逾期补卡", f"期限 {loss.deadline.isoformat()}", strong=True),)
    if typed:
        marks += (Pair("证件", f"手工录入，主管 {approver or '—'} 在旁", strong=True),)
    return marks


def _remark(tx: Transaction, loss: Loss, new: Card, overdue: bool, approver: StaffNo | None) -> str:
    text = f"{clock_text(tx.now)} 补卡，新卡尾号 {new.card_no[-4:]}"
    if overdue:
        text += "（逾期）"
    if approver is not None:
        text += f"（证件手工录入，主管 {approver}）"
    return f"；{text}" if loss.remark else text
