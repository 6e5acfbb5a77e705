"""Limits of a top-up, checked before money is taken; each refusal names its rule and the next step."""

from __future__ import annotations

import dataclasses
import datetime as dt

from counter_app.domain import masking
from counter_app.domain.cards import CardKind
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ledger import Tender, TenderKind
from counter_app.domain.money import yuan
from counter_app.domain.rule_book import RuleBook, RuleCode


def check_top_up(
    kind: CardKind, balance_fen: int, amount_fen: int, tender: Tender, rules: RuleBook, day: dt.date
) -> None:
    """Raise `Refused` if a top-up breaks a rule in force on `day`: the card's limit, cash at once, credit card."""
    if amount_fen <= 0:
        raise Refused(Reason.AMOUNT_NOT_POSITIVE)
    limit = rules.card_limit(kind, day)
    after_fen = balance_fen + amount_fen
    if after_fen > limit.value:
        raise Refused(
            Reason.CARD_LIMIT,
            after=yuan(after_fen),
            kind=kind.text,
            limit=yuan(limit.value),
            source=limit.source,
            room=yuan(max(limit.value - balance_fen, 0)),
        )
    if tender.kind is TenderKind.CASH:
        below = rules.rule(RuleCode.CASH_TOP_UP_BELOW, day)
        if amount_fen >= below.value:
            raise Refused(Reason.CASH_LIMIT, limit=yuan(below.value), source=below.source)
    if tender.kind is TenderKind.SLIP:
        require_debit(tender, rules, day)


def require_debit(tender: Tender, rules: RuleBook, day: dt.date) -> None:
    """A stand-alone slip needs the clerk's tick that it was a debit card, unless the book allows credit cards."""
    if not rules.value(RuleCode.CREDIT_CARD_TOP_UP, day) and not tender.debit_confirmed:
        raise Refused(Reason.DEBIT_CARD_NOT_CONFIRMED)


def slip_as_kept(tender: Tender) -> Tender:
    """The tender without a bank card number that somebody keyed into a slip's long fields (PCI DSS 3)."""
    return dataclasses.replace(
        tender,
        terminal_id=masking.mask_pan(tender.terminal_id),
        reference=masking.mask_pan(tender.reference),
    )


def check_received(tender: Tender, due_fen: int, rules: RuleBook, day: dt.date) -> int:
    """The change to give out; refuses too little cash, so much that it is a slip of the finger, and a POS slip
    without the numbers by which the bank finds it."""
    if tender.kind is TenderKind.NONE:
        raise ValueError("a request without a tender pays nothing")
    if tender.kind is TenderKind.SLIP:
        for value, field in ((tender.terminal_id, "终端号"), (tender.voucher, "凭证号")):
            if not value.strip():
                raise Refused(Reason.TEXT_MISSING, field=field)
    change_fen = tender.change_fen(due_fen)
    if change_fen > rules.value(RuleCode.CHANGE_AT_MOST, day):
        raise Refused(Reason.RECEIVED_IMPLAUSIBLE, received=yuan(tender.received_fen), due=yuan(due_fen))
    return change_fen
