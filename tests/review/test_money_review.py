"""Ways to lose, double or invent money, to look behind a blind count, or to sign for oneself, that a reviewer tried."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
import sqlalchemy as sa
from counter_builder import (
    FLOAT,
    FLOAT_FEN,
    Counter,
    ScriptedPrinter,
    ScriptedTerminal,
    answer,
    card_top_up,
    pieces_for,
    require_sound,
)
from hall_builder import (
    CHEAP,
    CLERK,
    HALL_ID,
    HOLDER,
    KEYS,
    LINKED_TERMINAL,
    MANAGER,
    NAMED_CARD,
    OTHER_CLERK,
    PASSWORD,
    STAND_ALONE_TERMINAL,
    HallClock,
)

from counter_app.domain import masking
from counter_app.domain.cards import LossChannel
from counter_app.domain.documents import DocumentKind, IdDocument
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import IntentId, StaffNo
from counter_app.domain.ledger import CASH_OVER, CASH_SHORT, Tender, TenderKind, pos_account, till_account
from counter_app.domain.payments import Verdict
from counter_app.domain.requests import (
    CashPlace,
    CloseDay,
    CloseTill,
    LockCount,
    MoveCash,
    OpenTill,
    ReportLoss,
    ReserveCard,
    Reverse,
    SettleUnknown,
    TopUp,
)
from counter_app.domain.shifts import TillState
from counter_app.domain.staff import Role, StaffMember
from counter_app.domain.waiting import CancelToken, silent
from counter_app.services.desks import open_desks
from counter_app.services.manager_desk import ManagerDesk
from counter_app.services.passwords import Passwords
from counter_app.storage import ledger, people, tables
from counter_app.storage.database import Database, Transaction

T = TypeVar("T")

DAY = dt.date(2026, 11, 23)
PULSE = b"\x1bp"
"""What opens the drawer (ESC p)."""


@pytest.fixture(autouse=True)
def sound(hall_database: Database) -> Iterator[None]:
    yield
    require_sound(hall_database)


def refused(reason: Reason, call: Callable[..., object], *arguments: object) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.reason is reason
    return caught.value


def account(database: Database, name: str) -> int:
    return database.read(lambda tx: ledger.balance(tx, name))  # type: ignore[arg-type]


def close(counter: Counter, amount_fen: int, left_fen: int = 0) -> None:
    """Count so much and close the drawer without a difference."""
    counter.count(amount_fen)
    counter.cash.close_till(CloseTill(counter.asked(), left_fen))


def deputy(database: Database, staff_no: StaffNo = CLERK) -> None:
    """The manager makes a clerk the deputy of today."""
    manager = Counter(database, 2, MANAGER)
    desk = ManagerDesk(manager.at, Passwords(CHEAP))
    desk.appoint_deputy(manager.asked(), staff_no, DAY, DAY)


# --- drawers and days -------------------------------------------------------------------------------------------


def test_a_drawer_left_open_over_night_is_closed_by_its_clerk_the_next_morning(
    hall_database: Database, clock: HallClock
) -> None:
    counter = Counter(hall_database).opened()
    counter.top_up(NAMED_CARD, 20_00)
    clock.advance(days=1)
    signed_in = counter.staff.sign_in(CLERK, PASSWORD)
    assert (signed_in.shift_id, signed_in.business_date) == (counter.clerk.shift_id, DAY)
    back = Counter(hall_database)
    assert back.cash.view(back.asked()).state is TillState.OPEN
    close(back, FLOAT_FEN + 20_00)
    assert counter.staff.sign_in(CLERK, PASSWORD).business_date == DAY + dt.timedelta(days=1)
    manager = Counter(hall_database, 2, MANAGER)
    manager.closing.close_day(CloseDay(manager.asked(), DAY))


def test_a_drawer_left_open_keeps_nobody_else_from_the_new_day(
    hall_database: Database, clock: HallClock
) -> None:
    Counter(hall_database).opened()
    clock.advance(days=1)
    other = Counter(hall_database, 1, OTHER_CLERK)
    assert other.staff.sign_in(OTHER_CLERK, PASSWORD).business_date == DAY + dt.timedelta(days=1)
    elsewhere = Counter(hall_database, 2, CLERK)
    assert elsewhere.staff.sign_in(CLERK, PASSWORD).business_date == DAY + dt.timedelta(days=1)


def test_a_clock_set_back_between_two_closes_invents_no_difference(
    hall_database: Database, clock: HallClock
) -> None:
    clock.advance(hours=9)
    close(Counter(hall_database).opened(), FLOAT_FEN, left_fen=FLOAT_FEN)
    clock.advance(hours=-8)
    second = Counter(hall_database)
    second.cash.open_till(OpenTill(second.asked(), FLOAT, 0))
    close(second, FLOAT_FEN, left_fen=300_00)
    third = Counter(hall_database)
    opened = third.cash.open_till(OpenTill(third.asked(), pieces_for(300_00), 0))
    assert (opened.left_last_time_fen, opened.difference_fen) == (300_00, 0)
    third.top_up(NAMED_CARD, 20_00)
    assert third.cash.lock_count(LockCount(third.asked(), pieces_for(320_00))).difference_fen == 0
    assert account(hall_database, till_account(1)) == 320_00
    assert account(hall_database, CASH_SHORT) == account(hall_database, CASH_OVER) == 0


# --- the blind count --------------------------------------------------------------------------------------------


def test_cash_out_never_answers_whether_the_drawer_holds_more(hall_database: Database) -> None:
    """Tried down from above, a refusal would tell the expected cash to the fen."""
    counter = Counter(hall_database).opened()
    counter.top_up(NAMED_CARD, 37_00)
    out = MoveCash(counter.asked(), False, CashPlace.SAFE, FLOAT_FEN + 37_10, "L-9")
    assert counter.cash.move_cash(out).amount_fen == FLOAT_FEN + 37_10
    assert counter.cash.lock_count(LockCount(counter.asked(), pieces_for(0))).difference_fen == 10


def test_a_reversal_tells_nothing_about_the_drawer_before_a_manager_stands_beside(
    hall_database: Database,
) -> None:
    counter = Counter(hall_database).opened()
    wrong = counter.top_up(NAMED_CARD, 100_00)
    counter.cash.move_cash(MoveCash(counter.asked(), False, CashPlace.SAFE, FLOAT_FEN + 50_00, "L-9"))
    request = Reverse(counter.asked(), wrong.receipt_no, "金额录错")
    refused(Reason.APPROVAL_NEEDED, counter.undo.reverse, request)
    refused(Reason.TILL_CASH_SHORT, counter.undo.reverse, counter.signed(request))


def test_a_deputy_with_a_drawer_of_his_own_counts_it_blind(hall_database: Database) -> None:
    deputy(hall_database)
    counter = Counter(hall_database).opened()
    counter.top_up(NAMED_CARD, 20_00)
    assert counter.cash.x_report(counter.asked()).expected_fen is None
    refused(Reason.RIGHT_MISSING, counter.closing.day_report, counter.asked())
    close(counter, FLOAT_FEN + 20_00)
    Counter(hall_database, 2, OTHER_CLERK).opened()
    assert counter.closing.day_report(counter.asked()).tills, "what others have still to count is not his"


# --- signatures -------------------------------------------------------------------------------------------------


def test_a_deputy_cannot_make_himself_a_second_person(hall_database: Database) -> None:
    """Neither with the manager's password set anew nor with a manager of his own making."""
    deputy(hall_database)
    counter = Counter(hall_database)
    desk = ManagerDesk(counter.at, Passwords(CHEAP))
    new = "river-stone-31"
    refused(Reason.RIGHT_MISSING, desk.set_password, counter.asked(), MANAGER, new)
    refused(Reason.RIGHT_MISSING, desk.add_person, counter.asked(), "1099", "孙静", Role.MANAGER, new)
    with pytest.raises(Refused):
        desk.set_active(counter.asked(), MANAGER, active=False)
    desk.set_password(counter.asked(), CLERK, new)
    desk.publish_notice(counter.asked(), "通知", "代理期间", DAY, DAY)


def test_a_clock_set_back_gives_no_deputy_his_rights_again(hall_database: Database, clock: HallClock) -> None:
    deputy(hall_database, OTHER_CLERK)
    clock.advance(days=1)
    counter = Counter(hall_database).opened()
    counter.count(FLOAT_FEN + 50)
    request = CloseTill(counter.asked(), 0, "原因待查")
    clock.advance(days=-1)
    refused(Reason.RIGHT_MISSING, counter.staff.approve, request, OTHER_CLERK, PASSWORD)


def test_who_was_a_deputy_then_seals_no_forgotten_day_now(hall_database: Database, clock: HallClock) -> None:
    deputy(hall_database, OTHER_CLERK)
    clock.advance(days=2)
    late = Counter(hall_database, 1, OTHER_CLERK)
    refused(Reason.APPROVAL_NEEDED, late.closing.close_day, CloseDay(late.asked(), DAY))


# --- payments at the terminal -----------------------------------------------------------------------------------


def unknown(counter: Counter, amount_fen: int = 50_00) -> IntentId:
    """A card payment of which nobody knows what became."""
    terminal = ScriptedTerminal(answer(Verdict.UNKNOWN, amount_fen))
    request = card_top_up(counter, NAMED_CARD, amount_fen)
    with pytest.raises(Refused):
        counter.top_ups.pay_at_terminal(request, terminal, silent, CancelToken())
    return counter.payments.pending()[0].intent_id


def settlement(counter: Counter, intent_id: IntentId, *, paid: bool) -> SettleUnknown:
    voucher = "0099" if paid else ""
    return counter.signed(SettleUnknown(counter.asked(), intent_id, paid, voucher, "4321", "看签购单"))


@pytest.mark.parametrize("paid", [True, False])
def test_an_approval_after_two_people_have_decided(hall_database: Database, paid: bool) -> None:
    """The counter's program hangs, is started again and the payment settled; then the terminal answers after all."""
    counter = Counter(hall_database).opened()
    request = card_top_up(counter, NAMED_CARD, 50_00)
    terminal = ScriptedTerminal(answer(Verdict.APPROVED, 50_00))

    def started_again() -> None:
        again = Counter(hall_database)
        again.payments.pick_up()
        again.payments.settle(settlement(again, again.payments.pending()[0].intent_id, paid=paid))

    terminal.before_answer = started_again
    if paid:
        done = counter.top_ups.pay_at_terminal(request, terminal, silent, CancelToken())
        assert done.tender.voucher == "0099", "what was settled is the booking"
    else:
        refused(
            Reason.PAYMENT_DECLINED,
            counter.top_ups.pay_at_terminal,
            request,
            terminal,
            silent,
            CancelToken(),
        )
    assert account(hall_database, pos_account(LINKED_TERMINAL)) == (50_00 if paid else 0)
    assert counter.payments.pending() == ()


@pytest.mark.parametrize("paid", [True, False])
def test_a_settlement_asked_again_says_the_same(hall_database: Database, paid: bool) -> None:
    counter = Counter(hall_database).opened()
    request = settlement(counter, unknown(counter), paid=paid)
    first = counter.payments.settle(request)
    assert counter.payments.settle(request) == first
    other = settlement(counter, request.intent_id, paid=not paid)
    refused(Reason.CARD_CHANGED, counter.payments.settle, other)
    assert account(hall_database, pos_account(LINKED_TERMINAL)) == (50_00 if paid else 0)


@pytest.mark.parametrize("paid", [True, False])
def test_who_signed_a_settlement_stands_in_the_audit(hall_database: Database, paid: bool) -> None:
    counter = Counter(hall_database).opened()
    intent_id = unknown(counter)
    counter.payments.settle(settlement(counter, intent_id, paid=paid))
    action = "settle_paid" if paid else "settle_not_paid"
    with hall_database.engine.connect() as connection:
        found = connection.execute(sa.select(tables.audit.c.payload).where(tables.audit.c.action == action))
        (payload,) = found.scalars()
    assert f'"approver":"{MANAGER}"' in payload
    assert f'"intent_id":"{intent_id}"' in payload


def test_another_counter_gives_no_reserved_card_free(hall_database: Database) -> None:
    """The clerk there may have the fee in hand already."""
    desks = [open_desks(hall_database, number, Passwords(CHEAP), 32) for number in (1, 2)]
    one, two = Counter(hall_database), Counter(hall_database, 2, OTHER_CLERK)
    document = IdDocument(DocumentKind.RESIDENT, HOLDER.name, HOLDER.document_number, long_term=True)
    desks[0].loss.report_loss(ReportLoss(one.asked(), NAMED_CARD, LossChannel.HALL, document=document))
    reserved = desks[0].replacement.reserve(ReserveCard(one.asked(), NAMED_CARD))
    refused(Reason.RIGHT_MISSING, two.payments.release, two.asked(), reserved.intent_id)
    assert desks[0].replacement.reserve(ReserveCard(one.asked(), NAMED_CARD)) == reserved
    manager = Counter(hall_database, 2, MANAGER)
    manager.payments.release(manager.asked(), reserved.intent_id)
    assert manager.payments.pending() == ()


# --- stand-alone slips ------------------------------------------------------------------------------------------


def slip_top_up(counter: Counter, amount_fen: int, **slip: str) -> TopUp:
    tender = Tender(TenderKind.SLIP, debit_confirmed=True, **slip)  # type: ignore[arg-type]
    return TopUp(counter.asked(), NAMED_CARD, amount_fen, tender)


def test_one_slip_pays_once(hall_database: Database, clock: HallClock) -> None:
    counter = Counter(hall_database).opened()
    slip = {"terminal_id": STAND_ALONE_TERMINAL, "batch": "000012", "voucher": "000470"}
    request = slip_top_up(counter, 50_00, **slip)
    first = counter.top_ups.top_up(request)
    assert counter.top_ups.top_up(request) == first
    refusal = refused(Reason.SLIP_USED, counter.top_ups.top_up, slip_top_up(counter, 50_00, **slip))
    assert refusal.details["receipt_no"] == first.receipt_no
    undo = Reverse(counter.asked(), first.receipt_no, "重复办理", void_voucher="000471")
    counter.undo.reverse(counter.signed(undo))
    refused(Reason.SLIP_USED, counter.top_ups.top_up, slip_top_up(counter, 50_00, **slip))
    counter.top_ups.top_up(slip_top_up(counter, 50_00, **{**slip, "batch": "000013"}))
    clock.advance(days=1)
    elsewhere = Counter(hall_database, 2, OTHER_CLERK).opened()
    refused(Reason.SLIP_USED, elsewhere.top_ups.top_up, slip_top_up(elsewhere, 50_00, **slip))
    assert account(hall_database, pos_account(STAND_ALONE_TERMINAL)) == 50_00


@pytest.mark.parametrize("missing", ["terminal_id", "voucher"])
def test_a_slip_without_numbers_pays_nothing(hall_database: Database, missing: str) -> None:
    counter = Counter(hall_database).opened()
    slip = {"terminal_id": STAND_ALONE_TERMINAL, "voucher": "000470", missing: " "}
    refused(Reason.TEXT_MISSING, counter.top_ups.top_up, slip_top_up(counter, 50_00, **slip))
    with pytest.raises(ValueError, match="pays nothing"):
        counter.top_ups.top_up(TopUp(counter.asked(), NAMED_CARD, 50_00, Tender(TenderKind.NONE)))


def test_a_bank_card_number_keyed_or_typed_is_kept_nowhere(hall_database: Database) -> None:
    """Into a slip's reference, the reason of a reversal, the paper and note of a cash movement."""
    pan = "6222020200112230236"
    assert masking.luhn_holds(pan)
    counter = Counter(hall_database).opened()
    slip = {"terminal_id": STAND_ALONE_TERMINAL, "voucher": "000470", "reference": pan}
    done = counter.top_ups.top_up(slip_top_up(counter, 50_00, **slip))
    assert done.tender.reference.endswith("0236")
    undo = Reverse(counter.asked(), done.receipt_no, f"卡号 {pan} 录错", void_voucher="000471")
    counter.undo.reverse(counter.signed(undo))
    counter.cash.move_cash(MoveCash(counter.asked(), True, CashPlace.SAFE, 10_00, pan, f"还 {pan}"))
    counter.count(FLOAT_FEN + 10_50)
    wish = CloseTill(counter.asked(), FLOAT_FEN, f"多 5 角，{pan}")
    with pytest.raises(Refused):
        counter.cash.close_till(wish)
    counter.cash.close_till(counter.signed(wish))
    again = Counter(hall_database)
    opening = OpenTill(again.asked(), pieces_for(FLOAT_FEN + 50), 0, f"多 {pan}")
    again.cash.open_till(again.signed(opening))
    with hall_database.engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                assert pan not in repr(tuple(row)), table.name


# --- papers and retries -----------------------------------------------------------------------------------------


def test_a_receipt_that_prints_late_opens_no_drawer(hall_database: Database, clock: HallClock) -> None:
    """The printer was off for an hour, or the program ended: no cash is handled when the paper comes."""
    counter = Counter(hall_database).opened()
    counter.top_up(NAMED_CARD, 20_00)
    clock.advance(seconds=60)
    printer = ScriptedPrinter()
    counter.paper.print_next(printer, CancelToken())
    clock.advance(hours=1)
    counter.paper.print_next(printer, CancelToken())
    assert [PULSE in job for job in printer.jobs] == [True, False]


class LostAnswers(Database):
    """A database whose every answer to COMMIT is lost: each writing unit is run again after it was kept."""

    def write(self, unit: Callable[[Transaction], T]) -> T:
        super().write(unit)
        return super().write(unit)


def test_a_lost_answer_breaks_no_signature_and_loses_no_parked_customer(hall_database: Database) -> None:
    lossy = LostAnswers(hall_database.engine, HALL_ID, KEYS, hall_database.clock)
    counter = Counter(lossy).opened()
    counter.count(FLOAT_FEN + 50)
    counter.cash.close_till(counter.signed(CloseTill(counter.asked(), 0, "原因待查")))
    parked_id = counter.parking.park(counter.asked(), "曾*｜充值", "top_up", {"amount": "20"})
    assert [one.parked_id for one in counter.parking.parked()] == [parked_id]


def test_another_content_of_one_id_at_the_same_moment_is_told_apart(hall_database: Database) -> None:
    """Whoever waited for the card must not be handed the other's outcome as his own."""
    one = Counter(hall_database).opened()
    desk = open_desks(hall_database, 1, Passwords(CHEAP), 32).loss
    document = IdDocument(DocumentKind.RESIDENT, HOLDER.name, HOLDER.document_number, long_term=True)
    asked = one.asked()
    requests = [
        ReportLoss(asked, NAMED_CARD, LossChannel.HALL, document=document, remark=remark)
        for remark in ("丢在车上", "被偷")
    ]
    together = threading.Barrier(2)

    def report(request: ReportLoss) -> object:
        together.wait(5)
        try:
            return desk.report_loss(request)
        except Refused as refusal:
            return refusal.reason

    for _n in range(5):
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(report, requests))
        assert answers.count(Reason.OPERATION_CHANGED) == 1


def test_no_error_of_the_driver_tells_what_was_to_be_stored(hall_database: Database) -> None:
    def unit(tx: Transaction) -> None:
        for _n in range(2):
            people.add(tx, StaffMember(StaffNo("1500"), "不该入日志", Role.CLERK), "hash")

    with pytest.raises(sa.exc.IntegrityError) as caught:
        hall_database.write(unit)
    assert "不该入日志" not in str(caught.value)
