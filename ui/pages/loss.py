"""挂失 / 解挂 (F3): freeze a card for a caller who is asked and never told, or for a holder with a document; free it.

Your line belongs here if it is about this page's fields. What matches, and what may be done, is the loss desk's.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QWidget

from counter_app.domain.cards import CardState, LossChannel, card_no_text
from counter_app.domain.documents import IdDocument
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo
from counter_app.domain.masking import mask_card, mask_document, mask_name
from counter_app.domain.requests import (
    CancelLoss,
    CheckClaim,
    Claim,
    ClaimAnswer,
    LossCancelled,
    LossReported,
    ReportLoss,
)
from counter_app.domain.rule_book import RuleCode
from counter_app.domain.shifts import clock_text, hall_date
from counter_app.domain.views import CustomerView
from ui import texts
from ui.asking import OperationInHand, Signing, Tools
from ui.forms import claim as form
from ui.forms.fields import field_of
from ui.page import Kept, Page, Stop
from ui.theme import set_look
from ui.widgets.chips import LETTER_CAPS, ChipRow
from ui.widgets.document_box import DocumentBox
from ui.widgets.entries import Entry, Field, NumberEntry
from ui.widgets.lines import Facts, side_by_side
from ui.widgets.parts import Panel, button, column, label, row

if TYPE_CHECKING:
    from counter_app.services.customer_desk import ClaimCard

REPORT, CANCEL = "report", "cancel"
CARD_CAPS = "34567"
BY_SAYING = (LossChannel.HOTLINE, LossChannel.HEADQUARTERS)
"""Channels on which nobody can lay down a document: the person is asked, and shown nothing."""

NOBODY_ON_THE_LINE = CustomerView("", "", "", "", "", "", "", "plain", None, hidden=True)
SIGN_TITLE = "证件手工录入，请主管核对证件后签字"


class LossPage(Page):
    """One report or its end at a time; what came of it stays in sight until the next one is begun.

    While somebody calls, the customer panel is told to show nothing (`show_customer` with a hidden view).
    """

    def __init__(self, tools: Tools) -> None:
        super().__init__("挂失 / 解挂", tools.troubles)
        self._tools = tools
        self._in_hand = OperationInHand(tools.session)
        self._card: ClaimCard | None = None
        self._checked: Claim | None = None
        self._answer: ClaimAnswer | None = None
        self._candidates: dict[str, ClaimCard] = {}
        self._walk_in: CustomerView | None = None

    def build(self) -> Iterator[None]:
        """Who calls and for which card, then the document, then what is done."""
        self.mode: ChipRow[str] = ChipRow([(REPORT, "挂失"), (CANCEL, "解挂")], "12")
        self.channel: ChipRow[str] = ChipRow(
            [(channel.value, channel.text) for channel in LossChannel], LETTER_CAPS
        )
        self._channel = QWidget()
        self._channel.setLayout(column(label("受理方式", "soft"), self.channel, spacing=6))
        self._typed = Panel(spacing=14)
        self.body.addWidget(self._typed)
        self._typed.add(
            row(column(label("业务", "soft"), self.mode, spacing=6), self._channel, None, spacing=28)
        )
        yield
        self.caller = _Caller()
        self._typed.add(self.caller)
        yield
        self.which: ChipRow[str] = ChipRow((), CARD_CAPS)
        self._offered: tuple[tuple[str, str], ...] = ()
        self._which = QWidget()
        self._which.setLayout(column(label("选择卡（尾号）", "soft"), row(self.which, None), spacing=6))
        self._typed.add(self._which)
        yield
        self.document = DocumentBox()
        self._typed.add(self.document)
        yield
        self.remark = Entry("可不填；按 Tab 到此处，写入登记表备注", max_length=60)
        """Off the path of Enter: hardly any report has one."""
        self._remark = Field("备注", self.remark)
        self._typed.add(self._remark)
        yield
        self.signing = Signing(self, self._tools)
        self._advice = label("", "soft", wrap=True)
        self.primary = button("", "primary", self._go)
        self.outcome = _Outcome(self._next)
        yield
        self._doing = Panel()
        give_up = button("取消 Esc", "second", self.step_back)
        doing = row(self._advice, give_up, self.primary, spacing=12)
        doing.setStretch(0, 1)
        self._doing.add(doing)
        for part in (self._doing, self.signing.box, self.outcome, self.last):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self.outcome.hide()
        yield
        self.signing.box.installEventFilter(self)
        self.mode.chosen.connect(lambda _mode: self._kind_changed())
        self.channel.chosen.connect(lambda _channel: self._kind_changed())
        self.which.chosen.connect(self._which_chosen)
        self.document.changed.connect(self._refresh)
        self.caller.said.textEdited.connect(lambda _text: self._other_caller())
        self.caller.claim_edited.connect(self._claim_edited)
        self.set_chips(self.mode, self.channel, self.which, self.caller.proof, *self.document.chips)
        self.keep(
            mode=self.mode,
            channel=self.channel,
            remark=self.remark,
            **self.caller.kept(),
            **self.document.kept(),
        )
        self.mode.choose(REPORT)
        self.channel.choose(LossChannel.HALL.value)
        self._refresh()

    # what the frame tells

    def activate(self) -> None:
        """Nobody at the counter means that somebody calls: the telephone is ready at once."""
        if self.customer is None and self._untouched():
            self.channel.choose(LossChannel.HOTLINE.value)
            self._refresh()
        elif self._by_saying and not (self.customer is not None and self.customer.hidden):
            self._hide_customer()
        self.focus_first()

    def leave(self) -> None:
        """The caller is served on this page alone: elsewhere the panel shows who stands at the counter again."""
        if self.customer is not None and self.customer.hidden:
            self.show_customer.emit(self._walk_in)

    def customer_changed(self, view: CustomerView | None) -> None:
        """Another person: the document and the outcome of the one before are gone. The same one: only the words."""
        before, now = self._card_no_in_hand(), "" if view is None else view.card_no
        person_before = None if self.customer is None else self.customer.holder_id
        super().customer_changed(view)
        if view is not None and view.hidden:
            self._refresh()
            return
        self._walk_in = view
        if view is not None and self._by_saying and self._untouched():
            self.channel.choose(LossChannel.HALL.value)
        if now != before and not self._by_saying and not (view is None and not self.outcome.isHidden()):
            if view is None or view.holder_id != person_before or view.holder_id is None:
                self._drop_document_of_another(view)
                self.remark.clear()
            if view is not None:
                self.result.clear()
            self.end_signing()
            self._show_form()
        self._refresh()

    def takes_document(self, document: object) -> bool:
        """A document of the person at the counter stands in for a claim; anybody else's opens its holder first.

        To free a card the document must be the holder's: another one is refused loudly, not taken for a new person.
        """
        if not self._may_serve_here("证件") or not isinstance(document, IdDocument):
            return True
        if self._by_saying:
            self.channel.choose(LossChannel.HALL.value)
        view = self.customer
        theirs = view is not None and _looks_like(document, view)
        self.document.take(document)
        if theirs:
            self.result.clear()
            self._refresh()
            return True
        if self._mode == CANCEL and view is not None and view.card_state == CardState.LOST.value:
            self.trouble(Refused(Reason.HOLDER_DOES_NOT_MATCH))
            return True
        return False

    def takes_medium(self, medium_id: str) -> bool:
        """Nothing put on a reader may show a person while somebody calls."""
        return not self._may_serve_here("卡")

    def _may_serve_here(self, what: str) -> bool:
        """Whether somebody at the counter may be opened; says why not while a caller is being served."""
        if self._by_saying and not self._untouched() and self.outcome.isHidden():
            self.result.say("warn", f"正在受理电话挂失，没有打开刚才的{what}。请办完，或按 Esc 退出后再放。")
            return False
        return True

    def go_back(self) -> None:
        """From the outcome to an empty form; from a chosen card to finding it; else empty the fields, reversibly."""
        if not self.outcome.isHidden():
            self._next()
        elif self._by_saying and self._card is not None:
            self._forget_card()
            self._refresh()
            self.caller.said.setFocus()
        elif not self._untouched():
            typed = self.typed()
            self._clear()
            self.result.say("plain", "已清空，没有办理。", "恢复", lambda: self.restore(typed))
            self.focus_first()

    def restore(self, typed: Mapping[str, str]) -> None:
        """Put typed values back; a caller's card is looked up again by the number that was said."""
        super().restore(typed)
        if self.mode.value is None:
            self.mode.choose(REPORT)
        if self.channel.value is None:
            self.channel.choose(LossChannel.HALL.value)
        self.caller.show_fields()
        self.document.show_fields()
        self._forget_card()
        if self._by_saying:
            self._hide_customer()
        self._refresh()
        if self._by_saying and self.caller.said.text().strip():
            self._find()
        else:
            self.focus_first()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """While a second person signs, the signature takes the place of the button that asked for it."""
        if watched is self.signing.box and event.type() in (
            QEvent.Type.ShowToParent,
            QEvent.Type.HideToParent,
        ):
            self._doing.setVisible(self.signing.box.isHidden() and self.outcome.isHidden())
        return False

    # what is in hand

    @property
    def _mode(self) -> str:
        return self.mode.value or REPORT

    @property
    def _channel_chosen(self) -> LossChannel:
        return LossChannel(self.channel.value or LossChannel.HALL.value)

    @property
    def _by_saying(self) -> bool:
        return self._mode == REPORT and self._channel_chosen in BY_SAYING

    def _card_no_in_hand(self) -> str:
        """The card this page is about: the caller's chosen one, else the one in the customer panel."""
        if self._by_saying:
            return "" if self._card is None else self._card.card_no
        return "" if self.customer is None or self.customer.hidden else self.customer.card_no

    def _untouched(self) -> bool:
        return not self.caller.touched and not self.document.has_document and self._card is None

    def _kind_changed(self) -> None:
        """Another mode or channel: the panel is hidden for a caller and comes back for somebody at the counter."""
        self._forget_card()
        self._show_form()
        if self._by_saying:
            self._hide_customer()
        elif self.customer is not None and self.customer.hidden:
            self.show_customer.emit(self._walk_in)
        self._refresh()
        self.focus_first()

    def _hide_customer(self) -> None:
        if self.customer is not None or self._walk_in is None:
            self.show_customer.emit(NOBODY_ON_THE_LINE)

    def _forget_card(self) -> None:
        self._card = None
        self._checked = self._answer = None
        self._offer(())
        self.caller.judge(None)

    def _drop_document_of_another(self, view: CustomerView | None) -> None:
        """A document that was put down first opened this very person; any other one belongs to somebody gone."""
        if self.document.typing or not self.document.has_document:
            return
        if view is None or not _looks_like(self.document.document(), view):
            self.document.clear()

    def _refresh(self) -> None:
        """Show the fields of what is being done and say what comes next."""
        saying, cancel = self._by_saying, self._mode == CANCEL
        self._channel.setVisible(not cancel)
        self.caller.setVisible(saying)
        self.caller.show_step(found=self._card is not None)
        self.document.setVisible(not saying)
        self._remark.setVisible(not saying or (self._answer is not None and self._answer.holds))
        if not saying:
            self._offer_cards_of_person()
        self._which.setVisible(bool(self._offered))
        stops: tuple[Stop, ...] = self.caller.stops if saying else self.document.stops
        self.set_path(stops, self.outcome.again if not self.outcome.isHidden() else self.primary)
        advice, words = self._next_step()
        self._advice.setText(advice)
        self.primary.setText(words)
        self.title.set_line(self._who_line())

    def _who_line(self) -> str:
        if self._by_saying:
            if self._card is None:
                return "只听来电人报，不要念出任何登记资料。"
            return f"{self._card.text}{texts.SEPARATOR}只听来电人报，不要念出任何登记资料"
        view = self.customer
        if view is None or view.hidden:
            return texts.NOBODY_ADVICE
        who = view.name_masked or "不记名卡"
        return texts.SEPARATOR.join((f"卡 {view.card_no_text}", who, view.state_text))

    def _next_step(self) -> tuple[str, str]:
        """What stands beside the button, and the button's words."""
        if self._mode == CANCEL:
            if not self.document.has_document:
                return "请持卡人出示找到的卡和本人证件。", "确认解挂 Enter"
            return "证件与登记资料相符才会解挂，余额不变。", "确认解挂 Enter"
        if not self._by_saying:
            if self.document.has_document:
                return "证件代替口头核对。确认后此卡立即停用，不能充值和消费。", "确认挂失 Enter"
            return "请持卡人出示本人证件。", "确认挂失 Enter"
        if self._card is None:
            if self._offered:
                return "来电人有几张卡，请问清尾号后选择。", "查找 Enter"
            return "先请来电人报一个完整号码。", "查找 Enter"
        if self._answer is None:
            return "逐项照来电人所说录入，再核对。", "核对 Enter"
        if self._answer.holds:
            return "✓ 核对相符。确认后此卡立即停用。", "确认挂失 Enter"
        return "请来电人重报不符的各项，改正后再核对。", "核对 Enter"

    def _offer_cards_of_person(self) -> None:
        """The cards of a person with several: one of them is meant."""
        view = self.customer
        cards = () if view is None or view.hidden else view.cards
        usable = [
            card for card in cards if card.state_tone == "good" or card.state_text == CardState.LOST.text
        ]
        several = usable if len(usable) > 1 else []
        self._offer([(card.key, f"{card.card_no_text[-4:]} {card.state_text}") for card in several])
        self.which.choose(next((card.key for card in usable if card.shown), None))

    def _offer(self, choices: Sequence[tuple[str, str]]) -> None:
        """Cards to choose from, by their tails."""
        if tuple(choices) != self._offered:
            self._offered = tuple(choices)
            self.which.set_choices(self._offered[: len(CARD_CAPS)])

    def _which_chosen(self, key: str) -> None:
        if self._by_saying:
            self._choose(self._candidates[key])
            return

        def opened(view: CustomerView) -> None:
            self.show_customer.emit(view)

        desk = self._tools.desks.customers
        self.ask(self._tools.look_lane, lambda: desk.open(key), opened, text="正在打开…")

    # the caller

    def _other_caller(self) -> None:
        self.caller.complain(None)
        if self._card is not None or self._offered:
            self._forget_card()
            self._refresh()

    def _claim_edited(self) -> None:
        """Whatever was matched is no longer what stands there."""
        self.caller.complain(None)
        self.caller.check_typed()
        if self._answer is not None:
            self._answer = self._checked = None
            self.caller.judge(None)
            self._refresh()

    def _find(self) -> None:
        try:
            said = form.said_number(self.caller.said.text())
        except Refused as refused:
            self._complain(refused)
            return
        desk = self._tools.desks.customers
        self.ask(
            self._tools.look_lane,
            lambda: desk.view_for_claim(card_no=said.card_no, id_number=said.id_number, phone=said.phone),
            functools.partial(self._found, said),
            text="正在查找…",
        )

    def _found(self, said: form.SaidNumber, found: tuple[ClaimCard, ...]) -> None:
        self.caller.take_over(said)
        if len(found) == 1:
            self._choose(found[0])
            return
        self._candidates = {card.card_no: card for card in found}
        self._offer([(card.card_no, _tail_and_state(card)) for card in found])
        self._refresh()
        self.setFocus()

    def _choose(self, card: ClaimCard) -> None:
        self._card = card
        self.which.choose(card.card_no)
        desk = self._tools.desks.customers
        key = f"card:{card.card_no}"
        self._tools.look_lane.submit(
            lambda: desk.open(key, hidden=True), self._show_hidden, self.trouble, newest_of="caller"
        )
        self._refresh()
        self.focus_first()

    def _show_hidden(self, view: CustomerView) -> None:
        if self._by_saying:
            self.show_customer.emit(view)

    def _check(self) -> None:
        try:
            claim = self.caller.claim()
        except Refused as refused:
            self._complain(refused)
            return
        assert self._card is not None
        request = CheckClaim(self._in_hand.asked(), self._card.card_no, claim)
        desk = self._tools.desks.loss

        def answered(answer: ClaimAnswer) -> None:
            self._answer, self._checked = answer, claim
            self.caller.judge(answer)
            self._refresh()
            if answer.holds:
                self.primary.setFocus()
            else:
                self.result.say("warn", _tries_text(answer.tries_left))
                self.caller.go_to_first_wrong()

        self.ask(
            self._tools.desk_lane,
            lambda: desk.check_claim(request),
            answered,
            text="正在核对…",
            failed=self._in_hand.went_wrong,
        )

    def _complain(self, refused: Refused) -> None:
        self.caller.complain(refused)
        self.trouble(refused)

    # booking

    def _go(self) -> None:
        if self._mode == CANCEL:
            self._cancel_loss()
        elif not self._by_saying:
            self._report(None)
        elif self._card is None:
            self._find()
        elif self._answer is None or not self._answer.holds:
            self._check()
        else:
            self._report(self._checked)

    def _report(self, claim: Claim | None) -> None:
        try:
            card_no = self._required_card()
            document = None if claim is not None else self.document.document()
        except Refused as refused:
            self.trouble(refused)
            return
        request = ReportLoss(
            self._in_hand.asked(), card_no, self._channel_chosen, claim, document, self._remark_typed()
        )
        self.signing.ask(
            request,
            self._tools.desks.loss.report_loss,
            self._reported,
            title=SIGN_TITLE,
            text="正在挂失…",
            failed=self._failed,
        )

    def _cancel_loss(self) -> None:
        try:
            card_no, document = self._required_card(), self.document.document()
        except Refused as refused:
            self.trouble(refused)
            return
        request = CancelLoss(self._in_hand.asked(), card_no, document, self._remark_typed())
        self.signing.ask(
            request,
            self._tools.desks.loss.cancel_loss,
            self._cancelled,
            title=SIGN_TITLE,
            text="正在解挂…",
            failed=self._in_hand.went_wrong,
        )

    def _remark_typed(self) -> str:
        return self.remark.text().strip()

    def _required_card(self) -> CardNo:
        card_no = self._card_no_in_hand()
        if not card_no:
            raise Refused(Reason.NO_CUSTOMER)
        return CardNo(card_no)

    def _failed(self, error: BaseException) -> bool:
        """What matched a moment ago may not match now: another try is counted, so it is checked again."""
        if isinstance(error, Refused) and error.reason is Reason.CLAIM_DOES_NOT_MATCH:
            self._claim_edited()
        return self._in_hand.went_wrong(error)

    def _reported(self, done: LossReported) -> None:
        self._in_hand.done()
        hours = self._tools.desks.at.rules.value(RuleCode.FREEZE_OFFLINE_HOURS, hall_date(done.reported_at))
        offline = clock_text(done.reported_at + dt.timedelta(hours=hours))
        facts = [
            ("挂失卡号", mask_card(done.card_no)),
            ("挂失时间", clock_text(done.reported_at)),
            ("办理地点", "、".join(done.places)),
            ("需要携带", "持卡人本人和有效身份证件"),
            ("补卡工本费", texts.shown_money(done.fee_fen)),
            ("停用时间", f"联网终端已停用，脱机终端最迟 {offline} 停用"),
        ]
        if done.hall_only:
            facts.append(("特别说明", "来电人未报余额，只能由持卡人本人到厅办理"))
        again = "" if done.first_time else "此卡早已挂失，请告诉客户下面这个受理号。"
        self.outcome.show_outcome(
            ("受理号", done.reference), ("办理期限", f"{done.deadline.isoformat()} 止"), facts, again
        )
        self._clear()
        self._show_outcome()
        what = "挂失成功" if done.first_time else "此卡早已挂失，没有重复办理"
        self.finish(done, f"{what}：受理号 {done.reference}。", "挂失", done.receipt_no)

    def _cancelled(self, done: LossCancelled) -> None:
        self._in_hand.done()
        self.outcome.show_outcome(
            ("卡内余额", texts.shown_money(done.balance_fen)),
            ("卡号", card_no_text(done.card_no)),
            [
                ("原受理号", done.reference),
                ("卡状态", "已恢复使用，可以充值和消费"),
                ("脱机终端", "更新名单后可用"),
            ],
            "",
        )
        self._clear()
        self._show_outcome()
        self.finish(done, f"解挂成功：卡 {card_no_text(done.card_no)} 已恢复使用。", "解挂", done.receipt_no)

    # form and outcome

    def _show_form(self) -> None:
        if not self.outcome.isHidden():
            self.result.clear()
        self.outcome.hide()
        self._typed.show()
        self._doing.show()

    def _show_outcome(self) -> None:
        self._typed.hide()
        self._doing.hide()
        self.outcome.show()
        self._refresh()
        self.outcome.again.setFocus()

    def _next(self) -> None:
        self._show_form()
        self._clear()
        self.focus_first()

    def _clear(self) -> None:
        """Empty fields; mode and channel stay, since calls come in rows."""
        self.caller.clear()
        self.document.clear()
        self.remark.clear()
        self._forget_card()
        self._refresh()


class _Caller(QWidget):
    """What the caller says: first a number to find the card by, then four things to be compared one by one."""

    claim_edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.said = Entry("来电人报出的完整卡号、证件号码或手机号", max_length=32)
        self.name = Entry("来电人报出的姓名", max_length=40)
        self.id_number = Entry("来电人报出的证件号码", max_length=24)
        self.phone = NumberEntry("来电人报出的手机号", max_length=20)
        self.proved = Entry("", max_length=24)
        self.proof: ChipRow[str] = ChipRow(
            [
                (form.Proof.BALANCE.value, "报余额"),
                (form.Proof.LAST_TOP_UP.value, "报上次充值"),
                (form.Proof.SECOND_CONTACT.value, "报第二联系人"),
            ],
            "DEF",
        )
        self._said_field = Field("查找", self.said)
        self._fields = {
            form.NAME: _SaidField("姓名", self.name),
            form.ID_NUMBER: _SaidField("证件号码", self.id_number),
            form.PHONE: _SaidField("手机号", self.phone),
            form.PROOF: _SaidField("", self.proved),
        }
        name, id_number, phone, proved = self._fields.values()
        self._claim = QWidget()
        self._claim.setLayout(
            column(
                side_by_side(name, id_number),
                side_by_side(phone, proved),
                column(
                    label("第四项：来电人不知道余额时，改报上次充值或第二联系人", "soft", wrap=True),
                    row(self.proof, None),
                    spacing=6,
                ),
                spacing=12,
            )
        )
        self.setLayout(column(self._said_field, self._claim, spacing=14))
        self.stops = (self.said, self.name, self.id_number, self.phone, self.proved)
        for entry in self.stops[1:]:
            entry.textEdited.connect(lambda _text: self.claim_edited.emit())
        self.proof.chosen.connect(lambda _proof: self._proof_chosen())
        self.clear()

    @property
    def touched(self) -> bool:
        """Whether anything is typed."""
        return any(entry.text().strip() for entry in self.stops)

    def kept(self) -> dict[str, Kept]:
        """The widgets with typed values, by name."""
        return {
            "said": self.said,
            "claim_name": self.name,
            "claim_id_number": self.id_number,
            "claim_phone": self.phone,
            "claim_proof": self.proof,
            "claim_proved": self.proved,
        }

    def claim(self) -> Claim:
        """What was said. Raises `Refused` for the first field that cannot be compared."""
        return form.claim_from(
            self.name.text(),
            self.id_number.text(),
            self.phone.text(),
            form.Proof(self.proof.value),
            self.proved.text(),
        )

    def take_over(self, said: form.SaidNumber) -> None:
        """The number the caller was found by is one of the things said: nobody types it twice."""
        if said.id_number and not self.id_number.text():
            self.id_number.setText(said.id_number)
        if said.phone and not self.phone.text():
            self.phone.setText(said.phone)

    def show_step(self, *, found: bool) -> None:
        """First the number to find a card by; once one is found, the four fields."""
        self._said_field.setVisible(not found)
        self._claim.setVisible(found)

    def judge(self, answer: ClaimAnswer | None) -> None:
        """Match or no match per field; None takes the verdicts away."""
        proved = None if answer is None else (answer.fallback if answer.balance is None else answer.balance)
        self._fields[form.NAME].judge(None if answer is None else answer.name)
        self._fields[form.ID_NUMBER].judge(None if answer is None else answer.id_number)
        self._fields[form.PHONE].judge(None if answer is None else answer.phone)
        self._fields[form.PROOF].judge(proved)

    def check_typed(self) -> None:
        """A whole ID number that cannot be right is told while the caller is still saying it."""
        refused = form.id_number_trouble(self.id_number.text())
        self._fields[form.ID_NUMBER].complain("" if refused is None else refused.sentence())

    def go_to_first_wrong(self) -> None:
        """Put the focus on the first thing that did not match."""
        for field in self._fields.values():
            if field.wrong:
                field.entry.setFocus()
                return

    def complain(self, refused: Refused | None) -> None:
        """Say under its field what is wrong with what was typed, and put the focus there; None takes it away."""
        for field in (self._said_field, *self._fields.values()):
            field.complain("")
        if refused is None:
            return
        name = field_of(refused)
        field = self._said_field if name == form.SAID else self._fields[name]
        field.complain(refused.sentence())
        field.entry.setFocus()

    def show_fields(self) -> None:
        """Show the field of the chosen proof; call it after putting kept values back."""
        if self.proof.value is None:
            self.proof.choose(form.Proof.BALANCE.value)
        caption = form.Proof(self.proof.value).caption
        self._fields[form.PROOF].caption.setText(caption)
        self.proved.setPlaceholderText(f"来电人报出的{caption.partition('（')[0]}")
        self.complain(None)

    def clear(self) -> None:
        """Empty everything."""
        for entry in self.stops:
            entry.clear()
        self.proof.choose(form.Proof.BALANCE.value)
        self.show_fields()

    def _proof_chosen(self) -> None:
        self.proved.clear()
        self.show_fields()
        self.claim_edited.emit()
        self.proved.setFocus()


class _SaidField(Field):
    """A field with the verdict on what was said at the end of its caption."""

    def __init__(self, caption: str, entry: Entry) -> None:
        super().__init__(caption, entry)
        self.verdict = label(f"{texts.SIGNS['good']} 相符", "strong")
        # The sign is higher than the caption: kept free, so that a verdict does not push the entries down.
        self.verdict.setMinimumHeight(self.verdict.sizeHint().height())
        self.verdict.clear()
        self.wrong = False
        layout = self.layout()
        assert layout is not None
        layout.removeWidget(self.caption)
        layout.insertLayout(0, row(self.caption, None, self.verdict))  # type: ignore[attr-defined]

    def judge(self, holds: bool | None) -> None:
        """✓ 相符, ✗ 不符, or nothing."""
        tone = "good" if holds else "bad"
        self.wrong = holds is False
        self.verdict.setText("" if holds is None else f"{texts.SIGNS[tone]} {'相符' if holds else '不符'}")
        set_look(self.verdict, tone)


class _Outcome(Panel):
    """What to tell the customer, in large type, and the button to the next one."""

    def __init__(self, next_one: object) -> None:
        super().__init__(spacing=16)
        self._first_caption, self.first = label("", "soft"), label("", "sum_due")
        self._second_caption, self.second = label("", "soft"), label("", "sum_due")
        self._remark = label("", "warn", wrap=True)
        self.facts = Facts()
        self.again = button("办理下一位 Enter", "primary", next_one)  # type: ignore[arg-type]
        self.add(
            self._remark,
            row(
                column(self._first_caption, self.first, spacing=4),
                None,
                column(self._second_caption, self.second, spacing=4),
                None,
                spacing=24,
            ),
            self.facts,
            row(None, self.again),
        )

    def show_outcome(
        self,
        first: tuple[str, str],
        second: tuple[str, str],
        facts: Sequence[tuple[str, str]],
        remark: str,
    ) -> None:
        """The two large values, the lines under them, and a remark above when there is one."""
        self._first_caption.setText(first[0])
        self.first.setText(first[1])
        self._second_caption.setText(second[0])
        self.second.setText(second[1])
        self.facts.set_facts(facts)
        self._remark.setText(remark)
        self._remark.setVisible(bool(remark))


def _tries_text(left: int) -> str:
    if left <= 0:
        return Reason.CLAIM_TRIES_USED_UP.sentence()
    return f"报出的资料与登记不符。请来电人再想一想，还可再试 {left} 次。"


def _tail_and_state(card: ClaimCard) -> str:
    return f"{card.card_no[-4:]} {CardState(card.state).text}"


def _looks_like(document: IdDocument, view: CustomerView) -> bool:
    """Whether a document may be the shown person's, by what the panel shows; the desk compares the whole."""
    return (
        mask_document(document.number) == view.document_masked
        and mask_name(document.name) == view.name_masked
    )
