"""A process that forks counters and terminals for the kill tests: each counter is killed by its own hand at one step.

The shared test modules are on its path. Each line on standard input is a JSON command, each line on standard
output its answer. The desks are the program's own; statements, commits, serial frames and sheets of paper are counted
from here.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hall_builder import CHEAP, HALL_ID, KEYS, HallClock

from counter_app.domain.payments import OnResult, PaymentOrder, Reply, TerminalResult
from counter_app.domain.requests import ReplaceCard, ReserveCard, TopUp
from counter_app.domain.waiting import CancelToken, Progress, silent
from counter_app.services.desks import Desks, open_desks
from counter_app.services.passwords import Passwords
from counter_app.storage import wire
from counter_app.storage.database import Database, postgres_engine, sqlite_engine
from devices.pos_terminal import PosTerminal, port_settings
from devices.receipt_printer import PrinterState, PrinterStatus, PrintOutcome, PrintResult
from devices.serial_port import SerialPort
from devices.simulated import pos as simulated_pos

END = "the end"


class Steps:
    """Writes down each step and dies before the one whose number was ordered."""

    def __init__(self, path: str, deadly: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._deadly = deadly
        self._count = 0
        self._units = 0

    def reach(self, name: str) -> None:
        """Name a step that is about to happen."""
        self._count += 1
        os.write(self._file, f"{name}\n".encode())
        if self._count == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, engine: sa.Engine) -> None:
        """Every writing statement and both sides of every commit; a look changes nothing that a kill could halve."""

        @sa.event.listens_for(engine, "before_cursor_execute")
        def statement(_connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
            words = text.split()
            if words[0] in ("INSERT", "UPDATE", "DELETE"):
                self.reach(" ".join(words[: 2 if words[0] == "UPDATE" else 3]))

        commit = engine.dialect.do_commit

        def counted_commit(connection: Any) -> None:
            self._units += 1
            self.reach(f"before commit {self._units}")
            commit(connection)
            self.reach(f"after commit {self._units}")

        engine.dialect.do_commit = counted_commit  # type: ignore[method-assign]

    def watch_ports(self) -> None:
        """Every write to a serial port, and the moment after a payment was sent."""
        write = SerialPort.write

        def counted_write(
            port: SerialPort, data: bytes, timeout_s: float, cancel: CancelToken | None = None
        ) -> None:
            # A block is 10 02, then the two bytes that name the command; anything shorter is a link acknowledgement.
            name = data[2:4].hex(" ") if len(data) > 4 else "link answer"
            self.reach(f"before sending {name}")
            write(port, data, timeout_s, cancel)
            if name == "06 01":
                self.reach(f"after sending {name}")

        SerialPort.write = counted_write  # type: ignore[method-assign]


class Paper:
    """A printer whose sheets are files."""

    def __init__(self, steps: Steps, folder: Path) -> None:
        self._steps = steps
        self._folder = folder

    def print_job(self, data: bytes, cancel: CancelToken) -> PrintOutcome:
        """One more sheet."""
        self._steps.reach("before the paper")
        (self._folder / f"sheet-{len(list(self._folder.iterdir()))}").write_bytes(data)
        self._steps.reach("after the paper")
        return PrintOutcome(PrintResult.PRINTED, PrinterStatus(PrinterState.READY, PrinterState.READY.value))


class WatchedTerminal:
    """The real terminal, with both sides of storing an approval as steps."""

    def __init__(self, terminal: PosTerminal, steps: Steps) -> None:
        self._terminal = terminal
        self._steps = steps

    def pay(
        self, order: PaymentOrder, on_result: OnResult, progress: Progress, cancel: CancelToken
    ) -> TerminalResult:
        """As the terminal does."""

        def stored(result: TerminalResult) -> Reply:
            self._steps.reach("approval arrived, not stored")
            reply = on_result(result)
            self._steps.reach("approval stored, not acknowledged")
            return reply

        result = self._terminal.pay(order, stored, progress, cancel)
        self._steps.reach("completed, not booked")
        return result

    def reverse(
        self, receipt_no: str, amount_fen: int, progress: Progress, cancel: CancelToken, *, trace: str = ""
    ) -> TerminalResult:
        """Nothing here is reversed."""
        raise AssertionError


def open_counter(order: dict[str, Any]) -> Desks:
    """Counter 1 of the hall in this file or at this address, at the moment that the order names."""
    engine = postgres_engine(order["url"]) if order.get("url") else sqlite_engine(Path(order["hall"]), KEYS)
    clock = HallClock(dt.datetime.fromisoformat(order["now"]))
    return open_desks(Database(engine, HALL_ID, KEYS, clock), 1, Passwords(CHEAP), 32)


def serve(order: dict[str, Any]) -> None:
    """One customer, from the press of the key to the paper."""
    desks = open_counter(order)
    steps = Steps(order["steps"], order["deadly"])
    steps.watch(desks.at.database.engine)
    terminal: Any = None
    if order["port"]:
        steps.watch_ports()
        terminal = WatchedTerminal(PosTerminal(port_settings(order["port"])), steps)
    if order["what"] == "top up":
        top_up = wire.from_json(order["request"], TopUp)
        if terminal is None:
            desks.top_up.top_up(top_up)
        else:
            desks.top_up.pay_at_terminal(top_up, terminal, silent, CancelToken())
    else:
        replace = wire.from_json(order["request"], ReplaceCard)
        asked = dataclasses.replace(replace.asked, operation_id=desks.at.new_id())  # type: ignore[arg-type]
        reserved = desks.replacement.reserve(ReserveCard(asked, replace.old_card_no))
        steps.reach("reserved")
        replace = dataclasses.replace(replace, intent_id=reserved.intent_id)
        if terminal is None:
            desks.replacement.replace(replace)
        else:
            desks.replacement.pay_at_terminal(replace, terminal, silent, CancelToken())
    steps.reach("booked, not printed")
    desks.paper.print_next(Paper(steps, Path(order["sheets"])), CancelToken())
    steps.reach(END)


def simulate(order: dict[str, Any]) -> None:
    """The simulated terminal behind a pseudo-terminal, which waits less long for a counter that is dead."""
    simulated_pos._ANSWER_S = 0.4
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    arguments = ["--link", order["link"], "--journal", order["journal"], "--stay", "--ack-timeout-s", "0.2"]
    sys.exit(simulated_pos.run(arguments))


def forked(work: Any, order: dict[str, Any], out: int | None = None) -> int:
    """The id of a child that does `work`; its standard output goes to `out`."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.dup2(2 if out is None else out, 1)
        work(order)
        status = 0
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - told on standard error, and the status says it
        traceback.print_exc()
    os._exit(status)


def main() -> None:
    """Obey until standard input ends."""
    terminals: list[int] = []
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict[str, Any] = {}
        if order["do"] == "serve":
            _, status = os.waitpid(forked(serve, order), 0)
            answer = {"signal": os.WTERMSIG(status), "status": os.waitstatus_to_exitcode(status)}
        elif order["do"] == "simulate":
            reading, writing = os.pipe()
            terminals.append(forked(simulate, order, writing))
            os.close(writing)
            with os.fdopen(reading) as said:
                answer = {"said": said.readline()}
        elif order["do"] == "stop":
            os.kill(terminals[-1], signal.SIGTERM)
            answer = {"status": os.waitstatus_to_exitcode(os.waitpid(terminals.pop(), 0)[1])}
        print(json.dumps(answer), flush=True)
    for pid in terminals:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
