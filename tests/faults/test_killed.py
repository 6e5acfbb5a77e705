"""kill -9 at every step of a top-up and a replacement, in cash and at a real terminal's line: all or nothing, and told.

A counter in a process of its own dies before its n-th statement, commit, frame or sheet of paper. Then the hall is
opened anew, as after a restart, and what the ledger, the drawer, the card, the terminal's journal and the clerk's list
say is compared.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from counter_builder import FLOAT, FLOAT_FEN, ScriptedTerminal, answer, require_sound
from hall_builder import (
    BLANK_CARD,
    CHEAP,
    HALL_ID,
    HOLDER,
    KEYS,
    LINKED_TERMINAL,
    MANAGER,
    MORNING,
    NAMED_CARD,
    PASSWORD,
    Clerk,
    HallClock,
    clerk_at,
)

from counter_app.domain.cards import CardState, LossChannel
from counter_app.domain.documents import DocumentKind, IdDocument
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import IntentId, TerminalId
from counter_app.domain.ledger import FEE_INCOME, Tender, TenderKind, pos_account, till_account
from counter_app.domain.payments import Verdict
from counter_app.domain.requests import OpenTill, ReplaceCard, ReportLoss, ReserveCard, SettleUnknown, TopUp
from counter_app.domain.waiting import CancelToken, silent
from counter_app.services.desks import Desks, open_desks
from counter_app.services.parking_desk import UnfinishedItem
from counter_app.services.passwords import Passwords
from counter_app.storage import cards, intents, ledger, wire
from counter_app.storage.database import Database, postgres_engine, sqlite_engine
from counter_app.storage.intents import IntentState

CAP_S = 10.0
TOP_UP_FEN, FEE_FEN = 50_00, 25_00
DOCUMENT = IdDocument(DocumentKind.RESIDENT, HOLDER.name, HOLDER.document_number, long_term=True)
OWN_NAME = "10203040"
"""What the simulated terminal calls itself."""
END = "the end"
THINGS = ["钱箱", "签购单", "终端", "凭条"]


class Host:
    """The process that forks counters and terminals; see `kill_host`."""

    def __init__(self, errors: Path) -> None:
        self._errors = errors
        shared = Path(__file__).parents[1]
        with errors.open("wb") as error_file:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("kill_host.py"))],
                env={**os.environ, "PYTHONPATH": os.pathsep.join((str(shared), str(shared.parent)))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=error_file,
                text=True,
            )
        assert self._answer() == {"ready": True}

    def obey(self, do: str, **order: Any) -> dict[str, Any]:
        """Send one command, wait for its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._errors.read_text()
        told: dict[str, Any] = json.loads(line)
        return told

    def close(self) -> None:
        """End it; whatever it had to say of trouble fails the test."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(CAP_S)
        self._process.stdout.close()
        assert self._errors.read_text() == ""
        assert self._process.returncode == 0


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path / "host-errors")
    yield made
    made.close()


@dataclasses.dataclass(frozen=True, slots=True)
class Customer:
    """What one customer wants: the tender decides the fee or amount, `replaces` the business."""

    replaces: bool
    at_terminal: bool

    @property
    def amount_fen(self) -> int:
        return FEE_FEN if self.replaces else TOP_UP_FEN

    def request(self, clerk: Clerk) -> TopUp | ReplaceCard:
        tender = (
            Tender(TenderKind.TERMINAL_CARD, terminal_id=LINKED_TERMINAL)
            if self.at_terminal
            else Tender(TenderKind.CASH, received_fen=self.amount_fen)
        )
        if not self.replaces:
            return TopUp(clerk.asked(), NAMED_CARD, TOP_UP_FEN, tender)
        return ReplaceCard(clerk.asked(), IntentId(""), NAMED_CARD, BLANK_CARD, DOCUMENT, tender)


@dataclasses.dataclass(slots=True)
class Hall:
    """One hall that is opened anew after each kill: a file or an address."""

    path: Path | None
    url: str
    now: dt.datetime = MORNING + dt.timedelta(hours=1)

    def open(self) -> Desks:
        """Counter 1 as the program builds it after a restart."""
        engine = postgres_engine(self.url) if self.path is None else sqlite_engine(self.path, KEYS)
        self.now += dt.timedelta(seconds=30)
        database = Database(engine, HALL_ID, KEYS, HallClock(self.now))
        return open_desks(database, 1, Passwords(CHEAP), 32)

    def prepare(self, customer: Customer) -> TopUp | ReplaceCard:
        """Open the till, lose the card of a replacement; returns what the customer will ask for."""
        desks = self.open()
        clerk = clerk_at(desks.at.database)
        desks.cash.open_till(OpenTill(clerk.asked(), FLOAT, FLOAT_FEN))
        if customer.replaces:
            desks.loss.report_loss(ReportLoss(clerk.asked(), NAMED_CARD, LossChannel.HALL, document=DOCUMENT))
        request = customer.request(clerk)
        for job in desks.paper.waiting():
            desks.at.database.write(lambda tx, job=job: _printed(tx, job.job_id))
        desks.at.database.close()
        return request


def _printed(tx: Any, job_id: str) -> None:
    from counter_app.storage import papers

    papers.set_job(tx, job_id, "queued", "printed")


@dataclasses.dataclass(frozen=True, slots=True)
class Killed:
    """How far the customer came: the steps reached (the last one did not happen), the sheets that came out, and what
    the terminal has in its journal."""

    steps: tuple[str, ...]
    sheets: int
    journal: tuple[dict[str, Any], ...]

    @property
    def last(self) -> str:
        return f"step {len(self.steps)}, {self.steps[-1]}"

    def happened(self, step: str) -> bool:
        return step in self.steps[:-1]


def kill(host: Host, hall: Hall, customer: Customer, request: object, deadly: int, folder: Path) -> Killed:
    """Serve the customer in a process that dies before step `deadly`; 0 lets it live."""
    folder.mkdir()
    (folder / "sheets").mkdir()
    journal, port = folder / "journal", ""
    if customer.at_terminal:
        port = str(folder / "pos")
        said = host.obey("simulate", link=port, journal=str(journal))
        assert said == {"said": f"ready {port}\n"}
    ended = host.obey(
        "serve",
        what="replace" if customer.replaces else "top up",
        hall=str(hall.path or ""),
        url=hall.url,
        now=hall.now.isoformat(),
        request=wire.to_json(request),
        steps=str(folder / "steps"),
        deadly=deadly,
        port=port,
        sheets=str(folder / "sheets"),
    )
    steps = tuple((folder / "steps").read_text().splitlines())
    assert ended == ({"signal": 0, "status": 0} if deadly == 0 else {"signal": 9, "status": -9}), steps
    if customer.at_terminal:
        if "after sending 06 01" in steps:
            # The terminal has its order and carries it out, whoever is still there to hear.
            _wait(lambda: journal.exists() and journal.read_text().endswith("\n"), "the terminal's approval")
        assert host.obey("stop") == {"status": 0}
    told = journal.read_text().splitlines() if journal.exists() else ()
    return Killed(steps, len(list((folder / "sheets").iterdir())), tuple(json.loads(line) for line in told))


def _wait(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + CAP_S
    while not condition():
        assert time.monotonic() < until, f"never came: {what}"
        time.sleep(0.005)


# --- what must be true afterwards -------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Money:
    """What the books say: drawer, terminal's clearing account, fees, the card's purse, who owns the purse."""

    till_fen: int
    pos_fen: int
    fees_fen: int
    purse_fen: int
    old_card: CardState
    new_card: CardState


def money(database: Database) -> Money:
    def look(tx: Any) -> Money:
        old, new = cards.find(tx, NAMED_CARD), cards.find(tx, BLANK_CARD)
        assert old is not None
        assert old.purse_id is not None
        assert new is not None
        return Money(
            ledger.balance(tx, till_account(1)),
            sum(ledger.balance(tx, pos_account(TerminalId(name))) for name in (LINKED_TERMINAL, OWN_NAME)),
            abs(ledger.balance(tx, FEE_INCOME)),
            cards.look_at_purse(tx, old.purse_id).balance_fen,
            old.state,
            new.state,
        )

    return database.read(look)


def money_after(customer: Customer, before: Money, booked: bool) -> Money:
    """The books with the whole operation in them, or with nothing of it."""
    if not booked:
        return before
    after = dataclasses.replace(
        before,
        till_fen=before.till_fen + (0 if customer.at_terminal else customer.amount_fen),
        pos_fen=before.pos_fen + (customer.amount_fen if customer.at_terminal else 0),
    )
    if customer.replaces:
        return dataclasses.replace(
            after,
            fees_fen=before.fees_fen + FEE_FEN,
            old_card=CardState.REPLACED,
            new_card=CardState.ACTIVE,
        )
    return dataclasses.replace(after, purse_fen=before.purse_fen + TOP_UP_FEN)


def start_up(desks: Desks) -> tuple[tuple[str, ...], tuple[UnfinishedItem, ...]]:
    """What the program does at its start, before anybody can sign in."""
    desks.paper.recover()
    return desks.payments.pick_up(), desks.parking.unfinished()


def booked(desks: Desks, request: Any) -> Any:
    """The operation as it stands in the ledger, or None."""
    return desks.at.database.read(lambda tx: ledger.by_id(tx, request.asked.operation_id))


def check_start_up(desks: Desks, customer: Customer, request: Any, killed: Killed, before: Money) -> None:
    """After the restart: all or nothing, everything told, the terminal's journal matched."""
    database = desks.at.database
    done_before = booked(desks, request) is not None
    assert money(database) == money_after(customer, before, done_before)
    approved = [i for i in database.read(intents.all_open) if i.state is IntentState.APPROVED]
    lines, unfinished = start_up(desks)
    outcome = booked(desks, request)
    done = outcome is not None
    assert money(database) == money_after(customer, before, done)
    require_sound(database)
    open_now = database.read(intents.all_open)
    if customer.at_terminal:
        assert unfinished == ()
        assert done == done_before, "nobody knows whether the terminal heard us: two people decide"
        _check_terminal(customer, killed, lines, open_now, was_approved=bool(approved), done=done)
    else:
        assert open_now == ()
        _check_cash(customer, killed, lines, unfinished, done=done)
    waiting = [job.state for job in desks.paper.waiting() if outcome and job.receipt_no == outcome.receipt_no]
    if outcome is None:
        assert killed.sheets == 0
    elif "before the paper" in killed.steps and killed.steps[-1] != END:
        # Some of it may be on paper: only the clerk can tell.
        assert waiting in (["unknown"], []), "it must not come out a second time by itself"
        assert waiting or killed.sheets == 1
    else:
        assert killed.sheets == 0
        assert waiting in (["queued"], ["unknown"])
    named = [line for line in desks.paper.unprinted() if outcome and outcome.receipt_no in line]
    assert len(named) == (waiting == ["queued"])
    assert all("已经入账" in line for line in named)


def _check_cash(
    customer: Customer,
    killed: Killed,
    lines: tuple[str, ...],
    unfinished: tuple[UnfinishedItem, ...],
    *,
    done: bool,
) -> None:
    kept = any("kept_request" in step for step in killed.steps) and not done
    told = [item for item in unfinished if item.operation_id]
    if done:
        assert told == []
        assert lines == ()
    elif told:
        assert kept, "told of something that was never asked"
        (item,) = told
        assert f"{customer.amount_fen // 100}.00" in item.sentence or customer.replaces
        assert "没有入账" in item.sentence
        assert [thing for thing, _ in item.look_at] == THINGS
        assert "没有收进这笔钱" in dict(item.look_at)["钱箱"]
        assert "没有打印" in dict(item.look_at)["凭条"]
    else:
        # The booking had not begun, and the request was not kept for sure.
        keep = 2 if customer.replaces else 1
        assert not killed.happened(f"after commit {keep}"), "kept, not booked and not told"
        began = killed.steps.index("reserved") if "reserved" in killed.steps else -1
        asking = killed.steps[began + 1 :] if began >= 0 or not customer.replaces else ()
        assert "UPDATE shift" not in asking, "booking begins before the request is kept"
    if customer.replaces and not done:
        reserved = killed.happened("before commit 1") and killed.steps[-1] != "before commit 1"
        assert ["补卡已预留但未收费" in line for line in lines] == [True] * reserved


def _check_terminal(
    customer: Customer,
    killed: Killed,
    lines: tuple[str, ...],
    open_now: tuple[intents.Intent, ...],
    *,
    was_approved: bool,
    done: bool,
) -> None:
    approvals = [entry for entry in killed.journal if entry["what"] == "approval"]
    assert len(approvals) == len(killed.journal) <= 1, "nobody may undo or charge a second time"
    unknown = [intent for intent in open_now if intent.state is IntentState.UNKNOWN]
    assert open_now == tuple(unknown)
    if "approval stored, not acknowledged" in killed.steps and not done:
        assert was_approved, "an approval is stored before it is acknowledged"
    if approvals:
        assert done + len(unknown) == 1, "an approval is booked, or open for two people"
    if was_approved:
        assert ["报过批准" in line and "还没有入账" in line for line in lines] == [True]
        assert "签购单" in lines[0]
    elif done:
        assert lines == ()
    elif unknown:
        assert ["结果未知，没有入账" in line for line in lines] == [True]
        assert "签购单" in lines[0]
        assert f"{customer.amount_fen // 100}.00" in lines[0]
    else:
        assert not approvals
        reserved = (
            customer.replaces and killed.happened("before commit 1") and killed.steps[-1] != "before commit 1"
        )
        assert ["没有入账" in line for line in lines] == [True] * reserved


def check_retry(desks: Desks, customer: Customer, request: Any, killed: Killed, before: Money) -> None:
    """Settle what is unknown as the journal says, then ask again with the same id, twice: booked exactly once."""
    untouched = ScriptedTerminal()
    for intent in desks.at.database.read(intents.all_open):
        with pytest.raises(Refused) as held:
            _ask(desks, customer, request, untouched)
        assert held.value.reason in (Reason.TERMINAL_BUSY_UNKNOWN, Reason.CARD_RESERVED)
        _settle(desks, intent, killed)
    assert len(untouched.asked) == 0
    paid = booked(desks, request) is not None
    if paid and killed.journal:
        (entry,) = killed.journal
        assert entry["receipt_no"] in booked(desks, request).outcome
    terminal = untouched if paid else ScriptedTerminal(answer(Verdict.APPROVED, customer.amount_fen))
    first = _ask(desks, customer, request, terminal)
    assert _ask(desks, customer, request, untouched, again=first) == first
    assert money(desks.at.database) == money_after(customer, before, True)
    assert start_up(desks) == ((), ())
    require_sound(desks.at.database)


def _settle(desks: Desks, intent: intents.Intent, killed: Killed) -> None:
    clerk = clerk_at(desks.at.database)
    voucher = killed.journal[0]["receipt_no"] if killed.journal else ""
    settle = SettleUnknown(
        clerk.asked(), intent.intent_id, bool(voucher), voucher, "4321" if voucher else "", "按签购单"
    )
    approval = desks.staff.approve(settle, MANAGER, PASSWORD)
    signed = dataclasses.replace(settle, asked=dataclasses.replace(settle.asked, approvals=(approval,)))
    desks.payments.settle(signed)


def _ask(desks: Desks, customer: Customer, request: Any, terminal: Any, again: Any = None) -> Any:
    """The clerk asks once more under the same operation id; a released card is reserved anew first."""
    if customer.replaces and booked(desks, request) is None:
        clerk = clerk_at(desks.at.database)
        reserved = desks.replacement.reserve(ReserveCard(clerk.asked(), NAMED_CARD))
        request = dataclasses.replace(request, intent_id=reserved.intent_id)
    elif customer.replaces:
        # What was booked carries the reservation it was booked with.
        request = dataclasses.replace(request, intent_id=_reservation_of(desks, request))
    if customer.at_terminal:
        desk = desks.replacement if customer.replaces else desks.top_up
        return desk.pay_at_terminal(request, terminal, silent, CancelToken())
    return desks.replacement.replace(request) if customer.replaces else desks.top_up.top_up(request)


def _reservation_of(desks: Desks, request: Any) -> IntentId:
    import sqlalchemy as sa

    with desks.at.database.engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT intent_id FROM intent WHERE card_no = :card AND state = 'booked'"),
            {"card": NAMED_CARD},
        ).all()
    (row,) = rows
    return IntentId(row.intent_id)


# --- the tests --------------------------------------------------------------------------------------------------

CASH_TOP_UP, POS_TOP_UP = Customer(False, False), Customer(False, True)
CASH_REPLACEMENT, POS_REPLACEMENT = Customer(True, False), Customer(True, True)
NAMED_STEPS = {
    CASH_TOP_UP: {"before commit 1", "after commit 1", "INSERT INTO operation", "booked, not printed"},
    CASH_REPLACEMENT: {"reserved", "after commit 2", "INSERT INTO transfer", "booked, not printed"},
    POS_TOP_UP: {
        "before commit 1",
        "before sending 06 01",
        "after sending 06 01",
        "approval arrived, not stored",
        "approval stored, not acknowledged",
        "completed, not booked",
        "INSERT INTO operation",
        "booked, not printed",
    },
}
NAMED_STEPS[POS_REPLACEMENT] = NAMED_STEPS[POS_TOP_UP] | {"reserved"}


def name_of(customer: Customer) -> str:
    return f"{'replacement' if customer.replaces else 'top-up'}-{'pos' if customer.at_terminal else 'cash'}"


@pytest.mark.slow
@pytest.mark.parametrize("customer", NAMED_STEPS, ids=name_of)
def test_killed_before_each_step(customer: Customer, host: Host, sqlite_hall: Path, tmp_path: Path) -> None:
    request = Hall(sqlite_hall, "").prepare(customer)
    alive = _fresh(sqlite_hall, tmp_path / "alive")
    whole = kill(host, alive, customer, request, 0, tmp_path / "whole")
    assert whole.steps[-1] == END
    assert set(whole.steps) >= NAMED_STEPS[customer]
    for deadly in range(1, len(whole.steps)):
        hall = _fresh(sqlite_hall, tmp_path / f"hall-{deadly}")
        _kill_and_restart(host, hall, customer, request, deadly, tmp_path / f"step-{deadly}")


@pytest.mark.slow
@pytest.mark.parametrize("customer", [CASH_TOP_UP, POS_TOP_UP], ids=name_of)
def test_killed_at_a_server(customer: Customer, host: Host, postgres_hall: str, tmp_path: Path) -> None:
    hall = Hall(None, postgres_hall)
    whole = kill(host, hall, customer, hall.prepare(customer), 0, tmp_path / "whole")
    interesting = NAMED_STEPS[customer] | {"before commit 2"}
    chosen = [number for number, step in enumerate(whole.steps, 1) if step in interesting]
    assert len(chosen) >= len(NAMED_STEPS[customer])
    for deadly in chosen:
        desks = hall.open()
        request = customer.request(clerk_at(desks.at.database))
        desks.at.database.close()
        _kill_and_restart(host, hall, customer, request, deadly, tmp_path / f"step-{deadly}")


def _kill_and_restart(
    host: Host, hall: Hall, customer: Customer, request: TopUp | ReplaceCard, deadly: int, folder: Path
) -> None:
    """One customer, one kill, one restart, and the same customer served to the end."""
    desks = hall.open()
    before = money(desks.at.database)
    desks.at.database.close()
    killed = kill(host, hall, customer, request, deadly, folder)
    desks = hall.open()
    try:
        check_start_up(desks, customer, request, killed, before)
        check_retry(desks, customer, request, killed, before)
    except BaseException as error:
        error.add_note(f"killed at {killed.last}; the terminal's journal: {killed.journal}")
        raise
    finally:
        desks.at.database.close()


def _fresh(template: Path, folder: Path) -> Hall:
    folder.mkdir()
    return Hall(Path(shutil.copyfile(template, folder / "hall.db")), "")
