"""待办 (F11): what a person must still answer: after a restart, unknown payments, doubtful papers, overdue loss reports.

Your line belongs here if it shows such a question or takes its answer. What the answer does is the desks' work.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import HolderId, IntentId
from counter_app.domain.requests import SettleUnknown, UnknownSettled
from counter_app.domain.views import Tone
from ui import texts
from ui.asking import OperationInHand, Signing, Tools
from ui.page import Page
from ui.widgets.chips import DIGIT_CAPS, LETTER_CAPS, ChipRow
from ui.widgets.entries import Entry, Field, NumberEntry
from ui.widgets.parts import Badge, Panel, button, column, label, row
from ui.widgets.tables import Cell, Column, DataTable

if TYPE_CHECKING:
    from counter_app.services.loss_desk import RegisterRow
    from counter_app.services.paper_desk import PrintJobView
    from counter_app.services.parking_desk import UnfinishedItem
    from counter_app.services.payment_desk import PendingItem

MOST_ROWS = 7
"""So many lines fit above the card of the chosen one at 768 px."""

SHOWN_MS = 10_000
"""How long a telephone number stays in sight."""


class Group(enum.Enum):
    """What kind of question it is, in the order in which they are answered."""

    CONFIRM = "重启后确认"
    UNKNOWN = "未决交易"
    PAPER = "打印队列"
    OVERDUE = "逾期挂失"


_TONES: dict[Group, Tone] = {
    Group.CONFIRM: "bad",
    Group.UNKNOWN: "warn",
    Group.PAPER: "plain",
    Group.OVERDUE: "warn",
}


class Answer(enum.Enum):
    """What a person may say to a question; the value is what the chip says."""

    CHECKED = "已核对，不再提示"
    PAID = "已扣款"
    NOT_PAID = "未扣款"
    RELEASE = "撤销预留"
    PRINTED = "已打印"
    NOT_PRINTED = "没有打印，补打"
    PHONE = "显示电话 10 秒"


_REASONS = {
    Answer.PAID: ("签购单为成功", "银行查询已扣款"),
    Answer.NOT_PAID: ("签购单为失败", "没有出签购单", "银行查询未扣款"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """One line of the list; `key` finds it again after a look. `facts` are (thing, what is known of it) for its card."""

    key: str
    group: Group
    what: str
    since: str
    state: str
    facts: tuple[tuple[str, str], ...]
    answers: tuple[Answer, ...]
    subject: Any


class PendingPage(Page):
    """One list of questions, and the card of the marked one with its answers."""

    def __init__(
        self, tools: Tools, lines: Callable[[], Sequence[str]], confirmed: Callable[[str], object]
    ) -> None:
        """`lines` gives what the start-up wants confirmed, `confirmed` takes one of them off that list."""
        super().__init__("待办", tools.troubles)
        self._tools = tools
        self._lines = lines
        self._confirmed = confirmed
        self._in_hand = OperationInHand(tools.session)
        self.questions: tuple[Question, ...] = ()

    def build(self) -> Iterator[None]:
        """The list, then the card of its marked line."""
        self.table = DataTable(
            [Column("类别", 118), Column("事项"), Column("时间", 150), Column("状态", 150)]
        )
        self.list = Panel(spacing=0)
        self.list.body.setContentsMargins(8, 8, 8, 8)
        self.list.add(self.table)
        self.nothing = Panel("没有待办事项")
        self.nothing.add(label("重启后要确认的业务、未决交易、没打出的凭条和逾期挂失会列在这里。", "soft"))
        for part in (self.list, self.nothing):
            part.hide()
            self.body.addWidget(part)
        yield
        self.card = _Card(self._settle)
        self.card.hide()
        self.body.addWidget(self.card)
        yield
        self.signing = Signing(self, self._tools)
        self.body.addWidget(self.signing.box)
        self.body.addStretch(1)
        self._phone = QTimer(self)
        self._phone.setSingleShot(True)
        self._phone.timeout.connect(self._mark)
        self.table.selectionModel().currentRowChanged.connect(lambda _now, _before: self._mark())
        self.table.row_chosen.connect(lambda _row: self.focus_first())
        self.signing.box.asking.connect(
            lambda signing: self.card.form.setVisible(not signing and self.card.wanted is not None)
        )
        self.card.answers.chosen.connect(self._answered)
        self.card.reasons.chosen.connect(self.card.take_reason)
        self.set_chips(self.card.answers, self.card.reasons)
        self.set_path((self.card.voucher, self.card.tail, self.card.reason), self.card.primary)
        self.keep(voucher=self.card.voucher, tail=self.card.tail, reason=self.card.reason)
        self.title.set_line("正在读取…")

    # what the frame tells

    def activate(self) -> None:
        """Read everything again; what is typed for the marked question stays."""
        self.paper_changed()
        self.focus_first()

    def paper_changed(self) -> None:
        """Read everything again; the keys stay where they are."""
        # On the desk lane: it forgets kept requests that were booked, and none is being booked meanwhile.
        self._tools.desk_lane.submit(
            self._tools.desks.parking.unfinished, self._read_the_others, self.trouble, newest_of="pending"
        )

    def _read_the_others(self, unfinished: Sequence[UnfinishedItem]) -> None:
        desks = self._tools.desks

        def read() -> tuple[Question, ...]:
            return (
                *(_of_payment(item) for item in desks.payments.pending()),
                *(_of_paper(job) for job in desks.paper.waiting()),
                *(_of_loss(loss) for loss in desks.loss.overdue()),
            )

        def show(others: tuple[Question, ...]) -> None:
            known = {item.sentence for item in unfinished}
            self._show(
                (
                    *(_of_unfinished(item) for item in unfinished),
                    *(_of_line(line) for line in self._lines() if line not in known),
                    *others,
                )
            )

        self._tools.look_lane.submit(read, show, self.trouble, newest_of="pending")

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """Arrows mark a question, letters answer it."""
        return (
            texts.KEY_HELP,
            ("↑ ↓", "选择事项"),
            ("A B", "回答"),
            ("Enter", "下一项 / 确定"),
            texts.KEY_BACK,
        )

    def go_back(self) -> None:
        """From an answer back to the list; what was typed stays in its fields."""
        self.card.ask_for(None)
        self.table.setFocus()

    def focus_first(self) -> None:
        """The form while an answer needs one, else the list."""
        if not self.in_sight:
            return
        if self.card.form.isVisible() or self.signing.box.isVisible():
            super().focus_first()
        elif self.table.isVisible():
            self.table.setFocus()
        else:
            self.setFocus()

    # the list

    def _show(self, questions: tuple[Question, ...]) -> None:
        marked = self._marked()
        self.questions = questions
        self.list.setVisible(bool(questions))
        self.nothing.setVisible(not questions)
        counts = [
            f"{group.value} {sum(question.group is group for question in questions)} 件"
            for group in Group
            if any(question.group is group for question in questions)
        ]
        self.title.set_line(texts.SEPARATOR.join(counts) or "各项都已处理")
        self.table.set_rows(
            [
                (
                    Cell(question.group.value, _TONES[question.group], badge=True),
                    question.what,
                    question.since,
                    question.state,
                )
                for question in questions
            ]
        )
        self.table.fit_rows(MOST_ROWS)
        place = next(
            (
                at
                for at, question in enumerate(questions)
                if marked is not None and question.key == marked.key
            ),
            0,
        )
        if questions:
            self.table.selectRow(place)
        self._mark()
        self.focus_first()

    def _marked(self) -> Question | None:
        place = self.table.chosen_row()
        return self.questions[place] if place is not None and place < len(self.questions) else None

    def _mark(self) -> None:
        """Show the card of the marked question, with its telephone number masked again."""
        self._phone.stop()
        question = self._marked()
        self.card.setVisible(question is not None)
        if question is not None:
            self.card.show_question(question)

    # answers

    def _answered(self, answer: Answer) -> None:
        question = self._marked()
        if question is None or self.busy.busy:
            return
        desks, asked = self._tools.desks, self._tools.session.asked()
        subject = question.subject
        self.card.ask_for(answer if answer in _REASONS else None)
        if answer in _REASONS:
            self._in_hand.done()
            super().focus_first()
        elif answer is Answer.CHECKED:
            operation_id, line = subject

            def dismiss() -> None:
                if operation_id is not None:
                    desks.parking.dismiss(asked, operation_id)

            def dismissed(_none: None) -> None:
                self._confirmed(line)
                self._said("已记录核对结果。")

            self.ask(self._tools.desk_lane, dismiss, dismissed)
        elif answer is Answer.RELEASE:
            self.ask(
                self._tools.desk_lane,
                lambda: desks.payments.release(asked, IntentId(subject)),
                lambda _none: self._said("预留已撤销，此卡可以重新办理。"),
            )
        elif answer is Answer.PHONE:
            self.ask(
                self._tools.desk_lane,
                lambda: desks.customers.unmask(asked, HolderId(subject), "phone"),
                self._show_phone,
            )
        else:
            self._confirm_paper(subject, printed=answer is Answer.PRINTED)

    def _confirm_paper(self, job_id: str, *, printed: bool) -> None:
        asked, desk = self._tools.session.asked(), self._tools.desks.paper

        def confirmed(copy_no: int | None) -> None:
            self._said("已记为打印成功。" if copy_no is None else f"补打 第{copy_no}次 已排队，正在打印。")
            if copy_no is not None:
                self.booked.emit(None)

        self.ask(self._tools.desk_lane, lambda: desk.confirm(asked, job_id, printed), confirmed)

    def _show_phone(self, phone: str) -> None:
        self.card.show_fact("联系电话", f"{phone[:3]} {phone[3:7]} {phone[7:]}")
        self._phone.start(SHOWN_MS)

    def _settle(self) -> None:
        question, answer = self._marked(), self.card.wanted
        if question is None or answer is None:
            return
        card, paid = self.card, answer is Answer.PAID
        missing = [(card.voucher, "签购单凭证号"), (card.tail, "卡号后四位")] if paid else []
        for entry, name in [*missing, (card.reason, "原因")]:
            if entry.is_open():
                entry.mark_bad(True)
                entry.setFocus()
                self.trouble(Refused(Reason.TEXT_MISSING, field=name))
                return
        request = SettleUnknown(
            self._in_hand.asked(),
            IntentId(question.subject),
            paid,
            card.voucher.digits() if paid else "",
            card.tail.digits() if paid else "",
            card.reason.text().strip(),
        )

        def done(settled: UnknownSettled) -> None:
            self._in_hand.done()
            card.clear()
            if settled.receipt_no is None:
                self._said("未决交易已按“未扣款”结清，终端可以继续收款。")
                self.booked.emit(settled)
            else:
                words = f"{question.what}（主管签认已扣款）"
                self.finish(settled, "未决交易已按“已扣款”补记入账。", words, settled.receipt_no)
                self.activate()

        self.signing.ask(
            request,
            self._tools.desks.payments.settle,
            done,
            title=f"主管签认：{question.what} {answer.value}",
            failed=self._in_hand.went_wrong,
        )

    def _said(self, sentence: str) -> None:
        self.result.say("good", sentence)
        self.activate()


# --- what is asked --------------------------------------------------------------------------------------------------


def _of_unfinished(item: UnfinishedItem) -> Question:
    amount = "" if item.amount_fen is None else f" {texts.shown_money(item.amount_fen)}"
    card = f"　卡 {item.card_no_masked}" if item.card_no_masked else ""
    return Question(
        f"kept:{item.operation_id}",
        Group.CONFIRM,
        f"{item.what}{amount}{card}",
        item.since,
        "没有入账",
        item.look_at,
        (Answer.CHECKED,),
        (item.operation_id, item.sentence),
    )


def _of_line(line: str) -> Question:
    what, _, rest = line.partition("：")
    words = what.split(" ")
    since, what = (" ".join(words[:2]), " ".join(words[2:])) if len(words) > 2 else ("", what)
    return Question(
        f"line:{line}",
        Group.CONFIRM,
        what,
        since,
        "请核对",
        (("结果", rest or what),),
        (Answer.CHECKED,),
        (None, line),
    )


def _of_payment(item: PendingItem) -> Question:
    answers: tuple[Answer, ...] = ()
    if item.to_settle:
        answers = (Answer.PAID, Answer.NOT_PAID)
    elif item.to_release:
        answers = (Answer.RELEASE,)
    amount = f" {texts.shown_money(item.amount_fen)}" if item.amount_fen else ""
    where = f"{item.counter_no} 号台　工号 {item.staff_no}"
    facts = [("办理", where if item.terminal_id is None else f"{where}　终端 {item.terminal_id}")]
    if item.card_no:
        facts.append(("卡", f"卡尾号 {item.card_no[-4:]}"))
    return Question(
        f"intent:{item.intent_id}",
        Group.UNKNOWN,
        f"{item.what}{amount}　{item.counter_no} 号台",
        item.since,
        item.state,
        (*facts, ("下一步", f"{item.next_step}。")),
        answers,
        item.intent_id,
    )


def _of_paper(job: PrintJobView) -> Question:
    advice = "请确认凭条是否打印。" if job.to_confirm else "打印机能用时自动打印，不用处理。"
    facts = (("情况", job.note),) if job.note else (("情况", advice),)
    return Question(
        f"paper:{job.job_id}",
        Group.PAPER,
        job.what,
        job.since,
        "请确认" if job.to_confirm else job.state_text,
        facts,
        (Answer.PRINTED, Answer.NOT_PRINTED) if job.to_confirm else (),
        job.job_id,
    )


def _of_loss(loss: RegisterRow) -> Question:
    since, card, name, document, phone, balance, remark = loss.cells
    facts = (
        ("持卡人", f"{name}　证件 {document}"),
        ("联系电话", phone),
        ("卡", f"{card}　余额 {balance} 元"),
        ("受理号", f"{loss.reference}　期限 {loss.deadline.isoformat()}"),
        ("下一步", "请回电提醒：带身份证到营业厅补卡，找到卡可解挂。卡一直冻结。"),
    )
    return Question(
        f"loss:{loss.reference}",
        Group.OVERDUE,
        f"{name}　{card}{f'　{remark}' if remark else ''}",
        since,
        f"逾期 {loss.days_overdue} 天",
        facts,
        (Answer.PHONE,),
        loss.holder_id,
    )


# --- the card -------------------------------------------------------------------------------------------------------


class _Card(Panel):
    """The marked question: what is known, its answers, and the fields that an answer needs."""

    def __init__(self, settle: Callable[[], object]) -> None:
        super().__init__(spacing=12)
        self.wanted: Answer | None = None
        self._title = label("", "strong")
        self._badge = Badge()
        facts = QWidget()
        self._grid = QGridLayout(facts)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, 64)
        self._grid.setColumnStretch(1, 1)
        self._facts: list[tuple[QLabel, QLabel]] = []
        self.answers: ChipRow[Answer] = ChipRow([], LETTER_CAPS)
        self.reasons: ChipRow[str] = ChipRow([], DIGIT_CAPS)
        self.voucher = NumberEntry("签购单上的凭证号", max_length=12)
        self.tail = NumberEntry("银行卡后四位", max_length=4)
        self.reason = Entry("依据，例如签购单为成功", max_length=60)
        self.primary = button("请主管签认 Enter", "primary", settle)
        self._slip = row(Field("签购单凭证号", self.voucher), Field("银行卡后四位", self.tail), spacing=12)
        self._slip_fields = QWidget()
        self._slip_fields.setLayout(self._slip)
        self.form = QWidget()
        self.form.setLayout(
            column(
                self._slip_fields,
                row(Field("原因", self.reason, self.reasons), spacing=12),
                row(None, self.primary),
                spacing=12,
            )
        )
        self.add(row(self._title, None, self._badge), facts, row(self.answers, None), self.form)
        self.form.hide()

    def show_question(self, question: Question) -> None:
        """Another question, or the same one read again: then its form stays."""
        self._title.setText(question.what)
        self._badge.show_state(question.state, _TONES[question.group])
        for at in range(max(len(question.facts), len(self._facts))):
            if at == len(self._facts):
                pair = (label("", "soft"), label("", wrap=True))
                self._grid.addWidget(pair[0], at, 0)
                self._grid.addWidget(pair[1], at, 1)
                self._facts.append(pair)
            caption, value = self._facts[at]
            used = at < len(question.facts)
            caption.setVisible(used)
            value.setVisible(used)
            if used:
                caption.setText(question.facts[at][0])
                value.setText(question.facts[at][1])
        wanted = self.wanted if self.wanted in question.answers else None
        self.answers.set_choices([(answer, answer.value) for answer in question.answers])
        self.answers.setVisible(bool(question.answers))
        self.ask_for(wanted)

    def show_fact(self, name: str, value: str) -> None:
        """Another value for one fact, until the card is shown again."""
        for caption, shown in self._facts:
            if caption.text() == name:
                shown.setText(value)

    def ask_for(self, answer: Answer | None) -> None:
        """Show the fields that this answer needs; None hides them."""
        self.wanted = answer
        self.answers.choose(answer)
        self._slip_fields.setVisible(answer is Answer.PAID)
        self.reasons.set_choices([(words, words) for words in _REASONS.get(answer, ())] if answer else [])
        self.form.setVisible(answer is not None)

    def take_reason(self, words: str) -> None:
        """A reason was chosen by its key."""
        self.reason.setText(words)
        self.reason.mark_bad(False)

    def clear(self) -> None:
        """Answered: empty fields."""
        for entry in (self.voucher, self.tail, self.reason):
            entry.clear()
        self.ask_for(None)
