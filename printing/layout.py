"""A receipt on paper of a known width: lines with their looks, before they become bytes.

Your line belongs here if it decides how a block of a receipt looks in 32 or 48 columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from counter_app.domain.money import money
from printing import columns
from printing.capitals import capitals
from printing.receipt import (
    Align,
    Blank,
    Block,
    CopyEnd,
    Line,
    Money,
    Note,
    Pair,
    Qr,
    Receipt,
    Rule,
    Signatures,
    Table,
    Title,
)

WidthColumns = Literal[32, 48]
"""Columns of 58 mm and of 80 mm paper."""


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One line: printable text of at most width ÷ `wide` columns, and its looks (1 or 2 times wide and high)."""

    text: str
    align: Align = "left"
    bold: bool = False
    wide: int = 1
    high: int = 1


@dataclass(frozen=True, slots=True)
class PrintedQr:
    """A QR code in the middle, `dots` printer dots a module."""

    payload: str
    dots: int


@dataclass(frozen=True, slots=True)
class PrintedCut:
    """The paper is cut here."""


Printed = PrintedLine | PrintedQr | PrintedCut

_QR_DOTS = {32: 5, 48: 6}
_BLANK = PrintedLine("")


def lay_out(
    receipt: Receipt,
    width_columns: WidthColumns,
    *,
    reprint_mark: str = "",
    on_replaced: Callable[[str], None] | None = None,
) -> list[Printed]:
    """All copies of the receipt in printing order, each ending with its cut.

    `reprint_mark` stands at the top of every copy; `on_replaced` gets each character outside GBK.
    """
    paper = _Paper(width_columns, on_replaced)
    paper.mark(reprint_mark)
    for block in receipt.blocks:
        if isinstance(block, CopyEnd):
            paper.printed.append(PrintedCut())
            paper.mark(reprint_mark)
        else:
            paper.add(block)
    paper.printed.append(PrintedCut())
    return paper.printed


class _Paper:
    """Collects printed lines of one width."""

    def __init__(self, width_columns: int, on_replaced: Callable[[str], None] | None) -> None:
        self.printed: list[Printed] = []
        self._width = width_columns
        self._on_replaced = on_replaced

    def mark(self, reprint_mark: str) -> None:
        """First line of the mark in double size, the rest below it, then a rule: no copy passes for an original."""
        if reprint_mark:
            first, *others = reprint_mark.split("\n")
            self.add(Line(first, "center", bold=True, large=True))
            for other in others:
                self.add(Line(other, "center", bold=True))
            self.add(Rule("*"))

    def add(self, block: Block) -> None:
        match block:
            case Pair(label, value, strong):
                self._pair(label, value, strong)
            case Line(text, align, bold, large):
                size = 2 if large else 1
                self._lines(columns.wrap(self._clean(text), self._width // size), align, bold, size, size)
            case Title(text):
                self._lines(columns.wrap(self._clean(text), self._width // 2), "center", True, 2, 2)
            case Rule(char):
                drawn = self._clean(char) or "-"
                self._lines([drawn * (self._width // columns.width(drawn))])
            case Money(label, amount_fen, with_capitals):
                amount = columns.pair(self._clean(label), money(amount_fen), self._width)
                self._lines(amount, bold=True, high=2)
                if with_capitals:
                    self._pair("大写", capitals(amount_fen), strong=False)
            case Note(text):
                for paragraph in text.split("\n"):
                    self._lines(columns.wrap(self._clean(paragraph), self._width))
            case Qr(payload, caption):
                self.printed.append(PrintedQr(payload, _QR_DOTS[self._width]))
                if caption:
                    self._lines(columns.wrap(self._clean(caption), self._width), "center")
            case Table(rows, header):
                self._table(rows, header)
            case Signatures(labels):
                for label in labels:
                    self._signature(self._clean(label))
            case Blank(lines):
                self.printed.extend([_BLANK] * lines)
            case CopyEnd():
                raise ValueError("a copy ends between blocks")

    def _clean(self, text: str) -> str:
        return columns.printable(text, self._on_replaced)

    def _lines(
        self, texts: list[str], align: Align = "left", bold: bool = False, wide: int = 1, high: int = 1
    ) -> None:
        self.printed.extend([PrintedLine(text, align, bold, wide, high) for text in texts])

    def _pair(self, label: str, value: str, strong: bool) -> None:
        self._lines(columns.pair(self._clean(label), self._clean(value), self._width), bold=strong)

    def _table(self, rows: tuple[tuple[str, ...], ...], header: bool) -> None:
        cleaned = tuple(tuple(self._clean(cell) for cell in row) for row in rows)
        for index, lines in enumerate(columns.table(cleaned, self._width)):
            self._lines(lines, bold=header and index == 0)

    def _signature(self, label: str) -> None:
        """An empty line to write in, then label and underline; a label too long for its line stands above."""
        *above, last = columns.wrap(f"{label}：", self._width)
        self.printed.append(_BLANK)
        self._lines(above)
        room = self._width - columns.width(last)
        self._lines([last + "_" * room] if room >= 8 else [last, "_" * self._width])
