"""Cards, purses and holders, and what a card's state allows; the card is a number that points to a purse."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, HolderId, PurseId


class CardState(enum.Enum):
    """The state of the printed number; the values are stored."""

    BLANK = "blank"
    ACTIVE = "active"
    LOST = "lost"
    FROZEN = "frozen"
    REPLACED = "replaced"
    COLLECTED = "collected"
    CLOSED = "closed"

    @property
    def text(self) -> str:
        """The hall's word for the state."""
        return _STATE_TEXT[self]


_STATE_TEXT = {
    CardState.BLANK: "空白卡",
    CardState.ACTIVE: "正常",
    CardState.LOST: "已挂失",
    CardState.FROZEN: "已冻结",
    CardState.REPLACED: "已补卡作废",
    CardState.COLLECTED: "收回作废",
    CardState.CLOSED: "已销卡",
}


class CardKind(enum.Enum):
    """实名 or 不记名: decides limits, loss report and replacement."""

    NAMED = "named"
    ANONYMOUS = "anonymous"

    @property
    def text(self) -> str:
        """The hall's word for the kind."""
        return "实名卡" if self is CardKind.NAMED else "不记名卡"


class LossChannel(enum.Enum):
    """How the report came; the values are stored."""

    HOTLINE = "hotline"
    HALL = "hall"
    HEADQUARTERS = "headquarters"

    @property
    def text(self) -> str:
        """The hall's word."""
        return {"hotline": "热线电话", "hall": "营业厅", "headquarters": "总部"}[self.value]


@dataclass(frozen=True, slots=True)
class Card:
    """One printed card number. `purse_id` is None only for a blank card; `version` guards every change."""

    card_no: CardNo
    kind: CardKind
    state: CardState
    purse_id: PurseId | None
    holder_id: HolderId | None
    version: int
    replaced_by: CardNo | None = None

    def require_usable(self) -> None:
        """Raise `Refused` unless money may be put on this card now."""
        if self.state is CardState.ACTIVE:
            return
        if self.state in (CardState.REPLACED, CardState.COLLECTED):
            raise Refused(
                Reason.CARD_REPLACED,
                card_no=card_no_text(self.card_no),
                new_card_no=card_no_text(self.replaced_by or CardNo("")),
            )
        raise Refused(_STATE_REASON[self.state], card_no=card_no_text(self.card_no))

    def require_named(self) -> None:
        """Raise `Refused` for an anonymous card: 实名制卡可挂失, an anonymous one neither reported lost nor replaced."""
        if self.kind is not CardKind.NAMED:
            raise Refused(Reason.CARD_ANONYMOUS)

    def with_state(self, state: CardState, replaced_by: CardNo | None = None) -> Card:
        """The card after a change of state."""
        return dataclasses.replace(self, state=state, replaced_by=replaced_by or self.replaced_by)


_STATE_REASON = {
    CardState.BLANK: Reason.CARD_BLANK,
    CardState.LOST: Reason.CARD_LOST,
    CardState.FROZEN: Reason.CARD_FROZEN,
    CardState.CLOSED: Reason.CARD_CLOSED,
}


@dataclass(frozen=True, slots=True)
class Purse:
    """The stored money behind a card, in whole fen; a liability of the company (备付金)."""

    purse_id: PurseId
    balance_fen: int
    version: int


@dataclass(frozen=True, slots=True)
class Holder:
    """The person behind named cards, decrypted; never leaves the services unmasked without an audit row."""

    holder_id: HolderId
    name: str
    document_number: str
    phone: str
    sex: str = ""
    address: str = ""
    second_contact: str = ""


CARD_NO_DIGITS = 16


def card_no_check_digit(first_15: str) -> str:
    """Luhn check digit that closes a 16-digit card number."""
    total = 0
    for position, digit in enumerate(reversed(first_15)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def parse_card_no(typed: str) -> CardNo:
    """Typed or scanned number → card number; spaces and full-width digits are accepted, damage is refused."""
    plain = "".join(typed.translate({code: code - 0xFEE0 for code in range(0xFF10, 0xFF1A)}).split())
    if (
        len(plain) != CARD_NO_DIGITS
        or not plain.isascii()
        or not plain.isdigit()
        or card_no_check_digit(plain[:-1]) != plain[-1]
    ):
        raise Refused(Reason.CARD_NO_MALFORMED, typed=typed[:24])
    return CardNo(plain)


def card_no_text(card_no: str) -> str:
    """Groups of four, as printed on the card."""
    return " ".join(card_no[start : start + 4] for start in range(0, len(card_no), 4))
