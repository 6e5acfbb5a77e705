"""How long the UI thread was busy with each event, and how late a timer came.

Your line belongs here if it watches an event loop; what is played in front of it belongs elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, QThread, QTimer
from PySide6.QtWidgets import QApplication, QScrollArea

PING_EVERY_MS = 5


@dataclass(frozen=True, slots=True)
class Busy:
    """One event with the processor time of the UI thread that it took, whatever it sent to others included."""

    cpu_s: float
    what: str


class OwnTime:
    """How long the UI thread was busy with neither the program nor waiting for it: the clerk who is played looks and
    checks. No real clerk takes the window's thread, so this is no lateness of the program's.
    """

    def __init__(self) -> None:
        self._sum_s = 0.0
        self._since_s: float | None = None

    @property
    def sum_s(self) -> float:
        """Until now, in seconds."""
        return self._sum_s + (0.0 if self._since_s is None else time.perf_counter() - self._since_s)

    def begin(self) -> None:
        """What runs from here on is the player's."""
        if self._since_s is None:
            self._since_s = time.perf_counter()

    def end(self) -> None:
        """What runs from here on is the program's, or its event loop."""
        self._sum_s, self._since_s = self.sum_s, None


@dataclass
class _Running:
    loop_level: int
    started_s: float
    elsewhere_s: float = 0.0


class ProbedApplication(QApplication):
    """The application with a watch on every event it delivers.

    Events that an event delivers itself (a show that lays out children) belong to it; those of an event loop that it
    starts are events of their own and do not count for it. `during` is what the notes say was going on.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self.longest: list[Busy] = []
        self.events = 0
        self.during = ""
        self.own = OwnTime()
        self._thread = QThread.currentThread()
        self._running: list[_Running] = []
        # Last: the application delivers events while it is being made.
        super().__init__(list(arguments))
        # To hand over the first widget that Qt made by itself, PySide makes the classes of all of its kin: 30 ms of the
        # watch's own, since without it nobody asks for such widgets.
        QScrollArea().viewport()
        self.longest.clear()
        self.events = 0

    def notify(self, receiver: QObject, event: QEvent) -> bool:
        """Deliver one event and note how long it took."""
        level = self._thread.loopLevel()
        outer = self._running[-1] if self._running else None
        if outer is not None and outer.loop_level == level:
            return super().notify(receiver, event)
        # Names are asked for before: the receiver may be gone afterwards.
        kind = event.type()
        player_runs = outer is None and level == 0
        if player_runs:  # it presses a key
            self.own.end()
        running = _Running(level, time.thread_time())
        self._running.append(running)
        try:
            return super().notify(receiver, event)
        finally:
            self._running.pop()
            whole_s = time.thread_time() - running.started_s
            if outer is not None:
                outer.elsewhere_s += whole_s
            self.events += 1
            self._note(whole_s - running.elsewhere_s, kind, receiver)
            if player_runs:
                self.own.begin()

    def _note(self, cpu_s: float, kind: QEvent.Type, receiver: QObject) -> None:
        if len(self.longest) < _KEPT or cpu_s > self.longest[-1].cpu_s:
            name = f"{kind.name} to {type(receiver).__name__} in {self.during}"
            self.longest.append(Busy(cpu_s, name))
            self.longest.sort(key=lambda busy: -busy.cpu_s)
            del self.longest[_KEPT:]


_KEPT = 8


class Ping(QObject):
    """A timer that asks for its turn every few milliseconds; `late_s` holds how much later each turn came.

    Of that is taken off what the player itself took the thread for in between (`own`).
    """

    def __init__(self, own: OwnTime) -> None:
        super().__init__()
        self._own = own
        self.late_s: list[float] = []
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(PING_EVERY_MS)
        self._timer.timeout.connect(self._turn)
        self._last_s = self._last_own_s = 0.0

    def start(self) -> None:
        """Begin anew."""
        self.late_s = []
        self._last_s, self._last_own_s = time.perf_counter(), self._own.sum_s
        self._timer.start()

    def stop(self) -> list[float]:
        """How late every turn came, in seconds."""
        self._timer.stop()
        return self.late_s

    def _turn(self) -> None:
        now_s, own_s = time.perf_counter(), self._own.sum_s
        others_s = now_s - self._last_s - (own_s - self._last_own_s)
        self.late_s.append(max(0.0, others_s - PING_EVERY_MS / 1000))
        self._last_s, self._last_own_s = now_s, own_s
