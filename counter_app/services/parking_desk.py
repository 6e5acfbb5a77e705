"""Customers set aside with everything typed, and what was being asked when the program ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from counter_app.domain import masking
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import OperationId
from counter_app.domain.ledger import OperationKind, Tender, TenderKind
from counter_app.domain.money import yuan
from counter_app.domain.requests import MoveCash, ReplaceCard, Request, Reverse, TopUp
from counter_app.domain.shifts import clock_text
from counter_app.storage import ledger, papers, wire
from counter_app.storage.papers import KeptRequest

if TYPE_CHECKING:
    from counter_app.domain.asking import Asked
    from counter_app.services.hall import HallAtCounter
    from counter_app.storage.database import Transaction


@dataclass(frozen=True, slots=True)
class ParkedCustomer:
    """A customer set aside: masked title, the page it was on and everything that was typed there."""

    parked_id: str
    title: str
    page: str
    typed: dict[str, Any]
    parked_at: dt.datetime


@dataclass(frozen=True, slots=True)
class UnfinishedItem:
    """A request that was surely not booked when the program ended, and what the counter must look like now.

    `sentence` names it; `look_at` are (thing, what it must show) for drawer, slip, terminal and paper.
    """

    operation_id: OperationId
    since: str
    what: str
    amount_fen: int | None
    card_no_masked: str
    sentence: str
    look_at: tuple[tuple[str, str], ...]


class ParkingDesk:
    """One counter's parked customers and unanswered requests."""

    def __init__(self, at: HallAtCounter) -> None:
        self._at = at
        self._database = at.database

    # --- parked customers ---------------------------------------------------------------------------------------

    def park(self, asked: Asked, title: str, page: str, typed: Mapping[str, Any]) -> str:
        """Set a customer aside; `title` is masked already, `typed` holds plain values and is kept sealed."""
        parked_id = self._at.new_id()
        text = wire.to_json(dict(typed))

        def unit(tx: Transaction) -> str:
            if papers.find_parked(tx, parked_id) is not None:
                # Kept already, only the answer was lost.
                return parked_id
            papers.park(
                tx,
                papers.Parked(parked_id, asked.counter_no, asked.staff_no, title, page, text, tx.now),
            )
            ledger.note(tx, asked, "park", {"parked_id": parked_id, "page": page})
            return parked_id

        return self._database.write(unit)

    def parked(self) -> tuple[ParkedCustomer, ...]:
        """Who waits at this counter, oldest first."""
        waiting = self._database.read(lambda tx: papers.all_parked(tx, self._at.counter_no))
        return tuple(_customer(one) for one in waiting)

    def resume(self, asked: Asked, parked_id: str) -> ParkedCustomer:
        """The customer stands at the counter again; whoever comes second is told that nobody waits any more."""

        return _customer(self._database.write(lambda tx: self._take(tx, asked, parked_id, "resume_parked")))

    def drop(self, asked: Asked, parked_id: str) -> None:
        """The customer has left."""
        self._database.write(lambda tx: self._take(tx, asked, parked_id, "drop_parked"))

    def _take(self, tx: Transaction, asked: Asked, parked_id: str, action: str) -> papers.Parked:
        parked = papers.find_parked(tx, parked_id)
        if parked is None or not papers.unpark(tx, parked_id):
            raise Refused(Reason.HOLDER_UNKNOWN)
        ledger.note(tx, asked, action, {"parked_id": parked_id, "page": parked.page})
        return parked

    # --- after a crash ------------------------------------------------------------------------------------------

    def unfinished(self) -> tuple[UnfinishedItem, ...]:
        """At start, before the first page: what this counter had asked for and did not book, oldest first.

        Requests that were booked after all are forgotten here: their outcome is in the ledger and their paper on
        the queue. Payments at the terminal are told by `PaymentDesk.pick_up`.
        """

        def unit(tx: Transaction) -> list[KeptRequest]:
            open_ones = []
            for kept in papers.kept_requests(tx, self._at.counter_no):
                if ledger.by_id(tx, kept.operation_id) is None:
                    open_ones.append(kept)
                else:
                    papers.drop_kept(tx, kept.operation_id)
            return open_ones

        return tuple(_item(kept) for kept in self._database.write(unit))

    def dismiss(self, asked: Asked, operation_id: OperationId) -> None:
        """The clerk has looked at drawer and paper; the question is not asked again."""

        def unit(tx: Transaction) -> None:
            papers.drop_kept(tx, operation_id)
            ledger.note(tx, asked, "dismiss_unfinished", {"operation_id": operation_id})

        self._database.write(unit)


def _customer(parked: papers.Parked) -> ParkedCustomer:
    typed = wire.from_json(parked.typed, dict[str, Any])
    return ParkedCustomer(parked.parked_id, parked.title, parked.page, typed, parked.parked_at)


_REQUESTS: dict[str, type] = {kind.__name__: kind for kind in get_args(Request)}
_WORDS = {
    "OpenTill": OperationKind.OPEN_TILL.text,
    "MoveCash": "现金调拨",
    "LockCount": OperationKind.LOCK_COUNT.text,
    "CloseTill": OperationKind.CLOSE_TILL.text,
    "TopUp": OperationKind.TOP_UP.text,
    "ReportLoss": OperationKind.REPORT_LOSS.text,
    "CancelLoss": OperationKind.CANCEL_LOSS.text,
    "ReplaceCard": OperationKind.REPLACE_CARD.text,
    "CollectOldCard": OperationKind.COLLECT_OLD_CARD.text,
    "LateSpending": OperationKind.LATE_SPENDING.text,
    "SettleReceivable": OperationKind.SETTLE_RECEIVABLE.text,
    "Reverse": OperationKind.REVERSE.text,
    "CloseDay": OperationKind.CLOSE_DAY.text,
}


def _item(kept: KeptRequest) -> UnfinishedItem:
    kind = _REQUESTS.get(kept.request_type)
    what = _WORDS.get(kept.request_type, "业务")
    since = clock_text(kept.kept_at)
    try:
        request = None if kind is None else wire.from_json(kept.request, kind)
    except msgspec.ValidationError:
        # Kept by another version of the program: that it was not booked is true all the same.
        request = None
    amount_fen = getattr(request, "amount_fen", None)
    card_no = getattr(request, "card_no", None) or getattr(request, "old_card_no", None)
    masked = masking.mask_card(card_no) if card_no else ""
    tender: Tender | None = getattr(request, "tender", None)
    named = f"凭证 {request.receipt_no}" if isinstance(request, Reverse) else ""
    details = "，".join(
        part
        for part in (
            f"{yuan(amount_fen)} 元" if amount_fen is not None else "",
            f"卡 {masked}" if masked else "",
            tender.kind.text if tender else "",
            named,
        )
        if part
    )
    sentence = f"{since} {what}{f'（{details}）' if details else ''}：没有入账。"
    return UnfinishedItem(
        kept.operation_id, since, what, amount_fen, masked, sentence, _look_at(request, tender)
    )


def _look_at(request: object, tender: Tender | None) -> tuple[tuple[str, str], ...]:
    """What drawer, slip, terminal and paper must show, now that nothing was booked."""
    paper = ("凭条", "没有打印，打印队列中也没有这一笔")
    if isinstance(request, MoveCash):
        drawer = "现金仍在原处：没有放入，也没有取出；已移动的请放回后重新办理"
    elif isinstance(request, Reverse):
        drawer = "没有退出现金；已退的请收回后重新办理冲正"
    elif tender is not None and tender.kind is TenderKind.CASH:
        drawer = "没有收进这笔钱；已收的请退还客户，或重新办理"
    else:
        drawer = "没有变化"
    slip, terminal = "没有", "没有发出交易"
    if isinstance(request, TopUp | ReplaceCard) and tender is not None and tender.voucher:
        slip = f"独立 POS 签购单 {tender.voucher} 已扣客户的款：请重新录入这张签购单，或在终端撤销"
        terminal = f"终端 {tender.terminal_id} 有凭证 {tender.voucher}"
    if isinstance(request, Reverse) and request.void_voucher:
        slip = f"撤销签购单 {request.void_voucher} 有效：请重新录入冲正"
        terminal = f"已撤销，凭证 {request.void_voucher}"
    return (("钱箱", drawer), ("签购单", slip), ("终端", terminal), paper)
