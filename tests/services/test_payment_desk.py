"""Payments at the terminal: intent first, booked after the answer, UNKNOWN kept until it is settled by two people."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from counter_builder import FLOAT, Counter, ScriptedTerminal, answer, card_top_up, require_sound
from hall_builder import (
    HALL_ID,
    KEYS,
    LINKED_TERMINAL,
    MANAGER,
    NAMED_CARD,
    NAMED_FEN,
    OTHER_CLERK,
    OTHER_NAMED_CARD,
    HallClock,
)

from counter_app.domain.errors import Cancelled, DeviceTrouble, Reason, Refused
from counter_app.domain.ids import IntentId
from counter_app.domain.ledger import TenderKind, pos_account
from counter_app.domain.payments import TerminalResult, Verdict
from counter_app.domain.requests import CloseTill, LockCount, SettleUnknown, ToppedUp, TopUp
from counter_app.domain.waiting import CancelToken, silent
from counter_app.storage import cards, intents, ledger
from counter_app.storage.database import Database
from counter_app.storage.intents import Intent, IntentState

APPROVED_50 = answer(Verdict.APPROVED, 50_00)


@pytest.fixture(autouse=True)
def sound(hall_database: Database) -> Iterator[None]:
    yield
    require_sound(hall_database)


@pytest.fixture
def counter(hall_database: Database) -> Counter:
    return Counter(hall_database).opened()


def refused(reason: Reason, call: Callable[..., object], *arguments: object) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.reason is reason
    return caught.value


def pay(counter: Counter, terminal: ScriptedTerminal, request: TopUp | None = None) -> ToppedUp:
    request = request or card_top_up(counter, NAMED_CARD, 50_00)
    return counter.top_ups.pay_at_terminal(request, terminal, silent, CancelToken())


def open_intents(database: Database) -> tuple[Intent, ...]:
    return database.read(intents.all_open)


def balance(database: Database) -> int:
    def look(tx: object) -> int:
        card = cards.find(tx, NAMED_CARD)  # type: ignore[arg-type]
        assert card is not None
        assert card.purse_id is not None
        return cards.look_at_purse(tx, card.purse_id).balance_fen  # type: ignore[arg-type]

    return database.read(look)


def test_approved_is_booked_once_with_the_slips_numbers(counter: Counter, hall_database: Database) -> None:
    terminal = ScriptedTerminal(APPROVED_50)
    request = card_top_up(counter, NAMED_CARD, 50_00)
    seen: list[tuple[Intent, ...]] = []
    terminal.before_answer = lambda: seen.append(open_intents(hall_database))
    done = pay(counter, terminal, request)
    assert [intent.state for intent in seen[0]] == [IntentState.SENT], "committed before the first byte"
    assert (done.balance_fen, done.tender.voucher, done.tender.card_tail) == (
        NAMED_FEN + 50_00,
        "0042",
        "4321",
    )
    assert pay(counter, terminal, request) == done, "the same id asks no terminal twice"
    assert terminal.asked == [("pay", "5000")]
    assert open_intents(hall_database) == ()
    assert hall_database.read(lambda tx: ledger.balance(tx, pos_account(LINKED_TERMINAL))) == 50_00


def test_declined_takes_nothing_and_eats_no_receipt_number(counter: Counter, hall_database: Database) -> None:
    terminal = ScriptedTerminal(answer(Verdict.DECLINED, 50_00, message="余额不足", code="51"), APPROVED_50)
    assert refused(Reason.PAYMENT_DECLINED, pay, counter, terminal).details == {"message": "余额不足"}
    assert (balance(hall_database), open_intents(hall_database)) == (NAMED_FEN, ())
    assert counter.top_up(NAMED_CARD, 50_00).receipt_no.endswith("-0002")
    assert pay(counter, terminal).receipt_no.endswith("-0003")


def test_pressed_again_while_the_terminal_is_asked(counter: Counter) -> None:
    request = card_top_up(counter, NAMED_CARD, 50_00)
    terminal, second = ScriptedTerminal(APPROVED_50), ScriptedTerminal()
    said: list[Refused] = []
    terminal.before_answer = lambda: said.append(
        refused(Reason.PAYMENT_IN_PROGRESS, pay, counter, second, request)
    )
    assert pay(counter, terminal, request).balance_fen == NAMED_FEN + 50_00
    assert (len(said), second.asked) == (1, [])


def test_unknown_holds_card_and_terminal_but_not_cash_for_others(
    counter: Counter, hall_database: Database
) -> None:
    refused(Reason.PAYMENT_UNKNOWN, pay, counter, ScriptedTerminal(answer(Verdict.UNKNOWN, 50_00)))
    other = card_top_up(counter, OTHER_NAMED_CARD, 20_00)
    untouched = ScriptedTerminal()
    assert refused(Reason.TERMINAL_BUSY_UNKNOWN, pay, counter, untouched, other).details["amount"] == "50.00"
    refused(Reason.CARD_RESERVED, counter.top_up, NAMED_CARD, 10_00)
    assert untouched.asked == []
    counter.top_up(OTHER_NAMED_CARD, 20_00)
    (item,) = counter.payments.pending()
    assert (item.what, item.state, item.amount_fen) == ("充值", "结果未知", 50_00)


@pytest.mark.parametrize("trouble", [DeviceTrouble("请检查终端连线。", "no port"), Cancelled()])
def test_when_surely_nothing_was_sent_everything_is_free_again(
    counter: Counter, hall_database: Database, trouble: Exception
) -> None:
    with pytest.raises(type(trouble)):
        pay(counter, ScriptedTerminal(trouble))
    assert open_intents(hall_database) == ()
    assert pay(counter, ScriptedTerminal(APPROVED_50)).balance_fen == NAMED_FEN + 50_00


@pytest.mark.parametrize("broken", [RuntimeError("a defect in the driver"), KeyboardInterrupt()])
def test_what_breaks_midway_is_unknown(
    counter: Counter, hall_database: Database, broken: BaseException
) -> None:
    with pytest.raises(type(broken)):
        pay(counter, ScriptedTerminal(broken))
    assert [intent.state for intent in open_intents(hall_database)] == [IntentState.UNKNOWN]


def test_a_credit_card_is_given_back_at_once(counter: Counter, hall_database: Database) -> None:
    terminal = ScriptedTerminal(answer(Verdict.APPROVED, 50_00, credit_card=True))
    assert refused(Reason.CREDIT_CARD, pay, counter, terminal).details["source"]
    assert (balance(hall_database), open_intents(hall_database)) == (NAMED_FEN, ())


def test_a_card_that_nobody_calls_a_debit_card_is_given_back(
    counter: Counter, hall_database: Database
) -> None:
    """Debit cards only: the terminal says so, else the clerk's tick."""
    silent = answer(Verdict.APPROVED, 50_00, credit_card=None)
    refused(Reason.DEBIT_CARD_NOT_TOLD, pay, counter, ScriptedTerminal(silent))
    assert (balance(hall_database), open_intents(hall_database)) == (NAMED_FEN, ())
    request = card_top_up(counter, NAMED_CARD, 50_00)
    ticked = dataclasses.replace(request, tender=dataclasses.replace(request.tender, debit_confirmed=True))
    assert pay(counter, ScriptedTerminal(silent), ticked).balance_fen == NAMED_FEN + 50_00
    said = answer(Verdict.APPROVED, 50_00, credit_card=True)
    again = dataclasses.replace(ticked, asked=counter.asked())
    refused(Reason.CREDIT_CARD, pay, counter, ScriptedTerminal(said), again)


def test_a_scanned_code_names_no_card(counter: Counter) -> None:
    request = card_top_up(counter, NAMED_CARD, 50_00)
    scan = dataclasses.replace(
        request, tender=dataclasses.replace(request.tender, kind=TenderKind.TERMINAL_SCAN)
    )
    silent = answer(Verdict.APPROVED, 50_00, credit_card=None)
    assert pay(counter, ScriptedTerminal(silent), scan).balance_fen == NAMED_FEN + 50_00


def test_another_amount_than_asked_is_not_kept(counter: Counter, hall_database: Database) -> None:
    refused(
        Reason.PAYMENT_DECLINED,
        pay,
        counter,
        ScriptedTerminal(answer(Verdict.APPROVED, 51_00, message="金额不符")),
    )
    assert balance(hall_database) == NAMED_FEN


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (APPROVED_50, IntentState.APPROVED),
        (answer(Verdict.APPROVED, 50_00, credit_card=True), IntentState.UNKNOWN),
        (answer(Verdict.APPROVED, 51_00), IntentState.UNKNOWN),
    ],
)
def test_only_an_approval_that_is_kept_is_stored_as_one(
    counter: Counter, hall_database: Database, said: TerminalResult, state: IntentState
) -> None:
    """Killed before the terminal has undone it, the next start must not book what was to be given back."""
    terminal, seen = ScriptedTerminal(said), []
    terminal.after_result = lambda: seen.extend(intent.state for intent in open_intents(hall_database))
    if state is IntentState.APPROVED:
        pay(counter, terminal)
    else:
        with pytest.raises(Refused):
            pay(counter, terminal)
    assert seen == [state]


def test_rules_are_checked_before_the_terminal_is_asked(counter: Counter) -> None:
    terminal = ScriptedTerminal()
    too_much = card_top_up(counter, NAMED_CARD, 5_000_00)
    refused(Reason.CARD_LIMIT, pay, counter, terminal, too_much)
    two = Counter(counter.database, 2, OTHER_CLERK)
    refused(Reason.TILL_NOT_OPEN, pay, two, terminal, card_top_up(two, NAMED_CARD, 50_00))
    two.opened()
    refused(Reason.TERMINAL_MISSING, pay, two, terminal, card_top_up(two, NAMED_CARD, 50_00))
    assert terminal.asked == []


def test_the_count_waits_for_the_terminal(counter: Counter, hall_database: Database) -> None:
    terminal = ScriptedTerminal(APPROVED_50)
    terminal.before_answer = lambda: refused(Reason.OPEN_INTENTS, counter.count, 500_00)  # type: ignore[assignment]
    pay(counter, terminal)
    counter.count(500_00)
    refused(Reason.TILL_COUNT_LOCKED, pay, counter, ScriptedTerminal())
    counter.cash.close_till(CloseTill(counter.asked(), 0))


# --- after a crash ----------------------------------------------------------------------------------------------


def crash_at(database: Database, counter: Counter, state: IntentState) -> IntentId:
    """An intent as the program left it when it was killed in this state."""
    request = card_top_up(counter, NAMED_CARD, 50_00)

    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    terminal = ScriptedTerminal(APPROVED_50)
    terminal.before_answer = die
    with pytest.raises(Killed):
        pay(counter, terminal, request)
    (intent,) = open_intents(database)
    # The desk could still write UNKNOWN; a killed program could not, so the row is put where the kill found it.
    result = None
    if state is IntentState.APPROVED:
        from counter_app.storage import wire

        result = wire.to_json(APPROVED_50)
    database.write(lambda tx: intents.move(tx, intent.intent_id, state, result))
    return intent.intent_id


@pytest.mark.parametrize("state", [IntentState.SENT, IntentState.UNKNOWN])
def test_picked_up_without_an_answer_it_is_unknown(
    counter: Counter, hall_database: Database, state: IntentState
) -> None:
    crash_at(hall_database, counter, state)
    (line,) = Counter(hall_database).payments.pick_up()
    assert "结果未知，没有入账" in line
    assert "50.00" in line
    assert [intent.state for intent in open_intents(hall_database)] == [IntentState.UNKNOWN]


def test_picked_up_approved_two_people_decide(counter: Counter, hall_database: Database) -> None:
    """Nobody can tell whether the terminal heard the acknowledgement; if not, it has undone the payment itself."""
    crash_at(hall_database, counter, IntentState.APPROVED)
    again = Counter(hall_database)
    (line,) = again.payments.pick_up()
    assert "报过批准" in line
    assert "还没有入账" in line
    assert balance(hall_database) == NAMED_FEN
    assert [intent.state for intent in open_intents(hall_database)] == [IntentState.UNKNOWN]


def test_another_counters_payment_is_left_alone(counter: Counter, hall_database: Database) -> None:
    crash_at(hall_database, counter, IntentState.SENT)
    assert Counter(hall_database, 2, OTHER_CLERK).payments.pick_up() == ()
    assert [intent.state for intent in open_intents(hall_database)] == [IntentState.SENT]


def test_a_killed_program_finds_its_payment_in_the_same_file(sqlite_hall: Path, clock: HallClock) -> None:
    from counter_app.storage.database import sqlite_engine

    def program() -> Database:
        return Database(sqlite_engine(sqlite_hall, KEYS), HALL_ID, KEYS, clock)

    first = program()
    crash_at(first, Counter(first).opened(), IntentState.APPROVED)
    first.close()
    second = program()
    again = Counter(second)
    again.payments.pick_up()
    assert balance(second) == NAMED_FEN
    (item,) = again.payments.pending()
    assert item.to_settle
    require_sound(second)
    second.close()


# --- settled by two people --------------------------------------------------------------------------------------


def test_paid_by_the_slip(counter: Counter, hall_database: Database) -> None:
    intent_id = crash_at(hall_database, counter, IntentState.UNKNOWN)
    request = SettleUnknown(counter.asked(), intent_id, True, reason="签购单成功")
    refused(Reason.APPROVAL_NEEDED, counter.payments.settle, request)
    refused(Reason.TEXT_MISSING, counter.payments.settle, counter.signed(request))
    request = dataclasses.replace(request, voucher="000042", card_tail="4321")
    settled = counter.payments.settle(counter.signed(request))
    assert settled.paid
    assert settled.receipt_no is not None
    assert balance(hall_database) == NAMED_FEN + 50_00
    assert counter.payments.settle(counter.signed(request)) == settled
    assert balance(hall_database) == NAMED_FEN + 50_00


def test_not_paid_frees_card_and_terminal(counter: Counter, hall_database: Database) -> None:
    intent_id = crash_at(hall_database, counter, IntentState.UNKNOWN)
    request = SettleUnknown(counter.asked(), intent_id, False)
    refused(Reason.TEXT_MISSING, counter.payments.settle, counter.signed(request))
    request = dataclasses.replace(request, reason="银行确认未扣款")
    assert counter.payments.settle(counter.signed(request)).receipt_no is None
    assert (balance(hall_database), open_intents(hall_database)) == (NAMED_FEN, ())
    assert pay(counter, ScriptedTerminal(APPROVED_50)).balance_fen == NAMED_FEN + 50_00


def test_a_payment_that_still_waits_cannot_be_settled(counter: Counter, hall_database: Database) -> None:
    intent_id = crash_at(hall_database, counter, IntentState.SENT)
    request = SettleUnknown(counter.asked(), intent_id, False, reason="没有出签购单")
    refused(Reason.CARD_CHANGED, counter.payments.settle, counter.signed(request))


def test_an_unknown_payment_survives_the_close_of_its_drawer(
    counter: Counter, hall_database: Database
) -> None:
    """Unknown is a state, not an obstacle: the drawer holds no card money, and the manager settles it afterwards."""
    intent_id = crash_at(hall_database, counter, IntentState.UNKNOWN)
    counter.cash.lock_count(LockCount(counter.asked(), FLOAT))
    counter.cash.close_till(CloseTill(counter.asked(), 0))
    manager = Counter(hall_database, 2, MANAGER)
    request = SettleUnknown(manager.asked(), intent_id, True, "000042", "4321", "签购单成功")
    refused(Reason.APPROVAL_SAME_PERSON, manager.signed, request)
    refused(Reason.APPROVAL_NEEDED, manager.payments.settle, request)
    counter = Counter(hall_database)
    request = dataclasses.replace(request, asked=counter.asked())
    counter.payments.settle(counter.signed(request))
    assert balance(hall_database) == NAMED_FEN + 50_00
