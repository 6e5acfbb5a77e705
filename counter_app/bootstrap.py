"""Puts the program together, in two stages: the window first, the hall after the first paint. Knows everyone.

Nobody imports this module but the commands. Heavy rooms are imported inside the functions that need them, so that
the sign-in page is painted before the database's libraries are loaded.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import gc
import hashlib
import importlib
import logging
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLockFile, QTimer
from PySide6.QtWidgets import QApplication

from counter_app import settings as settings_file
from counter_app.domain.errors import Cancelled, Reason, Refused, StorageTrouble, Trouble
from counter_app.domain.waiting import CancelToken
from counter_app.settings import Settings
from ui import texts, theme
from ui.app_window import AppWindow
from ui.errors import TroubleRouter
from ui.lanes import Lane, on_ui

if TYPE_CHECKING:
    from counter_app.domain.views import LampState
    from counter_app.services.desks import Desks
    from counter_app.storage.database import Database
    from counter_app.storage.health import CheckOutcome
    from counter_app.storage.keys import HallKeys, KeyPlace
    from devices.device_shelf import DeviceShelf, Lamp
    from ui.serving import Serving

log = logging.getLogger(__name__)

START_PAGE = "top_up"

CHECK_TIMEOUT_S = 900.0
"""A hall of a million holders is read in less on a slow disk."""


SWITCH_EVERY_S = 0.0005
"""How long another thread may keep the interpreter while the window wants it."""

Clock = Callable[[], dt.datetime]
"""Gives the moment, aware."""


def utc_now() -> dt.datetime:
    """The system clock; everything else is given one."""
    return dt.datetime.now(dt.UTC)


# --- the hall, without a window ---------------------------------------------------------------------------------


def key_place(settings: Settings) -> KeyPlace:
    """Where this counter's settings say the master key lives."""
    from counter_app.storage.keys import InFile, InKeyring, UnderPassphrase

    match settings.key.kind:
        case "file":
            return InFile(Path(settings.key.path))
        case "keyring":
            return InKeyring(settings.key.backend, "hall")
        case "passphrase":
            return UnderPassphrase(Path(settings.key.path))


def load_keys(settings: Settings, passphrase: str = "") -> HallKeys:
    """The hall's keys from where they live; trouble names the next step."""
    from counter_app.storage.keys import derive, load_master

    return derive(load_master(key_place(settings), passphrase=passphrase))


def open_database(
    settings: Settings, passphrase: str = "", *, check: bool = True, clock: Clock = utc_now
) -> Database:
    """Open the counter's database: key accepted, schema version checked (without Alembic)."""
    from counter_app.storage import database, halls

    keys = load_keys(settings, passphrase)
    if settings.database.kind == "sqlite":
        path = Path(settings.database.path)
        if not path.exists():
            raise StorageTrouble(f"找不到数据库文件 {path.name}，请检查设置或从备份恢复。", str(path))
        engine = database.sqlite_engine(path, keys)
    else:
        engine = database.postgres_engine(settings.database.address)
    if check:
        database.check_schema(engine)
    with engine.connect() as connection:
        hall_id = halls.only_hall_id(connection)
    opened = database.Database(engine, hall_id, keys, clock)
    if opened.read(halls.key_id) != keys.key_id:
        opened.close()
        raise Refused(Reason.KEY_WRONG)
    return opened


def open_desks(settings: Settings, passphrase: str = "", clock: Clock = utc_now) -> Desks:
    """The hall's desks over an open database; what a command without a window needs."""
    desks = _first_desks(settings, passphrase, clock)
    desks.open_rest()
    return desks


def _first_desks(settings: Settings, passphrase: str, clock: Clock) -> Desks:
    """The hall over an open database, with the desk that answers sign-in; the others are still closed."""
    from counter_app.services.desks import Desks
    from counter_app.services.passwords import Passwords

    database = open_database(settings, passphrase, clock=clock)
    return Desks(database, settings.counter_no, Passwords(), settings.paper_columns)


# --- the check of the books, in a child process -----------------------------------------------------------------


def to_tell(settings: Settings, passphrase: str) -> str:
    """What the check's own process must know, for its standard input: nothing of it stands on a command line."""
    import json

    return json.dumps({"settings": dataclasses.asdict(settings), "passphrase": passphrase})


def from_told(told: str) -> tuple[Settings, str]:
    """The settings and the passphrase back from `to_tell`."""
    import msgspec

    found = msgspec.json.decode(told)
    return msgspec.convert(found["settings"], Settings), found["passphrase"]


def check_books(settings: Settings, passphrase: str, cancel: CancelToken) -> CheckOutcome:
    """quick_check, ledger and audit chains, re-computed in a process of its own while the window stays free."""
    from counter_app.storage.health import run_check_in_child

    command = [sys.executable, "-m", "counter_app", "verify", "--told"]
    return run_check_in_child(command, CHECK_TIMEOUT_S, cancel, told=to_tell(settings, passphrase))


# --- the window -------------------------------------------------------------------------------------------------


@dataclass
class Program:
    """The running program: what is open, to be closed in reverse.

    `trusted` says whether the next start may take this run's end for a clean one: not while an unclean stop before it
    has not been followed by a good check of the books.
    """

    application: QApplication
    window: AppWindow
    settings: Settings
    clock: Clock
    opener: Lane
    checker: Lane
    cancel: CancelToken = field(default_factory=CancelToken)
    trusted: bool = True
    place: QLockFile | None = None
    desks: Desks | None = None
    serving: Serving | None = None
    shelf: DeviceShelf | None = None
    on_open: Callable[[], None] | None = None

    def close(self) -> None:
        """Lanes first, then devices, then the database; safe to call twice."""
        self.cancel.cancel()
        self.opener.close(10.0)
        self.checker.close(10.0)
        if self.serving is not None:
            self.serving.close()
            self.serving = None
        if self.shelf is not None:
            self.shelf.close()
            self.shelf = None
        if self.desks is not None:
            if self.trusted:
                self._mark_stopped(self.desks.at.database)
            self.desks.at.database.close()
            self.desks = None
        if self.place is not None:
            self.place.unlock()
            self.place = None

    def _mark_stopped(self, database: Database) -> None:
        from counter_app.storage import health

        try:
            health.mark_stopped(database, self.settings.counter_no)
        except StorageTrouble as trouble:
            # The next start checks the books once more than it had to.
            log.warning("the end of the program could not be written down: %s", trouble)


def first_window(settings: Settings, clock: Clock = utc_now) -> Program:
    """The application with frame and sign-in page; nothing of database or devices is loaded yet.

    The garbage collector rests until the hall is open: loading the libraries makes millions of objects and no garbage.
    Lanes give the interpreter back sooner than Python's 5 ms: the window asks for it again at each call into Qt.
    """
    gc.disable()
    sys.setswitchinterval(SWITCH_EVERY_S)
    found = QApplication.instance()
    application = found if isinstance(found, QApplication) else QApplication(sys.argv[:1])
    look = theme.Theme.of(high_contrast=settings.look == "contrast", large_type=settings.look == "large")
    theme.apply(application, look)
    troubles = TroubleRouter()
    troubles.install()
    hall_text = f"{settings.hall_name} ・ {settings.counter_no} 号台" if settings.hall_name else "城市通"

    def hall_time() -> dt.datetime:
        from counter_app.domain.shifts import HALL_ZONE

        return clock().astimezone(HALL_ZONE)

    window = AppWindow(hall_text, troubles, now=hall_time)
    program = Program(application, window, settings, clock, Lane("opener"), Lane("checker"))
    window.closing.connect(application.quit)
    return program


def open_hall(program: Program, passphrase: str = "") -> None:
    """After the first paint: open database and desks off the UI thread, then devices and pages.

    One program a counter: a second one would take what the first has in flight for the remains of a crash.
    """
    if program.place is None:
        place = QLockFile(str(counter_place(program.settings)))
        place.setStaleLockTime(0)
        if not place.tryLock(0):
            _hall_failed(program, StorageTrouble(ALREADY_OPEN, f"lock held: {place.error()}"))
            return
        program.place = place
    program.opener.submit(
        functools.partial(_open_counter, program.settings, passphrase, program.clock),
        functools.partial(_hall_is_open, program, passphrase),
        functools.partial(_hall_failed, program),
    )


ALREADY_OPEN = "本台的程序已经打开，请切换到已打开的窗口；若刚关闭，请稍候再启动。"


def counter_place(settings: Settings) -> Path:
    """The lock file of one counter on this computer, whoever starts the program and from where."""
    where = f"{settings.database.path or settings.database.address}|{settings.counter_no}"
    return (
        Path(tempfile.gettempdir())
        / f"city-card-counter-{hashlib.sha256(where.encode()).hexdigest()[:16]}.lock"
    )


def ask_and_open(program: Program, why: str = "") -> None:
    """Open the hall; where the key is under a passphrase, ask for it first."""
    if program.settings.key.kind != "passphrase":
        open_hall(program)
        return
    from ui.dialogs.passphrase import PassphraseDialog

    dialog = PassphraseDialog(program.window, why)
    dialog.accepted.connect(lambda: open_hall(program, dialog.passphrase))
    dialog.open()


def _collect_garbage_again() -> None:
    gc.freeze()
    gc.enable()


def _hall_failed(program: Program, error: BaseException) -> None:
    _collect_garbage_again()
    if not isinstance(error, Trouble):
        program.window.troubles.report_bug(error)
        return
    log.error("the hall cannot be opened: %s", error)
    wrong_passphrase = isinstance(error, Refused) and error.reason is Reason.KEY_WRONG
    if wrong_passphrase and program.settings.key.kind == "passphrase":
        ask_and_open(program, error.sentence())
        return
    program.window.sign_in.busy.end()
    program.window.sign_in.result.say("bad", error.sentence())


def _open_counter(settings: Settings, passphrase: str, clock: Clock) -> tuple[Desks, bool]:
    """The first desks, and whether money has to wait for the check of the books; from here on this run is marked.

    It has to after an unclean stop of this counter, and when the last link of a chain does not fit.
    """
    from counter_app.storage import health

    desks = _first_desks(settings, passphrase, clock)
    database = desks.at.database
    try:
        # A chain whose end does not fit is no clean stop either: money waits for the whole check.
        unclean = health.was_unclean(database, settings.counter_no) or not health.heads_fit(database)
        health.mark_running(database, settings.counter_no)
    except BaseException:
        database.close()
        raise
    return desks, unclean


def _hall_is_open(program: Program, passphrase: str, opened: tuple[Desks, bool]) -> None:
    """Key, schema and chains are right: sign-in is accepted from here on, and held until somebody can check it."""
    program.desks, unclean = opened
    program.trusted = not unclean
    if unclean:
        program.window.hold_money(texts.LEDGER_CHECKING)
    page = program.window.sign_in
    held: list[tuple[str, str]] = []

    def hold(staff_no: str, password: str) -> None:
        held.append((staff_no, password))

    page.sign_in_asked.connect(hold)
    page.set_ready()

    def serve(_loaded: None) -> None:
        page.sign_in_asked.disconnect(hold)
        _serve(program, passphrase, unclean)
        for staff_no, password in held:
            page.sign_in_asked.emit(staff_no, password)

    # Loaded beside the window, since an import would hold it up.
    program.opener.submit(_load_for_the_window, serve, functools.partial(_hall_failed, program))


def _load_for_the_window() -> None:
    for module in ("devices.device_shelf", "devices.pos_terminal", "ui.pages.all_pages", "ui.serving"):
        importlib.import_module(module)


def _serve(program: Program, passphrase: str, unclean: bool) -> None:
    """Give the window what it serves with: desks, devices, pages."""
    from ui.pages.all_pages import page_entries
    from ui.serving import Serving

    desks = program.desks
    if desks is None:
        # The window was closed in the very moment in which the hall was open.
        return
    program.shelf = _shelf(program)
    serving = program.serving = Serving(program.window, desks, program.shelf, START_PAGE)
    if program.settings.papers_folder:
        serving.papers_folder = Path(program.settings.papers_folder)
    for entry in page_entries(serving):
        program.window.add_page(entry)
    serving.start_up(unclean=unclean)
    serving.open_for_sign_in()
    program.shelf.start()
    _check_books(program, passphrase, unclean)
    _collect_garbage_again()
    if program.on_open is not None:
        program.on_open()


def _check_books(program: Program, passphrase: str, unclean: bool) -> None:
    """Check the books beside the window; money waits for it only after an unclean stop."""
    from counter_app.storage.health import CheckState

    window = program.window

    def checked(outcome: CheckOutcome) -> None:
        if outcome.state is CheckState.NOT_DONE:
            not_checked("; ".join(outcome.lines))
            return
        program.trusted = outcome.state is CheckState.FITS
        for line in outcome.lines:
            log.log(logging.INFO if program.trusted else logging.ERROR, "books: %s", line)
        window.hold_money("" if program.trusted else texts.LEDGER_WRONG)

    def not_checked(why: str) -> None:
        log.error("the books were not checked: %s", why)
        if unclean:
            window.hold_money(texts.LEDGER_NOT_CHECKED)

    def failed(error: BaseException) -> None:
        if isinstance(error, StorageTrouble):
            not_checked(str(error))
        elif not isinstance(error, Cancelled):
            window.troubles.report_bug(error)

    program.checker.submit(
        functools.partial(check_books, program.settings, passphrase, program.cancel), checked, failed
    )


def _shelf(program: Program) -> DeviceShelf:
    from devices.device_shelf import CounterDevices, DeviceShelf

    window, ports = program.window, program.settings.ports
    lamps: dict[str, Lamp] = {}

    def lamp(changed: Lamp) -> None:
        lamps[changed.device] = changed
        if window.frame is not None:
            window.set_lamps(tuple(_lamp_state(shown) for shown in lamps.values()))

    def notice(sentence: str) -> None:
        if window.page is not None:
            window.page.result.say("warn", sentence)

    show_lamp = on_ui(lamp)
    return DeviceShelf(
        CounterDevices(
            id_reader_port=ports.id_reader or None,
            card_reader_port=ports.card_reader or None,
            printer_port=ports.printer or None,
            pos_port=ports.pos or None,
            printer_answers=ports.printer_answers,
            pos_baud=ports.pos_baud,
            pos_stop_bits=ports.pos_stop_bits,
        ),
        on_ui(window.present_document),
        on_ui(window.present_medium),
        show_lamp,
        on_notice=on_ui(notice),
    )


def _lamp_state(lamp: Lamp) -> LampState:
    from counter_app.domain.views import LampState
    from devices.device_shelf import LampState as DeviceLamp

    tone = {DeviceLamp.OK: "good", DeviceLamp.WARN: "warn", DeviceLamp.DOWN: "bad", DeviceLamp.OFF: "plain"}
    name, _, word = lamp.word.partition(" ")
    return LampState(name, tone[lamp.state], word)  # type: ignore[arg-type]


def run_window(settings: Settings) -> int:
    """The whole program with a window, until it is closed; returns the exit status."""
    program = first_window(settings)
    program.window.showMaximized()
    # The page must be on the screen before the database's libraries take the interpreter.
    QTimer.singleShot(0, lambda: ask_and_open(program))
    try:
        return program.application.exec()
    finally:
        program.close()


def load_settings(path: Path | None) -> tuple[Path, Settings | None]:
    """The settings and where they lie; None when this counter was never set up."""
    where = path or settings_file.default_path()
    return where, settings_file.load(where) if where.exists() else None


def with_ports(settings: Settings, **ports: str) -> Settings:
    """The same settings with other device ports; the demo puts its simulators there."""
    return dataclasses.replace(settings, ports=dataclasses.replace(settings.ports, **ports))  # type: ignore[arg-type]
