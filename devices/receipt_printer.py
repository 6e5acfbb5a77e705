"""The receipt printer's transport: ESC/POS status, bytes out, and the mark that tells the paper is printed.

Your line belongs here if it concerns how finished bytes reach the paper; what they look like belongs to `printing`.
"""

from __future__ import annotations

import contextlib
import enum
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from counter_app.domain.errors import Cancelled, DeviceTrouble
from counter_app.domain.waiting import CancelToken
from devices.serial_port import SerialPort

MARKER_REQUEST = b"\x1d\x72\x01"
"""GS r 1: answered in buffer order, so at the end of a receipt it means "everything before this is printed"."""

CHUNK_BYTES = 256
"""Small printers without flow control lose data beyond their buffer; ask how they are after so many bytes."""

_ANSWER_S = 0.3
_MARKER_S = 10.0
_WRITE_S = 5.0
_LOOK_AGAIN_S = 1.0
_SETTLE_S = 3.0


class PrinterState(enum.Enum):
    """How the printer is; silence is a state of its own and never means yes or no."""

    READY = "打印机正常。"
    PAPER_LOW = "打印机纸将尽，请准备新纸卷。"
    PAPER_OUT = "打印机缺纸，请换纸卷。"
    COVER_OPEN = "打印机上盖未关，请合上上盖。"
    OFFLINE = "打印机脱机，请按打印机上的联机键或重新开机。"
    ERROR = "打印机故障（切刀或机芯），请关机检查是否卡纸后再开机。"
    NOT_ANSWERING = "打印机没有应答，状态未知，请检查电源和连接线。"

    @property
    def can_print(self) -> bool:
        """Whether a receipt may be started."""
        return self in (PrinterState.READY, PrinterState.PAPER_LOW)


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """One look at the printer; `sentence` is what the clerk reads, `connected` whether the port was there."""

    state: PrinterState
    sentence: str
    connected: bool = True


_BLIND = PrinterStatus(PrinterState.NOT_ANSWERING, "打印机不报告状态，请自行查看纸卷。")
"""A one-way cable: nothing is asked."""

_LOOK_AT_PAPER = "请确认凭条是否完整打出，不完整时补打。"


class PrintResult(enum.Enum):
    """What is known about the paper."""

    PRINTED = "printed"
    UNKNOWN = "unknown"
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True)
class PrintOutcome:
    """The end of one print job. `status` is the last look; `sentence` is empty when all went well.

    UNKNOWN: bytes went out and nobody confirmed the paper; a person looks, nothing is printed again by itself.
    NOT_STARTED: not one byte went out, the same job may be tried again.
    """

    result: PrintResult
    status: PrinterStatus
    sentence: str = ""


def command_bytes(data: bytes | bytearray, at: int) -> int | None:
    """How many bytes the ESC/POS command or character at `at` has; None when its length is not told yet.

    Covers what receipts consist of: text in GB18030, formatting, QR, bar code, raster, cut, drawer, status. Requests
    for status may stand only between two commands.
    """
    rest = data[at : at + 8]
    if rest[0] not in (0x10, 0x1B, 0x1C, 0x1D):
        return 2 if rest[0] >= 0x81 else 1
    if len(rest) < 2:
        return None
    pair = bytes(rest[:2])
    if pair == b"\x1d\x28":  # GS ( x pL pH …: QR codes and graphics
        return 5 + int.from_bytes(rest[3:5], "little") if len(rest) >= 5 else None
    if pair == b"\x1d\x76":  # GS v 0 m xL xH yL yH …: raster
        if len(rest) < 8:
            return None
        return 8 + int.from_bytes(rest[4:6], "little") * int.from_bytes(rest[6:8], "little")
    if pair == b"\x1d\x6b":  # GS k m n …: bar code
        return 4 + rest[3] if len(rest) >= 4 else None
    if pair == b"\x1d\x56":  # GS V m [n]: cut, with a feed from m = 65
        if len(rest) < 3:
            return None
        return 4 if rest[2] >= 65 else 3
    return _SHORT_COMMANDS.get(pair, 3)


_SHORT_COMMANDS = {
    b"\x1b@": 2,
    b"\x1b2": 2,
    b"\x1b$": 4,
    b"\x1b\\": 4,
    b"\x1bp": 5,
    b"\x1c&": 2,
    b"\x1c.": 2,
    b"\x1cS": 4,
    b"\x1dL": 4,
    b"\x1dW": 4,
    b"\x10\x14": 5,
}
"""Lengths of the fixed commands that are not 3 bytes long."""


def pieces(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """(piece, whether it ends between two commands), each of at most `CHUNK_BYTES`."""
    start = at = 0
    while at < len(data):
        end = min(at + (command_bytes(data, at) or len(data)), len(data))
        if end - start > CHUNK_BYTES:
            if at > start:
                yield data[start:at], True
                start = at
            while end - start > CHUNK_BYTES:
                yield data[start : start + CHUNK_BYTES], False
                start += CHUNK_BYTES
        at = end
    if start < len(data):
        yield data[start:], True


class PrinterAnswers:
    """Tells the kinds of bytes a printer sends apart; pure, fed byte by byte."""

    def __init__(self) -> None:
        self._skip = 0

    def feed(self, data: bytes) -> list[tuple[str, int]]:
        """("status", byte) for DLE EOT and ("marker", byte) for GS r; automatic status and flow control are skipped."""
        answers = []
        for value in data:
            if self._skip:
                self._skip -= 1
            elif value & 0x93 == 0x12:
                answers.append(("status", value))
            elif value & 0x93 == 0x10:
                self._skip = 3  # three more bytes follow, which look like markers
            elif value & 0x90 == 0x00:
                answers.append(("marker", value))
        return answers


class ReceiptPrinter:
    """One printer on one port. Safe from two threads: a status look never falls into a receipt.

    The port is opened when it is needed and again after any trouble.
    """

    def __init__(self, port: SerialPort, *, answers: bool = True) -> None:
        """`answers=False` is a one-way cable: it prints without asking and never knows."""
        self._port = port
        self._answers = answers
        self._lock = threading.Lock()
        self._reader = PrinterAnswers()
        self._received: dict[str, list[int]] = {"status": [], "marker": []}
        self._marker_owed = False
        self._last_noted: PrinterState | None = None

    def status(self, cancel: CancelToken | None = None) -> PrinterStatus:
        """How the printer is now, within about a second; waits for a running job. A missing port is NOT_ANSWERING."""
        with self._held(cancel):
            return self._look(cancel)

    def idle_status(self, cancel: CancelToken | None = None) -> PrinterStatus | None:
        """As `status`, but None at once while a receipt is printed."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._look(cancel)
        finally:
            self._lock.release()

    def print_job(
        self, data: bytes, cancel: CancelToken, marker_timeout_s: float | None = None
    ) -> PrintOutcome:
        """Send one job and wait for the printer's mark that all of it is on paper.

        `marker_timeout_s` is by default 10 s plus the time of the bytes on the wire. Raises `Cancelled` only while
        nothing has gone out; never `DeviceTrouble`: the outcome tells.
        """
        with self._held(cancel):
            status = self._look(cancel, settle=True)
            if not status.state.can_print and (self._answers or not status.connected):
                return _not_started(status)
            cancel.check()
            sent_before = self._port.sent_bytes
            try:
                return self._send(data, status, cancel, marker_timeout_s)
            except DeviceTrouble as trouble:
                lost = PrinterStatus(PrinterState.NOT_ANSWERING, trouble.sentence(), connected=False)
                return _unknown(lost) if self._port.sent_bytes > sent_before else _not_started(lost)
            except Cancelled:
                if self._port.sent_bytes == sent_before:
                    raise
                return PrintOutcome(PrintResult.UNKNOWN, status, f"打印被中断。{_LOOK_AT_PAPER}")

    def close(self) -> None:
        """Close the port; the next call opens it again."""
        with self._lock:
            self._port.close()

    @contextlib.contextmanager
    def _held(self, cancel: CancelToken | None) -> Iterator[None]:
        while not self._lock.acquire(timeout=0.1):
            if cancel is not None:
                cancel.check()
        try:
            yield
        finally:
            self._lock.release()

    def _look(self, cancel: CancelToken | None, *, settle: bool = False) -> PrinterStatus:
        """How the printer is between jobs; `settle` also takes in what an earlier job left on the line."""
        try:
            self._port.open()
            if not self._answers:
                return _BLIND
            self._forget_received()
            status = self._status(cancel)
            if settle and self._marker_owed and status.state.can_print:
                self._settle(cancel)
            return status
        except DeviceTrouble as trouble:
            return PrinterStatus(PrinterState.NOT_ANSWERING, trouble.sentence(), connected=False)

    def _send(
        self, data: bytes, status: PrinterStatus, cancel: CancelToken, marker_timeout_s: float | None
    ) -> PrintOutcome:
        self._port.note(">", f"receipt, {len(data)} bytes")
        byte_s = 10 / self._port.settings.baud
        for piece, between_commands in pieces(data):
            self._port.write(piece, _WRITE_S + len(piece) * byte_s, cancel)
            if between_commands and self._answers:
                # The question queues behind the piece in the system's buffer.
                status = self._status(cancel, on_the_way_s=len(piece) * byte_s)
                if not status.state.can_print:
                    return _unknown(status)
        if not self._answers:
            return _unknown(status)
        self._ask_marker(cancel)
        wait_s = _MARKER_S + len(data) * byte_s if marker_timeout_s is None else marker_timeout_s
        until = time.monotonic() + wait_s
        while (left_s := until - time.monotonic()) > 0:
            if self._await("marker", min(left_s, _LOOK_AGAIN_S), cancel) is not None:
                self._marker_owed = False
                self._port.note("<", "receipt printed")
                return PrintOutcome(PrintResult.PRINTED, status)
            status = self._status(cancel)
            if not status.state.can_print and not self._received["marker"]:
                break
        return _unknown(status)

    def _settle(self, cancel: CancelToken | None) -> None:
        """Take in the mark of an earlier job that ran out of paper or time, lest it be taken for the next job's."""
        self._ask_marker(cancel)
        wait_s = _SETTLE_S
        while self._await("marker", wait_s, cancel) is not None:
            wait_s = _ANSWER_S
        self._marker_owed = False

    def _ask_marker(self, cancel: CancelToken | None) -> None:
        self._port.write(MARKER_REQUEST, _WRITE_S, cancel)
        self._marker_owed = True

    def _status(self, cancel: CancelToken | None, on_the_way_s: float = 0.0) -> PrinterStatus:
        bits = {}
        for question in (1, 2, 4):
            answer = self._ask(question, cancel, on_the_way_s)
            if answer is None:
                return PrinterStatus(PrinterState.NOT_ANSWERING, PrinterState.NOT_ANSWERING.value)
            bits[question] = answer
        state = _state(bits[1], bits[2], bits[4])
        if state is not self._last_noted:
            self._last_noted = state
            self._port.note("<", " ".join(f"{question}:{value:02X}" for question, value in bits.items()))
        return PrinterStatus(state, state.value)

    def _ask(self, question: int, cancel: CancelToken | None, on_the_way_s: float) -> int | None:
        """The answer to DLE EOT `question`, or None after two silences."""
        for _attempt in range(2):
            self._take(0, cancel)
            self._received["status"].clear()
            self._port.write(bytes([0x10, 0x04, question]), _WRITE_S, cancel)
            answer = self._await("status", _ANSWER_S + on_the_way_s, cancel)
            if answer is not None:
                return answer
        return None

    def _await(self, kind: str, timeout_s: float, cancel: CancelToken | None) -> int | None:
        """The next byte of `kind`; bytes of the other kind are kept for who asks for them."""
        until = time.monotonic() + timeout_s
        while not self._received[kind]:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return None
            self._take(left_s, cancel)
        return self._received[kind].pop(0)

    def _take(self, timeout_s: float, cancel: CancelToken | None) -> None:
        for kind, value in self._reader.feed(self._port.read(256, timeout_s, cancel)):
            self._received[kind].append(value)

    def _forget_received(self) -> None:
        self._port.discard_input()
        self._reader = PrinterAnswers()
        self._received = {"status": [], "marker": []}


def _state(printer: int, offline: int, paper: int) -> PrinterState:
    """The state that DLE EOT 1, 2 and 4 tell together, the one to be put right first before the others."""
    if offline & 0x04:
        return PrinterState.COVER_OPEN
    if paper & 0x60 or offline & 0x20:
        return PrinterState.PAPER_OUT
    if offline & 0x40:
        return PrinterState.ERROR
    if printer & 0x08:
        return PrinterState.OFFLINE
    return PrinterState.PAPER_LOW if paper & 0x0C else PrinterState.READY


def _unknown(status: PrinterStatus) -> PrintOutcome:
    why = "" if status.state.can_print else status.sentence
    return PrintOutcome(PrintResult.UNKNOWN, status, f"{why}{_LOOK_AT_PAPER}")


def _not_started(status: PrinterStatus) -> PrintOutcome:
    return PrintOutcome(PrintResult.NOT_STARTED, status, f"凭条没有开始打印。{status.sentence}")
