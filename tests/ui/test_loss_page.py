"""Loss report and its end as a clerk works them, by keys and readers, over the real desks of a real hall."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hall_builder import (
    ANONYMOUS_CARD,
    CLERK,
    HOLDER,
    MANAGER,
    NAMED_CARD,
    OTHER_HOLDER,
    OTHER_NAMED_CARD,
    PASSWORD,
    HallClock,
    medium_of,
    open_sqlite,
)
from hall_window import HallWindow, document_of, enter, focused, hall_window, press, words_in_sight
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from counter_app.domain.cards import Card, CardKind, CardState, card_no_text
from counter_app.domain.ids import MediumId, OperationId, PurseId
from counter_app.domain.requests import LossCancelled, LossReported
from counter_app.services import founding
from counter_app.services.founding import NewCard
from counter_app.storage.database import Database
from ui import texts
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.pages.loss import LossPage
from ui.pages.top_up import TopUpPage

STORED = ("张桂兰", "张*兰", "13800008000", "138****8000", "123.50", "13900001111", "002X")
"""Everything the hall knows of the caller; none of it may ever be seen while the caller is asked."""


@pytest.fixture
def database(sqlite_hall: Path, clock: HallClock) -> Iterator[Database]:
    """The hall of tests in its own file."""
    opened = open_sqlite(sqlite_hall, clock)
    yield opened
    opened.close()


@pytest.fixture
def hall(
    database: Database, troubles: TroubleRouter, lane_maker: Callable[[str], Lane], qtbot: QtBot
) -> HallWindow:
    """Clerk 1021 at counter 1 with the loss page; nobody at the counter."""
    pages = [
        ("loss", "挂失 / 解挂", "F3", texts.GROUP_SERVICE, LossPage),
        ("other", "充值", "F2", texts.GROUP_SERVICE, TopUpPage),
    ]
    made = hall_window(database, troubles, lane_maker, pages)
    qtbot.addWidget(made.window)
    made.window.resize(1366, 768)
    with qtbot.waitActive(made.window):
        made.window.show()
    return made


@pytest.fixture
def page(hall: HallWindow) -> LossPage:
    """The page in sight."""
    shown = hall.show("loss")
    assert isinstance(shown, LossPage)
    return shown


@pytest.fixture
def said(page: LossPage, qtbot: QtBot) -> Callable[[str], str]:
    """The sentence on the page's line once it holds this text."""

    def wait(text: str) -> str:
        qtbot.waitUntil(lambda: text in page.result.text and not page.busy.busy, timeout=5000)
        return page.result.text

    return wait


def find(page: LossPage, qtbot: QtBot, number: str = NAMED_CARD) -> None:
    """The caller says a number, and one card is found by it."""
    enter(number)
    qtbot.waitUntil(lambda: page._card is not None and page.customer is not None, timeout=5000)


def ask_caller(page: LossPage, qtbot: QtBot, *said: str) -> None:
    """What the caller says, field by field, until the answer is there."""
    enter(*said)
    qtbot.waitUntil(lambda: page._answer is not None, timeout=5000)


def state_of(hall: HallWindow, card_no: str) -> str:
    """A card's state in the database."""
    return hall.desks.customers.open(f"card:{card_no}").card_state


def test_a_caller_is_asked_and_never_told(hall: HallWindow, page: LossPage, qtbot: QtBot) -> None:
    assert page.channel.value == "hotline", "nobody stands here, so somebody calls"
    assert page.caller.said.hasFocus()
    find(page, qtbot)
    assert hall.window.customer is not None
    assert hall.window.customer.hidden
    assert "电话受理中" in words_in_sight(hall.window)
    ask_caller(page, qtbot, "张桂芳", "110105198003078217", "13800008001", "200")
    verdicts = [field.verdict.text() for field in page.caller._fields.values()]
    assert verdicts == ["✗ 不符"] * 4
    assert page.result.text == "报出的资料与登记不符。请来电人再想一想，还可再试 2 次。"
    assert page.caller.name.hasFocus()
    seen = words_in_sight(hall.window)
    assert [value for value in STORED if value in seen] == []
    assert state_of(hall, NAMED_CARD) == "active"


def test_a_telephone_report_freezes_the_card_once(
    hall: HallWindow, page: LossPage, qtbot: QtBot, clock: HallClock
) -> None:
    find(page, qtbot)
    ask_caller(
        page, qtbot, "张桂兰", "１１０１０５１９４９１２３１００２Ｘ", "１３８００００８０００", "１２０"
    )
    assert [field.verdict.text() for field in page.caller._fields.values()] == ["✓ 相符"] * 4
    assert page.primary.text() == "确认挂失 Enter"
    assert state_of(hall, NAMED_CARD) == "active", "checking freezes nothing"
    for _ in range(50):
        press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    qtbot.waitUntil(lambda: not page.busy.busy, timeout=5000)
    (reported,) = hall.booked
    assert isinstance(reported, LossReported)
    assert reported.first_time
    assert state_of(hall, NAMED_CARD) == "lost"
    assert page.outcome.first.text() == reported.reference
    assert page.outcome.second.text() == "2026-11-30 止"
    told = page.outcome.facts.text()
    for words in (
        "东郊营业厅、总部营业厅",
        "身份证件",
        "¥25.00",
        "2026-11-23 09:00",
        "脱机终端最迟 2026-11-24 09:00",
    ):
        assert words in told
    assert hall.window.customer is not None
    assert hall.window.customer.hidden
    press(Qt.Key.Key_Return)
    assert page.outcome.isHidden()
    assert page.caller.said.hasFocus()
    assert page.caller.said.text() == ""
    # the same card again, an hour later: the first reference
    clock.advance(hours=1)
    find(page, qtbot)
    ask_caller(page, qtbot, "张桂兰", HOLDER.document_number, HOLDER.phone, "123.5")
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(hall.booked) == 2, timeout=5000)
    assert page.outcome.first.text() == reported.reference
    assert page.result.text.startswith("此卡早已挂失，没有重复办理：")


def test_a_changed_word_must_be_checked_again(hall: HallWindow, page: LossPage, qtbot: QtBot) -> None:
    find(page, qtbot, HOLDER.phone)
    assert page.caller.phone.text() == HOLDER.phone, "what was said once is not typed twice"
    ask_caller(page, qtbot, "张桂兰", HOLDER.document_number, "123.5")
    page.caller.name.setFocus()
    QTest.keyClick(focused(), Qt.Key.Key_Backspace)
    assert page.primary.text() == "核对 Enter"
    assert page.caller._fields["name"].verdict.text() == ""
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page._answer is not None, timeout=5000)
    assert state_of(hall, NAMED_CARD) == "active"


def test_tries_run_out(page: LossPage, qtbot: QtBot, said: Callable[[str], str]) -> None:
    find(page, qtbot)
    ask_caller(page, qtbot, "李一", HOLDER.document_number, HOLDER.phone, "1")
    for left, name in ((1, "李二"), (0, "李三")):
        page.caller.name.setFocus()
        focused().selectAll()  # type: ignore[attr-defined]
        focused().insert(name)  # type: ignore[attr-defined]
        page._claim_edited()
        press(Qt.Key.Key_Return)
        qtbot.waitUntil(
            lambda left=left: page._answer is not None and page._answer.tries_left == left, timeout=5000
        )
    assert said("核对次数已用完").startswith("核对次数已用完，电话不再受理。")
    page.caller.name.setText("张桂兰")
    page._claim_edited()
    page._go()
    said("核对次数已用完")
    assert page._answer is None


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (ANONYMOUS_CARD, "不记名卡不能挂失"),
        ("3105000199999994", "系统中没有卡号"),
        ("3105000100000016", "不完整或有误"),
        ("110105194912310021", "校验位不对"),
        ("13100001111", "没有找到这位客户"),
        ("1310000", "手机号应为 11 位"),
    ],
)
def test_what_cannot_be_found_is_said(
    page: LossPage, said: Callable[[str], str], number: str, sentence: str
) -> None:
    enter(number)
    said(sentence)
    assert page._card is None
    assert page.caller.said.text() == number, "nothing typed is lost"


def test_a_bad_field_costs_no_try(page: LossPage, qtbot: QtBot, said: Callable[[str], str]) -> None:
    find(page, qtbot)
    enter("张桂兰", "110105194912310021")
    assert page.caller._fields["id_number"].complaint.text().startswith("证件号码校验位不对"), "while typing"
    enter(HOLDER.phone, "100")
    said("校验位不对")
    assert page.caller.id_number.hasFocus()
    assert page.caller._fields["id_number"].complaint.text().startswith("证件号码校验位不对")
    page.caller.id_number.setText(HOLDER.document_number)
    page.caller.name.setText("李一")
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page._answer is not None, timeout=5000)
    assert page._answer is not None
    assert page._answer.tries_left == 2


def test_not_knowing_the_balance_means_hall_only(hall: HallWindow, page: LossPage, qtbot: QtBot) -> None:
    find(page, qtbot)
    press(Qt.Key.Key_F, alt=True)
    assert page.caller.proved.hasFocus()
    page.caller.name.setFocus()
    ask_caller(page, qtbot, "张桂兰", HOLDER.document_number, HOLDER.phone, "13900001111")
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    assert hall.booked[0].hall_only
    assert "只能由持卡人本人到厅办理" in page.outcome.facts.text()


def test_several_cards_are_told_apart_by_their_tails(
    hall: HallWindow, page: LossPage, qtbot: QtBot, database: Database
) -> None:
    (second,) = founding.card_no_run("31050001", 6, 1)
    card = Card(second, CardKind.NAMED, CardState.ACTIVE, PurseId("p6"), HOLDER.holder_id, 1)
    founding.enter_cards(
        database,
        1,
        OperationId("second"),
        [NewCard(card, 10_00, MediumId("0100000006"))],
        [],
        dt.date(2026, 1, 4),
    )
    enter(HOLDER.document_number)
    qtbot.waitUntil(lambda: bool(page._offered), timeout=5000)
    assert [words for _key, words in page._offered] == [f"{NAMED_CARD[-4:]} 正常", f"{second[-4:]} 正常"]
    press(Qt.Key.Key_4)
    assert page._card is not None
    assert page._card.card_no == second
    press(Qt.Key.Key_Escape)
    assert page._card is None
    assert page.caller.said.text() == HOLDER.document_number


def test_the_panel_comes_back_with_the_counter(hall: HallWindow, page: LossPage, qtbot: QtBot) -> None:
    hall.open(f"card:{NAMED_CARD}")
    assert page.channel.value == "hall"
    press(Qt.Key.Key_A, alt=True)
    assert "张*兰" not in words_in_sight(hall.window)
    press(Qt.Key.Key_B, alt=True)
    assert "张*兰" in words_in_sight(hall.window)


def test_an_abandoned_call_ends_with_its_page(
    hall: HallWindow, page: LossPage, qtbot: QtBot, said: Callable[[str], str]
) -> None:
    find(page, qtbot)
    assert hall.window.customer is not None
    hall.show("other")
    assert hall.window.customer is None
    assert "电话受理中" not in words_in_sight(hall.window)
    hall.show("loss")
    assert "电话受理中" in words_in_sight(hall.window), "the call goes on where it was left"
    assert page._card is not None


def test_what_was_said_of_one_customer_is_gone_with_the_next(
    hall: HallWindow, page: LossPage, said: Callable[[str], str]
) -> None:
    hall.open(f"card:{NAMED_CARD}")
    press(Qt.Key.Key_Return)
    said("请把持卡人身份证放到读卡器上")
    hall.open(f"card:{OTHER_NAMED_CARD}")
    assert page.result.text == ""


def test_readers_show_nobody_while_somebody_calls(hall: HallWindow, page: LossPage, qtbot: QtBot) -> None:
    find(page, qtbot)
    hall.window.present_medium(medium_of(2))
    assert page.result.text.startswith("正在受理电话挂失，没有打开刚才的卡。")
    hall.window.present_document(document_of(OTHER_HOLDER))
    assert page.result.text.startswith("正在受理电话挂失，没有打开刚才的证件。")
    assert hall.window.customer is not None
    assert hall.window.customer.hidden


def test_in_the_hall_a_document_stands_in_for_the_claim(
    hall: HallWindow, page: LossPage, qtbot: QtBot
) -> None:
    hall.window.present_document(document_of(HOLDER))
    qtbot.waitUntil(lambda: page.customer is not None, timeout=5000)
    assert page.channel.value == "hall"
    assert page.document.has_document, "the document that opened the person is not asked for again"
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    assert state_of(hall, NAMED_CARD) == "lost"
    assert hall.booked[0].reference in page.outcome.first.text()


def test_remarks_of_report_and_end_stand_in_the_register(
    hall: HallWindow, page: LossPage, qtbot: QtBot
) -> None:
    hall.window.present_document(document_of(HOLDER))
    qtbot.waitUntil(lambda: page.customer is not None, timeout=5000)
    page.remark.setFocus()
    enter("家属代为询问，卡在公交车上遗失")
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    assert page.remark.text() == ""
    hall.open(f"card:{NAMED_CARD}")
    page.mode.choose("cancel")
    page._kind_changed()
    hall.window.present_document(document_of(HOLDER))
    qtbot.waitUntil(lambda: page.document.has_document, timeout=5000)
    page.remark.setFocus()
    enter("卡由司机交还")
    qtbot.waitUntil(lambda: len(hall.booked) == 2, timeout=5000)
    today = hall.desks.at.now().date()
    (row,) = hall.desks.loss.register(today, today)
    assert row.cells[6].startswith("家属代为询问，卡在公交车上遗失")
    assert "解挂" in row.cells[6]
    assert row.cells[6].endswith("卡由司机交还")


def test_a_caller_is_given_a_remark_only_when_everything_matched(
    hall: HallWindow, page: LossPage, qtbot: QtBot
) -> None:
    find(page, qtbot)
    assert not page.remark.isVisible()
    ask_caller(page, qtbot, "张桂兰", HOLDER.document_number, HOLDER.phone, "123.5")
    assert page.remark.isVisible()
    page.remark.setFocus()
    enter("来电人在外地")
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    today = hall.desks.at.now().date()
    assert hall.desks.loss.register(today, today)[0].cells[6] == "来电人在外地"


def test_the_next_person_inherits_no_document(hall: HallWindow, page: LossPage, qtbot: QtBot) -> None:
    hall.window.present_document(document_of(HOLDER))
    qtbot.waitUntil(lambda: page.customer is not None, timeout=5000)
    page.remark.setText("前一位的备注")
    hall.open(f"card:{OTHER_NAMED_CARD}")
    assert not page.document.has_document
    assert page.remark.text() == ""
    press(Qt.Key.Key_Return)
    assert page.result.text.startswith("请把持卡人身份证放到读卡器上")
    assert state_of(hall, OTHER_NAMED_CARD) == "active"


def test_cancel_a_loss_with_the_found_card_and_the_document(
    hall: HallWindow, page: LossPage, qtbot: QtBot, said: Callable[[str], str]
) -> None:
    first = hall.report(NAMED_CARD)
    press(Qt.Key.Key_2, alt=True)
    hall.window.present_medium(medium_of(1))
    qtbot.waitUntil(lambda: page.customer is not None, timeout=5000)
    hall.window.present_document(document_of(OTHER_HOLDER))
    said("证件与持卡人登记资料不符")
    assert page.customer is not None
    assert page.customer.card_no == NAMED_CARD, "a document of somebody else opens nobody here"
    hall.window.present_document(document_of(HOLDER, valid_to=dt.date(2020, 1, 1)))
    press(Qt.Key.Key_Return)
    said("证件已于 2020-01-01 过期")
    hall.window.present_document(document_of(HOLDER))
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    (cancelled,) = hall.booked
    assert isinstance(cancelled, LossCancelled)
    assert cancelled.reference == first.reference
    assert page.outcome.first.text() == "¥123.50"
    assert page.result.text.startswith(f"解挂成功：卡 {card_no_text(NAMED_CARD)} 已恢复使用。凭证 ")
    assert state_of(hall, NAMED_CARD) == "active"


def test_a_card_that_is_not_lost_cannot_be_freed(
    hall: HallWindow, page: LossPage, said: Callable[[str], str]
) -> None:
    hall.open(f"card:{NAMED_CARD}")
    press(Qt.Key.Key_2, alt=True)
    hall.window.present_document(document_of(HOLDER))
    press(Qt.Key.Key_Return)
    said("没有挂失")


def test_a_typed_document_wants_the_manager(
    hall: HallWindow, page: LossPage, qtbot: QtBot, said: Callable[[str], str]
) -> None:
    hall.report(NAMED_CARD)
    hall.open(f"card:{NAMED_CARD}")
    press(Qt.Key.Key_2, alt=True)
    press(Qt.Key.Key_9)
    enter("张桂兰", "110105194912310021")
    assert page.document._fields["number"].complaint.text().startswith("证件号码校验位不对"), "while typing"
    enter("长期")
    said("校验位不对")
    assert page.document.number.hasFocus()
    page.document.number.selectAll()
    enter(HOLDER.document_number)
    qtbot.waitUntil(page.signing.box.isVisible, timeout=5000)
    assert not page._doing.isVisible()
    enter(CLERK, PASSWORD)
    qtbot.waitUntil(lambda: "授权人不能是经办人本人" in page.signing.box.result.text, timeout=5000)
    page.signing.box.staff_no.setText(MANAGER)
    enter(PASSWORD)
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    assert not page.signing.box.isVisible()
    assert state_of(hall, NAMED_CARD) == "active"


def test_esc_and_parking_lose_nothing(hall: HallWindow, page: LossPage, qtbot: QtBot) -> None:
    find(page, qtbot)
    enter("张桂兰", HOLDER.document_number)
    kept = page.typed()
    assert kept["said"] == NAMED_CARD
    press(Qt.Key.Key_Escape)
    press(Qt.Key.Key_Escape)
    assert page.typed()["claim_name"] == ""
    assert page.result.text == "已清空，没有办理。"
    page.result._action.click()
    qtbot.waitUntil(lambda: page._card is not None, timeout=5000)
    assert page.typed() == kept
    page.restore(dict.fromkeys(kept, ""))
    assert page.typed()["said"] == ""
    page.restore(kept)
    qtbot.waitUntil(lambda: page._card is not None and not page.busy.busy, timeout=5000)
    assert page.typed() == kept
