"""The demo day on a small hall, as the command plays it; and its first part through the desks on both engines."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hall_builder import CHEAP, KEYS, HallClock

from counter_app.commands import demo_counter
from counter_app.domain.asking import Asked
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import HallId, OperationId, StaffNo
from counter_app.domain.ledger import Tender, TenderKind
from counter_app.domain.requests import CloseTill, LockCount, OpenTill, TopUp
from counter_app.domain.shifts import CashCount
from counter_app.domain.waiting import CancelToken, silent
from counter_app.services.desks import open_desks
from counter_app.services.passwords import Passwords
from counter_app.storage import database, migrate, reports
from counter_app.storage.verify import verify
from devices.receipt_printer import PrinterState, PrinterStatus, PrintOutcome, PrintResult
from printing import receipt_reader

CARDS = 200
DAY_TIMEOUT_S = 110.0


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder of a day that was played on a small hall, and what the command said."""
    folder = tmp_path_factory.mktemp("day")
    out = folder / "out"
    command = [sys.executable, "-m", "counter_app", "day", "--cards", str(CARDS)]
    command += ["--folder", str(folder / "demo"), "--out", str(out)]
    ended = subprocess.run(
        command,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DAY_TIMEOUT_S,
        check=False,
    )
    return out, ended


def test_every_step_and_check_of_the_day_holds(
    day: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, ended = day
    assert ended.returncode == 0, ended.stdout
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert list(summary) == ["steps", "ledger", "till", "cards"]
    assert [step["name"] for step in summary["steps"] if not step["ok"]] == []
    assert len(summary["steps"]) >= 17
    ledger = summary["ledger"]
    assert ledger["verified"] is True
    assert ledger["debit_fen"] == ledger["credit_fen"] > 0
    till = summary["till"]
    assert till["opening_fen"] == 600_00
    # 100 and 50 in cash for top-ups, 25 for the replacement.
    assert till["counted_fen"] == till["expected_fen"] == 775_00
    assert till["difference_fen"] == 0
    (replaced,) = summary["cards"]["replaced"]
    assert replaced["old"] != replaced["new"]
    assert replaced["balance_fen"] > 0
    (report,) = out.glob("*.pdf")
    assert report.read_bytes()[:5] == b"%PDF-"


def test_each_step_has_its_picture_and_each_receipt_its_renderings(
    day: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, _ended = day
    steps = json.loads((out / "summary.json").read_text("utf-8"))["steps"]
    for step in steps:
        picture = (out / step["screenshot"]).read_bytes()
        assert picture[:4] == b"\x89PNG"
        assert struct.unpack(">II", picture[16:24]) == (1366, 768)
    named = [name for step in steps for name in step["receipts"]]
    assert named == sorted(path.name for path in out.glob("receipt-*.bin")), "no receipt belongs to no step"
    for name in named:
        binary = out / name
        assert binary.with_suffix(".png").read_bytes()[:4] == b"\x89PNG"
        text = binary.with_suffix(".txt").read_text("utf-8")
        said = [row.text for row in receipt_reader.read(binary.read_bytes()) if row.text]
        assert all(words in text for words in said), "the text copy comes from the bytes"
        assert "\n               城市通　东郊营业厅\n" in text, "every copy's head stands in the middle"


def test_nothing_of_the_day_is_left_running(day: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, _ended = day
    assert [path for path in out.iterdir() if path.is_symlink()] == []
    mark = os.fsencode(out)
    running = [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark in _read(path)]
    assert running == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


# --- the first part through the desks ---------------------------------------------------------------------------


class _Paper:
    """A printer that always has paper and keeps what it printed."""

    def __init__(self) -> None:
        self.printed: list[str] = []

    def print_job(self, data: bytes, _cancel: CancelToken) -> PrintOutcome:
        self.printed.append(receipt_reader.text(receipt_reader.read(data), 48))
        return PrintOutcome(PrintResult.PRINTED, PrinterStatus(PrinterState.READY, ""))


def _first_part(engine: Any) -> dict[str, Any]:
    """Found the demo hall, then: sign in, open the till, top up, print, count, close, verify."""
    clock = HallClock()
    hall = database.Database(engine, HallId("dongjiao"), KEYS, clock)
    try:
        migrate.create(engine)
        sizes = demo_counter.sizes_for(50)
        clock.advance(days=-300)
        demo_counter.found(hall, Passwords(CHEAP), sizes, silent)
        clock.advance(days=300)
        desks = open_desks(hall, 1, Passwords(CHEAP), 48)
        person = desks.staff.sign_in(StaffNo("1021"), "dongjiao-1021")

        def asked(operation: str) -> Asked:
            clock.advance(minutes=1)
            return Asked(
                OperationId(operation), hall.hall_id, 1, person.shift_id, person.staff_no, clock(), ()
            )

        for notice in person.unread_notices:
            desks.staff.confirm_notice(asked(""), notice.notice_id)
        card = demo_counter.demo_card(sizes, 3)
        top_up = TopUp(asked("top-up"), card.card_no, 100_00, Tender(TenderKind.CASH, received_fen=200_00))
        with pytest.raises(Refused) as refused:
            desks.top_up.top_up(top_up)
        assert refused.value.reason is Reason.TILL_NOT_OPEN
        opened = CashCount(((100_00, 4), (10_00, 20)))
        desks.cash.open_till(OpenTill(asked("open"), opened, 600_00))
        again = TopUp(asked("top-up-2"), top_up.card_no, top_up.amount_fen, top_up.tender)
        first = desks.top_up.top_up(again)
        assert desks.top_up.top_up(again) == first, "the same operation twice is one operation"
        desks.cash.lock_count(LockCount(asked("count"), CashCount(((100_00, 5), (10_00, 20)))))
        desks.cash.close_till(CloseTill(asked("close"), 500_00))
        paper = _Paper()
        while desks.paper.waiting():
            desks.paper.print_next(paper, CancelToken())
        from counter_app.commands import day

        (close,) = hall.read(lambda tx: reports.closes_of_day(tx, person.business_date))
        return {
            "ledger": day.ledger_summary(verify(hall)),
            "till": day.till_summary(close),
            "receipts": [_without_check_code(text) for text in paper.printed],
        }
    finally:
        hall.close()


def _without_check_code(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if "校验码" not in line and "QR" not in line)


def test_the_first_part_is_the_same_on_both_engines(tmp_path: Path, postgres_url: str) -> None:
    in_file = _first_part(database.sqlite_engine(tmp_path / "hall.db", KEYS))
    engine = database.postgres_engine(postgres_url)
    on_server = _first_part(engine)
    assert in_file == on_server
    assert in_file["ledger"]["verified"] is True
    assert in_file["till"] == {
        "opening_fen": 600_00,
        "expected_fen": 700_00,
        "counted_fen": 700_00,
        "difference_fen": 0,
    }
    assert len(in_file["receipts"]) == 4
    assert "充值凭证" in in_file["receipts"][1]
