"""The demo's files and simulated devices: built once and whole, and gone with the program however it ends."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from counter_app.commands import demo, demo_counter
from counter_app.commands.day_player import Drawer, NotAsExpected
from counter_app.domain.errors import StorageTrouble

CARDS = 50
CAP_S = 30.0


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small demo hall on its first morning."""
    folder = tmp_path_factory.mktemp("demo")
    demo_counter.fresh_hall(folder, demo_counter.sizes_for(CARDS), lambda _line: None)
    return folder


def start(*arguments: str) -> subprocess.Popen[str]:
    """A command of the program, offscreen, its words in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "counter_app", *arguments],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )


def wait_for_line(program: subprocess.Popen[str], words: str) -> None:
    """Read its lines until one holds these words."""
    assert program.stdout is not None
    said = []
    until = time.monotonic() + CAP_S
    while select.select([program.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
        said.append(program.stdout.readline())
        if words in said[-1]:
            return
        if not said[-1]:
            break
    pytest.fail(f"never said {words}: {said}")


def simulators_of(folder: Path) -> list[int]:
    """Process ids of the living simulators whose link lies in this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"simulate" in command and any(os.fsencode(folder) in part for part in command):
            found.append(int(path.parent.name))
    return found


def wait_until_gone(folder: Path) -> None:
    """Nothing of the demo runs any more, and no link is left."""
    until = time.monotonic() + CAP_S
    while simulators_of(folder) or any(path.is_symlink() for path in folder.iterdir()):
        assert time.monotonic() < until, f"left: {simulators_of(folder)} {list(folder.iterdir())}"
        select.select([], [], [], 0.02)


@pytest.fixture
def stopped() -> Iterator[list[subprocess.Popen[str]]]:
    """Programs put in here are ended with the test."""
    programs: list[subprocess.Popen[str]] = []
    yield programs
    for program in programs:
        program.kill()
        program.wait(CAP_S)
        assert program.stdout is not None
        program.stdout.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_simulator_outlives_the_demo(
    demo_folder: Path, stopped: list[subprocess.Popen[str]], how: signal.Signals
) -> None:
    program = start("demo", "--folder", str(demo_folder), "--cards", str(CARDS))
    stopped.append(program)
    wait_for_line(program, "已打开")
    assert len(simulators_of(demo_folder)) == 4
    program.send_signal(how)
    assert program.wait(CAP_S) == (-signal.SIGKILL if how is signal.SIGKILL else 0)
    wait_until_gone(demo_folder)


def test_one_counter_is_opened_once(demo_folder: Path, stopped: list[subprocess.Popen[str]]) -> None:
    first = start("demo", "--folder", str(demo_folder), "--cards", str(CARDS))
    stopped.append(first)
    wait_for_line(first, "已打开")
    second = start("demo", "--folder", str(demo_folder), "--cards", str(CARDS))
    stopped.append(second)
    wait_for_line(second, "这个演示台已经打开")
    assert second.wait(CAP_S) == 1
    assert len(simulators_of(demo_folder)) == 4, "the first one's devices are left alone"
    first.terminate()
    assert first.wait(CAP_S) == 0


def test_a_day_that_is_told_to_end_leaves_nothing_running(
    demo_folder: Path, tmp_path: Path, stopped: list[subprocess.Popen[str]]
) -> None:
    out = tmp_path / "out"
    program = start("day", "--folder", str(demo_folder), "--cards", str(CARDS), "--out", str(out))
    stopped.append(program)
    wait_for_line(program, "✓")
    program.terminate()
    assert program.wait(CAP_S) == 128 + signal.SIGTERM
    wait_until_gone(out)
    assert not (out / "summary.json").exists(), "half a day has no record"


def test_the_hall_is_built_once_and_whole(tmp_path: Path) -> None:
    said: list[str] = []
    sizes = demo_counter.sizes_for(CARDS)
    half = tmp_path / "first-morning.new"
    half.mkdir()
    (half / "hall.db").write_bytes(b"half a database of a killed build")
    hall = demo_counter.fresh_hall(tmp_path, sizes, said.append)
    assert said, "half a hall is no hall"
    assert not half.exists()
    assert stat.S_IMODE((hall / "hall.key").stat().st_mode) == 0o600
    said.clear()
    assert demo_counter.fresh_hall(tmp_path, sizes, said.append) == hall
    assert said == []
    demo_counter.fresh_hall(tmp_path, demo_counter.sizes_for(CARDS + 10), said.append)
    assert said, "another hall was wanted"


def test_a_copy_is_whole_and_keeps_its_key_private(demo_folder: Path, tmp_path: Path) -> None:
    source = demo_counter.fresh_hall(demo_folder, demo_counter.sizes_for(CARDS), lambda _line: None)
    copy = tmp_path / "copy"
    demo_counter.copy_hall(source, copy)
    assert (copy / "hall.db").read_bytes() == (source / "hall.db").read_bytes()
    assert stat.S_IMODE((copy / "hall.key").stat().st_mode) == 0o600
    assert not (tmp_path / "copy.new").exists()
    demo_counter.carry_over(copy)


def test_devices_end_with_an_exception_too(tmp_path: Path) -> None:
    def break_down() -> None:
        with demo_counter.Simulators(tmp_path, 1, tmp_path) as simulators:
            assert all(Path(port).is_symlink() for port in (simulators.ports.pos, simulators.ports.printer))
            raise RuntimeError("anything")

    with pytest.raises(RuntimeError, match="anything"):
        break_down()
    wait_until_gone(tmp_path)


def test_a_simulator_that_cannot_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "dev-1-pos").write_text("a real file is never replaced by a link")
    with pytest.raises(StorageTrouble):
        demo_counter.Simulators(tmp_path, 1, tmp_path).__enter__()
    wait_until_gone(tmp_path)


def test_the_devices_window_reaches_every_device(qtbot: QtBot, tmp_path: Path) -> None:
    sizes = demo_counter.sizes_for(CARDS)
    beside = QWidget()
    qtbot.addWidget(beside)
    with demo_counter.Simulators(tmp_path, 1, tmp_path) as simulators:
        devices = demo._devices_window(beside, simulators, sizes)
        assert devices.cards.count() == sum(demo.CARDS_TO_PLAY)
        assert devices.documents.count() == demo.CARDS_TO_PLAY[0]
        pressed = {
            "card-reader": ("放卡", "拿走"),
            "id-reader": ("放证",),
            "pos": ("批准", "拒绝", "不应答"),
        }
        buttons = {b.text(): b for b in reversed(devices.findChildren(QPushButton))}
        for kind, words in pressed.items():
            for word in words:
                buttons[word].click()
                assert _answer(simulators, kind) == {"ok": True}, word
        for state in ("out", "ok"):
            devices.papers.chosen.emit(state)
            answer = _answer(simulators, "printer")
            assert (answer["ok"], answer["paper"]) == (True, state)


def _answer(simulators: demo_counter.Simulators, kind: str) -> dict[str, Any]:
    until = time.monotonic() + CAP_S
    while not (answers := simulators.answers(kind)):
        assert time.monotonic() < until, f"{kind} does not answer"
        select.select([], [], [], 0.01)
    return answers[-1]


def test_the_drawer_knows_only_what_hands_did() -> None:
    drawer = Drawer()
    drawer.put({100_00: 2, 10: 3})
    drawer.take({100_00: 1})
    assert drawer.total_fen == 100_30
    with pytest.raises(NotAsExpected):
        drawer.take({50_00: 1})
