"""登记簿 (Alt+R): the register of loss reports, what holders owe, and late offline spending to be entered.

Your line belongs here if it is about looking at these lists, or at the fields of a late spending.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtWidgets import QPushButton, QStackedWidget, QWidget

from counter_app.domain.cards import parse_card_no
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.masking import mask_card
from counter_app.domain.requests import LateSpending, ReceivableSettled, SettleReceivable, SpendingBooked
from counter_app.domain.shifts import hall_date
from counter_app.domain.views import CustomerView
from ui import texts
from ui.asking import OperationInHand, Signing, Tools
from ui.forms.moments import day_of, moment_of
from ui.page import Page
from ui.widgets.cash import ChangeDue
from ui.widgets.chips import DIGIT_CAPS, ChipRow
from ui.widgets.entries import Entry, Field, MoneyEntry, NumberEntry
from ui.widgets.parts import Panel, button, column, label, row
from ui.widgets.payment import amount_of
from ui.widgets.tables import Cell, Column, DataTable

if TYPE_CHECKING:
    from counter_app.services.loss_desk import RegisterRow
    from counter_app.services.receivables_desk import ReceivableRow

T = TypeVar("T")

LOSSES, OWED, LATE = "losses", "owed", "late"
SECTIONS = ((LOSSES, "受理挂失登记表"), (OWED, "应收款"), (LATE, "脱机消费补记"))
LINES = {
    LOSSES: "资料已打码；选中一行按 Enter 打开客户。",
    OWED: "卡内余额不足以支付的脱机消费和更正。选中一笔按 Enter 收款，须全额收回并由主管签字。",
    LATE: "结算部送来的旧卡脱机消费从同一钱包扣除，余额不足的部分登记应收。",
}
FIRST_LOOK_DAYS = 30
"""How far back the register looks until somebody says otherwise."""

MOST_ROWS = 10
"""Rows that fit at 768 px below the dates."""
MOST_OWED = 6
"""Rows that fit above the payment."""


class RegistersPage(Page):
    """Three sections; the lists are read again whenever their section comes into sight."""

    def __init__(self, tools: Tools) -> None:
        super().__init__("登记簿", tools.troubles)
        self._tools = tools
        self._in_hand = OperationInHand(tools.session)
        self._losses: tuple[RegisterRow, ...] = ()
        self._owed: tuple[ReceivableRow, ...] = ()

    def build(self) -> Iterator[None]:
        """One section after the other."""
        self._stack = QStackedWidget()
        self.sections: ChipRow[str] = ChipRow(list(SECTIONS), DIGIT_CAPS)
        self.body.addWidget(self.sections)
        self.body.addWidget(self._stack, 1)
        yield
        self.losses = _Losses(lambda: self._read_losses(to_list=True))
        self._stack.addWidget(self.losses)
        yield
        self.owed = _Owed(self._settle)
        self._stack.addWidget(self.owed)
        yield
        self.late = _Late(self._book)
        self._stack.addWidget(self.late)
        self._sheets: dict[str, _Sheet] = {LOSSES: self.losses, OWED: self.owed, LATE: self.late}
        yield
        self.signing = Signing(self, self._tools)
        self.body.addWidget(self.signing.box)
        self.body.addWidget(self.last)
        self.set_chips(self.sections)
        self.keep(
            section=self.sections,
            first=self.losses.first,
            last_day=self.losses.last_day,
            late_card=self.late.card,
            late_amount=self.late.amount,
            late_moment=self.late.moment,
            late_source=self.late.source,
        )
        self.sections.chosen.connect(lambda _name: self._show_section())
        self.losses.table.row_chosen.connect(self._open_loss)
        self.owed.table.row_chosen.connect(self._open_owed)
        today = hall_date(self._tools.session.now())
        self.losses.first.setText((today - dt.timedelta(days=FIRST_LOOK_DAYS)).isoformat())
        self.losses.last_day.setText(today.isoformat())
        self.sections.choose(LOSSES)
        self._show_section()

    # what the frame tells

    def activate(self) -> None:
        """Another counter may have added lines."""
        self._show_section()

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """Sections by digit; Enter looks, opens or books."""
        return (
            texts.KEY_HELP,
            ("Alt+1…3", "选择登记簿"),
            ("Enter", "查看 / 打开 / 收款 / 补记"),
            texts.KEY_BACK,
        )

    def go_back(self) -> None:
        """Empty the late spending, with the way back on the line."""
        typed = self.typed()
        if self.section == LATE and self.late.touched:
            self.late.clear()
            self.result.say("plain", "已清空，没有补记。", "恢复", lambda: self.restore(typed))
            self.focus_first()
        elif self.section == OWED and self.owed.chosen is not None:
            self.owed.choose(None)
            self.result.say("plain", "已退出收款，没有收钱。")
            self.focus_first()

    @property
    def section(self) -> str:
        """The section in sight."""
        return self.sections.value or LOSSES

    def focus_first(self) -> None:
        """Among the sums owed first the line, then the money; elsewhere the fields."""
        if not self.in_sight:
            return
        if self.section == OWED and self._owed and self.owed.chosen is None:
            self.owed.table.setFocus()
            self.owed.table.selectRow(max(self.owed.table.currentIndex().row(), 0))
        else:
            super().focus_first()

    def _show_section(self) -> None:
        self.end_signing()
        sheet = self._sheets[self.section]
        self._stack.setCurrentWidget(sheet)
        self.set_path(sheet.stops, sheet.primary)
        self.title.set_line(LINES[self.section])
        if self.section == LOSSES:
            self._read_losses()
        elif self.section == OWED:
            self._tools.look_lane.submit(
                self._tools.desks.receivables.listed,
                self._show_owed,
                self.trouble,
                newest_of="registers",
            )
        self.focus_first()

    # the lists

    def _read_losses(self, *, to_list: bool = False) -> None:
        """Read the register of the typed days; asked for by the clerk, the first line is marked."""
        try:
            first = day_of("从", self.losses.first.text())
            last = day_of("到", self.losses.last_day.text())
        except Refused as refused:
            self.trouble(refused)
            return
        desk = self._tools.desks.loss

        def show(found: tuple[RegisterRow, ...]) -> None:
            self._losses = found
            self.losses.show_rows(found)
            if to_list and found:
                self.losses.table.setFocus()
                self.losses.table.selectRow(0)

        self._tools.look_lane.submit(
            lambda: desk.register(first, last), show, self.trouble, newest_of="registers"
        )

    def _show_owed(self, found: list[ReceivableRow]) -> None:
        self._owed = tuple(found)
        self.owed.show_rows(self._owed)
        if self.section == OWED and not self.busy.busy:
            self.focus_first()

    def _open_loss(self, place: int) -> None:
        if place < len(self._losses):
            self._open(self._losses[place].card_no)

    def _open_owed(self, place: int) -> None:
        """Who pays stands in the panel, and the cash is asked for."""
        if place < len(self._owed):
            owed = self._owed[place]
            self.owed.choose(owed)
            self._open(owed.card_no, self.focus_first)

    def _open(self, card_no: str, then: Callable[[], object] = lambda: None) -> None:
        desk = self._tools.desks.customers

        def opened(view: CustomerView) -> None:
            self.show_customer.emit(view)
            then()

        self.ask(self._tools.look_lane, lambda: desk.open(f"card:{card_no}"), opened, text="正在打开客户…")

    # a payment

    def _settle(self) -> None:
        owed = self.owed.chosen
        if owed is None:
            self.trouble(Refused(Reason.TEXT_MISSING, field="要收回的应收款"))
            return
        try:
            received_fen = amount_of(self.owed.received)
        except Refused as refused:
            self.trouble(refused)
            return
        asked = self._in_hand.asked(owed.operation_id)
        self.signing.ask(
            SettleReceivable(asked, owed.operation_id, owed.card_no, owed.amount_fen, received_fen),
            self._tools.desks.receivables.settle,
            self._settled,
            title=f"收回应收款 {texts.shown_money(owed.amount_fen)}　{mask_card(owed.card_no)}",
            failed=self._in_hand.went_wrong,
        )

    def _settled(self, done: ReceivableSettled) -> None:
        self._in_hand.done()
        self.owed.choose(None)
        sum_text = texts.shown_money(done.amount_fen)
        change = f"找零 {texts.shown_money(done.change_fen)}，" if done.change_fen else ""
        card = "卡已解冻，可以使用。" if done.freed else "已从应收款中销去。"
        self.finish(
            done,
            f"应收款收回 {sum_text}，{change}{card}",
            f"收回应收款 {sum_text} 现金",
            done.receipt_no,
            done.change_fen,
        )
        self._show_section()

    # late spending

    def _book(self) -> None:
        try:
            request = self._request()
        except Refused as refused:
            self.trouble(refused)
            return
        self.ask(
            self._tools.desk_lane,
            lambda: self._tools.desks.replacement.late_spending(request),
            self._booked,
            text="正在补记…",
            failed=self._in_hand.went_wrong,
        )

    def _request(self) -> LateSpending:
        """What was typed as a request. Raises `Refused` and puts the focus where the trouble is."""
        fields = self.late
        return LateSpending(
            self._in_hand.asked(),
            _checked(fields.card, parse_card_no),
            amount_of(fields.amount),
            _checked(fields.moment, self._past_moment),
            _checked(fields.source, _source),
        )

    def _past_moment(self, typed: str) -> dt.datetime:
        spent_at = moment_of("消费时间", typed)
        if spent_at > self._tools.session.now():
            raise Refused(Reason.VALUE_NOT_ALLOWED, field="消费时间（晚于现在）", typed=typed)
        return spent_at

    def _booked(self, done: SpendingBooked) -> None:
        self._in_hand.done()
        self.late.clear()
        taken, owed = texts.shown_money(done.from_purse_fen), texts.shown_money(done.receivable_fen)
        rest = f"，登记应收 {owed}" if done.receivable_fen else ""
        self.finish(
            done,
            f"已补记：从卡内扣除 {taken}{rest}。",
            f"脱机消费 {texts.shown_money(done.amount_fen)}",
            done.receipt_no,
        )
        self.focus_first()


def _checked(entry: Entry, read: Callable[[str], T]) -> T:
    """What stands in a field. Raises `Refused`, marks the field and puts the focus there."""
    try:
        return read(entry.text())
    except Refused:
        entry.mark_bad(True)
        entry.setFocus()
        raise


def _source(typed: str) -> str:
    if not typed.strip():
        raise Refused(Reason.TEXT_MISSING, field="来源")
    return typed.strip()


class _Sheet(Panel):
    """One section: where Enter stops, and the button at the end."""

    stops: tuple[Entry, ...] = ()
    primary: QPushButton | None = None


class _Losses(_Sheet):
    def __init__(self, look: Callable[[], object]) -> None:
        super().__init__(spacing=12)
        self.first = Entry("例如 2026-12-01", max_length=10)
        self.last_day = Entry("例如 2026-12-31", max_length=10)
        self.primary = button("查看 Enter", "primary", look)
        self.table = DataTable(
            (
                Column("日期", 132),
                Column("卡号", 160),
                Column("姓名", 60),
                Column("证件号码", 172),
                Column("联系电话", 108),
                Column("卡内余额", 78, figures=True),
                Column("备注"),
            )
        )
        self.empty = label("这些日子里没有受理挂失。", "soft")
        self.whole = label("", "soft", wrap=True)
        """The marked report in full: its remark seldom fits a column."""
        self._found: Sequence[RegisterRow] = ()
        self.table.selectionModel().currentRowChanged.connect(lambda now, _before: self._tell(now.row()))
        self.stops = (self.first, self.last_day)
        self.add(
            row(Field("从", self.first), Field("到（含）", self.last_day), None, self.primary, spacing=12),
            self.table,
            self.empty,
            self.whole,
            None,
        )

    def _tell(self, place: int) -> None:
        if 0 <= place < len(self._found):
            line = self._found[place]
            self.whole.setText(
                f"受理号 {line.reference}　期限 {line.deadline.isoformat()}　备注：{line.cells[6] or '无'}"
            )

    def show_rows(self, found: Sequence[RegisterRow]) -> None:
        """The register's own columns; a report past its deadline stands out."""
        self._found = found
        self.whole.setText("")
        self.table.set_rows(
            [
                (
                    *line.cells[:6],
                    Cell(f"逾期 {line.days_overdue} 天　{line.cells[6]}".strip(), "warn")
                    if line.days_overdue
                    else line.cells[6],
                )
                for line in found
            ]
        )
        self.table.fit_rows(MOST_ROWS)
        self.table.setVisible(bool(found))
        self.empty.setVisible(not found)


class _Owed(_Sheet):
    """The list, and under it the payment of the line that was chosen."""

    def __init__(self, settle: Callable[[], object]) -> None:
        super().__init__(spacing=12)
        self.chosen: ReceivableRow | None = None
        self.received = MoneyEntry("客户递来的现金")
        self.change = ChangeDue()
        self.primary = button("收款 Enter", "primary", settle)
        self._whose = label("", "strong", wrap=True)
        self._paying = QWidget()
        self._paying.setLayout(
            column(
                self._whose,
                row(Field("实收现金", self.received), 24, self.change, None, self.primary, spacing=12),
            )
        )
        self.stops = (self.received,)
        self.received.amount_changed.connect(lambda _fen: self._show_change())
        self.total = label("", "strong")
        self.table = DataTable(
            (
                Column("登记时间", 140),
                Column("卡号", 170),
                Column("姓名", 80),
                Column("金额", 110, figures=True),
                Column("原因"),
            )
        )
        self.add(self.total, self.table, self._paying, None)
        self.choose(None)

    def choose(self, owed: ReceivableRow | None) -> None:
        """Ask for the cash of this line; None for none."""
        self.chosen = owed
        self.received.clear()
        self.received.mark_bad(False)
        self._paying.setVisible(owed is not None)
        if owed is not None:
            who = owed.name_masked or "不记名"
            self._whose.setText(f"向 {who} 收回 {texts.shown_money(owed.amount_fen)}：{owed.why}")
        self._show_change()

    def _show_change(self) -> None:
        due_fen = None if self.chosen is None else self.chosen.amount_fen
        self.change.set_sums(due_fen, self.received.amount_or_none())

    def show_rows(self, found: Sequence[ReceivableRow]) -> None:
        """Newest first, with their sum above; a line that another counter was paid is no longer chosen."""
        if self.chosen is not None and self.chosen not in found:
            self.choose(None)
        sum_text = texts.shown_money(sum(line.amount_fen for line in found))
        self.total.setText(f"应收 {len(found)} 笔，合计 {sum_text}" if found else "没有应收款。")
        self.table.set_rows(
            [
                (
                    line.opened_text,
                    mask_card(line.card_no),
                    line.name_masked or "不记名",
                    texts.shown_money(line.amount_fen),
                    line.why,
                )
                for line in found
            ]
        )
        self.table.fit_rows(MOST_OWED)
        self.table.setVisible(bool(found))


class _Late(_Sheet):
    def __init__(self, book: Callable[[], object]) -> None:
        super().__init__("补记一笔脱机消费", spacing=12)
        self.card = NumberEntry("卡面 16 位号码，旧卡号也可以", max_length=24)
        self.amount = MoneyEntry("消费金额")
        self.moment = Entry("例如 2026-12-01 08:15", max_length=16)
        self.source = Entry("结算部清单名称和行号", max_length=60)
        self.primary = button("补记 Enter", "primary", book)
        self.stops = (self.card, self.amount, self.moment, self.source)
        self.add(
            row(Field("卡号", self.card), Field("金额", self.amount), spacing=12),
            row(Field("消费时间", self.moment), Field("来源", self.source), spacing=12),
            row(None, self.primary),
            None,
        )

    @property
    def touched(self) -> bool:
        """Whether anything is typed."""
        return any(entry.text().strip() for entry in self.stops)

    def clear(self) -> None:
        """Booked or given up: empty fields."""
        for entry in self.stops:
            entry.clear()
            entry.mark_bad(False)
