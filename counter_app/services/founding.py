"""Found a hall in an empty, migrated database: fixed data, people, rules, notices; and cards in bulk."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from counter_app.domain.asking import Asked, Notice
from counter_app.domain.cards import Card, Holder
from counter_app.domain.ids import CardNo, MediumId, OperationId, PurseId, StaffNo
from counter_app.domain.ledger import HEAD_OFFICE, OperationKind, Transfer, purse_account
from counter_app.domain.rule_book import Rule, RuleCode
from counter_app.domain.staff import SYSTEM_STAFF_NO, Role, StaffMember
from counter_app.storage import cards, halls, holders, ledger, people, shifts
from counter_app.storage.database import Transaction
from counter_app.storage.halls import Hall, Place, Terminal

if TYPE_CHECKING:
    from counter_app.services.passwords import Passwords
    from counter_app.storage.database import Database


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A member of staff with a first password; `show_password` only in a demo hall."""

    member: StaffMember
    password: str
    show_password: bool = False


@dataclass(frozen=True, slots=True)
class HallPlan:
    """Everything a hall has on its first day."""

    hall: Hall
    counters: tuple[tuple[int, str], ...]
    places: tuple[Place, ...]
    departments: tuple[str, ...]
    terminals: tuple[Terminal, ...]
    rules: tuple[Rule, ...]
    staff: tuple[NewPerson, ...]
    notices: tuple[Notice, ...]


def default_rules() -> tuple[Rule, ...]:
    """The rule book a new hall starts with (resources/rule_book.toml); codes only a newer program knows are left."""
    known = {code.value: code for code in RuleCode}
    found: list[dict[str, Any]] = tomllib.loads(
        resources.files("resources").joinpath("rule_book.toml").read_text("utf-8")
    )["rules"]
    return tuple(
        Rule(known[row["code"]], row["value"], row["valid_from"], row["source"], row["approved_by"])
        for row in found
        if row["code"] in known
    )


def found_hall(database: Database, plan: HallPlan, passwords: Passwords) -> None:
    """Enter a new hall; all or nothing."""
    hashed = [(person, passwords.hash(person.password)) for person in plan.staff]

    def unit(tx: Transaction) -> None:
        halls.found(
            tx,
            plan.hall,
            counters=plan.counters,
            places=plan.places,
            departments=plan.departments,
            terminals=plan.terminals,
            rules=plan.rules,
        )
        for person, password_hash in hashed:
            shown = person.password if person.show_password else None
            people.add(tx, person.member, password_hash, shown)
        for notice in plan.notices:
            people.add_notice(tx, notice)

    database.write(unit)


@dataclass(frozen=True, slots=True)
class OpeningBalances:
    """The request under which cards enter with the money they already hold."""

    asked: Asked
    cards: int
    total_fen: int


@dataclass(frozen=True, slots=True)
class BalancesOpened:
    operation_id: OperationId
    cards: int
    total_fen: int


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card that enters the hall: blank, or issued with its holder and opening balance."""

    card: Card
    balance_fen: int
    medium_id: MediumId | None = None


def enter_cards(
    database: Database,
    counter_no: int,
    operation_id: OperationId,
    new_cards: Sequence[NewCard],
    holders_with_readings: Sequence[tuple[Holder, tuple[str, ...]]],
    issued_on: dt.date,
) -> BalancesOpened:
    """Enter cards, holders and opening balances in one operation on the counter's system chain.

    The balances come from headquarters, so that the liability is in the ledger from the first day.
    """
    total_fen = sum(new.balance_fen for new in new_cards)
    shift = database.write(lambda tx: shifts.open_shift(tx, counter_no, SYSTEM_STAFF_NO))
    asked = Asked(
        operation_id, database.hall_id, counter_no, shift.shift_id, SYSTEM_STAFF_NO, database.clock()
    )
    request = OpeningBalances(asked, len(new_cards), total_fen)

    def unit(tx: Transaction) -> BalancesOpened:
        fence = ledger.fence(tx, asked)
        holders.add(tx, holders_with_readings)
        cards.add_many(tx, [(new.card, new.balance_fen, new.medium_id) for new in new_cards], issued_on)
        opened = BalancesOpened(operation_id, len(new_cards), total_fen)
        ledger.record(
            tx,
            fence,
            request,
            OperationKind.OPENING_BALANCE,
            opened,
            transfers=[
                Transfer(HEAD_OFFICE, purse_account(PurseId(new.card.purse_id)), new.balance_fen)
                for new in new_cards
                if new.balance_fen and new.card.purse_id is not None
            ],
            amount_fen=total_fen,
        )
        return opened

    return database.run(request, unit, BalancesOpened)


def person(staff_no: str, name: str, role: str, password: str, *, show_password: bool = False) -> NewPerson:
    """A member of staff from plain text."""
    return NewPerson(StaffMember(StaffNo(staff_no), name, Role(role)), password, show_password)


def card_no_run(prefix: str, first: int, count: int) -> Iterable[CardNo]:
    """Card numbers in order: prefix, running number, check digit, 16 digits in all."""
    from counter_app.domain.cards import CARD_NO_DIGITS, card_no_check_digit

    digits = CARD_NO_DIGITS - len(prefix) - 1
    for number in range(first, first + count):
        body = f"{prefix}{number:0{digits}d}"
        yield CardNo(body + card_no_check_digit(body))
