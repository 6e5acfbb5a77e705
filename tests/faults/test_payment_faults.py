"""Card payments under faults: the storage fails around an approval, the same request comes twice, other content comes."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from counter_builder import Counter, ScriptedTerminal, answer, card_top_up, require_sound
from hall_builder import (
    BLANK_CARD,
    CHEAP,
    HALL_ID,
    HOLDER,
    KEYS,
    LINKED_TERMINAL,
    NAMED_CARD,
    NAMED_FEN,
    OTHER_NAMED_CARD,
    HallClock,
)

from counter_app.domain.cards import LossChannel
from counter_app.domain.documents import DocumentKind, IdDocument
from counter_app.domain.errors import Reason, Refused, StorageTrouble
from counter_app.domain.ledger import FEE_INCOME, Tender, TenderKind, pos_account
from counter_app.domain.payments import OnResult, PaymentOrder, TerminalResult, Verdict
from counter_app.domain.requests import (
    CardReplaced,
    ReplaceCard,
    ReportLoss,
    ReserveCard,
    SettleUnknown,
    ToppedUp,
    TopUp,
)
from counter_app.domain.waiting import CancelToken, Progress, silent
from counter_app.services.desks import Desks, open_desks
from counter_app.services.passwords import Passwords
from counter_app.storage import database as storage
from counter_app.storage import intents, ledger
from counter_app.storage.database import Database, sqlite_engine
from counter_app.storage.intents import IntentState

FEE_FEN = 25_00
DOCUMENT = IdDocument(DocumentKind.RESIDENT, HOLDER.name, HOLDER.document_number, long_term=True)
APPROVED_50 = answer(Verdict.APPROVED, 50_00)


@pytest.fixture
def counter(hall_database: Database) -> Iterator[Counter]:
    yield Counter(hall_database).opened()
    require_sound(hall_database)


def pay(counter: Counter, terminal: Any, request: TopUp) -> ToppedUp:
    return counter.top_ups.pay_at_terminal(request, terminal, silent, CancelToken())


def states(database: Database) -> list[IntentState]:
    return [intent.state for intent in database.read(intents.all_open)]


def on_pos(database: Database) -> int:
    return database.read(lambda tx: ledger.balance(tx, pos_account(LINKED_TERMINAL)))


def refused(reason: Reason, call: Callable[..., object], *arguments: object) -> None:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.reason is reason


# --- the file is locked just then -------------------------------------------------------------------------------


class LockedFile:
    """Somebody else writes to the same file for as long as the test says."""

    def __init__(self, database: Database) -> None:
        self._engine = sqlite_engine(database.engine.url.database, KEYS)  # type: ignore[arg-type]
        self._connection: Any = None

    def lock(self) -> None:
        self._connection = self._engine.connect()
        self._connection.begin()

    def free(self) -> None:
        self._connection.rollback()
        self._connection.close()
        self._engine.dispose()


class LockingTerminal:
    """Approves; the file is locked before the approval can be stored, or before it can be booked."""

    def __init__(self, file: LockedFile, *, before_storing: bool) -> None:
        self._file = file
        self._before_storing = before_storing

    def pay(
        self, order: PaymentOrder, on_result: OnResult, progress: Progress, cancel: CancelToken
    ) -> TerminalResult:
        if self._before_storing:
            self._file.lock()
        on_result(APPROVED_50)
        self._file.lock()
        return APPROVED_50

    def reverse(
        self, receipt_no: str, amount_fen: int, progress: Progress, cancel: CancelToken, *, trace: str = ""
    ) -> TerminalResult:
        raise AssertionError("nothing here is reversed")


@pytest.fixture
def on_file(sqlite_hall: Any, clock: HallClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    """A counter that soon gives up on a busy file."""
    monkeypatch.setattr(storage, "BUSY_TIMEOUT_MS", 20)
    monkeypatch.setattr(storage, "ATTEMPTS", 2)
    database = Database(sqlite_engine(sqlite_hall, KEYS), HALL_ID, KEYS, clock)
    yield Counter(database).opened()
    require_sound(database)
    database.close()


def test_an_approval_that_could_not_be_booked_is_booked_by_the_retry(on_file: Counter) -> None:
    file = LockedFile(on_file.database)
    request = card_top_up(on_file, NAMED_CARD, 50_00)
    with pytest.raises(StorageTrouble):
        pay(on_file, LockingTerminal(file, before_storing=False), request)
    file.free()
    assert states(on_file.database) == [IntentState.APPROVED]
    changed = dataclasses.replace(request, amount_fen=51_00)
    refused(Reason.OPERATION_CHANGED, pay, on_file, ScriptedTerminal(), changed)
    untouched = ScriptedTerminal()
    done = pay(on_file, untouched, request)
    assert pay(on_file, untouched, request) == done
    assert untouched.asked == []
    assert (done.balance_fen, done.tender.voucher) == (NAMED_FEN + 50_00, "0042")
    assert states(on_file.database) == []
    assert on_pos(on_file.database) == 50_00


def test_an_approval_that_could_not_be_stored_is_unknown_to_the_retry(on_file: Counter) -> None:
    file = LockedFile(on_file.database)
    request = card_top_up(on_file, NAMED_CARD, 50_00)
    with pytest.raises(StorageTrouble):
        pay(on_file, LockingTerminal(file, before_storing=True), request)
    file.free()
    assert states(on_file.database) == [IntentState.SENT]
    untouched = ScriptedTerminal()
    refused(Reason.PAYMENT_UNKNOWN, pay, on_file, untouched, request)
    assert states(on_file.database) == [IntentState.UNKNOWN]
    refused(Reason.TERMINAL_BUSY_UNKNOWN, pay, on_file, untouched, request)
    assert untouched.asked == []
    (intent,) = on_file.database.read(intents.all_open)
    settle = SettleUnknown(on_file.asked(), intent.intent_id, False, reason="签购单为撤销")
    on_file.payments.settle(on_file.signed(settle))
    assert on_pos(on_file.database) == 0


# --- the same id, twice and with other content -------------------------------------------------------------------


def test_the_same_id_with_other_content_is_refused_loudly(counter: Counter) -> None:
    request = card_top_up(counter, NAMED_CARD, 50_00)
    pay(counter, ScriptedTerminal(APPROVED_50), request)
    untouched = ScriptedTerminal()
    for other in (
        dataclasses.replace(request, amount_fen=60_00),
        dataclasses.replace(request, card_no=OTHER_NAMED_CARD),
    ):
        refused(Reason.OPERATION_CHANGED, pay, counter, untouched, other)
    assert untouched.asked == []
    assert on_pos(counter.database) == 50_00


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call came to, begun at the same moment in threads of their own."""
    barrier = threading.Barrier(len(calls))
    found: list[Any] = [None] * len(calls)

    def run(number: int, call: Callable[[], Any]) -> None:
        barrier.wait(5)
        try:
            found[number] = call()
        except Refused as refusal:
            found[number] = refusal.reason

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def test_the_same_payment_twice_at_once_is_charged_once(counter: Counter) -> None:
    for _ in range(5):
        terminal = ScriptedTerminal(APPROVED_50)
        request = card_top_up(counter, NAMED_CARD, 50_00)
        before = on_pos(counter.database)
        answers = at_once(*[lambda r=request, t=terminal: pay(counter, t, r)] * 3)
        booked = [one for one in answers if isinstance(one, ToppedUp)]
        assert booked, answers
        assert all(one == booked[0] for one in booked)
        others = [one for one in answers if not isinstance(one, ToppedUp)]
        assert set(others) <= {Reason.PAYMENT_IN_PROGRESS}
        assert terminal.asked == [("pay", "5000")]
        assert on_pos(counter.database) - before == 50_00
        assert states(counter.database) == []


@pytest.fixture
def desks(hall_database: Database, counter: Counter) -> Desks:
    """All desks of the counter, with a lost card."""
    made = open_desks(hall_database, 1, Passwords(CHEAP), 32)
    made.loss.report_loss(ReportLoss(counter.asked(), NAMED_CARD, LossChannel.HALL, document=DOCUMENT))
    return made


def replacement(desks: Desks, counter: Counter, tender: Tender) -> ReplaceCard:
    reserved = desks.replacement.reserve(ReserveCard(counter.asked(), NAMED_CARD))
    return ReplaceCard(counter.asked(), reserved.intent_id, NAMED_CARD, BLANK_CARD, DOCUMENT, tender)


def test_the_same_replacement_twice_at_once_takes_one_fee(desks: Desks, counter: Counter) -> None:
    cash = replacement(desks, counter, Tender(TenderKind.CASH, received_fen=FEE_FEN))
    answers = at_once(*[lambda: desks.replacement.replace(cash)] * 3)
    assert isinstance(answers[0], CardReplaced), answers
    assert answers == [answers[0]] * 3
    assert abs(counter.database.read(lambda tx: ledger.balance(tx, FEE_INCOME))) == FEE_FEN


def test_the_same_replacement_at_the_terminal_twice_at_once_takes_one_fee(
    desks: Desks, counter: Counter
) -> None:
    request = replacement(desks, counter, Tender(TenderKind.TERMINAL_CARD, terminal_id=LINKED_TERMINAL))
    terminal = ScriptedTerminal(answer(Verdict.APPROVED, FEE_FEN))
    answers = at_once(
        *[lambda: desks.replacement.pay_at_terminal(request, terminal, silent, CancelToken())] * 3
    )
    booked = [one for one in answers if isinstance(one, CardReplaced)]
    assert booked, answers
    assert all(one == booked[0] for one in booked)
    assert terminal.asked == [("pay", str(FEE_FEN))]
    assert abs(counter.database.read(lambda tx: ledger.balance(tx, FEE_INCOME))) == FEE_FEN
