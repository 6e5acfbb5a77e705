"""Columns are bytes of GBK: nothing leaves its column, nothing is lost at a break."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from printing import columns

_CHARS = st.sampled_from("王明充值￥¥·—…（），。 aB7*-𠮷é\u200b\t\u00a0①") | st.characters()
_TEXTS = st.text(_CHARS, max_size=90)


def test_ambiguous_characters_take_two_columns() -> None:
    assert [columns.width(char) for char in "a·—…×￥王①"] == [1, 2, 2, 2, 2, 2, 2, 2]


def test_printable_keeps_what_gbk_prints_and_tells_the_rest() -> None:
    told: list[str] = []
    assert columns.printable("王𠮷¥5\u00a0元\x1b@\u200b", told.append) == "王〓￥5 元@"
    assert told == ["𠮷"]
    assert columns.unprintable("李𠮷龘") == ("𠮷",)
    assert columns.printable("e\u0301") != "e\u0301"


@given(_TEXTS)
def test_printable_is_gbk_without_commands(text: str) -> None:
    encoded = columns.printable(text).encode("gbk")
    assert not any(byte < 0x20 or byte == 0x7F for byte in encoded)
    assert columns.printable(columns.printable(text)) == columns.printable(text)


@given(_TEXTS, st.integers(2, 48))
def test_wrap_loses_nothing_and_stays_inside(text: str, width_columns: int) -> None:
    clean = columns.printable(text)
    lines = columns.wrap(clean, width_columns)
    assert all(columns.width(line) <= width_columns for line in lines)
    assert "".join(lines).replace(" ", "") == clean.replace(" ", "")


def test_wrap_breaks_as_a_typesetter_does() -> None:
    assert columns.wrap("请核对金额，妥善保管", 10) == ["请核对金", "额，妥善保", "管"]
    assert columns.wrap("见说明（附件）", 8) == ["见说明", "（附件）"]
    assert columns.wrap("call 96001 now", 10) == ["call 96001", "now"]
    assert columns.wrap("A" * 25, 10) == ["A" * 10, "A" * 10, "A" * 5]


def test_pair_puts_value_flush_right() -> None:
    assert columns.pair("卡号", "9040", 12) == ["卡号    9040"]
    assert columns.pair("合计", "", 12) == ["合计"]


def test_long_value_wraps_under_its_own_column() -> None:
    assert columns.pair("地址", "东郊路十八号院二单元", 20) == ["地址  东郊路十八号院", "      二单元"]
    assert columns.pair("一个特别长的标签", "东郊路十八号", 20) == ["一个特别长的标签", "  东郊路十八号"]


@given(_TEXTS, _TEXTS, st.sampled_from([32, 48]))
def test_pair_stays_inside_and_loses_nothing(label: str, value: str, width_columns: int) -> None:
    label, value = columns.printable(label), columns.printable(value)
    lines = columns.pair(label, value, width_columns)
    assert all(columns.width(line) <= width_columns for line in lines)
    assert sorted("".join(lines).replace(" ", "")) == sorted((label + value).replace(" ", ""))


def test_table_aligns_figures_at_the_right() -> None:
    rows = (("业务", "笔数", "金额"), ("充值", "12", "1,250.00"), ("补卡工本费收入合计", "1", "25.00"))
    assert columns.table(rows, 32) == [
        ["业务               笔数     金额"],
        ["充值                 12 1,250.00"],
        ["补卡工本费收入合计    1    25.00"],
    ]


@given(st.lists(st.lists(_TEXTS, min_size=1, max_size=5), max_size=4), st.sampled_from([32, 48]))
def test_table_stays_inside(cells: list[list[str]], width_columns: int) -> None:
    rows = tuple(tuple(columns.printable(cell) for cell in row) for row in cells)
    lines = [line for row in columns.table(rows, width_columns) for line in row]
    assert all(columns.width(line) <= width_columns for line in lines)
    assert sorted("".join(lines).replace(" ", "")) == sorted(
        "".join(cell for row in rows for cell in row).replace(" ", "")
    )
