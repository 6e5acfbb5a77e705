"""What pages look at before somebody acts: the paper as it would print, and the load of a day by the hall's hours."""

from __future__ import annotations

import datetime as dt

import pytest
from counter_builder import Counter, ScriptedTerminal, answer, card_top_up
from hall_builder import NAMED_CARD, HallClock

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.payments import Verdict
from counter_app.domain.requests import Reverse
from counter_app.domain.waiting import CancelToken, silent
from counter_app.storage.database import Database
from printing import receipt_reader
from printing.receipt_reader import RowKind


def test_a_preview_shows_the_paper_and_leaves_queue_and_drawer_alone(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    done = counter.top_up(NAMED_CARD, 100_00)
    waiting = counter.paper.waiting()
    rows = receipt_reader.read(counter.paper.preview(done.receipt_no))
    words = receipt_reader.text(rows, counter.paper.width_columns)
    assert done.receipt_no in words
    assert "补打" not in words
    assert RowKind.DRAWER not in [row.kind for row in rows]
    assert counter.paper.waiting() == waiting


def test_a_preview_tells_that_the_business_was_undone(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    done = counter.top_up(NAMED_CARD, 100_00)
    undone = counter.undo.reverse(counter.signed(Reverse(counter.asked(), done.receipt_no, "金额录错")))
    words = receipt_reader.text(receipt_reader.read(counter.paper.preview(done.receipt_no)), 32)
    assert "已冲正" in words
    assert undone.receipt_no in words


def test_no_preview_of_a_receipt_nobody_wrote(hall_database: Database) -> None:
    with pytest.raises(Refused) as refused:
        Counter(hall_database).paper.preview("D1-990101-1-0001")
    assert refused.value.reason is Reason.RECEIPT_UNKNOWN


def test_the_day_is_counted_by_the_halls_hours_without_the_drawers_own(
    hall_database: Database, clock: HallClock
) -> None:
    counter = Counter(hall_database).opened()
    counter.top_up(NAMED_CARD, 10_00)
    clock.advance(hours=6)
    counter.top_up(NAMED_CARD, 10_00)
    counter.top_up(NAMED_CARD, 10_00)
    assert counter.closing.day_view(dt.date(2026, 11, 23)).by_hour == ((9, 1), (15, 2))


def test_only_an_unknown_payment_is_for_two_people_to_settle(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    terminal = ScriptedTerminal(answer(Verdict.UNKNOWN, 50_00))
    with pytest.raises(Refused):
        counter.top_ups.pay_at_terminal(
            card_top_up(counter, NAMED_CARD, 50_00), terminal, silent, CancelToken()
        )
    (item,) = counter.payments.pending()
    assert (item.to_settle, item.to_release) == (True, False)
