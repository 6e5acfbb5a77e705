"""Every page of the program in the order of the navigation; a page appears here when it exists."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ui import texts
from ui.page import Page, PageEntry

if TYPE_CHECKING:
    from ui.asking import Tools
    from ui.serving import Serving


def page_entries(serving: Serving) -> Sequence[PageEntry]:
    """Entries with their factories; each page's module is imported when the page is first shown."""

    def entry(
        name: str, title: str, key: str, group: str, make: Callable[[Tools], Page], *, moves_money: bool
    ) -> PageEntry:
        return PageEntry(name, title, key, group, lambda: make(serving.tools), moves_money)

    business, house = texts.GROUP_ORDER[:2]
    return (
        entry("top_up", "充值", "F2", business, _top_up, moves_money=True),
        entry("loss", "挂失 / 解挂", "F3", business, _loss, moves_money=False),
        entry("replace", "补卡", "F4", business, _replace, moves_money=True),
        entry("customer", "客户与交易", "F8", business, _customer, moves_money=True),
        entry("till", "钱箱", "F9", house, _till, moves_money=True),
        PageEntry("day_close", "日结", "F10", house, lambda: _day_close(serving), moves_money=True),
        PageEntry("pending", "待办", "F11", house, lambda: _pending(serving), moves_money=True),
        entry("registers", "登记簿", "Alt+R", house, _registers, moves_money=True),
        entry("settings", "设置", "Alt+S", house, _settings, moves_money=False),
    )


MODULES = ("top_up", "loss", "replace", "till", "customer", "pending", "day_close", "registers", "settings")


def load(modules: Sequence[str] = MODULES) -> None:
    """Import these pages' modules; called on a lane, so that no key waits for an import."""
    for module in modules:
        importlib.import_module(f"ui.pages.{module}")


def _top_up(tools: Tools) -> Page:
    from ui.pages.top_up import TopUpPage

    return TopUpPage(tools)


def _loss(tools: Tools) -> Page:
    from ui.pages.loss import LossPage

    return LossPage(tools)


def _replace(tools: Tools) -> Page:
    from ui.pages.replace import ReplacePage

    return ReplacePage(tools)


def _till(tools: Tools) -> Page:
    from ui.pages.till import TillPage

    return TillPage(tools)


def _customer(tools: Tools) -> Page:
    from ui.pages.customer import CustomerPage

    return CustomerPage(tools)


def _day_close(serving: Serving) -> Page:
    from ui.pages.day_close import DayClosePage

    return DayClosePage(serving.tools, serving.papers_folder)


def _pending(serving: Serving) -> Page:
    from ui.pages.pending import PendingPage

    def confirmed(line: str) -> None:
        serving.to_confirm = tuple(other for other in serving.to_confirm if other != line)

    return PendingPage(serving.tools, lambda: serving.to_confirm, confirmed)


def _registers(tools: Tools) -> Page:
    from ui.pages.registers import RegistersPage

    return RegistersPage(tools)


def _settings(tools: Tools) -> Page:
    from ui.pages.settings import SettingsPage

    return SettingsPage(tools)
