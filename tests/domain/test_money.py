"""Money: whole fen inside, and nothing a clerk types becomes another amount than the one he sees."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.money import DENOMINATIONS_FEN, LARGEST_TYPED_FEN, money, notes_for, parse_yuan, yuan

typed_amounts = st.integers(1, LARGEST_TYPED_FEN)


@given(typed_amounts)
def test_what_is_shown_can_be_typed(amount_fen: int) -> None:
    assert parse_yuan(yuan(amount_fen)) == amount_fen
    assert parse_yuan(money(amount_fen)) == amount_fen
    assert parse_yuan(yuan(amount_fen).replace(",", "")) == amount_fen


@given(typed_amounts)
def test_a_chinese_input_method_may_type_full_width(amount_fen: int) -> None:
    wide = "".join(chr(ord(char) + 0xFEE0) for char in yuan(amount_fen))
    assert parse_yuan(wide) == amount_fen


@pytest.mark.parametrize(
    ("typed", "amount_fen"),
    [
        ("100", 100_00),
        ("100.", 100_00),
        ("100.5", 100_50),
        ("0.01", 1),
        ("007", 7_00),
        (" 25.00 ", 25_00),
        ("￥25", 25_00),
        ("¥25", 25_00),
        ("25元", 25_00),
        ("１００．５０", 100_50),
        ("1,234.56", 1234_56),
        ("１，２３４", 1234_00),
        ("10000000", LARGEST_TYPED_FEN),
    ],
)
def test_accepted(typed: str, amount_fen: int) -> None:
    assert parse_yuan(typed) == amount_fen


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", Reason.AMOUNT_EMPTY),
        ("   ", Reason.AMOUNT_EMPTY),
        ("元", Reason.AMOUNT_EMPTY),
        ("0", Reason.AMOUNT_NOT_POSITIVE),
        ("0.00", Reason.AMOUNT_NOT_POSITIVE),
        ("-1", Reason.AMOUNT_NOT_POSITIVE),
        ("－5", Reason.AMOUNT_NOT_POSITIVE),
        ("\u22125", Reason.AMOUNT_NOT_POSITIVE),
        ("1e5", Reason.AMOUNT_NOT_A_NUMBER),
        ("1E5", Reason.AMOUNT_NOT_A_NUMBER),
        ("+5", Reason.AMOUNT_NOT_A_NUMBER),
        (".5", Reason.AMOUNT_NOT_A_NUMBER),
        ("1 000", Reason.AMOUNT_NOT_A_NUMBER),
        ("1.2.3", Reason.AMOUNT_NOT_A_NUMBER),
        ("12,34", Reason.AMOUNT_NOT_A_NUMBER),
        ("1,23,456", Reason.AMOUNT_NOT_A_NUMBER),
        ("1,2345", Reason.AMOUNT_NOT_A_NUMBER),
        ("0x10", Reason.AMOUNT_NOT_A_NUMBER),
        ("1_000", Reason.AMOUNT_NOT_A_NUMBER),
        ("nan", Reason.AMOUNT_NOT_A_NUMBER),
        ("inf", Reason.AMOUNT_NOT_A_NUMBER),
        ("一百", Reason.AMOUNT_NOT_A_NUMBER),
        ("٣٤", Reason.AMOUNT_NOT_A_NUMBER),
        ("१२", Reason.AMOUNT_NOT_A_NUMBER),
        ("²", Reason.AMOUNT_NOT_A_NUMBER),
        ("1.234", Reason.AMOUNT_TOO_FINE),
        ("1.000", Reason.AMOUNT_TOO_FINE),
        ("10000000.01", Reason.AMOUNT_TOO_LARGE),
        ("1" + "0" * 12, Reason.AMOUNT_TOO_LARGE),
        ("9040261100031877", Reason.AMOUNT_TOO_LARGE),
        ("9" * 400, Reason.AMOUNT_TOO_LARGE),
    ],
)
def test_refused_with_its_own_sentence(typed: str, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        parse_yuan(typed)
    assert refused.value.reason is reason
    assert refused.value.sentence()


@given(st.text(max_size=20))
def test_any_text_is_an_amount_or_a_refusal(typed: str) -> None:
    try:
        amount_fen = parse_yuan(typed)
    except Refused:
        return
    assert 0 < amount_fen <= LARGEST_TYPED_FEN


@pytest.mark.parametrize(
    ("amount_fen", "shown", "with_sign"),
    [
        (0, "0.00", "￥0.00"),
        (5, "0.05", "￥0.05"),
        (86_50, "86.50", "￥86.50"),
        (1_234_506, "12,345.06", "￥12,345.06"),
        (-5, "-0.05", "-￥0.05"),
        (-1_234_506, "-12,345.06", "-￥12,345.06"),
    ],
)
def test_shown(amount_fen: int, shown: str, with_sign: str) -> None:
    assert yuan(amount_fen) == shown
    assert money(amount_fen) == with_sign


@given(st.integers(0, 10**8))
def test_the_notes_add_up_and_are_the_fewest(amount_fen: int) -> None:
    notes = notes_for(amount_fen)
    assert amount_fen - sum(denomination * pieces for denomination, pieces in notes) == amount_fen % 10
    assert [denomination for denomination, _ in notes] == sorted((note for note, _ in notes), reverse=True)
    pieces = dict(notes)
    for larger, smaller in itertools.pairwise(DENOMINATIONS_FEN):
        assert pieces.get(smaller, 0) * smaller < larger
