"""The clerk's session: wires the window's signals to the desks over the lanes; what every page is given.

Your line belongs here if it concerns who is signed in, who stands at the counter, or what happens after any
operation (print, refresh, status). What one business needs belongs to its page.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from counter_app.domain.asking import Asked, SignedIn
from counter_app.domain.cards import LossChannel
from counter_app.domain.errors import Refused, Trouble
from counter_app.domain.ids import MediumId, ReceiptNo, StaffNo
from counter_app.domain.requests import Reprint
from counter_app.domain.shifts import HALL_ZONE
from counter_app.domain.views import (
    CustomerView,
    Match,
    NoticeView,
    ParkedView,
    SignInHint,
    StatusView,
)
from counter_app.domain.waiting import CancelToken
from ui.asking import Session, Tools
from ui.lanes import Lane, on_ui
from ui.pages import all_pages

if TYPE_CHECKING:
    from counter_app.services.desks import Desks
    from ui.app_window import AppWindow
    from ui.page import Page

log = logging.getLogger(__name__)

T = TypeVar("T")

STATUS_EVERY_MS = 2_000
_CALLING = frozenset((LossChannel.HOTLINE.value, LossChannel.HEADQUARTERS.value))

PAPER_EVERY_MS = 700
PREPARED = ("top_up", "loss", "replace", "till", "customer", "pending")
TERMINAL_EVERY_MS = 20_000


def _nothing(*_anything: object) -> None:
    """Asks for no further step."""


class CounterDevicesFace(Protocol):
    """The two devices a page may name (None: not on this counter), and the terminal's lamp."""

    printer: Any
    terminal: Any

    def look_at_terminal(self, cancel: CancelToken) -> Any:
        """Ask the terminal how it is; only on its lane."""


class Serving(QObject):
    """One window at one counter.

    Signals: `paper_done(str, bool)` (receipt number, printed for sure), `customer_opened(object)`, `signed_in()`,
    `stopped()`.
    """

    paper_done = Signal(str, bool)
    customer_opened = Signal(object)
    signed_in = Signal()
    stopped = Signal()

    def __init__(self, window: AppWindow, desks: Desks, devices: CounterDevicesFace, start_page: str) -> None:
        super().__init__(window)
        self.window = window
        self.desks = desks
        self.devices = devices
        self.person: SignedIn | None = None
        self.to_confirm: tuple[str, ...] = ()
        self.papers_folder: Path | None = None
        self.desk = Lane("desk")
        self.look = Lane("look")
        self.paper = Lane("printer")
        self.pos = Lane("terminal")
        self._before_shift: Callable[[], None] = _nothing
        self._start_page = start_page
        self._tools: Tools | None = None
        self._heard: list[Page] = []
        self._last_receipt_no = ""
        self._paper_cancel = CancelToken()
        self._paper_said = ""
        self._status = QTimer(self)
        self._status.setInterval(STATUS_EVERY_MS)
        self._status.timeout.connect(self.refresh_status)
        self._printing = QTimer(self)
        self._printing.setInterval(PAPER_EVERY_MS)
        self._printing.timeout.connect(self._print_next)
        self._terminal_look = QTimer(self)
        self._terminal_look.setInterval(TERMINAL_EVERY_MS)
        self._terminal_look.timeout.connect(self.look_at_terminal)
        self._connect()

    def _connect(self) -> None:
        window = self.window
        window.sign_in.sign_in_asked.connect(self._sign_in)
        window.sign_in.notices_confirmed.connect(self._confirm_notices)
        window.search_asked.connect(self._search)
        window.match_opened.connect(self._open_match)
        window.medium_seen.connect(self._medium_seen)
        window.document_seen.connect(self._document_seen)
        window.park_asked.connect(self._park)
        window.unpark_asked.connect(self._unpark)
        window.reprint_asked.connect(self.reprint_last)
        window.help_asked.connect(self._help)
        window.record_asked.connect(lambda: window.bring_page("customer"))
        window.unlock_asked.connect(self._unlock)
        window.sign_out_asked.connect(self.sign_out)
        window.closing.connect(self.close)
        window.page_shown.connect(self._page_shown)

    def close(self) -> None:
        """The window is closing: stop timers, join lanes."""
        self._status.stop()
        self._printing.stop()
        self._terminal_look.stop()
        self._paper_cancel.cancel()
        for lane in (self.look, self.paper, self.pos, self.desk):
            lane.close(10.0)
        self.stopped.emit()

    # --- what pages are given -----------------------------------------------------------------------------------

    @property
    def tools(self) -> Tools:
        """What a page made now is given; new for each sign-in."""
        assert self._tools is not None, "pages are made after sign-in"
        return self._tools

    def _asked(self) -> Asked:
        return self.tools.session.asked()

    def look_at_terminal(self) -> None:
        """Ask the terminal how it is while nothing is being paid, for its lamp."""
        if self.devices.terminal is None or not self.pos.idle:
            return
        self.pos.submit(
            lambda: self.devices.look_at_terminal(self._paper_cancel), lambda _status: None, self._quiet
        )

    def _quiet(self, error: BaseException) -> None:
        """The lamp already tells trouble with a device; a bug is a bug."""
        if not isinstance(error, Trouble):
            self.window.troubles.report_bug(error)

    # --- start-up -----------------------------------------------------------------------------------------------

    def start_up(self, *, unclean: bool) -> None:
        """See to it that what was in flight when the program last ended is picked up, once, before the first shift.

        It runs on the desk lane after the first right password, so that nothing is booked in between and no sign-in
        waits for the desks that are still being opened; what a clerk must confirm is kept for the first page.
        """

        def pick_up() -> tuple[str, ...]:
            self.desks.open_rest()
            self.desks.paper.recover()
            # Asked first: a payment that is booked only now is told by its own line.
            unprinted = self.desks.paper.unprinted() if unclean else ()
            lines = self.desks.payments.pick_up()
            return lines + unprinted + tuple(item.sentence for item in self.desks.parking.unfinished())

        def picked_up(lines: tuple[str, ...]) -> None:
            self.to_confirm = lines
            if lines or unclean:
                log.warning("unclean stop: %s, %d items to confirm", unclean, len(lines))

        def failed(error: BaseException) -> None:
            if not isinstance(error, Trouble):
                self.window.troubles.report_bug(error)
                return
            log.error("what was in flight could not be picked up: %s", error)
            self.to_confirm = (f"启动：没有读出上次未完成的业务，请重启程序后再收付款。{error.sentence()}",)

        # On their way before the answer to the sign-in is.
        tell, tell_trouble = on_ui(picked_up), on_ui(failed)

        def once() -> None:
            self._before_shift = _nothing
            try:
                tell(pick_up())
            except Exception as error:  # noqa: BLE001 - `failed` tells a bug from trouble, on the UI thread
                tell_trouble(error)

        self._before_shift = once

    # --- sign-in ------------------------------------------------------------------------------------------------

    def open_for_sign_in(self) -> None:
        """The hints of a demo database are read, then the other desks opened while the password is typed or checked."""

        def read(hints: list[tuple[str, str, str, str]]) -> None:
            self.window.sign_in.set_hints(tuple(SignInHint(*hint) for hint in hints))

        self.look.submit(self.desks.staff.demo_hints, read)
        self.look.submit(self.desks.open_rest, self._while_nobody_waits)

    def _while_nobody_waits(self, _opened: object) -> None:
        """What the first page needs is made while the password is typed."""
        self.window.make_frame()
        # What is loaded now stays until the end: the garbage collector need not look at it in the middle of a key.
        self.look.submit(lambda: all_pages.load((self._start_page,)), lambda _none: gc.freeze())

    def _sign_in(self, staff_no: str, password: str) -> None:
        page = self.window.sign_in
        page.set_waiting()

        def failed(error: BaseException) -> None:
            if isinstance(error, Trouble):
                page.refused(error.sentence())
            else:
                page.refused("登录时出错，请重试。")
                self.window.troubles.report_bug(error)

        self.desk.submit(
            lambda: self.desks.staff.sign_in(StaffNo(staff_no), password, self._before_shift),
            self._signed_in,
            failed,
        )

    def _signed_in(self, person: SignedIn) -> None:
        self.person = person
        at = self.desks.at
        session = Session(at.hall.hall_id, at.counter_no, person, at.now, at.new_id)
        self._tools = Tools(
            self.window.troubles,
            self.desks,
            session,
            self.desk,
            self.look,
            self.devices.terminal,
            self.pos if self.devices.terminal is not None else None,
        )
        if person.unread_notices:
            self.window.sign_in.show_notices(
                tuple(
                    NoticeView(
                        notice.notice_id,
                        notice.title,
                        notice.body,
                        f"有效期 {notice.valid_from:%Y-%m-%d} 至 {notice.valid_to:%Y-%m-%d}",
                    )
                    for notice in person.unread_notices
                )
            )
        else:
            self._begin()

    def _confirm_notices(self, keys: Any) -> None:
        asked = self._asked()

        def confirm() -> None:
            for key in keys:
                self.desks.staff.confirm_notice(asked, key)

        self.desk.submit(confirm, lambda _none: self._begin())

    def _begin(self) -> None:
        assert self.person is not None
        self.window.open_frame(f"{self.person.staff_no} {self.person.name}{self._role_word()}")
        from counter_app.domain.rule_book import RuleCode

        day = self.person.business_date
        self.window.set_idle_lock(float(self.desks.at.rules.value(RuleCode.IDLE_LOCK_SECONDS, day)))
        self.window.bring_page("pending" if self.to_confirm else self._start_page)
        self.refresh_status()
        self.refresh_parked()
        self._status.start()
        self._printing.start()
        self._terminal_look.start()
        self.look_at_terminal()
        self._look_at_clock()
        self.signed_in.emit()

    def _make_ahead(self) -> None:
        if self.person is not None:
            self.window.make_ahead(PREPARED)

    def _role_word(self) -> str:
        assert self.person is not None
        return f" {self.person.role_text}" if self.person.is_manager else ""

    def sign_out(self) -> None:
        """The clerk leaves; the shift and its open till stay as they are. An answer under way is waited for."""
        if self.window.page is not None and not self.window.page.can_leave():
            self.window.unlock_refused("还在等答复，请等结束后再换人登录。")
            return
        self._status.stop()
        self._printing.stop()
        self._terminal_look.stop()
        self.person = None
        self._last_receipt_no = ""
        self._heard.clear()
        self.window.sign_out()

    def _unlock(self, password: str) -> None:
        assert self.person is not None
        staff_no = self.person.staff_no

        def failed(error: BaseException) -> None:
            self.window.unlock_refused(
                error.sentence() if isinstance(error, Trouble) else "核对时出错，请重试。"
            )
            if not isinstance(error, Trouble):
                self.window.troubles.report_bug(error)

        self.desk.submit(
            lambda: self.desks.staff.unlock(staff_no, password), lambda _none: self.window.unlock(), failed
        )

    # --- who stands here ----------------------------------------------------------------------------------------

    def _search(self, typed: str) -> None:
        box = self.window.frame.header.entry_box if self.window.frame else None
        if box is None:
            return
        if not typed.strip():
            box.show_matches(typed, ())
            return

        def found(matches: tuple[Match, ...]) -> None:
            box.show_matches(typed, matches)

        def failed(error: BaseException) -> None:
            if isinstance(error, Refused):
                box.show_refusal(typed, error.sentence())
            else:
                self._show_trouble(error)

        self.look.submit(lambda: self.desks.customers.find(typed), found, failed, newest_of="search")

    def _open_match(self, match: Match) -> None:
        if match.paper_no:
            self._open_paper(match.paper_no)
        else:
            self.open_customer(match.key)

    def _open_paper(self, receipt_no: str) -> None:
        """A paper of the drawer or the day has no customer: it is shown itself."""
        from ui.pages.customer import CustomerPage

        if self.window.show_page("customer"):
            page = self.window.page
            assert isinstance(page, CustomerPage)
            page.open_receipt(receipt_no)

    def _came(self, view: CustomerView) -> None:
        """The clerk or a reader opened this person: what is typed next belongs to the page."""
        self.show_customer(view)
        self.window.leave_entry_box()

    def open_customer(self, key: str) -> None:
        """Open a person or card by its key; trouble stands on the page in sight."""
        self.look.submit(lambda: self.desks.customers.open(key), self._came, self._show_trouble)

    def show_customer(self, view: CustomerView | None) -> None:
        """This person stands at the counter now."""
        self.window.set_customer(view)
        self.customer_opened.emit(view)

    def refresh_customer(self) -> None:
        """Read the customer again after something changed."""
        view = self.window.customer
        if view is not None and view.card_no and not view.hidden:
            key = f"card:{view.card_no}"
            self.look.submit(
                lambda: self.desks.customers.open(key),
                self.show_customer,
                self._show_trouble,
                newest_of="refresh",
            )

    def _medium_seen(self, medium_id: str) -> None:
        self.look.submit(
            lambda: self.desks.customers.by_medium(MediumId(medium_id)), self._came, self._show_trouble
        )

    def _document_seen(self, document: Any) -> None:
        self.look.submit(lambda: self.desks.customers.by_document(document), self._came, self._show_trouble)

    def _show_trouble(self, error: BaseException) -> None:
        page = self.window.page
        self.window.troubles.show(error, page.result if page is not None else None)

    # --- parking ------------------------------------------------------------------------------------------------

    def _park(self, page_name: str, typed: dict[str, str]) -> None:
        view = self.window.customer
        if view is None:
            return
        page = self.window.page
        what = page.title.title.text() if page is not None else ""
        title = f"{view.name_masked or view.card_no_text}｜{what}"
        content = {"card": view.card_no, "fields": typed}
        asked = self._asked()

        def parked(_parked_id: str) -> None:
            self.window.set_customer(None)
            if page is not None:
                page.restore(dict.fromkeys(typed, ""))
                page.activate()
            self.refresh_parked()

        self.desk.submit(
            lambda: self.desks.parking.park(asked, title, page_name, content), parked, self._show_trouble
        )

    def refresh_parked(self) -> None:
        """Show who waits at this counter."""

        def show(parked: Any) -> None:
            self.window.set_parked(
                tuple(
                    ParkedView(
                        item.parked_id,
                        item.title.partition("｜")[0],
                        item.title.partition("｜")[2],
                        item.parked_at.astimezone(HALL_ZONE).strftime("%H:%M"),
                    )
                    for item in parked
                )
            )

        self.look.submit(self.desks.parking.parked, show, self._show_trouble)

    def _unpark(self, parked_id: str) -> None:
        if self.window.page is not None and not self.window.page.can_leave():
            return
        asked = self._asked()

        def resumed(parked: Any) -> None:
            self.refresh_parked()
            if not self.window.show_page(parked.page):
                # A wait began meanwhile: the customer goes back among the parked, nothing typed is lost.
                self.desk.submit(
                    lambda: self.desks.parking.park(asked, parked.title, parked.page, parked.typed),
                    lambda _parked_id: self.refresh_parked(),
                    self._show_trouble,
                )
                return
            fields, card = parked.typed["fields"], parked.typed["card"]

            def opened(view: CustomerView | None) -> None:
                self.show_customer(view)
                page = self.window.made_page(parked.page)
                if page is not None:
                    page.restore(fields)
                    page.focus_first()

            if not card:
                opened(None)
                return
            # Somebody on the telephone stays hidden also while the page comes back.
            hidden = fields.get("channel") in _CALLING
            self.look.submit(
                lambda: self.desks.customers.open(f"card:{card}", hidden=hidden), opened, self._show_trouble
            )

        self.desk.submit(lambda: self.desks.parking.resume(asked, parked_id), resumed, self._show_trouble)

    def _help(self) -> None:
        from ui.dialogs.help import HelpDialog

        page = self.window.page
        here = page.keys_now() if page is not None else ()
        HelpDialog(self.window, self.window.page_keys(), here).open()

    # --- after an operation -------------------------------------------------------------------------------------

    def _page_shown(self, name: str) -> None:
        if not self._heard:
            # Only now: until its first page is there a clerk waits.
            self.look.submit(all_pages.load, lambda _none: self._make_ahead())
        page = self.window.made_page(name)
        if page is not None and page not in self._heard:
            self._heard.append(page)
            page.booked.connect(self._booked)
            page.show_customer.connect(self.show_customer)

    def _booked(self, outcome: Any) -> None:
        """An operation was booked: its paper prints, panel, status and badges are read again."""
        self._last_receipt_no = getattr(outcome, "receipt_no", None) or self._last_receipt_no
        if self.devices.printer is None and self._last_receipt_no:
            self.window.paper_done(self._last_receipt_no, False)
        self._print_next()
        self.refresh_customer()
        self.refresh_status()
        self.look_at_terminal()
        self._look_at_clock()

    def _look_at_clock(self) -> None:
        """Warn above every page while the computer's clock stands before the last record."""
        asked = self._asked()
        self.desk.submit(
            lambda: self.desks.staff.look_at_clock(asked), self.window.set_notice, self._show_trouble
        )

    def _print_next(self) -> None:
        printer = self.devices.printer
        if printer is None or not self.paper.idle or self.person is None:
            return

        def printed(job: Any) -> None:
            if job is None:
                return
            if job.sentence and job.sentence != self._paper_said:
                page = self.window.page
                if page is not None:
                    page.result.say("warn", f"业务已记账，不要重做。{job.sentence}")
            self._paper_said = job.sentence
            printed_for_sure = not job.sentence
            self.window.paper_done(job.job.receipt_no, printed_for_sure)
            self.paper_done.emit(job.job.receipt_no, printed_for_sure)
            self.refresh_status()
            if printed_for_sure:
                self._print_next()

        self.paper.submit(
            lambda: self.desks.paper.print_next(printer, self._paper_cancel),
            printed,
            self._paper_failed,
        )

    def _paper_failed(self, error: BaseException) -> None:
        if not isinstance(error, Trouble):
            self.window.troubles.report_bug(error)
        elif error.sentence() != self._paper_said:
            self._paper_said = error.sentence()
            log.warning("printer: %s", error)
            self._show_trouble(error)

    def reprint_last(self) -> None:
        """Alt+P: another copy of the last receipt, marked and counted."""
        receipt_no = self._last_receipt_no
        if receipt_no:
            self.reprint(receipt_no)
        elif self.window.page is not None:
            self.window.page.result.say("warn", "登录以来还没有凭条。要补打以前的，请到 F8 查出凭证再补打。")

    def reprint(self, receipt_no: str) -> None:
        """Put a 补打 of a receipt on the queue; above the first copy the customer page asks the manager."""
        request = Reprint(self._asked(), ReceiptNo(receipt_no))

        def queued(copy_no: int) -> None:
            page = self.window.page
            if page is not None and self.devices.printer is None:
                page.result.say("warn", f"本台没有设置打印机，凭证 {receipt_no} 已排队，没有打印。")
            elif page is not None:
                page.result.say("good", f"凭证 {receipt_no} 补打 第{copy_no}次，正在打印。")
            self._print_next()

        self.desk.submit(lambda: self.desks.paper.reprint(request), queued, self._show_trouble)

    def refresh_status(self) -> None:
        """Read the status line's facts again."""
        if self.person is None:
            return
        person = self.person

        def read() -> tuple[StatusView, int]:
            pending = len(self.desks.payments.pending())
            papers = self.desks.paper.waiting()
            status = StatusView(
                f"{person.business_date:%m-%d} 第 {person.ordinal} 班",
                print_queue=len(papers),
                pending=pending,
            )
            return status, pending + sum(job.to_confirm for job in papers) + len(self.to_confirm)

        def show(facts: tuple[StatusView, int]) -> None:
            self.window.set_status(facts[0])
            self.window.set_badge("pending", facts[1])

        self.look.submit(read, show, self._show_trouble, newest_of="status")
