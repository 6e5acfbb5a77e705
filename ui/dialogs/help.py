"""F1: the keys that work on this page and everywhere, on one card that any key closes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QVBoxLayout, QWidget

from ui.widgets.parts import label

EVERYWHERE = (
    ("Ctrl+K", "查找客户：卡号、证件、手机、后四位、姓名、首字母、凭证号"),
    ("Ctrl+P", "挂起当前客户，已填内容保留"),
    ("Ctrl+1…9", "取回挂起的客户"),
    ("Alt+P", "补打上一张凭条"),
    ("Enter", "下一项；填完后确认"),
    ("Alt+Enter", "按提示行上的按钮（恢复、重试…）"),
    ("Esc", "退一步，不丢内容"),
    ("Alt+字母/数字", "在输入框中选择按钮"),
    ("F12", "锁屏"),
)


class HelpDialog(QDialog):
    """Shows `pages` (key, title) and the keys of the page in sight."""

    def __init__(
        self, parent: QWidget, pages: Sequence[tuple[str, str]], here: Sequence[tuple[str, str]]
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("按键帮助")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 20)
        layout.setSpacing(12)
        layout.addWidget(label("按键帮助", "title"))
        for heading, rows in (("本页", here), ("业务", pages), ("任何页面", EVERYWHERE)):
            layout.addWidget(label(heading, "soft"))
            grid = QGridLayout()
            grid.setHorizontalSpacing(20)
            grid.setVerticalSpacing(6)
            columns = 1 if heading == "任何页面" else 2
            for place, (key, what) in enumerate(rows):
                line, column = divmod(place, columns)
                grid.addWidget(label(key, "strong"), line, 2 * column)
                grid.addWidget(label(what), line, 2 * column + 1)
            grid.setColumnStretch(2 * columns - 1, 1)
            layout.addLayout(grid)
        layout.addWidget(label("按任意键关闭", "soft"))
        self.setMinimumWidth(560)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Any key but a modifier closes the card."""
        if event.key() not in (Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Shift):
            self.accept()
