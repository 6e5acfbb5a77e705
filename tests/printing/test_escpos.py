"""Receipts as bytes: golden files, the limit of size, and what no printer may ever get."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printing import layout, samples
from printing import receipt as parts
from printing.columns import width
from printing.escpos import CUT, DRAWER_PULSE, encode
from printing.receipt_reader import RowKind, read, text

GOLDEN = Path(__file__).parent / "golden"
MARK = parts.reprint_mark(1, "2025-03-01 09:31", "1023")
LARGEST_BYTES = {32: 1000, 48: 1400}

JOBS = {
    "top_up_32": lambda: encode(samples.top_up_receipt(), 32, drawer_pulse=True),
    "top_up_48": lambda: encode(samples.top_up_receipt(), 48, drawer_pulse=True),
    "top_up_reprint_32": lambda: encode(samples.top_up_receipt(), 32, reprint_mark=MARK),
    "loss_report_32": lambda: encode(samples.loss_report_slip(), 32),
    "loss_report_48": lambda: encode(samples.loss_report_slip(), 48),
}


@pytest.mark.parametrize("name", JOBS)
def test_golden(name: str) -> None:
    data = JOBS[name]()
    assert data == (GOLDEN / f"{name}.bin").read_bytes()
    assert text(read(data), int(name[-2:])) == (GOLDEN / f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("width_columns", [32, 48])
def test_size_of_the_30_line_receipt(width_columns: layout.WidthColumns) -> None:
    data = encode(samples.top_up_receipt(), width_columns)
    assert len(data) <= LARGEST_BYTES[width_columns]
    rows = [row for row in read(data) if row.kind in (RowKind.TEXT, RowKind.QR)]
    assert len(rows) >= 30
    assert any(row.kind is RowKind.QR for row in rows)


def test_known_bytes() -> None:
    data = encode(parts.Receipt((parts.Line("合计：¥12.00"),)), 32)
    assert data == bytes.fromhex("1b401c26 bacfbcc6a3baa3a431322e3030 0a 1b6403 1d564200")


def test_qr_bytes_are_those_of_the_command_table() -> None:
    data = encode(parts.Receipt((parts.Qr("https://example.com/r/1"),)), 32)
    store = bytes.fromhex(
        "1D286B1A00315030 68747470733A2F2F6578616D706C652E636F6D2F722F31 1D286B0300315130".replace(" ", "")
    )
    assert store in data
    assert data.startswith(bytes.fromhex("1b401c26 1b6101 1d286b040031413200"))


def test_commands_are_those_of_python_escpos() -> None:
    """An independent hand wrote the same bytes; only the text is our own, since that library guesses encodings."""
    from escpos.printer import Dummy

    judge = Dummy()
    judge.qr("D1-261123-1-0002/ABCDEFGH", ec=1, size=6, native=True)
    ours = encode(parts.Receipt((parts.Qr("D1-261123-1-0002/ABCDEFGH"),)), 32)
    module_dots = ours[ours.index(b"1C") + 2]
    assert judge.output.replace(b"1C\x06", b"1C" + bytes([module_dots])) in ours
    judge.clear()
    judge.set(align="center", bold=True, custom_size=True, width=2, height=2)
    said = {judge.output[at : at + 3] for at in range(0, len(judge.output), 3)}
    title = encode(parts.Receipt((parts.Title("充值凭证"),)), 32)
    looks = {title[at : at + 3] for at in range(4, title.index("充".encode("gbk")), 3)}
    assert looks <= said
    assert b"\x1ba\x01" in looks
    judge.clear()
    judge.cashdraw(2)
    assert DRAWER_PULSE.startswith(judge.output[:3])


def test_drawer_opens_first_and_never_at_a_reprint() -> None:
    receipt = samples.top_up_receipt()
    assert encode(receipt, 32, drawer_pulse=True).index(DRAWER_PULSE) == 4
    assert DRAWER_PULSE not in encode(receipt, 32)
    with pytest.raises(ValueError, match="drawer"):
        encode(receipt, 32, reprint_mark=MARK, drawer_pulse=True)


def test_reprint_mark_stands_on_every_copy() -> None:
    copies = encode(samples.loss_report_slip(), 32, reprint_mark=MARK).split(CUT)
    assert copies.pop() == b""
    assert len(copies) == 2
    assert all("补打 第1次".encode("gbk") in copy for copy in copies)
    assert b"_" not in copies[0]
    assert "客户签名".encode("gbk") in copies[1]


def test_rare_character_prints_the_sign_and_is_told() -> None:
    told: list[str] = []
    data = encode(parts.Receipt((parts.Pair("姓名", "李*𠮷"),)), 32, on_replaced=told.append)
    assert "李*〓".encode("gbk") in data
    assert told == ["𠮷"]


def test_commands_in_a_text_do_not_reach_the_printer() -> None:
    data = encode(
        parts.Receipt((parts.Line("王\x1bp\x00\x19\xfa\x10\x14\x01明"), parts.Note("a\n\x1dV\x00b"))), 32
    )
    assert [row.kind for row in read(data)] == [RowKind.TEXT] * 3 + [RowKind.FEED, RowKind.CUT]
    assert b"\x10" not in data


_CHARS = st.sampled_from("王明充值￥¥·—…（），。 aB7*-𠮷é\u200b\t①\x1b\x10\x04") | st.characters()
_TEXTS = st.text(_CHARS, max_size=60)
_BLOCKS = st.one_of(
    st.builds(parts.Title, _TEXTS),
    st.builds(parts.Line, _TEXTS, st.sampled_from(["left", "center", "right"]), st.booleans(), st.booleans()),
    st.builds(parts.Pair, _TEXTS, _TEXTS, st.booleans()),
    st.builds(parts.Money, _TEXTS, st.integers(-(10**12), 10**12), st.booleans()),
    st.builds(
        parts.Table,
        st.lists(st.lists(_TEXTS, min_size=1, max_size=4).map(tuple), max_size=3).map(tuple),
        st.booleans(),
    ),
    st.builds(parts.Rule, st.characters()),
    st.builds(parts.Signatures, st.lists(_TEXTS, max_size=3).map(tuple)),
    st.builds(parts.Note, _TEXTS),
    st.builds(parts.Blank, st.integers(0, 3)),
    st.just(parts.CopyEnd()),
    st.builds(parts.Qr, st.text("ABC019/-", min_size=1, max_size=40), _TEXTS),
)
_RECEIPTS = st.builds(parts.Receipt, st.lists(_BLOCKS, max_size=8).map(tuple))


@given(_RECEIPTS, st.sampled_from([32, 48]))
def test_paper_shows_what_was_laid_out(receipt: parts.Receipt, width_columns: layout.WidthColumns) -> None:
    """Reader(encode(x)) = layout(x): text, looks and places; no line leaves the paper; no ¥, no four-byte code."""
    laid = layout.lay_out(receipt, width_columns)
    rows = [row for row in read(encode(receipt, width_columns)) if row.kind is not RowKind.FEED]
    assert len(rows) == len(laid)
    for row, printed in zip(rows, laid, strict=True):
        match printed:
            case layout.PrintedLine(text=words, align=align, bold=bold, wide=wide, high=high):
                assert row.kind is RowKind.TEXT
                assert row.text == words
                assert width(words) * wide <= width_columns
                assert row.width_columns <= width_columns
                if words:
                    assert row.align == align
                    assert {(run.bold, run.wide, run.high) for run in row.runs} == {(bold, wide, high)}
                assert "¥" not in words
                assert all(len(char.encode("gb18030")) <= 2 for char in words)
            case layout.PrintedQr(payload=payload, dots=dots):
                assert (row.kind, row.payload, row.dots, row.align) == (RowKind.QR, payload, dots, "center")
            case layout.PrintedCut():
                assert row.kind is RowKind.CUT


@given(_RECEIPTS)
def test_saved_copy_prints_the_same_bytes(receipt: parts.Receipt) -> None:
    # a lone surrogate cannot be typed nor stored as UTF-8; the saved form is what UTF-8 can carry
    saved = receipt.to_json().encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")
    assert encode(parts.Receipt.from_json(saved), 32) == encode(receipt, 32)
