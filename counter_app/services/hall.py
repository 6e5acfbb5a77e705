"""What every desk of one counter shares: the database, the hall's fixed data, the rule book and the id maker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from counter_app.domain.rule_book import RuleBook
from counter_app.storage import halls
from counter_app.storage.database import new_id as random_id
from counter_app.storage.halls import Hall, Place, Terminal

if TYPE_CHECKING:
    from counter_app.storage.database import Database, Transaction


class HallAtCounter:
    """One hall as seen from one counter. `reload` reads the fixed data again (at sign-in)."""

    def __init__(self, database: Database, counter_no: int, new_id: Callable[[], str] = random_id) -> None:
        self.database = database
        self.counter_no = counter_no
        self.new_id = new_id
        self.hall: Hall
        self.rules: RuleBook
        self.places: tuple[Place, ...]
        self.terminals: tuple[Terminal, ...]
        self.reload()

    def reload(self) -> None:
        """Read name, places, terminals and rule book."""

        def look(tx: Transaction) -> tuple[Hall, RuleBook, tuple[Place, ...], tuple[Terminal, ...]]:
            return halls.load(tx), halls.rule_book(tx), halls.places(tx), halls.terminals(tx)

        self.hall, self.rules, self.places, self.terminals = self.database.read(look)

    def now(self) -> dt.datetime:
        """The moment by the injected clock."""
        return self.database.clock()

    @property
    def replacing_places(self) -> tuple[str, ...]:
        """Names of the places that may replace cards (东郊 or headquarters)."""
        return tuple(place.name for place in self.places if place.may_replace)

    @property
    def may_replace_here(self) -> bool:
        """Whether this hall may replace cards."""
        return any(place.may_replace and place.is_this_hall for place in self.places)
