"""钱箱 (F9): open with a counted float, move cash, look at counts, count blind, close.

Your line belongs here if it is about this page's fields. Expected cash is shown nowhere before the count is locked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import TerminalId
from counter_app.domain.requests import (
    CashMoved,
    CashPlace,
    CloseTill,
    CountLocked,
    LockCount,
    MoveCash,
    OpenTill,
    TillClosed,
    TillOpened,
)
from counter_app.domain.shifts import CashCount, SlipCheck, SlipCount, TillState
from ui import texts
from ui.asking import OperationInHand, Signing, Tools
from ui.page import Page
from ui.widgets.cash import CashCountGrid
from ui.widgets.chips import DIGIT_CAPS, LETTER_CAPS, ChipRow
from ui.widgets.entries import Entry, Field, MoneyEntry, NumberEntry
from ui.widgets.parts import OneOf, Panel, StepBar, button, column, label, row
from ui.widgets.tables import Column, DataTable

if TYPE_CHECKING:
    from counter_app.services.cash_desk import TillView, XReport

STEPS = ("清点备用金、开箱", "办理业务", "点钞锁定", "关箱")
_SHEET_OF = {
    TillState.NONE: "opening",
    TillState.OPEN: "business",
    TillState.COUNTED: "closing",
    TillState.CLOSED: "closed",
}
_STEP_OF = {TillState.NONE: 0, TillState.OPEN: 1, TillState.COUNTED: 3, TillState.CLOSED: 4}


class TillPage(Page):
    """Shows the one step that is due; each step has its own fields, path of Enter and primary button."""

    def __init__(self, tools: Tools) -> None:
        super().__init__("钱箱", tools.troubles)
        self._tools = tools
        self._in_hand = OperationInHand(tools.session)
        self._state: TillState | None = None
        self._slip_terminals: tuple[TerminalId, ...] = ()

    def build(self) -> Iterator[None]:
        """Each sheet is made ahead: none is waited for when its step begins."""
        self.signing = Signing(self, self._tools)
        self.steps = StepBar()
        self.sheet = OneOf(
            opening=self._make_opening,
            business=lambda: _Business(self._move, self._x_report, self._begin_count),
            count=self._make_count,
            closing=self._make_closing,
            closed=_Closed,
        )
        for part in (self.steps, self.sheet, self.signing.box, self.last):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self.title.set_line("正在读取钱箱状态…")
        yield
        self.steps.set_steps([(words, "open") for words in STEPS])
        yield
        for name in ("opening", "business", "count", "closing", "closed"):
            self.sheet.get(name)
            yield

    def _make_opening(self) -> _Opening:
        made = _Opening(self._open)
        self.keep(opening=made.grid, opening_safe=made.from_safe, opening_reason=made.reason)
        return made

    def _make_count(self) -> _Count:
        made = _Count(self._lock_count, self._leave_count)
        self.keep(count=made.grid)
        return made

    def _make_closing(self) -> _Closing:
        made = _Closing(self._close)
        self.keep(closing_left=made.left, closing_reason=made.reason)
        return made

    @property
    def opening(self) -> _Opening:
        """The sheet on which the float is counted."""
        return cast("_Opening", self.sheet.get("opening"))

    @property
    def business(self) -> _Business:
        """The sheet of an open till: cash in and out, and the counts of the shift."""
        return cast("_Business", self.sheet.get("business"))

    @property
    def count(self) -> _Count:
        """The sheet of the blind count."""
        return cast("_Count", self.sheet.get("count"))

    @property
    def closing(self) -> _Closing:
        """The sheet on which the difference stands."""
        return cast("_Closing", self.sheet.get("closing"))

    def restore(self, typed: Mapping[str, str]) -> None:
        """Put back a count; the sheet it belongs to is made for it."""
        if any(name.startswith("count.") for name in typed):
            self.sheet.get("count")
        super().restore(typed)

    # what the frame tells

    def activate(self) -> None:
        """Read the drawer's state again: another page may have changed nothing, but the day may have."""
        asked = self._tools.session.asked()
        self._tools.look_lane.submit(
            lambda: self._tools.desks.cash.view(asked), self._show, self.trouble, newest_of="till"
        )
        self.focus_first()

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """Digits and Enter are all a count needs."""
        if self.sheet.name == "business":
            return (
                texts.KEY_HELP,
                texts.KEY_NEXT,
                ("Alt+X", "本班笔数"),
                ("Alt+D", "点钞交班"),
                texts.KEY_BACK,
            )
        return (texts.KEY_HELP, ("Enter", "下一格"), ("↑ ↓", "上下移动"), texts.KEY_BACK)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The two other things that an open till can do."""
        deed = _DEEDS.get(event.key()) if event.modifiers() == Qt.KeyboardModifier.AltModifier else None
        if deed is None or self.sheet.name != "business":
            super().keyPressEvent(event)
            return
        event.accept()
        if not event.isAutoRepeat() and not self.busy.busy:
            deed(self)

    def go_back(self) -> None:
        """From counting back to business; the typed count stays."""
        if self.sheet.name == "count":
            self._leave_count()

    def _show(self, view: TillView) -> None:
        counting = self.sheet.name == "count" and view.state is TillState.OPEN
        changed = view.state is not self._state
        self._state = view.state
        self._slip_terminals = view.slip_terminals
        person = self._tools.session.signed_in
        parts = (
            f"业务日 {person.business_date:%Y-%m-%d} 第 {person.ordinal} 班",
            f"{person.staff_no} {person.name}",
            "" if view.state is TillState.NONE else f"备用金 {texts.shown_money(view.opening_fen)}",
        )
        self.title.set_line(texts.SEPARATOR.join(part for part in parts if part))
        if view.occupied_by and view.state is TillState.NONE:
            self.trouble(Refused(Reason.TILL_ALREADY_OPEN, staff=view.occupied_by))
        if view.state is TillState.COUNTED:
            self.closing.show_count(view.counted_fen or 0, view.difference_fen or 0, view.slips)
        if changed or not counting:
            self._step(view.state)

    def _step(self, state: TillState, *, counting: bool = False) -> None:
        at = 2 if counting else _STEP_OF[state]
        self.steps.set_steps(
            [
                (words, "done" if place < at else "now" if place == at else "open")
                for place, words in enumerate(STEPS)
            ]
        )
        sheet = self.sheet.show_only("count" if counting else _SHEET_OF[state])
        if isinstance(sheet, _Count):
            self.keep(**sheet.ask_slips(self._slip_terminals))
        if isinstance(sheet, _Sheet):
            self.set_chips(*sheet.chips)
            self.set_path(sheet.stops, sheet.primary)
        else:
            self.set_chips()
            self.set_path((), None)
        self.keys_changed.emit()
        self.focus_first()

    # the four steps

    def _open(self) -> None:
        def make() -> OpenTill:
            opening = self.opening
            return OpenTill(
                self._in_hand.asked(OpenTill.__name__),
                CashCount(counted(opening.grid)),
                _amount_or_zero(opening.from_safe),
                opening.reason.text().strip(),
            )

        def done(opened: TillOpened) -> None:
            self.opening.grid.clear()
            total = texts.shown_money(opened.opening_fen)
            self._booked(opened, f"钱箱已开，备用金 {total}。", f"开箱 {total}")

        def failed(error: BaseException) -> bool:
            if isinstance(error, Refused) and error.reason is Reason.OPENING_DIFFERS:
                self.opening.ask_reason()
            return self._in_hand.went_wrong(error)

        self._book(make, self._tools.desks.cash.open_till, done, failed, "备用金不符，请主管签认")

    def _move(self) -> None:
        def make() -> MoveCash:
            fields = self.business
            if fields.paper.is_open():
                raise Refused(Reason.TEXT_MISSING, field="单据号")
            return MoveCash(
                self._in_hand.asked(MoveCash.__name__),
                fields.direction.value == "in",
                CashPlace(fields.place.value or CashPlace.SAFE.value),
                fields.amount.value_fen(),
                fields.paper.text().strip(),
                fields.note.text().strip(),
            )

        def done(moved: CashMoved) -> None:
            self.business.clear()
            way = "调入" if moved.into_till else "调出"
            what = f"现金{way} {texts.shown_money(moved.amount_fen)}（{moved.place.text}）"
            self._booked(moved, f"{what}已记账。", what)

        self._book(make, self._tools.desks.cash.move_cash, done, self._in_hand.went_wrong, "现金调拨授权")

    def _x_report(self) -> None:
        asked = self._tools.session.asked()

        def show(report: XReport) -> None:
            self.business.show_report(report)

        self.ask(
            self._tools.desk_lane,
            lambda: self._tools.desks.cash.x_report(asked),
            show,
            text="正在汇总本班业务…",
        )

    def _begin_count(self) -> None:
        self._step(TillState.OPEN, counting=True)

    def _leave_count(self) -> None:
        self._step(TillState.OPEN)

    def _lock_count(self) -> None:
        def make() -> LockCount:
            cash = CashCount(counted(self.count.grid))
            return LockCount(self._in_hand.asked(LockCount.__name__), cash, self.count.slips_counted())

        def done(locked: CountLocked) -> None:
            self.count.clear()
            total = texts.shown_money(locked.counted_fen)
            self._booked(
                locked,
                f"点钞已锁定，实点 {total}，{over_short(locked.difference_fen)}。",
                f"点钞 {total}",
            )

        self._book(make, self._tools.desks.cash.lock_count, done, self._in_hand.went_wrong, "点钞锁定授权")

    def _close(self) -> None:
        def make() -> CloseTill:
            return CloseTill(
                self._in_hand.asked(CloseTill.__name__),
                _amount_or_zero(self.closing.left),
                self.closing.reason.text().strip(),
            )

        def done(closed: TillClosed) -> None:
            self.closing.clear()
            to_safe = texts.shown_money(closed.to_safe_fen)
            left = texts.shown_money(closed.left_in_drawer_fen)
            self._booked(
                closed,
                f"钱箱已关闭，{over_short(closed.difference_fen)}。交保险柜 {to_safe}，留存 {left}。",
                f"关箱 {texts.shown_money(closed.counted_fen)}",
            )

        self._book(
            make,
            self._tools.desks.cash.close_till,
            done,
            self._in_hand.went_wrong,
            "长短款、签购单不符须主管签认",
        )

    def _book(self, make: Any, call: Any, done: Any, failed: Any, title: str) -> None:
        try:
            request = make()
        except Refused as refused:
            self.trouble(refused)
            return
        self.signing.ask(request, call, done, title=title, failed=failed)

    def _booked(self, outcome: Any, sentence: str, what: str) -> None:
        self._in_hand.done()
        self.finish(outcome, sentence, what, outcome.receipt_no)
        self.activate()


_DEEDS = {Qt.Key.Key_X.value: TillPage._x_report, Qt.Key.Key_D.value: TillPage._begin_count}


class _Sheet(Panel):
    """One step's fields: where Enter stops, which chips answer to keys, and the button at the end."""

    stops: tuple[Any, ...] = ()
    chips: tuple[ChipRow[str], ...] = ()
    primary: Any = None


class _Opening(_Sheet):
    def __init__(self, open_till: Any) -> None:
        super().__init__("清点备用金", spacing=12)
        self.grid = CashCountGrid()
        self.from_safe = MoneyEntry("没有领用就留空")
        self.from_safe.optional = True
        self.reason = Entry("与上次留存不符时填写", max_length=60)
        self.reason.optional = True
        self.primary = button("开箱 Enter", "primary", open_till)
        self._reason_field = Field("差额原因", self.reason)
        self.add(
            self.grid,
            row(Field("本次从保险柜领用", self.from_safe), self._reason_field, spacing=12),
            row(None, self.primary),
        )
        self.stops = (self.grid, self.from_safe, self.reason)
        self.grid.finished.connect(self.from_safe.setFocus)
        self._reason_field.hide()

    def ask_reason(self) -> None:
        self._reason_field.show()
        self.reason.setFocus()


class _Business(_Sheet):
    def __init__(self, move: Any, x_report: Any, count: Any) -> None:
        super().__init__("现金调拨", spacing=12)
        self.direction = ChipRow([("in", "调入钱箱"), ("out", "调出钱箱")], DIGIT_CAPS)
        self.place = ChipRow([(place.value, place.text) for place in CashPlace], LETTER_CAPS)
        self.amount = MoneyEntry("金额")
        self.paper = Entry("领款单、缴款单号", max_length=30)
        self.note = Entry("可不填", max_length=60)
        self.note.optional = True
        self.primary = button("调拨记账 Enter", "primary", move)
        self._report = DataTable([Column("业务"), Column("收款方式", 160), Column("笔数", 100, figures=True)])
        self._report_line = label("", "soft")
        self.add(
            row(
                column(label("方向", "soft"), row(self.direction), spacing=6),
                column(label("对方", "soft"), row(self.place), spacing=6),
                None,
                spacing=24,
            ),
            row(
                Field("金额", self.amount), Field("单据号", self.paper), Field("说明", self.note), spacing=12
            ),
            row(
                button("本班业务笔数 Alt+X", "second", x_report),
                button("点钞交班 Alt+D", "second", count),
                None,
                self.primary,
            ),
            self._report_line,
            self._report,
        )
        self._report.hide()
        self.chips = (self.direction, self.place)
        self.stops = (self.amount, self.paper, self.note)
        self.direction.choose("in")
        self.place.choose(CashPlace.SAFE.value)

    def show_report(self, report: XReport) -> None:
        self._report_line.setText(f"截至 {report.as_at}，共 {sum(count for _k, _t, count in report.rows)} 笔")
        self._report.set_rows([(kind, tender or "—", str(count)) for kind, tender, count in report.rows])
        self._report.fit_rows(8)
        self._report.show()

    def clear(self) -> None:
        for entry in (self.amount, self.paper, self.note):
            entry.clear()


class _Closed(Panel):
    def __init__(self) -> None:
        super().__init__("本班钱箱已关闭")
        self.add(label("收付款业务已停止；挂失、投诉等不收款业务照常办理。", "soft", wrap=True))


class _Count(_Sheet):
    def __init__(self, lock: Any, back: Any) -> None:
        super().__init__("点钞", spacing=12)
        self.grid = CashCountGrid()
        self.primary = button("锁定点钞结果 Enter", "primary", lock)
        self.slips: dict[TerminalId, tuple[NumberEntry, MoneyEntry]] = {}
        """Fields of each stand-alone terminal of which this shift keyed slips: pieces and their sum."""
        self._slip_rows = column(spacing=8)
        advice = "逐张清点，没有的面额填 0。锁定后本班不能再收付款，锁定前不显示应有现金。"
        self.add(
            label(advice, "soft", wrap=True),
            self.grid,
            self._slip_rows,
            row(None, button("返回 Esc", "second", back), self.primary, spacing=12),
        )
        self.stops = (self.grid,)
        self.grid.finished.connect(lambda: (*self.stops, self.primary)[1].setFocus())

    def ask_slips(self, terminals: Sequence[TerminalId]) -> dict[str, NumberEntry]:
        """Ask for the slips of these terminals; returns the fields by name, for keeping."""
        for terminal_id in terminals:
            if terminal_id not in self.slips:
                pieces, amount = NumberEntry("张数", max_length=6), MoneyEntry("金额合计，没有就留空")
                amount.optional = True
                self.slips[terminal_id] = (pieces, amount)
                self._slip_rows.addLayout(
                    row(
                        Field(f"独立 POS {terminal_id} 签购单", pieces),
                        Field("签购单金额", amount),
                        spacing=12,
                    )
                )
        self.stops = (self.grid, *(entry for pair in self.slips.values() for entry in pair))
        return {
            f"slips.{terminal_id}.{name}": entry
            for terminal_id, pair in self.slips.items()
            for name, entry in zip(("pieces", "amount"), pair, strict=True)
        }

    def slips_counted(self) -> tuple[SlipCount, ...]:
        """The slips as typed. Raises `Refused` and puts the focus on what is missing."""
        found = []
        for terminal_id, (pieces, amount) in self.slips.items():
            if not pieces.digits().isdecimal():
                raise _missing(pieces, f"独立 POS {terminal_id} 签购单张数")
            count = int(pieces.digits())
            if count and amount.is_open():
                raise _missing(amount, f"独立 POS {terminal_id} 签购单金额")
            found.append(SlipCount(terminal_id, count, _amount_or_zero(amount)))
        return tuple(found)

    def clear(self) -> None:
        self.grid.clear()
        for pair in self.slips.values():
            for entry in pair:
                entry.clear()


class _Closing(_Sheet):
    def __init__(self, close: Any) -> None:
        super().__init__("关箱", spacing=12)
        self._counted = label("", "due")
        self._difference = label("", "due")
        self._slips = label("", "warn", wrap=True)
        self._slips.hide()
        self.left = MoneyEntry("留在钱箱作下次备用金，没有就留空")
        self.left.optional = True
        self.reason = Entry("长款、短款或签购单不符的原因", max_length=60)
        self.primary = button("关箱 Enter", "primary", close)
        self._reason_field = Field("差异原因", self.reason)
        self.add(
            row(
                column(label("实点现金", "soft"), self._counted, spacing=4),
                24,
                column(label("长短款", "soft"), self._difference, spacing=4),
                None,
            ),
            self._slips,
            row(Field("留存备用金", self.left), self._reason_field, spacing=12),
            row(None, self.primary),
        )
        self.stops = (self.left, self.reason)

    def show_count(self, counted_fen: int, difference_fen: int, slips: Sequence[SlipCheck]) -> None:
        self._counted.setText(texts.shown_money(counted_fen))
        self._difference.setText(over_short(difference_fen))
        self._slips.setText("\n".join(slip_words(slip) for slip in slips))
        self._slips.setVisible(bool(slips))
        self._reason_field.setVisible(bool(difference_fen) or not all(slip.fits for slip in slips))

    def clear(self) -> None:
        self.left.clear()
        self.reason.clear()


def counted(grid: CashCountGrid) -> tuple[tuple[int, int], ...]:
    """The grid's pieces without zero rows, as `CashCount` wants them."""
    return tuple((denomination_fen, pieces) for denomination_fen, pieces in grid.pieces() if pieces)


def over_short(difference_fen: int) -> str:
    """A difference in the hall's words."""
    if difference_fen == 0:
        return "账实相符"
    word = "长款" if difference_fen > 0 else "短款"
    return f"{word} {texts.shown_money(abs(difference_fen))}"


def slip_words(slip: SlipCheck) -> str:
    """What was counted of one stand-alone terminal's slips, and what was keyed where that differs."""
    counted_text = f"{slip.pieces} 张 {texts.shown_money(slip.amount_fen)}"
    if slip.fits:
        return f"✓ 独立 POS {slip.terminal_id} 签购单 {counted_text}，与录单相符"
    keyed = f"录单 {slip.booked_pieces} 张 {texts.shown_money(slip.booked_fen)}"
    return f"! 独立 POS {slip.terminal_id} 签购单 {counted_text}，{keyed}，不符"


def _missing(entry: Entry, field: str) -> Refused:
    entry.mark_bad(True)
    entry.setFocus()
    return Refused(Reason.TEXT_MISSING, field=field)


def _amount_or_zero(entry: MoneyEntry) -> int:
    """An optional amount: an empty field is none; anything else must be an amount."""
    return 0 if not entry.text().strip() or entry.text().strip() in ("0", "0.00") else entry.value_fen()
