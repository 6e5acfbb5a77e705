"""`counter-app upgrade`: carry the database over to this program's version while the hall is closed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from counter_app.domain.errors import Trouble


def main(argv: list[str]) -> int:
    """0 when the database has this program's version, 1 with a sentence when it could not be carried over."""
    parser = argparse.ArgumentParser(prog="counter-app upgrade")
    parser.add_argument("--settings", type=Path, help="this counter's settings file")
    options = parser.parse_args(argv)
    from counter_app import bootstrap
    from counter_app.commands.asked import settings_and_passphrase
    from counter_app.storage import migrate

    try:
        settings, passphrase = settings_and_passphrase(options.settings)
        database = bootstrap.open_database(settings, passphrase, check=False)
        try:
            before, after = migrate.upgrade(database.engine)
        finally:
            database.close()
    except Trouble as trouble:
        print(trouble.sentence(), file=sys.stderr)
        return 1
    if before == after:
        print(f"数据库已是版本 {after}，不用升级。")
    else:
        print(f"数据库已从版本 {before} 升级到 {after}。请运行 counter-app verify 核对账目。")
    return 0
