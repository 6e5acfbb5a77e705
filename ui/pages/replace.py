"""补卡 (F4): five steps from the lost card to the new one; the card is reserved before anybody takes money.

Your line belongs here if it is about this page's steps. What may be replaced, and for how much, is the desk's to say.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtWidgets import QWidget

from counter_app.domain.cards import CardState, card_no_text, parse_card_no
from counter_app.domain.claims import expired
from counter_app.domain.documents import IdDocument
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, MediumId
from counter_app.domain.ledger import TenderKind
from counter_app.domain.requests import (
    CardReplaced,
    CardReserved,
    CollectOldCard,
    OldCardCollected,
    ReplaceCard,
    ReserveCard,
)
from counter_app.domain.shifts import clock_text, hall_date
from counter_app.domain.views import CustomerView
from counter_app.domain.waiting import CancelToken
from ui import texts
from ui.asking import OperationInHand, Signing, Tools
from ui.lanes import on_ui
from ui.page import Page, Stop
from ui.widgets.cash import notes_text
from ui.widgets.chips import ChipRow
from ui.widgets.document_box import DocumentBox, described
from ui.widgets.entries import Entry, Field
from ui.widgets.lines import Facts
from ui.widgets.parts import Note, Panel, StepBar, button, column, label, row
from ui.widgets.payment import PaymentFields, SlipFields

if TYPE_CHECKING:
    from collections.abc import Callable

OLD, DOCUMENT, NEW, FEE, DONE = range(5)
STEPS = ("旧卡", "证件", "新卡", "收费", "完成")
CARD_CAPS = "34567"
PAY_WORDS = {
    TenderKind.CASH: "收款并补卡 Enter",
    TenderKind.TERMINAL_CARD: "发起刷卡 Enter",
    TenderKind.TERMINAL_SCAN: "发起扫码 Enter",
    TenderKind.SLIP: "录单并补卡 Enter",
}


S = TypeVar("S", bound="_Sheet")


class ReplacePage(Page):
    """One replacement at a time. Esc goes one step back; from the first one it gives the reserved card free."""

    def __init__(self, tools: Tools) -> None:
        super().__init__("补卡", tools.troubles)
        self._tools = tools
        self._in_hand = OperationInHand(tools.session)
        self._collecting = OperationInHand(tools.session)
        self._step = OLD
        self._reserved: CardReserved | None = None
        self._holder_id: str | None = None
        self._document: IdDocument | None = None
        self._new_card_no: CardNo | None = None
        self._done: CardReplaced | None = None
        self._offered: tuple[tuple[str, str], ...] = ()

    def build(self) -> Iterator[None]:
        """One sheet after the other."""
        tools = self._tools
        self.steps = StepBar()
        self.body.addWidget(self.steps)
        self.old = self._added(_Old(self._begin, self.step_back))
        yield
        self.papers = self._added(_Papers(self._document_done, self.step_back))
        yield
        self.new = self._added(_New(self._new_typed, self.step_back))
        yield
        slip = SlipFields()
        yield
        terminal_id = str(tools.desks.payments.terminal_id) if tools.terminal is not None else ""
        payment = PaymentFields(terminal_id, slip=slip)
        yield
        self.fee = self._added(_Fee(payment, self._pay, self.step_back))
        yield
        self.done = self._added(_Done(self._next))
        self._sheets: tuple[_Sheet, ...] = (self.old, self.papers, self.new, self.fee, self.done)
        yield
        self.signing = Signing(self, tools)
        for part in (self.signing.box, self.last):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self.old.which.chosen.connect(self._which_chosen)
        self.papers.box.changed.connect(self._document_edited)
        self.fee.payment.tenders.chosen.connect(lambda _kind: self.focus_first())
        self.new.card_no.textEdited.connect(lambda _text: self._forget_new_card())
        self.keep(
            new_card_no=self.new.card_no,
            **self.papers.box.kept(),
            **self.fee.payment.kept(),
        )
        yield
        self._show_step(OLD)

    def _added(self, sheet: S) -> S:
        sheet.hide()
        self.body.addWidget(sheet)
        return sheet

    # what the frame tells

    def activate(self) -> None:
        """The lost card is reserved as soon as it is seen here, so that a second counter hears of it at once."""
        self._begin_if_lost()
        self.focus_first()

    def customer_changed(self, view: CustomerView | None) -> None:
        """Another person: the card in hand is given free, and a lost card of the new one is reserved."""
        super().customer_changed(view)
        now = "" if view is None or view.hidden else view.card_no
        if self._done is not None:
            if now in (self._done.old_card_no, self._done.new_card_no, ""):
                return
            self._start_over()
            self.result.clear()
        elif self._reserved is not None:
            if now == self._reserved.card_no:
                return
            self._give_free()
            self._start_over()
            self.result.clear()
        elif view is None or view.holder_id != self._holder_id:
            self._clear(keep_read_document=True)
            self._holder_id = None if view is None else view.holder_id
            if view is not None:
                self.result.clear()
        self._show_step(OLD)
        if self.isVisible():
            self._begin_if_lost()

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """Enter moves on, Esc back."""
        return (texts.KEY_HELP, ("Enter", "下一步"), texts.KEY_BACK)

    def takes_document(self, document: object) -> bool:
        """The holder's document, wanted in the first two steps. With no card in hand it opens its person first."""
        if not isinstance(document, IdDocument):
            return False
        if self._step in (OLD, DOCUMENT):
            self.papers.box.take(document)
        if self._reserved is None:
            return False
        if self._step in (OLD, DOCUMENT):
            self._show_step(DOCUMENT)
            self._document_done()
        return True

    def takes_medium(self, medium_id: str) -> bool:
        """The new blank card; or the old one turning up. With no card in hand the card opens its person."""
        if self._reserved is None and self._done is None:
            return False
        desk = self._tools.desks.customers
        self.ask(
            self._tools.look_lane,
            lambda: desk.by_medium(MediumId(medium_id)),
            self._card_seen,
            text="正在识别卡…",
        )
        return True

    def go_back(self) -> None:
        """One step back; from the first one the card is free for other counters again."""
        self.result.clear()
        if self._step == DONE:
            self._next()
        elif self._step > OLD:
            self._show_step(self._step - 1)
        elif self._reserved is not None:
            card_no = self._reserved.card_no
            self._give_free()
            self._show_step(OLD)
            self.result.say("plain", f"已退出补卡，卡 {card_no_text(card_no)} 仍是挂失状态，没有收费。")

    def restore(self, typed: Mapping[str, str]) -> None:
        """Put typed values back; the steps are gone through again, since the world may have changed."""
        super().restore(typed)
        self.papers.box.show_fields()
        self.fee.payment.show_fields()
        self.focus_first()

    # 1 旧卡

    def _begin_if_lost(self) -> None:
        view = self.customer
        if self._reserved is not None or self._done is not None or view is None or view.hidden:
            return
        if view.card_state == CardState.REPLACED.value:
            self._offer_collecting(CardNo(view.card_no))
        elif self._lost_card_no():
            self._begin()

    def _lost_card_no(self) -> str:
        """The card in the panel when it is lost, or the only lost one of the person; else nothing."""
        view = self.customer
        if view is None or view.hidden:
            return ""
        if view.card_state == CardState.LOST.value:
            return view.card_no
        keys = [key for key, _words in self._lost_ones(view)]
        return keys[0].removeprefix("card:") if len(keys) == 1 else ""

    @staticmethod
    def _lost_ones(view: CustomerView) -> list[tuple[str, str]]:
        return [
            (card.key, card.card_no_text[-4:])
            for card in view.cards
            if card.state_text == CardState.LOST.text
        ]

    def _which_chosen(self, key: str) -> None:
        desk = self._tools.desks.customers
        self.ask(self._tools.look_lane, lambda: desk.open(key), self.show_customer.emit, text="正在打开…")

    def _begin(self) -> None:
        """Reserve; once that is done, go on to the document."""
        if self._reserved is not None:
            self._show_step(DOCUMENT)
            if self.papers.box.has_document and not self.papers.box.typing:
                self._document_done()
            return
        view = self.customer
        if view is None or view.hidden or not view.card_no:
            self.trouble(Refused(Reason.NO_CUSTOMER))
            return
        card_no = self._lost_card_no() or view.card_no
        request = ReserveCard(self._tools.session.asked(), CardNo(card_no))
        self.ask(
            self._tools.desk_lane,
            lambda: self._tools.desks.replacement.reserve(request),
            self._begun,
            text="正在预留此卡…",
        )

    def _begun(self, reserved: CardReserved) -> None:
        self._reserved = reserved
        self._holder_id = None if self.customer is None else self.customer.holder_id
        self.fee.set_fee(reserved.fee_fen)
        self._show_step(OLD)
        if self.papers.box.has_document and not self.papers.box.typing:
            self._show_step(DOCUMENT)
            self._document_done()

    def _give_free(self) -> None:
        """Give the card free; nobody waits for it."""
        reserved, self._reserved = self._reserved, None
        if reserved is None:
            return
        asked, payments = self._tools.session.asked(), self._tools.desks.payments
        self._tools.desk_lane.submit(
            lambda: payments.release(asked, reserved.intent_id), lambda _none: None, self.trouble
        )

    # 2 证件

    def _document_edited(self) -> None:
        self._document = None

    def _document_done(self) -> None:
        """Compare the document with the holder before anybody reaches for money; the desk compares the whole again."""
        try:
            document = self.papers.box.document()
            if expired(document, hall_date(self._tools.session.now())):
                assert document.valid_to is not None
                raise Refused(Reason.DOCUMENT_EXPIRED, valid_to=document.valid_to.isoformat())
        except Refused as refused:
            self.trouble(refused)
            return
        if document == self._document:
            self._show_step(NEW)
            return
        holder_id, desk = self._holder_id, self._tools.desks.customers

        def compared(view: CustomerView) -> None:
            if view.holder_id != holder_id:
                self.trouble(Refused(Reason.HOLDER_DOES_NOT_MATCH))
                return
            self._document = document
            self._show_step(NEW)
            if not document.read_by_machine:
                self.result.say("plain", "证件为手工录入：收费时须主管核对证件并签字。")
            elif view.warnings and document.warnings:
                self.result.say("warn", "".join(document.warnings))

        def failed(error: BaseException) -> bool:
            unknown = isinstance(error, Refused) and error.reason is Reason.HOLDER_UNKNOWN
            if unknown:
                self.trouble(Refused(Reason.HOLDER_DOES_NOT_MATCH))
            return unknown

        self.ask(
            self._tools.look_lane,
            lambda: desk.by_document(document),
            compared,
            text="正在核对证件…",
            failed=failed,
        )

    # 3 新卡

    def _card_seen(self, view: CustomerView) -> None:
        if view.card_state == CardState.REPLACED.value:
            self._offer_collecting(CardNo(view.card_no))
        elif self._reserved is None:
            self.show_customer.emit(view)
        elif self._step == NEW:
            self._take_new(view)
        elif view.card_no == self._reserved.card_no:
            self.result.say("warn", "这就是挂失的旧卡。既已找到，可按 Esc 退出补卡，到 F3 解挂。")
        else:
            self.result.say("warn", "正在补卡，没有打开刚才的卡。请先办完，或按 Esc 退出。")

    def _new_typed(self) -> None:
        if self._new_card_no is not None:
            self._show_step(FEE)
            return
        try:
            card_no = parse_card_no(self.new.card_no.text())
        except Refused as refused:
            self.new.field.complain(refused.sentence())
            self.new.card_no.setFocus()
            self.trouble(refused)
            return
        desk = self._tools.desks.customers
        self.ask(
            self._tools.look_lane,
            lambda: desk.open(f"card:{card_no}"),
            self._take_new,
            text="正在核对新卡…",
        )

    def _take_new(self, view: CustomerView) -> None:
        if view.card_state != CardState.BLANK.value:
            self.trouble(Refused(Reason.CARD_NOT_BLANK, card_no=view.card_no_text))
            return
        self._new_card_no = CardNo(view.card_no)
        self.new.card_no.setText(view.card_no_text)
        self.new.field.complain("")
        self._show_step(FEE)

    def _forget_new_card(self) -> None:
        self._new_card_no = None
        self.new.field.complain("")

    # 4 收费

    def _pay(self) -> None:
        try:
            request = self._request()
        except Refused as refused:
            self.trouble(refused)
            return
        desk, title = self._tools.desks.replacement, "证件手工录入，请主管核对证件后签字"
        if not request.tender.kind.at_terminal:
            self.signing.ask(
                request, desk.replace, self._booked, title=title, failed=self._in_hand.went_wrong
            )
            return
        terminal, lane = self._tools.terminal, self._tools.terminal_lane
        if terminal is None or lane is None:
            self.trouble(Refused(Reason.TERMINAL_MISSING))
            return
        cancel = CancelToken()
        progress = on_ui(self.busy.say)
        self.signing.ask(
            request,
            lambda asked: desk.pay_at_terminal(asked, terminal, progress, cancel),
            self._booked,
            title=title,
            text="请客户在 POS 终端上操作…",
            failed=self._in_hand.went_wrong,
            lane=lane,
            cancel=cancel,
        )

    def _request(self) -> ReplaceCard:
        """Everything gathered in the steps. Raises `Refused` and puts the focus where the trouble is."""
        assert self._reserved is not None
        tender = self.fee.payment.tender()
        if self._document is None:
            raise Refused(Reason.DOCUMENT_NEEDED)
        if self._new_card_no is None:
            raise Refused(Reason.TEXT_MISSING, field="新卡")
        return ReplaceCard(
            self._in_hand.asked(self._reserved.card_no),
            self._reserved.intent_id,
            self._reserved.card_no,
            self._new_card_no,
            self._document,
            tender,
        )

    # 5 完成

    def _booked(self, done: CardReplaced) -> None:
        self._in_hand.done()
        self._reserved = None
        self._done = done
        self.done.show_outcome(done)
        self._clear()
        self._show_step(DONE)
        cash = done.tender.kind is TenderKind.CASH
        fee, paid_by = texts.shown_money(done.fee_fen), done.tender.kind.text
        self.finish(
            done,
            f"补卡成功：新卡 {card_no_text(done.new_card_no)}，余额 {texts.shown_money(done.balance_fen)}。",
            f"补卡 {fee} {paid_by}",
            done.receipt_no,
            done.change_fen if cash else None,
        )
        desk = self._tools.desks.customers
        key = f"card:{done.new_card_no}"
        self._tools.look_lane.submit(lambda: desk.open(key), self.show_customer.emit, self.trouble)

    def _next(self) -> None:
        self._start_over()
        self._show_step(OLD)
        self.result.clear()

    # the old card that turns up

    def _offer_collecting(self, card_no: CardNo) -> None:
        self.result.say(
            "warn",
            f"卡 {card_no_text(card_no)} 已补卡作废，不能再用，请收回。",
            "收回作废",
            functools.partial(self._collect, card_no),
        )

    def _collect(self, card_no: CardNo) -> None:
        request = CollectOldCard(self._collecting.asked(), card_no)

        def collected(done: OldCardCollected) -> None:
            self._collecting.done()
            self.finish(done, f"旧卡 {card_no_text(card_no)} 已收回作废。", "旧卡收回", done.receipt_no)

        self.ask(
            self._tools.desk_lane,
            lambda: self._tools.desks.replacement.collect_old(request),
            collected,
            text="正在收回旧卡…",
            failed=self._collecting.went_wrong,
        )

    # steps

    def _show_step(self, step: int) -> None:
        """Bring one step into sight, with what the earlier ones found out."""
        self.end_signing()
        self._step = step
        self.steps.set_steps(
            [
                (words, "done" if place < step or step == DONE else "now" if place == step else "open")
                for place, words in enumerate(STEPS)
            ]
        )
        sheet = self._sheets[step]
        self._describe(step)
        for other in self._sheets:
            other.setVisible(other is sheet)
        self.set_chips(*sheet.chips)
        self.set_path(sheet.stops, sheet.primary)
        self.focus_first()
        if not sheet.stops and self.isVisible():
            sheet.primary.setFocus()

    def _describe(self, step: int) -> None:
        view, reserved = self.customer, self._reserved
        if step == DONE:
            self.title.set_line("请把新卡、找零和凭证交给客户。")
            return
        if view is None or view.hidden:
            self.title.set_line(texts.NOBODY_ADVICE)
            self.old.show_nobody()
            return
        who = view.name_masked or "不记名卡"
        if reserved is None:
            self.title.set_line(texts.SEPARATOR.join((f"卡 {view.card_no_text}", who, view.state_text)))
        else:
            self.title.set_line(
                f"旧卡 {card_no_text(reserved.card_no)}{texts.SEPARATOR}{who}{texts.SEPARATOR}已预留"
            )
        if step == OLD:
            lost = self._lost_ones(view)
            if tuple(lost) != self._offered:
                self._offered = tuple(lost)
                self.old.which.set_choices(lost[: len(CARD_CAPS)])
            self.old.which.choose(f"card:{self._lost_card_no()}")
            shown = view.card_no_text if reserved is None else card_no_text(reserved.card_no)
            self.old.show_card(shown, view, reserved, several=len(lost) > 1)
        found = [("旧卡", card_no_text(reserved.card_no))] if reserved is not None else []
        if self._document is not None:
            found.append(("证件", f"{described(self._document)}，与持卡人相符"))
        if self._new_card_no is not None:
            found.append(("新卡", card_no_text(self._new_card_no)))
        self._sheets[step].show_found(found)

    def _start_over(self) -> None:
        self._done = None
        self._holder_id = None
        self._clear()

    def _clear(self, *, keep_read_document: bool = False) -> None:
        """Nothing typed any more. A document put down first stays: it has just opened this very person."""
        if not keep_read_document or self.papers.box.typing:
            self.papers.box.clear()
        self._document = None
        self._new_card_no = None
        self.new.card_no.clear()
        self.new.field.complain("")
        self.fee.payment.clear()


class _Sheet(Panel):
    """One step: what is known already, its fields, where Enter stops, and the button at the end."""

    def __init__(
        self, heading: str, words: str, pressed: Callable[[], object], back: Callable[[], object] | None
    ) -> None:
        super().__init__(spacing=14)
        self.found = Facts()
        self.found.hide()
        self.primary = button(words, "primary", pressed)
        self.stops: tuple[Stop, ...] = ()
        self.chips: tuple[ChipRow[str], ...] = ()
        self._back = button("返回 Esc", "second", back) if back is not None else None
        self.add(label(heading, "strong"), self.found)

    def end(self) -> None:
        """The row of buttons, last of all."""
        self.add(row(None, *([self._back] if self._back is not None else []), self.primary, spacing=12))

    def show_found(self, found: Sequence[tuple[str, str]]) -> None:
        """What the steps before have found out."""
        self.found.set_facts(found)
        self.found.setVisible(bool(found))


class _Old(_Sheet):
    def __init__(self, begin: Callable[[], object], back: Callable[[], object]) -> None:
        super().__init__("确认挂失的旧卡", "预留并继续 Enter", begin, back)
        self.number = label("", "sum_due")
        self.overdue = Note()
        self.facts = Facts()
        self.which: ChipRow[str] = ChipRow((), CARD_CAPS)
        self._which = QWidget()
        self._which.setLayout(column(label("选择挂失的卡（尾号）", "soft"), row(self.which, None), spacing=6))
        self.add(self.number, self.facts, self.overdue, self._which)
        self.end()
        self.chips = (self.which,)

    def show_found(self, found: Sequence[tuple[str, str]]) -> None:
        """The card itself stands here large."""

    def show_nobody(self) -> None:
        self.number.setText("—")
        self.facts.set_facts([("下一步", "请先打开挂失的客户，或把证件放到读卡器上。")])
        self.overdue.say("")
        self._which.hide()

    def show_card(
        self, card_no: str, view: CustomerView, reserved: CardReserved | None, *, several: bool
    ) -> None:
        """The old card, and whether it is held for this counter."""
        self.number.setText(card_no)
        state = view.state_text if reserved is None else CardState.LOST.text
        held = "已预留给本台，其他柜台不能同时补卡" if reserved is not None else "还没有预留"
        facts = [("持卡人", view.name_masked or "不记名"), ("卡状态", state), ("办理状态", held)]
        if reserved is not None:
            facts.append(("补卡工本费", texts.shown_money(reserved.fee_fen)))
        self.facts.set_facts(facts)
        self.overdue.say(
            "挂失已过 7 天，卡仍冻结，可以补卡，凭证注明逾期。"
            if reserved is not None and reserved.overdue
            else ""
        )
        self.primary.setText("下一步 Enter" if reserved is not None else "预留并继续 Enter")
        self._which.setVisible(several)


class _Papers(_Sheet):
    def __init__(self, go_on: Callable[[], object], back: Callable[[], object]) -> None:
        super().__init__("核对持卡人证件", "核对证件 Enter", go_on, back)
        self.box = DocumentBox()
        self.add(self.box)
        self.end()
        self.stops = self.box.stops
        self.chips = self.box.chips


class _New(_Sheet):
    def __init__(self, go_on: Callable[[], object], back: Callable[[], object]) -> None:
        super().__init__("把空白新卡放到读卡器上", "核对新卡 Enter", go_on, back)
        self.card_no = Entry("读不出时输入卡面 16 位号码", max_length=24)
        self.field = Field("新卡卡号", self.card_no)
        self.add(self.field)
        self.end()
        self.stops = (self.card_no,)


class _Fee(_Sheet):
    def __init__(self, payment: PaymentFields, pay: Callable[[], object], back: Callable[[], object]) -> None:
        super().__init__("收取补卡工本费", PAY_WORDS[TenderKind.CASH], pay, back)
        self.payment = payment
        buttons = column(None, row(self._back, self.primary, spacing=12))
        self.add(self.payment, row(self.payment.due, 24, self.payment.change, None, buttons, spacing=12))
        self.stops = self.payment.stops
        self.chips = (self.payment.tenders,)
        self.payment.kind_changed.connect(lambda: self.primary.setText(PAY_WORDS[self.payment.kind]))

    def set_fee(self, fee_fen: int) -> None:
        self.payment.set_due(fee_fen)


class _Done(_Sheet):
    def __init__(self, next_one: Callable[[], object]) -> None:
        super().__init__("补卡完成", "办理下一位 Enter", next_one, None)
        self.change = label("", "change")
        self._notes = label("", "soft")
        self._change_caption = label("应找零", "soft")
        self.balance = label("", "sum_due")
        self._as_at = label("", "soft")
        self.facts = Facts()
        self.add(
            row(
                column(label("新卡余额", "soft"), None, self.balance, self._as_at, spacing=4),
                48,
                column(self._change_caption, None, self.change, self._notes, spacing=0),
                None,
            ),
            self.facts,
        )
        self.end()

    def show_outcome(self, done: CardReplaced) -> None:
        """What to hand over and what to say."""
        cash = done.tender.kind is TenderKind.CASH
        self.balance.setText(texts.shown_money(done.balance_fen))
        self._as_at.setText(f"截至 {clock_text(done.at)}")
        self.change.setText(texts.shown_money(done.change_fen))
        self._notes.setText(notes_text(done.change_fen))
        for part in (self._change_caption, self.change, self._notes):
            part.setVisible(cash)
        facts = [
            ("新卡卡号", card_no_text(done.new_card_no)),
            ("旧卡卡号", f"{card_no_text(done.old_card_no)}，已作废，找回请交回"),
            ("工本费", f"{texts.shown_money(done.fee_fen)} {done.tender.kind.text}"),
            ("旧卡停用", f"脱机终端最迟 {clock_text(done.freeze_from)} 停用，此前的脱机消费随后从新卡扣除"),
        ]
        if done.overdue:
            facts.append(("逾期补卡", "挂失已过 7 天"))
        if done.typed_document:
            facts.append(("证件", "手工录入，主管在旁签字"))
        self.facts.set_facts(facts)
