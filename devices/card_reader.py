"""The contactless card reader: RDM6300-style frames, a one-way stream of card numbers.

Your line belongs here if it names a byte of this stream. What is read is the medium's number, never the printed
card number: the hall's table maps one to the other.
"""

from __future__ import annotations

import functools
import operator
import time
from collections.abc import Callable

from counter_app.domain.ids import MediumId
from counter_app.domain.waiting import CancelToken
from devices.serial_port import SerialPort

STX, ETX = 0x02, 0x03
_FRAME_BYTES = 14
_HEX = frozenset(b"0123456789ABCDEF")
"""Capitals only: a flipped bit makes a small letter of a capital, with the same value and so the same checksum."""

SAME_PRESENTATION_S = 1.0
"""A number seen again within this time still lies on the reader."""


def frame(medium_id: str) -> bytes:
    """14 bytes on the wire: STX, ten hex digits (version and number), XOR of the five bytes, ETX."""
    check = functools.reduce(operator.xor, bytes.fromhex(medium_id))
    return bytes([STX]) + f"{medium_id}{check:02X}".encode("ascii") + bytes([ETX])


class Rdm6300Frames:
    """Numbers out of whatever bytes arrive; memory stays below one frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[str]:
        """The ten-digit numbers of the frames complete now; a frame with any wrong bit gives none."""
        self._buffer += data
        numbers: list[str] = []
        while (start := self._buffer.find(STX)) >= 0:
            del self._buffer[:start]
            if len(self._buffer) < _FRAME_BYTES:
                return numbers
            if number := _number(bytes(self._buffer[:_FRAME_BYTES])):
                numbers.append(number)
                del self._buffer[:_FRAME_BYTES]
            else:
                del self._buffer[0]
        self._buffer.clear()
        return numbers


def _number(candidate: bytes) -> str:
    digits = candidate[1:13]
    if candidate[13] != ETX or not _HEX.issuperset(digits):
        return ""
    text = digits.decode("ascii")
    return "" if functools.reduce(operator.xor, bytes.fromhex(text)) else text[:10]


class CardReader:
    """One reader on one port, used by one thread, which listens all the time."""

    def __init__(self, port: SerialPort, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._port = port
        self._monotonic = monotonic
        self._frames = Rdm6300Frames()
        self._last = ""
        self._last_seen = 0.0

    def wait_for_card(self, cancel: CancelToken) -> MediumId:
        """The next card that is put on the reader, ten hex digits such as "010063E9AE"; one that stays is given once.

        Raises `Cancelled`, and `DeviceTrouble` when the port is gone. Silence is the normal state of this reader.
        """
        if not self._port.is_open:
            self._port.open()
            self._frames = Rdm6300Frames()
        # What came while nobody listened tells that the last card stayed, however long that was.
        numbers = self._frames.feed(self._port.read(4096, 0, cancel))
        if self._last in numbers:
            self._last_seen = self._monotonic()
        while True:
            for number in numbers:
                now = self._monotonic()
                fresh = number != self._last or now - self._last_seen > SAME_PRESENTATION_S
                self._last, self._last_seen = number, now
                if fresh:
                    self._port.note("<", f"card …{number[-4:]}")
                    return MediumId(number)
            numbers = self._frames.feed(self._port.read(256, 0.5, cancel))
