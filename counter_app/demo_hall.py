"""The demo hall: invented people, cards and balances, entered through the same founding as a real hall."""

from __future__ import annotations

import datetime as dt
import random
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any

from counter_app.demo_people import people
from counter_app.domain.asking import Notice
from counter_app.domain.cards import Card, CardKind, CardState, Holder
from counter_app.domain.ids import HallId, HolderId, MediumId, OperationId, PurseId, TerminalId
from counter_app.services import founding
from counter_app.services.founding import HallPlan, NewCard
from counter_app.services.initials import initials
from counter_app.storage.halls import Hall, Place, Terminal

if TYPE_CHECKING:
    from counter_app.domain.waiting import Progress
    from counter_app.services.passwords import Passwords
    from counter_app.storage.database import Database

OPENING_OPERATION = OperationId("demo-opening-balances")
FOUNDED_ON = dt.date(2026, 1, 4)
"""The day on which the cards entered the hall."""


def demo_data() -> dict[str, Any]:
    """The demo's fixed data as written in resources/demo/hall.toml."""
    return tomllib.loads(resources.files("resources").joinpath("demo/hall.toml").read_text("utf-8"))


def demo_plan(data: dict[str, Any]) -> HallPlan:
    """The demo hall's first day."""
    hall = data["hall"]
    return HallPlan(
        Hall(HallId(hall["id"]), hall["name"], hall["code"], is_demo=True),
        tuple((row["number"], row["name"]) for row in data["counters"]),
        tuple(
            Place(row["code"], row["name"], row["may_replace"], row["code"] == hall["place"])
            for row in data["places"]
        ),
        tuple(row["name"] for row in data["departments"]),
        tuple(
            Terminal(TerminalId(row["terminal_id"]), row["counter"], row["name"], row["linked"])
            for row in data["terminals"]
        ),
        founding.default_rules(),
        tuple(
            founding.person(row["staff_no"], row["name"], row["role"], row["password"], show_password=True)
            for row in data["staff"]
        ),
        tuple(
            Notice(row["code"], row["title"], row["body"], row["valid_from"], row["valid_to"])
            for row in data["notices"]
        ),
    )


def medium_of(number: int) -> MediumId:
    """What the simulated card reader sees of the n-th card: version byte 01 and four id bytes, in hex."""
    return MediumId(f"01{0x00400000 + number:08X}")


def card_prefix(prefix: str) -> str:
    """The digits before the running number: the company's, then year and month of issue."""
    return f"{prefix}2611"


def demo_cards(
    named: int, anonymous: int, blank: int, prefix: str, seed: int
) -> tuple[list[NewCard], list[tuple[Holder, tuple[str, ...]]]]:
    """Cards in the order of their numbers (named, anonymous, blank) with plausible holders and balances."""
    chance = random.Random(seed)
    numbers = iter(founding.card_no_run(card_prefix(prefix), 1, named + anonymous + blank))
    cards: list[NewCard] = []
    holders: list[tuple[Holder, tuple[str, ...]]] = []
    for position, someone in enumerate(people(named, seed), start=1):
        holder_id = HolderId(f"h{position:07d}")
        holders.append(
            (
                Holder(
                    holder_id,
                    someone.name,
                    someone.id_number,
                    someone.phone,
                    someone.sex,
                    someone.address,
                ),
                initials(someone.name),
            )
        )
        card = Card(
            next(numbers), CardKind.NAMED, CardState.ACTIVE, PurseId(f"p{position:07d}"), holder_id, 1
        )
        cards.append(NewCard(card, chance.randrange(0, 4_000) * 50, medium_of(position)))
    for position in range(named + 1, named + anonymous + 1):
        card = Card(next(numbers), CardKind.ANONYMOUS, CardState.ACTIVE, PurseId(f"p{position:07d}"), None, 1)
        cards.append(NewCard(card, chance.randrange(0, 1_500) * 50, medium_of(position)))
    for position in range(named + anonymous + 1, named + anonymous + blank + 1):
        card = Card(next(numbers), CardKind.ANONYMOUS, CardState.BLANK, None, None, 1)
        cards.append(NewCard(card, 0, medium_of(position)))
    return cards, holders


def fill(
    database: Database, passwords: Passwords, progress: Progress, sizes: dict[str, Any] | None = None
) -> None:
    """Found the demo hall in an empty, migrated database; `sizes` in place of the `[cards]` of its data."""
    data = demo_data()
    progress("正在建立演示营业厅…")
    founding.found_hall(database, demo_plan(data), passwords)
    sizes = sizes or data["cards"]
    progress(f"正在写入 {sizes['named'] + sizes['anonymous']} 张卡…")
    cards, holders = demo_cards(
        sizes["named"], sizes["anonymous"], sizes["blank"], sizes["prefix"], sizes["seed"]
    )
    founding.enter_cards(database, 1, OPENING_OPERATION, cards, holders, FOUNDED_ON)
    progress("演示营业厅已建好。")
