"""What a clerk types becomes a value, or a sentence that says what is wrong with it; nothing typed is lost."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from counter_app.domain.errors import Reason, Refused
from ui.widgets.cash import CashCountGrid, ChangeDue, SumDue, notes_text
from ui.widgets.chips import DIGIT_CAPS, ChipRow, NoteKeys
from ui.widgets.entries import MoneyEntry, NumberEntry


def press(widget: QWidget, key: Qt.Key, text: str, *, repeat: bool) -> None:
    """One key event as the window system sends it while a key is held down."""
    event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, text, repeat)
    QApplication.sendEvent(widget, event)


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("100", 100_00),
        ("0.5", 50),
        ("1,234.56", 1234_56),
        ("１００．５０", 100_50),
        ("￥20", 20_00),
        ("50元", 50_00),
    ],
)
def test_amounts_as_people_type_them(qtbot: QtBot, typed: str, fen: int) -> None:
    entry = MoneyEntry()
    qtbot.addWidget(entry)
    entry.setText(typed)
    assert entry.value_fen() == fen
    assert not entry.is_open()


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", Reason.AMOUNT_EMPTY),
        ("0", Reason.AMOUNT_NOT_POSITIVE),
        ("-5", Reason.AMOUNT_NOT_POSITIVE),
        ("1e5", Reason.AMOUNT_NOT_A_NUMBER),
        ("1.234", Reason.AMOUNT_TOO_FINE),
        ("٣٤", Reason.AMOUNT_NOT_A_NUMBER),
        ("1000000000000", Reason.AMOUNT_TOO_LARGE),
        ("5000.01", Reason.AMOUNT_TOO_LARGE),
    ],
)
def test_what_is_no_amount_is_refused_and_stays_as_typed(qtbot: QtBot, typed: str, reason: Reason) -> None:
    entry = MoneyEntry(largest_fen=5000_00)
    qtbot.addWidget(entry)
    QTest.keyClicks(entry, typed) if typed.isascii() else entry.setText(typed)
    with pytest.raises(Refused) as refused:
        entry.value_fen()
    assert refused.value.reason is reason
    assert entry.text() == typed
    assert entry.is_open()


def test_digits_are_grouped_when_the_field_is_left(qtbot: QtBot) -> None:
    window = QWidget()
    layout = QVBoxLayout(window)
    first, second = MoneyEntry(), MoneyEntry()
    layout.addWidget(first)
    layout.addWidget(second)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
    first.setFocus()
    QTest.keyClicks(first, "1234.5")
    second.setFocus()
    assert first.text() == "1,234.50"
    assert first.value_fen() == 1234_50


def test_a_stuck_digit_writes_one_digit(qtbot: QtBot) -> None:
    entry = MoneyEntry()
    qtbot.addWidget(entry)
    press(entry, Qt.Key.Key_5, "5", repeat=False)
    for _ in range(20):
        press(entry, Qt.Key.Key_5, "5", repeat=True)
    assert entry.text() == "5"


def test_full_width_digits_become_plain_ones(qtbot: QtBot) -> None:
    entry = NumberEntry()
    qtbot.addWidget(entry)
    entry.setText("１３８ ０")
    assert entry.digits() == "1380"


def test_change_names_the_notes_and_what_is_missing(qtbot: QtBot) -> None:
    change = ChangeDue()
    qtbot.addWidget(change)
    change.set_sums(100_00, 200_00)
    assert (change.caption.text(), change.figures.text(), change.notes.text()) == (
        "应找零",
        "¥100.00",
        "找 100 元 × 1",
    )
    change.set_sums(100_00, 50_00)
    assert (change.caption.text(), change.figures.text()) == ("还差", "¥50.00")
    change.set_sums(100_00, None)
    assert change.figures.text() == "—"
    assert notes_text(0) == "正好，不用找零"
    assert notes_text(36_53) == "找 20 元 × 1，10 元 × 1，5 元 × 1，1 元 × 1，5 角 × 1，3 分无法找付"


def test_the_sum_due_stands_in_capitals(qtbot: QtBot) -> None:
    due = SumDue()
    qtbot.addWidget(due)
    due.set_fen(100_00)
    assert due.figures.text() == "¥100.00"
    assert due.capitals.text() == "人民币壹佰元整"
    due.set_fen(None)
    assert due.capitals.text() == ""


def test_one_chip_is_chosen_by_its_key(qtbot: QtBot) -> None:
    chips = ChipRow([(50, "¥50"), (100, "¥100"), (200, "¥200")], DIGIT_CAPS)
    qtbot.addWidget(chips)
    chips.show()
    chosen: list[object] = []
    chips.chosen.connect(chosen.append)
    assert chips.press_key("2")
    assert chips.press_key("3")
    assert not chips.press_key("4")
    assert chosen == [100, 200]
    assert chips.value == 200
    chips.allow(200, usable=False)
    assert chips.value is None
    assert chips.press_key("3"), "a greyed-out chip still owns its key"
    assert chips.value is None


def test_note_keys_give_what_was_handed_over(qtbot: QtBot) -> None:
    notes = NoteKeys()
    qtbot.addWidget(notes)
    received: list[int] = []
    notes.received.connect(received.append)
    notes.set_due(150_00)
    notes._pressed(0)
    notes._pressed(2)
    assert received == [150_00, 200_00]
    notes.show_received(500_00)
    assert notes.value == 500_00
    notes.show_received(100_00)
    assert notes.value is None


def test_a_count_needs_only_digits_and_enter(qtbot: QtBot) -> None:
    grid = CashCountGrid()
    qtbot.addWidget(grid)
    with qtbot.waitActive(grid):
        grid.show()
    grid.setFocus()
    finished: list[bool] = []
    grid.finished.connect(lambda: finished.append(True))
    for typed in ("12", "3", "", "5", "", "7", "2", "9"):
        focused = QApplication.focusWidget()
        assert focused is not None
        QTest.keyClicks(focused, typed)
        press(focused, Qt.Key.Key_Return, "\r", repeat=True)
        assert QApplication.focusWidget() is focused, "key repeat does nothing"
        QTest.keyClick(focused, Qt.Key.Key_Return)
    assert finished == [True]
    assert grid.pieces() == (
        (100_00, 12),
        (50_00, 3),
        (20_00, 0),
        (10_00, 5),
        (5_00, 0),
        (1_00, 7),
        (50, 2),
        (10, 9),
    )
    assert grid.counted_fen() == 1408_90
    kept = grid.typed()
    grid.clear()
    assert not grid.complete()
    grid.restore(kept)
    assert grid.counted_fen() == 1408_90


def test_an_uncounted_denomination_is_named(qtbot: QtBot) -> None:
    grid = CashCountGrid()
    qtbot.addWidget(grid)
    grid.entries()[0].setText("3")
    grid.entries()[1].setText("ab")
    with pytest.raises(Refused) as refused:
        grid.pieces()
    assert refused.value.sentence() == "“50 元”还没有填，请填写后再继续。"
    assert grid.entries()[1].text() == "ab"
    assert grid.counted_fen() == 300_00
