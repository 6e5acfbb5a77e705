"""Staff, deputies, notices and approvals on disk."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from counter_app.domain.asking import Notice
from counter_app.domain.ids import ApprovalId, OperationId, StaffNo
from counter_app.domain.staff import Role, StaffMember
from counter_app.storage import tables
from counter_app.storage.database import Transaction, insert_ignoring, moment, utc_text

b = sa.bindparam
_staff, _deputy, _notice, _read, _approval = (
    tables.staff,
    tables.deputy,
    tables.notice,
    tables.notice_read,
    tables.approval,
)


@dataclass(frozen=True, slots=True)
class StaffRow:
    """A person with what sign-in needs."""

    member: StaffMember
    password_hash: str
    active: bool
    failed_tries: int
    locked_until: dt.datetime | None


_deputises = (
    sa.exists()
    .where(
        _deputy.c.hall_id == _staff.c.hall_id,
        _deputy.c.deputy_no == _staff.c.staff_no,
        _deputy.c.valid_from <= b("day"),
        _deputy.c.valid_to >= b("day"),
    )
    .label("deputises")
)
_load = sa.select(_staff, _deputises).where(
    _staff.c.hall_id == b("hall_id"), _staff.c.staff_no == b("staff_no")
)
_all = sa.select(_staff, _deputises).where(_staff.c.hall_id == b("hall_id")).order_by(_staff.c.staff_no)
_count_try = (
    sa.update(_staff)
    .where(_staff.c.hall_id == b("b_hall_id"), _staff.c.staff_no == b("b_staff_no"))
    .values(failed_tries=_staff.c.failed_tries + 1)
    .returning(_staff.c.failed_tries)
)
_lock = (
    sa.update(_staff)
    .where(_staff.c.hall_id == b("b_hall_id"), _staff.c.staff_no == b("b_staff_no"))
    .values(locked_until=b("b_until"))
)
_clear = (
    sa.update(_staff)
    .where(_staff.c.hall_id == b("b_hall_id"), _staff.c.staff_no == b("b_staff_no"))
    .values(failed_tries=0, locked_until=None)
)
_restart = (
    sa.update(_staff)
    .where(_staff.c.hall_id == b("b_hall_id"), _staff.c.staff_no == b("b_staff_no"))
    .values(failed_tries=0)
)
_rehash = (
    sa.update(_staff)
    .where(_staff.c.hall_id == b("b_hall_id"), _staff.c.staff_no == b("b_staff_no"))
    .values(password_hash=b("b_hash"))
)
_insert = sa.insert(_staff)


def load(tx: Transaction, staff_no: StaffNo, day: dt.date) -> StaffRow | None:
    """A person as of a day (deputations are dated), or None."""
    row = tx.one(_load, {"hall_id": tx.hall_id, "staff_no": staff_no, "day": day.isoformat()})
    return None if row is None else _row(row)


def _row(row: Any) -> StaffRow:
    return StaffRow(
        StaffMember(StaffNo(row.staff_no), row.name, Role(row.role), bool(row.deputises)),
        row.password_hash,
        bool(row.active),
        row.failed_tries,
        None if row.locked_until is None else moment(row.locked_until),
    )


def everybody(tx: Transaction, day: dt.date) -> tuple[StaffRow, ...]:
    """Everybody of the hall as of a day, in the order of their numbers."""
    return tuple(_row(row) for row in tx.all(_all, {"hall_id": tx.hall_id, "day": day.isoformat()}))


def names(tx: Transaction, day: dt.date) -> dict[StaffNo, str]:
    """Names by staff number."""
    rows = tx.all(_all, {"hall_id": tx.hall_id, "day": day.isoformat()})
    return {StaffNo(row.staff_no): row.name for row in rows}


def demo_passwords(tx: Transaction, day: dt.date) -> list[tuple[str, str, str, str]]:
    """(staff number, name, role, password) of a demo hall; a real hall stores no password."""
    rows = tx.all(_all, {"hall_id": tx.hall_id, "day": day.isoformat()})
    return [
        (row.staff_no, row.name, Role(row.role).text, row.demo_password) for row in rows if row.demo_password
    ]


def count_try(tx: Transaction, staff_no: StaffNo) -> int:
    """Count a try before the password is looked at; how many failed in a row, this one included."""
    row = tx.one(_count_try, {"b_hall_id": tx.hall_id, "b_staff_no": staff_no})
    return 0 if row is None else int(row.failed_tries)


def lock(tx: Transaction, staff_no: StaffNo, until: dt.datetime) -> None:
    """Refuse this account until a moment."""
    tx.run(_lock, {"b_hall_id": tx.hall_id, "b_staff_no": staff_no, "b_until": utc_text(until)})


def clear_tries(tx: Transaction, staff_no: StaffNo) -> None:
    """The password was right."""
    tx.run(_clear, {"b_hall_id": tx.hall_id, "b_staff_no": staff_no})


def clear_only_tries(tx: Transaction, staff_no: StaffNo) -> None:
    """Count again from zero after the lock; the lock itself stays."""
    tx.run(_restart, {"b_hall_id": tx.hall_id, "b_staff_no": staff_no})


def set_hash(tx: Transaction, staff_no: StaffNo, password_hash: str) -> None:
    """Store a password's hash."""
    tx.run(_rehash, {"b_hall_id": tx.hall_id, "b_staff_no": staff_no, "b_hash": password_hash})


def add(tx: Transaction, member: StaffMember, password_hash: str, demo_password: str | None = None) -> None:
    """Enter a person."""
    tx.run(
        _insert,
        {
            "hall_id": tx.hall_id,
            "staff_no": member.staff_no,
            "name": member.name,
            "role": member.role.value,
            "password_hash": password_hash,
            "active": 1,
            "failed_tries": 0,
            "locked_until": None,
            "demo_password": demo_password,
        },
    )


_insert_deputy = sa.insert(_deputy)
_set_active = (
    sa.update(_staff)
    .where(_staff.c.hall_id == b("b_hall_id"), _staff.c.staff_no == b("b_staff_no"))
    .values(active=b("b_active"))
)
_running_deputies = (
    sa.select(_deputy.c.deputy_no, sa.func.max(_deputy.c.valid_to).label("until"))
    .where(
        _deputy.c.hall_id == b("hall_id"), _deputy.c.valid_from <= b("day"), _deputy.c.valid_to >= b("day")
    )
    .group_by(_deputy.c.deputy_no)
)


def set_active(tx: Transaction, staff_no: StaffNo, *, active: bool) -> None:
    """Whether this person may sign in."""
    tx.run(_set_active, {"b_hall_id": tx.hall_id, "b_staff_no": staff_no, "b_active": int(active)})


def deputies(tx: Transaction, day: dt.date) -> dict[StaffNo, str]:
    """Who deputises on a day, and until when (ISO date)."""
    rows = tx.all(_running_deputies, {"hall_id": tx.hall_id, "day": day.isoformat()})
    return {StaffNo(row.deputy_no): row.until for row in rows}


def add_deputy(
    tx: Transaction, deputy_id: str, manager: StaffNo, deputy: StaffNo, first: dt.date, last: dt.date
) -> None:
    """Give a clerk the manager's rights from … to, both days included."""
    tx.run(
        _insert_deputy,
        {
            "hall_id": tx.hall_id,
            "deputy_id": deputy_id,
            "manager_no": manager,
            "deputy_no": deputy,
            "valid_from": first.isoformat(),
            "valid_to": last.isoformat(),
        },
    )


# --- notices ----------------------------------------------------------------------------------------------------

_unread = (
    sa.select(_notice)
    .where(
        _notice.c.hall_id == b("hall_id"),
        _notice.c.valid_from <= b("day"),
        _notice.c.valid_to >= b("day"),
        ~sa.exists().where(
            _read.c.hall_id == _notice.c.hall_id,
            _read.c.notice_id == _notice.c.notice_id,
            _read.c.staff_no == b("staff_no"),
        ),
    )
    .order_by(_notice.c.valid_from, _notice.c.notice_id)
)
_all_notices = (
    sa.select(_notice)
    .where(_notice.c.hall_id == b("hall_id"))
    .order_by(_notice.c.valid_from.desc())
    .limit(200)
)
_insert_notice = sa.insert(_notice)


def unread_notices(tx: Transaction, staff_no: StaffNo, day: dt.date) -> tuple[Notice, ...]:
    """Notices valid on a day that this person has not confirmed."""
    rows = tx.all(_unread, {"hall_id": tx.hall_id, "day": day.isoformat(), "staff_no": staff_no})
    return tuple(_notice_of(row) for row in rows)


def notices(tx: Transaction) -> tuple[Notice, ...]:
    """The newest notices, past and to come."""
    return tuple(_notice_of(row) for row in tx.all(_all_notices, {"hall_id": tx.hall_id}))


def _notice_of(row: Any) -> Notice:
    return Notice(
        row.notice_id,
        row.title,
        row.body,
        dt.date.fromisoformat(row.valid_from),
        dt.date.fromisoformat(row.valid_to),
    )


def add_notice(tx: Transaction, notice: Notice) -> None:
    """Enter a notice."""
    tx.run(
        _insert_notice,
        {
            "hall_id": tx.hall_id,
            "notice_id": notice.notice_id,
            "title": notice.title,
            "body": notice.body,
            "valid_from": notice.valid_from.isoformat(),
            "valid_to": notice.valid_to.isoformat(),
        },
    )


def confirm_notice(tx: Transaction, notice_id: str, staff_no: StaffNo) -> None:
    """This person has read it."""
    tx.run(
        insert_ignoring(_read, tx.connection.dialect.name),
        {"hall_id": tx.hall_id, "notice_id": notice_id, "staff_no": staff_no, "read_at": utc_text(tx.now)},
    )


# --- approvals --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Approval:
    """A second person's yes to one operation id with one content."""

    approval_id: ApprovalId
    operation_id: OperationId
    request_hash: str
    approver_no: StaffNo
    given_at: dt.datetime


_insert_approval = sa.insert(_approval)
_load_approval = sa.select(_approval).where(
    _approval.c.hall_id == b("hall_id"), _approval.c.approval_id == b("approval_id")
)


def add_approval(tx: Transaction, approval: Approval) -> None:
    """Store an approval; it is never changed."""
    tx.run(
        _insert_approval,
        {
            "hall_id": tx.hall_id,
            "approval_id": approval.approval_id,
            "operation_id": approval.operation_id,
            "request_hash": approval.request_hash,
            "approver_no": approval.approver_no,
            "given_at": utc_text(approval.given_at),
        },
    )


def find_approval(tx: Transaction, approval_id: ApprovalId) -> Approval | None:
    """An approval by id, or None."""
    row = tx.one(_load_approval, {"hall_id": tx.hall_id, "approval_id": approval_id})
    if row is None:
        return None
    return Approval(
        ApprovalId(row.approval_id),
        OperationId(row.operation_id),
        row.request_hash,
        StaffNo(row.approver_no),
        moment(row.given_at),
    )
