"""The dated rule book: every number a regulator or manager may change, with its date, source and approver."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from dataclasses import dataclass

from counter_app.domain.cards import CardKind


class RuleCode(enum.Enum):
    """The rules the program asks for; the values are stored. Money is in fen."""

    REPLACEMENT_FEE = "replacement_fee_fen"
    NAMED_CARD_LIMIT = "named_card_limit_fen"
    ANONYMOUS_CARD_LIMIT = "anonymous_card_limit_fen"
    CASH_TOP_UP_BELOW = "cash_top_up_below_fen"
    LOSS_REPORT_DAYS = "loss_report_days"
    CLAIM_BALANCE_TOLERANCE = "claim_balance_tolerance_fen"
    CLAIM_TRIES = "claim_tries"
    CLAIM_WINDOW_MINUTES = "claim_window_minutes"
    CREDIT_CARD_TOP_UP = "credit_card_top_up_allowed"
    FREEZE_OFFLINE_HOURS = "freeze_offline_hours"
    APPROVAL_VALID_SECONDS = "approval_valid_s"
    IDLE_LOCK_SECONDS = "idle_lock_s"
    SIGN_IN_TRIES = "sign_in_tries"
    SIGN_IN_LOCK_MINUTES = "sign_in_lock_minutes"
    RECORD_KEEPING_YEARS = "record_keeping_years"
    CHANGE_AT_MOST = "change_at_most_fen"


@dataclass(frozen=True, slots=True)
class Rule:
    """One value of one rule, in force from `valid_from` until a later one replaces it."""

    code: RuleCode
    value: int
    valid_from: dt.date
    source: str
    approved_by: str


class RuleBook:
    """All dated rules of the hall; ask for a value by code and day."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules: dict[RuleCode, list[Rule]] = {}
        for rule in sorted(rules, key=lambda rule: rule.valid_from):
            self._rules.setdefault(rule.code, []).append(rule)

    def all(self) -> tuple[Rule, ...]:
        """Every dated rule, newest last within its code."""
        return tuple(rule for code in RuleCode for rule in self._rules.get(code, ()))

    def rule(self, code: RuleCode, day: dt.date) -> Rule:
        """The rule in force on `day`; `LookupError` when the book has none, which is a defect of the set-up."""
        in_force = [rule for rule in self._rules.get(code, ()) if rule.valid_from <= day]
        if not in_force:
            raise LookupError(f"no rule {code.value} in force on {day}")
        return in_force[-1]

    def value(self, code: RuleCode, day: dt.date) -> int:
        """The value in force on `day`."""
        return self.rule(code, day).value

    def card_limit(self, kind: CardKind, day: dt.date) -> Rule:
        """The most a card of this kind may hold."""
        named = kind is CardKind.NAMED
        return self.rule(RuleCode.NAMED_CARD_LIMIT if named else RuleCode.ANONYMOUS_CARD_LIMIT, day)
