"""The first page of a counter that was never set up: hall, manager, database and key; then the recovery key.

Your line belongs here if it happens once in a counter's life. It knows no desk: what was typed goes out by signal.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QLineEdit, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from ui import texts
from ui.widgets.chips import LETTER_CAPS, ChipRow
from ui.widgets.entries import Entry, Field, NumberEntry
from ui.widgets.parts import BusyLine, Panel, ResultLine, button, column, label, row


@dataclass(frozen=True, slots=True)
class FirstRunTyped:
    """Everything typed; `joining` uses `address` and `recovery` only."""

    joining: bool
    hall_name: str
    hall_code: str
    may_replace: bool
    counter_no: str
    manager_no: str
    manager_name: str
    password: str
    password_again: str
    database_path: str
    address: str
    key_kind: str
    key_path: str
    passphrase: str
    recovery: str


class FirstRunPage(QWidget):
    """`found_asked(FirstRunTyped)`; then `show_recovery`, and `finished()` once two groups were typed back right.

    `print_asked(str)` asks for the recovery key on the receipt printer at a port.
    """

    found_asked = Signal(object)
    print_asked = Signal(str)
    finished = Signal()

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.setProperty("look", "ground")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.mode: ChipRow[str] = ChipRow([("new", "新建营业厅"), ("join", "加入已有营业厅")], LETTER_CAPS)
        self.hall_name = Entry("例如 东郊营业厅", max_length=40)
        self.hall_code = Entry("例如 D", max_length=3)
        self.may_replace: ChipRow[str] = ChipRow([("yes", "可以补卡"), ("no", "不能补卡")], "12")
        self.counter_no = NumberEntry("例如 1", max_length=2)
        self.manager_no = Entry("例如 1001", max_length=12)
        self.manager_name = Entry("姓名", max_length=20)
        self.password = Entry("至少 8 位", max_length=128)
        self.password_again = Entry("再输一次", max_length=128)
        self.database: ChipRow[str] = ChipRow(
            [("sqlite", "本机数据库（单台）"), ("postgresql", "PostgreSQL（多台）")], "34"
        )
        self.database_path = Entry("", max_length=400)
        self.database_path.setText(str(folder / "hall.db"))
        self.address = Entry("postgresql+psycopg://用户@主机/库名（密码写在 pgpass 文件）", max_length=400)
        self.key: ChipRow[str] = ChipRow(
            [("file", "密钥文件"), ("keyring", "系统密钥环"), ("passphrase", "每次开机输口令")],
            "567",
        )
        self.key_path = Entry("", max_length=400)
        self.key_path.setText(str(folder / "hall.key"))
        self.passphrase = Entry("至少 8 位的口令", max_length=128)
        self.recovery = Entry("信封里的恢复密钥，14 组，每组 5 位", max_length=120)
        for secret in (self.password, self.password_again, self.passphrase):
            secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.result = ResultLine()
        self.busy = BusyLine()
        self.go = button("建立营业厅 Enter", "primary", self._found)
        self._groups: tuple[str, ...] = ()
        self._steps = QStackedWidget()
        self._steps.addWidget(self._form())
        self._steps.addWidget(self._recovery_step())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._steps)
        for chips in (self.mode, self.database, self.key):
            chips.chosen.connect(lambda _value: self._show_fields())
        self.mode.choose("new")
        self.may_replace.choose("yes")
        self.database.choose("sqlite")
        self.key.choose("file")
        self._show_fields()
        self.hall_name.setFocus()

    def _form(self) -> QWidget:
        panel = Panel(spacing=12)
        self._hall_row = _box(
            row(
                Field("营业厅名称", self.hall_name),
                Field("凭证字母", self.hall_code),
                Field("本机柜台号", self.counter_no),
                column(label("本厅可否补卡", "soft"), self.may_replace, spacing=6),
                spacing=12,
            ),
            row(
                Field("主管工号", self.manager_no),
                Field("主管姓名", self.manager_name),
                Field("主管密码", self.password),
                Field("再输一次", self.password_again),
                spacing=12,
            ),
            column(label("数据库", "soft"), self.database, spacing=6),
        )
        self._path_field = Field("数据库文件", self.database_path)
        self._address_field = Field("数据库地址", self.address)
        self._recovery_field = Field("恢复密钥", self.recovery)
        self._join_counter = Field("本机柜台号", NumberEntry("例如 2", max_length=2))
        self._key_path_field = Field("密钥保存位置", self.key_path)
        self._passphrase_field = Field("口令", self.passphrase)
        panel.add(
            column(label("首次设置", "title"), label(texts.PRODUCT, "soft"), spacing=4),
            self.mode,
            self._hall_row,
            self._path_field,
            self._address_field,
            self._join_counter,
            self._recovery_field,
            column(label("数据库密钥放在哪里（以后不会自动改变）", "soft"), self.key, spacing=6),
            self._key_path_field,
            self._passphrase_field,
            self.busy,
            self.result,
            row(None, self.go),
        )
        return _scrolled(panel)

    def _recovery_step(self) -> QWidget:
        groups = QWidget()
        self._shown = QGridLayout(groups)
        self._shown.setVerticalSpacing(12)
        self.printer_port = Entry("例如 COM3 或 /dev/ttyUSB0", max_length=200)
        self.printer_port.optional = True
        self.check_entries = (Entry("", max_length=7), Entry("", max_length=7))
        self._check_fields = (Field("", self.check_entries[0]), Field("", self.check_entries[1]))
        self._check_result = ResultLine()
        panel = Panel(spacing=12)
        panel.add(
            label("恢复密钥", "title"),
            label(
                "密钥文件、密钥环或口令丢失时，只有它能打开数据库。请抄写或打印，装入信封封存，不要拍照、不要存在电脑里。",
                "soft",
                wrap=True,
            ),
            groups,
            row(
                Field(
                    "凭条打印机端口（可不填，改为手抄）",
                    self.printer_port,
                    button("打印 Alt+P", "second", self._print),
                ),
            ),
            row(*self._check_fields, spacing=12),
            self._check_result,
            row(None, button("已封存，开始使用 Enter", "primary", self._finish)),
        )
        return _scrolled(panel)

    def typed(self) -> FirstRunTyped:
        """What stands in the fields now."""
        joining = self.mode.value == "join"
        counter = self._join_counter.entry if joining else self.counter_no
        assert isinstance(counter, Entry)
        return FirstRunTyped(
            joining,
            self.hall_name.text(),
            self.hall_code.text(),
            self.may_replace.value == "yes",
            counter.text(),
            self.manager_no.text(),
            self.manager_name.text(),
            self.password.text(),
            self.password_again.text(),
            self.database_path.text(),
            self.address.text() if joining or self.database.value == "postgresql" else "",
            self.key.value or "file",
            self.key_path.text(),
            self.passphrase.text(),
            self.recovery.text(),
        )

    def set_waiting(self, text: str) -> None:
        """Key and database are being made."""
        self.result.clear()
        self.busy.begin(text)
        self.go.setEnabled(False)

    def refused(self, sentence: str) -> None:
        """Something does not fit; everything typed stays."""
        self.busy.end()
        self.go.setEnabled(True)
        line = self._check_result if self._groups else self.result
        line.say("warn", sentence)

    def show_recovery(self, text: str) -> None:
        """The hall stands: show the recovery key once and have two of its groups typed back."""
        self.busy.end()
        self._groups = tuple(text.split("-"))
        for at, group in enumerate(self._groups):
            shown = row(label(f"{at + 1:>2}", "soft"), label(group, "title"), None, spacing=8)
            self._shown.addLayout(shown, at // 5, at % 5)
        for field, place in zip(self._check_fields, self._places(), strict=True):
            field.caption.setText(f"请输入第 {place + 1} 组以确认抄对")
        self._steps.setCurrentIndex(1)
        self.check_entries[0].setFocus()

    @property
    def recovery_groups(self) -> tuple[str, ...]:
        """The groups in sight, for printing; empty before they are shown."""
        return self._groups

    def printed(self, sentence: str) -> None:
        """What became of the paper."""
        self._check_result.say("good", sentence)

    def _print(self) -> None:
        if self.printer_port.text().strip():
            self.print_asked.emit(self.printer_port.text().strip())
        else:
            self._check_result.say("warn", "请先填写凭条打印机的端口，或手抄后封存。")

    def _places(self) -> tuple[int, int]:
        return 2, len(self._groups) - 3

    def _finish(self) -> None:
        for entry, place in zip(self.check_entries, self._places(), strict=True):
            if entry.text().strip().upper() != self._groups[place]:
                self._check_result.say("warn", f"第 {place + 1} 组与上面不符，请对照后重新输入。")
                entry.setFocus()
                entry.selectAll()
                return
        self._groups = ()
        self.finished.emit()

    def _found(self) -> None:
        self.found_asked.emit(self.typed())

    def _show_fields(self) -> None:
        joining = self.mode.value == "join"
        postgres = joining or self.database.value == "postgresql"
        self._hall_row.setVisible(not joining)
        self._path_field.setVisible(not postgres)
        self._address_field.setVisible(postgres)
        self._recovery_field.setVisible(joining)
        self._join_counter.setVisible(joining)
        self._key_path_field.setVisible(self.key.value != "keyring")
        self._passphrase_field.setVisible(self.key.value == "passphrase")
        self.go.setText("加入营业厅 Enter" if joining else "建立营业厅 Enter")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter goes to the next open field in sight and then asks; Alt and a chip's key chooses; Alt+P prints."""
        alt = event.modifiers() == Qt.KeyboardModifier.AltModifier
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            if not event.isAutoRepeat() and not self.busy.busy:
                self._go_on()
        elif alt and event.key() == Qt.Key.Key_P and self._groups:
            event.accept()
            self._print()
        elif alt and any(
            chips.press_key(chr(event.key()))
            for chips in (self.mode, self.may_replace, self.database, self.key)
            if chips.isVisible() and event.key() < 0x80
        ):
            event.accept()
        else:
            super().keyPressEvent(event)

    def _go_on(self) -> None:
        if self._steps.currentIndex() == 1:
            self._finish()
            return
        for entry in self.findChildren(Entry):
            if entry.isVisible() and entry.is_open():
                entry.setFocus()
                return
        self._found()


def _box(*parts: object) -> QWidget:
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(12)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)  # type: ignore[arg-type]
    return box


def _scrolled(panel: Panel) -> QWidget:
    """A panel in the middle that scrolls on a small or enlarged screen."""
    inner = QWidget()
    inner.setProperty("look", "ground")
    layout = QVBoxLayout(inner)
    layout.setContentsMargins(24, 24, 24, 24)
    panel.setFixedWidth(980)
    layout.addWidget(panel, 0, Qt.AlignmentFlag.AlignHCenter)
    layout.addStretch(1)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setWidget(inner)
    return area
