"""How little of a person or a card may be shown: the same stars on screens, slips, logs and in stored texts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from counter_app.domain.documents import id_number_holds, normalise_id_number

OWN_CARD_PREFIXES: tuple[str, ...] = ("9040",)
"""What the printed numbers of our own cards begin with; they are ours to show, bank cards are not."""

_TWO_CHARACTERS = """
欧阳 司马 上官 诸葛 夏侯 皇甫 尉迟 万俟 长孙 慕容 宇文 令狐 澹台 单于 司徒 司空 公孙 轩辕 东方 独孤 南宫 西门
端木 百里 呼延 赫连 钟离 鲜于 闻人 申屠 濮阳 淳于 拓跋 纳兰 完颜 乐正 亓官 仲孙 公冶 太史 太叔 宗政 闾丘 梁丘
左丘 东郭 颛孙 漆雕 巫马 公西 公羊 谷梁 壤驷 段干 宰父 羊舌 微生 第五 哥舒 贺兰 耶律 即墨 夹谷 东里 南门
"""
COMPOUND_SURNAMES: frozenset[str] = frozenset(_TWO_CHARACTERS.split())
"""Surnames of two characters."""

_DOTS = "·•‧・．"


def split_name(name: str) -> tuple[str, str]:
    """Chinese name → (surname, given name); a name of one part → ("", name) when it is not Chinese."""
    if not name or not all(is_han(char) for char in name):
        return "", name
    length = 2 if len(name) > 2 and name[:2] in COMPOUND_SURNAMES else 1
    return name[:length], name[length:]


def is_han(char: str) -> bool:
    """Whether this is a Chinese character, also one outside the old character sets."""
    return (
        "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff" or "\U00020000" <= char <= "\U0003ffff"
    )


def mask_name(name: str) -> str:
    """王小明 → 王*明, 张三 → 张*, 欧阳明 → 欧阳*, 欧阳小明 → 欧阳*明, Maria Silva → M**** S****.

    A name with dots keeps its first and last character: 阿卜杜拉·买买提 → 阿***·**提.
    """
    name = name.strip()
    surname, given = split_name(name)
    if surname:
        return surname + "*" * max(1, len(given) - 1) + given[1:][-1:]
    if any(dot in name for dot in _DOTS):
        stars = "".join(char if char in _DOTS else "*" for char in name)
        return name[0] + stars[1:-1] + name[-1]
    return " ".join(word[0] + "*" * (len(word) - 1) for word in name.split())


def mask_phone(phone: str) -> str:
    """13812345678 → 138****5678; another number keeps its last four; four digits or fewer keep none."""
    if len(phone) == 11 and phone.startswith("1"):
        return f"{phone[:3]}****{phone[-4:]}"
    return _keep(phone, 0, 4)


def mask_document(number: str) -> str:
    """First and last four of an ID number (1523**********0418), first and last two of a shorter document number."""
    kept = 4 if len(number) >= 12 else 2
    return _keep(number, kept, kept)


def _keep(text: str, first: int, last: int) -> str:
    """All stars where so much would be kept that nothing is hidden."""
    hidden = len(text) - first - last
    if hidden <= 0:
        return "*" * len(text)
    return text[:first] + "*" * hidden + text[len(text) - last :]


def group_card(card_no: str) -> str:
    """9040261100031877 → 9040 2611 0003 1877."""
    return " ".join(card_no[at : at + 4] for at in range(0, len(card_no), 4))


def mask_card(card_no: str) -> str:
    """For receipts: 9040 **** **** 1877."""
    return group_card(_keep(card_no, 4, 4))


# --- bank card numbers in free text ----------------------------------------------------------------------------

_GROUP = re.compile(r"[0-9０-９]+")
_SHORTEST_PAN, _LONGEST_PAN = 13, 19
_OWN_DIGITS = 16
_SEPARATORS = (" ", "-", "\u3000", "\u00a0")


def luhn_holds(digits: str) -> bool:
    """Whether the last of these ASCII digits is their Luhn check digit (ISO/IEC 7812-1)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) << (place & 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mask_pan(text: str, own_prefixes: Sequence[str] = OWN_CARD_PREFIXES) -> str:
    """Free text with every bank card number reduced to its last four digits.

    A bank card number is a Luhn-valid run of 13–19 digits, also full-width, also in groups with single spaces or
    hyphens between them. Left alone: our own numbers (16 digits that begin with one of `own_prefixes`), and valid citizen ID numbers
    (one in ten passes Luhn by chance). The counter must never keep a bank card number (PCI DSS 3.x: BIN and last
    four at most), so in doubt a number that is none is masked too.
    """
    masked = list(text)
    groups = [match.span() for match in _GROUP.finditer(text)]
    first = 0
    while first < len(groups):
        number = _number_from(text, groups[first:], own_prefixes)
        if number is None:
            first += 1
            continue
        length, may_stay = number
        if not may_stay:
            places = [at for start, end in groups[first : first + length] for at in range(start, end)]
            for at in places[:-4]:
                masked[at] = "*"
        first += length
    return "".join(masked)


def _number_from(
    text: str, groups: list[tuple[int, int]], own_prefixes: Sequence[str]
) -> tuple[int, bool] | None:
    """The longest whole number that begins with the first group: (groups it takes, whether it may stay), or None."""
    found: tuple[int, bool] | None = None
    digits, before = "", None
    for length, (start, end) in enumerate(groups, 1):
        if before is not None and text[before:start] not in _SEPARATORS:
            break
        before = end
        digits += normalise_id_number(text[start:end])
        if len(digits) > _LONGEST_PAN:
            break
        x_behind = normalise_id_number(text[end : end + 1]) if len(digits) == 17 else ""
        ours = len(digits) == _OWN_DIGITS and digits.startswith(tuple(own_prefixes))
        if ours or id_number_holds(digits + x_behind):
            return length, True
        if len(digits) >= _SHORTEST_PAN and luhn_holds(digits):
            found = length, False
    return found
