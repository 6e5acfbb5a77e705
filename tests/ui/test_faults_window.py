"""Faults at the real window over a real hall: what the clerk reads, what stays typed, and what is booked once.

The program is put together as a start does it; only its clock is the test's.
"""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from counter_builder import Counter, ScriptedTerminal, answer, card_top_up, cash_top_up, require_sound
from hall_builder import (
    ANONYMOUS_CARD,
    ANONYMOUS_FEN,
    CLERK,
    NAMED_CARD,
    NAMED_FEN,
    OTHER_NAMED_CARD,
    OTHER_NAMED_FEN,
    PASSWORD,
    HallClock,
    open_sqlite,
)
from hall_window import enter, press, words_in_sight
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from counter_app import bootstrap
from counter_app.commands import demo_counter
from counter_app.domain.cards import CardState
from counter_app.domain.errors import Reason
from counter_app.domain.ids import CardNo
from counter_app.domain.ledger import TenderKind
from counter_app.domain.payments import Verdict
from counter_app.domain.requests import CloseTill
from counter_app.domain.waiting import CancelToken, silent
from counter_app.services import founding
from counter_app.settings import DatabaseAt, KeyAt, Ports, Settings
from counter_app.storage import cards, health, intents, keys, papers, tables, wire
from counter_app.storage import database as storage
from counter_app.storage.database import Database
from counter_app.storage.intents import IntentState
from printing import receipt_reader
from ui import texts
from ui.serving import Serving

WAIT_MS = 10_000
MASTER = b"master key of the hall of tests."
"""What `hall_builder.KEYS` are derived from."""
(UNKNOWN_CARD,) = founding.card_no_run("31050001", 900, 1)


class Running:
    """The program from its start to its end, with the clerk's hands."""

    def __init__(self, settings: Settings, clock: HallClock, qtbot: QtBot) -> None:
        self._qtbot = qtbot
        self._closed = False
        self.program = bootstrap.first_window(settings, clock)
        self.window = self.program.window
        self.window.show()
        bootstrap.open_hall(self.program)
        self.until(lambda: self.program.serving is not None)

    @property
    def serving(self) -> Serving:
        assert self.program.serving is not None
        return self.program.serving

    @property
    def page(self) -> Any:
        assert self.window.page is not None
        return self.window.page

    @property
    def said(self) -> str:
        text: str = self.page.result.text
        return text

    def until(self, condition: Callable[[], object]) -> None:
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)

    def sign_in(self) -> None:
        self.window.sign_in.sign_in_asked.emit(CLERK, PASSWORD)
        self.until(lambda: self.window.page is not None)

    def rest(self) -> None:
        """Every lane has done what it was given, and the window has heard of it."""
        lanes = (self.serving.desk, self.serving.look, self.serving.paper, self.serving.pos)
        self.until(lambda: all(lane.idle for lane in lanes))

    def serve(self, card_no: CardNo = NAMED_CARD, page: str = "top_up") -> None:
        """This card's holder stands at the counter."""
        if self.window.page is None or self.window._page_name != page:
            assert self.window.show_page(page)
        self.serving.open_customer(f"card:{card_no}")
        self.until(lambda: self.window.customer is not None and self.window.customer.card_no == card_no)
        self.rest()
        self.page.focus_first()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.window.close()
        self.program.close()
        self.window.troubles.remove()
        self.window.deleteLater()


@pytest.fixture
def settings(sqlite_hall: Path, tmp_path: Path) -> Settings:
    """Counter 1 of the hall of tests, without devices."""
    key = tmp_path / "hall.key"
    keys.store_master(keys.InFile(key), MASTER)
    return Settings(database=DatabaseAt(path=str(sqlite_hall)), key=KeyAt(path=str(key)), paper_columns=32)


@pytest.fixture
def beside(sqlite_hall: Path, clock: HallClock) -> Iterator[Database]:
    """The same file, opened by somebody else."""
    database = open_sqlite(sqlite_hall, clock)
    yield database
    database.close()


@pytest.fixture
def counter(beside: Database) -> Counter:
    """What the clerk did in an earlier run of the program: the till is open."""
    made = Counter(beside).opened()
    for job in made.paper.waiting():
        beside.write(lambda tx, job=job: papers.set_job(tx, job.job_id, "queued", "printed"))
    return made


@pytest.fixture
def start(
    settings: Settings, counter: Counter, clock: HallClock, qtbot: QtBot
) -> Iterator[Callable[[], Running]]:
    """Starts the program; every one ends with the test."""
    running: list[Running] = []

    def make(ports: Ports | None = None) -> Running:
        chosen = settings if ports is None else bootstrap.with_ports(settings, **_named(ports))
        running.append(Running(chosen, clock, qtbot))
        return running[-1]

    yield make
    for program in running:
        program.close()


def _named(ports: Ports) -> dict[str, str]:
    return {name: getattr(ports, name) for name in ("id_reader", "card_reader", "printer", "pos")}


def balance(database: Database, card_no: CardNo = NAMED_CARD) -> int:
    def look(tx: Any) -> int:
        card = cards.find(tx, card_no)
        assert card is not None
        assert card.purse_id is not None
        return cards.look_at_purse(tx, card.purse_id).balance_fen

    return database.read(look)


def leave_mark(database: Database) -> None:
    """As a program leaves the database when it is killed."""
    health.mark_running(database, 1)


# --- how the program stopped ------------------------------------------------------------------------------------


def test_a_sign_in_is_accepted_before_everything_that_serves_it_is_loaded(
    settings: Settings, clock: HallClock, qtbot: QtBot
) -> None:
    """Somebody quick: Enter at the very moment the button comes alive, while desks and devices are on their way."""
    program = bootstrap.first_window(settings, clock)
    page = program.window.sign_in
    page.staff_no.setText(CLERK)
    page.password.setText(PASSWORD)
    served_at_enter: list[bool] = []
    page.sign_in_asked.connect(lambda *_typed: served_at_enter.append(program.serving is not None))
    program.window.show()
    QTest.keyClick(page.password, Qt.Key.Key_Return)
    bootstrap.open_hall(program)
    qtbot.waitUntil(lambda: program.window.page is not None, timeout=WAIT_MS)
    # Asked once at once, and once more when it could be checked.
    assert served_at_enter == [False, True]
    assert program.serving is not None
    assert program.serving.person is not None
    assert program.serving.person.staff_no == CLERK
    program.window.close()
    program.close()
    program.window.troubles.remove()
    program.window.deleteLater()


def test_after_a_clean_stop_money_never_waits(start: Callable[[], Running], beside: Database) -> None:
    first = start()
    assert health.was_unclean(beside, 1), "while it runs, the mark stands"
    first.sign_in()
    first.serve()
    assert first.page.isEnabled()
    first.close()
    assert not health.was_unclean(beside, 1)
    second = start()
    second.sign_in()
    second.serve()
    assert second.page.isEnabled()
    assert texts.LEDGER_CHECKING not in words_in_sight(second.window)
    second.until(lambda: second.program.checker.idle)
    assert second.page.isEnabled()


def test_after_an_unclean_stop_money_waits_for_the_check(
    start: Callable[[], Running], beside: Database
) -> None:
    leave_mark(beside)
    running = start()
    running.sign_in()
    running.window.show_page("top_up")
    assert not running.program.checker.idle, "the check takes longer than a sign-in"
    assert not running.page.isEnabled()
    assert texts.LEDGER_CHECKING in words_in_sight(running.window)
    running.window.show_page("loss")
    assert running.page.isEnabled(), "work without money never stops"
    running.window.show_page("top_up")
    running.until(running.page.isEnabled)
    assert texts.LEDGER_CHECKING not in words_in_sight(running.window)
    running.serve()
    enter("50", "50")
    running.until(lambda: "充值成功" in running.said)
    running.close()
    assert not health.was_unclean(beside, 1)


def test_books_that_do_not_fit_stay_locked(start: Callable[[], Running], beside: Database) -> None:
    with beside.engine.begin() as connection:
        connection.execute(sa.update(tables.purse).values(balance_fen=tables.purse.c.balance_fen + 1))
    leave_mark(beside)
    running = start()
    running.sign_in()
    running.window.show_page("top_up")
    running.until(lambda: texts.LEDGER_WRONG in words_in_sight(running.window))
    assert not running.page.isEnabled()
    running.close()
    assert health.was_unclean(beside, 1), "the next start must not take this for a clean end"


def test_a_check_that_cannot_be_done_keeps_money_locked(
    start: Callable[[], Running], beside: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "CHECK_TIMEOUT_S", 0.0)
    leave_mark(beside)
    running = start()
    running.sign_in()
    running.until(lambda: texts.LEDGER_NOT_CHECKED in words_in_sight(running.window))
    running.window.show_page("top_up")
    assert not running.page.isEnabled()


def test_the_check_opens_a_hall_under_a_passphrase(settings: Settings, tmp_path: Path) -> None:
    """The passphrase goes to the check's process by its standard input, never on its command line."""
    wrapped = tmp_path / "wrapped.key"
    keys.store_master(keys.UnderPassphrase(wrapped), MASTER, passphrase="green-river-41")
    chosen = dataclasses.replace(settings, key=KeyAt("passphrase", str(wrapped)))
    outcome = bootstrap.check_books(chosen, "green-river-41", CancelToken())
    assert outcome.state is health.CheckState.FITS, outcome
    refused = bootstrap.check_books(chosen, "green-river-42", CancelToken())
    assert refused.state is health.CheckState.NOT_DONE


def test_the_first_page_names_each_item_to_confirm(
    start: Callable[[], Running], counter: Counter, beside: Database
) -> None:
    """One kept and not booked, one approved and not booked, one booked and not printed."""
    beside.keep(cash_top_up(counter, NAMED_CARD, 70_00))
    counter.top_up(NAMED_CARD, 30_00)
    _approved_then_killed(counter)
    leave_mark(beside)
    running = start()
    running.sign_in()
    assert running.page.title.title.text() == "待办"
    running.until(lambda: running.page.questions)
    words = words_in_sight(running.window)
    questions = [(one.what, one.facts) for one in running.page.questions]
    told = " ".join(f"{what} {facts}" for what, facts in questions)
    assert "没有收进这笔钱" in told, questions
    assert "终端报过批准" in told
    assert "已经入账。请核对钱箱" in told
    assert "70.00" in words
    assert balance(beside) == NAMED_FEN + 30_00


def _approved_then_killed(counter: Counter) -> None:
    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    terminal = ScriptedTerminal(answer(Verdict.APPROVED, 50_00))
    terminal.before_answer = die
    with pytest.raises(Killed):
        counter.top_ups.pay_at_terminal(
            card_top_up(counter, NAMED_CARD, 50_00), terminal, silent, CancelToken()
        )
    (intent,) = counter.database.read(intents.all_open)
    # The desk could still write UNKNOWN; a killed program could not, so the row is put where the kill found it.
    result = wire.to_json(answer(Verdict.APPROVED, 50_00))
    counter.database.write(lambda tx: intents.move(tx, intent.intent_id, IntentState.APPROVED, result))


# --- bad input --------------------------------------------------------------------------------------------------


def test_a_bad_amount_is_told_stays_typed_and_books_nothing(
    start: Callable[[], Running], beside: Database
) -> None:
    running = start()
    running.sign_in()
    running.serve()
    for typed, expected in (
        ("", Reason.AMOUNT_EMPTY),
        ("0", Reason.AMOUNT_NOT_POSITIVE),
        ("-5", Reason.AMOUNT_NOT_POSITIVE),
        ("1e5", Reason.AMOUNT_NOT_A_NUMBER),
        ("1.234", Reason.AMOUNT_TOO_FINE),
        ("٣٤", Reason.AMOUNT_NOT_A_NUMBER),
        ("1000000000000", Reason.AMOUNT_TOO_LARGE),
        ("4876.51", Reason.CARD_LIMIT),
    ):
        running.page.result.clear()
        running.page.amount.setText(typed)
        running.page.received.setText("5000")
        running.page.primary.click()
        running.until(lambda: running.said and not running.page.busy.busy)
        # A sentence may begin with what was typed; what it is told from is the words around it.
        parts = [part for part in re.split(r"\{\w+\}", expected.value) if part]
        assert all(part in running.said for part in parts), (typed, running.said)
        assert running.page.amount.text().replace(",", "") == typed
        assert running.page.received.amount_or_none() == 5_000_00
    assert balance(beside) == NAMED_FEN
    assert beside.read(lambda tx: papers.kept_requests(tx, 1)) == ()


def test_full_width_digits_are_an_amount(start: Callable[[], Running], beside: Database) -> None:
    running = start()
    running.sign_in()
    running.serve()
    enter("１００．５０", "２００")
    running.until(lambda: "充值成功" in running.said)
    assert balance(beside) == NAMED_FEN + 100_50


def test_a_bad_number_in_the_entry_box_opens_nobody(start: Callable[[], Running]) -> None:
    running = start()
    running.sign_in()
    assert running.window.frame is not None
    running.window.show_page("top_up")
    box = running.window.frame.header.entry_box
    damaged = NAMED_CARD[:-1] + str((int(NAMED_CARD[-1]) + 1) % 10)
    for typed, sentence in (
        (UNKNOWN_CARD, "系统中没有卡号"),
        (damaged, f"卡号“{damaged}”不完整或有误"),
        ("110105194912310021", "证件号码校验位不对"),
    ):
        box.setFocus()
        box.selectAll()
        enter(typed)
        running.until(lambda sentence=sentence: sentence in words_in_sight(running.window))
        assert box.text() == typed
        assert running.window.customer is None


def test_a_card_put_out_of_use_elsewhere_takes_no_money(
    start: Callable[[], Running], beside: Database
) -> None:
    """Another counter gets at the card between the reader and the key."""
    running = start()
    running.sign_in()
    running.serve()
    running.page.amount.setText("100")
    running.page.received.setText("200")
    for state, sentence in (
        (CardState.LOST, "已挂失，不能办理"),
        (CardState.REPLACED, "旧卡作废，请收回"),
    ):
        beside.write(lambda tx, state=state: cards.save(tx, cards.load(tx, NAMED_CARD).with_state(state)))
        running.page.primary.click()
        running.until(lambda sentence=sentence: sentence in running.said)
        assert typed(running) == (100_00, 200_00)
    assert balance(beside) == NAMED_FEN
    assert beside.read(lambda tx: papers.kept_requests(tx, 1)) == ()


def test_an_anonymous_card_keeps_its_own_limit(start: Callable[[], Running], beside: Database) -> None:
    running = start()
    running.sign_in()
    running.serve(ANONYMOUS_CARD)
    enter("980.01", "1000")
    running.until(lambda: running.said and not running.page.busy.busy)
    assert "超过不记名卡上限 1,000.00 元" in running.said
    assert "最多可充 980.00 元" in running.said
    assert balance(beside, ANONYMOUS_CARD) == ANONYMOUS_FEN


# --- storage ----------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program gives up on a busy file at once, so that the test need not wait for what was measured elsewhere."""
    monkeypatch.setattr(storage, "BUSY_TIMEOUT_MS", 50)
    monkeypatch.setattr(storage, "ATTEMPTS", 2)


def typed(running: Running) -> tuple[int | None, int | None]:
    """What stands in the fields of the top-up page."""
    return running.page.amount.amount_or_none(), running.page.received.amount_or_none()


def press_again(running: Running) -> None:
    """再试一次 on the page's line."""
    line = running.page.result
    assert line._action.text() == "再试一次 Alt+Enter"
    line._action.click()


@pytest.mark.usefixtures("impatient")
def test_a_file_locked_by_somebody_else_loses_nothing(start: Callable[[], Running], beside: Database) -> None:
    running = start()
    running.sign_in()
    running.serve()
    running.until(lambda: running.program.checker.idle)
    with beside.engine.connect() as connection, connection.begin():
        enter("100", "200")
        running.until(lambda: "数据库正被其他窗口占用，本笔没有入账" in running.said)
        assert typed(running) == (100_00, 200_00)
        press_again(running)
        running.until(lambda: "数据库正被其他窗口占用" in running.said)
    press_again(running)
    running.until(lambda: "充值成功" in running.said)
    assert balance(beside) == NAMED_FEN + 100_00
    assert beside.read(lambda tx: papers.kept_requests(tx, 1)) == ()
    require_sound(beside)


def test_a_full_disk_loses_nothing(start: Callable[[], Running], beside: Database) -> None:
    running = start()
    running.sign_in()
    running.serve()
    running.until(lambda: running.program.checker.idle)
    engine = running.serving.desks.at.database.engine
    room = {"pages": 0}

    @sa.event.listens_for(engine, "checkout")
    def bounded(connection: Any, *_rest: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={room['pages'] or 1_000_000}")

    with beside.engine.connect() as connection:
        room["pages"] = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    booked = 0
    for _ in range(50):
        enter("1", "1")
        running.until(lambda: not running.page.busy.busy)
        if "充值成功" not in running.said:
            break
        booked += 1
    assert "磁盘已满，本笔没有入账" in running.said
    assert "已填内容保留" in running.said
    assert typed(running) == (1_00, 1_00)
    assert balance(beside) == NAMED_FEN + booked * 1_00
    room["pages"] = 0
    press_again(running)
    running.until(lambda: "充值成功" in running.said)
    assert balance(beside) == NAMED_FEN + (booked + 1) * 1_00
    require_sound(beside)


# --- the till, the clock, the hand on the key -------------------------------------------------------------------


@pytest.mark.parametrize("closed", [False, True], ids=["counted", "closed"])
def test_a_till_counted_or_closed_elsewhere_takes_no_more_money(
    start: Callable[[], Running], counter: Counter, beside: Database, closed: bool
) -> None:
    running = start()
    running.sign_in()
    running.serve()
    enter("100")
    counter.count(500_00)
    if closed:
        counter.cash.close_till(CloseTill(counter.asked(), 0))
    enter("100")
    running.until(lambda: running.said)
    assert ("本班钱箱已关闭" if closed else "钱箱已锁定点钞结果") in running.said, running.said
    assert typed(running) == (100_00, 100_00)
    assert balance(beside) == NAMED_FEN
    assert beside.read(lambda tx: papers.kept_requests(tx, 1)) == ()
    require_sound(beside)


def test_a_clock_set_back_is_told_above_every_page(
    start: Callable[[], Running], beside: Database, clock: HallClock
) -> None:
    running = start()
    running.sign_in()
    running.serve()
    assert running.window.frame is not None
    band = running.window.frame.notice_band
    assert not band.isVisible()
    clock.advance(hours=-1)
    enter("50", "50")
    running.until(band.isVisible)
    assert "早 60 分钟" in words_in_sight(running.window)
    assert "充值成功" in running.said, "the warning must not hide what was booked"
    assert "D1-261123-" in running.said
    enter("20", "20")
    running.until(lambda: balance(beside) == NAMED_FEN + 70_00)
    clock.advance(hours=1)
    enter("10", "10")
    running.until(lambda: not band.isVisible())
    with beside.engine.connect() as connection:
        noted = connection.execute(
            sa.select(sa.func.count()).where(tables.audit.c.action == "clock_back")
        ).scalar_one()
    assert noted == 1
    require_sound(beside)


def test_fifty_presses_of_enter_are_one_top_up(start: Callable[[], Running], beside: Database) -> None:
    running = start()
    running.sign_in()
    running.serve()
    enter("30")
    running.page.received.setText("30")
    for _ in range(50):
        press(Qt.Key.Key_Return)
    running.until(lambda: "充值成功" in running.said)
    running.rest()
    assert balance(beside) == NAMED_FEN + 30_00
    require_sound(beside)


def test_fifty_presses_of_enter_close_the_till_once(
    start: Callable[[], Running], counter: Counter, beside: Database
) -> None:
    counter.count(500_00)
    running = start()
    running.sign_in()
    running.window.show_page("till")
    running.until(lambda: running.page.sheet.name == "closing")
    running.page.closing.left.setText("0")
    running.page.focus_first()
    for _ in range(50):
        press(Qt.Key.Key_Return)
    running.until(lambda: running.page.sheet.name == "closed")
    running.rest()
    with beside.engine.connect() as connection:
        closes = connection.execute(sa.select(sa.func.count()).select_from(tables.till_close)).scalar_one()
    assert closes == 1
    require_sound(beside)


# --- devices ----------------------------------------------------------------------------------------------------


class Devices:
    """The counter's four devices, each in a process of its own behind a pseudo-terminal."""

    def __init__(self, simulators: demo_counter.Simulators, folder: Path) -> None:
        self.ports = simulators.ports
        self._simulators = simulators
        self._folder = folder

    def tell(self, kind: str, **command: Any) -> None:
        """One command, carried out."""
        self._simulators.tell(kind, command)
        until = time.monotonic() + WAIT_MS / 1000
        while not self._simulators.answers(kind):
            assert time.monotonic() < until, f"{kind} did not answer {command}"
            time.sleep(0.005)

    @property
    def sheets(self) -> list[str]:
        """Everything that came out of the printer, as text."""
        papers_out = sorted((self._folder / "sheets").glob("receipt-*.bin"))
        return [receipt_reader.text(receipt_reader.read(path.read_bytes()), 32) for path in papers_out]

    @property
    def approvals(self) -> list[dict[str, Any]]:
        """What the terminal's bank knows."""
        journal = self._folder / "pos-1.journal"
        return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[Devices]:
    (tmp_path / "sheets").mkdir()
    with demo_counter.Simulators(tmp_path, 1, tmp_path / "sheets") as simulators:
        yield Devices(simulators, tmp_path)


def at_terminal(running: Running, amount: str) -> None:
    """A debit card's payment asked for by keys."""
    running.page.tenders.choose(TenderKind.TERMINAL_CARD.value)
    running.page._tender_changed()
    running.page.focus_first()
    enter(amount)


def test_without_a_printer_money_is_booked_and_the_receipt_waits(
    start: Callable[[Ports], Running], beside: Database, devices: Devices
) -> None:
    running = start(devices.ports)
    running.sign_in()
    running.serve()
    for number, (fault, healed, sentence) in enumerate(
        (
            ({"paper": "out"}, {"paper": "ok"}, "打印机缺纸，请换纸卷。"),
            ({"cover": "open"}, {"cover": "closed"}, "打印机上盖未关，请合上上盖。"),
            ({"silent": True}, {"silent": False}, "打印机没有应答，状态未知，请检查电源和连接线。"),
            ({"unplug": True}, {"plug": True}, "打印机"),
        ),
        start=1,
    ):
        devices.tell("printer", **fault)
        running.page.result.clear()
        enter("50", "50")
        running.until(lambda: "业务已记账，不要重做。凭条没有开始打印。" in running.said)
        assert sentence in running.said
        if "unplug" in fault:
            running.until(lambda: "打印 未连接" in words_in_sight(running.window))
        assert balance(beside) == NAMED_FEN + number * 50_00
        assert [job.state for job in running.serving.desks.paper.waiting()] == ["queued"]
        assert len(devices.sheets) == number - 1
        devices.tell("printer", **healed)
        running.until(lambda: not running.serving.desks.paper.waiting())
        assert len(devices.sheets) == number
        assert "50.00" in devices.sheets[-1]
        assert "补打" not in devices.sheets[-1]
        running.rest()
        running.page.focus_first()
    require_sound(beside)


def test_silent_in_mid_receipt_nothing_prints_twice_by_itself(
    start: Callable[[Ports], Running], beside: Database, devices: Devices
) -> None:
    running = start(devices.ports)
    running.sign_in()
    running.serve()
    devices.tell("printer", silent_after=200)
    enter("50", "50")
    running.until(lambda: running.page.result.tone == "warn")
    assert "请确认凭条是否打印" in running.said
    assert balance(beside) == NAMED_FEN + 50_00
    devices.tell("printer", silent=False)
    running.serve(OTHER_NAMED_CARD)
    enter("20", "20")
    running.until(lambda: devices.sheets and "20.00" in devices.sheets[-1])
    running.rest()
    assert [job.state for job in running.serving.desks.paper.waiting()] == ["unknown"]
    assert sum("50.00" in sheet for sheet in devices.sheets) <= 1, "only the clerk may ask for it again"


def test_a_terminal_unplugged_before_the_payment_took_nothing(
    start: Callable[[Ports], Running], beside: Database, devices: Devices
) -> None:
    running = start(devices.ports)
    running.sign_in()
    running.serve()
    devices.tell("pos", unplug=True)
    at_terminal(running, "50")
    running.until(lambda: "POS 终端" in running.said and not running.page.busy.busy)
    assert running.page.result.tone == "bad"
    assert "未知" not in running.said
    assert beside.read(intents.all_open) == ()
    assert running.page.amount.amount_or_none() == 50_00
    devices.tell("pos", plug=True)
    press_again(running)
    running.until(lambda: "充值成功" in running.said)
    assert balance(beside) == NAMED_FEN + 50_00
    assert [entry["what"] for entry in devices.approvals] == ["approval"]
    require_sound(beside)


def test_a_terminal_unplugged_after_its_approval_is_unknown_and_asked_no_more(
    start: Callable[[Ports], Running], beside: Database, devices: Devices
) -> None:
    running = start(devices.ports)
    running.sign_in()
    running.serve()
    devices.tell("pos", next="cut_after_approval")
    at_terminal(running, "50")
    running.until(lambda: running.said and not running.page.busy.busy)
    assert "不知道是否扣款，已记入待办（F11）。请勿重刷" in running.said
    assert balance(beside) == NAMED_FEN
    assert [intent.state.value for intent in beside.read(intents.all_open)] == ["unknown"]
    devices.tell("pos", plug=True)
    running.serve(OTHER_NAMED_CARD)
    at_terminal(running, "20")
    running.until(lambda: "50.00" in running.said)
    assert [entry["amount_fen"] for entry in devices.approvals] == [50_00], "no second payment was asked for"
    running.page.tenders.choose(TenderKind.CASH.value)
    running.page._tender_changed()
    running.page.received.setFocus()
    enter("20")
    running.until(lambda: "充值成功" in running.said)
    assert balance(beside, OTHER_NAMED_CARD) == OTHER_NAMED_FEN + 20_00
    require_sound(beside)


def test_cash_is_booked_while_the_terminal_waits_for_its_customer(
    start: Callable[[Ports], Running], counter: Counter, beside: Database, devices: Devices
) -> None:
    running = start(devices.ports)
    running.sign_in()
    running.serve()
    devices.tell("pos", next="hold")
    at_terminal(running, "50")
    running.until(lambda: [intent.state.value for intent in beside.read(intents.all_open)] == ["sent"])
    done: list[Any] = []
    request = cash_top_up(counter, OTHER_NAMED_CARD, 20_00)
    running.serving.desk.submit(lambda: running.serving.desks.top_up.top_up(request), done.append)
    running.until(lambda: done)
    assert running.page.busy.busy, "the terminal still waits"
    press(Qt.Key.Key_Escape)
    running.until(lambda: not running.page.busy.busy)
    assert (balance(beside), balance(beside, OTHER_NAMED_CARD)) == (NAMED_FEN, OTHER_NAMED_FEN + 20_00)
    assert beside.read(intents.all_open) == ()
    assert devices.approvals == []
    require_sound(beside)


def test_a_second_program_at_one_counter_does_not_open_the_hall(
    start: Callable[[], Running], settings: Settings, clock: HallClock
) -> None:
    """It would take what the first has in flight for the remains of a crash."""
    first = start()
    second = bootstrap.first_window(settings, clock)
    bootstrap.open_hall(second)
    assert "本台的程序已经打开" in second.window.sign_in.result.text
    assert second.desks is None
    first.close()
    bootstrap.open_hall(second)
    first.until(lambda: second.desks is not None)
    second.window.close()
    second.close()
    second.window.troubles.remove()
    second.window.deleteLater()


# --- the way through the whole window ---------------------------------------------------------------------------


def test_a_paper_of_the_drawer_opens_from_the_entry_box(
    start: Callable[[], Running], counter: Counter, beside: Database
) -> None:
    running = start()
    running.sign_in()
    receipt_no = counter.paper.last_receipt_no(counter.asked())
    assert receipt_no is not None
    assert running.window.frame is not None
    running.window.frame.header.entry_box.setFocus()
    enter(receipt_no)
    running.until(lambda: running.window._page_name == "customer" and running.page.receipt.isVisible())
    assert "开箱" in running.said
    assert running.window.customer is None


def test_a_call_left_for_another_page_leaves_nobody_hidden_there(start: Callable[[], Running]) -> None:
    running = start()
    running.sign_in()
    assert running.window.show_page("loss")
    enter(NAMED_CARD)
    running.until(lambda: running.window.customer is not None and running.page._card is not None)
    assert running.window.show_page("top_up")
    assert running.window.customer is None
    assert "电话受理中" not in words_in_sight(running.window)
