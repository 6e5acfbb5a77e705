"""日结 by keys over the real desks: who may see and sign what, the sealed day, and its report from the child process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from counter_builder import FLOAT_FEN, Counter, pieces_for, require_sound
from hall_builder import (
    CLERK,
    MANAGER,
    NAMED_CARD,
    OTHER_CLERK,
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

from counter_app.domain.ids import StaffNo
from counter_app.domain.requests import CloseTill, DayClosed, LockCount
from counter_app.storage.database import Database
from ui import texts
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.pages.day_close import ONLY_MANAGER, DayClosePage

Window = Callable[[StaffNo], HallWindow]
DAY = "2026-11-23"


@pytest.fixture
def database(sqlite_hall: Path, clock: HallClock) -> Iterator[Database]:
    """The hall of tests in its own file."""
    opened = open_sqlite(sqlite_hall, clock)
    yield opened
    opened.close()


@pytest.fixture
def window(
    database: Database,
    tmp_path: Path,
    troubles: TroubleRouter,
    lane_maker: Callable[[str], Lane],
    qtbot: QtBot,
) -> Window:
    """Makes the window of somebody who signs in now."""

    def make(staff_no: StaffNo) -> HallWindow:
        made = hall_window(
            database,
            troubles,
            lane_maker,
            (
                (
                    "day_close",
                    "日结",
                    "F10",
                    texts.GROUP_TILL,
                    lambda tools: DayClosePage(tools, tmp_path / "营业日报表"),
                ),
            ),
            staff_no=staff_no,
        )
        qtbot.addWidget(made.window)
        made.window.resize(1366, 768)
        with qtbot.waitActive(made.window):
            made.window.show()
        return made

    return make


def page_of(hall: HallWindow, qtbot: QtBot) -> DayClosePage:
    """The page with the day read."""
    page = hall.show("day_close")
    assert isinstance(page, DayClosePage)
    qtbot.waitUntil(lambda: page.day is not None, timeout=5000)
    return page


def close_till(counter: Counter, expected_fen: int, difference_fen: int = 0) -> None:
    """Count blind, and close with reason and signature when it does not fit."""
    counter.cash.lock_count(LockCount(counter.asked(), pieces_for(expected_fen + difference_fen)))
    request = CloseTill(counter.asked(), 0, "找零多付一张 10 元" if difference_fen else "")
    counter.cash.close_till(counter.signed(request) if difference_fen else request)


def looks_right(hall: HallWindow) -> None:
    """Nothing cut off, nothing English, nothing to scroll."""
    QApplication.processEvents()
    page = hall.window.page
    assert isinstance(page, DayClosePage)
    figures = {f"not Chinese: {shown.text()}" for shown in (page.sealed.anchor, page.sealed.path)}
    assert set(faults_of(hall.window)) <= figures
    assert hall.window.frame is not None
    assert page.height() <= hall.window.frame.pages.height()


def busy_day(database: Database, clock: HallClock) -> tuple[Counter, Counter]:
    """Two counters with business at different hours, both drawers open."""
    first, second = Counter(database).opened(), Counter(database, 2, OTHER_CLERK).opened()
    for hours in (0, 1, 1, 2, 5):
        clock.advance(hours=hours)
        first.top_up(NAMED_CARD, 100_00)
    second.top_up(OTHER_NAMED_CARD, 50_00)
    return first, second


def test_a_clerk_sees_the_day_but_no_sums_and_cannot_close(
    database: Database, clock: HallClock, window: Window, qtbot: QtBot
) -> None:
    busy_day(database, clock)
    hall = window(CLERK)
    page = page_of(hall, qtbot)
    assert ONLY_MANAGER in words_in_sight(page)
    assert "挂起当前客户" not in words_in_sight(page), "there is no customer on this page"
    assert not page.primary.isEnabled()
    for amount in (FLOAT_FEN + 500_00, 500_00, 550_00, 50_00):
        assert f"{amount // 100:,}.00" not in words_in_sight(hall.window), (
            "no sum before the counts are locked"
        )
    assert "钱箱未关" in page.table.rows.cell(page.table.rows.index(0, 5)).text  # type: ignore[union-attr]
    looks_right(hall)
    press(Qt.Key.Key_Return)
    assert not page.sign_box.isVisible()


def test_an_open_till_keeps_the_manager_from_signing(
    database: Database, clock: HallClock, window: Window, qtbot: QtBot
) -> None:
    first, _second = busy_day(database, clock)
    close_till(first, FLOAT_FEN + 500_00)
    hall = window(MANAGER)
    page = page_of(hall, qtbot)
    assert not page.primary.isEnabled()
    assert "还差 1 项" in page.primary.text()
    assert "2 号台钱箱" in words_in_sight(hall.window)
    looks_right(hall)


def test_the_managers_signature_seals_the_day_and_writes_its_report(
    database: Database, clock: HallClock, window: Window, qtbot: QtBot
) -> None:
    first, second = busy_day(database, clock)
    close_till(first, FLOAT_FEN + 500_00)
    close_till(second, FLOAT_FEN + 50_00, -10_00)
    hall = window(MANAGER)
    page = page_of(hall, qtbot)
    qtbot.waitUntil(page.primary.isEnabled, timeout=5000)
    cells = [page.table.rows.cell(page.table.rows.index(1, at)) for at in range(6)]
    assert [cell.text for cell in cells if cell] == [
        "2 号台钱箱　1023 赵强",
        "1",
        "550.00",
        "540.00",
        "−10.00",
        "短款 1001 周敏 签认",
    ]
    looks_right(hall)
    assert page.note.hasFocus()
    enter("各项核对一致")
    assert page.sign_box.isVisible()
    looks_right(hall)
    enter("wrong-password")
    qtbot.waitUntil(lambda: "工号或密码不对" in words_in_sight(page.sign_box), timeout=5000)
    assert hall.booked == []
    with qtbot.waitSignal(page.paper_written, timeout=20_000) as written:
        enter(PASSWORD)
    (closed,) = hall.booked
    assert isinstance(closed, DayClosed)
    (path,) = written.args
    assert path.name == f"{DAY}.pdf"
    assert path.read_bytes().startswith(b"%PDF")
    qtbot.waitUntil(page.sealed.isVisible, timeout=5000)
    shown = words_in_sight(page)
    assert closed.anchor[:4].upper() in shown
    assert str(path) in shown
    assert f"{DAY} 已锁账" in page.result.text
    looks_right(hall)
    require_sound(database)


def test_a_report_that_cannot_be_written_is_told_and_tried_again(
    database: Database, window: Window, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "营业日报表").write_text("a file where the folder should be")
    close_till(Counter(database).opened(), FLOAT_FEN)
    hall = window(MANAGER)
    page = page_of(hall, qtbot)
    qtbot.waitUntil(page.primary.isEnabled, timeout=5000)
    press(Qt.Key.Key_Return)
    enter(PASSWORD)
    qtbot.waitUntil(lambda: page.result.tone == "bad", timeout=20_000)
    assert "不能写入" in page.result.text
    assert isinstance(hall.booked[0], DayClosed), "paper never decides: the day is closed"
    (tmp_path / "营业日报表").unlink()
    with qtbot.waitSignal(page.paper_written, timeout=20_000):
        page.primary.click()
    assert "营业日报表已生成" in page.result.text


def test_fifty_presses_close_once(database: Database, window: Window, qtbot: QtBot) -> None:
    close_till(Counter(database).opened(), FLOAT_FEN)
    hall = window(MANAGER)
    page = page_of(hall, qtbot)
    qtbot.waitUntil(page.primary.isEnabled, timeout=5000)
    press(Qt.Key.Key_Return)
    with qtbot.waitSignal(page.paper_written, timeout=20_000):
        enter(PASSWORD)
        for _press in range(50):
            press(Qt.Key.Key_Return)
    assert len(hall.booked) == 1
    press(Qt.Key.Key_PageDown)
    qtbot.waitUntil(lambda: page.day is not None and not page.day.closed, timeout=5000)
    press(Qt.Key.Key_Escape)
