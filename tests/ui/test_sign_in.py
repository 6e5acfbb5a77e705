"""The first page: light, ready late, patient with an early Enter; then notices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from counter_app.domain.views import NoticeView, SignInHint
from ui.pages.sign_in import SignInPage

HEAVY = (
    "sqlalchemy",
    "sqlcipher3",
    "reportlab",
    "escpos",
    "serial",
    "pypinyin",
    "cn2an",
    "PIL",
    "psycopg",
    "alembic",
)

FIRST_PAINT = """
import datetime, json, sys
from PySide6.QtWidgets import QApplication
application = QApplication([])
from ui import theme
from ui.app_window import AppWindow
from ui.errors import TroubleRouter
theme.apply(application, theme.Theme())
window = AppWindow("东郊营业厅", TroubleRouter(), now=lambda: datetime.datetime.now(datetime.timezone.utc))
window.resize(1366, 768)
window.show()
application.processEvents()
window.grab()
print(json.dumps(sorted(sys.modules)))
"""


def test_the_first_paint_loads_nothing_heavy() -> None:
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", FIRST_PAINT],
        cwd=root,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = json.loads(run.stdout)
    assert "ui.pages.sign_in" in loaded
    assert [name for name in loaded if name.split(".")[0] in HEAVY] == []
    rooms = ("counter_app.storage", "counter_app.services", "devices", "printing")
    assert [name for name in loaded if name.startswith(rooms)] == []
    pages = [name for name in loaded if name.startswith("ui.pages.")]
    assert pages == ["ui.pages.lock", "ui.pages.sign_in"]


def test_enter_pressed_before_the_hall_is_open_counts(qtbot: QtBot) -> None:
    page = SignInPage("东郊营业厅 ・ 2 号台")
    qtbot.addWidget(page)
    with qtbot.waitActive(page):
        page.show()
    page.staff_no.setFocus()
    asked: list[tuple[str, str]] = []
    page.sign_in_asked.connect(lambda staff_no, password: asked.append((staff_no, password)))
    QTest.keyClicks(page.staff_no, "1023")
    QTest.keyClick(page.staff_no, Qt.Key.Key_Return)
    assert page.password.hasFocus()
    QTest.keyClicks(page.password, "secret")
    QTest.keyClick(page.password, Qt.Key.Key_Return)
    assert asked == []
    page.set_ready()
    assert asked == [("1023", "secret")]
    for _ in range(50):
        QTest.keyClick(page.password, Qt.Key.Key_Return)
    assert len(asked) == 1
    page.refused("工号或密码不对，请重新输入。")
    assert page.staff_no.text() == "1023"
    assert page.password.text() == ""
    assert page.result.text == "工号或密码不对，请重新输入。"
    page.set_waiting()
    page.start_over()
    assert page.staff_no.text() == ""
    page.close()


def test_hints_fill_the_fields(qtbot: QtBot) -> None:
    page = SignInPage("演示")
    qtbot.addWidget(page)
    page.set_hints([SignInHint("1001", "赵敏", "主管", "demo-1001")])
    page.set_ready()
    page._fill(SignInHint("1001", "赵敏", "主管", "demo-1001"))
    assert (page.staff_no.text(), page.password.text()) == ("1001", "demo-1001")
    assert page._hints.isVisibleTo(page)


def test_each_notice_is_confirmed(qtbot: QtBot) -> None:
    page = SignInPage("东郊营业厅")
    qtbot.addWidget(page)
    with qtbot.waitActive(page):
        page.show()
    page.set_ready()
    confirmed: list[object] = []
    page.notices_confirmed.connect(confirmed.append)
    page.show_notices(
        [
            NoticeView("n1", "新规", "单次现金充值须低于 5,000 元。", "2026-11-01 起"),
            NoticeView("n2", "优惠", "换卡免费。", "11-30 止"),
        ]
    )
    QTest.keyClick(page._notices, Qt.Key.Key_Return)
    assert confirmed == []
    QTest.keyClick(page._notices, Qt.Key.Key_Return)
    assert confirmed == [("n1", "n2")]
    QTest.keyClick(page._notices, Qt.Key.Key_Return)
    assert len(confirmed) == 1


def test_many_accounts_do_not_make_the_window_higher_than_a_small_screen(qtbot: QtBot) -> None:
    page = SignInPage("东郊营业厅 ・ 1 号台")
    qtbot.addWidget(page)
    page.set_hints([SignInHint(str(1000 + n), "李娜", "营业员", "dongjiao-1023") for n in range(12)])
    assert page.minimumSizeHint().height() < 400
