"""Papers: nothing prints twice by itself, every copy is marked and counted, and a forged one is told from a genuine."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from counter_builder import NOT_STARTED, UNKNOWN, Counter, ScriptedPrinter, require_sound
from hall_builder import HOLDER, MANAGER, NAMED_CARD, OTHER_CLERK, HallClock

from counter_app.domain.cards import Card, CardKind, CardState, Holder
from counter_app.domain.documents import check_digit
from counter_app.domain.errors import Cancelled, Reason, Refused, StorageTrouble
from counter_app.domain.ids import HolderId, MediumId, OperationId, PurseId, ReceiptNo
from counter_app.domain.requests import CashPlace, MoveCash, Reprint, Reverse
from counter_app.domain.waiting import CancelToken
from counter_app.services import founding
from counter_app.services.founding import NewCard
from counter_app.storage import ledger, papers
from counter_app.storage.database import Database
from devices.receipt_printer import PrinterState, PrintResult, ReceiptPrinter
from devices.serial_port import PortSettings, SerialPort
from printing import receipt_reader
from printing.escpos import DRAWER_PULSE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def sound(hall_database: Database) -> Iterator[None]:
    yield
    require_sound(hall_database)


@pytest.fixture
def counter(hall_database: Database) -> Counter:
    """With an open drawer whose paper is printed already."""
    made = Counter(hall_database).opened()
    made.paper.print_next(ScriptedPrinter(), CancelToken())
    return made


def refused(reason: Reason, call: Callable[..., object], *arguments: object) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.reason is reason
    return caught.value


def words(data: bytes) -> str:
    return receipt_reader.text(receipt_reader.read(data), 32)


def states(counter: Counter) -> list[str]:
    return [job.state_text for job in counter.paper.waiting()]


def actions(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        return list(connection.execute(sa.text("SELECT action FROM audit ORDER BY shift_id, seq")).scalars())


# --- the queue --------------------------------------------------------------------------------------------------


def test_papers_print_oldest_first_and_once(counter: Counter) -> None:
    numbers = [counter.top_up(NAMED_CARD, fen).receipt_no for fen in (10_00, 20_00)]
    printer = ScriptedPrinter()
    assert states(counter) == ["排队", "排队"]
    for number in numbers:
        printed = counter.paper.print_next(printer, CancelToken())
        assert printed is not None
        assert (printed.job.receipt_no, printed.result, printed.sentence) == (number, PrintResult.PRINTED, "")
    assert counter.paper.print_next(printer, CancelToken()) is None
    assert len(printer.jobs) == 2
    assert all(DRAWER_PULSE in job for job in printer.jobs)
    assert "补打" not in words(printer.jobs[0])
    assert counter.paper.waiting() == ()


def test_another_counters_papers_are_not_ours(counter: Counter, hall_database: Database) -> None:
    counter.top_up(NAMED_CARD, 10_00)
    other = Counter(hall_database, 2, OTHER_CLERK)
    assert other.paper.waiting() == ()
    assert other.paper.print_next(ScriptedPrinter(), CancelToken()) is None


def test_without_paper_it_stays_queued_and_prints_later(counter: Counter) -> None:
    counter.top_up(NAMED_CARD, 10_00)
    printer = ScriptedPrinter(NOT_STARTED)
    printed = counter.paper.print_next(printer, CancelToken())
    assert printed is not None
    assert printed.sentence == f"凭条没有开始打印。{PrinterState.PAPER_OUT.value}"
    (waiting,) = counter.paper.waiting()
    assert (waiting.state_text, waiting.note, waiting.to_confirm) == ("排队", printed.sentence, False)
    again = counter.paper.print_next(printer, CancelToken())
    assert again is not None
    assert again.result is PrintResult.PRINTED


def test_an_unknown_paper_waits_for_the_clerk_and_never_prints_by_itself(counter: Counter) -> None:
    first = counter.top_up(NAMED_CARD, 10_00)
    printer = ScriptedPrinter(UNKNOWN)
    printed = counter.paper.print_next(printer, CancelToken())
    assert printed is not None
    assert "请确认凭条是否打印" in printed.sentence
    assert PrinterState.PAPER_OUT.value in printed.sentence
    assert counter.paper.print_next(printer, CancelToken()) is None
    second = counter.top_up(NAMED_CARD, 20_00)
    after = counter.paper.print_next(printer, CancelToken())
    assert after is not None
    assert after.job.receipt_no == second.receipt_no
    (waiting,) = counter.paper.waiting()
    assert (waiting.receipt_no, waiting.state_text, waiting.to_confirm) == (first.receipt_no, "未知", True)


def unknown_job(counter: Counter) -> str:
    counter.top_up(NAMED_CARD, 10_00)
    printed = counter.paper.print_next(ScriptedPrinter(UNKNOWN), CancelToken())
    assert printed is not None
    return printed.job.job_id


def test_the_clerk_saw_the_paper(counter: Counter) -> None:
    job_id = unknown_job(counter)
    assert counter.paper.confirm(counter.asked(), job_id, True) is None
    assert counter.paper.waiting() == ()
    assert counter.paper.confirm(counter.asked(), job_id, False) is None, "answered once"
    assert counter.paper.waiting() == ()


def test_the_clerk_saw_no_paper(counter: Counter, hall_database: Database) -> None:
    job_id = unknown_job(counter)
    assert counter.paper.confirm(counter.asked(), job_id, False) == 1
    (waiting,) = counter.paper.waiting()
    assert waiting.what.endswith("（补打 第1次）")
    printer = ScriptedPrinter()
    counter.paper.print_next(printer, CancelToken())
    assert "补打 第1次" in words(printer.jobs[0])
    assert DRAWER_PULSE not in printer.jobs[0]
    assert "confirm_print" in actions(hall_database)


@pytest.mark.parametrize(
    ("broken", "state"),
    [(Cancelled(), "排队"), (RuntimeError("a defect"), "未知"), (KeyboardInterrupt(), "未知")],
)
def test_a_print_that_does_not_return(counter: Counter, broken: BaseException, state: str) -> None:
    counter.top_up(NAMED_CARD, 10_00)
    with pytest.raises(type(broken)):
        counter.paper.print_next(ScriptedPrinter(broken), CancelToken())
    assert states(counter) == [state]


def test_killed_while_printing_it_is_unknown_at_the_next_start(
    counter: Counter, hall_database: Database
) -> None:
    counter.top_up(NAMED_CARD, 10_00)
    (job,) = hall_database.read(lambda tx: papers.waiting_jobs(tx, 1))
    hall_database.write(lambda tx: papers.set_job(tx, job.job_id, "queued", "sending"))
    assert Counter(hall_database, 2, OTHER_CLERK).paper.recover() == ()
    again = Counter(hall_database).paper
    (found,) = again.recover()
    assert (found.job_id, found.to_confirm) == (job.job_id, True)
    assert again.recover() == ()
    assert again.print_next(ScriptedPrinter(), CancelToken()) is None


def test_two_printer_lanes_print_each_paper_once(counter: Counter, hall_database: Database) -> None:
    for _n in range(6):
        counter.top_up(NAMED_CARD, 1_00)
    printer = ScriptedPrinter()
    desks = [counter.paper, Counter(hall_database).paper]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: desks[n % 2].print_next(printer, CancelToken()), range(12)))
    assert len(printer.jobs) == 6
    assert counter.paper.waiting() == ()


def unlock(database: Database) -> None:
    """Take away the triggers that keep receipts as they are, as somebody with the file and its key could."""
    with database.engine.begin() as connection:
        if database.engine.dialect.name == "postgresql":
            connection.execute(sa.text("ALTER TABLE receipt DISABLE TRIGGER ALL"))
            return
        names = connection.execute(
            sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'receipt'")
        ).scalars()
        for name in list(names):
            connection.execute(sa.text(f'DROP TRIGGER "{name}"'))


def change_document(database: Database, receipt_no: str, change: Callable[[str], str]) -> None:
    unlock(database)
    saved = database.read(lambda tx: papers.find(tx, receipt_no))
    assert saved is not None
    changed = change(saved.document)
    assert changed != saved.document
    with database.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE receipt SET document = :changed WHERE receipt_no = :no"),
            {"changed": changed, "no": receipt_no},
        )


def test_a_damaged_receipt_does_not_block_the_others(counter: Counter, hall_database: Database) -> None:
    first, second = counter.top_up(NAMED_CARD, 10_00), counter.top_up(NAMED_CARD, 20_00)
    change_document(hall_database, first.receipt_no, lambda saved: saved.replace("blocks", "blokcs"))
    with pytest.raises(StorageTrouble):
        counter.paper.print_next(ScriptedPrinter(), CancelToken())
    printed = counter.paper.print_next(ScriptedPrinter(), CancelToken())
    assert printed is not None
    assert printed.job.receipt_no == second.receipt_no


def test_a_character_the_printer_lacks_is_logged_but_not_the_name(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    counter.cash.move_cash(MoveCash(counter.asked(), True, CashPlace.SAFE, 10_00, "L-7", note="陈㛃送来"))
    printer = ScriptedPrinter()
    with caplog.at_level(logging.WARNING, "counter_app.services.paper_desk"):
        counter.paper.print_next(printer, CancelToken())
    assert "陈〓送来" in words(printer.jobs[0])
    assert "U+36C3" in caplog.text
    assert "陈" not in caplog.text


def test_a_name_the_printer_lacks_prints_a_sign_beside_the_documents_tail(
    counter: Counter, hall_database: Database
) -> None:
    (card_no,) = founding.card_no_run("31050001", 50, 1)
    first_17 = "11010519900307821"
    rare = Holder(HolderId("rare"), "王小㛃", first_17 + check_digit(first_17), "13700003333", "女")
    card = Card(card_no, CardKind.NAMED, CardState.ACTIVE, PurseId("rare"), rare.holder_id, 1)
    founding.enter_cards(
        hall_database,
        1,
        OperationId("a rare name"),
        [NewCard(card, 0, MediumId("01000000FE"))],
        [(rare, ("wxj",))],
        dt.date(2026, 1, 4),
    )
    counter.top_up(card_no, 10_00)
    printer = ScriptedPrinter()
    counter.paper.print_next(printer, CancelToken())
    assert f"王*〓（证件尾号 {rare.document_number[-4:]}）" in words(printer.jobs[0])


# --- copies -----------------------------------------------------------------------------------------------------


def test_the_first_copy_is_free_and_the_second_needs_the_manager(
    counter: Counter, hall_database: Database, clock: HallClock
) -> None:
    done = counter.top_up(NAMED_CARD, 10_00)
    assert counter.paper.last_receipt_no(counter.asked()) == done.receipt_no
    printer = ScriptedPrinter()
    counter.paper.print_next(printer, CancelToken())
    clock.advance(minutes=5)
    assert counter.paper.reprint(Reprint(counter.asked(), done.receipt_no)) == 1
    second = Reprint(counter.asked(), done.receipt_no)
    refused(Reason.APPROVAL_NEEDED, counter.paper.reprint, second)
    assert counter.paper.reprint(counter.signed(second)) == 2
    while counter.paper.print_next(printer, CancelToken()):
        pass
    original, first_copy, second_copy = map(words, printer.jobs)
    assert "补打" not in original
    assert "补打 第1次" in first_copy
    assert "2026-11-23 09:05 工号 1021" in first_copy
    assert "补打 第2次" in second_copy
    assert [DRAWER_PULSE in job for job in printer.jobs] == [True, False, False]
    assert actions(hall_database).count("reprint") == 2


def test_fifty_presses_are_one_copy(counter: Counter) -> None:
    done = counter.top_up(NAMED_CARD, 10_00)
    request = Reprint(counter.asked(), done.receipt_no)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _n: counter.paper.reprint(request), range(50))) == {1}
    assert len(counter.paper.waiting()) == 2
    other = dataclasses.replace(request, receipt_no=ReceiptNo(done.receipt_no[:-4] + "0001"))
    refused(Reason.OPERATION_CHANGED, counter.paper.reprint, other)


def test_two_counters_copy_one_receipt_and_count_on(counter: Counter, hall_database: Database) -> None:
    done = counter.top_up(NAMED_CARD, 10_00)
    manager = Counter(hall_database, 2, OTHER_CLERK)
    pairs = [(one, one.signed(Reprint(one.asked(), done.receipt_no))) for one in (counter, manager) * 3]
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda pair: pair[0].paper.reprint(pair[1]), pairs))
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]


def test_no_receipt_no_copy(counter: Counter, hall_database: Database) -> None:
    refused(Reason.RECEIPT_UNKNOWN, counter.paper.reprint, Reprint(counter.asked(), ReceiptNo("D9-1")))
    fresh = Counter(hall_database, 2, MANAGER)
    assert fresh.paper.last_receipt_no(fresh.asked()) is None


def test_a_copy_of_something_undone_says_so(counter: Counter, clock: HallClock) -> None:
    wrong = counter.top_up(NAMED_CARD, 10_00)
    undone = counter.undo.reverse(counter.signed(Reverse(counter.asked(), wrong.receipt_no, "卡号输错")))
    clock.advance(minutes=1)
    counter.paper.reprint(Reprint(counter.asked(), wrong.receipt_no))
    printer = ScriptedPrinter()
    while counter.paper.print_next(printer, CancelToken()):
        pass
    late_original, reversal, copy = map(words, printer.jobs)
    assert "已冲正" in late_original, "it had not been printed when it was undone"
    assert DRAWER_PULSE not in printer.jobs[0]
    assert wrong.receipt_no in reversal
    assert "已冲正" in copy
    assert undone.receipt_no in copy
    assert "补打 第1次" in copy


# --- genuine or not ---------------------------------------------------------------------------------------------


def code_of(database: Database, receipt_no: str) -> str:
    saved = database.read(lambda tx: papers.find(tx, receipt_no))
    assert saved is not None
    return saved.check_code


def test_a_genuine_paper_is_found_by_number_code_and_qr(counter: Counter, hall_database: Database) -> None:
    done = counter.top_up(NAMED_CARD, 10_00)
    code = code_of(hall_database, done.receipt_no)
    full_width = "".join(chr(ord(char) + 0xFEE0) for char in done.receipt_no)
    for typed in (
        done.receipt_no,
        f" {done.receipt_no.lower()} ",
        full_width,
        code,
        code.lower().replace("O", "0").replace("I", "1").replace("B", "8"),
        f"{done.receipt_no}/{code}",
    ):
        checked = counter.paper.check(typed)
        assert (checked.receipt_no, checked.genuine, checked.amount_fen) == (done.receipt_no, True, 10_00)
    assert "真实：2026-11-23 09:00 充值 10.00 元" in checked.sentence
    assert (checked.reversed_by, checked.reprints) == (None, 0)
    refused(Reason.RECEIPT_UNKNOWN, counter.paper.check, "AAAAAAAA")
    refused(Reason.RECEIPT_UNKNOWN, counter.paper.check, "D1-991231-1-0001")


def test_a_paper_with_another_code_is_not_genuine(counter: Counter) -> None:
    done = counter.top_up(NAMED_CARD, 10_00)
    checked = counter.paper.check(f"{done.receipt_no}/ABCDEFGH")
    assert not checked.genuine
    assert "与存档不符" in checked.sentence


def only_the_halls_copy(saved: str) -> str:
    before, sign, after = saved.rpartition('"value":"L-7"')
    assert sign
    return before + '"value":"L-8"' + after


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: saved.replace('"value":"L-7"', '"value":"L-8"'),
        only_the_halls_copy,
        lambda saved: saved.replace('"amount_fen":1000', '"amount_fen":9000'),
        lambda saved: saved.replace('"label":"校验码"', '"label":"校验"'),
    ],
)
def test_a_changed_archive_is_noticed(
    counter: Counter, hall_database: Database, change: Callable[[str], str]
) -> None:
    moved = counter.cash.move_cash(MoveCash(counter.asked(), True, CashPlace.SAFE, 10_00, "L-7"))
    assert counter.paper.check(moved.receipt_no).genuine
    change_document(hall_database, moved.receipt_no, change)
    checked = counter.paper.check(moved.receipt_no)
    assert not checked.genuine
    assert "已被改动" in checked.sentence


def test_a_checked_paper_tells_reversal_and_copies(counter: Counter) -> None:
    wrong = counter.top_up(NAMED_CARD, 10_00)
    undone = counter.undo.reverse(counter.signed(Reverse(counter.asked(), wrong.receipt_no, "卡号输错")))
    counter.paper.reprint(Reprint(counter.asked(), wrong.receipt_no))
    checked = counter.paper.check(wrong.receipt_no)
    assert (checked.genuine, checked.reversed_by, checked.reprints) == (True, undone.receipt_no, 1)
    assert checked.sentence.endswith(f"此业务已冲正，冲正凭证 {undone.receipt_no}。已补打 1 次。")
    assert HOLDER.name not in checked.sentence


# --- a real line ------------------------------------------------------------------------------------------------


@pytest.fixture
def real_printer(tmp_path: Path) -> Iterator[tuple[ReceiptPrinter, Path]]:
    """The simulated printer behind a pseudo-terminal, and where its papers come out."""
    link, out = tmp_path / "printer", tmp_path / "papers"
    code = "import sys; from devices.simulated import printer; sys.exit(printer.run(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--link", str(link), "--out", str(out)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], 5)[0], "the simulator did not start"
        assert os.read(process.stdout.fileno(), 4096).startswith(b"ready")
        port = SerialPort(PortSettings(str(link), device_word="打印机"))
        yield ReceiptPrinter(port), out
        port.close()
    finally:
        process.stdin.close()
        assert process.wait(5) == 0
        process.stdout.close()


def test_a_paper_comes_out_of_a_real_port(
    counter: Counter, hall_database: Database, real_printer: tuple[ReceiptPrinter, Path]
) -> None:
    printer, out = real_printer
    done = counter.top_up(NAMED_CARD, 100_00, 200_00)
    printed = counter.paper.print_next(printer, CancelToken())
    assert printed is not None
    assert printed.result is PrintResult.PRINTED
    (paper,) = sorted(out.glob("*.bin"))
    said = words(paper.read_bytes())
    assert done.receipt_no in said
    assert "￥100.00" in said
    assert code_of(hall_database, done.receipt_no) in said
    assert hall_database.read(lambda tx: ledger.by_receipt_no(tx, done.receipt_no)) is not None


def test_a_printer_that_is_not_there_leaves_the_paper_queued(counter: Counter, tmp_path: Path) -> None:
    counter.top_up(NAMED_CARD, 10_00)
    port = SerialPort(PortSettings(str(tmp_path / "nothing"), device_word="打印机"))
    printed = counter.paper.print_next(ReceiptPrinter(port), CancelToken())
    assert printed is not None
    assert printed.result is PrintResult.NOT_STARTED
    assert printed.sentence.startswith("凭条没有开始打印。")
    assert states(counter) == ["排队"]
