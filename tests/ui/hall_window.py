"""The window over the real desks of the hall of tests, with both readers, for tests and pictures; no test itself."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from hall_builder import CHEAP, CLERK, HOLDER, PASSWORD, Clerk
from picture_page import NOON
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QWidget

from counter_app.domain.cards import Holder, LossChannel
from counter_app.domain.documents import DocumentKind, IdDocument
from counter_app.domain.ids import MediumId, StaffNo
from counter_app.domain.requests import LossReported, OpenTill, ReportLoss
from counter_app.domain.shifts import CashCount
from counter_app.domain.views import CustomerView
from counter_app.services.desks import Desks, open_desks
from counter_app.services.passwords import Passwords
from counter_app.storage.database import Database
from ui.app_window import AppWindow
from ui.asking import Session, Tools
from ui.errors import TroubleRouter
from ui.lanes import Lane
from ui.page import Page, PageEntry

MakePage = Callable[[Tools], Page]


@dataclasses.dataclass(slots=True)
class HallWindow:
    """One clerk at one counter. `booked` holds the outcomes that pages told."""

    window: AppWindow
    desks: Desks
    tools: Tools
    clerk: Clerk
    booked: list[Any] = dataclasses.field(default_factory=list)
    heard: list[Page] = dataclasses.field(default_factory=list)

    def open(self, key: str) -> CustomerView:
        """Somebody found with the entry box stands at the counter."""
        view = self.desks.customers.open(key)
        self.window.set_customer(view)
        return view

    def show(self, name: str) -> Page:
        """A page in sight, its signals heard."""
        assert self.window.show_page(name)
        page = self.window.page
        assert page is not None
        if page not in self.heard:
            self.heard.append(page)
            page.booked.connect(self.booked.append)
            page.show_customer.connect(self.window.set_customer)
        return page

    def report(self, card_no: str, holder: Holder = HOLDER) -> LossReported:
        """A loss reported in the hall before the test begins."""
        asked = self.clerk.asked()
        return self.desks.loss.report_loss(
            ReportLoss(asked, card_no, LossChannel.HALL, None, document_of(holder))  # type: ignore[arg-type]
        )

    def open_till(self) -> None:
        """A drawer with 500 yuan."""
        self.desks.cash.open_till(OpenTill(self.clerk.asked(), CashCount(((100_00, 5),)), 500_00))


def hall_window(
    database: Database,
    troubles: TroubleRouter,
    lane: Callable[[str], Lane],
    pages: Sequence[tuple[str, str, str, str, MakePage]],
    *,
    counter_no: int = 1,
    staff_no: StaffNo = CLERK,
    terminal: Any = None,
) -> HallWindow:
    """A clerk signed in with these (name, title, key, group, maker) pages; readers open people as in the program."""
    desks = open_desks(database, counter_no, Passwords(CHEAP), 32)
    signed_in = desks.staff.sign_in(staff_no, PASSWORD)
    session = Session(desks.at.hall.hall_id, counter_no, signed_in, desks.at.now, desks.at.new_id)
    tools = Tools(
        troubles,
        desks,
        session,
        lane("desk"),
        lane("look"),
        terminal,
        lane("terminal") if terminal is not None else None,
    )
    window = AppWindow(f"{desks.at.hall.name} ・ {counter_no} 号台", troubles, now=lambda: NOON)
    for name, title, key, group, make in pages:
        window.add_page(PageEntry(name, title, key, group, lambda make=make: make(tools)))
    window.open_frame(f"{signed_in.staff_no} {signed_in.name}")

    def trouble(error: BaseException) -> None:
        troubles.show(error, window.page.result if window.page is not None else None)

    window.medium_seen.connect(
        lambda medium: tools.look_lane.submit(
            lambda: desks.customers.by_medium(MediumId(medium)), window.set_customer, trouble
        )
    )
    window.document_seen.connect(
        lambda document: tools.look_lane.submit(
            lambda: desks.customers.by_document(document), window.set_customer, trouble
        )
    )
    clerk = Clerk(database, counter_no, staff_no, signed_in.shift_id)
    return HallWindow(window, desks, tools, clerk)


def document_of(holder: Holder, **changes: Any) -> IdDocument:
    """The holder's identity card as the reader gives it."""
    made = IdDocument(
        DocumentKind.RESIDENT, holder.name, holder.document_number, valid_to=dt.date(2036, 6, 30)
    )
    return dataclasses.replace(made, **changes)


def focused() -> QWidget:
    """The widget that gets the keys."""
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def enter(*typed: str) -> None:
    """Type each text where the focus is and press Enter after it."""
    for text in typed:
        entry = focused()
        assert isinstance(entry, QLineEdit), entry
        QTest.keyClicks(entry, text) if text.isascii() else entry.insert(text)
        press(Qt.Key.Key_Return)


def press(key: Qt.Key, *, alt: bool = False) -> None:
    """One key where the focus is."""
    held = Qt.KeyboardModifier.AltModifier if alt else Qt.KeyboardModifier.NoModifier
    QTest.keyClick(focused(), key, held)


def words_in_sight(window: QWidget) -> str:
    """Every word in sight, typed ones included."""
    shown = [part.text() for part in window.findChildren(QLabel) if part.isVisible()]
    return "\n".join(shown + [part.text() for part in window.findChildren(QLineEdit) if part.isVisible()])
