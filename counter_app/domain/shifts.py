"""Shift, till and cash count: counter × clerk × business date, and the money that is counted by denomination."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import ShiftId, StaffNo
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
