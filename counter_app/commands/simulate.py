"""`counter-app simulate KIND --link PATH`: a simulated device in this process, until standard input ends.

Your line belongs here if it chooses the device; how it answers belongs to `devices.simulated`.
"""

from __future__ import annotations

import importlib
import sys

_MODULES = {"id-reader": "id_reader", "card-reader": "card_reader", "printer": "printer", "pos": "pos"}


def main(argv: list[str]) -> int:
    """Run the simulator named by the first argument with the others; returns the exit status."""
    kind = argv[0] if argv else ""
    if kind not in _MODULES:
        print(f"usage: counter-app simulate {{{','.join(_MODULES)}}} --link PATH …", file=sys.stderr)
        return 2
    # Only the chosen one: they stand on pseudo-terminals, which Windows does not have.
    module = importlib.import_module(f"devices.simulated.{_MODULES[kind]}")
    status: int = module.run(argv[1:])
    return status
