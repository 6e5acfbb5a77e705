"""Requests and outcomes as JSON, and the hash that tells two requests of one id apart."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_encode = msgspec.json.Encoder(order="deterministic").encode


def to_json(value: object) -> str:
    """A frozen value as JSON text with sorted keys."""
    return _encode(value).decode()


def from_json(text: str | bytes, kind: type[T]) -> T:
    """The value back; `msgspec.ValidationError` when the text is of another kind."""
    return msgspec.json.decode(text, type=kind)


def request_hash(request: object) -> str:
    """Hex SHA-256 over what was asked, without the moment of asking and the approvals.

    A retry may be asked later, and an approval is bound to this hash, so neither can be part of it.
    """
    plain: dict[str, Any] = msgspec.to_builtins(request)
    asked = dict(plain["asked"])
    asked.pop("asked_at")
    asked.pop("approvals")
    plain["asked"] = asked
    return hashlib.sha256(type(request).__name__.encode() + b"|" + _encode(plain)).hexdigest()
