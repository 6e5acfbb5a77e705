"""This counter's own file: where the database and its key are, which ports the devices stand on. No hall data.

Your line belongs here if two counters of one hall may differ in it. Passwords never stand here.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from counter_app.domain.errors import Reason, Refused, StorageTrouble


@dataclass(frozen=True, slots=True)
class DatabaseAt:
    """`sqlite` with a `path`, or `postgresql` with an `address` without password (libpq finds it in its own file)."""

    kind: Literal["sqlite", "postgresql"] = "sqlite"
    path: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class KeyAt:
    """Where the hall's master key lives; decided at first run and never silently changed."""

    kind: Literal["file", "keyring", "passphrase"] = "file"
    path: str = ""
    backend: str = ""


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of this counter's devices; "" is a device that is not there."""

    id_reader: str = ""
    card_reader: str = ""
    printer: str = ""
    pos: str = ""
    printer_answers: bool = True
    pos_baud: int = 9_600
    pos_stop_bits: Literal[1, 2] = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in the file."""

    counter_no: int = 1
    database: DatabaseAt = field(default_factory=DatabaseAt)
    key: KeyAt = field(default_factory=KeyAt)
    ports: Ports = field(default_factory=Ports)
    paper_columns: Literal[32, 48] = 48
    look: Literal["normal", "contrast", "large"] = "normal"
    papers_folder: str = ""
    """Where the day reports are written; "" is the documents folder of whoever runs the program."""
    hall_name: str = ""
    """Only for the sign-in page's first paint, before the database is open."""


def default_path() -> Path:
    """Where the file lies unless a command names another."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", str(Path.home()))) / "city-card-counter" / "counter.toml"
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "city-card-counter" / "counter.toml"


def load(path: Path) -> Settings:
    """Read the file; `Refused` names the value that does not fit, `StorageTrouble` a file that cannot be read."""
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StorageTrouble(f"设置文件 {path.name} 读不出，请检查或重新设置。", str(error)) from error
    settings: Settings = _filled(Settings, found, "设置")
    return settings


def save(path: Path, settings: Settings) -> None:
    """Write the file whole: a power cut leaves the old one or the new one."""
    lines: list[str] = []
    tables: list[str] = []
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        if dataclasses.is_dataclass(value):
            tables.append(f"\n[{item.name}]")
            tables += [
                f"{inner.name} = {_toml(getattr(value, inner.name))}" for inner in dataclasses.fields(value)
            ]
        else:
            lines.append(f"{item.name} = {_toml(value)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write("\n".join([*lines, *tables]) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _filled(kind: Any, found: dict[str, Any], where: str) -> Any:
    values: dict[str, Any] = {}
    for item in dataclasses.fields(kind):
        if item.name not in found:
            continue
        value = found[item.name]
        default = item.default_factory() if callable(item.default_factory) else item.default
        if dataclasses.is_dataclass(default) and isinstance(value, dict):
            values[item.name] = _filled(type(default), value, item.name)
            continue
        allowed = _choices(str(item.type))
        if type(value) is not type(default) or (allowed and str(value) not in allowed):
            raise Refused(Reason.VALUE_NOT_ALLOWED, field=f"{where} {item.name}", typed=value)
        values[item.name] = value
    return kind(**values)


def _choices(annotation: str) -> frozenset[str]:
    if not annotation.startswith("Literal["):
        return frozenset()
    inner = annotation.removeprefix("Literal[").removesuffix("]")
    return frozenset(part.strip().strip("\"'") for part in inner.split(","))
