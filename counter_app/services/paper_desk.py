"""The print queue of one counter: what still has to come on paper, 补打, and whether a paper is genuine.

Paper never decides money: everything here happens after the booking, and nothing prints twice by itself.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from counter_app.domain.errors import Cancelled, Reason, Refused, StorageTrouble
from counter_app.domain.ids import ReceiptNo
from counter_app.domain.ledger import TenderKind
from counter_app.domain.money import yuan
from counter_app.domain.shifts import clock_text
from counter_app.services import approvals, receipts
from counter_app.storage import ledger, papers, shifts
from counter_app.storage.papers import PrintJob, SavedReceipt
from devices.receipt_printer import PrintResult
from printing.escpos import encode
from printing.receipt import Receipt, reprint_mark

if TYPE_CHECKING:
    from counter_app.domain.asking import Asked
    from counter_app.domain.requests import Reprint
    from counter_app.domain.waiting import CancelToken
    from counter_app.services.hall import HallAtCounter
    from counter_app.storage.database import Transaction
    from counter_app.storage.ledger import Booked
    from devices.receipt_printer import PrintOutcome
    from printing.layout import WidthColumns

log = logging.getLogger(__name__)

_STATE_TEXT = {
    "queued": "排队",
    "sending": "正在打印",
    "unknown": "未知",
    "printed": "已打印",
    "dropped": "已改补打",
}
_LOOK_AT_PAPER = "请确认凭条是否打印：已出纸请选“已打印”，没有出纸请选“未打印”补打一张。"


DRAWER_OPENS_WITHIN = dt.timedelta(minutes=2)
"""A paper that comes later than this after its booking finds the customer gone: nothing must open the drawer then."""


class Printer(Protocol):
    """What this desk needs of a receipt printer."""

    def print_job(self, data: bytes, cancel: CancelToken) -> PrintOutcome:
        """Send one job and tell what is known about the paper."""
        ...


@dataclass(frozen=True, slots=True)
class PrintJobView:
    """One paper that a counter waits for; `note` is why it did not come, "" before the first try."""

    job_id: str
    receipt_no: ReceiptNo
    copy_no: int
    state: str
    state_text: str
    since: str
    note: str

    @property
    def what(self) -> str:
        """`凭证 D1-…` with 补打 第n次 for a copy."""
        return f"凭证 {self.receipt_no}" + (f"（补打 第{self.copy_no}次）" if self.copy_no else "")

    @property
    def to_confirm(self) -> bool:
        """Whether a person has to say if the paper came."""
        return self.state == "unknown"


@dataclass(frozen=True, slots=True)
class PrintedJob:
    """How one job ended; `sentence` is what the clerk reads, "" when the paper is out."""

    job: PrintJobView
    result: PrintResult
    sentence: str


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """What the hall knows about a paper somebody brought.

    `genuine`: the saved receipt is whole and the code on the paper is its own. `reversed_by` is the 冲正 or 更正
    receipt, `reprints` how often it was printed again, `tender` how it was paid. `sentence` says it all to the clerk.
    """

    receipt_no: ReceiptNo
    genuine: bool
    what: str
    amount_fen: int
    tender: TenderKind
    booked_at: str
    reversed_by: ReceiptNo | None
    reprints: int
    sentence: str


class PaperDesk:
    """One counter's papers on `width_columns` wide paper (32 at 58 mm, 48 at 80 mm)."""

    def __init__(self, at: HallAtCounter, width_columns: WidthColumns) -> None:
        self._at = at
        self._database = at.database
        self.width_columns = width_columns

    # --- the queue ----------------------------------------------------------------------------------------------

    def waiting(self) -> tuple[PrintJobView, ...]:
        """Papers of this counter that did not surely come out, oldest first."""
        jobs = self._database.read(lambda tx: papers.waiting_jobs(tx, self._at.counter_no))
        return tuple(_view(job) for job in jobs)

    def recover(self) -> tuple[PrintJobView, ...]:
        """At start: what was being sent when the program ended is of unknown outcome; the clerk looks."""

        def unit(tx: Transaction) -> tuple[PrintJobView, ...]:
            moved = [
                job
                for job in papers.waiting_jobs(tx, self._at.counter_no)
                if job.state == "sending"
                and papers.set_job(tx, job.job_id, "sending", "unknown", _LOOK_AT_PAPER)
            ]
            return tuple(_view(job, "unknown", _LOOK_AT_PAPER) for job in moved)

        return self._database.write(unit)

    def unprinted(self) -> tuple[str, ...]:
        """After a crash: what was booked and never came to its paper, perhaps not even to the clerk's eyes.

        One Chinese line each, with what drawer, slip and paper must show.
        """

        def look(tx: Transaction) -> tuple[str, ...]:
            return tuple(
                _booked_line(job, booked)
                for job in papers.waiting_jobs(tx, self._at.counter_no)
                if job.state == "queued" and not job.copy_no and not job.note
                if (booked := ledger.by_receipt_no(tx, job.receipt_no)) is not None
            )

        return self._database.read(look)

    def print_next(self, printer: Printer, cancel: CancelToken) -> PrintedJob | None:
        """Print the oldest queued paper of this counter; None when the queue is empty.

        Not started (paper out, cover open): it stays queued. Unknown: it stays on the list until the clerk has
        looked (`confirm`). `Cancelled` only while nothing has gone out. `StorageTrouble` when the saved receipt
        cannot be read: then it is taken off the queue, so that the others can print.
        """
        found = self._take_next()
        if found is None:
            return None
        job, data = found
        try:
            outcome = printer.print_job(data, cancel)
        except Cancelled:
            self._move(job, "sending", "queued", job.note)
            raise
        except BaseException:
            # Some of it may be on paper already.
            self._move(job, "sending", "unknown", _LOOK_AT_PAPER)
            raise
        if outcome.result is PrintResult.PRINTED:
            self._move(job, "sending", "printed", "")
            return PrintedJob(_view(job, "printed", ""), outcome.result, "")
        started = outcome.result is PrintResult.UNKNOWN
        state, sentence = (
            ("unknown", f"{_why(outcome)}{_LOOK_AT_PAPER}") if started else ("queued", outcome.sentence)
        )
        self._move(job, "sending", state, sentence)
        log.warning("print job %s of %s: %s", job.job_id, job.receipt_no, outcome.status.state.name)
        return PrintedJob(_view(job, state, sentence), outcome.result, sentence)

    def _take_next(self) -> tuple[PrintJob, bytes] | None:
        """The oldest queued job, marked as being sent, with its bytes."""
        while True:
            look = self._database.read(self._look_at_next)
            if look is None:
                return None
            job, saved, undone_by = look
            try:
                data = self._encode(job, saved, undone_by)
            except StorageTrouble as trouble:
                self._move(job, "queued", "dropped", trouble.sentence())
                raise
            if self._move(job, "queued", "sending", job.note):
                return job, data

    def _look_at_next(self, tx: Transaction) -> tuple[PrintJob, SavedReceipt, ReceiptNo | None] | None:
        jobs = papers.waiting_jobs(tx, self._at.counter_no)
        job = next((job for job in jobs if job.state == "queued"), None)
        if job is None:
            return None
        saved = papers.find(tx, job.receipt_no)
        if saved is None:
            raise RuntimeError(f"print job {job.job_id} has no saved receipt")
        return job, saved, _undone_by(tx, saved)

    def _encode(self, job: PrintJob, saved: SavedReceipt, undone_by: ReceiptNo | None) -> bytes:
        marks = []
        if job.copy_no:
            marks.append(reprint_mark(job.copy_no, clock_text(job.queued_at), job.staff_no))
        if undone_by is not None:
            marks.append(_undone_mark(undone_by))
        replaced: list[str] = []
        data = encode(
            Receipt.from_json(saved.document),
            self.width_columns,
            reprint_mark="\n".join(marks),
            drawer_pulse=job.drawer and not marks and self._at.now() - job.queued_at <= DRAWER_OPENS_WITHIN,
            on_replaced=replaced.append,
        )
        if replaced:
            # The code points are enough to see what the printer lacks; the name itself stays out of the log.
            points = " ".join(sorted({f"U+{ord(char):04X}" for char in replaced}))
            log.warning("receipt %s printed with 〓 for %s", job.receipt_no, points)
        return data

    def _move(self, job: PrintJob, before: str, after: str, note: str) -> bool:
        return self._database.write(lambda tx: papers.set_job(tx, job.job_id, before, after, note))

    # --- the clerk's answer, and copies -------------------------------------------------------------------------

    def confirm(self, asked: Asked, job_id: str, printed: bool) -> int | None:
        """The clerk has looked: the paper came, or one more copy is queued. The copy's number, or None.

        A job that somebody else has answered already is left alone.
        """

        def unit(tx: Transaction) -> int | None:
            job = papers.find_job(tx, job_id)
            if job is None or papers.lock(tx, job.receipt_no) is None:
                raise Refused(Reason.RECEIPT_UNKNOWN, receipt_no="")
            if not papers.set_job(tx, job_id, "unknown", "printed" if printed else "dropped", job.note):
                return None
            copy_no = None if printed else self._queue_copy(tx, asked, self._at.new_id(), job.receipt_no)
            ledger.note(
                tx,
                asked,
                "confirm_print",
                {
                    "receipt_no": job.receipt_no,
                    "copy_no": job.copy_no,
                    "printed": printed,
                    "new_copy": copy_no,
                },
            )
            return copy_no

        return self._database.write(unit)

    def reprint(self, request: Reprint) -> int:
        """Queue one more copy (补打) and tell its number: marked, counted, audited, and it opens no drawer.

        The first is free; above it the manager signs for exactly this receipt. The same request asked again gives
        the same copy.
        """

        def unit(tx: Transaction) -> int:
            asked = request.asked
            if papers.lock(tx, request.receipt_no) is None:
                raise Refused(Reason.RECEIPT_UNKNOWN, receipt_no=request.receipt_no)
            queued = papers.find_job(tx, asked.operation_id)
            if queued is not None:
                if queued.receipt_no != request.receipt_no:
                    raise Refused(Reason.OPERATION_CHANGED)
                return queued.copy_no
            approver = None
            if papers.copies(tx, request.receipt_no) >= 1:
                approver = approvals.require(tx, request, self._at.rules)
            copy_no = self._queue_copy(tx, asked, asked.operation_id, request.receipt_no)
            ledger.note(
                tx,
                asked,
                "reprint",
                {"receipt_no": request.receipt_no, "copy_no": copy_no, "approver": approver},
            )
            return copy_no

        return self._database.write(unit)

    def _queue_copy(self, tx: Transaction, asked: Asked, job_id: str, receipt_no: ReceiptNo) -> int:
        copy_no = papers.copies(tx, receipt_no) + 1
        papers.queue(tx, job_id, receipt_no, copy_no, asked.counter_no, asked.staff_no, drawer=False)
        return copy_no

    def last_receipt_no(self, asked: Asked) -> ReceiptNo | None:
        """The newest receipt of this shift, for the reprint key; None when there is none yet."""

        def look(tx: Transaction) -> ReceiptNo | None:
            shift = shifts.load(tx, asked.shift_id)
            return None if shift is None else ledger.last_receipt_no(tx, shift.business_date, shift.shift_id)

        return self._database.read(look)

    def preview(self, receipt_no: str) -> bytes:
        """The bytes of a saved receipt as its first print, for a look at it on the screen; the drawer stays shut."""

        def look(tx: Transaction) -> tuple[SavedReceipt, ReceiptNo | None]:
            saved = papers.find(tx, receipt_no)
            if saved is None:
                raise Refused(Reason.RECEIPT_UNKNOWN, receipt_no=receipt_no)
            return saved, _undone_by(tx, saved)

        saved, undone_by = self._database.read(look)
        mark = "" if undone_by is None else _undone_mark(undone_by)
        return encode(Receipt.from_json(saved.document), self.width_columns, reprint_mark=mark)

    # --- genuine or not -----------------------------------------------------------------------------------------

    def check(self, typed: str) -> CheckedReceipt:
        """Whether a paper is genuine, from its QR code (`number/code`), its receipt number or its check code."""
        number, _, code = _plain(typed).partition("/")

        def look(tx: Transaction) -> CheckedReceipt:
            saved = papers.find(tx, number)
            said = code
            if saved is None and not code:
                said = number.translate(_LOOK_ALIKES)
                saved = next(iter(papers.by_check_code(tx, said)), None)
            if saved is None:
                raise Refused(Reason.RECEIPT_UNKNOWN, receipt_no=typed.strip()[:40])
            return _checked(tx, saved, said)

        return self._database.read(look)


def _plain(typed: str) -> str:
    """Typed or scanned text in half-width capitals without spaces."""
    half = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    return "".join(typed.translate(half).split()).upper()


_LOOK_ALIKES = str.maketrans("018", "OIB")
"""The check code has no digits 0, 1 and 8: whoever types them read a letter."""


def _checked(tx: Transaction, saved: SavedReceipt, code_on_paper: str) -> CheckedReceipt:
    booked = ledger.by_receipt_no(tx, saved.receipt_no)
    if booked is None:
        raise RuntimeError(f"receipt {saved.receipt_no} has no operation")
    whole = receipts.is_as_saved(tx.keys.audit_key, saved.receipt_no, saved.document, saved.check_code)
    same = code_on_paper.translate(_LOOK_ALIKES) in ("", saved.check_code)
    undone_by = _undone_by(tx, saved)
    reprints = max(papers.copies(tx, saved.receipt_no), 0)
    if not whole:
        verdict = f"凭证 {saved.receipt_no} 的存档已被改动，请停止使用并通知管理员。"
    elif not same:
        verdict = (
            f"凭证 {saved.receipt_no} 的校验码与存档不符，这张凭条不是本厅打印的原样，请收下并通知主管。"
        )
    else:
        verdict = f"凭证 {saved.receipt_no} 真实：{clock_text(booked.booked_at)} {booked.kind.text} {yuan(booked.amount_fen)} 元。"
    if undone_by is not None:
        verdict += f"此业务已冲正，冲正凭证 {undone_by}。"
    if reprints:
        verdict += f"已补打 {reprints} 次。"
    return CheckedReceipt(
        saved.receipt_no,
        whole and same,
        booked.kind.text,
        booked.amount_fen,
        booked.tender,
        clock_text(booked.booked_at),
        undone_by,
        reprints,
        verdict,
    )


def _undone_mark(undone_by: ReceiptNo) -> str:
    return f"已冲正\n冲正凭证 {undone_by}"


def _undone_by(tx: Transaction, saved: SavedReceipt) -> ReceiptNo | None:
    """The receipt of the operation that undid this one, or None."""
    booked = ledger.by_id(tx, saved.operation_id)
    if booked is None or booked.reversed_by is None:
        return None
    undoing = ledger.by_id(tx, booked.reversed_by)
    return None if undoing is None else undoing.receipt_no


def _view(job: PrintJob, state: str = "", note: str | None = None) -> PrintJobView:
    now = state or job.state
    return PrintJobView(
        job.job_id,
        job.receipt_no,
        job.copy_no,
        now,
        _STATE_TEXT[now],
        clock_text(job.queued_at),
        job.note if note is None else note,
    )


def _booked_line(job: PrintJob, booked: Booked) -> str:
    amount = f" {yuan(booked.amount_fen)} 元" if booked.amount_fen else ""
    if booked.tender is TenderKind.CASH:
        must_show = "请核对钱箱里的现金与这笔相符。"
    elif booked.tender is TenderKind.NONE:
        must_show = ""
    else:
        must_show = "签购单应为成功。"
    return (
        f"{clock_text(booked.booked_at)} {booked.kind.text}{amount}：已经入账。{must_show}"
        f"凭证 {job.receipt_no} 还没有打印，登录后自动打印，不要重复办理。"
    )


def _why(outcome: PrintOutcome) -> str:
    """What the printer said, unless it said that all is well."""
    return "" if outcome.status.state.can_print else outcome.status.sentence
