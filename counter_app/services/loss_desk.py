"""挂失 and 解挂: freeze a named card after the caller was checked without being shown anything, and free it again.

Nothing here needs a drawer: a telephone call at 20:29 must still freeze a card, also after the day was closed.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from counter_app.domain import claims, masking
from counter_app.domain.asking import Asked
from counter_app.domain.cards import Card, CardState, Holder, LossChannel, card_no_text
from counter_app.domain.errors import Reason, Refused
from counter_app.domain.ids import CardNo, HolderId, ReceiptNo, StaffNo
from counter_app.domain.ledger import OperationKind
from counter_app.domain.money import money, yuan
from counter_app.domain.requests import (
    CancelLoss,
    CheckClaim,
    Claim,
    ClaimAnswer,
    LossCancelled,
    LossReported,
    ReportLoss,
)
from counter_app.domain.rule_book import RuleCode
from counter_app.domain.shifts import HALL_ZONE, clock_text, hall_date
from counter_app.services import approvals, receipts
from counter_app.storage import cards, holders, intents, ledger, wire
from counter_app.storage.cards import Loss
from counter_app.storage.database import AsksSomething, Transaction
from printing.receipt import Block, Pair

if TYPE_CHECKING:
    from counter_app.services.hall import HallAtCounter

T = TypeVar("T")

SIGN_CUSTOMER = ("客户签名", "经办", "复核")


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """One row of 受理挂失登记表, masked, with what opens the customer."""

    reference: str
    card_no: CardNo
    holder_id: HolderId
    deadline: dt.date
    days_overdue: int
    """0 while the deadline is not over or the report has ended."""
    cells: tuple[str, str, str, str, str, str, str]
    """日期, 卡号, 姓名, 证件号码, 联系电话, 卡内余额, 备注."""


REGISTER_COLUMNS = ("日期", "卡号", "姓名", "证件号码", "联系电话", "卡内余额", "备注")


class LossDesk:
    """One counter's loss reports and their ends."""

    def __init__(self, at: HallAtCounter) -> None:
        self._at = at
        self._database = at.database

    # --- the claim ----------------------------------------------------------------------------------------------

    def check_claim(self, request: CheckClaim) -> ClaimAnswer:
        """Match or no match per field, nothing stored is shown; every try is counted and audited.

        `Refused`: what is missing or malformed in the claim (costs no try), CARD_ANONYMOUS, the card's state, and
        CLAIM_TRIES_USED_UP after CLAIM_TRIES failures within CLAIM_WINDOW_MINUTES on this card at any counter.
        """
        claims.require_complete(request.claim)
        answer = self._database.write(lambda tx: self._try(tx, request.asked, request.card_no, request.claim))
        if answer is None:
            raise Refused(Reason.CLAIM_TRIES_USED_UP)
        return answer

    def _try(self, tx: Transaction, asked: Asked, card_no: CardNo, claim: Claim) -> ClaimAnswer | None:
        """Compare once and keep the answer; None, noted too, when no try is left. The same request twice is one
        try: its id is the operation's with a keyed hash of the claim, which tells nothing about it."""
        card = self._reportable(cards.load(tx, card_no))
        digest = hmac.digest(tx.keys.index_key, wire.to_json(claim).encode(), "sha256")[:8].hex()
        try_id = f"{asked.operation_id}:{digest}"
        known = cards.answer_of_try(tx, try_id)
        if known is not None:
            return wire.from_json(known, ClaimAnswer)
        left = self._tries_left(tx, card_no)
        if left <= 0:
            ledger.note(tx, asked, "claim_blocked", {"card_no": card_no})
            return None
        answer = self._compare(tx, card, self._holder(tx, card), claim, left)
        cards.add_try(tx, try_id, card_no, asked.staff_no, wire.to_json(answer), held=answer.holds)
        ledger.note(
            tx,
            asked,
            "claim_try",
            {"card_no": card_no, "held": answer.holds, "tries_left": answer.tries_left},
        )
        return answer

    def _tries_left(self, tx: Transaction, card_no: CardNo) -> int:
        day = hall_date(tx.now)
        window = dt.timedelta(minutes=self._at.rules.value(RuleCode.CLAIM_WINDOW_MINUTES, day))
        failed = cards.failed_tries(tx, card_no, tx.now - window)
        return self._at.rules.value(RuleCode.CLAIM_TRIES, day) - failed

    def _compare(
        self, tx: Transaction, card: Card, holder: Holder, claim: Claim, tries_left: int
    ) -> ClaimAnswer:
        assert card.purse_id is not None
        return claims.check_claim(
            holder,
            cards.look_at_purse(tx, card.purse_id).balance_fen,
            cards.last_top_up_fen(tx, card.purse_id),
            claim,
            self._at.rules,
            hall_date(tx.now),
            tries_left,
        )

    @staticmethod
    def _reportable(card: Card) -> Card:
        """A named card that is in use or already reported; else `Refused`."""
        card.require_named()
        if card.state is not CardState.LOST:
            card.require_usable()
        return card

    @staticmethod
    def _holder(tx: Transaction, card: Card) -> Holder:
        if card.holder_id is None:
            raise Refused(Reason.HOLDER_UNKNOWN)
        return holders.load(tx, card.holder_id)

    # --- 挂失 ---------------------------------------------------------------------------------------------------

    def report_loss(self, request: ReportLoss) -> LossReported:
        """Freeze the card, give a reference and print the slip; a second report gives the first reference again.

        The claim is compared again in the same unit. A failed one is counted before it is told.
        """
        if request.claim is not None and not _stands_in(request):
            claims.require_complete(request.claim)
        self._database.keep(request)
        try:
            return self._database.run(request, lambda tx: self._report_loss(tx, request), LossReported)
        except Refused as refused:
            claim = request.claim
            if refused.reason is Reason.CLAIM_DOES_NOT_MATCH and claim is not None:
                self._database.write(lambda tx: self._try(tx, request.asked, request.card_no, claim))
            raise

    def _report_loss(self, tx: Transaction, request: ReportLoss) -> LossReported:
        card = self._reportable(cards.load(tx, request.card_no))
        holder = self._holder(tx, card)
        first = outcome_of(tx, request, LossReported)
        if first is not None:
            return first
        hall_only, approver = self._verify(tx, request, card, holder)
        if card.state is CardState.LOST:
            return self._reported_before(tx, request, card)
        fence = ledger.fence(tx, request.asked)
        assert card.purse_id is not None
        day = hall_date(tx.now)
        loss = Loss(
            f"S{fence.receipt_no}",
            card.card_no,
            holder.holder_id,
            request.channel,
            tx.now,
            day + dt.timedelta(days=self._at.rules.value(RuleCode.LOSS_REPORT_DAYS, day)),
            cards.look_at_purse(tx, card.purse_id).balance_fen,
            "open",
            hall_only,
            request.asked.operation_id,
            masking.mask_pan(request.remark.strip()),
        )
        cards.save(tx, card.with_state(CardState.LOST))
        cards.add_loss(tx, loss)
        reported = self._outcome(tx, loss, fence.receipt_no, first_time=True)
        receipts.save(
            tx,
            self._at,
            fence,
            request.asked,
            (
                *receipts.head(self._at, tx, fence, "挂失凭证"),
                Pair("受理号", loss.reference, strong=True),
                *receipts.person(card.card_no, card.kind.text, holder),
                Pair("受理方式", request.channel.text),
                Pair("挂失时间", clock_text(loss.reported_at)),
                *_typed_document(request.document if _stands_in(request) else None, approver),
                Pair("办理期限", f"{loss.deadline.isoformat()} 止", strong=True),
                Pair("办理地点", "、".join(reported.places)),
                Pair("补卡工本费", money(reported.fee_fen)),
            ),
            signatures=SIGN_CUSTOMER,
            notes=(
                "请持卡人本人在期限内带身份证到上述地点补卡；找到卡的，带卡和身份证可在任一柜台解挂。",
                *(("来电人未报余额，只能由持卡人本人到厅办理。",) if hall_only else ()),
                f"联网终端已停用此卡；脱机终端最迟 {clock_text(freeze_from(self._at, loss))} 停用，"
                "此前的脱机消费仍会从卡内扣除。",
            ),
        )
        ledger.record(
            tx,
            fence,
            request,
            OperationKind.REPORT_LOSS,
            reported,
            card_no=card.card_no,
            purse_id=card.purse_id,
            approver=approver,
            reason=request.channel.text,
        )
        return reported

    def _verify(
        self, tx: Transaction, request: ReportLoss, card: Card, holder: Holder
    ) -> tuple[bool, StaffNo | None]:
        """Whoever reports is the holder: by document in the hall, else by the claim. (hall_only, approver)."""
        if _stands_in(request):
            assert request.document is not None
            # An expired document still stops a thief; it only has to be the holder's.
            if not claims.document_is_of(request.document, holder):
                raise Refused(Reason.HOLDER_DOES_NOT_MATCH)
            if request.document.read_by_machine:
                return False, None
            return False, approvals.require(tx, request, self._at.rules)
        if request.claim is None:
            in_person = request.channel is not LossChannel.HOTLINE
            raise (
                Refused(Reason.DOCUMENT_NEEDED)
                if in_person
                else Refused(Reason.TEXT_MISSING, field="来电人报出的资料")
            )
        left = self._tries_left(tx, card.card_no)
        if left <= 0:
            raise Refused(Reason.CLAIM_TRIES_USED_UP)
        answer = self._compare(tx, card, holder, request.claim, left)
        if not answer.holds:
            raise Refused(Reason.CLAIM_DOES_NOT_MATCH, tries_left=answer.tries_left)
        return not answer.balance, None

    def _reported_before(self, tx: Transaction, request: ReportLoss, card: Card) -> LossReported:
        loss = self._open_loss(tx, card)
        booked = ledger.by_id(tx, loss.operation_id)
        if booked is None:
            raise RuntimeError(f"loss report {loss.reference} has no operation")
        ledger.note(
            tx,
            request.asked,
            "report_loss_again",
            {"card_no": card.card_no, "reference": loss.reference, "channel": request.channel.value},
        )
        return self._outcome(tx, loss, booked.receipt_no, first_time=False)

    @staticmethod
    def _open_loss(tx: Transaction, card: Card) -> Loss:
        loss = cards.open_loss(tx, card.card_no)
        if loss is None:
            raise Refused(Reason.CARD_NOT_LOST, card_no=card_no_text(card.card_no))
        return loss

    def _outcome(
        self, tx: Transaction, loss: Loss, receipt_no: ReceiptNo, *, first_time: bool
    ) -> LossReported:
        return LossReported(
            loss.operation_id,
            receipt_no,
            loss.reference,
            loss.card_no,
            loss.reported_at,
            loss.deadline,
            self._at.rules.value(RuleCode.REPLACEMENT_FEE, hall_date(tx.now)),
            self._at.replacing_places,
            first_time,
            loss.hall_only,
        )

    # --- 解挂 ---------------------------------------------------------------------------------------------------

    def cancel_loss(self, request: CancelLoss) -> LossCancelled:
        """The card was found and the holder is here: the report ends, the card is usable again."""
        self._database.keep(request)
        return self._database.run(request, lambda tx: self._cancel_loss(tx, request), LossCancelled)

    def _cancel_loss(self, tx: Transaction, request: CancelLoss) -> LossCancelled:
        card = cards.load(tx, request.card_no)
        first = outcome_of(tx, request, LossCancelled)
        if first is not None:
            return first
        card.require_named()
        if card.state is not CardState.LOST:
            card.require_usable()
            raise Refused(Reason.CARD_NOT_LOST, card_no=card_no_text(card.card_no))
        loss = self._open_loss(tx, card)
        intents.require_free(tx, card.card_no)
        holder = self._holder(tx, card)
        claims.require_holder(request.document, holder, hall_date(tx.now))
        approver = (
            None if request.document.read_by_machine else approvals.require(tx, request, self._at.rules)
        )
        fence = ledger.fence(tx, request.asked)
        assert card.purse_id is not None
        cards.save(tx, card.with_state(CardState.ACTIVE))
        remark = f"{clock_text(tx.now)} 解挂"
        if approver is not None:
            remark += f"（证件手工录入，主管 {approver}）"
        typed = masking.mask_pan(request.remark.strip())
        cards.end_loss(tx, loss.reference, "cancelled", _added(loss, remark, typed))
        balance_fen = cards.look_at_purse(tx, card.purse_id).balance_fen
        cancelled = LossCancelled(
            request.asked.operation_id, fence.receipt_no, loss.reference, card.card_no, balance_fen
        )
        receipts.save(
            tx,
            self._at,
            fence,
            request.asked,
            (
                *receipts.head(self._at, tx, fence, "解挂凭证"),
                Pair("受理号", loss.reference, strong=True),
                *receipts.person(card.card_no, card.kind.text, holder),
                Pair("挂失时间", clock_text(loss.reported_at)),
                *_typed_document(request.document, approver),
                Pair("卡内余额", money(balance_fen), strong=True),
            ),
            signatures=SIGN_CUSTOMER,
            notes=("此卡已恢复使用；脱机终端更新名单后可用。", receipts.HOTLINE_NOTE),
        )
        ledger.record(
            tx,
            fence,
            request,
            OperationKind.CANCEL_LOSS,
            cancelled,
            card_no=card.card_no,
            purse_id=card.purse_id,
            approver=approver,
            reason=loss.reference,
        )
        return cancelled

    # --- 受理挂失登记表 -----------------------------------------------------------------------------------------

    def register(self, first: dt.date, last: dt.date) -> tuple[RegisterRow, ...]:
        """The register of reports taken from one hall date to another, both included; masked."""
        since = dt.datetime.combine(first, dt.time(), HALL_ZONE)
        until = dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), HALL_ZONE)
        return self._database.read(lambda tx: _rows(tx, cards.losses_between(tx, since, until)))

    def overdue(self) -> list[RegisterRow]:
        """Open reports whose deadline is over, for the call list; the cards stay frozen."""
        return self._database.read(lambda tx: list(_rows(tx, cards.losses_overdue(tx, hall_date(tx.now)))))


def freeze_from(at: HallAtCounter, loss: Loss) -> dt.datetime:
    """From when also offline readers refuse the card."""
    hours = at.rules.value(RuleCode.FREEZE_OFFLINE_HOURS, hall_date(loss.reported_at))
    return loss.reported_at + dt.timedelta(hours=hours)


def outcome_of(tx: Transaction, request: AsksSomething, kind: type[T]) -> T | None:
    """What this very request was answered, or None; `Refused` when its id was booked with other content.

    Looked up again once the card is locked: the same request sent twice at once waited there for its twin, and must
    not be told that the card has changed.
    """
    stored = ledger.first_outcome(tx, request)
    return None if stored is None else wire.from_json(stored, kind)


def _stands_in(request: ReportLoss) -> bool:
    """Whether a document takes the claim's place: only where somebody can lay one down."""
    return request.document is not None and request.channel is not LossChannel.HOTLINE


def _typed_document(document: object | None, approver: StaffNo | None) -> tuple[Block, ...]:
    if document is None or approver is None:
        return ()
    return (Pair("证件", f"手工录入，主管 {approver} 在旁"),)


def _added(loss: Loss, *texts: str) -> str:
    """What is added to 备注 so that nothing there is overwritten."""
    added = "；".join(text for text in texts if text)
    return f"；{added}" if loss.remark else added


def _rows(tx: Transaction, losses: Iterable[Loss]) -> tuple[RegisterRow, ...]:
    entries = tuple(losses)
    people = holders.load_many(tx, (loss.holder_id for loss in entries))
    today = hall_date(tx.now)
    return tuple(_row(loss, people[loss.holder_id], today) for loss in entries)


def _row(loss: Loss, holder: Holder, today: dt.date) -> RegisterRow:
    overdue = (today - loss.deadline).days if loss.state == "open" else 0
    return RegisterRow(
        loss.reference,
        loss.card_no,
        loss.holder_id,
        loss.deadline,
        max(overdue, 0),
        (
            clock_text(loss.reported_at),
            masking.mask_card(loss.card_no),
            masking.mask_name(holder.name),
            masking.mask_document(holder.document_number),
            masking.mask_phone(holder.phone),
            yuan(loss.balance_fen),
            loss.remark,
        ),
    )
