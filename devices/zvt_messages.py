"""ZVT commands and answers (PA00P015): APDU ↔ frozen values. Your line belongs here if it knows a class, instruction
or BMP field; what is said when belongs to `pos_terminal`, bytes on the wire to `zvt_link`.

No full card number leaves this module: the PAN field is cut to its last four digits while it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from counter_app.domain.masking import mask_pan
from counter_app.domain.money import yuan

REGISTRATION = b"\x06\x00"
AUTHORISATION = b"\x06\x01"
LOG_OFF = b"\x06\x02"
COMPLETION = b"\x06\x0f"
ABORTED = b"\x06\x1e"
REPEAT_RECEIPT = b"\x06\x20"
REVERSAL = b"\x06\x30"
END_OF_DAY = b"\x06\x50"
ABORT = b"\x06\xb0"
STATUS_ENQUIRY = b"\x05\x01"
STATUS_INFORMATION = b"\x04\x0f"
INTERMEDIATE_STATUS = b"\x04\xff"

POSITIVE = bytes.fromhex("80 00 00")
"""Taken; as the answer to an approved payment it also means: goods issued, keep the money."""
GOODS_NOT_ISSUED = bytes.fromhex("84 66 00")
"""The answer to an approved payment that has the terminal undo it by itself."""

REGISTERED_FOR = 0x3E
"""Config byte: the counter prints payment and admin receipts itself, wants 04 FF, starts payments and admin functions.
Fewer messages than with print lines, so a smaller window in which a result can be lost."""

OK = 0x00
ABORTED_BY_KEY_OR_TIME = 0x6C
BUSY = 0x9C
NOT_REGISTERED = 0x6B

_NAMES = {
    REGISTRATION: "registration",
    AUTHORISATION: "authorisation",
    LOG_OFF: "log-off",
    COMPLETION: "completion",
    ABORTED: "aborted",
    REPEAT_RECEIPT: "repeat receipt",
    REVERSAL: "reversal",
    END_OF_DAY: "end of day",
    ABORT: "abort",
    STATUS_ENQUIRY: "status enquiry",
    STATUS_INFORMATION: "status information",
    INTERMEDIATE_STATUS: "intermediate status",
    b"\x80\x00": "ok",
}

# What the terminal is asked


def command(instruction: bytes, data: bytes = b"") -> bytes:
    """One APDU: class and instruction, length (one byte, or `FF` and two little-endian), data."""
    length = len(data)
    head = bytes((length,)) if length < 0xFF else b"\xff" + length.to_bytes(2, "little")
    return instruction + head + data


def registration(password: str, currency: str) -> bytes:
    """06 00. `password` is six digits, `currency` the four-digit ISO number (0156 is the yuan)."""
    return command(
        REGISTRATION, _bcd(password, 3) + bytes((REGISTERED_FOR,)) + _bcd(currency, 2) + b"\x03\x01"
    )


def authorisation(amount_fen: int, currency: str, pay_type: int | None = None) -> bytes:
    """06 01: take `amount_fen` (1 … 999,999,999,999). `pay_type` is field 19, left out when None."""
    kind = b"" if pay_type is None else bytes((0x19, pay_type))
    return command(AUTHORISATION, b"\x04" + _amount(amount_fen) + b"\x49" + _bcd(currency, 2) + kind)


def reversal(password: str, receipt_no: str) -> bytes:
    """06 30: undo the payment with the terminal's own four-digit receipt number."""
    return command(REVERSAL, _bcd(password, 3) + b"\x87" + _bcd(receipt_no, 2))


def repeat_receipt(password: str) -> bytes:
    """06 20: tell the last transaction again."""
    return command(REPEAT_RECEIPT, _bcd(password, 3))


def status_enquiry(password: str) -> bytes:
    """05 01: ready, busy, or what is missing."""
    return command(STATUS_ENQUIRY, _bcd(password, 3))


def end_of_day(password: str) -> bytes:
    """06 50: close the terminal's batch."""
    return command(END_OF_DAY, _bcd(password, 3))


def abort() -> bytes:
    """06 B0: stop if you still can. A positive answer does not mean that nothing was paid."""
    return command(ABORT)


# What the terminal says (and, for the simulated one, how it says it)


def completion(status: int | None = None) -> bytes:
    """06 0F; `status` is field 19 (bit 01 initialisation needed, 02 diagnosis needed)."""
    return command(COMPLETION, b"" if status is None else bytes((0x19, status)))


def status_report(status: int) -> bytes:
    """06 0F as the answer to 05 01: the status byte alone."""
    return command(COMPLETION, bytes((status,)))


def aborted(code: int) -> bytes:
    """06 1E with a result code."""
    return command(ABORTED, bytes((code,)))


def refusal(code: int) -> bytes:
    """84 xx 00: the command is not carried out."""
    return bytes((0x84, code, 0))


def intermediate_status(code: int, time_out: int | None = None) -> bytes:
    """04 FF: what happens at the terminal right now."""
    return command(INTERMEDIATE_STATUS, bytes((code,) if time_out is None else (code, time_out)))


@dataclass(frozen=True, slots=True)
class Message:
    """A well-formed APDU: `instruction` is its first two bytes, `data` what its length byte covers."""

    instruction: bytes
    data: bytes

    @property
    def is_positive(self) -> bool:
        """80 00 or 84 00: taken."""
        return self.instruction in (b"\x80\x00", b"\x84\x00")

    @property
    def refusal_code(self) -> int | None:
        """The xx of 84 xx (xx ≠ 00), else None."""
        return self.instruction[1] if self.instruction[0] == 0x84 and self.instruction[1] else None


def parse(apdu: bytes) -> Message | None:
    """The parts of an APDU; None when its length byte does not fit (the block is then answered by nobody)."""
    if len(apdu) < 3:
        return None
    start, length = 3, apdu[2]
    if length == 0xFF:
        if len(apdu) < 5:
            return None
        start, length = 5, int.from_bytes(apdu[3:5], "little")
    return Message(apdu[:2], apdu[start:]) if len(apdu) - start == length else None


@dataclass(frozen=True, slots=True)
class StatusInformation:
    """04 0F: the result of a payment or reversal, or the totals of an end of day.

    None and "" stand for "not told". `result` is BMP 27; numbers are the terminal's digits as text; `card_tail` the
    last digits of the PAN (at most 4); `local_time` is `HH:MM:SS`, `local_date` `MM-DD`; `totals` the raw BMP 60.
    `unread` is the field number after which the rest could not be read, else None.
    """

    result: int | None = None
    amount_fen: int | None = None
    currency: str = ""
    terminal_id: str = ""
    receipt_no: str = ""
    trace: str = ""
    original_trace: str = ""
    authorisation: str = ""
    card_tail: str = ""
    card_name: str = ""
    card_type: int | None = None
    local_time: str = ""
    local_date: str = ""
    totals: bytes = b""
    unread: int | None = None

    @property
    def key(self) -> tuple[int | None, str, str, int | None]:
        """Equal for the same result told twice."""
        return self.result, self.trace, self.receipt_no, self.amount_fen


_FIXED_BYTES = {
    0x01: 1, 0x02: 1, 0x03: 1, 0x04: 6, 0x05: 1, 0x0B: 3, 0x0C: 3, 0x0D: 2, 0x0E: 2, 0x17: 2, 0x19: 1, 0x27: 1,
    0x29: 4, 0x2A: 15, 0x37: 3, 0x3B: 8, 0x3D: 3, 0x49: 2, 0x87: 2, 0x88: 3, 0x8A: 1, 0x8C: 1, 0xA0: 1, 0xAA: 3,
    0xBA: 5,
}  # fmt: skip
_COUNTED_DIGITS = {0x22: 2, 0x23: 2, 0x24: 3, 0x3C: 3, 0x60: 3, 0x8B: 2}
"""Fields whose length stands before them in this many bytes `Fx`."""

_PERSONAL = (0x22, 0x23, 0x24, 0x0E)
_TLV = 0x06


def _fields(data: bytes) -> Iterator[tuple[int, bytes | None]]:
    """(BMP number, value) in order. A last (number, None) stands for an unknown or cut field: no more can be read."""
    at = 0
    while at < len(data):
        number = data[at]
        found = _length(number, data[at + 1 :])
        if found is None:
            yield number, None
            return
        head, length = found
        start = at + 1 + head
        if start + length > len(data):
            yield number, None
            return
        yield number, data[start : start + length]
        at = start + length


def _length(number: int, rest: bytes) -> tuple[int, int] | None:
    """(bytes of the length itself, bytes of the value), None when it cannot be known."""
    if number in _FIXED_BYTES:
        return 0, _FIXED_BYTES[number]
    if number in _COUNTED_DIGITS:
        head = rest[: _COUNTED_DIGITS[number]]
        digits = [byte & 0x0F for byte in head]
        if len(head) < _COUNTED_DIGITS[number] or any(byte >> 4 != 0xF for byte in head) or max(digits) > 9:
            return None
        return len(head), int("".join(map(str, digits)))
    if number == _TLV and rest:
        if rest[0] < 0x80:
            return 1, rest[0]
        size = rest[0] & 0x7F
        if size in (1, 2) and len(rest) > size:
            return 1 + size, int.from_bytes(rest[1 : 1 + size], "big")
    return None


def read_status_information(data: bytes) -> StatusInformation:
    """The data of a 04 0F. Never raises: an unreadable field ends the reading, what came before it is kept."""
    told: dict[int, bytes] = {}
    unread = None
    for number, value in _fields(data):
        if value is None:
            unread = number
        else:
            told.setdefault(number, value)

    def digits(number: int) -> str:
        text = told.get(number, b"").hex()
        return text if _is_digits(text) else ""

    amount, time_, date = digits(0x04), digits(0x0C), digits(0x0D)
    result, kind = told.get(0x27), told.get(0x8A)
    return StatusInformation(
        result=result[0] if result else None,
        amount_fen=int(amount) if amount else None,
        currency=digits(0x49),
        terminal_id=digits(0x29),
        receipt_no=digits(0x87),
        trace=digits(0x0B),
        original_trace=digits(0x37),
        authorisation=_text(told.get(0x3B, b"")),
        card_tail=_pan_tail(told.get(0x22, b"")),
        card_name=mask_pan(_text(told.get(0x8B, b""))),
        card_type=kind[0] if kind else None,
        local_time=":".join((time_[0:2], time_[2:4], time_[4:6])) if time_ else "",
        local_date="-".join((date[0:2], date[2:4])) if date else "",
        totals=told.get(0x60, b""),
        unread=unread,
    )


def status_information(
    info: StatusInformation, *, pan_head: str = "", expiry: bytes = b"", unknown_tail: bytes = b""
) -> bytes:
    """04 0F as a terminal builds it (for the simulated one). `pan_head` are the first digits it shows before masking
    all but `info.card_tail`; `unknown_tail` is appended as it is."""
    parts = [b"" if info.result is None else bytes((0x27, info.result))]
    if info.amount_fen is not None:
        parts.append(b"\x04" + _amount(info.amount_fen))
    for number, text, size in (
        (0x0B, info.trace, 3),
        (0x37, info.original_trace, 3),
        (0x49, info.currency, 2),
        (0x87, info.receipt_no, 2),
        (0x29, info.terminal_id, 4),
        (0x0C, info.local_time.replace(":", ""), 3),
        (0x0D, info.local_date.replace("-", ""), 2),
    ):
        if text:
            parts.append(bytes((number,)) + _bcd(text, size))
    if info.authorisation:
        parts.append(b"\x3b" + info.authorisation.encode("ascii").ljust(8)[:8])
    if info.card_tail:
        shown = f"{pan_head}{'e' * (19 - len(pan_head) - len(info.card_tail))}{info.card_tail}"
        packed = bytes.fromhex(shown + "f" * (len(shown) % 2))
        parts.append(b"\x22" + _counted(packed, 2))
    if expiry:
        parts.append(b"\x0e" + expiry)
    if info.card_type is not None:
        parts.append(bytes((0x8A, info.card_type)))
    if info.card_name:
        parts.append(b"\x8b" + _counted(info.card_name.encode("gb18030") + b"\x00", 2))
    if info.totals:
        parts.append(b"\x60" + _counted(info.totals, 3))
    return command(STATUS_INFORMATION, b"".join(parts) + unknown_tail)


def read_completion_status(data: bytes) -> int | None:
    """The status byte of a 06 0F that answers 06 00 (BMP 19) or 05 01 (alone, or after an LLL software version)."""
    if len(data) == 1:
        return data[0]
    if len(data) >= 4 and data[0] >> 4 == 0xF:
        length = _length(0x3C, data)
        if length is not None and len(data) > sum(length):
            return data[sum(length)]
    return next((value[0] for number, value in _fields(data) if number == 0x19 and value), None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a counter wants, as the simulated terminal reads it: only what the command carries is filled."""

    amount_fen: int | None = None
    currency: str = ""
    receipt_no: str = ""
    pay_type: int | None = None


def read_asked(message: Message) -> Asked:
    """The fields of 06 01 (from its start) or 06 30 (after the password)."""
    told = dict(_fields(message.data[3:] if message.instruction == REVERSAL else message.data))
    amount, currency, receipt, pay_type = (told.get(number) or b"" for number in (0x04, 0x49, 0x87, 0x19))
    return Asked(
        amount_fen=int(amount.hex()) if amount and _is_digits(amount.hex()) else None,
        currency=currency.hex(),
        receipt_no=receipt.hex(),
        pay_type=pay_type[0] if pay_type else None,
    )


# Words for the clerk

_RESULTS = {
    0x64: "卡片读不出",
    0x65: "卡片资料不全",
    0x66: "终端处理出错",
    0x67: "终端功能受限",
    0x6A: "终端流水已满，请先在终端结算",
    0x6B: "终端未登记",
    0x6C: "已取消或超时",
    0x6D: "终端处理出错",
    0x6F: "终端不支持该币种",
    0x71: "余额不足",
    0x72: "芯片读取出错",
    0x77: "终端处理出错",
    0x78: "卡片已过期",
    0x7D: "终端与银行通讯出错",
    0x83: "终端不支持此功能",
    0x85: "终端缺少密钥，请联系收单机构",
    0x89: "密码键盘故障",
    0x9A: "终端协议出错",
    0x9B: "终端拨号出错",
    0x9C: "终端正忙",
    0xA0: "终端没有准备好",
    0xA1: "银行没有应答",
    0xA3: "终端没有网络连接",
    0xB1: "终端存储已满",
    0xB2: "终端日志已满，请先在终端结算",
    0xB4: "该笔已撤销过",
    0xB5: "该笔不能撤销",
    0xC2: "终端需要诊断，请联系收单机构",
    0xC3: "金额超过终端上限",
    0xC5: "终端不支持这种付款方式",
    0xC8: "金额低于终端下限",
    0xCC: "终端打印机缺纸或故障",
    0xDC: "终端内有卡未取出",
    0xDF: "终端操作次序不对",
    0xE1: "卡片没有完全取出",
    0xE4: "终端需要激活",
    0xED: "密码键盘故障",
    0xF0: "终端需要先结算",
    0xFF: "终端系统故障",
}
# 01–63 hex are the 99 codes of the bank's host; these are the ones a customer meets (ISO 8583 field 39, decimal).
_HOST_RESULTS = {
    1: "请联系发卡行",
    4: "发卡行要求没收卡片",
    5: "发卡行不批准",
    12: "无效交易",
    14: "卡号无效",
    33: "卡片已过期",
    41: "此卡已挂失",
    43: "此卡已挂失",
    51: "余额不足",
    54: "卡片已过期",
    55: "密码错误",
    57: "此卡不允许该交易",
    61: "超过取款限额",
    62: "此卡受限制",
}


def result_words(code: int) -> str:
    """A result code (BMP 27, 06 1E, 84 xx, status byte) in Chinese, without a closing mark."""
    if 0 < code <= 0x63:
        return f"{_HOST_RESULTS.get(code, '银行未批准')}，银行代码 {code:02d}"
    return f"{_RESULTS.get(code, '终端报错')}，终端代码 {code:02X}"


_STEPS = {
    0x00: "请客户在终端上确认金额",
    0x01: "请看终端密码键盘",
    0x02: "请看终端密码键盘",
    0x03: "终端不接受此卡",
    0x04: "正在等待银行答复",
    0x05: "终端正在自动冲正",
    0x06: "终端正在补记交易",
    0x0A: "请客户插卡、挥卡或出示付款码",
    0x0B: "请客户取回卡片",
    0x0E: "终端处理中，请稍候",
    0x0F: "终端正在自动结算",
    0x12: "终端故障",
    0x13: "终端不能办理此交易",
    0x14: "余额不足",
    0x15: "密码错误",
    0x18: "密码输错次数过多",
    0x1C: "终端提示已批准，等待结果",
    0x1D: "终端提示未批准，等待结果",
    0xC8: "终端在等待收银员",
    0xD2: "终端正在连接银行",
}


def step_words(data: bytes) -> str:
    """The data of a 04 FF as a line for the clerk. For display only; nothing is ever decided by it."""
    code = data[0] if data else 0x0E
    if 0x41 <= code <= 0x5D:
        return f"{_STEPS.get(code - 0x40, '终端处理中')}，并请客户取回卡片"
    return _STEPS.get(code, "终端处理中，请稍候")


# Words for the log


def describe(apdu: bytes) -> str:
    """One APDU for the log: names and fields, without password, card number, tracks, expiry, texts and TLV."""
    message = parse(apdu)
    if message is None:
        return f"malformed block of {len(apdu)} bytes"
    if message.refusal_code is not None:
        return f"refused {message.refusal_code:02X}"
    name = _NAMES.get(message.instruction, message.instruction.hex(" ").upper())
    if message.instruction == STATUS_INFORMATION:
        return f"{name}{_described(message.data)}"
    if message.instruction == AUTHORISATION:
        amount_fen = read_asked(message).amount_fen
        return name if amount_fen is None else f"{name} {yuan(amount_fen)}"
    if message.instruction == REVERSAL:
        return f"{name} of receipt {read_asked(message).receipt_no}"
    if message.instruction in (INTERMEDIATE_STATUS, ABORTED):
        return f"{name} {message.data[:2].hex(' ').upper()}"
    return name


def _described(data: bytes) -> str:
    shown = []
    for number, value in _fields(data):
        if value is None:
            shown.append(f"{number:02X} unreadable, rest dropped")
        elif number in (0x04, 0x0B, 0x0C, 0x0D, 0x19, 0x27, 0x29, 0x37, 0x49, 0x87, 0x8A):
            shown.append(f"{number:02X}={value.hex()}")
        else:
            shown.append(f"{number:02X}=({len(value)} bytes)")
    return "".join(f" {field}" for field in shown)


# Packing


def _bcd(digits: str, size_bytes: int) -> bytes:
    if not _is_digits(digits) or len(digits) != 2 * size_bytes:
        # The value may be a password: the message tells only its shape.
        raise ValueError(f"{2 * size_bytes} digits expected")
    return bytes.fromhex(digits)


def _amount(amount_fen: int) -> bytes:
    if not 0 <= amount_fen <= 999_999_999_999:
        raise ValueError(f"amount does not fit: {amount_fen}")
    return bytes.fromhex(f"{amount_fen:012d}")


def _counted(value: bytes, digits: int) -> bytes:
    return bytes(0xF0 | int(digit) for digit in f"{len(value):0{digits}d}") + value


def _is_digits(text: str) -> bool:
    return bool(re.fullmatch(r"\d+", text, re.ASCII))


def _text(value: bytes) -> str:
    """Printable text of a field; GB18030 contains ASCII. Terminals close names with a zero byte."""
    text = value.split(b"\x00")[0].decode("gb18030", errors="replace")
    return "".join(char for char in text if char.isprintable()).strip()


def _pan_tail(packed: bytes) -> str:
    digits = re.search(r"\d*$", packed.hex().rstrip("f"), re.ASCII)
    return digits.group()[-4:] if digits else ""
