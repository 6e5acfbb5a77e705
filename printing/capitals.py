"""Chinese capital amounts (大写) as bills need them; your line belongs here if it spells money in words.

Own code rather than cn2an: the words stand live under the amount field, and cn2an's first import holds the
interpreter for about 0.2 s and each call for about 18 µs; this takes about 1 µs and imports nothing. cn2an is
the judge in the tests. Rules: 支付结算办法, annex on writing bills.
"""

from __future__ import annotations

from functools import lru_cache

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


@lru_cache(maxsize=512)
def capitals(amount_fen: int) -> str:
    """Fen → `人民币…`: ends at 元 or 角 with one 整 after 元 only; with 分 without 整; a gap of zeros is one 零.

    `140950` → 人民币壹仟肆佰零玖元伍角, `1640902` → …零玖元零贰分, `0` → 人民币零元整; a negative amount
    (reversals) carries 负 after 人民币. Below 10^16 yuan, else ValueError.
    """
    sign = "负" if amount_fen < 0 else ""
    yuan, cents = divmod(abs(amount_fen), 100)
    jiao, fen = divmod(cents, 10)
    words = f"{_whole(yuan)}元" if yuan else ""
    if not cents:
        return f"人民币{sign}{words or '零元'}整"
    if jiao:
        words += f"{_DIGITS[jiao]}角"
    elif words:
        words += "零"
    if fen:
        words += f"{_DIGITS[fen]}分"
    return f"人民币{sign}{words}"


def _whole(yuan: int) -> str:
    """A positive whole number in capitals, by groups of four digits from the right."""
    if yuan >= 10**16:
        raise ValueError(f"amount too large for capitals: {yuan} yuan")
    words = ""
    gap = False
    for index in range(len(_GROUPS) - 1, -1, -1):
        group = yuan // 10 ** (4 * index) % 10_000
        if not group:
            gap = bool(words)
            continue
        if words and (gap or group < 1000):
            words += "零"
        gap = False
        # 万亿 is written 万 when 亿 follows with its own digits: 壹万贰仟亿 has one 亿
        unit = "万" if index == 3 and yuan // 10**8 % 10_000 else _GROUPS[index]
        words += _four(group) + unit
    return words


def _four(group: int) -> str:
    """1 … 9999 in capitals without leading 零 (壹拾, never a bare 拾)."""
    words = ""
    gap = False
    for place in (3, 2, 1, 0):
        digit = group // 10**place % 10
        if not digit:
            gap = bool(words)
            continue
        words += ("零" if gap else "") + _DIGITS[digit] + _PLACES[place]
        gap = False
    return words
