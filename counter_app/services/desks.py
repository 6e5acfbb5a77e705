"""All desks of one counter in one value: what the window, the commands and the tests are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from counter_app.services.cash_desk import CashDesk
from counter_app.services.closing_desk import ClosingDesk
from counter_app.services.customer_desk import CustomerDesk
from counter_app.services.hall import HallAtCounter
from counter_app.services.loss_desk import LossDesk
from counter_app.services.manager_desk import ManagerDesk
from counter_app.services.paper_desk import PaperDesk
from counter_app.services.parking_desk import ParkingDesk
from counter_app.services.passwords import Passwords
from counter_app.services.payment_desk import PaymentDesk
from counter_app.services.replacement_desk import ReplacementDesk
from counter_app.services.staff_desk import StaffDesk
from counter_app.services.top_up_desk import TopUpDesk
from counter_app.services.undo_desk import UndoDesk

if TYPE_CHECKING:
    from counter_app.storage.database import Database


@dataclass(frozen=True, slots=True)
class Desks:
    """The desks of one counter, sharing one hall and one database."""

    at: HallAtCounter
    staff: StaffDesk
    customers: CustomerDesk
    top_up: TopUpDesk
    loss: LossDesk
    replacement: ReplacementDesk
    cash: CashDesk
    closing: ClosingDesk
    paper: PaperDesk
    undo: UndoDesk
    parking: ParkingDesk
    payments: PaymentDesk
    manager: ManagerDesk


def open_desks(
    database: Database, counter_no: int, passwords: Passwords, paper_columns: Literal[32, 48]
) -> Desks:
    """Build every desk over an open database."""
    at = HallAtCounter(database, counter_no)
    payments = PaymentDesk(at)
    return Desks(
        at,
        StaffDesk(at, passwords),
        CustomerDesk(at),
        TopUpDesk(at, payments),
        LossDesk(at),
        ReplacementDesk(at, payments),
        CashDesk(at),
        ClosingDesk(at),
        PaperDesk(at, paper_columns),
        UndoDesk(at, payments),
        ParkingDesk(at),
        payments,
        ManagerDesk(at, passwords),
    )
