"""Parked customers outlive everything; what was asked and never booked is told after a crash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from counter_builder import Counter, cash_top_up, require_sound
from hall_builder import HALL_ID, KEYS, NAMED_CARD, OTHER_CLERK, STAND_ALONE_TERMINAL, HallClock

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import ReceiptNo
from counter_app.domain.ledger import Tender, TenderKind
from counter_app.domain.requests import CashPlace, MoveCash, Reverse, TopUp
from counter_app.storage.database import AsksSomething, Database, sqlite_engine

TYPED = {"amount": "100", "received": "２００", "remark": "请快一点", "chips": [100, 50], "cash": True}


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


def everything_in(database: Database, table: str) -> str:
    with database.engine.connect() as connection:
        return str(connection.execute(sa.text(f"SELECT * FROM {table}")).all())


def test_a_parked_customer_comes_back_with_everything_typed(
    counter: Counter, hall_database: Database, clock: HallClock
) -> None:
    key = counter.parking.park(counter.asked(), "张*兰", "top_up", TYPED)
    clock.advance(minutes=3)
    counter.parking.park(counter.asked(), "曾*", "loss", {})
    first, second = counter.parking.parked()
    assert (first.parked_id, first.title, first.page, second.title) == (key, "张*兰", "top_up", "曾*")
    assert (second.parked_at - first.parked_at).total_seconds() == 180
    again = Counter(hall_database).parking.resume(counter.asked(), key)
    assert (again.typed, again.page) == (TYPED, "top_up")
    assert [one.title for one in counter.parking.parked()] == ["曾*"]
    refused(Reason.HOLDER_UNKNOWN, counter.parking.resume, counter.asked(), key)


def test_a_dropped_customer_is_gone(counter: Counter) -> None:
    key = counter.parking.park(counter.asked(), "张*兰", "top_up", TYPED)
    counter.parking.drop(counter.asked(), key)
    assert counter.parking.parked() == ()
    refused(Reason.HOLDER_UNKNOWN, counter.parking.drop, counter.asked(), key)


def test_each_counter_sees_its_own(counter: Counter, hall_database: Database) -> None:
    counter.parking.park(counter.asked(), "张*兰", "top_up", TYPED)
    assert Counter(hall_database, 2, OTHER_CLERK).parking.parked() == ()


def test_what_was_typed_lies_sealed_and_not_in_the_audit(counter: Counter, hall_database: Database) -> None:
    key = counter.parking.park(counter.asked(), "张*兰", "loss", {"phone": "13800008000"})
    assert "13800008000" not in everything_in(hall_database, "parked")
    counter.parking.resume(counter.asked(), key)
    audit = everything_in(hall_database, "audit")
    assert "resume_parked" in audit
    assert "张" not in audit
    assert "13800008000" not in audit


# --- after a crash ----------------------------------------------------------------------------------------------


def killed_before_booking(counter: Counter, request: AsksSomething) -> None:
    """Kept, and then the program ended."""
    counter.database.keep(request)


def test_a_cash_top_up_that_was_not_booked_is_named(counter: Counter) -> None:
    request = cash_top_up(counter, NAMED_CARD, 100_00, 200_00)
    killed_before_booking(counter, request)
    (item,) = counter.parking.unfinished()
    assert (
        item.sentence
        == "2026-11-23 09:00 充值（100.00 元，卡 " + item.card_no_masked + "，现金）：没有入账。"
    )
    assert NAMED_CARD not in item.sentence.replace(" ", "")
    assert dict(item.look_at) == {
        "钱箱": "没有收进这笔钱；已收的请退还客户，或重新办理",
        "签购单": "没有",
        "终端": "没有发出交易",
        "凭条": "没有打印，打印队列中也没有这一笔",
    }
    counter.parking.dismiss(counter.asked(), item.operation_id)
    assert counter.parking.unfinished() == ()


def test_a_slip_that_was_not_booked_still_has_the_customers_money(counter: Counter) -> None:
    tender = Tender(TenderKind.SLIP, terminal_id=STAND_ALONE_TERMINAL, voucher="000470", debit_confirmed=True)
    killed_before_booking(counter, TopUp(counter.asked(), NAMED_CARD, 50_00, tender))
    (item,) = counter.parking.unfinished()
    assert "000470 已扣客户的款" in dict(item.look_at)["签购单"]
    assert "独立 POS" in item.sentence


def test_every_kind_of_request_is_named_in_the_halls_words(counter: Counter) -> None:
    killed_before_booking(counter, MoveCash(counter.asked(), False, CashPlace.BANK, 300_00, "Y-1"))
    killed_before_booking(counter, Reverse(counter.asked(), ReceiptNo("D1-261123-1-0007"), "卡号输错"))
    said = {item.what: item for item in counter.parking.unfinished()}
    assert set(said) == {"现金调拨", "冲正"}
    assert "凭证 D1-261123-1-0007" in said["冲正"].sentence
    assert "没有退出现金" in dict(said["冲正"].look_at)["钱箱"]
    assert "现金仍在原处" in dict(said["现金调拨"].look_at)["钱箱"]


def test_a_request_kept_by_another_version_is_still_told(counter: Counter, hall_database: Database) -> None:
    killed_before_booking(counter, cash_top_up(counter, NAMED_CARD, 100_00))
    with hall_database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE kept_request SET request_type = 'SellSouvenir'"))
    (item,) = counter.parking.unfinished()
    assert item.sentence == "2026-11-23 09:00 业务：没有入账。"


def test_what_was_booked_after_all_is_silently_forgotten(counter: Counter, hall_database: Database) -> None:
    request = cash_top_up(counter, NAMED_CARD, 100_00)
    counter.top_ups.top_up(request)
    hall_database.keep(request)
    assert counter.parking.unfinished() == ()
    assert "TopUp" not in everything_in(hall_database, "kept_request")


def test_a_refused_request_asks_nothing_later(counter: Counter) -> None:
    refused(Reason.RECEIVED_TOO_LITTLE, counter.top_up, NAMED_CARD, 100_00, 50_00)
    assert counter.parking.unfinished() == ()


def test_a_killed_program_finds_customers_and_requests_in_the_same_file(
    sqlite_hall: Path, clock: HallClock
) -> None:
    first = Database(sqlite_engine(sqlite_hall, KEYS), HALL_ID, KEYS, clock)
    counter = Counter(first).opened()
    counter.parking.park(counter.asked(), "张*兰", "top_up", TYPED)
    killed_before_booking(counter, cash_top_up(counter, NAMED_CARD, 100_00))
    first.close()
    second = Database(sqlite_engine(sqlite_hall, KEYS), HALL_ID, KEYS, clock)
    again = Counter(second)
    assert [one.typed for one in again.parking.parked()] == [TYPED]
    assert [item.amount_fen for item in again.parking.unfinished()] == [100_00]
    second.close()
