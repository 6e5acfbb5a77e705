"""Things that stand in line: captions with their values, and fields side by side.

Your line belongs here if it only arranges what others show or type.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from ui.widgets.parts import column, label


def side_by_side(*fields: QWidget) -> QHBoxLayout:
    """Fields of equal width whose entries stay in line when one of them has something to complain about below."""
    line = QHBoxLayout()
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(12)
    for field in fields:
        line.addLayout(column(field, None), 1)
    return line


class Facts(QWidget):
    """Captions left in one column, values beside them; a long value wraps."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(20)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self._lines: list[tuple[QLabel, QLabel]] = []

    def set_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Show these (caption, value) lines, first one on top."""
        for line in self._lines:
            for part in line:
                self._grid.removeWidget(part)
                part.hide()
                part.deleteLater()
        self._lines = [(label(caption, "soft"), label(value, wrap=True)) for caption, value in facts]
        for place, (caption, value) in enumerate(self._lines):
            self._grid.addWidget(caption, place, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, place, 1)

    def text(self) -> str:
        """All lines, for reading aloud: `挂失时间 11-23 09:00`."""
        return "\n".join(f"{caption.text()} {value.text()}" for caption, value in self._lines)
