"""待办 by keys over the real desks: after a restart, an unknown payment, a doubtful paper, an overdue loss report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from counter_builder import (
    UNKNOWN,
    Counter,
    ScriptedPrinter,
    ScriptedTerminal,
    answer,
    card_top_up,
    cash_top_up,
    require_sound,
)
from hall_builder import (
    HOLDER,
    MANAGER,
    NAMED_CARD,
    NAMED_FEN,
    OTHER_HOLDER,
    OTHER_NAMED_CARD,
    PASSWORD,
    HallClock,
    open_sqlite,
)
from hall_window import HallWindow, enter, hall_window, press, words_in_sight
from picture_page import faults_of
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.payments import Verdict
from counter_app.domain.waiting import CancelToken, silent
from counter_app.storage.database import Database
from ui import texts
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.pages.pending import Group, PendingPage

LINE = "2026-11-23 08:55 POS 收款 50.00 元：终端报过批准，但程序在入账前中断，还没有入账。请看终端签购单和终端流水是否成功，由主管在待办（F11）中处理。"


@pytest.fixture
def database(sqlite_hall: Path, clock: HallClock) -> Iterator[Database]:
    """The hall of tests in its own file."""
    opened = open_sqlite(sqlite_hall, clock)
    yield opened
    opened.close()


@pytest.fixture
def counter(database: Database) -> Counter:
    """What the same clerk did before, with an open drawer."""
    return Counter(database).opened()


@pytest.fixture
def lines() -> list[str]:
    """What the start-up wants confirmed."""
    return []


@pytest.fixture
def hall(
    counter: Counter,
    lines: list[str],
    troubles: TroubleRouter,
    lane_maker: Callable[[str], Lane],
    qtbot: QtBot,
) -> HallWindow:
    """The clerk's window with the page, not yet shown; papers of the opening are out."""
    counter.paper.print_next(ScriptedPrinter(), CancelToken())

    def confirmed(line: str) -> None:
        lines[:] = [other for other in lines if other != line]

    made = hall_window(
        counter.database,
        troubles,
        lane_maker,
        (
            (
                "pending",
                "待办",
                "F11",
                texts.GROUP_TILL,
                lambda tools: PendingPage(tools, lambda: tuple(lines), confirmed),
            ),
        ),
    )
    qtbot.addWidget(made.window)
    made.window.resize(1366, 768)
    with qtbot.waitActive(made.window):
        made.window.show()
    return made


def page_of(hall: HallWindow, qtbot: QtBot, questions: int) -> PendingPage:
    """The page with everything read."""
    page = hall.show("pending")
    assert isinstance(page, PendingPage)
    qtbot.waitUntil(lambda: len(page.questions) == questions, timeout=5000)
    return page


def looks_right(hall: HallWindow) -> None:
    """Nothing cut off, nothing English, nothing to scroll."""
    QApplication.processEvents()
    assert [fault for fault in faults_of(hall.window) if "SD1-" not in fault] == [], "but the loss reference"
    assert hall.window.frame is not None
    assert hall.window.page is not None
    assert hall.window.page.height() <= hall.window.frame.pages.height()


def unknown_payment(counter: Counter, hall: HallWindow) -> None:
    """A payment of 50 yuan at the terminal, which did not answer."""
    terminal = ScriptedTerminal(answer(Verdict.UNKNOWN, 50_00))
    with pytest.raises(Refused) as refused:
        hall.desks.top_up.pay_at_terminal(
            card_top_up(counter, NAMED_CARD, 50_00), terminal, silent, CancelToken()
        )
    assert refused.value.reason is Reason.PAYMENT_UNKNOWN


def test_nothing_to_do(hall: HallWindow, qtbot: QtBot) -> None:
    page = page_of(hall, qtbot, 0)
    qtbot.waitUntil(page.nothing.isVisible, timeout=5000)
    assert "没有待办事项" in words_in_sight(page)
    looks_right(hall)


def test_after_a_restart_each_item_is_named_and_confirmed(
    counter: Counter, hall: HallWindow, lines: list[str], qtbot: QtBot
) -> None:
    counter.database.keep(cash_top_up(counter, NAMED_CARD, 100_00))
    lines.append(LINE)
    page = page_of(hall, qtbot, 2)
    assert [question.group for question in page.questions] == [Group.CONFIRM, Group.CONFIRM]
    for word in ("钱箱", "签购单", "终端", "凭条", "没有收进这笔钱"):
        assert word in words_in_sight(page), word
    looks_right(hall)
    press(Qt.Key.Key_A)
    qtbot.waitUntil(lambda: len(page.questions) == 1, timeout=5000)
    assert hall.desks.parking.unfinished() == ()
    assert "终端报过批准" in words_in_sight(page)
    press(Qt.Key.Key_A)
    qtbot.waitUntil(page.nothing.isVisible, timeout=5000)
    assert lines == []


def test_an_unknown_payment_is_settled_as_paid_by_two_people(
    counter: Counter, hall: HallWindow, qtbot: QtBot
) -> None:
    unknown_payment(counter, hall)
    page = page_of(hall, qtbot, 1)
    assert "结果未知" in words_in_sight(page)
    press(Qt.Key.Key_A)
    assert page.card.voucher.hasFocus()
    enter("000471")
    enter("4321")
    assert page.card.reason.hasFocus()
    press(Qt.Key.Key_1, alt=True)
    looks_right(hall)
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(page.signing.box.isVisible, timeout=5000)
    looks_right(hall)
    enter(MANAGER, PASSWORD)
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    assert hall.booked[0].paid
    assert hall.booked[0].receipt_no in page.result.text
    assert hall.desks.payments.pending() == ()
    assert hall.desks.customers.open(f"card:{NAMED_CARD}").balance_fen == NAMED_FEN + 50_00
    require_sound(counter.database)


def test_an_unknown_payment_is_settled_as_not_paid(counter: Counter, hall: HallWindow, qtbot: QtBot) -> None:
    unknown_payment(counter, hall)
    page = page_of(hall, qtbot, 1)
    press(Qt.Key.Key_B)
    assert page.card.reason.hasFocus()
    page.card.primary.click()
    assert "“原因”还没有填" in page.result.text
    press(Qt.Key.Key_2, alt=True)
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(page.signing.box.isVisible, timeout=5000)
    enter(MANAGER, "wrong-password")
    qtbot.waitUntil(lambda: "工号或密码不对" in words_in_sight(page.signing.box), timeout=5000)
    assert len(hall.desks.payments.pending()) == 1
    enter(PASSWORD)
    qtbot.waitUntil(lambda: "未扣款" in page.result.text, timeout=5000)
    assert hall.desks.payments.pending() == ()
    assert hall.desks.customers.open(f"card:{NAMED_CARD}").balance_fen == NAMED_FEN
    require_sound(counter.database)


@pytest.mark.parametrize(("key", "copies"), [(Qt.Key.Key_A, 0), (Qt.Key.Key_B, 1)])
def test_a_doubtful_paper_is_confirmed_or_printed_again(
    counter: Counter, hall: HallWindow, qtbot: QtBot, key: Qt.Key, copies: int
) -> None:
    counter.top_up(NAMED_CARD, 100_00)
    counter.paper.print_next(ScriptedPrinter(UNKNOWN), CancelToken())
    page = page_of(hall, qtbot, 1)
    assert "请确认凭条是否打印" in words_in_sight(page)
    looks_right(hall)
    press(key)
    qtbot.waitUntil(lambda: page.result.tone == "good", timeout=5000)
    waiting = counter.paper.waiting()
    assert [job.copy_no for job in waiting] == ([1] if copies else [])
    assert ("补打 第1次" in page.result.text) is bool(copies)


def test_overdue_reports_are_called_back_with_a_number_for_ten_seconds(
    counter: Counter, hall: HallWindow, clock: HallClock, qtbot: QtBot
) -> None:
    hall.report(NAMED_CARD)
    hall.report(OTHER_NAMED_CARD, OTHER_HOLDER)
    for _paper in range(2):
        counter.paper.print_next(ScriptedPrinter(), CancelToken())
    clock.advance(days=9)
    page = page_of(hall, qtbot, 2)
    assert {question.group for question in page.questions} == {Group.OVERDUE}
    assert "逾期 2 天" in words_in_sight(page)
    assert "138 0000 8000" not in words_in_sight(page)
    place = next(at for at, question in enumerate(page.questions) if question.subject == HOLDER.holder_id)
    page.table.selectRow(place)
    press(Qt.Key.Key_A)
    qtbot.waitUntil(lambda: "138 0000 8000" in words_in_sight(page), timeout=5000)
    looks_right(hall)
    press(Qt.Key.Key_Up if place else Qt.Key.Key_Down)
    assert "138 0000 8000" not in words_in_sight(page)
