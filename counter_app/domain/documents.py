"""Identity documents as the reader or a clerk gives them, before anybody compares them with a holder."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass


class DocumentKind(enum.Enum):
    """Which document; the values are stored."""

    RESIDENT = "resident"
    FOREIGNER_2017 = "foreigner_i"
    RESIDENCE_PERMIT = "residence_permit_j"
    FOREIGNER_2023 = "foreigner_y"
    PASSPORT = "passport"
    LICENCE = "licence"


@dataclass(frozen=True, slots=True)
class IdDocument:
    """What stands on one identity document.

    `number` is upper case without spaces; `valid_to` is None with `long_term` for 长期, and None without it when
    the field could not be read. `warnings` are Chinese sentences (damaged field, birth date differs …).
    `read_by_machine` is False for a document that somebody typed.
    """

    kind: DocumentKind
    name: str
    number: str
    sex: str = ""
    nation: str = ""
    birth: dt.date | None = None
    address: str = ""
    authority: str = ""
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    long_term: bool = False
    read_by_machine: bool = True
    warnings: tuple[str, ...] = ()


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"


def normalise_id_number(typed: str) -> str:
    """Typed number → upper case without spaces and hyphens, full-width digits made plain."""
    plain = typed.translate({code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)})
    return "".join(plain.split()).replace("-", "").upper()


def check_digit(first_17: str) -> str:
    """The 18th character of a citizen number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    return _CHECK[sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first_17, strict=True)) % 11]


def id_number_holds(number: str) -> bool:
    """Whether an 18-character citizen number has the right form, a real birth date and the right check digit."""
    if len(number) != 18 or not number[:17].isascii() or not number[:17].isdigit():
        return False
    try:
        dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return check_digit(number[:17]) == number[17]
