"""Is the database whole, and did the program stop properly last time? Checks that take long run in a child process."""

from __future__ import annotations

import contextlib
import enum
import logging
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from counter_app.domain.errors import Cancelled, StorageTrouble
from counter_app.storage import ledger, shifts, tables
from counter_app.storage.database import Transaction, utc_text

if TYPE_CHECKING:
    from counter_app.domain.waiting import CancelToken
    from counter_app.storage.database import Database

log = logging.getLogger(__name__)

# --- the file ---------------------------------------------------------------------------------------------------


def quick_check(database: Database) -> tuple[str, ...]:
    """What is broken in the database file, in Chinese sentences; nothing for a whole one.

    Every page is read: its MAC under the key, then its structure. PostgreSQL checks its pages itself at each read.
    """
    if database.engine.dialect.name != "sqlite":
        return ()
    found: list[str] = []
    try:
        with database.engine.execution_options(read_only=True).connect() as connection:
            for pragma in ("cipher_integrity_check", "quick_check"):
                found += [str(row[0]) for row in connection.exec_driver_sql(f"PRAGMA {pragma}")]
    except DBAPIError as error:
        found.append(str(error.orig))
    return tuple(f"数据库文件已损坏：{line}" for line in found if line != "ok")


# --- the ends of the newest chains ------------------------------------------------------------------------------

_s, _a = tables.shift, tables.audit
_newest = (
    sa.select(sa.func.max(_s.c.business_date))
    .where(_s.c.hall_id == sa.bindparam("hall_id"))
    .scalar_subquery()
)
_newest_shifts = sa.select(_s.c.shift_id, _s.c.business_date, _s.c.last_seq, _s.c.chain_head).where(
    _s.c.hall_id == sa.bindparam("hall_id"), _s.c.business_date == _newest
)
_last_links = (
    sa.select(_a)
    .where(
        _a.c.hall_id == sa.bindparam("hall_id"),
        _a.c.business_date == sa.bindparam("business_date"),
        _a.c.shift_id == sa.bindparam("shift_id"),
        # Not beyond: another counter may have gone on since its shift was read.
        _a.c.seq.between(sa.bindparam("last_seq") - 1, sa.bindparam("last_seq")),
    )
    .order_by(_a.c.seq)
)


def heads_fit(database: Database) -> bool:
    """Whether the last audit link of each shift of the newest business date is there, follows the one before it and
    is what its shift remembers. A look of milliseconds before sign-in; the whole chains are `verify`'s work."""

    def look(tx: Transaction) -> bool:
        return all(_head_fits(tx, shift) for shift in tx.all(_newest_shifts, {"hall_id": tx.hall_id}))

    return database.read(look)


def _head_fits(tx: Transaction, shift: Any) -> bool:
    links = tx.all(
        _last_links,
        {
            "hall_id": tx.hall_id,
            "business_date": shift.business_date,
            "shift_id": shift.shift_id,
            "last_seq": shift.last_seq,
        },
    )
    if shift.last_seq == 0:
        return not links and shift.chain_head == shifts.CHAIN_START
    wanted = [seq for seq in (shift.last_seq - 1, shift.last_seq) if seq > 0]
    if [link.seq for link in links] != wanted:
        return False
    last = links[-1]
    before = links[0].mac if len(links) == 2 else shifts.CHAIN_START
    mac = ledger.link_mac(
        tx.keys.audit_key,
        before,
        shift.shift_id,
        last.seq,
        last.at,
        last.staff_no,
        last.action,
        last.payload,
    )
    return bool(mac == last.mac == shift.chain_head)


# --- how the program stopped ------------------------------------------------------------------------------------

b = sa.bindparam
_setting = tables.setting
_named = (_setting.c.hall_id == b("b_hall_id"), _setting.c.name == b("b_name"))
_find = sa.select(_setting.c.value).where(*_named)
_drop = sa.delete(_setting).where(*_named)
_insert = sa.insert(_setting)


def _marker(database: Database, counter_no: int) -> dict[str, str]:
    return {"b_hall_id": database.hall_id, "b_name": f"running at counter {counter_no}"}


def was_unclean(database: Database, counter_no: int = 0) -> bool:
    """Whether the program at this counter ended without `mark_stopped`; ask before `mark_running`.

    The mark is a committed row, so it outlives kill -9 and power loss, and each counter of a hall has its own.
    """
    marker = _marker(database, counter_no)
    return database.read(lambda tx: tx.one(_find, marker)) is not None


def mark_running(database: Database, counter_no: int = 0) -> None:
    """From here on, an end without `mark_stopped` is an unclean one."""
    marker = _marker(database, counter_no)

    def unit(tx: Transaction) -> None:
        tx.run(_drop, marker)
        tx.run(
            _insert,
            {"hall_id": marker["b_hall_id"], "name": marker["b_name"], "value": utc_text(tx.now)},
        )

    database.write(unit)


def mark_stopped(database: Database, counter_no: int = 0) -> None:
    """The program at this counter ended as it should."""
    marker = _marker(database, counter_no)
    database.write(lambda tx: tx.run(_drop, marker))


# --- in a child process -----------------------------------------------------------------------------------------


class CheckState(enum.Enum):
    """How a check in a child process ended; the values are its exit statuses."""

    FITS = 0
    PROBLEMS = 1
    NOT_DONE = 2
    """The database could not be opened or read, or the check took too long."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What the child said; `lines` are its Chinese sentences, problems among them."""

    state: CheckState
    lines: tuple[str, ...]


_LOOK_EVERY_S = 0.1


def run_check_in_child(
    argv: Sequence[str], timeout_s: float, cancel: CancelToken, *, told: str = ""
) -> CheckOutcome:
    """Run a check (`… verify …`: exit status 0 fits, 1 problems, else not done) while the window stays free.

    `told` goes to the child's standard input, so that nothing secret stands on a command line; a few lines at most.
    `Cancelled` when somebody stopped it. The child never outlives this call.
    """
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
    except OSError as error:
        raise StorageTrouble("账本核对程序没有启动，请重新安装本程序。", str(error)) from error
    end = time.monotonic() + timeout_s
    try:
        _tell(child, told)
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                said, progress = child.communicate(timeout=_LOOK_EVERY_S)
                break
            if cancel.cancelled:
                raise Cancelled()
            if time.monotonic() > end:
                log.error("the check in a child process took longer than %s s", timeout_s)
                return CheckOutcome(
                    CheckState.NOT_DONE, ("账本核对用时太长，已停止。请稍后在菜单中再核对一次。",)
                )
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()
    lines = tuple(line for line in said.splitlines() if line)
    # A program that broke down also ends with 1, but without a line: that is no finding.
    if child.returncode == CheckState.FITS.value or (child.returncode == CheckState.PROBLEMS.value and lines):
        return CheckOutcome(CheckState(child.returncode), lines)
    log.error("the check ended with %s: %s", child.returncode, progress[-2000:])
    return CheckOutcome(CheckState.NOT_DONE, lines or tuple(progress.splitlines()[-1:]))


def _tell(child: subprocess.Popen[str], told: str) -> None:
    assert child.stdin is not None
    # A child that ended already says why with its exit status.
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(told)
        child.stdin.close()
    child.stdin = None
