"""Passwords: nothing readable stored, nothing weak accepted, nothing told about who exists."""

from __future__ import annotations

import statistics
import time

import pytest

from counter_app.domain.errors import Reason, Refused, StorageTrouble
from counter_app.services.passwords import PasswordRules, Passwords

CHEAP = PasswordRules(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CHEAP)


def test_only_the_right_password_fits(passwords: Passwords) -> None:
    stored = passwords.hash("东郊柜台 2026")
    assert passwords.verify(stored, "东郊柜台 2026")
    assert not passwords.verify(stored, "东郊柜台 2025")
    assert not passwords.verify(stored, "")
    assert "2026" not in stored


def test_equal_passwords_are_stored_differently(passwords: Passwords) -> None:
    assert passwords.hash("correct horse") != passwords.hash("correct horse")


def test_full_width_typing_is_the_same_password_but_case_counts(passwords: Passwords) -> None:
    stored = passwords.hash("Kassel2026!")
    assert passwords.verify(stored, "Ｋａｓｓｅｌ２０２６！")
    assert not passwords.verify(stored, "kassel2026!")


def test_nobody_has_a_password(passwords: Passwords) -> None:
    assert not passwords.verify(None, "")
    assert not passwords.verify(None, "correct horse")


def test_a_stranger_is_told_no_as_slowly_as_a_colleague() -> None:
    passwords = Passwords(PasswordRules(time_cost=2, memory_cost=8192, parallelism=1))
    stored = passwords.hash("correct horse")

    def seconds(kept: str | None) -> float:
        start = time.perf_counter()
        passwords.verify(kept, "battery staple")
        return time.perf_counter() - start

    passwords.verify(None, "warm up")
    known, unknown = [], []
    for _ in range(9):
        known.append(seconds(stored))
        unknown.append(seconds(None))
    assert 0.2 < statistics.median(unknown) / statistics.median(known) < 5


def test_the_default_rules_are_the_real_ones() -> None:
    passwords = Passwords()
    stored = passwords.hash("correct horse")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.verify(stored, "correct horse")


def test_other_rules_ask_for_a_new_hash(passwords: Passwords) -> None:
    stored = passwords.hash("correct horse")
    stricter = Passwords(PasswordRules(time_cost=2, memory_cost=8, parallelism=1))
    assert not passwords.needs_rehash(stored)
    assert stricter.needs_rehash(stored)
    assert stricter.verify(stored, "correct horse")


@pytest.mark.parametrize("stored", ["", "plain text", "$argon2id$v=19$m=8,t=1,p=1$"])
def test_a_damaged_record_is_no_wrong_password(passwords: Passwords, stored: str) -> None:
    with pytest.raises(StorageTrouble) as trouble:
        passwords.verify(stored, "correct horse")
    assert "管理员" in trouble.value.sentence()


@pytest.mark.parametrize(
    "password",
    [
        "",
        "kurz12!",
        "password1",
        "PassWord123",
        "１２３４５６７８９０",
        "23456789",
        "98765432",
        "bcdefghij",
        "aaaaaaaa",
        "12121212",
        "1qaz2wsx",
        "woaini1314",
        "10231023",
        "1023abc",
        "李娜1023李娜1023",
    ],
)
def test_weak_passwords_are_refused(passwords: Passwords, password: str) -> None:
    with pytest.raises(Refused) as refused:
        passwords.check_strength(password, staff_no="1023", name="李娜")
    assert refused.value.reason is Reason.PASSWORD_TOO_WEAK


@pytest.mark.parametrize(
    "password", ["correct horse", "桂花香里八月又开", "mxqkwzvt", "东郊柜台1023号窗口早上好", "58204716"]
)
def test_others_are_accepted_without_rules_on_composition(passwords: Passwords, password: str) -> None:
    passwords.check_strength(password, staff_no="1023", name="李娜")
