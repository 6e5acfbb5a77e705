"""Fixed receipts with invented people: the printer's test page, the benchmark's receipt and the golden tests.

Your line belongs here if it invents a receipt; real ones are built where the work is done.
"""

from __future__ import annotations

from printing.receipt import (
    Blank,
    Block,
    Line,
    Money,
    Note,
    Pair,
    Qr,
    Receipt,
    Rule,
    Title,
    in_two_copies,
)

CHECK_CODE = "K7QF3M9X"


def top_up_receipt() -> Receipt:
    """充值凭证, at least 30 lines with a QR code on either paper: what the benchmark measures."""
    return Receipt(
        (
            Title("充值凭证"),
            Line("城市通　东郊营业厅", align="center"),
            Line("客户联", align="center"),
            Rule("="),
            Pair("凭证号", "D2-0131"),
            Pair("业务", "充值"),
            Pair("营业日期", "2025-03-01"),
            Pair("时间", "2025-03-01 09:30:12"),
            Pair("柜台", "2 号台"),
            Pair("工号", "1023"),
            Rule(),
            Pair("卡号", "9040 **** **** 1877"),
            Pair("姓名", "王*明"),
            Pair("卡种", "记名卡"),
            Rule(),
            Money("充值金额", 100_00),
            Pair("收款方式", "现金"),
            Pair("实收", "￥200.00"),
            Pair("找零", "￥100.00"),
            Pair("充值前余额", "￥36.50"),
            Pair("充值后余额", "￥136.50", strong=True),
            Rule(),
            Pair("校验码", CHECK_CODE, strong=True),
            Qr(f"D2-0131/{CHECK_CODE}", "凭此码可在任一柜台核对"),
            Rule(),
            Note("请核对金额，妥善保管本凭证。充值资金不计息。"),
            Blank(),
            Line("服务热线 96001", align="center"),
        )
    )


def loss_report_slip() -> Receipt:
    """挂失受理单 in two copies, the hall's to be signed, with a name that the printer lacks a character for."""
    blocks: tuple[Block, ...] = (
        Title("挂失受理单"),
        Line("城市通　东郊营业厅", align="center"),
        Rule("="),
        Pair("受理号", "D1-0042", strong=True),
        Pair("受理时间", "2025-03-01 10:05:40"),
        Pair("受理渠道", "营业厅"),
        Pair("卡号", "9040 **** **** 1877"),
        Pair("姓名", "李*𠮷（证件尾号 0011）"),
        Pair("手机", "138****8000"),
        Pair("卡内余额", "￥136.50"),
        Rule(),
        Line("补卡截止 2025-03-08", bold=True, large=True),
        Pair("补卡地点", "东郊营业厅（东郊路 18 号，7:30–20:30）、总公司客服大厅"),
        Pair("请带", "本人身份证原件；代办另带代办人身份证"),
        Money("补卡工本费", 25_00),
        Rule(),
        Note("挂失自受理时起在联网终端生效；脱机终端最迟在次日名单下发后生效，此前的消费由持卡人承担。"),
        Blank(),
        Pair("校验码", CHECK_CODE),
        Qr(f"D1-0042/{CHECK_CODE}"),
        Pair("经办工号", "1023"),
    )
    return in_two_copies(blocks)
