"""The one place that shows trouble, and the hooks through which a bug gets there.

Your line belongs here if it decides how an exception looks to the clerk. Four kinds: a rule's no stands on the page, the
world's trouble stands there with advice and a retry, a cancelled wait is silent, and anything else is a bug: it is
logged, told in a dialog, and the pages that move money stay locked until the program is started again.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

from counter_app.domain.errors import Cancelled, Refused, Trouble
from ui.lanes import on_ui
from ui.widgets.parts import ResultLine

log = logging.getLogger(__name__)

HARMLESS_QT_MESSAGE = "This plugin does not support propagateSizeHints()"
"""Said by the offscreen platform at each window; the only Qt message that means nothing."""


class TroubleRouter(QObject):
    """Shows every trouble. `bug_found(str)` carries the text for the crash dialog; it is emitted once per bug.

    After the first bug `money_locked` is True for the rest of the program's life.
    """

    bug_found = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.money_locked = False
        self.line_in_sight: Callable[[], ResultLine | None] = lambda: None
        """Gives the result line of the page in sight, for trouble that no page has caught."""
        self._before: tuple[object, object, object] | None = None
        self._carry = on_ui(self._uncaught)

    def show(
        self, error: BaseException, line: ResultLine | None, again: Callable[[], object] | None = None
    ) -> None:
        """Show one error on a page's line (UI thread only). `again` is offered when trying again makes sense."""
        if isinstance(error, Cancelled):
            if line is not None:
                line.clear()
            return
        if not isinstance(error, Trouble):
            self.report_bug(error)
            return
        if isinstance(error, Refused):
            log.info("refused: %s", error.reason.name)
        else:
            log.warning("%s: %s", type(error).__name__, error)
        if line is None:
            return
        if isinstance(error, Refused):
            line.say("warn", error.sentence())
        elif again is not None:
            line.say("bad", error.sentence(), "再试一次", again)
        else:
            line.say("bad", error.sentence())

    def report_bug(self, error: BaseException) -> None:
        """Log a bug with its traceback, lock the money pages, and tell the clerk (UI thread only)."""
        log.critical("unexpected error", exc_info=error)
        self.money_locked = True
        self.bug_found.emit(f"{type(error).__name__}: {error}"[:300])

    def install(self) -> None:
        """Take over the hooks of interpreter, threads and Qt; `remove` gives them back."""
        self._before = (sys.excepthook, threading.excepthook, qInstallMessageHandler(log_qt_message))
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    def remove(self) -> None:
        """Give the hooks back to whoever had them before `install`."""
        if self._before is not None:
            sys.excepthook, threading.excepthook, handler = self._before  # type: ignore[assignment]
            qInstallMessageHandler(handler)  # type: ignore[arg-type]
            self._before = None

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt | SystemExit):
            sys.__excepthook__(kind, error, trace)
            return
        self._carry(error)

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            self._carry(args.exc_value)

    def _uncaught(self, error: BaseException) -> None:
        self.show(error, self.line_in_sight())


def log_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    """Qt's own messages go to the program's log with Qt's severity."""
    if message == HARMLESS_QT_MESSAGE:
        return
    level = {QtMsgType.QtDebugMsg: logging.DEBUG, QtMsgType.QtInfoMsg: logging.INFO}.get(
        kind, logging.WARNING if kind == QtMsgType.QtWarningMsg else logging.ERROR
    )
    logging.getLogger("qt").log(level, "%s (%s)", message, context.category or "qt")
