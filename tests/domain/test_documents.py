"""Citizen numbers: one wrong or exchanged character never passes."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counter_app.domain.documents import check_digit, id_number_holds, normalise_id_number

SAMPLE = "11010519491231002X"
"""The sample number of GB 11643-1999."""


@st.composite
def id_numbers(draw: st.DrawFn) -> str:
    born = draw(st.dates(dt.date(1900, 1, 1), dt.date(2026, 12, 31)))
    first_17 = f"{draw(st.integers(110000, 659999))}{born:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return first_17 + check_digit(first_17)


def test_the_standard_s_sample() -> None:
    assert check_digit(SAMPLE[:17]) == "X"
    assert id_number_holds(SAMPLE)


@given(id_numbers())
def test_a_made_number_holds(number: str) -> None:
    assert id_number_holds(number)


@given(id_numbers(), st.integers(0, 17), st.sampled_from("0123456789X"))
def test_one_wrong_character_never_holds(number: str, at: int, wrong: str) -> None:
    if number[at] != wrong:
        assert not id_number_holds(number[:at] + wrong + number[at + 1 :])


@given(id_numbers(), st.integers(0, 16))
def test_two_exchanged_neighbours_never_hold(number: str, at: int) -> None:
    if number[at] != number[at + 1]:
        assert not id_number_holds(number[:at] + number[at + 1] + number[at] + number[at + 2 :])


@pytest.mark.parametrize(
    "number",
    [
        "",
        "11010519491231002",
        "11010519491231002x",
        "110105194912310020",
        "1101051949123100２X",
        "110105491231002",
        "11010519491331002X",
        "11010519490230002X",
        "11010500001231002X",
        "E12345678",
        "٣" * 18,
    ],
)
def test_refused(number: str) -> None:
    assert not id_number_holds(number)


def test_a_day_that_never_was_is_refused_with_a_right_check_digit() -> None:
    first_17 = "11010519490230002"
    assert not id_number_holds(first_17 + check_digit(first_17))


@pytest.mark.parametrize(
    "typed",
    [
        " 110105 19491231 002x ",
        "110105-19491231-002X",
        "１１０１０５１９４９１２３１００２Ｘ",
        "11010519491231002ｘ",
    ],
)
def test_typed_forms_come_to_one(typed: str) -> None:
    assert normalise_id_number(typed) == SAMPLE


@given(st.text(max_size=30))
def test_any_text_gets_an_answer(text: str) -> None:
    number = normalise_id_number(text)
    assert id_number_holds(number) in (True, False)
    assert normalise_id_number(number) == number
