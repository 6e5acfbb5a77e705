"""补卡 over a real hall on both engines: reserving, paying, the pointer that moves, the old card and its late debts."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from hall_builder import (
    ANONYMOUS_CARD,
    BLANK_CARD,
    CHEAP,
    CLERK,
    HALL_ID,
    HOLDER,
    KEYS,
    LINKED_TERMINAL,
    MANAGER,
    NAMED_CARD,
    NAMED_FEN,
    OTHER_CLERK,
    OTHER_HOLDER,
    OTHER_NAMED_CARD,
    PASSWORD,
    SPARE_BLANK_CARD,
    Clerk,
    HallClock,
    clerk_at,
    medium_of,
)

from counter_app.domain.cards import Card, CardKind, CardState, LossChannel, card_no_text
from counter_app.domain.documents import DocumentKind, IdDocument
from counter_app.domain.errors import DeviceTrouble, Reason, Refused
from counter_app.domain.ids import CardNo, IntentId
from counter_app.domain.ledger import FEE_INCOME, HEAD_OFFICE, Tender, TenderKind, till_account
from counter_app.domain.payments import OnResult, PaymentOrder, Reply, TerminalResult, Verdict
from counter_app.domain.requests import (
    CardReplaced,
    CardReserved,
    CollectOldCard,
    LateSpending,
    OpenTill,
    ReplaceCard,
    ReportLoss,
    ReserveCard,
    SettleUnknown,
)
from counter_app.domain.shifts import CashCount
from counter_app.domain.waiting import CancelToken, Progress, silent
from counter_app.services.cash_desk import CashDesk
from counter_app.services.hall import HallAtCounter
from counter_app.services.loss_desk import LossDesk
from counter_app.services.passwords import Passwords
from counter_app.services.payment_desk import PaymentDesk
from counter_app.services.receivables_desk import ReceivablesDesk
from counter_app.services.replacement_desk import ReplacementDesk
from counter_app.services.staff_desk import StaffDesk
from counter_app.storage import cards, intents, ledger, papers, tables
from counter_app.storage.database import Database, postgres_engine, sqlite_engine
from counter_app.storage.intents import IntentState
from counter_app.storage.verify import verify
from printing.receipt import CopyEnd, Money, Note, Pair, Receipt, Signatures

DAY = dt.date(2026, 11, 23)
FEE_FEN = 25_00
DOCUMENT = IdDocument(DocumentKind.RESIDENT, HOLDER.name, HOLDER.document_number, long_term=True)
THEIRS = dataclasses.replace(DOCUMENT, name=OTHER_HOLDER.name, number=OTHER_HOLDER.document_number)
TYPED = dataclasses.replace(DOCUMENT, read_by_machine=False)
CASH = Tender(TenderKind.CASH, received_fen=30_00)
AT_TERMINAL = Tender(TenderKind.TERMINAL_CARD, terminal_id=LINKED_TERMINAL)


class ScriptedTerminal:
    """A terminal that answers as the test says; metal is the one thing played here."""

    def __init__(
        self, verdict: Verdict | Exception, before_answer: Callable[[], object] = lambda: None
    ) -> None:
        self.verdict = verdict
        self.before_answer = before_answer
        self.asked: list[PaymentOrder] = []
        self.replies: list[Reply] = []

    def pay(
        self, order: PaymentOrder, on_result: OnResult, progress: Progress, cancel: CancelToken
    ) -> TerminalResult:
        self.asked.append(order)
        self.before_answer()
        if isinstance(self.verdict, Exception):
            raise self.verdict
        result = TerminalResult(
            self.verdict,
            order.amount_fen,
            LINKED_TERMINAL,
            receipt_no="0042",
            trace="000123",
            card_tail="0128",
        )
        if self.verdict is Verdict.APPROVED:
            self.replies.append(on_result(result))
        return result

    def reverse(
        self, receipt_no: str, amount_fen: int, progress: Progress, cancel: CancelToken, *, trace: str = ""
    ) -> TerminalResult:
        raise AssertionError("nothing here is reversed")


class Counter:
    """One counter with a clerk signed in and an open till."""

    def __init__(self, database: Database, number: int = 1, staff_no: str = CLERK) -> None:
        self.database = database
        self.at = HallAtCounter(database, number)
        self.payments = PaymentDesk(self.at)
        self.loss = LossDesk(self.at)
        self.replacement = ReplacementDesk(self.at, self.payments)
        self.staff = StaffDesk(self.at, Passwords(CHEAP))
        self.clerk: Clerk = clerk_at(database, number, staff_no)  # type: ignore[arg-type]
        CashDesk(self.at).open_till(OpenTill(self.clerk.asked(), CashCount(), 0))

    def lose(self, card_no: CardNo = NAMED_CARD, document: IdDocument = DOCUMENT) -> str:
        report = ReportLoss(self.clerk.asked(), card_no, LossChannel.HALL, document=document)
        return self.loss.report_loss(report).reference

    def reserve(self, card_no: CardNo = NAMED_CARD) -> CardReserved:
        return self.replacement.reserve(ReserveCard(self.clerk.asked(), card_no))

    def request(
        self,
        intent_id: IntentId | None = None,
        *,
        old: CardNo = NAMED_CARD,
        new: CardNo = BLANK_CARD,
        document: IdDocument = DOCUMENT,
        tender: Tender = CASH,
    ) -> ReplaceCard:
        held = intent_id or self.reserve(old).intent_id
        return ReplaceCard(self.clerk.asked(), held, old, new, document, tender)

    def pay(self, request: ReplaceCard, terminal: ScriptedTerminal) -> CardReplaced:
        return self.replacement.pay_at_terminal(request, terminal, silent, CancelToken())

    def card(self, card_no: CardNo) -> Card:
        card = self.database.read(lambda tx: cards.find(tx, card_no))
        assert card is not None
        return card

    def balance(self, card_no: CardNo) -> int:
        purse_id = self.card(card_no).purse_id
        assert purse_id is not None
        return self.database.read(lambda tx: cards.look_at_purse(tx, purse_id)).balance_fen

    def intent_state(self, intent_id: IntentId) -> IntentState:
        intent = self.database.read(lambda tx: intents.look(tx, intent_id))
        assert intent is not None
        return intent.state

    def booked(self, account: str) -> int:
        return self.database.read(lambda tx: ledger.balance(tx, account))  # type: ignore[arg-type]

    def count(self, table: sa.Table) -> int:
        statement = sa.select(sa.func.count()).select_from(table)
        return int(self.database.read(lambda tx: tx.connection.execute(statement).scalar_one()))

    def receipt(self, receipt_no: str) -> Receipt:
        saved = self.database.read(lambda tx: papers.find(tx, receipt_no))
        assert saved is not None
        return Receipt.from_json(saved.document)


@pytest.fixture
def counter(hall_database: Database) -> Counter:
    return Counter(hall_database)


@pytest.fixture
def other(hall_database: Database, clock: HallClock) -> Iterator[Counter]:
    """The other counter with a `Database` of its own over the same data, as in another process."""
    url = hall_database.engine.url
    if url.get_backend_name() == "sqlite":
        engine = sqlite_engine(url.database, KEYS)  # type: ignore[arg-type]
    else:
        engine = postgres_engine(url.render_as_string(hide_password=False))
    database = Database(engine, HALL_ID, KEYS, clock)
    yield Counter(database, 2, OTHER_CLERK)
    database.close()


def refused(action: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        action()
    return caught.value


def together(*actions: Callable[[], object]) -> list[object]:
    """Run actions in threads of their own from one starting shot; their answers or refusals."""
    shot = threading.Barrier(len(actions))
    answers: list[object] = [None] * len(actions)

    def run(place: int, action: Callable[[], object]) -> None:
        shot.wait(5)
        try:
            answers[place] = action()
        except Refused as refusal:
            answers[place] = refusal

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def pairs(receipt: Receipt) -> dict[str, str]:
    return {block.label: block.value for block in receipt.blocks if isinstance(block, Pair)}


# --- the whole of it --------------------------------------------------------------------------------------------


def test_the_purse_moves_to_the_new_card_and_the_fee_to_the_till(counter: Counter, clock: HallClock) -> None:
    reference = counter.lose()
    clock.advance(hours=2)
    reserved = counter.reserve()
    assert (reserved.card_no, reserved.overdue, reserved.fee_fen) == (NAMED_CARD, False, FEE_FEN)
    done = counter.replacement.replace(counter.request(reserved.intent_id))
    assert (done.old_card_no, done.new_card_no, done.balance_fen) == (NAMED_CARD, BLANK_CARD, NAMED_FEN)
    assert (done.fee_fen, done.change_fen, done.overdue, done.typed_document) == (FEE_FEN, 5_00, False, False)
    assert done.freeze_from == clock.now + dt.timedelta(hours=22)

    old, new = counter.card(NAMED_CARD), counter.card(BLANK_CARD)
    assert (old.state, old.replaced_by) == (CardState.REPLACED, BLANK_CARD)
    assert (new.state, new.kind, new.holder_id) == (CardState.ACTIVE, CardKind.NAMED, HOLDER.holder_id)
    assert new.purse_id == old.purse_id
    assert counter.balance(BLANK_CARD) == NAMED_FEN
    assert counter.booked(till_account(1)) == FEE_FEN
    assert counter.booked(FEE_INCOME) == -FEE_FEN
    # What a reader sees of either card stays that card.
    for number, card_no in ((1, NAMED_CARD), (4, BLANK_CARD)):
        assert (
            counter.database.read(lambda tx, number=number: cards.by_medium(tx, medium_of(number))) == card_no
        )

    assert counter.intent_state(reserved.intent_id) is IntentState.BOOKED
    assert counter.loss.register(DAY, DAY)[0].cells[6] == f"2026-11-23 11:00 补卡，新卡尾号 {BLANK_CARD[-4:]}"
    assert counter.loss.overdue() == []
    assert counter.database.read(lambda tx: papers.kept_requests(tx, 1)) == ()

    receipt = counter.receipt(done.receipt_no)
    said = pairs(receipt)
    assert said["旧卡号"].endswith(NAMED_CARD[-4:])
    assert said["新卡号"].endswith(BLANK_CARD[-4:])
    assert (said["转入新卡余额"], said["截至"]) == ("￥123.50", "2026-11-23 11:00")
    assert (said["挂失受理号"], said["找零"]) == (reference, "￥5.00")
    assert Money("补卡工本费", FEE_FEN) in receipt.blocks
    assert Signatures(("客户签名", "经办", "复核")) in receipt.blocks
    assert CopyEnd() in receipt.blocks
    printed = "".join(block.text for block in receipt.blocks if isinstance(block, Note))
    assert "脱机终端最迟 2026-11-24 09:00 停用旧卡" in printed
    assert NAMED_CARD not in receipt.to_json()
    assert BLANK_CARD not in receipt.to_json()
    jobs = counter.database.read(lambda tx: papers.waiting_jobs(tx, 1))
    assert [job.drawer for job in jobs if job.receipt_no == done.receipt_no] == [True]
    assert verify(counter.database).problems == ()


def test_a_replaced_card_can_be_lost_and_replaced_again(counter: Counter) -> None:
    counter.lose()
    counter.replacement.replace(counter.request())
    counter.lose(BLANK_CARD)
    done = counter.replacement.replace(counter.request(old=BLANK_CARD, new=SPARE_BLANK_CARD))
    assert done.balance_fen == NAMED_FEN
    assert counter.balance(NAMED_CARD) == counter.balance(SPARE_BLANK_CARD) == NAMED_FEN
    assert verify(counter.database).problems == ()


def test_after_the_deadline_the_replacement_is_marked(counter: Counter, clock: HallClock) -> None:
    counter.lose()
    clock.advance(days=8)
    late = Counter(counter.database, 2, OTHER_CLERK)
    assert late.reserve().overdue
    done = late.replacement.replace(late.request())
    assert done.overdue
    assert pairs(late.receipt(done.receipt_no))["逾期补卡"] == "期限 2026-11-30"
    assert "（逾期）" in late.loss.register(DAY, DAY)[0].cells[6]
    row = late.database.read(lambda tx: tx.one(sa.select(tables.replacement.c.overdue), {}))
    assert row is not None
    assert row.overdue == 1


def test_a_slip_of_a_stand_alone_terminal_pays_the_fee(counter: Counter) -> None:
    counter.lose()
    slip = Tender(TenderKind.SLIP, terminal_id="S1", voucher="000321", card_tail="0128", debit_confirmed=True)
    done = counter.replacement.replace(counter.request(tender=slip))
    assert counter.booked("pos:S1") == FEE_FEN
    assert pairs(counter.receipt(done.receipt_no))["终端凭证号"] == "000321"


# --- reserving --------------------------------------------------------------------------------------------------


def test_a_place_without_the_right_names_the_places(counter: Counter) -> None:
    counter.lose()
    request = counter.request()
    move = sa.update(tables.place).values(
        is_this_hall=sa.case((tables.place.c.place_code == "west", 1), else_=0)
    )
    counter.database.write(lambda tx: tx.run(move, {}))
    counter.at.reload()
    for action in (counter.reserve, lambda: counter.replacement.replace(request)):
        trouble = refused(action)
        assert trouble.reason is Reason.PLACE_MAY_NOT_REPLACE
        assert "东郊营业厅、总部营业厅" in trouble.sentence()
    assert counter.card(BLANK_CARD).state is CardState.BLANK


def test_only_a_lost_named_card_is_replaced(counter: Counter) -> None:
    for card_no, reason in (
        (NAMED_CARD, Reason.CARD_NOT_LOST),
        (ANONYMOUS_CARD, Reason.CARD_ANONYMOUS),
        (CardNo("3105000199999999"), Reason.CARD_UNKNOWN),
    ):
        assert refused(lambda card_no=card_no: counter.reserve(card_no)).reason is reason


def test_the_same_clerk_gets_the_same_reservation_again(counter: Counter) -> None:
    counter.lose()
    again = {counter.reserve() for _ in range(50)}
    assert len(again) == 1
    assert counter.count(tables.intent) == 1
    counter.payments.release(counter.clerk.asked(), again.pop().intent_id)
    assert counter.reserve().intent_id
    assert counter.count(tables.intent) == 2
    assert verify(counter.database).problems == ()


def test_the_second_counter_is_told_who_and_since_when(
    counter: Counter, other: Counter, clock: HallClock
) -> None:
    counter.lose()
    request = counter.request()
    clock.advance(minutes=3)
    trouble = refused(other.reserve)
    assert trouble.reason is Reason.CARD_RESERVED
    assert f"1 号台 {CLERK} 办理（2026-11-23 09:00 起）" in trouble.sentence()
    # Nor does it help to know the other one's reservation.
    stolen = other.request(request.intent_id)
    assert refused(lambda: other.replacement.replace(stolen)).reason is Reason.CARD_RESERVED
    clock.advance(minutes=1)
    counter.replacement.replace(request)
    for action in (other.reserve, lambda: other.replacement.replace(stolen)):
        trouble = refused(action)
        assert trouble.reason is Reason.REPLACED_MEANWHILE
        assert f"1 号台 {CLERK} 于 2026-11-23 09:04" in trouble.sentence()
        assert card_no_text(BLANK_CARD) in trouble.sentence()
    assert other.booked(till_account(2)) == 0


def test_of_two_counters_in_the_same_moment_one_wins(counter: Counter, other: Counter) -> None:
    counter.lose()

    def whole(at: Counter, new: CardNo) -> CardReplaced:
        return at.replacement.replace(at.request(new=new))

    answers = together(lambda: whole(counter, BLANK_CARD), lambda: whole(other, SPARE_BLANK_CARD))
    won = [answer for answer in answers if isinstance(answer, CardReplaced)]
    lost = [answer for answer in answers if isinstance(answer, Refused)]
    assert (len(won), len(lost)) == (1, 1)
    assert lost[0].reason in (Reason.CARD_RESERVED, Reason.REPLACED_MEANWHILE)
    winner = CLERK if won[0].new_card_no == BLANK_CARD else OTHER_CLERK
    assert winner in lost[0].sentence()
    assert (counter.count(tables.replacement), counter.booked(FEE_INCOME)) == (1, -FEE_FEN)
    assert verify(counter.database).problems == ()


# --- what can say no --------------------------------------------------------------------------------------------


def test_each_check_says_no_before_money_is_taken(counter: Counter) -> None:
    counter.lose()
    counter.lose(OTHER_NAMED_CARD, THEIRS)
    mine, held_other = counter.reserve().intent_id, counter.reserve(OTHER_NAMED_CARD).intent_id
    expired = dataclasses.replace(DOCUMENT, long_term=False, valid_to=DAY - dt.timedelta(days=1))
    for request, reason in (
        (counter.request(IntentId("nobody's")), Reason.CARD_RESERVED),
        (counter.request(held_other), Reason.CARD_CHANGED),
        (counter.request(mine, new=ANONYMOUS_CARD), Reason.CARD_NOT_BLANK),
        (counter.request(mine, new=NAMED_CARD), Reason.CARD_NOT_BLANK),
        (counter.request(mine, new=CardNo("3105000199999999")), Reason.CARD_UNKNOWN),
        (counter.request(mine, document=THEIRS), Reason.HOLDER_DOES_NOT_MATCH),
        (
            counter.request(mine, document=dataclasses.replace(DOCUMENT, name="张桂香")),
            Reason.HOLDER_DOES_NOT_MATCH,
        ),
        (counter.request(mine, document=expired), Reason.DOCUMENT_EXPIRED),
        (counter.request(mine, document=TYPED), Reason.APPROVAL_NEEDED),
        (
            counter.request(mine, tender=Tender(TenderKind.CASH, received_fen=20_00)),
            Reason.RECEIVED_TOO_LITTLE,
        ),
        (
            counter.request(mine, tender=Tender(TenderKind.CASH, received_fen=10_000_00)),
            Reason.RECEIVED_IMPLAUSIBLE,
        ),
    ):
        assert refused(lambda request=request: counter.replacement.replace(request)).reason is reason
    assert counter.card(NAMED_CARD).state is CardState.LOST
    assert counter.card(BLANK_CARD).state is CardState.BLANK
    assert counter.booked(FEE_INCOME) == 0
    assert counter.database.read(lambda tx: papers.kept_requests(tx, 1)) == ()
    assert counter.replacement.replace(counter.request(mine)).fee_fen == FEE_FEN
    assert verify(counter.database).problems == ()


def test_the_fee_needs_an_open_till(hall_database: Database) -> None:
    counter = Counter(hall_database)
    counter.lose()
    request = counter.request()
    no_till = clerk_at(hall_database, 2, OTHER_CLERK)
    elsewhere = dataclasses.replace(request, asked=no_till.asked())
    assert refused(lambda: counter.replacement.replace(elsewhere)).reason is Reason.TILL_NOT_OPEN


def test_a_released_reservation_books_nothing(counter: Counter) -> None:
    counter.lose()
    request = counter.request()
    counter.payments.release(counter.clerk.asked(), request.intent_id)
    assert refused(lambda: counter.replacement.replace(request)).reason is Reason.CARD_CHANGED


def test_a_typed_document_is_signed_for_and_marked(counter: Counter) -> None:
    counter.lose()
    request = counter.request(document=TYPED)
    approval = counter.staff.approve(request, MANAGER, PASSWORD)
    signed = dataclasses.replace(request, asked=dataclasses.replace(request.asked, approvals=(approval,)))
    done = counter.replacement.replace(signed)
    assert done.typed_document
    assert pairs(counter.receipt(done.receipt_no))["证件"] == f"手工录入，主管 {MANAGER} 在旁"
    row = counter.database.read(
        lambda tx: tx.one(
            sa.select(tables.operation.c.approver_no).where(tables.operation.c.kind == "replace_card"), {}
        )
    )
    assert row is not None
    assert row.approver_no == MANAGER


# --- once and only once -----------------------------------------------------------------------------------------


def test_fifty_identical_requests_are_one_replacement(counter: Counter) -> None:
    counter.lose()
    request = counter.request()
    answers = together(*(lambda: counter.replacement.replace(request) for _ in range(4)))
    answers += [counter.replacement.replace(request) for _ in range(46)]
    assert len(set(answers)) == 1
    assert isinstance(answers[0], CardReplaced)
    assert (counter.count(tables.replacement), counter.booked(till_account(1))) == (1, FEE_FEN)
    changed = dataclasses.replace(request, new_card_no=SPARE_BLANK_CARD)
    assert refused(lambda: counter.replacement.replace(changed)).reason is Reason.OPERATION_CHANGED
    assert verify(counter.database).problems == ()


# --- at the terminal --------------------------------------------------------------------------------------------


def test_the_terminal_takes_the_fee_once(counter: Counter) -> None:
    counter.lose()
    request = counter.request(tender=AT_TERMINAL)
    terminal = ScriptedTerminal(Verdict.APPROVED)
    done = counter.pay(request, terminal)
    assert [(order.intent_id, order.amount_fen) for order in terminal.asked] == [(request.intent_id, FEE_FEN)]
    assert terminal.replies == [Reply.ACCEPT]
    assert (done.tender.voucher, done.tender.card_tail, done.change_fen) == ("0042", "0128", 0)
    assert counter.booked(f"pos:{LINKED_TERMINAL}") == FEE_FEN
    assert counter.card(BLANK_CARD).state is CardState.ACTIVE
    assert counter.intent_state(request.intent_id) is IntentState.BOOKED
    assert counter.pay(request, terminal) == done
    assert len(terminal.asked) == 1
    with pytest.raises(ValueError, match="pay_at_terminal"):
        counter.replacement.replace(request)
    assert verify(counter.database).problems == ()


@pytest.mark.parametrize("answer", [Verdict.DECLINED, DeviceTrouble("请检查终端。", "unplugged")])
def test_after_a_no_the_card_stays_reserved_for_cash(counter: Counter, answer: Verdict | Exception) -> None:
    counter.lose()
    request = counter.request(tender=AT_TERMINAL)
    with pytest.raises((Refused, DeviceTrouble)):
        counter.pay(request, ScriptedTerminal(answer))
    assert counter.intent_state(request.intent_id) is IntentState.RESERVED
    assert counter.replacement.replace(counter.request(request.intent_id)).change_fen == 5_00


def test_an_unknown_answer_holds_the_card_until_two_people_decide(counter: Counter, other: Counter) -> None:
    counter.lose()
    request = counter.request(tender=AT_TERMINAL)
    trouble = refused(lambda: counter.pay(request, ScriptedTerminal(Verdict.UNKNOWN)))
    assert trouble.reason is Reason.PAYMENT_UNKNOWN
    assert refused(other.reserve).reason is Reason.CARD_RESERVED
    assert refused(counter.reserve).reason is Reason.CARD_RESERVED
    cash = dataclasses.replace(request, asked=counter.clerk.asked(), tender=CASH)
    assert refused(lambda: counter.replacement.replace(cash)).reason is Reason.CARD_RESERVED
    settle = SettleUnknown(
        counter.clerk.asked(),
        request.intent_id,
        paid=True,
        voucher="0042",
        card_tail="0128",
        reason="签购单成功",
    )
    approval = counter.staff.approve(settle, MANAGER, PASSWORD)
    settled = counter.payments.settle(
        dataclasses.replace(settle, asked=dataclasses.replace(settle.asked, approvals=(approval,)))
    )
    assert settled.paid
    assert counter.card(BLANK_CARD).state is CardState.ACTIVE
    assert verify(counter.database).problems == ()


def test_while_a_terminal_works_nobody_else_takes_its_blank_card(counter: Counter, other: Counter) -> None:
    counter.lose()
    counter.lose(OTHER_NAMED_CARD, THEIRS)
    theirs = other.request(old=OTHER_NAMED_CARD, new=BLANK_CARD, document=THEIRS)
    seen: list[Refused] = []

    def meanwhile() -> None:
        seen.append(refused(lambda: other.replacement.replace(theirs)))

    counter.pay(counter.request(tender=AT_TERMINAL), ScriptedTerminal(Verdict.APPROVED, meanwhile))
    assert seen[0].reason is Reason.CARD_RESERVED
    assert f"1 号台 {CLERK}" in seen[0].sentence()
    free = dataclasses.replace(theirs, asked=other.clerk.asked(), new_card_no=SPARE_BLANK_CARD)
    assert other.replacement.replace(free).new_card_no == SPARE_BLANK_CARD


def test_an_approval_at_the_terminal_outlives_its_minute(counter: Counter, clock: HallClock) -> None:
    counter.lose()
    request = counter.request(tender=AT_TERMINAL, document=TYPED)
    approval = counter.staff.approve(request, MANAGER, PASSWORD)
    signed = dataclasses.replace(request, asked=dataclasses.replace(request.asked, approvals=(approval,)))
    slow = ScriptedTerminal(Verdict.APPROVED, lambda: clock.advance(minutes=2))
    done = counter.pay(signed, slow)
    assert done.typed_document
    assert pairs(counter.receipt(done.receipt_no))["证件"] == f"手工录入，主管 {MANAGER} 在旁"


# --- the old card -----------------------------------------------------------------------------------------------


def test_the_old_card_is_taken_in_once(counter: Counter) -> None:
    collect = CollectOldCard(counter.clerk.asked(), NAMED_CARD)
    assert refused(lambda: counter.replacement.collect_old(collect)).reason is Reason.VALUE_NOT_ALLOWED
    counter.lose()
    assert refused(lambda: counter.replacement.collect_old(collect)).reason is Reason.CARD_LOST
    counter.replacement.replace(counter.request())
    answers = together(*(lambda: counter.replacement.collect_old(collect) for _ in range(3)))
    assert len(set(answers)) == 1
    assert counter.card(NAMED_CARD).state is CardState.COLLECTED
    again = CollectOldCard(counter.clerk.asked(), NAMED_CARD)
    assert refused(lambda: counter.replacement.collect_old(again)).reason is Reason.CARD_REPLACED
    assert verify(counter.database).problems == ()


# --- late spending ----------------------------------------------------------------------------------------------


def late(
    counter: Counter, amount_fen: int, card_no: CardNo = NAMED_CARD, source: str = "结算 1123"
) -> LateSpending:
    spent_at = counter.database.clock() - dt.timedelta(hours=1)
    return LateSpending(counter.clerk.asked(), card_no, amount_fen, spent_at, source)


def test_late_spending_follows_to_the_purse_and_a_shortfall_is_owed(counter: Counter) -> None:
    counter.lose()
    counter.replacement.replace(counter.request())
    first = counter.replacement.late_spending(late(counter, 100_00))
    assert (first.from_purse_fen, first.receivable_fen) == (100_00, 0)
    assert counter.balance(BLANK_CARD) == NAMED_FEN - 100_00
    request = late(counter, 50_00)
    answers = {counter.replacement.late_spending(request) for _ in range(5)}
    (second,) = answers
    assert (second.from_purse_fen, second.receivable_fen) == (23_50, 26_50)
    assert counter.balance(BLANK_CARD) == 0
    third = counter.replacement.late_spending(late(counter, 10_00, BLANK_CARD))
    assert (third.from_purse_fen, third.receivable_fen) == (0, 10_00)
    assert counter.booked(HEAD_OFFICE) == -(NAMED_FEN + 36_50) + _opening_fen(counter)
    assert counter.booked("card_receivable") == 36_50
    owed = ReceivablesDesk(counter.at).listed()
    assert {(row.card_no, row.name_masked, row.amount_fen) for row in owed} == {
        (NAMED_CARD, "张*兰", 26_50),
        (BLANK_CARD, "张*兰", 10_00),
    }
    assert pairs(counter.receipt(second.receipt_no))["登记应收"] == "￥26.50"
    assert verify(counter.database).problems == ()


def _opening_fen(counter: Counter) -> int:
    """What the hall's opening balances booked to head office."""
    transfer = tables.transfer
    statement = sa.select(sa.func.sum(transfer.c.amount_fen)).where(
        transfer.c.operation_id == "opening-balances", transfer.c.debit == HEAD_OFFICE
    )
    return int(counter.database.read(lambda tx: tx.connection.execute(statement).scalar_one()))


def test_late_spending_that_makes_no_sense_is_refused(counter: Counter) -> None:
    for request, reason in (
        (late(counter, 0), Reason.AMOUNT_NOT_POSITIVE),
        (late(counter, -5), Reason.AMOUNT_NOT_POSITIVE),
        (late(counter, 5, source=" "), Reason.TEXT_MISSING),
        (late(counter, 5, BLANK_CARD), Reason.CARD_BLANK),
        (late(counter, 5, CardNo("3105000199999999")), Reason.CARD_UNKNOWN),
    ):
        assert refused(lambda request=request: counter.replacement.late_spending(request)).reason is reason
