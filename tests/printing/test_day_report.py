"""The day report: figures that add up, text that can be read back from the document's own bytes."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import importlib.util
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from counter_app.domain.ids import TerminalId
from counter_app.domain.reports import BusinessLine, DayReport, SumLine
from counter_app.domain.shifts import CashCount, SlipCheck
from printing.day_report import difference_words, render

_examples_path = Path(__file__).with_name("day_report_examples.py")
_spec = importlib.util.spec_from_file_location("day_report_examples", _examples_path)
assert _spec is not None
assert _spec.loader is not None
examples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(examples)


def _stream(document: bytes, number: int) -> bytes:
    """The unpacked stream of one object."""
    found = re.search(rb"(?:^|\n)%d 0 obj\n<<(.*?)>>\nstream\r?\n" % number, document, re.S)
    assert found is not None
    length = re.search(rb"/Length (\d+)", found.group(1))
    assert length is not None
    raw = document[found.end() : found.end() + int(length.group(1))]
    if b"ASCII85" in found.group(1):
        raw = base64.a85decode(b"<~" + raw.strip(), adobe=True)
    return zlib.decompress(raw)


def _fonts(document: bytes) -> dict[bytes, dict[int, str]]:
    """Font name in the pages → its code → character, as a reader's copy function finds it."""
    fonts: dict[bytes, dict[int, str]] = {}
    for name, number in re.findall(rb"/Name /(\S+) /Subtype /TrueType\s+/ToUnicode (\d+) 0 R", document):
        pairs = re.findall(rb"<([0-9A-F]{2})> <([0-9A-F]{4,8})>\n", _stream(document, int(number)))
        fonts[name] = {
            int(code, 16): bytes.fromhex(target.decode()).decode("utf-16-be") for code, target in pairs
        }
    return fonts


_SHOWN = re.compile(rb"/(\S+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj|(T\*|ET)", re.S)
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.S)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def _plain(escaped: bytes) -> bytes:
    return _ESCAPED.sub(
        lambda m: bytes([int(m.group(1), 8)]) if len(m.group(1)) == 3 else _NAMED.get(m.group(1), m.group(1)),
        escaped,
    )


def _pages(document: bytes) -> list[list[str]]:
    """The lines of text of each page, in drawing order."""
    fonts = _fonts(document)
    pages = []
    for number in re.findall(rb"/Contents (\d+) 0 R", document):
        lines, line, codes = [], "", {}
        for font, shown, end in _SHOWN.findall(_stream(document, int(number))):
            if font:
                codes = fonts.get(font, {})
            elif end:
                lines.append(line)
                line = ""
            else:
                line += "".join(codes[code] for code in _plain(shown))
        pages.append([line for line in lines if line.strip()])
    return pages


@pytest.fixture(scope="module")
def two_tills() -> bytes:
    return render(examples.report(2))


def test_text_of_two_tills(two_tills: bytes) -> None:
    pages = _pages(two_tills)
    words = [line for page in pages for line in page]
    assert [next(line for line in page if line.startswith("第 ")) for page in pages] == [
        "第 1 页　共 2 页",
        "第 2 页　共 2 页",
    ]
    for expected in (
        "营业日报表",
        "2025 年 3 月 1 日　星期六",
        "2 个，已全部关箱",
        "9,781.53",
        "10,682.00",
        "长款 0.50",
        "现金实点合计大写：人民币壹万零陆佰捌拾贰元整",
        "9040 **** **** 1877",
        "015e9c41d07ab3f8",
        "制表（签名）",
        "复核（签名）",
        "主管（签名）",
    ):
        assert expected in words, expected


def test_forty_tills_repeat_the_heads_and_number_the_pages() -> None:
    pages = _pages(render(examples.report(40)))
    assert len(pages) > 5
    for number, page in enumerate(pages, start=1):
        assert f"第 {number} 页　共 {len(pages)} 页" in page
    detail = [page for page in pages if page.count("冲正") > 3]
    assert len(detail) > 2
    assert all({"业务种类", "收款方式", "营业员", "笔数", "金额"} <= set(page) for page in detail)
    tills = {line for page in pages for line in page if re.fullmatch(r"\d+ 号", line)}
    assert tills == {f"{number} 号" for number in range(1, 41)}


def test_font_is_embedded_with_truetype_outlines(two_tills: bytes) -> None:
    assert b"/FontFile2" in two_tills
    assert b"/FontFile3" not in two_tills


def test_equal_reports_give_equal_bytes_in_every_process(two_tills: bytes, tmp_path: Path) -> None:
    assert render(examples.report(2)) == two_tills
    other = tmp_path / "other.pdf"
    script = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import day_report_examples as e;"
        "from printing.day_report import render; pathlib.Path(sys.argv[2]).write_bytes(render(e.report(2)))"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(_examples_path.parent), str(other)],
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert other.read_bytes() == two_tills


def test_day_without_business() -> None:
    empty = DayReport("东郊营业厅", dt.date(2025, 3, 2), "2025-03-02 20:40", "1001 张主管")
    (page,) = _pages(render(empty))
    assert {"本日无收付业务。", "本日没有开过钱箱。", "无。", "第 1 页　共 1 页"} <= set(page)


def test_markup_rare_characters_and_long_texts_print_as_they_are() -> None:
    report = examples.report(2)
    strange = dataclasses.replace(
        report.tills[1], reason="<b>客户 & 𠮷\n" + "说明" * 60, staff="欧阳上官司徒诸葛令狐慕容(9)\\"
    )
    pages = _pages(render(dataclasses.replace(report, tills=(report.tills[0], strange))))
    words = "".join(line for page in pages for line in page)
    assert "<b>客户 & 〓 说明说明" in words
    assert "说明" * 20 in words.replace("\n", "")
    assert "(9)\\" in words


def test_slips_of_stand_alone_terminals_stand_counted_against_keyed() -> None:
    report = examples.report(1)
    fits = SlipCheck(TerminalId("S1"), 3, 150_00, 3, 150_00)
    lost = SlipCheck(TerminalId("S2"), 1, 20_00, 2, 70_00)
    till = dataclasses.replace(
        report.tills[0], slips=(fits, lost), reason="签购单待查", signed_by="1001 周敏"
    )
    words = [line for page in _pages(render(dataclasses.replace(report, tills=(till,)))) for line in page]
    assert any("独立 POS 签购单" in line for line in words)
    at = words.index("S2")
    assert words[at : at + 6] == ["S2", "1", "20.00", "2", "70.00", "不符"]
    assert "签购单待查" in words, "the reason stands beside the drawer it was given for"


def test_totals_add_up_per_kind_tender_and_clerk() -> None:
    report = dataclasses.replace(
        examples.report(1),
        business=(
            BusinessLine("充值", "现金", "甲", 2, 150_00),
            BusinessLine("充值", "POS", "乙", 1, 50_00),
            BusinessLine("冲正", "现金", "乙", 1, -20_00),
        ),
    )
    assert report.tenders == ("现金", "POS")
    assert report.by_kind == (SumLine("充值", 3, (150_00, 50_00)), SumLine("冲正", 1, (-20_00, 0)))
    assert report.by_staff == (SumLine("甲", 2, (150_00, 0)), SumLine("乙", 2, (-20_00, 50_00)))
    assert report.total == SumLine("合计", 4, (130_00, 50_00))
    assert report.total.amount_fen == 180_00


def test_all_tills_notes_together() -> None:
    report = examples.report(3)
    assert (
        report.counted.total_fen == report.counted_fen == sum(till.count.total_fen for till in report.tills)
    )
    assert DayReport("厅", dt.date(2025, 3, 1), "", "").counted == CashCount()


@pytest.mark.parametrize(("fen", "words"), [(0, "平"), (50, "长款 0.50"), (-1_00, "短款 1.00")])
def test_difference_in_words(fen: int, words: str) -> None:
    assert difference_words(fen) == words
