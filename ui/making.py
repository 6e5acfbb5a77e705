"""Makes pages a piece at a time, so that no key and no reader waits for a whole page.

Your line belongs here if it concerns when a page is made; what a page consists of belongs to the page's `build`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QKeyEvent

from ui.page import Page

REST_MS = 5
"""Between two pieces of a page that nobody has asked for yet: whatever waits for the window comes first."""

TYPING_MS = 300
"""After a key of a search nothing is made ahead for so long."""

_TYPING = frozenset((QEvent.Type.KeyPress, QEvent.Type.KeyRelease))


class PageMaker(QObject):
    """Runs `begin(name)` for a page that is wanted and then its `build`, each piece in an event of its own.

    One page is `wanted` at most: it is made before those made ahead, and `ready(name)` is called when it is whole.
    """

    def __init__(
        self,
        parent: QObject,
        begin: Callable[[str], Page],
        whole: Callable[[str, Page], None],
        ready: Callable[[str], object],
    ) -> None:
        super().__init__(parent)
        self._begin, self._whole, self._ready = begin, whole, ready
        self._under_way: dict[str, tuple[Page, Iterator[None]]] = {}
        self._ahead: list[str] = []
        self.wanted = ""
        self._keys: list[QKeyEvent] = []
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.timeout.connect(self._piece)

    def make_ahead(self, names: Sequence[str]) -> None:
        """Make these pages, one after the other, while nothing else is asked for."""
        self._ahead = list(names)
        self._next.start(REST_MS)

    def hold_back(self) -> None:
        """Somebody is typing a search: its answer comes before pages that nobody has asked for yet."""
        if self._ahead and not self.wanted:
            self._next.start(TYPING_MS)

    def want(self, name: str) -> None:
        """Make this page next; `ready` is called when it is whole. Keys typed for an earlier wish are forgotten."""
        self.wanted = name
        self._keys.clear()
        self._next.start(0)

    def make_now(self, name: str) -> Page:
        """Make this page, or what is missing of it, at once."""
        page, pieces = self._begun(name)
        for _piece in pieces:
            pass
        self._finish(name)
        return page

    def want_nothing(self) -> None:
        """The clerk has turned to something else; keys typed for the wanted page are forgotten."""
        self.wanted = ""
        self._keys.clear()

    def forget(self) -> list[Page]:
        """Make nothing more; the half-made pages, for whoever removes them."""
        self._next.stop()
        self._ahead.clear()
        self.want_nothing()
        halves = [page for page, _pieces in self._under_way.values()]
        self._under_way.clear()
        return halves

    def hold_key(self, event: QEvent) -> bool:
        """Keep a key that is typed while a wanted page is on its way; True when it was kept for that page."""
        if not self.wanted or not isinstance(event, QKeyEvent) or event.type() not in _TYPING:
            return False
        self._keys.append(event.clone())
        return True

    def take_keys(self) -> list[QKeyEvent]:
        """What was typed for the wanted page meanwhile, in order."""
        keys, self._keys = self._keys, []
        return keys

    def _begun(self, name: str) -> tuple[Page, Iterator[None]]:
        if name not in self._under_way:
            page = self._begin(name)
            self._under_way[name] = (page, page.build())
        return self._under_way[name]

    def _finish(self, name: str) -> None:
        page, _pieces = self._under_way.pop(name)
        if name in self._ahead:
            self._ahead.remove(name)
        self._whole(name, page)

    def _piece(self) -> None:
        name = self.wanted or next(iter(self._ahead), "")
        if not name:
            return
        if name in self._under_way:
            self._go_on(name)
        else:
            self._begun(name)
        if self.wanted or self._ahead:
            self._next.start(0 if self.wanted else REST_MS)

    def _go_on(self, name: str) -> None:
        _page, pieces = self._under_way[name]
        if next(pieces, self) is self:
            self._finish(name)
            if name == self.wanted:
                self.wanted = ""
                self._ready(name)
