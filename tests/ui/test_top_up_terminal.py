"""Top-up at the linked terminal by keys, where the terminal does not say what kind of card it read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from counter_builder import ScriptedTerminal, answer
from hall_builder import NAMED_CARD, NAMED_FEN, HallClock, open_sqlite
from hall_window import HallWindow, enter, hall_window, press
from picture_page import faults_of
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from counter_app.domain.payments import Verdict
from counter_app.domain.requests import ToppedUp
from counter_app.storage.database import Database
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.pages.top_up import TopUpPage

PAGES = (("top_up", "充值", "F2", "业务办理", TopUpPage),)


@pytest.fixture
def database(sqlite_hall: Path, clock: HallClock) -> Iterator[Database]:
    opened = open_sqlite(sqlite_hall, clock)
    yield opened
    opened.close()


@pytest.fixture
def hall(
    database: Database, troubles: TroubleRouter, lane_maker: Callable[[str], Lane], qtbot: QtBot
) -> HallWindow:
    """A terminal that names no kind of card, twice."""
    silent = answer(Verdict.APPROVED, 50_00, credit_card=None)
    made = hall_window(database, troubles, lane_maker, PAGES, terminal=ScriptedTerminal(silent, silent))
    qtbot.addWidget(made.window)
    made.window.resize(1366, 768)
    with qtbot.waitActive(made.window):
        made.window.show()
    made.open_till()
    return made


def test_the_clerks_tick_is_asked_for_only_where_the_terminal_is_silent(
    hall: HallWindow, qtbot: QtBot
) -> None:
    hall.open(f"card:{NAMED_CARD}")
    page = hall.show("top_up")
    assert isinstance(page, TopUpPage)
    press(Qt.Key.Key_B, alt=True)
    assert not page.debit.isVisible()
    page.amount.setFocus()
    enter("50")
    qtbot.waitUntil(lambda: "终端没有说明是借记卡" in page.result.text, timeout=5000)
    assert page.debit.isVisible()
    assert page.debit.hasFocus()
    assert page.amount.value_fen() == 50_00, "nothing typed is lost"
    assert not hall.booked
    assert faults_of(hall.window) == []
    press(Qt.Key.Key_Space)
    assert page.debit.isChecked()
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(hall.booked), timeout=5000)
    done = hall.booked[0]
    assert isinstance(done, ToppedUp)
    assert done.balance_fen == NAMED_FEN + 50_00
    press(Qt.Key.Key_B, alt=True)
    assert not page.debit.isVisible()
    assert not page.debit.isChecked(), "the next customer's card is looked at again"
