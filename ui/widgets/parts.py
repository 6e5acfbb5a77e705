"""Plain building blocks of every page: panel, title, badge, lines that tell what happened or what is awaited.

Your line belongs here if a widget only shows something and takes no typed value.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from counter_app.domain.waiting import CancelToken
from ui import texts
from ui.theme import set_look

if TYPE_CHECKING:
    from counter_app.domain.views import LastTransactionView, Tone


def label(text: str = "", look: str = "", *, wrap: bool = False) -> QLabel:
    """A plain-text label; `look` names its style (`soft`, `strong`, `title` …)."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if look:
        made.setProperty("look", look)
    return made


def button(text: str, look: str = "", pressed: Callable[[], object] | None = None) -> QPushButton:
    """A button with words (the key on it belongs to the words: `收款并打印 Enter`)."""
    made = QPushButton(text)
    if look:
        made.setProperty("look", look)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    if pressed is not None:
        made.clicked.connect(lambda _checked=False: pressed())
    return made


def row(*parts: QWidget | QBoxLayout | int | None, spacing: int = 8) -> QHBoxLayout:
    """Widgets side by side; None stretches, an int is a gap in pixels."""
    layout = QHBoxLayout()
    _fill(layout, parts, spacing)
    return layout


def column(*parts: QWidget | QBoxLayout | int | None, spacing: int = 8) -> QVBoxLayout:
    """Widgets one below the other; None stretches, an int is a gap in pixels."""
    layout = QVBoxLayout()
    _fill(layout, parts, spacing)
    return layout


def _fill(layout: QBoxLayout, parts: Sequence[QWidget | QBoxLayout | int | None], spacing: int) -> None:
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for part in parts:
        if part is None:
            layout.addStretch(1)
        elif isinstance(part, int):
            layout.addSpacing(part)
        elif isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)


class Panel(QFrame):
    """A white box with a 1 px line, radius 8 and padding 16; add widgets to `body`."""

    def __init__(self, heading: str = "", *, spacing: int = 8) -> None:
        super().__init__()
        self.setProperty("look", "panel")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 16, 16, 16)
        self.body.setSpacing(spacing)
        if heading:
            self.body.addWidget(label(heading, "strong"))

    def add(self, *parts: QWidget | QBoxLayout | int | None) -> None:
        """Append parts below each other; None stretches, an int is a gap in pixels."""
        for part in parts:
            if part is None:
                self.body.addStretch(1)
            elif isinstance(part, int):
                self.body.addSpacing(part)
            elif isinstance(part, QWidget):
                self.body.addWidget(part)
            else:
                self.body.addLayout(part)


class OneOf(QWidget):
    """Several widgets of which one is in sight, as high as that one needs (a stack is as high as its highest).

    Each is made by its factory when it is first shown, so a page costs what it shows.
    """

    def __init__(self, **makers: Callable[[], QWidget]) -> None:
        super().__init__()
        self._makers = makers
        self._made: dict[str, QWidget] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.name = ""
        """The name of the one in sight; empty at first."""

    def get(self, name: str) -> QWidget:
        """One of the widgets, made now if it is its first time."""
        if name not in self._made:
            made = self._made[name] = self._makers[name]()
            made.hide()
            self._column.addWidget(made)
        return self._made[name]

    def show_only(self, name: str) -> QWidget:
        """Bring one into sight."""
        wanted = self.get(name)
        for widget in self._made.values():
            widget.setVisible(widget is wanted)
        self.name = name
        return wanted


class PageTitle(QWidget):
    """A page's heading: title, the line below it, and at the right end of that line a second text or a widget."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._line = label("", "soft", wrap=True)
        self._aside = label("", "soft")
        self.title = label(title, "title")
        self._right = QHBoxLayout()
        self._right.setContentsMargins(0, 0, 0, 0)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        left = column(self.title, self._below(), spacing=4)
        layout.addLayout(left, 1)
        layout.addLayout(self._right)

    def _below(self) -> QHBoxLayout:
        below = row(self._line, self._aside, spacing=16)
        below.setStretch(0, 1)
        return below

    def set_line(self, text: str) -> None:
        """The line under the title: who and what this page is about."""
        self._line.setText(text)

    def set_aside(self, text: str) -> None:
        """The text at the right end, e.g. `挂起当前客户 Ctrl+P ・ 已挂起 1 位`."""
        self._aside.setText(text)

    def add_right(self, widget: QWidget) -> None:
        """Put a widget (a primary button, say) beside the heading."""
        self._right.addWidget(widget)


class Badge(QLabel):
    """A short word on a coloured ground."""

    def __init__(self, text: str = "", tone: Tone = "plain") -> None:
        super().__init__(text)
        self.setProperty("look", f"badge_{tone}")
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)

    def show_state(self, text: str, tone: Tone) -> None:
        """Change word and tone together."""
        self.setText(text)
        set_look(self, f"badge_{tone}")


class Note(QFrame):
    """A sentence on a coloured ground that stays where it is, e.g. a warning about the customer."""

    def __init__(self, text: str = "", tone: Tone = "warn") -> None:
        super().__init__()
        self.setProperty("look", f"note_{tone}")
        self._text = label(text, "small", wrap=True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.addWidget(self._text)

    def say(self, text: str, tone: Tone = "warn") -> None:
        """Change sentence and tone; an empty sentence hides the note."""
        self._text.setText(text)
        set_look(self, f"note_{tone}")
        self.setVisible(bool(text))

    @property
    def text(self) -> str:
        """The sentence that stands here."""
        return self._text.text()


class ResultLine(QFrame):
    """What became of the last action: sign, sentence and colour, and at most one thing to do about it.

    It takes no room while it has nothing to say. Every page has exactly one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sign = label("", "strong")
        self._text = label("", wrap=True)
        self._action = button("", "panel")
        self._act: Callable[[], object] | None = None
        self._action.clicked.connect(self._acted)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(8)
        layout.addWidget(self._sign)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._action)
        self.tone: Tone = "plain"
        self.clear()

    @property
    def text(self) -> str:
        """The sentence that stands here; empty when the line is clear."""
        return self._text.text()

    def say(
        self, tone: Tone, sentence: str, action: str = "", act: Callable[[], object] | None = None
    ) -> None:
        """Show a sentence; `action` is the words of the button that calls `act` (retry, say); Alt+Enter presses it."""
        self.tone = tone
        self._sign.setText(texts.SIGNS[tone])
        self._text.setText(sentence)
        set_look(self, f"note_{tone}")
        for part in (self._sign, self._text):
            part.style().unpolish(part)
            part.style().polish(part)
        self._act = act
        self._action.setText(f"{action} Alt+Enter")
        self._action.setVisible(bool(action))
        self.show()

    def clear(self) -> None:
        """Nothing to say."""
        self._text.setText("")
        self._act = None
        self._action.hide()
        self.hide()

    def press(self) -> None:
        """Alt+Enter: what there is to be done about it, if anything."""
        if self._act is not None:
            self._acted()

    def _acted(self) -> None:
        act = self._act
        self.clear()
        if act is not None:
            act()


class BusyLine(QFrame):
    """What is being waited for, since how many seconds, and that Esc ends it when it can be ended.

    `begin` shows it at once; nothing is animated, so a waiting window costs nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "note_plain")
        self._text = label("", wrap=True)
        self._stay = label("等待结束后才能换页", "strong")
        self._seconds = label("", "small")
        self._cancel = button("取消 Esc", "panel", self.cancel)
        self._token: CancelToken | None = None
        self._since = 0.0
        self._tick = QTimer(self)
        self._tick.setInterval(1000)
        self._tick.timeout.connect(self._show_seconds)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.addWidget(label("…", "strong"))
        layout.addWidget(self._text, 1)
        layout.addWidget(self._stay)
        layout.addWidget(self._seconds)
        layout.addWidget(self._cancel)
        self.hide()

    def begin(self, text: str = "正在处理…", cancel: CancelToken | None = None) -> None:
        """Show the wait. With `cancel` Esc and the button set it."""
        self._token = cancel
        self._stay.hide()
        self._text.setText(text)
        self._cancel.setVisible(cancel is not None)
        self._cancel.setEnabled(True)
        self._since = time.monotonic()
        self._seconds.setText("")
        self._tick.start()
        self.show()

    def say(self, text: str) -> None:
        """A progress line; call through `on_ui` from a lane."""
        if self.busy:
            self._text.setText(text)

    def insist(self) -> None:
        """Another page was asked for while something is awaited: say why nothing happens."""
        self._stay.show()

    def cancel(self) -> bool:
        """Ask the awaited call to stop. False when nothing is awaited or it cannot be stopped."""
        if self._token is None:
            return False
        self._token.cancel()
        self._cancel.setEnabled(False)
        self._text.setText("正在取消…")
        return True

    def end(self) -> None:
        """The wait is over."""
        self._tick.stop()
        self._token = None
        self.hide()

    @property
    def busy(self) -> bool:
        """Whether something is awaited."""
        return self._tick.isActive()

    def _show_seconds(self) -> None:
        self._seconds.setText(f"已等 {int(time.monotonic() - self._since)} 秒")


class LastTransactionBar(QFrame):
    """The last transaction with its change; it stays until the next one is done. `reprint_asked`: Alt+P was pressed."""

    reprint_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "panel")
        self._when = label("", "good")
        self._what = label("", "soft")
        self._change = label("", "soft")
        self._receipt = label("", "soft")
        self._reprint = button("补打 Alt+P", "quiet", self.reprint_asked.emit)
        self._reprint.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 7, 16, 7)
        layout.setSpacing(18)
        for part in (self._when, self._what, self._change, self._receipt):
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addWidget(self._reprint)
        self.set_last(None)

    def set_last(self, last: LastTransactionView | None) -> None:
        """Show the last transaction; None when this shift has none yet."""
        if last is None:
            self._when.setText("")
            self._what.setText("本班还没有办理业务")
            self._change.setText("")
            self._receipt.setText("")
        else:
            self._when.setText(f"{texts.SIGNS['good']} 上一笔 {last.time_text}")
            self._what.setText(last.what)
            self._change.setText(
                "" if last.change_fen is None else f"找零 {texts.shown_money(last.change_fen)}"
            )
            paper = {None: "正在打印", True: "已打印", False: "未打印"}[last.printed]
            self._receipt.setText(f"凭证 {last.receipt_no} {paper}")
            set_look(self._receipt, "warn" if last.printed is False else "soft")
        self._reprint.setVisible(last is not None)
        for part in (self._when, self._change, self._receipt):
            part.setVisible(bool(part.text()))


StepState = Literal["done", "now", "open"]


class StepBar(QFrame):
    """The steps of a longer piece of work, in order: done ones with ✓, the one at hand marked, later ones numbered."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "panel")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(1, 1, 1, 1)
        self._row.setSpacing(0)
        self._cells: list[tuple[QFrame, QLabel]] = []

    def set_steps(self, steps: Sequence[tuple[str, StepState]]) -> None:
        """Show these steps."""
        while len(self._cells) < len(steps):
            cell = QFrame()
            text = label()
            inner = QHBoxLayout(cell)
            inner.setContentsMargins(12, 8, 12, 8)
            inner.addWidget(text)
            self._row.addWidget(cell, 1)
            self._cells.append((cell, text))
        for number, (cell, text) in enumerate(self._cells, start=1):
            cell.setVisible(number <= len(steps))
            if number > len(steps):
                continue
            words, state = steps[number - 1]
            last = number == len(steps)
            text.setText(f"✓ {words}" if state == "done" else f"{number} {words}")
            set_look(text, f"step_{state}")
            set_look(cell, ("step_now_last" if state == "now" else "step_last") if last else f"step_{state}")
