"""Pinyin initials of a person's name, as a clerk types them to find the person: 曾小明 → zxm.

Computed when a holder is enrolled and stored; searching never needs this module.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import islice, product

from counter_app.domain.masking import is_han, split_name

MOST_READINGS = 8
"""Stored rows per person; the least likely spellings beyond it are dropped."""

_MOST_GIVEN_READINGS = 4

_SURNAME_TABLE = """
曾zc 单sd 仇qc 解xj 区oq 查zc 翟zd 乐yl 种cz 覃qt 谌cs 秘bm 折sz 召sz 祭zj 隗wk 郇xh 晟cs 长cz 重cz 句gj 藏zc 莘sx
尉wy 么ym 繁pf 贾jg 乜nm 佴ne 阚kh 宿sx 行xh 强qj 盛sc 颉xj 郗cx
"""
# The letter of the surname reading first, then that of the everyday reading, by which many look the person up.
# Surnames whose readings share the letter (任, 缪, 朴 …) need no entry.

_POLYPHONE_TABLE = """
乐ly 行xh 长cz 朝cz 重zc 晟sc 茜qx 曾zc 单ds 调td 传cz 盛sc 弹td 降jx 宿sx 藏cz 车cj 奇qj 秘mb 系xj 校xj
种zc 覃qt 仇cq 解jx 区qo 查cz 翟dz 尉wy 莘xs 强qj 叶yx 厦sx 纤xq 率sl 扁bp 便bp 屏pb 堡bp 乘cs 兹zc 枞cz
侗dt 否fp 革gj 合hg 给gj 谷gy 炅jg 涡wg 虹hj 缉jq 伽jqg 茄qj 见jx 郇xh 颉jx 筠yj 浚jx 乾qg 荨qx 省sx 识sz 峙zs 属sz
术sz 蔚wy 巷xh 遗yw 荥xy 粘zn 折zs 幢cz 隗wk 靓lj 禅cs 召zs 澄cd 陶ty 汤ts 俟sq 祭jz 吁xy 於yw 歙sx 栖qx 畜xc
参cs 贾jg 埔pb 番fp
"""
# Characters of given names that people read with different first letters, the everyday reading first.

_COMPOUNDS = {"尉迟": "yc", "万俟": "mq", "单于": "cy", "长孙": "zs", "澹台": "tt", "乐正": "yz"}
# Only where the everyday reading of a character would give another letter.

_SURNAMES = {entry[0]: entry[1:] for entry in _SURNAME_TABLE.split()}
_POLYPHONES = {entry[0]: entry[1:] for entry in _POLYPHONE_TABLE.split()}


def initials(name: str) -> tuple[str, ...]:
    """Every sensible spelling by first letters a–z, the surname reading first; empty when no letter can be told.

    曾小明 → ("zxm", "cxm"); 单于飞 → ("cyf", "syf", "dyf"); 王乐 → ("wl", "wy"); Maria Silva → ("ms",);
    买买提·艾力 → ("mmtal",), for a name with a dot has no Chinese surname. At most `MOST_READINGS`.
    The first call imports pypinyin (0.3 s); after that a name takes some microseconds.
    """
    plain = unicodedata.normalize("NFKC", name)
    surname, given = split_name("".join(plain.split()))
    heads = _surname_readings(surname) if surname else ("",)
    tails = _given_readings(given if surname else _one_per_letter(plain))
    if len(heads) == 1 and len(tails) == 1:
        return (heads[0] + tails[0],) if heads[0] or tails[0] else ()
    # Everyday given name with every surname reading first: the likeliest spellings lead.
    spellings = dict.fromkeys(head + tail for tail in tails for head in heads)
    return tuple(islice(spellings, MOST_READINGS))


def _one_per_letter(plain: str) -> str:
    """The characters that stand for one letter each: every Chinese one, and the first of every other word."""
    units = []
    in_word = False
    for char in plain:
        if is_han(char):
            units.append(char)
            in_word = False
        elif char.isalpha() or unicodedata.combining(char):
            if not in_word:
                units.append(char)
            in_word = True
        else:
            in_word = False
    return "".join(units)


@lru_cache(maxsize=2048)
def _surname_readings(surname: str) -> tuple[str, ...]:
    first = surname[0]
    singles = dict.fromkeys(_SURNAMES.get(first, "") + _letters(first)[:1])
    if len(surname) == 1:
        return tuple(singles) or ("",)
    # 单于飞 is most likely of the surname 单于, but may be somebody 单 who is called 于飞.
    second = _letters(surname[1])[:1]
    compound = _COMPOUNDS.get(surname, _letters(first)[:1] + second)
    return tuple(dict.fromkeys((compound, *(single + second for single in singles))))


def _given_readings(given: str) -> tuple[str, ...]:
    choices = [letters for letters in map(_letters, given) if letters]
    return tuple("".join(letters) for letters in islice(product(*choices), _MOST_GIVEN_READINGS))


@lru_cache(maxsize=32768)
def _letters(char: str) -> str:
    """The letters one character may be typed by, everyday reading first; "" when there is none."""
    if char in _POLYPHONES:
        return _POLYPHONES[char]
    if is_han(char):
        from pypinyin import Style, lazy_pinyin

        letter = lazy_pinyin(char, style=Style.FIRST_LETTER, errors="ignore")
        return letter[0][:1] if letter else ""
    plain = unicodedata.normalize("NFKD", char)[:1].lower()
    return plain if "a" <= plain <= "z" else ""
