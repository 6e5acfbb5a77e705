"""What may be seen of a person, and that no bank card number survives in free text."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from counter_app.domain import masking
from counter_app.domain.documents import check_digit, id_number_holds

BANK = "6222021234567894"
OURS = "9040261100031877"


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("王小明", "王*明"),
        ("张三", "张*"),
        ("王", "王*"),
        ("欧阳明", "欧阳*"),
        ("欧阳小明", "欧阳*明"),
        ("尉迟敬德", "尉迟*德"),
        ("单于", "单*"),
        ("王小小明", "王**明"),
        ("䶮小明", "䶮*明"),
        ("阿卜杜拉·买买提", "阿***·**提"),
        ("Maria Silva", "M**** S****"),
        (" 李娜 ", "李*"),
        ("", ""),
    ],
)
def test_names(name: str, masked: str) -> None:
    assert masking.mask_name(name) == masked


@given(st.text(min_size=2, max_size=12).filter(lambda name: len(name.strip()) >= 2))
def test_some_of_every_name_is_hidden(name: str) -> None:
    if all(len(word) == 1 for word in name.split()) and not masking.split_name(name.strip())[0]:
        return  # initials, as in "J. R.": nothing is left to hide
    assert masking.mask_name(name) != name.strip() or "*" in name


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("13812345678", "138****5678"),
        ("0471-1234567", "********4567"),
        ("95588", "*5588"),
        ("1234", "****"),
        ("", ""),
    ],
)
def test_phones(phone: str, masked: str) -> None:
    assert masking.mask_phone(phone) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("152301199001010418", "1523**********0418"),
        ("11010519491231002X", "1101**********002X"),
        ("E12345678", "E1*****78"),
        ("A123", "****"),
    ],
)
def test_documents(number: str, masked: str) -> None:
    assert masking.mask_document(number) == masked


def test_cards() -> None:
    assert masking.mask_card(OURS) == "9040 **** **** 1877"
    assert masking.group_card(OURS) == "9040 2611 0003 1877"
    assert masking.group_card("123") == "123"


class TestBankCardNumbers:
    @pytest.mark.parametrize(
        ("text", "masked"),
        [
            (f"客户报 {BANK}，未带卡", "客户报 ************7894，未带卡"),
            (f"卡{BANK}与{BANK}", "卡************7894与************7894"),
            ("6222 0212 3456 7894 退款", "**** **** **** 7894 退款"),
            ("6222-0212-3456-7894", "****-****-****-7894"),
            ("６２２２０２１２３４５６７８９４", "************７８９４"),
            (f"100 {BANK}", "100 ************7894"),
            (f"{BANK} 100", "************7894 100"),
            (f"{OURS} {BANK}", f"{OURS} ************7894"),
            ("378282246310005", "***********0005"),
            ("4222222222222", "*********2222"),
        ],
    )
    def test_masked_to_the_last_four(self, text: str, masked: str) -> None:
        assert masking.mask_pan(text) == masked

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "补卡费 25.00 元",
            f"旧卡 {OURS}",
            "旧卡 9040 2611 0003 1877 余额 86.50",
            "手机 13812345678",
            "6222021234567895",
            "流水 4200001234202611221234567890",
            "2026-11-22 14:23",
            "尾号 7894",
            "6222021234567894"[:12],
        ],
    )
    def test_other_numbers_stay(self, text: str) -> None:
        assert masking.mask_pan(text) == text

    def test_valid_id_numbers_stay_even_when_they_pass_luhn(self) -> None:
        seen = {"digit": 0, "x": 0}
        for serial in range(1000):
            first_17 = f"15239119900101{serial:03d}"
            number = first_17 + check_digit(first_17)
            assert id_number_holds(number)
            seen["x" if number.endswith("X") else "digit"] += masking.luhn_holds(
                first_17 if number[17] == "X" else number
            )
            assert masking.mask_pan(f"证件{number}。") == f"证件{number}。"
            assert masking.mask_pan(number.lower()) == number.lower()
        assert min(seen.values()) > 0, "the sample must contain numbers that Luhn alone would mask"

    def test_an_own_prefix_is_no_hiding_place_for_a_longer_number(self) -> None:
        for last in range(10):
            number = f"904062220212345678{last}"
            if masking.luhn_holds(number):
                assert masking.mask_pan(number) == "***************" + number[-4:]

    def test_the_hall_s_own_prefixes_are_a_parameter(self) -> None:
        assert masking.mask_pan(BANK, own_prefixes=("6222",)) == BANK
        sixteen = next(
            f"904026110003187{last}" for last in range(10) if masking.luhn_holds(f"904026110003187{last}")
        )
        assert masking.mask_pan(sixteen, own_prefixes=()) == "************" + sixteen[-4:]

    @given(
        st.integers(10**11, 10**18 - 1).map(str),
        st.text(alphabet="客户说：卡，。", max_size=6),
        st.text(alphabet="元退款，。", max_size=6),
    )
    def test_every_luhn_number_is_masked_wherever_it_stands(
        self, first: str, before: str, after: str
    ) -> None:
        number = next(first + str(last) for last in range(10) if masking.luhn_holds(first + str(last)))
        assume(len(number) >= 13 and not id_number_holds(number) and not number.startswith("9040"))
        assert (
            masking.mask_pan(before + number + after)
            == before + "*" * (len(number) - 4) + number[-4:] + after
        )

    @given(st.text(alphabet="0123456789０９ -Xx卡9040", max_size=60))
    def test_masking_twice_changes_nothing_and_keeps_the_length(self, text: str) -> None:
        once = masking.mask_pan(text)
        assert len(once) == len(text)
        assert all(new in ("*", old) for new, old in zip(once, text, strict=True))
        assert masking.mask_pan(once) == once
