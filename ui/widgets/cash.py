"""Cash on the screen: sum due, change with the notes to give, the sum in capitals, and the count by denomination.

Your line belongs here if a clerk looks at it with notes in the hand.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.money import DENOMINATIONS_FEN, notes_for
from ui import texts
from ui.theme import set_look
from ui.widgets.entries import NumberEntry
from ui.widgets.parts import column, label, row


class CapitalsLabel(QLabel):
    """A sum in Chinese capitals, live: `人民币壹佰元整`. Empty while there is no sum."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "soft")

    def set_fen(self, amount_fen: int | None) -> None:
        """Show this sum."""
        if amount_fen is None:
            self.setText("")
            return
        from printing.capitals import capitals  # loaded with the first sum, not with the first window

        self.setText(capitals(amount_fen))


class SumDue(QWidget):
    """The sum due: caption, figures, capitals."""

    def __init__(self, caption: str = "应收") -> None:
        super().__init__()
        self.caption = label(caption, "soft")
        self.figures = label("", "due")
        self.capitals = CapitalsLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.caption)
        layout.addStretch(1)
        layout.addWidget(self.figures)
        layout.addWidget(self.capitals)

    def set_fen(self, amount_fen: int | None, *, alone: bool = False) -> None:
        """Show the sum; `alone` makes it the largest thing because no change is due beside it."""
        self.figures.setText("—" if amount_fen is None else texts.shown_money(amount_fen))
        set_look(self.figures, "sum_due" if alone else "due")
        self.capitals.set_fen(amount_fen)


class ChangeDue(QWidget):
    """Change to give: the largest thing on the page, with the notes to give out."""

    def __init__(self) -> None:
        super().__init__()
        self.caption = label("应找零", "soft")
        self.figures = label("", "change")
        self.notes = label("", "soft")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.caption)
        layout.addStretch(1)
        layout.addWidget(self.figures)
        layout.addWidget(self.notes)
        self.set_sums(None, None)

    def set_sums(self, due_fen: int | None, received_fen: int | None) -> None:
        """Show what is to be given back, or what is still missing. None: not known yet."""
        if due_fen is None or received_fen is None:
            self.caption.setText("应找零")
            self._show("—", "change", "输入实收后显示")
        elif received_fen < due_fen:
            self.caption.setText("还差")
            self._show(texts.shown_money(due_fen - received_fen), "change_short", "实收不足，请客户补足")
        else:
            change_fen = received_fen - due_fen
            self.caption.setText("应找零")
            self._show(texts.shown_money(change_fen), "change", notes_text(change_fen))

    def _show(self, figures: str, look: str, notes: str) -> None:
        self.figures.setText(figures)
        set_look(self.figures, look)
        self.notes.setText(notes)


def notes_text(change_fen: int) -> str:
    """The notes to give out: `找 100 元 × 1，5 元 × 2`; fen that no coin can pay are named."""
    if change_fen == 0:
        return "正好，不用找零"
    notes = notes_for(change_fen)
    rest_fen = change_fen - sum(denomination * pieces for denomination, pieces in notes)
    parts = [f"{texts.denomination_text(denomination)} × {pieces}" for denomination, pieces in notes]
    if rest_fen:
        parts.append(f"{rest_fen} 分无法找付")
    return "找 " + "，".join(parts)


class CashCountGrid(QWidget):
    """Pieces by denomination, typed with digits and Enter only. Shows the total of what is counted, never of what should be.

    Enter goes to the next denomination (an empty one becomes 0) and on the last emits `finished`. `counted_changed`
    is emitted whenever a piece changes.
    """

    finished = Signal()
    counted_changed = Signal()

    def __init__(self, denominations_fen: Sequence[int] = DENOMINATIONS_FEN) -> None:
        super().__init__()
        self._denominations = tuple(denominations_fen)
        self._entries: list[NumberEntry] = []
        self._sums: list[QLabel] = []
        self._total = label(texts.shown_money(0), "balance")
        self._progress = label("", "soft")
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        half = (len(self._denominations) + 1) // 2
        for place, denomination_fen in enumerate(self._denominations):
            entry = NumberEntry("张" if denomination_fen >= 100_00 // 100 else "枚", max_length=6)
            entry.setProperty("look", "count")
            entry.setAlignment(Qt.AlignmentFlag.AlignRight)
            entry.setAccessibleName(texts.denomination_text(denomination_fen))
            entry.textChanged.connect(lambda _text: self._changed())
            amount = label("", "small")
            amount.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            amount.setMinimumWidth(96)
            name = label(texts.denomination_text(denomination_fen))
            name.setMinimumWidth(52)
            line, base = place % half, 4 * (place // half)
            grid.addWidget(name, line, base)
            grid.addWidget(entry, line, base + 1)
            grid.addWidget(amount, line, base + 2)
            self._entries.append(entry)
            self._sums.append(amount)
        grid.setColumnMinimumWidth(3, 24)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(5, 1)
        total = row(column(label("已点合计", "soft"), self._progress, spacing=2), None, self._total)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(grid)
        layout.addLayout(total)
        self.setFocusProxy(self._entries[0])
        self._changed()

    def pieces(self) -> tuple[tuple[int, int], ...]:
        """((denomination_fen, pieces), …) of all denominations. Raises `Refused` naming the first that is not counted."""
        return tuple(
            (denomination_fen, self._pieces_at(place))
            for place, denomination_fen in enumerate(self._denominations)
        )

    def typed(self) -> dict[str, str]:
        """What stands in the fields, by denomination in fen, for keeping."""
        return {
            str(denomination): entry.text()
            for denomination, entry in zip(self._denominations, self._entries, strict=True)
        }

    def restore(self, typed: dict[str, str]) -> None:
        """Put back what `typed` gave."""
        for denomination, entry in zip(self._denominations, self._entries, strict=True):
            entry.setText(typed.get(str(denomination), ""))

    def counted_fen(self) -> int:
        """The total of the denominations counted so far."""
        return sum(
            denomination * (_pieces(entry) or 0)
            for denomination, entry in zip(self._denominations, self._entries, strict=True)
        )

    def complete(self) -> bool:
        """Whether every denomination is counted."""
        return all(_pieces(entry) is not None for entry in self._entries)

    def is_open(self) -> bool:
        """Open while a denomination is not counted."""
        return not self.complete()

    def clear(self) -> None:
        """Empty all fields."""
        for entry in self._entries:
            entry.clear()

    def set_locked(self, locked: bool) -> None:
        """A locked count is shown but cannot be changed."""
        for entry in self._entries:
            entry.setReadOnly(locked)

    def entries(self) -> Sequence[NumberEntry]:
        """The fields in order."""
        return tuple(self._entries)

    def _pieces_at(self, place: int) -> int:
        entry = self._entries[place]
        pieces = _pieces(entry)
        if pieces is None:
            entry.mark_bad(True)
            entry.setFocus()
            raise Refused(Reason.TEXT_MISSING, field=texts.denomination_text(self._denominations[place]))
        return pieces

    def _changed(self) -> None:
        counted = 0
        for denomination, entry, amount in zip(self._denominations, self._entries, self._sums, strict=True):
            pieces = _pieces(entry)
            amount.setText("—" if pieces is None else texts.shown_money(denomination * pieces))
            counted += pieces is not None
        self._total.setText(texts.shown_money(self.counted_fen()))
        self._progress.setText(f"已点 {counted} 种，共 {len(self._entries)} 种")
        self.counted_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter moves on inside the grid; Up and Down move between denominations."""
        place = next((index for index, entry in enumerate(self._entries) if entry.hasFocus()), None)
        key = event.key()
        if place is None or key not in _GRID_KEYS:
            super().keyPressEvent(event)
            return
        event.accept()
        if event.isAutoRepeat() and key in _ENTER_KEYS:
            return
        if key == Qt.Key.Key_Up:
            self._go(place - 1)
        elif key == Qt.Key.Key_Down:
            self._go(place + 1)
        else:
            self._enter(place)

    def _enter(self, place: int) -> None:
        entry = self._entries[place]
        if not entry.text().strip():
            entry.setText("0")
        if _pieces(entry) is None:
            entry.mark_bad(True)
        elif place + 1 < len(self._entries):
            self._go(place + 1)
        else:
            self.finished.emit()

    def _go(self, place: int) -> None:
        if 0 <= place < len(self._entries):
            self._entries[place].setFocus(Qt.FocusReason.TabFocusReason)
            self._entries[place].selectAll()


_ENTER_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_GRID_KEYS = (*_ENTER_KEYS, Qt.Key.Key_Up, Qt.Key.Key_Down)


def _pieces(entry: NumberEntry) -> int | None:
    digits = entry.digits()
    return int(digits) if digits.isascii() and digits.isdigit() else None
