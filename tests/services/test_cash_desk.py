"""The drawer from float to close: blind counts, differences with reason and signature, and what a clerk may not see."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from counter_builder import FLOAT, FLOAT_FEN, Counter, pieces_for, require_sound
from hall_builder import (
    CLERK,
    MANAGER,
    NAMED_CARD,
    OTHER_CLERK,
    PASSWORD,
    STAND_ALONE_TERMINAL,
    HallClock,
)

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import TerminalId
from counter_app.domain.ledger import (
    CASH_OVER,
    CASH_SHORT,
    SAFE,
    Tender,
    TenderKind,
    pos_account,
    till_account,
)
from counter_app.domain.requests import (
    CashPlace,
    CloseTill,
    LockCount,
    MoveCash,
    OpenTill,
    Reverse,
    ToppedUp,
    TopUp,
)
from counter_app.domain.shifts import CashCount, SlipCount, TillState
from counter_app.storage import ledger, papers
from counter_app.storage.database import Database


@pytest.fixture(autouse=True)
def sound(hall_database: Database) -> Iterator[None]:
    yield
    require_sound(hall_database)


def refused(reason: Reason, call: object, *arguments: object) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.reason is reason
    return caught.value


def account(database: Database, name: str) -> int:
    return database.read(lambda tx: ledger.balance(tx, name))  # type: ignore[arg-type]


def test_float_from_the_safe_is_booked_and_the_drawer_takes_money(hall_database: Database) -> None:
    counter = Counter(hall_database)
    refused(Reason.TILL_NOT_OPEN, counter.top_up, NAMED_CARD, 10_00)
    counter.opened()
    assert account(hall_database, till_account(1)) == FLOAT_FEN
    assert account(hall_database, SAFE) == -FLOAT_FEN
    refused(Reason.TILL_ALREADY_OPEN, counter.opened)
    assert refused(Reason.TILL_ALREADY_OPEN, Counter(hall_database, 1, OTHER_CLERK).opened).details == {
        "staff": CLERK
    }


def test_fifty_presses_open_the_drawer_once(hall_database: Database) -> None:
    counter = Counter(hall_database)
    request = OpenTill(counter.asked(), FLOAT, FLOAT_FEN)
    with ThreadPoolExecutor(4) as pool:
        outcomes = set(pool.map(lambda _n: counter.cash.open_till(request), range(50)))
    assert len(outcomes) == 1
    assert account(hall_database, till_account(1)) == FLOAT_FEN


def test_float_that_differs_needs_reason_and_signature(hall_database: Database) -> None:
    counter = Counter(hall_database)
    request = OpenTill(counter.asked(), FLOAT, FLOAT_FEN + 10_00)
    assert (
        refused(Reason.OPENING_DIFFERS, counter.cash.open_till, request).details["difference"] == "少 10.00"
    )
    request = dataclasses.replace(request, reason="少一张十元")
    refused(Reason.APPROVAL_NEEDED, counter.cash.open_till, request)
    opened = counter.cash.open_till(counter.signed(request))
    assert opened.difference_fen == -10_00
    assert account(hall_database, CASH_SHORT) == 10_00
    assert account(hall_database, till_account(1)) == FLOAT_FEN


def test_nobody_takes_less_than_nothing_from_the_safe(hall_database: Database) -> None:
    counter = Counter(hall_database)
    request = OpenTill(counter.asked(), CashCount(), -100_00, reason="放回保险柜")
    refused(Reason.AMOUNT_NOT_POSITIVE, counter.cash.open_till, counter.signed(request))


@pytest.mark.parametrize("place", CashPlace)
def test_cash_moves_name_their_other_account(hall_database: Database, place: CashPlace) -> None:
    counter = Counter(hall_database).opened()
    before = account(hall_database, place.value)
    counter.cash.move_cash(MoveCash(counter.asked(), True, place, 80_00, "L-7"))
    counter.cash.move_cash(MoveCash(counter.asked(), False, place, 30_00, "L-8"))
    assert account(hall_database, till_account(1)) == FLOAT_FEN + 50_00
    assert account(hall_database, place.value) == before - 50_00


def test_cash_out_names_its_paper_and_its_amount(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    out = MoveCash(counter.asked(), False, CashPlace.BANK, FLOAT_FEN, "Y-1")
    refused(Reason.TEXT_MISSING, counter.cash.move_cash, dataclasses.replace(out, paper_no=" "))
    refused(Reason.AMOUNT_NOT_POSITIVE, counter.cash.move_cash, dataclasses.replace(out, amount_fen=0))
    counter.cash.move_cash(dataclasses.replace(out, asked=counter.asked(), amount_fen=FLOAT_FEN))
    assert account(hall_database, till_account(1)) == 0


def test_x_report_shows_a_clerk_counts_but_never_the_expected_cash(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    counter.top_up(NAMED_CARD, 20_00)
    report = counter.cash.x_report(counter.asked())
    assert report.expected_fen is None
    assert ("充值", "现金", 1) in report.rows
    assert not any("20" in str(part) for row in report.rows for part in row)
    manager = Counter(hall_database, 2, MANAGER)
    manager.cash.open_till(OpenTill(manager.asked(), FLOAT, FLOAT_FEN))
    assert manager.cash.x_report(manager.asked()).expected_fen == FLOAT_FEN


def test_the_count_is_blind_until_it_is_locked(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    counter.top_up(NAMED_CARD, 20_00, 50_00)
    view = counter.cash.view(counter.asked())
    assert (view.state, view.opening_fen, view.counted_fen, view.difference_fen) == (
        TillState.OPEN,
        FLOAT_FEN,
        None,
        None,
    )
    refused(Reason.TILL_COUNT_MISSING, counter.cash.close_till, CloseTill(counter.asked(), 0))
    locked = counter.cash.lock_count(LockCount(counter.asked(), pieces_for(FLOAT_FEN + 20_00)))
    assert (locked.expected_fen, locked.difference_fen) == (FLOAT_FEN + 20_00, 0)
    refused(Reason.TILL_COUNT_LOCKED, counter.top_up, NAMED_CARD, 10_00)
    refused(Reason.TILL_COUNT_LOCKED, counter.count, FLOAT_FEN)


@pytest.mark.parametrize(("difference_fen", "booked_to"), [(50, CASH_OVER), (-1_00, CASH_SHORT)])
def test_over_and_short_need_reason_and_the_managers_signature(
    hall_database: Database, clock: HallClock, difference_fen: int, booked_to: str
) -> None:
    counter = Counter(hall_database).opened()
    counter.count(FLOAT_FEN + difference_fen)
    request = CloseTill(counter.asked(), 100_00)
    refused(Reason.DIFFERENCE_UNEXPLAINED, counter.cash.close_till, request)
    request = dataclasses.replace(request, reason="原因待查")
    refused(Reason.APPROVAL_NEEDED, counter.cash.close_till, request)
    refused(Reason.APPROVAL_SAME_PERSON, counter.staff.approve, request, CLERK, PASSWORD)
    refused(Reason.RIGHT_MISSING, counter.staff.approve, request, OTHER_CLERK, PASSWORD)
    signed = counter.signed(request)
    refused(
        Reason.APPROVAL_EXPIRED, counter.cash.close_till, dataclasses.replace(signed, left_in_drawer_fen=0)
    )
    clock.advance(seconds=61)
    refused(Reason.APPROVAL_EXPIRED, counter.cash.close_till, signed)
    closed = counter.cash.close_till(counter.signed(request))
    assert closed.difference_fen == difference_fen
    assert abs(account(hall_database, booked_to)) == abs(difference_fen)
    assert account(hall_database, till_account(1)) == closed.left_in_drawer_fen == 100_00
    assert closed.to_safe_fen == FLOAT_FEN + difference_fen - 100_00


def test_an_approval_of_another_operation_signs_nothing(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    counter.count(FLOAT_FEN + 50)
    first = counter.signed(CloseTill(counter.asked(), 0, "原因待查"))
    other = CloseTill(dataclasses.replace(counter.asked(), approvals=first.asked.approvals), 0, "原因待查")
    refused(Reason.APPROVAL_NEEDED, counter.cash.close_till, other)


def test_what_was_left_is_compared_next_morning(hall_database: Database, clock: HallClock) -> None:
    counter = Counter(hall_database).opened()
    counter.count(FLOAT_FEN)
    too_much = CloseTill(counter.asked(), FLOAT_FEN + 1)
    refused(Reason.VALUE_NOT_ALLOWED, counter.cash.close_till, too_much)
    counter.cash.close_till(CloseTill(counter.asked(), 120_00))
    refused(Reason.TILL_CLOSED, counter.top_up, NAMED_CARD, 10_00)
    clock.advance(days=1)
    next_day = Counter(hall_database, 1, OTHER_CLERK)
    differs = OpenTill(next_day.asked(), pieces_for(100_00), 0)
    assert (
        refused(Reason.OPENING_DIFFERS, next_day.cash.open_till, differs).details["difference"] == "少 20.00"
    )
    opened = next_day.cash.open_till(OpenTill(next_day.asked(), pieces_for(120_00), 0))
    assert (opened.left_last_time_fen, opened.difference_fen) == (120_00, 0)
    next_day.top_up(NAMED_CARD, 10_00)
    locked = next_day.cash.lock_count(LockCount(next_day.asked(), pieces_for(130_00)))
    assert locked.difference_fen == 0


def test_a_second_drawer_on_one_day_is_a_second_shift(hall_database: Database) -> None:
    first = Counter(hall_database).opened()
    first.top_up(NAMED_CARD, 40_00)
    first.count(FLOAT_FEN + 40_00)
    first.cash.close_till(CloseTill(first.asked(), FLOAT_FEN))
    second = Counter(hall_database)
    assert second.clerk.shift_id != first.clerk.shift_id
    second.cash.open_till(OpenTill(second.asked(), FLOAT, 0))
    second.top_up(NAMED_CARD, 5_00)
    locked = second.cash.lock_count(LockCount(second.asked(), pieces_for(FLOAT_FEN + 5_00)))
    assert locked.difference_fen == 0


def test_the_drawer_does_not_close_over_parked_customers(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    counter.parking.park(counter.asked(), "张*兰", "top_up", {"amount": "100"})
    assert refused(Reason.PARKED_CUSTOMERS, counter.count, FLOAT_FEN).details == {"count": 1}


def test_papers_of_the_drawer_wait_on_the_queue_in_their_order(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    counter.count(FLOAT_FEN)
    counter.cash.close_till(CloseTill(counter.asked(), 0))
    jobs = hall_database.read(lambda tx: papers.waiting_jobs(tx, 1))
    assert [job.receipt_no[-4:] for job in jobs] == ["0001", "0002", "0003"]
    assert [job.drawer for job in jobs] == [True, False, False]


def slip_top_up(
    counter: Counter, amount_fen: int, voucher: str, terminal_id: str = STAND_ALONE_TERMINAL
) -> ToppedUp:
    tender = Tender(TenderKind.SLIP, terminal_id=terminal_id, voucher=voucher, debit_confirmed=True)
    return counter.top_ups.top_up(TopUp(counter.asked(), NAMED_CARD, amount_fen, tender))


def test_slips_are_counted_by_terminal_and_fit_without_the_undone_ones(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    assert counter.cash.view(counter.asked()).slip_terminals == ()
    slip_top_up(counter, 50_00, "000470")
    slip_top_up(counter, 30_00, "000471")
    slip_top_up(counter, 20_00, "000900", "S2")
    wrong = slip_top_up(counter, 99_00, "000472")
    undo = Reverse(counter.asked(), wrong.receipt_no, "金额录错", void_voucher="000473")
    counter.undo.reverse(counter.signed(undo))
    before = counter.cash.view(counter.asked())
    assert before.slip_terminals == tuple(sorted((STAND_ALONE_TERMINAL, "S2")))
    assert before.slips == (), "counts are blind"
    counted = (
        SlipCount(TerminalId(STAND_ALONE_TERMINAL), 2, 80_00),
        SlipCount(TerminalId("S2"), 1, 20_00),
    )
    locked = counter.cash.lock_count(LockCount(counter.asked(), pieces_for(FLOAT_FEN), counted))
    assert locked.difference_fen == 0
    assert all(slip.fits for slip in locked.slips)
    assert counter.cash.view(counter.asked()).slips == locked.slips
    assert counter.cash.close_till(CloseTill(counter.asked(), 0)).difference_fen == 0


@pytest.mark.parametrize(
    "counted",
    [
        (),
        (SlipCount(TerminalId(STAND_ALONE_TERMINAL), 1, 50_01),),
        (SlipCount(TerminalId(STAND_ALONE_TERMINAL), 2, 50_00),),
        (SlipCount(TerminalId(STAND_ALONE_TERMINAL), 1, 50_00), SlipCount(TerminalId("S9"), 1, 10_00)),
    ],
)
def test_slips_that_do_not_fit_need_reason_and_signature_and_move_no_money(
    hall_database: Database, counted: tuple[SlipCount, ...]
) -> None:
    counter = Counter(hall_database).opened()
    slip_top_up(counter, 50_00, "000470")
    locked = counter.cash.lock_count(LockCount(counter.asked(), pieces_for(FLOAT_FEN), counted))
    assert (locked.difference_fen, all(slip.fits for slip in locked.slips)) == (0, False)
    close = CloseTill(counter.asked(), 0)
    refused(Reason.DIFFERENCE_UNEXPLAINED, counter.cash.close_till, close)
    close = dataclasses.replace(close, reason="签购单待查")
    refused(Reason.APPROVAL_NEEDED, counter.cash.close_till, close)
    before = account(hall_database, pos_account(STAND_ALONE_TERMINAL))
    closed = counter.cash.close_till(counter.signed(close))
    assert account(hall_database, pos_account(STAND_ALONE_TERMINAL)) == before
    saved = hall_database.read(lambda tx: papers.find(tx, closed.receipt_no))
    assert saved is not None
    assert saved.document.count("，账上 ") == 2, "on both copies"
    tills = counter.closing.day_report(counter.asked()).tills
    assert tills[0].slips == locked.slips
    assert tills[0].reason == "签购单待查"


@pytest.mark.parametrize(
    "count", [("", 1, 1), ("S1", -1, 1), ("S1", 100_001, 1), ("S1", 1, -1)], ids=lambda count: repr(count)
)
def test_slips_that_cannot_be_are_refused(count: tuple[str, int, int]) -> None:
    with pytest.raises(Refused):
        SlipCount(TerminalId(count[0]), count[1], count[2])


def test_one_terminal_is_counted_once(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    twice = (SlipCount(TerminalId("S1"), 1, 1_00),) * 2
    refused(Reason.VALUE_NOT_ALLOWED, counter.cash.lock_count, LockCount(counter.asked(), FLOAT, twice))
