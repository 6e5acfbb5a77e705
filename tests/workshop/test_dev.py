"""dev.py: what it installs when, what it starts, and that its check can fail."""

from __future__ import annotations

import importlib.util
import json
import marshal
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _load_dev() -> ModuleType:
    """dev.py is a script beside the packages, not one of them; its dataclasses need it in sys.modules."""
    spec = importlib.util.spec_from_file_location("dev_script", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["dev_script"] = module
    spec.loader.exec_module(module)
    return module


dev = _load_dev()

PYTHON = ".".join(map(str, sys.version_info[:3]))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the project as far as the set-up reads it."""
    root = tmp_path / "clone"
    root.mkdir()
    for name in ("dev.py", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def programs(tmp_path: Path) -> Callable[..., Path]:
    """Makes programs that write their name and arguments to calls.log and end with the given status."""
    folder = tmp_path / "programs"
    folder.mkdir()

    def make(name: str, *, at: Path | None = None, says: str = "", status: int = 0) -> Path:
        path = at or folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "#!/bin/sh\n"
            f"printf '%s\\n' \"{name} $* [$DEBIAN_FRONTEND]\" >> {tmp_path / 'calls.log'}\n"
            f"cat <<'END'\n{says}END\n"
            f"exit {status}\n"
        )
        path.chmod(0o755)
        return folder

    return make


def _calls(tmp_path: Path) -> list[str]:
    log = tmp_path / "calls.log"
    return log.read_text().splitlines() if log.exists() else []


def _listing(names: tuple[str, ...]) -> str:
    return "".join(f"{name}\tinstalled\t\n" for name in names)


# --- the set-up


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_stamp_changes_with_the_files_it_rests_on(tree: Path, changed: str) -> None:
    before = dev.stamp_of(tree, PYTHON)
    assert dev.stamp_of(tree, PYTHON) == before
    with (tree / changed).open("a") as file:
        file.write("# another line\n")
    assert dev.stamp_of(tree, PYTHON) != before


def test_environment_of_another_python_or_folder_is_made_anew(tree: Path) -> None:
    venv = tree / ".venv"
    venv.mkdir()
    wanted = dev.stamp_of(tree, "3.11.7")
    (venv / dev.STAMP_NAME).write_text(json.dumps(wanted))
    assert not dev.must_start_over(venv, wanted)
    assert dev.must_start_over(venv, dev.stamp_of(tree, "3.13.1"))
    assert dev.must_start_over(venv, {**wanted, "folder": "/elsewhere"})


def test_environment_without_a_stamp_is_kept_when_this_python_made_it(tree: Path) -> None:
    venv = tree / ".venv"
    venv.mkdir()
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
    assert not dev.must_start_over(venv, dev.stamp_of(tree, "3.11.2"))
    assert dev.must_start_over(venv, dev.stamp_of(tree, "3.12.0"))


@pytest.mark.parametrize("text", [None, "", "{", "[]"])
def test_a_missing_or_torn_stamp_counts_as_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / dev.STAMP_NAME).write_text(text)
    assert dev.stamp_found(tmp_path) is None


@pytest.mark.parametrize(
    ("os_release", "debian"),
    [
        ("ID=debian\nVERSION_ID=12\n", True),
        ('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', True),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', True),
        ('ID=fedora\nPRETTY_NAME="not debian"\n', False),
        ("", False),
    ],
)
def test_debian_like_systems(os_release: str, debian: bool) -> None:
    assert dev.is_debian_like(os_release) is debian


def test_missing_packages_reads_status_and_provides() -> None:
    listing = (
        "libegl1\tinstalled\t\n"
        "libgl1\tconfig-files\t\n"
        "libglib2.0-0t64\tinstalled\tlibglib2.0-0 (= 2.84.1-1), libother:amd64\n"
    )
    wanted = ("libegl1", "libgl1", "libglib2.0-0", "libother", "fonts-wqy-microhei")
    assert dev.missing_packages(wanted, listing) == ["libgl1", "fonts-wqy-microhei"]


def test_venv_package_is_wanted_only_where_python_cannot_make_one() -> None:
    assert "python3.11-venv" in dev.wanted_packages(False, False, (3, 11))
    assert not any("venv" in name for name in dev.wanted_packages(True, False, (3, 11)))
    assert not any("venv" in name for name in dev.wanted_packages(False, True, (3, 11)))


def test_a_linked_environment_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "somebodys work").touch()
    root = tmp_path / "clone"
    root.mkdir()
    (root / ".venv").symlink_to(elsewhere)
    monkeypatch.setattr(dev, "ROOT", root)
    with pytest.raises(dev.SetupStopped, match=r"\.venv is a link"):
        dev.ensure_set_up()
    assert (elsewhere / "somebodys work").exists()


def test_a_second_set_up_of_a_folder_waits_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "SET_UP_TIMEOUT_S", 0.3)
    first = dev.one_set_up_at_a_time(tmp_path)
    with first, pytest.raises(dev.SetupStopped, match="does not end"), dev.one_set_up_at_a_time(tmp_path):
        pytest.fail("two set-ups at once")
    assert capsys.readouterr().out.count("waiting for it") == 1
    with dev.one_set_up_at_a_time(tmp_path):
        pass


def test_without_root_one_command_is_named_and_nothing_is_started(
    tmp_path: Path, programs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("apt-get", "sudo"):
        folder = programs(name)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(dev.SetupStopped) as stopped:
        dev.install_system_packages(["libegl1", "libgl1"])
    commands = [line for line in str(stopped.value).splitlines() if "apt-get" in line]
    assert len(commands) == 1
    assert "libegl1 libgl1" in commands[0]
    assert _calls(tmp_path) == []


def test_root_updates_then_installs_only_what_is_missing(
    tmp_path: Path, programs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(programs("apt-get")), prepend=os.pathsep)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    dev.install_system_packages(["libegl1", "fonts-wqy-microhei"])
    update, install = _calls(tmp_path)
    assert update.endswith("update [noninteractive]")
    assert install.endswith("--no-install-recommends libegl1 fonts-wqy-microhei [noninteractive]")


def test_a_failing_command_stops_the_set_up_with_its_own_words(programs: Callable[..., Path]) -> None:
    folder = programs("apt-get", says="E: Unable to locate package\n", status=100)
    with pytest.raises(dev.SetupStopped, match=r"(?s)Unable to locate package.*status 100"):
        dev.run_quietly([str(folder / "apt-get")])


def _set_up_tree(tree: Path, programs: Callable[..., Path]) -> dict[str, str]:
    """Make the tree look set up; every program that a set-up could start is a recording one."""
    names = dev.wanted_packages(True, True, sys.version_info[:2])
    folder = programs("dpkg-query", says=_listing(names))
    for name in ("apt-get", "pip", "sudo"):
        programs(name)
    programs("venv-python", at=tree / ".venv" / "bin" / "python", status=1)
    (tree / ".venv" / dev.STAMP_NAME).write_text(json.dumps(dev.stamp_of(tree, PYTHON)))
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def test_second_start_installs_nothing(tmp_path: Path, tree: Path, programs: Callable[..., Path]) -> None:
    environment = _set_up_tree(tree, programs)
    again = subprocess.run(
        [sys.executable, str(tree / "dev.py"), "setup"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert again.returncode == 0, again.stderr
    assert {line.split()[0] for line in _calls(tmp_path)} <= {"dpkg-query"}


def test_every_start_compiles_what_changed_even_where_python_may_not(
    tree: Path, programs: Callable[..., Path]
) -> None:
    environment = {**_set_up_tree(tree, programs), "PYTHONDONTWRITEBYTECODE": "1"}
    package = tree / "counter_app"
    package.mkdir()
    source, broken = package / "money.py", package / "broken.py"
    broken.write_text("def (\n")
    for second, text in enumerate(("FEN = 1\n", "FEN = 100\n"), start=1):
        source.write_text(text)
        # What was compiled in a second counts as new until the second is over.
        os.utime(source, (second, second))
        started = subprocess.run(
            [sys.executable, str(tree / "dev.py"), "setup"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert started.returncode == 0, started.stderr
        code = marshal.loads(Path(importlib.util.cache_from_source(str(source))).read_bytes()[16:])
        assert int(text.split()[-1]) in code.co_consts
    assert not Path(importlib.util.cache_from_source(str(broken))).exists()


@pytest.mark.slow
def test_a_changed_lock_is_installed_again_and_a_broken_one_leaves_no_stamp(
    tmp_path: Path, tree: Path, programs: Callable[..., Path]
) -> None:
    environment = _set_up_tree(tree, programs)
    shutil.rmtree(tree / ".venv" / "bin")
    # pip refuses this line before it asks any registry.
    (tree / "requirements.lock").write_text("this is no requirement\n")
    again = subprocess.run(
        [sys.executable, str(tree / "dev.py"), "setup"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert again.returncode == 1
    assert "[1/3] virtual environment in .venv" in again.stdout
    assert "Invalid requirement" in again.stderr
    assert dev.stamp_found(tree / ".venv") != dev.stamp_of(tree, PYTHON)


@pytest.mark.parametrize("arguments", [[], ["fly"], ["setup", "--now"]])
def test_unknown_commands_show_the_usage_and_set_nothing_up(tree: Path, arguments: list[str]) -> None:
    told = subprocess.run(
        [sys.executable, str(tree / "dev.py"), *arguments], capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 2
    assert "python3 dev.py run" in told.stdout
    assert not (tree / ".venv").exists()


# --- starting the program


@pytest.mark.parametrize(
    ("environment", "platform", "display"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen"}, "linux", False),
        ({}, "win32", True),
        ({}, "darwin", True),
    ],
)
def test_what_counts_as_a_display(environment: dict[str, str], platform: str, display: bool) -> None:
    assert dev.has_display(environment, platform) is display


@pytest.mark.parametrize(
    ("command", "display", "line", "offscreen"),
    [
        ("run", True, ["counter-app", "demo", "--x"], False),
        ("run", False, ["counter-app", "day", "--x"], True),
        ("day", True, ["counter-app", "day", "--x"], False),
        ("day", False, ["counter-app", "day", "--x"], True),
        ("bench", True, ["python", "-m", "counter_app", "bench", "--x"], False),
        ("bench", False, ["python", "-m", "counter_app", "bench", "--x"], True),
    ],
)
def test_what_each_command_starts(command: str, display: bool, line: list[str], offscreen: bool) -> None:
    venv = Path("some") / ".venv"
    started, added = dev.program_command(command, ["--x"], venv, display)
    assert [Path(started[0]).stem, *started[1:]] == line
    assert Path(started[0]).is_relative_to(venv)
    assert added == ({"QT_QPA_PLATFORM": "offscreen"} if offscreen else {})


# --- the check


@pytest.fixture
def rooms(tmp_path: Path) -> Path:
    for name in (
        "tests/domain/test_a.py",
        "tests/storage/deep/test_b.py",
        "tests/ui/test_c.py",
        "tests/test_d.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "tests" / "walkthroughs").mkdir()
    (tmp_path / "tests" / "conftest.py").touch()
    return tmp_path


def test_qt_tests_have_a_run_of_their_own_and_empty_rooms_none(rooms: Path) -> None:
    runs = dev.plan_tests(rooms, [])
    assert runs.parallel == ("tests/domain", "tests/storage", "tests/test_d.py")
    assert runs.qt == ("tests/ui",)
    assert not runs.narrowed


def test_named_paths_go_to_their_run_and_the_rest_to_both(rooms: Path) -> None:
    runs = dev.plan_tests(rooms, ["-k", "loss", "tests/ui/test_c.py::test_x", "tests/domain"])
    assert (runs.parallel, runs.qt) == (("tests/domain",), ("tests/ui/test_c.py::test_x",))
    assert runs.options == ("-k", "loss")
    assert runs.narrowed


def test_options_alone_keep_every_room(rooms: Path) -> None:
    runs = dev.plan_tests(rooms, ["-x"])
    assert runs.parallel == ("tests/domain", "tests/storage", "tests/test_d.py")
    assert runs.options == ("-x",)
    assert runs.narrowed


def test_counts_come_from_a_real_report(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert False\n"
        "@pytest.mark.skip\n"
        "def test_later(): pass\n"
        "def test_broken(no_such_fixture): pass\n"
    )
    report = tmp_path / "report.xml"
    outcome = dev.run_step(
        "sample",
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
            str(tmp_path),
        ],
        dict(os.environ),
        report,
        empty_is_fine=False,
    )
    assert not outcome.ok
    assert outcome.tests == {"failed": 1, "passed": 1, "skipped": 1, "errors": 1}


@pytest.mark.parametrize(
    ("status", "empty_is_fine", "ok"),
    [(0, False, True), (1, True, False), (5, False, False), (5, True, True)],
)
def test_an_empty_run_holds_only_for_a_readers_own_selection(
    status: int, empty_is_fine: bool, ok: bool
) -> None:
    line = [sys.executable, "-c", f"raise SystemExit({status})"]
    assert dev.run_step("step", line, dict(os.environ), None, empty_is_fine=empty_is_fine).ok is ok


def test_a_step_past_its_time_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev, "TEST_RUN_TIMEOUT_S", 0.2)
    line = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    assert not dev.run_step("step", line, dict(os.environ), None, empty_is_fine=False).ok


def test_closing_line_counts_tests_and_failed_steps() -> None:
    outcomes = [
        dev.Outcome("ruff", ok=False, seconds=1.0, tests={}),
        dev.Outcome(
            "tests", ok=True, seconds=2.0, tests={"failed": 0, "passed": 7, "skipped": 0, "errors": 0}
        ),
        dev.Outcome("Qt", ok=False, seconds=2.0, tests={"failed": 2, "passed": 3, "skipped": 0, "errors": 0}),
    ]
    assert dev.closing_line(outcomes, 5.0).strip("= ") == "2 failed, 10 passed, 1 error in 5.00s"
    assert dev.closing_line([], 0.5).strip("= ") == "no tests ran in 0.50s"


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="processes are found through /proc, on Linux")
@pytest.mark.parametrize("stubborn", [False, True])
def test_a_process_left_behind_is_stopped_and_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    monkeypatch.setattr(dev, "LEFTOVER_TIMEOUT_S", 0.3)
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
    left = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{ignore}print('ready', flush=True); import threading; threading.Event().wait()",
        ],
        env=dev.environment_for_tests(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert left.stdout is not None
    assert left.stdout.readline() == "ready\n"
    (outcome,) = dev.stop_leftovers(tmp_path)
    assert not outcome.ok
    assert left.wait(5) == -(signal.SIGKILL if stubborn else signal.SIGTERM)
    left.stdout.close()
    assert dev.stop_leftovers(tmp_path) == []


def test_tests_get_a_runtime_folder_only_when_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/somebody")
    assert dev.environment_for_tests(tmp_path)["XDG_RUNTIME_DIR"] == "/run/somebody"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    made = Path(dev.environment_for_tests(tmp_path)["XDG_RUNTIME_DIR"])
    assert made.is_dir()
    assert made.stat().st_mode & 0o077 == 0
