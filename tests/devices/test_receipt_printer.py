"""The printer's transport: pieces, answers, and what is known about the paper when things go wrong."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counter_app.domain.errors import Cancelled
from counter_app.domain.waiting import CancelToken
from devices.receipt_printer import (
    CHUNK_BYTES,
    MARKER_REQUEST,
    PrinterAnswers,
    PrinterState,
    PrintResult,
    ReceiptPrinter,
    pieces,
)
from devices.serial_port import PortSettings, SerialPort

QUICK = settings(deadline=None, derandomize=True, database=None, max_examples=60)

INIT, CUT, PULSE = b"\x1b@\x1c&", b"\x1dV\x42\x00", b"\x1bp\x00\x19\xfa"
QR = b"\x1d(k\x1a\x001P0https://example.com/r/1" + b"\x1d(k\x03\x001Q0"
LINES = "".join(f"第{number:02}行 卡号末四位 1234 充值金额：￥100.00\n" for number in range(30)).encode(
    "gb18030"
)
RECEIPT = INIT + LINES + QR + CUT
QUESTION_1, QUESTION_2, QUESTION_4 = b"\x10\x04\x01", b"\x10\x04\x02", b"\x10\x04\x04"


def printer_on(path, seen=None, **options):
    log = None if seen is None else lambda direction, text: seen.append(f"{direction} {text}")
    port = SerialPort(PortSettings(path, device_word="打印机"), log)
    return ReceiptPrinter(port, **options), port


def receipts(out: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(out.glob("receipt-*.bin"))]


# pieces and answers


def test_pieces_are_the_receipt_and_end_between_commands():
    assert 900 < len(RECEIPT) < 1600
    cut = list(pieces(RECEIPT))
    assert b"".join(piece for piece, _ in cut) == RECEIPT
    assert all(len(piece) <= CHUNK_BYTES and between for piece, between in cut)
    # A double-byte character is never split, or the printer would take its second half for the answer's question.
    for piece, _ in cut:
        piece.replace(QR, b"").replace(CUT, b"").decode("gb18030")


def test_no_question_is_put_into_a_picture():
    raster = b"\x1dv0\x00" + (48).to_bytes(2, "little") + (20).to_bytes(2, "little") + b"\x10\x04\x01" * 320
    cut = list(pieces(b"\n" + raster + b"\n"))
    assert b"".join(piece for piece, _ in cut) == b"\n" + raster + b"\n"
    assert [between for _, between in cut] == [True, False, False, False, True]


@QUICK
@given(
    st.lists(
        st.one_of(st.binary(max_size=300), st.sampled_from([RECEIPT, QR, b"\x1dv0\x00\xff\xff\xff\xff"]))
    )
)
def test_any_bytes_are_cut_into_pieces_that_make_the_whole(parts):
    data = b"".join(parts)
    cut = list(pieces(data))
    assert b"".join(piece for piece, _ in cut) == data
    assert all(0 < len(piece) <= CHUNK_BYTES for piece, _ in cut)


def test_kinds_of_answers_are_told_apart():
    answers = PrinterAnswers()
    # automatic status (4 bytes, the last three look like markers), XON, XOFF, status, marker
    assert answers.feed(b"\x14\x00") == []
    assert answers.feed(b"\x00\x0f\x11\x13\x12\x00") == [("status", 0x12), ("marker", 0x00)]
    assert answers.feed(b"\x7e\x0f") == [("status", 0x7E), ("marker", 0x0F)]


@QUICK
@given(st.binary())
def test_any_answer_bytes_raise_nothing(data):
    assert all(kind in ("status", "marker") for kind, _ in PrinterAnswers().feed(data))


# status


class Scripted:
    """A printer that answers questions for status with fixed bytes until it is stopped."""

    def __init__(self, line, answers):
        self._line = line
        self._answers = answers
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        for question, answer in self._answers:
            assert self._line.receive(3) == question
            self._line.send(answer)

    def joined(self):
        self._thread.join(5)
        assert not self._thread.is_alive()


@pytest.mark.parametrize(
    ("one", "two", "four", "state"),
    [
        (0x12, 0x12, 0x12, PrinterState.READY),
        (0x16, 0x12, 0x12, PrinterState.READY),  # drawer pin
        (0x12, 0x12, 0x1E, PrinterState.PAPER_LOW),
        (0x12, 0x12, 0x7E, PrinterState.PAPER_OUT),
        (0x1A, 0x32, 0x12, PrinterState.PAPER_OUT),
        (0x1A, 0x16, 0x7E, PrinterState.COVER_OPEN),
        (0x1A, 0x52, 0x12, PrinterState.ERROR),
        (0x1A, 0x12, 0x12, PrinterState.OFFLINE),
    ],
)
def test_states(line, one, two, four, state):
    printer, port = printer_on(line.path)
    device = Scripted(
        line, [(QUESTION_1, bytes([one])), (QUESTION_2, bytes([two])), (QUESTION_4, bytes([four]))]
    )
    status = printer.status()
    device.joined()
    assert (status.state, status.sentence) == (state, state.value)
    port.close()


def test_silence_is_its_own_state_and_quick(line):
    printer, port = printer_on(line.path)
    started = time.monotonic()
    status = printer.status()
    assert time.monotonic() - started < 5
    assert status.state is PrinterState.NOT_ANSWERING
    assert status.connected
    port.close()


def test_a_printer_that_is_not_there(tmp_path):
    printer, _ = printer_on(str(tmp_path / "none"))
    status = printer.status()
    assert (status.state, status.connected) == (PrinterState.NOT_ANSWERING, False)
    assert status.sentence.startswith("打印机没有连接")
    outcome = printer.print_job(RECEIPT, CancelToken())
    assert outcome.result is PrintResult.NOT_STARTED
    assert outcome.sentence.startswith("凭条没有开始打印。打印机没有连接")


# jobs, against the simulator


@pytest.fixture
def out(tmp_path):
    return tmp_path / "receipts"


def test_a_receipt_is_printed_byte_for_byte(simulator, out):
    process = simulator("printer", "--out", str(out), "--baud", "115200")
    seen = []
    printer, _ = printer_on(process.path, seen)
    outcome = printer.print_job(RECEIPT, CancelToken())
    assert (outcome.result, outcome.sentence) == (PrintResult.PRINTED, "")
    assert receipts(out) == [RECEIPT]
    assert printer.print_job(RECEIPT + INIT + LINES + CUT, CancelToken()).result is PrintResult.PRINTED
    assert receipts(out) == [RECEIPT, RECEIPT, INIT + LINES + CUT]
    assert printer.print_job(PULSE, CancelToken()).result is PrintResult.PRINTED
    assert process.tell(state=True) == {"ok": True, "receipts": 3, "pulses": 1, "paper": "ok"}
    assert "1234" not in "".join(seen)
    printer.close()


def test_a_slow_printer_is_waited_for(simulator, out):
    process = simulator("printer", "--out", str(out), "--delay-s", "0.06")
    printer, _ = printer_on(process.path)
    assert printer.print_job(RECEIPT, CancelToken()).result is PrintResult.PRINTED
    assert receipts(out) == [RECEIPT]
    printer.close()


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ({"paper": "out"}, PrinterState.PAPER_OUT),
        ({"cover": "open"}, PrinterState.COVER_OPEN),
        ({"silent": True}, PrinterState.NOT_ANSWERING),
    ],
)
def test_trouble_before_the_first_byte_starts_nothing(simulator, out, fault, state):
    process = simulator("printer", "--out", str(out))
    process.tell(**fault)
    printer, _ = printer_on(process.path)
    outcome = printer.print_job(RECEIPT, CancelToken())
    assert (outcome.result, outcome.status.state) == (PrintResult.NOT_STARTED, state)
    assert outcome.sentence == f"凭条没有开始打印。{state.value}"
    process.tell(paper="ok")
    process.tell(cover="closed")
    process.tell(silent=False)
    assert printer.print_job(RECEIPT, CancelToken()).result is PrintResult.PRINTED
    assert receipts(out) == [RECEIPT]
    printer.close()


def test_paper_low_still_prints(simulator, out):
    process = simulator("printer", "--out", str(out))
    process.tell(paper="low")
    printer, _ = printer_on(process.path)
    outcome = printer.print_job(RECEIPT, CancelToken())
    assert (outcome.result, outcome.status.state) == (PrintResult.PRINTED, PrinterState.PAPER_LOW)
    printer.close()


def test_paper_out_in_the_middle_is_unknown_and_the_rest_comes_out_with_new_paper(simulator, out):
    process = simulator("printer", "--out", str(out))
    printer, _ = printer_on(process.path)
    process.tell(paper_after=600)
    outcome = printer.print_job(RECEIPT, CancelToken())
    assert (outcome.result, outcome.status.state) == (PrintResult.UNKNOWN, PrinterState.PAPER_OUT)
    assert outcome.sentence == "打印机缺纸，请换纸卷。请确认凭条是否完整打出，不完整时补打。"
    assert receipts(out) == []
    process.tell(paper="ok")
    assert printer.print_job(RECEIPT, CancelToken()).result is PrintResult.PRINTED
    [paper] = receipts(out)
    assert paper.endswith(RECEIPT)
    assert RECEIPT.startswith(
        paper.removesuffix(RECEIPT)
    )  # what came out before the paper ended, and no more
    printer.close()


def test_paper_out_at_the_last_bytes_is_unknown(simulator, out):
    process = simulator("printer", "--out", str(out))
    printer, _ = printer_on(process.path)
    process.tell(paper_after=20)
    outcome = printer.print_job(LINES[-20:] + CUT, CancelToken())
    assert (outcome.result, outcome.status.state) == (PrintResult.UNKNOWN, PrinterState.PAPER_OUT)
    printer.close()


def test_an_old_mark_that_comes_late_does_not_confirm_a_new_receipt(line):
    printer, port = printer_on(line.path)
    job = b"A\n"
    fine = [(QUESTION_1, b"\x12"), (QUESTION_2, b"\x12"), (QUESTION_4, b"\x12")]
    out_of_paper = [(QUESTION_1, b"\x1a"), (QUESTION_2, b"\x32"), (QUESTION_4, b"\x7e")]
    device = threading.Thread(
        target=lambda: play(line, [*fine, (job, b""), *fine, (MARKER_REQUEST, b""), *out_of_paper])
    )
    device.start()
    assert printer.print_job(job, CancelToken()).result is PrintResult.UNKNOWN
    device.join(5)
    # Paper is back: the old mark and the one asked for now come; only the third belongs to the new receipt.
    script = [*fine, (MARKER_REQUEST, b"\x00\x00"), (job, b""), *fine, (MARKER_REQUEST, b""), *out_of_paper]
    device = threading.Thread(target=lambda: play(line, script))
    device.start()
    assert printer.print_job(job, CancelToken()).result is PrintResult.UNKNOWN
    device.join(5)
    port.close()


def play(line, exchanges):
    for expected, answer in exchanges:
        assert line.receive(len(expected)) == expected
        if answer:
            line.send(answer)


def test_silence_in_the_middle_is_unknown(simulator, out):
    process = simulator("printer", "--out", str(out))
    printer, _ = printer_on(process.path)
    process.tell(silent_after=600)
    started = time.monotonic()
    outcome = printer.print_job(RECEIPT, CancelToken())
    assert (outcome.result, outcome.status.state) == (PrintResult.UNKNOWN, PrinterState.NOT_ANSWERING)
    assert "补打" in outcome.sentence
    assert time.monotonic() - started < 8
    assert receipts(out) == []
    printer.close()


def test_a_mark_that_never_comes_is_unknown(line):
    printer, port = printer_on(line.path)
    fine = [(QUESTION_1, b"\x12"), (QUESTION_2, b"\x12"), (QUESTION_4, b"\x12")]
    device = threading.Thread(target=lambda: play(line, [*fine, (b"A\n", b""), *fine, (MARKER_REQUEST, b"")]))
    device.start()
    outcome = printer.print_job(b"A\n", CancelToken(), marker_timeout_s=0.3)
    device.join(5)
    assert outcome.result is PrintResult.UNKNOWN
    port.close()


def in_the_middle(line, printer, cancel, happens):
    """Starts a receipt, lets its first piece through, then something happens; returns the outcome."""
    first_piece = next(pieces(RECEIPT))[0]
    fine = [(QUESTION_1, b"\x12"), (QUESTION_2, b"\x12"), (QUESTION_4, b"\x12")]

    def device():
        play(line, [*fine, (first_piece, b"")])
        happens()

    thread = threading.Thread(target=device)
    thread.start()
    outcome = printer.print_job(RECEIPT, cancel)
    thread.join(5)
    return outcome


def test_unplugged_in_the_middle_is_unknown(line):
    printer, port = printer_on(line.path)
    outcome = in_the_middle(line, printer, CancelToken(), line.unplug)
    assert outcome.result is PrintResult.UNKNOWN
    assert outcome.sentence.startswith("打印机的连接线断开")
    assert "补打" in outcome.sentence
    assert not port.is_open


def test_cancelled_in_the_middle_is_unknown(line):
    printer, port = printer_on(line.path)
    cancel = CancelToken()
    outcome = in_the_middle(line, printer, cancel, cancel.cancel)
    assert outcome.result is PrintResult.UNKNOWN
    assert outcome.sentence == "打印被中断。请确认凭条是否完整打出，不完整时补打。"
    port.close()


def test_cancelled_before_the_first_byte_raises(line):
    printer, port = printer_on(line.path)
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        printer.print_job(RECEIPT, cancel)
    port.close()


def test_a_printer_plugged_in_again_prints(simulator, out):
    process = simulator("printer", "--out", str(out))
    printer, _ = printer_on(process.path)
    assert printer.status().state is PrinterState.READY
    process.tell(unplug=True)
    assert printer.print_job(RECEIPT, CancelToken()).result is PrintResult.NOT_STARTED
    process.tell(plug=True)
    assert printer.print_job(RECEIPT, CancelToken()).result is PrintResult.PRINTED
    assert receipts(out) == [RECEIPT]
    printer.close()


def test_a_printer_that_stops_taking_data_is_unknown(simulator, out):
    process = simulator("printer", "--out", str(out))
    printer, _ = printer_on(process.path, answers=False)
    process.tell(stuck=True)
    cancel = CancelToken()
    timer = threading.Timer(0.5, cancel.cancel)
    timer.start()
    assert printer.print_job(RECEIPT * 200, cancel).result is PrintResult.UNKNOWN
    timer.join()
    printer.close()


def test_a_one_way_cable_prints_and_never_knows(simulator, out):
    process = simulator("printer", "--out", str(out))
    printer, _ = printer_on(process.path, answers=False)
    outcome = printer.print_job(RECEIPT, CancelToken())
    assert outcome.result is PrintResult.UNKNOWN
    assert "不报告状态" in outcome.sentence
    assert printer.status().state is PrinterState.NOT_ANSWERING
    process.tell(state=True)
    assert receipts(out) == [RECEIPT]
    printer.close()


def test_a_look_while_printing_says_nothing_and_disturbs_nothing(simulator, out):
    process = simulator("printer", "--out", str(out), "--delay-s", "0.05")
    printer, _ = printer_on(process.path)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(printer.print_job(RECEIPT, CancelToken())))
    thread.start()
    looks = []
    until = time.monotonic() + 5
    while thread.is_alive() and time.monotonic() < until:
        looks.append(printer.idle_status())
        thread.join(0.02)
    thread.join(5)
    assert outcomes[0].result is PrintResult.PRINTED
    assert None in looks
    assert receipts(out) == [RECEIPT]
    assert printer.idle_status().state is PrinterState.READY
    printer.close()
