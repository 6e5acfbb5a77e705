"""The identity-card reader: SAM-V frames (GA/T 467 family), card texts, and waiting for a document.

Your line belongs here if it names a byte that this reader sends or receives. The rules are those of the public
descriptions of the SAM-V serial protocol: XOR-checked frames at 115200 8N1, find → select → read.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import operator
import time
from dataclasses import dataclass

from counter_app.domain.documents import DocumentKind, IdDocument, id_number_holds, normalise_id_number
from counter_app.domain.errors import DeviceTrouble
from counter_app.domain.waiting import CancelToken, Progress, silent
from devices.serial_port import SerialPort

PREAMBLE = b"\xaa\xaa\xaa\x96\x69"
_LONGEST = 2400
_PARTIAL_LIMIT_S = 2.0
_SILENT_TRIES = 3

OK, FOUND, NO_CARD, NOT_SELECTED = 0x90, 0x9F, 0x80, 0x81
_CHECKSUM_WRONG, _LENGTH_WRONG = 0x10, 0x11
_SELF_TEST_FAILED, _NOT_AUTHORISED = 0x60, 0x66
_NO_CONTENT, _READ_FAILED = 0x91, 0x41

_LIFT = "请把证件拿起，停一秒后重新平放在读卡区。"
SENTENCES = {
    0x90: "读取成功。",
    0x9F: "已感应到证件，正在读取，请勿移动。",
    0x91: "证件中没有此项内容，请以证面为准。",
    0x10: "读卡器收到的数据校验有误，正在重试；若反复出现请检查连接线。",
    0x11: "读卡器收到的数据长度有误，正在重试；若反复出现请检查连接线。",
    0x21: "读卡器不支持此项功能，请改用手工录入。",
    0x23: "读卡器不允许此项操作，请改用手工录入并联系管理员。",
    0x24: f"读卡器遇到未知错误。{_LIFT}",
    0x31: f"证件未通过读卡器认证。{_LIFT}多次不成功时请仔细核验证件真伪。",
    0x32: f"读卡器未通过证件认证。{_LIFT}多次不成功时请仔细核验证件真伪。",
    0x33: f"证件信息未通过验证，内容不予显示。{_LIFT}多次不成功时请仔细核验证件真伪。",
    0x34: f"还没有感应到证件。{_LIFT}",
    0x37: f"证件指纹信息校验有误。{_LIFT}",
    0x3F: f"证件信息长度有误。{_LIFT}",
    0x40: "放上的不是可机读的居民身份证，请换证件或手工录入。",
    0x41: f"读取证件没有成功。{_LIFT}",
    0x47: f"证件没有正确应答。{_LIFT}",
    0x60: "身份证读卡器自检失败，请断电重启；仍不行请报修，先手工录入。",
    0x66: "身份证读卡器的安全模块未获授权，请报修，先手工录入。",
    0x80: "请把身份证放到读卡区。",
    0x81: f"没有选中证件。{_LIFT}",
}
"""What each module code (SW3) means to the clerk."""

_NATION_NAMES = (
    "汉 蒙古 回 藏 维吾尔 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 哈萨克 傣 黎 傈僳 佤 畲 高山 拉祜 水 东乡 纳西 "
    "景颇 柯尔克孜 土 达斡尔 仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 阿昌 普米 塔吉克 怒 乌孜别克 俄罗斯 鄂温克 德昂 保安 "
    "裕固 京 塔塔尔 独龙 鄂伦春 赫哲 门巴 珞巴 基诺"
)
NATIONS = {f"{code:02}": name for code, name in enumerate(_NATION_NAMES.split(), start=1)}
"""GB/T 3304, 01-56; sources conflict on the other codes, which are therefore shown as they are."""

SEXES = {"0": "未知", "1": "男", "2": "女", "9": "未说明"}
"""GB/T 2261.1."""

LONG_TERM = "长期"

RESIDENT_FIELDS = {
    "name": (0, 30),
    "sex": (30, 2),
    "nation": (32, 4),
    "birth": (36, 16),
    "address": (52, 70),
    "number": (122, 36),
    "authority": (158, 30),
    "valid_from": (188, 16),
    "valid_to": (204, 16),
}
"""(offset, length) in bytes of the 256-byte text block, UTF-16LE padded with spaces."""

TEXT_BYTES = 256
_LAYOUT_AT = 248
_OTHER_LAYOUTS = {
    "I": "外国人永久居留身份证",
    "J": "港澳台居民居住证",
    "Y": "外国人永久居留身份证（2023 版）",
}
_FIELD_WORDS = {
    "name": "姓名",
    "sex": "性别",
    "nation": "民族",
    "birth": "出生日期",
    "address": "住址",
    "number": "证件号码",
    "authority": "签发机关",
    "valid_from": "有效期起",
    "valid_to": "有效期止",
}


def frame(payload: bytes) -> bytes:
    """Bytes on the wire: preamble, length, `payload`, XOR. Requests carry CMD PARA, answers SW1 SW2 SW3 data."""
    counted = (len(payload) + 1).to_bytes(2, "big") + payload
    return PREAMBLE + counted + bytes([_xor(counted)])


def _xor(data: bytes | bytearray) -> int:
    return functools.reduce(operator.xor, data, 0)


class SamFrames:
    """Frames out of whatever bytes arrive: noise is skipped one byte at a time, memory stays below 2.5 kB."""

    def __init__(self, shortest_payload: int = 3) -> None:
        """3 bytes are the shortest answer; the simulator listens for requests of 2."""
        self._buffer = bytearray()
        self._shortest = shortest_payload + 1

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads of the frames that are complete now; a frame with any wrong bit gives none."""
        self._buffer += data
        payloads: list[bytes] = []
        while True:
            start = self._buffer.find(PREAMBLE)
            if start < 0:
                del self._buffer[: -len(PREAMBLE) + 1]
                return payloads
            del self._buffer[:start]
            if len(self._buffer) < 7:
                return payloads
            length = int.from_bytes(self._buffer[5:7], "big")
            end = 7 + length
            if not self._shortest <= length <= _LONGEST:
                del self._buffer[0]
            elif len(self._buffer) < end:
                return payloads
            elif _xor(self._buffer[5:end]):
                del self._buffer[0]
            else:
                payloads.append(bytes(self._buffer[7 : end - 1]))
                del self._buffer[:end]

    @property
    def partial(self) -> bool:
        """Whether a frame has begun that is not complete."""
        return self._buffer.startswith(PREAMBLE)

    def give_up_partial(self) -> list[bytes]:
        """The begun frame will not be completed: drop its first byte and look again in the rest."""
        del self._buffer[:1]
        return self.feed(b"")


class UnsupportedLayout(Exception):
    """A good frame whose text is laid out for another kind of document."""

    def __init__(self, letter: str) -> None:
        super().__init__(f"layout {letter!r}")
        word = _OTHER_LAYOUTS.get(letter)
        self.sentence = (
            f"{word}暂不能机读，请手工录入。" if word else "无法识别的证件版式，请核对证件并手工录入。"
        )


def decode_text(text: bytes) -> IdDocument:
    """The 256-byte text block of a resident card. Nothing is corrected: what is odd becomes a Chinese warning.

    Raises `UnsupportedLayout` for other documents.
    """
    letter = text[_LAYOUT_AT : _LAYOUT_AT + 2].decode("utf-16-le", "replace")
    if len(text) != TEXT_BYTES or letter not in (" ", "\0"):
        raise UnsupportedLayout(letter)
    warnings: list[str] = []
    field = {key: _field(text, key, warnings) for key in RESIDENT_FIELDS}
    number = normalise_id_number(field["number"])
    birth = _date(field["birth"], "birth", warnings)
    long_term = field["valid_to"] == LONG_TERM
    valid_from = _date(field["valid_from"], "valid_from", warnings)
    valid_to = None if long_term else _date(field["valid_to"], "valid_to", warnings)
    sex = SEXES.get(field["sex"], field["sex"])
    if field["sex"] not in SEXES:
        warnings.append("性别代码无法识别，请核对证件。")
    if not id_number_holds(number):
        warnings.append("证件号码校验位不对，请对照证件逐位核对。")
    else:
        if birth is not None and birth.strftime("%Y%m%d") != number[6:14]:
            warnings.append("出生日期与证件号码不一致，请核对证件。")
        if sex in ("男", "女") and (sex == "男") != (int(number[16]) % 2 == 1):
            warnings.append("性别与证件号码不一致，请核对证件。")
    return IdDocument(
        kind=DocumentKind.RESIDENT,
        name=field["name"],
        number=number,
        sex=sex,
        nation=NATIONS.get(field["nation"], field["nation"]),
        birth=birth,
        address=field["address"],
        authority=field["authority"],
        valid_from=valid_from,
        valid_to=valid_to,
        long_term=long_term,
        warnings=tuple(warnings),
    )


def _field(text: bytes, key: str, warnings: list[str]) -> str:
    offset, length = RESIDENT_FIELDS[key]
    try:
        value = text[offset : offset + length].decode("utf-16-le").rstrip(" \0")
    except UnicodeDecodeError:
        warnings.append(f"{_FIELD_WORDS[key]}数据损坏，请对照证件手工录入。")
        return ""
    if any("\ue000" <= character <= "\uf8ff" for character in value):
        warnings.append(f"{_FIELD_WORDS[key]}含特殊造字，显示可能不对，请对照证件核对。")
    if key in ("name", "address") and not value:
        warnings.append(f"{_FIELD_WORDS[key]}是空的，请对照证件核对。")
    return value


def _date(value: str, key: str, warnings: list[str]) -> dt.date | None:
    try:
        if not (len(value) == 8 and value.isascii() and value.isdigit()):
            raise ValueError(f"{key} is not eight digits")
        return dt.date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:  # also eight digits that are no day
        warnings.append(f"{_FIELD_WORDS[key]}无法读出，请对照证件核对。")
        return None


def format_sam_id(data: bytes) -> str:
    """16 bytes → the printed number of the security module, `05.01-20090826-0001234567-0000000089`."""
    kind, maker = int.from_bytes(data[0:2], "little"), int.from_bytes(data[2:4], "little")
    day, serial, rest = (int.from_bytes(data[at : at + 4], "little") for at in (4, 8, 12))
    return f"{kind:02}.{maker:02}-{day:08}-{serial:010}-{rest:010}"


@dataclass(frozen=True, slots=True)
class _Command:
    """One request and how its own answer is told from the late answer of another."""

    word: str
    code: bytes
    timeout_s: float
    success: int = OK
    data_bytes: int | None = None
    foreign: tuple[int, ...] = (FOUND, NO_CARD, NOT_SELECTED, _NO_CONTENT)

    def fits(self, payload: bytes) -> bool:
        sw3, data = payload[2], payload[3:]
        if sw3 != self.success:
            return sw3 not in self.foreign
        if self.data_bytes is not None:
            return len(data) == self.data_bytes
        # text and photo: their lengths are told at the head
        return len(data) >= 4 and len(data) == 4 + sum(
            int.from_bytes(data[at : at + 2], "big") for at in (0, 2)
        )


_STATUS = _Command("status", b"\x11\xff", 1.0, data_bytes=0)
_SAM_ID = _Command("sam id", b"\x12\xff", 1.0, data_bytes=16)
_FIND = _Command(
    "find", b"\x20\x01", 1.0, FOUND, data_bytes=4, foreign=(OK, NOT_SELECTED, _READ_FAILED, _NO_CONTENT)
)
_SELECT = _Command("select", b"\x20\x02", 1.0, data_bytes=8, foreign=(FOUND, NO_CARD, _NO_CONTENT))
_READ = _Command("read", b"\x30\x01", 5.0)


class ReaderState(enum.Enum):
    """How the reader is; the value is what the clerk reads."""

    READY = "身份证读卡器正常。"
    SELF_TEST_FAILED = SENTENCES[_SELF_TEST_FAILED]
    NOT_AUTHORISED = SENTENCES[_NOT_AUTHORISED]
    ERROR = "身份证读卡器应答异常，请断电重启；仍不行请报修。"
    NOT_ANSWERING = "身份证读卡器没有应答，请检查电源和连接线，接好后会自动重连。"


class IdReader:
    """One reader on one port, used by one thread. The port is opened at the first call and after any trouble.

    Photo and fingerprint never leave this class; the log gets command words and codes, never card data.
    """

    def __init__(self, port: SerialPort) -> None:
        self._port = port
        self._frames = SamFrames()
        self._await_lift = False
        self._last_noted = ""

    def status(self, cancel: CancelToken | None = None) -> ReaderState:
        """Ask the module for its self-test. `DeviceTrouble` only when the port is gone."""
        answer = self._exchange(_STATUS, cancel)
        if answer is None:
            return ReaderState.NOT_ANSWERING
        known = {
            OK: ReaderState.READY,
            _SELF_TEST_FAILED: ReaderState.SELF_TEST_FAILED,
            _NOT_AUTHORISED: ReaderState.NOT_AUTHORISED,
        }
        return known.get(answer[2], ReaderState.ERROR)

    def sam_id(self, cancel: CancelToken | None = None) -> str:
        """The printed number of the security module, kept for audit."""
        answer = self._exchange(_SAM_ID, cancel)
        if answer is None:
            raise _not_answering()
        if answer[2] != OK:
            raise DeviceTrouble(_sentence(answer[2]), f"sam id: {answer[2]:02X}")
        return format_sam_id(answer[3:])

    def wait_for_document(
        self, cancel: CancelToken, poll_interval_s: float = 0.3, on_trouble: Progress = silent
    ) -> IdDocument:
        """Poll until somebody puts a readable document on the reader; the same one is given once until it is lifted.

        A document that cannot be read gives one line to `on_trouble` and polling goes on. Raises `Cancelled`, and
        `DeviceTrouble` when the port is gone or the reader has not answered three times.
        """
        told = ""
        silences = 0
        while True:
            line = ""
            found = self._exchange(_FIND, cancel)
            silences = silences + 1 if found is None else 0
            if silences == _SILENT_TRIES:
                raise _not_answering()
            if found is not None and found[2] == NO_CARD:
                # Good readers say so even while a document that was read lies there; others only when it is gone.
                self._await_lift = False
                told = ""
            elif found is not None and found[2] == FOUND:
                if not self._await_lift:
                    result = self._select_and_read(cancel)
                    if isinstance(result, IdDocument):
                        self._await_lift = True
                        return result
                    line = result
            elif found is not None:
                line = _sentence(found[2])
            if line and line != told:
                told = line
                on_trouble(line)
            cancel.wait(poll_interval_s)
            cancel.check()

    def _select_and_read(self, cancel: CancelToken) -> IdDocument | str:
        """The document, or the sentence that tells why not."""
        selected = self._exchange(_SELECT, cancel)
        if selected is None or selected[2] != OK:
            return _sentence(NOT_SELECTED if selected is None else selected[2])
        read = self._exchange(_READ, cancel)
        if read is None or read[2] != OK:
            return _sentence(_READ_FAILED if read is None else read[2])
        text_bytes = int.from_bytes(read[3:5], "big")
        try:
            return decode_text(read[7 : 7 + text_bytes])
        except UnsupportedLayout as error:
            self._await_lift = True
            return error.sentence

    def _exchange(self, command: _Command, cancel: CancelToken | None) -> bytes | None:
        """The payload of the answer to `command`, or None after silence; garbled requests are sent again twice."""
        for _attempt in range(3):
            answer = self._exchange_once(command, cancel)
            if answer is None or answer[2] not in (_CHECKSUM_WRONG, _LENGTH_WRONG):
                break
        outcome = "no answer" if answer is None else f"{answer[2]:02X}, {len(answer) - 3} data bytes"
        line = f"{command.word}: {outcome}"
        if line != self._last_noted:  # polling three times a second would bury the rest of the log
            self._last_noted = line
            self._port.note("<", line)
        return answer

    def _exchange_once(self, command: _Command, cancel: CancelToken | None) -> bytes | None:
        self._port.open()
        self._port.discard_input()
        self._frames = SamFrames()
        self._port.write(frame(command.code), command.timeout_s, cancel)
        until = time.monotonic() + command.timeout_s
        partial_since: float | None = None
        while (left_s := until - time.monotonic()) > 0:
            payloads = self._frames.feed(self._port.read(4096, min(left_s, 0.5), cancel))
            now = time.monotonic()
            if not self._frames.partial or payloads:
                partial_since = None
            elif partial_since is None:
                partial_since = now
            elif now - partial_since > _PARTIAL_LIMIT_S:
                payloads = self._frames.give_up_partial()
                partial_since = None
            for payload in payloads:
                if command.fits(payload):
                    return payload
                self._port.note("!", f"{command.word}: late answer {payload[2]:02X} skipped")
        return None


def _not_answering() -> DeviceTrouble:
    return DeviceTrouble(ReaderState.NOT_ANSWERING.value, "reader does not answer")


def _sentence(sw3: int) -> str:
    return SENTENCES.get(sw3, f"读卡器返回未知代码 {sw3:02X}。{_LIFT}")
