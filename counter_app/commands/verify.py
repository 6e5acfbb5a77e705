"""`counter-app verify`: re-compute ledger and audit chain of a database; non-zero on any mismatch."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from counter_app.domain.errors import Trouble


def main(argv: list[str]) -> int:
    """0 when everything fits, 1 with one line per mismatch, 2 when the database cannot be opened.

    Asks on the terminal for the passphrase of a key that is kept under one.
    """
    parser = argparse.ArgumentParser(prog="counter-app verify")
    parser.add_argument("--settings", type=Path, help="this counter's settings file")
    parser.add_argument(
        "--told", action="store_true", help="settings and passphrase come as JSON on standard input"
    )
    options = parser.parse_args(argv)
    from counter_app import bootstrap
    from counter_app.commands.asked import settings_and_passphrase
    from counter_app.storage.verify import verify

    if options.told:
        if hasattr(os, "nice"):
            os.nice(10)  # beside a window that is just starting and must not wait for it
        settings, passphrase = bootstrap.from_told(sys.stdin.read())
    try:
        if not options.told:
            settings, passphrase = settings_and_passphrase(options.settings)
        database = bootstrap.open_database(settings, passphrase)
    except Trouble as trouble:
        print(trouble.sentence(), file=sys.stderr)
        return 2
    try:
        report = verify(database, lambda line: print(line, file=sys.stderr))
    finally:
        database.close()
    print(
        f"业务 {report.operations} 笔，分录 {report.transfers} 笔，借 {report.debit_fen} 分，贷 {report.credit_fen} 分，"
        f"审计链 {report.links} 环"
    )
    for problem in report.problems:
        print(f"不符：{problem}")
    print(
        "账目相符。"
        if not report.problems
        else f"有 {len(report.problems)} 处不符，请停止收付款并通知管理员。"
    )
    return 1 if report.problems else 0
