"""The data a hall starts with: whole, consistent, and within what the program enforces."""

from __future__ import annotations

import datetime as dt
import tomllib
from importlib import resources
from typing import Any

import pytest

from counter_app.domain.money import yuan
from counter_app.domain.rule_book import RuleCode
from counter_app.domain.staff import Role
from counter_app.services.passwords import PasswordRules, Passwords


def read(*parts: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("resources").joinpath(*parts).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def hall() -> dict[str, Any]:
    return read("demo", "hall.toml")


@pytest.fixture(scope="module")
def rules() -> dict[str, dict[str, Any]]:
    return {rule["code"]: rule for rule in read("rule_book.toml")["rules"]}


class TestRuleBook:
    def test_every_rule_the_program_asks_for_is_there_once(self, rules: dict[str, dict[str, Any]]) -> None:
        assert set(rules) >= {code.value for code in RuleCode}
        assert len(read("rule_book.toml")["rules"]) == len(rules)

    def test_every_rule_tells_value_date_source_and_approval(self, rules: dict[str, dict[str, Any]]) -> None:
        for rule in rules.values():
            assert isinstance(rule["value"], int)
            assert isinstance(rule["valid_from"], dt.date)
            assert rule["valid_from"] < dt.date(2026, 1, 1)
            assert rule["name"]
            assert rule["source"]
            assert rule["approved_by"]

    def test_the_unit_agrees_with_the_code(self, rules: dict[str, dict[str, Any]]) -> None:
        units = {"fen": "fen", "s": "seconds", "days": "days", "minutes": "minutes", "hours": "hours"}
        units |= {"years": "years", "tries": "times", "allowed": "yes_no"}
        for code, rule in rules.items():
            assert rule["unit"] == units[code.rsplit("_", 1)[1]], code

    @pytest.mark.parametrize(
        ("code", "amount"),
        [
            ("replacement_fee_fen", "25.00"),
            ("named_card_limit_fen", "5,000.00"),
            ("anonymous_card_limit_fen", "1,000.00"),
            ("cash_top_up_below_fen", "5,000.00"),
            ("claim_balance_tolerance_fen", "20.00"),
        ],
    )
    def test_amounts(self, rules: dict[str, dict[str, Any]], code: str, amount: str) -> None:
        assert yuan(rules[code]["value"]) == amount

    def test_records_are_kept_no_shorter_than_the_law_and_locks_no_longer_than_the_standard(
        self, rules: dict[str, dict[str, Any]]
    ) -> None:
        assert rules["record_keeping_years"]["value"] >= 5
        assert rules["idle_lock_s"]["value"] <= 15 * 60


class TestDemoHall:
    def test_people(self, hall: dict[str, Any]) -> None:
        staff = hall["staff"]
        assert len({person["staff_no"] for person in staff}) == len(staff)
        roles = [Role(person["role"]) for person in staff]
        assert roles.count(Role.CLERK) == 5
        assert roles.count(Role.MANAGER) == 1
        named = {person["staff_no"]: person["name"] for person in staff}
        assert named["1001"] == "赵敏"
        assert named["1023"] == "李娜"

    def test_demo_passwords_keep_the_rules_of_the_house(self, hall: dict[str, Any]) -> None:
        passwords = Passwords(PasswordRules(time_cost=1, memory_cost=8, parallelism=1))
        for person in hall["staff"]:
            passwords.check_strength(person["password"], person["staff_no"], person["name"])

    def test_places(self, hall: dict[str, Any]) -> None:
        may_replace = {place["name"]: place["may_replace"] for place in hall["places"]}
        assert may_replace == {"东郊营业厅": True, "总部营业厅": True, "西城缴费点": False}
        assert hall["hall"]["place"] in {place["code"] for place in hall["places"]}

    def test_departments_and_counters(self, hall: dict[str, Any]) -> None:
        names = [department["name"] for department in hall["departments"]]
        assert names == ["财务部", "结算部", "综合部", "技术部", "电子商务部", "客服部", "营业厅"]
        assert [counter["number"] for counter in hall["counters"]] == [1, 2]

    def test_notices_are_valid_for_a_time_and_published_by_somebody(self, hall: dict[str, Any]) -> None:
        staff_numbers = {person["staff_no"] for person in hall["staff"]}
        assert len(hall["notices"]) == 2
        for notice in hall["notices"]:
            assert notice["valid_from"] < notice["valid_to"]
            assert notice["published_by"] in staff_numbers

    def test_thirty_thousand_cards(self, hall: dict[str, Any]) -> None:
        assert hall["cards"]["named"] + hall["cards"]["anonymous"] == 30_000
