"""Typed dates and times → values of the hall's calendar. No Qt, no desk.

Your line belongs here if a clerk types a day or a moment and the page must say what is wrong with it.
"""

from __future__ import annotations

import datetime as dt

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.shifts import HALL_ZONE

_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def day_of(field: str, typed: str) -> dt.date:
    """`2026-12-01` → that day. `Refused` names the field."""
    return _read(f"日期“{field}”", typed, "%Y-%m-%d", "2026-12-01").date()


def moment_of(field: str, typed: str) -> dt.datetime:
    """`2026-12-01 08:15` on the hall's clock → that moment, aware. `Refused` names the field."""
    return _read(field, typed, "%Y-%m-%d %H:%M", "2026-12-01 08:15")


def _read(field: str, typed: str, form: str, example: str) -> dt.datetime:
    plain = " ".join(typed.translate(_HALF_WIDTH).split())
    try:
        if not plain.isascii():
            raise ValueError(plain)
        return dt.datetime.strptime(plain, form).replace(tzinfo=HALL_ZONE)
    except ValueError:
        raise Refused(
            Reason.VALUE_NOT_ALLOWED, field=field, typed=typed.strip() or f"未填，例如 {example}"
        ) from None
