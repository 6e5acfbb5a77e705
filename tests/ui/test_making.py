"""Pages come into being a piece at a time, and what is typed meanwhile is theirs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from picture_page import sample_window
from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from counter_app.benchmarks.ui_probe import OwnTime
from ui import texts
from ui.app_window import AppWindow
from ui.errors import TroubleRouter
from ui.page import Page, PageEntry
from ui.widgets.entries import Entry


class Slow(Page):
    """A page of several pieces that says when each was put on."""

    def __init__(self, name: str, troubles: TroubleRouter, said: list[str]) -> None:
        super().__init__(name, troubles)
        self._name, self._said = name, said

    def build(self) -> Iterator[None]:
        """Three pieces; the last one tries to take the keys."""
        for number in range(3):
            self._said.append(f"{self._name}{number}")
            yield
        self.entry = Entry("", max_length=20)
        self.body.addWidget(self.entry)
        self.set_path((self.entry,), None)
        self.focus_first()


@pytest.fixture
def said() -> list[str]:
    """The pieces in the order in which they were made."""
    return []


@pytest.fixture
def window(qtbot: QtBot, troubles: TroubleRouter, said: list[str]) -> AppWindow:
    """The sample page in sight, and two slow pages that nobody has asked for."""
    made = sample_window(troubles)
    qtbot.addWidget(made)
    for name, key in (("a", "Alt+1"), ("b", "Alt+2")):
        entry = PageEntry(name, name, key, texts.GROUP_SERVICE, lambda name=name: Slow(name, troubles, said))  # type: ignore[misc]
        made.add_page(entry)
    with qtbot.waitActive(made):
        made.show()
    assert made.show_page("top_up")
    return made


def test_each_piece_is_an_event_of_its_own(window: AppWindow, said: list[str], qtbot: QtBot) -> None:
    seen: list[int] = []

    class Between(QObject):
        def timerEvent(self, _event: object) -> None:
            seen.append(len(said))

    between = Between()
    between.startTimer(0)
    window.bring_page("a")
    assert said == [], "nothing is made in the event of the key"
    qtbot.waitUntil(lambda: window.page is window.made_page("a"), timeout=5000)
    assert {1, 2, 3} <= set(seen), "the window lives between the pieces"


def test_pages_made_ahead_leave_the_keys_alone(window: AppWindow, said: list[str], qtbot: QtBot) -> None:
    before = window.focusWidget()
    window.make_ahead(("a", "b"))
    qtbot.waitUntil(lambda: window.made_page("b") is not None, timeout=5000)
    assert said == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert window.focusWidget() is before
    window.bring_page("b")
    assert window.page is window.made_page("b"), "a page made ahead comes at once"


def test_the_page_that_is_wanted_comes_first(window: AppWindow, said: list[str], qtbot: QtBot) -> None:
    window.make_ahead(("a",))
    qtbot.waitUntil(lambda: bool(said), timeout=5000)
    window.bring_page("b")
    qtbot.waitUntil(lambda: window.page is window.made_page("b"), timeout=5000)
    assert said.index("b2") < len(said)
    qtbot.waitUntil(lambda: window.made_page("a") is not None, timeout=5000)
    assert [piece for piece in said if piece.startswith("a")] == ["a0", "a1", "a2"], "no piece twice"


def test_what_is_typed_while_a_page_comes_is_its_own(window: AppWindow, qtbot: QtBot) -> None:
    old = window.page
    window.bring_page("a")
    for key in "12":
        QTest.keyClick(window.windowHandle(), Qt.Key(ord(key)))
    assert window.page is old
    qtbot.waitUntil(lambda: window.page is window.made_page("a"), timeout=5000)
    page = window.page
    assert isinstance(page, Slow)
    qtbot.waitUntil(lambda: page.entry.text() == "12", timeout=5000)


def test_a_lock_forgets_the_wish_and_its_keys(window: AppWindow, qtbot: QtBot) -> None:
    old = window.page
    window.bring_page("a")
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_1)
    window.lock()
    assert window.lock_page is not None
    window.make_ahead(("b",))
    qtbot.waitUntil(lambda: window.made_page("b") is not None, timeout=5000)
    assert window.page is old
    assert window.made_page("a") is None, "nobody wants it any more"
    assert window.lock_page.password.text() == ""


def test_somebody_who_signs_out_leaves_no_half_page(window: AppWindow, said: list[str], qtbot: QtBot) -> None:
    window.make_ahead(("a",))
    qtbot.waitUntil(lambda: bool(said), timeout=5000)
    window.sign_out()
    assert window.made_page("a") is None
    window.open_frame("1024 王芳")
    assert window.show_page("a")
    assert said[-3:] == ["a0", "a1", "a2"]


def test_own_time_is_only_what_lies_between_begin_and_end() -> None:
    own = OwnTime()
    assert own.sum_s == 0.0
    own.end()
    assert own.sum_s == 0.0
    own.begin()
    own.begin()
    own.end()
    first = own.sum_s
    assert first > 0.0
    assert own.sum_s == first
