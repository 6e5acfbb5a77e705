"""A page made of the kit's widgets with sample values, for pictures and key tests; it books nothing."""

from __future__ import annotations

import datetime
import json
import re
import sys

from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from counter_app.domain.views import (
    CustomerView,
    LampState,
    LastTransactionView,
    Match,
    ParkedView,
    RecentLine,
    SignInHint,
    StatusView,
)
from counter_app.domain.waiting import CancelToken
from ui import texts, theme
from ui.app_window import AppWindow
from ui.errors import TroubleRouter
from ui.page import Page, PageEntry
from ui.widgets.bar_chart import BarChart
from ui.widgets.cash import CashCountGrid, ChangeDue, SumDue
from ui.widgets.chips import DIGIT_CAPS, LETTER_CAPS, ChipRow, NoteKeys
from ui.widgets.customer_panel import RecentList
from ui.widgets.entries import Field, MoneyEntry
from ui.widgets.parts import Note, Panel, StepBar, button, column, label, row
from ui.widgets.tables import Cell, Column, DataTable

NOON = datetime.datetime(2026, 11, 22, 14, 23, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=8)))

CUSTOMER = CustomerView(
    card_no="9040261100031877",
    card_no_text="9040 2611 0003 1877",
    name_masked="王*明",
    document_masked="1523**********0418",
    phone_masked="138****5678",
    kind_text="实名",
    state_text="正常",
    state_tone="good",
    balance_fen=86_50,
    warnings=("有 1 件未结投诉，答复时限还剩 5 小时 12 分",),
    recent=(
        RecentLine("11-20 18:02", "充值", "+100.00"),
        RecentLine("11-18 09:41", "消费", "−23.00"),
        RecentLine("11-15 10:10", "充值", "+50.00"),
        RecentLine("10-30 15:20", "补卡费", "−25.00"),
    ),
)
LAMPS = (
    LampState("身份证", "good"),
    LampState("读卡", "good"),
    LampState("POS", "good"),
    LampState("打印", "warn", "纸将尽"),
    LampState("数据库", "good"),
)
STATUS = StatusView("11-22 上午班", 0, 1, 2, "3 小时前")
PARKED = (ParkedView("1", "李*", "充值", "14:20"),)


class SamplePage(Page):
    """Looks like the top-up page: amount, tender, received, sum and change, last transaction."""

    def __init__(self, troubles: TroubleRouter) -> None:
        super().__init__("充值", troubles)
        self.pressed = 0
        self.amount = MoneyEntry("其他金额")
        self.amounts = ChipRow(
            [(fen, texts.shown_money(fen).removesuffix(".00")) for fen in (5000, 10000, 20000, 30000, 50000)],
            DIGIT_CAPS,
        )
        self.tenders = ChipRow(
            [("cash", "现金"), ("debit", "借记卡 POS"), ("scan", "扫码"), ("slip", "独立 POS 录单")],
            LETTER_CAPS,
        )
        self.received = MoneyEntry("客户递来的现金")
        self.notes = NoteKeys()
        self.due = SumDue()
        self.change = ChangeDue()
        self.after = label("", "soft")
        self.primary = button("收款并打印 Enter", "primary", self.pay)
        self.give_up = button("取消 Esc", "second")
        self.amounts.chosen.connect(self.amount.set_fen)
        self.amount.amount_changed.connect(self._changed)
        self.received.amount_changed.connect(self._changed)
        self.notes.received.connect(self.received.set_fen)
        typed = Panel(spacing=14)
        tender_row = row(self.tenders, None)
        typed.add(
            Field("充值金额", self.amount),
            column(label("收款方式", "soft"), tender_row, spacing=6),
            Field("实收现金", self.received, self.notes),
        )
        typed.body.itemAt(0).widget().layout().itemAt(1).layout().insertWidget(0, self.amounts)  # type: ignore[union-attr]
        sums = Panel()
        sums.add(
            row(
                self.due,
                24,
                self.change,
                None,
                column(None, row(self.give_up, self.primary, spacing=12)),
                spacing=12,
            )
        )
        for part in (typed, sums, self.after, self.last):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self.set_path((self.amount, self.received), self.primary)
        self.set_chips(self.amounts, self.tenders)
        self.keep(amount=self.amount, tender=self.tenders, received=self.received)

    def pay(self) -> None:
        self.pressed += 1

    def customer_changed(self, view: CustomerView | None) -> None:
        super().customer_changed(view)
        if view is not None and view.balance_fen is not None:
            self.title.set_line(
                f"卡 {view.card_no_text}{texts.SEPARATOR}{view.name_masked}{texts.SEPARATOR}余额 "
                f"{texts.shown_money(view.balance_fen)}"
            )

    def _changed(self, _amount: object) -> None:
        due, received = self.amount.amount_or_none(), self.received.amount_or_none()
        self.amounts.choose(due)
        self.notes.set_due(due)
        self.notes.show_received(received)
        self.due.set_fen(due)
        self.change.set_sums(due, received)


OTHERS = (
    ("loss", "挂失 / 解挂", "F3", texts.GROUP_SERVICE),
    ("replace", "补卡", "F4", texts.GROUP_SERVICE),
    ("enrol", "开卡 / 退卡", "F5", texts.GROUP_SERVICE),
    ("bills", "代缴费", "F6", texts.GROUP_SERVICE),
    ("complaints", "投诉 / 咨询", "F7", texts.GROUP_SERVICE),
    ("customers", "客户与交易", "F8", texts.GROUP_SERVICE),
    ("till", "钱箱", "F9", texts.GROUP_TILL),
    ("day", "日结", "F10", texts.GROUP_TILL),
    ("open", "待办", "F11", texts.GROUP_TILL),
    ("reports", "报表", "Alt+R", texts.GROUP_TILL),
    ("settings", "设置", "Alt+S", texts.GROUP_TILL),
)


def sample_window(troubles: TroubleRouter) -> AppWindow:
    """A window signed in, with all navigation entries and the sample page behind F2 and F3."""
    window = AppWindow("东郊营业厅 ・ 2 号台", troubles, now=lambda: NOON)
    window.add_page(
        PageEntry("top_up", "充值", "F2", texts.GROUP_SERVICE, lambda: SamplePage(troubles), moves_money=True)
    )
    for name, title, key, group in OTHERS:
        window.add_page(PageEntry(name, title, key, group, lambda title=title: Page(title, troubles)))
    window.open_frame("1023 李娜")
    window.set_lamps(LAMPS)
    window.set_status(STATUS)
    window.set_badge("open", 3)
    window.set_customer(CUSTOMER)
    return window


def fill(page: SamplePage) -> None:
    """The values of the design's picture."""
    page.amount.set_fen(100_00)
    page.tenders.choose("cash")
    page.received.set_fen(200_00)
    page.received.setFocus()
    page.after.setText("充值后余额 ¥186.50，实名卡上限 ¥5,000.00 之内")
    page.last.set_last(LastTransactionView("14:21", "充值 ¥50.00 现金", 0, "D2-0131", True))


class SampleClose(Page):
    """Looks like the day close: steps, a table with badges, possible reasons, and totals at the right."""

    def __init__(self, troubles: TroubleRouter) -> None:
        super().__init__("日结", troubles)
        self.title.set_line("2026-11-22 ・ 东郊营业厅 ・ 主管 1001 赵敏 ・ 各项核对一致后签字锁账")
        lock = button("签字锁账（还差 3 项）", "second")
        lock.setEnabled(False)
        self.title.add_right(lock)
        steps = StepBar()
        steps.set_steps(
            [
                ("班次全部交清", "done"),
                ("现金盘点", "done"),
                ("差额说明", "now"),
                ("POS 与代缴对账", "open"),
                ("签字锁账", "open"),
            ]
        )
        table = DataTable(
            [
                Column("项目"),
                Column("笔数", 80, figures=True),
                Column("系统数", 120, figures=True),
                Column("实点 / 对方数", 150, figures=True),
                Column("差额", 96, figures=True),
                Column("状态", 170),
            ]
        )
        table.set_rows(
            [
                ("1 号台钱箱", "63", "4,310.00", "4,310.00", "0.00", Cell("相符", "good", badge=True)),
                (
                    "2 号台钱箱",
                    "48",
                    "3,186.00",
                    "3,176.00",
                    Cell("−10.00", "bad"),
                    Cell("短款 待说明", "bad", badge=True),
                ),
                ("联通 周转金", "9", "640.00", "—", "—", Cell("待录对方数", "warn", badge=True)),
                ("未决交易", "1", "50.00", "—", "—", Cell("待主管处理", "warn", badge=True)),
            ]
        )
        table.fit_rows()
        panel = Panel()
        panel.body.setContentsMargins(10, 6, 10, 6)
        panel.add(table)
        count = Panel("现金盘点")
        self.grid = CashCountGrid()
        count.add(self.grid)
        self.grid.restore({"10000": "12", "5000": "3", "2000": "0", "1000": "x"})
        for part in (steps, panel, count):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self._side = QWidget()
        totals = RecentList()
        totals.set_lines([RecentLine("充值", "86 笔", "9,240.00"), RecentLine("补卡费", "7 笔", "175.00")])
        chart = BarChart()
        chart.set_values(
            [18, 51, 82, 96, 57, 32, 51, 87, 75, 57, 41, 28, 13], {0: "7:30", 6: "14 时", 12: "20:30"}
        )
        side = column(
            label("今日概览", "name"),
            totals,
            label("各时段业务量", "soft"),
            chart,
            Note("2 号台短款 ¥10.00：须填写原因并由主管签认", "bad"),
            None,
            spacing=12,
        )
        self._side.setLayout(side)
        self.result.say(
            "bad", "打印机没有答复，凭证已排队。请检查打印机电源和连线。", "再试一次", lambda: None
        )
        self.busy.begin("请客户在终端上插卡、输密码…", CancelToken())

    def side(self) -> QWidget:
        return self._side


def faults_of(window: QWidget) -> list[str]:
    """Words cut off, and words a Chinese clerk could not read."""
    faults = []
    for part in (*window.findChildren(QLabel), *window.findChildren(QPushButton)):
        text = part.text()
        if not part.isVisible() or not text:
            continue
        wraps = isinstance(part, QLabel) and part.wordWrap()
        if not wraps and part.width() < part.sizeHint().width():
            faults.append(f"cut off: {text}")
        if wraps and part.height() < part.heightForWidth(part.width()):
            faults.append(f"cut off below: {text}")
        english = [word for word in re.findall(r"[A-Za-z]{2,}", text) if word not in KNOWN_LATIN]
        if english:
            faults.append(f"not Chinese: {text}")
    return faults


KNOWN_LATIN = frozenset(("POS", "Enter", "Esc", "Ctrl", "Alt", "PgUp", "PgDn"))


def main(folder: str, variant: str) -> None:
    """Write the pictures of one variant (`plain`, `contrast`, `large`) and print what is wrong with them as JSON."""
    application = QApplication([])
    theme.apply(
        application, theme.Theme.of(high_contrast=variant == "contrast", large_type=variant == "large")
    )
    scale = application.devicePixelRatio()
    name = f"{variant}-{round(scale * 100)}"
    troubles = TroubleRouter()
    window = sample_window(troubles)
    window.add_page(
        PageEntry(
            "close", "样页", "Ctrl+F10", texts.GROUP_TILL, lambda: SampleClose(troubles), moves_money=True
        )
    )
    window.resize(round(1366 / scale), round(768 / scale))
    window.show()
    faults = {}

    def take(what: str) -> None:
        application.processEvents()
        faults[what] = faults_of(window)
        window.grab().save(f"{folder}/{name}-{what}.png")

    window.sign_out()
    window.sign_in.set_hints(
        [SignInHint("1023", "李娜", "营业员", "演示密码"), SignInHint("1001", "赵敏", "主管", "演示密码")]
    )
    take("sign-in")
    window.open_frame("1023 李娜")
    window.set_customer(CUSTOMER)
    window.show_page("top_up")
    assert isinstance(window.page, SamplePage)
    fill(window.page)
    take("top-up")
    window.set_parked(PARKED)
    assert window.frame is not None
    box = window.frame.header.entry_box
    box.setFocus()
    box.setText("zxm")
    box.show_matches(
        "zxm",
        [
            Match("1", "曾*明", "9040 2611 0003 1877 ・ 138****5678", "客户"),
            Match("2", "张*梅", "9040 2611 0005 2210 ・ 139****1200", "客户"),
            Match("3", "郑*敏", "两张卡 ・ 1 张已挂失", "客户"),
        ],
    )
    take("search")
    box.leave()
    window.show_page("close")
    take("close")
    page = window.page
    assert page is not None
    page.busy.end()
    window.lock()
    take("lock")
    size = window.size()
    print(json.dumps({"size": [size.width() * scale, size.height() * scale], "faults": faults}))


if __name__ == "__main__":
    main(*sys.argv[1:])
