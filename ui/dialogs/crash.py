"""The one dialog that interrupts: the program itself went wrong.

Your line belongs here if it tells the clerk about a bug; known trouble stands on the page instead.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from ui import texts
from ui.widgets.parts import button, label, row


class CrashDialog(QDialog):
    """What happened, what is locked, what to do; `detail` is the technical line for whoever helps."""

    def __init__(self, parent: QWidget, detail: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(texts.BUG_TITLE)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(480)
        technical = label(detail, "soft", wrap=True)
        technical.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(22, 18, 22, 16)
        layout.setSpacing(12)
        layout.addWidget(label(f"{texts.SIGNS['bad']} {texts.BUG_TITLE}", "title"))
        layout.addWidget(label(texts.BUG_SENTENCE, wrap=True))
        layout.addWidget(label(texts.MONEY_LOCKED, "bad", wrap=True))
        layout.addWidget(technical)
        layout.addLayout(row(None, button("知道了", "primary", self.accept)))
