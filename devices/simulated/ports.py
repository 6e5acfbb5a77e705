"""The real pseudo-terminal and the command channel that every device simulator stands on.

Your line belongs here if each simulator needs it; what a device answers belongs to its own module. POSIX only.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
import time
import tty
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

_GIVE_UP_S = 1.0
"""After this long with nobody reading, what is being sent is lost, as on a real line."""


def _linked_pty(link: Path) -> tuple[int, int]:
    """(master, slave) of a raw pseudo-terminal behind `link`; a stale link is replaced, a real file never."""
    if link.exists() and not link.is_symlink():
        raise SystemExit(f"{link} exists and is not a link")
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    fresh = link.with_name(f"{link.name}.{os.getpid()}")
    fresh.symlink_to(os.ttyname(slave))
    fresh.replace(link)
    return master, slave


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that all simulators share."""
    parser.add_argument("--link", required=True, type=Path, help="path that leads to the simulated port")
    parser.add_argument("--control", type=Path, help="FIFO that takes command lines besides standard input")
    parser.add_argument("--stay", action="store_true", help="go on when standard input ends")
    parser.add_argument("--delay-s", type=float, default=0.0, help="wait this long before each answer")
    parser.add_argument(
        "--baud", type=int, default=0, help="pace what is sent as this baud would; 0 = at once"
    )


class SimulatedPort:
    """One pseudo-terminal plus command lines (JSON objects) from standard input and a FIFO.

    A context manager: leaving it removes the link. SIGTERM and the end of standard input end `poll`'s loop:

        with SimulatedPort(arguments) as port:
            while port.alive:
                received, commands = port.poll(0.1)

    Each command that the simulator has carried out is answered with `port.done()`. The port itself understands
    {"unplug": true} and {"plug": true}.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._link: Path = arguments.link
        self._control_path: Path | None = arguments.control
        self._stay: bool = arguments.stay
        self._byte_s = 10 / arguments.baud if arguments.baud else 0.0
        self._delay_s: float = arguments.delay_s
        self._master = -1
        self._slave = -1
        self._control = -1
        self._made_control = False
        self._stdin_open = True
        self._pending: dict[int, bytes] = {}
        self._wake_read, self._wake_write = os.pipe()
        self.alive = True

    def __enter__(self) -> SimulatedPort:
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        if self._control_path is not None:
            if not self._control_path.exists():
                os.mkfifo(self._control_path, 0o600)
                self._made_control = True
            # Opened for writing too, so that it never ends when one writer goes away.
            self._control = os.open(self._control_path, os.O_RDWR | os.O_NONBLOCK)
        self._plug()
        print(f"ready {self._link}", flush=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unplug()
        if self._control >= 0:
            os.close(self._control)
        if self._made_control and self._control_path is not None:
            self._control_path.unlink(missing_ok=True)
        signal.set_wakeup_fd(-1)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def poll(self, timeout_s: float, *, listen: bool = True) -> tuple[bytes, list[dict[str, Any]]]:
        """(received bytes, commands) as soon as there are any, both empty after `timeout_s`.

        `listen=False` leaves the bytes unread, as a device does that has stopped taking data.
        """
        watched = [self._wake_read]
        if listen and self._master >= 0:
            watched.append(self._master)
        if self._control >= 0:
            watched.append(self._control)
        if self._stdin_open:
            watched.append(sys.stdin.fileno())
        readable = select.select(watched, [], [], timeout_s)[0]
        received = os.read(self._master, 4096) if self._master in readable else b""
        commands: list[dict[str, Any]] = []
        for descriptor in readable:
            if descriptor in (self._control, sys.stdin.fileno()):
                commands.extend(self._commands(descriptor))
        return received, [command for command in commands if not self._own(command)]

    def write(self, data: bytes) -> None:
        """Send `data` after the configured delay and at the configured pace; lost when nobody reads it."""
        if self._delay_s:
            self.rest(self._delay_s)
        # A pseudo-terminal has no baud of its own: small pieces with pauses arrive as over a wire.
        piece = 16 if self._byte_s else 1024
        for start in range(0, len(data), piece):
            part = data[start : start + piece]
            if not self.alive or not self._write_piece(part):
                return
            if self._byte_s:
                self.rest(self._byte_s * len(part))

    def rest(self, seconds: float) -> None:
        """Do nothing for `seconds`, less when the process is told to end."""
        select.select([self._wake_read], [], [], seconds)

    def done(self, **fields: Any) -> None:
        """Tell on standard output that a command was carried out."""
        print(json.dumps({"ok": True, **fields}, ensure_ascii=False), flush=True)

    def refuse(self, why: str) -> None:
        """Tell on standard output that a command made no sense."""
        print(json.dumps({"ok": False, "error": why}, ensure_ascii=False), flush=True)

    def _write_piece(self, part: bytes) -> bool:
        until = time.monotonic() + _GIVE_UP_S
        while part:
            left_s = until - time.monotonic()
            if self._master < 0 or left_s <= 0:
                return False
            if select.select([self._wake_read], [self._master], [], left_s)[0]:
                return False
            try:
                part = part[os.write(self._master, part) :]
            except BlockingIOError:
                continue
        return True

    def _commands(self, descriptor: int) -> list[dict[str, Any]]:
        data = os.read(descriptor, 65_536)
        if not data and descriptor == sys.stdin.fileno():
            self._stdin_open = False
            self.alive = self.alive and self._stay
            return []
        *lines, rest = (self._pending.get(descriptor, b"") + data).split(b"\n")
        self._pending[descriptor] = rest
        commands = []
        for line in lines:
            if not line.strip():
                continue
            try:
                command = json.loads(line)
            except ValueError as error:
                self.refuse(str(error))
                continue
            if isinstance(command, dict):
                commands.append(command)
            else:
                self.refuse("a command is a JSON object")
        return commands

    def _own(self, command: dict[str, Any]) -> bool:
        if command.get("unplug"):
            self._unplug()
        elif command.get("plug"):
            self._unplug()
            self._plug()
        else:
            return False
        self.done()
        return True

    def _plug(self) -> None:
        self._master, self._slave = _linked_pty(self._link)

    def _unplug(self) -> None:
        if self._master < 0:
            return
        self._link.unlink(missing_ok=True)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.alive = False
