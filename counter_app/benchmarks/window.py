"""The window never sticks: the demo day with slow devices, in a child whose event loop is watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from counter_app.benchmarks.figures import FOLDER, ROOT, Figure, Tell

_MOST_EVENT_MS, _MOST_LATE_MS = 30.0, 50.0
_TIMEOUT_S = 600.0


def measure(tell: Tell, *, quick: bool) -> Iterator[Figure]:
    """Longest event of the whole day, and how late a timer came above an idle window; best of the days played."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    days = []
    for number in range(1 if quick else 2):
        tell(f"playing the demo day with slow devices, {number + 1}")
        with tempfile.TemporaryDirectory(dir=FOLDER, prefix="day-") as folder:
            said = subprocess.run(
                [sys.executable, "-m", "counter_app.benchmarks.played_day", folder],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                check=True,
                cwd=ROOT,
                env={"QT_QPA_PLATFORM": "offscreen", **os.environ},
                timeout=_TIMEOUT_S,
            ).stdout
        played = json.loads(said.splitlines()[-1])
        if played["wrong"]:
            raise RuntimeError(f"the day was not played as it should: {played['wrong']}")
        days.append(played)
    best = min(days, key=lambda played: played["longest"][0][0])
    worst_three = ", ".join(f"{what} {cpu_s * 1000:.0f} ms" for cpu_s, what in best["longest"][:3])
    yield Figure(
        "window.longest_event",
        best["longest"][0][0] * 1000,
        "ms",
        _MOST_EVENT_MS,
        f"own processor time, {best['events']} events of the demo day: {worst_three}",
    )
    best = min(days, key=lambda played: played["late_s"] - played["idle_late_s"])
    yield Figure(
        "window.ping_p99_9",
        max(0.0, best["late_s"] - best["idle_late_s"]) * 1000,
        "ms",
        _MOST_LATE_MS,
        f"{best['pings']} pings {best['late_s'] * 1000:.1f} ms late, idle {best['idle_late_s'] * 1000:.1f} ms",
    )
