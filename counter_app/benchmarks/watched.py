"""What the benchmark's child processes run: an empty window, or the real program with somebody watching it.

Nothing in the program knows of this. `python -m counter_app.benchmarks.watched empty` and `… program SETTINGS
[STAFF_NO PASSWORD]` say in lines on standard output what has been reached, then end by themselves.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

if TYPE_CHECKING:
    from counter_app.bootstrap import Program
    from counter_app.settings import Settings

WINDOW_SIZE = (1366, 768)


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
    for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
        key = QKeyEvent(kind, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r")
        QApplication.postEvent(widget, key)


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
    from counter_app import __main__, bootstrap

    first_window = bootstrap.first_window

    def watched(settings: Settings) -> Program:
        started = first_window(settings)
        _watch(started, staff_no, password)
        return started

    bootstrap.first_window = watched
    return __main__.main(["--settings", settings_path])


def _watch(started: Program, staff_no: str, password: str) -> None:
    window = started.window
    page = window.sign_in
    pressed_s: list[float] = []

    def ready() -> None:
        say("ready")
        if not staff_no:
            window.close()
            return
        page.staff_no.setText(staff_no)
        page.password.setText(password)
        pressed_s.append(time.perf_counter())
        press_enter(page.password)

    def shown(_name: str) -> None:
        shown_page: Any = window.page
        Once(shown_page, QEvent.Type.Paint, first_page)

    def first_page() -> None:
        say(f"first_page {time.perf_counter() - pressed_s[0]:.6f}")
        window.close()

    Once(page, QEvent.Type.Paint, lambda: say("painted"))
    Once(page.enter, QEvent.Type.EnabledChange, ready, page.enter.isEnabled)
    window.page_shown.connect(shown)


if __name__ == "__main__":
    if sys.argv[1] == "empty":
        sys.exit(empty())
    sys.exit(program(*sys.argv[2:]))
