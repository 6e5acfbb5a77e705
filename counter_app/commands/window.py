"""`counter-app`: this counter's window, or the first-run page where no settings exist yet."""

from __future__ import annotations

import argparse
from pathlib import Path


def main(argv: list[str]) -> int:
    """Open the window; returns the exit status."""
    parser = argparse.ArgumentParser(prog="counter-app")
    parser.add_argument("--settings", type=Path, help="this counter's settings file")
    options = parser.parse_args(argv)
    from counter_app import bootstrap

    path, settings = bootstrap.load_settings(options.settings)
    if settings is None:
        from counter_app.commands import first_run

        return first_run.run(path)
    return bootstrap.run_window(settings)
