"""A clerk types what he would say: the surname's own reading, the everyday one, and every sensible given name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counter_app.domain.masking import COMPOUND_SURNAMES
from counter_app.services.initials import MOST_READINGS, initials


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("曾小明", ("zxm", "cxm")),
        ("单小明", ("sxm", "dxm")),
        ("仇小明", ("qxm", "cxm")),
        ("解小明", ("xxm", "jxm")),
        ("区小明", ("oxm", "qxm")),
        ("查小明", ("zxm", "cxm")),
        ("朴小明", ("pxm",)),
        ("缪小明", ("mxm",)),
        ("翟小明", ("zxm", "dxm")),
        ("盖小明", ("gxm",)),
        ("乐小明", ("yxm", "lxm")),
        ("种小明", ("cxm", "zxm")),
        ("任小明", ("rxm",)),
        ("郭靖", ("gj",)),
    ],
)
def test_surname_reading_first_then_the_everyday_one(name: str, spellings: tuple[str, ...]) -> None:
    assert initials(name) == spellings


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("尉迟敬明", "ycjm"),
        ("万俟明", "mqm"),
        ("长孙明", "zsm"),
        ("澹台明", "ttm"),
        ("令狐明", "lhm"),
        ("单于飞", "cyf"),
        ("乐正明", "yzm"),
        ("欧阳娜", "oyn"),
        ("呼延明", "hym"),
        ("拓跋明", "tbm"),
        ("亓官明", "qgm"),
        ("颛孙明", "zsm"),
        ("闾丘明", "lqm"),
        ("即墨明", "jmm"),
    ],
)
def test_surnames_of_two_characters(name: str, first: str) -> None:
    assert initials(name)[0] == first


def test_a_single_surname_that_looks_like_a_double_one_is_found_too() -> None:
    assert initials("单于飞") == ("cyf", "syf", "dyf")
    assert initials("单于") == ("sy", "dy")


def test_given_names_with_two_readings_are_found_by_both() -> None:
    assert initials("王乐") == ("wl", "wy")
    assert initials("张晓晟") == ("zxs", "zxc")
    assert initials("曾乐") == ("zl", "cl", "zy", "cy")


def test_the_number_of_spellings_is_bounded() -> None:
    assert len(initials("王乐朝晟")) == 4
    assert len(initials("曾乐朝晟")) == MOST_READINGS
    assert initials("曾乐朝晟")[:2] == ("zlcs", "clcs")


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("Maria Silva", ("ms",)),
        ("ＭＡＲＩＡ　ＳＩＬＶＡ", ("ms",)),
        ("José Émile O'Neil", ("jeon",)),
        ("Anne-Marie Ｌ.", ("aml",)),
        ("阿卜杜拉·买买提", ("abdlmmt",)),
        ("买买提•艾力", ("mmtal",)),
        ("张　三", ("zs",)),
        (" 李娜 ", ("ln",)),
        ("王Mike", ("wm",)),
        ("李", ("l",)),
        ("䶮小明", ("yxm",)),
        ("", ()),
        ("  ", ()),
        ("123", ()),
        ("·", ()),
        ("Иван", ()),
    ],
)
def test_other_forms_of_names(name: str, spellings: tuple[str, ...]) -> None:
    assert initials(name) == spellings


@pytest.mark.parametrize("surname", sorted(COMPOUND_SURNAMES))
def test_every_double_surname_has_two_letters_and_comes_first(surname: str) -> None:
    assert len(initials(surname + "明")[0]) == 3


@given(st.text(max_size=20))
def test_any_text_gets_plain_letters_only(name: str) -> None:
    spellings = initials(name)
    assert len(spellings) == len(set(spellings)) <= MOST_READINGS
    assert all(spelling.isascii() and spelling.islower() and spelling.isalpha() for spelling in spellings)


@given(st.text(alphabet="王张曾单欧阳小明乐晟朝娜飞", min_size=2, max_size=4))
def test_each_chinese_character_gives_one_letter(name: str) -> None:
    assert {len(spelling) for spelling in initials(name)} == {len(name)}
