"""The entry box, the panel's view and the history, over a real hall on both engines."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from hall_builder import (
    ANONYMOUS_CARD,
    BLANK_CARD,
    CLERK,
    HOLDER,
    NAMED_CARD,
    NAMED_FEN,
    OTHER_CLERK,
    OTHER_NAMED_CARD,
    Clerk,
    HallClock,
    clerk_at,
    medium_of,
    open_sqlite,
)

from counter_app.domain.cards import Card, CardKind, CardState, Holder, LossChannel, card_no_text
from counter_app.domain.documents import DocumentKind, IdDocument, check_digit
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, HolderId, MediumId, PurseId
from counter_app.domain.ledger import Tender, TenderKind
from counter_app.domain.masking import mask_name
from counter_app.domain.requests import OpenTill, ReplaceCard, ReportLoss, ReserveCard, TopUp
from counter_app.domain.shifts import CashCount
from counter_app.domain.views import CustomerView
from counter_app.services import founding
from counter_app.services.cash_desk import CashDesk
from counter_app.services.customer_desk import CustomerDesk
from counter_app.services.hall import HallAtCounter
from counter_app.services.initials import initials
from counter_app.services.loss_desk import LossDesk
from counter_app.services.payment_desk import PaymentDesk
from counter_app.services.replacement_desk import ReplacementDesk
from counter_app.services.top_up_desk import TopUpDesk
from counter_app.storage import cards, holders, tables
from counter_app.storage.database import Database

DOCUMENT = IdDocument(DocumentKind.RESIDENT, HOLDER.name, HOLDER.document_number, long_term=True)


class Counter:
    """One counter with its desks, a clerk signed in and the till open."""

    def __init__(self, database: Database, number: int = 1, staff_no: str = CLERK) -> None:
        at = HallAtCounter(database, number)
        payments = PaymentDesk(at)
        self.database = database
        self.customers = CustomerDesk(at)
        self.loss = LossDesk(at)
        self.top_ups = TopUpDesk(at, payments)
        self.replacement = ReplacementDesk(at, payments)
        self.clerk: Clerk = clerk_at(database, number, staff_no)  # type: ignore[arg-type]
        opened = CashDesk(at).open_till(OpenTill(self.clerk.asked(), CashCount(), 0))
        self.till_receipt_no = opened.receipt_no

    def top_up(self, card_no: CardNo, amount_fen: int) -> str:
        cash = Tender(TenderKind.CASH, received_fen=amount_fen)
        return self.top_ups.top_up(TopUp(self.clerk.asked(), card_no, amount_fen, cash)).receipt_no

    def lose(self, card_no: CardNo = NAMED_CARD, document: IdDocument = DOCUMENT) -> str:
        request = ReportLoss(self.clerk.asked(), card_no, LossChannel.HALL, document=document)
        return self.loss.report_loss(request).reference

    def replace(self, old: CardNo = NAMED_CARD, new: CardNo = BLANK_CARD) -> str:
        intent_id = self.replacement.reserve(ReserveCard(self.clerk.asked(), old)).intent_id
        cash = Tender(TenderKind.CASH, received_fen=25_00)
        request = ReplaceCard(self.clerk.asked(), intent_id, old, new, DOCUMENT, cash)
        return self.replacement.replace(request).receipt_no


@pytest.fixture
def counter(hall_database: Database) -> Counter:
    return Counter(hall_database)


def refusal(customers: CustomerDesk, typed: str) -> Reason:
    with pytest.raises(Refused) as refused:
        customers.find(typed)
    return refused.value.reason


def full_width(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


# --- the entry box ----------------------------------------------------------------------------------------------


def test_one_box_tells_by_form_what_was_typed(counter: Counter) -> None:
    find = counter.customers.find
    by_holder = f"holder:{HOLDER.holder_id}"
    for typed in (
        HOLDER.document_number,
        HOLDER.document_number.lower(),
        full_width(HOLDER.document_number),
        HOLDER.phone,
        "138 0000 8000",
        full_width(HOLDER.phone),
        "8000",
        "zgl",
        "ZG",
        full_width("zgl"),
        "张桂",
        " 张桂兰 ",
    ):
        assert [match.key for match in find(typed)] == [by_holder], typed
    line = find("zgl")[0]
    assert line.kind == "客户"
    assert line.title == "张*兰"
    assert line.detail == f"证件尾号 002X　手机尾号 8000　卡尾号 {NAMED_CARD[-4:]} 正常"
    for typed in (NAMED_CARD, card_no_text(NAMED_CARD), full_width(NAMED_CARD)):
        card = find(typed)[0]
        assert (card.key, card.kind, card.title) == (f"card:{NAMED_CARD}", "卡", "张*兰")
    assert find(ANONYMOUS_CARD)[0].title == "不记名卡"
    assert find(BLANK_CARD)[0].title == "空白卡"


def test_a_receipt_is_found_whole_short_and_from_its_code(counter: Counter) -> None:
    receipt_no = counter.top_up(NAMED_CARD, 100_00)
    head, _, number = receipt_no.rpartition("-")
    counter_part = head.partition("-")[0]
    short = f"{counter_part}-{int(number)}"
    for typed in (receipt_no, receipt_no.lower(), full_width(receipt_no), f"{receipt_no}/ABCDEFGH", short):
        match = counter.customers.find(typed)[0]
        assert match.key == f"receipt:{receipt_no}"
        assert match.kind == "凭证"
        assert "充值" in match.title
        assert "100.00 元" in match.detail
    reference = counter.lose()
    assert counter.customers.find(reference)[0].title.endswith("挂失　张*兰")
    assert counter.customers.find(f"{counter_part}-99") == ()
    assert refusal(counter.customers, f"{head}-0099") is Reason.RECEIPT_UNKNOWN


def test_a_paper_of_the_drawer_is_found_though_it_has_no_customer(counter: Counter) -> None:
    receipt_no = counter.till_receipt_no
    match = counter.customers.find(receipt_no)[0]
    assert (match.paper_no, match.kind) == (receipt_no, "凭证")
    assert match.title == f"{receipt_no}　开箱"
    with_customer = counter.customers.find(counter.top_up(NAMED_CARD, 100_00))[0]
    assert with_customer.paper_no == ""
    short = f"{receipt_no.partition('-')[0]}-{int(receipt_no.rpartition('-')[2])}"
    assert receipt_no in [hit.paper_no for hit in counter.customers.find(short)]


def test_what_cannot_be_found_says_why(counter: Counter) -> None:
    customers = counter.customers
    for typed in ("", " ", "z", "张", "123", "12345", "1380000800", "904012345678", "·"):
        assert refusal(customers, typed) is Reason.SEARCH_TOO_SHORT, typed
    damaged = NAMED_CARD[:-1] + str((int(NAMED_CARD[-1]) + 1) % 10)
    assert refusal(customers, damaged) is Reason.CARD_NO_MALFORMED
    assert refusal(customers, "1" * 19) is Reason.CARD_NO_MALFORMED
    assert refusal(customers, "110105194912310021") is Reason.ID_NUMBER_CHECK_DIGIT
    stranger = "11010519850101001"
    assert refusal(customers, stranger + check_digit(stranger)) is Reason.HOLDER_UNKNOWN
    assert refusal(customers, next(founding.card_no_run("31050001", 900, 1))) is Reason.CARD_UNKNOWN
    # An ID number that is still being typed must not flash as a damaged card number.
    assert refusal(customers, HOLDER.document_number[:16]) is Reason.SEARCH_TOO_SHORT
    assert refusal(customers, "9040261100031878") is Reason.CARD_NO_MALFORMED
    for nobody in ("13900009999", "9999", "qqq", "赵钱孙"):
        assert customers.find(nobody) == ()


def holders_named(database: Database, names: list[str]) -> None:
    people = []
    for number, name in enumerate(names):
        first_17 = f"1101051990{1 + number // 28 % 12:02d}{1 + number % 28:02d}{number:03d}"
        people.append(
            (
                Holder(
                    HolderId(f"x{number}"),
                    name,
                    first_17 + check_digit(first_17),
                    f"1390{number:03d}7777",
                ),
                initials(name),
            )
        )
    database.write(lambda tx: holders.add(tx, people))


def test_initials_follow_the_surname_readings_and_their_everyday_twins(counter: Counter) -> None:
    readings = {
        "曾小明": "zxm",
        "单小明": "sxm",
        "仇小明": "qxm",
        "解小明": "xxm",
        "区小明": "oxm",
        "查小明": "zxm",
        "朴小明": "pxm",
        "缪小明": "mxm",
        "翟小明": "zxm",
    }
    holders_named(counter.database, list(readings))
    for name, typed in readings.items():
        titles = [match.title for match in counter.customers.find(typed)]
        assert mask_name(name) in titles, name
    everyday = [match.title for match in counter.customers.find("dxm")]
    assert mask_name("单小明") in everyday


def test_people_of_two_readings_take_no_place_from_others(counter: Counter) -> None:
    assert {"zxl", "zxy"} <= set(initials("曾小乐"))
    holders_named(counter.database, ["曾小乐"] * 12)
    keys = [match.key for match in counter.customers.find("zx")]
    assert len(set(keys)) == len(keys) == 10


def test_at_most_ten_lines_from_one_look(counter: Counter) -> None:
    holders_named(counter.database, [f"钱{chr(0x4E00 + number)}" for number in range(120)])
    statements: list[str] = []
    engine = counter.database.engine

    def seen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", seen)
    try:
        for typed in ("7777", NAMED_CARD, HOLDER.phone, "zgl", "钱七", HOLDER.document_number, "D1-1"):
            statements.clear()
            assert len(counter.customers.find(typed)) <= 10
            assert len(statements) == 1, (typed, statements)
        assert len(counter.customers.find("7777")) == 10
    finally:
        sa.event.remove(engine, "before_cursor_execute", seen)


def test_no_look_walks_through_the_whole_hall(sqlite_hall: Path, clock: HallClock) -> None:
    """SQLite's own plan: every table is entered by more than the hall, so a million holders cost no more."""
    database = open_sqlite(sqlite_hall, clock)
    counter = Counter(database)
    counter.top_up(NAMED_CARD, 10_00)
    plans: list[tuple[str, str]] = []

    def seen(
        connection: sa.Connection, _cursor: object, statement: str, values: object, *_rest: object
    ) -> None:
        cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        plans.extend((row[3], statement) for row in cursor.fetchall())
        cursor.close()

    sa.event.listen(database.engine, "before_cursor_execute", _only_selects(seen))
    for typed in (HOLDER.document_number, HOLDER.phone, "8000", "zgl", "张桂", NAMED_CARD, "D1-2"):
        matches = counter.customers.find(typed)
        assert matches, typed
        view = counter.customers.open(matches[0].key)
        counter.customers.history(_purse(view))
    database.close()
    assert len(plans) > 30
    wide = [plan for plan in plans if plan[0].startswith("SCAN") or plan[0].endswith("(hall_id=?)")]
    assert not wide


def _only_selects(seen: Callable[..., None]) -> Callable[..., None]:
    def listen(connection: sa.Connection, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("SELECT"):
            seen(connection, cursor, statement, *rest)

    return listen


# --- the panel --------------------------------------------------------------------------------------------------


def test_every_way_to_the_person_shows_the_same_masked_view(counter: Counter) -> None:
    receipt_no = counter.top_up(NAMED_CARD, 10_00)
    customers = counter.customers
    views = [
        customers.open(f"holder:{HOLDER.holder_id}"),
        customers.open(f"card:{NAMED_CARD}"),
        customers.open(f"receipt:{receipt_no}"),
        customers.by_medium(medium_of(1)),
        customers.by_document(DOCUMENT),
    ]
    assert all(view == views[0] for view in views)
    view = views[0]
    assert (view.card_no, view.card_no_text) == (NAMED_CARD, card_no_text(NAMED_CARD))
    assert (view.name_masked, view.document_masked, view.phone_masked) == (
        "张*兰",
        "1101**********002X",
        "138****8000",
    )
    assert (view.kind_text, view.state_text, view.state_tone) == ("实名", "正常", "good")
    assert view.balance_fen == NAMED_FEN + 10_00
    assert view.warnings == ()
    assert [(line.what, line.amount_text) for line in view.recent] == [("充值", "+10.00")]
    assert view.recent[0].time_text == "11-23 09:00"
    anonymous = customers.open(f"card:{ANONYMOUS_CARD}")
    assert (anonymous.name_masked, anonymous.kind_text, anonymous.holder_id) == ("", "不记名", None)
    blank = customers.open(f"card:{BLANK_CARD}")
    assert (blank.state_text, blank.balance_fen, blank.purse_id) == ("空白卡", None, None)


def test_unknown_things_on_the_readers_are_refused(counter: Counter) -> None:
    for look, reason in (
        (lambda: counter.customers.by_medium(MediumId("0199999999")), Reason.MEDIUM_UNKNOWN),
        (
            lambda: counter.customers.by_document(dataclasses.replace(DOCUMENT, number="G12345678")),
            Reason.HOLDER_UNKNOWN,
        ),
        (lambda: counter.customers.open("card:3105000199999999"), Reason.CARD_UNKNOWN),
        (lambda: counter.customers.open("receipt:D1-261123-1-0099"), Reason.RECEIPT_UNKNOWN),
    ):
        with pytest.raises(Refused) as refused:
            look()
        assert refused.value.reason is reason


def test_a_document_is_compared_and_dated(counter: Counter) -> None:
    expired = dataclasses.replace(
        DOCUMENT,
        name="张桂香",
        long_term=False,
        valid_to=dt.date(2026, 11, 22),
        warnings=("芯片照片读不出。",),
    )
    warnings = counter.customers.by_document(expired).warnings
    assert warnings == (
        "芯片照片读不出。",
        "证件姓名与登记不符，请核对是否本人。",
        "证件已于 2026-11-22 过期，不能凭此办理补卡、解挂。",
    )


def test_a_telephone_report_shows_nothing_of_the_person(counter: Counter) -> None:
    view = counter.customers.open(f"card:{NAMED_CARD}", hidden=True)
    assert view.hidden
    assert (view.card_no, view.card_no_text) == (NAMED_CARD, f"3105 **** **** {NAMED_CARD[-4:]}")
    assert view.state_text == "正常"
    shown = json.dumps(dataclasses.asdict(view), ensure_ascii=False)
    for secret in ("张", "兰", "1101", "002X", "138", "8000", "123", HOLDER.holder_id):
        assert secret not in shown.replace(NAMED_CARD, ""), secret
    assert view == dataclasses.replace(view, balance_fen=None, recent=(), holder_id=None, purse_id=None)


def test_a_caller_is_found_by_one_whole_number_and_shown_tails_only(counter: Counter) -> None:
    customers = counter.customers
    expected = f"卡尾号 {NAMED_CARD[-4:]}　实名卡　正常"
    for found in (
        customers.view_for_claim(id_number=HOLDER.document_number.lower()),
        customers.view_for_claim(phone="138-0000-8000"),
        customers.view_for_claim(card_no=NAMED_CARD),
    ):
        assert [(card.card_no, card.text) for card in found] == [(NAMED_CARD, expected)]
    for ask, reason in (
        ({"card_no": ANONYMOUS_CARD}, Reason.CARD_ANONYMOUS),
        ({"phone": "13900009999"}, Reason.HOLDER_UNKNOWN),
        ({"id_number": "110105198503078210"}, Reason.HOLDER_UNKNOWN),
        ({"card_no": "31050001"}, Reason.CARD_NO_MALFORMED),
    ):
        with pytest.raises(Refused) as refused:
            customers.view_for_claim(**ask)
        assert refused.value.reason is reason


def test_the_usable_card_of_several_is_shown_first(counter: Counter) -> None:
    spare = next(founding.card_no_run("31050001", 50, 1))
    card = Card(spare, CardKind.NAMED, CardState.ACTIVE, PurseId("p50"), HOLDER.holder_id, 1)
    counter.database.write(lambda tx: cards.add_many(tx, [(card, 0, None)], dt.date(2026, 1, 4)))
    counter.lose()
    view = counter.customers.open(f"holder:{HOLDER.holder_id}")
    assert view.card_no == spare
    assert {(choice.card_no_text, choice.state_text, choice.shown) for choice in view.cards} == {
        (card_no_text(NAMED_CARD), "已挂失", False),
        (card_no_text(spare), "正常", True),
    }
    assert counter.customers.open(f"card:{OTHER_NAMED_CARD}").cards == ()
    line = counter.customers.find("zgl")[0]
    assert line.detail.endswith(f"卡尾号 {spare[-4:]} 正常　共 2 张卡")


def test_a_lost_card_warns_with_reference_and_deadline_then_overdue(
    counter: Counter, clock: HallClock
) -> None:
    reference = counter.lose()
    look = lambda: counter.customers.open(f"card:{NAMED_CARD}")  # noqa: E731
    assert look().warnings == (
        f"已挂失，受理号 {reference}，2026-11-23 09:00 受理。",
        "请持卡人在 2026-11-30 前带身份证补卡，找到卡可解挂。",
    )
    assert (look().state_text, look().state_tone) == ("已挂失", "bad")
    clock.advance(days=7)
    assert "前带身份证补卡" in look().warnings[1]
    clock.advance(days=1)
    assert look().warnings[1].startswith("已超过补卡期限 2026-11-30")


def test_an_old_card_that_turns_up_names_the_new_one(counter: Counter) -> None:
    receipt_before = counter.top_up(NAMED_CARD, 10_00)
    counter.lose()
    counter.replace()
    old = counter.customers.by_medium(medium_of(1))
    assert old.state_text == "已补卡作废"
    assert old.warnings == (f"旧卡，请收回作废。已补成新卡 {card_no_text(BLANK_CARD)}。",)
    assert old.balance_fen is None
    assert counter.customers.by_document(DOCUMENT).card_no == BLANK_CARD
    assert counter.customers.open(f"receipt:{receipt_before}").card_no == BLANK_CARD


def test_another_counter_sees_who_holds_the_card(counter: Counter) -> None:
    other = Counter(counter.database, 2, OTHER_CLERK)
    counter.lose()
    counter.replacement.reserve(ReserveCard(counter.clerk.asked(), NAMED_CARD))
    theirs = other.customers.open(f"card:{NAMED_CARD}").warnings[-1]
    assert theirs == f"1 号台 {CLERK} 正在办理此卡（2026-11-23 09:00 起），请等其完成。"
    ours = counter.customers.open(f"card:{NAMED_CARD}").warnings[-1]
    assert ours == "本台正在办理此卡补卡（2026-11-23 09:00 起）。"


# --- history and single values ----------------------------------------------------------------------------------


def _purse(view: CustomerView) -> PurseId:
    assert view.purse_id is not None
    return PurseId(view.purse_id)


def test_history_runs_over_old_and_new_numbers_page_by_page(counter: Counter, clock: HallClock) -> None:
    counter.top_up(NAMED_CARD, 10_00)
    clock.advance(minutes=1)
    counter.lose()
    counter.replace()  # in the same moment as the report: the receipt number breaks the tie
    clock.advance(minutes=1)
    counter.top_up(BLANK_CARD, 20_00)
    purse_id = _purse(counter.customers.open(f"card:{BLANK_CARD}"))
    whole = counter.customers.history(purse_id)
    assert [
        (line.what, line.amount_text, line.change_fen, line.tender_text, line.card_tail) for line in whole
    ] == [
        ("充值", "+20.00", 20_00, "现金", BLANK_CARD[-4:]),
        ("补卡", "25.00", 0, "现金", BLANK_CARD[-4:]),
        ("挂失", "", 0, "", NAMED_CARD[-4:]),
        ("充值", "+10.00", 10_00, "现金", NAMED_CARD[-4:]),
    ]
    assert (whole[0].counter_no, whole[0].staff_no, whole[0].time_text) == (1, CLERK, "2026-11-23 09:02")
    paged = []
    before: str | None = None
    while page := counter.customers.history(purse_id, before, most=1):
        paged += page
        before = page[-1].key
    assert tuple(paged) == whole
    recent = counter.customers.open(f"card:{BLANK_CARD}").recent
    assert [line.what for line in recent] == ["充值", "补卡", "挂失", "充值"]


def test_unmasking_gives_one_value_and_writes_who_looked(counter: Counter) -> None:
    asked = counter.clerk.asked()
    assert counter.customers.unmask(asked, HOLDER.holder_id, "phone") == HOLDER.phone
    assert counter.customers.unmask(asked, HOLDER.holder_id, "document") == HOLDER.document_number
    audit = tables.audit
    looked = counter.database.read(
        lambda tx: tx.all(
            sa.select(audit.c.staff_no, audit.c.payload)
            .where(audit.c.action == "unmask")
            .order_by(audit.c.seq),
            {},
        )
    )
    assert [(row.staff_no, json.loads(row.payload)["field"]) for row in looked] == [
        (CLERK, "phone"),
        (CLERK, "document"),
    ]
    assert all(HOLDER.phone not in row.payload for row in looked)
    with pytest.raises(Refused) as refused:
        counter.customers.unmask(asked, HolderId("nobody"), "name")
    assert refused.value.reason is Reason.HOLDER_UNKNOWN
