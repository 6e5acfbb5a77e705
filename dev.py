#!/usr/bin/env python3
"""The one door to the project on a fresh machine: set up, then run, test, bench or play the demo day.

Standard library only, any Python from 3.11 on. Your line belongs here when it has to work before
anything is installed, or when it says what "the check" consists of.

    python3 dev.py run              the demo hall in its window; without a display, the demo day
    python3 dev.py day [...]        the demo day, its papers under build/demo-day/
    python3 dev.py test [--fast] [pytest arguments]
                                    format, lint, types, import contracts, tests; --fast leaves out `slow` tests
    python3 dev.py bench [--json]   the benchmark
    python3 dev.py setup            only the set-up that every other command does first
"""

from __future__ import annotations

import compileall
import contextlib
import hashlib
import importlib.util
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Before the first dataclass below, whose slots an older Python does not know.
if sys.version_info < (3, 11):  # noqa: UP036 - this file is started by whatever `python3` is
    sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")

ROOT = Path(__file__).resolve().parent
LOCK_NAME = "requirements.lock"
STAMP_NAME = "set-up.json"

# What Qt loads even for the offscreen platform, what its X11 and Wayland platforms load besides, and
# a Chinese font with TrueType outlines (reportlab refuses CFF outlines).
QT_LIBRARIES = (
    "libdbus-1-3",
    "libegl1",
    "libfontconfig1",
    "libfreetype6",
    "libgl1",
    "libglib2.0-0",
    "libgssapi-krb5-2",
    "libwayland-client0",
    "libx11-xcb1",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-randr0",
    "libxcb-render-util0",
    "libxcb-shape0",
    "libxcb-shm0",
    "libxcb-sync1",
    "libxcb-xfixes0",
    "libxcb-xkb1",
    "libxkbcommon-x11-0",
    "libxkbcommon0",
)
CHINESE_FONT = "fonts-wqy-microhei"

OWN_PACKAGES = ("counter_app", "devices", "printing", "resources", "ui")
TYPED_PATHS = (*OWN_PACKAGES, "dev.py")
# One QApplication per process: these run together in one process, the others in parallel workers.
QT_TESTS = ("tests/ui", "tests/walkthroughs")
MOST_WORKERS = 4
NO_TESTS_COLLECTED = 5
TEST_RUN_TIMEOUT_S = 900
HANGING_TEST_TIMEOUT_S = 180
LEFTOVER_TIMEOUT_S = 5.0
TEST_RUN_VARIABLE = "COUNTER_APP_TEST_RUN"


class SetupStopped(Exception):
    """The set-up cannot go on by itself; the message tells the reader the one thing to do."""


class Steps:
    """Tells which step of how many is under way, and how long each took."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._number = 0

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        self._number += 1
        say(f"[{self._number}/{self._count}] {title} ...")
        started_s = time.monotonic()
        yield
        say(f"[{self._number}/{self._count}] {title}: done in {time.monotonic() - started_s:.1f} s")


def say(line: str) -> None:
    print(line, flush=True)


# --- the set-up ---------------------------------------------------------------------------------


def venv_program(venv: Path, name: str) -> Path:
    return venv / "Scripts" / f"{name}.exe" if os.name == "nt" else venv / "bin" / name


def stamp_of(root: Path, python_version: str) -> dict[str, str]:
    """What a finished set-up rests on; equal stamps mean there is nothing to install.

    The folder is part of it because the scripts and the editable install hold absolute paths: a copied
    or moved tree sets itself up again.
    """
    return {
        "folder": str(root),
        "python": python_version,
        **{
            name: hashlib.sha256((root / name).read_bytes()).hexdigest()
            for name in (LOCK_NAME, "pyproject.toml")
        },
    }


def stamp_found(venv: Path) -> dict[str, str] | None:
    """The stamp of the last finished set-up; None when there is none or it cannot be read as one."""
    try:
        stamp = json.loads((venv / STAMP_NAME).read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return stamp if isinstance(stamp, dict) else None


def must_start_over(venv: Path, wanted: Mapping[str, str]) -> bool:
    """Whether an existing environment was made by another Python or for another folder."""
    found = stamp_found(venv)
    if found is not None:
        return found.get("python") != wanted["python"] or found.get("folder") != wanted["folder"]
    try:
        config = (venv / "pyvenv.cfg").read_text("utf-8")
    except FileNotFoundError:
        return False
    made_by = {line.partition("=")[2].strip() for line in config.splitlines() if line.startswith("version")}
    return wanted["python"] not in made_by


def is_debian_like(os_release: str) -> bool:
    """Whether the text of /etc/os-release names Debian, Ubuntu or a system derived from them."""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    names = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', " ").split()
    return bool({"debian", "ubuntu"} & set(names))


def wanted_packages(venv_exists: bool, has_ensurepip: bool, python: tuple[int, int]) -> tuple[str, ...]:
    """System packages for this interpreter; Debian keeps the means to make a venv in a package of its own."""
    own = () if venv_exists or has_ensurepip else (f"python{python[0]}.{python[1]}-venv",)
    return (*own, *QT_LIBRARIES, CHINESE_FONT)


def missing_packages(wanted: Iterable[str], dpkg_listing: str) -> list[str]:
    """The wanted packages that the listing does not hold as installed, themselves or as what another provides.

    One line of the listing: name, tab, status, tab, comma-separated provides, such as
    "libglib2.0-0t64\\tinstalled\\tlibglib2.0-0 (= 2.84.1-1)" (newer Debian and Ubuntu renamed packages so).
    """
    present: set[str] = set()
    for line in dpkg_listing.splitlines():
        name, status, provides = line.split("\t")
        if status == "installed":
            present.add(name)
            present.update(
                entry.split()[0].partition(":")[0] for entry in provides.split(",") if entry.strip()
            )
    return [name for name in wanted if name not in present]


def apt_commands(missing: Sequence[str]) -> list[list[str]]:
    return [
        ["apt-get", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3", "update"],
        ["apt-get", "-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends", *missing],
    ]


def sentence_without_root(missing: Sequence[str]) -> str:
    names = " ".join(missing)
    return (
        "System packages are missing and this user may not install them. Run this one command, then start again:\n"
        f"  sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends {names}'"
    )


def missing_system_packages(venv: Path) -> list[str]:
    """What is missing on a Debian-like system; elsewhere an empty list.

    Raises SetupStopped elsewhere when this Python cannot even make a virtual environment.
    """
    has_ensurepip = importlib.util.find_spec("ensurepip") is not None
    os_release = Path("/etc/os-release")
    debian_like = os_release.is_file() and is_debian_like(os_release.read_text("utf-8"))
    # Path.exists would raise where the link leads into another user's folder.
    venv_exists = os.path.exists(venv_program(venv, "python"))
    if not debian_like or shutil.which("dpkg-query") is None:
        if not venv_exists and not has_ensurepip:
            raise SetupStopped(
                "This Python cannot make virtual environments: install its venv and ensurepip modules."
            )
        return []
    listing = subprocess.run(
        ["dpkg-query", "-W", "-f", r"${Package}\t${db:Status-Status}\t${Provides}\n"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    wanted = wanted_packages(venv_exists, has_ensurepip, sys.version_info[:2])
    return missing_packages(wanted, listing)


def tell_about_other_systems() -> None:
    """On Linux without dpkg nothing can be probed by name: say once, in the set-up, what Qt and the PDF need."""
    if sys.platform.startswith("linux") and shutil.which("dpkg-query") is None:
        say(
            "This system has no dpkg: if the window does not open, install Qt's libraries "
            "(EGL, GL, xkbcommon, xcb-cursor) and the WenQuanYi Micro Hei font with its own package manager."
        )


def install_system_packages(missing: Sequence[str]) -> None:
    if os.name == "nt" or os.geteuid() != 0:
        raise SetupStopped(sentence_without_root(missing))
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in apt_commands(missing):
        run_quietly(command, environment=environment)


def pin_count(lock: str) -> int:
    return sum(1 for line in lock.splitlines() if "==" in line and not line.startswith((" ", "#")))


def run_quietly(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    count_lines_starting: tuple[str, ...] = (),
    of: int = 0,
) -> None:
    """Run a command and keep its words to itself unless it fails; tell how many of `of` counted lines it printed.

    Raises SetupStopped with the end of the command's output when its exit status is not 0.
    """
    words: list[str] = []
    counted = 0
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        cwd=ROOT,
    ) as process:
        for line in process.stdout or ():
            words.append(line)
            if count_lines_starting and line.startswith(count_lines_starting):
                counted += 1
                if counted % 10 == 0 or counted == of:
                    say(f"      {counted} of {of}")
            if line.startswith("Installing collected packages"):
                say("      all found, installing")
    if process.returncode != 0:
        raise SetupStopped(
            f"{''.join(words[-30:])}\nThis command ended with status {process.returncode}: {shlex.join(command)}"
        )


SET_UP_TIMEOUT_S = 1800.0


@contextlib.contextmanager
def one_set_up_at_a_time(root: Path) -> Iterator[None]:
    """Wait, and say so, while another process sets the same folder up: two would empty it under each other.

    Where Python knows no such lock (Windows) nobody is waited for.
    """
    if importlib.util.find_spec("fcntl") is None:
        yield
        return
    import fcntl

    (root / "build").mkdir(exist_ok=True)
    with (root / "build" / "set-up.lock").open("w") as lock:
        give_up_s = time.monotonic() + SET_UP_TIMEOUT_S
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up_s:
                    raise SetupStopped(
                        "Another set-up of this folder does not end. Stop it, then run this again."
                    ) from None
                if not told:
                    say("Another process is setting this folder up; waiting for it.")
                told = True
                time.sleep(0.2)
        yield


def ensure_set_up() -> Path:
    """Bring .venv and the system packages to what the lock asks for; return the environment's folder.

    When the stamp is equal and no system package is missing, nothing is started but one dpkg-query.
    """
    venv = ROOT / ".venv"
    if venv.is_symlink():
        # Starting over would empty the folder behind it, which somebody else works with.
        raise SetupStopped(f"{venv} is a link to {venv.resolve()}. Remove the link, then run this again.")
    wanted = stamp_of(ROOT, python_version())
    missing = missing_system_packages(venv)
    up_to_date = stamp_found(venv) == wanted
    if up_to_date and not missing:
        return venv
    started_s = time.monotonic()
    steps = Steps((1 if missing else 0) + (0 if up_to_date else 3))
    if missing:
        with steps.step(f"system packages: {' '.join(missing)}"):
            install_system_packages(missing)
    if not up_to_date:
        tell_about_other_systems()
        python = str(venv_program(venv, "python"))
        with steps.step(f"virtual environment in {venv.name} for Python {python_version()}"):
            clear = ["--clear"] if must_start_over(venv, wanted) else []
            run_quietly([sys.executable, "-m", "venv", *clear, str(venv)])
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
        pins = pin_count((ROOT / LOCK_NAME).read_text("utf-8"))
        with steps.step(f"{pins} pinned packages from {LOCK_NAME}"):
            run_quietly(
                [*pip, "--progress-bar", "off", "--require-hashes", "--requirement", LOCK_NAME],
                count_lines_starting=(
                    "Collecting ",
                    "Processing ",
                    "Requirement already satisfied: ",
                    "Ignoring ",
                ),
                of=pins,
            )
        with steps.step("the project itself, editable, with its counter-app command"):
            run_quietly([*pip, "--no-deps", "--no-build-isolation", "--editable", "."])
        # Last, so that an interrupted set-up is done again.
        (venv / STAMP_NAME).write_text(json.dumps(wanted, indent=2) + "\n", "utf-8")
    say(f"Set up in {time.monotonic() - started_s:.1f} s.")
    return venv


def compile_own_code(root: Path) -> None:
    """Byte-compile what changed in the project's own packages, as pip does for every package but an editable one.

    Else each start compiles everything anew (a third of its time) wherever PYTHONDONTWRITEBYTECODE is set; a file that
    cannot be compiled says so when it is imported.
    """
    for package in OWN_PACKAGES:
        compileall.compile_dir(root / package, quiet=2)


def python_version() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])


# --- starting the program -----------------------------------------------------------------------


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    if environment.get("QT_QPA_PLATFORM") in {"offscreen", "minimal"}:
        return False
    if not platform.startswith("linux"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def program_command(
    command: str, arguments: Sequence[str], venv: Path, display: bool
) -> tuple[list[str], dict[str, str]]:
    """The command line for run, day or bench and the variables to add to the environment."""
    offscreen = {} if display else {"QT_QPA_PLATFORM": "offscreen"}
    if command == "bench":
        return [str(venv_program(venv, "python")), "-m", "counter_app", "bench", *arguments], offscreen
    shown = "demo" if command == "run" and display else "day"
    return [str(venv_program(venv, "counter-app")), shown, *arguments], offscreen


def start_program(command: str, arguments: Sequence[str], venv: Path) -> int:
    display = has_display(os.environ, sys.platform)
    if command == "run" and not display:
        say("No display: playing the demo day through the real window offscreen, into build/demo-day/.")
    line, added = program_command(command, arguments, venv, display)
    environment = {**os.environ, **added}
    if os.name == "nt":
        return subprocess.run(line, env=environment, check=False).returncode
    sys.stdout.flush()
    os.execve(line[0], line, environment)


# --- the check ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """One step of the check; `tests` maps failed, errors, skipped and passed to counts when it was a test run."""

    title: str
    ok: bool
    seconds: float
    tests: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PytestRuns:
    """What the two pytest runs take: paths in each, and the arguments that both get."""

    parallel: tuple[str, ...]
    qt: tuple[str, ...]
    options: tuple[str, ...]
    narrowed: bool


def plan_tests(root: Path, arguments: Sequence[str]) -> PytestRuns:
    """Sort pytest's arguments: paths under tests/ by the run they belong to, everything else as options.

    Without a path both runs take their whole share. A run whose share has no test file is left out.
    """
    named = [a for a in arguments if a.split("/")[0] == "tests" and (root / a.partition("::")[0]).exists()]
    options = tuple(a for a in arguments if a not in named)
    if named and named != ["tests"] and named != ["tests/"]:
        qt = tuple(a for a in named if a.startswith(QT_TESTS))
        return PytestRuns(tuple(a for a in named if a not in qt), qt, options, narrowed=True)
    entries = sorted(entry.relative_to(root).as_posix() for entry in (root / "tests").iterdir())
    filled = [
        entry for entry in entries if Path(entry).match("test_*.py") or any((root / entry).rglob("test_*.py"))
    ]
    return PytestRuns(
        parallel=tuple(f for f in filled if f not in QT_TESTS),
        qt=tuple(f for f in filled if f in QT_TESTS),
        options=options,
        narrowed=bool(options),
    )


def counts_in(junit_xml: str) -> dict[str, int]:
    """Counts by outcome from pytest's JUnit report."""
    totals = {"failed": 0, "passed": 0, "skipped": 0, "errors": 0}
    for suite in ElementTree.fromstring(junit_xml).iter("testsuite"):
        failed, errors, skipped = (int(suite.get(key, "0")) for key in ("failures", "errors", "skipped"))
        totals["failed"] += failed
        totals["errors"] += errors
        totals["skipped"] += skipped
        totals["passed"] += int(suite.get("tests", "0")) - failed - errors - skipped
    return totals


def closing_line(outcomes: Sequence[Outcome], seconds: float) -> str:
    """One line in pytest's manner over all runs; a failed step that counts no failed test is one error."""
    totals = {"failed": 0, "passed": 0, "skipped": 0, "errors": 0}
    for outcome in outcomes:
        for kind, count in outcome.tests.items():
            totals[kind] += count
        if not outcome.ok and not outcome.tests.get("failed") and not outcome.tests.get("errors"):
            totals["errors"] += 1
    if totals["errors"] == 1:
        totals["error"] = totals.pop("errors")
    words = ", ".join(f"{count} {kind}" for kind, count in totals.items() if count) or "no tests ran"
    return f" {words} in {seconds:.2f}s ".center(80, "=")


def check(arguments: Sequence[str], venv: Path) -> int:
    """Run every step of the check, also after a failed one; 0 only if all of them held."""
    python = str(venv_program(venv, "python"))
    marks = ["-m", "not slow"] if "--fast" in arguments else []
    runs = plan_tests(ROOT, [*marks, *(a for a in arguments if a != "--fast")])
    common = [
        python,
        "-m",
        "pytest",
        "-o",
        f"faulthandler_timeout={HANGING_TEST_TIMEOUT_S}",
        *runs.options,
    ]
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    # Everything the tests put aside goes into one folder that is removed with them.
    folder = Path(tempfile.mkdtemp(prefix="counter-tests-"))
    started_s = time.monotonic()
    outcomes: list[Outcome] = []
    try:
        environment = environment_for_tests(folder)
        planned: list[tuple[str, list[str], Path | None]] = [
            ("ruff format", [python, "-m", "ruff", "format", "--check", "."], None),
            ("ruff check", [python, "-m", "ruff", "check", "."], None),
            ("mypy", [python, "-m", "mypy", *TYPED_PATHS], None),
            ("import contracts", [str(venv_program(venv, "lint-imports")), "--no-logo"], None),
        ]
        if runs.parallel:
            report = folder / "parallel.xml"
            workers_options = ["-n", str(workers), "--dist", "loadgroup"]
            planned.append(
                ("tests", [*common, *workers_options, f"--junitxml={report}", *runs.parallel], report)
            )
        if runs.qt:
            report = folder / "qt.xml"
            planned.append(("Qt tests", [*common, f"--junitxml={report}", *runs.qt], report))
        for number, (title, command, report_path) in enumerate(planned, start=1):
            say(f"\n[{number}/{len(planned)}] {title}: {shlex.join(command[1:])}")
            outcome = run_step(title, command, environment, report_path, empty_is_fine=runs.narrowed)
            outcomes.append(outcome)
            say(
                f"[{number}/{len(planned)}] {title}: {'ok' if outcome.ok else 'FAILED'} in {outcome.seconds:.1f} s"
            )
    finally:
        # Also after Ctrl+C: nothing of this run stays behind.
        outcomes.extend(stop_leftovers(folder))
        shutil.rmtree(folder)
    if not any(sum(outcome.tests.values()) for outcome in outcomes):
        outcomes.append(Outcome("tests: none was collected", ok=False, seconds=0.0, tests={}))
    say("")
    for outcome in outcomes:
        say(f"{'ok    ' if outcome.ok else 'FAILED'}  {outcome.seconds:7.1f} s  {outcome.title}")
    say(closing_line(outcomes, time.monotonic() - started_s))
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def environment_for_tests(folder: Path) -> dict[str, str]:
    """The variables of both test runs: no display, own temporary folder, and a mark to find leftovers by."""
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "TMPDIR": str(folder),
        TEST_RUN_VARIABLE: str(folder),
    }
    if "XDG_RUNTIME_DIR" not in environment:
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        environment["XDG_RUNTIME_DIR"] = str(runtime)
    return environment


def run_step(
    title: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    report: Path | None,
    *,
    empty_is_fine: bool,
) -> Outcome:
    """Run one step with its words on this terminal; a run past TEST_RUN_TIMEOUT_S is killed and has failed."""
    started_s = time.monotonic()
    status: int | None
    try:
        status = subprocess.run(
            command, env=environment, cwd=ROOT, check=False, timeout=TEST_RUN_TIMEOUT_S
        ).returncode
    except subprocess.TimeoutExpired:
        say(f"{title}: stopped after {TEST_RUN_TIMEOUT_S} s")
        status = None
    tests = counts_in(report.read_text("utf-8")) if report is not None and report.exists() else {}
    # With the reader's own selection one of the two runs may be empty; `check` sees to it that not both are.
    ok = status == 0 or (status == NO_TESTS_COLLECTED and empty_is_fine)
    return Outcome(title, ok, time.monotonic() - started_s, tests)


def processes_of(folder: Path) -> dict[int, bytes]:
    """Command lines of the living processes that carry this run's mark or work in its folder, by process id."""
    mark = os.fsencode(f"{TEST_RUN_VARIABLE}={folder}")
    found: dict[int, bytes] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        # Processes end while the list is read, and those of other users keep their environment to themselves.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            command = (entry / "cmdline").read_bytes()
            marked = False
            with contextlib.suppress(PermissionError):
                marked = mark in (entry / "environ").read_bytes().split(b"\0")
            if command and (marked or os.fsencode(folder) in command):
                found[int(entry.name)] = command.replace(b"\0", b" ").strip()
    return found


def wait_until_ended(process_id: int, timeout_s: float) -> bool:
    try:
        handle = os.pidfd_open(process_id)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], timeout_s)[0])
    finally:
        os.close(handle)


def stop_leftovers(folder: Path) -> list[Outcome]:
    """Stop what the tests left running, a database server or a simulator, and report it as a failed step."""
    if not hasattr(os, "pidfd_open"):
        return []
    started_s = time.monotonic()
    left: list[str] = []
    for process_id, command in processes_of(folder).items():
        grace_s = started_s + LEFTOVER_TIMEOUT_S - time.monotonic()
        if wait_until_ended(process_id, max(grace_s, 0.0)):
            continue
        left.append(command.decode(errors="replace")[:120])
        # SIGINT asks a PostgreSQL server for the fast shutdown; SIGTERM would wait for its clients.
        gentle = signal.SIGINT if b"postgres" in command else signal.SIGTERM
        for number in (gentle, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, number)
            if wait_until_ended(process_id, LEFTOVER_TIMEOUT_S):
                break
    if not left:
        return []
    for command_line in left:
        say(f"left running by the tests, stopped now: {command_line}")
    return [
        Outcome(f"leftovers: {len(left)} processes", ok=False, seconds=time.monotonic() - started_s, tests={})
    ]


def main(arguments: Sequence[str]) -> int:
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", ())
    if command not in {"run", "day", "bench", "test", "setup"} or (command == "setup" and rest):
        print(__doc__)
        return 0 if command in {"-h", "--help", "help"} else 2
    try:
        with one_set_up_at_a_time(ROOT):
            venv = ensure_set_up()
    except SetupStopped as stopped:
        print(stopped, file=sys.stderr)
        return 1
    compile_own_code(ROOT)
    if command == "setup":
        say("Everything is set up; next: python3 dev.py run")
        return 0
    if command == "test":
        return check(rest, venv)
    return start_program(command, rest, venv)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("Stopped.")
