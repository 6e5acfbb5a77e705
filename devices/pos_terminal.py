"""A bank's POS terminal behind a serial line (ZVT): pay once, reverse, ask its state. Your line belongs here if it
decides what a terminal's answer means; it stores nothing, the desk does that in `on_result`.

Rules, from the device reference §2: a payment command is given to the terminal once and never again; an approval is
stored before it is acknowledged; whatever is not certainly yes or no is `Verdict.UNKNOWN`, returned and not raised.
Nothing here was tried on a metal terminal yet.
"""

from __future__ import annotations

import enum
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from counter_app.domain.errors import Cancelled, DeviceTrouble
from counter_app.domain.ids import TerminalId
from counter_app.domain.money import yuan
from counter_app.domain.payments import OnResult, PaymentMethod, PaymentOrder, Reply, TerminalResult, Verdict
from counter_app.domain.waiting import CancelToken, Progress, silent
from devices import zvt_link, zvt_messages
from devices.serial_port import PortSettings, SerialPort, WireLog
from devices.zvt_messages import StatusInformation

_SLICE_S = 0.1
"""Longest time between two looks at the cancel token (the house allows 200 ms)."""

_GAP_S = 0.2
"""T1: a longer silence within a block means that the rest of it is lost."""

_SENDINGS = 4
"""One block goes out once and at most three times more."""

_WRITE_TIMEOUT_S = 5.0


def port_settings(path: str, *, baud: int = 9600, stop_bits: Literal[1, 2] = 2) -> PortSettings:
    """The line of a ZVT terminal: 9600 8N2 unless the terminal's own menu says otherwise."""
    return PortSettings(path, baud=baud, stop_bits=stop_bits, device_word="POS 终端")


@dataclass(frozen=True, slots=True)
class CardKinds:
    """How this terminal's words tell a debit card from a credit card.

    Names (field 8B) are compared by containing one of these in any case; types (field 8A) are the terminal's own
    numbers and differ per acquirer, so there are none by default. A name in both lists tells nothing.
    """

    credit_names: tuple[str, ...] = ("CREDIT", "贷记", "信用")
    debit_names: tuple[str, ...] = ("DEBIT", "借记", "储蓄")
    credit_types: frozenset[int] = frozenset()
    debit_types: frozenset[int] = frozenset()

    def is_credit(self, info: StatusInformation) -> bool | None:
        """True for a credit card, False for a debit card, None where the terminal told neither or both."""
        name = info.card_name.upper()
        credit = info.card_type in self.credit_types or any(word in name for word in self.credit_names)
        debit = info.card_type in self.debit_types or any(word in name for word in self.debit_names)
        return None if credit == debit else credit


class TerminalState(enum.Enum):
    """What a terminal says of itself; silence is an answer of its own."""

    READY = "ready"
    BUSY = "busy"
    NEEDS_CARE = "needs_care"
    NOT_ANSWERING = "not_answering"


@dataclass(frozen=True, slots=True)
class TerminalStatus:
    """A state with its sentence for the lamp; `code` is the raw status byte in hex or ""."""

    state: TerminalState
    message: str
    code: str = ""


class PosTerminal:
    """One terminal on one port, used by one thread at a time. Opens and registers by itself when it has to.

    `on_stray` gets an approval that belongs to no open payment and says whether the hall keeps it (it does when an
    unknown payment of that amount is waiting); without it the terminal is told to undo such an approval.
    `scan_pay_type` is field 19 of a payment by code. No public text gives its value and nobody has tried it on a
    real terminal: it is a setting of the installation.
    """

    def __init__(
        self,
        settings: PortSettings,
        *,
        password: str = "000000",
        currency: str = "0156",
        ack_timeout_s: float = 5.0,
        answer_timeout_s: float = 5.0,
        message_timeout_s: float = 180.0,
        abort_timeout_s: float = 30.0,
        card_kinds: CardKinds | None = None,
        scan_pay_type: int = 0x30,
        on_stray: OnResult | None = None,
        log: WireLog | None = None,
    ) -> None:
        self._line = _Line(SerialPort(settings, log), ack_timeout_s)
        # Built here, so that a password or currency of the wrong form is noticed at set-up.
        self._registration = zvt_messages.registration(password, currency)
        self._password = password
        self._currency = currency
        self._answer_timeout_s = answer_timeout_s
        self._message_timeout_s = message_timeout_s
        # Whoever stops a payment has a customer waiting: a terminal that says nothing then is unknown soon.
        self._abort_timeout_s = min(abort_timeout_s, message_timeout_s)
        self._card_kinds = card_kinds or CardKinds()
        self._scan_pay_type = scan_pay_type
        self._on_stray = on_stray
        self._registered = False
        self._left_open: bytes | None = None
        self._last_answer: tuple[object, bytes] | None = None

    def register(self, cancel: CancelToken) -> None:
        """Open the port and register; raises `DeviceTrouble` when the terminal does not take it."""
        self._registered = False
        self._connect(cancel)

    def pay(
        self, order: PaymentOrder, on_result: OnResult, progress: Progress, cancel: CancelToken
    ) -> TerminalResult:
        """Take `order` once and tell how it ended.

        `DeviceTrouble` and `Cancelled` are raised only while nothing has been sent. After that the result says it:
        APPROVED (stored by `on_result`, acknowledged, completed), DECLINED (certainly nothing taken; `message` is a
        phrase without a closing mark), or UNKNOWN (`message` is a sentence; the numbers are those that came so far).
        `cancel` asks the terminal to stop, once; its last word counts, and an approval may come first.
        What `on_result` raises comes out here, after the terminal was told to undo the payment.
        `on_result` sees approvals of the asked amount only: another amount or currency is never kept, the terminal
        is told to undo it and the result is UNKNOWN.
        """
        self._connect(cancel)
        cancel.check()
        pay_type = self._scan_pay_type if order.method is PaymentMethod.SCAN else None
        hearing = _Hearing(order.amount_fen)

        def answer(info: StatusInformation) -> bytes:
            return self._answer_payment(info, hearing, on_result)

        command = zvt_messages.authorisation(order.amount_fen, self._currency, pay_type)
        return hearing.judge(self._converse(command, answer, progress, cancel))

    def reverse(
        self,
        receipt_no: str,
        amount_fen: int,
        progress: Progress,
        cancel: CancelToken,
        *,
        trace: str = "",
    ) -> TerminalResult:
        """Undo the payment with the terminal's `receipt_no`; APPROVED means undone.

        UNKNOWN also when the terminal undid another amount, or another payment than the one with `trace`: some
        terminals reverse their last payment whatever number they are given. Raises as `pay` does, and
        `DeviceTrouble` for a number that is not one to four digits.
        """
        if not re.fullmatch(r"\d{1,4}", receipt_no, re.ASCII):
            raise DeviceTrouble(
                "这笔付款没有可用的终端凭证号，请在终端上手工撤销，并保留签购单。",
                f"receipt number of {len(receipt_no)} characters",
            )
        command = zvt_messages.reversal(self._password, receipt_no.zfill(4))
        self._connect(cancel)
        cancel.check()
        hearing = _Hearing(amount_fen)

        def answer(info: StatusInformation) -> bytes:
            if info.result == zvt_messages.OK:
                hearing.approved = self._result(info, Verdict.APPROVED, "终端已撤销")
                if info.amount_fen != amount_fen:
                    hearing.doubt = f"终端撤销的金额（{_yuan(info.amount_fen)}）与应撤金额（{yuan(amount_fen)} 元）不符，请核对终端签购单。"
                elif trace and info.original_trace and int(trace) != int(info.original_trace):
                    hearing.doubt = "终端撤销的是另一笔交易，请核对终端签购单。"
            elif info.result is not None:
                hearing.declined = self._result(
                    info, Verdict.DECLINED, zvt_messages.result_words(info.result)
                )
            return zvt_messages.POSITIVE

        return hearing.judge(self._converse(command, answer, progress, cancel))

    def last_result(self, cancel: CancelToken) -> TerminalResult | None:
        """The terminal's last payment told again; None where it tells none. Moves no money.

        Raises `DeviceTrouble` when the terminal does not answer.
        """
        told: list[StatusInformation] = []

        def answer(info: StatusInformation) -> bytes:
            told.append(info)
            return zvt_messages.POSITIVE

        self._connect(cancel)
        end = self._dialogue(zvt_messages.repeat_receipt(self._password), answer, silent, cancel, money=False)
        self._must_have_ended(end)
        if not told:
            return None
        approved = told[-1].result == zvt_messages.OK
        return self._result(told[-1], Verdict.APPROVED if approved else Verdict.DECLINED, "终端最近一笔")

    def status(self, cancel: CancelToken) -> TerminalStatus:
        """What the terminal says of itself; never raises for a device that is away."""
        try:
            self._connect(cancel)
            command = zvt_messages.status_enquiry(self._password)
            end = self._dialogue(command, self._answer_stray, silent, cancel, money=False)
            self._must_have_ended(end)
        except DeviceTrouble as trouble:
            return TerminalStatus(TerminalState.NOT_ANSWERING, trouble.advice)
        code = zvt_messages.read_completion_status(end.data)
        if code in (None, zvt_messages.OK):
            return TerminalStatus(TerminalState.READY, "POS 终端就绪。")
        assert code is not None
        state = TerminalState.BUSY if code == zvt_messages.BUSY else TerminalState.NEEDS_CARE
        return TerminalStatus(state, f"{zvt_messages.result_words(code)}。", f"{code:02X}")

    def attend(self, timeout_s: float, cancel: CancelToken) -> None:
        """Answer what the terminal says unasked for `timeout_s`: a late result of an unknown payment comes this way.

        Raises `DeviceTrouble` when the terminal is away.
        """
        self._connect(cancel)
        self._heed(timeout_s, cancel)

    def close(self) -> None:
        """Let go of the port. No log-off: a terminal that hangs must not hold up the end of the program."""
        self._disconnect()

    # the dialogue

    def _connect(self, cancel: CancelToken) -> None:
        """An open line with a registered terminal that has nothing more to say."""
        cancel.check()
        if self._line.is_open:
            try:
                self._heed(0.0, cancel)
            except DeviceTrouble as trouble:
                # Pulled and perhaps put back since: the line is tried afresh below.
                self._line.note(trouble.cause)
        if not self._line.is_open:
            self._registered = False
            self._line.open()
        if self._registered:
            return
        end = self._dialogue(self._registration, self._answer_stray, silent, cancel, money=False)
        self._must_have_ended(end)
        self._registered = True

    def _disconnect(self) -> None:
        self._registered = False
        self._line.close()

    def _must_have_ended(self, end: _End) -> None:
        """Raise unless a command that moves no money was completed."""
        if end.kind is _Ended.COMPLETED:
            return
        if end.code is None:
            self._disconnect()
            raise DeviceTrouble(
                "POS 终端没有应答，请检查终端是否开机、是否在收银联机状态，然后重试。", "terminal is silent"
            )
        if end.code == zvt_messages.NOT_REGISTERED:
            self._registered = False
        raise DeviceTrouble(
            f"POS 终端不能办理（{zvt_messages.result_words(end.code)}），请看终端屏幕，处理后重试。",
            f"terminal answered {end.code:02X}",
        )

    def _converse(
        self,
        command: bytes,
        answer_status: Callable[[StatusInformation], bytes],
        progress: Progress,
        cancel: CancelToken,
    ) -> _End:
        """A dialogue that moves money: a line that breaks is an ending, not an error."""
        try:
            end = self._dialogue(command, answer_status, progress, cancel, money=True)
        except DeviceTrouble as trouble:
            if self._line.is_open:
                raise  # not the line's: it closes when it fails
            self._line.note(trouble.cause)
            self._registered = False
            end = _End(_Ended.LOST)
        if end.code == zvt_messages.NOT_REGISTERED or end.kind is _Ended.SILENT:
            self._registered = False
        self._left_open = command[:2] if end.kind in (_Ended.SILENT, _Ended.LOST) else None
        return end

    def _dialogue(
        self,
        command: bytes,
        answer_status: Callable[[StatusInformation], bytes],
        progress: Progress,
        cancel: CancelToken,
        *,
        money: bool,
    ) -> _End:
        """Send `command` and answer the terminal until its last word.

        `money` has a cancel ask the terminal to stop and go on listening; otherwise it raises `Cancelled`.
        """
        sent = self._line.send(command, cancel, raise_cancelled=not money)
        if not sent.acknowledged:
            return _End(_Ended.SILENT)
        accepted = asked_to_stop = False
        answered: dict[object, bytes] = {}
        until = time.monotonic() + self._answer_timeout_s
        while True:
            if cancel.cancelled:
                if not money:
                    raise Cancelled()
                if accepted and not asked_to_stop:
                    asked_to_stop = True
                    progress("正在请终端停止，请等终端的最后答复")
                    self._line.send(zvt_messages.abort())
                    until = time.monotonic() + self._abort_timeout_s
            apdu = self._line.receive(_SLICE_S)
            if apdu is None:
                if time.monotonic() >= until:
                    return _End(_Ended.SILENT)
                continue
            message = zvt_messages.parse(apdu)
            if message is None:
                continue
            if message.refusal_code is not None:
                if accepted:
                    continue  # the answer to our abort
                if not sent.perhaps_twice:
                    return _End(_Ended.REFUSED, message.refusal_code)
                # The second copy was refused; the first may be running.
                accepted = True
            elif message.is_positive:
                accepted = True
            elif not accepted:
                # Before the command was taken, this belongs to something older.
                self._heed_one(message)
                continue
            elif message.instruction == zvt_messages.INTERMEDIATE_STATUS:
                self._line.send(zvt_messages.POSITIVE)
                progress(zvt_messages.step_words(message.data))
            elif message.instruction == zvt_messages.STATUS_INFORMATION:
                info = zvt_messages.read_status_information(message.data)
                if info.key not in answered:
                    answered[info.key] = self._answer_or_undo(info, answer_status)
                self._line.send(answered[info.key])
            elif message.instruction in (zvt_messages.COMPLETION, zvt_messages.ABORTED):
                self._line.send(zvt_messages.POSITIVE)
                return _ended_by(message)
            else:
                self._line.send(_NOT_SUPPORTED)
            until = time.monotonic() + self._message_timeout_s

    def _answer_or_undo(
        self, info: StatusInformation, answer_status: Callable[[StatusInformation], bytes]
    ) -> bytes:
        try:
            answer = answer_status(info)
        except BaseException:
            # Not stored, so not kept.
            try:
                self._line.send(zvt_messages.GOODS_NOT_ISSUED)
            except DeviceTrouble as trouble:
                self._line.note(trouble.cause)
            raise
        if info.trace or info.receipt_no:
            self._last_answer = (info.key, answer)
        return answer

    def _answer_payment(self, info: StatusInformation, hearing: _Hearing, on_result: OnResult) -> bytes:
        if info.result is not None and info.result != zvt_messages.OK:
            hearing.declined = self._result(info, Verdict.DECLINED, zvt_messages.result_words(info.result))
            if hearing.approved is not None:
                hearing.doubt = "终端先批准、后又未批准，请核对终端签购单。"
            return zvt_messages.POSITIVE
        told = self._result(info, Verdict.APPROVED, "银行已批准")
        if info.result is None:
            hearing.doubt = "终端的答复不完整，已请终端撤销，请核对终端签购单。"
        elif hearing.approved is not None:
            hearing.doubt = "终端一次付款批准了两笔，已请终端撤销后一笔，请核对终端签购单。"
        elif info.amount_fen != hearing.amount_fen:
            hearing.doubt = f"终端金额（{_yuan(info.amount_fen)}）与应收金额（{yuan(hearing.amount_fen)} 元）不符，已请终端撤销，请核对终端签购单。"
        elif info.currency and info.currency != self._currency:
            hearing.doubt = "终端币种不是人民币，已请终端撤销，请核对终端签购单。"
        else:
            reply = on_result(told)
            hearing.approved = told
            hearing.undone = reply is Reply.REVERSE
            return zvt_messages.GOODS_NOT_ISSUED if hearing.undone else zvt_messages.POSITIVE
        hearing.approved = hearing.approved or told
        return zvt_messages.GOODS_NOT_ISSUED

    # what belongs to no open dialogue

    def _heed(self, timeout_s: float, cancel: CancelToken) -> None:
        """Answer what is pending and what comes within `timeout_s`; a result is followed to its end."""
        until = time.monotonic() + timeout_s
        while True:
            apdu = self._line.receive(min(_SLICE_S, max(0.0, until - time.monotonic())))
            if apdu is None:
                if time.monotonic() >= until:
                    return
                cancel.check()
                continue
            message = zvt_messages.parse(apdu)
            if message is not None and self._heed_one(message):
                until = max(until, time.monotonic() + self._answer_timeout_s)
            elif message is not None and message.instruction in (
                zvt_messages.COMPLETION,
                zvt_messages.ABORTED,
            ):
                until = min(until, time.monotonic())

    def _heed_one(self, message: zvt_messages.Message) -> bool:
        """Answer one message that nobody waits for; whether it was a result, whose end is still to come."""
        if message.is_positive or message.refusal_code is not None:
            return False
        if message.instruction == zvt_messages.STATUS_INFORMATION:
            info = zvt_messages.read_status_information(message.data)
            self._line.send(self._answer_or_undo(info, self._answer_stray))
            return True
        known = (zvt_messages.INTERMEDIATE_STATUS, zvt_messages.COMPLETION, zvt_messages.ABORTED)
        self._line.send(zvt_messages.POSITIVE if message.instruction in known else _NOT_SUPPORTED)
        return False

    def _answer_stray(self, info: StatusInformation) -> bytes:
        """An approval without an open payment is undone unless the hall wants it."""
        if info.result != zvt_messages.OK or self._left_open == zvt_messages.REVERSAL:
            # A late word on a reversal must never be answered with "undo".
            return zvt_messages.POSITIVE
        if self._last_answer is not None and self._last_answer[0] == info.key:
            # Our answer was lost: the same word again, and nothing is stored twice.
            return self._last_answer[1]
        told = self._result(info, Verdict.APPROVED, "终端补报的批准")
        reply = Reply.REVERSE if self._on_stray is None else self._on_stray(told)
        self._line.note(f"approval without an open payment: {reply.value}")
        return zvt_messages.POSITIVE if reply is Reply.ACCEPT else zvt_messages.GOODS_NOT_ISSUED

    def _result(self, info: StatusInformation, verdict: Verdict, message: str) -> TerminalResult:
        return TerminalResult(
            verdict=verdict,
            amount_fen=info.amount_fen or 0,
            terminal_id=TerminalId(info.terminal_id),
            receipt_no=info.receipt_no,
            trace=info.trace,
            authorisation=info.authorisation,
            card_tail=info.card_tail,
            card_name=info.card_name,
            local_time=info.local_time,
            credit_card=self._card_kinds.is_credit(info),
            code="" if info.result is None else f"{info.result:02X}",
            message=message,
        )


_NOT_SUPPORTED = zvt_messages.refusal(0x83)


def _yuan(amount_fen: int | None) -> str:
    return "未报金额" if amount_fen is None else f"{yuan(amount_fen)} 元"


class _Ended(enum.Enum):
    """How a dialogue ended. REFUSED is 84 xx to the command itself, before anything was done."""

    COMPLETED = enum.auto()
    ABORTED = enum.auto()
    REFUSED = enum.auto()
    SILENT = enum.auto()
    LOST = enum.auto()


@dataclass(frozen=True, slots=True)
class _End:
    kind: _Ended
    code: int | None = None
    data: bytes = b""


def _ended_by(message: zvt_messages.Message) -> _End:
    if message.instruction == zvt_messages.COMPLETION:
        return _End(_Ended.COMPLETED, data=message.data)
    code = message.data[0] if message.data else zvt_messages.ABORTED_BY_KEY_OR_TIME
    return _End(_Ended.ABORTED, code)


@dataclass(slots=True)
class _Hearing:
    """What a terminal has said so far about one payment or reversal of `amount_fen`.

    `undone` is set when an approval was answered with "goods not issued"; `doubt` is the sentence that makes the
    outcome unknown whatever follows.
    """

    amount_fen: int
    approved: TerminalResult | None = None
    declined: TerminalResult | None = None
    undone: bool = False
    doubt: str = ""

    def judge(self, end: _End) -> TerminalResult:
        """The outcome by the device reference §2.5; only a certain no is DECLINED."""
        if self.doubt:
            return self._unknown(self.doubt)
        match end.kind:
            case _Ended.COMPLETED if self.approved is not None and not self.undone:
                return self.approved
            case _Ended.ABORTED if self.approved is not None and self.undone:
                return replace(self.approved, verdict=Verdict.DECLINED, message="终端已自动撤销")
            case _Ended.ABORTED | _Ended.REFUSED if self.approved is None and self.declined is None:
                assert end.code is not None
                return replace(
                    self._nothing_told(),
                    verdict=Verdict.DECLINED,
                    code=f"{end.code:02X}",
                    message=zvt_messages.result_words(end.code),
                )
        if self.declined is not None and self.approved is None:
            return self.declined
        return self._unknown(_UNKNOWN_WORDS[end.kind])

    def _unknown(self, message: str) -> TerminalResult:
        told = self.approved or self.declined or self._nothing_told()
        return replace(told, verdict=Verdict.UNKNOWN, message=message)

    def _nothing_told(self) -> TerminalResult:
        return TerminalResult(Verdict.UNKNOWN, self.amount_fen, TerminalId(""))


_UNKNOWN_WORDS = {
    _Ended.COMPLETED: "终端已结束但没有报出结果，请勿重刷，先核对终端签购单。",
    _Ended.ABORTED: "终端先批准、后又中止，请勿重刷，先核对终端签购单。",
    _Ended.REFUSED: "终端没有答复结果，请勿重刷，先核对终端签购单。",
    _Ended.SILENT: "终端没有答复结果，请勿重刷，先核对终端签购单。",
    _Ended.LOST: "与终端的连接中断，请勿重刷，先核对终端签购单。",
}


@dataclass(frozen=True, slots=True)
class _Sent:
    """`perhaps_twice`: the block was repeated after silence, so the terminal may have got two."""

    acknowledged: bool
    perhaps_twice: bool


class _Line:
    """The port under the link's rules: each good block is acknowledged, ours are repeated until they are."""

    def __init__(self, port: SerialPort, ack_timeout_s: float) -> None:
        self._port = port
        self._ack_timeout_s = ack_timeout_s
        self._parser = zvt_link.LinkParser()
        self._blocks: deque[bytes] = deque()
        self._heard_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._port.is_open

    def open(self) -> None:
        self._port.open()
        self._parser = zvt_link.LinkParser()
        self._blocks.clear()

    def close(self) -> None:
        self._port.close()

    def note(self, masked: str) -> None:
        self._port.note("!", masked)

    def send(self, apdu: bytes, cancel: CancelToken | None = None, *, raise_cancelled: bool = False) -> _Sent:
        """Send one block until it is acknowledged; a block that arrives instead implies it (some terminals are late).

        `cancel` ends the repeating, but what went out is waited for unless `raise_cancelled`.
        """
        perhaps_twice = after_silence = False
        for sending in range(_SENDINGS):
            if sending and cancel is not None and cancel.cancelled:
                break
            perhaps_twice = perhaps_twice or after_silence
            self._port.note(">", zvt_messages.describe(apdu))
            self._port.write(zvt_link.block(apdu), _WRITE_TIMEOUT_S)
            answer = self._await_acknowledgement(cancel if raise_cancelled else None)
            if answer is True:
                return _Sent(True, perhaps_twice)
            after_silence = answer is None
            self.note("not acknowledged" if answer is False else "no acknowledgement")
        return _Sent(False, perhaps_twice)

    def receive(self, timeout_s: float) -> bytes | None:
        """The next good block, already acknowledged; None when none came within `timeout_s`."""
        until = time.monotonic() + timeout_s
        while not self._blocks:
            self._pump(until - time.monotonic())
            if not self._blocks and time.monotonic() >= until:
                return None
        return self._blocks.popleft()

    def _await_acknowledgement(self, cancel: CancelToken | None) -> bool | None:
        """True acknowledged, False refused by NAK, None silence."""
        until = time.monotonic() + self._ack_timeout_s
        while True:
            if cancel is not None:
                cancel.check()
            for event in self._pump(until - time.monotonic()):
                if isinstance(event, zvt_link.NotAcknowledged):
                    return False
                if isinstance(event, zvt_link.Acknowledged | zvt_link.Block):
                    return True
            if time.monotonic() >= until:
                return None

    def _pump(self, timeout_s: float) -> list[zvt_link.LinkEvent]:
        """Read once (at most a slice), acknowledge what came, keep blocks for `receive`."""
        data = self._port.read(4096, min(_SLICE_S, max(0.0, timeout_s)))
        now = time.monotonic()
        if data:
            self._heard_at = now
            events = self._parser.feed(data)
        elif now - self._heard_at >= _GAP_S:
            events = self._parser.quiet()
        else:
            return []
        for event in events:
            if isinstance(event, zvt_link.Block):
                self._port.note("<", zvt_messages.describe(event.apdu))
                self._port.write(zvt_link.ACK, _WRITE_TIMEOUT_S)
                self._blocks.append(event.apdu)
            elif isinstance(event, zvt_link.Damaged):
                self.note(event.why)
                self._port.write(zvt_link.NAK, _WRITE_TIMEOUT_S)
        return events
