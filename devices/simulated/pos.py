"""A bank's POS terminal that speaks ZVT behind a real pseudo-terminal, with a journal of its own to compare with.

The next payment (or reversal) goes as the last command on standard input said, then all is well again:

    {"next": "approve"}                 the usual
    {"next": "credit"}                  approved on a credit card
    {"next": "decline", "code": "71"}   not approved, result code in hex
    {"next": "wrong_amount"}            approves (or reverses) one yuan more than asked
    {"next": "repeat_result"}           tells the result twice, as when our answer was lost
    {"next": "hold"}                    waits for a card until the counter stops it
    {"next": "late_stop"}               is asked to stop and approves all the same
    {"next": "silent_before_approval"}  takes the command and says nothing more; no money moves
    {"next": "approve_then_silent"}     approved and acknowledged, but never completed
    {"next": "cut_before"}              the cable is pulled before the card was read
    {"next": "cut_after_approval"}      the cable is pulled when the result is on its way
    {"next": "late_result"}             silent as above, then approves when {"result": "now"} comes

After a cut {"plug": true} puts the cable back. An approval that nobody answers stands, which is the hardest case for
the counter; "goods not issued" undoes it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from devices import zvt_link, zvt_messages
from devices.simulated.ports import SimulatedPort, add_arguments
from devices.zvt_messages import Message, StatusInformation

_NEXT = (
    "approve", "credit", "decline", "wrong_amount", "repeat_result", "hold", "late_stop", "silent_before_approval",
    "approve_then_silent", "cut_before", "cut_after_approval", "late_result",
)  # fmt: skip

_SENDINGS = 4
_ANSWER_S = 5.0
_HOLD_S = 60.0

_WAIT_FOR_CARD = 0x0A
_WAIT_FOR_HOST = 0x04
_NOT_SUPPORTED = 0x83
_ALREADY_REVERSED = 0xB4
_NOT_REVERSIBLE = 0xB5
_WRONG_CURRENCY = 0x6F


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the next payment goes; `code` only with "decline"."""

    how: str = "approve"
    code: int = 0x05


def run(argv: list[str]) -> int:
    """Simulate until standard input ends or SIGTERM comes; returns the exit status."""
    parser = argparse.ArgumentParser(prog="simulate pos", description="POS terminal (ZVT)")
    add_arguments(parser)
    parser.add_argument("--journal", type=Path, help="file that gets one JSON line per approval and reversal")
    parser.add_argument("--terminal-id", default="10203040", help="eight digits")
    parser.add_argument("--ack-timeout-s", type=float, default=1.0, help="wait for an acknowledgement")
    arguments = parser.parse_args(argv)
    # The pace is the dialogue's: an acknowledgement comes at once also from a slow terminal.
    step_s, arguments.delay_s = arguments.delay_s, 0.0
    with SimulatedPort(arguments) as port:
        terminal = _Terminal(
            port, _Journal(arguments.journal), arguments.terminal_id, step_s, arguments.ack_timeout_s
        )
        while port.alive:
            terminal.serve()
    return 0


class _Journal:
    """What the bank knows: approvals and reversals, on disk before anybody is told, read again after a restart."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.entries: list[dict[str, Any]] = []
        if path is not None and path.exists():
            self.entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def add(self, what: str, info: StatusInformation, **more: Any) -> None:
        entry = {
            "what": what,
            "amount_fen": info.amount_fen,
            "receipt_no": info.receipt_no,
            "trace": info.trace,
            "card_tail": info.card_tail,
            "card_name": info.card_name,
            "local_time": info.local_time,
            "local_date": info.local_date,
            **more,
        }
        self.entries.append(entry)
        if self._path is None:
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def approval(self, receipt_no: str) -> dict[str, Any] | None:
        """The last approval with this receipt number (the numbers start again after 9999)."""
        found = [e for e in self.entries if e["what"] == "approval" and e["receipt_no"] == receipt_no]
        return found[-1] if found else None

    def is_reversed(self, trace: str) -> bool:
        return any(e["what"] == "reversal" and e["original_trace"] == trace for e in self.entries)


class _Terminal:
    """The terminal's side of the link and of each dialogue."""

    def __init__(
        self, port: SimulatedPort, journal: _Journal, terminal_id: str, step_s: float, ack_timeout_s: float
    ) -> None:
        self._port = port
        self._journal = journal
        self._terminal_id = terminal_id
        self._step_s = step_s
        self._ack_timeout_s = ack_timeout_s
        self._parser = zvt_link.LinkParser()
        self._blocks: deque[bytes] = deque()
        self._plan = _Plan()
        self._registered = False
        self._asked_to_stop = False
        self._late: StatusInformation | None = None
        self._last: StatusInformation | None = None
        self._trace = max((int(entry["trace"]) for entry in journal.entries), default=0)

    def serve(self) -> None:
        """Wait for one command of the counter and carry it out."""
        message = self._receive(0.2)
        if message is None:
            return
        self._asked_to_stop = False
        match message.instruction:
            case zvt_messages.REGISTRATION:
                self._registered = True
                self._accept()
                self._tell(zvt_messages.completion(0))
            case zvt_messages.STATUS_ENQUIRY:
                self._accept()
                self._tell(zvt_messages.status_report(zvt_messages.OK))
            case zvt_messages.AUTHORISATION | zvt_messages.REVERSAL | zvt_messages.REPEAT_RECEIPT if (
                not self._registered
            ):
                self._send(zvt_messages.refusal(zvt_messages.NOT_REGISTERED))
            case zvt_messages.AUTHORISATION:
                self._take_payment(message)
            case zvt_messages.REVERSAL:
                self._reverse(message)
            case zvt_messages.REPEAT_RECEIPT:
                self._accept()
                if self._last is not None:
                    self._tell(zvt_messages.status_information(self._last))
                self._tell(zvt_messages.completion())
            case _ if message.is_positive or message.refusal_code is not None:
                pass
            case _:
                self._send(zvt_messages.refusal(_NOT_SUPPORTED))

    # the dialogues

    def _take_payment(self, message: Message) -> None:
        plan, self._plan = self._plan, _Plan()
        asked = zvt_messages.read_asked(message)
        if asked.amount_fen is None or asked.currency != "0156":
            self._send(zvt_messages.refusal(_WRONG_CURRENCY))
            return
        self._accept()
        self._tell(zvt_messages.intermediate_status(_WAIT_FOR_CARD))
        if plan.how == "cut_before":
            self._cut()
            return
        if plan.how == "silent_before_approval":
            return
        self._rest(_HOLD_S if plan.how in ("hold", "late_stop") else self._step_s)
        if not self._asked_to_stop and plan.how != "late_result":
            self._tell(zvt_messages.intermediate_status(_WAIT_FOR_HOST, 1))
            self._rest(self._step_s)
        if self._asked_to_stop and plan.how != "late_stop":
            self._tell(zvt_messages.aborted(zvt_messages.ABORTED_BY_KEY_OR_TIME))
            return
        info = self._drawn_up(asked, plan)
        self._last = info
        if plan.how == "decline":
            self._tell(zvt_messages.status_information(info))
            self._tell(zvt_messages.aborted(plan.code))
        elif plan.how == "late_result":
            self._late = info
        else:
            self._approve(info, plan)

    def _drawn_up(self, asked: zvt_messages.Asked, plan: _Plan) -> StatusInformation:
        """The result of a payment with the next numbers."""
        self._trace += 1
        assert asked.amount_fen is not None
        by_code = asked.pay_type is not None
        name = "UnionPay QR" if by_code else f"UnionPay {'Credit' if plan.how == 'credit' else 'Debit'}"
        return StatusInformation(
            result=plan.code if plan.how == "decline" else zvt_messages.OK,
            amount_fen=asked.amount_fen + (100 if plan.how == "wrong_amount" else 0),
            currency=asked.currency,
            terminal_id=self._terminal_id,
            receipt_no=f"{(self._trace - 1) % 9999 + 1:04d}",
            trace=f"{self._trace % 1_000_000:06d}",
            authorisation=f"{self._trace * 7919 % 1_000_000:06d}",
            card_tail="" if by_code else f"{self._trace * 3571 % 10_000:04d}",
            card_name=name,
            local_time=time.strftime("%H:%M:%S"),
            local_date=time.strftime("%m-%d"),
        )

    def _approve(self, info: StatusInformation, plan: _Plan) -> None:
        self._journal.add("approval", info)
        apdu = zvt_messages.status_information(info, pan_head="621700")
        if plan.how == "cut_after_approval":
            self._port.write(zvt_link.block(apdu))
            self._cut()
            return
        answer = self._tell(apdu)
        if plan.how == "repeat_result" and answer is not None:
            answer = self._tell(apdu)
        if plan.how == "approve_then_silent" or answer is None:
            return
        if answer.is_positive:
            self._tell(zvt_messages.completion())
            return
        self._journal.add("reversal", info, original_trace=info.trace, by="terminal")
        self._tell(zvt_messages.aborted(zvt_messages.ABORTED_BY_KEY_OR_TIME))

    def _reverse(self, message: Message) -> None:
        plan, self._plan = self._plan, _Plan()
        approval = self._journal.approval(zvt_messages.read_asked(message).receipt_no)
        self._accept()
        self._tell(zvt_messages.intermediate_status(_WAIT_FOR_HOST))
        if plan.how == "cut_before":
            self._cut()
            return
        if plan.how == "silent_before_approval":
            return
        self._rest(self._step_s)
        if approval is None:
            self._tell(zvt_messages.aborted(_NOT_REVERSIBLE))
            return
        if self._journal.is_reversed(approval["trace"]):
            self._tell(zvt_messages.aborted(_ALREADY_REVERSED))
            return
        asked = zvt_messages.Asked(amount_fen=approval["amount_fen"], currency="0156")
        info = replace(
            self._drawn_up(asked, plan),
            original_trace=approval["trace"],
            card_tail=approval["card_tail"],
            card_name=approval["card_name"],
        )
        self._last = info
        if plan.how == "decline":
            self._tell(zvt_messages.status_information(info))
            self._tell(zvt_messages.aborted(plan.code))
            return
        self._journal.add("reversal", info, original_trace=approval["trace"], by="counter")
        apdu = zvt_messages.status_information(info, pan_head="621700")
        if plan.how == "cut_after_approval":
            self._port.write(zvt_link.block(apdu))
            self._cut()
            return
        self._tell(apdu)
        if plan.how != "approve_then_silent":
            self._tell(zvt_messages.completion())

    # the link

    def _cut(self) -> None:
        """The cable is out until {"plug": true}."""
        self._port._unplug()
        self._parser = zvt_link.LinkParser()
        self._blocks.clear()

    def _accept(self) -> None:
        self._send(zvt_messages.POSITIVE)

    def _tell(self, apdu: bytes) -> Message | None:
        """Send one message and wait for the counter's answer to it."""
        if not self._send(apdu):
            return None
        until = time.monotonic() + _ANSWER_S
        while self._port.alive and time.monotonic() < until:
            message = self._receive(until - time.monotonic())
            if message is not None and not self._is_stop(message):
                return message
        return None

    def _rest(self, seconds: float) -> None:
        """Let the customer or the bank take their time, less when the counter asks to stop."""
        until = time.monotonic() + seconds
        while self._port.alive and not self._asked_to_stop and time.monotonic() < until:
            message = self._receive(until - time.monotonic())
            if message is not None:
                self._is_stop(message)

    def _is_stop(self, message: Message) -> bool:
        if message.instruction != zvt_messages.ABORT:
            return False
        self._asked_to_stop = True
        self._send(zvt_messages.POSITIVE)
        return True

    def _send(self, apdu: bytes) -> bool:
        """One block, repeated until it is acknowledged; False when it never was."""
        for _ in range(_SENDINGS):
            self._port.write(zvt_link.block(apdu))
            until = time.monotonic() + self._ack_timeout_s
            while self._port.alive and time.monotonic() < until:
                events = self._pump(until - time.monotonic())
                if any(isinstance(event, zvt_link.Acknowledged | zvt_link.Block) for event in events):
                    return True
                if any(isinstance(event, zvt_link.NotAcknowledged) for event in events):
                    break
        return False

    def _receive(self, timeout_s: float) -> Message | None:
        until = time.monotonic() + timeout_s
        while self._port.alive and not self._blocks and time.monotonic() < until:
            self._pump(until - time.monotonic())
        return zvt_messages.parse(self._blocks.popleft()) if self._blocks else None

    def _pump(self, timeout_s: float) -> list[zvt_link.LinkEvent]:
        received, commands = self._port.poll(min(0.2, max(0.0, timeout_s)))
        quiet = not received and not commands
        events = self._parser.quiet() if quiet else self._parser.feed(received)
        for event in events:
            if isinstance(event, zvt_link.Block):
                self._port.write(zvt_link.ACK)
                self._blocks.append(event.apdu)
            elif isinstance(event, zvt_link.Damaged):
                self._port.write(zvt_link.NAK)
        for command in commands:
            self._obey(command)
        return events

    def _obey(self, command: dict[str, Any]) -> None:
        how, code = command.get("next"), str(command.get("code", "05"))
        if how in _NEXT and re.fullmatch(r"[0-9A-Fa-f]{2}", code):
            self._plan = _Plan(how, int(code, 16))
            self._port.done()
        elif command == {"result": "now"} and self._late is not None:
            info, self._late = self._late, None
            self._port.done()
            self._approve(info, _Plan())
        else:
            self._port.refuse(f"unknown command {command}")
