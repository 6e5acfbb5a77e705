"""Holders on disk: personal fields sealed, found whole by blind index, by last four, name prefix or initials."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from counter_app.domain.cards import CardKind, CardState, Holder
from counter_app.domain.documents import DocumentKind
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, HolderId, ReceiptNo
from counter_app.domain.ledger import OperationKind
from counter_app.storage import tables
from counter_app.storage.database import Transaction, moment
from counter_app.storage.sealed import blind_index, seal, unseal

b = sa.bindparam
_holder, _initials, _card = tables.holder, tables.holder_initials, tables.card

_columns = (
    _holder.c.holder_id,
    _holder.c.name,
    _holder.c.document_sealed,
    _holder.c.phone_sealed,
    _holder.c.second_contact_sealed,
    _holder.c.address_sealed,
    _holder.c.sex,
)
_load = sa.select(*_columns).where(_holder.c.hall_id == b("hall_id"), _holder.c.holder_id == b("holder_id"))
_load_many = sa.select(*_columns).where(
    _holder.c.hall_id == b("hall_id"), _holder.c.holder_id.in_(sa.bindparam("holder_ids", expanding=True))
)

_found = (_holder.c.holder_id, _holder.c.name, _holder.c.document_tail, _holder.c.phone_last4)
# As text beside the person, not as rows of their own: each row costs a turn at the interpreter that others want too,
# and a second look as much again.
_cards = (
    sa.select(sa.func.aggregate_strings(_card.c.card_no + " " + _card.c.state, ","))
    .where(_card.c.hall_id == _holder.c.hall_id, _card.c.holder_id == _holder.c.holder_id)
    .correlate(_holder)
    .scalar_subquery()
    .label("cards")
)


def _find(*conditions: sa.ColumnElement[bool], order: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    return (
        sa.select(*_found, _cards)
        .where(_holder.c.hall_id == b("hall_id"), *conditions)
        .order_by(*order)
        .limit(b("most"))
    )


_by_document = _find(_holder.c.document_index == b("index"), order=(_holder.c.holder_id,))
# Unordered: with an order SQLite would walk the whole hall by key rather than sort a few.
_by_phone = _find(_holder.c.phone_index == b("index"), order=())
_by_last4 = _find(_holder.c.phone_last4 == b("last4"), order=(_holder.c.holder_id,))
_by_name = _find(
    _holder.c.name >= b("first"), _holder.c.name < b("beyond"), order=(_holder.c.name, _holder.c.holder_id)
)
_by_initials = (
    sa.select(*_found, _cards)
    .select_from(
        _initials.join(
            _holder,
            sa.and_(_holder.c.hall_id == _initials.c.hall_id, _holder.c.holder_id == _initials.c.holder_id),
        )
    )
    .where(
        _initials.c.hall_id == b("hall_id"),
        _initials.c.initials >= b("first"),
        _initials.c.initials < b("beyond"),
    )
    .order_by(_initials.c.initials, _initials.c.holder_id)
    .limit(b("most"))
)
_operation = tables.operation
_card_with_holder = _card.outerjoin(
    _holder, sa.and_(_holder.c.hall_id == _card.c.hall_id, _holder.c.holder_id == _card.c.holder_id)
)
_by_card = (
    sa.select(_card.c.card_no, _card.c.kind, _card.c.state, *_found)
    .select_from(_card_with_holder)
    .where(_card.c.hall_id == b("hall_id"), _card.c.card_no == b("card_no"))
)
_by_receipts = (
    sa.select(
        _operation.c.receipt_no,
        _operation.c.kind.label("operation_kind"),
        _operation.c.booked_at,
        _operation.c.amount_fen,
        _card.c.card_no,
        _card.c.kind,
        _card.c.state,
        *_found,
    )
    .select_from(
        _operation.outerjoin(
            _card,
            sa.and_(_card.c.hall_id == _operation.c.hall_id, _card.c.card_no == _operation.c.card_no),
        ).outerjoin(
            _holder,
            sa.and_(_holder.c.hall_id == _card.c.hall_id, _holder.c.holder_id == _card.c.holder_id),
        )
    )
    .where(
        _operation.c.hall_id == b("hall_id"),
        _operation.c.receipt_no.in_(sa.bindparam("receipt_nos", expanding=True)),
    )
    .order_by(_operation.c.booked_at.desc())
    .limit(b("most"))
)
BEYOND = "\U0010ffff"
"""Greater than any character of a name: the end of a prefix range, which uses the index where LIKE would not."""


class Found:
    """A person found: enough for a masked line, nothing more."""

    __slots__ = ("document_tail", "holder_id", "name", "phone_last4")

    def __init__(self, row: Any) -> None:
        self.holder_id = HolderId(row.holder_id)
        self.name: str = row.name
        self.document_tail: str = row.document_tail
        self.phone_last4: str = row.phone_last4 or ""


class Hit(Found):
    """A person found together with the numbers and states of all their cards, by number."""

    __slots__ = ("cards",)

    def __init__(self, row: Any) -> None:
        super().__init__(row)
        pairs = (card.split(" ") for card in sorted(row.cards.split(","))) if row.cards else ()
        self.cards = tuple((CardNo(card_no), CardState(state)) for card_no, state in pairs)


@dataclass(frozen=True, slots=True)
class CardFound:
    """A card found by its number, with whoever holds it (nobody for an anonymous or blank card)."""

    card_no: CardNo
    kind: CardKind
    state: CardState
    holder: Found | None


@dataclass(frozen=True, slots=True)
class ReceiptFound:
    """An operation found by its receipt number; `card` is None for the drawer's and the day's own papers."""

    receipt_no: ReceiptNo
    kind: OperationKind
    booked_at: dt.datetime
    amount_fen: int
    card: CardFound | None


def _card_found(row: Any) -> CardFound:
    holder = None if row.holder_id is None else Found(row)
    return CardFound(CardNo(row.card_no), CardKind(row.kind), CardState(row.state), holder)


def find_by_card(tx: Transaction, card_no: CardNo) -> CardFound | None:
    """A card with its holder in one look, or None."""
    row = tx.one(_by_card, {"hall_id": tx.hall_id, "card_no": card_no})
    return None if row is None else _card_found(row)


def find_by_receipts(tx: Transaction, receipt_nos: Iterable[str], most: int = 50) -> tuple[ReceiptFound, ...]:
    """Operations with one of these receipt numbers, newest first."""
    values = {"hall_id": tx.hall_id, "receipt_nos": list(receipt_nos), "most": most}
    return tuple(
        ReceiptFound(
            ReceiptNo(row.receipt_no),
            OperationKind(row.operation_kind),
            moment(row.booked_at),
            int(row.amount_fen),
            None if row.card_no is None else _card_found(row),
        )
        for row in tx.all(_by_receipts, values)
    )


def _all(tx: Transaction, statement: sa.Executable, values: dict[str, Any], most: int) -> tuple[Hit, ...]:
    return tuple(Hit(row) for row in tx.all(statement, {"hall_id": tx.hall_id, "most": most, **values}))


def find_by_document(tx: Transaction, number: str) -> HolderId | None:
    """The holder of a document number (normalised), or None."""
    found = find_by_document_line(tx, number)
    return None if found is None else found.holder_id


def find_by_document_line(tx: Transaction, number: str) -> Hit | None:
    """The holder of a document number (normalised) as a line of a list, or None."""
    hits = _all(tx, _by_document, {"index": blind_index(tx.keys, "document", number)}, 1)
    return hits[0] if hits else None


def find_by_phone(tx: Transaction, phone: str, most: int = 50) -> tuple[Hit, ...]:
    """Holders of a whole phone number."""
    hits = _all(tx, _by_phone, {"index": blind_index(tx.keys, "phone", phone)}, most)
    return tuple(sorted(hits, key=lambda hit: hit.holder_id))


def find_by_last4(tx: Transaction, last4: str, most: int = 50) -> tuple[Hit, ...]:
    """Holders whose phone ends with four digits."""
    return _all(tx, _by_last4, {"last4": last4}, most)


def find_by_name(tx: Transaction, prefix: str, most: int = 50) -> tuple[Hit, ...]:
    """Holders whose name begins with `prefix`, in index order."""
    return _all(tx, _by_name, {"first": prefix, "beyond": prefix + BEYOND}, most)


def find_by_initials(tx: Transaction, prefix: str, most: int = 50) -> tuple[Hit, ...]:
    """Holders one of whose readings begins with these pinyin initials; a person appears once."""
    readings = most
    while True:
        hits = _all(tx, _by_initials, {"first": prefix, "beyond": prefix + BEYOND}, readings)
        people = {hit.holder_id: hit for hit in hits}
        if len(people) >= most or len(hits) < readings:
            return tuple(people.values())[:most]
        # Names of several readings took the place of other people.
        readings *= 2


def load(tx: Transaction, holder_id: HolderId) -> Holder:
    """A holder with every field unsealed."""
    row = tx.one(_load, {"hall_id": tx.hall_id, "holder_id": holder_id})
    if row is None:
        raise Refused(Reason.HOLDER_UNKNOWN)
    return _unsealed(tx, row)


def load_many(tx: Transaction, holder_ids: Iterable[HolderId]) -> dict[HolderId, Holder]:
    """Several holders with every field unsealed, in one look."""
    rows = tx.all(_load_many, {"hall_id": tx.hall_id, "holder_ids": sorted(set(holder_ids))})
    return {HolderId(row.holder_id): _unsealed(tx, row) for row in rows}


def _unsealed(tx: Transaction, row: Any) -> Holder:
    def plain(column: str, sealed: bytes | None) -> str:
        return "" if sealed is None else unseal(tx.keys, "holder", column, row.holder_id, bytes(sealed))

    return Holder(
        HolderId(row.holder_id),
        row.name,
        plain("document", row.document_sealed),
        plain("phone", row.phone_sealed),
        row.sex,
        plain("address", row.address_sealed),
        plain("second_contact", row.second_contact_sealed),
    )


_insert = sa.insert(_holder)
_insert_initials = sa.insert(_initials)


def row_of(tx: Transaction, holder: Holder, kind: DocumentKind) -> dict[str, Any]:
    """A holder as the sealed row that `add` inserts; bulk loads insert many of them at once."""

    def sealed(column: str, plain: str) -> bytes | None:
        return seal(tx.keys, "holder", column, holder.holder_id, plain) if plain else None

    return {
        "hall_id": tx.hall_id,
        "holder_id": holder.holder_id,
        "name": holder.name,
        "document_kind": kind.value,
        "document_sealed": sealed("document", holder.document_number),
        "document_index": blind_index(tx.keys, "document", holder.document_number),
        "document_tail": holder.document_number[-4:],
        "phone_sealed": sealed("phone", holder.phone),
        "phone_index": blind_index(tx.keys, "phone", holder.phone) if holder.phone else None,
        "phone_last4": holder.phone[-4:] or None,
        "second_contact_sealed": sealed("second_contact", holder.second_contact),
        "sex": holder.sex,
        "address_sealed": sealed("address", holder.address),
        "key_version": tx.keys.key_version,
    }


def add(
    tx: Transaction,
    people: Sequence[tuple[Holder, tuple[str, ...]]],
    kind: DocumentKind = DocumentKind.RESIDENT,
) -> None:
    """Enter holders with all readings of their initials."""
    if not people:
        return
    tx.run(_insert, [row_of(tx, holder, kind) for holder, _ in people])
    tx.run(
        _insert_initials,
        [
            {"hall_id": tx.hall_id, "initials": reading, "holder_id": holder.holder_id}
            for holder, readings in people
            for reading in dict.fromkeys(readings)
        ],
    )
