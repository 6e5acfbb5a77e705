"""What a day's report says, as frozen values; your line belongs here if it names a figure of a printed report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from counter_app.domain.shifts import CashCount, SlipCheck


@dataclass(frozen=True, slots=True)
class BusinessLine:
    """Operations of one kind, tender and clerk. `amount_fen` is signed: reversals are their own kind, negative."""

    kind_name: str
    tender_name: str
    staff: str
    count: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class SumLine:
    """Operations that share a name (kind, tender or clerk), and their amounts per tender in the report's order."""

    name: str
    count: int
    amounts_fen: tuple[int, ...]

    @property
    def amount_fen(self) -> int:
        """Over all tenders."""
        return sum(self.amounts_fen)


@dataclass(frozen=True, slots=True)
class TillLine:
    """One closed till.

    `cash_in_fen` and `cash_out_fen` are all cash after the opening, business included; `difference_fen` is what
    was stored at closing, counted − expected: over (长款) positive, short (短款) negative. `reason` and
    `signed_by` are filled when it is not zero or `slips` of stand-alone terminals do not fit.
    """

    counter_no: int
    staff: str
    opening_fen: int
    cash_in_fen: int
    cash_out_fen: int
    expected_fen: int
    counted_fen: int
    difference_fen: int
    reason: str = ""
    signed_by: str = ""
    count: CashCount = field(default_factory=CashCount)
    slips: tuple[SlipCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingLine:
    """An open intent that the manager let pass: what, where, since when (text) and how much."""

    what: str
    counter_no: int
    since: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Where a shift's audit chain stands: `head` is the first characters of the last HMAC in hex."""

    shift: str
    seq: int
    head: str


@dataclass(frozen=True, slots=True)
class ReceivableLine:
    """Money that a card still owes the hall; `card_no` is masked."""

    card_no: str
    reason: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class DayReport:
    """营业日报表 of one hall and one business date. `printed_at` is text in the hall's zone."""

    hall_name: str
    business_date: dt.date
    printed_at: str
    printed_by: str
    business: tuple[BusinessLine, ...] = ()
    tills: tuple[TillLine, ...] = ()
    pending: tuple[PendingLine, ...] = ()
    receivables: tuple[ReceivableLine, ...] = ()
    chain_heads: tuple[ChainHead, ...] = ()
    reversals: int = 0
    loss_reports: int = 0
    losses_cancelled: int = 0
    replacements: int = 0
    signatures: tuple[str, ...] = ("制表", "复核", "主管")

    @property
    def tenders(self) -> tuple[str, ...]:
        """Tender names in the order in which they first appear."""
        return tuple(dict.fromkeys(line.tender_name for line in self.business))

    @property
    def by_kind(self) -> tuple[SumLine, ...]:
        """Totals per kind of business."""
        return self._sums(lambda line: line.kind_name)

    @property
    def by_staff(self) -> tuple[SumLine, ...]:
        """Totals per clerk."""
        return self._sums(lambda line: line.staff)

    @property
    def total(self) -> SumLine:
        """Everything, per tender."""
        sums = self._sums(lambda _line: "合计")
        return sums[0] if sums else SumLine("合计", 0, ())

    @property
    def counted(self) -> CashCount:
        """All tills' notes and coins together."""
        pieces: dict[int, int] = {}
        for till in self.tills:
            for denomination_fen, count in till.count.pieces:
                pieces[denomination_fen] = pieces.get(denomination_fen, 0) + count
        return CashCount(tuple(sorted(pieces.items(), reverse=True)))

    @property
    def counted_fen(self) -> int:
        """Cash of all tills as counted."""
        return sum(till.counted_fen for till in self.tills)

    def _sums(self, name_of: Callable[[BusinessLine], str]) -> tuple[SumLine, ...]:
        tenders = self.tenders
        counts: dict[str, int] = {}
        amounts: dict[str, list[int]] = {}
        for line in self.business:
            name = name_of(line)
            counts[name] = counts.get(name, 0) + line.count
            row = amounts.setdefault(name, [0] * len(tenders))
            row[tenders.index(line.tender_name)] += line.amount_fen
        return tuple(SumLine(name, counts[name], tuple(row)) for name, row in amounts.items())
