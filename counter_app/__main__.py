"""`counter-app [COMMAND]`: without a command the window of this counter, else one of the commands."""

from __future__ import annotations

import importlib
import sys

_COMMANDS = {
    "demo": "opens the demo hall with simulated devices",
    "day": "plays the demo day through the real window and writes its record",
    "verify": "re-computes ledger and audit chain of a database",
    "upgrade": "carries the database over to this program's version, hall closed",
    "simulate": "runs one simulated device behind a pseudo-terminal",
    "render-day": "writes the day report on standard input as a PDF",
    "bench": "measures what the program promises",
}


def main(argv: list[str] | None = None) -> int:
    """Run the program; returns the exit status (0 well, 1 refused or failed, 2 wrong call)."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments and arguments[0] in ("-h", "--help"):
        print("usage: counter-app [--settings FILE] | counter-app COMMAND …\n")
        for name, what in _COMMANDS.items():
            print(f"  {name:<12}{what}")
        return 0
    if arguments and arguments[0] in _COMMANDS:
        module = importlib.import_module(f"counter_app.commands.{arguments[0].replace('-', '_')}")
        status: int = module.main(arguments[1:])
        return status
    from counter_app.commands import window

    return window.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
