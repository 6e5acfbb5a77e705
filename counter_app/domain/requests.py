"""What a clerk asks for and what came of it: frozen plain values that go to JSON and back.

Each desk method takes one request and returns one outcome. Outcomes are stored with the operation, so they hold
ids and masked values only. Money in fen; moments as aware datetimes in UTC.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from counter_app.domain.asking import Asked
from counter_app.domain.cards import LossChannel
from counter_app.domain.documents import IdDocument
from counter_app.domain.ids import (
    CardNo,
    IntentId,
    OperationId,
    ReceiptNo,
)
from counter_app.domain.ledger import OperationKind, Tender
from counter_app.domain.shifts import CashCount, SlipCheck, SlipCount

# --- till -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenTill:
    """Open the drawer with a float counted by denomination; `from_safe_fen` is what was fetched from the safe."""

    asked: Asked
    counted: CashCount
    from_safe_fen: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TillOpened:
    operation_id: OperationId
    receipt_no: ReceiptNo
    opening_fen: int
    left_last_time_fen: int
    from_safe_fen: int
    difference_fen: int


class CashPlace(enum.Enum):
    """The other account of a cash movement; the values are account names of the ledger."""

    SAFE = "safe"
    BANK = "bank"
    MANAGER = "manager"

    @property
    def text(self) -> str:
        """The hall's word."""
        return {"safe": "保险柜", "bank": "银行", "manager": "主管"}[self.value]


@dataclass(frozen=True, slots=True)
class MoveCash:
    """Cash into (`into_till`) or out of the drawer; names its other account and its paper."""

    asked: Asked
    into_till: bool
    place: CashPlace
    amount_fen: int
    paper_no: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class CashMoved:
    operation_id: OperationId
    receipt_no: ReceiptNo
    into_till: bool
    place: CashPlace
    amount_fen: int


@dataclass(frozen=True, slots=True)
class LockCount:
    """Lock a blind count of the cash and of the slips of stand-alone terminals. After it the drawer takes no more
    money and the difference is shown."""

    asked: Asked
    counted: CashCount
    slips: tuple[SlipCount, ...] = ()


@dataclass(frozen=True, slots=True)
class CountLocked:
    operation_id: OperationId
    receipt_no: ReceiptNo
    counted_fen: int
    expected_fen: int
    difference_fen: int
    slips: tuple[SlipCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class CloseTill:
    """Close the drawer: `left_in_drawer_fen` stays as the next float, the rest goes to the safe."""

    asked: Asked
    left_in_drawer_fen: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TillClosed:
    operation_id: OperationId
    receipt_no: ReceiptNo
    opening_fen: int
    expected_fen: int
    counted_fen: int
    difference_fen: int
    to_safe_fen: int
    left_in_drawer_fen: int


# --- top-up -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TopUp:
    """Put money on a card (充值)."""

    asked: Asked
    card_no: CardNo
    amount_fen: int
    tender: Tender


@dataclass(frozen=True, slots=True)
class ToppedUp:
    operation_id: OperationId
    receipt_no: ReceiptNo
    card_no: CardNo
    amount_fen: int
    tender: Tender
    change_fen: int
    balance_fen: int
    at: dt.datetime


# --- loss and replacement ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """What the caller says, exactly as typed. `balance_fen` None: the caller does not know it, then
    `last_top_up_fen` or `second_contact` may stand in (rule book), and only one's own visit lifts the freeze."""

    name: str
    id_number: str
    phone: str
    balance_fen: int | None = None
    last_top_up_fen: int | None = None
    second_contact: str = ""


@dataclass(frozen=True, slots=True)
class CheckClaim:
    """Compare a claim with the stored values of a card without showing any of them; every try is logged."""

    asked: Asked
    card_no: CardNo
    claim: Claim


@dataclass(frozen=True, slots=True)
class ClaimAnswer:
    """Match or no match per field; None where nothing was claimed. `tries_left` counts down to hall-only."""

    name: bool
    id_number: bool
    phone: bool
    balance: bool | None
    fallback: bool | None
    tries_left: int

    @property
    def holds(self) -> bool:
        """Whether enough matches for a loss report: all three personal fields, and the balance or its stand-in."""
        return self.name and self.id_number and self.phone and bool(self.balance or self.fallback)


@dataclass(frozen=True, slots=True)
class ReportLoss:
    """Freeze a named card. In the hall `document` may stand in for the claim."""

    asked: Asked
    card_no: CardNo
    channel: LossChannel
    claim: Claim | None = None
    document: IdDocument | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class LossReported:
    """`deadline` is the last day on which the holder should come (7 days); `first_time` False when the card had
    been reported before: then the first reference is given again."""

    operation_id: OperationId
    receipt_no: ReceiptNo
    reference: str
    card_no: CardNo
    reported_at: dt.datetime
    deadline: dt.date
    fee_fen: int
    places: tuple[str, ...]
    first_time: bool
    hall_only: bool = False


@dataclass(frozen=True, slots=True)
class CancelLoss:
    """解挂: the card was found; the holder's document is read, or typed with the manager beside."""

    asked: Asked
    card_no: CardNo
    document: IdDocument
    remark: str = ""


@dataclass(frozen=True, slots=True)
class LossCancelled:
    operation_id: OperationId
    receipt_no: ReceiptNo
    reference: str
    card_no: CardNo
    balance_fen: int


@dataclass(frozen=True, slots=True)
class ReserveCard:
    """Reserve a lost card for its replacement before money is taken; a second counter is told who and since when."""

    asked: Asked
    card_no: CardNo


@dataclass(frozen=True, slots=True)
class CardReserved:
    intent_id: IntentId
    card_no: CardNo
    overdue: bool
    fee_fen: int


@dataclass(frozen=True, slots=True)
class ReplaceCard:
    """补卡: a lost named card's purse moves to a blank card; the fee is paid with `tender`."""

    asked: Asked
    intent_id: IntentId
    old_card_no: CardNo
    new_card_no: CardNo
    document: IdDocument
    tender: Tender


@dataclass(frozen=True, slots=True)
class CardReplaced:
    operation_id: OperationId
    receipt_no: ReceiptNo
    old_card_no: CardNo
    new_card_no: CardNo
    balance_fen: int
    fee_fen: int
    tender: Tender
    change_fen: int
    overdue: bool
    typed_document: bool
    freeze_from: dt.datetime
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class CollectOldCard:
    """收回作废: the old, replaced card turned up and is taken in."""

    asked: Asked
    card_no: CardNo


@dataclass(frozen=True, slots=True)
class OldCardCollected:
    operation_id: OperationId
    receipt_no: ReceiptNo
    card_no: CardNo


@dataclass(frozen=True, slots=True)
class LateSpending:
    """Offline spending on an old number that arrives after its replacement; it follows to the new card's purse."""

    asked: Asked
    card_no: CardNo
    amount_fen: int
    spent_at: dt.datetime
    source: str


@dataclass(frozen=True, slots=True)
class SpendingBooked:
    operation_id: OperationId
    receipt_no: ReceiptNo
    card_no: CardNo
    amount_fen: int
    from_purse_fen: int
    receivable_fen: int


@dataclass(frozen=True, slots=True)
class SettleReceivable:
    """收回应收款: the holder pays in cash what the operation `opened_by` left owing on `card_no`; always the whole
    `amount_fen`, which the manager signs for."""

    asked: Asked
    opened_by: OperationId
    card_no: CardNo
    amount_fen: int
    received_fen: int


@dataclass(frozen=True, slots=True)
class ReceivableSettled:
    """`freed`: nothing is owed any more, and the card that was frozen for it may be used again."""

    operation_id: OperationId
    receipt_no: ReceiptNo
    card_no: CardNo
    amount_fen: int
    change_fen: int
    freed: bool


# --- undoing ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reverse:
    """冲正 of a wrong operation of the same shift; with `correction` 更正 of an older one, or of one whose card has
    already spent the money. Part of the request, because the manager signs for exactly the one or the other.

    `void_voucher` is the number on the paper that proves a card payment was undone: of a stand-alone POS, or of
    the 退货 form when the linked terminal has been settled.
    """

    asked: Asked
    receipt_no: ReceiptNo
    reason: str
    correction: bool = False
    void_voucher: str = ""


@dataclass(frozen=True, slots=True)
class Reversed:
    """`cash_back_fen` is what leaves the drawer; `frozen_fen` and `receivable_fen` only after a correction of a
    card that had already spent the money; `refund_form` tells that the terminal was settled: a 退货 form follows."""

    operation_id: OperationId
    receipt_no: ReceiptNo
    reversed_receipt_no: ReceiptNo
    kind: OperationKind
    amount_fen: int
    cash_back_fen: int
    correction: bool = False
    receivable_fen: int = 0
    refund_form: bool = False
    card_no: CardNo | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reprint:
    """补打: one more copy of a saved receipt; above the first a manager signs."""

    asked: Asked
    receipt_no: ReceiptNo


# --- unknown outcomes -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SettleUnknown:
    """A manager decides an UNKNOWN payment from the terminal's slip: paid (with the slip's numbers) or not paid."""

    asked: Asked
    intent_id: IntentId
    paid: bool
    voucher: str = ""
    card_tail: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UnknownSettled:
    intent_id: IntentId
    paid: bool
    receipt_no: ReceiptNo | None = None


# --- day --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CloseDay:
    """日结: seal a business date of which every till is closed."""

    asked: Asked
    business_date: dt.date
    note: str = ""


@dataclass(frozen=True, slots=True)
class DayClosed:
    operation_id: OperationId
    receipt_no: ReceiptNo
    business_date: dt.date
    operations: int
    debit_fen: int
    anchor: str


Request = (
    OpenTill
    | MoveCash
    | LockCount
    | CloseTill
    | TopUp
    | CheckClaim
    | ReportLoss
    | CancelLoss
    | ReserveCard
    | ReplaceCard
    | CollectOldCard
    | LateSpending
    | SettleReceivable
    | Reverse
    | Reprint
    | SettleUnknown
    | CloseDay
)
