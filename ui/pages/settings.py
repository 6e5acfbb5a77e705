"""设置 (Alt+S): staff, deputy, notices, terminals, rule book; for the manager or administrator, read-only for clerks.

Your line belongs here if it is about these lists and their forms; what may be changed is decided by the manager desk.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLineEdit, QStackedWidget, QWidget

from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import StaffNo
from counter_app.domain.money import yuan
from counter_app.domain.rule_book import RuleCode
from counter_app.domain.staff import Role
from ui import texts
from ui.asking import Tools
from ui.forms.moments import day_of
from ui.page import Page
from ui.widgets.chips import DIGIT_CAPS, LETTER_CAPS, ChipRow
from ui.widgets.entries import Entry, Field, LongText, NumberEntry
from ui.widgets.parts import Panel, button, column, label, row
from ui.widgets.tables import Cell, Column, DataTable, Row

if TYPE_CHECKING:
    from counter_app.services.manager_desk import HallView

SECTIONS = (
    ("staff", "员工"),
    ("deputy", "代理主管"),
    ("notice", "通知"),
    ("terminal", "POS 终端"),
    ("rules", "业务规则"),
)
MOST_ROWS, MOST_RULES = 7, 12

RULE_NAMES = {
    RuleCode.REPLACEMENT_FEE: "补卡工本费（元）",
    RuleCode.NAMED_CARD_LIMIT: "实名卡余额上限（元）",
    RuleCode.ANONYMOUS_CARD_LIMIT: "不记名卡余额上限（元）",
    RuleCode.CASH_TOP_UP_BELOW: "一次现金充值须低于（元）",
    RuleCode.LOSS_REPORT_DAYS: "挂失后补卡期限（天）",
    RuleCode.CLAIM_BALANCE_TOLERANCE: "电话挂失余额容差（元）",
    RuleCode.CLAIM_TRIES: "电话挂失核对次数",
    RuleCode.CLAIM_WINDOW_MINUTES: "核对次数计算时段（分钟）",
    RuleCode.CREDIT_CARD_TOP_UP: "信用卡可否充值（0 否，1 可）",
    RuleCode.FREEZE_OFFLINE_HOURS: "脱机终端冻结生效（小时）",
    RuleCode.APPROVAL_VALID_SECONDS: "授权有效（秒）",
    RuleCode.IDLE_LOCK_SECONDS: "无操作自动锁屏（秒）",
    RuleCode.SIGN_IN_TRIES: "登录连续输错次数",
    RuleCode.SIGN_IN_LOCK_MINUTES: "输错后锁定（分钟）",
    RuleCode.RECORD_KEEPING_YEARS: "资料保存年限（年）",
    RuleCode.CHANGE_AT_MOST: "单笔找零上限（元）",
}
"""The rules as the settings page names them."""


class SettingsPage(Page):
    """One list and one form at a time; `keep` carries what was typed, passwords excepted."""

    def __init__(self, tools: Tools) -> None:
        super().__init__("设置", tools.troubles)
        self._tools = tools

    def build(self) -> Iterator[None]:
        """A list with its form after the other."""
        tools = self._tools
        self.last.hide()
        self.sections: ChipRow[str] = ChipRow(SECTIONS, DIGIT_CAPS)
        self.sections.choose("staff")
        self.sections.chosen.connect(lambda _name: self._show_section())
        self._forms = QStackedWidget()
        self.body.addWidget(self.sections)
        self.body.addWidget(self._forms, 1)
        self._sheets: dict[str, _Sheet] = {}
        makers: dict[str, Callable[[], _Sheet]] = {
            "staff": lambda: _StaffSheet(tools),
            "deputy": lambda: _DeputySheet(tools),
            "notice": lambda: _NoticeSheet(tools),
            "terminal": lambda: _TerminalSheet(tools),
            "rules": _RulesSheet,
        }
        for name, make in makers.items():
            yield
            sheet = self._sheets[name] = make()
            self._forms.addWidget(sheet)
            if sheet.go is not None:
                sheet.go.clicked.connect(functools.partial(self._save, sheet))
        yield
        self.keep(
            section=self.sections,
            **{
                f"{name}_{key}": widget
                for name, sheet in self._sheets.items()
                for key, widget in sheet.kept().items()
            },
        )
        self._show_section()

    def activate(self) -> None:
        """Read everything again: another counter may have changed it."""
        self._tools.look_lane.submit(self._tools.desks.manager.view, self._show, self.trouble)
        super().activate()

    def keys_now(self) -> Sequence[tuple[str, str]]:
        """Keys that work now."""
        return (texts.KEY_HELP, ("Alt+1…5", "选择项目"), ("Enter", "下一项 / 保存"), texts.KEY_BACK)

    @property
    def sheet(self) -> _Sheet:
        """The list and form in sight."""
        return self._sheets[self.sections.value or "staff"]

    def _show_section(self) -> None:
        self._forms.setCurrentWidget(self.sheet)
        self.set_chips(self.sections, *self.sheet.chips)
        self.set_path(self.sheet.stops, self.sheet.go)
        self.title.set_line(self.sheet.about)
        self.result.clear()
        if self.isVisible():
            self.focus_first()

    def _show(self, view: HallView) -> None:
        for sheet in self._sheets.values():
            sheet.show_view(view)

    def _save(self, sheet: _Sheet) -> None:
        try:
            call = sheet.call()
        except Refused as refusal:
            self.trouble(refusal)
            return
        self.ask(self._tools.desk_lane, call, functools.partial(self._saved, sheet), text="正在保存…")

    def _saved(self, sheet: _Sheet, _none: None) -> None:
        sheet.clear()
        self.result.say("good", sheet.saved_words)
        self._tools.look_lane.submit(self._tools.desks.manager.view, self._show, self.trouble)
        self.focus_first()


class _Sheet(QWidget):
    """A list over a form. `call` checks what was typed and gives the desk call; `Refused` when something is missing."""

    about = ""
    saved_words = ""

    def __init__(self, columns: Sequence[Column], go_words: str = "") -> None:
        super().__init__()
        self.table = DataTable(columns)
        self.go = button(go_words, "primary") if go_words else None
        self.chips: tuple[ChipRow[str], ...] = ()
        self.stops: tuple[Entry | LongText, ...] = ()
        self._list = Panel()
        self._list.add(self.table)

    def lay_out(self, *parts: object) -> None:
        """List on top, form below."""
        form = Panel(spacing=12)
        for part in parts:
            form.add(part)  # type: ignore[arg-type]
        if self.go is not None:
            form.add(row(None, self.go))
        whole = column(self._list, form, None, spacing=14)
        whole.setContentsMargins(0, 0, 0, 0)
        self.setLayout(whole)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Fill the list."""
        self.table.set_rows(rows)
        self.table.fit_rows(MOST_ROWS)

    def kept(self) -> dict[str, Entry | LongText]:
        """Typed values that outlive parking and lock."""
        return {}

    def show_view(self, view: HallView) -> None:
        """Fill the list from what the desk read."""
        raise NotImplementedError

    def call(self) -> Callable[[], None]:
        """The desk call for what was typed."""
        raise NotImplementedError

    def clear(self) -> None:
        """It was saved: empty fields."""
        for stop in self.stops:
            stop.clear()


class _StaffSheet(_Sheet):
    about = "新员工用首次密码登录；忘记密码由主管重设。停用后不能登录，历史保留。"
    saved_words = "已保存。"

    def __init__(self, tools: Tools) -> None:
        super().__init__(
            (Column("工号", 120), Column("姓名"), Column("岗位", 120), Column("状态", 200)), "保存 Enter"
        )
        self._tools = tools
        self.what: ChipRow[str] = ChipRow(
            [("add", "新员工"), ("password", "重设密码"), ("off", "停用"), ("on", "恢复")], LETTER_CAPS
        )
        self.role: ChipRow[str] = ChipRow([("clerk", "营业员"), ("manager", "主管")], "MN")
        self.what.choose("add")
        self.role.choose("clerk")
        self.staff_no = Entry("例如 1026", max_length=12)
        self.name = Entry("姓名", max_length=20)
        self.password = Entry("至少 8 位", max_length=128)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self._name = Field("姓名", self.name)
        self._password = Field("密码", self.password)
        self._role = QWidget()
        self._role.setLayout(column(label("岗位", "soft"), self.role, spacing=6))
        self.chips = (self.what, self.role)
        self.stops = (self.staff_no, self.name, self.password)
        self.lay_out(
            self.what, row(Field("工号", self.staff_no), self._name, self._password, self._role, spacing=12)
        )
        self.what.chosen.connect(lambda _what: self._fit())
        self._fit()

    def kept(self) -> dict[str, Entry | LongText]:
        return {"staff_no": self.staff_no, "name": self.name}

    def _fit(self) -> None:
        what = self.what.value
        self._name.setVisible(what == "add")
        self._role.setVisible(what == "add")
        self._password.setVisible(what in ("add", "password"))

    def show_view(self, view: HallView) -> None:
        self.set_rows(
            [
                (
                    line.staff_no,
                    line.name,
                    line.role_text,
                    Cell("停用", "warn", badge=True)
                    if not line.active
                    else Cell(
                        f"代理主管至 {line.deputises_until}" if line.deputises_until else "在用",
                        "good",
                        badge=True,
                    ),
                )
                for line in view.staff
            ]
        )

    def call(self) -> Callable[[], None]:
        manager, asked = self._tools.desks.manager, self._tools.session.asked()
        staff_no = StaffNo(self.staff_no.text().strip())
        if not staff_no:
            raise Refused(Reason.TEXT_MISSING, field="工号")
        what, password = self.what.value, self.password.text()
        if what == "add":
            name, role = self.name.text(), Role(self.role.value or "clerk")
            return lambda: manager.add_person(asked, staff_no, name, role, password)
        if what == "password":
            return lambda: manager.set_password(asked, staff_no, password)
        return lambda: manager.set_active(asked, staff_no, active=what == "on")


class _DeputySheet(_Sheet):
    about = "主管不在时，指定一名营业员在这些日子里代理主管授权和日结。"
    saved_words = "已指定代理主管，即日按日期生效。"

    def __init__(self, tools: Tools) -> None:
        super().__init__((Column("工号", 120), Column("姓名"), Column("代理至", 200)), "指定 Enter")
        self._tools = tools
        self.staff_no = Entry("代理人工号", max_length=12)
        self.first = Entry("例如 2026-12-01", max_length=10)
        self.last_day = Entry("例如 2026-12-03", max_length=10)
        self.stops = (self.staff_no, self.first, self.last_day)
        self.lay_out(
            row(
                Field("代理人工号", self.staff_no),
                Field("从", self.first),
                Field("到（含）", self.last_day),
                spacing=12,
            )
        )

    def kept(self) -> dict[str, Entry | LongText]:
        return {"staff_no": self.staff_no, "first": self.first, "last": self.last_day}

    def show_view(self, view: HallView) -> None:
        self.set_rows(
            [(line.staff_no, line.name, line.deputises_until) for line in view.staff if line.deputises_until]
            or [("—", "现在没有代理主管", "")]
        )

    def call(self) -> Callable[[], None]:
        manager, asked = self._tools.desks.manager, self._tools.session.asked()
        staff_no = StaffNo(self.staff_no.text().strip())
        first, last = day_of("从", self.first.text()), day_of("到", self.last_day.text())
        return lambda: manager.appoint_deputy(asked, staff_no, first, last)


class _NoticeSheet(_Sheet):
    about = "有效期内，每位营业员登录时须阅读并确认。"
    saved_words = "通知已发布。"

    def __init__(self, tools: Tools) -> None:
        super().__init__((Column("标题"), Column("从", 120), Column("到", 120)), "发布 Enter")
        self._tools = tools
        self.headline = Entry("标题", max_length=40)
        self.first = Entry("例如 2026-12-01", max_length=10)
        self.last_day = Entry("例如 2026-12-31", max_length=10)
        self.text = LongText("内容")
        self.text.setFixedHeight(96)
        self.stops = (self.headline, self.first, self.last_day, self.text)
        self.lay_out(
            row(
                Field("标题", self.headline),
                Field("从", self.first),
                Field("到（含）", self.last_day),
                spacing=12,
            ),
            Field("内容", self.text),
        )

    def kept(self) -> dict[str, Entry | LongText]:
        return {"title": self.headline, "first": self.first, "last": self.last_day, "text": self.text}

    def show_view(self, view: HallView) -> None:
        self.set_rows(
            [(n.title, n.valid_from.isoformat(), n.valid_to.isoformat()) for n in view.notices]
            or [("还没有通知", "", "")]
        )

    def call(self) -> Callable[[], None]:
        manager, asked = self._tools.desks.manager, self._tools.session.asked()
        title, text = self.headline.text(), self.text.toPlainText()
        first, last = day_of("从", self.first.text()), day_of("到", self.last_day.text())
        return lambda: manager.publish_notice(asked, title, text, first, last)


class _TerminalSheet(_Sheet):
    about = "联机终端由本程序发起收款，每台一个；独立终端由营业员录单，关箱时清点签购单。"
    saved_words = "终端已登记；新联机终端在下次登录后生效。"

    def __init__(self, tools: Tools) -> None:
        super().__init__(
            (Column("终端号", 180), Column("名称"), Column("柜台", 100), Column("方式", 120)), "登记 Enter"
        )
        self._tools = tools
        self.terminal_id = Entry("签购单上的终端号", max_length=16)
        self.counter_no = NumberEntry("例如 1", max_length=2)
        self.name = Entry("名称，可不填", max_length=20)
        self.name.optional = True
        self.linked: ChipRow[str] = ChipRow([("linked", "联机"), ("alone", "独立")], LETTER_CAPS)
        self.linked.choose("linked")
        self.chips = (self.linked,)
        self.stops = (self.terminal_id, self.counter_no, self.name)
        self.lay_out(
            row(
                Field("终端号", self.terminal_id),
                Field("柜台", self.counter_no),
                Field("名称", self.name),
                column(label("方式", "soft"), self.linked, spacing=6),
                spacing=12,
            )
        )

    def kept(self) -> dict[str, Entry | LongText]:
        return {"id": self.terminal_id, "counter": self.counter_no, "name": self.name}

    def show_view(self, view: HallView) -> None:
        self.set_rows(
            [
                (t.terminal_id, t.name, f"{t.counter_no} 号台", "联机" if t.linked else "独立")
                for t in view.terminals
            ]
            or [("—", "还没有登记终端", "", "")]
        )

    def call(self) -> Callable[[], None]:
        manager, asked = self._tools.desks.manager, self._tools.session.asked()
        counter = self.counter_no.text().strip()
        if not (counter.isascii() and counter.isdigit() and int(counter) > 0):
            raise Refused(Reason.VALUE_NOT_ALLOWED, field="柜台", typed=counter or "未填")
        terminal_id, name, linked = self.terminal_id.text(), self.name.text(), self.linked.value == "linked"
        return lambda: manager.add_terminal(asked, terminal_id, int(counter), name, linked=linked)


class _RulesSheet(_Sheet):
    about = "现行业务规则，各带生效日期、依据和批准人。"

    def __init__(self) -> None:
        super().__init__(
            (Column("规则", 210), Column("值", 110, figures=True), Column("生效", 110), Column("依据"))
        )
        self.lay_out(label("修改规则须两人办理并公示，随后续版本提供。", "soft", wrap=True))

    def show_view(self, view: HallView) -> None:
        self.set_rows(
            [
                (
                    RULE_NAMES.get(rule.code, rule.code.value),
                    yuan(rule.value) if rule.code.value.endswith("_fen") else str(rule.value),
                    rule.valid_from.isoformat(),
                    rule.source,
                )
                for rule in view.rules
            ]
        )
        self.table.fit_rows(MOST_RULES)

    def call(self) -> Callable[[], None]:
        raise RuntimeError("the rule book has no form")
