"""The one way into a database under everything that goes wrong: races, locks, full disks, kills, cut connections."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import sqlite3
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from hall_builder import (
    ANONYMOUS_CARD,
    HALL_ID,
    KEYS,
    NAMED_CARD,
    NAMED_FEN,
    OTHER_CLERK,
    OTHER_NAMED_CARD,
    Clerk,
    HallClock,
    cash_desk,
    cash_top_up,
    clerk_at,
    open_sqlite,
    open_till,
    top_up_desk,
)

from counter_app.domain.errors import Reason, Refused, StorageTrouble
from counter_app.domain.ids import CardNo, PurseId
from counter_app.domain.requests import LockCount, ToppedUp, TopUp
from counter_app.domain.shifts import CashCount
from counter_app.storage import cards, database, keys, papers, shifts, tables
from counter_app.storage.database import Database, postgres_engine, sqlite_engine
from counter_app.storage.verify import verify

T = TypeVar("T")


def balance(hall: Database, card_no: CardNo = NAMED_CARD) -> int:
    """What is on a card now."""

    def look(tx: database.Transaction) -> int:
        card = cards.find(tx, card_no)
        assert card is not None
        return cards.look_at_purse(tx, PurseId(card.purse_id or "")).balance_fen

    return hall.read(look)


def at_once(*calls: Callable[[], T]) -> list[T | BaseException]:
    """Run every call in a thread of its own from one barrier; results or what they raised, in order."""
    barrier = threading.Barrier(len(calls))
    found: list[Any] = [None] * len(calls)

    def run(number: int, call: Callable[[], T]) -> None:
        barrier.wait(5)
        try:
            found[number] = call()
        except BaseException as error:  # noqa: BLE001 - handed to the test, which looks at every one
            found[number] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def reopened(hall: Database) -> Database:
    """The same hall through new connections, as another program would open it."""
    url = hall.engine.url
    engine = (
        sqlite_engine(Path(str(url.database)), KEYS)
        if url.drivername.startswith("sqlite")
        else postgres_engine(url.render_as_string(hide_password=False))
    )
    return Database(engine, hall.hall_id, KEYS, hall.clock)


@contextmanager
def in_child(work: Callable[[], None]) -> Iterator[int]:
    """Run `work` in a forked process; yields its id. The caller has no connection open, and waits for it."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(70)
    try:
        yield pid
    finally:
        os.waitpid(pid, 0)


# --- once and only once -----------------------------------------------------------------------------------------


class TestOnce:
    def test_a_retry_gets_the_first_outcome(self, hall_database: Database, clock: HallClock) -> None:
        clerk = clerk_at(hall_database)
        open_till(clerk)
        request = cash_top_up(clerk, 30_00)
        first = top_up_desk(clerk).top_up(request)
        clock.advance(minutes=5)
        assert top_up_desk(clerk).top_up(request) == first
        assert balance(hall_database) == NAMED_FEN + 30_00
        assert hall_database.read(lambda tx: papers.kept_requests(tx, 1)) == ()

    def test_the_same_id_twice_at_once_is_booked_once(self, hall_database: Database) -> None:
        clerk = clerk_at(hall_database)
        open_till(clerk)
        request = cash_top_up(clerk, 30_00)
        first, second = at_once(*[lambda: top_up_desk(clerk).top_up(request)] * 2)
        assert isinstance(first, ToppedUp)
        assert first == second
        assert balance(hall_database) == NAMED_FEN + 30_00
        assert verify(hall_database).problems == ()

    def test_twice_at_once_up_to_the_limit_is_no_refusal(self, hall_database: Database) -> None:
        # 4,900 on the card and 5,000 the limit: whoever comes second meets a full card, yet it is his own money.
        clerk = clerk_at(hall_database)
        open_till(clerk)
        for _ in range(5):
            request = cash_top_up(clerk, 100_00, OTHER_NAMED_CARD)
            answers = at_once(*[lambda request=request: top_up_desk(clerk).top_up(request)] * 3)
            assert isinstance(answers[0], ToppedUp), answers
            assert answers == [answers[0]] * 3
            with hall_database.engine.begin() as connection:
                connection.execute(
                    sa.update(tables.purse)
                    .where(tables.purse.c.purse_id == "p2")
                    .values(balance_fen=4_900_00)
                )

    def test_the_same_id_from_two_processes_is_booked_once(self, hall_database: Database) -> None:
        clerk = clerk_at(hall_database)
        open_till(clerk)
        request = cash_top_up(clerk, 30_00)
        hall_database.close()

        def book() -> None:
            again = reopened(hall_database)
            own = Clerk(again, clerk.counter_no, clerk.staff_no, clerk.shift_id)
            top_up_desk(own).top_up(request)

        with in_child(book), in_child(book):
            pass
        assert balance(hall_database) == NAMED_FEN + 30_00
        assert top_up_desk(clerk).top_up(request).balance_fen == NAMED_FEN + 30_00
        assert verify(hall_database).problems == ()

    def test_the_same_id_with_other_content_is_refused(self, hall_database: Database) -> None:
        clerk = clerk_at(hall_database)
        open_till(clerk)
        request = cash_top_up(clerk, 30_00, operation_id="one")
        top_up_desk(clerk).top_up(request)
        for other in (
            cash_top_up(clerk, 31_00, operation_id="one"),
            cash_top_up(clerk, 30_00, ANONYMOUS_CARD, operation_id="one"),
        ):
            with pytest.raises(Refused) as refused:
                top_up_desk(clerk).top_up(other)
            assert refused.value.reason is Reason.OPERATION_CHANGED
        assert balance(hall_database) == NAMED_FEN + 30_00
        assert hall_database.read(lambda tx: papers.kept_requests(tx, 1)) == ()

    def test_a_refused_request_is_not_kept(self, hall_database: Database) -> None:
        clerk = clerk_at(hall_database)
        open_till(clerk)
        with pytest.raises(Refused):
            top_up_desk(clerk).top_up(cash_top_up(clerk, 200_00, OTHER_NAMED_CARD))
        assert hall_database.read(lambda tx: papers.kept_requests(tx, 1)) == ()
        assert verify(hall_database).problems == ()


# --- the fence --------------------------------------------------------------------------------------------------


class TestFence:
    def test_a_till_counted_while_top_ups_run_counts_every_one(self, hall_database: Database) -> None:
        clerk = clerk_at(hall_database)
        open_till(clerk, 500)
        booked: list[ToppedUp] = []
        some = threading.Event()

        def customers() -> None:
            desk = top_up_desk(clerk)
            while True:
                booked.append(desk.top_up(cash_top_up(clerk, 1_00)))
                if len(booked) == 3:
                    some.set()

        def count() -> Any:
            assert some.wait(10)
            return cash_desk(clerk).lock_count(LockCount(clerk.asked(), CashCount(((100_00, 5),))))

        stopped, locked = at_once(customers, count)
        assert isinstance(stopped, Refused)
        assert stopped.reason is Reason.TILL_COUNT_LOCKED
        assert locked.expected_fen == 500_00 + len(booked) * 1_00
        assert balance(hall_database) == NAMED_FEN + len(booked) * 1_00
        assert verify(hall_database).problems == ()

    def test_two_clerks_open_a_shift_at_one_counter_at_once(self, hall_database: Database) -> None:
        first, second = at_once(
            lambda: clerk_at(hall_database, 2), lambda: clerk_at(hall_database, 2, OTHER_CLERK)
        )
        assert isinstance(first, Clerk)
        assert isinstance(second, Clerk)
        opened = [
            hall_database.read(lambda tx, who=who: shifts.load(tx, who.shift_id)) for who in (first, second)
        ]
        assert sorted(shift.ordinal for shift in opened if shift is not None) == [1, 2]

    def test_one_clerk_signing_in_twice_at_once_has_one_shift(self, hall_database: Database) -> None:
        first, second = at_once(*[lambda: clerk_at(hall_database, 2)] * 2)
        assert isinstance(first, Clerk)
        assert first == second

    def test_two_counters_put_money_on_one_card_at_once(self, hall_database: Database) -> None:
        one, two = clerk_at(hall_database), clerk_at(hall_database, 2, OTHER_CLERK)
        open_till(one)
        open_till(two)

        def five(clerk: Clerk) -> None:
            for _ in range(5):
                top_up_desk(clerk).top_up(cash_top_up(clerk, 2_00))

        assert at_once(lambda: five(one), lambda: five(two)) == [None, None]
        assert balance(hall_database) == NAMED_FEN + 20_00
        assert verify(hall_database).problems == ()


# --- kill -9 ----------------------------------------------------------------------------------------------------


def _die_at(engine: sa.Engine, statement_no: int) -> None:
    """Kill this process with SIGKILL just before its n-th statement; COMMIT counts as one."""
    count = 0

    def step(*_: object) -> None:
        nonlocal count
        count += 1
        if count == statement_no:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(engine, "before_cursor_execute", step)
    sa.event.listen(engine, "commit", step)


def test_killed_before_any_statement_of_a_top_up_all_or_nothing(hall_database: Database) -> None:
    clerk = clerk_at(hall_database)
    open_till(clerk)
    booked_fen, killed = NAMED_FEN, 0
    for statement_no in range(1, 100):
        request = cash_top_up(clerk, 1_00)
        hall_database.close()

        def book(request: TopUp = request, statement_no: int = statement_no) -> None:
            again = reopened(hall_database)
            own = Clerk(again, clerk.counter_no, clerk.staff_no, clerk.shift_id)
            desk = top_up_desk(own)
            _die_at(again.engine, statement_no)
            desk.top_up(request)

        pid = os.fork()
        if pid == 0:
            try:
                book()
                os._exit(0)
            finally:
                os._exit(70)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
        killed += 1
        assert balance(hall_database) == booked_fen, f"half a top-up after statement {statement_no}"
        assert verify(hall_database).problems == ()
        kept = hall_database.read(lambda tx: papers.kept_requests(tx, 1))
        assert [row.operation_id for row in kept] in ([], [request.asked.operation_id])
        # The page after the restart sends the same request again.
        assert top_up_desk(clerk).top_up(request).balance_fen == booked_fen + 1_00
        booked_fen += 1_00
    assert killed > 15, "the harness must have reached the commit"
    assert balance(hall_database) == booked_fen + 1_00
    assert verify(hall_database).problems == ()


# --- SQLite files -----------------------------------------------------------------------------------------------


class TestFile:
    def test_another_key_is_told(self, sqlite_hall: Path) -> None:
        before = sqlite_hall.read_bytes()
        wrong = keys.derive(b"w" * 32)
        with database.opened(sqlite_engine(sqlite_hall, wrong)) as engine, pytest.raises(Refused) as refused:
            database.check_schema(engine)
        assert refused.value.reason is Reason.KEY_WRONG
        assert sqlite_hall.read_bytes() == before

    @pytest.mark.parametrize("content", ["sqlite", "text"])
    def test_a_file_that_is_no_hall_is_refused_and_left_alone(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "some.db"
        if content == "sqlite":
            plain = sqlite3.connect(path)
            plain.execute("CREATE TABLE hall (a)")
            plain.close()
        else:
            path.write_text("账本" * 4_000)
        before = path.read_bytes()
        with database.opened(sqlite_engine(path, KEYS)) as engine, pytest.raises(Refused) as refused:
            database.check_schema(engine)
        assert refused.value.reason is Reason.KEY_WRONG
        assert path.read_bytes() == before

    def test_nothing_readable_lies_in_the_file(self, sqlite_hall: Path) -> None:
        hall = open_sqlite(sqlite_hall)
        clerk = clerk_at(hall)
        open_till(clerk)
        top_up_desk(clerk).top_up(cash_top_up(clerk, 1_00))
        raw = b"".join(path.read_bytes() for path in sqlite_hall.parent.iterdir())
        hall.close()
        for planted in ("东郊营业厅", "张桂兰", "110105", "13800008000", NAMED_CARD, "CREATE TABLE"):
            assert planted.encode() not in raw
        with pytest.raises(sqlite3.DatabaseError, match="not a database"):
            sqlite3.connect(sqlite_hall).execute("SELECT 1 FROM sqlite_master")

    def test_a_newer_database_is_not_opened(self, hall_database: Database) -> None:
        database.check_schema(hall_database.engine)
        with hall_database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(Refused) as refused:
            database.check_schema(hall_database.engine)
        assert refused.value.reason is Reason.DATABASE_NEWER

    def test_locked_by_another_process_is_told_and_works_again_later(
        self, sqlite_hall: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 20)
        monkeypatch.setattr(database, "ATTEMPTS", 2)
        hall = open_sqlite(sqlite_hall)
        clerk = clerk_at(hall)
        open_till(clerk)
        request = cash_top_up(clerk, 10_00)
        hall.close()
        locked_end, release_end = os.pipe(), os.pipe()

        def hold() -> None:
            with sqlite_engine(sqlite_hall, KEYS).begin():
                os.write(locked_end[1], b"x")
                os.read(release_end[0], 1)

        with in_child(hold):
            os.read(locked_end[0], 1)
            with pytest.raises(StorageTrouble) as trouble:
                top_up_desk(clerk).top_up(request)
            assert "正被其他窗口占用，本笔没有入账" in trouble.value.sentence()
            assert not trouble.value.outcome_unknown
            # Looking never waits for the writer.
            assert balance(hall) == NAMED_FEN
            os.write(release_end[1], b"x")
        assert top_up_desk(clerk).top_up(request).balance_fen == NAMED_FEN + 10_00
        assert verify(hall).problems == ()
        hall.close()
        for end in (*locked_end, *release_end):
            os.close(end)

    def test_a_full_disk_is_told_and_nothing_is_half_written(self, sqlite_hall: Path) -> None:
        roomy = open_sqlite(sqlite_hall)
        clerk = clerk_at(roomy)
        open_till(clerk)
        with roomy.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        roomy.close()
        full = Database(sqlite_engine(sqlite_hall, KEYS, max_pages=pages + 4), HALL_ID, KEYS, roomy.clock)
        poor = Clerk(full, clerk.counter_no, clerk.staff_no, clerk.shift_id)
        requests = [cash_top_up(poor, 1_00) for _ in range(500)]
        booked = 0
        desk = top_up_desk(poor)

        def until_full() -> None:
            nonlocal booked
            for request in requests:
                desk.top_up(request)
                booked += 1

        with pytest.raises(StorageTrouble) as trouble:
            until_full()
        assert "磁盘已满，本笔没有入账" in trouble.value.sentence()
        assert balance(full) == NAMED_FEN + booked * 1_00
        assert verify(full).problems == ()
        full.close()
        assert top_up_desk(clerk).top_up(requests[booked]).balance_fen == NAMED_FEN + (booked + 1) * 1_00
        assert verify(roomy).problems == ()
        roomy.close()

    def test_an_old_library_is_refused(self, sqlite_hall: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "MINIMUM_SQLITE", (99, 0, 0))
        with pytest.raises(StorageTrouble, match="3"):
            sqlite_engine(sqlite_hall, KEYS)


# --- PostgreSQL -------------------------------------------------------------------------------------------------


def _postgres(url: str, clock: HallClock) -> Database:
    return Database(postgres_engine(url), HALL_ID, KEYS, clock)


@pytest.mark.parametrize("bad", ["name = NULL", "holder_id = 'h2'"])
def test_a_broken_constraint_tells_no_persons_values(postgres_hall: str, clock: HallClock, bad: str) -> None:
    hall = _postgres(postgres_hall, clock)
    statement = sa.text(f"UPDATE holder SET {bad} WHERE holder_id = 'h1'")
    with pytest.raises(sa.exc.IntegrityError) as caught:
        hall.write(lambda tx: tx.connection.execute(statement))
    hall.close()
    told = "".join(traceback.format_exception(caught.value))
    assert "constraint" in told, "what was broken must still be named"
    for value in ("张桂兰", "002X", "8000", "h2", "DETAIL"):
        assert value not in told.replace(bad, "")


def test_a_backend_ended_in_mid_unit_is_retried_and_booked_once(postgres_hall: str, clock: HallClock) -> None:
    hall = _postgres(postgres_hall, clock)
    clerk = clerk_at(hall)
    open_till(clerk)
    desk = top_up_desk(clerk)
    admin = sa.create_engine(postgres_hall, isolation_level="AUTOCOMMIT")
    cut: list[str] = []

    def end_backend(conn: sa.Connection, _cursor: Any, statement: str, *_: object) -> None:
        for victim in ("INSERT INTO operation ", "INSERT INTO audit "):
            if victim in statement and victim not in cut:
                cut.append(victim)
                pid = conn.connection.driver_connection.info.backend_pid
                with admin.connect() as other:
                    other.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    sa.event.listen(hall.engine, "before_cursor_execute", end_backend)
    done = desk.top_up(cash_top_up(clerk, 10_00))
    assert len(cut) == 2
    assert done.balance_fen == NAMED_FEN + 10_00
    assert verify(hall).problems == ()
    admin.dispose()
    hall.close()


def test_a_connection_cut_before_its_commit_is_retried_and_booked_once(
    postgres_hall: str, clock: HallClock
) -> None:
    hall = _postgres(postgres_hall, clock)
    clerk = clerk_at(hall)
    open_till(clerk)
    desk = top_up_desk(clerk)
    admin = sa.create_engine(postgres_hall, isolation_level="AUTOCOMMIT")
    cuts = 0

    def end_backend(conn: sa.Connection) -> None:
        nonlocal cuts
        cuts += 1
        if cuts <= 3:
            pid = conn.connection.driver_connection.info.backend_pid
            with admin.connect() as other:
                other.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    sa.event.listen(hall.engine, "commit", end_backend)
    assert desk.top_up(cash_top_up(clerk, 10_00)).balance_fen == NAMED_FEN + 10_00
    assert verify(hall).problems == ()
    admin.dispose()
    hall.close()


def test_a_server_that_stays_away_is_told_as_unknown_outcome(
    postgres_hall: str, clock: HallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "ATTEMPTS", 2)
    hall = _postgres(postgres_hall, clock)
    clerk = clerk_at(hall)
    open_till(clerk)
    desk = top_up_desk(clerk)
    admin = sa.create_engine(postgres_hall, isolation_level="AUTOCOMMIT")

    def end_backend(conn: sa.Connection) -> None:
        pid = conn.connection.driver_connection.info.backend_pid
        with admin.connect() as other:
            other.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    request = cash_top_up(clerk, 10_00)
    sa.event.listen(hall.engine, "commit", end_backend)
    with pytest.raises(StorageTrouble) as trouble:
        desk.top_up(request)
    assert trouble.value.outcome_unknown
    assert "不能确定本笔是否入账" in trouble.value.sentence()
    sa.event.remove(hall.engine, "commit", end_backend)
    assert desk.top_up(request).balance_fen == NAMED_FEN + 10_00
    admin.dispose()
    hall.close()


# --- rows that only grow ----------------------------------------------------------------------------------------


def test_what_only_grows_refuses_change(hall_database: Database) -> None:
    clerk = clerk_at(hall_database)
    open_till(clerk)
    top_up_desk(clerk).top_up(cash_top_up(clerk, 1_00))
    statements: list[str] = []
    for name in tables.INSERT_ONLY:
        with hall_database.engine.connect() as connection:
            if not connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one():
                continue
        statements += [f"DELETE FROM {name}", f"UPDATE {name} SET hall_id = 'other'"]
        if hall_database.engine.dialect.name == "postgresql":
            statements.append(f"TRUNCATE {name}")
        else:
            statements.append(f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}")
    assert len(statements) >= 7 * 3
    for statement in statements:
        with (
            pytest.raises(sa.exc.IntegrityError, match="only grows"),
            hall_database.engine.begin() as connection,
        ):
            connection.exec_driver_sql(statement)
    assert verify(hall_database).problems == ()


def test_waits_are_bounded(sqlite_hall: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 10)
    monkeypatch.setattr(database, "ATTEMPT_WINDOW_S", 0.2)
    monkeypatch.setattr(database, "ATTEMPTS", 1_000)
    hall, other = open_sqlite(sqlite_hall), sqlite_engine(sqlite_hall, KEYS)
    with other.begin():
        start = time.monotonic()
        with pytest.raises(StorageTrouble):
            hall.write(lambda tx: None)
        assert time.monotonic() - start < 5
    hall.close()
    other.dispose()


# --- the answer to COMMIT is lost -------------------------------------------------------------------------------


class _CuttingWire:
    """Between program and server: passes everything on, but of some COMMITs it never brings the answer back."""

    def __init__(self, server: str, folder: Path) -> None:
        self._server = server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        self.cuts_left = 0
        self.cut = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """No new connections; those that are open end with their program."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._carry, args=(near,))
            self._threads.append(thread)
            thread.start()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.socket(socket.AF_UNIX) as far:
            far.connect(self._server)
            while True:
                ready, _, _ = select.select([near, far], [], [])
                for source in ready:
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    if source is far:
                        near.sendall(data)
                        continue
                    far.sendall(data)
                    if b"COMMIT" in data and self.cuts_left:
                        self.cuts_left -= 1
                        self.cut += 1
                        # The server's answer says that it is done; nobody hears it.
                        far.recv(1 << 16)
                        return


@pytest.fixture
def cutting_wire(postgres_hall: str) -> Iterator[tuple[_CuttingWire, str]]:
    """A wire to the hall's server that can cut, and the hall's address over it."""
    address = sa.engine.make_url(postgres_hall)
    folder = Path(
        tempfile.mkdtemp(prefix="wire-")
    )  # a socket's path may have 107 bytes, tmp_path may have more
    wire = _CuttingWire(f"{address.query['host']}/.s.PGSQL.5432", folder)
    yield wire, address.set(query={"host": str(folder)}).render_as_string()
    wire.close()
    shutil.rmtree(folder)


def test_a_lost_answer_to_commit_books_once(cutting_wire: tuple[_CuttingWire, str], clock: HallClock) -> None:
    wire, url = cutting_wire
    hall = _postgres(url, clock)
    clerk = clerk_at(hall)
    open_till(clerk)
    desk = top_up_desk(clerk)
    for number in range(1, 6):
        request = cash_top_up(clerk, 1_00)
        hall.keep(request)
        wire.cuts_left = 2
        assert desk.top_up(request).balance_fen == NAMED_FEN + number * 1_00
        assert balance(hall) == NAMED_FEN + number * 1_00
    assert wire.cut == 10
    assert verify(hall).problems == ()
    hall.close()


def test_every_answer_lost_is_told_as_unknown_though_it_was_booked(
    cutting_wire: tuple[_CuttingWire, str], clock: HallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "ATTEMPTS", 1)
    wire, url = cutting_wire
    hall = _postgres(url, clock)
    clerk = clerk_at(hall)
    open_till(clerk)
    request = cash_top_up(clerk, 1_00)
    desk = top_up_desk(clerk)
    hall.keep(request)

    def cut_the_booking(_conn: sa.Connection, _cursor: Any, statement: str, *_: object) -> None:
        if "INSERT INTO audit " in statement:
            wire.cuts_left = 1

    sa.event.listen(hall.engine, "before_cursor_execute", cut_the_booking)
    with pytest.raises(StorageTrouble) as trouble:
        desk.top_up(request)
    assert trouble.value.outcome_unknown
    assert "不要重新收款" in trouble.value.sentence()
    # "再查一次" sends the same request again.
    assert desk.top_up(request).balance_fen == NAMED_FEN + 1_00 == balance(hall)
    assert verify(hall).problems == ()
    hall.close()
