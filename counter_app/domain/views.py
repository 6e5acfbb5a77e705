"""What a page shows: frozen values that services make and the window paints, already masked and already text.

Your line belongs here if a clerk reads it on the screen and both a service and a widget must agree on its shape.
Nothing here is ever stored, and nothing here holds an unmasked number.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

Tone = Literal["good", "warn", "bad", "plain"]
"""How a word is coloured; the word itself always says the same, since colour never speaks alone."""


@dataclasses.dataclass(frozen=True, slots=True)
class RecentLine:
    """One line of the last transactions: `11-20 18:02`, `充值`, `+100.00`."""

    time_text: str
    what: str
    amount_text: str


@dataclasses.dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line of a purse's history over old and new card numbers. `key` goes on where a page ended."""

    key: str
    receipt_no: str
    time_text: str
    what: str
    amount_text: str
    """`+100.00` or `−23.00` where the balance changed, `25.00` for a fee paid beside it, else empty."""
    change_fen: int
    """What it did to the balance; 0 for a fee."""
    tender_text: str
    counter_no: int
    staff_no: str
    card_tail: str
    """Last four digits of the card number it was done with."""
    reversed: bool = False
    """Whether it was undone (冲正)."""


@dataclasses.dataclass(frozen=True, slots=True)
class CardChoice:
    """One of several cards of a person; `key` opens it."""

    key: str
    card_no_text: str
    kind_text: str
    state_text: str
    state_tone: Tone
    shown: bool
    """Whether it is the card the panel shows now."""


@dataclasses.dataclass(frozen=True, slots=True)
class CustomerView:
    """Who stands at the counter. With `hidden` (a telephone loss report) the panel shows no personal value at all."""

    card_no: str
    card_no_text: str
    """The card number in groups of four."""
    name_masked: str
    document_masked: str
    phone_masked: str
    kind_text: str
    """`实名` or `不记名`."""
    state_text: str
    state_tone: Tone
    balance_fen: int | None
    """None while nobody may see it or it is not known yet."""
    warnings: tuple[str, ...] = ()
    recent: tuple[RecentLine, ...] = ()
    hidden: bool = False
    holder_id: str | None = None
    purse_id: str | None = None
    card_state: str = ""
    cards: tuple[CardChoice, ...] = ()
    """All cards of the person when there are several, the shown one included."""


@dataclasses.dataclass(frozen=True, slots=True)
class Match:
    """One line of the entry box's list. `key` opens it and is meaningless to the page."""

    key: str
    title: str
    detail: str
    kind: str
    """`客户`, `卡` or `凭证`: the word at the line's end."""
    paper_no: str = ""
    """The receipt to show, where no customer stands behind it; "" where `key` opens one."""


@dataclasses.dataclass(frozen=True, slots=True)
class LampState:
    """One device's lamp in the header; `word` is shown whenever the tone is not good."""

    name: str
    tone: Tone
    word: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class StatusView:
    """The status line's right half. It has no field for expected cash on purpose: counts are blind."""

    business_day_text: str
    """Business date and shift, e.g. `11-22 上午班`."""
    print_queue: int = 0
    pending: int = 0
    complaints_due: int | None = None
    blacklist_text: str = ""
    """Age of the blacklist, e.g. `3 小时前`; empty when the hall has none."""


@dataclasses.dataclass(frozen=True, slots=True)
class ParkedView:
    """A customer waiting with everything typed: masked name, what was being done, since when (`14:20`)."""

    key: str
    name_masked: str
    what: str
    since_text: str


@dataclasses.dataclass(frozen=True, slots=True)
class LastTransactionView:
    """The last transaction of this counter, which stays visible until the next one is done."""

    time_text: str
    what: str
    """Kind, sum and tender, e.g. `充值 ¥50.00 现金`."""
    change_fen: int | None
    """None for a transaction without cash."""
    receipt_no: str
    printed: bool | None = None
    """None while the paper is on its way."""


@dataclasses.dataclass(frozen=True, slots=True)
class NoticeView:
    """A notice to be read and confirmed at sign-in."""

    key: str
    title: str
    body: str
    validity_text: str


@dataclasses.dataclass(frozen=True, slots=True)
class SignInHint:
    """A demo database's account as it stands on the sign-in page."""

    staff_no: str
    name: str
    role_text: str
    password: str
