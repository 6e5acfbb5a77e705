"""钱箱: open the drawer with a counted float, move cash, count blind, close. Nobody sees expected cash too early."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from counter_app.domain import masking
from counter_app.domain.asking import Asked
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import AccountId, ShiftId, StaffNo, TerminalId
from counter_app.domain.ledger import (
    CASH_OVER,
    CASH_SHORT,
    SAFE,
    OperationKind,
    Transfer,
    till_account,
)
from counter_app.domain.money import money, yuan
from counter_app.domain.requests import (
    CashMoved,
    CloseTill,
    CountLocked,
    LockCount,
    MoveCash,
    OpenTill,
    TillClosed,
    TillOpened,
)
from counter_app.domain.shifts import CashCount, SlipCheck, TillState, check_slips, clock_text
from counter_app.domain.staff import Right, may
from counter_app.services import approvals, receipts
from counter_app.storage import intents, ledger, papers, people, reports, shifts, wire
from counter_app.storage.database import Transaction
from counter_app.storage.intents import IntentState
from printing.receipt import Block, Line, Money, Pair, Rule, Table

if TYPE_CHECKING:
    from counter_app.services.hall import HallAtCounter

SIGN_TILL = ("经办", "复核 / 主管")


@dataclass(frozen=True, slots=True)
class XReport:
    """中途查账: counts and kinds of the shift; `expected_fen` only for whoever may see it, else None."""

    shift_id: ShiftId
    as_at: str
    rows: tuple[tuple[str, str, int], ...]
    """(kind, tender, count)."""
    expected_fen: int | None


@dataclass(frozen=True, slots=True)
class TillView:
    """What the till page may show: the state, and after locking what was counted and the difference."""

    state: TillState
    opening_fen: int
    counted_fen: int | None
    difference_fen: int | None
    occupied_by: str = ""
    slip_terminals: tuple[TerminalId, ...] = ()
    """Stand-alone terminals of which slips were keyed, to be counted; never how many."""
    slips: tuple[SlipCheck, ...] = ()
    """Counted against booked slips, once the count is locked."""


class CashDesk:
    """One counter's drawer."""

    def __init__(self, at: HallAtCounter) -> None:
        self._at = at
        self._database = at.database

    # --- opening ------------------------------------------------------------------------------------------------

    def open_till(self, request: OpenTill) -> TillOpened:
        """Open the drawer. The count is compared with what the last close left plus what the safe gave; a
        difference needs a reason and the manager's signature, and is booked as over or short."""
        self._database.keep(request)
        return self._database.run(request, lambda tx: self._open_till(tx, request), TillOpened)

    def _open_till(self, tx: Transaction, request: OpenTill) -> TillOpened:
        asked = request.asked
        occupied = shifts.open_till_of(tx, asked.counter_no)
        if occupied is not None and occupied.shift_id != asked.shift_id:
            raise Refused(Reason.TILL_ALREADY_OPEN, staff=occupied.staff_no)
        if occupied is not None:
            raise Refused(Reason.TILL_ALREADY_OPEN, staff="您本人")
        if request.from_safe_fen < 0:
            raise Refused(Reason.AMOUNT_NOT_POSITIVE)
        fence = ledger.fence(tx, asked, till=TillState.NONE)
        left_fen = shifts.left_last_time(tx, asked.counter_no)
        counted_fen = request.counted.total_fen
        difference_fen = counted_fen - left_fen - request.from_safe_fen
        approver: StaffNo | None = None
        if difference_fen != 0:
            if not request.reason.strip():
                raise Refused(Reason.OPENING_DIFFERS, difference=_more_or_less(difference_fen))
            approver = approvals.require(tx, request, self._at.rules)
        till = till_account(asked.counter_no)
        transfers = []
        if request.from_safe_fen > 0:
            transfers.append(Transfer(till, SAFE, request.from_safe_fen))
        transfers += _difference(till, difference_fen)
        shifts.change_till(tx, fence.shift_id, TillState.NONE, TillState.OPEN)
        shifts.save_count(tx, fence.shift_id, "open", request.counted)
        opened = TillOpened(
            asked.operation_id, fence.receipt_no, counted_fen, left_fen, request.from_safe_fen, difference_fen
        )
        blocks: tuple[Block, ...] = (
            *receipts.head(self._at, tx, fence, "开箱单"),
            *_count_table(request.counted),
            Money("备用金", counted_fen),
            Pair("上次留存", money(left_fen)),
            Pair("保险柜领用", money(request.from_safe_fen)),
        )
        if difference_fen:
            blocks += (
                Pair("差额", _over_short(difference_fen), strong=True),
                Pair("原因", masking.mask_pan(request.reason)),
            )
        receipts.save(tx, self._at, fence, asked, blocks, notes=(), drawer=True)
        ledger.record(
            tx,
            fence,
            request,
            OperationKind.OPEN_TILL,
            opened,
            transfers=transfers,
            amount_fen=counted_fen,
            approver=approver,
            reason=masking.mask_pan(request.reason),
        )
        return opened

    # --- cash in and out ----------------------------------------------------------------------------------------

    def move_cash(self, request: MoveCash) -> CashMoved:
        """Cash between the drawer and safe, bank or manager, each with its paper.

        What goes out is not compared with what should be there: tried down from above, such a refusal would tell
        the expected cash to the fen. Too much out is a difference at the count.
        """
        self._database.keep(request)
        return self._database.run(request, lambda tx: self._move_cash(tx, request), CashMoved)

    def _move_cash(self, tx: Transaction, request: MoveCash) -> CashMoved:
        asked = request.asked
        if request.amount_fen <= 0:
            raise Refused(Reason.AMOUNT_NOT_POSITIVE)
        if not request.paper_no.strip():
            raise Refused(Reason.TEXT_MISSING, field="单据号")
        fence = ledger.fence(tx, asked, till=TillState.OPEN)
        till, other = till_account(asked.counter_no), AccountId(request.place.value)
        debit, credit = (till, other) if request.into_till else (other, till)
        kind = OperationKind.CASH_IN if request.into_till else OperationKind.CASH_OUT
        moved = CashMoved(
            asked.operation_id, fence.receipt_no, request.into_till, request.place, request.amount_fen
        )
        receipts.save(
            tx,
            self._at,
            fence,
            asked,
            (
                *receipts.head(self._at, tx, fence, f"{kind.text}单"),
                Pair("来源" if request.into_till else "去向", request.place.text),
                Pair("单据号", masking.mask_pan(request.paper_no)),
                Money("金额", request.amount_fen),
                *((Pair("说明", masking.mask_pan(request.note)),) if request.note else ()),
            ),
            signatures=("交出人", "接收人"),
            notes=(),
            drawer=True,
        )
        ledger.record(
            tx,
            fence,
            request,
            kind,
            moved,
            transfers=(Transfer(debit, credit, request.amount_fen),),
            amount_fen=request.amount_fen,
            reason=masking.mask_pan(f"{request.place.text} {request.paper_no} {request.note}".strip()),
        )
        return moved

    # --- looking ------------------------------------------------------------------------------------------------

    def view(self, asked: Asked) -> TillView:
        """State of this shift's drawer without what it should hold."""

        def look(tx: Transaction) -> TillView:
            shift = shifts.load(tx, asked.shift_id)
            if shift is None:
                raise Refused(Reason.NOT_SIGNED_IN)
            opening_fen = shifts.counted(tx, shift.shift_id, "open").total_fen
            counted_fen = difference_fen = None
            terminals: tuple[TerminalId, ...] = ()
            slips: tuple[SlipCheck, ...] = ()
            if shift.till_state is TillState.OPEN:
                terminals = tuple(
                    slip.terminal_id
                    for slip in reports.slips_of_shift(tx, shift.shift_id, shift.business_date)
                )
            if shift.till_state in (TillState.COUNTED, TillState.CLOSED):
                counted_fen = shifts.counted(tx, shift.shift_id, "close").total_fen
                slips = slips_counted(tx, shift.shift_id, shift.business_date)
                if shift.till_state is TillState.COUNTED:
                    difference_fen = counted_fen - reports.expected_cash(tx, shift.shift_id, shift.counter_no)
            occupied = shifts.open_till_of(tx, asked.counter_no)
            other = "" if occupied is None or occupied.shift_id == asked.shift_id else str(occupied.staff_no)
            return TillView(
                shift.till_state, opening_fen, counted_fen, difference_fen, other, terminals, slips
            )

        return self._database.read(look)

    def x_report(self, asked: Asked) -> XReport:
        """Counts and kinds at any time; looking is audited, expected cash is for the manager's eyes.

        The shift is the asker's own: a clerk who deputises still counts this drawer blind.
        """

        def unit(tx: Transaction) -> XReport:
            fence = ledger.note(tx, asked, "x_report", {})
            person = people.load(tx, asked.staff_no, shifts.business_date(tx))
            may_see = person is not None and may(person.member.role, Right.SEE_EXPECTED_CASH)
            rows = tuple(
                (row.kind.text, row.tender.text, row.count)
                for row in reports.of_shift(tx, fence.shift_id, fence.business_date)
            )
            expected = reports.expected_cash(tx, asked.shift_id, asked.counter_no) if may_see else None
            return XReport(asked.shift_id, clock_text(tx.now), rows, expected)

        return self._database.write(unit)

    # --- counting and closing -----------------------------------------------------------------------------------

    def lock_count(self, request: LockCount) -> CountLocked:
        """Lock a blind count: the drawer takes no more money, then the difference is shown."""
        self._database.keep(request)
        return self._database.run(request, lambda tx: self._lock_count(tx, request), CountLocked)

    def _lock_count(self, tx: Transaction, request: LockCount) -> CountLocked:
        asked = request.asked
        fence = ledger.fence(tx, asked, till=TillState.OPEN)
        self._require_nothing_in_flight(tx, asked)
        shifts.change_till(tx, fence.shift_id, TillState.OPEN, TillState.COUNTED)
        shifts.save_count(tx, fence.shift_id, "close", request.counted)
        expected_fen = reports.expected_cash(tx, fence.shift_id, asked.counter_no)
        counted_fen = request.counted.total_fen
        slips = check_slips(request.slips, reports.slips_of_shift(tx, fence.shift_id, fence.business_date))
        locked = CountLocked(
            asked.operation_id, fence.receipt_no, counted_fen, expected_fen, counted_fen - expected_fen, slips
        )
        receipts.save(
            tx,
            self._at,
            fence,
            asked,
            (
                *receipts.head(self._at, tx, fence, "现金盘点单"),
                *_count_table(request.counted),
                Money("实点现金", counted_fen),
                *(Pair(f"签购单 {slip.terminal_id}", _slips_text(slip)) for slip in slips),
            ),
            signatures=("盘点人", "监盘人"),
            notes=(),
        )
        ledger.record(tx, fence, request, OperationKind.LOCK_COUNT, locked, amount_fen=counted_fen)
        return locked

    def _require_nothing_in_flight(self, tx: Transaction, asked: Asked) -> None:
        parked = papers.all_parked(tx, asked.counter_no)
        if parked:
            raise Refused(Reason.PARKED_CUSTOMERS, count=len(parked))
        flying = [
            intent
            for intent in intents.all_open(tx)
            if intent.shift_id == asked.shift_id and intent.state is not IntentState.UNKNOWN
        ]
        if flying:
            raise Refused(Reason.OPEN_INTENTS, count=len(flying), what="办理中")

    def close_till(self, request: CloseTill) -> TillClosed:
        """Close the drawer: over or short is booked with reason and the manager's signature, never offset. Slips that
        do not fit need both as well, but move no money: what a terminal took is settled with the bank."""
        self._database.keep(request)
        return self._database.run(request, lambda tx: self._close_till(tx, request), TillClosed)

    def _close_till(self, tx: Transaction, request: CloseTill) -> TillClosed:
        asked = request.asked
        shift = shifts.load(tx, asked.shift_id)
        if shift is not None and shift.till_state is TillState.OPEN:
            raise Refused(Reason.TILL_COUNT_MISSING)
        fence = ledger.fence(tx, asked, till=TillState.COUNTED)
        assert shift is not None
        expected_fen = reports.expected_cash(tx, fence.shift_id, asked.counter_no)
        counted_fen = shifts.counted(tx, fence.shift_id, "close").total_fen
        opening_fen = shifts.counted(tx, fence.shift_id, "open").total_fen
        difference_fen = counted_fen - expected_fen
        if not 0 <= request.left_in_drawer_fen <= counted_fen:
            raise Refused(
                Reason.VALUE_NOT_ALLOWED, field="留存备用金", typed=yuan(request.left_in_drawer_fen)
            )
        slips = slips_counted(tx, fence.shift_id, fence.business_date)
        approver: StaffNo | None = None
        if difference_fen != 0 or not all(slip.fits for slip in slips):
            if not request.reason.strip():
                raise Refused(Reason.DIFFERENCE_UNEXPLAINED)
            approver = approvals.require(tx, request, self._at.rules)
        till = till_account(asked.counter_no)
        to_safe_fen = counted_fen - request.left_in_drawer_fen
        transfers = _difference(till, difference_fen)
        if to_safe_fen:
            transfers.append(Transfer(SAFE, till, to_safe_fen))
        shifts.change_till(tx, fence.shift_id, TillState.COUNTED, TillState.CLOSED)
        shifts.save_close(
            tx,
            shift,
            opening_fen=opening_fen,
            expected_fen=expected_fen,
            counted_fen=counted_fen,
            left_fen=request.left_in_drawer_fen,
            reason=masking.mask_pan(request.reason),
            signed_by=approver or "",
        )
        closed = TillClosed(
            asked.operation_id,
            fence.receipt_no,
            opening_fen,
            expected_fen,
            counted_fen,
            difference_fen,
            to_safe_fen,
            request.left_in_drawer_fen,
        )
        receipts.save(
            tx,
            self._at,
            fence,
            asked,
            (
                *receipts.head(self._at, tx, fence, "关箱单"),
                Pair("备用金", money(opening_fen)),
                Pair("应有现金", money(expected_fen)),
                Pair("实点现金", money(counted_fen), strong=True),
                Pair("差额", _over_short(difference_fen), strong=True),
                *(
                    Pair(f"签购单 {slip.terminal_id}", slip_verdict(slip), strong=not slip.fits)
                    for slip in slips
                ),
                *((Pair("原因", masking.mask_pan(request.reason)),) if request.reason else ()),
                *((Pair("主管签认", approver),) if approver else ()),
                Rule(),
                Money("缴入保险柜", to_safe_fen),
                Pair("留存备用金", money(request.left_in_drawer_fen)),
            ),
            signatures=SIGN_TILL,
            notes=(),
        )
        ledger.record(
            tx,
            fence,
            request,
            OperationKind.CLOSE_TILL,
            closed,
            transfers=transfers,
            amount_fen=counted_fen,
            approver=approver,
            reason=masking.mask_pan(request.reason),
        )
        return closed


def _difference(till: AccountId, difference_fen: int) -> list[Transfer]:
    """长款 is owed to somebody unknown, 短款 is claimed from somebody unknown; neither is ever offset."""
    if difference_fen > 0:
        return [Transfer(till, CASH_OVER, difference_fen)]
    if difference_fen < 0:
        return [Transfer(CASH_SHORT, till, -difference_fen)]
    return []


def _more_or_less(difference_fen: int) -> str:
    """`少 20.00`: nobody at a counter reads a minus sign."""
    return f"{'多' if difference_fen > 0 else '少'} {yuan(abs(difference_fen))}"


def _over_short(difference_fen: int) -> str:
    if difference_fen == 0:
        return "相符"
    return f"{'长款' if difference_fen > 0 else '短款'} {money(abs(difference_fen))}"


def slips_counted(tx: Transaction, shift_id: ShiftId, date: dt.date) -> tuple[SlipCheck, ...]:
    """Counted against booked slips as they stood when this shift's count was locked."""
    locked = ledger.outcome_in_shift(tx, shift_id, date, OperationKind.LOCK_COUNT)
    return () if locked is None else wire.from_json(locked, CountLocked).slips


def _slips_text(slip: SlipCheck) -> str:
    return f"{slip.pieces} 张 {money(slip.amount_fen)}"


def slip_verdict(slip: SlipCheck) -> str:
    """`3 张 ￥150.00 相符`, or what the books say instead."""
    if slip.fits:
        return f"{_slips_text(slip)} 相符"
    return f"{_slips_text(slip)}，账上 {slip.booked_pieces} 张 {money(slip.booked_fen)}"


def _count_table(counted: CashCount) -> tuple[Block, ...]:
    if not counted.pieces:
        return (Line("（没有现金）"),)
    rows = tuple(
        (f"{denomination_fen / 100:g} 元", f"{pieces} 张", yuan(denomination_fen * pieces))
        for denomination_fen, pieces in counted.pieces
        if pieces
    )
    return (Table((("面额", "张数", "金额"), *rows)), Rule())
