"""`counter-app`: this counter's window, or the first-run page where no settings exist yet."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from counter_app.domain.errors import Trouble


def main(argv: list[str]) -> int:
    """Open the window; returns the exit status (1 when the settings cannot be read)."""
    parser = argparse.ArgumentParser(prog="counter-app")
    parser.add_argument("--settings", type=Path, help="this counter's settings file")
    options = parser.parse_args(argv)
    from counter_app import bootstrap

    try:
        path, settings = bootstrap.load_settings(options.settings)
    except Trouble as trouble:
        # There is no window yet that could say it.
        print(trouble.sentence(), file=sys.stderr)
        return 1
    if settings is None:
        from counter_app.commands import first_run

        return first_run.run(path)
    return bootstrap.run_window(settings)
