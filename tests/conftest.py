"""What every room's tests share: one real PostgreSQL per run, the property-test profile, the leak check."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, os.path.dirname(__file__))  # tests of several rooms share hall_builder, which is no test

if TYPE_CHECKING:
    from hall_builder import HallClock

    from counter_app.storage.database import Database

LEFTOVER_S = 5.0
"""How long a thread started by a test may take to end after the test."""

# The same examples on every machine and run; a slow machine is no failure.
settings.register_profile(
    "ci", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    """Fail a test that leaves a thread behind: a lane, a listener or a writer nobody joined."""
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + LEFTOVER_S
    left = [
        thread
        for thread in threading.enumerate()
        if thread not in before and not isinstance(thread, threading._DummyThread)
    ]
    for thread in left:
        thread.join(max(0.0, end - time.monotonic()))
    names = [thread.name for thread in left if thread.is_alive()]
    assert not names, f"threads left behind: {names}"


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SQLAlchemy address of an empty database of this test process on a real PostgreSQL 18.

    The run's workers share one server over its unix socket; each gets a database of its own, so tests within one
    worker clean up after each other (TRUNCATE, or drop the tables) but never see another worker's rows.
    """
    worker_id = os.environ.get("PYTEST_XDIST_WORKER", "master")
    base = tmp_path_factory.getbasetemp()
    run_directory = base if worker_id == "master" else base.parent
    keeper: subprocess.Popen[str] | None = None
    with (run_directory / "in_use").open("a") as in_use:
        # Waits here while a keeper whose users have all gone is still shutting down.
        fcntl.flock(in_use, fcntl.LOCK_SH)
        socket_note = run_directory / "socket"
        with (run_directory / "starting").open("a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if not socket_note.exists():
                keeper = _start_keeper(run_directory)
        yield _create_database(socket_note.read_text(), f"counter_{worker_id}")
    if keeper is not None:
        # The server may outlive this worker's tests while another worker still uses it.
        keeper.wait()
        assert keeper.stdout is not None
        keeper.stdout.close()
        assert keeper.returncode == 0, f"the PostgreSQL keeper ended with {keeper.returncode}"


def _start_keeper(run_directory: Path) -> subprocess.Popen[str]:
    """The keeper, once its server answers; its own session keeps Ctrl+C away from the server's shutdown."""
    script = Path(__file__).with_name("postgres_keeper.py")
    keeper = subprocess.Popen(
        [sys.executable, str(script), str(run_directory)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert keeper.stdout is not None
    said = keeper.stdout.readline()
    if said != "ready\n":
        keeper.stdout.close()
        raise RuntimeError(f"PostgreSQL did not start; the keeper ended with {keeper.wait()}")
    return keeper


def _create_database(socket_directory: str, name: str) -> str:
    import psycopg

    with psycopg.connect(
        host=socket_directory, user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql+psycopg://postgres@/{name}?host={socket_directory}"


# --- a hall -----------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> HallClock:
    """The hall's clock, at 09:00 on an ordinary Monday; `clock.advance(minutes=5)` moves it."""
    from hall_builder import HallClock

    return HallClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def hall_database(request: pytest.FixtureRequest, clock: HallClock) -> Iterator[Database]:
    """A migrated, founded hall of its own for one test, on each engine; see `hall_builder` for who is in it."""
    from hall_builder import HALL_ID, KEYS

    from counter_app.storage.database import Database, postgres_engine, sqlite_engine

    if request.param == "sqlite":
        engine = sqlite_engine(request.getfixturevalue("sqlite_hall"), KEYS)
    else:
        engine = postgres_engine(request.getfixturevalue("postgres_hall"))
    database = Database(engine, HALL_ID, KEYS, clock)
    yield database
    database.close()


@pytest.fixture
def sqlite_hall(sqlite_hall_template: Path, tmp_path: Path) -> Path:
    """The hall's own encrypted file, closed; for tests that open it in several ways."""
    copy = tmp_path / "hall.db"
    shutil.copyfile(sqlite_hall_template, copy)
    return copy


@pytest.fixture(scope="session")
def sqlite_hall_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A founded hall that every test copies; closed, so its file is whole."""
    from hall_builder import found_hall, open_sqlite

    from counter_app.storage import migrate

    path = tmp_path_factory.mktemp("template") / "hall.db"
    database = open_sqlite(path)
    migrate.create(database.engine)
    found_hall(database)
    database.close()
    return path


@pytest.fixture
def postgres_hall(postgres_hall_template: str) -> Iterator[str]:
    """SQLAlchemy address of a founded hall that belongs to one test."""
    url, name = _copy_database(postgres_hall_template, "_test")
    yield url
    _run_beside(postgres_hall_template, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_hall_template(postgres_url: str) -> str:
    """A founded hall on PostgreSQL; nobody stays connected, so that it can be copied."""
    from hall_builder import HALL_ID, KEYS, HallClock, found_hall

    from counter_app.storage import migrate
    from counter_app.storage.database import Database, postgres_engine

    url, _ = _copy_database(postgres_url, "_hall", template="template0")
    database = Database(postgres_engine(url), HALL_ID, KEYS, HallClock())
    migrate.create(database.engine)
    found_hall(database)
    database.close()
    return url


def _copy_database(url: str, suffix: str, template: str = "") -> tuple[str, str]:
    """Address and name of a copy of `url`'s database (or of `template`) on the same server."""
    from sqlalchemy.engine import make_url

    address = make_url(url)
    name = f"{address.database}{suffix}"
    _run_beside(url, f'CREATE DATABASE "{name}" TEMPLATE "{template or address.database}"')
    return address.set(database=name).render_as_string(), name


def _run_beside(url: str, statement: str) -> None:
    """Run one statement from the server's own database: one that is in use is neither copied nor dropped."""
    import psycopg
    from sqlalchemy.engine import make_url

    host = str(make_url(url).query["host"])
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(statement)
