"""The first page painted: staff number, password, counter; then the notices to confirm.

Your line belongs here if it happens before a shift exists. This module and what it imports must stay light: the test of
the first paint lists what may not be loaded.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from ui import texts
from ui.widgets.entries import Entry, Field
from ui.widgets.parts import BusyLine, Panel, ResultLine, button, column, label, row

if TYPE_CHECKING:
    from counter_app.domain.views import NoticeView, SignInHint


class SignInPage(QWidget):
    """`sign_in_asked(str, str)`: staff number and password. `notices_confirmed(object)`: the tuple of notice keys read.

    Until `set_ready` is called (database open, key accepted) the button is off and the busy line says what is awaited;
    the clerk may type meanwhile, and Enter pressed too early is kept.
    """

    sign_in_asked = Signal(str, str)
    notices_confirmed = Signal(object)

    def __init__(self, hall_text: str) -> None:
        super().__init__()
        self.setProperty("look", "ground")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.staff_no = Entry("例如 1023", max_length=12)
        self.password = Entry("", max_length=128)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.result = ResultLine()
        self.busy = BusyLine()
        self.enter = button("登录 Enter", "primary", self._sign_in)
        self._ready = False
        self._enter_waits = False
        self._hall = label(hall_text, "soft")
        self._hints = Panel("演示账号")
        self._hints.hide()
        panel = Panel(spacing=12)
        panel.add(
            column(label(texts.PRODUCT, "title"), self._hall, spacing=4),
            Field("工号", self.staff_no),
            Field("密码", self.password),
            self.busy,
            self.result,
            self.enter,
        )
        self._notices = _NoticeBox()
        self._notices.confirmed.connect(self.notices_confirmed)
        first = QWidget()
        first_layout = QVBoxLayout(first)
        first_layout.setContentsMargins(0, 0, 0, 0)
        first_layout.setSpacing(14)
        first_layout.addWidget(panel)
        first_layout.addWidget(self._hints)
        first_layout.addStretch(1)
        self._steps = QStackedWidget()
        self._steps.setFixedWidth(440)
        self._steps.addWidget(first)
        second = QWidget()
        second_layout = QVBoxLayout(second)
        second_layout.setContentsMargins(0, 0, 0, 0)
        second_layout.addWidget(self._notices)
        second_layout.addStretch(1)
        self._steps.addWidget(second)
        middle = QWidget()
        middle.setProperty("look", "ground")
        middle.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        inner = QVBoxLayout(middle)
        inner.setContentsMargins(22, 22, 22, 22)
        inner.addStretch(1)
        inner.addWidget(self._steps, 6, Qt.AlignmentFlag.AlignHCenter)
        # The demo's accounts must not make the whole window higher than a small screen at 150 %.
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(middle)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        self.enter.setEnabled(False)
        self.busy.begin("正在打开数据库…")

    def set_hints(self, hints: Sequence[SignInHint]) -> None:
        """A demo database's accounts; choosing one fills it in. An empty list hides the panel."""
        for hint in hints:
            words = f"{hint.staff_no}  {hint.name}  {hint.role_text}  密码 {hint.password}"
            line = button(words, "link", functools.partial(self._fill, hint))
            line.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self._hints.add(row(line, None))
        self._hints.setVisible(bool(hints))

    def set_ready(self) -> None:
        """The hall is open: sign-in can be checked now. An Enter pressed before counts."""
        self._ready = True
        self.busy.end()
        self.enter.setEnabled(True)
        if self._enter_waits:
            self._enter_waits = False
            self._sign_in()

    def set_waiting(self, text: str = "正在核对…") -> None:
        """A check is under way."""
        self.busy.begin(text)
        self.enter.setEnabled(False)
        self.result.clear()

    def refused(self, sentence: str) -> None:
        """The check said no: the staff number stays, the password is asked again."""
        self.busy.end()
        self.enter.setEnabled(self._ready)
        self.result.say("warn", sentence)
        self.password.clear()
        self.password.setFocus()

    def show_notices(self, notices: Sequence[NoticeView]) -> None:
        """The second step: each notice is shown and confirmed by one press."""
        self.busy.end()
        self._notices.set_notices(notices)
        self._steps.setCurrentIndex(1)
        self._notices.setFocus()

    def start_over(self) -> None:
        """Somebody signed out: an empty first step."""
        if self._ready:
            self.busy.end()
        self.result.clear()
        self.staff_no.clear()
        self.password.clear()
        self.enter.setEnabled(self._ready)
        self._steps.setCurrentIndex(0)
        self.staff_no.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter goes from field to field and then signs in."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            if event.isAutoRepeat():
                return
            if self.staff_no.is_open():
                self.staff_no.setFocus()
            elif self.password.is_open():
                self.password.setFocus()
            else:
                self._sign_in()
        else:
            super().keyPressEvent(event)

    def _fill(self, hint: SignInHint) -> None:
        self.staff_no.setText(hint.staff_no)
        self.password.setText(hint.password)
        self.password.setFocus()

    def _sign_in(self) -> None:
        if not self._ready:
            self._enter_waits = True
            return
        if not self.enter.isEnabled() or self.staff_no.is_open() or self.password.is_open():
            return
        self.set_waiting()
        self.sign_in_asked.emit(self.staff_no.text().strip(), self.password.text())


class _NoticeBox(Panel):
    """One notice after the other; `confirmed(object)` carries the keys of all once the last was read."""

    confirmed = Signal(object)

    def __init__(self) -> None:
        super().__init__(spacing=12)
        self._count = label("", "soft")
        self._title = label("", "name", wrap=True)
        self._body = label("", wrap=True)
        self._validity = label("", "soft")
        self._read = button("已阅读并知晓 Enter", "primary", self._confirm)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._notices: tuple[NoticeView, ...] = ()
        self._at = 0
        self.add(self._count, self._title, self._body, self._validity, row(None, self._read), None)

    def set_notices(self, notices: Sequence[NoticeView]) -> None:
        self._notices = tuple(notices)
        self._at = 0
        self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter confirms; one press per notice."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            if not event.isAutoRepeat():
                self._confirm()
        else:
            super().keyPressEvent(event)

    def _show(self) -> None:
        if self._at < len(self._notices):
            notice = self._notices[self._at]
            self._count.setText(f"通知 {self._at + 1} / {len(self._notices)}")
            self._title.setText(notice.title)
            self._body.setText(notice.body)
            self._validity.setText(notice.validity_text)

    def _confirm(self) -> None:
        self._at += 1
        if self._at < len(self._notices):
            self._show()
        elif self._at == len(self._notices):
            self.confirmed.emit(tuple(notice.key for notice in self._notices))
