"""冲正 and 更正: undone once, by two people, the money going back the way it came."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from counter_builder import FLOAT_FEN, Counter, ScriptedTerminal, answer, card_top_up, require_sound
from hall_builder import (
    BLANK_CARD,
    LINKED_TERMINAL,
    MANAGER,
    NAMED_CARD,
    NAMED_FEN,
    OTHER_CLERK,
    STAND_ALONE_TERMINAL,
    HallClock,
)

from counter_app.domain.cards import Card, CardState
from counter_app.domain.errors import DeviceTrouble, Reason, Refused
from counter_app.domain.ids import PurseId, ReceiptNo, TerminalId
from counter_app.domain.ledger import (
    CARD_RECEIVABLE,
    SAFE,
    OperationKind,
    Tender,
    TenderKind,
    Transfer,
    pos_account,
    purse_account,
    till_account,
)
from counter_app.domain.payments import Verdict
from counter_app.domain.requests import (
    CashPlace,
    CloseTill,
    LateSpending,
    MoveCash,
    Reverse,
    Reversed,
    SettleUnknown,
    TopUp,
)
from counter_app.domain.waiting import CancelToken, silent
from counter_app.storage import cards, intents, ledger, papers, reports
from counter_app.storage.database import Database, Transaction
from counter_app.storage.halls import Terminal
from counter_app.storage.intents import IntentState
from printing.receipt import Pair, Receipt, Title

PURSE = PurseId("p1")


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


def wish(counter: Counter, receipt_no: str, **more: object) -> Reverse:
    """A signed request."""
    request = Reverse(counter.asked(), ReceiptNo(receipt_no), "卡号输错", **more)  # type: ignore[arg-type]
    return counter.signed(request)


def account(database: Database, name: str) -> int:
    return database.read(lambda tx: ledger.balance(tx, name))  # type: ignore[arg-type]


def balance(database: Database) -> int:
    return database.read(lambda tx: cards.look_at_purse(tx, PURSE).balance_fen)


def spend(counter: Counter, amount_fen: int) -> None:
    """The card is used outside the hall: an entry that takes the money off its purse."""
    request = LateSpending(counter.asked(), NAMED_CARD, amount_fen, counter.at.now(), "脱机消费")

    def unit(tx: Transaction) -> None:
        fence = ledger.fence(tx, request.asked)
        cards.change_balance(tx, PURSE, -amount_fen)
        ledger.record(
            tx,
            fence,
            request,
            OperationKind.LATE_SPENDING,
            request,
            transfers=(Transfer(purse_account(PURSE), pos_account("shops"), amount_fen),),
            card_no=NAMED_CARD,
            purse_id=PURSE,
            amount_fen=amount_fen,
        )

    counter.database.write(unit)


def card(database: Database) -> Card:
    found = database.read(lambda tx: cards.find(tx, NAMED_CARD))
    assert found is not None
    return found


# --- cash -------------------------------------------------------------------------------------------------------


def test_a_cash_top_up_goes_back_out_of_the_drawer(counter: Counter, hall_database: Database) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00, 200_00)
    done = counter.undo.reverse(wish(counter, wrong.receipt_no))
    assert (done.cash_back_fen, done.amount_fen, done.correction, done.kind) == (
        100_00,
        100_00,
        False,
        OperationKind.TOP_UP,
    )
    assert balance(hall_database) == NAMED_FEN
    assert account(hall_database, till_account(1)) == FLOAT_FEN
    saved = hall_database.read(lambda tx: papers.find(tx, done.receipt_no))
    assert saved is not None
    blocks = Receipt.from_json(saved.document).blocks
    pairs = {block.label: block.value for block in blocks if isinstance(block, Pair)}
    assert blocks[0] == Title("冲正凭证")
    assert (pairs["原凭证号"], pairs["主管授权"]) == (wrong.receipt_no, MANAGER)
    booked = hall_database.read(lambda tx: ledger.by_receipt_no(tx, wrong.receipt_no))
    assert booked is not None
    assert booked.reversed_by == done.operation_id


def test_fifty_presses_give_the_cash_back_once(counter: Counter, hall_database: Database) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00)
    request = wish(counter, wrong.receipt_no)
    with ThreadPoolExecutor(4) as pool:
        outcomes = set(pool.map(lambda _n: counter.undo.reverse(request), range(50)))
    assert len(outcomes) == 1
    assert account(hall_database, till_account(1)) == FLOAT_FEN
    refused(Reason.ALREADY_REVERSED, counter.undo.reverse, wish(counter, wrong.receipt_no))


def test_without_reason_or_signature_nothing_is_undone(counter: Counter, clock: HallClock) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00)
    request = Reverse(counter.asked(), wrong.receipt_no, "卡号输错")
    refused(Reason.APPROVAL_NEEDED, counter.undo.reverse, request)
    refused(Reason.REASON_MISSING, counter.undo.reverse, dataclasses.replace(request, reason=" "))
    signed = counter.signed(request)
    refused(Reason.APPROVAL_EXPIRED, counter.undo.reverse, dataclasses.replace(signed, correction=True))
    clock.advance(seconds=61)
    refused(Reason.APPROVAL_EXPIRED, counter.undo.reverse, signed)


def test_only_what_can_be_undone_is_undone(counter: Counter) -> None:
    refused(Reason.OPERATION_UNKNOWN, counter.undo.reverse, wish(counter, "D1-000000-1-0001"))
    opening = counter.top_up(NAMED_CARD, 10_00).receipt_no[:-4] + "0001"
    refused(Reason.NOT_REVERSIBLE, counter.undo.reverse, wish(counter, opening))
    done = counter.undo.reverse(wish(counter, opening[:-4] + "0002"))
    refused(Reason.NOT_REVERSIBLE, counter.undo.reverse, wish(counter, done.receipt_no))


@pytest.mark.parametrize("into_till", [True, False])
def test_cash_moves_go_back(counter: Counter, hall_database: Database, into_till: bool) -> None:
    before = account(hall_database, SAFE)
    move = MoveCash(counter.asked(), into_till, CashPlace.SAFE, 80_00, "L-7")
    moved = counter.cash.move_cash(move)
    done = counter.undo.reverse(wish(counter, moved.receipt_no))
    assert done.cash_back_fen == (80_00 if into_till else 0)
    assert account(hall_database, till_account(1)) == FLOAT_FEN
    assert account(hall_database, SAFE) == before


def test_cash_that_has_left_the_drawer_cannot_be_given_back(counter: Counter) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00)
    counter.cash.move_cash(MoveCash(counter.asked(), False, CashPlace.SAFE, FLOAT_FEN + 50_00, "L-9"))
    refused(Reason.TILL_CASH_SHORT, counter.undo.reverse, wish(counter, wrong.receipt_no))


def test_a_counted_drawer_gives_nothing_back(counter: Counter) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00)
    counter.count(FLOAT_FEN + 100_00)
    refused(Reason.TILL_COUNT_LOCKED, counter.undo.reverse, wish(counter, wrong.receipt_no))
    counter.cash.close_till(CloseTill(counter.asked(), 0))


def test_a_card_in_flight_is_left_alone(counter: Counter) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00)
    with pytest.raises(Refused):
        counter.top_ups.pay_at_terminal(
            card_top_up(counter, NAMED_CARD, 5_00),
            ScriptedTerminal(answer(Verdict.UNKNOWN, 5_00)),
            silent,
            CancelToken(),
        )
    refused(Reason.CARD_RESERVED, counter.undo.reverse, wish(counter, wrong.receipt_no))


# --- corrections ------------------------------------------------------------------------------------------------


def test_money_already_spent_is_taken_as_far_as_it_goes_and_the_rest_is_owed(
    counter: Counter, hall_database: Database
) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00)
    spend(counter, NAMED_FEN + 70_00)
    refusal = refused(Reason.PURSE_SPENT, counter.undo.reverse, wish(counter, wrong.receipt_no))
    assert refusal.details == {"balance": "30.00", "amount": "100.00"}
    done = counter.undo.reverse(wish(counter, wrong.receipt_no, correction=True))
    assert (done.correction, done.receivable_fen, done.cash_back_fen) == (True, 70_00, 100_00)
    assert balance(hall_database) == 0
    assert account(hall_database, CARD_RECEIVABLE) == 70_00
    assert account(hall_database, till_account(1)) == FLOAT_FEN
    assert card(hall_database).state is CardState.FROZEN
    refused(Reason.CARD_FROZEN, counter.top_up, NAMED_CARD, 10_00)
    date = counter.at.now().date()
    owed = hall_database.read(lambda tx: reports.receivables_of_day(tx, date))
    assert [(row.card_no, row.amount_fen) for row in owed] == [(NAMED_CARD, 70_00)]


def test_nothing_left_on_the_card_is_all_owed(counter: Counter, hall_database: Database) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00)
    spend(counter, NAMED_FEN + 100_00)
    done = counter.undo.reverse(wish(counter, wrong.receipt_no, correction=True))
    assert done.receivable_fen == 100_00
    assert account(hall_database, CARD_RECEIVABLE) == 100_00


def test_another_shifts_top_up_is_corrected_from_todays_drawer(
    counter: Counter, hall_database: Database, clock: HallClock
) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00)
    moved = counter.cash.move_cash(MoveCash(counter.asked(), True, CashPlace.SAFE, 10_00, "L-7"))
    counter.count(FLOAT_FEN + 110_00)
    counter.cash.close_till(CloseTill(counter.asked(), 0))
    clock.advance(days=1)
    two = Counter(hall_database, 2, OTHER_CLERK).opened()
    refused(Reason.OTHER_SHIFT, two.undo.reverse, wish(two, wrong.receipt_no))
    done = two.undo.reverse(wish(two, wrong.receipt_no, correction=True))
    assert (done.correction, done.receivable_fen, done.reversed_receipt_no) == (True, 0, wrong.receipt_no)
    assert account(hall_database, till_account(2)) == FLOAT_FEN - 100_00
    assert account(hall_database, till_account(1)) == 0
    assert card(hall_database).state is CardState.ACTIVE
    refused(Reason.DRAWER_COUNTED, two.undo.reverse, wish(two, moved.receipt_no, correction=True))


def test_two_counters_correct_one_top_up_and_one_hears_that_it_is_done(
    counter: Counter, hall_database: Database
) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00)
    two = Counter(hall_database, 2, OTHER_CLERK).opened()
    pairs = [(one, wish(one, wrong.receipt_no, correction=True)) for one in (counter, two)]
    together = threading.Barrier(2)

    def press(pair: tuple[Counter, Reverse]) -> Reversed | Reason:
        together.wait(5)
        try:
            return pair[0].undo.reverse(pair[1])
        except Refused as refusal:
            return refusal.reason

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(press, pairs))
    assert Reason.ALREADY_REVERSED in said
    assert sum(isinstance(one, Reversed) for one in said) == 1
    assert balance(hall_database) == NAMED_FEN


def test_the_money_follows_a_replaced_card(counter: Counter, hall_database: Database) -> None:
    wrong = counter.top_up(NAMED_CARD, 100_00)

    def replace(tx: Transaction) -> None:
        old, new = cards.load(tx, NAMED_CARD), cards.load(tx, BLANK_CARD)
        cards.save(tx, old.with_state(CardState.REPLACED, BLANK_CARD))
        cards.save(
            tx, dataclasses.replace(new, state=CardState.ACTIVE, purse_id=PURSE, holder_id=old.holder_id)
        )

    hall_database.write(replace)
    spend(counter, NAMED_FEN + 60_00)
    done = counter.undo.reverse(wish(counter, wrong.receipt_no, correction=True))
    assert (done.card_no, done.receivable_fen) == (BLANK_CARD, 60_00)
    new = hall_database.read(lambda tx: cards.find(tx, BLANK_CARD))
    assert new is not None
    assert new.state is CardState.FROZEN
    assert card(hall_database).state is CardState.REPLACED


# --- card payments ----------------------------------------------------------------------------------------------


@pytest.fixture
def paid(counter: Counter) -> ReceiptNo:
    """A top-up of 50 yuan paid at the linked terminal."""
    return counter.top_ups.pay_at_terminal(
        card_top_up(counter, NAMED_CARD, 50_00),
        ScriptedTerminal(answer(Verdict.APPROVED, 50_00)),
        silent,
        CancelToken(),
    ).receipt_no


def test_a_card_payment_is_undone_on_the_terminal_first(
    counter: Counter, hall_database: Database, paid: ReceiptNo
) -> None:
    terminal = ScriptedTerminal(answer(Verdict.APPROVED, 50_00, receipt_no="0043", trace="000472"))
    seen: list[IntentState] = []
    terminal.before_answer = lambda: seen.extend(
        intent.state for intent in hall_database.read(intents.all_open)
    )
    request = wish(counter, paid)
    refused(Reason.POS_REVERSAL_FIRST, counter.undo.reverse, request)
    done = counter.undo.reverse(request, terminal)
    assert terminal.asked == [("reverse", "0042", "5000", "000471")]
    assert seen == [IntentState.SENT]
    assert (done.cash_back_fen, done.amount_fen, done.refund_form) == (0, 50_00, False)
    assert balance(hall_database) == NAMED_FEN
    assert account(hall_database, pos_account(LINKED_TERMINAL)) == 0
    assert account(hall_database, till_account(1)) == FLOAT_FEN, "never in cash"
    assert counter.undo.reverse(request, terminal) == done
    assert hall_database.read(intents.all_open) == ()


def test_the_terminal_says_no_and_nothing_is_booked(
    counter: Counter, hall_database: Database, paid: ReceiptNo
) -> None:
    terminal = ScriptedTerminal(answer(Verdict.DECLINED, 50_00, code="B5"))
    refused(Reason.POS_REVERSAL_FIRST, counter.undo.reverse, wish(counter, paid), terminal)
    assert balance(hall_database) == NAMED_FEN + 50_00
    assert hall_database.read(intents.all_open) == ()


def test_after_settlement_the_refund_form_takes_its_place(
    counter: Counter, hall_database: Database, paid: ReceiptNo
) -> None:
    done = counter.undo.reverse(wish(counter, paid, correction=True, void_voucher="TH-0007"))
    assert (done.refund_form, done.cash_back_fen) == (True, 0)
    assert balance(hall_database) == NAMED_FEN
    assert account(hall_database, pos_account(LINKED_TERMINAL)) == 0


def test_rules_come_before_the_terminal(counter: Counter, hall_database: Database, paid: ReceiptNo) -> None:
    terminal = ScriptedTerminal()
    request = Reverse(counter.asked(), paid, "卡号输错")
    refused(Reason.APPROVAL_NEEDED, counter.undo.reverse, request, terminal)
    spend(counter, NAMED_FEN + 20_00)
    refused(Reason.PURSE_SPENT, counter.undo.reverse, wish(counter, paid), terminal)
    two = Counter(hall_database, 2, OTHER_CLERK).opened()
    elsewhere = wish(two, paid, correction=True)
    refused(Reason.TERMINAL_MISSING, two.undo.reverse, elsewhere, terminal)
    assert terminal.asked == []


def test_another_terminal_cannot_undo_what_it_never_took(
    counter: Counter, hall_database: Database, paid: ReceiptNo
) -> None:
    two = Counter(hall_database, 2, OTHER_CLERK).opened()
    two.at.terminals = (Terminal(TerminalId("T2"), 2, "2 号台 POS", True),)
    terminal = ScriptedTerminal()
    request = wish(two, paid, correction=True)
    refused(Reason.POS_REVERSAL_FIRST, two.undo.reverse, request, terminal)
    assert (terminal.asked, hall_database.read(intents.all_open)) == ([], ())


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (answer(Verdict.UNKNOWN, 50_00), IntentState.UNKNOWN),
        (answer(Verdict.APPROVED, 51_00), IntentState.UNKNOWN),
        (RuntimeError("a defect in the driver"), IntentState.UNKNOWN),
        (DeviceTrouble("请检查终端连线。", "no port"), None),
    ],
)
def test_what_the_terminal_did_not_say_stays_open(
    counter: Counter, hall_database: Database, paid: ReceiptNo, said: object, state: IntentState | None
) -> None:
    with pytest.raises((Refused, RuntimeError, DeviceTrouble)):
        counter.undo.reverse(wish(counter, paid), ScriptedTerminal(said))  # type: ignore[arg-type]
    left = [intent.state for intent in hall_database.read(intents.all_open)]
    assert left == ([] if state is None else [state])
    assert balance(hall_database) == NAMED_FEN + 50_00


def unknown_reversal(counter: Counter, paid: ReceiptNo) -> None:
    refused(
        Reason.PAYMENT_UNKNOWN,
        counter.undo.reverse,
        wish(counter, paid),
        ScriptedTerminal(answer(Verdict.UNKNOWN, 50_00)),
    )


@pytest.mark.parametrize("undone", [True, False])
def test_two_people_settle_an_unknown_reversal(
    counter: Counter, hall_database: Database, paid: ReceiptNo, clock: HallClock, undone: bool
) -> None:
    unknown_reversal(counter, paid)
    (item,) = counter.payments.pending()
    assert item.what == "冲正"
    assert "“已撤销”或“未撤销”" in item.next_step
    clock.advance(hours=1)
    settle = SettleUnknown(
        counter.asked(), item.intent_id, undone, "0043" if undone else "", reason="已核对签购单"
    )
    counter.payments.settle(counter.signed(settle))
    assert balance(hall_database) == NAMED_FEN + (0 if undone else 50_00)
    assert hall_database.read(intents.all_open) == ()


def test_an_approved_reversal_is_for_two_people_after_a_crash(
    counter: Counter, hall_database: Database, paid: ReceiptNo, clock: HallClock
) -> None:
    from counter_app.storage import wire

    unknown_reversal(counter, paid)
    (intent,) = hall_database.read(intents.all_open)
    approved = wire.to_json(answer(Verdict.APPROVED, 50_00, receipt_no="0043"))
    hall_database.write(lambda tx: intents.move(tx, intent.intent_id, IntentState.APPROVED, approved))
    clock.advance(hours=1)
    again = Counter(hall_database)
    (line,) = again.payments.pick_up()
    assert "POS 撤销 50.00 元" in line
    assert balance(hall_database) == NAMED_FEN + 50_00
    (item,) = again.payments.pending()
    assert item.to_settle


def test_spent_while_the_terminal_was_answering_is_owed(
    counter: Counter, hall_database: Database, paid: ReceiptNo
) -> None:
    """The bank has the money back already, so the booking cannot be refused any more."""
    terminal = ScriptedTerminal(answer(Verdict.APPROVED, 50_00, receipt_no="0043"))
    terminal.before_answer = lambda: spend(counter, NAMED_FEN + 30_00)
    done = counter.undo.reverse(wish(counter, paid), terminal)
    assert (done.correction, done.receivable_fen) == (True, 30_00)
    assert card(hall_database).state is CardState.FROZEN
    assert account(hall_database, pos_account(LINKED_TERMINAL)) == 0


def test_a_stand_alone_slip_is_undone_by_the_number_of_its_void(
    counter: Counter, hall_database: Database
) -> None:
    tender = Tender(TenderKind.SLIP, terminal_id=STAND_ALONE_TERMINAL, voucher="000470", debit_confirmed=True)
    wrong = counter.top_ups.top_up(TopUp(counter.asked(), NAMED_CARD, 50_00, tender))
    request = wish(counter, wrong.receipt_no)
    assert refused(Reason.TEXT_MISSING, counter.undo.reverse, request).details == {
        "field": "撤销签购单凭证号"
    }
    done = counter.undo.reverse(wish(counter, wrong.receipt_no, void_voucher="000471"))
    assert (done.cash_back_fen, done.refund_form) == (0, False)
    assert account(hall_database, pos_account(STAND_ALONE_TERMINAL)) == 0
    undoing = hall_database.read(lambda tx: ledger.by_receipt_no(tx, done.receipt_no))
    assert undoing is not None
    payment = hall_database.read(lambda tx: ledger.payment_of(tx, undoing))
    assert payment is not None
    assert payment["terminal_receipt_no"] == "000471"
