"""One serial port: open, read, write, close, with time-outs, a cancel token and trouble in the clerk's words.

Your line belongs here if it concerns every serial device alike; what the bytes mean belongs to a protocol module.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from counter_app.domain.errors import DeviceTrouble
from counter_app.domain.waiting import CancelToken

if TYPE_CHECKING:
    import serial

WireLog = Callable[[str, str], None]
"""Receives (direction, masked text): ">" sent, "<" received, "!" noticed. Never raw bytes."""

_SLICE_S = 0.1
"""Longest time between two looks at the cancel token (the house allows 200 ms)."""


@dataclass(frozen=True, slots=True)
class PortSettings:
    """How one port is opened.

    `path` is a stable name (`/dev/serial/by-id/…`, `COM3`); `device_word` names the device in sentences for the
    clerk. `dtr` and `rts` are the levels at opening: some devices reset when DTR rises.
    """

    path: str
    baud: int = 115_200
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    dtr: bool = True
    rts: bool = True
    hardware_flow: bool = False
    device_word: str = "设备"


class SerialPort:
    """A port that one thread at a time owns. Any failure closes it; `open` then starts afresh.

    Every method raises `DeviceTrouble` when the port is gone.
    """

    def __init__(self, settings: PortSettings, log: WireLog | None = None) -> None:
        self.settings = settings
        self._log = log
        self._serial: serial.Serial | None = None
        self._sent_bytes = 0

    @property
    def is_open(self) -> bool:
        """Whether the port is open as far as anybody has noticed."""
        return self._serial is not None

    @property
    def sent_bytes(self) -> int:
        """Bytes handed to the system since `open`: after a failed write it tells whether any can have gone out."""
        return self._sent_bytes

    def open(self) -> None:
        """Open the port for this program alone and drop what the system had received; no-op when open."""
        if self._serial is not None:
            return
        import serial

        settings = self.settings
        port = serial.Serial()
        port.port = settings.path
        port.baudrate = settings.baud
        port.parity = settings.parity
        port.stopbits = settings.stop_bits
        port.rtscts = settings.hardware_flow
        port.timeout = _SLICE_S
        port.exclusive = True
        # Before opening: afterwards a pseudo-terminal, which has no such lines, answers ENOTTY.
        port.dtr = settings.dtr
        port.rts = settings.rts
        try:
            port.open()
        except (OSError, ValueError) as error:
            raise DeviceTrouble(self._advice_for_opening(error), f"open {settings.path}: {error}") from error
        self._serial = port
        self._sent_bytes = 0
        self.note("!", f"open {settings.path} at {settings.baud} baud")

    def read(self, max_bytes: int, timeout_s: float, cancel: CancelToken | None = None) -> bytes:
        """What has arrived, at most `max_bytes`, as soon as anything has; b"" when `timeout_s` passed in silence.

        `cancel` raises `Cancelled` within 200 ms.
        """
        port = self._opened()
        until = time.monotonic() + timeout_s
        try:
            while True:
                if cancel is not None:
                    cancel.check()
                waiting = port.in_waiting
                if waiting:
                    return bytes(port.read(min(waiting, max_bytes)))
                left_s = until - time.monotonic()
                if left_s <= 0:
                    return b""
                port.timeout = min(_SLICE_S, left_s)
                first = port.read(1)
                if first:
                    more = min(port.in_waiting, max_bytes - 1)
                    return bytes(first + (port.read(more) if more > 0 else b""))
        except OSError as error:  # SerialException is an OSError
            raise self._lost("read", error) from error

    def write(self, data: bytes, timeout_s: float, cancel: CancelToken | None = None) -> None:
        """Hand all of `data` to the system; `DeviceTrouble` when it takes no more for `timeout_s`.

        On Windows `cancel` is looked at only before the write.
        """
        port = self._opened()
        until = time.monotonic() + timeout_s
        try:
            if sys.platform == "win32":
                if cancel is not None:
                    cancel.check()
                self._sent_bytes += len(data)  # a failed overlapped write does not tell how far it came
                port.write_timeout = timeout_s
                port.write(data)
                return
            left = memoryview(data)
            while left:
                if cancel is not None:
                    cancel.check()
                left_s = until - time.monotonic()
                if left_s <= 0:
                    raise TimeoutError(f"{len(left)} of {len(data)} bytes not taken within {timeout_s} s")
                if not select.select([], [port.fileno()], [], min(_SLICE_S, left_s))[1]:
                    continue
                # WORKAROUND pyserial 3.5: Serial.write tells neither how much went out before it failed nor can it
                # be cancelled without cancelling a later write.
                try:
                    count = os.write(port.fileno(), left)
                except BlockingIOError:
                    continue
                self._sent_bytes += count
                left = left[count:]
        except OSError as error:
            raise self._lost("write", error) from error

    def discard_input(self) -> int:
        """Throw away what has arrived; returns how many bytes that were."""
        port = self._opened()
        try:
            count: int = port.in_waiting
            port.reset_input_buffer()
        except OSError as error:
            raise self._lost("discard", error) from error
        if count:
            self.note("!", f"discarded {count} bytes")
        return count

    def close(self) -> None:
        """Close the port; harmless when it is closed or the cable is gone."""
        port, self._serial = self._serial, None
        if port is None:
            return
        try:
            port.close()
        except OSError as error:
            self.note("!", f"close {self.settings.path}: {error}")

    def note(self, direction: Literal["<", ">", "!"], masked: str) -> None:
        """Hand one line to the log. The caller has masked numbers, names and card data in it."""
        if self._log is not None:
            self._log(direction, masked)

    def _opened(self) -> serial.Serial:
        if self._serial is None:
            raise DeviceTrouble(self._lost_advice(), f"{self.settings.path} is not open")
        return self._serial

    def _lost(self, doing: str, error: OSError) -> DeviceTrouble:
        self.close()
        cause = f"{doing} {self.settings.path}: {error}"
        self.note("!", cause)
        if isinstance(error, TimeoutError):
            return DeviceTrouble(f"{self.settings.device_word}不接收数据，请检查电源和连接线后再试。", cause)
        return DeviceTrouble(self._lost_advice(), cause)

    def _lost_advice(self) -> str:
        return f"{self.settings.device_word}的连接线断开，请检查插头，接好后会自动重连。"

    def _advice_for_opening(self, error: Exception) -> str:
        word, path = self.settings.device_word, self.settings.path
        if "exclusively lock" in str(error) or isinstance(
            error.__context__, BlockingIOError | PermissionError
        ):
            return f"{word}的端口 {path} 打不开，可能被其他程序占用。请关闭占用的程序，会自动重连。"
        return f"{word}没有连接（端口 {path}），请检查电源和连接线，接好后会自动重连。"
