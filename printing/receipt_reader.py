"""What a printer would make of bytes: rows with their looks, for preview, simulator, text copies and tests.

It reads bytes, never the document, so a wrong byte shows here as it would on paper. Your line belongs here if
it understands a printer command. Tolerant: an unknown command is stepped over, a cut-off one ends the reading.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from printing.columns import width
from printing.receipt import Align

MOST_BYTES = 1 << 20
MOST_ROWS = 20_000
"""More than any job of this program; bytes from a broken cable must not fill the memory."""

LARGEST_QR_BYTES = 2331
"""What a QR code of version 40 holds at level M."""

RUBBISH = "?"
"""What stands for a byte that a GBK printer prints as rubbish."""


class RowKind(enum.Enum):
    """What the printer did."""

    TEXT = "text"
    QR = "qr"
    FEED = "feed"
    CUT = "cut"
    DRAWER = "drawer"


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one look; `wide` and `high` count 1 … 8."""

    text: str
    bold: bool = False
    wide: int = 1
    high: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One thing on the paper. `payload` and `dots` (a module) belong to QR, `lines` to FEED."""

    kind: RowKind
    align: Align = "left"
    runs: tuple[Run, ...] = ()
    payload: str = ""
    dots: int = 0
    lines: int = 0

    @property
    def text(self) -> str:
        """The characters of all runs."""
        return "".join(run.text for run in self.runs)

    @property
    def width_columns(self) -> int:
        """Columns that the row takes on the paper."""
        return sum(width(run.text) * run.wide for run in self.runs)


_ALIGNS: tuple[Align, ...] = ("left", "center", "right")


def read(data: bytes) -> list[Row]:
    """All rows of a job; at most `MOST_BYTES` bytes and `MOST_ROWS` rows are read."""
    return _Reader(data[:MOST_BYTES]).rows()


class _Reader:
    """One pass over the bytes with the printer's state."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._rows: list[Row] = []
        self._runs: list[Run] = []
        self._text: list[str] = []
        self._initialise()

    def rows(self) -> list[Row]:
        commands: dict[int, Callable[[], None]] = {
            0x0A: self._end_line,
            0x10: self._real_time,
            0x1B: self._esc,
            0x1C: self._fs,
            0x1D: self._gs,
        }
        while self._at < len(self._data) and len(self._rows) < MOST_ROWS:
            byte = self._data[self._at]
            self._at += 1
            command = commands.get(byte)
            if command is not None:
                command()
            elif byte >= 0x20:
                self._character(byte)
        if self._text or self._runs:
            self._end_line()
        return self._rows

    def _initialise(self) -> None:
        self._align: Align = "left"
        self._bold = False
        self._size = (1, 1)
        self._chinese = True
        self._qr_payload = ""
        self._qr_dots = 3

    def _take(self, count: int) -> bytes:
        """The next `count` bytes; fewer where the data end."""
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def _character(self, byte: int) -> None:
        if byte < 0x80:
            self._text.append(chr(byte) if byte != 0x7F else RUBBISH)
            return
        if not self._chinese or self._at >= len(self._data):
            self._text.append(RUBBISH)
            return
        try:
            char = bytes([byte, self._data[self._at]]).decode("gbk")
        except UnicodeDecodeError:
            # as a GBK printer does with a four-byte code: one rubbish sign, then the second byte by itself
            self._text.append(RUBBISH)
            return
        self._at += 1
        self._text.append(char)

    def _end_run(self) -> None:
        if self._text:
            self._runs.append(Run("".join(self._text), self._bold, *self._size))
            self._text = []

    def _end_line(self) -> None:
        self._end_run()
        self._rows.append(Row(RowKind.TEXT, self._align if self._runs else "left", tuple(self._runs)))
        self._runs = []

    def _row(self, row: Row) -> None:
        """Anything but text first prints what stands in the line."""
        if self._text or self._runs:
            self._end_line()
        self._rows.append(row)

    def _real_time(self) -> None:
        """DLE EOT n (status) and DLE DC4 fn m t (drawer): no mark on the paper."""
        match self._take(1):
            case b"\x04":
                self._at += 1
            case b"\x14":
                self._at += 3

    def _esc(self) -> None:
        match self._take(1):
            case b"@":
                self._end_run()
                self._initialise()
            case b"a":
                n = self._take(1)
                # a printer ignores it in the middle of a line
                if n and n[0] % 0x30 < 3 and not (self._text or self._runs):
                    self._align = _ALIGNS[n[0] % 0x30]
            case b"E":
                self._end_run()
                n = self._take(1)
                self._bold = bool(n and n[0] & 1)
            case b"d":
                n = self._take(1)
                self._row(Row(RowKind.FEED, lines=n[0] if n else 0))
            case b"p":
                if len(self._take(3)) == 3:
                    self._row(Row(RowKind.DRAWER))
            case b"D":
                end = self._data.find(b"\x00", self._at, self._at + 33)
                self._at = end + 1 if end >= 0 else len(self._data)
            case b"*":
                head = self._take(3)
                if len(head) == 3:
                    self._at += (3 if head[0] >= 32 else 1) * (head[1] + 256 * head[2])
            case b"\\" | b"$":
                self._at += 2
            case b"2" | b"<" | b"L" | b"S" | b"\x0c":
                pass
            case _:
                # nearly every other ESC command has one parameter
                self._at += 1

    def _fs(self) -> None:
        match self._take(1):
            case b"&":
                self._chinese = True
            case b".":
                self._chinese = False
            case b"S":
                self._at += 2
            case _:
                self._at += 1

    def _gs(self) -> None:
        match self._take(1):
            case b"!":
                self._end_run()
                n = self._take(1)
                if n:
                    self._size = ((n[0] >> 4 & 7) + 1, (n[0] & 7) + 1)
            case b"(":
                self._extended()
            case b"V":
                mode = self._take(1)
                if mode and mode[0] in (65, 66, 97, 98, 103, 104):
                    self._at += 1
                self._row(Row(RowKind.CUT))
            case b"v":
                head = self._take(6)
                if len(head) == 6:
                    self._at += (head[2] + 256 * head[3]) * (head[4] + 256 * head[5])
            case b"k":
                kind = self._take(1)
                if kind and kind[0] >= 65:
                    count = self._take(1)
                    self._at += count[0] if count else 0
                else:
                    end = self._data.find(b"\x00", self._at)
                    self._at = end + 1 if end >= 0 else len(self._data)
            case b"L" | b"W" | b"P" | b"\\" | b"$":
                self._at += 2
            case b":":
                pass
            case _:
                self._at += 1

    def _extended(self) -> None:
        """GS ( x pL pH …: of these only QR (x = k, cn = 49) leaves a mark."""
        head = self._take(3)
        if len(head) < 3:
            return
        body = self._take(head[1] + 256 * head[2])
        if head[:1] != b"k" or body[:1] != b"1":
            return
        match body[1:2]:
            case b"C" if len(body) == 3:
                self._qr_dots = body[2]
            case b"P":
                payload = body[3:].decode("utf-8", errors="replace")
                # more than the largest code holds is not printed
                self._qr_payload = payload if len(payload.encode()) <= LARGEST_QR_BYTES else ""
            case b"Q" if self._qr_payload:
                self._row(Row(RowKind.QR, self._align, payload=self._qr_payload, dots=self._qr_dots))


def wrapped(row: Row, width_columns: int) -> list[Row]:
    """A text row as the printer breaks it where the paper ends; one row when it fits."""
    if row.width_columns <= width_columns:
        return [row]
    lines: list[list[Run]] = [[]]
    room = width_columns
    for run in row.runs:
        piece = ""
        for char in run.text:
            size = width(char) * run.wide
            if size > room and (piece or lines[-1]):
                lines[-1].append(Run(piece, run.bold, run.wide, run.high))
                lines.append([])
                piece, room = "", width_columns
            piece += char
            room -= size
        lines[-1].append(Run(piece, run.bold, run.wide, run.high))
    return [Row(RowKind.TEXT, row.align, tuple(run for run in line if run.text)) for line in lines]


def text(rows: list[Row], width_columns: int) -> str:
    """The receipt as plain text: a QR code as `[QR: …]`, a cut as a dashed line, the drawer as `[开钱箱]`."""
    lines: list[str] = []
    for row in rows:
        match row.kind:
            case RowKind.TEXT:
                lines += [
                    _placed(part.text, part.align, width_columns) for part in wrapped(row, width_columns)
                ]
            case RowKind.QR:
                lines.append(_placed(f"[QR: {row.payload}]", row.align, width_columns))
            case RowKind.FEED:
                lines += [""] * row.lines
            case RowKind.CUT:
                lines.append(("- " * (width_columns // 2)).rstrip())
            case RowKind.DRAWER:
                lines.append("[开钱箱]")
    return "\n".join(lines) + "\n"


def _placed(words: str, align: Align, width_columns: int) -> str:
    """Words at their place in a line; a QR payload may hold characters that are no GBK."""
    room = width_columns - sum(1 if char.isascii() else 2 for char in words)
    indent = {"left": 0, "center": room // 2, "right": room}[align]
    return (" " * indent + words).rstrip()
