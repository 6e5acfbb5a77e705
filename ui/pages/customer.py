"""客户与交易 (F8): a customer's history over old and new card numbers, one receipt in detail, 补打, 冲正 and 校验.

Your line belongs here if it is about looking at what was booked, or at one plain value of a person.
"""

from __future__ import annotations

import dataclasses
import functools
import io
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QPixmap
from PySide6.QtWidgets import QGridLayout, QLabel, QScrollArea, QSizePolicy, QWidget

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import HolderId, PurseId, ReceiptNo
from counter_app.domain.ledger import TenderKind
from counter_app.domain.requests import Reprint, Reverse, Reversed
from counter_app.domain.views import CustomerView, HistoryLine
from counter_app.domain.waiting import CancelToken
from ui import texts
from ui.asking import OperationInHand, Signing, Tools
from ui.lanes import on_ui
from ui.page import Page
from ui.theme import current
from ui.widgets.chips import DIGIT_CAPS, LETTER_CAPS, ChipRow
from ui.widgets.entries import Entry, Field
from ui.widgets.parts import Badge, Panel, button, column, label, row
from ui.widgets.tables import Cell, Column, DataTable

if TYPE_CHECKING:
    from counter_app.services.customer_desk import PersonalField
    from counter_app.services.paper_desk import CheckedReceipt

PAGE_LINES = 7
"""Lines of a history page at 768 px; the next one is fetched by key, so the length of a history costs nothing."""

SHOWN_MS = 10_000
"""How long one plain value of a person stays in sight (rules §6, 16)."""

FIELDS: tuple[tuple[PersonalField, str], ...] = (
    ("name", "姓名"),
    ("document", "证件"),
    ("phone", "手机"),
    ("second_contact", "备用联系人"),
    ("address", "地址"),
)
HIDDEN = "＊＊＊＊"
REVERSE, CORRECT = "reverse", "correct"
REASONS = ("金额录错", "卡号录错", "收款方式录错", "重复办理", "客户要求撤销")
PREVIEW_WIDTH = 356


@dataclasses.dataclass(frozen=True, slots=True)
class ReceiptInSight:
    """One receipt as the page shows it."""

    checked: CheckedReceipt
    picture: bytes


class CustomerPage(Page):
    """Two views: the history of who stands at the counter, and one receipt with what can be done about it."""

    def __init__(self, tools: Tools, *, shown_ms: int = SHOWN_MS) -> None:
        super().__init__("客户与交易", tools.troubles)
        self._tools = tools
        self._shown_ms = shown_ms
        self._in_hand = OperationInHand(tools.session)
        self._purse: PurseId | None = None
        self._befores: list[str | None] = [None]
        """Where each history page begins that was looked at, the one in sight last."""
        self._more = False
        self._listed = True
        self.lines: tuple[HistoryLine, ...] = ()
        self._shown: ReceiptInSight | None = None

    def build(self) -> Iterator[None]:
        """The person, the list, and the receipt in sight."""
        self.identity = _Identity()
        self.body.addWidget(self.identity)
        yield
        self.history = _History(self._search)
        self.body.addWidget(self.history)
        yield
        self.signing = Signing(self, self._tools)
        self.receipt = _Receipt(self._undo)
        self.receipt.right.insertWidget(2, self.signing.box)
        self.signing.box.asking.connect(self._make_room)
        self.receipt.hide()
        self.body.addWidget(self.receipt, 100)
        self.body.addStretch(1)
        yield
        self._mask_again = QTimer(self)
        self._mask_again.setSingleShot(True)
        self._mask_again.timeout.connect(self._mask)
        self.identity.fields.chosen.connect(self._unmask)
        self.history.table.row_chosen.connect(self._open_line)
        self.receipt.deeds.chosen.connect(self._act)
        self.receipt.reasons.chosen.connect(self.receipt.take_reason)
        self.keep(search=self.history.search, reason=self.receipt.reason, voucher=self.receipt.voucher)
        self._show_list()

    # what the frame tells

    def activate(self) -> None:
        """Read the page of the history that is in sight again."""
        self._read_history()
        self.focus_first()

    def hideEvent(self, event: object) -> None:
        """Another page: nothing plain stays behind."""
        self._mask()
        super().hideEvent(event)  # type: ignore[arg-type]

    def customer_changed(self, view: CustomerView | None) -> None:
        """Another person: the newest page of that history; the same one again: the page in sight."""
        super().customer_changed(view)
        here = view is not None and not view.hidden
        purse = PurseId(view.purse_id) if view is not None and here and view.purse_id else None
        self._mask()
        self.identity.show_person(view if here else None)
        self.identity.setVisible(self._listed and self.identity.has_person)
        if view is None or view.hidden:
            self.title.set_line(f"{texts.NOBODY_ADVICE}也可输入凭证号查一笔业务。")
        else:
            balance = "" if view.balance_fen is None else f"余额 {texts.shown_money(view.balance_fen)}"
            parts = (f"卡 {view.card_no_text}", view.name_masked or "不记名卡", view.state_text, balance)
            self.title.set_line(texts.SEPARATOR.join(part for part in parts if part))
        if purse != self._purse:
            self._purse = purse
            if here:
                self.result.clear()
            self._befores = [None]
            self._show_list()
            self.history.show_lines((), 1, more=False, empty="正在读取…" if purse else "")
        self._read_history()

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """What the view in sight takes."""
        if not self._listed:
            return (
                texts.KEY_HELP,
                ("A B C", "补打 / 冲正 / 更正"),
                ("Enter", "下一项 / 确定"),
                texts.KEY_BACK,
            )
        return (
            texts.KEY_HELP,
            ("↑ ↓", "选择"),
            ("Enter", "查看"),
            ("PgUp PgDn", "翻页"),
            ("A…E", "显示 10 秒"),
        )

    def go_back(self) -> None:
        """From the undoing to the receipt, from the receipt to the list; what was typed stays."""
        if self.receipt.form.isVisible():
            self.receipt.ask_for(None)
            self.focus_first()
        elif not self._listed:
            self._show_list()
            self.focus_first()

    def focus_first(self) -> None:
        """The list while there is one, else the receipt number; in the detail what is still to be typed."""
        if not self.in_sight:
            return
        if self.signing.box.isVisible():
            self.signing.box.focus_open()
        elif self._listed and self.lines:
            self.history.table.setFocus()
        elif not self._listed and not self.receipt.form.isVisible():
            self.setFocus()
        else:
            super().focus_first()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pages of the history, and from the receipt number down into the list."""
        key = event.key()
        listed = self._listed
        if listed and key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            event.accept()
            self._turn(1 if key == Qt.Key.Key_PageDown else -1)
        elif listed and key == Qt.Key.Key_Down and self.lines:
            event.accept()
            self.history.table.setFocus()
        elif not listed and key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp, Qt.Key.Key_Down, Qt.Key.Key_Up):
            event.accept()
            self.receipt.roll(key)
        else:
            super().keyPressEvent(event)

    def _make_room(self, signing: bool) -> None:
        """The signature takes the place of the form while it is asked for."""
        self.receipt.form.setVisible(not signing and self.receipt.wanted is not None)

    # one plain value for ten seconds

    def _unmask(self, field: PersonalField) -> None:
        holder = self.customer.holder_id if self.customer is not None else None
        self._mask()
        if holder is None or self.busy.busy:
            return
        asked, desk = self._tools.session.asked(), self._tools.desks.customers

        def show(plain: str) -> None:
            if self.customer is not None and self.customer.holder_id == holder and self.isVisible():
                self.identity.show_plain(field, plain or "没有登记")
                self._mask_again.start(self._shown_ms)

        self.ask(
            self._tools.desk_lane,
            lambda: desk.unmask(asked, HolderId(holder), field),
            show,
            text="正在登记查看…",
        )

    def _mask(self) -> None:
        self._mask_again.stop()
        self.identity.mask_all()

    # the history

    def _read_history(self) -> None:
        purse, before = self._purse, self._befores[-1]
        if purse is None:
            self.lines = ()
            self.history.show_lines((), 1, more=False, empty="")
            return
        desk = self._tools.desks.customers

        def show(found: tuple[HistoryLine, ...]) -> None:
            if purse == self._purse and before == self._befores[-1]:
                self.lines, self._more = found[:PAGE_LINES], len(found) > PAGE_LINES
                self.history.show_lines(
                    self.lines, len(self._befores), more=self._more, empty="还没有交易记录。"
                )
                if self.history.search.hasFocus() and self.history.search.is_open():
                    self.focus_first()

        self._tools.look_lane.submit(
            lambda: desk.history(purse, before, PAGE_LINES + 1), show, self.trouble, newest_of="history"
        )

    def _turn(self, way: int) -> None:
        if way > 0 and self._more and self.lines:
            self._befores.append(self.lines[-1].key)
        elif way < 0 and len(self._befores) > 1:
            self._befores.pop()
        else:
            return
        self._read_history()

    def _open_line(self, place: int) -> None:
        if place < len(self.lines):
            self.open_receipt(self.lines[place].receipt_no)

    def _search(self) -> None:
        typed = self.history.search.text().strip()
        if not typed:
            self.trouble(Refused(Reason.TEXT_MISSING, field="凭证号或校验码"))
            return
        self.open_receipt(typed)

    # one receipt

    def open_receipt(self, receipt_no: str) -> None:
        """Show a receipt by its number or check code, whoever stands at the counter."""
        paper = self._tools.desks.paper

        def look() -> ReceiptInSight:
            checked = paper.check(receipt_no)
            return ReceiptInSight(checked, _picture(paper.preview(checked.receipt_no), paper.width_columns))

        self.ask(self._tools.look_lane, look, self._show_receipt, text="正在读取凭证…")

    def _show_receipt(self, shown: ReceiptInSight) -> None:
        self.end_signing()
        self._shown = shown
        self._in_hand.done()
        self.receipt.show_receipt(shown)
        self._listed = False
        self.identity.hide()
        self.history.hide()
        self.receipt.show()
        self.set_chips(self.receipt.deeds, self.receipt.reasons)
        self.set_path((self.receipt.reason, self.receipt.voucher), self.receipt.primary)
        self.keys_changed.emit()
        self.result.say("good" if shown.checked.genuine else "bad", shown.checked.sentence)
        self.setFocus()

    def _show_list(self) -> None:
        self.end_signing()
        self._shown = None
        self._listed = True
        self.receipt.hide()
        self.identity.setVisible(self.identity.has_person)
        self.history.show()
        self.set_chips(self.identity.fields)
        self.set_path((self.history.search,), self.history.look)
        self.keys_changed.emit()

    def _act(self, action: str) -> None:
        if self._shown is None or self.busy.busy:
            return
        if action in (REVERSE, CORRECT):
            self._in_hand.done()
            self.receipt.ask_for(action)
            self.focus_first()
            return
        self.receipt.ask_for(None)
        receipt_no = self._shown.checked.receipt_no
        self._in_hand.done()
        self.signing.ask(
            Reprint(self._in_hand.asked(), receipt_no),
            self._tools.desks.paper.reprint,
            functools.partial(self._reprinted, receipt_no),
            title=f"再次补打凭证 {receipt_no}",
            text="正在排队…",
            failed=self._in_hand.went_wrong,
        )

    def _reprinted(self, receipt_no: ReceiptNo, copy_no: int) -> None:
        self._in_hand.done()
        self.result.say("good", f"凭证 {receipt_no} 补打 第{copy_no}次，已送打印机。")
        self.receipt.show_copies(copy_no)
        self.focus_first()
        self.booked.emit(None)

    # undoing

    def _undo(self) -> None:
        shown, fields = self._shown, self.receipt
        if shown is None or fields.wanted is None:
            return
        if fields.reason.is_open():
            fields.reason.mark_bad(True)
            fields.reason.setFocus()
            self.trouble(Refused(Reason.REASON_MISSING))
            return
        request = Reverse(
            self._in_hand.asked(),
            shown.checked.receipt_no,
            fields.reason.text().strip(),
            fields.wanted == CORRECT,
            fields.voucher.text().strip(),
        )
        if shown.checked.tender.at_terminal and not request.void_voucher:
            self._undo_at_terminal(request)
            return
        desk = self._tools.desks.undo
        self.signing.ask(
            request,
            lambda asked: desk.reverse(asked),
            self._undone,
            title=self._signed_for(),
            failed=self._in_hand.went_wrong,
        )

    def _undo_at_terminal(self, request: Reverse) -> None:
        """The terminal gives the money back first; it waits on its own lane and Esc asks it to stop."""
        terminal, lane, desk = self._tools.terminal, self._tools.terminal_lane, self._tools.desks.undo
        if terminal is None or lane is None:
            self._in_hand.done()
            self.trouble(Refused(Reason.POS_REVERSAL_FIRST))
            return
        cancel, progress = CancelToken(), on_ui(self.busy.say)
        self.signing.ask(
            request,
            lambda asked: desk.reverse(asked, terminal, progress, cancel),
            self._undone,
            title=self._signed_for(),
            text="正在终端撤销…",
            failed=self._in_hand.went_wrong,
            lane=lane,
            cancel=cancel,
        )

    def _signed_for(self) -> str:
        assert self._shown is not None
        checked = self._shown.checked
        word = "更正" if self.receipt.wanted == CORRECT else "冲正"
        return f"{word}凭证 {checked.receipt_no}　{checked.what} {texts.shown_money(checked.amount_fen)}"

    def _undone(self, done: Reversed) -> None:
        self._in_hand.done()
        self.receipt.clear()
        word = "更正" if done.correction else "冲正"
        amount = texts.shown_money(done.amount_fen)
        parts = [f"凭证 {done.reversed_receipt_no} 已{word}，{amount}。"]
        if done.cash_back_fen:
            parts.append(f"请退还现金 {texts.shown_money(done.cash_back_fen)}。")
        if done.refund_form:
            parts.append("终端已结算，请填写退货单交财务。")
        if done.receivable_fen:
            parts.append(f"卡已冻结，登记应收 {texts.shown_money(done.receivable_fen)}。")
        self._show_list()
        self.finish(done, "".join(parts), f"{word} {done.kind.text} {amount}", done.receipt_no)
        self._read_history()
        self.focus_first()


def _picture(data: bytes, width_columns: int) -> bytes:
    """The bytes as paper (PNG), read back as a printer reads them; on a lane, because drawing takes a while."""
    from printing import receipt_image, receipt_reader

    picture = receipt_image.picture(receipt_reader.read(data), width_columns)
    picture.thumbnail((PREVIEW_WIDTH, receipt_image.LONGEST_DOTS))
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()


class _Identity(Panel):
    """Masked values of the person, and the keys that show one of them for a while."""

    def __init__(self) -> None:
        super().__init__(spacing=12)
        self.fields: ChipRow[PersonalField] = ChipRow(FIELDS, LETTER_CAPS)
        self._values: dict[str, QLabel] = {}
        self._masked: dict[str, str] = {}
        self.has_person = False
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        for (field, caption), (line, at, span) in zip(
            FIELDS, ((0, 0, 1), (0, 2, 1), (0, 4, 1), (1, 0, 1), (1, 2, 3)), strict=True
        ):
            value = self._values[field] = label("")
            value.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
            grid.addWidget(label(caption, "soft"), line, at)
            grid.addWidget(value, line, at + 1, 1, span)
        for at in (1, 3, 5):
            grid.setColumnStretch(at, 1)
        self.add(inner, row(label("显示 10 秒（留痕）", "soft"), self.fields, None, spacing=12))

    def show_person(self, view: CustomerView | None) -> None:
        """Another person, masked."""
        self.has_person = view is not None and view.holder_id is not None
        if view is not None and self.has_person:
            self._masked = {
                "name": view.name_masked,
                "document": view.document_masked,
                "phone": view.phone_masked,
            }
        self.mask_all()

    def show_plain(self, field: PersonalField, plain: str) -> None:
        """One value in plain, marked by its key."""
        self.fields.choose(field)
        self._values[field].setText(plain)

    def mask_all(self) -> None:
        """Everything masked."""
        self.fields.choose(None)
        for field, value in self._values.items():
            value.setText(self._masked.get(field, HIDDEN))


class _Lines(DataTable):
    """Leaves the keys that turn pages to the page: its rows are one page."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
            event.ignore()
        else:
            super().keyPressEvent(event)


class _History(Panel):
    def __init__(self, search: Callable[[], object]) -> None:
        super().__init__(spacing=12)
        self.search = Entry("凭证号、校验码，或扫凭条二维码", max_length=64)
        self.look = button("查凭证 Enter", "", search)
        self.table = _Lines(
            [
                Column("时间", 136),
                Column("业务"),
                Column("金额", 92, figures=True),
                Column("收款方式", 96),
                Column("柜台 / 工号", 98),
                Column("卡尾号", 64),
                Column("凭证号", 140),
            ]
        )
        self.where = label("", "soft")
        self.turn = label("", "soft")
        self.add(row(self.search, self.look), self.table, row(self.where, None, self.turn))

    def show_lines(self, lines: Sequence[HistoryLine], page: int, *, more: bool, empty: str) -> None:
        """One page of the history; the newest line is marked, so that Enter opens it."""
        self.table.set_rows([_cells(line) for line in lines])
        self.table.setFixedHeight(
            self.table.horizontalHeader().sizeHint().height() + PAGE_LINES * current().sizes.row_height + 2
        )
        if lines:
            self.table.selectRow(0)
        self.table.setVisible(bool(lines))
        known = f"第 {page} 页，新旧卡号的业务都在内" if lines else empty
        self.where.setText(known)
        words = (("PgUp 较新" if page > 1 else ""), ("PgDn 较早" if more else ""))
        self.turn.setText(texts.SEPARATOR.join(word for word in words if word))


def _cells(line: HistoryLine) -> tuple[str | Cell, ...]:
    what = line.what.removesuffix("（已冲正）")
    undone = line.reversed
    return (
        line.time_text,
        Cell(f"{what} 已冲正", "warn") if undone else what,
        line.amount_text,
        line.tender_text or "—",
        f"{line.counter_no} 号台 {line.staff_no}",
        line.card_tail or "—",
        line.receipt_no,
    )


class _Receipt(QWidget):
    """One receipt: its paper at the left, what is known and what can be done at the right."""

    def __init__(self, undo: Callable[[], object]) -> None:
        super().__init__()
        self.wanted: str | None = None
        self.paper = QLabel()
        self.paper.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.paper)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setFixedWidth(PREVIEW_WIDTH + 14)
        self._scroll.setMinimumHeight(300)
        self._scroll.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self._number = label("", "name")
        self._state = Badge()
        self._facts = label("", wrap=True)
        self._copies = label("", "soft")
        self.deeds: ChipRow[str] = ChipRow(
            [("reprint", "补打"), (REVERSE, "冲正"), (CORRECT, "更正")], LETTER_CAPS
        )
        self._hint = label(
            "冲正：本班的错账。更正：隔班的错账，或钱已被用掉；卡会冻结并登记应收。都须主管签字。",
            "soft",
            wrap=True,
        )
        self.reasons: ChipRow[str] = ChipRow([(words, words) for words in REASONS[:3]], DIGIT_CAPS)
        self.reason = Entry("选择或填写原因", max_length=60)
        self.voucher = Entry("只在独立 POS 或终端已结算时填", max_length=20)
        self.voucher.optional = True
        self._voucher = Field("撤销 / 退货单凭证号", self.voucher)
        self.primary = button("冲正 Enter", "primary", undo)
        self.form = Panel(spacing=12)
        self.form.add(
            column(label("原因", "soft"), self.reasons, self.reason, spacing=6),
            self._voucher,
            row(None, self.primary),
        )
        facts = Panel(spacing=12)
        facts.add(
            row(self._number, None, self._state),
            self._facts,
            self._copies,
            row(self.deeds, None),
            self._hint,
        )
        self.right = column(facts, self.form, None, spacing=14)
        layout = row(self._scroll, self.right, spacing=14)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.form.hide()

    def show_receipt(self, shown: ReceiptInSight) -> None:
        """Another receipt; nothing is asked for yet."""
        checked = shown.checked
        picture = QPixmap()
        picture.loadFromData(shown.picture)
        self.paper.setPixmap(picture.scaledToWidth(PREVIEW_WIDTH, Qt.TransformationMode.SmoothTransformation))
        self.paper.setAccessibleName(f"凭证 {checked.receipt_no} 的样子")
        self._scroll.verticalScrollBar().setValue(0)
        self._number.setText(checked.receipt_no)
        if checked.reversed_by is not None:
            self._state.show_state("已冲正", "warn")
        elif checked.genuine:
            self._state.show_state("真实", "good")
        else:
            self._state.show_state("不符", "bad")
        words = [f"{checked.what} {texts.shown_money(checked.amount_fen)} {checked.tender.text}".strip()]
        words.append(checked.booked_at)
        if checked.reversed_by is not None:
            words.append(f"冲正凭证 {checked.reversed_by}")
        self._facts.setText("\n".join(words))
        self.show_copies(checked.reprints)
        # Cash and what moved none have no paper of a terminal to name.
        self._voucher.setVisible(checked.tender not in (TenderKind.CASH, TenderKind.NONE))
        for action in (REVERSE, CORRECT):
            self.deeds.allow(action, checked.reversed_by is None)
        self.clear()

    def show_copies(self, copies: int) -> None:
        """How often it was printed again."""
        more = "再补打须主管签字" if copies else "首次补打不须签字"
        self._copies.setText(f"已补打 {copies} 次，{more}")

    def ask_for(self, action: str | None) -> None:
        """Show the fields of an undoing; None hides them."""
        self.wanted = action
        self.deeds.choose(action)
        self._hint.setVisible(action is None)
        self.primary.setText("更正 Enter" if action == CORRECT else "冲正 Enter")
        self.form.setVisible(action is not None)

    def take_reason(self, words: str) -> None:
        """A reason was chosen by its key."""
        self.reason.setText(words)
        self.reason.mark_bad(False)

    def clear(self) -> None:
        """Empty fields, nothing asked for."""
        for entry in (self.reason, self.voucher):
            entry.clear()
        self.reasons.choose(None)
        self.ask_for(None)

    def roll(self, key: int) -> None:
        """The paper up or down."""
        bar = self._scroll.verticalScrollBar()
        step = bar.pageStep() if key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp) else 60
        bar.setValue(bar.value() + (step if key in (Qt.Key.Key_PageDown, Qt.Key.Key_Down) else -step))
