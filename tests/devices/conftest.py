"""Real pseudo-terminals and real simulator processes for the device tests."""

from __future__ import annotations

import array
import fcntl
import json
import os
import select
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CAP_S = 5.0
"""No wait of a test is longer than this."""

ROOT = Path(__file__).resolve().parents[2]


class Line:
    """The far end of a serial line: what a device would hold in its hands."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        # Kept open, so that the line does not hang up between two openings of the near end.
        self._slave = slave

    def send(self, data: bytes) -> None:
        """What the device says."""
        while data:
            data = data[os.write(self.master, data) :]

    def wait_until_waiting(self, count: int) -> None:
        """Return when `count` bytes lie unread at the program's end, as after a time in which nobody listened."""
        until = time.monotonic() + CAP_S
        waiting = array.array("i", [0])
        while waiting[0] < count:
            assert time.monotonic() < until, f"only {waiting[0]} of {count} bytes arrived"
            fcntl.ioctl(self._slave, termios.FIONREAD, waiting)

    def receive(self, count: int, timeout_s: float = CAP_S) -> bytes:
        """Exactly `count` bytes that the program sent; fails when they do not come."""
        until = time.monotonic() + timeout_s
        got = b""
        while len(got) < count:
            left_s = until - time.monotonic()
            assert left_s > 0, f"only {got.hex(' ')} of {count} bytes came"
            if select.select([self.master], [], [], left_s)[0]:
                got += os.read(self.master, count - len(got))
        return got

    def unplug(self) -> None:
        """Pull the cable; harmless the second time."""
        if self.master >= 0:
            os.close(self.master)
            os.close(self._slave)
            self.master = -1


class Simulator:
    """A simulator in its own process, told by JSON lines."""

    def __init__(self, kind: str, link: Path, arguments: tuple[str, ...], errors: Path) -> None:
        self.path = str(link)
        self._errors = errors
        self._buffer = b""
        module = kind.replace("-", "_")
        code = f"import sys; from devices.simulated import {module} as simulator; sys.exit(simulator.run(sys.argv[1:]))"
        with errors.open("wb") as error_file:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, "--link", str(link), *arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=error_file,
            )
        try:
            assert self.line() == f"ready {link}"
        except BaseException:
            self._process.kill()
            self._close()
            raise

    def line(self) -> str:
        """The next line the simulator prints, within the cap."""
        assert self._process.stdout is not None
        until = time.monotonic() + CAP_S
        while b"\n" not in self._buffer:
            left_s = until - time.monotonic()
            readable = select.select([self._process.stdout], [], [], max(0.0, left_s))[0]
            data = os.read(self._process.stdout.fileno(), 4096) if readable else b""
            assert data, f"simulator said nothing: {self._buffer!r}, {self._errors.read_text()}"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def tell(self, **command: Any) -> dict[str, Any]:
        """Give one command and wait until it is carried out; returns the answer's fields."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command, ensure_ascii=False).encode() + b"\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.line())
        assert answer["ok"], answer
        return answer

    def end_input(self) -> int:
        """Close its standard input and wait for its exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(CAP_S)

    def stop(self) -> None:
        """SIGTERM; a simulator that does not end cleanly, or leaves its link behind, fails the test."""
        self._process.terminate()
        try:
            status = self._process.wait(CAP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait(CAP_S)
        self._close()
        assert status == 0, f"exit status {status}: {self._errors.read_text()}"
        assert not Path(self.path).is_symlink()

    def _close(self) -> None:
        self._process.wait(CAP_S)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def line() -> Iterator[Line]:
    """A serial line whose far end the test holds itself."""
    made = Line()
    yield made
    made.unplug()


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Starts simulators: `simulator("id-reader", "--delay-s", "0.1")`; all end with the test."""
    started: list[Simulator] = []

    def start(kind: str, *arguments: str) -> Simulator:
        number = len(started)
        made = Simulator(kind, tmp_path / f"{kind}-{number}", arguments, tmp_path / f"{kind}-{number}.err")
        started.append(made)
        return made

    yield start
    for one in started:
        one.stop()
