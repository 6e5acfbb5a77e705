"""演示设备: a small window beside the demo hall that stands for the hands that lay cards and documents on the readers.

Your line belongs here if it lets somebody play with simulated devices. It knows no device: it only tells what was asked.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ui.widgets.chips import ChipRow
from ui.widgets.parts import Panel, button, column, label, row

Choice = tuple[str, str]
"""(key that comes back in the signal, words to choose by)."""

PAYMENTS: tuple[Choice, ...] = (("approve", "批准"), ("decline", "拒绝"), ("silent", "不应答"))
PAPERS: tuple[Choice, ...] = (("ok", "有纸"), ("low", "纸将尽"), ("out", "缺纸"))


class DemoDevices(QWidget):
    """One choice for each device. `card_put(str)` and `document_put(str)` carry the chosen key; `paper_set(str)` one
    of `PAPERS`; `payment_set(str)` one of `PAYMENTS`, for the next payment only."""

    card_put = Signal(str)
    card_lifted = Signal()
    document_put = Signal(str)
    document_lifted = Signal()
    paper_set = Signal(str)
    payment_set = Signal(str)

    def __init__(self, beside: QWidget, cards: Sequence[Choice], documents: Sequence[Choice]) -> None:
        super().__init__(beside, Qt.WindowType.Tool)
        self.setWindowTitle("演示设备")
        # The keyboard stays with the counter.
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setProperty("look", "ground")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.cards = _choices(cards)
        self.documents = _choices(documents)
        self.papers = ChipRow(PAPERS)
        self.papers.choose("ok")
        self.setMinimumWidth(420)
        self._said = label("这里代替客户的手和真设备，只在演示中出现。", "soft", wrap=True)
        panel = Panel(spacing=14)
        panel.add(
            _device("读卡器", self.cards, ("放卡", self._put_card), ("拿走", self._lift_card)),
            _device(
                "身份证读卡器", self.documents, ("放证", self._put_document), ("拿走", self._lift_document)
            ),
            column(label("打印机", "soft"), row(self.papers, None), spacing=6),
            column(label("POS 终端下一笔付款", "soft"), row(*self._payments(), None), spacing=6),
            self._said,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(panel)
        self.papers.chosen.connect(self._set_paper)

    def _payments(self) -> list[QPushButton]:
        """Buttons, not choices: what was asked for holds for one payment only."""
        return [button(words, "panel", functools.partial(self._set_payment, how)) for how, words in PAYMENTS]

    def _put_card(self) -> None:
        self._said.setText("卡已放上，读到后请拿走。")
        self.card_put.emit(self.cards.currentData())

    def _lift_card(self) -> None:
        self._said.setText("读卡器上没有卡。")
        self.card_lifted.emit()

    def _put_document(self) -> None:
        self._said.setText("证件已放上，读到后请拿走。")
        self.document_put.emit(self.documents.currentData())

    def _lift_document(self) -> None:
        self._said.setText("身份证读卡器上没有证件。")
        self.document_lifted.emit()

    def _set_paper(self, state: object) -> None:
        self._said.setText(
            {"ok": "打印纸已装好。", "low": "打印纸快用完了。", "out": "打印机缺纸。"}[str(state)]
        )
        self.paper_set.emit(str(state))

    def _set_payment(self, how: str) -> None:
        words = {
            "approve": "下一笔 POS 付款会批准。",
            "decline": "下一笔 POS 付款会被拒绝，之后恢复正常。",
            "silent": "下一笔 POS 付款批准后终端不再应答，之后恢复正常。",
        }
        self._said.setText(words[how])
        self.payment_set.emit(how)


def _choices(choices: Sequence[Choice]) -> QComboBox:
    box = QComboBox()
    for key, words in choices:
        box.addItem(words, key)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def _device(name: str, box: QComboBox, *actions: tuple[str, Callable[[], object]]) -> QVBoxLayout:
    buttons = [button(words, "panel", act) for words, act in actions]
    return column(label(name, "soft"), row(box, *buttons), spacing=6)
