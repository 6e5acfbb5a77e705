"""Replacement as a clerk works it, by keys and readers, over the real desks of a real hall."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from counter_builder import ScriptedTerminal, answer
from hall_builder import (
    BLANK_CARD,
    CHEAP,
    HOLDER,
    MANAGER,
    NAMED_CARD,
    NAMED_FEN,
    OTHER_CLERK,
    OTHER_HOLDER,
    OTHER_NAMED_CARD,
    PASSWORD,
    HallClock,
    clerk_at,
    medium_of,
    open_sqlite,
)
from hall_window import HallWindow, document_of, enter, hall_window, press, words_in_sight
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from counter_app.domain.cards import card_no_text
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.payments import Verdict
from counter_app.domain.requests import CardReplaced, OldCardCollected, ReserveCard
from counter_app.services.desks import Desks, open_desks
from counter_app.services.passwords import Passwords
from counter_app.storage.database import Database
from ui import texts
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.pages.replace import DOCUMENT, DONE, FEE, NEW, OLD, ReplacePage

PAGES = [("replace", "补卡", "F4", texts.GROUP_SERVICE, ReplacePage)]
SECOND_COUNTER = 2


@pytest.fixture
def database(sqlite_hall: Path, clock: HallClock) -> Iterator[Database]:
    """The hall of tests in its own file."""
    opened = open_sqlite(sqlite_hall, clock)
    yield opened
    opened.close()


@pytest.fixture
def terminal() -> ScriptedTerminal:
    """The linked terminal: it declines first, then approves the fee."""
    return ScriptedTerminal(
        dataclasses.replace(answer(Verdict.DECLINED, 25_00), message="余额不足"),
        answer(Verdict.APPROVED, 25_00),
    )


@pytest.fixture
def hall(
    database: Database,
    troubles: TroubleRouter,
    lane_maker: Callable[[str], Lane],
    terminal: ScriptedTerminal,
    qtbot: QtBot,
) -> HallWindow:
    """Clerk 1021 at counter 1 with an open till, the replacement page, and one card reported lost."""
    made = hall_window(database, troubles, lane_maker, PAGES, terminal=terminal)
    qtbot.addWidget(made.window)
    made.window.resize(1366, 768)
    with qtbot.waitActive(made.window):
        made.window.show()
    made.open_till()
    made.report(NAMED_CARD)
    return made


@pytest.fixture
def page(hall: HallWindow, qtbot: QtBot) -> ReplacePage:
    """The page in sight with the lost card reserved."""
    hall.open(f"card:{NAMED_CARD}")
    shown = shown_page(hall)
    qtbot.waitUntil(lambda: shown._reserved is not None and not shown.busy.busy, timeout=5000)
    return shown


@pytest.fixture
def second_counter(database: Database) -> Desks:
    """The desks of counter 2."""
    return open_desks(database, SECOND_COUNTER, Passwords(CHEAP), 32)


def shown_page(hall: HallWindow) -> ReplacePage:
    """The page in sight."""
    page = hall.show("replace")
    assert isinstance(page, ReplacePage)
    return page


def wait_for(page: ReplacePage, qtbot: QtBot, step: int) -> None:
    """The step is in sight and nothing is awaited."""
    qtbot.waitUntil(lambda: page._step == step and not page.busy.busy, timeout=5000)


def said(page: ReplacePage, qtbot: QtBot, text: str) -> None:
    """The page's line says this."""
    qtbot.waitUntil(lambda: text in page.result.text and not page.busy.busy, timeout=5000)


def up_to_fee(hall: HallWindow, page: ReplacePage, qtbot: QtBot) -> None:
    """Document and blank card put on their readers."""
    press(Qt.Key.Key_Return)
    wait_for(page, qtbot, DOCUMENT)
    hall.window.present_document(document_of(HOLDER))
    wait_for(page, qtbot, NEW)
    hall.window.present_medium(medium_of(4))
    wait_for(page, qtbot, FEE)


def reserve_elsewhere(desks: Desks, database: Database) -> None:
    """Another clerk at counter 2 begins to replace the same card."""
    clerk = clerk_at(database, SECOND_COUNTER, OTHER_CLERK)
    desks.replacement.reserve(ReserveCard(clerk.asked(), NAMED_CARD))


def test_from_the_lost_card_to_the_new_one(hall: HallWindow, page: ReplacePage, qtbot: QtBot) -> None:
    assert card_no_text(NAMED_CARD) in words_in_sight(hall.window)
    assert not page.old.overdue.isVisible()
    up_to_fee(hall, page, qtbot)
    assert "与持卡人相符" in words_in_sight(hall.window)
    assert page.fee.payment.due.figures.text() == "¥25.00"
    enter("100")
    for _ in range(50):
        press(Qt.Key.Key_Return)
    wait_for(page, qtbot, DONE)
    (done,) = hall.booked
    assert isinstance(done, CardReplaced)
    assert (done.old_card_no, done.new_card_no, done.balance_fen) == (NAMED_CARD, BLANK_CARD, NAMED_FEN)
    assert page.done.change.text() == "¥75.00"
    assert page.done._notes.text() == "找 50 元 × 1，20 元 × 1，5 元 × 1"
    assert page.done.balance.text() == "¥123.50"
    assert page.done._as_at.text() == "截至 2026-11-23 09:00"
    told = page.done.facts.text()
    assert card_no_text(BLANK_CARD) in told
    assert f"{card_no_text(NAMED_CARD)}，已作废" in told
    assert "脱机终端最迟 2026-11-24 09:00 停用" in told
    qtbot.waitUntil(
        lambda: hall.window.customer is not None and hall.window.customer.card_no == BLANK_CARD, timeout=5000
    )
    assert page._step == DONE, "the result stays while the panel shows the new card"
    press(Qt.Key.Key_Return)
    assert page._step == OLD
    assert len(hall.booked) == 1


def test_an_overdue_report_is_marked_and_replaced(hall: HallWindow, clock: HallClock, qtbot: QtBot) -> None:
    clock.advance(days=9)
    hall.open(f"card:{NAMED_CARD}")
    page = shown_page(hall)
    qtbot.waitUntil(lambda: page._reserved is not None, timeout=5000)
    assert page.old.overdue.text.startswith("挂失已过 7 天")
    up_to_fee(hall, page, qtbot)
    enter("25", "")
    wait_for(page, qtbot, DONE)
    assert "逾期补卡" in page.done.facts.text()


@pytest.mark.parametrize(
    ("card_no", "sentence"),
    [(OTHER_NAMED_CARD, "没有挂失，请先挂失（F3）再补卡。"), ("3105000100000031", "不记名卡不能挂失、补卡")],
)
def test_only_a_lost_card(hall: HallWindow, qtbot: QtBot, card_no: str, sentence: str) -> None:
    hall.open(f"card:{card_no}")
    page = shown_page(hall)
    assert page.result.text == "", "opening the page says nothing yet"
    press(Qt.Key.Key_Return)
    said(page, qtbot, sentence)
    assert page._step == OLD


def test_a_place_without_the_right_names_the_places(hall: HallWindow, qtbot: QtBot) -> None:
    at = hall.desks.at
    at.places = tuple(
        dataclasses.replace(place, is_this_hall=place.name == "西站营业厅") for place in at.places
    )
    hall.open(f"card:{NAMED_CARD}")
    page = shown_page(hall)
    said(page, qtbot, "本厅不能补卡，请引导客户到：东郊营业厅、总部营业厅。")
    assert page._reserved is None


def test_a_second_counter_is_told_before_money(
    hall: HallWindow, second_counter: Desks, database: Database, qtbot: QtBot
) -> None:
    reserve_elsewhere(second_counter, database)
    hall.open(f"card:{NAMED_CARD}")
    page = shown_page(hall)
    said(page, qtbot, f"正由 2 号台 {OTHER_CLERK} 办理（")
    press(Qt.Key.Key_Return)
    said(page, qtbot, f"正由 2 号台 {OTHER_CLERK} 办理（")
    assert page._step == OLD


def test_esc_from_the_first_step_gives_the_card_free(
    hall: HallWindow, page: ReplacePage, second_counter: Desks, database: Database, qtbot: QtBot
) -> None:
    with pytest.raises(Refused) as caught:
        reserve_elsewhere(second_counter, database)
    assert caught.value.reason is Reason.CARD_RESERVED
    up_to_fee(hall, page, qtbot)
    page.fee.payment.received.setText("50.00")
    for step in (NEW, DOCUMENT, OLD):
        press(Qt.Key.Key_Escape)
        assert page._step == step
    assert page.typed()["received"] == "50.00", "going back loses nothing"
    press(Qt.Key.Key_Return)
    wait_for(page, qtbot, NEW)
    press(Qt.Key.Key_Return)
    wait_for(page, qtbot, FEE)
    assert page.fee.payment.received.text() == "50.00"
    for _ in range(4):
        press(Qt.Key.Key_Escape)
    said(page, qtbot, "已退出补卡，卡 ")
    qtbot.waitUntil(lambda: hall.tools.desk_lane.idle, timeout=5000)
    reserve_elsewhere(second_counter, database)
    assert hall.booked == []


def test_another_customer_gives_the_card_free(
    hall: HallWindow, page: ReplacePage, second_counter: Desks, database: Database, qtbot: QtBot
) -> None:
    up_to_fee(hall, page, qtbot)
    hall.open(f"card:{OTHER_NAMED_CARD}")
    assert page._step == OLD
    assert page.typed()["new_card_no"] == ""
    qtbot.waitUntil(lambda: hall.tools.desk_lane.idle, timeout=5000)
    reserve_elsewhere(second_counter, database)


def test_the_document_must_be_the_holders(hall: HallWindow, page: ReplacePage, qtbot: QtBot) -> None:
    press(Qt.Key.Key_Return)
    press(Qt.Key.Key_Return)
    said(page, qtbot, "请把持卡人身份证放到读卡器上")
    hall.window.present_document(document_of(OTHER_HOLDER))
    said(page, qtbot, "证件与持卡人登记资料不符")
    hall.window.present_document(document_of(HOLDER, number="110105194912310029"))
    said(page, qtbot, "证件与持卡人登记资料不符")
    hall.window.present_document(document_of(HOLDER, valid_to=dt.date(2026, 11, 22)))
    said(page, qtbot, "证件已于 2026-11-22 过期")
    assert page._step == DOCUMENT


def test_a_document_may_open_the_customer(hall: HallWindow, qtbot: QtBot) -> None:
    page = shown_page(hall)
    hall.window.present_document(document_of(HOLDER))
    wait_for(page, qtbot, NEW)
    assert page._reserved is not None
    assert page._document is not None


def test_a_typed_document_wants_the_manager_at_the_end(
    hall: HallWindow, page: ReplacePage, qtbot: QtBot
) -> None:
    press(Qt.Key.Key_Return)
    press(Qt.Key.Key_9)
    enter("张桂兰", "１１０１０５１９４９１２３１００２Ｘ", "2036年6月30日")
    said(page, qtbot, "证件为手工录入")
    enter("3105000100000049")
    wait_for(page, qtbot, FEE)
    enter("25", "")
    qtbot.waitUntil(page.signing.box.isVisible, timeout=5000)
    assert hall.booked == []
    enter(MANAGER, PASSWORD)
    wait_for(page, qtbot, DONE)
    assert hall.booked[0].typed_document
    assert "手工录入，主管在旁签字" in page.done.facts.text()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "不完整或有误"),
        ("310500010000004", "不完整或有误"),
        ("3105000100000048", "不完整或有误"),
        ("3105000199999994", "系统中没有卡号"),
        (OTHER_NAMED_CARD, "不是空白卡"),
        (NAMED_CARD, "不是空白卡"),
    ],
)
def test_a_new_card_must_be_blank(
    hall: HallWindow, page: ReplacePage, qtbot: QtBot, typed: str, sentence: str
) -> None:
    press(Qt.Key.Key_Return)
    hall.window.present_document(document_of(HOLDER))
    wait_for(page, qtbot, NEW)
    page.new.card_no.setText(typed)
    page._new_typed()
    said(page, qtbot, sentence)
    assert page._step == NEW
    assert page.new.card_no.text() == typed, "nothing typed is lost"
    page.new.card_no.clear()
    page.new.card_no.setFocus()
    enter("３１０５ ０００１ ００００ ００４９")
    wait_for(page, qtbot, FEE)
    assert page._new_card_no == BLANK_CARD


def test_a_card_nobody_knows_on_the_reader(hall: HallWindow, page: ReplacePage, qtbot: QtBot) -> None:
    press(Qt.Key.Key_Return)
    hall.window.present_medium("01FFFFFFFF")
    said(page, qtbot, "读到的卡未在系统登记")
    hall.window.present_medium(medium_of(1))
    said(page, qtbot, "这就是挂失的旧卡")
    hall.window.present_medium(medium_of(2))
    said(page, qtbot, "正在补卡，没有打开刚才的卡")
    assert hall.window.customer is not None
    assert hall.window.customer.card_no == NAMED_CARD


def test_bad_sums_keep_what_was_typed(hall: HallWindow, page: ReplacePage, qtbot: QtBot) -> None:
    up_to_fee(hall, page, qtbot)
    for typed, sentence in (("", "还没有填金额"), ("1e5", "不是数字"), ("20", "少于应收 25.00 元")):
        page.fee.payment.received.setText(typed)
        page._pay()
        said(page, qtbot, sentence)
        assert page.fee.payment.received.text() == typed
    assert hall.booked == []


def test_a_declined_card_then_cash(
    hall: HallWindow, page: ReplacePage, terminal: ScriptedTerminal, qtbot: QtBot
) -> None:
    up_to_fee(hall, page, qtbot)
    press(Qt.Key.Key_B, alt=True)
    press(Qt.Key.Key_Return)
    said(page, qtbot, "银行未批准（余额不足），未扣款")
    assert page._step == FEE
    press(Qt.Key.Key_A, alt=True)
    assert page.fee.payment.received.hasFocus()
    enter("２５", "")
    wait_for(page, qtbot, DONE)
    assert terminal.asked == [("pay", "2500")]
    assert page.done.change.text() == "¥0.00"


def test_the_fee_by_card(
    hall: HallWindow, page: ReplacePage, terminal: ScriptedTerminal, qtbot: QtBot
) -> None:
    up_to_fee(hall, page, qtbot)
    press(Qt.Key.Key_B, alt=True)
    press(Qt.Key.Key_Return)
    said(page, qtbot, "银行未批准")
    for _ in range(50):
        press(Qt.Key.Key_Return)
    wait_for(page, qtbot, DONE)
    assert len(terminal.asked) == 2
    assert len(hall.booked) == 1
    assert not page.done.change.isVisible()


def test_the_fee_by_a_slip(hall: HallWindow, page: ReplacePage, qtbot: QtBot) -> None:
    up_to_fee(hall, page, qtbot)
    press(Qt.Key.Key_D, alt=True)
    assert page.fee.payment.slip.terminal.hasFocus()
    enter("S1", "000012", "000345", "123456789012", "6677")
    page.fee.payment.slip.debit.setChecked(True)
    press(Qt.Key.Key_Return)
    wait_for(page, qtbot, DONE)
    assert hall.booked[0].tender.card_tail == "6677"


def test_the_old_card_that_turns_up_is_taken_in(hall: HallWindow, page: ReplacePage, qtbot: QtBot) -> None:
    up_to_fee(hall, page, qtbot)
    enter("25", "")
    wait_for(page, qtbot, DONE)
    hall.window.present_medium(medium_of(1))
    said(page, qtbot, "已补卡作废，不能再用，请收回。")
    page.result._action.click()
    said(page, qtbot, f"旧卡 {card_no_text(NAMED_CARD)} 已收回作废。")
    assert isinstance(hall.booked[-1], OldCardCollected)
    assert hall.desks.customers.open(f"card:{NAMED_CARD}").card_state == "collected"


def test_the_old_card_turns_up_while_another_is_replaced(
    hall: HallWindow, page: ReplacePage, qtbot: QtBot
) -> None:
    up_to_fee(hall, page, qtbot)
    enter("25", "")
    wait_for(page, qtbot, DONE)
    hall.report(OTHER_NAMED_CARD, OTHER_HOLDER)
    hall.open(f"card:{OTHER_NAMED_CARD}")
    qtbot.waitUntil(lambda: page._reserved is not None, timeout=5000)
    hall.window.present_medium(medium_of(1))
    said(page, qtbot, "已补卡作废，不能再用，请收回。")
    page.result._action.click()
    said(page, qtbot, "已收回作废。")
    assert page._reserved is not None
    assert page._reserved.card_no == OTHER_NAMED_CARD, "the replacement under way goes on"
    assert page._step == OLD


def test_parking_keeps_what_was_typed(hall: HallWindow, page: ReplacePage, qtbot: QtBot) -> None:
    up_to_fee(hall, page, qtbot)
    page.fee.payment.received.setText("50")
    kept = page.typed()
    hall.window.set_customer(None)
    assert page._step == OLD
    hall.open(f"card:{NAMED_CARD}")
    page.restore(kept)
    assert page.typed() == kept
    qtbot.waitUntil(lambda: page._reserved is not None and not page.busy.busy, timeout=5000)
    assert page.new.card_no.text() == card_no_text(BLANK_CARD)
