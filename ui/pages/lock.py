"""The locked counter: covers everything, keeps everything typed, opens for the same clerk's password.

Your line belongs here if a passer-by may see it.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from ui.widgets.entries import Entry, Field
from ui.widgets.parts import Panel, ResultLine, button, label, row


class LockPage(QWidget):
    """`unlock_asked(str)` carries the typed password; `sign_out_asked` when another clerk takes over."""

    unlock_asked = Signal(str)
    sign_out_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "ground")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._clerk = label("", "title")
        self.password = Entry("登录密码", max_length=128)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.result = ResultLine()
        self._open = button("解锁 Enter", "primary", self._unlock)
        self._other = button("换人登录 Alt+H", "second", self.sign_out_asked.emit)
        for by_key in (self._open, self._other):  # what is typed is always the password
            by_key.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        panel = Panel(spacing=12)
        panel.setFixedWidth(420)
        panel.add(
            label("已锁屏", "soft"),
            self._clerk,
            label("已填写的内容都保留着，解锁后可以接着办理。", "soft", wrap=True),
            Field("密码", self.password),
            self.result,
            row(self._other, None, self._open),
        )
        layout = QVBoxLayout(self)
        layout.addStretch(2)
        layout.addWidget(panel, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)

    def set_clerk(self, clerk_text: str) -> None:
        """Whose password opens."""
        self._clerk.setText(clerk_text)

    def begin(self) -> None:
        """The lock has just closed."""
        self.password.clear()
        self.result.clear()
        self._open.setEnabled(True)
        self.password.setFocus()

    def refused(self, sentence: str) -> None:
        """The password did not open the lock."""
        self._open.setEnabled(True)
        self.result.say("warn", sentence)
        self.password.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Alt+H lets another clerk sign in; no other key of the program works here."""
        if event.isAutoRepeat():
            event.accept()
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._unlock()
        elif event.key() == Qt.Key.Key_H and event.modifiers() == Qt.KeyboardModifier.AltModifier:
            self.sign_out_asked.emit()
        event.accept()

    def _unlock(self) -> None:
        if not self._open.isEnabled() or self.password.is_open():
            return
        password = self.password.text()
        self.password.clear()
        self._open.setEnabled(False)
        self.unlock_asked.emit(password)
