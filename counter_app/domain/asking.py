"""Who asks: the person signed in at a counter, and what every request carries of them.

Your line belongs here if sign-in needs it. It stands apart from `requests` because every start pays for what is here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from counter_app.domain.ids import ApprovalId, HallId, OperationId, ShiftId, StaffNo


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, where and when. The page makes `operation_id` before the first try and renews it after success."""

    operation_id: OperationId
    hall_id: HallId
    counter_no: int
    shift_id: ShiftId
    staff_no: StaffNo
    asked_at: dt.datetime
    approvals: tuple[ApprovalId, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice of the hall; valid on business dates from … to; each clerk confirms having read it."""

    notice_id: str
    title: str
    body: str
    valid_from: dt.date
    valid_to: dt.date


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person at a counter after the password was right."""

    staff_no: StaffNo
    name: str
    role_text: str
    is_manager: bool
    shift_id: ShiftId
    business_date: dt.date
    ordinal: int
    unread_notices: tuple[Notice, ...] = field(default=())
