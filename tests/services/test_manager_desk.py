"""People, deputies, notices and terminals: who may change them, what is refused, and that it works at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from hall_builder import CHEAP, CLERK, MANAGER, OTHER_CLERK, PASSWORD, Clerk, clerk_at

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import StaffNo
from counter_app.domain.staff import Role
from counter_app.services.hall import HallAtCounter
from counter_app.services.manager_desk import ManagerDesk
from counter_app.services.passwords import Passwords
from counter_app.services.staff_desk import StaffDesk
from counter_app.storage.database import Database
from counter_app.storage.verify import verify

NEW = StaffNo("1099")
TODAY = dt.date(2026, 11, 23)


@pytest.fixture
def manager(hall_database: Database) -> Clerk:
    return clerk_at(hall_database, staff_no=MANAGER)


@pytest.fixture
def at(hall_database: Database) -> HallAtCounter:
    return HallAtCounter(hall_database, 1)


@pytest.fixture
def desk(at: HallAtCounter) -> ManagerDesk:
    return ManagerDesk(at, Passwords(CHEAP))


def refused(call: Callable[[], object]) -> Reason:
    with pytest.raises(Refused) as refusal:
        call()
    assert refusal.value.sentence()
    return refusal.value.reason


def test_a_new_clerk_signs_in_and_may_be_stopped(
    at: HallAtCounter, manager: Clerk, desk: ManagerDesk
) -> None:
    staff = StaffDesk(at, Passwords(CHEAP))
    desk.add_person(manager.asked(), NEW, "孙静", Role.CLERK, "river-stone-31")
    assert staff.sign_in(NEW, "river-stone-31").name == "孙静"
    assert (
        refused(lambda: desk.add_person(manager.asked(), NEW, "别人", Role.CLERK, "river-stone-31"))
        is Reason.STAFF_NO_TAKEN
    )
    desk.set_password(manager.asked(), NEW, "other-stone-32")
    assert refused(lambda: staff.sign_in(NEW, "river-stone-31")) is Reason.SIGN_IN_REFUSED
    desk.set_active(manager.asked(), NEW, active=False)
    assert refused(lambda: staff.sign_in(NEW, "other-stone-32")) is Reason.SIGN_IN_REFUSED
    desk.set_active(manager.asked(), NEW, active=True)
    assert staff.sign_in(NEW, "other-stone-32").staff_no == NEW
    assert verify(at.database, print).problems == ()


@pytest.mark.parametrize(
    ("staff_no", "name", "password", "reason"),
    [
        ("", "孙静", "river-stone-31", Reason.VALUE_NOT_ALLOWED),
        ("一号", "孙静", "river-stone-31", Reason.VALUE_NOT_ALLOWED),
        ("1098", " ", "river-stone-31", Reason.TEXT_MISSING),
        ("1098", "孙静", "12345678", Reason.PASSWORD_TOO_WEAK),
    ],
)
def test_bad_input_is_refused(
    manager: Clerk, desk: ManagerDesk, staff_no: str, name: str, password: str, reason: Reason
) -> None:
    assert refused(lambda: desk.add_person(manager.asked(), staff_no, name, Role.CLERK, password)) is reason


def test_a_clerk_changes_nothing(hall_database: Database, desk: ManagerDesk) -> None:
    clerk = clerk_at(hall_database)
    for call in (
        lambda: desk.add_person(clerk.asked(), NEW, "孙静", Role.CLERK, "river-stone-31"),
        lambda: desk.set_password(clerk.asked(), MANAGER, "river-stone-31"),
        lambda: desk.set_active(clerk.asked(), MANAGER, active=False),
        lambda: desk.appoint_deputy(clerk.asked(), OTHER_CLERK, TODAY, TODAY),
        lambda: desk.publish_notice(clerk.asked(), "标题", "内容", TODAY, TODAY),
        lambda: desk.add_terminal(clerk.asked(), "T9", 1, "", linked=False),
    ):
        assert refused(call) is Reason.RIGHT_MISSING


def test_nobody_locks_themselves_out(manager: Clerk, desk: ManagerDesk) -> None:
    assert (
        refused(lambda: desk.set_active(manager.asked(), MANAGER, active=False))
        is Reason.APPROVAL_SAME_PERSON
    )


def test_a_deputy_approves_only_on_the_named_days(
    at: HallAtCounter, manager: Clerk, desk: ManagerDesk, clock: Callable[[], dt.datetime]
) -> None:
    staff = StaffDesk(at, Passwords(CHEAP))
    assert not staff.sign_in(OTHER_CLERK, PASSWORD).is_manager
    desk.appoint_deputy(manager.asked(), OTHER_CLERK, TODAY, TODAY + dt.timedelta(days=1))
    assert staff.sign_in(OTHER_CLERK, PASSWORD).is_manager
    until = {line.staff_no: line.deputises_until for line in desk.view().staff}
    assert until == {MANAGER: "", CLERK: "", OTHER_CLERK: "2026-11-24"}
    clock.advance(days=2)  # type: ignore[attr-defined]
    assert not staff.sign_in(OTHER_CLERK, PASSWORD).is_manager
    wrong = lambda: desk.appoint_deputy(manager.asked(), OTHER_CLERK, TODAY, dt.date(2026, 1, 1))  # noqa: E731
    assert refused(wrong) is Reason.VALUE_NOT_ALLOWED


def test_a_notice_must_be_confirmed_once(
    at: HallAtCounter, hall_database: Database, manager: Clerk, desk: ManagerDesk
) -> None:
    clerk = clerk_at(hall_database)
    staff = StaffDesk(at, Passwords(CHEAP))
    before = {notice.notice_id for notice in staff.sign_in(CLERK, PASSWORD).unread_notices}
    desk.publish_notice(manager.asked(), "新优惠", "本周充值送礼。", TODAY, TODAY)
    fresh = [n for n in staff.sign_in(CLERK, PASSWORD).unread_notices if n.notice_id not in before]
    assert [n.title for n in fresh] == ["新优惠"]
    staff.confirm_notice(clerk.asked(), fresh[0].notice_id)
    assert fresh[0].notice_id not in {n.notice_id for n in staff.sign_in(CLERK, PASSWORD).unread_notices}


def test_terminals_are_entered_once_and_one_is_linked_per_counter(
    at: HallAtCounter, manager: Clerk, desk: ManagerDesk
) -> None:
    desk.add_terminal(manager.asked(), "88001", 9, "九号台", linked=True)
    assert "88001" in {terminal.terminal_id for terminal in at.terminals}
    for terminal_id, linked in (("88001", False), ("88002", True)):
        call = lambda t=terminal_id, way=linked: desk.add_terminal(manager.asked(), t, 9, "", linked=way)  # noqa: E731
        assert refused(call) is Reason.VALUE_NOT_ALLOWED
