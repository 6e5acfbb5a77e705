"""Asks for the passphrase that opens the database, on counters set up that way."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QLineEdit, QVBoxLayout, QWidget

from ui.widgets.entries import Entry, Field
from ui.widgets.parts import ResultLine, button, label, row


class PassphraseDialog(QDialog):
    """`exec()` accepted means `passphrase` holds what was typed; Esc leaves the hall closed."""

    def __init__(self, parent: QWidget, why: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle("打开数据库")
        self._entry = Entry("", max_length=128)
        self._entry.setEchoMode(QLineEdit.EchoMode.Password)
        self._entry.returnPressed.connect(self.accept)
        result = ResultLine()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        layout.addWidget(label("请输入数据库口令", "title"))
        layout.addWidget(Field("口令", self._entry))
        layout.addWidget(result)
        layout.addLayout(row(None, button("打开 Enter", "primary", self.accept)))
        self.setMinimumWidth(420)
        if why:
            result.say("warn", why)

    @property
    def passphrase(self) -> str:
        """What was typed."""
        return self._entry.text()
