"""The frame around every page: header, navigation, customer column and status line.

Your line belongs here if it paints one of these four; what they show is set through `AppWindow`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from ui import texts
from ui.page import PageEntry
from ui.theme import colour, current, set_look
from ui.widgets.customer_panel import CustomerPanel, ParkedList
from ui.widgets.entry_box import EntryBox
from ui.widgets.parts import button, label

if TYPE_CHECKING:
    from counter_app.domain.views import CustomerView, LampState, ParkedView, StatusView, Tone

HEADER_HEIGHT = 48
STATUS_HEIGHT = 30
NAVIGATION_WIDTH = 176
SIDE_WIDTH = 316
NARROW_BELOW = 1120
"""Narrower windows (a 1366 px screen at 125 % or 150 %) get a slim navigation and a customer line instead of a column."""
NARROW_NAVIGATION_WIDTH = 140
FOCUS_MARGIN = 120
"""So much of the page above and below a field comes into sight with it: its label, and the result of typing."""
SHORT_BELOW = 600
"""Lower windows leave the navigation's group words out."""


class Sign(QWidget):
    """A device lamp's sign: a disc when good, a triangle when it needs care, a cross when it is bad, a ring when off."""

    def __init__(self, tone: Tone) -> None:
        super().__init__()
        self._tone = tone
        self.setFixedSize(10, 10)

    def set_tone(self, tone: Tone) -> None:
        """Show another state."""
        self._tone = tone
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Shape and colour both tell the state."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self._tone == "good":
            painter.setBrush(colour("good"))
            painter.drawEllipse(QRectF(1, 1, 8, 8))
        elif self._tone == "warn":
            painter.setBrush(colour("badge"))
            painter.drawPolygon(QPolygonF([QPointF(5, 0.5), QPointF(10, 9.5), QPointF(0, 9.5)]))
        elif self._tone == "bad":
            painter.setPen(QPen(colour("bad"), 2.2))
            painter.drawLine(QPointF(1.5, 1.5), QPointF(8.5, 8.5))
            painter.drawLine(QPointF(8.5, 1.5), QPointF(1.5, 8.5))
        else:
            painter.setPen(QPen(colour("soft"), 1.4))
            painter.drawEllipse(QRectF(1.5, 1.5, 7, 7))


class Lamp(QWidget):
    """One device: sign, name, and a word whenever all is not well."""

    def __init__(self) -> None:
        super().__init__()
        self._sign = Sign("plain")
        self._text = label("", "soft")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(5)
        layout.addWidget(self._sign)
        layout.addWidget(self._text)

    def set_state(self, state: LampState) -> None:
        """Show a device's state."""
        self._sign.set_tone(state.tone)
        shown = state.word if state.tone != "good" else ""
        self._text.setText(f"{state.name} {shown}".strip())
        set_look(self._text, "soft" if state.tone in ("good", "plain") else state.tone)
        self.setToolTip(f"{state.name}：{state.word or '正常'}")
        self.setAccessibleName(self.toolTip())


class Header(QWidget):
    """Product, hall and counter, entry box, lamps, clerk, lock."""

    def __init__(self, hall_text: str, canvas: QWidget, lock: Callable[[], object]) -> None:
        super().__init__()
        self.setProperty("look", "header")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEADER_HEIGHT)
        self._product = label(texts.PRODUCT, "product")
        self._hall = label(hall_text)
        self.entry_box = EntryBox(canvas)
        self.entry_box.setMinimumWidth(200)
        self.entry_box.setMaximumWidth(current().sizes.search_width)
        self._lamps: list[Lamp] = []
        self._lamp_row = QHBoxLayout()
        self._lamp_row.setSpacing(14)
        self._clerk = label("")
        self._lock = button(texts.KEY_LOCK, "quiet", lock)
        self._lock.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 0)
        layout.setSpacing(22)
        layout.addWidget(self._product)
        layout.addWidget(self._hall)
        layout.addWidget(self.entry_box, 20)
        layout.addStretch(1)
        layout.addLayout(self._lamp_row)
        layout.addWidget(self._clerk)
        layout.addWidget(self._lock)

    def set_lamps(self, lamps: Sequence[LampState]) -> None:
        """Show the devices of this counter."""
        while len(self._lamps) < len(lamps):
            lamp = Lamp()
            self._lamps.append(lamp)
            self._lamp_row.addWidget(lamp)
        for place, lamp in enumerate(self._lamps):
            lamp.setVisible(place < len(lamps))
            if place < len(lamps):
                lamp.set_state(lamps[place])

    def set_clerk(self, clerk_text: str) -> None:
        """Staff number and name, and the role when it is not a clerk's."""
        self._clerk.setText(clerk_text)

    def set_narrow(self, narrow: bool) -> None:
        """Leave out what the window's title says too."""
        self._product.setVisible(not narrow)
        self._hall.setVisible(not narrow)
        self._lamp_row.setSpacing(8 if narrow else 14)
        layout = self.layout()
        if layout is not None:
            layout.setSpacing(12 if narrow else 22)


class NavigationEntry(QAbstractButton):
    """One page in the navigation: title, badge, key."""

    def __init__(self, entry: PageEntry) -> None:
        super().__init__()
        self.setText(entry.title)
        self._key = entry.key
        self._count = 0
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setAccessibleName(f"{entry.title} {entry.key}")

    def set_count(self, count: int) -> None:
        """The badge; 0 hides it."""
        self._count = count
        self.update()

    @property
    def count(self) -> int:
        """What the badge shows."""
        return self._count

    def sizeHint(self) -> QSize:
        """36 px as in the design, at normal type."""
        return QSize(100, current().sizes.nav_px + 22)

    def minimumSizeHint(self) -> QSize:
        """Lower on low windows, but never clipped."""
        return QSize(100, current().sizes.nav_px + 12)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Ground, title, badge and key."""
        sizes = current().sizes
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self.isChecked()
        if chosen or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("surface" if chosen else "navigation_hover"))
            painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        font = QFont(self.font())
        font.setPixelSize(sizes.nav_px)
        font.setBold(chosen)
        painter.setFont(font)
        painter.setPen(colour("accent" if chosen else "navigation_ink"))
        area = self.rect().adjusted(10, 0, -10, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.text())
        title_width = painter.fontMetrics().horizontalAdvance(self.text())
        small = QFont(self.font())
        small.setPixelSize(sizes.nav_small_px)
        small.setBold(chosen)
        painter.setFont(small)
        painter.setPen(colour("accent" if chosen else "navigation_soft"))
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._key)
        if self._count:
            words = str(self._count) if self._count < 100 else "99+"
            width = max(18, painter.fontMetrics().horizontalAdvance(words) + 10)
            key_width = painter.fontMetrics().horizontalAdvance(self._key)
            left = min(area.left() + title_width + 38, area.right() - key_width - width - 6)
            box = QRectF(max(left, area.left() + title_width + 4), self.height() / 2 - 10, width, 20)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("badge"))
            painter.drawRoundedRect(box, 8, 8)
            painter.setPen(colour("navigation"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)


class Navigation(QWidget):
    """The left column. `page_asked(str)` carries the name of the chosen page."""

    page_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "nav")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(NAVIGATION_WIDTH)
        self._groups: dict[str, tuple[QLabel, QVBoxLayout]] = {}
        self._entries: dict[str, NavigationEntry] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 12, 8, 12)
        self._column.setSpacing(2)
        for group in texts.GROUP_ORDER:
            heading = label(group, "nav_group")
            heading.setFixedHeight(28)
            heading.setContentsMargins(0, 4, 0, 0)
            heading.hide()
            lines = QVBoxLayout()
            lines.setSpacing(2)
            self._groups[group] = (heading, lines)
            self._column.addWidget(heading)
            self._column.addLayout(lines)
        self._column.addStretch(1)
        self._short = False

    def add(self, entry: PageEntry) -> None:
        """A page exists: show it."""
        made = NavigationEntry(entry)
        made.clicked.connect(lambda _checked=False, name=entry.name: self.page_asked.emit(name))
        heading, lines = self._groups[entry.group]
        heading.setVisible(not self._short)
        lines.addWidget(made)
        self._entries[entry.name] = made

    def mark(self, name: str) -> None:
        """Show which page is in sight."""
        for known, entry in self._entries.items():
            entry.setChecked(known == name)

    def set_count(self, name: str, count: int) -> None:
        """A page's badge; unknown pages are a KeyError."""
        self._entries[name].set_count(count)

    def set_room(self, *, narrow: bool, short: bool) -> None:
        """Take less room on small windows."""
        self.setFixedWidth(NARROW_NAVIGATION_WIDTH if narrow else NAVIGATION_WIDTH)
        self._short = short
        self._column.setContentsMargins(8, 4 if short else 12, 8, 4 if short else 12)
        for heading, lines in self._groups.values():
            heading.setVisible(bool(lines.count()) and not short)


class StatusLine(QWidget):
    """Keys that work now at the left; business date, queue, pending and time at the right."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.setProperty("look", "status")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(STATUS_HEIGHT)
        self._now = now
        self._keys = label("", "soft")
        self._facts = label("", "soft")
        self._time = label("", "soft")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 0)
        layout.setSpacing(24)
        layout.addWidget(self._keys)
        layout.addStretch(1)
        layout.addWidget(self._facts)
        layout.addWidget(self._time)
        self._minute = QTimer(self)
        self._minute.setSingleShot(True)
        self._minute.timeout.connect(self._show_time)
        self._show_time()

    def set_keys(self, keys: Sequence[tuple[str, str]]) -> None:
        """Keys that work on the page in sight."""
        self._keys.setText("      ".join(f"{key} {what}" for key, what in keys))

    def set_status(self, status: StatusView) -> None:
        """The facts of this counter; never expected cash."""
        facts = [
            f"业务日 {status.business_day_text}",
            f"打印队列 {status.print_queue}",
            f"未决 {status.pending}",
        ]
        if status.complaints_due is not None:
            facts.append(f"今日到期投诉 {status.complaints_due}")
        if status.blacklist_text:
            facts.append(f"黑名单 {status.blacklist_text}")
        self._facts.setText("      ".join(facts))

    def _show_time(self) -> None:
        now = self._now()
        self._time.setText(f"{now:%H:%M}")
        self._minute.start(1000 * (60 - now.second))


class Side(QWidget):
    """The right column: the customer, or what the page in sight puts there, and always the parked customers."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "side")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(SIDE_WIDTH)
        self.customer = CustomerPanel()
        self.parked = ParkedList()
        self._stack = QStackedWidget()
        self._stack.setProperty("look", "side_stack")
        self._stack.addWidget(self.customer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.parked)

    def show_widget(self, widget: QWidget | None) -> None:
        """Show a page's own widget here, or with None the customer."""
        if widget is None:
            self._stack.setCurrentWidget(self.customer)
            return
        if self._stack.indexOf(widget) < 0:
            self._stack.addWidget(widget)
        self._stack.setCurrentWidget(widget)

    def forget_widgets(self) -> None:
        """Drop what pages put here."""
        self._stack.setCurrentWidget(self.customer)
        for place in reversed(range(self._stack.count())):
            widget = self._stack.widget(place)
            if widget is not None and widget is not self.customer:
                self._stack.removeWidget(widget)
                widget.deleteLater()


class Band(QFrame):
    """One sentence across the top of every page, until it no longer holds."""

    def __init__(self, tone: Tone) -> None:
        super().__init__()
        self.setProperty("look", "lock_band")
        self._sign = texts.SIGNS[tone]
        self._text = label("", wrap=True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(22, 8, 22, 8)
        layout.addWidget(self._text)
        self.hide()

    def say(self, sentence: str) -> None:
        """Show this; "" hides the band."""
        self._text.setText(f"{self._sign} {sentence}" if sentence else "")
        self.setVisible(bool(sentence))


class CustomerLine(QFrame):
    """The customer in one line, for windows too narrow for the column."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "status")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._text = label("", "small")
        self._warnings = label("", "warn")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(22, 6, 22, 6)
        layout.addWidget(self._text)
        layout.addWidget(self._warnings, 1)
        self.set_customer(None)

    def set_customer(self, view: CustomerView | None) -> None:
        """Name, state, balance, and how many warnings there are."""
        if view is None or view.hidden:
            self._text.setText(texts.NOBODY_HERE if view is None else texts.CUSTOMER_HIDDEN)
            self._warnings.setText("")
            return
        balance = "—" if view.balance_fen is None else texts.shown_money(view.balance_fen)
        self._text.setText(
            texts.SEPARATOR.join(
                (view.name_masked or "不记名卡", f"{view.kind_text} {view.state_text}", f"余额 {balance}")
            )
        )
        self._warnings.setText(f"! {view.warnings[0]}" if view.warnings else "")


class Frame(QWidget):
    """Header on top, status line below, and between them navigation, page and customer column."""

    def __init__(self, hall_text: str, now: Callable[[], datetime], lock: Callable[[], object]) -> None:
        super().__init__()
        self.header = Header(hall_text, self, lock)
        self.navigation = Navigation()
        self.side = Side()
        self.status = StatusLine(now)
        self.customer_line = CustomerLine()
        self.customer_line.hide()
        self.money_band = Band("bad")
        self.notice_band = Band("warn")
        self.pages = QStackedWidget()
        self._ground = QWidget()
        self.pages.addWidget(self._ground)  # a stack shows the first thing that it is given
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._keep_in_sight)
        self._scrolls: dict[QWidget, QScrollArea] = {}
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.money_band)
        middle.addWidget(self.notice_band)
        middle.addWidget(self.customer_line)
        middle.addWidget(self.pages, 1)
        across = QHBoxLayout()
        across.setSpacing(0)
        across.addWidget(self.navigation)
        across.addLayout(middle, 1)
        across.addWidget(self.side)
        down = QVBoxLayout(self)
        down.setContentsMargins(0, 0, 0, 0)
        down.setSpacing(0)
        down.addWidget(self.header)
        down.addLayout(across, 1)
        down.addWidget(self.status)

    def place_page(self, page: QWidget) -> None:
        """Give a page its place, out of sight; it scrolls where the window is too low for it.

        A page moved with everything on it would be styled anew as a whole: so it has its place before it is built.
        """
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        # What comes into sight under the focus (a signature, say) makes the page longer after the focus moved.
        scroll.verticalScrollBar().rangeChanged.connect(
            lambda _least, _most: self._keep_in_sight(None, QApplication.focusWidget())
        )
        self._scrolls[page] = scroll
        self.pages.addWidget(scroll)
        scroll.setWidget(page)

    def show_page(self, page: QWidget) -> None:
        """Bring a page into sight that has its place."""
        self.pages.setCurrentWidget(self._scrolls[page])

    def show_no_page(self) -> None:
        """Show empty ground until a page comes."""
        self.pages.setCurrentWidget(self._ground)

    def _keep_in_sight(self, _before: QWidget | None, now: QWidget | None) -> None:
        """Keys move the focus, so the page scrolls after it."""
        if not isValid(self.pages):  # a dying window moves the focus once more while its children go
            return
        scroll = self.pages.currentWidget()
        if now is not None and isinstance(scroll, QScrollArea) and scroll.isAncestorOf(now):
            scroll.ensureWidgetVisible(now, 0, FOCUS_MARGIN)

    def remove_page(self, page: QWidget) -> None:
        """Take a page out for good, with what it put into the right column."""
        self.side.forget_widgets()
        scroll = self._scrolls.pop(page)
        self.pages.removeWidget(scroll)
        scroll.deleteLater()

    def set_customer(self, view: CustomerView | None) -> None:
        """Show who stands here in the column and in the line that replaces it."""
        self.side.customer.set_customer(view)
        self.customer_line.set_customer(view)

    def set_parked(self, parked: Sequence[ParkedView]) -> None:
        """Show who waits."""
        self.side.parked.set_parked(parked)

    def resizeEvent(self, event: object) -> None:
        """Rearrange for narrow and low windows."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        narrow, short = self.width() < NARROW_BELOW, self.height() < SHORT_BELOW
        self.header.set_narrow(narrow)
        self.navigation.set_room(narrow=narrow, short=short)
        self.side.setVisible(not narrow)
        self.customer_line.setVisible(narrow)
