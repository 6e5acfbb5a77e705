"""`counter-app render-day --out FILE`: the day report on standard input as a PDF, in a process of its own.

Your line belongs here if it concerns the way from JSON to the file; how the report looks belongs to `printing`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from counter_app.domain.errors import Trouble


def main(argv: list[str]) -> int:
    """0 when the file is whole at its place, 1 with one Chinese sentence on standard error, 2 on a wrong call."""
    parser = argparse.ArgumentParser(prog="counter-app render-day")
    parser.add_argument("--out", type=Path, required=True, help="the PDF file to write")
    options = parser.parse_args(argv)
    import msgspec

    from counter_app.domain.reports import DayReport
    from counter_app.storage import wire
    from printing import day_report

    try:
        report = wire.from_json(sys.stdin.buffer.read(), DayReport)
    except msgspec.MsgspecError as error:
        print(f"render-day: not a day report: {error}", file=sys.stderr)
        return 2
    try:
        put(options.out, day_report.render(report))
    except Trouble as trouble:
        print(trouble.sentence(), file=sys.stderr)
        return 1
    except OSError as error:
        print(f"不能写入 {options.out}：{error.strerror}。请检查文件夹权限和磁盘空间。", file=sys.stderr)
        return 1
    return 0


def put(path: Path, content: bytes) -> None:
    """Write a file so that whoever looks finds the old one or the whole new one, never a part. OSError on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
