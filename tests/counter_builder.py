"""A counter of the hall of tests with all desks, and the metal beside it as scripts: a terminal and a printer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from hall_builder import CHEAP, CLERK, LINKED_TERMINAL, MANAGER, PASSWORD, Clerk, clerk_at

from counter_app.domain.ids import CardNo, StaffNo
from counter_app.domain.ledger import Tender, TenderKind
from counter_app.domain.payments import OnResult, PaymentOrder, Reply, TerminalResult, Verdict
from counter_app.domain.requests import LockCount, OpenTill, ToppedUp, TopUp
from counter_app.domain.shifts import CashCount
from counter_app.domain.waiting import CancelToken, Progress
from counter_app.services.cash_desk import CashDesk
from counter_app.services.closing_desk import ClosingDesk
from counter_app.services.hall import HallAtCounter
from counter_app.services.paper_desk import PaperDesk
from counter_app.services.parking_desk import ParkingDesk
from counter_app.services.passwords import Passwords
from counter_app.services.payment_desk import PaymentDesk
from counter_app.services.staff_desk import StaffDesk
from counter_app.services.top_up_desk import TopUpDesk
from counter_app.services.undo_desk import UndoDesk
from counter_app.storage.database import AsksSomething, Database
from counter_app.storage.verify import verify
from devices.receipt_printer import PrinterState, PrinterStatus, PrintOutcome, PrintResult

R = TypeVar("R", bound=AsksSomething)

FLOAT = CashCount(((100_00, 3), (50_00, 2), (10_00, 10)))
"""500 yuan to open with."""
FLOAT_FEN = 500_00


class Counter:
    """One counter as the program builds it, with a clerk signed in."""

    def __init__(self, database: Database, counter_no: int = 1, staff_no: StaffNo = CLERK) -> None:
        self.database = database
        self.clerk: Clerk = clerk_at(database, counter_no, staff_no)
        self.at = HallAtCounter(database, counter_no)
        self.staff = StaffDesk(self.at, Passwords(CHEAP))
        self.payments = PaymentDesk(self.at)
        self.top_ups = TopUpDesk(self.at, self.payments)
        self.undo = UndoDesk(self.at, self.payments)
        self.cash = CashDesk(self.at)
        self.paper = PaperDesk(self.at, 32)
        self.parking = ParkingDesk(self.at)
        self.closing = ClosingDesk(self.at)

    def asked(self, operation_id: str = "") -> Any:
        """Who asks; a new operation id unless one is named."""
        return self.clerk.asked(operation_id)

    def signed(self, request: R, by: StaffNo = MANAGER) -> R:
        """The same request with somebody's signature of this moment."""
        approval = self.staff.approve(request, by, PASSWORD)
        asked = dataclasses.replace(request.asked, approvals=(*request.asked.approvals, approval))
        return dataclasses.replace(request, asked=asked)  # type: ignore[type-var]

    def opened(self) -> Counter:
        """With a drawer that holds `FLOAT`, all of it from the safe."""
        self.cash.open_till(OpenTill(self.asked(), FLOAT, FLOAT_FEN))
        return self

    def top_up(self, card_no: CardNo, amount_fen: int, received_fen: int | None = None) -> ToppedUp:
        """A cash top-up, paid exactly unless more was received."""
        return self.top_ups.top_up(cash_top_up(self, card_no, amount_fen, received_fen))

    def count(self, amount_fen: int) -> None:
        """Lock a count of so much, in whole 10-fen coins."""
        self.cash.lock_count(LockCount(self.asked(), pieces_for(amount_fen)))


def cash_top_up(counter: Counter, card_no: CardNo, amount_fen: int, received_fen: int | None = None) -> TopUp:
    """The request of a cash top-up."""
    tender = Tender(TenderKind.CASH, received_fen=amount_fen if received_fen is None else received_fen)
    return TopUp(counter.asked(), card_no, amount_fen, tender)


def card_top_up(counter: Counter, card_no: CardNo, amount_fen: int) -> TopUp:
    """The request of a top-up paid at the linked terminal."""
    return TopUp(
        counter.asked(), card_no, amount_fen, Tender(TenderKind.TERMINAL_CARD, terminal_id=LINKED_TERMINAL)
    )


def pieces_for(amount_fen: int) -> CashCount:
    """A count that comes to `amount_fen`."""
    from counter_app.domain.money import notes_for

    return CashCount(notes_for(amount_fen))


def require_sound(database: Database) -> None:
    """The whole ledger re-computed from its rows; a problem fails the test with its own words."""
    assert verify(database).problems == ()


def answer(verdict: Verdict, amount_fen: int, **more: Any) -> TerminalResult:
    """What a terminal says, with the numbers of a slip."""
    told = {"receipt_no": "0042", "trace": "000471", "card_tail": "4321", "credit_card": False, **more}
    return TerminalResult(verdict, amount_fen, LINKED_TERMINAL, **told)


class ScriptedTerminal:
    """A terminal that answers by script; an exception in the script is raised as the real one would."""

    def __init__(self, *script: TerminalResult | BaseException) -> None:
        self._script = list(script)
        self.asked: list[tuple[str, ...]] = []
        self.before_answer: Callable[[], None] = lambda: None
        self.after_result: Callable[[], None] = lambda: None

    def pay(
        self, order: PaymentOrder, on_result: OnResult, progress: Progress, cancel: CancelToken
    ) -> TerminalResult:
        """Charge once; an approval that the counter does not keep is undone at once."""
        self.asked.append(("pay", str(order.amount_fen)))
        result = self._next()
        if result.verdict is not Verdict.APPROVED:
            return result
        reply = on_result(result)
        self.after_result()
        return result if reply is Reply.ACCEPT else dataclasses.replace(result, verdict=Verdict.DECLINED)

    def reverse(
        self, receipt_no: str, amount_fen: int, progress: Progress, cancel: CancelToken, *, trace: str = ""
    ) -> TerminalResult:
        """Undo once."""
        self.asked.append(("reverse", receipt_no, str(amount_fen), trace))
        return self._next()

    def _next(self) -> TerminalResult:
        self.before_answer()
        said = self._script.pop(0)
        if isinstance(said, BaseException):
            raise said
        return said


PRINTED = PrintOutcome(PrintResult.PRINTED, PrinterStatus(PrinterState.READY, PrinterState.READY.value))
NO_PAPER = PrinterStatus(PrinterState.PAPER_OUT, PrinterState.PAPER_OUT.value)
NOT_STARTED = PrintOutcome(PrintResult.NOT_STARTED, NO_PAPER, f"凭条没有开始打印。{NO_PAPER.sentence}")
UNKNOWN = PrintOutcome(PrintResult.UNKNOWN, NO_PAPER, NO_PAPER.sentence)


class ScriptedPrinter:
    """A printer that ends its jobs by script, and keeps the bytes of each."""

    def __init__(self, *script: PrintOutcome | BaseException) -> None:
        self._script = list(script)
        self.jobs: list[bytes] = []

    def print_job(self, data: bytes, cancel: CancelToken) -> PrintOutcome:
        """Take one job; printed well once the script is at its end."""
        self.jobs.append(data)
        said = self._script.pop(0) if self._script else PRINTED
        if isinstance(said, BaseException):
            raise said
        return said
