"""What the project's own files promise each other: packages, pins, import contracts, and nothing of one machine."""

from __future__ import annotations

import configparser
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP_PACKAGES = ("counter_app", "devices", "printing", "resources", "ui")

# Put together here so that this file does not hold what it looks for.
REGISTRY_HOSTS = re.compile(
    "|".join(
        ("py" + r"pi\.", r"python" + r"hosted", r"--(?:extra-)?index" + r"-url\b\s+\S+://", "file" + "://")
    )
)
MACHINE_PATHS = re.compile(r"(?<![\w.~$}/])/(?:root|work|home/\w+|Users/\w+)/\w")


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pinned(lines: list[str]) -> dict[str, str]:
    """Name to version of requirement lines such as "psycopg[binary]==3.3.9" or "x==1 ; marker"."""
    matches = [re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", line) for line in lines]
    return {_normal(match[1]): match[2] for match in matches if match}


def _wanted_pins() -> list[str]:
    project = _pyproject()["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["dev"]]


def test_every_dependency_is_pinned_exactly_and_the_lock_agrees() -> None:
    wanted = _wanted_pins()
    pins = _pinned(wanted)
    assert len(pins) == len(wanted), "a dependency without =="
    locked = _pinned((ROOT / "requirements.lock").read_text("utf-8").splitlines())
    assert {name: locked.get(name) for name in pins} == pins


def test_every_line_of_the_lock_carries_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", text).strip())
    assert len(entries) > 50
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_lock_holds_what_the_editable_install_builds_with() -> None:
    (requirement,) = _pyproject()["build-system"]["requires"]
    name, _, oldest = requirement.partition(">=")
    locked = _pinned((ROOT / "requirements.lock").read_text("utf-8").splitlines())
    assert int(locked[name].split(".")[0]) >= int(oldest)


def test_every_package_folder_is_listed() -> None:
    on_disk = {
        init.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for top in TOP_PACKAGES
        for init in (ROOT / top).rglob("__init__.py")
    }
    assert set(_pyproject()["tool"]["setuptools"]["packages"]) == on_disk


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {module.parent for top in TOP_PACKAGES for module in (ROOT / top).rglob("*.py")}
    assert sorted(str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").exists()) == []


def test_tracked_files_name_no_registry_and_no_place_on_one_machine() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.split("\0")
    found: list[str] = []
    read = 0
    for name in filter(None, tracked):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b"\0"
        if b"\0" in content:
            continue
        read += 1
        for number, line in enumerate(content.decode("utf-8").splitlines(), start=1):
            if REGISTRY_HOSTS.search(line) or MACHINE_PATHS.search(line):
                found.append(f"{name}:{number}: {line.strip()[:120]}")
    assert read > 20
    assert found == []


def test_the_scan_would_find_them() -> None:
    assert REGISTRY_HOSTS.search("see https://py" + "pi.org/simple")
    assert REGISTRY_HOSTS.search("--index" + "-url https://mirror.example/simple")
    assert MACHINE_PATHS.search("reads '/ro" + "ot/notes.txt'")
    assert not MACHINE_PATHS.search("counter_app/work/notes and ~/root/x")


# --- documents and data

DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img [^>]*src=\"([^\"]+)\"")


def _tracked(*paths: str) -> list[str]:
    """What a fresh clone holds, not what happens to lie about here; files not yet added count."""
    return subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.split("\0")


def _relative_links(text: str) -> list[str]:
    """Targets of the links that lead into the project, without what follows `#`."""
    found = ("".join(groups) for groups in LINK.findall(text))
    targets = [target.partition("#")[0] for target in found if "://" not in target]
    return [target for target in targets if target]


def test_every_relative_link_of_the_documents_leads_somewhere() -> None:
    files = set(_tracked())
    pictures: set[str] = set()
    for document in DOCUMENTS:
        links = _relative_links((ROOT / document).read_text("utf-8"))
        assert [link for link in links if link not in files or not (ROOT / link).is_file()] == [], document
        pictures.update(link for link in links if link.endswith(".png"))
    assert len(pictures) >= 3
    shown = {name for name in _tracked("resources/pictures") if name}
    assert pictures == shown, "a picture that no document shows"


def test_the_scan_of_links_would_find_them() -> None:
    text = (
        '![a b](x/y.png) [c](z.md#part) [d](https://example.org/e.png) [f](#here) <img alt="g" src="h.png">'
    )
    assert _relative_links(text) == ["x/y.png", "z.md", "h.png"]


def test_pictures_are_small_and_whole() -> None:
    from PIL import Image

    for path in sorted((ROOT / "resources" / "pictures").iterdir()):
        assert path.stat().st_size < 150_000, path.name
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "PNG"


def test_the_readme_names_each_page_with_its_key() -> None:
    from ui.pages.all_pages import page_entries

    keys = (ROOT / "README.md").read_text("utf-8").partition("## Keys")[2].partition("\n## ")[0]
    # Without anybody signed in: the pages themselves are made later.
    pages = page_entries(cast(Any, None))
    assert len(pages) > 5
    wanted = [f"{page.key} {page.title.replace(' ', '')}" for page in pages]
    assert [words for words in wanted if words not in keys] == []


def test_a_wheel_holds_the_data_and_no_pictures(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in filter(None, _tracked("pyproject.toml", "README.md", *TOP_PACKAGES)):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    # What a used tree holds besides.
    (tree / "resources" / "demo" / "__pycache__").mkdir()
    (tree / "resources" / "demo" / "__pycache__" / "left.cpython-311.pyc").write_bytes(b"left")
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    built = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=tree, capture_output=True, text=True, timeout=120
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    tracked = {
        name
        for name in _tracked(*TOP_PACKAGES)
        if name and not name.startswith("resources/pictures/") and (ROOT / name).is_file()
    }
    assert inside == tracked


# --- import contracts


def _contracts() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", "utf-8")
    return parser


def test_domain_contract_names_every_dependency() -> None:
    forbidden = set(_contracts()["importlinter:contract:domain"]["forbidden_modules"].split())
    runtime = _pinned(_pyproject()["project"]["dependencies"])
    modules = {
        module
        for module, distributions in importlib.metadata.packages_distributions().items()
        if {_normal(name) for name in distributions} & set(runtime)
        and not module.startswith("_")
        and module.isidentifier()
        # A folder of data files beside the modules has no origin.
        and (spec := importlib.util.find_spec(module)) is not None
        and spec.origin is not None
    }
    assert len(modules) >= len(runtime)
    assert modules - forbidden == set()


def _lint(tree: Path, modules: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the project's contracts over its real package folders, empty but for the given modules."""
    shutil.copy(ROOT / ".importlinter", tree)
    for package in _pyproject()["tool"]["setuptools"]["packages"]:
        folder = tree / package.replace(".", "/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
    for name, text in modules.items():
        (tree / name).write_text(text)
    lint_imports = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [str(lint_imports), "--no-logo", "--no-cache"], cwd=tree, capture_output=True, text=True, timeout=60
    )


def test_the_house_as_described_keeps_its_contracts(tmp_path: Path) -> None:
    told = _lint(
        tmp_path,
        {
            "counter_app/__main__.py": "import PySide6\nimport counter_app.bootstrap\n",
            "counter_app/bootstrap.py": "import PySide6, ui, devices, counter_app.storage, counter_app.commands\n",
            "counter_app/commands/simulate.py": "import devices.simulated.printer\n",
            "counter_app/services/top_up_desk.py": "import counter_app.storage.database, devices.shelf, printing.a\n",
            "counter_app/storage/database.py": "import sqlalchemy, sqlcipher3, psycopg, counter_app.domain.money\n",
            "counter_app/storage/migrations/env.py": "import alembic\n",
            "counter_app/domain/money.py": "import re\n",
            "devices/shelf.py": "import serial, counter_app.domain.money\n",
            "devices/simulated/printer.py": "import serial, printing.a\n",
            "printing/a.py": "import escpos, reportlab, PIL, counter_app.domain.money, resources\n",
            "ui/app_window.py": (
                "from typing import TYPE_CHECKING\n"
                "import PySide6, printing.a, counter_app.domain.money\n"
                "if TYPE_CHECKING:\n    import counter_app.services.top_up_desk\n"
            ),
        },
    )
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("counter_app/services/desk.py", "ui", "Rooms import downward"),
        ("counter_app/domain/money.py", "counter_app.services", "Rooms import downward"),
        ("counter_app/storage/database.py", "devices", "Rooms import downward"),
        ("printing/layout.py", "devices", "Rooms import downward"),
        ("devices/shelf.py", "printing", "Rooms import downward"),
        ("ui/app_window.py", "counter_app.commands", "Rooms import downward"),
        ("ui/app_window.py", "counter_app.services", "The window knows"),
        ("ui/app_window.py", "counter_app.storage", "The window knows"),
        ("ui/pages/cash.py", "devices", "The window knows"),
        ("devices/shelf.py", "devices.simulated", "Only the simulate command"),
        ("counter_app/commands/verify.py", "devices.simulated", "Only the simulate command"),
        ("counter_app/services/desk.py", "PySide6", "Qt is for"),
        ("counter_app/services/desk.py", "sqlalchemy", "Only storage"),
        ("counter_app/commands/verify.py", "alembic", "Only storage"),
        ("counter_app/storage/database.py", "sqlite3", "Only storage"),
        ("counter_app/services/desk.py", "serial", "Only devices"),
        ("devices/printer.py", "escpos", "Only printing"),
        ("counter_app/domain/money.py", "msgspec", "The domain needs"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(
    tmp_path: Path, module: str, imported: str, contract: str
) -> None:
    told = _lint(tmp_path, {module: f"import {imported}\n"})
    assert told.returncode != 0
    broken = [line for line in told.stdout.splitlines() if "BROKEN" in line]
    assert any(line.startswith(contract) for line in broken), told.stdout
