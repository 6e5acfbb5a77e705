"""Every page of the program in the order of the navigation; a page appears here when it exists."""

from __future__ import annotations

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
        entry("till", "钱箱 / 交接班", "F9", house, _till, moves_money=True),
    )


def _top_up(tools: Tools) -> Page:
    from ui.pages.top_up import TopUpPage

    return TopUpPage(tools)


def _till(tools: Tools) -> Page:
    from ui.pages.till import TillPage

    return TillPage(tools)
