"""Day reports with invented figures that add up, for any number of tills."""

from __future__ import annotations

import datetime as dt

from counter_app.domain.money import notes_for
from counter_app.domain.reports import (
    BusinessLine,
    ChainHead,
    DayReport,
    PendingLine,
    ReceivableLine,
    TillLine,
)
from counter_app.domain.shifts import CashCount

OPENING_FEN = 2_000_00


def report(tills: int) -> DayReport:
    """A closed day; the second till is 50 fen over and the third 1 yuan short."""
    lines = tuple(_till(number) for number in range(1, tills + 1))
    business: list[BusinessLine] = []
    for number, till in enumerate(lines, start=1):
        cash_fen = till.cash_in_fen - 25_00
        business += [
            BusinessLine("充值", "现金", till.staff, 20 + number, cash_fen),
            BusinessLine("充值", "POS 借记卡", till.staff, 9, 1_250_00 + number),
            BusinessLine("充值", "扫码支付", till.staff, 4, 300_00),
            BusinessLine("补卡工本费", "现金", till.staff, 1, 25_00),
            BusinessLine("冲正", "现金", till.staff, 1, -100_00),
        ]
    return DayReport(
        hall_name="城市通 东郊营业厅",
        business_date=dt.date(2025, 3, 1),
        printed_at="2025-03-01 20:41",
        printed_by="1001 张主管",
        business=tuple(business),
        tills=lines,
        pending=(
            PendingLine("POS 终端 T2 无答复，凭证 000470，待主管核签购单", 2, "2025-03-01 19:58", 50_00),
        ),
        receivables=(ReceivableLine("9040 **** **** 1877", "补卡后脱机消费，余额不足", 12_50),),
        chain_heads=tuple(
            ChainHead(
                f"{till.counter_no} 号台 {till.staff} 第 1 班",
                120 + till.counter_no,
                f"{till.counter_no:02x}5e9c41d07ab3f8",
            )
            for till in lines
        ),
        reversals=tills,
        loss_reports=3,
        losses_cancelled=1,
        replacements=tills,
    )


def _till(number: int) -> TillLine:
    cash_in, cash_out = 3_425_00 + 10_50 * number, 100_00
    expected = OPENING_FEN + cash_in - cash_out
    difference = {2: 50, 3: -1_00}.get(number, 0)
    counted = expected + difference
    return TillLine(
        counter_no=number,
        staff=f"{1020 + number} 李小{'明红军芳强'[number % 5]}",
        opening_fen=OPENING_FEN,
        cash_in_fen=cash_in,
        cash_out_fen=cash_out,
        expected_fen=expected,
        counted_fen=counted,
        difference_fen=difference,
        reason={
            2: "找零时客户未取走硬币，已登记待领，监控时间 15:20 可查，客户联系后退还",
            3: "原因待查",
        }.get(number, ""),
        signed_by="1001 张主管" if difference else "",
        count=CashCount(notes_for(counted)),
    )
