"""Who stands at the counter: masked identity, card state, balance, warnings and last transactions, always at the right.

Your line belongs here if it shows a `CustomerView`. Nothing here is ever unmasked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui import texts
from ui.theme import current, set_look
from ui.widgets.parts import Badge, Note, button, column, label, row

if TYPE_CHECKING:
    from counter_app.domain.views import CustomerView, ParkedView, RecentLine


class CustomerPanel(QWidget):
    """Shows one `CustomerView` or nobody. Emits `record_asked` for the button below."""

    record_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._name = label("", "name")
        self._state = Badge()
        self._identity = label("", "soft", wrap=True)
        self._balance_caption = label("卡内余额", "soft")
        self._balance = label("", "balance")
        self._warnings = QVBoxLayout()
        self._warnings.setSpacing(8)
        self._notes: list[Note] = []
        self._recent_caption = label("最近交易", "soft")
        self._recent = RecentList()
        self._record = button("客户档案与交易 F8", "panel", self.record_asked.emit)
        self._record.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(row(self._name, None, self._state))
        layout.addWidget(self._identity)
        layout.addLayout(row(self._balance_caption, None, self._balance))
        layout.addLayout(self._warnings)
        layout.addWidget(self._recent_caption)
        layout.addWidget(self._recent)
        layout.addStretch(1)
        layout.addWidget(self._record)
        self.set_customer(None)

    def set_customer(self, view: CustomerView | None) -> None:
        """Show this customer; None: nobody; a hidden one: only that the person is on the telephone."""
        if view is None or view.hidden:
            self._name.setText(texts.NOBODY_HERE if view is None else texts.CUSTOMER_HIDDEN)
            self._identity.setText(texts.NOBODY_ADVICE if view is None else texts.CUSTOMER_HIDDEN_ADVICE)
            self._state.setVisible(False)
            self._set_warnings(())
            self._recent.set_lines(())
        else:
            self._name.setText(view.name_masked or "不记名卡")
            self._state.show_state(f"{view.kind_text}{texts.SEPARATOR}{view.state_text}", view.state_tone)
            self._state.setVisible(True)
            self._identity.setText(_identity_text(view))
            self._set_warnings(view.warnings)
            self._recent.set_lines(view.recent)
            balance = "—" if view.balance_fen is None else texts.shown_money(view.balance_fen)
            self._balance.setText(balance)
        known = view is not None and not view.hidden
        for part in (self._balance_caption, self._balance, self._recent_caption, self._recent):
            part.setVisible(known)
        self._record.setVisible(known)

    def _set_warnings(self, warnings: Sequence[str]) -> None:
        while len(self._notes) < len(warnings):
            note = Note()
            self._notes.append(note)
            self._warnings.addWidget(note)
        for place, note in enumerate(self._notes):
            note.say(warnings[place] if place < len(warnings) else "")


def _identity_text(view: CustomerView) -> str:
    parts = (("证件", view.document_masked), ("手机", view.phone_masked), ("卡号", view.card_no_text))
    return "\n".join(f"{what} {value}" for what, value in parts if value)


class RecentList(QWidget):
    """Three columns with a thin rule under each line: time, what, amount (also used for totals of the day)."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(0)
        self._grid.setColumnStretch(1, 1)
        self._cells: list[tuple[QLabel, QLabel, QLabel, QFrame]] = []

    def set_lines(self, lines: Sequence[RecentLine]) -> None:
        """Show these lines, first one on top."""
        height = current().sizes.row_height - 1
        while len(self._cells) < len(lines):
            place = len(self._cells)
            cells = (label("", "small"), label("", "small"), label("", "small"))
            rule = QFrame()
            rule.setProperty("look", "rule")
            for at, cell in enumerate(cells):
                cell.setFixedHeight(height)
                cell.setContentsMargins(8, 0, 8, 0)
                self._grid.addWidget(cell, 2 * place, at)
            cells[1].setAlignment(Qt.AlignmentFlag.AlignCenter)
            cells[2].setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._grid.addWidget(rule, 2 * place + 1, 0, 1, 3)
            self._cells.append((*cells, rule))
        for place, (when, what, amount, rule) in enumerate(self._cells):
            used = place < len(lines)
            if used:
                when.setText(lines[place].time_text)
                what.setText(lines[place].what)
                amount.setText(lines[place].amount_text)
            for part in (when, what, amount, rule):
                part.setVisible(used)


class ParkedList(QWidget):
    """Customers who wait with everything typed; always visible. `chosen(str)`: this key is to be taken up again."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._caption = label("", "warn")
        self._rows = column(spacing=4)
        self._lines: list[_ParkedLine] = []
        self._parked: tuple[ParkedView, ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._caption)
        layout.addLayout(self._rows)
        self.set_parked(())

    def set_parked(self, parked: Sequence[ParkedView]) -> None:
        """Show who waits; the n-th is taken up with Ctrl+n."""
        self._parked = tuple(parked)
        self._caption.setText(f"已挂起 {len(parked)} 位客户")
        while len(self._lines) < len(parked):
            line = _ParkedLine(len(self._lines) + 1)
            line.taken.connect(self.take)
            self._lines.append(line)
            self._rows.addWidget(line)
        for place, line in enumerate(self._lines):
            line.setVisible(place < len(parked))
            if place < len(parked):
                line.set_parked(parked[place])
        self.setVisible(bool(parked))

    @property
    def count(self) -> int:
        """How many wait."""
        return len(self._parked)

    def take(self, number: int) -> bool:
        """Take up the n-th (from 1) again; False when there is none."""
        if not 1 <= number <= len(self._parked):
            return False
        self.chosen.emit(self._parked[number - 1].key)
        return True


class _ParkedLine(QFrame):
    taken = Signal(int)

    def __init__(self, number: int) -> None:
        super().__init__()
        set_look(self, "note_warn")
        self._text = label("", "small")
        again = button(f"接回 Ctrl+{number}", "link", lambda: self.taken.emit(number))
        again.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 8, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(again)

    def set_parked(self, parked: ParkedView) -> None:
        self._text.setText(f"{parked.name_masked} {parked.what} {parked.since_text}")
