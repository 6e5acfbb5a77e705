"""What every room's tests share: one real PostgreSQL per run, the property-test profile, the leak check."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
