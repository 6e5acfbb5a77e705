"""日结: only a day in order is sealed, by the manager, and a sealed day takes nothing more."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from counter_builder import (
    FLOAT,
    FLOAT_FEN,
    Counter,
    ScriptedTerminal,
    answer,
    card_top_up,
    pieces_for,
    require_sound,
)
from hall_builder import (
    CLERK,
    MANAGER,
    NAMED_CARD,
    OTHER_CLERK,
    OTHER_NAMED_CARD,
    HallClock,
    clerk_at,
)

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ledger import OperationKind
from counter_app.domain.payments import Verdict
from counter_app.domain.reports import DayReport
from counter_app.domain.requests import (
    CashPlace,
    CloseDay,
    CloseTill,
    DayClosed,
    MoveCash,
    OpenTill,
    Reverse,
    SettleUnknown,
)
from counter_app.domain.shifts import hall_date
from counter_app.domain.waiting import CancelToken, silent
from counter_app.services.closing_desk import ClosingDesk
from counter_app.services.hall import HallAtCounter
from counter_app.storage import ledger, papers, shifts
from counter_app.storage.database import Database, new_id
from printing import day_report

DAY = dt.date(2026, 11, 23)
NEXT_DAY = dt.date(2026, 11, 24)


@pytest.fixture(autouse=True)
def sound(hall_database: Database) -> Iterator[None]:
    yield
    require_sound(hall_database)


@pytest.fixture
def manager(hall_database: Database) -> Counter:
    """The manager, signed in at counter 2 without a drawer."""
    return Counter(hall_database, 2, MANAGER)


def refused(reason: Reason, call: Callable[..., object], *arguments: object) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.reason is reason
    return caught.value


def closed(counter: Counter, cash_fen: int, left_fen: int = 0) -> None:
    """The drawer counted right and closed."""
    counter.count(cash_fen)
    counter.cash.close_till(CloseTill(counter.asked(), left_fen))


def seal(counter: Counter, day: dt.date = DAY) -> DayClosed:
    return counter.closing.close_day(CloseDay(counter.asked(), day))


# --- ready or not -----------------------------------------------------------------------------------------------


def test_a_day_with_an_open_drawer_is_not_ready(hall_database: Database, manager: Counter) -> None:
    counter = Counter(hall_database).opened()
    view = manager.closing.day_view()
    assert (view.business_date, view.ready, view.closed) == (DAY, False, False)
    (till,) = view.tills
    assert (till.counter_no, till.staff, till.state_text, till.tone) == (1, "1021 李芳", "钱箱未关", "bad")
    refusal = refused(Reason.DAY_NOT_READY, seal, manager)
    assert refusal.sentence() == "还不能日结：1 号台（工号 1021）钱箱未关。请先处理完再签字锁账。"
    counter.count(FLOAT_FEN)
    assert manager.closing.day_view().tills[0].state_text == "已点钞，未关箱"
    refused(Reason.DAY_NOT_READY, seal, manager)
    counter.cash.close_till(CloseTill(counter.asked(), 0))
    assert manager.closing.day_view().ready
    assert seal(manager).business_date == DAY


def test_waiting_papers_and_parked_customers_warn(hall_database: Database, manager: Counter) -> None:
    closed(Counter(hall_database).opened(), FLOAT_FEN)
    manager.parking.park(manager.asked(), "张*兰", "top_up", {})
    view = manager.closing.day_view()
    lines = {line.what: (line.state, line.detail) for line in view.lines}
    assert lines["待打印凭条"] == ("warn", "1 号台 3 张")
    assert lines["挂起的客户"] == ("warn", "2 号台 1 位")
    assert (view.waiting_prints, view.parked, view.ready) == (3, 1, True)


def test_an_open_payment_keeps_the_day_open(hall_database: Database, manager: Counter) -> None:
    counter = Counter(hall_database).opened()
    unknown = ScriptedTerminal(answer(Verdict.UNKNOWN, 50_00))
    request = card_top_up(counter, NAMED_CARD, 50_00)
    refused(Reason.PAYMENT_UNKNOWN, counter.top_ups.pay_at_terminal, request, unknown, silent, CancelToken())
    closed(counter, FLOAT_FEN)
    view = manager.closing.day_view()
    assert (view.pending, view.ready) == (1, False)
    assert refused(Reason.OPEN_INTENTS, seal, manager).details == {"count": 1, "what": "POS 结果未知"}
    draft = manager.closing.day_report(manager.asked(), DAY)
    assert [(line.what, line.counter_no, line.amount_fen) for line in draft.pending] == [
        ("POS 结果未知", 1, 50_00)
    ]
    later = Counter(hall_database)
    settle = SettleUnknown(
        later.asked(), counter.payments.pending()[0].intent_id, False, reason="银行确认未扣款"
    )
    later.payments.settle(later.signed(settle))
    assert seal(manager).business_date == DAY


def test_only_the_manager_or_with_the_managers_signature(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    closed(counter, FLOAT_FEN)
    counter = Counter(hall_database)
    request = CloseDay(counter.asked(), DAY)
    refused(Reason.APPROVAL_NEEDED, counter.closing.close_day, request)
    done = counter.closing.close_day(counter.signed(request))
    day = hall_database.read(lambda tx: shifts.day(tx, DAY))
    assert day is not None
    assert (day.state, day.closed_by, day.anchor) == ("closed", MANAGER, done.anchor)


# --- sealed -----------------------------------------------------------------------------------------------------


def test_a_sealed_day_takes_no_entry_and_work_goes_on_tomorrow(
    hall_database: Database, manager: Counter
) -> None:
    counter = Counter(hall_database).opened()
    counter.top_up(NAMED_CARD, 100_00)
    closed(counter, FLOAT_FEN + 100_00)
    done = seal(manager)
    refused(Reason.DAY_CLOSED, counter.top_up, NAMED_CARD, 10_00)
    refused(Reason.DAY_CLOSED, counter.opened)
    refused(Reason.DAY_CLOSED, seal, manager)
    view = manager.closing.day_view(DAY)
    assert (view.closed, view.ready, view.anchor, view.closed_by) == (True, False, done.anchor, "1001 周敏")
    counter.parking.park(counter.asked(), "张*兰", "loss", {})
    tomorrow = clerk_at(hall_database)
    shift = hall_database.read(lambda tx: shifts.load(tx, tomorrow.shift_id))
    assert shift is not None
    assert shift.business_date == NEXT_DAY
    assert manager.closing.day_view().business_date == NEXT_DAY


def test_fifty_presses_seal_the_day_once(hall_database: Database, manager: Counter) -> None:
    closed(Counter(hall_database).opened(), FLOAT_FEN)
    request = CloseDay(manager.asked(), DAY)
    with ThreadPoolExecutor(4) as pool:
        outcomes = set(pool.map(lambda _n: manager.closing.close_day(request), range(50)))
    assert len(outcomes) == 1
    rows = hall_database.read(lambda tx: shifts.shifts_of_day(tx, DAY))
    assert {row.state for row in rows} == {"closed"}


def test_the_close_is_the_last_link_and_its_anchor_holds_every_chain(
    hall_database: Database, manager: Counter
) -> None:
    counter = Counter(hall_database).opened()
    counter.top_up(NAMED_CARD, 100_00)
    closed(counter, FLOAT_FEN + 100_00)
    done = seal(manager)
    # opening, top-up, count, close, the day's close, and the cards' opening balances of the hall of tests
    assert done.operations == 6
    booked = hall_database.read(lambda tx: ledger.by_receipt_no(tx, done.receipt_no))
    assert booked is not None
    assert (booked.kind, booked.business_date, booked.shift_id) == (
        OperationKind.CLOSE_DAY,
        DAY,
        manager.clerk.shift_id,
    )
    saved = hall_database.read(lambda tx: papers.find(tx, done.receipt_no))
    assert saved is not None
    assert done.anchor[:16] in saved.document


def test_a_forgotten_day_is_sealed_the_next_morning_in_its_own_shift(
    hall_database: Database, clock: HallClock
) -> None:
    closed(Counter(hall_database).opened(), FLOAT_FEN)
    clock.advance(days=1)
    manager = Counter(hall_database, 2, MANAGER)
    assert hall_date(clock()) == NEXT_DAY
    view = manager.closing.day_view(NEXT_DAY)
    assert view.lines[0].detail == "2026-11-23 还没有日结，请先结那一天"
    refusal = refused(Reason.DAY_NOT_READY, seal, manager, NEXT_DAY)
    assert "2026-11-23" in refusal.sentence()
    done = seal(manager, DAY)
    assert "-261123-" in done.receipt_no
    assert seal(manager, NEXT_DAY).business_date == NEXT_DAY
    refused(Reason.DAY_CLOSED, seal, manager, dt.date(2026, 12, 24))


def test_a_sale_in_the_closing_minute_is_in_the_totals_or_refused(hall_database: Database) -> None:
    """Shifts open and notes are made while the day is sealed: whatever wins, no shift is left open on it."""
    closed(Counter(hall_database).opened(), FLOAT_FEN)
    manager = Counter(hall_database, 2, MANAGER)
    request = CloseDay(manager.asked(), DAY)
    together = threading.Barrier(3)

    def sign_in(staff_no: str) -> None:
        together.wait(5)
        for _n in range(5):
            counter = Counter(hall_database, 1, staff_no)  # type: ignore[arg-type]
            counter.parking.park(counter.asked(), "曾*", "loss", {})

    def close() -> DayClosed:
        together.wait(5)
        return manager.closing.close_day(request)

    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(sign_in, staff_no) for staff_no in (CLERK, OTHER_CLERK)]
        pool.submit(close).result(20)
        for other in others:
            other.result(20)
    rows = hall_database.read(lambda tx: shifts.shifts_of_day(tx, DAY))
    assert {row.state for row in rows} == {"closed"}
    assert len(Counter(hall_database, 1).parking.parked()) == 10


def test_who_signs_in_while_the_day_is_sealed_gets_the_next_one(
    hall_database: Database, manager: Counter
) -> None:
    """The new shift waits for the seal: opened beside it, it would stay open on a closed date."""
    sealing, signed_in = threading.Event(), threading.Event()

    def slow_id() -> str:
        # Asked for inside the unit, after the day is locked.
        sealing.set()
        assert not signed_in.wait(0.5)
        return new_id()

    def sign_in() -> dt.date:
        assert sealing.wait(5)
        shift = hall_database.write(lambda tx: shifts.open_shift(tx, 1, CLERK))
        signed_in.set()
        return shift.business_date

    slowly = ClosingDesk(HallAtCounter(hall_database, 2, slow_id))
    with ThreadPoolExecutor(2) as pool:
        late = pool.submit(sign_in)
        pool.submit(slowly.close_day, CloseDay(manager.asked(), DAY)).result(20)
        assert late.result(20) == NEXT_DAY


# --- the report -------------------------------------------------------------------------------------------------


def busy_day(hall_database: Database) -> tuple[Counter, Counter]:
    """Two drawers: one 50 fen over with a reversal and a card payment, one exact with cash moved."""
    one, two = Counter(hall_database).opened(), Counter(hall_database, 2, OTHER_CLERK)
    two.cash.open_till(OpenTill(two.asked(), FLOAT, FLOAT_FEN))
    one.top_up(NAMED_CARD, 100_00, 200_00)
    wrong = one.top_up(OTHER_NAMED_CARD, 30_00)
    one.undo.reverse(one.signed(Reverse(one.asked(), wrong.receipt_no, "卡号输错")))
    approved = ScriptedTerminal(answer(Verdict.APPROVED, 50_00))
    one.top_ups.pay_at_terminal(card_top_up(one, NAMED_CARD, 50_00), approved, silent, CancelToken())
    two.top_up(NAMED_CARD, 20_00)
    two.cash.move_cash(MoveCash(two.asked(), False, CashPlace.SAFE, 200_00, "L-7"))
    one.count(FLOAT_FEN + 100_50)
    close = CloseTill(one.asked(), 100_00, "找零差错，原因待查")
    one.cash.close_till(one.signed(close))
    return one, two


def test_the_report_adds_up_before_and_after_the_seal(hall_database: Database) -> None:
    _one, two = busy_day(hall_database)
    closed(two, FLOAT_FEN - 180_00)
    manager = Counter(hall_database, 2, MANAGER)
    draft = manager.closing.day_report(manager.asked())
    done = seal(manager)
    report = manager.closing.day_report(manager.asked(), DAY)
    assert (report.hall_name, report.business_date, report.printed_by) == (
        "城市通 东郊营业厅",
        DAY,
        "1001 周敏",
    )
    by_kind = {line.name: (line.count, line.amount_fen) for line in report.by_kind}
    assert by_kind == {"充值": (4, 200_00), "冲正": (1, -30_00)}
    assert dict(zip(report.tenders, report.total.amounts_fen, strict=True)) == {
        "现金": 120_00,
        "借记卡 POS": 50_00,
    }
    assert {line.name: line.amount_fen for line in report.by_staff} == {
        "1021 李芳": 150_00,
        "1023 赵强": 20_00,
    }
    assert report.business == draft.business
    first, second = report.tills
    assert (first.staff, first.opening_fen, first.cash_in_fen, first.cash_out_fen) == (
        "1021 李芳",
        FLOAT_FEN,
        130_00,
        30_00,
    )
    assert (first.expected_fen, first.counted_fen, first.difference_fen) == (
        FLOAT_FEN + 100_00,
        FLOAT_FEN + 100_50,
        50,
    )
    assert (first.reason, first.signed_by) == ("找零差错，原因待查", "1001 周敏")
    assert (second.cash_in_fen, second.cash_out_fen, second.difference_fen) == (20_00, 200_00, 0)
    for till in report.tills:
        assert till.expected_fen == till.opening_fen + till.cash_in_fen - till.cash_out_fen
        assert till.count.total_fen == till.counted_fen
    assert report.counted == pieces_for_both(report)
    assert (report.reversals, report.pending, report.receivables) == (1, (), ())
    assert report.chain_heads[-1].head == done.anchor[:16]
    assert not any(head.head == done.anchor[:16] for head in draft.chain_heads)
    assert {head.shift for head in report.chain_heads[:-1]} >= {
        "1 号台 1021 李芳 第 1 班",
        "2 号台 1001 周敏 第 2 班",
    }
    assert day_report.render(report).startswith(b"%PDF")


def pieces_for_both(report: DayReport) -> object:
    """Every note of both counts under its denomination."""
    pieces: dict[int, int] = {}
    for count in (pieces_for(FLOAT_FEN + 100_50), pieces_for(FLOAT_FEN - 180_00)):
        for denomination_fen, number in count.pieces:
            pieces[denomination_fen] = pieces.get(denomination_fen, 0) + number
    return dataclasses.replace(report.counted, pieces=tuple(sorted(pieces.items(), reverse=True)))


def test_while_a_drawer_is_open_the_report_is_for_the_manager(hall_database: Database) -> None:
    """Its cash could be told from the sums."""
    one, two = busy_day(hall_database)
    refused(Reason.RIGHT_MISSING, one.closing.day_report, one.asked())
    manager = Counter(hall_database, 2, MANAGER)
    assert len(manager.closing.day_report(manager.asked()).tills) == 1
    closed(two, FLOAT_FEN - 180_00)
    assert len(two.closing.day_report(two.asked()).tills) == 2


def test_a_day_without_business(manager: Counter) -> None:
    view = manager.closing.day_view()
    assert view.ready
    assert view.lines[0].state == "warn"
    done = seal(manager)
    report = manager.closing.day_report(manager.asked(), DAY)
    assert (report.business, report.tills) == ((), ())
    assert report.chain_heads[-1].head == done.anchor[:16]
