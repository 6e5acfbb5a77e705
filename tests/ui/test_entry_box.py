"""The list under the entry box: what stands in it, and when its lines are made."""

from __future__ import annotations

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from counter_app.domain.views import Match
from ui.widgets.entry_box import EntryBox

MORE = "还有更多，请继续输入缩小范围。"


@pytest.fixture
def box(qtbot: QtBot) -> EntryBox:
    """An entry box with the focus, in a window of its own."""
    canvas = QWidget()
    canvas.resize(800, 600)
    box = EntryBox(canvas)
    box.setParent(canvas)
    qtbot.addWidget(canvas)
    with qtbot.waitActive(canvas):
        canvas.show()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus, timeout=5000)
    return box


def people(count: int) -> list[Match]:
    """So many matches, as a search gives them."""
    return [Match(str(place), f"曾*{place}", f"手机尾号 {place:04d}", "客户") for place in range(count)]


def shown(box: EntryBox) -> list[str]:
    """Every text that can be read in the list."""
    return [part.text() for part in box.matches.findChildren(QLabel) if part.isVisible()]


def test_nine_matches_are_shown_and_more_are_a_reason_to_type_on(box: EntryBox) -> None:
    QTest.keyClicks(box, "zx")
    box.show_matches("zx", people(10))
    assert [text for text in shown(box) if text.startswith("曾")] == [f"曾*{place}" for place in range(9)]
    assert any(text.startswith(MORE) for text in shown(box))
    box.show_matches("zx", people(9))
    assert len([text for text in shown(box) if text.startswith("曾")]) == 9
    assert not any(text.startswith(MORE) for text in shown(box))
    box.show_matches("zx", people(2))
    assert [text for text in shown(box) if text.startswith("曾")] == ["曾*0", "曾*1"]


def test_the_lines_are_made_before_the_first_key(box: EntryBox) -> None:
    parts = box.matches.findChildren(QWidget)
    QTest.keyClicks(box, "zx")
    box.show_matches("zx", people(10))
    assert box.matches.findChildren(QWidget) == parts
