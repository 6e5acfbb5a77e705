"""营业日报表 as an A4 document (PDF); your line belongs here if it decides how the day report looks on paper.

Runs in a child process for long reports: reportlab and the font take some tenths of a second.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final
from xml.sax.saxutils import escape

from counter_app.domain.money import yuan
from counter_app.domain.reports import DayReport, SumLine, TillLine
from printing.capitals import capitals
from printing.fonts import chinese_font

_FONT: Final = "ChineseText"
_INK: Final = "#1c2733"
_SOFT: Final = "#5d6b7a"
_LINE: Final = "#b9c3ce"
_HEAD: Final = "#eaf0f5"
_SUM: Final = "#f6f8fa"
_ACCENT: Final = "#14507f"
_ALARM: Final = "#b3261e"
_WIDTH_MM: Final = 180.0
"""Between the margins of 15 mm on A4."""
_SECTION_NEEDS: Final = 100.0
"""Points for a heading, the head of its table and two rows: with less room left the section starts a page."""


def render(report: DayReport) -> bytes:
    """The report as PDF with the Chinese font embedded; equal reports give equal bytes.

    DeviceTrouble when the system has no Chinese font that can be embedded.
    """
    # the number of pages is known only when all are laid out, so they are laid out twice
    _, pages = _build(report, total_pages=0)
    document, _ = _build(report, total_pages=pages)
    return document


def _build(report: DayReport, total_pages: int) -> tuple[bytes, int]:
    """The document and its number of pages; `total_pages` stands in the foot of each."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.platypus import SimpleDocTemplate

    _register_font()
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        # reportlab's frame adds 6 points inside the margins
        leftMargin=15 * mm - 6,
        rightMargin=15 * mm - 6,
        topMargin=15 * mm,
        bottomMargin=18 * mm,
        title=f"营业日报表 {report.hall_name} {report.business_date.isoformat()}",
        author=report.hall_name,
        subject="营业日报表",
        lang="zh-CN",
        invariant=1,
    )

    def decorate(canvas: Any, _document: Any) -> None:
        _foot(canvas, report, total_pages)

    document.build(_Story(report).flowables(), onFirstPage=decorate, onLaterPages=decorate)
    return file.getvalue(), document.page


@lru_cache(maxsize=1)
def _register_font() -> frozenset[int]:
    """Make the font known to reportlab once; the characters it has."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    found = chinese_font()
    font = TTFont(_FONT, str(found.path), subfontIndex=found.subfont_index)
    pdfmetrics.registerFont(font)
    # the font has one weight: <b> in a paragraph must find it too
    pdfmetrics.registerFontFamily(_FONT, normal=_FONT, bold=_FONT, italic=_FONT, boldItalic=_FONT)
    return frozenset(font.face.charToGlyph)


def _words(text: str) -> str:
    """Text with 〓 for what the font lacks; line feeds and other controls become spaces."""
    glyphs = _register_font()
    spaced = "".join(char if char.isprintable() or char == "\u3000" else " " for char in text)
    return "".join(char if ord(char) in glyphs else "〓" for char in spaced)


def _foot(canvas: Any, report: DayReport, total_pages: int) -> None:
    """Hall and date left, page number in the middle, time of printing right, over a thin line."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm

    left, right, middle = 15 * mm, A4[0] - 15 * mm, A4[0] / 2
    canvas.saveState()
    canvas.setStrokeColor(_LINE)
    canvas.setLineWidth(0.4)
    canvas.line(left, 13.5 * mm, right, 13.5 * mm)
    canvas.setFillColor(_SOFT)
    canvas.setFont(_FONT, 8)
    canvas.drawString(
        left, 9.5 * mm, _words(f"{report.hall_name}　{report.business_date.isoformat()}　营业日报表")
    )
    canvas.drawCentredString(middle, 9.5 * mm, f"第 {canvas.getPageNumber()} 页　共 {total_pages} 页")
    canvas.drawRightString(right, 9.5 * mm, _words(f"打印时间 {report.printed_at}"))
    canvas.restoreState()


def difference_words(difference_fen: int) -> str:
    """Over, short or even: `长款 0.50`, `短款 1.00`, `平`."""
    if not difference_fen:
        return "平"
    return f"{'长款' if difference_fen > 0 else '短款'} {yuan(abs(difference_fen))}"


class _Story:
    """The report's flowables from top to bottom."""

    def __init__(self, report: DayReport) -> None:
        self._report = report
        self._flowables: list[Any] = []
        self._section_no = 0

    def flowables(self) -> list[Any]:
        self._heading()
        self._key_figures()
        self._business()
        self._tills()
        self._cash_count()
        self._slips()
        self._events()
        self._chain()
        self._signatures()
        return self._flowables

    # -- parts ---------------------------------------------------------------------------------------------------

    def _heading(self) -> None:
        from reportlab.platypus import Spacer

        report = self._report
        self._flowables += [
            _paragraph(report.hall_name, size=10, colour=_SOFT, align="center"),
            _paragraph("营业日报表", size=20, colour=_ACCENT, align="center", leading=28),
            Spacer(1, 4),
        ]
        closed = f"{len(report.tills)} 个，已全部关箱" if report.tills else "本日未开箱"
        rows = [
            ["营业日期", _date_words(report), "打印时间", report.printed_at],
            ["钱箱", closed, "制表人", report.printed_by],
        ]
        box = _table(rows, [24, 66, 24, 66], figures=(), head=False)
        box.setStyle([("BACKGROUND", (0, 0), (0, -1), _HEAD), ("BACKGROUND", (2, 0), (2, -1), _HEAD)])
        self._flowables += [box, Spacer(1, 8)]

    def _key_figures(self) -> None:
        report = self._report
        difference = sum(till.difference_fen for till in report.tills)
        tiles = [
            ("业务笔数", f"{report.total.count:,}", False),
            ("金额合计（元）", yuan(report.total.amount_fen), False),
            ("现金实点合计（元）", yuan(report.counted_fen), False),
            ("长短款合计（元）", difference_words(difference), difference != 0),
            ("未决交易", f"{len(report.pending)} 笔", bool(report.pending)),
        ]
        from reportlab.lib.units import mm
        from reportlab.platypus import Table

        table = Table(
            [
                [_paragraph(name, size=8, colour=_SOFT, align="center") for name, _, _ in tiles],
                [
                    _paragraph(value, size=13, colour=_ALARM if alarm else _INK, align="center", leading=18)
                    for _, value, alarm in tiles
                ],
            ],
            colWidths=[_WIDTH_MM / len(tiles) * mm] * len(tiles),
        )
        table.setStyle(
            [
                ("BOX", (0, 0), (-1, -1), 0.8, _ACCENT),
                ("LINEAFTER", (0, 0), (-2, -1), 0.4, _LINE),
                ("TOPPADDING", (0, 0), (-1, 0), 6),
                ("BOTTOMPADDING", (0, 0), (-1, 0), 0),
                ("BOTTOMPADDING", (0, 1), (-1, 1), 7),
            ]
        )
        self._flowables.append(table)

    def _business(self) -> None:
        report = self._report
        if not report.business:
            self._section("业务汇总", _nothing("本日无收付业务。"))
            return
        self._section("业务汇总（按业务种类和收款方式，单位：元）", self._sums("业务种类", report.by_kind))
        self._section("经办汇总（按营业员和收款方式，单位：元）", self._sums("营业员", report.by_staff))
        rows = [
            [line.kind_name, line.tender_name, line.staff, f"{line.count:,}", yuan(line.amount_fen)]
            for line in report.business
        ]
        rows.append(["合计", "", "", f"{report.total.count:,}", yuan(report.total.amount_fen)])
        self._section(
            "业务明细（单位：元）",
            _table(
                [["业务种类", "收款方式", "营业员", "笔数", "金额"], *rows],
                [46, 40, 44, 18, 32],
                figures=(3, 4),
                total=True,
            ),
        )

    def _sums(self, first: str, lines: Sequence[SumLine]) -> Any:
        report = self._report
        tenders = report.tenders
        rows = [
            [line.name, f"{line.count:,}", *map(yuan, line.amounts_fen), yuan(line.amount_fen)]
            for line in (*lines, report.total)
        ]
        name_mm, count_mm = 40.0, 16.0
        rest = (_WIDTH_MM - name_mm - count_mm) / (len(tenders) + 1)
        return _table(
            [[first, "笔数", *tenders, "合计"], *rows],
            [name_mm, count_mm, *[rest] * (len(tenders) + 1)],
            figures=range(1, len(tenders) + 3),
            total=True,
        )

    def _tills(self) -> None:
        tills = self._report.tills
        if not tills:
            self._section("钱箱", _nothing("本日没有开过钱箱。"))
            return
        rows = [[f"{till.counter_no} 号", till.staff, *map(yuan, _cash(till))] for till in tills]
        rows = [[*row, difference_words(till.difference_fen)] for row, till in zip(rows, tills, strict=True)]
        sums = [sum(column) for column in zip(*map(_cash, tills), strict=True)]
        rows.append(
            ["合计", "", *map(yuan, sums), difference_words(sum(till.difference_fen for till in tills))]
        )
        table = _table(
            [["台号", "营业员", "备用金", "现金收入", "现金付出", "应有现金", "实点现金", "长短款"], *rows],
            [14, 32, 21, 23, 23, 23, 23, 21],
            figures=range(2, 8),
            total=True,
        )
        table.setStyle(
            [
                ("TEXTCOLOR", (7, index), (7, index), _ALARM)
                for index, till in enumerate(tills, start=1)
                if till.difference_fen
            ]
        )
        self._section("钱箱（单位：元）", table)
        wrong = [till for till in tills if till.difference_fen or not all(slip.fits for slip in till.slips)]
        if wrong:
            self._section(
                "长短款说明",
                _table(
                    [
                        ["台号", "营业员", "差额（元）", "原因", "主管签认"],
                        *(
                            [
                                f"{t.counter_no} 号",
                                t.staff,
                                difference_words(t.difference_fen),
                                t.reason,
                                t.signed_by,
                            ]
                            for t in wrong
                        ),
                    ],
                    [14, 32, 26, 80, 28],
                    figures=(2,),
                ),
            )

    def _cash_count(self) -> None:
        report = self._report
        if not report.tills:
            return
        denominations = [denomination_fen for denomination_fen, _ in report.counted.pieces]
        if not denominations:
            return
        rows = []
        for till in report.tills:
            pieces = dict(till.count.pieces)
            rows.append(
                [
                    f"{till.counter_no} 号",
                    till.staff,
                    *(_pieces(pieces.get(denomination_fen, 0)) for denomination_fen in denominations),
                    yuan(till.count.total_fen),
                ]
            )
        counted = report.counted
        rows.append(["合计", "张（枚）", *(_pieces(n) for _, n in counted.pieces), yuan(counted.total_fen)])
        rows.append(["", "金额（元）", *(_short_yuan(d * n) for d, n in counted.pieces), ""])
        share = (_WIDTH_MM - 14 - 28 - 24) / len(denominations)
        table = _table(
            [["台号", "营业员", *map(_denomination, denominations), "金额（元）"], *rows],
            [14, 28, *[share] * len(denominations), 24],
            figures=range(2, len(denominations) + 3),
            total=True,
            total_rows=2,
        )
        self._section("点钞（按券别，单位：张、枚）", table)
        self._flowables.append(
            _paragraph(f"现金实点合计大写：{capitals(counted.total_fen)}", size=9, before=4)
        )

    def _slips(self) -> None:
        """What was counted of the slips of stand-alone terminals against what was keyed from them."""
        lines = [(till, slip) for till in self._report.tills for slip in till.slips]
        if not lines:
            return
        rows = [
            [
                f"{till.counter_no} 号",
                till.staff,
                slip.terminal_id,
                f"{slip.pieces:,}",
                yuan(slip.amount_fen),
                f"{slip.booked_pieces:,}",
                yuan(slip.booked_fen),
                "相符" if slip.fits else "不符",
            ]
            for till, slip in lines
        ]
        table = _table(
            [["台号", "营业员", "终端", "实点张数", "实点金额", "录单张数", "录单金额", "核对"], *rows],
            [14, 32, 32, 18, 26, 18, 26, 14],
            figures=(3, 4, 5, 6),
        )
        table.setStyle(
            [
                ("TEXTCOLOR", (7, index), (7, index), _ALARM)
                for index, (_till, slip) in enumerate(lines, start=1)
                if not slip.fits
            ]
        )
        self._section("独立 POS 签购单（金额单位：元）", table)

    def _events(self) -> None:
        report = self._report
        counts = [
            ("冲正", report.reversals),
            ("挂失", report.loss_reports),
            ("解挂", report.losses_cancelled),
            ("补卡", report.replacements),
        ]
        self._section(
            "其他业务",
            _table(
                [[name for name, _ in counts], [f"{count:,} 笔" for _, count in counts]],
                [_WIDTH_MM / len(counts)] * len(counts),
                figures=(),
                centred=True,
            ),
        )
        self._section(
            "未决交易",
            _table(
                [
                    ["事项", "台号", "开始时间", "金额（元）"],
                    *([p.what, f"{p.counter_no} 号", p.since, yuan(p.amount_fen)] for p in report.pending),
                ],
                [86, 18, 44, 32],
                figures=(3,),
            )
            if report.pending
            else _nothing("无。"),
        )
        self._section(
            "应收款",
            _table(
                [
                    ["卡号", "原因", "金额（元）"],
                    *([r.card_no, r.reason, yuan(r.amount_fen)] for r in report.receivables),
                    ["合计", "", yuan(sum(r.amount_fen for r in report.receivables))],
                ],
                [50, 98, 32],
                figures=(2,),
                total=True,
            )
            if report.receivables
            else _nothing("无。"),
        )

    def _chain(self) -> None:
        heads = self._report.chain_heads
        if not heads:
            return
        self._section(
            "审计链（各班次末号与校验值，日后与数据库核对）",
            _table(
                [["班次", "末号", "校验值"], *([h.shift, f"{h.seq:,}", h.head] for h in heads)],
                [70, 24, 86],
                figures=(1,),
            ),
        )

    def _signatures(self) -> None:
        from reportlab.lib.units import mm
        from reportlab.platypus import KeepTogether, Spacer, Table

        labels = self._report.signatures
        if not labels:
            return
        share = _WIDTH_MM / len(labels) * mm
        table = Table(
            [
                [_words(f"{label}（签名）") for label in labels],
                [""] * len(labels),
                ["日期：　　　　年　　月　　日"] * len(labels),
            ],
            colWidths=[share] * len(labels),
            rowHeights=[8 * mm, 15 * mm, 8 * mm],
        )
        table.setStyle(
            [
                ("BOX", (0, 0), (-1, -1), 0.8, _ACCENT),
                ("LINEAFTER", (0, 0), (-2, -1), 0.4, _LINE),
                ("FONT", (0, 0), (-1, -1), _FONT, 9),
                ("TEXTCOLOR", (0, 0), (-1, -1), _SOFT),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ]
        )
        self._flowables.append(KeepTogether([Spacer(1, 14), table]))

    def _section(self, title: str, body: Any) -> None:
        """A numbered heading that never stays alone at the foot of a page."""
        from reportlab.platypus import CondPageBreak

        self._section_no += 1
        number = _CHINESE_NUMBERS[self._section_no - 1]
        self._flowables += [
            CondPageBreak(_SECTION_NEEDS),
            _paragraph(f"{number}、{title}", size=11, colour=_ACCENT, before=12, after=4),
            body,
        ]


_CHINESE_NUMBERS: Final = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
_WEEKDAYS: Final = "一二三四五六日"


def _date_words(report: DayReport) -> str:
    date = report.business_date
    return f"{date.year} 年 {date.month} 月 {date.day} 日　星期{_WEEKDAYS[date.weekday()]}"


def _cash(till: TillLine) -> tuple[int, ...]:
    return (till.opening_fen, till.cash_in_fen, till.cash_out_fen, till.expected_fen, till.counted_fen)


def _pieces(count: int) -> str:
    return f"{count:,}" if count else "—"


def _short_yuan(amount_fen: int) -> str:
    """Whole yuan without `.00`: the columns of the denominations are narrow."""
    return yuan(amount_fen).removesuffix(".00")


def _denomination(denomination_fen: int) -> str:
    if denomination_fen >= 100:
        return f"{denomination_fen // 100} 元"
    return f"{denomination_fen // 10} 角" if denomination_fen >= 10 else f"{denomination_fen} 分"


def _paragraph(
    text: str,
    *,
    size: float = 9,
    colour: str = _INK,
    align: str = "left",
    leading: float | None = None,
    before: float = 0,
    after: float = 0,
) -> Any:
    """Wrapped text in the report's font; runs of spaces print as one."""
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph

    style = ParagraphStyle(
        name="text",
        fontName=_FONT,
        fontSize=size,
        leading=leading or size * 1.35,
        textColor=colour,
        alignment={"left": 0, "center": 1, "right": 2}[align],
        wordWrap="CJK",
        spaceBefore=before,
        spaceAfter=after,
    )
    return Paragraph(escape(_words(text)), style)


def _nothing(sentence: str) -> Any:
    return _paragraph(sentence, size=9, colour=_SOFT)


def _table(
    rows: list[list[str]],
    widths_mm: Sequence[float],
    *,
    figures: Sequence[int],
    head: bool = True,
    total: bool = False,
    total_rows: int = 1,
    centred: bool = False,
) -> Any:
    """A table with thin lines whose head is repeated on each page.

    `figures` are the columns set flush right; with `total` the last `total_rows` rows are set off as sums.
    """
    from reportlab.lib.units import mm
    from reportlab.platypus import LongTable

    widths = [width * mm for width in widths_mm]
    size = 8.5 if len(widths) < 8 else 7.5
    figure_columns = frozenset(figures)
    cells = [
        [_cell(text, i in figure_columns, size, widths[i]) for i, text in enumerate(row)] for row in rows
    ]
    table = LongTable(cells, colWidths=widths, repeatRows=1 if head else 0)
    style: list[tuple[Any, ...]] = [
        ("FONT", (0, 0), (-1, -1), _FONT, size),
        ("TEXTCOLOR", (0, 0), (-1, -1), _INK),
        ("GRID", (0, 0), (-1, -1), 0.4, _LINE),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    if head:
        style += [("BACKGROUND", (0, 0), (-1, 0), _HEAD), ("LINEBELOW", (0, 0), (-1, 0), 0.8, _ACCENT)]
    if total:
        style += [
            ("BACKGROUND", (0, -total_rows), (-1, -1), _SUM),
            ("LINEABOVE", (0, -total_rows), (-1, -total_rows), 0.8, _ACCENT),
            # sums stay with the last row they add up
            ("NOSPLIT", (0, -total_rows - 1), (0, -1)),
        ]
    style += [("ALIGN", (column, 0), (column, -1), "RIGHT") for column in figure_columns]
    if centred:
        style.append(("ALIGN", (0, 0), (-1, -1), "CENTER"))
    table.setStyle(style)
    return table


def _cell(text: str, figure: bool, size: float, width: float) -> Any:
    """Plain text where it fits, which is quick and takes the table's alignment; else a paragraph that wraps."""
    from reportlab.pdfbase import pdfmetrics

    words = _words(text)
    if pdfmetrics.stringWidth(words, _FONT, size) <= width - 8:
        return words
    return _paragraph(text, size=size, align="right" if figure else "left")
