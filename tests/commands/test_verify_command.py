"""`counter-app verify` as an administrator runs it: 0 fits, 1 with one line per mismatch, 2 cannot be opened."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from counter_builder import Counter
from hall_builder import NAMED_CARD, open_sqlite

from counter_app import settings as settings_file
from counter_app.settings import DatabaseAt, KeyAt, Settings
from counter_app.storage import keys, tables

MASTER = b"master key of the hall of tests."


@pytest.fixture
def settings(sqlite_hall: Path, tmp_path: Path) -> Settings:
    """A counter with a day's work in its file."""
    database = open_sqlite(sqlite_hall)
    Counter(database).opened().top_up(NAMED_CARD, 10_00)
    database.close()
    key = tmp_path / "hall.key"
    keys.store_master(keys.InFile(key), MASTER)
    return Settings(database=DatabaseAt(path=str(sqlite_hall)), key=KeyAt(path=str(key)))


def run(settings: Settings, tmp_path: Path, told: str = "") -> subprocess.CompletedProcess[str]:
    path = tmp_path / "counter.toml"
    settings_file.save(path, settings)
    return verify(path, told)


def verify(
    path: Path, told: str = "", command: tuple[str, ...] = ("verify",)
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "counter_app", *command, "--settings", str(path)],
        input=told,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        start_new_session=True,  # no terminal: the passphrase is read from standard input
    )


def test_books_that_fit(settings: Settings, tmp_path: Path) -> None:
    done = run(settings, tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "账目相符。")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE purse SET balance_fen = balance_fen + 1",
        "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE operation SET amount_fen = amount_fen + 1 WHERE kind = 'top_up'",
        "DELETE FROM transfer WHERE operation_id IN (SELECT operation_id FROM operation WHERE kind = 'top_up')",
    ],
)
def test_books_that_somebody_changed(settings: Settings, tmp_path: Path, change: str) -> None:
    database = open_sqlite(Path(settings.database.path))
    with database.engine.begin() as connection:
        for (name,) in connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).all():
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        connection.exec_driver_sql(change)
    database.close()
    done = run(settings, tmp_path)
    assert done.returncode == 1, done
    assert "不符：" in done.stdout


def test_a_key_under_a_passphrase_is_asked_for(settings: Settings, tmp_path: Path) -> None:
    wrapped = tmp_path / "wrapped.key"
    keys.store_master(keys.UnderPassphrase(wrapped), MASTER, passphrase="green-river-41")
    settings = dataclasses.replace(settings, key=KeyAt("passphrase", str(wrapped)))
    assert run(settings, tmp_path, "green-river-41\n").returncode == 0
    refused = run(settings, tmp_path, "green-river-42\n")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "口令" in refused.stderr


def test_what_cannot_be_opened_is_told_in_a_sentence(settings: Settings, tmp_path: Path) -> None:
    nowhere = dataclasses.replace(settings, database=DatabaseAt(path=str(tmp_path / "gone.db")))
    damaged = tmp_path / "damaged.toml"
    damaged.write_text("counter_no = [", "utf-8")
    for done, said in (
        (run(nowhere, tmp_path), "gone.db"),
        (verify(tmp_path / "none.toml"), "none.toml"),
        (verify(damaged), "damaged.toml"),
    ):
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_upgrade_leaves_a_database_of_this_version_alone(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "counter.toml"
    settings_file.save(path, settings)
    done = verify(path, command=("upgrade",))
    assert (done.returncode, done.stdout) == (0, f"数据库已是版本 {tables.SCHEMA_VERSION}，不用升级。\n")


def test_upgrade_never_touches_what_a_newer_program_wrote(settings: Settings, tmp_path: Path) -> None:
    database = open_sqlite(Path(settings.database.path))
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    path = tmp_path / "counter.toml"
    settings_file.save(path, settings)
    done = verify(path, command=("upgrade",))
    assert (done.returncode, done.stderr) == (1, "数据库由更新的程序写成（版本 9999），请先升级本程序。\n")
    assert run(settings, tmp_path).returncode == 2


def test_the_window_too_tells_settings_that_cannot_be_read(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.toml"
    damaged.write_text("counter_no = [", "utf-8")
    done = verify(damaged, command=())
    assert (done.returncode, done.stderr) == (1, "设置文件 damaged.toml 读不出，请检查或重新设置。\n")
