"""`counter-app bench`: measure what the program promises; 1 when a figure is above its limit.

Your line belongs here if it chooses what runs and how it is shown; what is measured belongs to `benchmarks`.
"""

from __future__ import annotations

import argparse
import importlib
import sys

_MODULES = {
    "start": "start",
    "receipt": "receipts",
    "find": "searches",
    "window": "window",
    "top_up": "top_ups",
}
"""Group of figures to its module; in this order they run."""


def main(argv: list[str]) -> int:
    """Run the chosen benchmarks one after the other; each line appears when its figure is known."""
    parser = argparse.ArgumentParser(prog="counter-app bench")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help=f"a group ({', '.join(_MODULES)}) or one of its figures",
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds and fewer people: a first impression"
    )
    options = parser.parse_args(argv)
    only: list[str] = options.only or list(_MODULES)
    for name in only:
        if name.partition(".")[0] not in _MODULES:
            parser.error(f"nothing is called {name}")
    short = 0
    for group, module in _MODULES.items():
        if group not in {name.partition(".")[0] for name in only}:
            continue
        benchmark = importlib.import_module(f"counter_app.benchmarks.{module}")
        for figure in benchmark.measure(_tell, quick=options.quick):
            if group in only or figure.name in only:
                short += figure.falls_short
                print(figure.to_json() if options.json else figure.to_line(), flush=True)
    if not options.json:
        print("All within their limits." if not short else f"{short} above their limits.")
    return 1 if short else 0


def _tell(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)
