"""应收款: what holders owe after late spending or a correction, and its payment in cash at a counter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from counter_app.domain import limits, masking
from counter_app.domain.cards import CardState, card_no_text
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, HolderId, OperationId, PurseId
from counter_app.domain.ledger import (
    CARD_RECEIVABLE,
    OperationKind,
    Tender,
    TenderKind,
    Transfer,
    till_account,
)
from counter_app.domain.money import yuan
from counter_app.domain.requests import ReceivableSettled, SettleReceivable
from counter_app.domain.shifts import TillState, clock_text, hall_date
from counter_app.services import approvals, receipts
from counter_app.storage import cards, holders, ledger
from counter_app.storage.database import Transaction
from printing.receipt import Money, Pair

if TYPE_CHECKING:
    from counter_app.services.hall import HallAtCounter

SIGN_RECEIVABLE = ("客户签名", "经办", "复核 / 主管")


@dataclass(frozen=True, slots=True)
class ReceivableRow:
    """One sum a holder owes; the name is masked."""

    operation_id: OperationId
    card_no: CardNo
    holder_id: HolderId | None
    name_masked: str
    amount_fen: int
    why: str
    opened_text: str


class ReceivablesDesk:
    """The manager's list of one hall, and its payments at one counter."""

    def __init__(self, at: HallAtCounter) -> None:
        self._at = at
        self._database = at.database

    def listed(self) -> list[ReceivableRow]:
        """What holders still owe, newest first."""

        def look(tx: Transaction) -> list[ReceivableRow]:
            owed = cards.receivables(tx)
            people = holders.load_many(tx, (item.holder_id for item in owed if item.holder_id is not None))
            return [
                ReceivableRow(
                    item.operation_id,
                    item.card_no,
                    item.holder_id,
                    "" if item.holder_id is None else masking.mask_name(people[item.holder_id].name),
                    item.amount_fen,
                    item.why,
                    clock_text(item.opened_at),
                )
                for item in owed
            ]

        return self._database.read(look)

    def settle(self, request: SettleReceivable) -> ReceivableSettled:
        """Take the whole sum in cash, with the manager's signature; a card frozen for it is free again.

        `Refused`: RECEIVABLE_GONE when it was paid meanwhile, TILL_NOT_OPEN, RECEIVED_TOO_LITTLE or _IMPLAUSIBLE,
        APPROVAL_NEEDED.
        """
        self._database.keep(request)
        return self._database.run(request, lambda tx: self._settle(tx, request), ReceivableSettled)

    def _settle(self, tx: Transaction, request: SettleReceivable) -> ReceivableSettled:
        fence = ledger.fence(tx, request.asked, till=TillState.OPEN)
        card = cards.load(tx, request.card_no)
        if card.purse_id is None:
            raise Refused(Reason.CARD_BLANK, card_no=card_no_text(card.card_no))
        # Locked before the list is read: of two counters only one finds it unpaid, or frees the card.
        cards.load_purse(tx, card.purse_id)
        still = cards.receivables_of(tx, card.purse_id)
        owed = next((item for item in still if item.operation_id == request.opened_by), None)
        if owed is None or owed.amount_fen != request.amount_fen:
            raise Refused(Reason.RECEIVABLE_GONE, amount=yuan(request.amount_fen))
        tender = Tender(TenderKind.CASH, received_fen=request.received_fen)
        change_fen = limits.check_received(tender, owed.amount_fen, self._at.rules, hall_date(tx.now))
        approver = approvals.require(tx, request, self._at.rules)
        freed = len(still) == 1 and self._free(tx, owed.purse_id)
        done = ReceivableSettled(
            request.asked.operation_id, fence.receipt_no, card.card_no, owed.amount_fen, change_fen, freed
        )
        holder = holders.load(tx, card.holder_id) if card.holder_id else None
        receipts.save(
            tx,
            self._at,
            fence,
            request.asked,
            (
                *receipts.head(self._at, tx, fence, "应收款收款凭证"),
                *receipts.person(card.card_no, card.kind.text, holder),
                Pair("登记时间", clock_text(owed.opened_at)),
                Pair("应收原因", owed.why),
                Money("收款金额", owed.amount_fen),
                *receipts.paid(tender, change_fen),
                *((Pair("卡状态", "已解冻，可以使用", strong=True),) if freed else ()),
                Pair("主管签认", approver),
            ),
            signatures=SIGN_RECEIVABLE,
            drawer=True,
        )
        ledger.record(
            tx,
            fence,
            request,
            OperationKind.SETTLE_RECEIVABLE,
            done,
            transfers=(Transfer(till_account(fence.counter_no), CARD_RECEIVABLE, owed.amount_fen),),
            card_no=card.card_no,
            purse_id=owed.purse_id,
            amount_fen=owed.amount_fen,
            tender=tender,
            approver=approver,
            # What this pays; the list leaves out what such an operation names.
            reason=owed.operation_id,
        )
        return done

    @staticmethod
    def _free(tx: Transaction, purse_id: PurseId) -> bool:
        """Nothing is owed any more: only a correction freezes a card, and only until then."""
        frozen = [card for card in cards.of_purse(tx, purse_id) if card.state is CardState.FROZEN]
        for card in frozen:
            cards.save(tx, cards.load(tx, card.card_no).with_state(CardState.ACTIVE))
        return bool(frozen)
