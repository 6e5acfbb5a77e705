"""All kinds of trouble that the program knows; anything else that is raised is a bug.

Your line belongs here if it names a rule that can say no (`Reason`) or a way the world can fail.
"""

from __future__ import annotations

import enum
from typing import Any


class Reason(enum.Enum):
    """Why a rule says no. The value is the sentence the clerk reads: what is wrong, then what to do next.

    Placeholders in braces are filled from the details of `Refused`; money details are already text.
    """

    # amounts and typed values
    AMOUNT_EMPTY = "还没有填金额，请输入金额后再按 Enter。"
    AMOUNT_NOT_A_NUMBER = "金额“{typed}”不是数字，请只输入数字和小数点，例如 100 或 100.50。"
    AMOUNT_NOT_POSITIVE = "金额必须大于 0，请重新输入。"
    AMOUNT_TOO_FINE = "金额最多两位小数（到分），请重新输入。"
    AMOUNT_TOO_LARGE = "金额太大，单笔最多 {limit} 元，请核对后重新输入。"
    CARD_NO_MALFORMED = "卡号“{typed}”不完整或有误，请重新刷卡或核对卡面 16 位号码。"
    ID_NUMBER_MALFORMED = "证件号码应为 18 位（末位可为 X），请核对证件后重新输入。"
    ID_NUMBER_CHECK_DIGIT = "证件号码校验位不对，请对照证件逐位核对后重新输入。"
    PHONE_MALFORMED = "手机号应为 11 位数字，请向客户核对后重新输入。"
    NAME_EMPTY = "还没有填姓名，请输入客户报出的姓名。"
    SEARCH_TOO_SHORT = "输入的内容太短，请至少输入两个首字母、姓名、手机后四位或完整号码。"
    TEXT_MISSING = "“{field}”还没有填，请填写后再继续。"
    REASON_MISSING = "请先选择或填写原因。"

    # cards
    CARD_UNKNOWN = "系统中没有卡号 {card_no}，请核对号码；若为外地卡请引导客户到发卡地办理。"
    MEDIUM_UNKNOWN = "读到的卡未在系统登记，请核对卡面号码后手工输入。"
    CARD_LOST = "卡 {card_no} 已挂失，不能办理。持卡人本人带证件可解挂或补卡。"
    CARD_REPLACED = "卡 {card_no} 已补成新卡 {new_card_no}，旧卡作废，请收回并改用新卡办理。"
    CARD_BLANK = "卡 {card_no} 是未发行的空白卡，不能充值，请先开卡。"
    CARD_CLOSED = "卡 {card_no} 已销卡，不能办理。请换一张有效的卡。"
    CARD_FROZEN = "卡 {card_no} 已冻结，不能办理，请联系主管。"
    CARD_ANONYMOUS = "不记名卡不能挂失、补卡，请向客户说明；余额凭卡使用。"
    CARD_NOT_LOST = "卡 {card_no} 没有挂失，请先挂失（F3）再补卡。"
    CARD_NOT_BLANK = "卡 {card_no} 不是空白卡，请换一张未发行的空白卡。"
    CARD_RESERVED = "卡 {card_no} 正由 {counter} 号台 {staff} 办理（{since} 起），请等其完成；若是未决交易，先到待办（F11）处理。"
    CARD_CHANGED = "这张卡的资料刚被其他柜台改动，请重新打开客户后再办理。"
    NO_CUSTOMER = "还没有打开客户，请把卡或证件放到读卡器上，或按 Ctrl+K 查找。"
    HOLDER_UNKNOWN = "没有找到这位客户，请核对号码或改用卡号查找。"
    HOLDER_DOES_NOT_MATCH = "证件与持卡人登记资料不符，请核对是否本人的卡；不能办理。"
    CLAIM_DOES_NOT_MATCH = "报出的资料与登记不符，本次不能挂失。请客户再想一想，还可再试 {tries_left} 次。"
    CLAIM_TRIES_USED_UP = "核对次数已用完，电话不再受理。请持卡人带身份证到营业厅办理。"
    DOCUMENT_NEEDED = "请把持卡人身份证放到读卡器上；读不出时由主管在旁录入。"
    DOCUMENT_EXPIRED = "证件已于 {valid_to} 过期，请客户换用有效证件。"
    PLACE_MAY_NOT_REPLACE = "本厅不能补卡，请引导客户到：{places}。"
    REPLACED_MEANWHILE = (
        "此卡已由 {counter} 号台 {staff} 于 {since} 补成新卡 {new_card_no}，请不要再收费，改用新卡办理。"
    )

    # limits of the dated rule book
    CARD_LIMIT = "充值后余额 {after} 元超过{kind}上限 {limit} 元（{source}）。最多可充 {room} 元。"
    CASH_LIMIT = "一次现金充值须低于 {limit} 元（{source}）。请改用借记卡，或减少金额。"
    CREDIT_CARD = "信用卡不能充值（{source}）。请客户改用借记卡或现金。"
    SLIP_USED = "终端 {terminal} 的签购单 {voucher} 已录过（凭证 {receipt_no}），不能再录。请核对签购单。"
    DEBIT_CARD_NOT_CONFIRMED = "请确认签购单上是借记卡后勾选“借记卡”。信用卡不能充值。"
    DEBIT_CARD_NOT_TOLD = "终端没有说明是借记卡，这笔已撤销，没有扣款。请看卡面确认后勾选“借记卡”，再刷一次。"
    RECEIVED_TOO_LITTLE = "实收 {received} 元少于应收 {due} 元，请补足后再收款。"
    RECEIVED_IMPLAUSIBLE = "实收 {received} 元远大于应收 {due} 元，请核对实收金额。"

    # till, shift and day
    NOT_SIGNED_IN = "登录已失效，请重新登录，已填内容会保留。"
    TILL_NOT_OPEN = "钱箱还没有开，请先在 F9 清点备用金并开箱。"
    TILL_ALREADY_OPEN = "本台钱箱已由 {staff} 开启，请先由其关箱。"
    TILL_COUNT_LOCKED = "钱箱已锁定点钞结果，不能再收付款。请先完成关箱。"
    TILL_COUNT_MISSING = "请先完成点钞并锁定，再关箱。"
    TILL_CLOSED = "本班钱箱已关闭，不能再收付款。请由其他柜台收付，或重新登录开新班次。"
    TILL_CASH_SHORT = "钱箱现金不足以付出 {amount} 元，请先向保险柜或主管领款。"
    SHIFT_CLOSED = "本班次已结束，请重新登录。"
    DAY_CLOSED = "{business_date} 已日结，不能再记账。请重新登录，记在下一个业务日。"
    DAY_NOT_READY = "还不能日结：{what}。请先处理完再签字锁账。"
    PARKED_CUSTOMERS = "还有 {count} 位挂起的客户，请先办完或撤销，再关箱。"
    OPEN_INTENTS = "还有 {count} 笔未决交易（{what}），请先处理。"
    DIFFERENCE_UNEXPLAINED = "有长短款或签购单不符，请填写原因并请主管签认。"
    OPENING_DIFFERS = (
        "实点备用金比上次留存加领用{difference} 元，请复点并核对领用金额；仍不符请填写差额原因，由主管签认。"
    )

    # people and rights
    SIGN_IN_REFUSED = "工号或密码不对，请重新输入。"
    SIGN_IN_LOCKED = "连续输错，账号已锁定到 {until}，请稍后再试或请管理员处理。"
    RIGHT_MISSING = "您的岗位不能办理此项，请由{role}办理。"
    APPROVAL_NEEDED = "此项须主管在旁授权，请主管输入工号和密码。"
    APPROVAL_SAME_PERSON = "授权人不能是经办人本人，请另一位主管授权。"
    APPROVAL_EXPIRED = "授权已超过 60 秒或内容已改动，请主管重新授权。"
    PASSWORD_TOO_WEAK = "密码至少 8 位，且不能是常见密码，请另设一个。"
    STAFF_NO_TAKEN = "工号 {staff_no} 已存在，请换一个工号。"

    # operations
    OPERATION_CHANGED = "同一笔业务编号收到了不同内容，已拒绝记账。请撤销后重新办理。"
    OPERATION_UNKNOWN = "没有找到凭证 {receipt_no}，请核对凭证号。"
    RECEIVABLE_GONE = "这笔应收款（{amount} 元）已经收回，没有再收款。请重新查看应收款登记簿。"
    ALREADY_REVERSED = "凭证 {receipt_no} 已冲正，不能再次冲正。请在 F8 查看冲正凭证。"
    NOT_REVERSIBLE = "凭证 {receipt_no} 的业务不能冲正，请按更正流程办理。"
    DRAWER_COUNTED = "凭证 {receipt_no} 的钱箱已点钞关箱，不能再冲正。请主管按长短款处理。"
    OTHER_SHIFT = "凭证 {receipt_no} 不是本班业务，请由主管办理更正（F8）。"
    PURSE_SPENT = "卡内只剩 {balance} 元，不够冲回 {amount} 元。请主管办理更正：冻结余额并登记应收。"
    POS_REVERSAL_FIRST = "此笔是 POS 收款，须先在终端撤销成功才能冲正，不能退现金。"
    RECEIPT_UNKNOWN = "没有找到凭证 {receipt_no}，请核对凭证号或校验码。"

    # payments at the terminal
    TERMINAL_BUSY_UNKNOWN = "终端 {terminal} 有一笔未决交易（{amount} 元，{since}），主管处理前请改收现金。"
    PAYMENT_DECLINED = "银行未批准（{message}），未扣款。请客户换卡或改付现金。"
    PAYMENT_UNKNOWN = (
        "终端没有答复，不知道是否扣款，已记入待办（F11）。请勿重刷，先看终端签购单，由主管处理。"
    )
    PAYMENT_IN_PROGRESS = "本台正在等终端答复，请稍候。"
    TERMINAL_MISSING = "本台没有联机 POS 终端，请用现金或独立 POS 录单。"

    # set-up
    DATABASE_NEWER = "数据库由更新的程序写成（版本 {found}），请先升级本程序。"
    DATABASE_OLDER = "数据库版本较旧（{found}），请先关闭各柜台的程序，再运行 counter-app upgrade。"
    KEY_WRONG = "数据库密钥不对，不能打开。请检查密钥文件或口令。"
    VALUE_NOT_ALLOWED = "“{field}”的值不对：{typed}。请按提示修改。"

    def sentence(self, **details: Any) -> str:
        """The Chinese sentence with its details filled in."""
        return self.value.format_map(_Blank(details))


class _Blank(dict[str, Any]):
    """A detail nobody gave must not hide the refusal behind a KeyError."""

    def __missing__(self, key: str) -> str:
        return "—"


class Trouble(Exception):
    """Known trouble: the clerk gets a sentence, the program goes on."""

    def sentence(self) -> str:
        """What the clerk reads."""
        return str(self)


class Refused(Trouble):
    """A rule says no. `details` fill the sentence's placeholders and are safe to show and log (masked)."""

    def __init__(self, reason: Reason, **details: Any) -> None:
        super().__init__(reason.name)
        self.reason = reason
        self.details = details

    def sentence(self) -> str:
        return self.reason.sentence(**self.details)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_refused, (self.reason, self.details))


def _refused(reason: Reason, details: dict[str, Any]) -> Refused:
    return Refused(reason, **details)


class DeviceTrouble(Trouble):
    """A device or its cable failed. `advice` is the Chinese next step; the English cause goes to the log only."""

    def __init__(self, advice: str, cause: str = "") -> None:
        super().__init__(cause or advice)
        self.advice = advice
        self.cause = cause

    def sentence(self) -> str:
        return self.advice


class StorageTrouble(Trouble):
    """Disk or database failed; nothing of the unit was kept unless `outcome_unknown`."""

    def __init__(self, advice: str, cause: str = "", *, outcome_unknown: bool = False) -> None:
        super().__init__(cause or advice)
        self.advice = advice
        self.cause = cause
        self.outcome_unknown = outcome_unknown

    def sentence(self) -> str:
        return self.advice


class Cancelled(Trouble):
    """The clerk pressed Esc while something waited; nothing to say."""

    def sentence(self) -> str:
        return ""
