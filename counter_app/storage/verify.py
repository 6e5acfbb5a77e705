"""Recompute the whole ledger of a hall from its rows and name everything that does not fit.

Your line belongs here if it can tell that a row was changed behind the program's back. Nothing here repairs.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from counter_app.domain.ids import AccountId, ShiftId
from counter_app.domain.ledger import AccountKind, OperationKind, account_kind
from counter_app.domain.requests import CountLocked, DayClosed, TillClosed, TillOpened
from counter_app.domain.waiting import Progress, silent
from counter_app.storage import health, ledger, shifts, tables, wire
from counter_app.storage.database import translated

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Row

    from counter_app.storage.database import Database

T = TypeVar("T")

MOST_PROBLEMS = 200
"""Named one by one; beyond that only counted, since a wrong key breaks every single row."""

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was read and what does not fit; `problems` are Chinese sentences for the manager, none when all is well."""

    operations: int
    transfers: int
    debit_fen: int
    credit_fen: int
    links: int
    problems: tuple[str, ...]


def verify(database: Database, progress: Progress = silent) -> VerifyReport:
    """Read every row once over one snapshot, in bounded memory; other counters may go on working.

    `StorageTrouble` when the database cannot be read to the end.
    """
    progress("正在检查数据库文件…")
    broken = health.quick_check(database)
    engine = database.engine
    if engine.dialect.name == "postgresql":
        # Each statement must see the same moment, or a sale made meanwhile would look like a forgery.
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    else:
        engine = engine.execution_options(read_only=True)
    try:
        with engine.connect() as connection, connection.begin():
            check = _Check(connection, database, progress)
            check.problems.extend(broken)
            check.everything()
    except DBAPIError as error:
        if broken:
            return VerifyReport(0, 0, 0, 0, 0, broken)
        raise translated(error) from error
    return check.report()


# --- statements -------------------------------------------------------------------------------------------------

b = sa.bindparam
_shift, _day, _link = tables.shift, tables.business_day, tables.audit
_o, _t, _p, _k, _r = (
    tables.operation,
    tables.transfer,
    tables.payment,
    tables.operation_key,
    tables.reversal_key,
)
_purse, _count, _close = tables.purse, tables.cash_count, tables.till_close

_shifts = (
    sa.select(_shift)
    .where(_shift.c.hall_id == b("hall_id"))
    .order_by(_shift.c.business_date, _shift.c.counter_no, _shift.c.ordinal)
)
_days = sa.select(_day).where(_day.c.hall_id == b("hall_id")).order_by(_day.c.business_date)


def _of_shift(table: sa.Table) -> Sequence[sa.ColumnElement[bool]]:
    return (
        table.c.hall_id == b("hall_id"),
        table.c.business_date == b("business_date"),
        table.c.shift_id == b("shift_id"),
    )


def _same_operation(table: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(
        table.c.hall_id == _o.c.hall_id,
        table.c.business_date == _o.c.business_date,
        table.c.operation_id == _o.c.operation_id,
    )


_links = sa.select(_link).where(*_of_shift(_link)).order_by(_link.c.seq)
_operations = (
    sa.select(
        *_o.c,
        *(column.label(f"p_{column.name}") for column in _p.c),
        _k.c.hall_id.label("k_hall_id"),
        _k.c.business_date.label("k_business_date"),
        _k.c.request_hash.label("k_request_hash"),
        _r.c.reversed_by.label("r_reversed_by"),
    )
    .select_from(
        _o.outerjoin(_p, _same_operation(_p))
        .outerjoin(_k, _k.c.operation_id == _o.c.operation_id)
        .outerjoin(_r, sa.and_(_r.c.hall_id == _o.c.hall_id, _r.c.operation_id == _o.c.reverses_operation_id))
    )
    .where(*_of_shift(_o))
    .order_by(_o.c.seq)
)
# Joined outwards so that operations are walked in the order of the chain: nothing is sorted, however long a shift is.
_lines = (
    sa.select(_o.c.seq, _t.c.line, _t.c.shift_id, _t.c.debit, _t.c.credit, _t.c.amount_fen)
    .select_from(_o.outerjoin(_t, _same_operation(_t)))
    .where(*_of_shift(_o))
    .order_by(_o.c.seq, _t.c.line)
)


def _moved(side: sa.Column[str]) -> sa.ScalarSelect[Any]:
    return (
        sa.select(sa.func.coalesce(sa.func.sum(_t.c.amount_fen), 0))
        .where(_t.c.hall_id == _purse.c.hall_id, side == sa.literal("purse:") + _purse.c.purse_id)
        .scalar_subquery()
    )


# One look into the two account indexes per purse: nothing is sorted or kept, however many purses there are.
_wrong_purses = (
    sa.select(
        _purse.c.purse_id, _purse.c.balance_fen, (_moved(_t.c.credit) - _moved(_t.c.debit)).label("fen")
    )
    .where(
        _purse.c.hall_id == b("hall_id"),
        _purse.c.balance_fen != _moved(_t.c.credit) - _moved(_t.c.debit),
    )
    .limit(MOST_PROBLEMS)
)
_purse_sum = sa.select(sa.func.coalesce(sa.func.sum(_purse.c.balance_fen), 0)).where(
    _purse.c.hall_id == b("hall_id")
)
_counted = sa.select(sa.func.coalesce(sa.func.sum(_count.c.denomination_fen * _count.c.pieces), 0)).where(
    _count.c.hall_id == b("hall_id"), _count.c.shift_id == b("shift_id"), _count.c.phase == b("phase")
)
_close_of = sa.select(_close).where(_close.c.hall_id == b("hall_id"), _close.c.shift_id == b("shift_id"))

_NAMES = {
    _o.name: "业务",
    _t.name: "分录",
    _p.name: "收款记录",
    _k.name: "业务编号",
    _r.name: "冲正记录",
    _link.name: "审计环",
    _close.name: "关箱记录",
}
_counts = {
    name: sa.select(sa.func.count()).select_from(table).where(table.c.hall_id == b("hall_id"))
    for name, table in tables.metadata.tables.items()
    if name in _NAMES
}


# --- the check --------------------------------------------------------------------------------------------------


class _Check:
    """One pass: shift by shift along the chain, then what no chain holds."""

    def __init__(self, connection: Connection, database: Database, progress: Progress) -> None:
        self._connection = connection
        self._hall = {"hall_id": database.hall_id}
        self._keys = database.keys
        self._progress = progress
        self.problems: list[str] = []
        self._unnamed = 0
        self._seen = dict.fromkeys(_NAMES, 0)
        self._debits: dict[AccountKind, int] = dict.fromkeys(AccountKind, 0)
        self._credits: dict[AccountKind, int] = dict.fromkeys(AccountKind, 0)
        self._purses_fen = 0
        self._anchors: dict[str, str] = {}
        """Anchor by business date, as its close was booked."""
        self._heads: dict[str, list[tuple[ShiftId, int, str]]] = {}
        """Ends of the chains by business date, each as it was before the date's close was booked."""
        self._code = ""

    def report(self) -> VerifyReport:
        problems = tuple(self.problems)
        if self._unnamed:
            problems += (f"另有 {self._unnamed} 处不符没有逐条列出。",)
        return VerifyReport(
            self._seen[_o.name],
            self._seen[_t.name],
            sum(self._debits.values()),
            sum(self._credits.values()),
            self._seen[_link.name],
            problems,
        )

    def everything(self) -> None:
        code = sa.select(tables.hall.c.code).where(tables.hall.c.hall_id == b("hall_id"))
        self._code = self._connection.execute(code, self._hall).scalar_one()
        shifts = self._connection.execute(_shifts, self._hall).all()
        for number, shift in enumerate(shifts, start=1):
            self._progress(f"正在核对第 {number}/{len(shifts)} 班…")
            self._one_shift(shift)
        self._progress("正在核对余额和日结…")
        self._strays()
        self._purses()
        self._days()
        debit_fen, credit_fen = sum(self._debits.values()), sum(self._credits.values())
        if debit_fen != credit_fen:
            self._problem(f"借贷不平：借 {debit_fen} 分，贷 {credit_fen} 分")

    def _problem(self, text: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(text)
        else:
            self._unnamed += 1

    def _stream(self, statement: sa.Executable, values: Mapping[str, Any]) -> Iterator[Row[Any]]:
        yield from self._connection.execute(statement, values, execution_options={"yield_per": _ROWS_AT_ONCE})

    # --- one shift ----------------------------------------------------------------------------------------------

    def _one_shift(self, shift: Row[Any]) -> None:
        where = {**self._hall, "business_date": shift.business_date, "shift_id": shift.shift_id}
        name = f"班次 {shift.business_date} {shift.counter_no} 号台 {shift.staff_no} 第 {shift.ordinal} 班"
        head, seq, receipts = shifts.CHAIN_START, 0, 0
        before_close: tuple[int, str] | None = None
        booked = self._booked(where)
        following = next(booked, None)
        for link in self._stream(_links, where):
            self._seen[_link.name] += 1
            while following is not None and following[0].seq < link.seq:
                receipts += 1
                self._problem(f"{name}：业务 {following[0].receipt_no} 没有审计环")
                following = next(booked, None)
            if link.seq != seq + 1:
                self._problem(f"{name}：审计链第 {seq + 1} 至 {link.seq - 1} 环缺失")
            if not self._genuine(link, head, shift):
                self._problem(f"{name}：审计链第 {link.seq} 环被改动")
            booking = _booking(link.payload)
            if following is not None and following[0].seq == link.seq:
                row, lines = following
                receipts += 1
                self._one_operation(name, shift, row, lines, booking, receipts)
                if row.kind == OperationKind.CLOSE_DAY.value:
                    closed = _outcome(row, DayClosed)
                    if closed is not None:
                        self._anchors[closed.business_date.isoformat()] = closed.anchor
                        if closed.business_date.isoformat() == shift.business_date:
                            before_close = (seq, head)
                following = next(booked, None)
            elif booking:
                receipts += 1
                self._problem(f"{name}：业务 {booking.get('receipt_no', '')} 被删除，只剩审计环")
            seq, head = link.seq, link.mac
        while following is not None:
            self._problem(f"{name}：业务 {following[0].receipt_no} 没有审计环")
            following = next(booked, None)
        if (seq, head) != (shift.last_seq, shift.chain_head):
            self._problem(
                f"{name}：审计链到第 {seq} 环为止，班次记录为第 {shift.last_seq} 环，链尾被截断或改动"
            )
        if receipts != shift.last_receipt:
            self._problem(f"{name}：凭证 {receipts} 张，班次记录为 {shift.last_receipt} 张")
        self._heads.setdefault(shift.business_date, []).append(
            (ShiftId(shift.shift_id), *(before_close or (seq, head)))
        )

    def _genuine(self, link: Row[Any], head: str, shift: Row[Any]) -> bool:
        mac = ledger.link_mac(
            self._keys.audit_key,
            head,
            link.shift_id,
            link.seq,
            link.at,
            link.staff_no,
            link.action,
            link.payload,
        )
        return (mac, self._keys.key_id, shift.staff_no) == (link.mac, link.key_id, link.staff_no)

    def _booked(self, where: Mapping[str, Any]) -> Iterator[tuple[Row[Any], list[Row[Any]]]]:
        """Every operation of a shift with its transfers, in the order of the chain."""
        groups = itertools.groupby(self._stream(_lines, where), key=lambda line: line.seq)
        group = next(groups, None)
        for row in self._stream(_operations, where):
            lines: list[Row[Any]] = []
            if group is not None and group[0] == row.seq:
                lines = [line for line in group[1] if line.line is not None]
                group = next(groups, None)
            yield row, lines

    def _one_operation(
        self,
        shift_name: str,
        shift: Row[Any],
        row: Row[Any],
        lines: Sequence[Row[Any]],
        booking: Mapping[str, Any],
        number: int,
    ) -> None:
        name = f"{shift_name}：业务 {row.receipt_no}"
        self._seen[_o.name] += 1
        self._seen[_t.name] += len(lines)
        plain = row._mapping
        operation = {column.name: plain[column.name] for column in _o.c}
        payment = None
        if row.p_operation_id is not None:
            self._seen[_p.name] += 1
            payment = {column.name: plain[f"p_{column.name}"] for column in _p.c}
        digest = ledger.content_digest(
            operation, [(line.debit, line.credit, line.amount_fen) for line in lines], payment
        )
        if digest != booking.get("content"):
            self._problem(f"{name} 的内容与审计环不符")
        if [line.line for line in lines] != list(range(1, len(lines) + 1)) or any(
            line.shift_id != row.shift_id for line in lines
        ):
            self._problem(f"{name} 的分录编号或班次被改动")
        if row.k_request_hash is not None:
            self._seen[_k.name] += 1
        if (row.k_hall_id, row.k_business_date, row.k_request_hash) != (
            row.hall_id,
            row.business_date,
            booking.get("request"),
        ):
            self._problem(f"{name} 的业务编号记录缺失或被改动")
        if row.reverses_operation_id is not None:
            self._seen[_r.name] += row.r_reversed_by is not None
            if row.r_reversed_by != row.operation_id:
                self._problem(f"{name} 的冲正记录缺失或被改动")
        expected = ledger.receipt_number(
            self._code, shift.counter_no, dt.date.fromisoformat(shift.business_date), shift.ordinal, number
        )
        if row.receipt_no != expected or (row.counter_no, row.staff_no) != (shift.counter_no, shift.staff_no):
            self._problem(f"{name} 的凭证号、柜台或工号与班次不符，应为 {expected}")
        for line in lines:
            self._add(name, line)
        self._cash(name, row)

    def _add(self, name: str, line: Row[Any]) -> None:
        try:
            debit, credit = account_kind(AccountId(line.debit)), account_kind(AccountId(line.credit))
        except LookupError:
            self._problem(f"{name} 记入了不存在的账户")
            return
        self._debits[debit] += line.amount_fen
        self._credits[credit] += line.amount_fen
        self._purses_fen += line.amount_fen * (
            line.credit.startswith("purse:") - line.debit.startswith("purse:")
        )

    def _cash(self, name: str, row: Row[Any]) -> None:
        """What was counted and declared must be what the operation's outcome says."""
        match row.kind:
            case OperationKind.OPEN_TILL.value:
                opened = _outcome(row, TillOpened)
                fits = opened is not None and opened.opening_fen == self._count(row, "open")
            case OperationKind.LOCK_COUNT.value:
                locked = _outcome(row, CountLocked)
                fits = locked is not None and locked.counted_fen == self._count(row, "close")
            case OperationKind.CLOSE_TILL.value:
                fits = self._close_fits(row)
            case _:
                return
        if not fits:
            self._problem(f"{name} 的点钞或关箱记录被改动")

    def _count(self, row: Row[Any], phase: str) -> int:
        values = {**self._hall, "shift_id": row.shift_id, "phase": phase}
        return int(self._connection.execute(_counted, values).scalar_one())

    def _close_fits(self, row: Row[Any]) -> bool:
        stored = self._connection.execute(_close_of, {**self._hall, "shift_id": row.shift_id}).one_or_none()
        closed = _outcome(row, TillClosed)
        if stored is None or closed is None:
            return False
        self._seen[_close.name] += 1
        return (
            stored.counter_no,
            stored.opening_fen,
            stored.expected_fen,
            stored.counted_fen,
            stored.difference_fen,
            stored.left_fen,
            stored.reason,
            stored.signed_by,
        ) == (
            row.counter_no,
            closed.opening_fen,
            closed.expected_fen,
            closed.counted_fen,
            closed.difference_fen,
            closed.left_in_drawer_fen,
            row.reason,
            row.approver_no or "",
        )

    # --- what no chain holds ------------------------------------------------------------------------------------

    def _strays(self) -> None:
        for name, word in _NAMES.items():
            stored = int(self._connection.execute(_counts[name], self._hall).scalar_one())
            if stored != self._seen[name]:
                self._problem(f"{word}共 {stored} 条，其中只有 {self._seen[name]} 条属于已核对的业务和班次")

    def _purses(self) -> None:
        for row in self._connection.execute(_wrong_purses, self._hall):
            self._problem(f"钱包 {row.purse_id} 余额 {row.balance_fen} 分，按分录应为 {row.fen} 分")
        stored = int(self._connection.execute(_purse_sum, self._hall).scalar_one())
        if stored != self._purses_fen:
            self._problem(f"钱包余额合计 {stored} 分，按分录应为 {self._purses_fen} 分")

    def _days(self) -> None:
        known: set[str] = set()
        for day in self._connection.execute(_days, self._hall):
            known.add(day.business_date)
            booked = self._anchors.get(day.business_date)
            if day.state != "closed":
                if booked is not None:
                    self._problem(f"{day.business_date} 已日结，但又被改成未日结")
                continue
            date = dt.date.fromisoformat(day.business_date)
            anchor = ledger.day_anchor(self._keys.audit_key, date, self._heads.get(day.business_date, ()))
            if day.anchor != anchor or booked != anchor:
                self._problem(f"{day.business_date} 的日结锚与各班链尾不符，日结后的账被改动")
        for date_text in sorted((self._anchors.keys() | self._heads.keys()) - known):
            self._problem(f"{date_text} 有班次，但营业日记录被删除")


def _booking(payload: str) -> Mapping[str, Any]:
    """The payload of a link that books an operation; empty for a note, and for what is no payload any more."""
    try:
        found = json.loads(payload)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and "content" in found else {}


def _outcome(row: Row[Any], kind: type[T]) -> T | None:
    """The stored outcome, or None when it cannot be read: its digest has told already that it was changed."""
    try:
        return wire.from_json(row.outcome, kind)
    except msgspec.MsgspecError:
        return None
