"""Lists: long ones fetch only what is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from ui.widgets.parts import StepBar
from ui.widgets.sign_box import SignBox
from ui.widgets.tables import Cell, Column, DataTable, Row


def test_two_million_rows_fetch_only_what_is_in_sight(qtbot: QtBot) -> None:
    table = DataTable([Column("凭证", 120), Column("时间"), Column("金额", 100, figures=True)])
    qtbot.addWidget(table)
    table.resize(600, 400)
    table.show()
    asked: list[tuple[int, int]] = []
    answers: list[Callable[[], None]] = []

    def fetch(first: int, count: int, answer: Callable[[Sequence[Row]], None]) -> None:
        asked.append((first, count))
        rows = [(f"D2-{place:07d}", "11-22 14:21", "50.00") for place in range(first, first + count)]
        answers.append(lambda: answer(rows))

    table.set_source(2_000_000, fetch)
    qtbot.waitUntil(lambda: bool(asked), timeout=5000)
    assert asked == [(0, 100)]
    assert table.rows.index(0, 0).data() == "…"
    answers[0]()
    assert table.rows.index(3, 0).data() == "D2-0000003"
    table.scrollToBottom()
    qtbot.waitUntil(lambda: len(asked) == 2, timeout=5000)
    assert asked[1] == (1_999_900, 100)
    table.set_rows([("a", "b", Cell("相符", "good", badge=True))])
    answers[1]()
    assert table.rows.rowCount() == 1
    assert table.rows.index(0, 2).data() == "相符"


def test_enter_chooses_the_marked_row(qtbot: QtBot) -> None:
    table = DataTable([Column("项目"), Column("状态", 100)])
    qtbot.addWidget(table)
    table.set_rows(
        [("1 号台钱箱", Cell("相符", "good", badge=True)), ("2 号台钱箱", Cell("短款", "bad", badge=True))]
    )
    table.show()
    chosen: list[int] = []
    table.row_chosen.connect(chosen.append)
    table.selectRow(0)
    QTest.keyClick(table, Qt.Key.Key_Down)
    QTest.keyClick(table, Qt.Key.Key_Return)
    assert chosen == [1]
    assert table.chosen_row() == 1


def test_a_second_person_signs_once_and_the_password_is_wiped(qtbot: QtBot) -> None:
    box = SignBox()
    qtbot.addWidget(box)
    with qtbot.waitActive(box):
        box.ask("冲正须主管授权", "凭证 D2-0131，充值 ¥50.00")
    box.staff_no.setFocus()
    signed: list[tuple[str, str]] = []
    box.signed.connect(lambda staff_no, password: signed.append((staff_no, password)))
    QTest.keyClicks(box.staff_no, "1001")
    QTest.keyClick(box.staff_no, Qt.Key.Key_Return)
    QTest.keyClicks(box.password, "secret")
    for _ in range(5):
        QTest.keyClick(box.password, Qt.Key.Key_Return)
    assert signed == [("1001", "secret")]
    assert box.password.text() == ""
    box.refused("授权人不能是经办人本人，请另一位主管授权。")
    assert box.staff_no.text() == "1001"
    given_up: list[bool] = []
    box.given_up.connect(lambda: given_up.append(True))
    QTest.keyClick(box.password, Qt.Key.Key_Escape)
    assert given_up == [True]
    assert box.isHidden()


def test_steps_say_where_the_work_stands(qtbot: QtBot) -> None:
    steps = StepBar()
    qtbot.addWidget(steps)
    steps.set_steps([("班次全部交清", "done"), ("现金盘点", "now"), ("签字锁账", "open")])
    assert [text.text() for _cell, text in steps._cells] == ["✓ 班次全部交清", "2 现金盘点", "3 签字锁账"]
    steps.set_steps([("一", "done")])
    assert [cell.isHidden() for cell, _text in steps._cells] == [False, True, True]
