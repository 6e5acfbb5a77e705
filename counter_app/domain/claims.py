"""Is this the holder? What a caller says, or a document on the counter, against what is stored; never shows it."""

from __future__ import annotations

import datetime as dt
import unicodedata

from counter_app.domain.cards import Holder
from counter_app.domain.documents import IdDocument, id_number_holds, normalise_id_number
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.requests import Claim, ClaimAnswer
from counter_app.domain.rule_book import RuleBook, RuleCode

NAME_DOTS = "·•‧・．."
"""Ways to type the dot of 买买提·艾力."""

_SHORTEST_PHONE, _LONGEST_PHONE = 7, 12


def normalise_name(typed: str) -> str:
    """One form for comparing: without spaces and dots, full-width letters made plain, case ignored."""
    plain = unicodedata.normalize("NFKC", typed)
    return "".join(char for char in plain if not char.isspace() and char not in NAME_DOTS).casefold()


def normalise_phone(typed: str) -> str:
    """Digits only; the country code of a mobile number is dropped."""
    digits = "".join(char for char in unicodedata.normalize("NFKC", typed) if char in "0123456789")
    return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits


def require_complete(claim: Claim) -> None:
    """Refuse a claim that cannot be compared yet: a slip of the finger must not cost the caller a try."""
    if not normalise_name(claim.name):
        raise Refused(Reason.NAME_EMPTY)
    number = normalise_id_number(claim.id_number)
    # Passports and older permits mix letters and digits; only a citizen number has a form to check.
    if len(number) < 7 or (number.isdigit() and len(number) != 18):
        raise Refused(Reason.ID_NUMBER_MALFORMED)
    if len(number) == 18 and number[:17].isdigit() and not id_number_holds(number):
        raise Refused(Reason.ID_NUMBER_CHECK_DIGIT)
    phone = normalise_phone(claim.phone)
    if not _SHORTEST_PHONE <= len(phone) <= _LONGEST_PHONE or (phone.startswith("1") and len(phone) != 11):
        raise Refused(Reason.PHONE_MALFORMED)
    if claim.balance_fen is None and claim.last_top_up_fen is None and not claim.second_contact.strip():
        raise Refused(Reason.TEXT_MISSING, field="卡内余额（不知道时填上次充值金额或第二联系人电话）")


def check_claim(
    holder: Holder,
    balance_fen: int,
    last_top_up_fen: int | None,
    claim: Claim,
    rules: RuleBook,
    day: dt.date,
    tries_left: int,
) -> ClaimAnswer:
    """Match or no match per field. `tries_left` is what was left before this try; a claim that fails uses one up.

    The balance may be off by CLAIM_BALANCE_TOLERANCE. Only a caller who does not know it may name the last top-up
    or the second contact instead; of these everything that is named must match, so nobody gets two guesses.
    """
    balance: bool | None = None
    fallback: bool | None = None
    if claim.balance_fen is not None:
        tolerance_fen = rules.value(RuleCode.CLAIM_BALANCE_TOLERANCE, day)
        balance = abs(claim.balance_fen - balance_fen) <= tolerance_fen
    else:
        named: list[bool] = []
        if claim.last_top_up_fen is not None:
            named.append(claim.last_top_up_fen == last_top_up_fen)
        if claim.second_contact.strip():
            stored = normalise_phone(holder.second_contact)
            named.append(bool(stored) and normalise_phone(claim.second_contact) == stored)
        fallback = all(named) if named else None
    answer = ClaimAnswer(
        name=normalise_name(claim.name) == normalise_name(holder.name),
        id_number=normalise_id_number(claim.id_number) == normalise_id_number(holder.document_number),
        phone=normalise_phone(claim.phone) == normalise_phone(holder.phone),
        balance=balance,
        fallback=fallback,
        tries_left=tries_left,
    )
    if answer.holds:
        return answer
    return ClaimAnswer(
        answer.name, answer.id_number, answer.phone, balance, fallback, tries_left=max(tries_left - 1, 0)
    )


def document_is_of(document: IdDocument, holder: Holder) -> bool:
    """Whether number and name of a document are the holder's."""
    return normalise_id_number(document.number) == normalise_id_number(
        holder.document_number
    ) and normalise_name(document.name) == normalise_name(holder.name)


def expired(document: IdDocument, day: dt.date) -> bool:
    """Whether the document's last day is over; an unread date is not held against the customer."""
    return document.valid_to is not None and not document.long_term and document.valid_to < day


def require_holder(document: IdDocument, holder: Holder, day: dt.date) -> None:
    """Refuse a document of somebody else, then one that has expired."""
    if not document_is_of(document, holder):
        raise Refused(Reason.HOLDER_DOES_NOT_MATCH)
    if expired(document, day):
        assert document.valid_to is not None
        raise Refused(Reason.DOCUMENT_EXPIRED, valid_to=document.valid_to.isoformat())
