"""All desks of one counter in one value: what the window, the commands and the tests are given."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from counter_app.services.hall import HallAtCounter
from counter_app.services.passwords import Passwords
from counter_app.services.staff_desk import StaffDesk

if TYPE_CHECKING:
    from counter_app.storage.database import Database


class Desks:
    """The desks of one counter, sharing one hall and one database.

    What sign-in needs is there at once: `at` and `staff`. The others do not exist before `open_rest`.
    """

    def __init__(
        self, database: Database, counter_no: int, passwords: Passwords, paper_columns: Literal[32, 48]
    ) -> None:
        self.at = HallAtCounter(database, counter_no)
        self.staff = StaffDesk(self.at, passwords)
        self._passwords = passwords
        self._paper_columns = paper_columns
        self._is_whole = False
        self._opening = threading.Lock()

    def open_rest(self) -> None:
        """Load and build every other desk; whoever comes second waits for the first and finds them.

        Takes the interpreter for some 80 ms: not for the UI thread, and before anybody's sign-in is answered.
        """
        with self._opening:
            if not self._is_whole:
                self._open_rest()
                self._is_whole = True

    def _open_rest(self) -> None:
        from counter_app.services.cash_desk import CashDesk
        from counter_app.services.closing_desk import ClosingDesk
        from counter_app.services.customer_desk import CustomerDesk
        from counter_app.services.loss_desk import LossDesk
        from counter_app.services.manager_desk import ManagerDesk
        from counter_app.services.paper_desk import PaperDesk
        from counter_app.services.parking_desk import ParkingDesk
        from counter_app.services.payment_desk import PaymentDesk
        from counter_app.services.receivables_desk import ReceivablesDesk
        from counter_app.services.replacement_desk import ReplacementDesk
        from counter_app.services.top_up_desk import TopUpDesk
        from counter_app.services.undo_desk import UndoDesk

        at, payments = self.at, PaymentDesk(self.at)
        self.customers = CustomerDesk(at)
        self.top_up = TopUpDesk(at, payments)
        self.loss = LossDesk(at)
        self.replacement = ReplacementDesk(at, payments)
        self.cash = CashDesk(at)
        self.closing = ClosingDesk(at)
        self.paper = PaperDesk(at, self._paper_columns)
        self.undo = UndoDesk(at, payments)
        self.parking = ParkingDesk(at)
        self.payments = payments
        self.manager = ManagerDesk(at, self._passwords)
        self.receivables = ReceivablesDesk(at)


def open_desks(
    database: Database, counter_no: int, passwords: Passwords, paper_columns: Literal[32, 48]
) -> Desks:
    """Every desk over an open database."""
    desks = Desks(database, counter_no, passwords, paper_columns)
    desks.open_rest()
    return desks
