"""Rows as a picture of the paper, for preview, simulator and records; your line belongs here if it draws paper.

The grid is the printer's own: 12 × 24 dots a column, 30 dots a line, so 32 columns are 384 dots and 48 are 576.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from printing.columns import width
from printing.fonts import chinese_font
from printing.receipt_reader import Row, RowKind, Run, wrapped

_CELL = 12
_GLYPH = 24
_LINE = 30
_MARGIN = 28
"""White border of the paper left and right of the printed columns."""
_DESK = 22
"""Grey around the paper."""
_TOOTH = 6
"""Size of the zigzag that the knife leaves."""

LONGEST_DOTS = 20_000
"""A picture ends after 2.5 m of paper: bytes from a broken cable must not fill the memory."""

_PAPER_COLOUR = (253, 252, 247)
_DESK_COLOUR = (228, 231, 235)
_SHADOW_COLOUR = (205, 209, 214)
_INK_COLOUR = (38, 38, 42)
_MARK_COLOUR = (120, 130, 140)


def picture(rows: list[Row], width_columns: int) -> Image.Image:
    """The paper as RGB: one piece for each copy, with what the printer did beside the paper (drawer) as a word.

    Needs a Chinese font (DeviceTrouble when the system has none).
    """
    pieces = [_draw_piece(piece, width_columns) for piece in _pieces(rows, width_columns)]
    paper_width = width_columns * _CELL + 2 * _MARGIN
    height = sum(piece.height + _DESK for piece in pieces) + _DESK
    desk = Image.new("RGB", (paper_width + 2 * _DESK, height), _DESK_COLOUR)
    top = _DESK
    for piece in pieces:
        _lay(desk, piece, top)
        top += piece.height + _DESK
    return desk


def save_png(rows: list[Row], width_columns: int, path: Path) -> None:
    """Write the picture; OSError is the caller's."""
    picture(rows, width_columns).save(path, format="PNG", optimize=True)


def _pieces(rows: list[Row], width_columns: int) -> list[list[Row]]:
    """Rows between cuts, down to `LONGEST_DOTS`; the drawer's row and an empty remainder are no paper."""
    pieces: list[list[Row]] = [[]]
    used = 0
    for row in rows:
        used += 2 * _MARGIN + _DESK if row.kind is RowKind.CUT else _height(row, width_columns)
        if used > LONGEST_DOTS:
            break
        if row.kind is RowKind.CUT:
            pieces.append([])
        elif row.kind is not RowKind.DRAWER:
            pieces[-1].append(row)
    return [piece for piece in pieces if piece] or [[]]


def _lay(desk: Image.Image, piece: Image.Image, top: int) -> None:
    """Put one piece of paper with its cut edges and its shadow on the desk."""
    outline = _outline(piece.width, piece.height)
    shape = Image.new("L", piece.size, 0)
    ImageDraw.Draw(shape).polygon(outline, fill=255)
    shadow = Image.new("RGB", piece.size, _SHADOW_COLOUR)
    desk.paste(shadow, (_DESK + 3, top + 4), shape)
    desk.paste(piece, (_DESK, top), shape)


def _outline(paper_width: int, height: int) -> list[tuple[int, int]]:
    """A zigzag along the top and the bottom."""
    teeth = range(0, paper_width + _TOOTH, _TOOTH)
    upper = [(x, 0 if index % 2 else _TOOTH) for index, x in enumerate(teeth)]
    lower = [(x, height - 1 if index % 2 else height - 1 - _TOOTH) for index, x in enumerate(teeth)]
    return upper + lower[::-1]


def _draw_piece(rows: list[Row], width_columns: int) -> Image.Image:
    heights = [_height(row, width_columns) for row in rows]
    paper_width = width_columns * _CELL + 2 * _MARGIN
    piece = Image.new("RGB", (paper_width, sum(heights) + 2 * _MARGIN), _PAPER_COLOUR)
    top = _MARGIN
    for row, height in zip(rows, heights, strict=True):
        if row.kind is RowKind.TEXT:
            _draw_text(piece, row, top, width_columns)
        elif row.kind is RowKind.QR:
            code = _qr_picture(row.payload, row.dots)
            left = _left(row, code.width, width_columns * _CELL)
            piece.paste(code, (left, top + _LINE // 4))
        top += height
    return piece


def _height(row: Row, width_columns: int) -> int:
    match row.kind:
        case RowKind.TEXT:
            return sum(_line_height(part) for part in wrapped(row, width_columns))
        case RowKind.QR:
            return _qr_picture(row.payload, row.dots).height + _LINE // 2
        case RowKind.FEED:
            return row.lines * _LINE
        case _:
            return 0


def _line_height(row: Row) -> int:
    return max((run.high * _GLYPH for run in row.runs), default=_GLYPH) + _LINE - _GLYPH


def _left(row: Row, used: int, available: int) -> int:
    room = max(available - used, 0)
    return _MARGIN + {"left": 0, "center": room // 2, "right": room}[row.align]


def _draw_text(piece: Image.Image, row: Row, top: int, width_columns: int) -> None:
    """Characters on the grid, standing on a common base line when sizes are mixed."""
    for part in wrapped(row, width_columns):
        left = _left(part, part.width_columns * _CELL, width_columns * _CELL)
        tallest = max((run.high for run in part.runs), default=1)
        for run in part.runs:
            left = _draw_run(piece, run, left, top + (tallest - run.high) * _GLYPH)
        top += _line_height(part)


def _draw_run(piece: Image.Image, run: Run, left: int, top: int) -> int:
    """Draw from `left`; returns where the next run begins."""
    for char in run.text:
        cells = width(char) * run.wide
        if not char.isspace():
            mask = _glyph(char, cells, run.high, run.bold)
            piece.paste(_INK_COLOUR, (left, top), mask)
        left += cells * _CELL
    return left


@lru_cache(maxsize=4096)
def _glyph(char: str, cells: int, high: int, bold: bool) -> Image.Image:
    """A character as a mask of cells × 12 by high × 24 dots, stretched as a printer stretches its font."""
    box = (cells * _CELL, high * _GLYPH)
    natural = width(char) * _CELL
    scale = max(box[0] // natural, high)
    font = _font(_GLYPH * scale - 2 * scale)
    mask = Image.new("L", (natural * scale, _GLYPH * scale), 0)
    middle = (natural * scale / 2, _GLYPH * scale * 0.83)
    draw = ImageDraw.Draw(mask)
    length = font.getlength(char)
    if char in "_-=*" or length <= natural * scale:
        draw.text(middle, char, fill=255, font=font, anchor="ms", stroke_width=scale * 0.5 if bold else 0)
    else:
        # a proportional Latin letter (W, m, @) wider than its cell is narrowed, never cut
        broad = Image.new("L", (round(length), _GLYPH * scale), 0)
        ImageDraw.Draw(broad).text(
            (length / 2, middle[1]),
            char,
            fill=255,
            font=font,
            anchor="ms",
            stroke_width=scale * 0.5 if bold else 0,
        )
        mask = broad.resize(mask.size, Image.Resampling.LANCZOS)
    return mask if mask.size == box else mask.resize(box, Image.Resampling.LANCZOS)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    found = chinese_font()
    return ImageFont.truetype(str(found.path), size, index=found.subfont_index)


@lru_cache(maxsize=32)
def _qr_picture(payload: str, dots: int) -> Image.Image:
    """The code as a printer draws it: level M, no border of its own (the paper is white)."""
    import qrcode  # type: ignore[import-untyped]  # heavy, and only needed for pictures

    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=0)
    code.add_data(payload.encode(), optimize=0)
    code.make(fit=True)
    matrix = code.get_matrix()
    size = len(matrix)
    small = Image.new("RGB", (size, size), _PAPER_COLOUR)
    for y, line in enumerate(matrix):
        for x, dark in enumerate(line):
            if dark:
                small.putpixel((x, y), _INK_COLOUR)
    scale = min(max(dots, 1), 16)
    return small.resize((size * scale, size * scale), Image.Resampling.NEAREST)
