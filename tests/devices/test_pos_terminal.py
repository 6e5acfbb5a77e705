"""Payments at the terminal: transcripts on a real line, then whole dialogues with the simulated terminal."""

from __future__ import annotations

import json
import select
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from counter_app.domain.errors import Cancelled, DeviceTrouble, StorageTrouble
from counter_app.domain.ids import IntentId
from counter_app.domain.payments import PaymentMethod, PaymentOrder, Reply, TerminalResult, Verdict
from counter_app.domain.waiting import CancelToken, silent
from devices import zvt_messages as zvt
from devices.pos_terminal import CardKinds, PosTerminal, TerminalState, port_settings
from devices.zvt_link import block

ORDER = PaymentOrder(IntentId("intent-1"), 12_34)
INFO = zvt.StatusInformation(
    result=0,
    amount_fen=12_34,
    currency="0156",
    terminal_id="10203040",
    receipt_no="0343",
    trace="000470",
    card_tail="7894",
    card_name="UnionPay Debit",
    local_time="10:23:45",
)
PASSWORD = "987654"

Step = Callable[[Any], None]


def hears(apdu: bytes) -> Step:
    """The counter sends this block; the terminal acknowledges."""

    def step(line: Any) -> None:
        wire = block(apdu)
        assert line.receive(len(wire)).hex(" ") == wire.hex(" ")
        line.send(b"\x06")

    return step


def says(apdu: bytes) -> Step:
    """The terminal sends this block; the counter acknowledges."""

    def step(line: Any) -> None:
        line.send(block(apdu))
        assert line.receive(1) == b"\x06"

    return step


def hears_bytes(text: str) -> Step:
    data = bytes.fromhex(text)

    def step(line: Any) -> None:
        assert line.receive(len(data)).hex(" ") == data.hex(" ")

    return step


def says_bytes(text: str) -> Step:
    return lambda line: line.send(bytes.fromhex(text))


def unplugs(line: Any) -> None:
    line.unplug()


def told(info: zvt.StatusInformation) -> bytes:
    return zvt.status_information(info, pan_head="621700")


PAY = zvt.authorisation(12_34, "0156")
REGISTERED = [
    hears(zvt.registration(PASSWORD, "0156")),
    says(zvt.POSITIVE),
    says(zvt.completion(0)),
    hears(zvt.POSITIVE),
]
TAKEN = [*REGISTERED, hears(PAY), says(zvt.POSITIVE)]
COMPLETED = [says(zvt.completion()), hears(zvt.POSITIVE)]
APPROVED = [says(told(INFO)), hears(zvt.POSITIVE)]


class Far:
    """The terminal's end of the line, played from a script; what is left over fails the test."""

    def __init__(self, line: Any) -> None:
        self.line = line
        self._pool = ThreadPoolExecutor(1)
        self._playing: Future[None] | None = None

    def plays(self, *steps: Step) -> None:
        self.finish()
        self._playing = self._pool.submit(self._play, steps)

    def close(self) -> None:
        try:
            self.finish()
        finally:
            self._pool.shutdown()

    def _play(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            step(self.line)

    def finish(self) -> None:
        """The script was played to its end and the counter sent nothing beyond it."""
        playing, self._playing = self._playing, None
        if playing is not None:
            playing.result(10)
        if self.line.master >= 0:
            assert not select.select([self.line.master], [], [], 0.05)[0], "the counter sent more"


class Desk:
    """What `on_result` stored."""

    def __init__(self, reply: Reply = Reply.ACCEPT) -> None:
        self.reply = reply
        self.stored: list[TerminalResult] = []

    def __call__(self, result: TerminalResult) -> Reply:
        self.stored.append(result)
        return self.reply


@pytest.fixture
def far(line: Any) -> Iterator[Far]:
    made = Far(line)
    yield made
    made.close()


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., PosTerminal]]:
    """Terminals closed at the end. Who waits for silence shortens the wait that it is about."""
    opened: list[PosTerminal] = []

    def open_(path: str, **more: Any) -> PosTerminal:
        usual = {
            "password": PASSWORD,
            "ack_timeout_s": 3.0,
            "answer_timeout_s": 3.0,
            "message_timeout_s": 3.0,
        }
        opened.append(PosTerminal(port_settings(path), **{**usual, **more}))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def terminal(line: Any, open_terminal: Callable[..., PosTerminal]) -> PosTerminal:
    return open_terminal(line.path)


def pay(terminal: PosTerminal, desk: Callable[[TerminalResult], Reply] | None = None) -> TerminalResult:
    return terminal.pay(ORDER, desk or Desk(), silent, CancelToken())


# --- transcripts: payment


def test_approved_payment_byte_for_byte(far: Far, open_terminal: Callable[..., PosTerminal]) -> None:
    terminal = open_terminal(far.line.path, password="000000")
    desk, lines = Desk(), []
    far.plays(
        hears_bytes("10 02 06 00 08 00 00 00 3E 01 56 03 01 10 03 79 C1"),
        says_bytes("06 10 02 80 00 00 10 03 F5 1F"),
        hears_bytes("06"),
        says_bytes("10 02 06 0F 00 10 03 C6 33"),
        hears_bytes("06 10 02 80 00 00 10 03 F5 1F"),
        says_bytes("06"),
        hears_bytes("10 02 06 01 0A 04 00 00 00 00 12 34 49 01 56 10 03 51 EE"),
        says_bytes("06 10 02 80 00 00 10 03 F5 1F"),
        hears_bytes("06"),
        says_bytes("10 02 04 FF 01 0A 10 03 F5 7D"),
        hears_bytes("06 10 02 80 00 00 10 03 F5 1F"),
        says_bytes("06 10 02 04 FF 02 04 01 10 03 A2 94"),
        hears_bytes("06 10 02 80 00 00 10 03 F5 1F"),
        says_bytes("06"),
        says_bytes(
            "10 02 04 0F 17 27 00 04 00 00 00 00 12 34 0B 00 04 70 49 01 56 87 03 43 0C 10 10 23 45 10 03 C4 34"
        ),
        hears_bytes("06 10 02 80 00 00 10 03 F5 1F"),
        says_bytes("06 10 02 06 0F 00 10 03 C6 33"),
        hears_bytes("06 10 02 80 00 00 10 03 F5 1F"),
        says_bytes("06"),
    )
    result = terminal.pay(ORDER, desk, lines.append, CancelToken())
    assert result == desk.stored[0]
    assert (result.verdict, result.amount_fen) == (Verdict.APPROVED, 12_34)
    assert (result.receipt_no, result.trace, result.local_time, result.code) == (
        "0343",
        "000470",
        "10:23:45",
        "00",
    )
    assert lines == ["请客户插卡、挥卡或出示付款码", "正在等待银行答复"]


def test_an_approval_is_stored_before_it_is_acknowledged(far: Far, terminal: PosTerminal) -> None:
    acknowledged, stored = threading.Event(), threading.Event()

    def store(_result: TerminalResult) -> Reply:
        # The acknowledgement of the link is out, the answer of the application is not.
        assert acknowledged.wait(5)
        assert not select.select([far.line.master], [], [], 0.2)[0]
        stored.set()
        return Reply.ACCEPT

    def answer(line: Any) -> None:
        acknowledged.set()
        hears(zvt.POSITIVE)(line)
        assert stored.is_set()

    far.plays(*TAKEN, says(told(INFO)), answer, *COMPLETED)
    assert pay(terminal, store).verdict is Verdict.APPROVED


def test_declined_with_result_code(far: Far, terminal: PosTerminal) -> None:
    desk = Desk()
    declined = told(replace(INFO, result=0x71))
    far.plays(*TAKEN, says(declined), hears(zvt.POSITIVE), says(zvt.aborted(0x71)), hears(zvt.POSITIVE))
    result = pay(terminal, desk)
    assert (result.verdict, result.code, result.message) == (
        Verdict.DECLINED,
        "71",
        "余额不足，终端代码 71",
    )
    assert desk.stored == []


def test_aborted_before_any_result_is_declined(far: Far, terminal: PosTerminal) -> None:
    far.plays(*TAKEN, says(zvt.aborted(0x6C)), hears(zvt.POSITIVE))
    result = pay(terminal)
    assert (result.verdict, result.code, result.amount_fen) == (Verdict.DECLINED, "6C", 12_34)


def test_declined_stays_declined_when_the_line_goes_afterwards(far: Far, terminal: PosTerminal) -> None:
    far.plays(*TAKEN, says(told(replace(INFO, result=5))), hears(zvt.POSITIVE), unplugs)
    assert pay(terminal).verdict is Verdict.DECLINED


def test_refused_command_is_declined_and_not_registered_registers_again(
    far: Far, terminal: PosTerminal
) -> None:
    far.plays(*REGISTERED, hears(PAY), says(zvt.refusal(0x6B)))
    assert pay(terminal).message == "终端未登记，终端代码 6B"
    far.plays(*TAKEN, *APPROVED, *COMPLETED)
    assert pay(terminal).verdict is Verdict.APPROVED


def test_nak_repeats_the_same_block(far: Far, terminal: PosTerminal) -> None:
    wire = block(PAY).hex(" ")
    far.plays(
        *REGISTERED,
        hears_bytes(wire),
        says_bytes("15"),
        hears_bytes(wire),
        says_bytes("15"),
        hears(PAY),
        says(zvt.POSITIVE),
        *APPROVED,
        *COMPLETED,
    )
    assert pay(terminal).verdict is Verdict.APPROVED


def test_unacknowledged_payment_is_repeated_thrice_and_unknown(
    far: Far, open_terminal: Callable[..., PosTerminal]
) -> None:
    terminal = open_terminal(far.line.path, ack_timeout_s=0.3)
    far.plays(*REGISTERED, *[hears_bytes(block(PAY).hex())] * 4)
    result = pay(terminal)
    assert (result.verdict, result.amount_fen) == (Verdict.UNKNOWN, 12_34)
    assert result.message.endswith("。")


def test_refusal_of_a_repeated_payment_does_not_speak_for_the_first(
    far: Far, open_terminal: Callable[..., PosTerminal]
) -> None:
    terminal = open_terminal(far.line.path, ack_timeout_s=0.5)
    # The acknowledgement of the first copy was lost, the second copy meets a busy terminal.
    far.plays(
        *REGISTERED,
        hears_bytes(block(PAY).hex()),
        hears(PAY),
        says(zvt.refusal(0x9C)),
        *APPROVED,
        *COMPLETED,
    )
    assert pay(terminal).verdict is Verdict.APPROVED


def test_an_answer_stands_for_its_missing_acknowledgement(
    far: Far, open_terminal: Callable[..., PosTerminal]
) -> None:
    terminal = open_terminal(far.line.path, ack_timeout_s=0.5)
    far.plays(
        *REGISTERED,
        hears_bytes(block(PAY).hex()),
        says(zvt.POSITIVE),
        *APPROVED,
        says_bytes("06"),
        *COMPLETED,
    )
    assert pay(terminal).verdict is Verdict.APPROVED


def test_accepted_and_then_silent_is_unknown(far: Far, open_terminal: Callable[..., PosTerminal]) -> None:
    terminal = open_terminal(far.line.path, message_timeout_s=0.5)
    far.plays(*TAKEN)
    assert pay(terminal).verdict is Verdict.UNKNOWN


def test_each_step_of_the_terminal_starts_the_wait_anew(
    far: Far, open_terminal: Callable[..., PosTerminal]
) -> None:
    terminal = open_terminal(far.line.path, answer_timeout_s=1.0, message_timeout_s=1.0)

    def waits(_line: Any) -> None:
        time.sleep(0.4)

    step = [waits, says(zvt.intermediate_status(4)), hears(zvt.POSITIVE)]
    far.plays(*TAKEN, *step, *step, *step, *APPROVED, *COMPLETED)
    assert pay(terminal).verdict is Verdict.APPROVED


def test_damaged_result_is_asked_for_again_and_stored_once(far: Far, terminal: PosTerminal) -> None:
    desk = Desk()
    damaged = bytearray(block(told(INFO)))
    damaged[10] ^= 0x01
    far.plays(*TAKEN, says_bytes(damaged.hex()), hears_bytes("15"), *APPROVED, *COMPLETED)
    assert pay(terminal, desk).verdict is Verdict.APPROVED
    assert len(desk.stored) == 1


@pytest.mark.parametrize("reply", [Reply.ACCEPT, Reply.REVERSE])
def test_repeated_result_gets_the_same_answer_and_is_stored_once(
    far: Far, terminal: PosTerminal, reply: Reply
) -> None:
    desk = Desk(reply)
    answer = zvt.POSITIVE if reply is Reply.ACCEPT else zvt.GOODS_NOT_ISSUED
    result = [says(told(INFO)), hears(answer)]
    ending = COMPLETED if reply is Reply.ACCEPT else [says(zvt.aborted(0x6C)), hears(zvt.POSITIVE)]
    far.plays(*TAKEN, *result, *result, *result, *ending)
    expected = Verdict.APPROVED if reply is Reply.ACCEPT else Verdict.DECLINED
    assert pay(terminal, desk).verdict is expected
    assert len(desk.stored) == 1


def test_reversed_approval_that_the_terminal_completes_is_unknown(far: Far, terminal: PosTerminal) -> None:
    far.plays(*TAKEN, says(told(INFO)), hears(zvt.GOODS_NOT_ISSUED), *COMPLETED)
    assert pay(terminal, Desk(Reply.REVERSE)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "error", [StorageTrouble("磁盘已满。"), ZeroDivisionError("bug"), DeviceTrouble("别的")]
)
def test_approval_that_cannot_be_stored_is_undone(far: Far, terminal: PosTerminal, error: Exception) -> None:
    def store(_result: TerminalResult) -> Reply:
        raise error

    far.plays(*TAKEN, says(told(INFO)), hears(zvt.GOODS_NOT_ISSUED))
    with pytest.raises(type(error)) as caught:
        pay(terminal, store)
    assert caught.value is error


def test_abort_after_an_acknowledged_approval_is_unknown(far: Far, terminal: PosTerminal) -> None:
    far.plays(*TAKEN, *APPROVED, says(zvt.aborted(0x6C)), hears(zvt.POSITIVE))
    result = pay(terminal)
    assert (result.verdict, result.receipt_no) == (Verdict.UNKNOWN, "0343")


def test_completion_without_a_result_is_unknown(far: Far, terminal: PosTerminal) -> None:
    far.plays(*TAKEN, *COMPLETED)
    assert pay(terminal).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (replace(INFO, amount_fen=12_35), "终端金额（12.35 元）与应收金额（12.34 元）不符"),
        (replace(INFO, amount_fen=None), "终端金额（未报金额）"),
        (replace(INFO, currency="0978"), "终端币种不是人民币"),
        (replace(INFO, result=None), "终端的答复不完整"),
    ],
)
@pytest.mark.parametrize("ending", [zvt.completion(), zvt.aborted(0x6C)])
def test_another_payment_than_asked_is_never_kept(
    far: Far, terminal: PosTerminal, info: zvt.StatusInformation, words: str, ending: bytes
) -> None:
    desk = Desk()
    far.plays(*TAKEN, says(told(info)), hears(zvt.GOODS_NOT_ISSUED), says(ending), hears(zvt.POSITIVE))
    result = pay(terminal, desk)
    assert result.verdict is Verdict.UNKNOWN
    assert result.message.startswith(words)
    assert desk.stored == []


def test_second_approval_in_one_payment_is_undone_and_doubted(far: Far, terminal: PosTerminal) -> None:
    desk = Desk()
    second = told(replace(INFO, trace="000471", receipt_no="0344"))
    far.plays(*TAKEN, *APPROVED, says(second), hears(zvt.GOODS_NOT_ISSUED), *COMPLETED)
    result = pay(terminal, desk)
    assert (result.verdict, result.receipt_no) == (Verdict.UNKNOWN, "0343")
    assert len(desk.stored) == 1


def test_message_that_nobody_knows_is_answered_and_ignored(far: Far, terminal: PosTerminal) -> None:
    print_line = zvt.command(b"\x06\xd1", b"\x00text")
    far.plays(*TAKEN, says(print_line), hears(zvt.refusal(0x83)), *APPROVED, *COMPLETED)
    assert pay(terminal).verdict is Verdict.APPROVED


def test_unreadable_rest_of_a_result_loses_no_amount(far: Far, terminal: PosTerminal) -> None:
    strange = zvt.status_information(INFO, unknown_tail=b"\xee\xff\xff")
    far.plays(*TAKEN, says(strange), hears(zvt.POSITIVE), *COMPLETED)
    assert pay(terminal).verdict is Verdict.APPROVED


def test_scan_is_asked_with_its_pay_type(far: Far, open_terminal: Callable[..., PosTerminal]) -> None:
    terminal = open_terminal(far.line.path, scan_pay_type=0x44)
    order = replace(ORDER, method=PaymentMethod.SCAN)
    far.plays(
        *REGISTERED,
        hears(zvt.authorisation(12_34, "0156", 0x44)),
        says(zvt.POSITIVE),
        *APPROVED,
        *COMPLETED,
    )
    assert terminal.pay(order, Desk(), silent, CancelToken()).verdict is Verdict.APPROVED


@pytest.mark.parametrize(
    ("name", "card_type", "credit"),
    [
        ("UnionPay Debit", None, False),
        ("银联信用卡", None, True),
        ("UnionPay", None, None),
        ("Debit/Credit", None, None),
        ("", 9, True),
        ("", 8, False),
        ("", None, None),
    ],
)
def test_kind_of_card(name: str, card_type: int | None, credit: bool | None) -> None:
    kinds = CardKinds(credit_types=frozenset({9}), debit_types=frozenset({8}))
    assert kinds.is_credit(zvt.StatusInformation(card_name=name, card_type=card_type)) is credit


# --- transcripts: nothing sent


def test_missing_port_and_silent_terminal_are_trouble_before_anything_was_sent(
    far: Far, open_terminal: Callable[..., PosTerminal], tmp_path: Path
) -> None:
    with pytest.raises(DeviceTrouble, match="no-such-port"):
        pay(open_terminal(str(tmp_path / "no-such-port")))
    far.plays(*[hears_bytes(block(zvt.registration(PASSWORD, "0156")).hex())] * 4)
    with pytest.raises(DeviceTrouble, match="silent"):
        pay(open_terminal(far.line.path, ack_timeout_s=0.3))


@pytest.mark.parametrize(
    "answers",
    [
        [says(zvt.refusal(0x9C))],
        [says(zvt.POSITIVE), says(zvt.aborted(0x9C)), hears(zvt.POSITIVE)],
    ],
)
def test_refused_registration_sends_no_payment(far: Far, terminal: PosTerminal, answers: list[Step]) -> None:
    far.plays(hears(zvt.registration(PASSWORD, "0156")), *answers)
    with pytest.raises(DeviceTrouble) as caught:
        pay(terminal)
    assert caught.value.advice.startswith("POS 终端不能办理（终端正忙，终端代码 9C）")


def test_cancelled_before_sending_sends_nothing(far: Far, terminal: PosTerminal) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        terminal.pay(ORDER, Desk(), silent, cancel)
    far.finish()


def test_cancel_leaves_a_silent_registration_at_once(
    far: Far, open_terminal: Callable[..., PosTerminal]
) -> None:
    terminal = open_terminal(far.line.path, ack_timeout_s=30)
    cancel = CancelToken()

    def cancels(_line: Any) -> None:
        cancel.cancel()

    far.plays(hears_bytes(block(zvt.registration(PASSWORD, "0156")).hex()), cancels)
    started = time.monotonic()
    with pytest.raises(Cancelled):
        terminal.register(cancel)
    assert time.monotonic() - started < 15


# --- transcripts: results that nobody waits for


def test_stray_approval_is_undone_before_the_next_payment(far: Far, terminal: PosTerminal) -> None:
    far.plays(*REGISTERED)
    terminal.register(CancelToken())
    far.finish()
    far.line.send(block(told(INFO)))
    far.plays(
        hears_bytes("06"),
        hears(zvt.GOODS_NOT_ISSUED),
        says(zvt.aborted(0x6C)),
        hears(zvt.POSITIVE),
        hears(PAY),
        says(zvt.POSITIVE),
        says(told(replace(INFO, trace="000471"))),
        hears(zvt.POSITIVE),
        *COMPLETED,
    )
    desk = Desk()
    assert pay(terminal, desk).trace == "000471"
    assert len(desk.stored) == 1


def test_late_result_of_an_unknown_payment_is_kept_when_the_hall_wants_it(
    far: Far, open_terminal: Callable[..., PosTerminal]
) -> None:
    stray = Desk()
    terminal = open_terminal(far.line.path, message_timeout_s=0.5, on_stray=stray)
    far.plays(*TAKEN)
    assert pay(terminal).verdict is Verdict.UNKNOWN
    # Told twice, as after a lost answer: stored once.
    far.plays(*REGISTERED, *APPROVED, *APPROVED, *COMPLETED)
    terminal.attend(0.5, CancelToken())
    assert [one.receipt_no for one in stray.stored] == ["0343"]


def test_approval_repeated_after_the_line_was_lost_gets_the_first_answer(
    far: Far, open_terminal: Callable[..., PosTerminal]
) -> None:
    terminal = open_terminal(far.line.path, message_timeout_s=0.5)
    # Approved and accepted, then silence: unknown. The terminal tells it again later; undoing would be wrong.
    desk = Desk()
    far.plays(*TAKEN, *APPROVED)
    assert pay(terminal, desk).verdict is Verdict.UNKNOWN
    far.plays(*REGISTERED, *APPROVED, *COMPLETED)
    terminal.attend(0.5, CancelToken())
    assert len(desk.stored) == 1


def test_result_that_comes_before_the_command_was_taken_is_not_taken_for_its_own(
    far: Far, open_terminal: Callable[..., PosTerminal]
) -> None:
    stray, desk = Desk(Reply.REVERSE), Desk()
    terminal = open_terminal(far.line.path, on_stray=stray)
    far.plays(*REGISTERED, hears(PAY), says(told(INFO)), hears(zvt.GOODS_NOT_ISSUED), says(zvt.refusal(0x9C)))
    assert pay(terminal, desk).verdict is Verdict.DECLINED
    assert (len(stray.stored), desk.stored) == (1, [])


def test_late_word_on_a_reversal_is_never_answered_with_undo(
    far: Far, open_terminal: Callable[..., PosTerminal]
) -> None:
    terminal = open_terminal(far.line.path, message_timeout_s=0.5)
    far.plays(*REGISTERED, hears(zvt.reversal(PASSWORD, "0343")), says(zvt.POSITIVE))
    assert terminal.reverse("0343", 12_34, silent, CancelToken()).verdict is Verdict.UNKNOWN
    far.plays(*REGISTERED, says(told(INFO)), hears(zvt.POSITIVE), *COMPLETED)
    terminal.attend(0.5, CancelToken())


# --- transcripts: reversal, status, log


@pytest.mark.parametrize(
    ("info", "verdict"),
    [
        (replace(INFO, original_trace="000400"), Verdict.APPROVED),
        (replace(INFO, original_trace=""), Verdict.APPROVED),
        (replace(INFO, amount_fen=5), Verdict.UNKNOWN),
        (replace(INFO, original_trace="000399"), Verdict.UNKNOWN),
        (replace(INFO, result=0xB4), Verdict.DECLINED),
    ],
)
def test_reversal_is_done_only_for_the_asked_payment(
    far: Far, terminal: PosTerminal, info: zvt.StatusInformation, verdict: Verdict
) -> None:
    far.plays(
        *REGISTERED,
        hears(zvt.reversal(PASSWORD, "0343")),
        says(zvt.POSITIVE),
        says(told(info)),
        hears(zvt.POSITIVE),
        *COMPLETED,
    )
    assert terminal.reverse("0343", 12_34, silent, CancelToken(), trace="400").verdict is verdict


def test_reversal_without_a_usable_number_sends_nothing(far: Far, terminal: PosTerminal) -> None:
    for receipt_no in ("", "12345", "03A3", "０３４３"):
        with pytest.raises(DeviceTrouble) as caught:
            terminal.reverse(receipt_no, 12_34, silent, CancelToken())
        assert caught.value.advice.startswith("这笔付款没有可用的终端凭证号")
    far.finish()


def test_a_password_of_the_wrong_form_is_noticed_at_set_up() -> None:
    with pytest.raises(ValueError, match="digits expected"):
        PosTerminal(port_settings("unused"), password="12345")


def test_status_tells_the_code_in_words(far: Far, terminal: PosTerminal) -> None:
    enquiry = [hears(zvt.status_enquiry(PASSWORD)), says(zvt.POSITIVE)]
    far.plays(*REGISTERED, *enquiry, says(zvt.status_report(0xCC)), hears(zvt.POSITIVE))
    status = terminal.status(CancelToken())
    assert (status.state, status.code) == (TerminalState.NEEDS_CARE, "CC")
    assert status.message == "终端打印机缺纸或故障，终端代码 CC。"
    far.plays(*enquiry, says(zvt.status_report(0x9C)), hears(zvt.POSITIVE))
    assert terminal.status(CancelToken()).state is TerminalState.BUSY
    far.plays(*enquiry, unplugs)
    assert terminal.status(CancelToken()).state is TerminalState.NOT_ANSWERING


def test_the_log_holds_neither_card_nor_password(far: Far, open_terminal: Callable[..., PosTerminal]) -> None:
    log: list[str] = []
    terminal = open_terminal(far.line.path, log=lambda direction, text: log.append(f"{direction} {text}"))
    far.plays(*TAKEN, *APPROVED, *COMPLETED)
    pay(terminal)
    text = "\n".join(log)
    assert "> authorisation 12.34" in log
    assert "< status information 27=00 04=000000001234" in text
    assert PASSWORD not in text
    assert "7894" not in text
    assert "621700" not in text


# --- with the simulated terminal, over its own pseudo-terminal


class Hall:
    """A simulated terminal, its journal and a `PosTerminal` on it."""

    def __init__(
        self, simulator: Callable[..., Any], open_terminal: Callable[..., PosTerminal], journal: Path
    ) -> None:
        self._journal = journal
        self.simulator = simulator("pos", "--journal", str(journal), "--ack-timeout-s", "0.3")
        self.stray = Desk()
        self.terminal = open_terminal(self.simulator.path, message_timeout_s=1.0, on_stray=self.stray)
        self.desk = Desk()

    def pay(
        self, cancel: CancelToken | None = None, progress: Callable[[str], None] = silent
    ) -> TerminalResult:
        return self.terminal.pay(ORDER, self.desk, progress, cancel or CancelToken())

    def reverse(self, paid: TerminalResult) -> TerminalResult:
        return self.terminal.reverse(
            paid.receipt_no, paid.amount_fen, silent, CancelToken(), trace=paid.trace
        )

    def money_fen(self) -> int:
        """What the bank holds: approvals less reversals."""
        if not self._journal.exists():
            return 0
        entries = [json.loads(line) for line in self._journal.read_text(encoding="utf-8").splitlines()]
        return sum(e["amount_fen"] * (1 if e["what"] == "approval" else -1) for e in entries)


@pytest.fixture
def hall(simulator: Callable[..., Any], open_terminal: Callable[..., PosTerminal], tmp_path: Path) -> Hall:
    return Hall(simulator, open_terminal, tmp_path / "journal.jsonl")


def test_simulated_approval_reversal_and_second_reversal(hall: Hall) -> None:
    paid = hall.pay()
    assert (paid.verdict, paid.credit_card, paid.terminal_id) == (Verdict.APPROVED, False, "10203040")
    assert len(paid.card_tail) == 4
    assert hall.desk.stored == [paid]
    assert hall.money_fen() == 12_34
    again = hall.terminal.last_result(CancelToken())
    assert again is not None
    assert replace(again, message=paid.message) == paid
    assert hall.reverse(paid).verdict is Verdict.APPROVED
    assert hall.money_fen() == 0
    second = hall.reverse(paid)
    assert (second.verdict, second.message) == (Verdict.DECLINED, "该笔已撤销过，终端代码 B4")
    assert hall.terminal.status(CancelToken()).state is TerminalState.READY


def test_simulated_scan_tells_no_card(hall: Hall) -> None:
    order = replace(ORDER, method=PaymentMethod.SCAN)
    paid = hall.terminal.pay(order, hall.desk, silent, CancelToken())
    assert (paid.verdict, paid.card_tail, paid.credit_card) == (Verdict.APPROVED, "", None)


def test_simulated_terminal_takes_its_time_and_lines_tell_it(
    simulator: Callable[..., Any], open_terminal: Callable[..., PosTerminal]
) -> None:
    terminal = open_terminal(simulator("pos", "--delay-s", "0.2").path)
    lines: list[str] = []
    started = time.monotonic()
    assert terminal.pay(ORDER, Desk(), lines.append, CancelToken()).verdict is Verdict.APPROVED
    assert time.monotonic() - started >= 0.4
    assert lines == ["请客户插卡、挥卡或出示付款码", "正在等待银行答复"]


def test_simulated_decline_then_approval(hall: Hall) -> None:
    hall.simulator.tell(next="decline", code="71")
    assert hall.pay().message == "余额不足，终端代码 71"
    hall.simulator.tell(next="decline")
    assert hall.pay().message == "发卡行不批准，银行代码 05"
    assert hall.money_fen() == 0
    assert hall.pay().verdict is Verdict.APPROVED
    assert hall.money_fen() == 12_34


def test_simulated_credit_card_is_undone_when_the_desk_refuses_it(hall: Hall) -> None:
    hall.simulator.tell(next="credit")
    hall.desk.reply = Reply.REVERSE
    result = hall.pay()
    assert (result.verdict, result.credit_card) == (Verdict.DECLINED, True)
    assert result.message == "终端已自动撤销"
    assert hall.money_fen() == 0


def test_simulated_repeated_result_is_stored_once(hall: Hall) -> None:
    hall.simulator.tell(next="repeat_result")
    assert hall.pay().verdict is Verdict.APPROVED
    assert len(hall.desk.stored) == 1
    assert hall.money_fen() == 12_34


def test_simulated_wrong_amount_is_undone(hall: Hall) -> None:
    hall.simulator.tell(next="wrong_amount")
    result = hall.pay()
    assert (result.verdict, result.amount_fen) == (Verdict.UNKNOWN, 13_34)
    assert hall.desk.stored == []
    assert hall.money_fen() == 0


def test_simulated_reversal_of_another_amount_is_unknown(hall: Hall) -> None:
    paid = hall.pay()
    hall.simulator.tell(next="wrong_amount")
    assert hall.reverse(paid).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("how", "stored", "bank_fen"),
    [
        ("silent_before_approval", 0, 0),
        ("approve_then_silent", 1, 12_34),
        ("cut_before", 0, 0),
        ("cut_after_approval", None, 12_34),
    ],
)
def test_simulated_silence_and_cuts_are_unknown(
    hall: Hall, how: str, stored: int | None, bank_fen: int
) -> None:
    hall.simulator.tell(next=how)
    result = hall.pay()
    assert result.verdict is Verdict.UNKNOWN
    assert hall.money_fen() == bank_fen
    # When the cable goes with the result on its way, either end of the line may win.
    assert stored is None or len(hall.desk.stored) == stored
    if how.startswith("cut"):
        with pytest.raises(DeviceTrouble):
            hall.terminal.register(CancelToken())
        assert hall.terminal.status(CancelToken()).state is TerminalState.NOT_ANSWERING
        hall.simulator.tell(plug=True)
    # The terminal works again and tells what it knows; no payment was sent a second time.
    last = hall.terminal.last_result(CancelToken())
    assert (last is not None) == (bank_fen > 0)
    assert hall.money_fen() == bank_fen


def test_simulated_late_result_reaches_the_hall(hall: Hall) -> None:
    hall.simulator.tell(next="late_result")
    assert hall.pay().verdict is Verdict.UNKNOWN
    hall.terminal.register(CancelToken())
    hall.simulator.tell(result="now")
    hall.terminal.attend(0.5, CancelToken())
    assert [one.amount_fen for one in hall.stray.stored] == [12_34]
    assert hall.money_fen() == 12_34


def test_simulated_stop_before_the_card_is_read(hall: Hall) -> None:
    hall.simulator.tell(next="hold")
    cancel, lines = CancelToken(), []

    def progress(line: str) -> None:
        lines.append(line)
        cancel.cancel()

    result = hall.pay(cancel, progress)
    assert (result.verdict, result.code) == (Verdict.DECLINED, "6C")
    assert lines == ["请客户插卡、挥卡或出示付款码", "正在请终端停止，请等终端的最后答复"]
    assert hall.money_fen() == 0


def test_simulated_stop_that_comes_too_late_is_a_payment(hall: Hall) -> None:
    hall.simulator.tell(next="late_stop")
    cancel = CancelToken()
    result = hall.pay(cancel, lambda _line: cancel.cancel())
    assert result.verdict is Verdict.APPROVED
    assert hall.desk.stored == [result]
    assert hall.money_fen() == 12_34


def test_simulated_terminal_pulled_and_put_back_between_payments(hall: Hall) -> None:
    assert hall.pay().verdict is Verdict.APPROVED
    hall.simulator.tell(unplug=True)
    with pytest.raises(DeviceTrouble):
        hall.pay()
    hall.simulator.tell(plug=True)
    assert hall.pay().verdict is Verdict.APPROVED
    assert hall.money_fen() == 24_68


def test_simulated_journal_outlives_the_terminal(
    hall: Hall, simulator: Callable[..., Any], open_terminal: Callable[..., PosTerminal], tmp_path: Path
) -> None:
    paid = hall.pay()
    hall.terminal.close()
    other = Hall(simulator, open_terminal, tmp_path / "journal.jsonl")
    assert other.reverse(paid).verdict is Verdict.APPROVED
    assert other.pay().trace == "000003"
