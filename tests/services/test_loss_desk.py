"""挂失 and 解挂 over a real hall on both engines: the claim, the freeze, the register, the end."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from hall_builder import (
    ANONYMOUS_CARD,
    BLANK_CARD,
    CHEAP,
    CLERK,
    HOLDER,
    MANAGER,
    NAMED_CARD,
    NAMED_FEN,
    OTHER_CLERK,
    OTHER_HOLDER,
    PASSWORD,
    Clerk,
    HallClock,
    clerk_at,
)

from counter_app.domain.cards import Card, CardKind, CardState, Holder, LossChannel
from counter_app.domain.claims import check_claim, normalise_name, normalise_phone
from counter_app.domain.documents import DocumentKind, IdDocument
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, HolderId, PurseId
from counter_app.domain.ledger import Tender, TenderKind
from counter_app.domain.requests import (
    CancelLoss,
    CheckClaim,
    Claim,
    LossReported,
    OpenTill,
    ReplaceCard,
    ReportLoss,
    ReserveCard,
    TopUp,
)
from counter_app.domain.rule_book import RuleBook
from counter_app.domain.shifts import HALL_ZONE, CashCount
from counter_app.services import founding
from counter_app.services.cash_desk import CashDesk
from counter_app.services.hall import HallAtCounter
from counter_app.services.loss_desk import REGISTER_COLUMNS, LossDesk
from counter_app.services.passwords import Passwords
from counter_app.services.payment_desk import PaymentDesk
from counter_app.services.replacement_desk import ReplacementDesk
from counter_app.services.staff_desk import StaffDesk
from counter_app.services.top_up_desk import TopUpDesk
from counter_app.storage import cards, holders, ledger, papers, shifts, tables
from counter_app.storage.database import Database, Transaction
from counter_app.storage.verify import verify
from printing.receipt import CopyEnd, Note, Pair, Receipt, Signatures

DAY = dt.date(2026, 11, 23)
DOCUMENT = IdDocument(DocumentKind.RESIDENT, HOLDER.name, HOLDER.document_number, long_term=True)
TYPED = dataclasses.replace(DOCUMENT, read_by_machine=False)
RIGHT = Claim(HOLDER.name, HOLDER.document_number, HOLDER.phone, balance_fen=NAMED_FEN)
WRONG = dataclasses.replace(RIGHT, phone="13800008001")


class Counter:
    """One counter's loss desk with a clerk signed in; no till is open."""

    def __init__(self, database: Database, number: int = 1, staff_no: str = CLERK) -> None:
        self.database = database
        self.at = HallAtCounter(database, number)
        self.loss = LossDesk(self.at)
        self.staff = StaffDesk(self.at, Passwords(CHEAP))
        self.clerk: Clerk = clerk_at(database, number, staff_no)  # type: ignore[arg-type]

    def by_phone(self, claim: Claim = RIGHT, card_no: CardNo = NAMED_CARD) -> ReportLoss:
        return ReportLoss(self.clerk.asked(), card_no, LossChannel.HOTLINE, claim)

    def in_hall(self, document: IdDocument = DOCUMENT, card_no: CardNo = NAMED_CARD) -> ReportLoss:
        return ReportLoss(self.clerk.asked(), card_no, LossChannel.HALL, document=document)

    def found(self, document: IdDocument = DOCUMENT, card_no: CardNo = NAMED_CARD) -> CancelLoss:
        return CancelLoss(self.clerk.asked(), card_no, document, "在家中找到")

    def state(self, card_no: CardNo = NAMED_CARD) -> CardState:
        card = self.database.read(lambda tx: cards.find(tx, card_no))
        assert card is not None
        return card.state

    def count(self, table: sa.Table) -> int:
        statement = sa.select(sa.func.count()).select_from(table)
        return int(self.database.read(lambda tx: tx.connection.execute(statement).scalar_one()))

    def notes(self, action: str) -> list[dict[str, object]]:
        audit = tables.audit
        statement = sa.select(audit.c.payload).where(audit.c.action == action).order_by(audit.c.seq)
        return [json.loads(row.payload) for row in self.database.read(lambda tx: tx.all(statement, {}))]

    def receipt(self, receipt_no: str) -> Receipt:
        saved = self.database.read(lambda tx: papers.find(tx, receipt_no))
        assert saved is not None
        return Receipt.from_json(saved.document)


SECOND_CARD = next(founding.card_no_run("31050001", 60, 1))
SECOND = Holder(HolderId("h60"), "单小明", "110105198003078217", "13700003333")
THEIRS = Claim(SECOND.name, SECOND.document_number, SECOND.phone, balance_fen=0)


def add_second_card(database: Database) -> None:
    """Another holder with another named card."""
    card = Card(SECOND_CARD, CardKind.NAMED, CardState.ACTIVE, PurseId("p60"), SECOND.holder_id, 1)

    def unit(tx: Transaction) -> None:
        holders.add(tx, [(SECOND, ("sxm",))])
        cards.add_many(tx, [(card, 0, None)], DAY)

    database.write(unit)


@pytest.fixture
def counter(hall_database: Database) -> Counter:
    return Counter(hall_database)


def refused(action: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        action()
    return caught.value


def pairs(receipt: Receipt) -> dict[str, str]:
    return {block.label: block.value for block in receipt.blocks if isinstance(block, Pair)}


def notes(receipt: Receipt) -> str:
    return "\n".join(block.text for block in receipt.blocks if isinstance(block, Note))


# --- the comparison itself --------------------------------------------------------------------------------------

BOOK = RuleBook(founding.default_rules())


def compare(claim: Claim, last_top_up_fen: int | None = 100_00) -> tuple[bool, ...]:
    answer = check_claim(HOLDER, NAMED_FEN, last_top_up_fen, claim, BOOK, DAY, 3)
    return answer.holds, answer.name, answer.id_number, answer.phone, answer.balance, answer.fallback  # type: ignore[return-value]


def test_what_is_said_is_compared_in_one_form() -> None:
    spoken = Claim(
        " 张　桂兰 ", "１１０１０５19491231002x", "+86 138-0000-8000", balance_fen=NAMED_FEN - 20_00
    )
    assert compare(spoken) == (True, True, True, True, True, None)
    assert normalise_name("买买提·艾力") == normalise_name("买买提．艾力") == normalise_name("买买提 艾力")
    assert normalise_name("Ｍaria  SILVA") == normalise_name("maria silva")
    assert normalise_phone("１３８００００８０００") == HOLDER.phone


def test_each_field_is_answered_by_itself() -> None:
    assert compare(dataclasses.replace(RIGHT, name="张桂香")) == (False, False, True, True, True, None)
    assert compare(dataclasses.replace(RIGHT, phone="13800008001")) == (False, True, True, False, True, None)
    other = dataclasses.replace(RIGHT, id_number=OTHER_HOLDER.document_number)
    assert compare(other) == (False, True, False, True, True, None)
    beyond = dataclasses.replace(RIGHT, balance_fen=NAMED_FEN + 20_01)
    assert compare(beyond) == (False, True, True, True, False, None)


def test_a_stand_in_counts_only_for_who_does_not_know_the_balance() -> None:
    unknown = dataclasses.replace(RIGHT, balance_fen=None)
    last = dataclasses.replace(unknown, last_top_up_fen=100_00)
    assert compare(last) == (True, True, True, True, None, True)
    assert compare(last, None)[0] is False
    contact = dataclasses.replace(unknown, second_contact=" 139 0000 1111")
    assert compare(contact) == (True, True, True, True, None, True)
    both = dataclasses.replace(contact, last_top_up_fen=99_00)
    assert compare(both) == (False, True, True, True, None, False)
    guessed = dataclasses.replace(last, balance_fen=NAMED_FEN + 100_00)
    assert compare(guessed) == (False, True, True, True, False, None)
    nobody = check_claim(OTHER_HOLDER, 0, None, contact, BOOK, DAY, 1)
    assert (nobody.fallback, nobody.tries_left) == (False, 0)


# --- checking a claim -------------------------------------------------------------------------------------------


def test_tries_are_limited_counted_at_every_counter_and_audited(counter: Counter, clock: HallClock) -> None:
    other = Counter(counter.database, 2, OTHER_CLERK)

    def ask(at: Counter, claim: Claim) -> int:
        return at.loss.check_claim(CheckClaim(at.clerk.asked(), NAMED_CARD, claim)).tries_left

    assert ask(counter, WRONG) == 2
    assert ask(counter, RIGHT) == 2
    assert ask(other, WRONG) == 1
    assert ask(counter, WRONG) == 0
    assert refused(lambda: ask(other, RIGHT)).reason is Reason.CLAIM_TRIES_USED_UP
    assert refused(lambda: counter.loss.report_loss(counter.by_phone())).reason is Reason.CLAIM_TRIES_USED_UP
    assert [note["held"] for note in counter.notes("claim_try")].count(True) == 1
    assert counter.count(tables.claim_try) == 4
    assert counter.notes("claim_blocked") == [{"card_no": NAMED_CARD}]
    # Another card is not blocked, a document in the hall always helps, and after the window tries begin again.
    add_second_card(counter.database)
    answer = counter.loss.check_claim(CheckClaim(counter.clerk.asked(), SECOND_CARD, THEIRS))
    assert answer.holds
    clock.advance(minutes=31)
    assert ask(counter, RIGHT) == 3
    everything = str(counter.notes("claim_try")) + str(
        counter.database.read(lambda tx: tx.all(sa.select(tables.claim_try), {}))
    )
    for said in (HOLDER.name, HOLDER.phone, WRONG.phone, HOLDER.document_number, str(NAMED_FEN)):
        assert said not in everything


def test_the_same_try_sent_again_is_one_try(counter: Counter) -> None:
    request = CheckClaim(counter.clerk.asked(), NAMED_CARD, WRONG)
    answers = {counter.loss.check_claim(request) for _ in range(50)}
    assert len(answers) == 1
    assert answers.pop().tries_left == 2
    assert counter.count(tables.claim_try) == 1
    changed = dataclasses.replace(request, claim=dataclasses.replace(WRONG, phone="13800008002"))
    assert counter.loss.check_claim(changed).tries_left == 1


def test_slips_of_the_finger_cost_no_try(counter: Counter) -> None:
    for claim, reason in (
        (dataclasses.replace(RIGHT, name=" "), Reason.NAME_EMPTY),
        (dataclasses.replace(RIGHT, id_number="1101051949123100"), Reason.ID_NUMBER_MALFORMED),
        (dataclasses.replace(RIGHT, id_number="110105194912310021"), Reason.ID_NUMBER_CHECK_DIGIT),
        (dataclasses.replace(RIGHT, phone="1380000800"), Reason.PHONE_MALFORMED),
        (dataclasses.replace(RIGHT, phone="٠١٢٣٤٥٦٧٨٩٠"), Reason.PHONE_MALFORMED),
        (dataclasses.replace(RIGHT, balance_fen=None), Reason.TEXT_MISSING),
    ):
        request = CheckClaim(counter.clerk.asked(), NAMED_CARD, claim)
        assert refused(lambda request=request: counter.loss.check_claim(request)).reason is reason
        report = counter.by_phone(claim)
        assert refused(lambda report=report: counter.loss.report_loss(report)).reason is reason
    assert counter.count(tables.claim_try) == 0


def test_cards_that_cannot_be_reported(counter: Counter) -> None:
    for card_no, reason in (
        (ANONYMOUS_CARD, Reason.CARD_ANONYMOUS),
        (BLANK_CARD, Reason.CARD_ANONYMOUS),
        (CardNo("3105000199999999"), Reason.CARD_UNKNOWN),
    ):
        request = CheckClaim(counter.clerk.asked(), card_no, RIGHT)
        assert refused(lambda request=request: counter.loss.check_claim(request)).reason is reason
        report = counter.by_phone(card_no=card_no)
        assert refused(lambda report=report: counter.loss.report_loss(report)).reason is reason


# --- 挂失 -------------------------------------------------------------------------------------------------------


def test_a_telephone_report_freezes_the_card_and_prints_the_slip(counter: Counter) -> None:
    request = dataclasses.replace(counter.by_phone(), remark="银行卡 6222021234567890128 同时丢失")
    reported = counter.loss.report_loss(request)
    assert reported.first_time
    assert reported.reference == f"S{reported.receipt_no}"
    assert (reported.deadline, reported.fee_fen, reported.hall_only) == (dt.date(2026, 11, 30), 25_00, False)
    assert reported.places == ("东郊营业厅", "总部营业厅")
    assert counter.state() is CardState.LOST
    receipt = counter.receipt(reported.receipt_no)
    said = pairs(receipt)
    assert said["受理号"] == reported.reference
    assert said["卡号"] == f"3105 **** **** {NAMED_CARD[-4:]}"
    assert said["办理期限"] == "2026-11-30 止"
    assert said["办理地点"] == "东郊营业厅、总部营业厅"
    assert said["补卡工本费"] == "￥25.00"
    assert "身份证" in notes(receipt)
    assert "脱机终端最迟 2026-11-24 09:00 停用" in notes(receipt)
    assert "123.50" not in receipt.to_json()
    assert Signatures(("客户签名", "经办", "复核")) in receipt.blocks
    assert CopyEnd() in receipt.blocks
    jobs = counter.database.read(lambda tx: papers.waiting_jobs(tx, 1))
    assert [(job.receipt_no, job.drawer) for job in jobs] == [(reported.receipt_no, False)]
    assert counter.database.read(lambda tx: papers.kept_requests(tx, 1)) == ()
    row = counter.loss.register(DAY, DAY)[0]
    assert "6222" not in row.cells[6]
    assert verify(counter.database).problems == ()


def test_a_wrong_claim_is_counted_before_it_is_told(counter: Counter) -> None:
    trouble = refused(lambda: counter.loss.report_loss(counter.by_phone(WRONG)))
    assert trouble.reason is Reason.CLAIM_DOES_NOT_MATCH
    assert "还可再试 2 次" in trouble.sentence()
    assert counter.state() is CardState.ACTIVE
    assert counter.count(tables.claim_try) == 1
    assert counter.notes("claim_try") == [{"card_no": NAMED_CARD, "held": False, "tries_left": 2}]
    assert counter.database.read(lambda tx: papers.kept_requests(tx, 1)) == ()
    assert counter.loss.report_loss(counter.by_phone()).first_time
    assert verify(counter.database).problems == ()


def test_a_stand_in_for_the_balance_leads_to_the_hall_only(counter: Counter) -> None:
    claim = dataclasses.replace(RIGHT, balance_fen=None, second_contact=HOLDER.second_contact)
    reported = counter.loss.report_loss(counter.by_phone(claim))
    assert reported.hall_only
    assert "来电人未报余额" in notes(counter.receipt(reported.receipt_no))
    again = counter.loss.report_loss(counter.by_phone())
    assert (again.first_time, again.hall_only) == (False, True)


def test_the_last_top_up_stands_in_unless_it_was_undone(counter: Counter) -> None:
    CashDesk(counter.at).open_till(OpenTill(counter.clerk.asked(), CashCount(), 0))
    top_ups = TopUpDesk(counter.at, PaymentDesk(counter.at))
    cash = Tender(TenderKind.CASH, received_fen=70_00)
    done = top_ups.top_up(TopUp(counter.clerk.asked(), NAMED_CARD, 70_00, cash))
    claim = dataclasses.replace(RIGHT, balance_fen=None, last_top_up_fen=70_00)

    def ask() -> bool:
        return counter.loss.check_claim(CheckClaim(counter.clerk.asked(), NAMED_CARD, claim)).holds

    assert ask()
    undone = sa.insert(tables.reversal_key).values(
        hall_id="east", operation_id=done.operation_id, reversed_by="undo"
    )
    counter.database.write(lambda tx: tx.run(undone, {}))
    assert not ask()


def test_in_the_hall_a_document_takes_the_place_of_the_claim(counter: Counter) -> None:
    stranger = dataclasses.replace(DOCUMENT, number=OTHER_HOLDER.document_number)
    for request, reason in (
        (counter.in_hall(stranger), Reason.HOLDER_DOES_NOT_MATCH),
        (counter.in_hall(dataclasses.replace(DOCUMENT, name="张桂香")), Reason.HOLDER_DOES_NOT_MATCH),
        (counter.in_hall(TYPED), Reason.APPROVAL_NEEDED),
        (dataclasses.replace(counter.in_hall(), document=None), Reason.DOCUMENT_NEEDED),
        (dataclasses.replace(counter.in_hall(), channel=LossChannel.HOTLINE), Reason.TEXT_MISSING),
    ):
        assert refused(lambda request=request: counter.loss.report_loss(request)).reason is reason
    assert counter.state() is CardState.ACTIVE
    # Freezing is urgent: an expired document still proves who asks.
    expired = dataclasses.replace(DOCUMENT, long_term=False, valid_to=dt.date(2020, 1, 1))
    assert counter.loss.report_loss(counter.in_hall(expired)).first_time
    assert counter.state() is CardState.LOST


def test_a_typed_document_needs_the_manager_beside(counter: Counter) -> None:
    request = counter.in_hall(TYPED)
    approval = counter.staff.approve(request, MANAGER, PASSWORD)
    signed = dataclasses.replace(request, asked=dataclasses.replace(request.asked, approvals=(approval,)))
    reported = counter.loss.report_loss(signed)
    assert pairs(counter.receipt(reported.receipt_no))["证件"] == f"手工录入，主管 {MANAGER} 在旁"


def test_a_second_report_gives_the_first_reference(counter: Counter) -> None:
    first = counter.loss.report_loss(counter.by_phone())
    other = Counter(counter.database, 2, OTHER_CLERK)
    operations = counter.count(tables.operation)
    again = other.loss.report_loss(other.in_hall())
    assert again == dataclasses.replace(first, first_time=False)
    assert (counter.count(tables.loss_report), counter.count(tables.operation)) == (1, operations)
    assert other.notes("report_loss_again")[0]["reference"] == first.reference
    assert (
        refused(lambda: other.loss.report_loss(other.by_phone(WRONG))).reason is Reason.CLAIM_DOES_NOT_MATCH
    )
    assert verify(counter.database).problems == ()


def test_fifty_identical_requests_are_one_report(counter: Counter) -> None:
    request = counter.by_phone()
    answers = {counter.loss.report_loss(request) for _ in range(50)}
    assert len(answers) == 1
    assert counter.count(tables.loss_report) == 1
    changed = dataclasses.replace(request, remark="又一次")
    assert refused(lambda: counter.loss.report_loss(changed)).reason is Reason.OPERATION_CHANGED


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


def test_the_same_report_sent_twice_at_once_is_one(counter: Counter) -> None:
    request = counter.by_phone()
    answers = together(*(lambda: counter.loss.report_loss(request) for _ in range(4)))
    assert len(set(answers)) == 1
    assert isinstance(answers[0], LossReported)
    assert answers[0].first_time
    assert counter.count(tables.loss_report) == 1


def test_two_counters_that_report_one_card_share_a_reference(counter: Counter) -> None:
    other = Counter(counter.database, 2, OTHER_CLERK)
    answers = together(
        lambda: counter.loss.report_loss(counter.by_phone()),
        lambda: other.loss.report_loss(other.in_hall()),
    )
    reports = [answer for answer in answers if isinstance(answer, LossReported)]
    assert len(reports) == 2
    assert len({report.reference for report in reports}) == 1
    assert sorted(report.first_time for report in reports) == [False, True]
    assert verify(counter.database).problems == ()


def test_a_call_after_the_day_was_closed_still_freezes_the_card(counter: Counter, clock: HallClock) -> None:
    clock.now = dt.datetime(2026, 11, 23, 20, 29, tzinfo=HALL_ZONE)
    counter.database.write(lambda tx: shifts.close_day(tx, DAY, MANAGER, "anchor"))
    reported = counter.loss.report_loss(counter.by_phone())
    assert counter.state() is CardState.LOST
    booked = counter.database.read(lambda tx: ledger.by_receipt_no(tx, reported.receipt_no))
    assert booked is not None
    assert booked.business_date == dt.date(2026, 11, 24)
    assert booked.booked_at == clock.now
    assert reported.deadline == dt.date(2026, 11, 30)
    said = pairs(counter.receipt(reported.receipt_no))
    assert (said["时间"], said["业务日期"]) == ("2026-11-23 20:29:00", "2026-11-24")
    assert counter.loss.register(DAY, DAY)[0].cells[0] == "2026-11-23 20:29"


# --- 解挂 -------------------------------------------------------------------------------------------------------


def test_the_holder_ends_the_report_at_any_counter(counter: Counter, clock: HallClock) -> None:
    reported = counter.loss.report_loss(counter.by_phone())
    clock.advance(days=1)
    other = Counter(counter.database, 2, OTHER_CLERK)
    cancelled = other.loss.cancel_loss(other.found())
    assert (cancelled.reference, cancelled.balance_fen) == (reported.reference, NAMED_FEN)
    assert counter.state() is CardState.ACTIVE
    row = counter.loss.register(DAY, DAY)[0]
    assert row.cells[6] == "2026-11-24 09:00 解挂；在家中找到"
    receipt = counter.receipt(cancelled.receipt_no)
    assert pairs(receipt)["受理号"] == reported.reference
    assert Signatures(("客户签名", "经办", "复核")) in receipt.blocks
    # The next report of the same card is a new one.
    clock.advance(minutes=1)
    again = counter.loss.report_loss(counter.by_phone())
    assert again.first_time
    assert again.reference != reported.reference
    assert verify(counter.database).problems == ()


def test_only_the_holder_with_a_valid_document_ends_it(counter: Counter) -> None:
    assert refused(lambda: counter.loss.cancel_loss(counter.found())).reason is Reason.CARD_NOT_LOST
    counter.loss.report_loss(dataclasses.replace(counter.by_phone(), remark="公交车上遗失"))
    expired = dataclasses.replace(DOCUMENT, long_term=False, valid_to=DAY - dt.timedelta(days=1))
    last_day = dataclasses.replace(expired, valid_to=DAY)
    for document, reason in (
        (dataclasses.replace(DOCUMENT, number=OTHER_HOLDER.document_number), Reason.HOLDER_DOES_NOT_MATCH),
        (dataclasses.replace(DOCUMENT, name="张桂香"), Reason.HOLDER_DOES_NOT_MATCH),
        (expired, Reason.DOCUMENT_EXPIRED),
        (dataclasses.replace(last_day, read_by_machine=False), Reason.APPROVAL_NEEDED),
    ):
        request = counter.found(document)
        assert refused(lambda request=request: counter.loss.cancel_loss(request)).reason is reason
    assert counter.state() is CardState.LOST
    request = counter.found(TYPED)
    assert (
        refused(lambda: counter.staff.approve(request, CLERK, PASSWORD)).reason is Reason.APPROVAL_SAME_PERSON
    )
    approval = counter.staff.approve(request, MANAGER, PASSWORD)
    changed = dataclasses.replace(
        request, remark="改过", asked=dataclasses.replace(request.asked, approvals=(approval,))
    )
    assert refused(lambda: counter.loss.cancel_loss(changed)).reason is Reason.APPROVAL_EXPIRED
    counter.loss.cancel_loss(dataclasses.replace(changed, remark=request.remark))
    remark = counter.loss.register(DAY, DAY)[0].cells[6]
    assert remark == f"公交车上遗失；2026-11-23 09:00 解挂（证件手工录入，主管 {MANAGER}）；在家中找到"


def test_a_card_being_replaced_is_not_freed(counter: Counter) -> None:
    counter.loss.report_loss(counter.by_phone())
    other = Counter(counter.database, 2, OTHER_CLERK)
    replacement = ReplacementDesk(other.at, PaymentDesk(other.at))
    intent_id = replacement.reserve(ReserveCard(other.clerk.asked(), NAMED_CARD)).intent_id
    trouble = refused(lambda: counter.loss.cancel_loss(counter.found()))
    assert trouble.reason is Reason.CARD_RESERVED
    assert f"2 号台 {OTHER_CLERK}" in trouble.sentence()
    CashDesk(other.at).open_till(OpenTill(other.clerk.asked(), CashCount(), 0))
    cash = Tender(TenderKind.CASH, received_fen=25_00)
    replacement.replace(ReplaceCard(other.clerk.asked(), intent_id, NAMED_CARD, BLANK_CARD, DOCUMENT, cash))
    for action in (
        lambda: counter.loss.cancel_loss(counter.found()),
        lambda: counter.loss.report_loss(counter.by_phone()),
    ):
        assert refused(action).reason is Reason.CARD_REPLACED


def test_fifty_identical_cancellations_are_one(counter: Counter) -> None:
    counter.loss.report_loss(counter.by_phone())
    request = counter.found()
    answers = together(*(lambda: counter.loss.cancel_loss(request) for _ in range(4)))
    answers += [counter.loss.cancel_loss(request) for _ in range(46)]
    assert len(set(answers)) == 1
    assert not isinstance(answers[0], Refused)
    assert verify(counter.database).problems == ()


# --- register ---------------------------------------------------------------------------------------------------


def test_the_register_has_the_columns_of_the_form_and_is_masked(counter: Counter, clock: HallClock) -> None:
    counter.loss.report_loss(counter.by_phone())
    clock.advance(days=1)
    add_second_card(counter.database)
    counter.loss.report_loss(counter.by_phone(THEIRS, SECOND_CARD))
    assert "、".join(REGISTER_COLUMNS) == "日期、卡号、姓名、证件号码、联系电话、卡内余额、备注"
    rows = counter.loss.register(DAY, DAY)
    assert [row.cells for row in rows] == [
        (
            "2026-11-23 09:00",
            f"3105 **** **** {NAMED_CARD[-4:]}",
            "张*兰",
            "1101**********002X",
            "138****8000",
            "123.50",
            "",
        )
    ]
    assert len(counter.loss.register(DAY, DAY + dt.timedelta(days=1))) == 2


def test_overdue_reports_are_listed_and_stay_frozen(counter: Counter, clock: HallClock) -> None:
    counter.loss.report_loss(counter.by_phone())
    clock.advance(days=7)
    assert counter.loss.overdue() == []
    clock.advance(days=2)
    (row,) = counter.loss.overdue()
    assert (row.card_no, row.deadline, row.days_overdue) == (NAMED_CARD, dt.date(2026, 11, 30), 2)
    assert counter.state() is CardState.LOST
    late = Counter(counter.database)
    late.loss.cancel_loss(late.found())
    assert counter.loss.overdue() == []
