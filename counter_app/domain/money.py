"""Money: whole fen inside, yuan text at the edge; one parser and one formatter for the whole program."""

from __future__ import annotations

import re
import unicodedata

from counter_app.domain.errors import Reason, Refused

LARGEST_TYPED_FEN = 10_000_000_00
"""No single typed amount may exceed ten million yuan: a longer number is a slip of the finger or a card number."""

_PLAIN = re.compile(r"(\d{1,12})(?:\.(\d*))?", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)


def parse_yuan(typed: str) -> int:
    """Typed yuan text → fen (> 0).

    Accepts full-width digits, point and comma of a Chinese input method, thousands commas and a leading ￥ or ¥;
    refuses signs, exponents and digits of other scripts.
    """
    text = "".join(unicodedata.normalize("NFKC", char) if char in _FULL_WIDTH else char for char in typed)
    text = text.strip().removeprefix("¥").removesuffix("元").strip()
    if not text:
        raise Refused(Reason.AMOUNT_EMPTY)
    if text.startswith(("-", "\u2212", "\uff0d")):
        raise Refused(Reason.AMOUNT_NOT_POSITIVE)
    if "," in text:
        if not _GROUPED.fullmatch(text):
            raise Refused(Reason.AMOUNT_NOT_A_NUMBER, typed=typed[:20])
        text = text.replace(",", "")
    if re.fullmatch(r"\d{13,}(\.\d*)?", text, re.ASCII):
        raise Refused(Reason.AMOUNT_TOO_LARGE, limit=yuan(LARGEST_TYPED_FEN))
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise Refused(Reason.AMOUNT_NOT_A_NUMBER, typed=typed[:20])
    whole, part = match.group(1), match.group(2) or ""
    if len(part) > 2:
        raise Refused(Reason.AMOUNT_TOO_FINE)
    fen = int(whole) * 100 + int(part.ljust(2, "0"))
    if fen == 0:
        raise Refused(Reason.AMOUNT_NOT_POSITIVE)
    if fen > LARGEST_TYPED_FEN:
        raise Refused(Reason.AMOUNT_TOO_LARGE, limit=yuan(LARGEST_TYPED_FEN))
    return fen


_FULL_WIDTH = frozenset(chr(code) for code in (*range(0xFF10, 0xFF1A), 0xFF0E, 0xFF0C, 0xFFE5, 0x3000))
"""Full-width 0-9 . , ￥ and space: what a Chinese input method types; other scripts' digits stay refused."""


def yuan(amount_fen: int) -> str:
    """Fen → text with grouping and two decimals, e.g. `-1234506` → `-12,345.06`. No currency sign."""
    sign = "-" if amount_fen < 0 else ""
    whole, part = divmod(abs(amount_fen), 100)
    return f"{sign}{whole:,}.{part:02d}"


def money(amount_fen: int) -> str:
    """Fen → text with the full-width sign that Chinese receipt printers can print, e.g. `￥100.00`."""
    return f"-￥{yuan(-amount_fen)}" if amount_fen < 0 else f"￥{yuan(amount_fen)}"


DENOMINATIONS_FEN: tuple[int, ...] = (100_00, 50_00, 20_00, 10_00, 5_00, 1_00, 50, 10)
"""Notes and coins in circulation at the counter, largest first (100 … 1 yuan, 5 jiao, 1 jiao)."""


def notes_for(amount_fen: int) -> tuple[tuple[int, int], ...]:
    """The fewest notes for a change: ((denomination_fen, pieces), …). Fen below 1 jiao are left over."""
    notes: list[tuple[int, int]] = []
    for denomination in DENOMINATIONS_FEN:
        pieces, amount_fen = divmod(amount_fen, denomination)
        if pieces:
            notes.append((denomination, pieces))
    return tuple(notes)
