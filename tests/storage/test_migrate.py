"""Tables made by the migrations are the tables the program thinks in; upgrades lose nothing and can be undone."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hall_builder import HALL_ID, HallClock, open_sqlite
from hall_builder import KEYS as HALL_KEYS

from counter_app.domain.errors import Reason, Refused, StorageTrouble
from counter_app.storage import database, keys, migrate, tables
from counter_app.storage.database import Database, postgres_engine, sqlite_engine
from counter_app.storage.verify import verify

sys.path.insert(0, os.path.dirname(__file__))  # fill_hall is no test
from fill_hall import FILLED, enter_rows

KEYS = keys.derive(b"a master key of thirty-two bytes")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An engine over a database without a table."""
    if request.param == "sqlite":
        with database.opened(sqlite_engine(tmp_path / "hall.db", KEYS)) as engine:
            yield engine
        return
    with database.opened(postgres_engine(request.getfixturevalue("postgres_url"))) as engine:
        _drop_all(engine)
        yield engine
        _drop_all(engine)


def _drop_all(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")


def _shape(engine: sa.Engine) -> dict[str, object]:
    """Every table with its columns, keys, checks and indexes, as the database itself tells them."""
    inspector = sa.inspect(engine)

    def checks(table: str) -> set[tuple[str | None, str]]:
        return {
            (check["name"], re.sub(r"\s+", " ", check["sqltext"]))
            for check in inspector.get_check_constraints(table)
        }

    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column.get("default"))
                for column in inspector.get_columns(table)
            ],
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "unique": {(u["name"], *u["column_names"]) for u in inspector.get_unique_constraints(table)},
            "checks": checks(table),
            "indexes": {
                (
                    index["name"],
                    tuple(index["column_names"]),
                    bool(index["unique"]),
                    str(index.get("dialect_options", {}).get(f"{engine.dialect.name}_where", "")),
                )
                for index in inspector.get_indexes(table)
            },
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def _triggers(engine: sa.Engine) -> set[tuple[str, str]]:
    """(table, trigger) of every trigger."""
    statement = (
        "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
        if engine.dialect.name == "sqlite"
        else "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    with engine.connect() as connection:
        return {(row[0], row[1]) for row in connection.exec_driver_sql(statement)}


def test_migrated_tables_are_those_of_the_program(empty: sa.Engine) -> None:
    migrate.create(empty)
    migrated = _shape(empty)
    with empty.begin() as connection:
        for table in migrated:
            connection.exec_driver_sql(f"DROP TABLE {table}")
        tables.metadata.create_all(connection)
    assert migrated == _shape(empty)
    assert set(migrated) == set(tables.metadata.tables)


def test_every_table_that_only_grows_is_guarded(empty: sa.Engine) -> None:
    migrate.create(empty)
    expected = (
        {(table, f"{table}_no_{change}") for table in tables.INSERT_ONLY for change in ("update", "delete")}
        if empty.dialect.name == "sqlite"
        else {(table, f"{table}_only_grows") for table in tables.INSERT_ONLY}
    )
    assert _triggers(empty) == expected


def test_a_new_database_is_at_the_version_the_program_needs(empty: sa.Engine) -> None:
    migrate.create(empty)
    database.check_schema(empty)
    assert migrate.upgrade(empty) == (tables.SCHEMA_VERSION, tables.SCHEMA_VERSION)


def test_create_never_touches_a_database_that_holds_something(empty: sa.Engine) -> None:
    with empty.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE somebody_elses (a INTEGER)")
    with pytest.raises(StorageTrouble, match="already there"):
        migrate.create(empty)
    assert sa.inspect(empty).get_table_names() == ["somebody_elses"]


def test_a_newer_database_is_refused(empty: sa.Engine) -> None:
    migrate.create(empty)
    with empty.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for use in (migrate.upgrade, database.check_schema):
        with pytest.raises(Refused) as refused:
            use(empty)
        assert refused.value.reason is Reason.DATABASE_NEWER
        assert "9999" in refused.value.sentence()


def test_a_foreign_database_is_no_hall(empty: sa.Engine) -> None:
    for use in (migrate.upgrade, database.check_schema):
        with pytest.raises(StorageTrouble) as trouble:
            use(empty)
        assert "不是本程序的数据库" in trouble.value.sentence()


# --- upgrades ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", sorted(path.stem for path in FILLED.glob("*.json")))
def test_a_filled_database_of_every_version_comes_up_whole(empty: sa.Engine, version: str) -> None:
    migrate.create(empty, version)
    with empty.begin() as connection:
        enter_rows(connection, json.loads((FILLED / f"{version}.json").read_text("utf-8")))
    with empty.connect() as connection:
        before = migrate.totals(connection)
    assert migrate.upgrade(empty) == (version, tables.SCHEMA_VERSION)
    with empty.connect() as connection:
        after = migrate.totals(connection)
    assert {name: after[name] for name in before} == before
    assert before["operation"] > 10
    assert verify(Database(empty, HALL_ID, HALL_KEYS, HallClock())).problems == ()


def test_the_present_version_has_its_filled_hall() -> None:
    assert (FILLED / f"{tables.SCHEMA_VERSION}.json").exists()


GOOD = 'op.add_column("card", sa.Column("colour", sa.Text()))'
LOSING = 'op.execute("DELETE FROM medium")'
BREAKING = 'op.create_table("half", sa.Column("a", sa.Text()))\n    op.execute("SELECT nothing FROM nowhere")'


@pytest.fixture
def next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Puts one more step with this body behind the real ones, and names its version."""

    def add(body: str) -> str:
        folder = tmp_path / "steps 100%"
        shutil.copytree(migrate.STEPS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "versions" / "0900_next.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = '0900'\n"
            f"down_revision = '{tables.SCHEMA_VERSION}'\n\n\ndef upgrade() -> None:\n    {body}\n"
        )
        monkeypatch.setattr(migrate, "STEPS", folder)
        return "0900"

    return add


def _version(engine: sa.Engine) -> str:
    with engine.connect() as connection:
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())


def test_an_upgrade_keeps_a_copy_of_the_file(sqlite_hall: Path, next_step: Callable[[str], str]) -> None:
    hall = open_sqlite(sqlite_hall)
    with hall.engine.connect() as connection:
        before = migrate.totals(connection)
    assert migrate.upgrade(hall.engine, next_step(GOOD)) == (tables.SCHEMA_VERSION, "0900")
    assert verify(hall).problems == ()
    hall.close()
    (copy,) = sqlite_hall.parent.glob("hall.db.v*")
    assert copy.name == f"hall.db.v{tables.SCHEMA_VERSION}-1"
    kept = open_sqlite(copy)
    database.check_schema(kept.engine)
    with kept.engine.connect() as connection:
        assert migrate.totals(connection) == before
    assert verify(kept).problems == ()
    kept.close()


def test_a_copy_is_never_written_over(sqlite_hall: Path, next_step: Callable[[str], str]) -> None:
    older = sqlite_hall.with_name(f"hall.db.v{tables.SCHEMA_VERSION}-1")
    older.write_bytes(b"an earlier copy")
    hall = open_sqlite(sqlite_hall)
    migrate.upgrade(hall.engine, next_step(GOOD))
    hall.close()
    assert older.read_bytes() == b"an earlier copy"
    assert sqlite_hall.with_name(f"hall.db.v{tables.SCHEMA_VERSION}-2").exists()


@pytest.mark.parametrize("body", [LOSING, BREAKING])
def test_a_step_that_loses_rows_or_breaks_is_taken_back(
    hall_database: Database, next_step: Callable[[str], str], body: str
) -> None:
    with hall_database.engine.connect() as connection:
        before = migrate.totals(connection)
    with pytest.raises(StorageTrouble):
        migrate.upgrade(hall_database.engine, next_step(body))
    assert _version(hall_database.engine) == tables.SCHEMA_VERSION
    with hall_database.engine.connect() as connection:
        assert migrate.totals(connection) == before
    assert verify(hall_database).problems == ()


def test_killed_in_the_middle_of_an_upgrade_the_database_is_whole(
    sqlite_hall: Path, next_step: Callable[[str], str]
) -> None:
    target = next_step(GOOD)
    killed = 0
    for statement_no in itertools.count(1, 6):
        pid = os.fork()
        if pid == 0:
            try:
                engine = sqlite_engine(sqlite_hall, HALL_KEYS)
                steps = itertools.count(1)

                def step(*_: object, steps: Iterator[int] = steps, last: int = statement_no) -> None:
                    if next(steps) == last:
                        os.kill(os.getpid(), signal.SIGKILL)

                sa.event.listen(engine, "before_cursor_execute", step)
                migrate.upgrade(engine, target)
                os._exit(0)
            finally:
                os._exit(70)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        killed += 1
        hall = open_sqlite(sqlite_hall)
        assert _version(hall.engine) == tables.SCHEMA_VERSION
        assert verify(hall).problems == ()
        hall.close()
    assert killed > 5
    hall = open_sqlite(sqlite_hall)
    assert _version(hall.engine) == target
    hall.close()
