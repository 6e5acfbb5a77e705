"""What a caller says, as typed, turned into a claim that a desk can compare; and the number the caller is found by.

Your line belongs here if it checks the form of what was said. Whether it is true is the desk's answer. No Qt.
"""

from __future__ import annotations

import enum
import unicodedata
from dataclasses import dataclass

from counter_app.domain.cards import CARD_NO_DIGITS, parse_card_no
from counter_app.domain.claims import normalise_phone, require_complete
from counter_app.domain.documents import id_number_holds, normalise_id_number
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.money import parse_yuan
from counter_app.domain.requests import Claim
from ui.forms.fields import at_field


class Proof(enum.Enum):
    """The fourth thing a caller names. The last two stand in for a balance the caller does not know (rule book)."""

    BALANCE = "balance"
    LAST_TOP_UP = "last_top_up"
    SECOND_CONTACT = "second_contact"

    @property
    def caption(self) -> str:
        """What the clerk asks for."""
        return {
            "balance": "卡内余额（元）",
            "last_top_up": "最近一次充值金额（元）",
            "second_contact": "第二联系人电话",
        }[self.value]


NAME, ID_NUMBER, PHONE, PROOF, SAID = "name", "id_number", "phone", "proof", "said"
"""Names of the fields in refusals."""

_FIELD_OF = {
    Reason.NAME_EMPTY: NAME,
    Reason.ID_NUMBER_MALFORMED: ID_NUMBER,
    Reason.ID_NUMBER_CHECK_DIGIT: ID_NUMBER,
    Reason.PHONE_MALFORMED: PHONE,
}


def claim_from(name: str, id_number: str, phone: str, proof: Proof, proved: str) -> Claim:
    """Typed text → claim. Raises `Refused` for the first field that cannot be compared, with its name."""
    name, id_number, phone, proved = name.strip(), id_number.strip(), phone.strip(), proved.strip()
    claim = Claim(name, id_number, phone, second_contact="-")  # any proof: the three personal fields first
    try:
        require_complete(claim)
    except Refused as refused:
        raise Refused(refused.reason, **refused.details, at=_FIELD_OF[refused.reason]) from refused
    with at_field(PROOF):
        if not proved:
            raise Refused(Reason.TEXT_MISSING, field=proof.caption)
        if proof is Proof.BALANCE:
            return Claim(name, id_number, phone, balance_fen=said_fen(proved))
        if proof is Proof.LAST_TOP_UP:
            return Claim(name, id_number, phone, last_top_up_fen=parse_yuan(proved))
        if not 7 <= len(normalise_phone(proved)) <= 12:
            raise Refused(Reason.PHONE_MALFORMED)
        return Claim(name, id_number, phone, second_contact=proved)


def id_number_trouble(typed: str) -> Refused | None:
    """What is wrong with a citizen number that is typed to its end; None while it may still become right."""
    plain = normalise_id_number(typed)
    if len(plain) < 18 or not plain[:17].isdigit() or (len(plain) == 18 and id_number_holds(plain)):
        return None
    return Refused(Reason.ID_NUMBER_MALFORMED if len(plain) > 18 else Reason.ID_NUMBER_CHECK_DIGIT)


def said_fen(typed: str) -> int:
    """A balance as the caller says it: as `parse_yuan`, but an empty card's 0 counts as an answer too."""
    plain = unicodedata.normalize("NFKC", typed).strip()
    if plain.isascii() and "0" in plain and not plain.strip("0."):
        return 0
    return parse_yuan(typed)


@dataclass(frozen=True, slots=True)
class SaidNumber:
    """The one whole number a caller is found by; the other two are empty."""

    card_no: str = ""
    id_number: str = ""
    phone: str = ""


def said_number(typed: str) -> SaidNumber:
    """Which number was said, made plain. Raises `Refused` saying what seems to be meant and what is wrong with it.

    A name or part of a number is not enough on the telephone.
    """
    with at_field(SAID):
        plain = normalise_id_number(typed)
        if not plain or not plain.isascii() or not plain.isalnum():
            raise Refused(Reason.TEXT_MISSING, field="卡号、证件号码或手机号")
        if len(plain) == 18:
            if plain[:17].isdigit() and not id_number_holds(plain):
                raise Refused(Reason.ID_NUMBER_CHECK_DIGIT)
            return SaidNumber(id_number=plain)
        if not plain.isdigit():
            if not 7 <= len(plain) <= 15:
                raise Refused(Reason.ID_NUMBER_MALFORMED)
            return SaidNumber(id_number=plain)
        phone = normalise_phone(plain)
        if len(phone) == 11 and phone.startswith("1"):
            return SaidNumber(phone=phone)
        if abs(len(plain) - CARD_NO_DIGITS) <= 2:
            return SaidNumber(card_no=parse_card_no(plain))
        raise Refused(Reason.PHONE_MALFORMED)
