"""设置 by keys: a manager adds a clerk; a clerk is told whose business it is; nothing typed is lost by a refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hall_builder import CLERK, MANAGER, HallClock, open_sqlite
from hall_window import HallWindow, enter, hall_window, press, words_in_sight
from picture_page import faults_of
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from counter_app.domain.ids import StaffNo
from counter_app.storage.database import Database
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.pages.settings import SettingsPage

SETTINGS = ("settings", "设置", "Alt+S", "钱箱与日结", SettingsPage)
Opened = Callable[[StaffNo], tuple[HallWindow, SettingsPage]]


@pytest.fixture
def database(sqlite_hall: Path, clock: HallClock) -> Iterator[Database]:
    opened = open_sqlite(sqlite_hall, clock)
    yield opened
    opened.close()


@pytest.fixture
def settings(
    database: Database, troubles: TroubleRouter, lane_maker: Callable[[str], Lane], qtbot: QtBot
) -> Opened:
    def open_for(staff_no: StaffNo) -> tuple[HallWindow, SettingsPage]:
        hall = hall_window(database, troubles, lane_maker, [SETTINGS], staff_no=staff_no)
        qtbot.addWidget(hall.window)
        hall.window.resize(1366, 768)
        hall.window.show()
        page = hall.show("settings")
        assert isinstance(page, SettingsPage)
        qtbot.waitUntil(lambda: page.sheet.table.rows.rowCount() > 0, timeout=5000)
        return hall, page

    return open_for


def test_the_manager_adds_a_clerk_by_keys(settings: Opened, qtbot: QtBot) -> None:
    hall, page = settings(MANAGER)
    before = page.sheet.table.rows.rowCount()
    enter("1099", "孙静", "12345678")
    qtbot.waitUntil(lambda: "至少 8 位" in page.result.text, timeout=5000)
    assert page.typed()["staff_staff_no"] == "1099"
    assert "12345678" not in page.typed().values()
    page.sheet.stops[2].clear()
    page.sheet.stops[2].setFocus()
    enter("river-stone-31")
    qtbot.waitUntil(lambda: page.sheet.table.rows.rowCount() == before + 1, timeout=5000)
    assert "已保存" in page.result.text
    assert hall.desks.staff.sign_in(StaffNo("1099"), "river-stone-31").name == "孙静"


def test_a_clerk_may_look_but_not_change(settings: Opened, qtbot: QtBot) -> None:
    _hall, page = settings(CLERK)
    enter("1099", "孙静", "river-stone-31")
    qtbot.waitUntil(lambda: "主管或管理员" in page.result.text, timeout=5000)
    assert page.typed()["staff_name"] == "孙静"


@pytest.mark.parametrize("key", [Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4, Qt.Key.Key_5])
def test_every_section_fits_and_speaks_chinese(settings: Opened, key: Qt.Key) -> None:
    hall, page = settings(MANAGER)
    press(key, alt=True)
    assert page.sheet.isVisible()
    assert faults_of(hall.window) == []


def test_a_bad_date_is_named(settings: Opened, qtbot: QtBot) -> None:
    _hall, page = settings(MANAGER)
    press(Qt.Key.Key_2, alt=True)
    enter("1023", "2026-13-01", "2026-12-03")
    qtbot.waitUntil(lambda: "2026-13-01" in page.result.text, timeout=5000)
    assert "1023" in words_in_sight(page)
