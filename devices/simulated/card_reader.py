"""A simulated contactless reader: repeats the number of the card that lies on it, as an RDM6300 does.

Commands: {"put": "010063E9AE"} (ten hex digits; eight get version 01 before them) · {"lift": true}. With
`"seconds": 0.5` beside "put" the card is lifted again by itself.
"""

from __future__ import annotations

import argparse
import time

from devices.card_reader import frame
from devices.simulated.ports import SimulatedPort, add_arguments

_REPEAT_S = 0.065


def run(argv: list[str]) -> int:
    """Simulate until standard input ends (or SIGTERM, with --stay)."""
    parser = argparse.ArgumentParser("simulate card-reader", description=__doc__)
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    on_reader = b""
    lift_at = float("inf")
    with SimulatedPort(arguments) as port:
        while port.alive:
            _, commands = port.poll(_REPEAT_S if on_reader else 1.0)
            for command in commands:
                try:
                    if "put" in command:
                        number = str(command["put"]).upper()
                        number = f"01{number}" if len(number) == 8 else number
                        if len(bytes.fromhex(number)) != 5:
                            raise ValueError("a card number has ten hex digits")
                        on_reader = frame(number)
                        lift_at = time.monotonic() + float(command.get("seconds", "inf"))
                    elif command.get("lift"):
                        on_reader = b""
                    else:
                        raise ValueError(f"unknown command {command}")
                except ValueError as error:
                    port.refuse(str(error))
                else:
                    port.done()
            if time.monotonic() >= lift_at:
                on_reader = b""
            if on_reader:
                port.write(on_reader)
    return 0
