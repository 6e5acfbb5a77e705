"""What every page is: a body with heading, result line and busy line, a path for Enter, and one guarded way to ask a desk.

Your line belongs here if all pages need it. What one business needs belongs to its own module in ui/pages.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from counter_app.domain.errors import DeviceTrouble, StorageTrouble
from counter_app.domain.waiting import CancelToken
from ui import texts
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.widgets.cash import CashCountGrid
from ui.widgets.chips import ChipRow
from ui.widgets.entries import Entry
from ui.widgets.parts import BusyLine, LastTransactionBar, PageTitle, ResultLine
from ui.widgets.sign_box import SignBox

if TYPE_CHECKING:
    from counter_app.domain.views import CustomerView

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class PageEntry:
    """A page as the navigation knows it before it exists. `make` is called when it is first shown.

    `key` is a key sequence (`F2`, `Alt+R`); `group` one of `texts.GROUP_ORDER`; `moves_money` pages lock after a bug.
    """

    name: str
    title: str
    key: str
    group: str
    make: Callable[[], Page]
    moves_money: bool = False


class Stop(Protocol):
    """A place where Enter may stop: every entry of the kit, a count grid, a long text."""

    def is_open(self) -> bool:
        """Whether something is still to be typed here."""

    def isVisible(self) -> bool:
        """As QWidget."""

    def isEnabled(self) -> bool:
        """As QWidget."""

    def setFocus(self) -> None:
        """As QWidget."""


class Page(QWidget):
    """Base of all pages. Put widgets into `body`; heading, result line and busy line stand on top of it already.

    In the constructor of a page call `set_path` (Enter), `set_chips` (chip keys) and `keep` (what parking and a crash
    must not lose). Ask desks through `ask` only: while one call is under way a second one is not begun, which is
    what makes fifty presses of Enter one operation.
    """

    booked = Signal(object)
    """Carries the outcome of each booked operation: its paper waits for the printer, the customer has changed."""
    show_customer = Signal(object)
    """Carries the `CustomerView` that the panel is to show from now on, or None for nobody."""
    keys_changed = Signal()
    """`keys_now` would say something else than before."""
    last_done = Signal(object)
    """Carries the `LastTransactionView` of each booked operation; the window fills in the time."""

    def __init__(self, title: str, troubles: TroubleRouter) -> None:
        super().__init__()
        self.troubles = troubles
        self.title = PageTitle(title)
        self.result = ResultLine()
        self.busy = BusyLine()
        self.last = LastTransactionBar()
        """The last transaction of this counter; a page that moves money puts it at the end of its body."""
        self.customer: CustomerView | None = None
        self._path: tuple[Stop, ...] = ()
        self._primary: QPushButton | None = None
        self._chips: tuple[ChipRow, ...] = ()  # type: ignore[type-arg]
        self.sign_box: SignBox | None = None
        """The box in which a second person signs, when this page has one."""
        self._kept: dict[str, Kept] = {}
        self._held: list[QWidget] = []
        self.setProperty("look", "ground")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(22, 20, 22, 16)
        self.body.setSpacing(14)
        for part in (self.title, self.busy, self.result):
            self.body.addWidget(part)

    # what a page may say about itself

    def build(self) -> Iterator[None]:
        """Put everything on the page, a group of widgets at a time; the window answers others at each `yield`.

        Called once, when the page has its place; nothing else is called before it has ended. No piece may take the
        window for longer than 30 ms on a slow computer: some sixty widgets.
        """
        yield from ()

    def activate(self) -> None:
        """The page comes into sight: load what may have changed. The base puts the focus on the first open field."""
        self.focus_first()

    def leave(self) -> None:
        """Another page is about to be shown instead. A lock does not leave the page."""

    def customer_changed(self, view: CustomerView | None) -> None:
        """Another customer (or nobody) stands at the counter; called before `activate` too."""
        self.customer = view

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """Keys that work now, for the status line: (key, what it does)."""
        return (texts.KEY_HELP, texts.KEY_NEXT, texts.KEY_BACK)

    def side(self) -> QWidget | None:
        """A widget of the page's own for the right column; None leaves the customer panel there."""
        return None

    def can_leave(self) -> bool:
        """Whether another page may be shown now. Typed values are kept in any case; a wait is not left."""
        return not self.busy.busy

    def takes_medium(self, medium_id: str) -> bool:
        """A card was put on the reader; True when this page waits for one (a new blank card, say)."""
        return False

    def takes_document(self, document: object) -> bool:
        """An ID document was read; True when this page waits for one."""
        return False

    def go_back(self) -> None:
        """Esc with nothing under way: one step back, losing nothing that was typed."""

    def step_back(self) -> None:
        """Esc, or the button that says so: end a wait that can be ended; with nothing under way, `go_back`."""
        if self.busy.busy:
            self.busy.cancel()
        elif self.sign_box is not None and self.sign_box.isVisible():
            self.sign_box.give_up()
        else:
            self.go_back()

    def end_signing(self) -> None:
        """What a signature was asked for is out of sight now: it must not be given beside something else."""
        if self.sign_box is not None and not self.sign_box.isHidden() and not self.busy.busy:
            self.sign_box.give_up()

    # typed values that outlive parking, lock and crash

    def keep(self, **widgets: Kept) -> None:
        """Name the widgets whose typed values `typed` and `restore` carry."""
        self._kept.update(widgets)

    def typed(self) -> dict[str, str]:
        """Everything typed on this page, as plain text by name."""
        found: dict[str, str] = {}
        for name, widget in self._kept.items():
            if isinstance(widget, CashCountGrid):
                found.update({f"{name}.{key}": text for key, text in widget.typed().items()})
            elif isinstance(widget, ChipRow):
                found[name] = "" if widget.value is None else str(widget.value)
            elif isinstance(widget, QPlainTextEdit):
                found[name] = widget.toPlainText()
            else:
                found[name] = widget.text()
        return found

    def restore(self, typed: Mapping[str, str]) -> None:
        """Put back what `typed` gave; names unknown to this page are ignored."""
        for name, widget in self._kept.items():
            if isinstance(widget, CashCountGrid):
                prefix = f"{name}."
                widget.restore(
                    {key.removeprefix(prefix): text for key, text in typed.items() if key.startswith(prefix)}
                )
            elif name not in typed:
                continue
            elif isinstance(widget, ChipRow):
                widget.choose_text(typed[name])
            elif isinstance(widget, QPlainTextEdit):
                widget.setPlainText(typed[name])
            else:
                widget.setText(typed[name])

    def paper_changed(self) -> None:
        """A receipt was printed, or was not: called while this page is in sight."""

    # asking a desk

    def ask(
        self,
        lane: Lane,
        call: Callable[[], T],
        done: Callable[[T], None],
        *,
        text: str = "正在处理…",
        cancel: CancelToken | None = None,
        failed: Callable[[BaseException], bool] | None = None,
    ) -> bool:
        """Run `call` on a lane with the busy line showing; False (and nothing begun) while another call is under way.

        `call` must carry everything it needs, its operation id included: the retry offered after trouble of devices
        or storage repeats the very same call. `failed` may take an error over by returning True.
        """
        if self.busy.busy:
            return False
        self.result.clear()
        self._hold(text, cancel)

        def ended(result: T) -> None:
            self._release()
            done(result)

        def went_wrong(error: BaseException) -> None:
            self._release()
            if failed is not None and failed(error):
                return
            again: Callable[[], object] | None = None
            if isinstance(error, DeviceTrouble | StorageTrouble) and not (cancel and cancel.cancelled):
                again = functools.partial(self.ask, lane, call, done, text=text, cancel=cancel, failed=failed)
            self.troubles.show(error, self.result, again)

        lane.submit(call, ended, went_wrong, cancel=cancel)
        return True

    def finish(
        self, outcome: object, sentence: str, what: str, receipt_no: str, change_fen: int | None = None
    ) -> None:
        """An operation was booked: say so, show it as the last transaction, and tell whoever prints and refreshes.

        `what` names kind, sum and tender for the last transaction's line; `change_fen` is None without cash.
        """
        from counter_app.domain.views import LastTransactionView

        self.result.say("good", f"{sentence}凭证 {receipt_no}")
        self.last_done.emit(LastTransactionView("", what, change_fen, receipt_no))
        self.booked.emit(outcome)

    def trouble(self, error: BaseException) -> None:
        """Show an error that was found before asking (a refused amount, say) on this page's line."""
        self.troubles.show(error, self.result)

    def _hold(self, text: str, cancel: CancelToken | None) -> None:
        self.busy.begin(text, cancel)
        if self._primary is not None:
            self._primary.setEnabled(False)
        self._held = []
        for entry in self.findChildren(QLineEdit):
            if not entry.isReadOnly():
                entry.setReadOnly(True)
                self._held.append(entry)
        for chips in self._chips:
            if chips.isEnabled():
                chips.setEnabled(False)
                self._held.append(chips)

    def _release(self) -> None:
        self.busy.end()
        for widget in self._held:
            if isinstance(widget, QLineEdit):
                widget.setReadOnly(False)
            else:
                widget.setEnabled(True)
        self._held = []
        if self._primary is not None:
            self._primary.setEnabled(True)

    # keys

    def set_path(self, stops: Sequence[Stop], primary: QPushButton | None) -> None:
        """The fields in the order of Enter and the primary button at their end."""
        self._path = tuple(stops)
        self._primary = primary

    def set_chips(self, *rows: ChipRow) -> None:  # type: ignore[type-arg]
        """Rows whose chips answer to their keys: plain, or with Alt while a field has the focus."""
        self._chips = rows

    @property
    def in_sight(self) -> bool:
        """Whether this is the page that the window shows (or will show, when the window itself is still hidden)."""
        return self.isVisibleTo(self.window())

    def focus_first(self) -> None:
        """Put the focus on the first open field, or else on the first one in sight; a signature comes before both.

        A page that is made ahead, or that somebody has left meanwhile, leaves the keys where they are.
        """
        if not self.in_sight:
            return
        if self.sign_box is not None and self.sign_box.isVisible():
            self.sign_box.focus_open()
            return
        usable = [stop for stop in self._path if _usable(stop)]
        for stop in usable:
            if stop.is_open():
                stop.setFocus()
                return
        if usable:
            usable[0].setFocus()
        else:
            self.setFocus()

    def go_on(self) -> None:
        """Enter: to the next open field; when none is left, press the primary button if it is armed."""
        at = next((place for place, stop in enumerate(self._path) if _has_focus(stop)), -1)
        for stop in self._path[at + 1 :]:
            if _usable(stop) and stop.is_open():
                stop.setFocus()
                return
        for stop in self._path[: at + 1]:
            if _usable(stop) and stop.is_open() and not getattr(stop, "optional", False):
                stop.setFocus()
                return
        if self._primary is not None and self._primary.isVisible() and self._primary.isEnabled():
            self._primary.click()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter, Esc and chip keys that reached the page; their repeats do nothing."""
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            if event.isAutoRepeat() or self.busy.busy:
                return
            if event.modifiers() & Qt.KeyboardModifier.AltModifier:
                self.result.press()
            else:
                self.go_on()
        elif key == Qt.Key.Key_Escape:
            event.accept()
            if event.isAutoRepeat():
                return
            self.step_back()
        elif self._is_chip_key(event):
            event.accept()
        else:
            super().keyPressEvent(event)

    def _is_chip_key(self, event: QKeyEvent) -> bool:
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if held not in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.AltModifier):
            return False
        if not Qt.Key.Key_0 <= event.key() <= Qt.Key.Key_Z:
            return False
        if event.isAutoRepeat():
            return True
        return any(chips.press_key(chr(event.key())) for chips in self._chips)


Kept = Entry | QPlainTextEdit | ChipRow | CashCountGrid  # type: ignore[type-arg]
"""Widgets that hold typed values."""


def _usable(stop: Stop) -> bool:
    return stop.isVisible() and stop.isEnabled()


def _has_focus(stop: Stop) -> bool:
    focused = QApplication.focusWidget()
    return (
        isinstance(stop, QWidget) and focused is not None and (stop is focused or stop.isAncestorOf(focused))
    )
