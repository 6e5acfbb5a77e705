"""The one window: sign-in, frame with pages, and lock; and the keys that work everywhere.

Your line belongs here if it concerns the window as a whole. The window knows no desk: it emits what the clerk and the
readers did, and is told what to show.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QWidget

from ui import texts
from ui.errors import TroubleRouter
from ui.frame import Frame
from ui.making import PageMaker
from ui.page import Page, PageEntry
from ui.pages.lock import LockPage
from ui.pages.sign_in import SignInPage
from ui.widgets.parts import ResultLine

if TYPE_CHECKING:
    from counter_app.domain.views import CustomerView, LampState, LastTransactionView, ParkedView, StatusView

DESIGN_SIZE = (1366, 768)
"""The size everything fits without scrolling; on the screen the window fills it."""
TITLE_BAR_PX = 40
"""More than a window manager's title takes."""


class AppWindow(QMainWindow):
    """Shows the sign-in page at once; the frame is built by `open_frame` at the latest, each page when it is wanted.

    Signals out: `medium_seen(str)` and `document_seen(object)` (a reader saw something and the page in sight did not
    wait for it: open the person), `search_asked(str)` and `match_opened(object)` (entry box), `park_asked(str, object)`
    (page name, typed values), `unpark_asked(str)`, `reprint_asked()`, `help_asked()`, `record_asked()`
    (customer panel's button), `locked()`, `unlock_asked(str)`, `sign_out_asked()`, `page_shown(str)`,
    `closing()` (the window is being closed by the clerk).
    """

    medium_seen = Signal(str)
    document_seen = Signal(object)
    search_asked = Signal(str)
    match_opened = Signal(object)
    park_asked = Signal(str, object)
    unpark_asked = Signal(str)
    reprint_asked = Signal()
    help_asked = Signal()
    record_asked = Signal()
    locked = Signal()
    unlock_asked = Signal(str)
    sign_out_asked = Signal()
    page_shown = Signal(str)
    closing = Signal()

    def __init__(self, hall_text: str, troubles: TroubleRouter, *, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.resize(*DESIGN_SIZE)
        self.setWindowTitle(f"{texts.PRODUCT}{texts.SEPARATOR}{hall_text}")
        self._hall_text = hall_text
        self._now = now
        self.troubles = troubles
        self.sign_in = SignInPage(hall_text)
        self.lock_page: LockPage | None = None
        self.frame: Frame | None = None
        self.page: Page | None = None
        self.customer: CustomerView | None = None
        self._page_name = ""
        self._entries: dict[str, PageEntry] = {}
        self._made: dict[str, Page] = {}
        self._maker = PageMaker(self, self._begin_page, self._page_whole, self._page_ready)
        self._parked: tuple[ParkedView, ...] = ()
        self._last: LastTransactionView | None = None
        self._clerk_text = ""
        self._money_held = ""
        self._notice = ""
        self._root = QStackedWidget()
        self._root.addWidget(self.sign_in)
        self.setCentralWidget(self._root)
        self._focus_before: QWidget | None = None
        self._last_input = time.monotonic()
        self._idle_limit_s = 0.0
        self._idle = QTimer(self)
        self._idle.setInterval(1000)
        self._idle.timeout.connect(self._test_idle)
        troubles.line_in_sight = self._line_in_sight
        troubles.bug_found.connect(self._bug)

    def show_with_room_beside(self) -> None:
        """Show the window in the design's size where the screen has room for more than that, else fill the screen."""
        room = self.screen().availableGeometry()
        if room.width() > self.width() and room.height() > self.height() + TITLE_BAR_PX:
            self.show()
        else:
            self.showMaximized()

    # pages

    def add_page(self, entry: PageEntry) -> None:
        """A page exists: it gets its navigation entry and key. Call before or after `open_frame`."""
        self._entries[entry.name] = entry
        if self.frame is not None:
            self._install(entry)

    def open_frame(self, clerk_text: str) -> None:
        """A clerk has signed in: show the frame (built now if it is the first time), without a page yet."""
        frame = self._frame()
        self._clerk_text = clerk_text
        frame.header.set_clerk(clerk_text)
        self._root.setCurrentWidget(frame)
        self._last_input = time.monotonic()

    def sign_out(self) -> None:
        """Back to the sign-in page; pages are made anew for the next clerk, so nothing typed is inherited."""
        self._idle.stop()
        frame = self._frame()
        frame.show_no_page()
        for page in (*self._made.values(), *self._maker.forget()):
            frame.remove_page(page)
        self._made.clear()
        self.page = None
        self._page_name = ""
        self._last = None
        self.set_customer(None)
        self._root.setCurrentWidget(self.sign_in)
        self.sign_in.start_over()

    def make_frame(self) -> None:
        """Build the frame before somebody signs in, while nobody waits for it."""
        self._frame()

    def make_ahead(self, names: Sequence[str]) -> None:
        """Make these pages a piece at a time while nothing else is asked for, so that no first key waits for its page."""
        self._maker.make_ahead([name for name in names if name not in self._made])

    def bring_page(self, name: str) -> None:
        """Bring a page into sight as soon as it is whole: at once, or after its pieces, between which the window lives.

        Keys typed meanwhile go to that page. Nothing happens when the page in sight may not be left.
        """
        if self.page is not None and not self.page.can_leave():
            self.page.busy.insist()
        elif name in self._made:
            self.show_page(name)
        else:
            self._maker.want(name)

    def show_page(self, name: str) -> bool:
        """Bring a page into sight, made now if it is its first time. False when the page in sight may not be left."""
        self._maker.want_nothing()
        if self.page is not None and not self.page.can_leave():
            self.page.busy.insist()
            return False
        frame = self._frame()
        page = self.prepare_page(name)
        frame.show_page(page)
        frame.navigation.mark(name)
        frame.side.show_widget(page.side())
        if self.page is not None and self.page is not page:
            self.page.leave()
        self.page, self._page_name = page, name
        page.customer_changed(self.customer)
        page.activate()
        self.refresh_keys()
        self.page_shown.emit(name)
        return True

    def prepare_page(self, name: str) -> Page:
        """A whole page, made now if it is its first time; it is not shown."""
        return self._made.get(name) or self._maker.make_now(name)

    def made_page(self, name: str) -> Page | None:
        """A page that is whole, shown or not, or None."""
        return self._made.get(name)

    def page_keys(self) -> tuple[tuple[str, str], ...]:
        """(key, title) of every page, for the help card."""
        return tuple((entry.key, entry.title) for entry in self._entries.values())

    def refresh_keys(self) -> None:
        """Ask the page in sight again which keys work now."""
        if self.page is not None and self.frame is not None:
            self.frame.status.set_keys(self.page.keys_now())

    # what is shown

    def set_lamps(self, lamps: Sequence[LampState]) -> None:
        """The devices of this counter."""
        self._frame().header.set_lamps(lamps)

    def set_status(self, status: StatusView) -> None:
        """The status line's facts."""
        self._frame().status.set_status(status)

    def set_customer(self, view: CustomerView | None) -> None:
        """Who stands here now; the page in sight is told, the others when they are shown."""
        self.customer = view
        self._frame().set_customer(view)
        if self.page is not None:
            self.page.customer_changed(view)
            self.refresh_keys()

    def leave_entry_box(self) -> None:
        """The keys go to the page in sight again, when the entry box has them and nothing is typed in it."""
        box = self._frame().header.entry_box
        if box.hasFocus() and not box.text() and self.page is not None:
            self.page.focus_first()

    def set_badge(self, page_name: str, count: int) -> None:
        """A number beside a page's navigation entry; 0 hides it. A page that is not there has no badge."""
        if page_name not in self._entries:
            return
        self._frame().navigation.set_count(page_name, count)

    def set_parked(self, parked: Sequence[ParkedView]) -> None:
        """Who waits with everything typed."""
        self._parked = tuple(parked)
        self._frame().set_parked(parked)
        for page in self._made.values():
            page.title.set_aside(self._parked_text(page))

    def set_last(self, last: LastTransactionView | None) -> None:
        """The last transaction of this counter, on every page that shows it."""
        self._last = last
        for page in self._made.values():
            page.last.set_last(last)

    def paper_done(self, receipt_no: str, printed: bool) -> None:
        """What became of a receipt's paper; shown when it is the last transaction's."""
        if self._last is not None and self._last.receipt_no == receipt_no:
            self.set_last(dataclasses.replace(self._last, printed=printed))
        if self.page is not None:
            self.page.paper_changed()

    def hold_money(self, why: str) -> None:
        """Lock the pages that move money and say why above them; "" lets them go. After a bug they stay locked."""
        self._money_held = why
        self._money_changed()

    def set_notice(self, sentence: str) -> None:
        """A sentence above every page until it no longer holds; "" takes it away."""
        self._notice = sentence
        if self.frame is not None:
            self.frame.notice_band.say(sentence)

    # readers

    def present_medium(self, medium_id: str) -> None:
        """A card was put on the reader (UI thread). Ignored while locked or signed out."""
        if not self._serving():
            return
        if self.page is None or not self.page.takes_medium(medium_id):
            self.medium_seen.emit(medium_id)

    def present_document(self, document: object) -> None:
        """An ID document was read (UI thread). Ignored while locked or signed out."""
        if not self._serving():
            return
        if self.page is None or not self.page.takes_document(document):
            self.document_seen.emit(document)

    # lock

    @property
    def is_locked(self) -> bool:
        """Whether the lock covers the window."""
        return self.lock_page is not None and self._root.currentWidget() is self.lock_page

    def set_idle_lock(self, after_s: float) -> None:
        """Lock by itself after so many seconds without key or mouse; 0 never."""
        self._idle_limit_s = after_s
        self._last_input = time.monotonic()
        if after_s:
            self._idle.start()
        else:
            self._idle.stop()

    def lock(self) -> None:
        """Cover the window; everything typed stays underneath."""
        if not self._serving():
            return
        if self.lock_page is None:
            self.lock_page = LockPage()
            self.lock_page.unlock_asked.connect(self.unlock_asked)
            self.lock_page.sign_out_asked.connect(self.sign_out_asked)
            self._root.addWidget(self.lock_page)
        self._maker.want_nothing()
        self._focus_before = self.focusWidget()
        self.lock_page.set_clerk(self._clerk_text)
        self._root.setCurrentWidget(self.lock_page)
        self.lock_page.begin()
        self.locked.emit()

    def unlock(self) -> None:
        """The clerk's password was right: the window is as it was, focus included."""
        if self.is_locked and self.frame is not None:
            self._root.setCurrentWidget(self.frame)
            self._last_input = time.monotonic()
            if self._focus_before is not None:
                self._focus_before.setFocus()

    def unlock_refused(self, sentence: str) -> None:
        """The password was wrong."""
        if self.lock_page is not None:
            self.lock_page.refused(sentence)

    # inside

    def _frame(self) -> Frame:
        if self.frame is None:
            frame = self.frame = Frame(self._hall_text, self._now, self.lock)
            self._root.addWidget(frame)
            frame.notice_band.say(self._notice)
            self._money_changed()
            frame.navigation.page_asked.connect(self.bring_page)
            frame.header.entry_box.search_asked.connect(self.search_asked)
            frame.header.entry_box.search_asked.connect(lambda _typed: self._maker.hold_back())
            frame.header.entry_box.opened.connect(self.match_opened)
            frame.header.entry_box.left.connect(self.leave_entry_box)
            frame.side.customer.record_asked.connect(self.record_asked)
            frame.side.parked.chosen.connect(self.unpark_asked)
            for entry in self._entries.values():
                self._install(entry)
            self._key("Ctrl+K", self._to_entry_box)
            self._key("Ctrl+P", self._park)
            self._key("Alt+P", self.reprint_asked.emit)
            self._key("F1", self.help_asked.emit)
            self._key("F12", self.lock)
            for number in range(1, 10):
                self._key(f"Ctrl+{number}", functools.partial(frame.side.parked.take, number))
        return self.frame

    def _begin_page(self, name: str) -> Page:
        """A page in its place, with nothing on it yet: whatever is added to it has its look from the start."""
        page = self._entries[name].make()
        self._frame().place_page(page)
        return page

    def _page_whole(self, name: str, page: Page) -> None:
        self._made[name] = page
        page.title.set_aside(self._parked_text(page))
        page.last.set_last(self._last)
        page.last.reprint_asked.connect(self.reprint_asked)
        page.last_done.connect(self._last_done)
        page.keys_changed.connect(self.refresh_keys)
        page.setEnabled(self._may_serve(name))

    def _page_ready(self, name: str) -> None:
        keys = self._maker.take_keys()
        if self.show_page(name):
            for key in keys:
                QCoreApplication.postEvent(self.windowHandle(), key)

    def _install(self, entry: PageEntry) -> None:
        self._frame().navigation.add(entry)
        self._key(entry.key, functools.partial(self.bring_page, entry.name))

    def _key(self, keys: str, pressed: Callable[[], object]) -> None:
        """A key that works on every page while a clerk is serving; its repeats do nothing."""
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setAutoRepeat(False)
        shortcut.activated.connect(lambda: pressed() if self._serving() else None)

    def _serving(self) -> bool:
        return self.frame is not None and self._root.currentWidget() is self.frame

    def _to_entry_box(self) -> None:
        self._frame().header.entry_box.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _park(self) -> None:
        if self.page is not None and self.customer is not None and self.page.can_leave():
            self.park_asked.emit(self._page_name, self.page.typed())

    def _parked_text(self, page: Page) -> str:
        """How to park, where a customer is in sight, and how many are."""
        words = "" if page.side() is not None else "挂起当前客户 Ctrl+P"
        parked = f"已挂起 {len(self._parked)} 位" if self._parked else ""
        return texts.SEPARATOR.join(part for part in (words, parked) if part)

    def _last_done(self, last: LastTransactionView) -> None:
        self.set_last(dataclasses.replace(last, time_text=f"{self._now():%H:%M}"))

    def _line_in_sight(self) -> ResultLine | None:
        return self.page.result if self.page is not None else None

    def _bug(self, detail: str) -> None:
        from ui.dialogs.crash import CrashDialog  # never needed on a good day

        self._money_changed()
        CrashDialog(self, detail).open()

    def _may_serve(self, name: str) -> bool:
        """Whether a page may be used: all may but those that move money while money is locked or held."""
        locked = self.troubles.money_locked or bool(self._money_held)
        return not (locked and self._entries[name].moves_money)

    def _money_changed(self) -> None:
        if self.frame is not None:
            self.frame.money_band.say(texts.MONEY_LOCKED if self.troubles.money_locked else self._money_held)
        for name, page in self._made.items():
            before = page.isEnabled()
            page.setEnabled(self._may_serve(name))
            if page is self.page and page.isEnabled() and not before:
                page.focus_first()

    def _test_idle(self) -> None:
        if self._serving() and time.monotonic() - self._last_input >= self._idle_limit_s:
            self.lock()

    def showEvent(self, event: QShowEvent) -> None:
        """Watch the native window for signs of life; it exists from the first show on."""
        super().showEvent(event)
        handle = self.windowHandle()
        if handle is not None:
            handle.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note when the clerk last did something; keep back what is typed for a page that is on its way."""
        if event.type() in _SIGNS_OF_LIFE:
            self._last_input = time.monotonic()
        return self._maker.hold_key(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Tell whoever holds lanes and devices; a page that waits for an answer keeps the window open."""
        if self.page is not None and not self.page.can_leave():
            event.ignore()
            return
        self.closing.emit()
        super().closeEvent(event)


_SIGNS_OF_LIFE = frozenset(
    (QEvent.Type.KeyPress, QEvent.Type.MouseButtonPress, QEvent.Type.MouseMove, QEvent.Type.Wheel)
)
