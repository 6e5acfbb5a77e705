"""Every test of this room runs offscreen, in the program's look, and leaves no thread, timer or Qt message behind."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, os.path.dirname(__file__))  # tests here share picture_page, which is no test

import pytest
from PySide6.QtCore import QTimer, qInstallMessageHandler
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ui import theme
from ui.errors import HARMLESS_QT_MESSAGE, TroubleRouter
from ui.lanes import Lane


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """One application in the program's look for all tests of this room."""
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    theme.apply(application, theme.Theme())
    return application


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp: QApplication) -> Iterator[None]:
    """Fail on a Qt message, a thread or a running timer of a window already closed."""
    said: list[str] = []
    before = qInstallMessageHandler(lambda _kind, _context, message: said.append(message))
    threads = set(threading.enumerate())
    yield
    qapp.processEvents()
    qInstallMessageHandler(before)
    assert [message for message in said if message != HARMLESS_QT_MESSAGE] == []
    assert [thread.name for thread in threading.enumerate() if thread not in threads] == []
    assert [timer for timer in qapp.findChildren(QTimer) if timer.isActive()] == []


@pytest.fixture
def lane_maker() -> Iterator[Callable[[str], Lane]]:
    """Makes lanes and joins them when the test is over."""
    made: list[Lane] = []

    def make(name: str = "test") -> Lane:
        made.append(Lane(name))
        return made[-1]

    yield make
    assert [lane.name for lane in made if not lane.close(5.0)] == []


@pytest.fixture
def lane(lane_maker: Callable[[str], Lane], qtbot: QtBot) -> Lane:
    """One lane, joined at the end."""
    return lane_maker("test")


@pytest.fixture
def troubles(qtbot: QtBot) -> TroubleRouter:
    """A router without hooks."""
    return TroubleRouter()
