"""One demo counter on disk and on ports: the demo hall's files, a settings file, and the simulated devices beside it.

Shared by the commands `demo` and `day`. The user's own keyring and settings are never touched: everything lies in one
folder, the key in a file of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from counter_app.demo_people import DemoPerson
from counter_app.domain.errors import StorageTrouble
from counter_app.domain.ids import CardNo, MediumId, OperationId, StaffNo
from counter_app.domain.waiting import Progress
from counter_app.settings import DatabaseAt, KeyAt, Ports, Settings

if TYPE_CHECKING:
    from counter_app.domain.waiting import CancelToken
    from counter_app.services.passwords import Passwords
    from counter_app.storage.database import Database
    from devices.receipt_printer import PrintOutcome

DEMO_FOLDER = Path("build/demo")
DATABASE_NAME, KEY_NAME, STEP_NAME = "hall.db", "hall.key", "migrated-to"
MANAGER = StaffNo("1001")
READY_S = 10.0
END_S = 5.0
KINDS = ("id-reader", "card-reader", "pos", "printer")


# --- the hall's files -------------------------------------------------------------------------------------------


def sizes_for(cards: int | None) -> dict[str, Any]:
    """How many cards the demo hall has, with `cards` issued ones in place of its usual number (None)."""
    from counter_app.demo_hall import demo_data

    sizes: dict[str, Any] = demo_data()["cards"]
    if cards is not None:
        sizes["named"], sizes["anonymous"] = cards - cards // 5, cards // 5
        sizes["blank"] = min(sizes["blank"], max(cards // 10, 10))
    return sizes


def fresh_hall(folder: Path, sizes: Mapping[str, Any], say: Progress) -> Path:
    """The folder with the demo hall as it is on its first morning, built when it is not there yet.

    Nobody ever works in it: the demo and each demo day work in copies. What a killed build left is thrown away, and
    so is a hall built from other data or by another version of the tables.
    """
    ready, half = folder / "first-morning", folder / "first-morning.new"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "building.lock"):
        wanted = _made_from(sizes)
        stamp = ready / "made-from.json"
        if stamp.exists() and json.loads(stamp.read_text("utf-8")) == wanted:
            return ready
        for old in (half, ready):
            if old.exists():
                shutil.rmtree(old)
        half.mkdir()
        _build(half, sizes, say)
        (half / stamp.name).write_text(json.dumps(wanted, indent=1), "utf-8")
        half.rename(ready)
    return ready


def copy_hall(source: Path, target: Path) -> None:
    """Copy a closed hall, whole or not at all; `target` is replaced."""
    half = target.with_name(f"{target.name}.new")
    for old in (half, target):
        if old.exists():
            shutil.rmtree(old)
    half.mkdir(parents=True)
    for name in (DATABASE_NAME, KEY_NAME):
        # copy2 keeps the key file's mode.
        shutil.copy2(source / name, half / name)
    (half / STEP_NAME).write_text(_newest_step(), "utf-8")
    half.rename(target)


def carry_over(hall: Path) -> None:
    """Bring a hall that somebody works in to the tables of this program.

    The step it stands on is read from a note beside it: the database's libraries wait until the window is up.
    """
    note = hall / STEP_NAME
    if note.read_text("utf-8") == _newest_step():
        return
    from counter_app.storage import database, keys, migrate

    hall_keys = keys.derive(keys.load_master(keys.InFile(hall / KEY_NAME)))
    with database.opened(database.sqlite_engine(hall / DATABASE_NAME, hall_keys)) as engine:
        migrate.upgrade(engine)
    note.write_text(_newest_step(), "utf-8")


def _newest_step() -> str:
    """The name of the last migration."""
    import counter_app

    steps = Path(counter_app.__file__).parent / "storage/migrations/versions"
    return max(step.stem for step in steps.glob("[0-9]*.py"))


def _build(folder: Path, sizes: Mapping[str, Any], say: Progress) -> None:
    import datetime as dt

    from counter_app import demo_hall
    from counter_app.domain.ids import HallId
    from counter_app.domain.shifts import HALL_ZONE
    from counter_app.services.passwords import Passwords
    from counter_app.storage import database, keys, migrate

    founded = dt.datetime.combine(demo_hall.FOUNDED_ON, dt.time(8), HALL_ZONE).astimezone(dt.UTC)
    hall_keys = keys.derive(keys.create_master(keys.InFile(folder / KEY_NAME)))
    engine = database.sqlite_engine(folder / DATABASE_NAME, hall_keys)
    hall_id = HallId(demo_hall.demo_data()["hall"]["id"])
    hall = database.Database(engine, hall_id, hall_keys, lambda: founded)
    try:
        migrate.create(engine)
        found(hall, Passwords(), sizes, say)
    finally:
        hall.close()
    left = [name for name in os.listdir(folder) if name.endswith(("-wal", "-shm", "-journal"))]
    if left:
        raise StorageTrouble("演示数据库没有完整写好，请重试。", f"journal left behind: {left}")


def found(hall: Database, passwords: Passwords, sizes: Mapping[str, Any], say: Progress) -> None:
    """Found the demo hall in an empty, migrated database, and seal the day on which its cards entered.

    So that day does not stand open before the one that is played. Its slip is long printed and filed.
    """
    from counter_app import demo_hall
    from counter_app.domain.asking import Asked
    from counter_app.domain.requests import CloseDay
    from counter_app.domain.waiting import CancelToken
    from counter_app.services.closing_desk import ClosingDesk
    from counter_app.services.hall import HallAtCounter
    from counter_app.services.paper_desk import PaperDesk
    from counter_app.storage import shifts

    demo_hall.fill(hall, passwords, say, dict(sizes))
    at = HallAtCounter(hall, 1)
    shift = hall.write(lambda tx: shifts.open_shift(tx, at.counter_no, MANAGER))
    asked = Asked(
        OperationId("demo-founding-day"), hall.hall_id, at.counter_no, shift.shift_id, MANAGER, at.now()
    )
    ClosingDesk(at).close_day(CloseDay(asked, shift.business_date))
    PaperDesk(at, 48).print_next(_FilingCabinet(), CancelToken())


class _FilingCabinet:
    """Takes the place of a printer for a slip that was printed in the past."""

    def print_job(self, _data: bytes, _cancel: CancelToken) -> PrintOutcome:
        from devices.receipt_printer import PrinterState, PrinterStatus, PrintOutcome, PrintResult

        return PrintOutcome(PrintResult.PRINTED, PrinterStatus(PrinterState.READY, ""))


def _made_from(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """What the first morning depends on: its data, and every file that writes tables or people."""
    import counter_app

    room = Path(counter_app.__file__).parent
    sources = [
        room.parent / "resources/demo/hall.toml",
        room.parent / "resources/rule_book.toml",
        room / "demo_hall.py",
        room / "demo_people.py",
        room / "services/founding.py",
        room / "services/closing_desk.py",
        *sorted((room / "storage").rglob("*.py")),
    ]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources))
    return {"sources": digest.hexdigest(), "cards": dict(sizes)}


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time; the others wait for it."""
    with path.open("a") as lock:
        if os.name == "posix":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a counter's place; `StorageTrouble` while another program holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        if os.name == "posix":
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StorageTrouble(
                    "这个演示台已经打开，请先关闭它，或用 --counter 2 打开另一个台。", str(error)
                ) from error
        yield


# --- people and cards in it -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DemoCard:
    """A card as it lies on the reader, and who holds it (None: anonymous or blank)."""

    card_no: CardNo
    medium_id: MediumId
    holder: DemoPerson | None

    @property
    def on_reader(self) -> dict[str, Any]:
        """The card reader's command."""
        return {"put": self.medium_id}

    @property
    def document(self) -> dict[str, Any]:
        """The ID reader's command for the holder's own document."""
        assert self.holder is not None
        return {
            "put": {
                "name": self.holder.name,
                "sex": self.holder.sex,
                "nation": "汉",
                "birth": self.holder.birth.isoformat(),
                "address": self.holder.address,
                "number": self.holder.id_number,
                "authority": "市公安局",
                "valid_from": "2020-01-01",
                "valid_to": "2040-01-01",
            }
        }


def demo_card(sizes: Mapping[str, Any], position: int) -> DemoCard:
    """The card at a position (from 1): named ones first, then anonymous, then blank ones."""
    from counter_app.demo_hall import card_prefix, medium_of
    from counter_app.demo_people import people
    from counter_app.services.founding import card_no_run

    holder = None
    if position <= sizes["named"]:
        holder = next(itertools.islice(people(sizes["named"], sizes["seed"]), position - 1, None))
    card_no = next(iter(card_no_run(card_prefix(sizes["prefix"]), position, 1)))
    return DemoCard(card_no, medium_of(position), holder)


# --- settings ---------------------------------------------------------------------------------------------------


def counter_settings(hall: Path, counter_no: int, ports: Ports) -> Settings:
    """This counter's settings over a copy of the demo hall."""
    from counter_app.demo_hall import demo_data

    return Settings(
        counter_no=counter_no,
        database=DatabaseAt("sqlite", str(hall / DATABASE_NAME)),
        key=KeyAt("file", str(hall / KEY_NAME)),
        ports=ports,
        papers_folder=str(hall.parent / "reports"),
        hall_name=demo_data()["hall"]["name"],
    )


# --- simulated devices ------------------------------------------------------------------------------------------


class Simulators:
    """The counter's four devices as child processes behind pseudo-terminals; a context manager.

    Each child ends when its standard input ends, so none outlives this process even when it is killed.
    """

    def __init__(self, folder: Path, counter_no: int, receipts: Path) -> None:
        self._links = {kind: folder / f"dev-{counter_no}-{kind}" for kind in KINDS}
        self._options: dict[str, list[str]] = {
            "printer": ["--out", str(receipts)],
            "pos": ["--journal", str(folder / f"pos-{counter_no}.journal")],
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._heard: dict[str, bytes] = dict.fromkeys(KINDS, b"")

    @property
    def ports(self) -> Ports:
        """The ports as a settings file names them."""
        links = {kind: str(link.absolute()) for kind, link in self._links.items()}
        return Ports(links["id-reader"], links["card-reader"], links["printer"], links["pos"])

    def __enter__(self) -> Simulators:
        try:
            for kind, link in self._links.items():
                link.parent.mkdir(parents=True, exist_ok=True)
                # A session of its own: Ctrl+C asks the program to end, which then ends its devices.
                options = self._options.get(kind, [])
                self._running[kind] = subprocess.Popen(
                    [sys.executable, "-m", "counter_app", "simulate", kind, "--link", str(link), *options],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    start_new_session=True,
                )
            until = time.monotonic() + READY_S
            for kind in KINDS:
                self._wait_ready(kind, until)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every child and remove its link; safe to call twice."""
        for child in self._running.values():
            if child.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.close()
        until = time.monotonic() + END_S
        for kind, child in self._running.items():
            try:
                child.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if child.stdout is not None:
                child.stdout.close()
            if self._links[kind].is_symlink():
                self._links[kind].unlink()
        self._running.clear()

    def tell(self, kind: str, command: Mapping[str, Any]) -> None:
        """Send one command line. `answers` tells when it was carried out."""
        self.answers(kind)
        child = self._running[kind]
        assert child.stdin is not None
        child.stdin.write(json.dumps(command, ensure_ascii=False).encode() + b"\n")
        child.stdin.flush()

    def answers(self, kind: str) -> list[dict[str, Any]]:
        """What the simulator has answered since the last look; never waits."""
        lines = self._read(kind, 0.0)
        return [json.loads(line) for line in lines if line.startswith("{")]

    def _wait_ready(self, kind: str, until: float) -> None:
        while True:
            left_s = until - time.monotonic()
            if any(line.startswith("ready ") for line in self._read(kind, max(left_s, 0.0))):
                return
            if left_s <= 0 or self._running[kind].poll() is not None:
                raise StorageTrouble(
                    "模拟设备没有启动，请重试。", f"simulator {kind} is not ready within {READY_S} s"
                )

    def _read(self, kind: str, timeout_s: float) -> list[str]:
        """Whole lines that have arrived, after at most `timeout_s` for the first byte."""
        stdout = self._running[kind].stdout
        assert stdout is not None
        while select.select([stdout], [], [], timeout_s)[0]:
            piece = os.read(stdout.fileno(), 65_536)
            if not piece:
                break
            self._heard[kind] += piece
            timeout_s = 0.0
        *lines, self._heard[kind] = self._heard[kind].split(b"\n")
        return [line.decode() for line in lines]
