"""Capital amounts against the examples of the writing rules, and against cn2an as judge."""

from __future__ import annotations

import cn2an
import pytest
from hypothesis import given
from hypothesis import strategies as st

from printing.capitals import capitals


@pytest.mark.parametrize(
    ("amount_fen", "words"),
    [
        (100_00, "人民币壹佰元整"),
        (1409_50, "人民币壹仟肆佰零玖元伍角"),
        (16409_02, "人民币壹万陆仟肆佰零玖元零贰分"),
        (325_04, "人民币叁佰贰拾伍元零肆分"),
        (6007_14, "人民币陆仟零柒元壹角肆分"),
        (0, "人民币零元整"),
        (5, "人民币伍分"),
        (50, "人民币伍角"),
        (10_00, "人民币壹拾元整"),
        (10_05, "人民币壹拾元零伍分"),
        (100000_00, "人民币壹拾万元整"),
        (100001_00, "人民币壹拾万零壹元整"),
        (10001000_00, "人民币壹仟万壹仟元整"),
        (100000001_00, "人民币壹亿零壹元整"),
        (8000046848781_08, "人民币捌万亿零肆仟陆佰捌拾肆万捌仟柒佰捌拾壹元零捌分"),
        (-100_00, "人民币负壹佰元整"),
    ],
)
def test_words_of_the_rules(amount_fen: int, words: str) -> None:
    assert capitals(amount_fen) == words


@given(st.integers(1, 10**14 - 1) | st.integers(1, 9999).map(lambda n: n * 10**6) | st.integers(1, 10**7))
def test_same_as_cn2an(amount_fen: int) -> None:
    spoken = cn2an.an2cn(f"{amount_fen // 100}.{amount_fen % 100:02d}", "rmb")
    assert capitals(amount_fen) == f"人民币{spoken}"


def test_too_large_for_words() -> None:
    with pytest.raises(ValueError, match="too large"):
        capitals(10**18)
