"""The hall's keys: made once, kept where the first run decided, derived for each use, recoverable from paper.

Your line belongs here if it handles the master key. What the keys are used for stands elsewhere: `sealed` (fields),
`database` (the file), the audit chain.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from counter_app.domain.errors import Reason, Refused, StorageTrouble

MASTER_BYTES = 32

SHORTEST_PASSPHRASE = 8
"""Characters; a copied database is attacked offline, and six digits fall within hours."""


@dataclass(frozen=True, slots=True)
class HallKeys:
    """One hall's working keys, each 32 bytes and of one use only, all of one version.

    `key_id` (16 hex characters, no secret) is stored with the data: a database tells which keys it was written with.
    """

    database_key: bytes = field(repr=False)
    field_key: bytes = field(repr=False)
    index_key: bytes = field(repr=False)
    audit_key: bytes = field(repr=False)
    key_version: int
    key_id: str


def derive(master: bytes, key_version: int = 1) -> HallKeys:
    """The working keys of a 32-byte master, HKDF-SHA256 with one label per use and version (1…255)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    if len(master) != MASTER_BYTES:
        raise ValueError(f"a master key has {MASTER_BYTES} bytes, not {len(master)}")
    if not 1 <= key_version <= 255:
        raise ValueError(f"key version {key_version} does not fit the version byte of sealed fields")

    def key(use: str, length: int = 32) -> bytes:
        label = f"city-card-counter {use} {key_version}"
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=label.encode()).derive(master)

    return HallKeys(
        database_key=key("database"),
        field_key=key("field"),
        index_key=key("index"),
        audit_key=key("audit"),
        key_version=key_version,
        key_id=key("id", 8).hex(),
    )


# --- where the master lives ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InKeyring:
    """In the operating system's keyring, through exactly the named backend class: nothing is discovered.

    `backend` is a dotted class name, e.g. `keyring.backends.SecretService.Keyring` or
    `keyring.backends.Windows.WinVaultKeyring`; `service` and `user` name the entry.
    """

    backend: str
    user: str
    service: str = "city-card-counter"


@dataclass(frozen=True, slots=True)
class InFile:
    """In a file of its own that only its owner may read (mode 0600)."""

    path: Path


@dataclass(frozen=True, slots=True)
class UnderPassphrase:
    """Wrapped by a passphrase that somebody types at each start; `sidecar` holds the wrapping."""

    sidecar: Path


KeyPlace = InKeyring | InFile | UnderPassphrase
"""Decided at the first run, written in the settings, never changed silently."""


@dataclass(frozen=True, slots=True)
class PassphraseCost:
    """argon2id parameters for the passphrase; `memory_kib` is memory in KiB. The sidecar records those used."""

    passes: int = 3
    memory_kib: int = 65536
    lanes: int = 4


def create_master(place: KeyPlace, *, passphrase: str = "", cost: PassphraseCost | None = None) -> bytes:
    """A new random master, stored at `place`; see `store_master` for the errors."""
    master = secrets.token_bytes(MASTER_BYTES)
    store_master(place, master, passphrase=passphrase, cost=cost)
    return master


def store_master(
    place: KeyPlace, master: bytes, *, passphrase: str = "", cost: PassphraseCost | None = None
) -> None:
    """Keep `master` (new, or typed in from the recovery key) at a place that holds none yet.

    `StorageTrouble` when the place already holds a key (a key that may still open a database is never overwritten)
    or cannot be written; `Refused(PASSWORD_TOO_WEAK)` for a short passphrase. What was written is read back.
    """
    match place:
        case InKeyring():
            _store_in_keyring(place, master)
        case InFile(path):
            _write_once(path, recovery_text(master) + "\n")
        case UnderPassphrase(sidecar):
            wrapped = _wrap(master, passphrase, cost or PassphraseCost())
            _write_once(sidecar, json.dumps(wrapped, indent=1) + "\n")
    if load_master(place, passphrase=passphrase) != master:
        raise StorageTrouble(
            "密钥存入后读出不一致，请换一种密钥保存方式。", "stored key reads back differently"
        )


def load_master(place: KeyPlace, *, passphrase: str = "") -> bytes:
    """The master from where the first run put it.

    `Refused(KEY_WRONG)`: wrong passphrase, or what is stored there is damaged. `StorageTrouble` with the next step:
    missing, unreadable, readable by others, keyring not available or locked.
    May wait for the desktop's unlock question or for argon2: not for the UI thread.
    """
    match place:
        case InKeyring():
            return _from_stored_text(_read_keyring(place))
        case InFile(path):
            return _from_stored_text(_read_private(path))
        case UnderPassphrase(sidecar):
            return _unwrap(_read_private(sidecar), passphrase)


def _from_stored_text(text: str) -> bytes:
    try:
        return master_from_recovery(text)
    except Refused as damaged:
        raise Refused(Reason.KEY_WRONG) from damaged


# --- keyring ---------------------------------------------------------------------------------------------------


def _keyring(place: InKeyring) -> Any:
    """An instance of exactly the class that the settings name."""
    import importlib

    from keyring.backend import KeyringBackend

    module_name, _, class_name = place.backend.rpartition(".")
    try:
        backend = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as cause:
        raise _keyring_trouble(cause) from cause
    if not (isinstance(backend, type) and issubclass(backend, KeyringBackend)):
        raise _keyring_trouble(TypeError(f"{place.backend} is no keyring backend"))
    try:
        # A backend whose service is not there says so here, in words; later it would fail with a NameError.
        _ = backend.priority
        return backend()
    except (RuntimeError, OSError) as cause:
        raise _keyring_trouble(cause) from cause


def _keyring_trouble(cause: BaseException) -> StorageTrouble:
    return StorageTrouble(
        "系统密钥环不能使用。请确认已登录桌面并解锁密钥环；仍不行请用恢复密钥改存到密钥文件。",
        f"keyring: {type(cause).__name__}: {cause}",
    )


def _store_in_keyring(place: InKeyring, master: bytes) -> None:
    from keyring.errors import KeyringError

    backend = _keyring(place)
    try:
        if backend.get_password(place.service, place.user) is not None:
            raise StorageTrouble(
                f"系统密钥环中已有“{place.user}”的密钥，不会覆盖。请改用另一个名称，或先用现有密钥打开。",
                f"keyring entry {place.service}/{place.user} exists",
            )
        backend.set_password(place.service, place.user, recovery_text(master))
    except (KeyringError, RuntimeError, OSError) as cause:
        raise _keyring_trouble(cause) from cause


def _read_keyring(place: InKeyring) -> str:
    from keyring.errors import KeyringError

    backend = _keyring(place)
    try:
        stored = backend.get_password(place.service, place.user)
    except (KeyringError, RuntimeError, OSError) as cause:
        raise _keyring_trouble(cause) from cause
    if not isinstance(stored, str):
        raise StorageTrouble(
            f"系统密钥环中没有“{place.user}”的密钥。请用装机时的系统账号登录，或用恢复密钥重新存入。",
            f"no keyring entry {place.service}/{place.user}",
        )
    return stored


# --- files -----------------------------------------------------------------------------------------------------


def _write_once(path: Path, text: str) -> None:
    """A new file, mode 0600 from its first moment, on the disk before this returns; never over an existing one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise StorageTrouble(
                f"密钥文件已存在，不会覆盖：{path}。请换一个位置，或先用现有密钥打开。", f"{path} exists"
            )
        # O_EXCL: of two programs that get here at once, one fails instead of overwriting.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            # Half a key would block the next try and could be taken for a whole one.
            path.unlink()
            raise
        if os.name == "posix":
            directory = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
    except OSError as cause:
        raise StorageTrouble(
            f"密钥文件不能写入：{path}。请检查目录权限和磁盘空间后重试。", f"{path}: {cause}"
        ) from cause


def _read_private(path: Path) -> str:
    """The text of a key file, refused when anybody but its owner could have read it."""
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & 0o077:
                raise StorageTrouble(
                    f"密钥文件其他用户也能读写，已拒绝使用：{path}。请把权限改为 600（chmod 600）后重试。",
                    f"{path} has mode {mode & 0o777:o}",
                )
            return file.read(4096)
    except FileNotFoundError as cause:
        raise StorageTrouble(
            f"没有找到密钥文件：{path}。请检查存放密钥的磁盘是否接好，或用恢复密钥重新生成。",
            f"{path} is missing",
        ) from cause
    except UnicodeDecodeError as cause:
        raise Refused(Reason.KEY_WRONG) from cause
    except OSError as cause:
        raise StorageTrouble(
            f"密钥文件不能读取：{path}。请检查文件权限和磁盘后重试。", f"{path}: {cause}"
        ) from cause


# --- passphrase ------------------------------------------------------------------------------------------------

_WRAP_LABEL = b"city-card-counter master 1"


def _wrapping_key(passphrase: str, salt: bytes, cost: PassphraseCost) -> bytes:
    from argon2.low_level import Type, hash_secret_raw

    # NFKC: the same key presses give the same passphrase whether the input method was full-width or not.
    return hash_secret_raw(
        unicodedata.normalize("NFKC", passphrase).encode(),
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=32,
        type=Type.ID,
    )


def _wrap(master: bytes, passphrase: str, cost: PassphraseCost) -> dict[str, Any]:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(unicodedata.normalize("NFKC", passphrase)) < SHORTEST_PASSPHRASE:
        raise Refused(Reason.PASSWORD_TOO_WEAK)
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    wrapped = AESGCM(_wrapping_key(passphrase, salt, cost)).encrypt(nonce, master, _WRAP_LABEL)
    return {
        "format": 1,
        "kdf": "argon2id",
        "passes": cost.passes,
        "memory_kib": cost.memory_kib,
        "lanes": cost.lanes,
        "salt": salt.hex(),
        "wrapped": base64.b64encode(nonce + wrapped).decode(),
    }


def _unwrap(text: str, passphrase: str) -> bytes:
    from argon2.exceptions import HashingError
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        sidecar = json.loads(text)
        cost = PassphraseCost(int(sidecar["passes"]), int(sidecar["memory_kib"]), int(sidecar["lanes"]))
        if not (1 <= cost.passes <= 64 and 8 <= cost.memory_kib <= 2**20 and 1 <= cost.lanes <= 16):
            # A forged sidecar must not make the start hang or eat the machine's memory.
            raise Refused(Reason.KEY_WRONG)
        raw = base64.b64decode(sidecar["wrapped"], validate=True)
        key = _wrapping_key(passphrase, bytes.fromhex(sidecar["salt"]), cost)
        return AESGCM(key).decrypt(raw[:12], raw[12:], _WRAP_LABEL)
    except (ValueError, KeyError, TypeError, HashingError, InvalidTag) as cause:
        raise Refused(Reason.KEY_WRONG) from cause


# --- recovery key on paper -------------------------------------------------------------------------------------

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})
_DATA_GROUPS = 13
_GROUPS = _DATA_GROUPS + 1


def recovery_text(master: bytes) -> str:
    """The master for a sealed envelope: 14 groups of 5 letters and digits, joined by hyphens.

    Crockford's base32 (no I, L, O, U). The fifth character of each group checks the group and its place: any one
    wrong character, two neighbours in the wrong order and two exchanged groups are found and the group is named.
    The last group checks the whole.
    """
    number = int.from_bytes(master, "big") << 4
    values = [number >> shift & 31 for shift in range(5 * (4 * _DATA_GROUPS - 1), -1, -5)]
    values += _whole_check(master)
    groups = [values[at : at + 4] for at in range(0, len(values), 4)]
    return "-".join(
        "".join(_CROCKFORD[value] for value in (*group, _group_check(place, group)))
        for place, group in enumerate(groups, 1)
    )


def master_from_recovery(text: str) -> bytes:
    """Typed recovery key → master. Small letters, spaces, line ends, full-width and O I L for 0 1 1 are accepted.

    `Refused(VALUE_NOT_ALLOWED)` names the first group that does not hold, never its content.
    """
    plain = unicodedata.normalize("NFKC", text).upper().translate(_MISREAD)
    plain = "".join(plain.split()).replace("-", "")
    values = [_CROCKFORD.find(char) for char in plain]
    for place in range(1, _GROUPS + 1):
        group = values[5 * (place - 1) : 5 * place]
        if len(group) < 5 or -1 in group or _group_check(place, group[:4]) != group[4]:
            raise Refused(Reason.VALUE_NOT_ALLOWED, field="恢复密钥", typed=f"第 {place} 组（每组 5 位）有误")
    if len(values) != 5 * _GROUPS:
        raise Refused(Reason.VALUE_NOT_ALLOWED, field="恢复密钥", typed=f"多于 {_GROUPS} 组")
    number = 0
    for at, value in enumerate(values[: 5 * _DATA_GROUPS]):
        if at % 5 != 4:
            number = number << 5 | value
    master = (number >> 4).to_bytes(MASTER_BYTES, "big")
    if number & 15 or values[-5:-1] != _whole_check(master):
        raise Refused(Reason.VALUE_NOT_ALLOWED, field="恢复密钥", typed="各组合起来不对，请逐组核对")
    return master


def _whole_check(master: bytes) -> list[int]:
    """20 bits over the whole master, as four base32 values."""
    digest = int.from_bytes(hashlib.sha256(b"recovery" + master).digest()[:4], "big")
    return [digest >> shift & 31 for shift in (27, 22, 17, 12)]


def _group_check(place: int, group: list[int]) -> int:
    """Weighted sum over GF(32) of the group's place (weight 1) and its four values (weights 2, 4, 8, 16)."""
    total = place
    for power, value in enumerate(group, 1):
        for _ in range(power):
            value <<= 1
            if value & 32:
                value ^= 0b100101
        total ^= value
    return total
