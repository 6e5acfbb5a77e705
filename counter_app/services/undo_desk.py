"""冲正 and 更正: a mistake is undone by a new operation that names the old one; nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from counter_app.domain import masking
from counter_app.domain.asking import Asked
from counter_app.domain.cards import Card, CardState
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import AccountId, CardNo, IntentId, ShiftId, StaffNo, TerminalId
from counter_app.domain.ledger import (
    CARD_RECEIVABLE,
    OperationKind,
    Tender,
    TenderKind,
    Transfer,
    purse_account,
    till_account,
)
from counter_app.domain.money import money, yuan
from counter_app.domain.requests import Reverse, Reversed
from counter_app.domain.shifts import TillState
from counter_app.domain.waiting import CancelToken, silent
from counter_app.services import approvals, receipts
from counter_app.services.payment_desk import Charge
from counter_app.storage import cards, holders, intents, ledger, reports
from counter_app.storage.database import Transaction
from counter_app.storage.ledger import Booked
from printing.receipt import Block, Money, Note, Pair

if TYPE_CHECKING:
    from counter_app.domain.payments import TerminalResult
    from counter_app.domain.waiting import Progress
    from counter_app.services.hall import HallAtCounter
    from counter_app.services.payment_desk import PaymentDesk, Terminal

SIGN_REVERSAL = ("客户签名", "经办", "复核 / 主管")

_REVERSIBLE = (OperationKind.TOP_UP, OperationKind.CASH_IN, OperationKind.CASH_OUT)
_CARD_HOLDING = (CardState.ACTIVE, CardState.LOST, CardState.FROZEN)


@dataclass(frozen=True, slots=True)
class _Wrong:
    """The operation to undo, read under the lock of its card: how it was paid and who holds its purse now."""

    booked: Booked
    payment: Mapping[str, Any] | None
    card: Card | None
    balance_fen: int

    @property
    def cash_out(self) -> bool:
        """Whether undoing it takes cash out of the drawer."""
        return self.booked.tender is TenderKind.CASH or self.booked.kind is OperationKind.CASH_IN


class UndoDesk:
    """One counter's reversals and corrections."""

    def __init__(self, at: HallAtCounter, payments: PaymentDesk) -> None:
        self._at = at
        self._database = at.database
        self._payments = payments
        payments.register(Reverse, Reversed, self._book_undone, self._check_before_terminal)

    def reverse(
        self,
        request: Reverse,
        terminal: Terminal | None = None,
        progress: Progress = silent,
        cancel: CancelToken | None = None,
    ) -> Reversed:
        """Undo one operation with reason and the manager's signature.

        Cash comes out of this drawer. A payment at the linked terminal is undone there first (`terminal`), unless
        the request names the 退货 form's number; it is never paid back in cash. What may come back from the
        terminal is told by `PaymentDesk.undo`.
        """
        charge = self._database.read(lambda tx: self._charge(tx, request))
        if charge is None:
            self._database.keep(request)
            return self._database.run(request, lambda tx: self._reverse(tx, request), Reversed)
        if terminal is None:
            raise Refused(Reason.POS_REVERSAL_FIRST)
        return self._payments.undo(request, charge, terminal, progress, cancel or CancelToken(), Reversed)

    def _charge(self, tx: Transaction, request: Reverse) -> Charge | None:
        """What the linked terminal must undo, or None when paper or cash does."""
        booked = ledger.by_receipt_no(tx, request.receipt_no)
        if booked is None or not booked.tender.at_terminal or request.void_voucher.strip():
            return None
        payment = ledger.payment_of(tx, booked)
        if payment is None or booked.card_no is None:
            return None
        # The trace stands in 参考号, where the customer reads it.
        return Charge(booked.card_no, booked.amount_fen, payment["terminal_receipt_no"], payment["reference"])

    # --- rules --------------------------------------------------------------------------------------------------

    def _find(self, tx: Transaction, request: Reverse) -> _Wrong:
        """The operation; read again once its card is locked, so that of two counters only one finds it whole."""
        booked = ledger.by_receipt_no(tx, request.receipt_no)
        if booked is None:
            raise Refused(Reason.OPERATION_UNKNOWN, receipt_no=request.receipt_no)
        card, balance_fen = None, 0
        if booked.card_no is not None and booked.purse_id is not None:
            cards.load(tx, booked.card_no)
            numbers = cards.of_purse(tx, booked.purse_id)
            holding = next((one for one in numbers if one.state in _CARD_HOLDING), None)
            card = cards.load(tx, holding.card_no if holding else booked.card_no)
            balance_fen = cards.load_purse(tx, booked.purse_id).balance_fen
            booked = ledger.by_receipt_no(tx, request.receipt_no) or booked
        return _Wrong(booked, ledger.payment_of(tx, booked), card, balance_fen)

    def _check(
        self,
        tx: Transaction,
        request: Reverse,
        wrong: _Wrong,
        shift_id: ShiftId,
        intent_id: IntentId | None = None,
    ) -> StaffNo:
        """Everything that can say no, in the order a clerk would name it; the manager who signed."""
        booked, asked = wrong.booked, request.asked
        if not request.reason.strip():
            raise Refused(Reason.REASON_MISSING)
        if booked.kind not in _REVERSIBLE:
            raise Refused(Reason.NOT_REVERSIBLE, receipt_no=request.receipt_no)
        if booked.reversed_by is not None:
            raise Refused(Reason.ALREADY_REVERSED, receipt_no=request.receipt_no)
        if booked.shift_id != shift_id:
            if not request.correction:
                raise Refused(Reason.OTHER_SHIFT, receipt_no=request.receipt_no)
            if booked.kind is not OperationKind.TOP_UP:
                # That drawer was counted and closed: its difference is booked, undoing one side would falsify it.
                raise Refused(Reason.DRAWER_COUNTED, receipt_no=request.receipt_no)
        for number in {card for card in (booked.card_no, wrong.card and wrong.card.card_no) if card}:
            intents.require_free(tx, number, except_for=intent_id)
        if booked.tender is TenderKind.SLIP and not request.void_voucher.strip():
            raise Refused(Reason.TEXT_MISSING, field="撤销签购单凭证号")
        if (
            booked.kind is OperationKind.TOP_UP
            and wrong.balance_fen < booked.amount_fen
            and not request.correction
        ):
            raise Refused(Reason.PURSE_SPENT, balance=yuan(wrong.balance_fen), amount=yuan(booked.amount_fen))
        approver = approvals.require(tx, request, self._at.rules)
        # Behind the signature: asked of receipt after receipt, this answer would tell a clerk the expected cash.
        if wrong.cash_out and reports.expected_cash(tx, shift_id, asked.counter_no) < booked.amount_fen:
            raise Refused(Reason.TILL_CASH_SHORT, amount=yuan(booked.amount_fen))
        return approver

    def _check_before_terminal(
        self, tx: Transaction, request: Reverse, intent_id: IntentId | None = None
    ) -> None:
        """The rules once more in the unit that commits the intent; the terminal must be the one that was paid at."""
        wrong = self._find(tx, request)
        self._check(tx, request, wrong, request.asked.shift_id, intent_id)
        paid_at = wrong.payment["terminal_id"] if wrong.payment else ""
        if paid_at != self._payments.terminal_id:
            raise Refused(Reason.POS_REVERSAL_FIRST)

    # --- booking ------------------------------------------------------------------------------------------------

    def _reverse(self, tx: Transaction, request: Reverse) -> Reversed:
        fence = ledger.fence(tx, request.asked, till=TillState.OPEN)
        wrong = self._find(tx, request)
        approver = self._check(tx, request, wrong, fence.shift_id)
        return self._book(tx, fence, request, wrong, approver, request.void_voucher.strip())

    def _book_undone(
        self, tx: Transaction, fence: ledger.Fence, request: Reverse, result: TerminalResult
    ) -> Reversed:
        """The terminal gave the money back: booked whatever the purse holds by now, what is missing is owed."""
        wrong = self._find(tx, request)
        return self._book(tx, fence, request, wrong, approvals.signed(tx, request), result.receipt_no)

    def _book(
        self,
        tx: Transaction,
        fence: ledger.Fence,
        request: Reverse,
        wrong: _Wrong,
        approver: StaffNo | None,
        void_voucher: str,
    ) -> Reversed:
        booked, card = wrong.booked, wrong.card
        reason = masking.mask_pan(request.reason)
        of_card = booked.kind is OperationKind.TOP_UP
        owed_fen = max(booked.amount_fen - max(wrong.balance_fen, 0), 0) if of_card else 0
        kind = OperationKind.CORRECT if request.correction or owed_fen else OperationKind.REVERSE
        done = Reversed(
            request.asked.operation_id,
            fence.receipt_no,
            booked.receipt_no,
            booked.kind,
            booked.amount_fen,
            booked.amount_fen if wrong.cash_out else 0,
            kind is OperationKind.CORRECT,
            owed_fen,
            booked.tender.at_terminal and bool(request.void_voucher.strip()),
            card.card_no if card else None,
            reason,
        )
        balance_fen = 0
        if card is not None and booked.purse_id is not None:
            balance_fen = self._take_back(tx, request.asked, card, booked.amount_fen - owed_fen, owed_fen)
        tender = _tender(wrong, void_voucher)
        receipts.save(
            tx,
            self._at,
            fence,
            request.asked,
            (
                *receipts.head(self._at, tx, fence, f"{kind.text}凭证"),
                Pair("原凭证号", booked.receipt_no, strong=True),
                Pair("原业务", f"{booked.kind.text} {booked.tender.text}".strip()),
                *self._person(tx, card),
                Money(f"{kind.text}金额", booked.amount_fen),
                *_given_back(wrong, tender),
                *_left(card, balance_fen, owed_fen),
                Pair("原因", reason),
                *((Pair("主管授权", approver),) if approver else ()),
            ),
            signatures=SIGN_REVERSAL,
            notes=(),
            drawer=wrong.cash_out or booked.kind is OperationKind.CASH_OUT,
        )
        ledger.record(
            tx,
            fence,
            request,
            kind,
            done,
            transfers=self._transfers(tx, fence, booked, owed_fen),
            card_no=done.card_no,
            purse_id=booked.purse_id,
            amount_fen=booked.amount_fen,
            tender=tender,
            approver=approver,
            reverses=booked.operation_id,
            reason=reason,
        )
        return done

    def _take_back(self, tx: Transaction, asked: Asked, card: Card, take_fen: int, owed_fen: int) -> int:
        """Take what the purse holds; freeze the card and open a receivable for what it has already spent."""
        assert card.purse_id is not None
        purse = cards.change_balance(tx, card.purse_id, -take_fen)
        if owed_fen:
            if card.state is CardState.ACTIVE:
                cards.save(tx, card.with_state(CardState.FROZEN))
            cards.add_receivable(tx, asked.operation_id, card, owed_fen, "更正充值，卡内余额不足")
        return purse.balance_fen

    def _transfers(
        self, tx: Transaction, fence: ledger.Fence, booked: Booked, owed_fen: int
    ) -> tuple[Transfer, ...]:
        """The old transfers backwards, over this counter's drawer; what the purse lacks becomes a receivable."""
        here = {till_account(booked.counter_no): till_account(fence.counter_no)}
        back = [
            Transfer(here.get(line.credit, line.credit), here.get(line.debit, line.debit), line.amount_fen)
            for line in reversed(ledger.transfers_of(tx, booked))
        ]
        if not owed_fen or booked.purse_id is None:
            return tuple(back)
        asset: AccountId = back[0].credit
        taken_fen = booked.amount_fen - owed_fen
        lines = (Transfer(purse_account(booked.purse_id), asset, taken_fen),) if taken_fen else ()
        return (*lines, Transfer(CARD_RECEIVABLE, asset, owed_fen))

    def _person(self, tx: Transaction, card: Card | None) -> tuple[Block, ...]:
        if card is None:
            return ()
        holder = holders.load(tx, card.holder_id) if card.holder_id else None
        return receipts.person(CardNo(card.card_no), card.kind.text, holder)


def _tender(wrong: _Wrong, void_voucher: str) -> Tender | None:
    """How the money went back: the same way as it came, with the numbers of the paper that undid it."""
    payment = wrong.payment
    if payment is None:
        return None
    if wrong.booked.tender is TenderKind.CASH:
        return Tender(TenderKind.CASH)
    return Tender(
        wrong.booked.tender,
        terminal_id=TerminalId(payment["terminal_id"]),
        batch=payment["batch"],
        voucher=void_voucher,
        reference=payment["reference"],
        card_tail=payment["card_tail"],
    )


def _given_back(wrong: _Wrong, tender: Tender | None) -> tuple[Block, ...]:
    if wrong.cash_out:
        return (Pair("退出现金", money(wrong.booked.amount_fen), strong=True),)
    if tender is None or wrong.payment is None:
        return (Pair("收回现金", money(wrong.booked.amount_fen), strong=True),)
    return (
        Pair("退款方式", f"{tender.kind.text}，退回原银行卡"),
        Pair("终端", tender.terminal_id),
        Pair("原终端凭证号", wrong.payment["terminal_receipt_no"]),
        Pair("撤销 / 退货凭证号", tender.voucher),
    )


def _left(card: Card | None, balance_fen: int, owed_fen: int) -> tuple[Block, ...]:
    if card is None:
        return ()
    lines: tuple[Block, ...] = (Pair("卡内余额", money(balance_fen), strong=True),)
    if owed_fen:
        lines += (
            Pair("登记应收", money(owed_fen), strong=True),
            Note("卡内余额不足，已扣回全部余额并冻结此卡，不足部分登记应收。"),
        )
    return lines
