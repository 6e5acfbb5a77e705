"""People behind the counter: roles and what each may do."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from counter_app.domain.ids import StaffNo


class Role(enum.Enum):
    """A post in the hall; the values are stored."""

    CLERK = "clerk"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"

    @property
    def text(self) -> str:
        """The hall's word."""
        return {"clerk": "营业员", "manager": "主管", "administrator": "管理员", "system": "系统"}[self.value]


class Right(enum.Enum):
    """What needs more than being a clerk."""

    APPROVE = "approve"
    CLOSE_DAY = "close_day"
    SETTLE_UNKNOWN = "settle_unknown"
    SEE_EXPECTED_CASH = "see_expected_cash"
    SETTINGS = "settings"


_RIGHTS: dict[Role, frozenset[Right]] = {
    Role.CLERK: frozenset(),
    Role.MANAGER: frozenset(Right),
    Role.ADMINISTRATOR: frozenset({Right.SETTINGS}),
    Role.SYSTEM: frozenset(),
}


def may(role: Role, right: Right) -> bool:
    """Whether the role carries the right."""
    return right in _RIGHTS[role]


SYSTEM_STAFF_NO = StaffNo("SYSTEM")
"""Owner of each counter's system chain: what happens without a clerk."""


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One person. `deputises` is true on days on which a dated deputation gives a clerk the manager's rights."""

    staff_no: StaffNo
    name: str
    role: Role
    deputises: bool = False

    def may(self, right: Right) -> bool:
        """Whether this person carries the right today, by role or as a dated deputy."""
        return may(Role.MANAGER if self.deputises else self.role, right)
