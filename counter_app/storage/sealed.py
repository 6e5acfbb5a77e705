"""Personal fields as they lie in the database: encrypted per field, found whole by a blind index.

Only the storage room imports this; everybody else sees plain frozen values or masked text.
"""

from __future__ import annotations

import hmac
import os
from functools import lru_cache
from typing import TYPE_CHECKING

from counter_app.domain.errors import StorageTrouble

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from counter_app.storage.keys import HallKeys

_NONCE_BYTES = 12
_INDEX_BYTES = 16


def seal(keys: HallKeys, table: str, column: str, row_id: str, plain: str) -> bytes:
    """AES-256-GCM: key version byte, 96-bit random nonce, ciphertext with tag (29 bytes more than the UTF-8 text).

    Bound to its place (table, column, row id, key version): a value copied into another row does not open.
    """
    version = keys.key_version
    nonce = os.urandom(_NONCE_BYTES)
    place = f"{table}|{column}|{row_id}|{version}".encode()
    return bytes((version,)) + nonce + _cipher(keys.field_key).encrypt(nonce, plain.encode(), place)


def unseal(keys: HallKeys, table: str, column: str, row_id: str, sealed: bytes) -> str:
    """The text that `seal` was given; `StorageTrouble` when the key, the place or a single bit is another."""
    if not sealed or sealed[0] != keys.key_version:
        raise StorageTrouble(
            "客户资料由另一个版本的密钥加密，不能读取。请联系管理员核对密钥。",
            f"{table}.{column} of {row_id}: key version {sealed[:1].hex() or 'missing'}, keys at hand are {keys.key_version}",
        )
    nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    place = f"{table}|{column}|{row_id}|{keys.key_version}".encode()
    try:
        return _cipher(keys.field_key).decrypt(nonce, ciphertext, place).decode()
    except _not_authentic() as cause:
        raise StorageTrouble(
            "客户资料校验不符，可能被改动或损坏，已停止读取。请联系管理员核对账本。",
            f"{table}.{column} of {row_id} does not authenticate",
        ) from cause


def blind_index(keys: HallKeys, kind: str, normalised: str) -> bytes:
    """16 bytes that are equal for equal values of one `kind` ("phone", "document" …): whole-value look-up only.

    HMAC-SHA256 under its own key. `normalised` must already be in its one stored form (digits only, upper case).
    """
    return hmac.digest(keys.index_key, f"{kind}\0{normalised}".encode(), "sha256")[:_INDEX_BYTES]


def _not_authentic() -> tuple[type[Exception], ...]:
    """What opening a changed value raises; asked for only then, a whole value needs no import."""
    from cryptography.exceptions import InvalidTag

    return InvalidTag, ValueError


@lru_cache(maxsize=8)
def _cipher(field_key: bytes) -> AESGCM:
    # Setting the key schedule up costs more than a whole short field.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(field_key)
