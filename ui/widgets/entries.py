"""Fields into which a clerk types: text, whole numbers, money.

Your line belongs here if it turns key presses into a typed value. A field never books and never looks anything up.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.money import LARGEST_TYPED_FEN, parse_yuan, yuan
from ui.widgets.parts import label

_MOVING_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)


class Entry(QLineEdit):
    """A text field that leaves Enter, Esc and Alt keys to its page, and holds whatever is typed."""

    def __init__(self, hint: str = "", *, max_length: int = 64) -> None:
        super().__init__()
        self.optional = False
        """Set for a field that may stay empty: Enter stops at it once on the way, but never returns to it."""
        self.setPlaceholderText(hint)
        self.setMaxLength(max_length)
        self.textEdited.connect(lambda _text: self.mark_bad(False))

    def is_open(self) -> bool:
        """Whether Enter should stop here on its way to the primary button: nothing is typed yet."""
        return not self.text().strip()

    def mark_bad(self, bad: bool) -> None:
        """A red border while the value is refused; typing takes it away."""
        if bool(self.property("bad")) != bad:
            self.setProperty("bad", bad)
            self.style().unpolish(self)
            self.style().polish(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pass the keys that belong to the page upward."""
        if event.key() in _MOVING_KEYS or event.modifiers() & Qt.KeyboardModifier.AltModifier:
            event.ignore()
            return
        super().keyPressEvent(event)


class LongText(QPlainTextEdit):
    """A field of several lines. Enter belongs to the page as everywhere; Shift+Enter begins a new line."""

    def __init__(self, hint: str = "", *, lines: int = 3) -> None:
        super().__init__()
        self.optional = False
        self.setPlaceholderText(hint)
        self.setTabChangesFocus(True)
        self.setFixedHeight(lines * 26 + 16)

    def is_open(self) -> bool:
        """Open while nothing is typed."""
        return not self.toPlainText().strip()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pass the keys that belong to the page upward."""
        shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.modifiers() & Qt.KeyboardModifier.AltModifier or (
            event.key() in _MOVING_KEYS and not shifted
        ):
            event.ignore()
            return
        super().keyPressEvent(event)


class NumberEntry(Entry):
    """A field for digits (card tail, pieces, phone): full-width digits become plain ones, a stuck key adds nothing."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ignore repeats of character keys; a leaning elbow must not write a number."""
        if event.isAutoRepeat() and event.text().isprintable() and event.text():
            event.accept()
            return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Show full-width digits as plain ones once the field is left."""
        plain = self.text().translate(_PLAIN_DIGITS)
        if plain != self.text():
            self.setText(plain)
        super().focusOutEvent(event)

    def digits(self) -> str:
        """The typed text with full-width digits made plain and blanks taken out; not checked further."""
        return self.text().translate(_PLAIN_DIGITS).replace(" ", "")


_PLAIN_DIGITS = {0xFF10 + digit: str(digit) for digit in range(10)}


class MoneyEntry(NumberEntry):
    """A field for an amount in yuan that knows its largest value; the value is whole fen.

    `amount_changed(object)`: fen as int, or None while the text is empty or not an amount. Anything may be typed:
    `value_fen` says in a sentence what is wrong with it.
    """

    amount_changed = Signal(object)

    def __init__(self, hint: str = "", *, largest_fen: int = LARGEST_TYPED_FEN) -> None:
        super().__init__(hint, max_length=24)
        self._largest_fen = largest_fen
        self.textChanged.connect(lambda _text: self.amount_changed.emit(self.amount_or_none()))

    def value_fen(self) -> int:
        """The amount in fen. Raises `Refused` with the sentence for what was typed."""
        amount_fen = parse_yuan(self.text())
        if amount_fen > self._largest_fen:
            raise Refused(Reason.AMOUNT_TOO_LARGE, limit=yuan(self._largest_fen))
        return amount_fen

    def amount_or_none(self) -> int | None:
        """The amount in fen, or None while there is none: for live displays that must not complain."""
        try:
            return self.value_fen()
        except Refused:
            return None

    def set_fen(self, amount_fen: int | None) -> None:
        """Write an amount (a chip was pressed); None empties the field."""
        self.setText("" if amount_fen is None else yuan(amount_fen))
        self.mark_bad(False)

    def is_open(self) -> bool:
        """Open while it holds no amount."""
        return self.amount_or_none() is None

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Group the digits once the field is left; what is no amount stays as typed."""
        amount_fen = self.amount_or_none()
        if amount_fen is not None:
            self.setText(yuan(amount_fen))
        super().focusOutEvent(event)


class Field(QWidget):
    """A label over an entry, and under it a line for what is wrong while typing (check digits, length)."""

    def __init__(self, caption: str, entry: QWidget, *aside: QWidget) -> None:
        super().__init__()
        self.caption = label(caption, "soft")
        self.entry = entry
        self._complaint = label("", "bad", wrap=True)
        self._complaint.hide()
        self.caption.setBuddy(entry)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(entry, 1)
        for widget in aside:
            line.addWidget(widget)
        layout.addWidget(self.caption)
        layout.addLayout(line)
        layout.addWidget(self._complaint)

    def complain(self, sentence: str) -> None:
        """Show what is wrong with the typed value; an empty sentence takes it away."""
        self._complaint.setText(sentence)
        self._complaint.setVisible(bool(sentence))
        if isinstance(self.entry, Entry):
            self.entry.mark_bad(bool(sentence))

    @property
    def complaint(self) -> QLabel:
        """The line under the entry."""
        return self._complaint
