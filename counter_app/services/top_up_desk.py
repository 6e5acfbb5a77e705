"""充值: put money on a card, paid in cash, by a stand-alone POS slip, or at the linked terminal."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from counter_app.domain import limits
from counter_app.domain.cards import Card
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, IntentId
from counter_app.domain.ledger import OperationKind, Tender, TenderKind, Transfer, purse_account
from counter_app.domain.money import money
from counter_app.domain.requests import ToppedUp, TopUp
from counter_app.domain.rule_book import RuleCode
from counter_app.domain.shifts import TillState, hall_date
from counter_app.services import receipts
from counter_app.storage import cards, holders, intents, ledger
from counter_app.storage.database import Transaction
from printing.receipt import Money, Pair

if TYPE_CHECKING:
    from counter_app.domain.payments import TerminalResult
    from counter_app.domain.waiting import CancelToken, Progress
    from counter_app.services.hall import HallAtCounter
    from counter_app.services.payment_desk import PaymentDesk, Terminal


@dataclass(frozen=True, slots=True)
class TopUpQuote:
    """What may be put on a card today: room up to the card's limit, and the cash bound."""

    card_no: CardNo
    balance_fen: int
    limit_fen: int
    limit_source: str
    kind_text: str
    cash_below_fen: int

    @property
    def room_fen(self) -> int:
        """The most that may still be put on the card."""
        return max(self.limit_fen - self.balance_fen, 0)


class TopUpDesk:
    """One counter's top-ups."""

    def __init__(self, at: HallAtCounter, payments: PaymentDesk) -> None:
        self._at = at
        self._database = at.database
        self._payments = payments
        payments.register(TopUp, ToppedUp, self._book_paid, self.check)

    def quote(self, card_no: CardNo) -> TopUpQuote:
        """The limits of a card, for the line under the amount."""

        def look(tx: Transaction) -> TopUpQuote:
            card = cards.find(tx, card_no)
            if card is None:
                raise Refused(Reason.CARD_UNKNOWN, card_no=card_no)
            card.require_usable()
            assert card.purse_id is not None
            day = hall_date(tx.now)
            limit = self._at.rules.card_limit(card.kind, day)
            return TopUpQuote(
                card_no,
                cards.look_at_purse(tx, card.purse_id).balance_fen,
                limit.value,
                limit.source,
                card.kind.text,
                self._at.rules.value(RuleCode.CASH_TOP_UP_BELOW, day),
            )

        return self._database.read(look)

    def check(self, tx: Transaction, request: TopUp, intent_id: IntentId | None = None) -> Card:
        """Everything that can say no, in the order a clerk would name it; the card, locked, when nothing does."""
        card = cards.load(tx, request.card_no)
        card.require_usable()
        intents.require_free(tx, request.card_no, except_for=intent_id)
        assert card.purse_id is not None
        purse = cards.load_purse(tx, card.purse_id)
        day = hall_date(tx.now)
        limits.check_top_up(
            card.kind, purse.balance_fen, request.amount_fen, request.tender, self._at.rules, day
        )
        return card

    def top_up(self, request: TopUp) -> ToppedUp:
        """Book a top-up paid in cash or by a stand-alone POS slip. Kept before the first try; booked once."""
        if request.tender.kind.at_terminal:
            raise ValueError("a terminal payment goes through pay_at_terminal")
        self._database.keep(request)
        return self._database.run(request, lambda tx: self._top_up(tx, request), ToppedUp)

    def pay_at_terminal(
        self, request: TopUp, terminal: Terminal, progress: Progress, cancel: CancelToken
    ) -> ToppedUp:
        """Charge the linked terminal, then book; see `PaymentDesk.pay` for what may come back."""
        return self._payments.pay(
            request, request.card_no, request.amount_fen, terminal, progress, cancel, ToppedUp
        )

    def _top_up(self, tx: Transaction, request: TopUp) -> ToppedUp:
        fence = ledger.fence(tx, request.asked, till=TillState.OPEN)
        card = self.check(tx, request)
        day = hall_date(tx.now)
        change_fen = limits.check_received(request.tender, request.amount_fen, self._at.rules, day)
        tender = limits.slip_as_kept(request.tender)
        require_fresh_slip(tx, fence, tender)
        kept = dataclasses.replace(request, tender=tender)
        return self._book(tx, fence, kept, card, change_fen, original=request)

    def _book_paid(
        self, tx: Transaction, fence: ledger.Fence, request: TopUp, result: TerminalResult
    ) -> ToppedUp:
        """The terminal took the money: book whatever the card's state is by now, the purse is the holder's."""
        card = cards.load(tx, request.card_no)
        tender = dataclasses.replace(
            request.tender,
            # Not every terminal tells its number; the money is still on the one that was asked.
            terminal_id=result.terminal_id or request.tender.terminal_id,
            voucher=result.receipt_no,
            reference=result.trace,
            card_tail=result.card_tail,
            authorisation=result.authorisation,
        )
        return self._book(tx, fence, dataclasses.replace(request, tender=tender), card, 0, original=request)

    def _book(
        self,
        tx: Transaction,
        fence: ledger.Fence,
        request: TopUp,
        card: Card,
        change_fen: int,
        original: TopUp | None = None,
    ) -> ToppedUp:
        assert card.purse_id is not None
        purse = cards.change_balance(tx, card.purse_id, request.amount_fen)
        done = ToppedUp(
            request.asked.operation_id,
            fence.receipt_no,
            card.card_no,
            request.amount_fen,
            request.tender,
            change_fen,
            purse.balance_fen,
            tx.now,
        )
        holder = holders.load(tx, card.holder_id) if card.holder_id else None
        receipts.save(
            tx,
            self._at,
            fence,
            request.asked,
            (
                *receipts.head(self._at, tx, fence, "充值凭证"),
                *receipts.person(card.card_no, card.kind.text, holder),
                Money("充值金额", request.amount_fen),
                *receipts.paid(request.tender, change_fen),
                Pair("充值后余额", money(purse.balance_fen), strong=True),
            ),
            drawer=request.tender.kind is TenderKind.CASH,
        )
        ledger.record(
            tx,
            fence,
            original or request,
            OperationKind.TOP_UP,
            done,
            transfers=(
                Transfer(
                    request.tender.account(fence.counter_no), purse_account(card.purse_id), request.amount_fen
                ),
            ),
            card_no=card.card_no,
            purse_id=card.purse_id,
            amount_fen=request.amount_fen,
            tender=request.tender,
        )
        return done


def require_fresh_slip(tx: Transaction, fence: ledger.Fence, tender: Tender) -> None:
    """Refuse a stand-alone slip that has paid for something already."""
    if tender.kind is not TenderKind.SLIP:
        return
    receipt_no = ledger.receipt_of_slip(tx, fence.business_date, tender)
    if receipt_no is not None:
        raise Refused(
            Reason.SLIP_USED, terminal=tender.terminal_id, voucher=tender.voucher, receipt_no=receipt_no
        )
