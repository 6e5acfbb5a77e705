"""The window's keys, lock, readers and pages as a clerk meets them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from picture_page import CUSTOMER, PARKED, SamplePage, sample_window
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from counter_app.domain.errors import Cancelled, DeviceTrouble, Reason, Refused
from counter_app.domain.views import Match
from counter_app.domain.waiting import CancelToken
from ui.app_window import AppWindow
from ui.errors import TroubleRouter
from ui.lanes import Lane


@pytest.fixture
def window(qtbot: QtBot, troubles: TroubleRouter) -> AppWindow:
    """A window with the sample page in sight."""
    made = sample_window(troubles)
    qtbot.addWidget(made)
    made.resize(1366, 768)
    with qtbot.waitActive(made):
        made.show()
    assert made.show_page("top_up")
    return made


@pytest.fixture
def page(window: AppWindow) -> SamplePage:
    """The sample page in sight."""
    assert isinstance(window.page, SamplePage)
    return window.page


def focused() -> QWidget:
    """The widget that gets the keys."""
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def test_everything_fits_at_1366_by_768(window: AppWindow, page: SamplePage) -> None:
    assert (window.width(), window.height()) == (1366, 768)
    assert window.frame is not None
    assert window.frame.header.height() == 48
    assert window.frame.navigation.width() == 176
    assert window.frame.side.width() == 316
    assert window.frame.status.height() == 30
    assert page.height() <= window.frame.pages.height(), "the page needs no scrolling"
    assert page.width() == 1366 - 176 - 316


def test_enter_goes_through_open_fields_and_then_presses_the_primary(page: SamplePage) -> None:
    assert page.amount.hasFocus()
    QTest.keyClicks(focused(), "100")
    QTest.keyClick(focused(), Qt.Key.Key_Return)
    assert page.received.hasFocus()
    assert page.pressed == 0
    QTest.keyClick(focused(), Qt.Key.Key_Return)
    assert page.received.hasFocus(), "an open field is not passed"
    QTest.keyClicks(focused(), "200")
    assert page.change.figures.text() == "¥100.00"
    QTest.keyClick(focused(), Qt.Key.Key_Enter)
    assert page.pressed == 1


def test_a_field_already_filled_by_a_key_is_not_visited(page: SamplePage) -> None:
    QTest.keyClick(focused(), Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    assert page.amount.value_fen() == 100_00
    page.received.set_fen(100_00)
    QTest.keyClick(focused(), Qt.Key.Key_Return)
    assert page.pressed == 1


def test_chip_keys_need_alt_in_a_field_and_none_elsewhere(page: SamplePage) -> None:
    QTest.keyClick(focused(), Qt.Key.Key_B, Qt.KeyboardModifier.AltModifier)
    assert page.tenders.value == "debit"
    QTest.keyClicks(focused(), "3")
    assert page.amount.text() == "3"
    page.setFocus()
    QTest.keyClick(page, Qt.Key.Key_3)
    QTest.keyClick(page, Qt.Key.Key_A)
    assert page.amount.value_fen() == 200_00
    assert page.tenders.value == "cash"


def test_fifty_presses_of_enter_are_one_operation(page: SamplePage, lane: Lane, qtbot: QtBot) -> None:
    booked: list[int] = []
    go = threading.Event()

    def book() -> None:
        assert go.wait(5)
        booked.append(1)

    answers: list[object] = []
    page.primary.clicked.disconnect()
    page.primary.clicked.connect(lambda: page.ask(lane, book, answers.append, text="正在记账…"))
    page.amount.set_fen(100_00)
    page.received.set_fen(100_00)
    page.received.setFocus()
    for _ in range(50):
        QTest.keyClick(page.received, Qt.Key.Key_Return)
    assert page.busy.busy
    assert page.busy.isVisible(), "the wait shows within the same turn"
    assert not page.primary.isEnabled()
    assert page.received.isReadOnly()
    assert page.received.hasFocus(), "the focus waits where it was"
    go.set()
    qtbot.waitUntil(lambda: bool(answers), timeout=5000)
    assert booked == [1]
    assert not page.received.isReadOnly()
    assert page.primary.isEnabled()


def test_key_repeat_does_nothing(window: AppWindow, page: SamplePage) -> None:
    page.amount.set_fen(100_00)
    page.received.set_fen(100_00)
    for key in (Qt.Key.Key_Return, Qt.Key.Key_F3, Qt.Key.Key_Escape):
        for _ in range(10):
            event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, "", True)
            QApplication.sendEvent(focused(), event)
    assert page.pressed == 0
    assert window.page is page


def test_function_keys_open_pages_and_what_was_typed_stays(
    window: AppWindow, page: SamplePage, qtbot: QtBot
) -> None:
    QTest.keyClicks(focused(), "77")
    QTest.keyClick(focused(), Qt.Key.Key_F3)
    qtbot.waitUntil(lambda: window.page is not page, timeout=5000)
    QTest.keyClick(focused(), Qt.Key.Key_R, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(lambda: window.made_page("reports") is window.page, timeout=5000)
    QTest.keyClick(focused(), Qt.Key.Key_F2)
    assert window.page is page
    assert page.amount.value_fen() == 77_00


def test_pages_are_made_on_their_first_show(window: AppWindow) -> None:
    assert window.made_page("day") is None
    assert window.show_page("day")
    assert window.made_page("day") is not None


def test_a_waiting_page_is_not_left_and_esc_cancels_the_wait(
    window: AppWindow, page: SamplePage, lane: Lane, qtbot: QtBot
) -> None:
    token = CancelToken()
    started = threading.Event()

    def pay() -> None:
        started.set()
        token.wait(5.0)
        raise Cancelled()

    assert page.ask(lane, pay, pytest.fail, text="请客户插卡", cancel=token)
    assert started.wait(5)
    assert not window.show_page("loss")
    QTest.keyClick(focused(), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not page.busy.busy, timeout=5000)
    assert page.result.isHidden(), "a cancelled wait is silent"
    assert window.show_page("loss")


def test_trouble_stands_on_the_page(page: SamplePage, lane: Lane, qtbot: QtBot) -> None:
    tries: list[int] = []

    def call() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise DeviceTrouble("打印机没有答复，请检查电源和连线。", "timeout on port")
        return "ok"

    answers: list[str] = []
    page.ask(lane, call, answers.append)
    qtbot.waitUntil(lambda: bool(page.result.text), timeout=5000)
    assert page.result.tone == "bad"
    assert page.result.text == "打印机没有答复，请检查电源和连线。"
    assert page.result._action.text() == "再试一次 Alt+Enter"
    page.result._action.click()
    qtbot.waitUntil(lambda: answers == ["ok"], timeout=5000)
    assert page.result.isHidden()

    def refuse() -> None:
        raise Refused(Reason.TILL_NOT_OPEN)

    page.ask(lane, refuse, pytest.fail)
    qtbot.waitUntil(lambda: bool(page.result.text), timeout=5000)
    assert page.result.tone == "warn"
    assert page.result._action.isHidden(), "a rule's no is not tried again"


def test_the_lock_keeps_what_is_typed(window: AppWindow, page: SamplePage, qtbot: QtBot) -> None:
    QTest.keyClicks(focused(), "12.345")
    QTest.keyClick(focused(), Qt.Key.Key_F12)
    assert window.is_locked
    assert not page.isVisible()
    seen: list[str] = []
    window.medium_seen.connect(seen.append)
    window.present_medium("04A1")
    assert seen == [], "a locked counter takes no card"
    asked: list[str] = []
    window.unlock_asked.connect(asked.append)
    QTest.keyClicks(focused(), "wrong")
    QTest.keyClick(focused(), Qt.Key.Key_Return)
    QTest.keyClick(focused(), Qt.Key.Key_Return)
    assert asked == ["wrong"]
    window.unlock_refused("工号或密码不对，请重新输入。")
    QTest.keyClick(focused(), Qt.Key.Key_F2)
    assert window.is_locked
    QTest.keyClicks(focused(), "right")
    QTest.keyClick(focused(), Qt.Key.Key_Return)
    assert asked == ["wrong", "right"]
    window.unlock()
    assert window.page is page
    assert page.amount.text() == "12.345"
    assert page.amount.hasFocus()


def test_an_idle_counter_locks_itself(window: AppWindow, qtbot: QtBot) -> None:
    window.set_idle_lock(0.5)
    with qtbot.waitSignal(window.locked, timeout=5000):
        pass
    assert window.is_locked
    window.set_idle_lock(0)


def test_a_card_on_the_reader_never_types_into_a_field(window: AppWindow, page: SamplePage) -> None:
    seen: list[object] = []
    window.medium_seen.connect(seen.append)
    window.document_seen.connect(seen.append)
    before = page.amount.text()
    document = object()
    window.present_medium("04A1B2")
    window.present_document(document)
    assert seen == ["04A1B2", document]
    assert page.amount.text() == before


def test_the_entry_box_finds_and_opens(window: AppWindow, page: SamplePage) -> None:
    searched: list[str] = []
    opened: list[Match] = []
    window.search_asked.connect(searched.append)
    window.match_opened.connect(opened.append)
    QTest.keyClick(focused(), Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert window.frame is not None
    box = window.frame.header.entry_box
    assert box.hasFocus()
    QTest.keyClicks(box, "zxm")
    assert searched == ["z", "zx", "zxm"]
    people = [Match(str(place), f"曾*{place}", "138****5678", "客户") for place in range(12)]
    box.show_matches("zx", people)
    assert not box.matches.isVisible(), "an answer for older text is ignored"
    box.show_matches("zxm", people)
    assert box.matches.isVisible()
    QTest.keyClick(box, Qt.Key.Key_Down)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert opened == [people[1]]
    assert box.text() == ""
    QTest.keyClicks(box, "zxm")
    box.show_matches("zxm", people)
    QTest.keyClick(box, Qt.Key.Key_3, Qt.KeyboardModifier.AltModifier)
    assert opened == [people[1], people[2]]
    QTest.keyClicks(box, "9040261100031877")
    QTest.keyClick(box, Qt.Key.Key_Return)
    box.show_matches("9040261100031877", people[:1])
    assert opened[-1] == people[0], "an Enter pressed before the answer is kept"
    QTest.keyClicks(box, "q")
    box.show_refusal("q", "输入的内容太短。")
    assert box.matches.isVisible()
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert not box.matches.isVisible()


def test_parking_carries_what_was_typed_and_parked_customers_stay_visible(
    window: AppWindow, page: SamplePage
) -> None:
    parked: list[tuple[str, object]] = []
    taken: list[str] = []
    window.park_asked.connect(lambda name, typed: parked.append((name, typed)))
    window.unpark_asked.connect(taken.append)
    QTest.keyClicks(focused(), "88")
    QTest.keyClick(focused(), Qt.Key.Key_B, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(focused(), Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    assert parked == [("top_up", {"amount": "88", "tender": "debit", "received": ""})]
    window.set_parked(PARKED)
    assert window.frame is not None
    assert window.frame.side.parked.isVisible()
    assert page.title._aside.text() == "挂起当前客户 Ctrl+P ・ 已挂起 1 位"
    QTest.keyClick(focused(), Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert taken == ["1"]
    page.amount.clear()
    page.tenders.choose(None)
    page.restore(parked[0][1])  # type: ignore[arg-type]
    assert page.typed() == parked[0][1]


def test_a_hidden_customer_shows_no_personal_value(window: AppWindow, page: SamplePage) -> None:
    import dataclasses

    from PySide6.QtWidgets import QLabel

    assert window.frame is not None
    window.set_customer(dataclasses.replace(CUSTOMER, hidden=True))
    shown = [part.text() for part in window.frame.side.findChildren(QLabel) if part.isVisible()]
    assert shown
    for secret in ("王", "1523", "5678", "86.50", "11-20", "0003"):
        assert not [text for text in shown if secret in text]
    assert "王" not in window.frame.customer_line._text.text()


def test_a_bug_locks_the_money_pages_until_restart(
    window: AppWindow, page: SamplePage, lane: Lane, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    def bug() -> None:
        raise KeyError("no such thing")

    page.ask(lane, bug, pytest.fail)
    qtbot.waitUntil(lambda: window.troubles.money_locked, timeout=5000)
    assert not page.isEnabled()
    assert window.frame is not None
    assert window.frame.money_band.isVisible()
    assert "KeyError" in caplog.text
    QTest.keyClick(window, Qt.Key.Key_Return)
    assert page.pressed == 0
    assert window.show_page("complaints")
    assert window.page is not None
    assert window.page.isEnabled(), "work without money never stops"


def test_the_next_clerk_inherits_nothing(window: AppWindow, page: SamplePage) -> None:
    QTest.keyClicks(focused(), "123")
    ahead = window.prepare_page("complaints")
    assert not ahead.isVisible()
    window.sign_out()
    assert window.made_page("complaints") is None
    assert window.sign_in.isVisible()
    window.open_frame("1024 王芳")
    assert window.show_page("top_up")
    assert isinstance(window.page, SamplePage)
    assert window.page is not page
    assert window.page.amount.text() == ""
    assert window.customer is None


def test_hooks_show_what_nobody_caught(
    window: AppWindow, page: SamplePage, qtbot: QtBot, lane_maker: Callable[[str], Lane]
) -> None:
    import sys

    troubles = window.troubles
    before = (sys.excepthook, threading.excepthook)
    troubles.install()
    try:
        error = Refused(Reason.TILL_NOT_OPEN)
        sys.excepthook(type(error), error, None)
        qtbot.waitUntil(lambda: bool(page.result.text), timeout=5000)
        assert page.result.text == Reason.TILL_NOT_OPEN.sentence()
        thread = threading.Thread(target=lambda: {}["missing"])
        thread.start()
        thread.join(5)
        qtbot.waitUntil(lambda: troubles.money_locked, timeout=5000)
    finally:
        troubles.remove()
    assert (sys.excepthook, threading.excepthook) == before


def test_the_keys_come_back_from_the_entry_box(window: AppWindow, page: SamplePage) -> None:
    assert window.frame is not None
    box = window.frame.header.entry_box
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert box.hasFocus()
    QTest.keyClicks(box, "wxm")
    window.leave_entry_box()
    assert box.hasFocus(), "what the clerk is typing is not taken away"
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert box.text() == ""
    assert box.hasFocus()
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert page.isAncestorOf(focused())


def test_a_wait_says_why_no_other_page_comes(window: AppWindow, page: SamplePage) -> None:
    page.busy.begin("正在等待银行答复")
    assert not page.busy._stay.isVisible()
    assert not window.show_page("top_up")
    assert page.busy._stay.isVisible()
    page.busy.end()


def test_another_clerk_signs_in_by_a_key(window: AppWindow, qtbot: QtBot) -> None:
    window.lock()
    assert window.lock_page is not None
    with qtbot.waitSignal(window.sign_out_asked):
        QTest.keyClick(focused(), Qt.Key.Key_H, Qt.KeyboardModifier.AltModifier)


def test_what_a_line_offers_is_taken_by_a_key(page: SamplePage) -> None:
    taken: list[bool] = []
    page.result.say("plain", "已清空，还没有收款。", "恢复", lambda: taken.append(True))
    QTest.keyClick(focused(), Qt.Key.Key_Return, Qt.KeyboardModifier.AltModifier)
    assert taken == [True]
    QTest.keyClick(focused(), Qt.Key.Key_Return, Qt.KeyboardModifier.AltModifier)
    assert taken == [True]
