"""Whatever an attacker with the key file changes in the rows, `verify` finds; what nobody touched, it passes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from hall_builder import (
    ANONYMOUS_CARD,
    KEYS,
    MANAGER,
    OTHER_CLERK,
    Clerk,
    HallClock,
    cash_desk,
    cash_top_up,
    clerk_at,
    open_till,
    top_up_desk,
)

from counter_app.domain.ids import OperationId, PurseId, ReceiptNo, StaffNo
from counter_app.domain.ledger import OperationKind
from counter_app.domain.requests import CloseDay, CloseTill, DayClosed, LockCount, Reverse, Reversed
from counter_app.domain.shifts import CashCount
from counter_app.storage import cards, keys, ledger, shifts, tables
from counter_app.storage.database import Database, Transaction, new_id
from counter_app.storage.verify import VerifyReport, verify


def reverse(clerk: Clerk, receipt_no: ReceiptNo) -> Reversed:
    """A reversal as the desk will book it."""
    request = Reverse(clerk.asked(), receipt_no, "金额输错")

    def unit(tx: Transaction) -> Reversed:
        fence = ledger.fence(tx, request.asked)
        wrong = ledger.by_receipt_no(tx, receipt_no)
        assert wrong is not None
        assert wrong.purse_id is not None
        cards.change_balance(tx, PurseId(wrong.purse_id), -wrong.amount_fen)
        done = Reversed(
            request.asked.operation_id,
            fence.receipt_no,
            receipt_no,
            wrong.kind,
            wrong.amount_fen,
            wrong.amount_fen,
        )
        ledger.record(
            tx,
            fence,
            request,
            OperationKind.REVERSE,
            done,
            transfers=[transfer.reversed() for transfer in ledger.transfers_of(tx, wrong)],
            purse_id=wrong.purse_id,
            amount_fen=-wrong.amount_fen,
            reverses=wrong.operation_id,
        )
        return done

    return clerk.database.run(request, unit, Reversed)


def close_day(clerk: Clerk, date: dt.date) -> DayClosed:
    """A day's close as the desk will book it: anchor over the chains first, then the operation."""
    request = CloseDay(clerk.asked(), date)

    def unit(tx: Transaction) -> DayClosed:
        rows = shifts.shifts_of_day(tx, date, lock=True)
        anchor = ledger.day_anchor(
            tx.keys.audit_key, date, [(row.shift_id, row.last_seq, row.chain_head) for row in rows]
        )
        fence = ledger.fence(tx, request.asked)
        closed = DayClosed(request.asked.operation_id, fence.receipt_no, date, 0, 0, anchor)
        ledger.record(tx, fence, request, OperationKind.CLOSE_DAY, closed)
        shifts.close_day(tx, date, StaffNo(request.asked.staff_no), anchor)
        return closed

    return clerk.database.run(request, unit, DayClosed)


def a_day_and_a_morning(database: Database, clock: HallClock) -> None:
    """One whole day with top-ups, a reversal, a close; and the beginning of the next."""
    clerk, other = clerk_at(database), clerk_at(database, 2, OTHER_CLERK)
    open_till(clerk)
    open_till(other, 300)
    wrong = top_up_desk(clerk).top_up(cash_top_up(clerk, 100_00))
    top_up_desk(other).top_up(cash_top_up(other, 50_00, ANONYMOUS_CARD))
    reverse(clerk, wrong.receipt_no)
    last = top_up_desk(clerk).top_up(cash_top_up(clerk, 20_00))
    assert last.balance_fen == 123_50 + 20_00
    for who, fen in ((clerk, 520_00), (other, 350_00)):
        pieces = CashCount(((100_00, fen // 100_00), (10_00, fen % 100_00 // 10_00)))
        cash_desk(who).lock_count(LockCount(who.asked(), pieces))
        cash_desk(who).close_till(CloseTill(who.asked(), 0))
    manager = clerk_at(database, 1, MANAGER)
    close_day(manager, dt.date(2026, 11, 23))
    clock.advance(days=1)
    tomorrow = clerk_at(database)
    open_till(tomorrow)
    top_up_desk(tomorrow).top_up(cash_top_up(tomorrow, 5_00))


def unguard(database: Database) -> None:
    """Take the guards off, as whoever holds the key file or the server can."""
    with database.engine.begin() as connection:
        if database.engine.dialect.name == "sqlite":
            names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all()
            for (name,) in names:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("DROP FUNCTION only_grows() CASCADE")


def test_an_empty_and_a_full_hall_fit(hall_database: Database, clock: HallClock) -> None:
    empty = verify(hall_database)
    assert empty.problems == ()
    assert (empty.operations, empty.transfers) == (1, 3)
    lines: list[str] = []
    a_day_and_a_morning(hall_database, clock)
    report = verify(hall_database, lines.append)
    assert report.problems == ()
    assert report.debit_fen == report.credit_fen > 0
    assert report.operations == 1 + 5 + 3 + 3 - 1 + 2 + 1
    assert lines[0] == "正在检查数据库文件…"


def test_verify_works_beside_a_writing_counter(hall_database: Database) -> None:
    clerk = clerk_at(hall_database)
    open_till(clerk)
    desk = top_up_desk(clerk)

    def book(line: str) -> None:
        desk.top_up(cash_top_up(clerk, 1_00))

    assert verify(hall_database, book).problems == ()
    assert verify(hall_database).problems == ()


# --- tampering --------------------------------------------------------------------------------------------------

FIRST_TOP_UP = "(SELECT operation_id FROM operation WHERE receipt_no = 'D1-261123-1-0002')"
LAST_OF_SHIFT = "(SELECT max(seq) FROM audit a WHERE a.shift_id = audit.shift_id)"

TAMPERINGS = [
    ("operation", f"UPDATE operation SET amount_fen = 1 WHERE operation_id = {FIRST_TOP_UP}"),
    ("operation", "UPDATE operation SET outcome = '{}' WHERE kind = 'top_up'"),
    ("operation", "UPDATE operation SET booked_at = '2026-11-23T01:00:00' WHERE kind = 'reverse'"),
    ("operation", "UPDATE operation SET staff_no = '1023' WHERE kind = 'open_till'"),
    ("operation", "UPDATE operation SET reason = 'x' WHERE kind = 'close_till'"),
    ("operation", "UPDATE operation SET approver_no = '1001' WHERE kind = 'reverse'"),
    ("operation", "DELETE FROM operation WHERE kind = 'lock_count'"),
    ("operation", "UPDATE operation SET business_date = '2026-11-24' WHERE kind = 'reverse'"),
    ("transfer", "UPDATE transfer SET amount_fen = amount_fen + 1 WHERE credit = 'purse:p1'"),
    ("transfer", "UPDATE transfer SET credit = 'purse:p2' WHERE credit = 'purse:p1'"),
    ("transfer", "UPDATE transfer SET debit = 'bank' WHERE debit = 'till:1'"),
    ("transfer", "DELETE FROM transfer WHERE credit = 'purse:p3'"),
    ("transfer", "UPDATE transfer SET line = 7 WHERE debit = 'till:2'"),
    ("transfer", "UPDATE transfer SET shift_id = 'x' WHERE debit = 'till:2'"),
    ("transfer", "UPDATE transfer SET business_date = '2026-11-25' WHERE debit = 'till:2'"),
    (
        "transfer",
        "INSERT INTO transfer (hall_id, business_date, operation_id, line, shift_id, debit, credit, amount_fen)"
        " VALUES ('east', '2026-11-23', 'nobody', 1, 'x', 'safe', 'bank', 100)",
    ),
    ("payment", "UPDATE payment SET received_fen = 0"),
    ("payment", f"DELETE FROM payment WHERE operation_id = {FIRST_TOP_UP}"),
    ("payment", f"UPDATE payment SET operation_id = 'nobody' WHERE operation_id = {FIRST_TOP_UP}"),
    ("audit", "UPDATE audit SET payload = '{}' WHERE seq = 2"),
    ("audit", "UPDATE audit SET at = '2026-11-23T00:00:00' WHERE seq = 1"),
    ("audit", "UPDATE audit SET staff_no = '1001' WHERE seq = 1"),
    ("audit", "UPDATE audit SET key_id = 'x' WHERE seq = 1"),
    ("audit", "UPDATE audit SET mac = payload WHERE seq = 3"),
    ("audit", "DELETE FROM audit WHERE seq = 2"),
    ("audit", f"DELETE FROM audit WHERE seq = {LAST_OF_SHIFT}"),
    ("audit", "DELETE FROM audit"),
    ("audit", "UPDATE audit SET shift_id = 'x' WHERE seq = 1 AND staff_no = '1023'"),
    ("shift", "UPDATE shift SET chain_head = opened_at"),
    ("shift", "UPDATE shift SET last_seq = last_seq + 1 WHERE business_date = '2026-11-24'"),
    ("shift", "UPDATE shift SET last_receipt = last_receipt + 1 WHERE business_date = '2026-11-24'"),
    ("shift", "UPDATE shift SET ordinal = 9 WHERE staff_no = '1021' AND business_date = '2026-11-24'"),
    ("shift", "UPDATE shift SET staff_no = '1001' WHERE staff_no = '1023'"),
    ("shift", "UPDATE shift SET counter_no = 7 WHERE staff_no = '1021'"),
    ("shift", "DELETE FROM shift WHERE staff_no = '1023'"),
    ("purse", "UPDATE purse SET balance_fen = balance_fen + 1 WHERE purse_id = 'p1'"),
    ("purse", "DELETE FROM purse WHERE purse_id = 'p2'"),
    (
        "purse",
        "INSERT INTO purse (hall_id, purse_id, balance_fen, version) VALUES ('east', 'gift', 100000, 1)",
    ),
    ("operation_key", "UPDATE operation_key SET request_hash = 'x'"),
    ("operation_key", "UPDATE operation_key SET business_date = '2026-11-25'"),
    ("operation_key", f"DELETE FROM operation_key WHERE operation_id = {FIRST_TOP_UP}"),
    ("operation_key", "INSERT INTO operation_key VALUES ('nobody', 'east', '2026-11-23', 'x')"),
    ("reversal_key", "UPDATE reversal_key SET reversed_by = 'x'"),
    ("reversal_key", "DELETE FROM reversal_key"),
    ("reversal_key", "INSERT INTO reversal_key VALUES ('east', 'nobody', 'x')"),
    ("business_day", "UPDATE business_day SET state = 'open' WHERE business_date = '2026-11-23'"),
    ("business_day", "UPDATE business_day SET anchor = 'x' WHERE business_date = '2026-11-23'"),
    ("business_day", "UPDATE business_day SET state = 'closed' WHERE business_date = '2026-11-24'"),
    ("business_day", "DELETE FROM business_day WHERE business_date = '2026-11-23'"),
    ("cash_count", "UPDATE cash_count SET pieces = pieces + 1 WHERE phase = 'close'"),
    ("cash_count", "DELETE FROM cash_count WHERE phase = 'open'"),
    ("till_close", "UPDATE till_close SET expected_fen = 0"),
    ("till_close", "UPDATE till_close SET reason = 'x'"),
    ("till_close", "DELETE FROM till_close"),
]


def test_every_kind_of_tampering_is_found(hall_database: Database, clock: HallClock) -> None:
    a_day_and_a_morning(hall_database, clock)
    unguard(hall_database)
    missed: list[str] = []
    for name, statement in TAMPERINGS:
        table = tables.metadata.tables[name]
        with hall_database.engine.begin() as connection:
            rows = [dict(row._mapping) for row in connection.execute(sa.select(table))]
            assert connection.exec_driver_sql(statement).rowcount > 0, statement
        if not verify(hall_database).problems:
            missed.append(statement)
        with hall_database.engine.begin() as connection:
            connection.execute(sa.delete(table))
            connection.execute(sa.insert(table), rows)
    assert missed == []
    assert verify(hall_database).problems == ()


def _rewrite(database: Database, change: Callable[[sa.Connection], None]) -> VerifyReport:
    unguard(database)
    with database.engine.begin() as connection:
        change(connection)
    return verify(database)


def _chain_again(connection: sa.Connection, shift_id: str, audit_key: bytes) -> None:
    """Compute a shift's whole chain anew, the way a forger who knows the program would."""
    audit, shift = tables.audit, tables.shift
    head = shifts.CHAIN_START
    for link in connection.execute(
        sa.select(audit).where(audit.c.shift_id == shift_id).order_by(audit.c.seq)
    ).all():
        head = ledger.link_mac(
            audit_key, head, shift_id, link.seq, link.at, link.staff_no, link.action, link.payload
        )
        connection.execute(
            sa.update(audit).where(audit.c.shift_id == shift_id, audit.c.seq == link.seq).values(mac=head)
        )
    connection.execute(sa.update(shift).where(shift.c.shift_id == shift_id).values(chain_head=head))


def _shift_with_money(connection: sa.Connection, date: str) -> str:
    shift = tables.shift
    return connection.execute(
        sa.select(shift.c.shift_id).where(shift.c.staff_no == "1023", shift.c.business_date == date)
    ).scalar_one()


def test_a_chain_made_anew_without_the_key_is_found(hall_database: Database, clock: HallClock) -> None:
    a_day_and_a_morning(hall_database, clock)

    def forge(connection: sa.Connection) -> None:
        _chain_again(
            connection, _shift_with_money(connection, "2026-11-23"), keys.derive(b"f" * 32).audit_key
        )

    assert any("审计链" in problem for problem in _rewrite(hall_database, forge).problems)


def test_a_closed_day_made_anew_even_with_the_key_is_found_by_its_anchor(
    hall_database: Database, clock: HallClock
) -> None:
    a_day_and_a_morning(hall_database, clock)

    def forge(connection: sa.Connection) -> None:
        shift_id = _shift_with_money(connection, "2026-11-23")
        audit = tables.audit
        connection.execute(
            sa.update(audit)
            .where(audit.c.shift_id == shift_id, audit.c.seq == 1)
            .values(at="2026-11-23T00:00:00")
        )
        _chain_again(connection, shift_id, KEYS.audit_key)

    problems = _rewrite(hall_database, forge).problems
    assert problems == ("2026-11-23 的日结锚与各班链尾不符，日结后的账被改动",)


def test_a_tail_cut_cleanly_out_of_a_closed_day_is_found_by_its_anchor(
    hall_database: Database, clock: HallClock
) -> None:
    a_day_and_a_morning(hall_database, clock)

    def cut(connection: sa.Connection) -> None:
        shift_id = _shift_with_money(connection, "2026-11-23")
        links = connection.execute(
            sa.select(tables.audit).where(tables.audit.c.shift_id == shift_id).order_by(tables.audit.c.seq)
        ).all()
        operation = tables.operation
        last = connection.execute(
            sa.select(operation.c.operation_id).where(
                operation.c.shift_id == shift_id, operation.c.seq == links[-1].seq
            )
        ).scalar_one()
        for table in (tables.operation, tables.transfer, tables.operation_key):
            connection.execute(sa.delete(table).where(table.c.operation_id == last))
        connection.execute(sa.delete(tables.till_close).where(tables.till_close.c.shift_id == shift_id))
        connection.execute(
            sa.delete(tables.audit).where(
                tables.audit.c.shift_id == shift_id, tables.audit.c.seq == links[-1].seq
            )
        )
        connection.execute(
            sa.update(tables.shift)
            .where(tables.shift.c.shift_id == shift_id)
            .values(
                last_seq=tables.shift.c.last_seq - 1,
                last_receipt=tables.shift.c.last_receipt - 1,
                chain_head=links[-2].mac,
            )
        )

    assert _rewrite(hall_database, cut).problems == ("2026-11-23 的日结锚与各班链尾不符，日结后的账被改动",)


def test_another_key_breaks_every_link_but_the_report_stays_short(
    hall_database: Database, clock: HallClock
) -> None:
    a_day_and_a_morning(hall_database, clock)
    other = Database(hall_database.engine, hall_database.hall_id, keys.derive(b"o" * 32), clock)
    report = verify(other)
    assert len(report.problems) >= report.links


def test_the_anchor_does_not_depend_on_the_order_of_shifts() -> None:
    heads: list[Any] = [("b", 2, "y"), ("a", 1, "x")]
    date = dt.date(2026, 11, 23)
    assert ledger.day_anchor(b"k", date, heads) == ledger.day_anchor(b"k", date, heads[::-1])
    assert ledger.day_anchor(b"k", date, heads) != ledger.day_anchor(b"k", date, heads[:1])
    assert ledger.day_anchor(b"k", date, heads) != ledger.day_anchor(b"l", date, heads)


@pytest.mark.parametrize("number", [1, 131, 10_000])
def test_receipt_numbers_grow_beyond_four_digits(number: int) -> None:
    assert ledger.receipt_number("D", 2, dt.date(2026, 11, 23), 1, number) == f"D2-261123-1-{number:04d}"


def test_ids_are_long_and_never_repeat() -> None:
    assert len({OperationId(new_id()) for _ in range(100)}) == 100
