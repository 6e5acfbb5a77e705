"""Bring a database to the tables this program needs: create them, or carry an older database over.

Loaded only by set-up and upgrade; the ordinary start compares the version through `database.check_schema` and never
imports Alembic.
"""

from __future__ import annotations

import logging
import os
import pathlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from counter_app.domain.errors import Reason, Refused, StorageTrouble
from counter_app.storage import tables
from counter_app.storage.database import translated

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

log = logging.getLogger(__name__)

STEPS = pathlib.Path(__file__).with_name("migrations")
"""Where the steps are; tests of a failing step point elsewhere."""

_version = sa.text("SELECT version_num FROM alembic_version")


def create(engine: Engine, target: str = tables.SCHEMA_VERSION) -> None:
    """All tables of a version in an empty database; `StorageTrouble` when it already holds tables."""
    with engine.connect() as connection:
        found = sa.inspect(connection).get_table_names()
    if found:
        raise StorageTrouble(
            "这个数据库里已有数据，不会覆盖。请换一个数据库，或直接打开它。", f"tables already there: {found}"
        )
    _run(engine, target)


def upgrade(engine: Engine, target: str = tables.SCHEMA_VERSION) -> tuple[str, str]:
    """Carry the database to `target`; the versions (before, after).

    A SQLite file is copied first, beside itself, and the copy is kept. Each step is one transaction that is rolled
    back when rows or money were lost on the way, so a failure leaves the last whole version. `Refused(DATABASE_NEWER)`
    when a newer program wrote it. Needs the hall closed: nobody else may be writing.
    """
    before = _found(engine)
    if before == target:
        return before, before
    if before > target:
        raise Refused(Reason.DATABASE_NEWER, found=before)
    if engine.dialect.name == "sqlite":
        copy = _copy_beside(engine, before)
        log.info("database copied to %s before the upgrade", copy)
    _run(engine, target)
    return before, _found(engine)


def _found(engine: Engine) -> str:
    try:
        with engine.connect() as connection:
            return str(connection.execute(_version).scalar_one())
    except DBAPIError as error:
        raise StorageTrouble("这不是本程序的数据库，请检查设置中的数据库位置。", str(error.orig)) from error


def _run(engine: Engine, target: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # The configuration reader takes a lone % for a reference.
    config.set_main_option("script_location", str(STEPS).replace("%", "%%"))
    try:
        with engine.connect() as connection:
            known = totals(connection)
            connection.rollback()

            def after_step(ctx: Any, **_step: Any) -> None:
                nonlocal known
                now = totals(ctx.connection)
                lost = {
                    name: (count, now.get(name)) for name, count in known.items() if now.get(name) != count
                }
                if lost:
                    raise StorageTrouble(
                        "升级后账目条数不一致，已退回升级前的数据库。请联系开发人员。",
                        f"changed by the upgrade: {lost}",
                    )
                known = now

            config.attributes["connection"] = connection
            config.attributes["after_step"] = after_step
            command.upgrade(config, target)
    except DBAPIError as error:
        raise translated(error) from error


def totals(connection: Connection) -> dict[str, int]:
    """Rows per table, and the two sums of money that no upgrade may change; empty for an empty database."""
    names = [name for name in sa.inspect(connection).get_table_names() if name != "alembic_version"]
    sums = {
        name: int(connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one())
        for name in names
    }
    for name, column in (("transfer", "amount_fen"), ("purse", "balance_fen")):
        if name in names:
            money: sa.Select[Any] = sa.select(
                sa.func.coalesce(sa.func.sum(sa.column(column)), 0)
            ).select_from(sa.table(name))
            sums[f"{name}.{column}"] = int(connection.execute(money).scalar_one())
    return sums


def _copy_beside(engine: Engine, version: str) -> pathlib.Path:
    """A whole encrypted copy under the same key, named after its version; an earlier copy is never overwritten."""
    assert engine.url.database is not None
    source = pathlib.Path(engine.url.database)
    number = 1
    while (copy := source.with_name(f"{source.name}.v{version}-{number}")).exists():
        number += 1
    raw = engine.raw_connection()
    try:
        # Outside any transaction, through the library: a file copy of a live database may miss its journal.
        raw.cursor().execute("VACUUM INTO ?", (str(copy),))
    except engine.dialect.loaded_dbapi.Error as error:
        copy.unlink(missing_ok=True)
        raise StorageTrouble(
            "升级前的备份没有做成，升级没有开始。请检查磁盘空间后重试。", f"VACUUM INTO {copy}: {error}"
        ) from error
    finally:
        raw.close()
    with copy.open("rb") as written:
        os.fsync(written.fileno())
    return copy
