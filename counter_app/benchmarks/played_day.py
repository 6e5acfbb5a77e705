"""The demo day before a watched event loop: slow devices, no pictures. `python -m … FOLDER` prints one JSON object."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from counter_app import bootstrap
from counter_app.benchmarks.figures import percentile
from counter_app.benchmarks.ui_probe import OwnTime, Ping, ProbedApplication
from counter_app.commands import day, demo_counter
from counter_app.commands.day_player import Player

_IDLE_S = 10.0
_SHARE = 0.999
_SLOW = {
    "id-reader": ["--delay-s", "0.3"],
    "card-reader": ["--delay-s", "0.3"],
    "printer": ["--delay-s", "0.05"],
    "pos": ["--delay-s", "0.2", "--baud", "9600"],
}


class _SlowDevices(demo_counter.Simulators):
    """Devices that take their time over every answer."""

    def __init__(self, folder: Path, counter_no: int, receipts: Path) -> None:
        super().__init__(folder, counter_no, receipts)
        for kind, options in _SLOW.items():
            self._options[kind] = [*self._options.get(kind, []), *options]


class _WatchedPlayer(Player):
    """A player whose own looking and checking is told apart from what the program does with its thread."""

    own: OwnTime

    def let_run(self) -> None:
        """Everything outside of this and of the keys pressed is the player's own time."""
        self.own.end()
        super().let_run()
        self.own.begin()


def main(folder: Path) -> NoReturn:
    """Play every step once in `folder`, say what was seen, end the process."""
    application = ProbedApplication(sys.argv[:1])
    sizes = demo_counter.sizes_for(None)
    out = folder / "day"
    out.mkdir()
    hall = out / "hall"
    demo_counter.copy_hall(demo_counter.fresh_hall(demo_counter.DEMO_FOLDER, sizes, _tell), hall)
    with _SlowDevices(out, 1, out) as devices:
        program = bootstrap.first_window(demo_counter.counter_settings(hall, 1, devices.ports))
        try:
            program.window.resize(*day.WINDOW_SIZE)
            program.window.show()
            program.window.activateWindow()
            player = _WatchedPlayer(program, devices, sizes, out, pictures=False)
            player.own = application.own
            bootstrap.open_hall(program)
            said = _play(application, player)
        finally:
            program.close()
            program.window.troubles.remove()
    os.write(1, f"{json.dumps(said, ensure_ascii=False)}\n".encode())
    # Everything is closed. Taking the window apart under an overridden notify would run into half-deleted children.
    os._exit(0)


def _play(application: ProbedApplication, player: Player) -> dict[str, Any]:
    ping = Ping(application.own)
    wrong: list[str] = []
    application.own.begin()
    ping.start()
    for number, step in enumerate(day.STEPS, start=1):
        _tell(f"{number}/{len(day.STEPS)} {step.slug}")
        application.during = step.slug
        played = player.play(step, number)
        if not played.ok:
            wrong.append(f"{step.slug}: {played.why}")
            if player.window.frame is None:
                break
    played_late_s = ping.stop()
    longest, events = list(application.longest), application.events
    # The same window, the same machine, the same minute: only nothing happens.
    ping.start()
    end_s = time.monotonic() + _IDLE_S
    player.until(lambda: time.monotonic() > end_s, "time does not pass", 2 * _IDLE_S)
    idle_late_s = ping.stop()
    return {
        "wrong": wrong,
        "events": events,
        "longest": [[busy.cpu_s, busy.what] for busy in longest],
        "pings": len(played_late_s),
        "late_s": percentile(played_late_s, _SHARE),
        "idle_late_s": percentile(idle_late_s, _SHARE),
    }


def _tell(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
