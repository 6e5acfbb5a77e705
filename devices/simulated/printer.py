"""A simulated receipt printer: keeps the bytes of each receipt and tells its state as an ESC/POS printer does.

A receipt ends at the cut, or at the mark (GS r) when something printable came since the last cut; it becomes
`receipt-0001.bin` and so on in `--out`. Commands: {"paper": "ok"|"low"|"out"} · {"paper_after": n} (out after n more
bytes) · {"cover": "open"|"closed"} · {"silent": true|false} (reads, loses everything, says nothing) ·
{"silent_after": n} (silent after n more bytes) · {"stuck": true|false} (does not even read) · {"state": true}.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from devices.receipt_printer import command_bytes
from devices.simulated.ports import SimulatedPort, add_arguments

_PAPER_BITS = {"ok": 0x00, "low": 0x0C, "out": 0x6C}


class Mechanism:
    """The printer behind its port: buffer, paper, cover, drawer and the receipts that came out."""

    def __init__(self, out: Path) -> None:
        self.paper = "ok"
        self.cover_open = False
        self.paper_after: int | None = None
        self.receipts = 0
        self.pulses = 0
        self._out = out
        self._arrived = bytearray()
        self._buffer = bytearray()
        self._receipt = bytearray()
        self._printable = False

    def take(self, data: bytes) -> bytes:
        """Bytes arrive; returns what the printer says to them. Questions for status are answered at once."""
        self._arrived += data
        answers = bytearray()
        while self._arrived:
            size = command_bytes(self._arrived, 0)
            if size is None or len(self._arrived) < size:
                break
            token = bytes(self._arrived[:size])
            del self._arrived[:size]
            if token[:2] == b"\x10\x04":
                answers.append(self._status(token[2]))
            else:
                self._buffer += token
                answers += self.work()
        return bytes(answers)

    def work(self) -> bytes:
        """Print what is buffered as far as paper and cover allow; returns the marks that came to their turn."""
        answers = bytearray()
        while self._buffer and not self._stopped:
            size = command_bytes(self._buffer, 0)
            assert size is not None  # `take` buffers whole commands only
            token = bytes(self._buffer[:size])
            del self._buffer[:size]
            if token[:2] == b"\x1d\x72":
                answers.append(0x00 if self.paper == "ok" else 0x03)
                if self._printable:
                    self._finish()
            else:
                self._print(token)
        return bytes(answers)

    def power_off(self) -> None:
        """What was not printed is lost."""
        self._arrived.clear()
        self._buffer.clear()
        self._receipt.clear()
        self._printable = False

    def _print(self, token: bytes) -> None:
        self._receipt += token
        if token[:2] == b"\x1bp":
            self.pulses += 1
        elif token[0] >= 0x20 or token[:2] in (b"\x1d\x76", b"\x1d\x28", b"\x1d\x6b"):
            self._printable = True
        if self.paper_after is not None:
            self.paper_after -= len(token)
            if self.paper_after <= 0:
                self.paper, self.paper_after = "out", None
        if token[:2] == b"\x1d\x56":
            self._finish()

    def _finish(self) -> None:
        self.receipts += 1
        path = self._out / f"receipt-{self.receipts:04}.bin"
        fresh = path.with_suffix(".part")
        fresh.write_bytes(self._receipt)
        fresh.replace(path)
        self._receipt.clear()
        self._printable = False

    @property
    def _stopped(self) -> bool:
        return self.cover_open or self.paper == "out"

    def _status(self, question: int) -> int:
        offline = 0x08 if self._stopped else 0
        if question == 1:
            return 0x12 | offline
        if question == 2:
            return 0x12 | (0x04 if self.cover_open else 0) | (0x20 if self.paper == "out" else 0)
        return 0x12 | _PAPER_BITS[self.paper] if question == 4 else 0x12


def run(argv: list[str]) -> int:
    """Simulate until standard input ends (or SIGTERM, with --stay)."""
    parser = argparse.ArgumentParser("simulate printer", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--out", required=True, type=Path, help="directory that receives receipt-0001.bin …")
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    printer = Mechanism(arguments.out)
    is_silent = is_stuck = False
    silent_after: int | None = None
    with SimulatedPort(arguments) as port:
        while port.alive:
            received, commands = port.poll(1.0, listen=not is_stuck)
            if silent_after is not None and received:
                heard, received = received[:silent_after], b""
                silent_after -= len(heard)
                is_silent = silent_after == 0
                silent_after = None if is_silent else silent_after
                answers = printer.take(heard)
            else:
                answers = printer.take(received) if not is_silent else b""
            if is_silent:
                printer.power_off()
            elif answers:
                port.write(answers)
            for command in commands:
                try:
                    if "paper" in command:
                        if command["paper"] not in _PAPER_BITS:
                            raise ValueError("paper is ok, low or out")
                        printer.paper = command["paper"]
                    elif "paper_after" in command:
                        printer.paper_after = int(command["paper_after"])
                    elif "cover" in command:
                        printer.cover_open = command["cover"] == "open"
                    elif "silent" in command:
                        is_silent = bool(command["silent"])
                    elif "silent_after" in command:
                        silent_after = int(command["silent_after"])
                    elif "stuck" in command:
                        is_stuck = bool(command["stuck"])
                    elif not command.get("state"):
                        raise ValueError(f"unknown command {command}")
                except ValueError as error:
                    port.refuse(str(error))
                    continue
                if marks := printer.work():
                    port.write(marks)
                port.done(receipts=printer.receipts, pulses=printer.pulses, paper=printer.paper)
    return 0
