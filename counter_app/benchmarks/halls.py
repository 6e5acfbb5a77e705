"""Halls to measure in: founded like the demo hall, kept under build/bench while nothing they are made of changes.

Your line belongs here if it prepares data; what is measured on it stands elsewhere.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counter_app import bootstrap, demo_hall, demo_people
from counter_app import settings as settings_file
from counter_app.benchmarks.figures import FOLDER, ROOT, Tell
from counter_app.domain.asking import Asked
from counter_app.domain.cards import Card, CardKind, CardState, Holder
from counter_app.domain.ids import CardNo, HallId, HolderId, OperationId, PurseId, StaffNo
from counter_app.domain.ledger import Tender, TenderKind
from counter_app.domain.requests import OpenTill, ToppedUp, TopUp
from counter_app.domain.shifts import CashCount
from counter_app.services import founding
from counter_app.services.cash_desk import CashDesk
from counter_app.services.hall import HallAtCounter
from counter_app.services.initials import initials
from counter_app.services.passwords import PasswordRules, Passwords
from counter_app.services.payment_desk import PaymentDesk
from counter_app.services.top_up_desk import TopUpDesk
from counter_app.settings import DatabaseAt, KeyAt, Settings
from counter_app.storage import cards, holders, keys, migrate, shifts
from counter_app.storage import people as staff
from counter_app.storage.database import Database, Transaction, sqlite_engine

COUNTER_NO = 1
CLERK = StaffNo("1021")
PREFIX = "9040"
SEED = 2026
SMALL = {"named": 200, "anonymous": 20, "blank": 5, "prefix": PREFIX, "seed": SEED}
BATCH = 20_000
FLOAT = CashCount(((100_00, 20),))
_MASTER = b"the key of the benchmark's halls"
ISSUED_ON = dt.date(2026, 1, 4)
DATABASE_NAME, KEY_NAME, SETTINGS_NAME = "hall.db", "hall.key", "counter.toml"
_MADE_OF = (
    "counter_app/storage/tables.py",
    "counter_app/storage/migrations",
    "counter_app/demo_hall.py",
    "counter_app/demo_people.py",
    "resources/demo",
)


def hall_keys() -> keys.HallKeys:
    """The keys of every hall made here: nothing in them is secret."""
    return keys.derive(_MASTER)


def open_file(path: Path) -> Database:
    """A hall in an encrypted file."""
    return Database(sqlite_engine(path, hall_keys()), hall_id(), hall_keys(), bootstrap.utc_now)


def hall_id() -> HallId:
    """The id of every hall made here."""
    return HallId(demo_hall.demo_data()["hall"]["id"])


def found_small(database: Database) -> None:
    """A hall of some two hundred people in an empty, migrated database."""
    cheap = Passwords(PasswordRules(time_cost=1, memory_cost=8, parallelism=1))
    demo_hall.fill(database, cheap, lambda _text: None, SMALL)


# --- a clerk at work --------------------------------------------------------------------------------------------


@dataclass
class AtWork:
    """A clerk with an open drawer, and cards to top up one after the other."""

    at: HallAtCounter
    desk: TopUpDesk
    shift_id: Any
    cards: Iterator[CardNo]

    def asked(self) -> Asked:
        """A new operation of this clerk."""
        at = self.at
        operation_id = OperationId(at.new_id())
        return Asked(operation_id, at.hall.hall_id, at.counter_no, self.shift_id, CLERK, at.now())

    def top_up(self) -> ToppedUp:
        """One yuan in cash on the next card."""
        tender = Tender(TenderKind.CASH, received_fen=2_00)
        return self.desk.top_up(TopUp(self.asked(), next(self.cards), 1_00, tender))


def at_work(database: Database, most_cards: int) -> AtWork:
    """Open shift and drawer of counter 1; `most_cards` named cards are topped up in turn."""
    at = HallAtCounter(database, COUNTER_NO)
    shift = database.write(lambda tx: shifts.open_shift(tx, COUNTER_NO, CLERK))
    numbers = itertools.cycle(founding.card_no_run(f"{PREFIX}2611", 1, most_cards))
    work = AtWork(at, TopUpDesk(at, PaymentDesk(at)), shift.shift_id, numbers)
    if database.read(lambda tx: shifts.open_till_of(tx, COUNTER_NO)) is None:
        CashDesk(at).open_till(OpenTill(work.asked(), FLOAT, FLOAT.total_fen))
    return work


# --- halls that are kept ----------------------------------------------------------------------------------------


def _fingerprint(size: str) -> str:
    """Of everything a hall is made of, so that a kept one is never older than the program."""
    digest = hashlib.sha256(size.encode())
    for place in _MADE_OF:
        path = ROOT / place
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.suffix in (".py", ".toml"):
                digest.update(file.read_bytes())
    return digest.hexdigest()


def _kept(name: str, size: str, make: Callable[[Path], None]) -> Path:
    """The folder build/bench/<name>, made anew when it is missing, unfinished or out of date."""
    folder = FOLDER / name
    stamp = folder / "stamp"
    wanted = _fingerprint(size)
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        stamp.write_text(wanted, "utf-8")
    return folder


def demo(tell: Tell) -> Path:
    """The settings file of a whole demo hall with its real passwords; no device is connected."""

    def make(folder: Path) -> None:
        tell("founding a demo hall for the benchmark")
        database = open_file(folder / DATABASE_NAME)
        try:
            migrate.create(database.engine)
            demo_hall.fill(database, Passwords(), lambda _text: None)
            _confirm_notices(database)
        finally:
            database.close()
        _settings(folder)

    return _kept("demo", "", make) / SETTINGS_NAME


def of_many(people: int, tell: Tell) -> Path:
    """The settings file of a hall with `people` holders, each with one card; made in bulk, beside the ledger."""

    def make(folder: Path) -> None:
        database = open_file(folder / DATABASE_NAME)
        try:
            migrate.create(database.engine)
            founding.found_hall(database, demo_hall.demo_plan(demo_hall.demo_data()), Passwords())
            _confirm_notices(database)
            _enter_people(database, people, tell)
        finally:
            database.close()
        _settings(folder)

    return _kept(f"people-{people}", str(people), make) / SETTINGS_NAME


def _settings(folder: Path) -> None:
    keys.store_master(keys.InFile(folder / KEY_NAME), _MASTER)
    settings_file.save(
        folder / SETTINGS_NAME,
        Settings(
            counter_no=COUNTER_NO,
            database=DatabaseAt("sqlite", path=str(folder / DATABASE_NAME)),
            key=KeyAt("file", path=str(folder / KEY_NAME)),
            hall_name=demo_hall.demo_data()["hall"]["name"],
        ),
    )


def _confirm_notices(database: Database) -> None:
    """The clerk has read everything, so that sign-in leads straight to the first page."""
    for row in demo_hall.demo_data()["notices"]:
        code = row["code"]
        database.write(lambda tx, code=code: staff.confirm_notice(tx, code, CLERK))  # type: ignore[misc]


def _enter_people(database: Database, people: int, tell: Tell) -> None:
    # Everything is thrown away if this does not reach its end, so nothing needs to be durable on the way; and the
    # indexes of random values fit into memory.
    with contextlib.closing(database.engine.raw_connection()) as connection:
        for pragma in ("synchronous=OFF", "cache_size=-1000000"):
            connection.cursor().execute(f"PRAGMA {pragma}")
    someone = demo_people.people(people, SEED)
    numbers = iter(founding.card_no_run(f"{PREFIX}2611", 1, people))
    for first in range(1, people + 1, BATCH):
        tell(f"entering people into the benchmark's hall: {first - 1:,} of {people:,}")
        new: list[tuple[Card, int, None]] = []
        new_holders: list[tuple[Holder, tuple[str, ...]]] = []
        for place, person in enumerate(itertools.islice(someone, BATCH), start=first):
            holder_id = HolderId(f"h{place:07d}")
            holder = Holder(
                holder_id, person.name, person.id_number, person.phone, person.sex, person.address
            )
            new_holders.append((holder, initials(person.name)))
            purse_id = PurseId(f"p{place:07d}")
            card = Card(next(numbers), CardKind.NAMED, CardState.ACTIVE, purse_id, holder_id, 1)
            # Without money: it would need as many transfers, and the books must fit.
            new.append((card, 0, None))

        def unit(tx: Transaction, new: Any = new, new_holders: Any = new_holders) -> None:
            holders.add(tx, new_holders)
            cards.add_many(tx, new, ISSUED_ON)

        database.write(unit)
