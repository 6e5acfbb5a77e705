"""Calls go off the UI thread and their answers come back on it, in order, once."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import pytest
from PySide6.QtCore import QThread
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from counter_app.domain.errors import Cancelled, Reason, Refused
from counter_app.domain.waiting import CancelToken
from ui.lanes import Lane, on_ui


def test_the_call_runs_elsewhere_and_the_answer_arrives_on_the_ui_thread(lane: Lane, qtbot: QtBot) -> None:
    ran_on: list[str] = []
    answered_on: list[object] = []

    def call() -> int:
        ran_on.append(threading.current_thread().name)
        return 7

    def done(result: int) -> None:
        answered_on.extend((result, threading.current_thread(), QThread.currentThread().isMainThread()))

    job = lane.submit(call, done)
    qtbot.waitUntil(lambda: bool(answered_on), timeout=5000)
    assert ran_on == ["lane-test"]
    assert answered_on == [7, threading.main_thread(), True]
    assert job.ended


def test_no_answer_arrives_before_the_event_loop_turns(lane: Lane, qtbot: QtBot) -> None:
    answers: list[int] = []
    finished = threading.Event()
    lane.submit(finished.set, lambda _none: answers.append(1))
    assert finished.wait(5)
    lane_is_idle = threading.Event()
    lane.submit(lane_is_idle.set, lambda _none: answers.append(2))
    assert lane_is_idle.wait(5)
    assert answers == []
    qtbot.waitUntil(lambda: answers == [1, 2], timeout=5000)


def test_whatever_the_call_raises_reaches_failed(lane: Lane, qtbot: QtBot) -> None:
    failures: list[BaseException] = []

    def refuse() -> None:
        raise Refused(Reason.AMOUNT_EMPTY)

    def stop() -> None:
        raise SystemExit(3)

    lane.submit(refuse, pytest.fail, failures.append)
    lane.submit(stop, pytest.fail, failures.append)
    qtbot.waitUntil(lambda: len(failures) == 2, timeout=5000)
    assert isinstance(failures[0], Refused)
    assert isinstance(failures[1], SystemExit)
    answers: list[str] = []
    lane.submit(lambda: "still alive", answers.append)
    qtbot.waitUntil(lambda: answers == ["still alive"], timeout=5000)


def test_without_failed_an_error_is_raised_on_the_ui_thread(lane: Lane, qtbot: QtBot) -> None:
    with qtbot.capture_exceptions() as caught:
        lane.submit(lambda: 1 // 0, lambda _result: None)
        qtbot.waitUntil(lambda: bool(caught), timeout=5000)
    assert caught[0][0] is ZeroDivisionError


def test_a_newer_search_replaces_the_one_that_waits(lane: Lane, qtbot: QtBot) -> None:
    go = threading.Event()
    started = threading.Event()
    answers: list[str] = []

    def slow() -> str:
        started.set()
        assert go.wait(5)
        return "z"

    lane.submit(slow, answers.append, newest_of="search")
    assert started.wait(5)
    dropped = lane.submit(lambda: "zx", answers.append, newest_of="search")
    other = lane.submit(lambda: "card", answers.append, newest_of="open")
    newest = lane.submit(lambda: "zxm", answers.append, newest_of="search")
    assert dropped.ended
    go.set()
    qtbot.waitUntil(lambda: other.ended and newest.ended, timeout=5000)
    assert answers == ["z", "card", "zxm"]


def test_cancel_reaches_the_running_call_and_keeps_a_waiting_one_from_starting(
    lane: Lane, qtbot: QtBot
) -> None:
    failures: list[BaseException] = []
    started = threading.Event()
    first, second = CancelToken(), CancelToken()

    def wait_for_terminal() -> None:
        started.set()
        first.wait(5.0)
        first.check()

    running = lane.submit(wait_for_terminal, pytest.fail, failures.append, cancel=first)
    waiting = lane.submit(lambda: pytest.fail("started"), pytest.fail, failures.append, cancel=second)
    assert started.wait(5)
    waiting.cancel()
    running.cancel()
    qtbot.waitUntil(lambda: len(failures) == 2, timeout=5000)
    assert all(isinstance(error, Cancelled) for error in failures)


def test_an_answer_on_its_way_is_not_told_after_close(
    lane_maker: Callable[[str], Lane], qapp: QApplication
) -> None:
    lane = lane_maker("ending")
    told: list[int] = []
    lane.submit(lambda: 1, told.append)
    until = time.monotonic() + 5.0
    while not lane.idle:
        assert time.monotonic() < until
    assert lane.close(5.0)
    qapp.processEvents()
    assert told == []


def test_close_cancels_joins_and_silences(lane_maker: Callable[[str], Lane], qtbot: QtBot) -> None:
    lane = lane_maker("closing")
    token = CancelToken()
    started = threading.Event()

    def call() -> None:
        started.set()
        token.wait(5.0)

    lane.submit(call, pytest.fail, pytest.fail, cancel=token)
    lane.submit(lambda: None, pytest.fail, pytest.fail)
    assert started.wait(5)
    assert lane.close(5.0)
    assert lane.idle
    qtbot.wait(20)
    with pytest.raises(RuntimeError):
        lane.submit(lambda: None, pytest.fail)


def test_progress_lines_arrive_on_the_ui_thread_in_order(lane: Lane, qtbot: QtBot) -> None:
    lines: list[tuple[str, bool]] = []
    say = on_ui(lambda line: lines.append((line, threading.current_thread() is threading.main_thread())))

    def call() -> None:
        for line in ("请插卡", "请输密码", "等待银行"):
            say(line)

    lane.submit(call, lambda _none: lines.append(("完成", True)))
    qtbot.waitUntil(lambda: len(lines) == 4, timeout=5000)
    assert lines == [("请插卡", True), ("请输密码", True), ("等待银行", True), ("完成", True)]


def test_qt_gives_back_the_interpreters_constants(qtbot: QtBot) -> None:
    """PySide6 6.12.0 lost a reference to None with each call on Python 3.11, until the interpreter ended."""
    label = QLabel()
    qtbot.addWidget(label)
    before = sys.getrefcount(None)
    for number in range(2_000):
        label.setText(str(number))
    assert abs(sys.getrefcount(None) - before) < 500
