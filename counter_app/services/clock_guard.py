"""Notices a clock that was set back: warns the clerk, audits it once, and changes nothing else.

The business date and the sequence never follow the clock backwards (`next_business_date`, the fence), so the work
goes on; what suffers is every time of day on paper and in the audit until somebody sets the clock right.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

from counter_app.domain.shifts import clock_text
from counter_app.storage import ledger

if TYPE_CHECKING:
    from counter_app.domain.asking import Asked
    from counter_app.storage.database import Database, Transaction

log = logging.getLogger(__name__)

TOLERANCE = dt.timedelta(minutes=2)
"""So much two counters of a hall, or a clock set right by its server, may differ."""


class ClockGuard:
    """Compares the clock with the latest moment that was written down; used on the desk lane only."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._newest: dt.datetime | None = None
        self._told = False

    def begin(self) -> None:
        """Somebody signs in: what was written down meanwhile, at other counters too, is read at the next look."""
        self._newest = None

    def look(self, asked: Asked) -> str:
        """A sentence for the clerk while the clock stands more than two minutes before the last record, else ""."""
        now = self._database.clock()
        if self._newest is None:
            self._newest = self._database.read(ledger.last_moment) or now
        newest = self._newest
        if now >= newest - TOLERANCE:
            self._newest = max(newest, now)
            self._told = False
            return ""
        if not self._told:

            def unit(tx: Transaction) -> None:
                ledger.note(
                    tx, asked, "clock_back", {"now": now.isoformat(), "last_record": newest.isoformat()}
                )

            self._database.write(unit)
            self._told = True
            log.warning("the clock stands at %s, the last record at %s", now, newest)
        minutes = int((newest - now).total_seconds() // 60)
        return (
            f"电脑时间比最后一笔记录（{clock_text(newest)}）早 {minutes} 分钟。"
            "业务日期和流水号不受影响，可以继续办理，请通知管理员校准时间。"
        )
