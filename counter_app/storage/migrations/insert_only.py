"""Triggers that refuse UPDATE, DELETE and (PostgreSQL) TRUNCATE; migrations call this for tables that only grow.

They stop mistakes and careless hands. Whoever owns the key or the server can drop them: that the audit chain finds.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

_FUNCTION = """
CREATE OR REPLACE FUNCTION only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % only grows', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def guard(connection: sa.Connection, table_names: Iterable[str]) -> None:
    """Let these tables only grow from now on."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_FUNCTION.replace("%", "%%"))
        for name in table_names:
            connection.exec_driver_sql(
                f"CREATE TRIGGER {name}_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
                "FOR EACH STATEMENT EXECUTE FUNCTION only_grows()"
            )
        return
    for name in table_names:
        for change in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER {name}_no_{change.lower()} BEFORE {change} ON {name} "
                f"BEGIN SELECT RAISE(ABORT, 'table {name} only grows'); END"
            )
