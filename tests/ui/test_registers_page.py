"""登记簿 by keys: the register of loss reports, late offline spending, and what it leaves holders owing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hall_builder import MANAGER, NAMED_CARD, NAMED_FEN, PASSWORD, HallClock, open_sqlite
from hall_window import HallWindow, enter, focused, hall_window, press
from picture_page import faults_of
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.masking import mask_card
from counter_app.domain.requests import ReceivableSettled, SpendingBooked
from counter_app.domain.shifts import HALL_ZONE
from counter_app.storage.database import Database
from ui.errors import TroubleRouter
from ui.forms.moments import day_of, moment_of
from ui.lanes import Lane
from ui.pages.registers import RegistersPage

REGISTERS = ("registers", "登记簿", "Alt+R", "钱箱与日结", RegistersPage)


@pytest.fixture
def database(sqlite_hall: Path, clock: HallClock) -> Iterator[Database]:
    opened = open_sqlite(sqlite_hall, clock)
    yield opened
    opened.close()


@pytest.fixture
def hall(
    database: Database, troubles: TroubleRouter, lane_maker: Callable[[str], Lane], qtbot: QtBot
) -> HallWindow:
    made = hall_window(database, troubles, lane_maker, [REGISTERS])
    qtbot.addWidget(made.window)
    made.window.resize(1366, 768)
    with qtbot.waitActive(made.window):
        made.window.show()
    return made


def registers(hall: HallWindow) -> RegistersPage:
    page = hall.show("registers")
    assert isinstance(page, RegistersPage)
    return page


def test_the_register_shows_masked_reports_and_opens_the_customer(
    hall: HallWindow, clock: HallClock, qtbot: QtBot
) -> None:
    reported = hall.report(NAMED_CARD)
    clock.now += dt.timedelta(days=9)
    page = registers(hall)
    qtbot.waitUntil(lambda: page.losses.table.rows.rowCount() == 1, timeout=5000)
    cells = [str(page.losses.table.rows.index(0, at).data()) for at in range(7)]
    assert cells[1] == mask_card(NAMED_CARD)
    assert cells[5] == f"{NAMED_FEN / 100:.2f}"
    assert cells[6].startswith("逾期 2 天")
    assert faults_of(hall.window) == []
    assert page.losses.first.hasFocus()
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(page.losses.table.hasFocus, timeout=5000)
    assert page.losses.whole.text() == f"受理号 {reported.reference}　期限 2026-11-30　备注：无"
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: hall.window.customer is not None, timeout=5000)
    assert hall.window.customer is not None
    assert hall.window.customer.card_no == reported.card_no
    page.losses.first.setFocus()
    page.losses.first.clear()
    enter("2026-13-01")
    page.losses.last_day.setFocus()
    press(Qt.Key.Key_Return)
    assert "2026-13-01" in page.result.text


def test_late_spending_beyond_the_balance_is_owed(hall: HallWindow, qtbot: QtBot) -> None:
    page = registers(hall)
    press(Qt.Key.Key_3, alt=True)
    assert page.late.card.hasFocus()
    owed = f"{(NAMED_FEN + 20_00) / 100:.2f}"
    enter(NAMED_CARD, owed, "2026-11-23 08:15", "11-22 清单第 7 行")
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    done = hall.booked[0]
    assert isinstance(done, SpendingBooked)
    assert (done.from_purse_fen, done.receivable_fen) == (NAMED_FEN, 20_00)
    assert "登记应收 ¥20.00" in page.result.text
    assert not page.late.touched
    press(Qt.Key.Key_2, alt=True)
    qtbot.waitUntil(lambda: page.owed.table.rows.rowCount() == 1, timeout=5000)
    assert page.owed.total.text() == "应收 1 笔，合计 ¥20.00"
    assert "脱机消费" in str(page.owed.table.rows.index(0, 4).data())
    assert faults_of(hall.window) == []


def test_what_is_owed_is_paid_at_the_counter(hall: HallWindow, qtbot: QtBot) -> None:
    hall.open_till()
    page = registers(hall)
    press(Qt.Key.Key_3, alt=True)
    enter(NAMED_CARD, f"{(NAMED_FEN + 20_00) / 100:.2f}", "2026-11-23 08:15", "清单第 7 行")
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    press(Qt.Key.Key_2, alt=True)
    qtbot.waitUntil(page.owed.table.hasFocus, timeout=5000)
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(page.owed.received.hasFocus, timeout=5000)
    assert hall.window.customer is not None
    assert hall.window.customer.card_no == NAMED_CARD
    assert faults_of(hall.window) == []
    enter("10")
    qtbot.waitUntil(lambda: "10.00" in page.result.text, timeout=5000)
    assert len(hall.booked) == 1, "less than is owed is not taken"
    page.owed.received.clear()
    page.owed.received.setFocus()
    enter("50")
    assert page.owed.change.figures.text() == "¥30.00"
    qtbot.waitUntil(page.signing.box.isVisible, timeout=5000)
    assert faults_of(hall.window) == []
    enter(MANAGER, PASSWORD)
    qtbot.waitUntil(lambda: len(hall.booked) == 2, timeout=5000)
    done = hall.booked[1]
    assert isinstance(done, ReceivableSettled)
    assert (done.amount_fen, done.change_fen) == (20_00, 30_00)
    assert "找零 ¥30.00" in page.result.text
    qtbot.waitUntil(lambda: page.owed.total.text() == "没有应收款。", timeout=5000)
    assert page.owed.chosen is None


def test_a_payment_is_left_with_esc_and_nothing_is_taken(hall: HallWindow, qtbot: QtBot) -> None:
    page = registers(hall)
    press(Qt.Key.Key_3, alt=True)
    enter(NAMED_CARD, f"{(NAMED_FEN + 20_00) / 100:.2f}", "2026-11-23 08:15", "清单第 7 行")
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    press(Qt.Key.Key_2, alt=True)
    qtbot.waitUntil(page.owed.table.hasFocus, timeout=5000)
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(page.owed.received.hasFocus, timeout=5000)
    press(Qt.Key.Key_Escape)
    assert page.owed.chosen is None
    assert "没有收钱" in page.result.text
    assert page.owed.table.hasFocus()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("1234",), "不完整或有误"),
        ((NAMED_CARD, "1e5"), "不是数字"),
        ((NAMED_CARD, "5", "yesterday"), "yesterday"),
        ((NAMED_CARD, "5", "2027-01-01 08:00"), "晚于现在"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_typed_is_lost(
    hall: HallWindow, qtbot: QtBot, typed: tuple[str, ...], said: str
) -> None:
    page = registers(hall)
    press(Qt.Key.Key_3, alt=True)
    for entry, text in zip(page.late.stops, (NAMED_CARD, "5", "2026-11-23 08:15", "清单"), strict=True):
        entry.setText(text)
    wrong = page.late.stops[len(typed) - 1]
    wrong.setText(typed[-1])
    page.late.primary.click()
    assert said in page.result.text
    assert focused() is wrong
    assert wrong.text() == typed[-1]
    assert not hall.booked
    press(Qt.Key.Key_Escape)
    assert not page.late.touched
    page.result.findChildren(QPushButton)[0].click()
    assert wrong.text() == typed[-1]


def test_days_and_moments_as_an_input_method_types_them() -> None:
    assert day_of("从", "２０２６－１２－０１") == dt.date(2026, 12, 1)
    assert moment_of("消费时间", "２０２６-12-01　8:05") == dt.datetime(2026, 12, 1, 8, 5, tzinfo=HALL_ZONE)
    for typed in ("", "2026-02-30", "٢٠٢٦-12-01", "12-01"):
        with pytest.raises(Refused) as caught:
            day_of("从", typed)
        assert caught.value.reason is Reason.VALUE_NOT_ALLOWED
