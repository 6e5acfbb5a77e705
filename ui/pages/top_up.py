"""充值 (F2): amount, way to pay, cash received, change; or the linked terminal; or a stand-alone POS slip.

Your line belongs here if it is about this page's fields. The limits are the desk's; the page only shows them early.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo
from counter_app.domain.ledger import Tender, TenderKind
from counter_app.domain.requests import ToppedUp, TopUp
from counter_app.domain.views import CustomerView
from counter_app.domain.waiting import CancelToken
from ui import texts
from ui.asking import OperationInHand, Tools
from ui.lanes import on_ui
from ui.page import Page
from ui.widgets.cash import ChangeDue, SumDue
from ui.widgets.chips import DIGIT_CAPS, LETTER_CAPS, ChipRow, NoteKeys, Tick
from ui.widgets.entries import Field, MoneyEntry
from ui.widgets.parts import OneOf, Panel, button, column, label, row
from ui.widgets.payment import SlipFields, amount_of

if TYPE_CHECKING:
    from counter_app.services.top_up_desk import TopUpQuote

QUICK_AMOUNTS_FEN = (50_00, 100_00, 200_00, 300_00, 500_00)

PRIMARY_WORDS = {
    TenderKind.CASH: "收款并打印 Enter",
    TenderKind.TERMINAL_CARD: "发起刷卡 Enter",
    TenderKind.TERMINAL_SCAN: "发起扫码 Enter",
    TenderKind.SLIP: "录单并打印 Enter",
}


class TopUpPage(Page):
    """After each top-up the fields are empty and the change stays in sight until the next amount is typed."""

    def __init__(self, tools: Tools) -> None:
        super().__init__("充值", tools.troubles)
        self._tools = tools
        self._in_hand = OperationInHand(tools.session)
        self._quote: TopUpQuote | None = None

    def build(self) -> Iterator[None]:
        """What is typed, then the sums."""
        self.amount = MoneyEntry("其他金额")
        self.amounts: ChipRow[int] = ChipRow(
            [(fen, texts.shown_money(fen).removesuffix(".00")) for fen in QUICK_AMOUNTS_FEN], DIGIT_CAPS
        )
        self.tenders: ChipRow[str] = ChipRow(
            [
                (TenderKind.CASH.value, "现金"),
                (TenderKind.TERMINAL_CARD.value, "借记卡 POS"),
                (TenderKind.TERMINAL_SCAN.value, "扫码"),
                (TenderKind.SLIP.value, "独立 POS 录单"),
            ],
            LETTER_CAPS,
        )
        for kind in (TenderKind.TERMINAL_CARD, TenderKind.TERMINAL_SCAN):
            self.tenders.allow(kind.value, self._tools.terminal is not None)
        self.received = MoneyEntry("客户递来的现金")
        self.notes = NoteKeys()
        self._slip_place = OneOf(slip=self._make_slip)
        self._slip_place.hide()
        self.hint = label("", "soft", wrap=True)
        self.debit = Tick("卡面是借记卡")
        """Asked for only where the terminal could not tell; Space gives it."""
        self.debit.hide()
        self.due = SumDue()
        self.change = ChangeDue()
        self.after = label("", "soft", wrap=True)
        self.primary = button(PRIMARY_WORDS[TenderKind.CASH], "primary", self._pay)
        self._received_field = Field("实收现金", self.received, self.notes)
        typed = Panel(spacing=14)
        typed.add(
            column(label("充值金额", "soft"), row(self.amounts, self.amount), spacing=6),
            column(label("收款方式", "soft"), row(self.tenders, None), spacing=6),
            self._received_field,
            self._slip_place,
            self.hint,
            row(self.debit, None),
        )
        self.body.addWidget(typed)
        yield
        sums = Panel()
        give_up = button("取消 Esc", "second", self.step_back)
        buttons = column(None, row(give_up, self.primary, spacing=12))
        sums.add(row(self.due, 24, self.change, None, buttons, spacing=12))
        for part in (sums, self.after, self.last):
            self.body.addWidget(part)
        self.body.addStretch(1)
        yield
        self.amounts.chosen.connect(self._quick)
        self.tenders.chosen.connect(lambda _kind: self._tender_chosen())
        self.amount.amount_changed.connect(lambda _fen: self._sums_changed())
        self.received.amount_changed.connect(lambda _fen: self._sums_changed())
        self.notes.received.connect(self.received.set_fen)
        self.set_chips(self.amounts, self.tenders)
        self.set_path((self.amount, self.received), self.primary)
        self.keep(amount=self.amount, tender=self.tenders, received=self.received)
        self.tenders.choose(TenderKind.CASH.value)
        self._tender_changed()

    def _make_slip(self) -> SlipFields:
        """Made when the first slip is keyed: most counters have their terminal linked."""
        made = SlipFields()
        self.keep(**made.kept())
        self.set_path((self.amount, self.received, *made.entries, made.debit), self.primary)
        return made

    @property
    def slip(self) -> SlipFields:
        """The fields of a stand-alone POS slip."""
        return cast("SlipFields", self._slip_place.get("slip"))

    # what the frame tells

    def customer_changed(self, view: CustomerView | None) -> None:
        """Another card: empty fields, its limits looked up; the same card again: only the numbers."""
        before = self.customer.card_no if self.customer is not None else None
        super().customer_changed(view)
        self._quote = None
        if view is None or view.hidden:
            self.title.set_line(texts.NOBODY_ADVICE)
        else:
            parts = (f"卡 {view.card_no_text}", view.name_masked or "不记名卡")
            balance = "" if view.balance_fen is None else f"余额 {texts.shown_money(view.balance_fen)}"
            self.title.set_line(texts.SEPARATOR.join(part for part in (*parts, balance) if part))
            card_no = CardNo(view.card_no)
            self._tools.look_lane.submit(
                lambda: self._tools.desks.top_up.quote(card_no),
                functools.partial(self._quoted, card_no),
                functools.partial(self._not_quoted, card_no),
                newest_of="top-up quote",
            )
        if before is not None and (view is None or view.card_no != before):
            self._clear()
            self.result.clear()
        elif before is None and view is not None:
            self.result.clear()  # what was wrong with nobody here is wrong no longer
        self._sums_changed()

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """Enter takes the money here."""
        return (
            texts.KEY_HELP,
            ("Enter", "下一项 / 收款"),
            ("Alt+数字", "快捷金额"),
            ("Alt+字母", "收款方式"),
            texts.KEY_BACK,
        )

    def go_back(self) -> None:
        """Empty the fields, with the way back on the line: nothing typed is lost."""
        typed = self.typed()
        if not typed["amount"] and not typed["received"]:
            return
        self._clear()
        self.result.say("plain", "已清空，还没有收款。", "恢复", lambda: self.restore(typed))
        self.focus_first()

    def restore(self, typed: Mapping[str, str]) -> None:
        """Put typed values back and show the fields of their way to pay."""
        if typed.get("tender") == TenderKind.SLIP.value:
            self._slip_place.get("slip")
        super().restore(typed)
        self._tender_changed()
        self.focus_first()

    # live display

    def _quoted(self, card_no: CardNo, quote: TopUpQuote) -> None:
        if self.customer is not None and self.customer.card_no == card_no:
            self._quote = quote
            self._sums_changed()

    def _not_quoted(self, card_no: CardNo, error: BaseException) -> None:
        if self.customer is not None and self.customer.card_no == card_no:
            self.trouble(error)

    def _quick(self, amount_fen: int) -> None:
        self.amount.set_fen(amount_fen)
        if self.received.isVisible():
            self.received.setFocus()

    def _tender_chosen(self) -> None:
        """The field with the focus may be gone now: the next one to fill gets it, not the button beside it."""
        self._tender_changed()
        self.focus_first()

    def _tender_changed(self) -> None:
        kind = self._tender_kind()
        self.tenders.choose(kind.value)
        self._received_field.setVisible(kind is TenderKind.CASH)
        self.change.setVisible(kind is TenderKind.CASH)
        if kind is TenderKind.SLIP:
            self._slip_place.show_only("slip")
        self._slip_place.setVisible(kind is TenderKind.SLIP)
        self.hint.setVisible(kind.at_terminal)
        if kind is not TenderKind.TERMINAL_CARD:
            self.debit.setChecked(False)
            self.debit.hide()
        self.hint.setText("金额会发到 POS 终端。只收借记卡，信用卡不能充值。等待终端时按 Esc 取消。")
        self.primary.setText(PRIMARY_WORDS[kind])
        self._sums_changed()

    def _sums_changed(self) -> None:
        due_fen, received_fen = self.amount.amount_or_none(), self.received.amount_or_none()
        self.amounts.choose(due_fen)
        self.notes.set_due(due_fen)
        self.notes.show_received(received_fen)
        self.due.set_fen(due_fen, alone=self._tender_kind() is not TenderKind.CASH)
        if due_fen is not None or received_fen is not None:
            self.change.set_sums(due_fen, received_fen)
        self.after.setText(self._after_text(due_fen))

    def _after_text(self, due_fen: int | None) -> str:
        quote = self._quote
        if quote is None:
            return ""
        limit = f"{quote.kind_text}上限 {texts.shown_money(quote.limit_fen)}"
        if due_fen is None:
            return f"本卡最多还可充 {texts.shown_money(quote.room_fen)}，{limit}（{quote.limit_source}）"
        if due_fen > quote.room_fen:
            return f"! 超过{limit}（{quote.limit_source}），最多可充 {texts.shown_money(quote.room_fen)}"
        return f"充值后余额 {texts.shown_money(quote.balance_fen + due_fen)}，{limit} 之内"

    def _tender_kind(self) -> TenderKind:
        return TenderKind(self.tenders.value or TenderKind.CASH.value)

    # taking the money

    def _pay(self) -> None:
        try:
            request = self._request()
        except Refused as refused:
            self.trouble(refused)
            return
        desk = self._tools.desks.top_up
        if not request.tender.kind.at_terminal:
            self.ask(
                self._tools.desk_lane,
                lambda: desk.top_up(request),
                self._done,
                text="正在记账…",
                failed=self._in_hand.went_wrong,
            )
            return
        terminal, lane = self._tools.terminal, self._tools.terminal_lane
        if terminal is None or lane is None:
            self.trouble(Refused(Reason.TERMINAL_MISSING))
            return
        cancel = CancelToken()
        progress = on_ui(self.busy.say)
        self.ask(
            lane,
            lambda: desk.pay_at_terminal(request, terminal, progress, cancel),
            self._done,
            text="请客户在 POS 终端上操作…",
            cancel=cancel,
            failed=self._not_paid,
        )

    def _not_paid(self, error: BaseException) -> bool:
        if isinstance(error, Refused) and error.reason is Reason.DEBIT_CARD_NOT_TOLD:
            self.debit.show()
            self.debit.setFocus()
        return self._in_hand.went_wrong(error)

    def _request(self) -> TopUp:
        """What was typed as a request. Raises `Refused` and puts the focus where the trouble is."""
        if self.customer is None:
            raise Refused(Reason.NO_CUSTOMER)
        amount_fen = amount_of(self.amount)
        kind = self._tender_kind()
        if kind is TenderKind.CASH:
            tender = Tender(kind, received_fen=amount_of(self.received))
            tender.change_fen(amount_fen)
        elif kind is TenderKind.SLIP:
            tender = self.slip.tender()
        else:
            terminal_id = self._tools.desks.payments.terminal_id
            tender = Tender(kind, terminal_id=terminal_id, debit_confirmed=self.debit.isChecked())
        card_no = CardNo(self.customer.card_no)
        return TopUp(self._in_hand.asked(card_no), card_no, amount_fen, tender)

    def _done(self, done: ToppedUp) -> None:
        self._in_hand.done()
        self._clear()
        self.amount.setFocus()
        cash = done.tender.kind is TenderKind.CASH
        if cash:
            self.change.set_sums(done.amount_fen, done.amount_fen + done.change_fen)
        sum_text, paid_by = texts.shown_money(done.amount_fen), done.tender.kind.text
        balance = texts.shown_money(done.balance_fen)
        # Also here: on a low screen the large figures may lie below.
        change = f"找零 {texts.shown_money(done.change_fen)}，" if cash and done.change_fen else ""
        self.finish(
            done,
            f"充值成功：{sum_text} {paid_by}，{change}卡内余额 {balance}。",
            f"充值 {sum_text} {paid_by}",
            done.receipt_no,
            done.change_fen if cash else None,
        )

    def _clear(self) -> None:
        self.amount.clear()
        self.received.clear()
        if self._slip_place.name:
            self.slip.clear()
        self.tenders.choose(TenderKind.CASH.value)
        self._tender_changed()
