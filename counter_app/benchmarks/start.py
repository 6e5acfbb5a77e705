"""Cold start ÷ the same for an empty PySide6 window; and the first page after sign-in.

Whole processes, timed from outside: from starting the interpreter to the line the child writes when the screen
shows what is meant. Children run in turn and the best of each counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from counter_app import demo_hall
from counter_app.benchmarks import halls
from counter_app.benchmarks.figures import ROOT, Figure, Tell

_MOST_PAINTED, _MOST_READY, _MOST_FIRST_PAGE_MS = 2.0, 4.0, 300.0
_TIMEOUT_S = 60.0


def measure(tell: Tell, *, quick: bool) -> Iterator[Figure]:
    """Sign-in page painted, ready for sign-in, first page painted."""
    settings = halls.demo(tell)
    person = next(row for row in demo_hall.demo_data()["staff"] if row["staff_no"] == halls.CLERK)
    tell("starting the program and an empty window in turn")
    empty_s: list[float] = []
    painted_s: list[float] = []
    ready_s: list[float] = []
    first_page_s: list[float] = []
    for _ in range(4 if quick else 12):
        empty_s.append(_timed("empty")["painted"])
        reached = _timed("program", str(settings))
        painted_s.append(reached["painted"])
        ready_s.append(reached["ready"])
        first_page_s.append(_timed("program", str(settings), halls.CLERK, person["password"])["first_page"])
    empty, painted, ready = min(empty_s), min(painted_s), min(ready_s)
    against = f"an empty window in {empty * 1000:.0f} ms"
    yield Figure(
        "start.sign_in_painted",
        painted / empty,
        "ratio",
        _MOST_PAINTED,
        f"{painted * 1000:.0f} ms to {against}",
    )
    yield Figure(
        "start.sign_in_ready", ready / empty, "ratio", _MOST_READY, f"{ready * 1000:.0f} ms to {against}"
    )
    yield Figure(
        "start.first_page",
        min(first_page_s) * 1000,
        "ms",
        _MOST_FIRST_PAGE_MS,
        "from Enter in the password to the painted top-up page, the password's check included",
    )


def _timed(*arguments: str) -> dict[str, float]:
    """What a child reached, in seconds since it was started (or as it says itself)."""
    command = [sys.executable, "-m", "counter_app.benchmarks.watched", *arguments]
    environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ}
    reached: dict[str, float] = {}
    started_s = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as child:
        assert child.stdout is not None
        # A child that never gets there would keep its end of the pipe open for ever.
        given_up = threading.Timer(_TIMEOUT_S, child.kill)
        given_up.start()
        try:
            for line in child.stdout:
                what, _, seconds = line.strip().partition(" ")
                reached[what] = float(seconds) if seconds else time.perf_counter() - started_s
            status = child.wait()
        finally:
            given_up.cancel()
            child.kill()
    if status != 0:
        raise RuntimeError(f"{' '.join(arguments)} ended with {status} after {reached}")
    return reached
