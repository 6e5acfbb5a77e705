"""Staff passwords: hashed with argon2id, checked in the same time for people who do not exist."""

from __future__ import annotations

import base64
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING

from counter_app.domain.errors import Reason, Refused, StorageTrouble

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST_PASSWORD = 8
"""Characters (OWASP ASVS 5 V6.2.1); there are no rules on composition (V6.2.5)."""

_SALT_BYTES, _HASH_BYTES = 16, 32


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """argon2id parameters: passes, memory in KiB, lanes. The default is RFC 9106's second choice (64 MiB)."""

    time_cost: int = 3
    memory_cost: int = 65536
    parallelism: int = 4


class Passwords:
    """Hashes and checks passwords by one set of rules. Safe to use from several threads; a check takes ~0.1 s."""

    def __init__(self, rules: PasswordRules | None = None) -> None:
        self._rules = rules or PasswordRules()

    def hash(self, password: str) -> str:
        """The text to store (PHC form, with its own random salt and its parameters)."""
        return self._hasher.hash(_normal(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one `stored` was made from; None (no such person) takes as long and is False.

        `StorageTrouble` when the stored text is damaged or the check itself could not run.
        """
        from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

        try:
            return self._hasher.verify(stored if stored is not None else self._nobody, _normal(password))
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError) as cause:
            raise StorageTrouble(
                "密码记录不能核对，可能已损坏。请重试一次；仍不行请管理员重设此工号的密码。",
                f"argon2: {cause}",
            ) from cause

    def needs_rehash(self, stored: str) -> bool:
        """Whether `stored` was made by other rules; then hash again at the next successful sign-in."""
        return self._hasher.check_needs_rehash(stored)

    def check_strength(self, password: str, staff_no: str = "", name: str = "") -> None:
        """`Refused(PASSWORD_TOO_WEAK)`: shorter than 8, common, one character or sequence, or the person's own data."""
        plain = _normal(password).casefold()
        own = [part.casefold() for part in (staff_no, name) if part]
        rest = plain
        for part in own:
            rest = rest.replace(part, "")
        weak = (
            len(plain) < SHORTEST_PASSWORD
            or plain in self._common
            or len(set(plain)) < 4
            or _is_sequence(plain)
            # The staff number with three more characters is what everybody tries first.
            or (rest != plain and len(rest) < 4)
        )
        if weak:
            raise Refused(Reason.PASSWORD_TOO_WEAK)

    @cached_property
    def _hasher(self) -> PasswordHasher:
        from argon2 import PasswordHasher

        rules = self._rules
        return PasswordHasher(
            time_cost=rules.time_cost,
            memory_cost=rules.memory_cost,
            parallelism=rules.parallelism,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
        )

    @cached_property
    def _nobody(self) -> str:
        """A well-formed hash by the same rules that no password fits, made without hashing anything."""
        rules = self._rules
        salt, digest = (
            base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
            for length in (_SALT_BYTES, _HASH_BYTES)
        )
        cost = f"m={rules.memory_cost},t={rules.time_cost},p={rules.parallelism}"
        return f"$argon2id$v=19${cost}${salt}${digest}"

    @cached_property
    def _common(self) -> frozenset[str]:
        text = resources.files("resources").joinpath("common_passwords.txt").read_text(encoding="utf-8")
        return frozenset(line for line in text.splitlines() if not line.startswith("# "))


def _normal(password: str) -> str:
    # NFKC: the same key presses give the same password whether the input method was full-width or not.
    return unicodedata.normalize("NFKC", password)


def _is_sequence(plain: str) -> bool:
    """Neighbours in the character table all the way up or down: 23456789, hgfedcba."""
    steps = {ord(second) - ord(first) for first, second in pairwise(plain)}
    return steps in ({1}, {-1})
