"""What a payment terminal is asked and what it answers, the same for every protocol."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from counter_app.domain.ids import IntentId, TerminalId


class PaymentMethod(enum.Enum):
    """How the customer pays at the linked terminal."""

    CARD = "card"
    SCAN = "scan"


class Verdict(enum.Enum):
    """The terminal's answer. UNKNOWN is a third answer, never to be taken for a no."""

    APPROVED = "approved"
    DECLINED = "declined"
    UNKNOWN = "unknown"


class Reply(enum.Enum):
    """What the counter answers to an approval: keep the money, or have the terminal undo it at once."""

    ACCEPT = "accept"
    REVERSE = "reverse"


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """One payment to ask of a terminal; the intent was committed before this is sent."""

    intent_id: IntentId
    amount_fen: int
    method: PaymentMethod = PaymentMethod.CARD


@dataclass(frozen=True, slots=True)
class TerminalResult:
    """What the terminal said, with every number a slip carries. Card numbers are masked before they get here.

    `receipt_no`, `trace`, `authorisation` are the terminal's own numbers ("" where it told none);
    `local_time` is the terminal's clock as `HH:MM:SS` or ""; `credit_card` is None where it told nothing;
    `message` is a Chinese sentence for the clerk; `code` the raw result code in hex or "".
    """

    verdict: Verdict
    amount_fen: int
    terminal_id: TerminalId
    receipt_no: str = ""
    trace: str = ""
    authorisation: str = ""
    card_tail: str = ""
    card_name: str = ""
    local_time: str = ""
    credit_card: bool | None = None
    code: str = ""
    message: str = ""


OnResult = Callable[[TerminalResult], Reply]
"""Stores an approval durably, then says ACCEPT or REVERSE; only after that does the protocol acknowledge."""
