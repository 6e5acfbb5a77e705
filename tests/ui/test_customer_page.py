"""客户与交易 by keys over the real desks: history, one plain value, reprint, check code, reversal in cash and at the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from counter_builder import FLOAT, Counter, ScriptedTerminal, answer, card_top_up, require_sound
from hall_builder import HOLDER, MANAGER, NAMED_CARD, NAMED_FEN, PASSWORD, HallClock, open_sqlite
from hall_window import HallWindow, enter, focused, hall_window, press, words_in_sight
from picture_page import faults_of
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from counter_app.domain.payments import Verdict
from counter_app.domain.requests import LockCount, Reversed
from counter_app.domain.waiting import CancelToken, silent
from counter_app.storage import papers
from counter_app.storage.database import Database
from ui import texts
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.pages.customer import PAGE_LINES, CustomerPage

SHOWN_MS = 300


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
def terminal() -> ScriptedTerminal:
    """Approves a payment, then its undoing."""
    return ScriptedTerminal(
        answer(Verdict.APPROVED, 50_00), answer(Verdict.APPROVED, 50_00, receipt_no="0043")
    )


@pytest.fixture
def hall(
    counter: Counter,
    terminal: ScriptedTerminal,
    troubles: TroubleRouter,
    lane_maker: Callable[[str], Lane],
    qtbot: QtBot,
) -> HallWindow:
    """The clerk's window with the page, not yet shown."""
    made = hall_window(
        counter.database,
        troubles,
        lane_maker,
        (
            (
                "customer",
                "客户与交易",
                "F8",
                texts.GROUP_SERVICE,
                lambda tools: CustomerPage(tools, shown_ms=SHOWN_MS),
            ),
        ),
        terminal=terminal,
    )
    qtbot.addWidget(made.window)
    made.window.resize(1366, 768)
    with qtbot.waitActive(made.window):
        made.window.show()
    return made


def page_of(hall: HallWindow, qtbot: QtBot, lines: int) -> CustomerPage:
    """The page with the holder's history read."""
    hall.open(f"card:{NAMED_CARD}")
    page = hall.show("customer")
    assert isinstance(page, CustomerPage)
    qtbot.waitUntil(lambda: len(page.lines) == lines, timeout=5000)
    return page


def open_first(page: CustomerPage, qtbot: QtBot) -> None:
    """Enter on the newest line."""
    assert page.history.table.hasFocus()
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(page.receipt.isVisible, timeout=5000)


def sign(page: Any, qtbot: QtBot) -> None:
    """The manager signs beside the clerk."""
    qtbot.waitUntil(page.signing.box.isVisible, timeout=5000)
    enter(MANAGER, PASSWORD)


def looks_right(hall: HallWindow) -> None:
    """Nothing cut off, nothing English, nothing to scroll."""
    QApplication.processEvents()
    assert faults_of(hall.window) == []
    assert hall.window.frame is not None
    assert hall.window.page is not None
    assert hall.window.page.height() <= hall.window.frame.pages.height()


def test_history_is_read_page_by_page(counter: Counter, hall: HallWindow, qtbot: QtBot) -> None:
    receipts = [counter.top_up(NAMED_CARD, 10_00 + number).receipt_no for number in range(PAGE_LINES + 2)]
    page = page_of(hall, qtbot, PAGE_LINES)
    assert [line.receipt_no for line in page.lines] == receipts[:1:-1]
    assert "第 1 页" in words_in_sight(page)
    looks_right(hall)
    press(Qt.Key.Key_PageDown)
    qtbot.waitUntil(lambda: len(page.lines) == 2, timeout=5000)
    assert [line.receipt_no for line in page.lines] == receipts[1::-1]
    press(Qt.Key.Key_PageDown)
    assert "第 2 页" in words_in_sight(page)
    press(Qt.Key.Key_PageUp)
    qtbot.waitUntil(lambda: page.lines[0].receipt_no == receipts[-1], timeout=5000)


def test_one_plain_value_for_a_while_and_on_record(counter: Counter, hall: HallWindow, qtbot: QtBot) -> None:
    counter.top_up(NAMED_CARD, 100_00)
    page = page_of(hall, qtbot, 1)
    assert HOLDER.document_number not in words_in_sight(hall.window)
    assert page.history.table.hasFocus()
    press(Qt.Key.Key_B)
    qtbot.waitUntil(lambda: HOLDER.document_number in words_in_sight(page), timeout=5000)
    assert HOLDER.phone not in words_in_sight(page)
    looks_right(hall)
    noted = hall.desks.at.database.read(
        lambda tx: tx.connection.exec_driver_sql(
            "SELECT count(*) FROM audit WHERE action = 'unmask' AND payload LIKE '%document%'"
        ).scalar()
    )
    assert noted == 1
    qtbot.waitUntil(lambda: HOLDER.document_number not in words_in_sight(page), timeout=5000)


def test_a_plain_value_does_not_outlive_its_customer(hall: HallWindow, qtbot: QtBot) -> None:
    page = page_of(hall, qtbot, 0)
    press(Qt.Key.Key_C, alt=True)
    qtbot.waitUntil(lambda: HOLDER.phone in words_in_sight(page), timeout=5000)
    hall.window.set_customer(None)
    assert HOLDER.phone not in words_in_sight(page)
    assert page.lines == ()


def test_the_second_copy_wants_the_manager(counter: Counter, hall: HallWindow, qtbot: QtBot) -> None:
    done = counter.top_up(NAMED_CARD, 100_00)
    page = page_of(hall, qtbot, 1)
    open_first(page, qtbot)
    assert not page.receipt.paper.pixmap().isNull()
    assert "真实" in words_in_sight(page)
    looks_right(hall)
    press(Qt.Key.Key_A)
    qtbot.waitUntil(lambda: "补打 第1次" in page.result.text, timeout=5000)
    press(Qt.Key.Key_A)
    sign(page, qtbot)
    qtbot.waitUntil(lambda: "补打 第2次" in page.result.text, timeout=5000)
    assert counter.database.read(lambda tx: papers.copies(tx, done.receipt_no)) == 2
    press(Qt.Key.Key_Escape)
    assert page.history.isVisible()


def test_a_cash_top_up_is_reversed_with_reason_and_signature(
    counter: Counter, hall: HallWindow, qtbot: QtBot
) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00)
    page = page_of(hall, qtbot, 1)
    open_first(page, qtbot)
    press(Qt.Key.Key_B)
    assert page.receipt.reason.hasFocus()
    press(Qt.Key.Key_1, alt=True)
    looks_right(hall)
    assert not page.receipt.voucher.isVisible(), "cash has no slip that undid it"
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(page.signing.box.isVisible, timeout=5000)
    looks_right(hall)
    for _press in range(50):
        press(Qt.Key.Key_Return)
    enter(MANAGER, PASSWORD)
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    (done,) = hall.booked
    assert isinstance(done, Reversed)
    assert (done.reversed_receipt_no, done.cash_back_fen) == (wrong.receipt_no, 100_00)
    assert "请退还现金 ¥100.00" in page.result.text
    qtbot.waitUntil(lambda: len(page.lines) == 2, timeout=5000)
    assert page.lines[1].reversed
    assert hall.desks.customers.open(f"card:{NAMED_CARD}").balance_fen == NAMED_FEN
    looks_right(hall)
    require_sound(counter.database)


def test_a_reversal_without_a_reason_is_not_asked(counter: Counter, hall: HallWindow, qtbot: QtBot) -> None:
    counter.top_up(NAMED_CARD, 100_00)
    page = page_of(hall, qtbot, 1)
    open_first(page, qtbot)
    press(Qt.Key.Key_B)
    page.receipt.primary.click()
    assert "请先选择或填写原因" in page.result.text
    press(Qt.Key.Key_Escape)
    assert not page.receipt.form.isVisible()
    assert hall.booked == []


def test_a_terminal_payment_is_undone_on_the_terminal_first(
    counter: Counter, hall: HallWindow, terminal: ScriptedTerminal, qtbot: QtBot
) -> None:
    request = card_top_up(counter, NAMED_CARD, 50_00)
    hall.desks.top_up.pay_at_terminal(request, terminal, silent, CancelToken())
    page = page_of(hall, qtbot, 1)
    open_first(page, qtbot)
    press(Qt.Key.Key_B)
    press(Qt.Key.Key_3, alt=True)
    press(Qt.Key.Key_Return)
    press(Qt.Key.Key_Return)
    sign(page, qtbot)
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    assert [asked[0] for asked in terminal.asked] == ["pay", "reverse"]
    assert hall.booked[0].cash_back_fen == 0, "never in cash"
    assert "现金" not in page.result.text
    assert hall.desks.customers.open(f"card:{NAMED_CARD}").balance_fen == NAMED_FEN
    require_sound(counter.database)


def test_a_paper_is_found_and_checked_by_its_code(counter: Counter, hall: HallWindow, qtbot: QtBot) -> None:
    done = counter.top_up(NAMED_CARD, 100_00)
    saved = counter.database.read(lambda tx: papers.find(tx, done.receipt_no))
    assert saved is not None
    page = hall.show("customer")
    assert isinstance(page, CustomerPage)
    assert page.history.search.hasFocus(), "without a customer a receipt can be looked for"
    looks_right(hall)
    enter(saved.check_code)
    qtbot.waitUntil(page.receipt.isVisible, timeout=5000)
    assert f"凭证 {done.receipt_no} 真实" in page.result.text
    press(Qt.Key.Key_Escape)
    page.history.search.clear()
    page.history.search.setFocus()
    enter(f"{done.receipt_no}/AAAAAAAA")
    qtbot.waitUntil(lambda: "校验码与存档不符" in page.result.text, timeout=5000)
    assert page.result.tone == "bad"
    press(Qt.Key.Key_Escape)
    page.history.search.clear()
    page.history.search.setFocus()
    enter("D9-990101-1-0001")
    qtbot.waitUntil(lambda: "没有找到凭证" in page.result.text, timeout=5000)
    assert focused() is page.history.search
    assert page.history.search.text(), "nothing typed is lost"


def test_a_telephone_call_shows_no_history(counter: Counter, hall: HallWindow, qtbot: QtBot) -> None:
    counter.top_up(NAMED_CARD, 100_00)
    page = page_of(hall, qtbot, 1)
    hall.window.set_customer(hall.desks.customers.open(f"card:{NAMED_CARD}", hidden=True))
    assert page.lines == ()
    assert not page.identity.isVisible()


def test_a_signature_is_not_asked_beside_another_receipt(
    counter: Counter, hall: HallWindow, qtbot: QtBot
) -> None:
    counter.top_up(NAMED_CARD, 50_00)
    counter.top_up(NAMED_CARD, 80_00)
    page = page_of(hall, qtbot, 2)
    open_first(page, qtbot)
    press(Qt.Key.Key_B)
    press(Qt.Key.Key_1, alt=True)
    page._undo()
    qtbot.waitUntil(page.signing.box.isVisible, timeout=5000)
    hall.window.show_page("customer")
    assert page.signing.box.staff_no.hasFocus(), "whoever comes back to the page goes on signing"
    page.setFocus()
    press(Qt.Key.Key_Escape)
    assert not page.signing.box.isVisible()
    page._undo()
    qtbot.waitUntil(page.signing.box.isVisible, timeout=5000)
    page._open_line(1)
    qtbot.waitUntil(lambda: not page.busy.busy, timeout=5000)
    assert not page.signing.box.isVisible()


def test_a_paper_without_a_customer_is_shown_by_its_number(
    hall: HallWindow, counter: Counter, qtbot: QtBot
) -> None:
    receipt_no = counter.cash.lock_count(LockCount(counter.asked(), FLOAT)).receipt_no
    page = hall.show("customer")
    assert isinstance(page, CustomerPage)
    page.open_receipt(receipt_no)
    qtbot.waitUntil(page.receipt.isVisible, timeout=5000)
    assert receipt_no in words_in_sight(hall.window)
    assert "点钞锁定" in page.result.text
