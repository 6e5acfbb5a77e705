"""The hall itself on disk: name, settings, places, departments, terminals, counters and the dated rule book."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from counter_app.domain.ids import HallId, TerminalId
from counter_app.domain.rule_book import Rule, RuleBook, RuleCode
from counter_app.storage import tables
from counter_app.storage.database import Transaction

b = sa.bindparam


@dataclass(frozen=True, slots=True)
class Hall:
    """One hall; `code` is the letter its receipt numbers begin with."""

    hall_id: HallId
    name: str
    code: str
    is_demo: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A place customers may be sent to; only some may replace cards."""

    place_code: str
    name: str
    may_replace: bool
    is_this_hall: bool


@dataclass(frozen=True, slots=True)
class Terminal:
    """A POS terminal; `linked` to its counter's computer or stand-alone."""

    terminal_id: TerminalId
    counter_no: int
    name: str
    linked: bool


_hall = sa.select(tables.hall).where(tables.hall.c.hall_id == b("hall_id"))
_only_hall = sa.select(tables.hall.c.hall_id).limit(2)
_places = (
    sa.select(tables.place).where(tables.place.c.hall_id == b("hall_id")).order_by(tables.place.c.place_code)
)
_departments = (
    sa.select(tables.department.c.name)
    .where(tables.department.c.hall_id == b("hall_id"))
    .order_by(tables.department.c.position)
)
_terminals = (
    sa.select(tables.terminal)
    .where(tables.terminal.c.hall_id == b("hall_id"))
    .order_by(tables.terminal.c.terminal_id)
)
_counters = (
    sa.select(tables.counter)
    .where(tables.counter.c.hall_id == b("hall_id"))
    .order_by(tables.counter.c.counter_no)
)
_rules = sa.select(tables.rule).where(tables.rule.c.hall_id == b("hall_id"))


def only_hall_id(connection: sa.engine.Connection) -> HallId:
    """The id of the database's hall; several halls in one database need the id in the settings."""
    rows = connection.execute(_only_hall).all()
    if len(rows) != 1:
        raise LookupError(f"{len(rows)} halls in this database, exactly one expected")
    return HallId(rows[0].hall_id)


def load(tx: Transaction) -> Hall:
    """The hall of this database."""
    row = tx.one(_hall, {"hall_id": tx.hall_id})
    if row is None:
        raise LookupError(f"no hall {tx.hall_id}")
    return Hall(HallId(row.hall_id), row.name, row.code, bool(row.is_demo))


def places(tx: Transaction) -> tuple[Place, ...]:
    """All places."""
    rows = tx.all(_places, {"hall_id": tx.hall_id})
    return tuple(Place(r.place_code, r.name, bool(r.may_replace), bool(r.is_this_hall)) for r in rows)


def departments(tx: Transaction) -> tuple[str, ...]:
    """Departments in their fixed order."""
    return tuple(row.name for row in tx.all(_departments, {"hall_id": tx.hall_id}))


def terminals(tx: Transaction) -> tuple[Terminal, ...]:
    """All POS terminals of the hall."""
    rows = tx.all(_terminals, {"hall_id": tx.hall_id})
    return tuple(Terminal(TerminalId(r.terminal_id), r.counter_no, r.name, bool(r.linked)) for r in rows)


def counters(tx: Transaction) -> tuple[tuple[int, str], ...]:
    """(number, name) of every counter."""
    return tuple((row.counter_no, row.name) for row in tx.all(_counters, {"hall_id": tx.hall_id}))


def rule_book(tx: Transaction) -> RuleBook:
    """Every dated rule; codes this program does not know are left for a newer one."""
    known = {code.value: code for code in RuleCode}
    return RuleBook(
        Rule(
            known[row.code],
            int(row.value),
            dt.date.fromisoformat(row.valid_from),
            row.source,
            row.approved_by,
        )
        for row in tx.all(_rules, {"hall_id": tx.hall_id})
        if row.code in known
    )


_insert_hall = sa.insert(tables.hall)
_insert_place = sa.insert(tables.place)
_insert_department = sa.insert(tables.department)
_insert_counter = sa.insert(tables.counter)
_insert_terminal = sa.insert(tables.terminal)
_insert_rule = sa.insert(tables.rule)


def found(
    tx: Transaction,
    hall: Hall,
    *,
    counters: Iterable[tuple[int, str]],
    places: Iterable[Place],
    departments: Iterable[str],
    terminals: Iterable[Terminal],
    rules: Iterable[Rule],
) -> None:
    """Enter a new hall with all its fixed data."""
    tx.run(
        _insert_hall,
        {
            "hall_id": hall.hall_id,
            "name": hall.name,
            "code": hall.code,
            "is_demo": int(hall.is_demo),
            "key_id": tx.keys.key_id,
        },
    )
    batches: list[tuple[sa.Insert, list[dict[str, object]]]] = [
        (_insert_counter, [{"counter_no": number, "name": name} for number, name in counters]),
        (
            _insert_place,
            [
                {
                    "place_code": place.place_code,
                    "name": place.name,
                    "may_replace": int(place.may_replace),
                    "is_this_hall": int(place.is_this_hall),
                }
                for place in places
            ],
        ),
        (_insert_department, [{"name": name, "position": n} for n, name in enumerate(departments, start=1)]),
        (
            _insert_terminal,
            [
                {
                    "terminal_id": terminal.terminal_id,
                    "counter_no": terminal.counter_no,
                    "name": terminal.name,
                    "linked": int(terminal.linked),
                }
                for terminal in terminals
            ],
        ),
        (
            _insert_rule,
            [
                {
                    "code": rule.code.value,
                    "valid_from": rule.valid_from.isoformat(),
                    "value": rule.value,
                    "source": rule.source,
                    "approved_by": rule.approved_by,
                }
                for rule in rules
            ],
        ),
    ]
    for statement, rows in batches:
        if rows:
            tx.run(statement, [{"hall_id": hall.hall_id, **row} for row in rows])


_key_id = sa.select(tables.hall.c.key_id).where(tables.hall.c.hall_id == b("hall_id"))


def key_id(tx: Transaction) -> str:
    """Which master key this hall was founded with."""
    return str(tx.connection.execute(_key_id, {"hall_id": tx.hall_id}).scalar_one())


def add_terminal(tx: Transaction, terminal: Terminal) -> None:
    """Enter a POS terminal."""
    tx.run(
        _insert_terminal,
        {
            "hall_id": tx.hall_id,
            "terminal_id": terminal.terminal_id,
            "counter_no": terminal.counter_no,
            "name": terminal.name,
            "linked": int(terminal.linked),
        },
    )
