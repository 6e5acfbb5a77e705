"""Sign-in, lock, approval on the spot and notices: who stands at this counter."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable

from counter_app.domain.asking import Asked, Notice, SignedIn
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import ApprovalId, OperationId, StaffNo
from counter_app.domain.rule_book import RuleCode
from counter_app.domain.shifts import clock_text, hall_date
from counter_app.domain.staff import Right
from counter_app.services import approvals
from counter_app.services.clock_guard import ClockGuard
from counter_app.services.hall import HallAtCounter
from counter_app.services.passwords import Passwords
from counter_app.storage import ledger, people, shifts, wire
from counter_app.storage.database import AsksSomething, Transaction
from counter_app.storage.people import StaffRow

log = logging.getLogger(__name__)


class StaffDesk:
    """Everything a person does before and beside the business itself."""

    def __init__(self, at: HallAtCounter, passwords: Passwords) -> None:
        self._at = at
        self._database = at.database
        self._passwords = passwords
        self._clock_guard = ClockGuard(at.database)

    def sign_in(
        self, staff_no: StaffNo, password: str, before_shift: Callable[[], object] = lambda: None
    ) -> SignedIn:
        """Open (or find) this person's shift at this counter; refused alike for a wrong number and password.

        `before_shift` is called once the person is known, in no unit of work.
        """
        row = self._check_password(staff_no, password, "sign_in")
        before_shift()
        self._at.reload()
        self._clock_guard.begin()

        def unit(tx: Transaction) -> SignedIn:
            people.clear_tries(tx, staff_no)
            shift = shifts.open_shift(tx, self._at.counter_no, staff_no)
            asked = Asked(OperationId(""), tx.hall_id, self._at.counter_no, shift.shift_id, staff_no, tx.now)
            ledger.note(tx, asked, "sign_in", {"counter": self._at.counter_no})
            return SignedIn(
                staff_no,
                row.member.name,
                row.member.role.text,
                row.member.may(Right.APPROVE),
                shift.shift_id,
                shift.business_date,
                shift.ordinal,
                people.unread_notices(tx, staff_no, shift.business_date),
            )

        return self._database.write(unit)

    def look_at_clock(self, asked: Asked) -> str:
        """A warning while the computer's clock stands before what is already written down, else ""."""
        return self._clock_guard.look(asked)

    def unlock(self, staff_no: StaffNo, password: str) -> None:
        """The same person is back at the locked window."""
        self._check_password(staff_no, password, "unlock")
        self._database.write(lambda tx: people.clear_tries(tx, staff_no))

    def approve(self, request: AsksSomething, staff_no: StaffNo, password: str) -> ApprovalId:
        """A second person signs exactly this request; the session does not change hands."""
        if staff_no == request.asked.staff_no:
            raise Refused(Reason.APPROVAL_SAME_PERSON)
        row = self._check_password(staff_no, password, "approve")
        if not row.member.may(Right.APPROVE):
            raise Refused(Reason.RIGHT_MISSING, role="主管")
        approval_id = ApprovalId(self._at.new_id())

        def unit(tx: Transaction) -> ApprovalId:
            if people.find_approval(tx, approval_id) is not None:
                # Kept already, only the answer was lost.
                return approval_id
            people.clear_tries(tx, staff_no)
            people.add_approval(
                tx,
                people.Approval(
                    approval_id, request.asked.operation_id, wire.request_hash(request), staff_no, tx.now
                ),
            )
            ledger.note(
                tx,
                request.asked,
                "approve",
                {
                    "approver": staff_no,
                    "operation_id": request.asked.operation_id,
                    "request": type(request).__name__,
                },
            )
            return approval_id

        return self._database.write(unit)

    def confirm_notice(self, asked: Asked, notice_id: str) -> None:
        """This clerk has read a notice."""

        def unit(tx: Transaction) -> None:
            people.confirm_notice(tx, notice_id, asked.staff_no)
            ledger.note(tx, asked, "read_notice", {"notice_id": notice_id})

        self._database.write(unit)

    def unread_notices(self, staff_no: StaffNo) -> tuple[Notice, ...]:
        """Notices this clerk has still to confirm today."""
        return self._database.read(lambda tx: people.unread_notices(tx, staff_no, shifts.business_date(tx)))

    def demo_hints(self) -> list[tuple[str, str, str, str]]:
        """(staff number, name, role, password) when the database is marked as a demo, else nothing."""
        if not self._at.hall.is_demo:
            return []
        return self._database.read(lambda tx: people.demo_passwords(tx, hall_date(tx.now)))

    def _check_password(self, staff_no: StaffNo, password: str, what: str) -> StaffRow:
        """The person, when the password is right. The try is counted, durably, before the password is looked at."""

        def count(tx: Transaction) -> tuple[StaffRow | None, int]:
            row = people.load(tx, staff_no, approvals.rights_day(tx))
            if row is None or not row.active:
                return None, 0
            if row.locked_until is not None and tx.now < row.locked_until:
                raise Refused(Reason.SIGN_IN_LOCKED, until=clock_text(row.locked_until))
            return row, people.count_try(tx, staff_no)

        row, tries = self._database.write(count)
        stored = None if row is None else row.password_hash
        if self._passwords.verify(stored, password) and row is not None:
            return row

        def failed(tx: Transaction) -> None:
            if row is not None:
                self._lock_after_tries(tx, staff_no, tries)
            ledger.system_note(
                tx, self._at.counter_no, f"{what}_failed", {"staff_no": staff_no if row else "unknown"}
            )

        self._database.write(failed)
        log.warning("%s failed at counter %s", what, self._at.counter_no)
        raise Refused(Reason.SIGN_IN_REFUSED)

    def _lock_after_tries(self, tx: Transaction, staff_no: StaffNo, tries: int) -> None:
        day = hall_date(tx.now)
        rules = self._at.rules
        if tries >= rules.value(RuleCode.SIGN_IN_TRIES, day):
            minutes = rules.value(RuleCode.SIGN_IN_LOCK_MINUTES, day)
            people.lock(tx, staff_no, tx.now + dt.timedelta(minutes=minutes))
            people.clear_only_tries(tx, staff_no)
