"""A second person signs beside the clerk: staff number and password, on the page, without ending the clerk's session.

Your line belongs here if it collects a signature; whether it counts is decided by the staff desk.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

from ui.widgets.entries import Entry, Field
from ui.widgets.parts import Panel, ResultLine, button, label, row


class SignBox(Panel):
    """Hidden until `ask`. `signed(str, str)` carries staff number and password; `given_up` means Esc. `asking(bool)`
    tells that it has come into sight or gone, for a page that has no room for box and form at once.

    The password leaves this box with the signal and is wiped at once. Show the answer with `refused` or `close_box`.
    """

    signed = Signal(str, str)
    given_up = Signal()
    asking = Signal(bool)

    def __init__(self) -> None:
        super().__init__(spacing=8)
        self._title = label("", "strong")
        self._why = label("", "soft", wrap=True)
        self.staff_no = Entry("授权人工号", max_length=12)
        self.password = Entry("密码", max_length=128)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.result = ResultLine()
        self._sign = button("签字确认 Enter", "second", self._signed)
        self._back = button("取消 Esc", "second", self.give_up)
        self.add(
            self._title,
            self._why,
            row(Field("工号", self.staff_no), Field("密码", self.password), spacing=12),
            self.result,
            row(None, self._back, self._sign, spacing=12),
        )
        self.hide()

    def ask(self, title: str, why: str) -> None:
        """Ask for a signature: what is to be approved, and the numbers it is about."""
        self._title.setText(title)
        self._why.setText(why)
        self.result.clear()
        self.staff_no.clear()
        self.password.clear()
        self.set_waiting(False)
        self.show()
        self.asking.emit(True)
        self.staff_no.setFocus()

    def focus_open(self) -> None:
        """The focus to what is still to be typed."""
        (self.staff_no if self.staff_no.is_open() else self.password).setFocus()

    def set_waiting(self, waiting: bool) -> None:
        """While the signature is being checked nothing can be pressed twice."""
        self._sign.setEnabled(not waiting)

    def refused(self, sentence: str) -> None:
        """The signature does not count; the staff number stays, the password is asked again."""
        self.set_waiting(False)
        self.result.say("warn", sentence)
        self.password.setFocus()

    def close_box(self) -> None:
        """The signature counted."""
        self.password.clear()
        self.hide()
        self.asking.emit(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter goes on and signs; Esc gives up. Nothing of it reaches the page underneath."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            if event.isAutoRepeat():
                return
            if self.staff_no.is_open() or self.password.is_open():
                self.focus_open()
            else:
                self._signed()
        elif event.key() == Qt.Key.Key_Escape:
            event.accept()
            if not event.isAutoRepeat():
                self.give_up()
        else:
            super().keyPressEvent(event)

    def _signed(self) -> None:
        if not self._sign.isEnabled() or self.staff_no.is_open() or self.password.is_open():
            return
        staff_no, password = self.staff_no.text().strip(), self.password.text()
        self.password.clear()
        self.set_waiting(True)
        self.signed.emit(staff_no, password)

    def give_up(self) -> None:
        """Nobody signs: the box closes, what is typed on the page stays."""
        self.close_box()
        self.given_up.emit()
