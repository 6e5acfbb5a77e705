"""Text in the columns of a Chinese receipt printer; your line belongs here if it counts or breaks columns.

One column is one byte on the wire: ASCII takes one, every other character the printer knows (GBK) takes two,
and that includes what Unicode calls ambiguous (·, —, …, ×).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from itertools import zip_longest

UNPRINTABLE = "〓"
"""Stands for a character that GBK lacks; the caller prints the document tail beside a name that has one."""

_SAME_THING = str.maketrans(
    {
        "¥": "￥",  # four bytes in GB18030, printed as "0" "6" by a GBK printer
        "\u00a0": " ",
        "\u2212": "-",
        "•": "·",
        "‧": "·",
        "\u2011": "-",
        "\t": " ",
        "\n": " ",
        "\r": " ",
    }
)
_NEVER_FIRST = frozenset("，。、；：？！）》〉」』】〕”’…—％·,.;:?!)]}%")
_NEVER_LAST = frozenset("（《〈「『【〔“‘￥([{")


def printable(text: str, on_replaced: Callable[[str], None] | None = None) -> str:
    """`text` as the printer can print it: ￥ for ¥, plain spaces, no control or invisible characters, and 〓 for
    each character outside GBK, which is told to `on_replaced` once per occurrence.

    The answer is GBK throughout, two bytes or ASCII a character, and holds no command bytes.
    """
    if text.isascii() and text.isprintable():
        return text
    try:
        text.encode("gbk")
    except UnicodeEncodeError:
        pass
    else:
        if text.isprintable():
            return text
    return "".join(_printable_char(char, on_replaced) for char in text.translate(_SAME_THING))


def _printable_char(char: str, on_replaced: Callable[[str], None] | None) -> str:
    category = unicodedata.category(char)
    if category in ("Cc", "Cf") or _is_variation_selector(char):
        return ""
    for candidate in (char, unicodedata.normalize("NFC", char)):
        try:
            candidate.encode("gbk")
        except UnicodeEncodeError:
            continue
        return candidate
    if on_replaced is not None:
        on_replaced(char)
    return UNPRINTABLE


def _is_variation_selector(char: str) -> bool:
    """Names typed with a modern input method carry these after a glyph variant; they print nothing."""
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def unprintable(text: str) -> tuple[str, ...]:
    """The characters of `text` that would print as 〓, in order; empty for nearly every name."""
    found: list[str] = []
    printable(text, found.append)
    return tuple(found)


def width(text: str) -> int:
    """Columns of printable text on the paper."""
    return len(text) if text.isascii() else len(text.encode("gbk"))


def wrap(text: str, width_columns: int) -> list[str]:
    """Break printable text into lines of at most `width_columns` (≥ 2) without splitting a wide character.

    Breaks at spaces and between Chinese characters, keeps Latin words and numbers whole where they fit, and
    starts no line with closing punctuation nor ends one with an opening bracket where that can be avoided.
    """
    if width(text) <= width_columns:
        return [text]
    lines: list[str] = []
    line: list[str] = []
    used = 0
    for token in _tokens(text, width_columns):
        size = width(token)
        if used + size <= width_columns:
            line.append(token)
            used += size
            continue
        if token == " ":
            # the space at which a line breaks is not printed
            lines.append("".join(line).rstrip(" "))
            line, used = [], 0
            continue
        carried = [token]
        while len(line) > 1 and (carried[0][0] in _NEVER_FIRST or line[-1] in _NEVER_LAST):
            moved = line.pop()
            if width("".join(carried)) + width(moved) > width_columns:
                line.append(moved)
                break
            carried.insert(0, moved)
        lines.append("".join(line).rstrip(" "))
        line = carried
        while line and line[0] == " ":
            line.pop(0)
        used = width("".join(line))
    if line:
        lines.append("".join(line).rstrip(" "))
    return [line for line in lines if line] or [""]


def _tokens(text: str, width_columns: int) -> list[str]:
    """Spaces and wide characters one by one, ASCII words whole unless they are longer than a line."""
    tokens: list[str] = []
    word = ""
    for char in text:
        if char.isascii() and char != " ":
            word += char
            if len(word) == width_columns:
                tokens.append(word)
                word = ""
            continue
        if word:
            tokens.append(word)
            word = ""
        tokens.append(char)
    if word:
        tokens.append(word)
    return tokens


_NARROWEST_VALUE = 10
"""A value column narrower than five Chinese characters is not readable: the value gets its own lines instead."""


def pair(label: str, value: str, width_columns: int) -> list[str]:
    """Label at the left, value flush right on the same line; a long value wraps under its own column."""
    label_width = width(label)
    gap = width_columns - label_width - width(value)
    if gap >= 1 or not value:
        return [label + " " * max(gap, 0) + value] if value else wrap(label, width_columns)
    column = label_width + 2
    if width_columns - column < _NARROWEST_VALUE:
        return [*wrap(label, width_columns), *("  " + part for part in wrap(value, width_columns - 2))]
    first, *rest = wrap(value, width_columns - column)
    return [f"{label}  {first}", *(" " * column + part for part in rest)]


def table(rows: tuple[tuple[str, ...], ...], width_columns: int) -> list[list[str]]:
    """The lines of each row: first column left, the others right-aligned; cells wrap inside their column.

    Rows may end early. Where the columns do not fit side by side at all, a row becomes running text.
    """
    count = max((len(row) for row in rows), default=0)
    if not count:
        return [[] for _ in rows]
    filled = [row + ("",) * (count - len(row)) for row in rows]
    others = [max(width(row[i]) for row in filled) for i in range(1, count)]
    first = width_columns - sum(others) - len(others)
    if first < min(_NARROWEST_VALUE, max(width(row[0]) for row in filled)):
        share = (width_columns - (count - 1)) // count
        others = [min(size, max(share, 2)) for size in others]
        first = width_columns - sum(others) - len(others)
    if first < 2:
        return [wrap(" ".join(row).rstrip(" "), width_columns) for row in filled]
    return [_row([wrap(row[0], first), *map(wrap, row[1:], others)], [first, *others]) for row in filled]


def _row(cells: list[list[str]], widths: list[int]) -> list[str]:
    """Wrapped cells side by side."""
    lines: list[str] = []
    for parts in zip_longest(*cells, fillvalue=""):
        line = parts[0] + " " * (widths[0] - width(parts[0]))
        for part, size in zip(parts[1:], widths[1:], strict=True):
            line += " " + " " * (size - width(part)) + part
        lines.append(line.rstrip(" "))
    return lines
