"""What the benchmark's child processes run: an empty window, or the real program with somebody watching it.

Nothing in the program knows of this. `python -m counter_app.benchmarks.watched empty` and `… program SETTINGS
[STAFF_NO PASSWORD]` or `… rows SETTINGS STAFF_NO PASSWORD`
say in lines on standard output what has been reached, then end by themselves.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

if TYPE_CHECKING:
    from counter_app.bootstrap import Program

WINDOW_SIZE = (1366, 768)
KEY_MS = 50
"""Between two keys of the sign-in: twenty a second, which nobody types."""
REST_MS = 30


def say(text: str) -> None:
    """One line to the process that measures, unbuffered."""
    os.write(1, f"{text}\n".encode())


class Once(QObject):
    """Calls `then` once, as soon as `widget` has had an event of this type and that event's round is over."""

    def __init__(
        self,
        widget: QWidget,
        kind: QEvent.Type,
        then: Callable[[], object],
        when: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(widget)
        self._widget, self._kind, self._then, self._when = widget, kind, then, when
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Filter nothing."""
        if watched is self._widget and event.type() == self._kind and self._when():
            self._widget.removeEventFilter(self)
            QTimer.singleShot(0, self._then)
        return False


def press_enter(widget: QWidget) -> None:
    """Post the Enter key to a widget as a keyboard would."""
    QApplication.postEvent(widget, key_press(Qt.Key.Key_Return, "\r"))


def key_press(key: Qt.Key, text: str) -> QKeyEvent:
    """One key going down."""
    return QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, text)


def empty() -> int:
    """A window with nothing in it, until it is painted; the exit status."""
    application = QApplication(sys.argv[:1])
    widget = QWidget()
    widget.resize(*WINDOW_SIZE)

    def painted() -> None:
        say("painted")
        application.quit()

    Once(widget, QEvent.Type.Paint, painted)
    widget.show()
    return application.exec()


def program(settings_path: str, staff_no: str = "", password: str = "") -> int:
    """The real program until its sign-in page is painted and ready; with a person, until the first page is painted."""

    def ready(started: Program) -> None:
        say("ready")
        if not staff_no:
            started.window.close()
            return
        pressed_s = 0.0

        def enter() -> None:
            nonlocal pressed_s
            pressed_s = time.perf_counter()

        def first_page() -> None:
            say(f"first_page {time.perf_counter() - pressed_s:.6f}")
            started.window.close()

        _sign_in(started, staff_no, password, first_page, enter)

    return _run(settings_path, ready)


def rows(settings_path: str, staff_no: str, password: str) -> int:
    """The real program with a clerk who types each text of a JSON list on standard input into the entry box.

    For each text the time from its last key to the painted list.
    """
    texts = json.load(sys.stdin)

    def ready(started: Program) -> None:
        _sign_in(started, staff_no, password, lambda: _Typist(started, texts).begin())

    return _run(settings_path, ready)


def _run(settings_path: str, ready: Callable[[Program], None]) -> int:
    """The program's own main, with `ready` called when its sign-in page can be used."""
    from counter_app import __main__, bootstrap

    first_window = bootstrap.first_window

    def watched(*arguments: Any) -> Program:
        started = first_window(*arguments)
        page = started.window.sign_in
        Once(page, QEvent.Type.Paint, lambda: say("painted"))
        Once(page.enter, QEvent.Type.EnabledChange, lambda: ready(started), page.enter.isEnabled)
        return started

    bootstrap.first_window = watched  # type: ignore[assignment]
    return __main__.main(["--settings", settings_path])


def _sign_in(
    started: Program,
    staff_no: str,
    password: str,
    then: Callable[[], None],
    on_enter: Callable[[], None] = lambda: None,
) -> None:
    """Type a person into the sign-in page and press Enter (`on_enter`); `then` once the first page is painted."""
    window = started.window

    def shown(_name: str) -> None:
        window.page_shown.disconnect(shown)
        assert window.page is not None
        Once(window.page, QEvent.Type.Paint, then)

    window.page_shown.connect(shown)
    entries = {window.sign_in.staff_no: staff_no, window.sign_in.password: password}
    keys = collections.deque((entry, char) for entry, typed in entries.items() for char in typed)
    typing = QTimer(window)

    def next_key() -> None:
        if keys:
            entry, char = keys.popleft()
            QApplication.sendEvent(entry, key_press(Qt.Key(ord(char.upper())), char))
            return
        typing.stop()
        on_enter()
        press_enter(window.sign_in.password)

    typing.timeout.connect(next_key)
    typing.start(KEY_MS)


class _Typist:
    """Types text after text into the entry box, key by key, while the counter is at work."""

    def __init__(self, started: Program, texts: Sequence[str]) -> None:
        assert started.window.frame is not None
        assert started.desks is not None
        self._window = started.window
        self._box = started.window.frame.header.entry_box
        self._waiting = collections.deque(texts)
        self._text = ""
        self._pressed_s = 0.0
        self._beside = contextlib.ExitStack()
        self._database = started.desks.at.database

    def begin(self) -> None:
        """Start the work beside it, then type."""
        from counter_app.benchmarks import load

        self._beside.enter_context(load.beside(self._database))
        self._box.setFocus()
        self._next()

    def _next(self) -> None:
        self._box.clear()
        if not self._waiting:
            self._beside.close()
            self._window.close()
            return
        self._text = self._waiting.popleft()
        for char in self._text:
            self._pressed_s = time.perf_counter()
            if char.isascii():
                QApplication.sendEvent(self._box, key_press(Qt.Key(ord(char.upper())), char))
            else:
                committed = QInputMethodEvent()
                committed.setCommitString(char)
                QApplication.sendEvent(self._box, committed)
        Once(self._box.matches, QEvent.Type.Paint, self._painted, self._answered)

    def _answered(self) -> bool:
        return self._box.matches.isVisible() and self._box.text() == self._text

    def _painted(self) -> None:
        say(f"rows {time.perf_counter() - self._pressed_s:.6f}")
        # Between two customers everything comes to rest.
        QTimer.singleShot(REST_MS, self._next)


if __name__ == "__main__":
    children: dict[str, Callable[..., int]] = {"empty": empty, "program": program, "rows": rows}
    sys.exit(children[sys.argv[1]](*sys.argv[2:]))
