"""Keep a filled hall of the present schema version as plain rows, for the upgrade tests of all later versions.

`python tests/storage/fill_hall.py` writes `filled_halls/<version>.json`. Run it when a version is about to be
released, never afterwards: a released version's file is what customers have.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import sqlalchemy as sa

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
FILLED = HERE / "filled_halls"


def rows_of(connection: sa.Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table; bytes as {"hex": …}."""
    found = {}
    for name in sa.inspect(connection).get_table_names():
        if name != "alembic_version":
            result = connection.execute(sa.text(f"SELECT * FROM {name}"))
            found[name] = [
                {
                    column: {"hex": value.hex()} if isinstance(value, bytes) else value
                    for column, value in row._mapping.items()
                }
                for row in result
            ]
    return found


def enter_rows(connection: sa.Connection, filled: dict[str, list[dict[str, Any]]]) -> None:
    """Put such rows into empty tables, by SQL alone: the program's own tables are of a later version."""
    for name, rows in filled.items():
        if rows:
            table = sa.table(name, *(sa.column(column) for column in rows[0]))
            plain = [
                {
                    column: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
                    for column, value in row.items()
                }
                for row in rows
            ]
            connection.execute(sa.insert(table), plain)


def main() -> None:
    """Write the file of the present version."""
    from hall_builder import HallClock, found_hall, open_sqlite
    from test_verify import a_day_and_a_morning

    from counter_app.storage import migrate, tables

    with tempfile.TemporaryDirectory() as folder:
        clock = HallClock()
        hall = open_sqlite(Path(folder) / "hall.db", clock)
        migrate.create(hall.engine)
        found_hall(hall)
        a_day_and_a_morning(hall, clock)
        with hall.engine.connect() as connection:
            text = json.dumps(rows_of(connection), ensure_ascii=False, indent=1, sort_keys=True)
        hall.close()
    FILLED.mkdir(exist_ok=True)
    (FILLED / f"{tables.SCHEMA_VERSION}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
