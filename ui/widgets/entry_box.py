"""The one entry box of every page and the list of what it found.

Your line belongs here if it turns a few typed characters into a person, a card or a receipt to open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui import texts
from ui.theme import set_look
from ui.widgets.entries import Entry
from ui.widgets.parts import label

if TYPE_CHECKING:
    from counter_app.domain.views import Match

MATCHES_WIDTH = 440
MOST_SHOWN = 9
"""As many as there are digits to choose with; more matches are a reason to type on."""


class EntryBox(Entry):
    """Type, see the matches, open one with Enter, Alt+digit, the arrow keys or the mouse.

    `search_asked(str)` is emitted at each change with the text to look up; the answer comes back through
    `show_matches` with the same text, later ones for older texts are ignored. `opened(object)` carries the chosen
    `Match`. Enter pressed before the answer has come is kept: a single match is then opened at once. `left()`: Esc in
    the empty box, the clerk wants back to the page.
    """

    search_asked = Signal(str)
    opened = Signal(object)
    left = Signal()

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(texts.ENTRY_BOX_HINT)
        self.setProperty("look", "search")
        self.setAccessibleName(texts.ENTRY_BOX_HINT)
        self._cap = QLabel("Ctrl+K", self)
        self._cap.setProperty("look", "soft")
        self._cap.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._canvas = canvas
        self.matches = MatchList(canvas)
        self.matches.chosen.connect(self._open)
        self._enter_waits = False
        self._answered_for = ""
        self.textChanged.connect(self._typed)

    def show_matches(self, asked: str, matches: Sequence[Match], *, more: bool = False) -> None:
        """The answer to `search_asked(asked)`; `more` when there are further ones than given."""
        if asked != self.text():
            return
        self._answered_for = asked
        if self._enter_waits and len(matches) == 1:
            self._open(matches[0])
            return
        self._enter_waits = False
        self.matches.set_matches(matches, more=more)
        self._place()

    def show_refusal(self, asked: str, sentence: str) -> None:
        """The look-up said no (too short, wrong check digit): the sentence stands in the list's place."""
        if asked == self.text() and asked:
            self._enter_waits = False
            self.matches.say(sentence)
            self._place()

    def leave(self) -> None:
        """Empty the box and close the list."""
        self.clear()
        self.matches.hide()
        self._enter_waits = False

    def resizeEvent(self, event: object) -> None:
        """Keep the key's words at the right end."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        size = self._cap.sizeHint()
        self._cap.setGeometry(self.width() - size.width() - 12, 0, size.width(), self.height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move in the list, choose, open; everything else is typing."""
        key = event.key()
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            if not event.isAutoRepeat():
                self._enter()
        elif key == Qt.Key.Key_Escape:
            event.accept()
            if self.text() or self.matches.isVisible():
                self.leave()
            else:
                self.left.emit()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self.matches.isVisible():
            event.accept()
            self.matches.move_mark(1 if key == Qt.Key.Key_Down else -1)
        elif alt and event.text().isdigit() and self.matches.isVisible():
            event.accept()
            if not event.isAutoRepeat():
                self.matches.take(int(event.text()))
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The list goes with the focus; what was typed stays."""
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.ActiveWindowFocusReason:
            self.matches.hide()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Mark what was typed so that the next customer's number replaces it; the list's lines are made before its key."""
        super().focusInEvent(event)
        self.selectAll()
        self.matches.prepare()

    def _typed(self, text: str) -> None:
        self._cap.setVisible(not text)
        self._enter_waits = False
        if text.strip():
            self.search_asked.emit(text)
        else:
            self.matches.hide()

    def _enter(self) -> None:
        if not self.text().strip():
            return
        if self._answered_for == self.text() and self.matches.isVisible():
            self.matches.take_marked()
        else:
            self._enter_waits = True
            self.search_asked.emit(self.text())

    def _open(self, match: Match) -> None:
        self.leave()
        self.opened.emit(match)

    def _place(self) -> None:
        corner = self.mapTo(self._canvas, QPoint(0, self.height() + 4))
        self.matches.setFixedWidth(max(self.width(), self.matches.sizeHint().width(), MATCHES_WIDTH))
        self.matches.move(corner)
        self.matches.adjustSize()
        self.matches.show()
        self.matches.raise_()


class MatchList(QFrame):
    """The matches under the entry box: number, masked title, detail, kind. `chosen(object)` carries the `Match`."""

    chosen = Signal(object)

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.setProperty("look", "popup")
        self._matches: tuple[Match, ...] = ()
        self._marked = 0
        self._lines: list[_MatchLine] = []
        self._body = QVBoxLayout(self)
        self._body.setContentsMargins(6, 6, 6, 6)
        self._body.setSpacing(2)
        self._foot = label("", "soft", wrap=True)
        self._foot.setContentsMargins(8, 4, 8, 4)
        self._body.addWidget(self._foot)
        self.hide()

    def prepare(self) -> None:
        """Make all lines with their look, if that is still to be done: it takes longer than all the rest of a search."""
        self.ensurePolished()
        while len(self._lines) < MOST_SHOWN:
            line = _MatchLine(len(self._lines) + 1)
            line.hide()
            line.pressed.connect(self.take)
            self._body.insertWidget(len(self._lines), line)
            for part in (line, *line.findChildren(QWidget)):
                part.ensurePolished()
            self._lines.append(line)

    def set_matches(self, matches: Sequence[Match], *, more: bool = False) -> None:
        """Show up to nine matches, the first one marked."""
        self.prepare()
        self._matches = tuple(matches[:MOST_SHOWN])
        for place, line in enumerate(self._lines):
            line.setVisible(place < len(self._matches))
            if place < len(self._matches):
                line.set_match(self._matches[place])
        self._mark(0)
        if not self._matches:
            self._foot.setText("没有找到，请核对后重新输入。")
        elif more or len(matches) > MOST_SHOWN:
            self._foot.setText("还有更多，请继续输入缩小范围。\nEnter 打开 ・ Alt+数字 选择 ・ Esc 关闭")
        else:
            self._foot.setText("Enter 打开 ・ Alt+数字 选择 ・ Esc 关闭")

    def say(self, sentence: str) -> None:
        """A sentence instead of matches."""
        self.set_matches(())
        self._foot.setText(sentence)

    def move_mark(self, step: int) -> None:
        """Mark the next or the previous match."""
        if self._matches:
            self._mark((self._marked + step) % len(self._matches))

    def take_marked(self) -> None:
        """Choose the marked match."""
        self.take(self._marked + 1)

    def take(self, number: int) -> None:
        """Choose the n-th match (from 1); nothing happens when there is none."""
        if 1 <= number <= len(self._matches):
            self.chosen.emit(self._matches[number - 1])

    def _mark(self, place: int) -> None:
        self._marked = place
        for at, line in enumerate(self._lines):
            set_look(line, "note_plain" if at == place else "popup_line")


class _MatchLine(QFrame):
    pressed = Signal(int)

    def __init__(self, number: int) -> None:
        super().__init__()
        self.setProperty("look", "popup_line")
        self._number = number
        self._title = label("", "strong")
        self._detail = label("", "soft")
        self._kind = label("", "soft")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(label(str(number), "cap"))
        layout.addWidget(self._title)
        layout.addWidget(self._detail, 1)
        layout.addWidget(self._kind)

    def set_match(self, match: Match) -> None:
        self._title.setText(match.title)
        self._detail.setText(match.detail)
        self._kind.setText(match.kind)

    def mousePressEvent(self, _event: QMouseEvent) -> None:
        self.pressed.emit(self._number)
