"""Who stands at the counter: the one entry box, the panel's view of a person or card, and the history of a purse.

Everything that leaves here is masked, except one field at a time through `unmask`, which is audited.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from counter_app.domain import masking
from counter_app.domain.asking import Asked
from counter_app.domain.cards import Card, CardKind, CardState, Holder, card_no_text, parse_card_no
from counter_app.domain.claims import NAME_DOTS, document_is_of, expired, normalise_phone
from counter_app.domain.documents import IdDocument, id_number_holds, normalise_id_number
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, HolderId, MediumId, PurseId
from counter_app.domain.money import yuan
from counter_app.domain.shifts import HALL_ZONE, clock_text, hall_date
from counter_app.domain.views import CardChoice, CustomerView, HistoryLine, Match, RecentLine, Tone
from counter_app.storage import cards, holders, intents, ledger
from counter_app.storage.database import Transaction
from counter_app.storage.intents import Intent, IntentState

if TYPE_CHECKING:
    from counter_app.services.hall import HallAtCounter
    from counter_app.storage.cards import PurseEvent
    from counter_app.storage.holders import CardFound, Hit, ReceiptFound

MOST_MATCHES = 10
"""One more than a list has digits to choose with: a longer answer is a reason to type on, and costs time."""
RECENT_LINES = 4

PersonalField = Literal["name", "document", "phone", "address", "second_contact"]
"""What one look may unmask."""

_TONES: dict[CardState, Tone] = {
    CardState.ACTIVE: "good",
    CardState.LOST: "bad",
    CardState.FROZEN: "bad",
    CardState.REPLACED: "bad",
    CardState.COLLECTED: "bad",
    CardState.CLOSED: "bad",
    CardState.BLANK: "plain",
}
_PREFERRED = (CardState.ACTIVE, CardState.LOST, CardState.FROZEN, CardState.REPLACED, CardState.COLLECTED)
_VOID = (CardState.REPLACED, CardState.COLLECTED)
_CLAIMABLE = (CardState.ACTIVE, CardState.LOST, CardState.FROZEN)

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_RECEIPT = re.compile(
    r"(?P<loss>S)?(?P<counter>[A-Z]\d{1,2})-(?:(?P<day>\d{6})-(?P<ordinal>\d{1,2})-)?(?P<number>\d{1,4})",
    re.ASCII,
)
_LETTERS = re.compile(r"[a-zA-Z]+", re.ASCII)
_DOCUMENT = re.compile(r"(?=.*[A-Z])(?=.*\d)[A-Z0-9]{7,18}", re.ASCII)
_MOST_SHIFTS_A_DAY = 12
"""Shifts of one counter among which a short receipt number is looked for."""


@dataclass(frozen=True, slots=True)
class ClaimCard:
    """A card that a caller may mean: enough to point at it, nothing to recognise the person by."""

    card_no: CardNo
    text: str
    """`卡尾号 1877　实名卡　正常`."""
    state: str


class CustomerDesk:
    """Looks of one counter at customers, cards and receipts."""

    def __init__(self, at: HallAtCounter) -> None:
        self._at = at
        self._database = at.database

    # --- the entry box ------------------------------------------------------------------------------------------

    def find(self, typed: str) -> tuple[Match, ...]:
        """What a clerk typed, recognised by its form: card number, ID number, phone, its last four, receipt number
        (also short, `D2-7`) or loss reference, pinyin initials, beginning of a name. At most ten lines, one look.

        `Refused`: SEARCH_TOO_SHORT while nothing can be told yet, CARD_NO_MALFORMED and ID_NUMBER_CHECK_DIGIT for
        damaged whole numbers, CARD_UNKNOWN, HOLDER_UNKNOWN and RECEIPT_UNKNOWN for whole numbers nobody has.
        """
        text = typed.translate(_FULL_WIDTH).strip()
        compact = "".join(text.split())
        plain = compact.replace("-", "").upper()
        receipt = _RECEIPT.fullmatch(compact.upper().partition("/")[0])
        if receipt is not None:
            return self._database.read(lambda tx: self._find_receipt(tx, receipt, typed))
        if plain.isascii() and plain.isdigit():
            return self._find_number(plain)
        if len(plain) == 18 and plain[:17].isascii() and plain[:17].isdigit():
            return self._find_document(plain)
        if _DOCUMENT.fullmatch(plain):
            return self._by_people(lambda tx: self._of_document(tx, plain))
        if _LETTERS.fullmatch(text):
            if len(text) < 2:
                raise Refused(Reason.SEARCH_TOO_SHORT)
            return self._by_people(lambda tx: holders.find_by_initials(tx, text.lower(), MOST_MATCHES))
        name = "".join("·" if char in NAME_DOTS else char for char in text)
        if sum(char.isalpha() for char in name) < 2:
            raise Refused(Reason.SEARCH_TOO_SHORT)
        return self._by_people(lambda tx: holders.find_by_name(tx, name, MOST_MATCHES))

    def _find_number(self, digits: str) -> tuple[Match, ...]:
        if len(digits) == 4:
            return self._by_people(lambda tx: holders.find_by_last4(tx, digits, MOST_MATCHES))
        if len(digits) == 11 and digits.startswith("1"):
            return self._by_people(lambda tx: holders.find_by_phone(tx, digits, MOST_MATCHES))
        if len(digits) == 18:
            return self._find_document(digits)
        ours = digits.startswith(masking.OWN_CARD_PREFIXES)
        if len(digits) == 16 and (ours or not _may_become_id_number(digits)):
            return self._database.read(lambda tx: self._find_card(tx, parse_card_no(digits)))
        if len(digits) > 18 or (ours and len(digits) > 16):
            raise Refused(Reason.CARD_NO_MALFORMED, typed=digits[:24])
        raise Refused(Reason.SEARCH_TOO_SHORT)

    def _find_document(self, number: str) -> tuple[Match, ...]:
        if not id_number_holds(number):
            raise Refused(Reason.ID_NUMBER_CHECK_DIGIT)
        matches = self._by_people(lambda tx: self._of_document(tx, number))
        if not matches:
            raise Refused(Reason.HOLDER_UNKNOWN)
        return matches

    @staticmethod
    def _of_document(tx: Transaction, number: str) -> tuple[Hit, ...]:
        found = holders.find_by_document_line(tx, number)
        return () if found is None else (found,)

    def _by_people(self, look: Callable[[Transaction], tuple[Hit, ...]]) -> tuple[Match, ...]:
        return tuple(_person_line(person) for person in self._database.read(look))

    @staticmethod
    def _find_card(tx: Transaction, card_no: CardNo) -> tuple[Match, ...]:
        found = holders.find_by_card(tx, card_no)
        if found is None:
            raise Refused(Reason.CARD_UNKNOWN, card_no=card_no_text(card_no))
        return (Match(f"card:{card_no}", _card_title(found), _card_detail(found), "卡"),)

    def _find_receipt(self, tx: Transaction, receipt: re.Match[str], typed: str) -> tuple[Match, ...]:
        counter, number = receipt["counter"], int(receipt["number"])
        if receipt["day"] is not None:
            candidates = [f"{counter}-{receipt['day']}-{int(receipt['ordinal'])}-{number:04d}"]
        else:
            today = hall_date(tx.now)
            # Work after the day's close already carries the next business date.
            candidates = [
                f"{counter}-{today + dt.timedelta(days=days):%y%m%d}-{ordinal}-{number:04d}"
                for days in (1, 0, -1)
                for ordinal in range(1, _MOST_SHIFTS_A_DAY + 1)
            ]
        found = holders.find_by_receipts(tx, candidates, MOST_MATCHES)
        if not found and receipt["day"] is not None and len(receipt["number"]) == 4:
            raise Refused(Reason.RECEIPT_UNKNOWN, receipt_no=typed.strip()[:24])
        return tuple(_receipt_line(hit) for hit in found)

    # --- opening a person ---------------------------------------------------------------------------------------

    def open(self, key: str, *, hidden: bool = False) -> CustomerView:
        """What a `Match.key` or `CardChoice.key` stands for: `holder:<id>`, `card:<no>`, `receipt:<no>`.

        `hidden` is for telephone reports: no identity, balance, history or other cards.
        """
        kind, _, value = key.partition(":")

        def look(tx: Transaction) -> CustomerView:
            if kind == "holder":
                return self._view_of_holder(tx, HolderId(value), hidden=hidden)
            if kind == "card":
                return self._view_of_card(tx, CardNo(value), hidden=hidden)
            if kind == "receipt":
                booked = ledger.by_receipt_no(tx, value)
                if booked is None or booked.purse_id is None or booked.card_no is None:
                    raise Refused(Reason.RECEIPT_UNKNOWN, receipt_no=value)
                # An old receipt says nothing about the card in hand: the purse's present card is meant.
                present = _preferred(cards.of_purse(tx, booked.purse_id))
                return self._view_of_card(tx, present.card_no if present else booked.card_no, hidden=hidden)
            raise ValueError(f"not a key of a customer: {key}")

        return self._database.read(look)

    def by_medium(self, medium_id: MediumId, *, hidden: bool = False) -> CustomerView:
        """The card that lies on the reader; MEDIUM_UNKNOWN when nobody registered it."""

        def look(tx: Transaction) -> CustomerView:
            return self._view_of_card(tx, cards.by_medium(tx, medium_id), hidden=hidden)

        return self._database.read(look)

    def by_document(self, document: IdDocument) -> CustomerView:
        """The holder of the document on the reader, warned when its name differs or it has expired."""

        def look(tx: Transaction) -> CustomerView:
            holder_id = holders.find_by_document(tx, normalise_id_number(document.number))
            if holder_id is None:
                raise Refused(Reason.HOLDER_UNKNOWN)
            return self._view_of_holder(tx, holder_id, document=document)

        return self._database.read(look)

    def view_for_claim(
        self, *, id_number: str = "", phone: str = "", card_no: str = ""
    ) -> tuple[ClaimCard, ...]:
        """Named cards that a caller may mean, found by one whole number; tails only, the rest must be said."""

        def look(tx: Transaction) -> tuple[ClaimCard, ...]:
            if card_no:
                card = cards.find(tx, parse_card_no(card_no))
                if card is None:
                    raise Refused(Reason.CARD_UNKNOWN, card_no=card_no_text(parse_card_no(card_no)))
                card.require_named()
                return (_claim_card(card),)
            if id_number:
                people = self._of_document(tx, normalise_id_number(id_number))
            else:
                people = holders.find_by_phone(tx, normalise_phone(phone))
            claimable = tuple(
                _claim_card(card)
                for person in people
                for card in cards.of_holder(tx, person.holder_id)
                if card.kind is CardKind.NAMED and card.state in _CLAIMABLE
            )
            if not claimable:
                raise Refused(Reason.HOLDER_UNKNOWN)
            return claimable

        return self._database.read(look)

    # --- history and single values ------------------------------------------------------------------------------

    def history(
        self, purse_id: PurseId, before: str | None = None, most: int = 50
    ) -> tuple[HistoryLine, ...]:
        """The purse's operations over old and new card numbers, newest first; `before` is the last line's key."""
        events = self._database.read(lambda tx: cards.history(tx, purse_id, before, most))
        return tuple(_history_line(event) for event in events)

    def unmask(self, asked: Asked, holder_id: HolderId, field: PersonalField) -> str:
        """One plain value of a person; who looked at which field of whom stands in the audit chain."""

        def unit(tx: Transaction) -> str:
            holder = holders.load(tx, holder_id)
            plain: dict[PersonalField, str] = {
                "name": holder.name,
                "document": holder.document_number,
                "phone": holder.phone,
                "address": holder.address,
                "second_contact": holder.second_contact,
            }
            ledger.note(tx, asked, "unmask", {"holder_id": holder_id, "field": field})
            return plain[field]

        return self._database.write(unit)

    # --- the panel ----------------------------------------------------------------------------------------------

    def _view_of_holder(
        self,
        tx: Transaction,
        holder_id: HolderId,
        *,
        hidden: bool = False,
        document: IdDocument | None = None,
    ) -> CustomerView:
        present = _preferred(cards.of_holder(tx, holder_id))
        holder = holders.load(tx, holder_id)
        if present is not None:
            return self._view(tx, present, holder, hidden=hidden, document=document)
        return CustomerView(
            "",
            "",
            "" if hidden else masking.mask_name(holder.name),
            "" if hidden else masking.mask_document(holder.document_number),
            "" if hidden else masking.mask_phone(holder.phone),
            "",
            "没有卡",
            "warn",
            None,
            warnings=_document_warnings(document, holder, hall_date(tx.now)),
            hidden=hidden,
            holder_id=None if hidden else holder_id,
        )

    def _view_of_card(self, tx: Transaction, card_no: CardNo, *, hidden: bool) -> CustomerView:
        card = cards.find(tx, card_no)
        if card is None:
            raise Refused(Reason.CARD_UNKNOWN, card_no=card_no_text(card_no))
        holder = holders.load(tx, card.holder_id) if card.holder_id is not None else None
        return self._view(tx, card, holder, hidden=hidden)

    def _view(
        self,
        tx: Transaction,
        card: Card,
        holder: Holder | None,
        *,
        hidden: bool,
        document: IdDocument | None = None,
    ) -> CustomerView:
        tone = _TONES[card.state]
        kind_text = card.kind.text.removesuffix("卡")
        if hidden:
            return CustomerView(
                card.card_no,
                masking.mask_card(card.card_no),
                "",
                "",
                "",
                kind_text,
                card.state.text,
                tone,
                None,
                hidden=True,
                card_state=card.state.value,
            )
        warnings = self._card_warnings(tx, card)
        if holder is not None:
            warnings += _document_warnings(document, holder, hall_date(tx.now))
        # A void number has no money of its own: what the purse holds is shown with the card that replaced it.
        shows_balance = card.purse_id is not None and card.state not in _VOID
        events = () if card.purse_id is None else cards.history(tx, card.purse_id, most=RECENT_LINES)
        siblings = () if holder is None else cards.of_holder(tx, holder.holder_id)
        return CustomerView(
            card.card_no,
            card_no_text(card.card_no),
            "" if holder is None else masking.mask_name(holder.name),
            "" if holder is None else masking.mask_document(holder.document_number),
            "" if holder is None else masking.mask_phone(holder.phone),
            kind_text,
            card.state.text,
            tone,
            cards.look_at_purse(tx, card.purse_id).balance_fen if shows_balance and card.purse_id else None,
            warnings,
            tuple(_recent_line(event) for event in events),
            holder_id=None if holder is None else holder.holder_id,
            purse_id=card.purse_id,
            card_state=card.state.value,
            cards=tuple(_choice(sibling, card) for sibling in siblings) if len(siblings) > 1 else (),
        )

    def _card_warnings(self, tx: Transaction, card: Card) -> tuple[str, ...]:
        warnings: list[str] = []
        if card.state is CardState.LOST and (loss := cards.open_loss(tx, card.card_no)) is not None:
            warnings.append(f"已挂失，受理号 {loss.reference}，{clock_text(loss.reported_at)} 受理。")
            if hall_date(tx.now) > loss.deadline:
                warnings.append(
                    f"已超过补卡期限 {loss.deadline.isoformat()}，卡仍冻结，持卡人带证件仍可办理。"
                )
            else:
                warnings.append(f"请持卡人在 {loss.deadline.isoformat()} 前带身份证补卡，找到卡可解挂。")
        elif card.state is CardState.FROZEN:
            warnings.append("卡已冻结，不能充值，请联系主管。")
        elif card.state in _VOID:
            assert card.purse_id is not None
            present = _preferred(cards.of_purse(tx, card.purse_id))
            new_card_no = present.card_no if present is not None else (card.replaced_by or "")
            taken_in = card.state is CardState.COLLECTED
            what = "旧卡，已收回作废" if taken_in else "旧卡，请收回作废"
            warnings.append(f"{what}。已补成新卡 {card_no_text(new_card_no)}。")
        intent = intents.open_of_card(tx, card.card_no)
        if intent is not None:
            warnings.append(_intent_warning(intent, self._at.counter_no))
        return tuple(warnings)


def _may_become_id_number(digits: str) -> bool:
    """Whether an ID number may begin like this: its century stands where a card number has any digits."""
    return digits[6:8] in ("19", "20")


def _preferred(of_person: tuple[Card, ...]) -> Card | None:
    """The card a person most likely means: a usable one first, then a lost one."""
    ranked = [card for card in of_person if card.state in _PREFERRED]
    return min(ranked, key=lambda card: (_PREFERRED.index(card.state), card.card_no), default=None)


def _rank(state: CardState) -> int:
    """The smaller the likelier is a card in this state the one that is meant."""
    return _PREFERRED.index(state) if state in _PREFERRED else len(_PREFERRED)


def _person_line(person: Hit) -> Match:
    parts = [f"证件尾号 {person.document_tail}"]
    if person.phone_last4:
        parts.append(f"手机尾号 {person.phone_last4}")
    if person.cards:
        card_no, state = min(person.cards, key=lambda pair: _rank(pair[1]))
        parts.append(f"卡尾号 {card_no[-4:]} {state.text}")
    if len(person.cards) > 1:
        parts.append(f"共 {len(person.cards)} 张卡")
    return Match(f"holder:{person.holder_id}", masking.mask_name(person.name), "　".join(parts), "客户")


def _card_title(found: CardFound) -> str:
    if found.holder is not None:
        return masking.mask_name(found.holder.name)
    return "空白卡" if found.state is CardState.BLANK else "不记名卡"


def _card_detail(found: CardFound) -> str:
    parts = [f"卡尾号 {found.card_no[-4:]} {found.state.text}"]
    if found.holder is not None:
        parts.append(f"证件尾号 {found.holder.document_tail}")
        if found.holder.phone_last4:
            parts.append(f"手机尾号 {found.holder.phone_last4}")
    return "　".join(parts)


def _receipt_line(hit: ReceiptFound) -> Match:
    """A receipt of a card opens its customer; a paper of the drawer or the day opens as itself."""
    title, detail = f"{hit.receipt_no}　{hit.kind.text}", clock_text(hit.booked_at)
    if hit.amount_fen or hit.card is not None:
        detail += f"　{yuan(hit.amount_fen)} 元"
    if hit.card is None:
        return Match(f"paper:{hit.receipt_no}", title, detail, "凭证", hit.receipt_no)
    return Match(
        f"receipt:{hit.receipt_no}",
        f"{title}　{_card_title(hit.card)}",
        f"{detail}　{_card_detail(hit.card)}",
        "凭证",
    )


def _claim_card(card: Card) -> ClaimCard:
    text = f"卡尾号 {card.card_no[-4:]}　{card.kind.text}　{card.state.text}"
    return ClaimCard(card.card_no, text, card.state.value)


def _choice(card: Card, shown: Card) -> CardChoice:
    return CardChoice(
        f"card:{card.card_no}",
        card_no_text(card.card_no),
        card.kind.text,
        card.state.text,
        _TONES[card.state],
        card.card_no == shown.card_no,
    )


def _document_warnings(document: IdDocument | None, holder: Holder, today: dt.date) -> tuple[str, ...]:
    if document is None:
        return ()
    warnings = list(document.warnings)
    if not document_is_of(document, holder):
        warnings.append("证件姓名与登记不符，请核对是否本人。")
    if expired(document, today):
        assert document.valid_to is not None
        warnings.append(f"证件已于 {document.valid_to.isoformat()} 过期，不能凭此办理补卡、解挂。")
    return tuple(warnings)


def _intent_warning(intent: Intent, counter_no: int) -> str:
    since = clock_text(intent.started_at)
    if intent.counter_no != counter_no:
        return f"{intent.counter_no} 号台 {intent.staff_no} 正在办理此卡（{since} 起），请等其完成。"
    if intent.state is IntentState.RESERVED:
        return f"本台正在办理此卡补卡（{since} 起）。"
    return f"本台有一笔未决收款（{yuan(intent.amount_fen)} 元，{since} 起），请先处理。"


def _signed(event: PurseEvent) -> str:
    if event.change_fen:
        return f"{'+' if event.change_fen > 0 else '−'}{yuan(abs(event.change_fen))}"
    return yuan(event.amount_fen) if event.amount_fen else ""


def _what(event: PurseEvent) -> str:
    return f"{event.kind.text}（已冲正）" if event.reversed else event.kind.text


def _recent_line(event: PurseEvent) -> RecentLine:
    local = event.booked_at.astimezone(HALL_ZONE)
    return RecentLine(f"{local:%m-%d %H:%M}", _what(event), _signed(event))


def _history_line(event: PurseEvent) -> HistoryLine:
    return HistoryLine(
        event.key,
        event.receipt_no,
        clock_text(event.booked_at),
        _what(event),
        _signed(event),
        event.change_fen,
        event.tender.text,
        event.counter_no,
        event.staff_no,
        (event.card_no or "")[-4:],
        event.reversed,
    )
