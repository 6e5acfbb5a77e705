"""Tables made by the migrations are the tables the program thinks in; upgrades lose nothing and can be undone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from counter_app.domain.errors import Reason, Refused, StorageTrouble
from counter_app.storage import database, keys, migrate, tables
from counter_app.storage.database import postgres_engine, sqlite_engine

KEYS = keys.derive(b"a master key of thirty-two bytes")
NewEngine = Callable[[], sa.Engine]


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
