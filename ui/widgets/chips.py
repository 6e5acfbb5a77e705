"""Choices pressed by one key: quick amounts, ways to pay, notes handed over, reasons.

Your line belongs here if it offers a few fixed values and remembers which one is chosen.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QWidget

from ui import texts
from ui.theme import colour, current

V = TypeVar("V", bound=Hashable)

DIGIT_CAPS = "123456789"
LETTER_CAPS = "ABCDEFGH"


class Chip(QAbstractButton):
    """One choice: its key in a small cap, its words, and the accent colour with bold words while chosen."""

    def __init__(self, words: str, cap: str = "") -> None:
        super().__init__()
        self.setText(words)
        self.cap = cap
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(words)

    def sizeHint(self) -> QSize:
        """Wide enough for the bold words, so that choosing moves nothing."""
        words = QFontMetrics(self._font(bold=True)).horizontalAdvance(self.text())
        cap = 26 if self.cap else 0
        return QSize(words + cap + 34, current().sizes.entry_height)

    def minimumSizeHint(self) -> QSize:
        """Never clipped."""
        return self.sizeHint()

    def _font(self, *, bold: bool) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(current().sizes.button_px)
        font.setBold(bold)
        return font

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Border, cap and words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen, usable = self.isChecked(), self.isEnabled()
        edge = "accent" if usable and (chosen or self.underMouse()) else ("edge" if usable else "line")
        ink = ("accent" if chosen else "ink") if usable else "faint"
        painter.setPen(QPen(colour("accent" if self.hasFocus() else edge), 2.0 if self.hasFocus() else 1.0))
        painter.setBrush(colour("wash" if chosen or self.isDown() else "surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        bold = QFontMetrics(self._font(bold=True)).horizontalAdvance(self.text())
        left = (self.width() - bold - (26 if self.cap else 0)) / 2
        if self.cap:
            box = QRectF(left, self.height() / 2 - 8.5, 16, 17)
            painter.setPen(QPen(colour("line"), 1.0))
            painter.setBrush(colour("surface"))
            painter.drawRoundedRect(box, 3, 3)
            small = QFont(self.font())
            small.setPixelSize(current().sizes.cap_px)
            painter.setFont(small)
            painter.setPen(colour("soft" if usable else "faint"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.cap)
            left += 26
        painter.setFont(self._font(bold=chosen))
        painter.setPen(colour(ink))
        painter.drawText(
            QRectF(left - 4, 0, bold + 8, self.height()), Qt.AlignmentFlag.AlignCenter, self.text()
        )


class Tick(Chip):
    """A yes that the clerk gives by Space, its key or the mouse; its box holds ✓ while it is given."""

    def __init__(self, words: str) -> None:
        super().__init__(words, " ")
        self.optional = True
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.toggled.connect(self._show_tick)

    def is_open(self) -> bool:
        """Enter stops here once on its way; leaving it empty is for the desk to refuse."""
        return not self.isChecked()

    def _show_tick(self, given: bool) -> None:
        self.cap = "✓" if given else " "
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter belongs to the page; Space gives or takes the tick."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
            return
        super().keyPressEvent(event)


class ChipRow(QWidget, Generic[V]):
    """A row of choices of which at most one is chosen.

    Each choice is (value, words). `caps` gives each its key: DIGIT_CAPS, LETTER_CAPS or "" for none. The page calls
    `press_key` with the key that reached it (plain, or with Alt while a field has the focus). `chosen(object)` is
    emitted when the clerk chooses, not by `choose`.
    """

    chosen = Signal(object)

    def __init__(self, choices: Sequence[tuple[V, str]], caps: str = "") -> None:
        super().__init__()
        self._caps = caps
        self._values: list[V] = []
        self._chips: list[Chip] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self.set_choices(choices)

    def set_choices(self, choices: Sequence[tuple[V, str]]) -> None:
        """Offer other choices; nothing is chosen afterwards."""
        for chip in self._chips:
            self._row.removeWidget(chip)
            chip.deleteLater()
        self._values = [value for value, _words in choices]
        self._chips = [
            Chip(words, self._caps[place] if place < len(self._caps) else "")
            for place, (_value, words) in enumerate(choices)
        ]
        for place, chip in enumerate(self._chips):
            chip.clicked.connect(lambda _checked=False, place=place: self._pressed(place))
            self._row.addWidget(chip)

    @property
    def value(self) -> V | None:
        """The chosen value, or None."""
        for value, chip in zip(self._values, self._chips, strict=True):
            if chip.isChecked():
                return value
        return None

    def choose(self, wanted: V | None) -> None:
        """Mark this value (None or an unknown one: none) without telling anybody."""
        for value, chip in zip(self._values, self._chips, strict=True):
            chip.setChecked(value == wanted)

    def choose_text(self, wanted: str) -> None:
        """Mark the value whose text is this: for values that were kept as text."""
        for value, chip in zip(self._values, self._chips, strict=True):
            chip.setChecked(str(value) == wanted)

    def allow(self, value: V, usable: bool) -> None:
        """Grey out a choice that is not to be had now, or bring it back."""
        for known, chip in zip(self._values, self._chips, strict=True):
            if known == value:
                chip.setEnabled(usable)
                if not usable:
                    chip.setChecked(False)

    def press_key(self, key_text: str) -> bool:
        """A key that may belong to a chip of this row: True when it was one and was pressed."""
        if not self.isVisible() or not self.isEnabled():
            return False
        for place, chip in enumerate(self._chips):
            if chip.cap and chip.cap == key_text.upper():
                if chip.isEnabled():
                    self._pressed(place)
                return True
        return False

    def is_open(self) -> bool:
        """Whether nothing is chosen yet."""
        return self.value is None

    def _pressed(self, place: int) -> None:
        self.choose(self._values[place])
        self.chosen.emit(self._values[place])


class NoteKeys(ChipRow[int]):
    """What the customer hands over in one press: 正好 or a note. `chosen` gives fen; 正好 gives the sum due."""

    EXACT = 0
    NOTES_FEN = (100_00, 200_00, 500_00)

    received = Signal(int)
    """The sum handed over in fen."""

    def __init__(self) -> None:
        super().__init__(
            [
                (self.EXACT, "正好"),
                *((note, texts.shown_money(note).removesuffix(".00")) for note in self.NOTES_FEN),
            ]
        )
        self._due_fen = 0
        self.chosen.connect(self._handed_over)

    def set_due(self, due_fen: int | None) -> None:
        """The sum due: notes below it are greyed out."""
        self._due_fen = due_fen or 0
        self.allow(self.EXACT, bool(self._due_fen))
        for note in self.NOTES_FEN:
            self.allow(note, bool(self._due_fen) and note >= self._due_fen)

    def show_received(self, received_fen: int | None) -> None:
        """Mark the key that equals what was typed, if any."""
        if received_fen is None or not self._due_fen:
            self.choose(None)
        elif received_fen in self.NOTES_FEN and received_fen >= self._due_fen:
            self.choose(received_fen)
        else:
            self.choose(self.EXACT if received_fen == self._due_fen else None)

    def _handed_over(self, value: object) -> None:
        self.received.emit(self._due_fen if value == self.EXACT else value)
