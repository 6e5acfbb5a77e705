"""Top-up and till as a clerk works them, by keys, over the real desks and a real encrypted database."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hall_builder import CHEAP, CLERK, MANAGER, NAMED_CARD, NAMED_FEN, PASSWORD, HallClock, open_sqlite
from picture_page import CUSTOMER, NOON
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from counter_app.domain.ids import HallId, TerminalId
from counter_app.domain.views import CustomerView
from counter_app.services.cash_desk import CashDesk
from counter_app.services.hall import HallAtCounter
from counter_app.services.passwords import Passwords
from counter_app.services.payment_desk import PaymentDesk
from counter_app.services.staff_desk import StaffDesk
from counter_app.services.top_up_desk import TopUpDesk
from counter_app.storage.database import Database
from ui import texts
from ui.app_window import AppWindow
from ui.asking import Session, Tools
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.page import PageEntry
from ui.pages.till import TillPage
from ui.pages.top_up import TopUpPage


@dataclasses.dataclass(frozen=True, slots=True)
class SomeDesks:
    """The desks these two pages call."""

    at: HallAtCounter
    staff: StaffDesk
    top_up: TopUpDesk
    cash: CashDesk
    payments: PaymentDesk


@pytest.fixture
def database(sqlite_hall: Path, clock: HallClock) -> Iterator[Database]:
    """The hall of tests in its own file."""
    opened = open_sqlite(sqlite_hall, clock)
    yield opened
    opened.close()


@pytest.fixture
def window(
    database: Database, troubles: TroubleRouter, lane_maker: Callable[[str], Lane], qtbot: QtBot
) -> AppWindow:
    """Clerk 1021 signed in at counter 1, both pages registered, the named card's holder at the counter."""
    at = HallAtCounter(database, 1)
    payments = PaymentDesk(at)
    desks: Any = SomeDesks(
        at, StaffDesk(at, Passwords(CHEAP)), TopUpDesk(at, payments), CashDesk(at), payments
    )
    signed_in = desks.staff.sign_in(CLERK, PASSWORD)
    session = Session(HallId(at.hall.hall_id), at.counter_no, signed_in, at.now, at.new_id)
    tools = Tools(troubles, desks, session, lane_maker("desk"), lane_maker("look"))
    made = AppWindow("东郊营业厅 ・ 1 号台", troubles, now=lambda: NOON)
    made.add_page(PageEntry("top_up", "充值", "F2", texts.GROUP_SERVICE, lambda: TopUpPage(tools), True))
    made.add_page(PageEntry("till", "钱箱", "F9", texts.GROUP_TILL, lambda: TillPage(tools), True))
    qtbot.addWidget(made)
    made.open_frame("1021 李芳")
    made.resize(1366, 768)
    with qtbot.waitActive(made):
        made.show()
    return made


def focused() -> QWidget:
    """The widget that gets the keys."""
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def enter(*typed: str) -> None:
    """Type each text and press Enter after it."""
    for text in typed:
        entry = focused()
        assert isinstance(entry, QLineEdit), entry
        QTest.keyClicks(entry, text) if text.isascii() else entry.insert(text)
        QTest.keyClick(entry, Qt.Key.Key_Return)


def customer(balance_fen: int = NAMED_FEN) -> CustomerView:
    """The holder of the named card."""
    return dataclasses.replace(CUSTOMER, card_no=NAMED_CARD, balance_fen=balance_fen)


def till_page(window: AppWindow, qtbot: QtBot) -> TillPage:
    """The till page with its state read."""
    assert window.show_page("till")
    page = window.page
    assert isinstance(page, TillPage)
    qtbot.waitUntil(lambda: bool(page.sheet.name), timeout=5000)
    return page


def open_the_till(window: AppWindow, qtbot: QtBot) -> TillPage:
    """A float of 500 yuan fetched from the safe, by keys only."""
    page = till_page(window, qtbot)
    assert page.sheet.name == "opening"
    enter("3", "4", "0", "0", "", "", "", "", "500", "")
    qtbot.waitUntil(lambda: page.sheet.name == "business", timeout=5000)
    return page


def top_up_page(window: AppWindow, qtbot: QtBot) -> TopUpPage:
    """The top-up page with the holder at the counter and the limits read."""
    window.set_customer(customer())
    assert window.show_page("top_up")
    page = window.page
    assert isinstance(page, TopUpPage)
    qtbot.waitUntil(lambda: page._quote is not None, timeout=5000)
    return page


def shown(window: QWidget) -> str:
    """Every word in sight."""
    return "\n".join(part.text() for part in window.findChildren(QLabel) if part.isVisible())


def test_cash_top_up_by_keys_books_once(window: AppWindow, qtbot: QtBot, database: Database) -> None:
    open_the_till(window, qtbot)
    page = top_up_page(window, qtbot)
    booked: list[Any] = []
    page.booked.connect(booked.append)
    assert page.amount.hasFocus()
    enter("100")
    QTest.keyClicks(focused(), "200")
    assert page.change.figures.text() == "¥100.00"
    assert page.change.notes.text() == "找 100 元 × 1"
    assert page.after.text() == "充值后余额 ¥223.50，实名卡上限 ¥5,000.00 之内"
    for _ in range(50):
        QTest.keyClick(focused(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(booked), timeout=5000)
    assert page.result.tone == "good"
    assert page.result.text.startswith("充值成功：¥100.00 现金，找零 ¥100.00，卡内余额 ¥223.50。凭证 ")
    assert page.change.figures.text() == "¥100.00", "the change stays in sight while it is given"
    assert page.amount.text() == ""
    assert "充值 ¥100.00 现金" in shown(window)
    qtbot.wait(20)
    assert len(booked) == 1
    quote = page._tools.desks.top_up.quote(NAMED_CARD)
    assert quote.balance_fen == NAMED_FEN + 100_00


def test_a_refusal_names_its_rule_and_loses_nothing(window: AppWindow, qtbot: QtBot) -> None:
    page = top_up_page(window, qtbot)
    enter("100", "100")
    qtbot.waitUntil(lambda: bool(page.result.text), timeout=5000)
    assert page.result.text == "钱箱还没有开，请先在 F9 清点备用金并开箱。"
    assert page.amount.value_fen() == 100_00
    assert page.received.value_fen() == 100_00
    page.amount.setText("4900")
    page.received.setText("4900")
    assert page.after.text().startswith("! 超过实名卡上限 ¥5,000.00")
    page.amount.setText("1e5")
    page._pay()
    assert page.result.text == "金额“1e5”不是数字，请只输入数字和小数点，例如 100 或 100.50。"
    assert page.amount.text() == "1e5"
    page.amount.setText("100")
    page.received.setText("50")
    page._pay()
    assert page.result.text == "实收 50.00 元少于应收 100.00 元，请补足后再收款。"


def test_esc_empties_the_fields_and_offers_them_back(window: AppWindow, qtbot: QtBot) -> None:
    page = top_up_page(window, qtbot)
    enter("88")
    QTest.keyClick(focused(), Qt.Key.Key_Escape)
    assert page.amount.text() == ""
    page.result._action.click()
    assert page.amount.value_fen() == 88_00


def test_a_stand_alone_slip_is_keyed_with_the_clerks_tick(window: AppWindow, qtbot: QtBot) -> None:
    open_the_till(window, qtbot)
    page = top_up_page(window, qtbot)
    QTest.keyClick(focused(), Qt.Key.Key_B, Qt.KeyboardModifier.AltModifier)
    assert page.tenders.value == "cash", "no terminal is linked at this counter"
    QTest.keyClick(focused(), Qt.Key.Key_D, Qt.KeyboardModifier.AltModifier)
    assert page.slip.isVisible()
    assert not page.received.isVisible()
    enter("50", "10000231", "000012", "000345", "123456789012", "6677")
    assert page.slip.debit.hasFocus()
    QTest.keyClick(focused(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(page.result.text), timeout=5000)
    assert page.result.text == "请确认签购单上是借记卡后勾选“借记卡”。信用卡不能充值。"
    QTest.keyClick(page.slip.debit, Qt.Key.Key_Space)
    assert page.slip.debit.isChecked()
    QTest.keyClick(focused(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.result.tone == "good", timeout=5000)
    assert page._tools.desks.top_up.quote(NAMED_CARD).balance_fen == NAMED_FEN + 50_00


def test_a_till_from_float_to_a_signed_difference(window: AppWindow, qtbot: QtBot) -> None:
    page = open_the_till(window, qtbot)
    assert page.result.text.startswith("钱箱已开，备用金 ¥500.00。凭证 ")
    top_up = top_up_page(window, qtbot)
    enter("100", "100")
    qtbot.waitUntil(lambda: top_up.result.tone == "good", timeout=5000)
    page = till_page(window, qtbot)
    page._x_report()
    qtbot.waitUntil(lambda: page.business._report.isVisible(), timeout=5000)
    assert "600.00" not in shown(window), "no page shows a clerk what the drawer should hold"
    page._begin_count()
    assert page.count.isVisible()
    enter("5", "1", "1", "1", "", "", "", "")
    assert "600.00" not in shown(window)
    QTest.keyClick(focused(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.sheet.name == "closing", timeout=5000)
    assert page.closing._difference.text() == "短款 ¥20.00"
    page.closing.left.setFocus()
    enter("500")
    assert page.closing.reason.hasFocus()
    enter("找零时多付 20 元")
    qtbot.waitUntil(page.signing.box.isVisible, timeout=5000)
    enter(CLERK, PASSWORD)
    qtbot.waitUntil(lambda: bool(page.signing.box.result.text), timeout=5000)
    assert page.signing.box.result.text == "授权人不能是经办人本人，请另一位主管授权。"
    page.signing.box.staff_no.setText(MANAGER)
    page.signing.box.password.setFocus()
    enter(PASSWORD)
    qtbot.waitUntil(lambda: page.sheet.name == "closed", timeout=5000)
    assert page.result.text.startswith("钱箱已关闭，短款 ¥20.00。交保险柜 ¥80.00，留存 ¥500.00。凭证 ")
    assert not page.signing.box.isVisible()


def test_slips_of_a_stand_alone_terminal_are_counted_blind_beside_the_cash(
    window: AppWindow, qtbot: QtBot
) -> None:
    open_the_till(window, qtbot)
    top_up = top_up_page(window, qtbot)
    QTest.keyClick(focused(), Qt.Key.Key_D, Qt.KeyboardModifier.AltModifier)
    enter("50", "10000999", "000012", "000345", "123456789012", "6677")
    QTest.keyClick(top_up.slip.debit, Qt.Key.Key_Space)
    QTest.keyClick(focused(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: top_up.result.tone == "good", timeout=5000)
    page = till_page(window, qtbot)
    qtbot.waitUntil(lambda: bool(page._slip_terminals), timeout=5000)
    page._begin_count()
    enter("5", "0", "0", "0", "0", "0", "0", "0")
    pieces, amount = page.count.slips[TerminalId("10000999")]
    assert pieces.hasFocus()
    enter("1")
    assert amount.hasFocus()
    assert "50.00" not in shown(page.count), "the count is blind"
    page._lock_count()
    assert page.result.text == "“独立 POS 10000999 签购单金额”还没有填，请填写后再继续。"
    enter("30")
    assert page.count.primary.hasFocus() or page.busy.busy
    qtbot.waitUntil(lambda: page.sheet.name == "closing", timeout=5000)
    assert page.closing._difference.text() == "账实相符"
    assert page.closing._slips.text() == ("! 独立 POS 10000999 签购单 1 张 ¥30.00，录单 1 张 ¥50.00，不符")
    page.closing.left.setFocus()
    enter("500")
    assert page.closing.reason.hasFocus()
    enter("客户拿走签购单，已联系")
    qtbot.waitUntil(page.signing.box.isVisible, timeout=5000)
    page.signing.box.staff_no.setText(MANAGER)
    page.signing.box.password.setFocus()
    enter(PASSWORD)
    qtbot.waitUntil(lambda: page.sheet.name == "closed", timeout=5000)


def test_a_typed_count_is_kept_when_business_goes_on(window: AppWindow, qtbot: QtBot) -> None:
    page = open_the_till(window, qtbot)
    page._begin_count()
    enter("5", "1")
    QTest.keyClick(focused(), Qt.Key.Key_Escape)
    assert page.sheet.name == "business"
    page._begin_count()
    assert page.count.grid.counted_fen() == 550_00


def test_cash_in_names_its_paper(window: AppWindow, qtbot: QtBot) -> None:
    page = open_the_till(window, qtbot)
    page.result.clear()
    page.business.amount.setText("200")
    page._move()
    assert page.result.text == "“单据号”还没有填，请填写后再继续。"
    page.business.paper.setText("LK-0007")
    page._move()
    qtbot.waitUntil(lambda: page.result.tone == "good", timeout=5000)
    assert page.result.text.startswith("现金调入 ¥200.00（保险柜）已记账。凭证 ")
    assert page.business.amount.text() == ""


def test_without_a_customer_the_line_says_how_to_open_one(window: AppWindow, qtbot: QtBot) -> None:
    open_the_till(window, qtbot)
    assert window.show_page("top_up")
    page = window.page
    assert isinstance(page, TopUpPage)
    window.set_customer(None)
    enter("100", "100")
    assert page.result.text == "还没有打开客户，请把卡或证件放到读卡器上，或按 Ctrl+K 查找。"
    window.set_customer(customer())
    assert page.result.text == ""
    assert page.amount.amount_or_none() == 100_00, "what was typed first is kept for the customer who came"


def test_cancel_during_a_wait_empties_nothing(window: AppWindow, qtbot: QtBot) -> None:
    page = top_up_page(window, qtbot)
    page.amount.set_fen(50_00)
    page.busy.begin("正在等待银行答复")
    page.step_back()
    assert page.amount.amount_or_none() == 50_00
    assert page.result.text == ""
    page.busy.end()


def test_the_open_till_is_counted_and_summed_by_keys(window: AppWindow, qtbot: QtBot) -> None:
    page = open_the_till(window, qtbot)
    QTest.keyClick(focused(), Qt.Key.Key_X, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(page.business._report.isVisible, timeout=5000)
    QTest.keyClick(focused(), Qt.Key.Key_D, Qt.KeyboardModifier.AltModifier)
    assert page.sheet.name == "count"
