"""Typed text of a loss report or a document: what is accepted, and which field each refusal names."""

from __future__ import annotations

import datetime as dt

import pytest

from counter_app.domain.documents import DocumentKind
from counter_app.domain.errors import Reason, Refused
from ui.forms.claim import Proof, SaidNumber, claim_from, said_number
from ui.forms.document import Paper, document_from
from ui.forms.fields import field_of

ID_NUMBER = "11010519491231002X"
FULL_WIDTH_ID = "１１０１０５１９４９１２３１００２Ｘ"


def refusal(call: object, *arguments: object) -> tuple[Reason, str]:
    """The reason and the field of what a form refuses."""
    with pytest.raises(Refused) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.reason, field_of(caught.value)


def test_a_claim_takes_what_a_chinese_input_method_types() -> None:
    claim = claim_from(" 张桂兰 ", FULL_WIDTH_ID, "１３８００００８０００", Proof.BALANCE, "１２３．５")
    assert (claim.name, claim.balance_fen) == ("张桂兰", 123_50)
    assert claim.last_top_up_fen is None


@pytest.mark.parametrize(("said", "fen"), [("0", 0), ("０．００", 0), ("100", 100_00), ("1,234.5", 1_234_50)])
def test_a_balance_may_be_nothing(said: str, fen: int) -> None:
    assert claim_from("张桂兰", ID_NUMBER, "13800008000", Proof.BALANCE, said).balance_fen == fen


def test_a_caller_who_does_not_know_the_balance_names_something_else() -> None:
    claim = claim_from("张桂兰", ID_NUMBER, "13800008000", Proof.LAST_TOP_UP, "50")
    assert (claim.balance_fen, claim.last_top_up_fen) == (None, 50_00)
    claim = claim_from("张桂兰", ID_NUMBER, "13800008000", Proof.SECOND_CONTACT, "139 0000 1111")
    assert (claim.balance_fen, claim.second_contact) == (None, "139 0000 1111")


@pytest.mark.parametrize(
    ("name", "number", "phone", "proof", "proved", "expected"),
    [
        ("", ID_NUMBER, "13800008000", Proof.BALANCE, "1", (Reason.NAME_EMPTY, "name")),
        (
            "张",
            "1101051949123100",
            "13800008000",
            Proof.BALANCE,
            "1",
            (Reason.ID_NUMBER_MALFORMED, "id_number"),
        ),
        (
            "张",
            "110105194912310021",
            "13800008000",
            Proof.BALANCE,
            "1",
            (Reason.ID_NUMBER_CHECK_DIGIT, "id_number"),
        ),
        ("张", ID_NUMBER, "1380000800", Proof.BALANCE, "1", (Reason.PHONE_MALFORMED, "phone")),
        ("张", ID_NUMBER, "١٣٨٠٠٠٠٨٠٠٠", Proof.BALANCE, "1", (Reason.PHONE_MALFORMED, "phone")),
        ("张", ID_NUMBER, "13800008000", Proof.BALANCE, "", (Reason.TEXT_MISSING, "proof")),
        ("张", ID_NUMBER, "13800008000", Proof.BALANCE, "-5", (Reason.AMOUNT_NOT_POSITIVE, "proof")),
        ("张", ID_NUMBER, "13800008000", Proof.BALANCE, "1e5", (Reason.AMOUNT_NOT_A_NUMBER, "proof")),
        ("张", ID_NUMBER, "13800008000", Proof.BALANCE, "١٢٣", (Reason.AMOUNT_NOT_A_NUMBER, "proof")),
        ("张", ID_NUMBER, "13800008000", Proof.LAST_TOP_UP, "0", (Reason.AMOUNT_NOT_POSITIVE, "proof")),
        ("张", ID_NUMBER, "13800008000", Proof.LAST_TOP_UP, "1.234", (Reason.AMOUNT_TOO_FINE, "proof")),
        ("张", ID_NUMBER, "13800008000", Proof.SECOND_CONTACT, "139", (Reason.PHONE_MALFORMED, "proof")),
    ],
)
def test_a_bad_claim_names_its_field(
    name: str, number: str, phone: str, proof: Proof, proved: str, expected: tuple[Reason, str]
) -> None:
    assert refusal(claim_from, name, number, phone, proof, proved) == expected


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("3105 0001 0000 0015", SaidNumber(card_no="3105000100000015")),
        ("３１０５０００１００００００１５", SaidNumber(card_no="3105000100000015")),
        (FULL_WIDTH_ID.lower(), SaidNumber(id_number=ID_NUMBER)),
        ("138-0000-8000", SaidNumber(phone="13800008000")),
        ("+86 13800008000".lstrip("+"), SaidNumber(phone="13800008000")),
        ("e12345678", SaidNumber(id_number="E12345678")),
    ],
)
def test_a_caller_is_found_by_one_whole_number(typed: str, found: SaidNumber) -> None:
    assert said_number(typed) == found


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", Reason.TEXT_MISSING),
        ("张桂兰", Reason.TEXT_MISSING),
        ("3105000100000016", Reason.CARD_NO_MALFORMED),
        ("310500010000001", Reason.CARD_NO_MALFORMED),
        ("110105194912310021", Reason.ID_NUMBER_CHECK_DIGIT),
        ("zgl", Reason.ID_NUMBER_MALFORMED),
        ("8000", Reason.PHONE_MALFORMED),
    ],
)
def test_part_of_a_number_is_not_enough_on_the_telephone(typed: str, reason: Reason) -> None:
    assert refusal(said_number, typed) == (reason, "said")


@pytest.mark.parametrize(
    "typed", ["2035-06-30", "20350630", "2035.6.30", "2035/6/30", "2035年6月30日", "２０３５－０６－３０"]
)
def test_a_typed_document_is_marked_as_typed(typed: str) -> None:
    document = document_from(Paper.RESIDENT, " 张桂兰 ", FULL_WIDTH_ID, typed)
    assert (document.kind, document.name, document.number) == (DocumentKind.RESIDENT, "张桂兰", ID_NUMBER)
    assert (document.valid_to, document.long_term) == (dt.date(2035, 6, 30), False)
    assert not document.read_by_machine


def test_long_term_and_other_papers() -> None:
    assert document_from(Paper.RESIDENT, "张桂兰", ID_NUMBER, "长期").long_term
    kinds = [
        document_from(Paper.PASSPORT, "Maria Silva", "e1234567", "20300101").kind,
        document_from(Paper.FOREIGNER, "Maria Silva", "USA110075012801", "20300101").kind,
        document_from(Paper.FOREIGNER, "Maria Silva", ID_NUMBER, "20300101").kind,
        document_from(Paper.RESIDENCE_PERMIT, "陈大文", ID_NUMBER, "20300101").kind,
    ]
    assert kinds == [
        DocumentKind.PASSPORT,
        DocumentKind.FOREIGNER_2017,
        DocumentKind.FOREIGNER_2023,
        DocumentKind.RESIDENCE_PERMIT,
    ]


@pytest.mark.parametrize(
    ("paper", "name", "number", "valid_to", "expected"),
    [
        (Paper.RESIDENT, " ", ID_NUMBER, "长期", (Reason.NAME_EMPTY, "name")),
        (Paper.RESIDENT, "张", "", "长期", (Reason.TEXT_MISSING, "number")),
        (Paper.RESIDENT, "张", "11010519491231002", "长期", (Reason.ID_NUMBER_MALFORMED, "number")),
        (Paper.RESIDENT, "张", "١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", "长期", (Reason.ID_NUMBER_MALFORMED, "number")),
        (Paper.RESIDENT, "张", "110105194912310021", "长期", (Reason.ID_NUMBER_CHECK_DIGIT, "number")),
        (Paper.PASSPORT, "Maria", "E1", "长期", (Reason.VALUE_NOT_ALLOWED, "number")),
        (Paper.RESIDENT, "张", ID_NUMBER, "", (Reason.TEXT_MISSING, "valid_to")),
        (Paper.RESIDENT, "张", ID_NUMBER, "2035-02-30", (Reason.VALUE_NOT_ALLOWED, "valid_to")),
        (Paper.RESIDENT, "张", ID_NUMBER, "明年", (Reason.VALUE_NOT_ALLOWED, "valid_to")),
    ],
)
def test_a_bad_document_names_its_field(
    paper: Paper, name: str, number: str, valid_to: str, expected: tuple[Reason, str]
) -> None:
    assert refusal(document_from, paper, name, number, valid_to) == expected
