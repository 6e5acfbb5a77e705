"""日结: see whether a business day is ready, seal it, and tell what it came to."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from counter_app.domain import masking
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import StaffNo
from counter_app.domain.ledger import OperationKind, TenderKind, till_account
from counter_app.domain.money import money
from counter_app.domain.reports import (
    BusinessLine,
    ChainHead,
    DayReport,
    PendingLine,
    ReceivableLine,
    TillLine,
)
from counter_app.domain.requests import CloseDay, DayClosed
from counter_app.domain.shifts import TillState, clock_text
from counter_app.domain.staff import SYSTEM_STAFF_NO, Right, StaffMember, may
from counter_app.services import approvals, receipts
from counter_app.services.cash_desk import slips_counted
from counter_app.storage import intents, ledger, papers, people, reports, shifts
from counter_app.storage.intents import Intent, IntentState
from counter_app.storage.shifts import ShiftRow
from printing.receipt import Pair, Rule, Table

if TYPE_CHECKING:
    from counter_app.domain.asking import Asked
    from counter_app.domain.views import Tone
    from counter_app.services.hall import HallAtCounter
    from counter_app.storage.database import Transaction
    from counter_app.storage.reports import KindRow

HEAD_CHARACTERS = 16
"""So much of a chain head stands on paper: enough that no forger finds another chain that ends so."""

_TILL_STATE: dict[TillState, tuple[str, Tone]] = {
    TillState.OPEN: ("钱箱未关", "bad"),
    TillState.COUNTED: ("已点钞，未关箱", "bad"),
    TillState.CLOSED: ("已关箱", "good"),
}
_INTENT_WORDS = {
    IntentState.RESERVED: "补卡办理中",
    IntentState.SENT: "等终端答复",
    IntentState.APPROVED: "终端已批准，未入账",
    IntentState.UNKNOWN: "POS 结果未知",
}
_UNDOING = (OperationKind.REVERSE, OperationKind.CORRECT)
_KIND_WORDS = {OperationKind.REPLACE_CARD: "补卡工本费"}


@dataclass(frozen=True, slots=True)
class DayLine:
    """One thing to be in order before the day is sealed; `bad` lines keep it open, `warn` lines do not."""

    what: str
    state: Tone
    detail: str


@dataclass(frozen=True, slots=True)
class TillOfDay:
    """One drawer of the day, without what it should hold."""

    counter_no: int
    staff: str
    state: TillState
    state_text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class DayView:
    """How far a business day is; `anchor` and `closed_by` are filled once it is sealed.

    `by_hour` are (hour of the hall's clock, operations with customers), hours without any left out.
    """

    business_date: dt.date
    closed: bool
    tills: tuple[TillOfDay, ...]
    lines: tuple[DayLine, ...]
    pending: int
    waiting_prints: int
    parked: int
    closed_by: str = ""
    closed_at: str = ""
    anchor: str = ""
    by_hour: tuple[tuple[int, int], ...] = ()

    @property
    def ready(self) -> bool:
        """Whether the day may be sealed now."""
        return not self.closed and all(line.state != "bad" for line in self.lines)


class ClosingDesk:
    """The hall's business days, closed from one counter."""

    def __init__(self, at: HallAtCounter) -> None:
        self._at = at
        self._database = at.database

    # --- looking ------------------------------------------------------------------------------------------------

    def day_view(self, business_date: dt.date | None = None) -> DayView:
        """The named business date, else the oldest one that is still open."""
        return self._database.read(lambda tx: self._day_view(tx, business_date or _oldest_open(tx)))

    def _day_view(self, tx: Transaction, date: dt.date) -> DayView:
        names = people.names(tx, date)
        rows = shifts.shifts_of_day(tx, date)
        tills = tuple(
            TillOfDay(
                row.counter_no, _person(row.staff_no, names), row.till_state, *_TILL_STATE[row.till_state]
            )
            for row in sorted(rows, key=lambda row: (row.counter_no, row.ordinal))
            if row.till_state is not TillState.NONE
        )
        flying = _open_intents(tx, rows)
        prints, parked = papers.waiting_by_counter(tx), papers.parked_by_counter(tx)
        day = shifts.day(tx, date)
        closed = day is not None and day.state == "closed"
        lines = () if closed else _lines(tx, date, tills, flying, prints, parked)
        return DayView(
            date,
            closed,
            tills,
            lines,
            len(flying),
            sum(prints.values()),
            sum(parked.values()),
            _person(day.closed_by, names) if day is not None and day.closed_by else "",
            clock_text(day.closed_at) if day is not None and day.closed_at else "",
            (day.anchor or "") if day is not None else "",
            tuple(sorted(reports.by_hour(tx, date).items())),
        )

    # --- closing ------------------------------------------------------------------------------------------------

    def close_day(self, request: CloseDay) -> DayClosed:
        """Seal a business date: by the manager, or with the manager's signature, when everything is in order.

        Every shift of the date is locked, so that no entry slips in behind the totals; afterwards none can be made.
        """
        self._database.keep(request)
        return self._database.run(request, lambda tx: self._close_day(tx, request), DayClosed)

    def _close_day(self, tx: Transaction, request: CloseDay) -> DayClosed:
        asked, date = request.asked, request.business_date
        shifts.lock_open_day(tx, date)
        person = people.load(tx, asked.staff_no, approvals.rights_day(tx))
        approver: StaffNo | None = None
        if person is None or not person.active or not person.member.may(Right.CLOSE_DAY):
            approver = approvals.require(tx, request, self._at.rules, Right.CLOSE_DAY)
        oldest = _oldest_open(tx)
        if oldest != date:
            raise Refused(Reason.DAY_NOT_READY, what=f"{oldest.isoformat()} 还没有日结，须先结较早的一天")
        rows = shifts.shifts_of_day(tx, date, lock=True)
        for row in rows:
            if row.till_state in (TillState.OPEN, TillState.COUNTED):
                state = _TILL_STATE[row.till_state][0]
                raise Refused(
                    Reason.DAY_NOT_READY, what=f"{row.counter_no} 号台（工号 {row.staff_no}）{state}"
                )
        flying = _open_intents(tx, rows)
        if flying:
            raise Refused(Reason.OPEN_INTENTS, count=len(flying), what=_INTENT_WORDS[flying[0].state])
        asked = self._in_this_day(tx, asked, date, rows)
        # The chains as they stand before the close is booked: its own link then seals the anchor.
        heads = [
            (row.shift_id, row.last_seq, row.chain_head) for row in shifts.shifts_of_day(tx, date, lock=True)
        ]
        anchor = ledger.day_anchor(tx.keys.audit_key, date, heads)
        fence = ledger.fence(tx, asked)
        operations, debit_fen = reports.totals_of_day(tx, date)
        closed = DayClosed(asked.operation_id, fence.receipt_no, date, operations + 1, debit_fen, anchor)
        receipts.save(
            tx,
            self._at,
            fence,
            asked,
            (
                *receipts.head(self._at, tx, fence, "日结单"),
                Pair("业务日期", date.isoformat(), strong=True),
                Table((("业务", "笔数", "金额"), *_sums_on_paper(reports.of_day(tx, date)))),
                Rule(),
                Pair("业务笔数", str(closed.operations)),
                Pair("借贷发生额", money(debit_fen)),
                Pair("锁账锚值", anchor[:HEAD_CHARACTERS], strong=True),
                *((Pair("主管授权", approver),) if approver else ()),
                *((Pair("说明", masking.mask_pan(request.note)),) if request.note else ()),
            ),
            signatures=("制表", "复核", "主管"),
            notes=(),
        )
        ledger.record(
            tx,
            fence,
            request,
            OperationKind.CLOSE_DAY,
            closed,
            approver=approver,
            reason=masking.mask_pan(request.note),
        )
        shifts.close_day(tx, date, approver or asked.staff_no, anchor)
        return closed

    def _in_this_day(self, tx: Transaction, asked: Asked, date: dt.date, rows: tuple[ShiftRow, ...]) -> Asked:
        """The same person in a shift of the day that is closed; a forgotten day gets one for its close alone."""
        for row in rows:
            if (row.staff_no, row.counter_no, row.state) == (asked.staff_no, asked.counter_no, "open"):
                return dataclasses.replace(asked, shift_id=row.shift_id)
        made = shifts.open_shift_on(tx, asked.counter_no, asked.staff_no, date)
        return dataclasses.replace(asked, shift_id=made.shift_id)

    # --- reporting ----------------------------------------------------------------------------------------------

    def day_report(self, asked: Asked, business_date: dt.date | None = None) -> DayReport:
        """营业日报表, a draft until the day is sealed; the oldest open date unless one is named. Looking is audited.

        While a drawer is open its cash could be told from the sums, so until then the report is for the manager.
        """

        def unit(tx: Transaction) -> DayReport:
            date = business_date or _oldest_open(tx)
            rows = shifts.shifts_of_day(tx, date)
            person = people.load(tx, asked.staff_no, approvals.rights_day(tx))
            counting = [row.staff_no for row in rows if row.till_state in (TillState.OPEN, TillState.COUNTED)]
            if counting and (person is None or not _sees_cash(person.member, counting)):
                raise Refused(Reason.RIGHT_MISSING, role="主管")
            ledger.note(tx, asked, "day_report", {"business_date": date.isoformat()})
            return self._report(tx, asked, date)

        return self._database.write(unit)

    def _report(self, tx: Transaction, asked: Asked, date: dt.date) -> DayReport:
        names = people.names(tx, date)
        kinds = reports.of_day(tx, date)
        rows = sorted(shifts.shifts_of_day(tx, date), key=lambda row: (row.counter_no, row.ordinal))
        day = shifts.day(tx, date)

        def count(*wanted: OperationKind) -> int:
            return sum(row.count for row in kinds if row.kind in wanted)

        heads = [
            ChainHead(
                f"{row.counter_no} 号台 {_person(row.staff_no, names)} 第 {row.ordinal} 班",
                row.last_seq,
                row.chain_head[:HEAD_CHARACTERS],
            )
            for row in rows
        ]
        if day is not None and day.anchor:
            sealed_by = _person(day.closed_by, names) if day.closed_by else ""
            heads.append(
                ChainHead(
                    f"锁账锚值（{sealed_by}）",
                    sum(row.last_seq for row in rows),
                    day.anchor[:HEAD_CHARACTERS],
                )
            )
        return DayReport(
            hall_name=f"城市通 {self._at.hall.name}",
            business_date=date,
            printed_at=clock_text(tx.now),
            printed_by=_person(asked.staff_no, names),
            business=tuple(
                BusinessLine(
                    _KIND_WORDS.get(row.kind, row.kind.text),
                    row.tender.text,
                    _person(row.staff_no, names),
                    row.count,
                    -row.amount_fen if row.kind in _UNDOING else row.amount_fen,
                )
                for row in kinds
                if row.tender is not TenderKind.NONE
            ),
            tills=tuple(_till_line(tx, row, date, names) for row in reports.closes_of_day(tx, date)),
            pending=tuple(_pending_line(intent) for intent in _open_intents(tx, tuple(rows))),
            receivables=tuple(
                ReceivableLine(masking.mask_card(row.card_no), row.why, row.amount_fen)
                for row in reports.receivables_of_day(tx, date)
            ),
            chain_heads=tuple(heads),
            reversals=count(*_UNDOING),
            loss_reports=count(OperationKind.REPORT_LOSS),
            losses_cancelled=count(OperationKind.CANCEL_LOSS),
            replacements=count(OperationKind.REPLACE_CARD),
        )


def _sees_cash(person: StaffMember, counting: list[StaffNo]) -> bool:
    """Whether the sums are for this person while these have still to count; a deputy's own drawer stays blind."""
    if person.deputises and person.staff_no in counting:
        return may(person.role, Right.SEE_EXPECTED_CASH)
    return person.may(Right.SEE_EXPECTED_CASH)


def _oldest_open(tx: Transaction) -> dt.date:
    """The business date whose turn it is; today's when everything is sealed."""
    days = shifts.open_days(tx)
    return days[0] if days else shifts.business_date(tx)


def _open_intents(tx: Transaction, rows: tuple[ShiftRow, ...]) -> tuple[Intent, ...]:
    """What the shifts of a day started and nobody has finished."""
    of_day = {row.shift_id for row in rows}
    return tuple(intent for intent in intents.all_open(tx) if intent.shift_id in of_day)


def _lines(
    tx: Transaction,
    date: dt.date,
    tills: tuple[TillOfDay, ...],
    flying: tuple[Intent, ...],
    prints: dict[int, int],
    parked: dict[int, int],
) -> tuple[DayLine, ...]:
    """The list a manager goes through from top to bottom."""
    oldest = _oldest_open(tx)
    lines = []
    if oldest != date:
        lines.append(DayLine("较早的业务日", "bad", f"{oldest.isoformat()} 还没有日结，请先结那一天"))
    if not tills:
        lines.append(DayLine("钱箱", "warn", "当天没有开过钱箱"))
    lines += [
        DayLine(f"{till.counter_no} 号台钱箱", till.tone, f"{till.staff} {till.state_text}") for till in tills
    ]
    if flying:
        words = "，".join(dict.fromkeys(_INTENT_WORDS[intent.state] for intent in flying))
        lines.append(DayLine("未决交易", "bad", f"{len(flying)} 笔（{words}），请在待办中处理"))
    else:
        lines.append(DayLine("未决交易", "good", "没有"))
    lines.append(_per_counter("待打印凭条", prints, "张"))
    lines.append(_per_counter("挂起的客户", parked, "位"))
    return tuple(lines)


def _per_counter(what: str, by_counter: dict[int, int], measure: str) -> DayLine:
    if not by_counter:
        return DayLine(what, "good", "没有")
    detail = "，".join(
        f"{counter_no} 号台 {count} {measure}" for counter_no, count in sorted(by_counter.items())
    )
    return DayLine(what, "warn", detail)


def _person(staff_no: StaffNo, names: dict[StaffNo, str]) -> str:
    """`1001 周敏`; the system's own chain by its word."""
    if staff_no == SYSTEM_STAFF_NO:
        return "系统"
    return f"{staff_no} {names.get(staff_no, '')}".strip()


def _till_line(
    tx: Transaction, row: reports.TillCloseRow, date: dt.date, names: dict[StaffNo, str]
) -> TillLine:
    in_fen, out_fen = reports.moved_between(tx, row.shift_id, till_account(row.counter_no))
    return TillLine(
        row.counter_no,
        _person(row.staff_no, names),
        row.opening_fen,
        in_fen,
        out_fen,
        row.expected_fen,
        row.counted_fen,
        row.difference_fen,
        row.reason,
        _person(StaffNo(row.signed_by), names) if row.signed_by else "",
        shifts.counted(tx, row.shift_id, "close"),
        slips_counted(tx, row.shift_id, date),
    )


def _pending_line(intent: Intent) -> PendingLine:
    return PendingLine(
        _INTENT_WORDS[intent.state], intent.counter_no, clock_text(intent.started_at), intent.amount_fen
    )


def _sums_on_paper(kinds: tuple[KindRow, ...]) -> tuple[tuple[str, str, str], ...]:
    """Customers' business by kind and tender over all clerks; what was undone is negative."""
    sums: dict[str, tuple[int, int]] = {}
    for row in kinds:
        if row.tender is TenderKind.NONE:
            continue
        name = f"{_KIND_WORDS.get(row.kind, row.kind.text)} {row.tender.text}"
        count, amount_fen = sums.get(name, (0, 0))
        signed_fen = -row.amount_fen if row.kind in _UNDOING else row.amount_fen
        sums[name] = (count + row.count, amount_fen + signed_fen)
    if not sums:
        return (("（无业务）", "0", money(0)),)
    return tuple((name, str(count), money(amount_fen)) for name, (count, amount_fen) in sums.items())
