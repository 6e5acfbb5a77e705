"""The tests' own hall is what it says, on both engines."""

from __future__ import annotations

from hall_builder import BLANK_CARD, HOLDER, NAMED_CARD, NAMED_FEN, clerk_at, medium_of

from counter_app.domain.cards import CardState
from counter_app.domain.rule_book import RuleCode
from counter_app.domain.shifts import hall_date
from counter_app.storage import cards, halls, holders
from counter_app.storage.database import Database


def test_the_hall_has_rules_cards_and_people(hall_database: Database) -> None:
    hall_database.read(lambda tx: halls.load(tx))
    rules = hall_database.read(halls.rule_book)
    today = hall_date(hall_database.clock())
    assert {code: rules.value(code, today) for code in RuleCode}
    card = hall_database.read(lambda tx: cards.find(tx, NAMED_CARD))
    assert card is not None
    assert card.purse_id is not None
    assert hall_database.read(lambda tx: cards.look_at_purse(tx, card.purse_id)).balance_fen == NAMED_FEN
    assert hall_database.read(lambda tx: holders.load(tx, HOLDER.holder_id)) == HOLDER
    blank = hall_database.read(lambda tx: cards.find(tx, cards.by_medium(tx, medium_of(4))))
    assert blank is not None
    assert (blank.card_no, blank.state) == (BLANK_CARD, CardState.BLANK)
    assert clerk_at(hall_database) == clerk_at(hall_database)


def test_each_test_has_its_own_hall(hall_database: Database) -> None:
    assert hall_database.read(lambda tx: holders.find_by_name(tx, "张"))[0].name == HOLDER.name
