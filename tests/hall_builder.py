"""A small real hall for tests of every room: two counters, three people, five cards, the rule book of a new hall.

Shared through the fixtures `hall_database` and `clock` of `conftest`; child processes of tests import it by path.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from counter_app.domain.asking import Asked
from counter_app.domain.cards import Card, CardKind, CardState, Holder
from counter_app.domain.ids import (
    ApprovalId,
    CardNo,
    HallId,
    HolderId,
    MediumId,
    OperationId,
    PurseId,
    ShiftId,
    StaffNo,
    TerminalId,
)
from counter_app.domain.ledger import Tender, TenderKind
from counter_app.domain.requests import OpenTill, TillOpened, TopUp
from counter_app.domain.shifts import CashCount
from counter_app.services import founding
from counter_app.services.cash_desk import CashDesk
from counter_app.services.founding import HallPlan, NewCard
from counter_app.services.hall import HallAtCounter
from counter_app.services.passwords import PasswordRules, Passwords
from counter_app.services.payment_desk import PaymentDesk
from counter_app.services.top_up_desk import TopUpDesk
from counter_app.storage import keys, shifts
from counter_app.storage.database import Database, new_id, sqlite_engine
from counter_app.storage.halls import Hall, Place, Terminal

KEYS = keys.derive(b"master key of the hall of tests.")
HALL_ID = HallId("east")
PASSWORD = "Guangming-7788"
CHEAP = PasswordRules(time_cost=1, memory_cost=8, parallelism=1)
"""argon2id as cheap as it goes: one test elsewhere uses the real parameters."""

MORNING = dt.datetime(2026, 11, 23, 1, 0, tzinfo=dt.UTC)
"""09:00 in the hall."""

MANAGER, CLERK, OTHER_CLERK = StaffNo("1001"), StaffNo("1021"), StaffNo("1023")
NAMED_CARD, OTHER_NAMED_CARD, ANONYMOUS_CARD, BLANK_CARD, SPARE_BLANK_CARD = founding.card_no_run(
    "31050001", 1, 5
)
NAMED_FEN, OTHER_NAMED_FEN, ANONYMOUS_FEN = 123_50, 4_900_00, 20_00
HOLDER = Holder(
    HolderId("h1"), "张桂兰", "11010519491231002X", "13800008000", "女", "北京市朝阳区", "13900001111"
)
OTHER_HOLDER = Holder(HolderId("h2"), "曾强", "110105198003078210", "13700002222", "男")
LINKED_TERMINAL, STAND_ALONE_TERMINAL = TerminalId("T1"), TerminalId("S1")


class HallClock:
    """The moment as the test wants it; the database's only clock."""

    def __init__(self, now: dt.datetime = MORNING) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        return self.now

    def advance(self, **by: float) -> None:
        """Move on (or back) by `timedelta` arguments."""
        self.now += dt.timedelta(**by)


@dataclass(frozen=True, slots=True)
class Clerk:
    """A person with an open shift at a counter, as the program is after sign-in."""

    database: Database
    counter_no: int
    staff_no: StaffNo
    shift_id: ShiftId

    def asked(self, operation_id: str = "", approvals: tuple[ApprovalId, ...] = ()) -> Asked:
        """Who asks and when; a new operation id unless the test names one."""
        return Asked(
            OperationId(operation_id or new_id()),
            self.database.hall_id,
            self.counter_no,
            self.shift_id,
            self.staff_no,
            self.database.clock(),
            approvals,
        )


def clerk_at(database: Database, counter_no: int = 1, staff_no: StaffNo = CLERK) -> Clerk:
    """A clerk who has signed in."""
    shift = database.write(lambda tx: shifts.open_shift(tx, counter_no, staff_no))
    return Clerk(database, counter_no, staff_no, shift.shift_id)


def open_sqlite(path: Path, clock: HallClock | None = None) -> Database:
    """The hall in an encrypted file."""
    return Database(sqlite_engine(path, KEYS), HALL_ID, KEYS, clock or HallClock())


def medium_of(number: int) -> MediumId:
    """What a reader sees of the n-th card."""
    return MediumId(f"01{number:08X}")


def found_hall(database: Database) -> None:
    """Enter the hall into an empty, migrated database."""
    founding.found_hall(
        database,
        HallPlan(
            Hall(HALL_ID, "东郊营业厅", "D", is_demo=False),
            ((1, "1 号台"), (2, "2 号台")),
            (
                Place("east", "东郊营业厅", True, True),
                Place("head", "总部营业厅", True, False),
                Place("west", "西站营业厅", False, False),
            ),
            ("客服部", "技术部", "财务部"),
            (
                Terminal(LINKED_TERMINAL, 1, "1 号台 POS", True),
                Terminal(STAND_ALONE_TERMINAL, 2, "独立 POS", False),
            ),
            founding.default_rules(),
            (
                founding.person(MANAGER, "周敏", "manager", PASSWORD),
                founding.person(CLERK, "李芳", "clerk", PASSWORD),
                founding.person(OTHER_CLERK, "赵强", "clerk", PASSWORD),
            ),
            (),
        ),
        Passwords(CHEAP),
    )
    named, anonymous = CardKind.NAMED, CardKind.ANONYMOUS
    active, blank = CardState.ACTIVE, CardState.BLANK
    new_cards = (
        (Card(NAMED_CARD, named, active, PurseId("p1"), HOLDER.holder_id, 1), NAMED_FEN),
        (Card(OTHER_NAMED_CARD, named, active, PurseId("p2"), OTHER_HOLDER.holder_id, 1), OTHER_NAMED_FEN),
        (Card(ANONYMOUS_CARD, anonymous, active, PurseId("p3"), None, 1), ANONYMOUS_FEN),
        (Card(BLANK_CARD, anonymous, blank, None, None, 1), 0),
        (Card(SPARE_BLANK_CARD, anonymous, blank, None, None, 1), 0),
    )
    founding.enter_cards(
        database,
        1,
        OperationId("opening-balances"),
        [NewCard(card, fen, medium_of(number)) for number, (card, fen) in enumerate(new_cards, 1)],
        [(HOLDER, ("zgl",)), (OTHER_HOLDER, ("zq", "cq"))],
        dt.date(2026, 1, 4),
    )


def cash_desk(clerk: Clerk) -> CashDesk:
    """The till of this clerk's counter."""
    return CashDesk(HallAtCounter(clerk.database, clerk.counter_no))


def top_up_desk(clerk: Clerk) -> TopUpDesk:
    """Top-ups at this clerk's counter."""
    at = HallAtCounter(clerk.database, clerk.counter_no)
    return TopUpDesk(at, PaymentDesk(at))


def open_till(clerk: Clerk, yuan: int = 500) -> TillOpened:
    """The drawer opened with hundreds from the safe, nothing having been left in it."""
    request = OpenTill(clerk.asked(), CashCount(((100_00, yuan // 100),)), yuan // 100 * 100_00)
    return cash_desk(clerk).open_till(request)


def cash_top_up(clerk: Clerk, amount_fen: int, card_no: CardNo = NAMED_CARD, operation_id: str = "") -> TopUp:
    """The request of a cash top-up with exactly the amount handed over."""
    return TopUp(clerk.asked(operation_id), card_no, amount_fen, Tender(TenderKind.CASH, amount_fen))
