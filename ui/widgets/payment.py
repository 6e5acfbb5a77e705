"""How one sum is paid: way to pay, cash received with its change, or the numbers of a stand-alone POS slip.

Your line belongs here if every page that takes money needs it. What the money is for belongs to the page.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QScrollArea, QWidget

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ledger import Tender, TenderKind
from ui.widgets.cash import ChangeDue, SumDue
from ui.widgets.chips import LETTER_CAPS, ChipRow, NoteKeys, Tick
from ui.widgets.entries import Entry, Field, MoneyEntry, NumberEntry
from ui.widgets.parts import column, label, row


class PaymentFields(QWidget):
    """Chips and fields of one payment; `due` and `change` are laid out by the page where the eye looks for them.

    `terminal_id` is that of the linked terminal, or "" at a counter without one. `kind_changed()`: another way to
    pay was chosen. `stops` go into the page's path, `kept()` into what it keeps.
    """

    kind_changed = Signal()

    def __init__(
        self, terminal_id: str, terminal_advice: str = "", *, slip: SlipFields | None = None
    ) -> None:
        """`slip` is given by a page that has made it in a piece of its own."""
        super().__init__()
        self._terminal_id = terminal_id
        self._due_fen: int | None = None
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
            self.tenders.allow(kind.value, bool(terminal_id))
        self.received = MoneyEntry("客户递来的现金")
        self.notes = NoteKeys()
        self.slip = slip or SlipFields()
        self.hint = label(f"金额会发到 POS 终端。{terminal_advice}等待终端时按 Esc 取消。", "soft", wrap=True)
        self.due = SumDue()
        self.change = ChangeDue()
        for shown in (self.due, self.change):
            shown.setParent(self)  # until the page lays them out: shown without a parent they were windows
        self._received_field = Field("实收现金", self.received, self.notes)
        self.setLayout(
            column(
                column(label("收款方式", "soft"), row(self.tenders, None), spacing=6),
                self._received_field,
                self.slip,
                self.hint,
                spacing=14,
            )
        )
        self.stops = (self.received, *self.slip.entries, self.slip.debit)
        self.tenders.chosen.connect(lambda _kind: self.show_fields())
        self.received.amount_changed.connect(lambda _fen: self._sums_changed())
        self.notes.received.connect(self.received.set_fen)
        self.clear()

    @property
    def kind(self) -> TenderKind:
        """The way to pay that is chosen."""
        return TenderKind(self.tenders.value or TenderKind.CASH.value)

    def set_due(self, amount_fen: int | None) -> None:
        """The sum to be paid; None while it is not known."""
        self._due_fen = amount_fen
        self._sums_changed()

    def kept(self) -> dict[str, Entry | ChipRow[str]]:
        """The widgets with typed values, by name."""
        return {"tender": self.tenders, "received": self.received, **self.slip.kept()}

    def tender(self) -> Tender:
        """How the sum is paid. Raises `Refused` and puts the focus where the trouble is."""
        if self.kind is TenderKind.CASH:
            tender = Tender(self.kind, received_fen=amount_of(self.received))
            tender.change_fen(self._due_fen or 0)
            return tender
        if self.kind is TenderKind.SLIP:
            return self.slip.tender()
        if not self._terminal_id:
            raise Refused(Reason.TERMINAL_MISSING)
        return Tender(self.kind, terminal_id=self._terminal_id)

    def clear(self) -> None:
        """Empty everything; cash is the way to pay again."""
        self.received.clear()
        self.slip.clear()
        self.tenders.choose(TenderKind.CASH.value)
        self.show_fields()

    def show_fields(self) -> None:
        """Show the fields of the chosen way to pay; call it after putting kept values back."""
        self.tenders.choose(self.kind.value)
        cash = self.kind is TenderKind.CASH
        self._received_field.setVisible(cash)
        self.change.setVisible(cash)
        self.slip.setVisible(self.kind is TenderKind.SLIP)
        self.hint.setVisible(self.kind.at_terminal)
        self._sums_changed()
        self.kind_changed.emit()

    def _sums_changed(self) -> None:
        received_fen = self.received.amount_or_none()
        self.notes.set_due(self._due_fen)
        self.notes.show_received(received_fen)
        self.due.set_fen(self._due_fen, alone=self.kind is not TenderKind.CASH)
        if self._due_fen is not None or received_fen is not None:
            self.change.set_sums(self._due_fen, received_fen)
        if received_fen is not None:
            self._keep_change_in_sight()

    def _keep_change_in_sight(self) -> None:
        """The focus stays in the entry, so on a low or scaled screen the page would not scroll to what to give back."""
        above = self.change.parentWidget()
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if above is not None:
            above.ensureWidgetVisible(self.change, 0, 0)


class SlipFields(QWidget):
    """The numbers of a stand-alone POS slip and the clerk's tick that it was a debit card."""

    def __init__(self) -> None:
        super().__init__()
        self.terminal = NumberEntry("终端号", max_length=16)
        self.batch = NumberEntry("批次号", max_length=12)
        self.voucher = NumberEntry("凭证号", max_length=12)
        self.reference = NumberEntry("参考号", max_length=16)
        self.tail = NumberEntry("卡号后四位", max_length=4)
        self.debit = Tick("签购单上是借记卡")
        self.entries = (self.terminal, self.batch, self.voucher, self.reference, self.tail)
        first = row(
            Field("终端号", self.terminal),
            Field("批次号", self.batch),
            Field("凭证号", self.voucher),
            spacing=12,
        )
        second = row(
            Field("参考号", self.reference),
            Field("卡号后四位", self.tail),
            Field("卡种", self.debit),
            spacing=12,
        )
        self.setLayout(column(first, second))

    def kept(self) -> dict[str, Entry]:
        """The fields by name, for keeping."""
        return {
            "slip_terminal": self.terminal,
            "slip_batch": self.batch,
            "slip_voucher": self.voucher,
            "slip_reference": self.reference,
            "slip_tail": self.tail,
        }

    def tender(self) -> Tender:
        """The slip as a tender. Raises `Refused` naming the first empty field."""
        for entry in self.entries:
            if entry.is_open():
                entry.mark_bad(True)
                entry.setFocus()
                raise Refused(Reason.TEXT_MISSING, field=entry.placeholderText())
        return Tender(
            TenderKind.SLIP,
            terminal_id=self.terminal.digits(),
            batch=self.batch.digits(),
            voucher=self.voucher.digits(),
            reference=self.reference.digits(),
            card_tail=self.tail.digits(),
            debit_confirmed=self.debit.isChecked(),
        )

    def clear(self) -> None:
        """Empty everything."""
        for entry in self.entries:
            entry.clear()
        self.debit.setChecked(False)


def amount_of(entry: MoneyEntry) -> int:
    """The amount in a field. Raises `Refused`, marks the field and puts the focus there."""
    try:
        return entry.value_fen()
    except Refused:
        entry.mark_bad(True)
        entry.setFocus()
        raise
