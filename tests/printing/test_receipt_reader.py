"""The reader behaves like paper: tolerant of every byte, and showing rubbish where a printer would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from printing import receipt_reader
from printing.escpos import encode
from printing.receipt_reader import Row, RowKind, Run, read, text
from printing.samples import loss_report_slip, top_up_receipt


def test_sizes_and_bold_change_inside_a_line() -> None:
    assert read(b"a\x1bE\x01b\x1d!\x11c\n") == [
        Row(RowKind.TEXT, "left", (Run("a"), Run("b", True), Run("c", True, 2, 2)))
    ]


def test_alignment_in_the_middle_of_a_line_is_ignored() -> None:
    assert [row.align for row in read(b"a\x1ba\x01b\nc\n")] == ["left", "left"]
    assert [row.align for row in read(b"a\n\x1ba\x02b\n\x1b@c\n")] == ["left", "right", "left"]


def test_four_byte_code_shows_as_rubbish() -> None:
    assert read("¥5\n".encode("gb18030"))[0].text == "?0?65"


def test_chinese_mode_off_shows_rubbish() -> None:
    assert read(b"\x1c.\xb3\xe4\n\x1c&\xb3\xe4\n")[1].text == "充"
    assert read(b"\x1c.\xb3\xe4\n")[0].text == "??"


def test_commands_of_the_port_leave_no_mark() -> None:
    data = b"\x10\x04\x01\x10\x04\x02\x1da\x00ok\n\x1dr\x01"
    assert [row.text for row in read(data)] == ["ok"]


def test_raster_barcode_and_tabs_are_stepped_over() -> None:
    raster = b"\x1dv0\x00\x02\x00\x03\x00" + b"\x0a" * 6
    barcode = b"\x1dh\x50\x1dkI\x05{BABC"
    assert [row.text for row in read(raster + barcode + b"\x1bD\x08\x10\x00ok\n")] == ["ok"]


def test_line_longer_than_the_paper_breaks_as_on_paper() -> None:
    assert text(read("一二三四五六七八九十\n".encode("gbk")), 8) == "一二三四\n五六七八\n九十\n"


def test_drawer_feed_and_cut_in_text() -> None:
    assert text(read(b"\x1bp\x00\x19\xfaa\n\x1bd\x02\x1dVB\x00"), 8) == "[开钱箱]\na\n\n\n- - - -\n"


@given(st.binary(max_size=400))
def test_any_bytes_are_read(data: bytes) -> None:
    for row in read(data):
        for part in receipt_reader.wrapped(row, 32):
            assert part.width_columns <= 32
    text(read(data), 32)


def test_every_cut_off_job_is_read() -> None:
    data = encode(loss_report_slip(), 32)
    whole = [row.text for row in read(data)]
    for end in range(len(data)):
        assert len(read(data[:end])) <= len(whole) + 1


def test_reading_is_bounded() -> None:
    assert len(read(b"\n" * (2 * receipt_reader.MOST_BYTES))) == receipt_reader.MOST_ROWS


def test_qr_payload_comes_from_the_bytes() -> None:
    (code,) = [row for row in read(encode(top_up_receipt(), 48)) if row.kind is RowKind.QR]
    assert (code.payload, code.dots, code.align) == ("D2-0131/K7QF3M9X", 6, "center")


def test_qr_larger_than_any_code_is_not_printed() -> None:
    payload = b"x" * (receipt_reader.LARGEST_QR_BYTES + 1)
    store = b"\x1d(k" + (len(payload) + 3).to_bytes(2, "little") + b"1P0" + payload
    assert read(store + b"\x1d(k\x03\x001Q0ok\n") == [Row(RowKind.TEXT, "left", (Run("ok"),))]
