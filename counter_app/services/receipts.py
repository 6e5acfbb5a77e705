"""What each paper says: receipts are built and saved in the unit that books, printed after it committed.

Only masked values reach a receipt. The check code is a keyed hash over the receipt, so that a paper can be told
from a forgery at any counter.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

from counter_app.domain import masking
from counter_app.domain.asking import Asked
from counter_app.domain.ids import ReceiptNo, StaffNo
from counter_app.domain.ledger import Tender, TenderKind
from counter_app.domain.money import money
from counter_app.domain.shifts import HALL_ZONE
from counter_app.storage import papers
from printing.receipt import Block, CopyEnd, Line, Note, Pair, Qr, Receipt, Rule, Title

if TYPE_CHECKING:
    from counter_app.domain.cards import Holder
    from counter_app.services.hall import HallAtCounter
    from counter_app.storage.database import Transaction
    from counter_app.storage.ledger import Fence

CODE_LABEL = "校验码"
"""What stands above it on the paper is what the code covers."""

HOTLINE_NOTE = "请核对金额并妥善保管本凭证。"


def head(at: HallAtCounter, tx: Transaction, fence: Fence, title: str) -> tuple[Block, ...]:
    """Title, hall, receipt number, true time, business date when it differs, counter and clerk."""
    local = tx.now.astimezone(HALL_ZONE)
    when: tuple[Block, ...] = (Pair("时间", local.strftime("%Y-%m-%d %H:%M:%S")),)
    if local.date() != fence.business_date:
        when += (Pair("业务日期", fence.business_date.isoformat()),)
    return (
        Title(title),
        Line(f"城市通　{at.hall.name}", align="center"),
        Rule("="),
        Pair("凭证号", fence.receipt_no, strong=True),
        *when,
        Pair("柜台 / 工号", f"{fence.counter_no} 号台 / {fence.staff_no}"),
        Rule(),
    )


def person(card_no: str, kind_text: str, holder: Holder | None) -> tuple[Block, ...]:
    """Masked card and holder; the document's tail stands beside the name for characters a printer lacks."""
    lines: tuple[Block, ...] = (Pair("卡号", masking.mask_card(card_no)), Pair("卡种", kind_text))
    if holder is not None:
        tail = holder.document_number[-4:]
        lines += (Pair("姓名", f"{masking.mask_name(holder.name)}（证件尾号 {tail}）"),)
    return lines


def paid(tender: Tender, change_fen: int) -> tuple[Block, ...]:
    """How it was paid, with received and change, or with the terminal's numbers."""
    if tender.kind is TenderKind.CASH:
        return (
            Pair("收款方式", tender.kind.text),
            Pair("实收", money(tender.received_fen)),
            Pair("找零", money(change_fen), strong=True),
        )
    lines: tuple[Block, ...] = (Pair("收款方式", tender.kind.text), Pair("终端", tender.terminal_id))
    if tender.voucher:
        lines += (Pair("终端凭证号", tender.voucher),)
    if tender.reference:
        lines += (Pair("参考号", tender.reference),)
    if tender.card_tail:
        lines += (Pair("银行卡尾号", tender.card_tail),)
    return lines


def check_code(key: bytes, receipt_no: str, document: str) -> str:
    """Eight characters (40 bits) of an HMAC over the receipt; base32 has no look-alikes 0 O 1 I on paper."""
    digest = hmac.new(key, f"{receipt_no}|{document}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:5]).decode()


def is_as_saved(key: bytes, receipt_no: str, document: str, code: str) -> bool:
    """Whether a saved receipt still fits its check code, the hall's copy included."""
    blocks = Receipt.from_json(document).blocks
    at = next(
        (n for n, block in enumerate(blocks) if isinstance(block, Pair) and block.label == CODE_LABEL), 0
    )
    if at < 1 or blocks[at] != Pair(CODE_LABEL, code, strong=True):
        return False
    said = blocks[: at - 1]
    copies = [n + 1 for n, block in enumerate(blocks) if isinstance(block, CopyEnd)]
    return check_code(key, receipt_no, Receipt(said).to_json()) == code and all(
        blocks[start : start + at + 1] == blocks[: at + 1] for start in copies
    )


def save(
    tx: Transaction,
    at: HallAtCounter,
    fence: Fence,
    asked: Asked,
    blocks: tuple[Block, ...],
    *,
    signatures: tuple[str, ...] = (),
    notes: tuple[str, ...] = (HOTLINE_NOTE,),
    drawer: bool = False,
) -> None:
    """Save a receipt with its check code and put the original on this counter's print queue.

    With `signatures` it prints two copies, the hall's to be signed. `drawer` opens the drawer with the print.
    """
    from printing.receipt import in_two_copies

    code = check_code(tx.keys.audit_key, fence.receipt_no, Receipt(blocks).to_json())
    whole = (
        *blocks,
        Rule(),
        Pair(CODE_LABEL, code, strong=True),
        Qr(f"{fence.receipt_no}/{code}", "凭此码可在任一柜台核对"),
        *(Note(text) for text in notes),
    )
    receipt = in_two_copies(whole, signatures) if signatures else Receipt(whole)
    papers.save(
        tx,
        papers.SavedReceipt(fence.receipt_no, asked.operation_id, receipt.to_json(), code),
    )
    papers.queue(
        tx,
        at.new_id(),
        ReceiptNo(fence.receipt_no),
        0,
        fence.counter_no,
        StaffNo(fence.staff_no),
        drawer=drawer,
    )
