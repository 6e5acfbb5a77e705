"""The ZVT serial link: bytes ↔ blocks. Your line belongs here if it knows DLE, CRC, ACK or NAK and no command.

A block on the wire is `10 02`, the APDU with every `10` doubled, `10 03`, CRC low, CRC high (PA00P016). The CRC
covers the undoubled APDU and one `03`; its two bytes are never doubled and may themselves be `10`, `02` or `03`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

DLE = 0x10
STX = 0x02
ETX = 0x03
ACK = b"\x06"
NAK = b"\x15"

LARGEST_APDU_BYTES = 4096
"""Longer than any message of a payment or an end of day; beyond it a block is noise and its bytes are let go."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block whose CRC was right; `apdu` is undoubled and may still be nonsense to the application."""

    apdu: bytes


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The other side took our last block."""


@dataclass(frozen=True, slots=True)
class NotAcknowledged:
    """The other side could not read our last block and wants the same one again."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A block began and could not be read; the link answers NAK. `why` is English, for the log, without data."""

    why: str


LinkEvent = Block | Acknowledged | NotAcknowledged | Damaged


def crc(apdu: bytes) -> int:
    """CRC-16/KERMIT (reflected polynomial 8408, start 0, no final XOR) over `apdu` and the closing `03`."""
    value = 0
    for byte in (*apdu, ETX):
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0x8408 if value & 1 else value >> 1
    return value


def block(apdu: bytes) -> bytes:
    """The bytes on the wire for one APDU."""
    doubled = apdu.replace(bytes((DLE,)), bytes((DLE, DLE)))
    return b"".join((bytes((DLE, STX)), doubled, bytes((DLE, ETX)), crc(apdu).to_bytes(2, "little")))


class _At(enum.Enum):
    """Where in a block the next byte falls."""

    IDLE = enum.auto()
    NOISE = enum.auto()
    START = enum.auto()
    BODY = enum.auto()
    BODY_DLE = enum.auto()
    CRC_LOW = enum.auto()
    CRC_HIGH = enum.auto()


class LinkParser:
    """Received bytes in any cut → link events. Never raises, holds at most `LARGEST_APDU_BYTES`.

    After a byte that belongs to nothing, `06` and `15` count as more noise until a block begins or the line was
    quiet: the rest of a block whose start was damaged must not be read as an answer to ours.
    """

    def __init__(self) -> None:
        self._at = _At.IDLE
        self._apdu = bytearray()
        self._crc_low = 0

    def feed(self, data: bytes) -> list[LinkEvent]:
        """The events that `data` completes, in the order of arrival."""
        events: list[LinkEvent] = []
        for byte in data:
            event = self._take(byte)
            if event is not None:
                events.append(event)
        return events

    def quiet(self) -> list[LinkEvent]:
        """The line was silent for longer than the gap between two characters (T1): what had begun is lost."""
        begun = self._at not in (_At.IDLE, _At.NOISE, _At.START)
        self._restart(_At.IDLE)
        return [Damaged("silence within a block")] if begun else []

    def _restart(self, at: _At) -> None:
        self._at = at
        self._apdu.clear()

    def _take(self, byte: int) -> LinkEvent | None:
        match self._at:
            case _At.IDLE | _At.NOISE:
                return self._take_outside(byte)
            case _At.START:
                if byte == STX:
                    self._restart(_At.BODY)
                elif byte != DLE:
                    self._at = _At.NOISE
                return None
            case _At.BODY:
                if byte == DLE:
                    self._at = _At.BODY_DLE
                    return None
                return self._keep(byte)
            case _At.BODY_DLE:
                return self._take_after_dle(byte)
            case _At.CRC_LOW:
                self._crc_low = byte
                self._at = _At.CRC_HIGH
                return None
            case _At.CRC_HIGH:
                return self._finish(byte)

    def _take_outside(self, byte: int) -> LinkEvent | None:
        if byte == DLE:
            self._at = _At.START
        elif self._at is _At.IDLE and byte == ACK[0]:
            return Acknowledged()
        elif self._at is _At.IDLE and byte == NAK[0]:
            return NotAcknowledged()
        else:
            self._at = _At.NOISE
        return None

    def _take_after_dle(self, byte: int) -> LinkEvent | None:
        if byte == DLE:
            self._at = _At.BODY
            return self._keep(DLE)
        if byte == ETX:
            self._at = _At.CRC_LOW
            return None
        if byte == STX:
            # The block before was cut off and the next one begins here.
            self._restart(_At.BODY)
            return Damaged("a block began within a block")
        self._restart(_At.NOISE)
        return Damaged("single DLE within a block")

    def _keep(self, byte: int) -> LinkEvent | None:
        if len(self._apdu) >= LARGEST_APDU_BYTES:
            self._restart(_At.NOISE)
            return Damaged("block too long")
        self._apdu.append(byte)
        self._at = _At.BODY
        return None

    def _finish(self, crc_high: int) -> LinkEvent:
        apdu = bytes(self._apdu)
        if (crc_high << 8 | self._crc_low) == crc(apdu):
            self._restart(_At.IDLE)
            return Block(apdu)
        # Where CRC bytes were lost, the two taken for them may be the start of the next block.
        if (self._crc_low, crc_high) == (DLE, STX):
            self._restart(_At.BODY)
        else:
            self._restart(_At.START if crc_high == DLE else _At.NOISE)
        return Damaged("wrong CRC")
