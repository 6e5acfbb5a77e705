"""Chinese texts that more than one part of the window uses, and how values are written on the screen.

Your line belongs here if two widgets would otherwise spell the same words twice. Receipts have their own texts.
"""

from __future__ import annotations

from counter_app.domain.money import yuan

PRODUCT = "城市通柜台"

GROUP_SERVICE = "业务办理"
GROUP_TILL = "钱箱与日结"
GROUP_ORDER = (GROUP_SERVICE, GROUP_TILL)

KEY_HELP = ("F1", "按键帮助")
KEY_NEXT = ("Enter", "下一项")
KEY_BACK = ("Esc", "退一步")
KEY_LOCK = "锁屏 F12"

ENTRY_BOX_HINT = "卡号 / 证件 / 手机 / 首字母 / 凭证号"
SEPARATOR = " ・ "

NOBODY_HERE = "尚未打开客户"
NOBODY_ADVICE = "请把卡或证件放到读卡器上，或按 Ctrl+K 查找。"
CUSTOMER_HIDDEN = "电话受理中"
CUSTOMER_HIDDEN_ADVICE = "客户资料、余额和交易已隐藏。请让来电人自己报出，不要读给对方听。"

BUG_TITLE = "程序出错"
BUG_SENTENCE = "程序遇到意外错误，刚才的操作可能没有完成。错误已写入日志。"
MONEY_LOCKED = "程序出过错，收付款页面已锁定。请先核对最后一笔，再重启程序。"
LEDGER_CHECKING = "上次没有正常关闭，正在核对账目，核对完毕前收付款页面不能使用…"
LEDGER_WRONG = "账目核对有不符，收付款页面已锁定。请停止收付款，通知管理员核对账目。"
LEDGER_NOT_CHECKED = (
    "上次没有正常关闭，账目核对没有完成，收付款页面已锁定。请重启程序再核对，仍不行请通知管理员。"
)

SIGNS = {"good": "✓", "warn": "!", "bad": "✗", "plain": "・"}
"""The sign that stands beside each tone's sentence."""


def shown_money(amount_fen: int) -> str:
    """Fen as the screen writes it: `¥1,234.50`, a minus sign as wide as the figures in front."""
    return f"−¥{yuan(-amount_fen)}" if amount_fen < 0 else f"¥{yuan(amount_fen)}"


def signed_money(amount_fen: int) -> str:
    """Fen with its sign and without currency, for lists: `+100.00`, `−23.00`."""
    return f"−{yuan(-amount_fen)}" if amount_fen < 0 else f"+{yuan(amount_fen)}"


def denomination_text(denomination_fen: int) -> str:
    """A note or coin as the clerk calls it: `100 元`, `5 角`, `5 分`."""
    if denomination_fen % 100 == 0:
        return f"{denomination_fen // 100} 元"
    if denomination_fen % 10 == 0:
        return f"{denomination_fen // 10} 角"
    return f"{denomination_fen} 分"
