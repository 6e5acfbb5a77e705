"""应收款 on both engines: paid once, in cash, with the manager's signature, and the card it froze is free again."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator

import pytest
from counter_builder import FLOAT_FEN, Counter, require_sound
from hall_builder import ANONYMOUS_CARD, ANONYMOUS_FEN, NAMED_CARD, NAMED_FEN, OTHER_CLERK

from counter_app.domain.cards import CardState
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, ReceiptNo
from counter_app.domain.ledger import CARD_RECEIVABLE, till_account
from counter_app.domain.requests import LateSpending, ReceivableSettled, Reverse, SettleReceivable
from counter_app.services.receivables_desk import ReceivablesDesk
from counter_app.services.replacement_desk import ReplacementDesk
from counter_app.storage import cards, ledger, papers
from counter_app.storage.database import Database
from printing.receipt import Pair, Receipt


@pytest.fixture(autouse=True)
def sound(hall_database: Database) -> Iterator[None]:
    """After every test the whole ledger is computed again."""
    yield
    require_sound(hall_database)


@pytest.fixture
def counter(hall_database: Database) -> Counter:
    return Counter(hall_database).opened()


@pytest.fixture
def desk(counter: Counter) -> ReceivablesDesk:
    return ReceivablesDesk(counter.at)


def spend(counter: Counter, amount_fen: int, card_no: CardNo = NAMED_CARD) -> None:
    """An offline spending that arrives late."""
    late = LateSpending(counter.asked(), card_no, amount_fen, counter.at.now(), "清单 1")
    ReplacementDesk(counter.at, counter.payments).late_spending(late)


def corrected(counter: Counter) -> None:
    """A wrong top-up of 100 yuan, half of it spent: the card is frozen and 50 yuan are owed."""
    wrong = counter.top_up(NAMED_CARD, 100_00)
    spend(counter, NAMED_FEN + 50_00)
    wish = Reverse(counter.asked(), ReceiptNo(wrong.receipt_no), "卡号输错", correction=True)
    counter.undo.reverse(counter.signed(wish))


def payment(counter: Counter, desk: ReceivablesDesk, received_fen: int, place: int = 0) -> SettleReceivable:
    """The request for one line of the list, not yet signed."""
    owed = desk.listed()[place]
    return SettleReceivable(counter.asked(), owed.operation_id, owed.card_no, owed.amount_fen, received_fen)


def refusal(call: Callable[[], object]) -> Reason:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.reason


def account(database: Database, name: str) -> int:
    return database.read(lambda tx: ledger.balance(tx, name))  # type: ignore[arg-type]


def state(database: Database) -> CardState:
    return database.read(lambda tx: cards.load(tx, NAMED_CARD).state)


def test_a_correction_paid_in_cash_frees_the_card(
    counter: Counter, desk: ReceivablesDesk, hall_database: Database
) -> None:
    corrected(counter)
    assert state(hall_database) is CardState.FROZEN
    request = counter.signed(payment(counter, desk, 60_00))
    done = desk.settle(request)
    assert (done.amount_fen, done.change_fen, done.freed) == (50_00, 10_00, True)
    assert desk.settle(request) == done, "the same request again is the same payment"
    assert desk.listed() == []
    assert account(hall_database, CARD_RECEIVABLE) == 0
    assert account(hall_database, till_account(1)) == FLOAT_FEN + 50_00
    assert state(hall_database) is CardState.ACTIVE
    saved = hall_database.read(lambda tx: papers.find(tx, done.receipt_no))
    assert saved is not None
    pairs = {
        block.label: block.value
        for block in Receipt.from_json(saved.document).blocks
        if isinstance(block, Pair)
    }
    assert (pairs["找零"], pairs["主管签认"]) == ("￥10.00", "1001")


def test_a_card_stays_frozen_while_anything_is_owed(
    counter: Counter, desk: ReceivablesDesk, hall_database: Database
) -> None:
    corrected(counter)
    spend(counter, 20_00)
    assert [row.amount_fen for row in desk.listed()].count(50_00) == 1
    done = [desk.settle(counter.signed(payment(counter, desk, 100_00))) for _ in range(2)]
    assert [one.freed for one in done] == [False, True]
    assert state(hall_database) is CardState.ACTIVE


def test_what_a_card_without_a_holder_owes_is_paid_too(counter: Counter, desk: ReceivablesDesk) -> None:
    spend(counter, ANONYMOUS_FEN + 5_00, ANONYMOUS_CARD)
    done = desk.settle(counter.signed(payment(counter, desk, 5_00)))
    assert (done.amount_fen, done.freed) == (5_00, False)


def test_it_says_no_before_any_money_is_booked(counter: Counter, desk: ReceivablesDesk) -> None:
    spend(counter, NAMED_FEN + 20_00)
    request = payment(counter, desk, 20_00)
    assert refusal(lambda: desk.settle(request)) is Reason.APPROVAL_NEEDED
    short = counter.signed(payment(counter, desk, 19_99))
    assert refusal(lambda: desk.settle(short)) is Reason.RECEIVED_TOO_LITTLE
    other_sum = counter.signed(dataclasses.replace(request, asked=counter.asked(), amount_fen=10_00))
    assert refusal(lambda: desk.settle(other_sum)) is Reason.RECEIVABLE_GONE
    counter.count(FLOAT_FEN)
    late = counter.signed(payment(counter, desk, 20_00))
    assert refusal(lambda: desk.settle(late)) is Reason.TILL_COUNT_LOCKED
    assert len(desk.listed()) == 1


def test_two_counters_take_the_same_money_once(
    counter: Counter, desk: ReceivablesDesk, hall_database: Database
) -> None:
    spend(counter, NAMED_FEN + 20_00)
    other = Counter(hall_database, 2, OTHER_CLERK).opened()
    desks = ((counter, desk), (other, ReceivablesDesk(other.at)))
    requests = [(where.settle, who.signed(payment(who, where, 20_00))) for who, where in desks]
    answers: list[ReceivableSettled | Reason] = []
    ready = threading.Barrier(2)

    def pay(call: Callable[[SettleReceivable], ReceivableSettled], request: SettleReceivable) -> None:
        ready.wait()
        try:
            answers.append(call(request))
        except Refused as refused:
            answers.append(refused.reason)

    threads = [threading.Thread(target=pay, args=pair) for pair in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(answer, ReceivableSettled) for answer in answers) == 1
    assert Reason.RECEIVABLE_GONE in answers
    assert account(hall_database, CARD_RECEIVABLE) == 0
