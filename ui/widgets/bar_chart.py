"""A row of bars, one value each: business by the hour.

Your line belongs here if it draws numbers as bars; every number must also stand in a table or a tooltip as a word.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import colour, current


class BarChart(QWidget):
    """Bars of equal width; the largest is drawn in the accent colour. `labels` stand below at their bars' places."""

    def __init__(self) -> None:
        super().__init__()
        self._values: tuple[int, ...] = ()
        self._labels: dict[int, str] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_values(self, values: Sequence[int], labels: dict[int, str]) -> None:
        """Show these values; `labels` gives a word for some bars (0-based)."""
        self._values = tuple(values)
        self._labels = dict(labels)
        self.setAccessibleDescription("，".join(str(value) for value in values))
        self.update()

    def sizeHint(self) -> QSize:
        """As high as in the design: 104 px of bars and a line of words."""
        return QSize(200, 104 + current().sizes.small_px + 14)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Bars and words."""
        if not self._values:
            return
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        words_height = current().sizes.small_px + 14
        height = self.height() - words_height
        most = max(max(self._values), 1)
        step = self.width() / len(self._values)
        largest = self._values.index(max(self._values))
        for place, value in enumerate(self._values):
            bar = height * value / most
            painter.setBrush(colour("accent" if place == largest else "accent_pale"))
            painter.drawRoundedRect(QRectF(place * step, height - bar, max(step - 4, 1), bar), 2, 2)
        painter.setPen(colour("soft"))
        for place, words in self._labels.items():
            width = painter.fontMetrics().horizontalAdvance(words)
            left = min(max(place * step + (step - 4 - width) / 2, 0.0), self.width() - width)
            painter.drawText(
                QRectF(left, height + 6, width + 2, words_height), Qt.AlignmentFlag.AlignTop, words
            )
