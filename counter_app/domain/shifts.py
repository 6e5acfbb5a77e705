"""Shift, till and cash count: counter × clerk × business date, and the money that is counted by denomination."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import ShiftId, StaffNo, TerminalId
from counter_app.domain.money import DENOMINATIONS_FEN

HALL_ZONE = dt.timezone(dt.timedelta(hours=8), "CST")
"""China has one time zone without daylight saving; the business date is read in it."""


class TillState(enum.Enum):
    """How far the drawer of a shift is; the values are stored."""

    NONE = "none"
    OPEN = "open"
    COUNTED = "counted"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class CashCount:
    """Pieces per denomination: ((denomination_fen, pieces), …), largest first, without zero rows."""

    pieces: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        for denomination_fen, count in self.pieces:
            if denomination_fen not in DENOMINATIONS_FEN or count < 0 or count > 100_000:
                raise Refused(
                    Reason.VALUE_NOT_ALLOWED, field="点钞", typed=f"{denomination_fen / 100:g} 元 × {count}"
                )

    @property
    def total_fen(self) -> int:
        """The sum of what was counted."""
        return sum(denomination_fen * count for denomination_fen, count in self.pieces)


@dataclass(frozen=True, slots=True)
class SlipCount:
    """The slips of one stand-alone terminal as they lie in the drawer: pieces and their sum.

    A payment that was undone at the terminal is laid aside together with its 撤销 slip and not counted.
    """

    terminal_id: TerminalId
    pieces: int
    amount_fen: int

    def __post_init__(self) -> None:
        if not self.terminal_id.strip() or not 0 <= self.pieces <= 100_000 or self.amount_fen < 0:
            raise Refused(
                Reason.VALUE_NOT_ALLOWED, field="签购单", typed=f"{self.terminal_id} × {self.pieces}"
            )


@dataclass(frozen=True, slots=True)
class SlipCheck:
    """The slips of one stand-alone terminal, counted and booked."""

    terminal_id: TerminalId
    pieces: int
    amount_fen: int
    booked_pieces: int
    booked_fen: int

    @property
    def fits(self) -> bool:
        """Whether each booked slip is there and no other."""
        return (self.pieces, self.amount_fen) == (self.booked_pieces, self.booked_fen)


def check_slips(counted: tuple[SlipCount, ...], booked: tuple[SlipCount, ...]) -> tuple[SlipCheck, ...]:
    """Counted against booked slips, by terminal; what only one side knows stands with 0 on the other."""
    there = {count.terminal_id: count for count in counted}
    if len(there) != len(counted):
        raise Refused(Reason.VALUE_NOT_ALLOWED, field="签购单", typed="同一终端填了两次")
    known = {count.terminal_id: count for count in booked}
    checks = []
    for terminal_id in sorted({*there, *known}):
        nothing = SlipCount(terminal_id, 0, 0)
        here, wanted = there.get(terminal_id, nothing), known.get(terminal_id, nothing)
        checks.append(SlipCheck(terminal_id, here.pieces, here.amount_fen, wanted.pieces, wanted.amount_fen))
    return tuple(checks)


@dataclass(frozen=True, slots=True)
class ShiftView:
    """What a page may know of a shift; never the expected cash."""

    shift_id: ShiftId
    counter_no: int
    staff_no: StaffNo
    business_date: dt.date
    ordinal: int
    till_state: TillState


def hall_date(now: dt.datetime) -> dt.date:
    """The calendar date in the hall at an aware moment."""
    return now.astimezone(HALL_ZONE).date()


def clock_text(now: dt.datetime) -> str:
    """Minute precision in the hall's zone, as pages and papers show it."""
    return now.astimezone(HALL_ZONE).strftime("%Y-%m-%d %H:%M")


def next_business_date(today: dt.date, last_closed: dt.date | None, newest_open: dt.date | None) -> dt.date:
    """The date a new shift carries: today, but never a closed one and never before one already begun.

    A clock that was set back therefore cannot book into the past, and work after the day's close goes to the
    next day.
    """
    candidates = [today]
    if last_closed is not None:
        candidates.append(last_closed + dt.timedelta(days=1))
    if newest_open is not None:
        candidates.append(newest_open)
    return max(candidates)
