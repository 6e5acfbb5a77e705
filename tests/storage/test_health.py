"""Broken files are told, an unclean stop is remembered, a check in a child ends when it must."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from hall_builder import HallClock, cash_top_up, clerk_at, open_sqlite, open_till, top_up_desk

from counter_app.domain.errors import Cancelled, StorageTrouble
from counter_app.domain.waiting import CancelToken
from counter_app.storage import health
from counter_app.storage.database import Database
from counter_app.storage.health import CheckState, run_check_in_child
from counter_app.storage.verify import verify


class TestFile:
    def test_a_whole_database_has_nothing_to_tell(self, hall_database: Database) -> None:
        assert health.quick_check(hall_database) == ()

    @pytest.mark.parametrize("place", [0.3, 0.6, 0.95])
    def test_a_single_wrong_bit_is_told_by_quick_check_and_by_verify(
        self, sqlite_hall: Path, place: float
    ) -> None:
        raw = bytearray(sqlite_hall.read_bytes())
        raw[int(len(raw) * place)] ^= 1
        sqlite_hall.write_bytes(raw)
        hall = open_sqlite(sqlite_hall)
        told = health.quick_check(hall)
        assert told
        assert all("数据库文件已损坏" in line for line in told)
        assert "数据库文件已损坏" in verify(hall).problems[0]
        hall.close()

    def test_a_file_cut_short_is_told(self, sqlite_hall: Path) -> None:
        with sqlite_hall.open("r+b") as file:
            file.truncate(sqlite_hall.stat().st_size // 2)
        hall = open_sqlite(sqlite_hall)
        assert health.quick_check(hall)
        hall.close()


class TestHeads:
    """Truncating the audit is shown at once; the chains before it are the whole check's work."""

    def test_heads_of_a_worked_day_fit(self, hall_database: Database) -> None:
        assert health.heads_fit(hall_database), "nothing was booked yet"
        clerk = clerk_at(hall_database)
        assert health.heads_fit(hall_database)
        open_till(clerk)
        assert health.heads_fit(hall_database)

    @pytest.mark.parametrize(
        "change",
        [
            "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
            "UPDATE audit SET payload = '{}' WHERE seq = (SELECT max(seq) FROM audit)",
            "UPDATE audit SET staff_no = '1' WHERE seq = (SELECT max(seq) FROM audit)",
            "UPDATE shift SET chain_head = '0' WHERE last_seq = (SELECT max(last_seq) FROM shift)",
            "UPDATE shift SET last_seq = last_seq - 1 WHERE last_seq = (SELECT max(last_seq) FROM shift)",
        ],
    )
    def test_a_changed_end_is_noticed(self, sqlite_hall: Path, change: str) -> None:
        hall = open_sqlite(sqlite_hall)
        open_till(clerk_at(hall))
        with hall.engine.begin() as connection:
            triggers = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in triggers.all():
                connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
            connection.exec_driver_sql(change)
        assert not health.heads_fit(hall)
        hall.close()


class TestUncleanStop:
    def test_a_proper_stop_leaves_nothing(self, hall_database: Database) -> None:
        assert not health.was_unclean(hall_database, 1)
        health.mark_running(hall_database, 1)
        health.mark_stopped(hall_database, 1)
        assert not health.was_unclean(hall_database, 1)

    def test_each_counter_has_its_own_mark(self, hall_database: Database, clock: HallClock) -> None:
        health.mark_running(hall_database, 1)
        clock.advance(hours=1)
        health.mark_running(hall_database, 1)
        assert health.was_unclean(hall_database, 1)
        assert not health.was_unclean(hall_database, 2)
        health.mark_stopped(hall_database, 2)
        assert health.was_unclean(hall_database, 1)

    def test_the_mark_outlives_kill_9(self, sqlite_hall: Path) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                health.mark_running(open_sqlite(sqlite_hall), 1)
                os.kill(os.getpid(), signal.SIGKILL)
            finally:
                os._exit(70)
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
        hall = open_sqlite(sqlite_hall)
        assert health.was_unclean(hall, 1)
        assert verify(hall).problems == ()
        hall.close()


def _says(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def _sleeps(pid_file: Path) -> list[str]:
    return _says(f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)")


def _is_gone(pid_file: Path) -> None:
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


class TestChild:
    def test_what_fits_and_what_does_not(self) -> None:
        fits = run_check_in_child(_says("print('账目相符。')"), 30, CancelToken())
        assert (fits.state, fits.lines) == (CheckState.FITS, ("账目相符。",))
        wrong = run_check_in_child(
            _says("print('不符：甲\\n不符：乙'); raise SystemExit(1)"), 30, CancelToken()
        )
        assert (wrong.state, wrong.lines) == (CheckState.PROBLEMS, ("不符：甲", "不符：乙"))

    def test_a_long_report_does_not_block(self) -> None:
        outcome = run_check_in_child(_says("print('不符' * 1_000_000)"), 30, CancelToken())
        assert len(outcome.lines[0]) == 2_000_000

    @pytest.mark.parametrize("end", ["raise SystemExit(2)", "1/0", "import os; os.kill(os.getpid(), 9)"])
    def test_a_check_that_failed_is_not_a_check_that_passed(self, end: str) -> None:
        script = f"import sys; print('没有设置文件', file=sys.stderr); {end}"
        outcome = run_check_in_child(_says(script), 30, CancelToken())
        # A traceback also ends with 1 and must not be taken for a finished check without a problem named.
        assert outcome.state is CheckState.NOT_DONE

    def test_too_long_is_ended(self, tmp_path: Path) -> None:
        outcome = run_check_in_child(_sleeps(tmp_path / "pid"), 1.0, CancelToken())
        assert outcome.state is CheckState.NOT_DONE
        assert "用时太长" in outcome.lines[0]
        _is_gone(tmp_path / "pid")

    def test_cancelled_at_once(self, tmp_path: Path) -> None:
        cancel = CancelToken()
        timer = threading.Timer(1.0, cancel.cancel)
        timer.start()
        start = time.monotonic()
        with pytest.raises(Cancelled):
            run_check_in_child(_sleeps(tmp_path / "pid"), 60, cancel)
        assert time.monotonic() - start < 5
        timer.join()
        _is_gone(tmp_path / "pid")

    def test_a_program_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(StorageTrouble):
            run_check_in_child([str(tmp_path / "nothing")], 5, CancelToken())


def test_a_check_in_a_child_reads_while_a_counter_works(sqlite_hall: Path) -> None:
    hall = open_sqlite(sqlite_hall)
    clerk = clerk_at(hall)
    open_till(clerk)
    script = (
        f"import sys; sys.path[:0] = [{str(Path(__file__).parents[1])!r}]; from pathlib import Path;"
        "from hall_builder import open_sqlite; from counter_app.storage.verify import verify;"
        f"hall = open_sqlite(Path({str(sqlite_hall)!r}));"
        "report = verify(hall); hall.close(); print(*report.problems, report.operations)"
    )
    done: list[health.CheckOutcome] = []
    checking = threading.Thread(
        target=lambda: done.append(run_check_in_child(_says(script), 60, CancelToken()))
    )
    checking.start()
    desk = top_up_desk(clerk)
    while checking.is_alive():
        desk.top_up(cash_top_up(clerk, 1))
    checking.join()
    assert done[0].state is CheckState.FITS, done[0]
    assert done[0].lines[0].isdecimal()
    hall.close()
