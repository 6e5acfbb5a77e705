"""Pictures of receipts: the printer's grid, real ink, real QR modules."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image

from counter_app.domain.errors import DeviceTrouble
from printing import fonts, samples
from printing import receipt as parts
from printing.escpos import encode
from printing.receipt_image import LONGEST_DOTS, picture, save_png
from printing.receipt_reader import read


def _picture(receipt: parts.Receipt, width_columns: int = 32) -> Image.Image:
    return picture(read(encode(receipt, width_columns)), width_columns)  # type: ignore[arg-type]


def _ink(image: Image.Image) -> int:
    return sum(image.convert("L").histogram()[:100])


@pytest.mark.parametrize(("width_columns", "dots"), [(32, 384), (48, 576)])
def test_paper_is_as_wide_as_its_printer(width_columns: int, dots: int) -> None:
    assert _picture(samples.top_up_receipt(), width_columns).width == dots + 2 * 28 + 2 * 22


def test_every_kind_of_character_leaves_ink() -> None:
    empty = _ink(_picture(parts.Receipt((parts.Line(" "),))))
    for char in "王〓￥aW@_*-1，":
        assert _ink(_picture(parts.Receipt((parts.Line(char),)))) > empty, char


def test_bold_and_large_take_more_ink() -> None:
    plain, bold, large = (
        _ink(_picture(parts.Receipt((parts.Line("王", bold=bold, large=large),))))
        for bold, large in ((False, False), (True, False), (True, True))
    )
    assert plain < bold < large


def test_qr_is_drawn_module_by_module() -> None:
    """The three finder patterns stand where a scanner looks for them: 7 × 7 modules of 5 dots, dark at the rim."""
    image = _picture(parts.Receipt((parts.Qr("D2-0131/K7QF3M9X"),))).convert("L")
    dark = image.point([255 if level < 100 else 0 for level in range(256)])
    box = dark.getbbox()
    assert box is not None
    left, top, right, bottom = box
    assert (right - left, bottom - top) == (21 * 5, 21 * 5)
    for x, y in ((left, top), (right - 35, top), (left, bottom - 35)):
        rim = dark.crop((x, y, x + 35, y + 5))
        gap = dark.crop((x + 5, y + 5, x + 30, y + 10))
        assert rim.getextrema() == (255, 255)
        assert gap.getextrema() == (0, 0)


def test_each_copy_is_a_piece_of_paper() -> None:
    one = _picture(parts.Receipt((parts.Line("一"),)))
    two = _picture(parts.Receipt((parts.Line("一"), parts.CopyEnd(), parts.Line("一"))))
    assert two.height == 2 * one.height - 22


def test_nothing_printed_is_still_a_picture() -> None:
    assert picture([], 32).height > 0


def test_endless_paper_ends() -> None:
    assert picture(read(b"\x1bd\xff" * 5000), 32).height < LONGEST_DOTS + 200
    assert picture(read(b"\x1dV\x00" * 5000), 32).height < LONGEST_DOTS + 200


def test_largest_qr_code_is_drawn() -> None:
    store = b"\x1d(k" + (2331 + 3).to_bytes(2, "little") + b"1P0" + b"x" * 2331
    assert picture(read(store + b"\x1d(k\x03\x001Q0"), 48).height > 177 * 3


def test_saved_file_is_a_png(tmp_path: Path) -> None:
    path = tmp_path / "receipt.png"
    save_png(read(encode(samples.loss_report_slip(), 48)), 48, path)
    with Image.open(path) as image:
        assert image.format == "PNG"


def _font_file(path: Path, tag: bytes, table: bytes) -> None:
    path.write_bytes(tag + struct.pack(">HHHH", 1, 16, 0, 0) + table + struct.pack(">LLL", 0, 28, 0))


def test_system_font_has_truetype_outlines() -> None:
    found = fonts.chinese_font()
    assert fonts.has_truetype_outlines(found.path, found.subfont_index)
    assert not fonts.has_truetype_outlines(found.path, 99)


def test_cff_font_is_passed_over_and_named(tmp_path: Path) -> None:
    _font_file(tmp_path / "simhei.ttf", b"OTTO", b"CFF ")
    with pytest.raises(DeviceTrouble) as caught:
        fonts.chinese_font((tmp_path,))
    assert "fonts-wqy-microhei" in caught.value.sentence()
    _font_file(tmp_path / "Deng.ttf", b"\x00\x01\x00\x00", b"glyf")
    assert fonts.chinese_font((tmp_path, tmp_path)) == fonts.FontFile(tmp_path / "Deng.ttf")


@pytest.mark.parametrize("content", [b"", b"ttcf", b"ttcf" + b"\xff" * 40, b"\x00\x01\x00\x00\x00\xff"])
def test_damaged_font_is_no_font(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "simhei.ttf"
    path.write_bytes(content)
    assert not fonts.has_truetype_outlines(path)
    assert not fonts.has_truetype_outlines(tmp_path / "absent.ttf")
