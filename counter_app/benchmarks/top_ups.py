"""One cash top-up through its desk ÷ the very same statements through the plain driver.

Three identical copies of a founded hall: on the first the statements and parameters of the top-ups are recorded,
on the second the desk books, on the third the recording is played back on a connection that the engine itself
opened (same library, same pragmas). Both sides read what the selects found and commit durably.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from counter_app import bootstrap
from counter_app.benchmarks import halls
from counter_app.benchmarks.figures import FOLDER, ROOT, Figure, Tell, in_turn
from counter_app.storage import migrate
from counter_app.storage.database import Database, postgres_engine

Copy = Callable[[str], Database]
"""Opens an own copy of the founded hall; the name tells copies apart."""

Statement = tuple[str, Any, bool]
"""Text, parameters, and whether they are many; or one of the two below."""

_BEGIN: Statement = ("begin", (), False)
_COMMIT: Statement = ("commit", (), False)

_EACH = 60
"""Top-ups of one round."""
_WARM_UP = 40
_CARDS = 200


def measure(tell: Tell, *, quick: bool) -> Iterator[Figure]:
    """The ratio on SQLite and on PostgreSQL."""
    rounds = 3 if quick else 10
    with _on_sqlite() as copy:
        yield _ratio("top_up.sqlite", 2.5, "plain sqlcipher3", copy, rounds)
    tell("starting PostgreSQL")
    with _on_postgres() as copy:
        yield _ratio("top_up.postgresql", 1.8, "plain psycopg", copy, rounds)


def _ratio(name: str, most: float, driver: str, copy: Copy, rounds: int) -> Figure:
    with contextlib.closing(copy("recorded")) as database:
        work = halls.at_work(database, _CARDS)
        recorded = _record(database, work.top_up, _WARM_UP + rounds * _EACH)
    with contextlib.closing(copy("booked")) as booked, contextlib.closing(copy("replayed")) as replayed:
        work = halls.at_work(booked, _CARDS)
        halls.at_work(replayed, _CARDS)
        plain = replayed.engine.raw_connection()
        try:
            played = iter(recorded)
            begin = "BEGIN IMMEDIATE" if replayed.engine.dialect.name == "sqlite" else ""

            def book() -> float:
                started_s = time.perf_counter()
                work.top_up()
                return (time.perf_counter() - started_s) * 1000

            def replay() -> float:
                statements = next(played)
                started_s = time.perf_counter()
                _play(plain.driver_connection, begin, statements)
                return (time.perf_counter() - started_s) * 1000

            in_turn((book, replay), 1, _WARM_UP)
            booked_ms, replayed_ms = in_turn((book, replay), rounds, _EACH)
        finally:
            plain.close()
    return Figure(
        name,
        booked_ms / replayed_ms,
        "ratio",
        most,
        f"{driver}, same statements: {booked_ms:.2f} ms to {replayed_ms:.2f} ms",
    )


def _record(database: Database, top_up: Callable[[], object], count: int) -> list[list[Statement]]:
    """What reaches the driver in each of `count` top-ups, in order."""
    seen: list[Statement] = []

    def statement(_connection: Any, _cursor: Any, text: str, values: Any, _context: Any, many: bool) -> None:
        seen.append((text, values, many))

    sa.event.listen(database.engine, "before_cursor_execute", statement)
    sa.event.listen(database.engine, "begin", lambda _connection: seen.append(_BEGIN))
    sa.event.listen(database.engine, "commit", lambda _connection: seen.append(_COMMIT))
    operations = []
    for _ in range(count):
        seen.clear()
        top_up()
        operations.append(list(seen))
    return operations


def _play(connection: Any, begin: str, statements: Sequence[Statement]) -> None:
    """`begin` is what starts a unit; "" where the driver does it by itself."""
    for statement in statements:
        if statement is _COMMIT:
            connection.commit()
            continue
        text, values, many = (begin, (), False) if statement is _BEGIN else statement
        if not text:
            continue
        cursor = connection.cursor()
        if many:
            cursor.executemany(text, values)
        else:
            cursor.execute(text, values)
            if cursor.description is not None:
                cursor.fetchall()
        cursor.close()


@contextlib.contextmanager
def _on_sqlite() -> Iterator[Copy]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Under build/, not under /tmp: a file system in memory would make every commit free.
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="top-up-") as name:
        folder = Path(name)
        database = halls.open_file(folder / "founded.db")
        migrate.create(database.engine)
        halls.found_small(database)
        database.close()

        def copy(name: str) -> Database:
            shutil.copyfile(folder / "founded.db", folder / f"{name}.db")
            return halls.open_file(folder / f"{name}.db")

        yield copy


@contextlib.contextmanager
def _on_postgres() -> Iterator[Copy]:
    with _server() as socket_folder:
        database = _postgres_hall(socket_folder, "founded", "template0")
        migrate.create(database.engine)
        halls.found_small(database)
        database.close()
        yield lambda name: _postgres_hall(socket_folder, name, "founded")


def _postgres_hall(socket_folder: str, name: str, template: str) -> Database:
    engine = sa.create_engine(f"postgresql+psycopg://postgres@/postgres?host={socket_folder}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    engine.dispose()
    url = f"postgresql+psycopg://postgres@/{name}?host={socket_folder}"
    return Database(postgres_engine(url), halls.hall_id(), halls.hall_keys(), bootstrap.utc_now)


@contextlib.contextmanager
def _server() -> Iterator[str]:
    """The socket folder of a PostgreSQL server that goes away with this process, however it ends."""
    keeper_file = ROOT / "tests" / "postgres_keeper.py"
    with tempfile.TemporaryDirectory(prefix="counter-bench-") as name:
        folder = Path(name)
        with (folder / "in_use").open("a") as in_use, (folder / "words").open("w+") as words:
            fcntl.flock(in_use, fcntl.LOCK_SH)
            keeper = subprocess.Popen(
                [sys.executable, str(keeper_file), name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=words,
                text=True,
                start_new_session=True,
            )
            assert keeper.stdout is not None
            if keeper.stdout.readline() != "ready\n":
                ended = keeper.wait()
                words.seek(0)
                raise RuntimeError(f"PostgreSQL did not start; the keeper ended with {ended}: {words.read()}")
            yield (folder / "socket").read_text()
        # The keeper waited for the lock that was just let go.
        keeper.wait()
        keeper.stdout.close()
