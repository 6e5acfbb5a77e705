"""The second person's yes: bound to one operation id and its content, valid a short time, by somebody else."""

from __future__ import annotations

import datetime as dt

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import StaffNo
from counter_app.domain.rule_book import RuleBook, RuleCode
from counter_app.domain.shifts import hall_date
from counter_app.domain.staff import Right
from counter_app.storage import ledger, people, wire
from counter_app.storage.database import AsksSomething, Transaction


def rights_day(tx: Transaction) -> dt.date:
    """The date as of which a person's rights are read: never before what is already written down, so that a clock
    set back gives nobody an ended deputation again."""
    return hall_date(max(tx.now, ledger.last_moment(tx) or tx.now))


def require(
    tx: Transaction, request: AsksSomething, rules: RuleBook, right: Right = Right.APPROVE
) -> StaffNo:
    """The approver of this very request; `Refused` with APPROVAL_NEEDED when nobody signed.

    An approval of another content or an old one is APPROVAL_EXPIRED; the clerk's own is APPROVAL_SAME_PERSON.
    """
    asked = request.asked
    digest = wire.request_hash(request)
    day = hall_date(tx.now)
    valid = dt.timedelta(seconds=rules.value(RuleCode.APPROVAL_VALID_SECONDS, day))
    refusal = Reason.APPROVAL_NEEDED
    for approval_id in asked.approvals:
        approval = people.find_approval(tx, approval_id)
        if approval is None or approval.operation_id != asked.operation_id:
            continue
        if approval.approver_no == asked.staff_no:
            refusal = Reason.APPROVAL_SAME_PERSON
            continue
        if approval.request_hash != digest or not dt.timedelta(0) <= tx.now - approval.given_at <= valid:
            refusal = Reason.APPROVAL_EXPIRED
            continue
        approver = people.load(tx, approval.approver_no, rights_day(tx))
        if approver is not None and approver.active and approver.member.may(right):
            return approval.approver_no
    raise Refused(refusal)


def given(tx: Transaction, request: AsksSomething, rules: RuleBook) -> StaffNo | None:
    """The approver when somebody signed this request, else None; for steps where a signature is optional."""
    return require(tx, request, rules) if request.asked.approvals else None


def signed(tx: Transaction, request: AsksSomething) -> StaffNo | None:
    """Who signed this very request, however long ago, or None.

    For the booking after a terminal answered: `require` held before money moved, and the answer may take minutes.
    """
    asked = request.asked
    digest = wire.request_hash(request)
    for approval_id in asked.approvals:
        approval = people.find_approval(tx, approval_id)
        if (
            approval is not None
            and approval.operation_id == asked.operation_id
            and approval.request_hash == digest
            and approval.approver_no != asked.staff_no
        ):
            return approval.approver_no
    return None
