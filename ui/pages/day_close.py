"""日结 (F10): one page from "who has not closed the till" to the sealed day and its report as PDF.

Your line belongs here if it shows how far a business day is or takes the manager's signature for it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QProcess, QStandardPaths, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from counter_app.domain.errors import DeviceTrouble, Reason, Refused
from counter_app.domain.ids import ApprovalId, StaffNo
from counter_app.domain.ledger import TenderKind
from counter_app.domain.money import yuan
from counter_app.domain.reports import DayReport, TillLine
from counter_app.domain.requests import CloseDay, DayClosed
from counter_app.domain.shifts import TillState
from counter_app.domain.views import RecentLine, Tone
from ui import texts
from ui.asking import OperationInHand, Tools
from ui.page import Page
from ui.widgets.bar_chart import BarChart
from ui.widgets.customer_panel import RecentList
from ui.widgets.entries import Entry, Field
from ui.widgets.parts import Note, Panel, StepBar, button, column, label, row
from ui.widgets.sign_box import SignBox
from ui.widgets.tables import Cell, Column, DataTable

if TYPE_CHECKING:
    from counter_app.services.closing_desk import DayView, TillOfDay

STEPS = ("班次交清", "现金盘点", "差额说明", "未决与打印", "签字锁账")
FIRST_HOUR, LAST_HOUR = 7, 20
"""The hall is open from 7:30 to 20:30; other hours are shown when something was booked in them."""
MOST_ROWS = 11
RENDER_TIMEOUT_MS = 60_000
ONLY_MANAGER = "日结由主管办理：请主管在本台登录后签字锁账。营业员可以查看进度。"


def report_folder() -> Path:
    """Where day reports lie unless the page is told otherwise: in the documents of whoever runs the program."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(documents) / "城市通柜台" / "营业日报表"


class DayClosePage(Page):
    """Steps, list and signature of one business day. PgUp and PgDn show other days.

    `paper_written(Path)`: the report lies there as PDF.
    """

    paper_written = Signal(object)
    sign_box: SignBox

    def __init__(self, tools: Tools, folder: Path | None = None) -> None:
        super().__init__("日结", tools.troubles)
        self._tools = tools
        self._in_hand = OperationInHand(tools.session)
        self.folder = folder or report_folder()
        self._date: dt.date | None = None
        """The day that was asked for; None is the oldest one still open."""
        self.day: DayView | None = None
        self._report: DayReport | None = None

    def build(self) -> Iterator[None]:
        """The list, then who signs, then the day at a glance."""
        self.steps = StepBar()
        self.table = DataTable(
            [
                Column("项目"),
                Column("笔数", 70, figures=True),
                Column("系统数", 118, figures=True),
                Column("实点数", 118, figures=True),
                Column("差额", 100, figures=True),
                Column("状态", 190),
            ]
        )
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        listed = Panel(spacing=0)
        listed.body.setContentsMargins(8, 8, 8, 8)
        listed.add(self.table)
        self.body.addWidget(self.steps)
        self.body.addWidget(listed)
        yield
        self.note = Entry("可不填，写在日结单上", max_length=60)
        self.note.optional = True
        self.only_manager = Note(ONLY_MANAGER, "plain")
        self.sealed = _Sealed()
        self.sign_box = SignBox()
        self.primary = button("签字锁账", "primary", self._go)
        self.title.add_right(self.primary)
        self._signing = Panel()
        self._signing.add(Field("日结说明", self.note))
        for part in (self.sealed, self._signing, self.only_manager, self.sign_box):
            self.body.addWidget(part)
        self.body.addStretch(1)
        yield
        self._side = _Overview()
        yield
        self.sign_box.signed.connect(self._signed)
        self.sign_box.asking.connect(lambda signing: self._signing.setVisible(not signing))
        self.sign_box.given_up.connect(self.focus_first)
        self.keep(note=self.note)
        self.set_path((self.note,), self.primary)
        for part in (self.sealed, self._signing, self.only_manager):
            part.hide()
        self.primary.setEnabled(False)
        self.steps.set_steps([(words, "open") for words in STEPS])
        self.title.set_line("正在读取…")

    # what the frame tells

    def side(self) -> QWidget:
        """The day at a glance instead of the customer."""
        return self._side

    def activate(self) -> None:
        """Read the day again."""
        self._read()
        self.focus_first()

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """Days by page keys."""
        return (texts.KEY_HELP, ("PgUp PgDn", "前一日 / 后一日"), ("Enter", "下一项 / 签字"), texts.KEY_BACK)

    def go_back(self) -> None:
        """From another day back to the one whose turn it is."""
        if self._date is not None:
            self._date = None
            self._read()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The day before and the day after."""
        if event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            event.accept()
            if self.day is not None and not self.busy.busy and not self.sign_box.isVisible():
                days = 1 if event.key() == Qt.Key.Key_PageDown else -1
                self._date = self.day.business_date + dt.timedelta(days=days)
                self._read()
        else:
            super().keyPressEvent(event)

    # looking

    def _read(self) -> None:
        date, desk = self._date, self._tools.desks.closing
        self._tools.look_lane.submit(
            lambda: desk.day_view(date), self._read_sums, self.trouble, newest_of="day"
        )

    def _read_sums(self, day: DayView) -> None:
        """The sums too, unless somebody still has to count: then they are nobody's but the manager's."""
        counting = any(till.state is not TillState.CLOSED for till in day.tills)
        if counting and not self._is_manager:
            self._show(day, None)
            return
        asked, desk = self._tools.session.asked(), self._tools.desks.closing

        def failed(error: BaseException) -> None:
            # A deputy who has still to count: nobody's but the real manager's.
            if isinstance(error, Refused) and error.reason is Reason.RIGHT_MISSING:
                self._show(day, None)
            else:
                self.trouble(error)

        self._tools.desk_lane.submit(
            lambda: desk.day_report(asked, day.business_date),
            lambda report: self._show(day, report),
            failed,
            newest_of="day report",
        )

    @property
    def _is_manager(self) -> bool:
        return self._tools.session.signed_in.is_manager

    def _show(self, day: DayView, report: DayReport | None) -> None:
        self.day, self._report = day, report
        person = self._tools.session.signed_in
        hall = report.hall_name if report is not None else self._tools.desks.at.hall.name
        who = f"{person.role_text} {person.staff_no} {person.name}"
        state: tuple[str, ...] = (who, "各项核对一致后签字锁账") if self._is_manager else (who,)
        if day.closed:
            state = (f"{day.closed_by} 于 {day.closed_at} 锁账",)
        self.title.set_line(texts.SEPARATOR.join((day.business_date.isoformat(), hall, *state)))
        done = _steps_done(day)
        now = done.index(False) if False in done else len(done)
        self.steps.set_steps(
            [
                (words, "done" if done[at] else "now" if at == now else "open")
                for at, words in enumerate(STEPS)
            ]
        )
        self.table.set_rows(_rows(day, report))
        self.table.fit_rows(MOST_ROWS)
        self.table.clearSelection()
        self.sealed.show_day(day, self._path_of(day.business_date))
        ready = day.ready and self._is_manager
        self._signing.setVisible(ready and not self.sign_box.isVisible())
        self.only_manager.setVisible(not day.closed and not self._is_manager)
        self._side.show_day(day, report)
        self._arm()
        if ready:
            self.focus_first()

    def _arm(self) -> None:
        """The one primary button: sign, or write the report of a sealed day, or say what is missing."""
        day = self.day
        if day is None:
            return
        missing = sum(line.state == "bad" for line in day.lines)
        if day.closed:
            self.primary.setText("生成日报表 Enter")
        elif missing:
            self.primary.setText(f"签字锁账（还差 {missing} 项）")
        elif not self._is_manager:
            self.primary.setText("签字锁账（须主管）")
        else:
            self.primary.setText("签字锁账 Enter")
        self.primary.setEnabled(day.closed or (day.ready and self._is_manager))

    # signing

    def _go(self) -> None:
        if self.day is None:
            return
        if self.day.closed:
            self._write_paper()
        else:
            date = self.day.business_date.isoformat()
            self.sign_box.ask(f"签字锁账 {date}", "锁账后这一天不能再记账。请主管输入工号和密码签字。")
            self.sign_box.staff_no.setText(self._tools.session.signed_in.staff_no)
            self.sign_box.password.setFocus()

    def _signed(self, staff_no: str, password: str) -> None:
        """The signed-in manager signs with the own password; another manager's signature is an approval."""
        assert self.day is not None
        desks = self._tools.desks
        request = CloseDay(self._in_hand.asked(), self.day.business_date, self.note.text().strip())
        own = staff_no == request.asked.staff_no

        def close() -> DayClosed:
            if own:
                desks.staff.unlock(StaffNo(staff_no), password)
                return desks.closing.close_day(request)
            approval: ApprovalId = desks.staff.approve(request, StaffNo(staff_no), password)
            asked = dataclasses.replace(request.asked, approvals=(approval,))
            return desks.closing.close_day(dataclasses.replace(request, asked=asked))

        def failed(error: BaseException) -> bool:
            self._in_hand.went_wrong(error)
            self._arm()
            if isinstance(error, Refused) and self.sign_box.isVisible():
                self.sign_box.refused(error.sentence())
                return True
            self.sign_box.set_waiting(False)
            return False

        self.ask(self._tools.desk_lane, close, self._closed, text="正在锁账…", failed=failed)

    def _closed(self, closed: DayClosed) -> None:
        self._in_hand.done()
        self.sign_box.close_box()
        self.note.clear()
        self._date = closed.business_date
        if self.day is not None:
            self.day = dataclasses.replace(self.day, closed=True, anchor=closed.anchor)
            self._signing.hide()
        self.focus_first()
        date = closed.business_date.isoformat()
        self.finish(
            closed, f"{date} 已锁账，共 {closed.operations} 笔业务。", f"日结 {date}", closed.receipt_no
        )
        self._write_paper()

    # the report as PDF

    def _write_paper(self) -> None:
        """Ask for the report of the day in sight, then have a child process draw it: the font takes a while."""
        asked, desk = self._tools.session.asked(), self._tools.desks.closing
        date = self._date if self._date is not None or self.day is None else self.day.business_date
        said = self.result.text
        self.ask(
            self._tools.desk_lane,
            lambda: desk.day_report(asked, date),
            lambda report: self._render(report, said),
            text="正在汇总日报表…",
        )

    def _render(self, report: DayReport, said: str) -> None:
        path = self._path_of(report.business_date)
        child = QProcess(self)
        child.setProgram(sys.executable)
        child.setArguments(["-m", "counter_app", "render-day", "--out", str(path)])
        limit = QTimer(child)
        limit.setSingleShot(True)
        limit.timeout.connect(child.kill)
        self._hold("正在生成营业日报表…", None)

        def finished(status: int, how: QProcess.ExitStatus) -> None:
            limit.stop()
            self._rendered(child, status if how is QProcess.ExitStatus.NormalExit else -1, path, said)

        def failed(error: QProcess.ProcessError) -> None:
            if error is QProcess.ProcessError.FailedToStart:
                finished(-1, QProcess.ExitStatus.CrashExit)

        child.finished.connect(finished)
        child.errorOccurred.connect(failed)
        child.start()
        limit.start(RENDER_TIMEOUT_MS)
        child.write(json.dumps(dataclasses.asdict(report), default=str).encode())
        child.closeWriteChannel()

    def _rendered(self, child: QProcess, status: int, path: Path, said: str) -> None:
        self._release()
        self._arm()
        sentence = bytes(child.readAllStandardError().data()).decode(errors="replace").strip()
        cause = f"{child.errorString()}: {sentence}"
        child.deleteLater()
        if status == 0:
            sentence = f"{said}，营业日报表已生成。" if said else "营业日报表已生成。"
            self.result.say("good", sentence, "打开", functools.partial(_open_paper, path))
            self.paper_written.emit(path)
        else:
            advice = (
                sentence if status == 1 and sentence else "营业日报表没有生成，账目不受影响，请再试一次。"
            )
            self.troubles.show(DeviceTrouble(advice, cause), self.result, self._write_paper)
        self._read()

    def _path_of(self, date: dt.date) -> Path:
        return self.folder / f"{date.isoformat()}.pdf"


# --- what is shown --------------------------------------------------------------------------------------------------


def _steps_done(day: DayView) -> tuple[bool, ...]:
    """How far the day is, in the order of `STEPS`; a later step is never done before an earlier one."""
    states = [till.state for till in day.tills]
    handed_over = day.closed or TillState.OPEN not in states
    counted = handed_over and (day.closed or TillState.COUNTED not in states)
    # A till closes only with its difference explained and signed, so a closed one needs no more of it.
    explained = counted
    settled = explained and (day.closed or all(line.state != "bad" for line in day.lines))
    return (handed_over, counted, explained, settled, day.closed)


def _rows(day: DayView, report: DayReport | None) -> list[tuple[str | Cell, ...]]:
    """Tills, the other tenders, and what else must be in order."""
    closes = list(report.tills) if report is not None else []
    rows = [_till_row(till, closes, report) for till in day.tills]
    if report is not None:
        tenders = [line.tender_name for line in report.business]
        for name in dict.fromkeys(tenders):
            lines = [line for line in report.business if line.tender_name == name]
            if name != TenderKind.CASH.text:
                count, amount_fen = sum(line.count for line in lines), sum(line.amount_fen for line in lines)
                badge = Cell("核对签购单", "plain", badge=True)
                rows.append((f"{name} 收款", f"{count}", yuan(amount_fen), "—", "—", badge))
    counts = {"未决交易": day.pending, "待打印凭条": day.waiting_prints, "挂起的客户": day.parked}
    words: dict[Tone, str] = {"good": "没有", "warn": "不影响锁账", "bad": "待处理", "plain": "—"}
    for line in day.lines:
        if not line.what.endswith("钱箱"):
            badge = Cell(words[line.state], line.state, badge=True)
            rows.append((line.what, f"{counts.get(line.what, '—')}", "—", "—", "—", badge))
    return rows


def _till_row(till: TillOfDay, closes: list[TillLine], report: DayReport | None) -> tuple[str | Cell, ...]:
    """One drawer; its line of the report is taken out of `closes`, so that a second shift finds its own."""
    name = f"{till.counter_no} 号台钱箱　{till.staff}"
    close = next(
        (line for line in closes if (line.counter_no, line.staff) == (till.counter_no, till.staff)), None
    )
    if till.state is not TillState.CLOSED or close is None or report is None:
        return (name, "—", "—", "—", "—", Cell(till.state_text, till.tone, badge=True))
    closes.remove(close)
    fen = close.difference_fen
    badge = Cell("相符", "good", badge=True)
    if fen:
        badge = Cell(f"{'长款' if fen > 0 else '短款'} {close.signed_by} 签认", "warn", badge=True)
    difference = Cell(texts.signed_money(fen), "bad") if fen else Cell("0.00")
    count = sum(
        line.count
        for line in report.business
        if line.tender_name == TenderKind.CASH.text and line.staff == close.staff
    )
    return (name, f"{count}", yuan(close.expected_fen), yuan(close.counted_fen), difference, badge)


def _difference_words(till: TillLine) -> str:
    """`2 号台短款 ¥10.00：找零多付（1001 周敏 签认）`."""
    word = "长款" if till.difference_fen > 0 else "短款"
    amount = texts.shown_money(abs(till.difference_fen))
    return f"{till.counter_no} 号台{word} {amount}：{till.reason}（{till.signed_by} 签认）"


def _open_paper(path: Path) -> None:
    """Hand the report to the program that this computer shows PDF files with."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


class _Sealed(Panel):
    """A sealed day: who, the anchor that ties paper to database, and where the report lies."""

    def __init__(self) -> None:
        super().__init__("这一天已锁账", spacing=8)
        self.anchor = label("", "name")
        self.path = label("", "small", wrap=True)
        self.path.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        paper = row(label("日报表", "soft"), self.path, spacing=12)
        paper.setStretch(1, 1)
        self.add(
            row(label("锁账锚值", "soft"), self.anchor, None, spacing=12),
            label("锚值印在日结单和日报表上，数据库以后若被改动，就对不上这张纸。", "soft", wrap=True),
            paper,
        )

    def show_day(self, day: DayView, path: Path) -> None:
        """The anchor as it stands on paper, in groups of four, and the file when it exists here."""
        self.setVisible(day.closed)
        short = day.anchor[:16].upper()
        self.anchor.setText(" ".join(short[at : at + 4] for at in range(0, len(short), 4)))
        self.path.setText(str(path) if path.exists() else "本机还没有这一天的日报表，按 Enter 生成。")


class _Overview(QWidget):
    """The right column: sums per kind of business, the load by the hour, and what still keeps the day open."""

    def __init__(self) -> None:
        super().__init__()
        self._heading = label("", "strong")
        self._sums = RecentList()
        self._no_sums = label("全部钱箱关箱后显示各项合计。", "soft", wrap=True)
        self._hours = label("各时段业务量", "soft")
        self._chart = BarChart()
        self._notes = QVBoxLayout()
        self._notes.setSpacing(12)
        self._shown: list[Note] = []
        self.setLayout(
            column(
                self._heading,
                self._sums,
                self._no_sums,
                self._hours,
                self._chart,
                self._notes,
                None,
                spacing=12,
            )
        )

    def show_day(self, day: DayView, report: DayReport | None) -> None:
        """This day; without a report the sums stay hidden."""
        self._heading.setText(f"{day.business_date:%m-%d} 概览")
        lines = report.by_kind if report is not None else ()
        self._sums.set_lines(
            [RecentLine(line.name, f"{line.count} 笔", yuan(line.amount_fen)) for line in lines]
        )
        self._sums.setVisible(bool(lines))
        self._no_sums.setText("当天没有收付业务。" if report is not None else "全部钱箱关箱后显示各项合计。")
        self._no_sums.setVisible(not lines)
        hours = dict(day.by_hour)
        first, last = min([FIRST_HOUR, *hours]), max([LAST_HOUR, *hours])
        marks = {hour - first: f"{hour} 时" for hour in (first, (first + last + 1) // 2, last)}
        self._chart.set_values([hours.get(hour, 0) for hour in range(first, last + 1)], marks)
        for part in (self._hours, self._chart):
            part.setVisible(bool(hours))
        said: list[tuple[str, Tone]] = [
            (f"{line.what}：{line.detail}", line.state) for line in day.lines if line.state in ("bad", "warn")
        ]
        said += [
            (_difference_words(till), "warn")
            for till in (report.tills if report else ())
            if till.difference_fen
        ]
        while len(self._shown) < len(said):
            note = Note()
            self._shown.append(note)
            self._notes.addWidget(note)
        for at, note in enumerate(self._shown):
            used = at < len(said)
            sentence, tone = said[at] if used else ("", "warn")
            note.say(sentence, tone)
