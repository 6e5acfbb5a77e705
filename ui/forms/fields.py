"""Which field a refusal is about, so that the page can mark it and put the focus there. No Qt, no desk.

Your line belongs here if two forms need it to say where typed text is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from counter_app.domain.errors import Refused

_DETAIL = "at"
"""The detail that carries the field's name; no sentence of `Reason` has a placeholder of this name."""


@contextmanager
def at_field(name: str) -> Iterator[None]:
    """Give a refusal raised inside the name of the field it is about, unless it has one already."""
    try:
        yield
    except Refused as refused:
        raise Refused(refused.reason, **{_DETAIL: name, **refused.details}) from refused


def field_of(refused: Refused) -> str:
    """The field that a form's refusal is about; empty when it is about none."""
    return str(refused.details.get(_DETAIL, ""))
