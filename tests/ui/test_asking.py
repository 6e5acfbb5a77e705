"""The operation in hand: one id through retries, another one for another card, and none forgotten."""

from __future__ import annotations

import datetime as dt
import itertools

from counter_app.domain.asking import SignedIn
from counter_app.domain.errors import Cancelled, Reason, Refused, StorageTrouble
from counter_app.domain.ids import HallId, ShiftId, StaffNo
from ui.asking import OperationInHand, Session


def in_hand() -> OperationInHand:
    numbers = itertools.count(1)
    person = SignedIn(StaffNo("1021"), "陈刚", "营业员", False, ShiftId("s1"), dt.date(2026, 11, 23), 1)
    return OperationInHand(
        Session(
            HallId("east"),
            1,
            person,
            lambda: dt.datetime(2026, 11, 23, tzinfo=dt.UTC),
            lambda: str(next(numbers)),
        )
    )


def test_a_retry_after_trouble_is_the_same_operation() -> None:
    hand = in_hand()
    first = hand.asked("9040").operation_id
    hand.went_wrong(StorageTrouble("数据库忙"))
    assert hand.asked("9040").operation_id == first
    hand.went_wrong(Refused(Reason.APPROVAL_NEEDED))
    assert hand.asked("9040").operation_id == first, "a signature is bound to the id"


def test_done_refused_and_cancelled_begin_another() -> None:
    hand = in_hand()
    first = hand.asked().operation_id
    hand.done()
    second = hand.asked().operation_id
    hand.went_wrong(Refused(Reason.CARD_LOST))
    third = hand.asked().operation_id
    hand.went_wrong(Cancelled())
    assert len({first, second, third, hand.asked().operation_id}) == 4


def test_another_card_begins_another_though_the_first_is_not_known_to_be_booked() -> None:
    hand = in_hand()
    first = hand.asked("9040").operation_id
    hand.went_wrong(StorageTrouble("数据库没有答复", outcome_unknown=True))
    assert hand.asked("9041").operation_id != first
