"""The one way off the UI thread and back: a lane is one worker thread with a queue.

Your line belongs here if it carries a call to another thread or an answer back to the window. Desk, look, printer and
every port are instances of `Lane`; nothing else in the program starts a thread for a page. Callbacks always run on the
UI thread, in the order in which the calls ended; widgets are read before `submit` and written in `done`.
"""

from __future__ import annotations

import collections
import logging
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal, Slot

from counter_app.domain.errors import Cancelled
from counter_app.domain.waiting import CancelToken

log = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")

Failed = Callable[[BaseException], None]
"""Receives, on the UI thread, whatever the call raised."""


class _Ferry(QObject):
    """Lives on the UI thread; a queued signal carries calls to it from any thread."""

    arrived = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.arrived.connect(self._run, Qt.ConnectionType.QueuedConnection)

    @Slot(object)
    def _run(self, call: Callable[[], None]) -> None:
        call()


def _ferry() -> _Ferry:
    """The program's ferry, made on first use (on the UI thread) and owned by the application."""
    application = QCoreApplication.instance()
    if application is None:
        raise RuntimeError("lanes need a running QCoreApplication")
    found = application.findChild(_Ferry, "", Qt.FindChildOption.FindDirectChildrenOnly)
    return found if isinstance(found, _Ferry) else _Ferry(application)


def on_ui(call: Callable[P, Any]) -> Callable[P, None]:
    """Wrap `call` so that any thread may call it: it runs on the UI thread, later, in order.

    Made for progress lines: `desk.pay(request, progress=on_ui(busy.say))`. Call `on_ui` itself on the UI thread.
    """
    ferry = _ferry()

    def carried(*args: P.args, **kwargs: P.kwargs) -> None:
        ferry.arrived.emit(lambda: call(*args, **kwargs))

    return carried


class Job:
    """One call on its way: waiting, running or ended. Made by `Lane.submit` only."""

    def __init__(
        self,
        call: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Failed | None,
        cancel: CancelToken | None,
        newest_of: str | None,
    ) -> None:
        self._call = call
        self._done = done
        self._failed = failed
        self._token = cancel
        self._newest_of = newest_of
        self._dropped = False
        self.ended = False
        """True once `done` or `failed` was called, or never will be (UI thread only)."""

    def cancel(self) -> None:
        """Ask the call to stop: its token is set. A job still waiting answers `Cancelled` when its turn comes."""
        if self._token is not None:
            self._token.cancel()

    def drop(self) -> None:
        """Nobody wants the answer any more: neither `done` nor `failed` will be called."""
        self._dropped = True
        self.ended = True

    def _answer(self, result: Any, trouble: BaseException | None) -> None:
        if self._dropped:
            if trouble is not None and not isinstance(trouble, Cancelled):
                log.warning("a dropped call failed", exc_info=trouble)
            return
        self.ended = True
        if trouble is None:
            self._done(result)
        elif self._failed is not None:
            self._failed(trouble)
        else:
            raise trouble


class Lane:
    """One worker thread and its queue. `name` is the thread's name in logs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._ferry = _ferry()
        self._waiting: collections.deque[Job] = collections.deque()
        self._running: Job | None = None
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name=f"lane-{name}", daemon=True)
        self._thread.start()

    def submit(
        self,
        call: Callable[[], T],
        done: Callable[[T], None],
        failed: Failed | None = None,
        *,
        cancel: CancelToken | None = None,
        newest_of: str | None = None,
    ) -> Job:
        """Run `call` on this lane; then `done(result)` or `failed(error)` on the UI thread.

        Without `failed` an error is raised on the UI thread and so reaches the crash hook: right for calls that
        have no known way to fail. `cancel` is the token that `call` itself tests; a job cancelled before its turn
        never starts and fails with `Cancelled`. `newest_of` names a group of which only the newest waiting call
        matters (`"search"`): an older one still waiting is dropped. Raises RuntimeError on a closed lane.
        """
        job = Job(call, done, failed, cancel, newest_of)
        with self._changed:
            if self._closing:
                raise RuntimeError(f"lane {self.name} is closed")
            if newest_of is not None:
                for older in [waiting for waiting in self._waiting if waiting._newest_of == newest_of]:
                    older.drop()
                    self._waiting.remove(older)
            self._waiting.append(job)
            self._changed.notify()
        return job

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing runs (answers may still be on their way)."""
        with self._changed:
            return self._running is None and not self._waiting

    def close(self, timeout_s: float) -> bool:
        """Drop what waits, cancel what runs, and join the thread. False if the running call did not end in time.

        No callback is called after this.
        """
        with self._changed:
            self._closing = True
            for job in self._waiting:
                job.drop()
            self._waiting.clear()
            if self._running is not None:
                self._running.drop()
                self._running.cancel()
            self._changed.notify()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.error("lane %s did not end within %.1f s", self.name, timeout_s)
            return False
        return True

    def _work(self) -> None:
        while True:
            with self._changed:
                self._running = None
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                job = self._running = self._waiting.popleft()
            result: Any = None
            trouble: BaseException | None = None
            try:
                if job._token is not None:
                    job._token.check()
                result = job._call()
            except BaseException as caught:  # noqa: BLE001 - whatever it is belongs to the page that asked
                trouble = caught
            self._ferry.arrived.emit(self._answer_of(job, result, trouble))
            del job, result, trouble

    def _answer_of(self, job: Job, result: Any, trouble: BaseException | None) -> Callable[[], None]:
        """A closure of its own for each job: the worker's loop variables change while the answer is on its way."""

        def answer() -> None:
            if self._closing:
                # It was on its way when the lane was closed: what it would ask next has nowhere to go.
                job.drop()
            job._answer(result, trouble)

        return answer
