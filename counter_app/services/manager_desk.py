"""设置: the hall's people, deputies, notices and terminals, kept by the manager or administrator; every change audited."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from counter_app.domain.asking import Asked, Notice
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import StaffNo, TerminalId
from counter_app.domain.shifts import hall_date
from counter_app.domain.staff import Right, Role, StaffMember, may
from counter_app.services import approvals
from counter_app.storage import halls, ledger, people
from counter_app.storage.database import Transaction
from counter_app.storage.halls import Terminal

if TYPE_CHECKING:
    from counter_app.domain.rule_book import Rule
    from counter_app.services.hall import HallAtCounter
    from counter_app.services.passwords import Passwords


@dataclass(frozen=True, slots=True)
class StaffLine:
    """A person on the settings page; `deputises_until` is the last day of a running deputation, else ""."""

    staff_no: StaffNo
    name: str
    role_text: str
    active: bool
    deputises_until: str


@dataclass(frozen=True, slots=True)
class HallView:
    """Everything the settings page lists."""

    staff: tuple[StaffLine, ...]
    notices: tuple[Notice, ...]
    terminals: tuple[Terminal, ...]
    rules: tuple[Rule, ...]


class ManagerDesk:
    """What only a manager or administrator may change."""

    def __init__(self, at: HallAtCounter, passwords: Passwords) -> None:
        self._at = at
        self._database = at.database
        self._passwords = passwords

    def view(self) -> HallView:
        """People, notices, terminals and the rule book as they are today."""

        def look(tx: Transaction) -> HallView:
            day = hall_date(tx.now)
            deputies = people.deputies(tx, day)
            staff = tuple(
                StaffLine(
                    row.member.staff_no,
                    row.member.name,
                    row.member.role.text,
                    row.active,
                    deputies.get(row.member.staff_no, ""),
                )
                for row in people.everybody(tx, day)
            )
            rules = halls.rule_book(tx)
            return HallView(staff, people.notices(tx), halls.terminals(tx), rules.all())

        return self._database.read(look)

    def add_person(self, asked: Asked, staff_no: str, name: str, role: Role, password: str) -> None:
        """A new member of staff with a first password."""
        staff_no, name = staff_no.strip(), name.strip()
        if not (staff_no.isascii() and staff_no.isalnum()):
            raise Refused(Reason.VALUE_NOT_ALLOWED, field="工号", typed=staff_no or "未填")
        if not name:
            raise Refused(Reason.TEXT_MISSING, field="姓名")
        self._passwords.check_strength(password, staff_no, name)
        password_hash = self._passwords.hash(password)

        def unit(tx: Transaction) -> None:
            self._require_for_people(tx, asked)
            if people.load(tx, StaffNo(staff_no), hall_date(tx.now)) is not None:
                raise Refused(Reason.STAFF_NO_TAKEN, staff_no=staff_no)
            people.add(tx, StaffMember(StaffNo(staff_no), name, role), password_hash)
            ledger.note(tx, asked, "add_person", {"staff_no": staff_no, "role": role.value})

        self._database.write(unit)

    def set_password(self, asked: Asked, staff_no: StaffNo, password: str) -> None:
        """A new password for somebody who forgot it; lifts a lock too. One's own needs nobody."""
        self._passwords.check_strength(password, staff_no)
        password_hash = self._passwords.hash(password)

        def unit(tx: Transaction) -> None:
            if staff_no != asked.staff_no:
                self._require_for_people(tx, asked)
            self._known(tx, staff_no)
            people.set_hash(tx, staff_no, password_hash)
            people.clear_tries(tx, staff_no)
            ledger.note(tx, asked, "set_password", {"staff_no": staff_no})

        self._database.write(unit)

    def set_active(self, asked: Asked, staff_no: StaffNo, *, active: bool) -> None:
        """Let a person sign in, or no longer; nobody locks themselves out."""

        def unit(tx: Transaction) -> None:
            self._require_for_people(tx, asked)
            self._known(tx, staff_no)
            if staff_no == asked.staff_no:
                raise Refused(Reason.APPROVAL_SAME_PERSON)
            people.set_active(tx, staff_no, active=active)
            ledger.note(tx, asked, "set_active", {"staff_no": staff_no, "active": active})

        self._database.write(unit)

    def appoint_deputy(self, asked: Asked, deputy: StaffNo, first: dt.date, last: dt.date) -> None:
        """Give a clerk the manager's rights from `first` to `last`, both included, while the manager is away."""
        if last < first:
            raise Refused(Reason.VALUE_NOT_ALLOWED, field="代理日期", typed=f"{first} 至 {last}")

        def unit(tx: Transaction) -> None:
            manager = self._known(tx, asked.staff_no)
            if manager.role is not Role.MANAGER:
                raise Refused(Reason.RIGHT_MISSING, role="主管")
            if self._known(tx, deputy).staff_no == asked.staff_no:
                raise Refused(Reason.APPROVAL_SAME_PERSON)
            people.add_deputy(tx, self._at.new_id(), asked.staff_no, deputy, first, last)
            ledger.note(
                tx,
                asked,
                "appoint_deputy",
                {"deputy": deputy, "first": first.isoformat(), "last": last.isoformat()},
            )

        self._database.write(unit)

    def publish_notice(self, asked: Asked, title: str, body: str, first: dt.date, last: dt.date) -> None:
        """A notice that every clerk reads and confirms at sign-in between two dates."""
        for field, text in (("标题", title), ("内容", body)):
            if not text.strip():
                raise Refused(Reason.TEXT_MISSING, field=field)
        if last < first:
            raise Refused(Reason.VALUE_NOT_ALLOWED, field="有效期", typed=f"{first} 至 {last}")
        notice = Notice(self._at.new_id(), title.strip(), body.strip(), first, last)

        def unit(tx: Transaction) -> None:
            self._require(tx, asked)
            people.add_notice(tx, notice)
            ledger.note(tx, asked, "publish_notice", {"notice_id": notice.notice_id})

        self._database.write(unit)

    def add_terminal(
        self, asked: Asked, terminal_id: str, counter_no: int, name: str, *, linked: bool
    ) -> None:
        """Enter a POS terminal of the hall; `linked` to its counter's computer, one at most, or stand-alone."""
        terminal_id = terminal_id.strip()
        if not (terminal_id.isascii() and terminal_id.isalnum()):
            raise Refused(Reason.VALUE_NOT_ALLOWED, field="终端号", typed=terminal_id or "未填")

        def unit(tx: Transaction) -> None:
            self._require(tx, asked)
            for known in halls.terminals(tx):
                if known.terminal_id == terminal_id:
                    raise Refused(Reason.VALUE_NOT_ALLOWED, field="终端号", typed=f"{terminal_id} 已登记")
                if linked and known.linked and known.counter_no == counter_no:
                    raise Refused(
                        Reason.VALUE_NOT_ALLOWED, field="柜台", typed=f"{counter_no} 号台已有联机终端"
                    )
            halls.add_terminal(
                tx, Terminal(TerminalId(terminal_id), counter_no, name.strip() or terminal_id, linked)
            )
            ledger.note(tx, asked, "add_terminal", {"terminal_id": terminal_id, "counter": counter_no})

        self._database.write(unit)
        self._at.reload()

    def _known(self, tx: Transaction, staff_no: StaffNo) -> StaffMember:
        row = people.load(tx, staff_no, approvals.rights_day(tx))
        if row is None:
            raise Refused(Reason.VALUE_NOT_ALLOWED, field="工号", typed=f"没有 {staff_no}")
        return row.member

    def _require(self, tx: Transaction, asked: Asked) -> None:
        if not self._known(tx, asked.staff_no).may(Right.SETTINGS):
            raise Refused(Reason.RIGHT_MISSING, role="主管或管理员")

    def _require_for_people(self, tx: Transaction, asked: Asked) -> None:
        """By post, not as a deputy: with a password set for the manager, or a manager of their own making, a deputy
        would be the second person for what they do at the drawer."""
        if not may(self._known(tx, asked.staff_no).role, Right.SETTINGS):
            raise Refused(Reason.RIGHT_MISSING, role="主管或管理员")
