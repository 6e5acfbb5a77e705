"""充值 by cash and by stand-alone slip: limits before money, change, once and only once."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from counter_builder import Counter, card_top_up, cash_top_up, require_sound
from hall_builder import (
    ANONYMOUS_CARD,
    ANONYMOUS_FEN,
    BLANK_CARD,
    NAMED_CARD,
    NAMED_FEN,
    OTHER_CLERK,
    OTHER_NAMED_CARD,
    OTHER_NAMED_FEN,
    STAND_ALONE_TERMINAL,
    HallClock,
)

from counter_app.domain.cards import CardState
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, PurseId
from counter_app.domain.ledger import Tender, TenderKind, pos_account, purse_account, till_account
from counter_app.domain.requests import CloseTill, TopUp
from counter_app.domain.rule_book import Rule, RuleBook, RuleCode
from counter_app.services import founding
from counter_app.storage import cards, ledger, papers
from counter_app.storage.database import Database
from printing.receipt import Pair, Receipt


@pytest.fixture(autouse=True)
def sound(hall_database: Database) -> Iterator[None]:
    yield
    require_sound(hall_database)


def refused(reason: Reason, call: object, *arguments: object) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.reason is reason
    return caught.value


def slip(**changes: object) -> Tender:
    made = Tender(
        TenderKind.SLIP,
        terminal_id=STAND_ALONE_TERMINAL,
        batch="000012",
        voucher="000470",
        reference="112300471",
        card_tail="6688",
        debit_confirmed=True,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_cash_with_change(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    done = counter.top_up(NAMED_CARD, 100_00, 200_00)
    assert (done.change_fen, done.balance_fen) == (100_00, NAMED_FEN + 100_00)
    drawer, purse = hall_database.read(
        lambda tx: (
            ledger.balance(tx, till_account(1)),
            ledger.balance(tx, purse_account(PurseId("p1"))),
        )
    )
    assert (drawer, purse) == (600_00, -(NAMED_FEN + 100_00)), (
        "change is no tender: the drawer keeps the amount"
    )


def test_fifty_presses_are_one_top_up(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    request = cash_top_up(counter, NAMED_CARD, 100_00, 200_00)
    with ThreadPoolExecutor(4) as pool:
        outcomes = set(pool.map(lambda _n: counter.top_ups.top_up(request), range(50)))
    (done,) = outcomes
    assert done.balance_fen == NAMED_FEN + 100_00
    jobs = hall_database.read(lambda tx: papers.waiting_jobs(tx, 1))
    assert len(jobs) == 2, "the opening and one top-up"
    assert counter.parking.unfinished() == ()


def test_the_last_room_of_a_card_is_sold_once_to_the_same_request(hall_database: Database) -> None:
    """Pressed twice in one moment, the second must not hear that the first one used up the limit."""
    counter = Counter(hall_database).opened()
    room_fen = 5_000_00 - OTHER_NAMED_FEN
    request = cash_top_up(counter, OTHER_NAMED_CARD, room_fen)
    together = threading.Barrier(2)

    def press(_n: int) -> int:
        together.wait(5)
        return counter.top_ups.top_up(request).balance_fen

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(press, range(2))) == [5_000_00, 5_000_00]


def test_one_id_with_two_contents_is_refused_loudly(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    request = cash_top_up(counter, NAMED_CARD, 100_00)
    counter.top_ups.top_up(request)
    other = dataclasses.replace(request, amount_fen=50_00)
    refused(Reason.OPERATION_CHANGED, counter.top_ups.top_up, other)


@pytest.mark.parametrize(
    ("card_no", "amount_fen", "room"),
    [(OTHER_NAMED_CARD, 5_000_00 - OTHER_NAMED_FEN + 1, "100.00"), (ANONYMOUS_CARD, 1_000_00, "980.00")],
)
def test_a_card_is_never_filled_above_its_limit(
    hall_database: Database, card_no: CardNo, amount_fen: int, room: str
) -> None:
    counter = Counter(hall_database).opened()
    refusal = refused(Reason.CARD_LIMIT, counter.top_up, card_no, amount_fen)
    assert refusal.details["room"] == room
    assert refusal.details["source"]
    assert counter.top_ups.quote(card_no).room_fen / 100 == float(room)


def test_cash_stays_below_five_thousand_at_once(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    # With the limit of the first rule book a card would have to be empty for this rule to bite.
    wider = Rule(RuleCode.NAMED_CARD_LIMIT, 20_000_00, counter.at.now().date(), "总部通知", "1001")
    counter.at.rules = RuleBook((*founding.default_rules(), wider))
    refusal = refused(Reason.CASH_LIMIT, counter.top_up, NAMED_CARD, 5_000_00)
    assert refusal.details["limit"] == "5,000.00"
    assert counter.top_up(NAMED_CARD, 4_999_99).amount_fen == 4_999_99
    slip_pays = TopUp(counter.asked(), OTHER_NAMED_CARD, 5_000_00, slip())
    assert counter.top_ups.top_up(slip_pays).amount_fen == 5_000_00


@pytest.mark.parametrize("amount_fen", [0, -1_00])
def test_nothing_and_less_is_no_top_up(hall_database: Database, amount_fen: int) -> None:
    counter = Counter(hall_database).opened()
    refused(Reason.AMOUNT_NOT_POSITIVE, counter.top_up, NAMED_CARD, amount_fen, 100_00)


def test_too_little_and_implausibly_much_cash(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    refused(Reason.RECEIVED_TOO_LITTLE, counter.top_up, NAMED_CARD, 100_00, 99_99)
    refused(Reason.RECEIVED_IMPLAUSIBLE, counter.top_up, NAMED_CARD, 10_00, 100_000_00)
    assert counter.parking.unfinished() == (), "a refused request holds no money and asks nothing later"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (CardState.LOST, Reason.CARD_LOST),
        (CardState.FROZEN, Reason.CARD_FROZEN),
        (CardState.REPLACED, Reason.CARD_REPLACED),
        (CardState.CLOSED, Reason.CARD_CLOSED),
    ],
)
def test_no_money_goes_on_a_card_out_of_use(
    hall_database: Database, state: CardState, reason: Reason
) -> None:
    counter = Counter(hall_database).opened()
    hall_database.write(lambda tx: cards.save(tx, cards.load(tx, NAMED_CARD).with_state(state)))
    refused(reason, counter.top_up, NAMED_CARD, 10_00)
    refused(reason, counter.top_ups.quote, NAMED_CARD)


def test_blank_and_unknown_cards(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    refused(Reason.CARD_BLANK, counter.top_up, BLANK_CARD, 10_00)
    refused(Reason.CARD_UNKNOWN, counter.top_up, CardNo("9040000000000000"), 10_00)


def test_a_stand_alone_slip_needs_the_debit_tick_and_goes_to_clearing(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    request = TopUp(counter.asked(), ANONYMOUS_CARD, 50_00, slip(debit_confirmed=False))
    refused(Reason.DEBIT_CARD_NOT_CONFIRMED, counter.top_ups.top_up, request)
    done = counter.top_ups.top_up(dataclasses.replace(request, tender=slip()))
    assert (done.change_fen, done.balance_fen) == (0, ANONYMOUS_FEN + 50_00)
    assert hall_database.read(lambda tx: ledger.balance(tx, pos_account(STAND_ALONE_TERMINAL))) == 50_00


def test_a_terminal_payment_never_books_without_the_terminal(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    with pytest.raises(ValueError, match="pay_at_terminal"):
        counter.top_ups.top_up(card_top_up(counter, NAMED_CARD, 50_00))


def test_two_counters_top_up_one_card_and_both_count(hall_database: Database) -> None:
    one, two = Counter(hall_database).opened(), Counter(hall_database, 2, OTHER_CLERK).opened()
    requests = [
        (counter, cash_top_up(counter, NAMED_CARD, 10_00)) for _n in range(5) for counter in (one, two)
    ]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda pair: pair[0].top_ups.top_up(pair[1]), requests))
    assert max(outcome.balance_fen for outcome in done) == NAMED_FEN + 100_00
    assert len({outcome.receipt_no for outcome in done}) == 10


def test_the_receipt_masks_the_person_and_shows_change(hall_database: Database) -> None:
    counter = Counter(hall_database).opened()
    done = counter.top_up(NAMED_CARD, 100_00, 200_00)
    saved = hall_database.read(lambda tx: papers.find(tx, done.receipt_no))
    assert saved is not None
    pairs = {
        block.label: block.value
        for block in Receipt.from_json(saved.document).blocks
        if isinstance(block, Pair)
    }
    assert (pairs["实收"], pairs["找零"]) == ("￥200.00", "￥100.00")
    assert pairs["姓名"] == "张*兰（证件尾号 002X）"
    assert "桂" not in saved.document
    assert NAMED_CARD not in saved.document


def test_a_top_up_after_midnight_carries_the_open_day(hall_database: Database, clock: HallClock) -> None:
    """A clock set back books into no past, and a drawer left open over midnight keeps its business date."""
    counter = Counter(hall_database).opened()
    first = counter.top_up(NAMED_CARD, 10_00)
    clock.advance(hours=-30)
    second = counter.top_up(NAMED_CARD, 10_00)
    assert first.receipt_no[:-4] == second.receipt_no[:-4]
    counter.count(520_00)
    counter.cash.close_till(CloseTill(counter.asked(), 0))
