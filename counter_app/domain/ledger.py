"""The ledger's words: accounts, transfers, kinds of operation and of tender. The ledger only grows."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import AccountId, PurseId, TerminalId
from counter_app.domain.money import yuan

SAFE = AccountId("safe")
BANK = AccountId("bank")
MANAGER = AccountId("manager")
FEE_INCOME = AccountId("fee_income")
CASH_OVER = AccountId("cash_over")
CASH_SHORT = AccountId("cash_short")
HEAD_OFFICE = AccountId("head_office")
CARD_RECEIVABLE = AccountId("card_receivable")


def till_account(counter_no: int) -> AccountId:
    """The drawer of one counter: an asset."""
    return AccountId(f"till:{counter_no}")


def purse_account(purse_id: PurseId) -> AccountId:
    """A card's stored money: a liability (备付金)."""
    return AccountId(f"purse:{purse_id}")


def pos_account(terminal_id: TerminalId | str) -> AccountId:
    """Money a terminal took that the bank still owes: a clearing asset until settled."""
    return AccountId(f"pos:{terminal_id}")


class AccountKind(enum.Enum):
    """What an account is, for the trial balance."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EQUITY = "equity"


def account_kind(account: AccountId) -> AccountKind:
    """The kind by the account's name; an unknown name is a defect."""
    if account.startswith("purse:") or account == CASH_OVER:
        return AccountKind.LIABILITY
    if account.startswith(("till:", "pos:")) or account in (SAFE, BANK, MANAGER, CASH_SHORT, CARD_RECEIVABLE):
        return AccountKind.ASSET
    if account == FEE_INCOME:
        return AccountKind.INCOME
    if account == HEAD_OFFICE:
        return AccountKind.EQUITY
    raise LookupError(f"unknown account {account}")


@dataclass(frozen=True, slots=True)
class Transfer:
    """One debit account, one credit account, one amount in fen (> 0): balanced by construction."""

    debit: AccountId
    credit: AccountId
    amount_fen: int

    def __post_init__(self) -> None:
        if self.amount_fen <= 0 or self.debit == self.credit:
            raise ValueError(f"not a transfer: {self.debit} {self.credit} {self.amount_fen}")

    def reversed(self) -> Transfer:
        """The transfer that undoes this one."""
        return Transfer(self.credit, self.debit, self.amount_fen)


class OperationKind(enum.Enum):
    """What a clerk did; the values are stored."""

    OPEN_TILL = "open_till"
    CASH_IN = "cash_in"
    CASH_OUT = "cash_out"
    LOCK_COUNT = "lock_count"
    CLOSE_TILL = "close_till"
    TOP_UP = "top_up"
    REPORT_LOSS = "report_loss"
    CANCEL_LOSS = "cancel_loss"
    REPLACE_CARD = "replace_card"
    COLLECT_OLD_CARD = "collect_old_card"
    REVERSE = "reverse"
    CORRECT = "correct"
    CLOSE_DAY = "close_day"
    OPENING_BALANCE = "opening_balance"
    LATE_SPENDING = "late_spending"
    SETTLE_RECEIVABLE = "settle_receivable"

    @property
    def text(self) -> str:
        """The hall's word."""
        return _KIND_TEXT[self]


_KIND_TEXT = {
    OperationKind.OPEN_TILL: "开箱",
    OperationKind.CASH_IN: "现金调入",
    OperationKind.CASH_OUT: "现金调出",
    OperationKind.LOCK_COUNT: "点钞锁定",
    OperationKind.CLOSE_TILL: "关箱",
    OperationKind.TOP_UP: "充值",
    OperationKind.REPORT_LOSS: "挂失",
    OperationKind.CANCEL_LOSS: "解挂",
    OperationKind.REPLACE_CARD: "补卡",
    OperationKind.COLLECT_OLD_CARD: "旧卡收回",
    OperationKind.REVERSE: "冲正",
    OperationKind.CORRECT: "更正",
    OperationKind.CLOSE_DAY: "日结",
    OperationKind.OPENING_BALANCE: "期初余额",
    OperationKind.LATE_SPENDING: "消费",
    OperationKind.SETTLE_RECEIVABLE: "收回应收款",
}


class TenderKind(enum.Enum):
    """How the customer pays; the values are stored."""

    NONE = "none"
    CASH = "cash"
    TERMINAL_CARD = "terminal_card"
    TERMINAL_SCAN = "terminal_scan"
    SLIP = "slip"

    @property
    def text(self) -> str:
        """The word on page and paper."""
        return _TENDER_TEXT[self]

    @property
    def at_terminal(self) -> bool:
        """Whether the linked terminal must answer before anything is booked."""
        return self in (TenderKind.TERMINAL_CARD, TenderKind.TERMINAL_SCAN)


_TENDER_TEXT = {
    TenderKind.NONE: "",
    TenderKind.CASH: "现金",
    TenderKind.TERMINAL_CARD: "借记卡 POS",
    TenderKind.TERMINAL_SCAN: "扫码",
    TenderKind.SLIP: "独立 POS",
}


@dataclass(frozen=True, slots=True)
class Tender:
    """How one sum is paid.

    CASH: `received_fen` is what the customer handed over. SLIP: the numbers the clerk keyed from the slip of a
    stand-alone POS, `debit_confirmed` the clerk's tick. Terminal tenders: `terminal_id`; the rest comes from the
    terminal's answer.
    """

    kind: TenderKind
    received_fen: int = 0
    terminal_id: str = ""
    batch: str = ""
    voucher: str = ""
    reference: str = ""
    card_tail: str = ""
    authorisation: str = ""
    debit_confirmed: bool = False

    def change_fen(self, due_fen: int) -> int:
        """Change to give out for `due_fen`; raises `Refused` when too little, or implausibly much, was received."""
        if self.kind is not TenderKind.CASH:
            return 0
        if self.received_fen < due_fen:
            raise Refused(Reason.RECEIVED_TOO_LITTLE, received=yuan(self.received_fen), due=yuan(due_fen))
        return self.received_fen - due_fen

    def account(self, counter_no: int) -> AccountId:
        """The asset account this money goes to."""
        if self.kind is TenderKind.CASH:
            return till_account(counter_no)
        return pos_account(self.terminal_id)
