"""SAM-V frames, card texts, and a reader over a real pseudo-terminal."""

from __future__ import annotations

import datetime as dt
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counter_app.domain.documents import DocumentKind, IdDocument
from counter_app.domain.errors import Cancelled, DeviceTrouble
from counter_app.domain.waiting import CancelToken
from devices import id_reader
from devices.id_reader import (
    IdReader,
    ReaderState,
    SamFrames,
    UnsupportedLayout,
    decode_text,
    format_sam_id,
    frame,
)
from devices.serial_port import PortSettings, SerialPort
from devices.simulated.id_reader import encode_person

QUICK = settings(deadline=None, derandomize=True, database=None, max_examples=60)

SHORT_FRAMES = {
    "AA AA AA 96 69 00 04 00 00 90 94": (0x90, b""),
    "AA AA AA 96 69 00 08 00 00 9F 00 00 00 00 97": (0x9F, bytes(4)),
    "AA AA AA 96 69 00 04 00 00 80 84": (0x80, b""),
    "AA AA AA 96 69 00 0C 00 00 90 00 00 00 00 00 00 00 00 9C": (0x90, bytes(8)),
    "AA AA AA 96 69 00 04 00 00 81 85": (0x81, b""),
    "AA AA AA 96 69 00 04 00 00 41 45": (0x41, b""),
    "AA AA AA 96 69 00 04 00 00 91 95": (0x91, b""),
    "AA AA AA 96 69 00 04 00 00 10 14": (0x10, b""),
    "AA AA AA 96 69 00 04 00 00 11 15": (0x11, b""),
    "AA AA AA 96 69 00 04 00 00 21 25": (0x21, b""),
    "AA AA AA 96 69 00 04 00 00 31 35": (0x31, b""),
    "AA AA AA 96 69 00 04 00 00 32 36": (0x32, b""),
    "AA AA AA 96 69 00 04 00 00 60 64": (0x60, b""),
    "AA AA AA 96 69 00 04 00 00 66 62": (0x66, b""),
}
SAM_ID = bytes.fromhex("AA AA AA 96 69 00 14 00 00 90 05 00 01 00 CA 8F 32 01 87 D6 12 00 59 00 00 00 EC")
NEWEST_ADDRESS = bytes.fromhex(
    "AA AA AA 96 69 00 4A 00 00 90 17 53 AC 4E 02 5E 7F 89 CE 57 3A 53 7F 89 7F 95 89 5B 57 88 32 00 F7 53"
    + 23 * "20 00"
    + "81"
)
RESIDENT_TEXT = bytes.fromhex(
    "205F094E2000200020002000200020002000200020002000200020002000310030003100310039003900300030003300300037001753AC4E025E1C4ECE573A53"
    "1C4E7F95895B57883100F75320002000200020002000200020002000200020002000200020002000200020002000200020002000200020002000310031003000"
    "3100300031003100390039003000300033003000370030003000310031001753AC4E025E6C51895B405C1C4ECE570652405C2000200020002000200032003000"
    "3200300030003100300031007F951F67200020002000200020002000200020002000200020002000200020002000200020002000200020002000200020002000"
)
RESIDENT = bytes.fromhex("AA AA AA 96 69 05 08 00 00 90 01 00 04 00") + RESIDENT_TEXT + bytes(1024) + b"\xd0"
ZHANG_SAN = IdDocument(
    kind=DocumentKind.RESIDENT,
    name="张三",
    number="110101199003070011",
    sex="男",
    nation="汉",
    birth=dt.date(1990, 3, 7),
    address="北京市东城区东长安街1号",
    authority="北京市公安局东城分局",
    valid_from=dt.date(2020, 1, 1),
    valid_to=None,
    long_term=True,
)
ALL_FRAMES = [*(bytes.fromhex(text) for text in SHORT_FRAMES), SAM_ID, NEWEST_ADDRESS, RESIDENT]

PERSON = {
    "name": "欧阳晓燕",
    "sex": "女",
    "nation": "回",
    "birth": "1988-12-01",
    "address": "北京市朝阳区东郊路8号院3号楼1单元502室",
    "number": "110105198812010046",
    "authority": "北京市公安局朝阳分局",
    "valid_from": "2018-05-20",
    "valid_to": "2038-05-20",
}


def with_field(key, raw):
    offset, length = id_reader.RESIDENT_FIELDS[key]
    assert len(raw) <= length
    padded = raw + b"\x20\x00" * ((length - len(raw)) // 2)
    return RESIDENT_TEXT[:offset] + padded + RESIDENT_TEXT[offset + length :]


# frames


@pytest.mark.parametrize("text", SHORT_FRAMES)
def test_short_frames(text):
    code, data = SHORT_FRAMES[text]
    assert SamFrames().feed(bytes.fromhex(text)) == [bytes([0, 0, code]) + data]
    assert frame(bytes([0, 0, code]) + data) == bytes.fromhex(text)


@pytest.mark.parametrize(
    ("code", "wire"),
    [
        ("10 FF", "00 03 10 FF EC"),
        ("11 FF", "00 03 11 FF ED"),
        ("12 FF", "00 03 12 FF EE"),
        ("20 01", "00 03 20 01 22"),
        ("20 02", "00 03 20 02 21"),
        ("30 01", "00 03 30 01 32"),
        ("30 03", "00 03 30 03 30"),
        ("61 FF 58", "00 04 61 FF 58 C2"),
    ],
)
def test_requests(code, wire):
    assert frame(bytes.fromhex(code)) == bytes.fromhex("AA AA AA 96 69" + wire)


def test_long_frames():
    assert format_sam_id(SamFrames().feed(SAM_ID)[0][3:]) == "05.01-20090826-0001234567-0000000089"
    address = SamFrames().feed(NEWEST_ADDRESS)[0][3:]
    assert address.decode("utf-16-le").rstrip() == "北京市西城区西长安街2号"
    assert len(RESIDENT) == 1295
    payload = SamFrames().feed(RESIDENT)[0]
    assert payload[3:7] == b"\x01\x00\x04\x00"
    assert decode_text(payload[7:263]) == ZHANG_SAN


@pytest.mark.parametrize("wire", ALL_FRAMES, ids=lambda wire: f"{len(wire)} bytes {wire[9]:02X}")
def test_no_frame_with_any_flipped_bit_and_none_before_the_last_byte(wire):
    for bit in range(len(wire) * 8):
        flipped = bytearray(wire)
        flipped[bit // 8] ^= 1 << bit % 8
        assert SamFrames().feed(bytes(flipped)) == [], f"bit {bit}"
    frames = SamFrames()
    assert frames.feed(wire[:-1]) == []
    assert len(frames.feed(wire[-1:])) == 1


def test_frames_byte_by_byte_glued_and_between_noise():
    wire = b"\x00\xaa\xaa" + ALL_FRAMES[0] + b"\xaa\x00\xaa\xaa\x96\x69" + RESIDENT + ALL_FRAMES[1] + b"\xaa"
    at_once = SamFrames().feed(wire)
    frames = SamFrames()
    assert [payload for byte in wire for payload in frames.feed(bytes([byte]))] == at_once
    assert [payload[2] for payload in at_once] == [0x90, 0x90, 0x9F]


def test_a_false_beginning_gives_way_to_the_frame_after_it():
    frames = SamFrames()
    assert frames.feed(id_reader.PREAMBLE + b"\x05\x08\x00" + ALL_FRAMES[1]) == []
    assert frames.partial
    assert frames.give_up_partial() == [bytes([0, 0, 0x9F]) + bytes(4)]
    assert not frames.partial


@QUICK
@given(st.lists(st.one_of(st.binary(max_size=400), st.sampled_from(ALL_FRAMES), st.just(id_reader.PREAMBLE))))
def test_any_bytes_raise_nothing_and_memory_stays_small(parts):
    frames = SamFrames()
    for part in parts:
        for payload in frames.feed(part):
            assert len(payload) >= 3
        assert len(frames._buffer) <= 2407


def test_ten_megabytes_of_line_noise_are_forgotten():
    frames = SamFrames()
    for _ in range(160):
        assert frames.feed(b"\xff" * 65_536) == []
        assert frames.feed(b"\xaa" * 64) == []
    assert len(frames._buffer) < 8


@QUICK
@given(st.binary(max_size=300), st.data())
def test_a_flipped_bit_in_any_short_answer_gives_no_frame(data, choice):
    wire = bytearray(frame(b"\x00\x00\x90" + data))
    # Bits of the length move the end of the frame; those are walked through above for the real answers.
    bit = choice.draw(st.integers(7 * 8, len(wire) * 8 - 1))
    wire[bit // 8] ^= 1 << bit % 8
    assert bytes(b"\x00\x00\x90" + data) not in SamFrames().feed(bytes(wire))


# texts


def test_every_code_has_a_sentence():
    codes = bytes.fromhex("10 11 21 23 24 31 32 33 34 37 3F 40 41 47 60 66 80 81 90 91 9F")
    assert set(codes) == set(id_reader.SENTENCES)
    assert all(sentence.endswith("。") for sentence in id_reader.SENTENCES.values())


def test_nations_are_all_there():
    assert len(id_reader.NATIONS) == 56
    assert id_reader.NATIONS["01"] == "汉"
    assert id_reader.NATIONS["05"] == "维吾尔"
    assert id_reader.NATIONS["30"] == "土"
    assert id_reader.NATIONS["56"] == "基诺"


@pytest.mark.parametrize(
    ("key", "raw", "attribute", "value", "warning"),
    [
        ("name", b"\x00\xd8\x2d\x4e", "name", "", "姓名数据损坏，请对照证件手工录入。"),
        ("name", "㐀\ue815".encode("utf-16-le"), "name", "㐀\ue815", "姓名含特殊造字，显示可能不对，请对照证件核对。"),
        ("name", b"", "name", "", "姓名是空的，请对照证件核对。"),
        ("sex", "5".encode("utf-16-le"), "sex", "5", "性别代码无法识别，请核对证件。"),
        ("sex", "2".encode("utf-16-le"), "sex", "女", "性别与证件号码不一致，请核对证件。"),
        ("birth", "19900308".encode("utf-16-le"), "birth", dt.date(1990, 3, 8), "出生日期与证件号码不一致，请核对证件。"),
        ("birth", "19900231".encode("utf-16-le"), "birth", None, "出生日期无法读出，请对照证件核对。"),
        ("valid_to", b"", "valid_to", None, "有效期止无法读出，请对照证件核对。"),
        ("valid_to", "２０３００１０１".encode("utf-16-le"), "valid_to", None, "有效期止无法读出，请对照证件核对。"),
        (
            "number",
            "110101199003070012".encode("utf-16-le"),
            "number",
            "110101199003070012",
            "证件号码校验位不对，请对照证件逐位核对。",
        ),
    ],
)  # fmt: skip
def test_odd_fields_are_warned_about_and_never_corrected(key, raw, attribute, value, warning):
    document = decode_text(with_field(key, raw))
    assert getattr(document, attribute) == value
    assert document.warnings == (warning,)
    assert not (key == "valid_to" and document.long_term)


def test_rare_characters_and_inner_spaces_stay():
    assert decode_text(with_field("name", "𠮷·买 提".encode("utf-16-le"))).name == "𠮷·买 提"
    assert decode_text(with_field("name", "张三".encode("utf-16-le") + bytes(26))).name == "张三"


def test_codes_outside_the_list_of_nations_are_shown_as_they_are():
    document = decode_text(with_field("nation", "97".encode("utf-16-le")))
    assert (document.nation, document.warnings) == ("97", ())


@pytest.mark.parametrize(("letter", "words"), [("J", "港澳台居民居住证"), ("I", "外国人"), ("Y", "2023"), ("Q", "无法识别")])  # fmt: skip
def test_other_layouts_are_not_taken_for_residents(letter, words):
    text = RESIDENT_TEXT[:248] + letter.encode("utf-16-le") + RESIDENT_TEXT[250:]
    with pytest.raises(UnsupportedLayout) as caught:
        decode_text(text)
    assert words in caught.value.sentence


@QUICK
@given(st.binary(min_size=256, max_size=256))
def test_any_text_block_is_read_or_refused(text):
    text = text[:248] + b"\x20\x00" + text[250:]
    assert decode_text(text).kind is DocumentKind.RESIDENT


def test_the_simulator_writes_what_the_reader_decodes():
    document = decode_text(encode_person(PERSON))
    assert (document.name, document.sex, document.nation) == ("欧阳晓燕", "女", "回")
    assert (document.birth, document.valid_to) == (dt.date(1988, 12, 1), dt.date(2038, 5, 20))
    assert encode_person(person_of(ZHANG_SAN)) == RESIDENT_TEXT


def person_of(document):
    return {
        "name": document.name,
        "sex": document.sex,
        "nation": document.nation,
        "birth": str(document.birth),
        "address": document.address,
        "number": document.number,
        "authority": document.authority,
        "valid_from": str(document.valid_from),
        "valid_to": "长期",
    }


# the reader on a port


def reader_on(path, seen=None):
    log = None if seen is None else lambda direction, text: seen.append(f"{direction} {text}")
    port = SerialPort(PortSettings(path, device_word="身份证读卡器"), log)
    return IdReader(port), port


class Waiting:
    """A reader that waits for a document in its own thread, so that the test can play the device."""

    def __init__(self, reader, **options):
        self.cancel = CancelToken()
        self.lines = []
        self.result = None
        self._thread = threading.Thread(target=self._run, args=(reader, options))
        self._thread.start()

    def _run(self, reader, options):
        try:
            self.result = reader.wait_for_document(self.cancel, on_trouble=self.lines.append, **options)
        except (Cancelled, DeviceTrouble) as trouble:
            self.result = trouble

    def joined(self):
        self._thread.join(8)
        assert not self._thread.is_alive()
        return self.result


FIND, SELECT, READ = (frame(bytes.fromhex(code)) for code in ("20 01", "20 02", "30 01"))
FOUND, NO_CARD, SELECTED = ALL_FRAMES[1], ALL_FRAMES[2], ALL_FRAMES[3]


def play(line, *exchanges):
    for expected, answer in exchanges:
        assert line.receive(len(expected)) == expected
        line.send(answer)


def test_find_select_read_in_the_order_of_the_protocol(line):
    seen = []
    reader, port = reader_on(line.path, seen)
    waiting = Waiting(reader, poll_interval_s=0.01)
    play(line, (FIND, NO_CARD), (FIND, FOUND), (SELECT, SELECTED), (READ, RESIDENT))
    assert waiting.joined() == ZHANG_SAN
    port.close()
    log = "\n".join(seen)
    assert "read: 90, 1284 data bytes" in log
    assert "张三" not in log
    assert "110101" not in log


def test_late_and_garbled_answers_are_skipped(line):
    reader, port = reader_on(line.path)
    waiting = Waiting(reader, poll_interval_s=0.01)
    play(
        line,
        (FIND, b"\xaa\xaa\x69" + ALL_FRAMES[0] + b"\xaa" + FOUND),  # a late 90, then the answer
        (SELECT, ALL_FRAMES[7]),  # 10: the request arrived garbled
        (SELECT, FOUND + SELECTED),
    )
    assert line.receive(len(READ)) == READ
    for at in range(0, len(RESIDENT), 100):
        line.send(RESIDENT[at : at + 100])
    assert waiting.joined() == ZHANG_SAN
    port.close()


def test_a_document_that_stays_is_given_once(line):
    reader, port = reader_on(line.path)
    waiting = Waiting(reader, poll_interval_s=0.01)
    play(line, (FIND, FOUND), (SELECT, SELECTED), (READ, RESIDENT))
    assert waiting.joined() == ZHANG_SAN
    # A reader that goes on finding it must not make it a second presentation; only after a lift is it read again.
    again = Waiting(reader, poll_interval_s=0.01)
    play(
        line,
        (FIND, FOUND),
        (FIND, FOUND),
        (FIND, NO_CARD),
        (FIND, FOUND),
        (SELECT, SELECTED),
        (READ, RESIDENT),
    )
    assert again.joined() == ZHANG_SAN
    port.close()


def test_trouble_with_a_card_gives_one_line_and_polling_goes_on(line):
    reader, port = reader_on(line.path)
    waiting = Waiting(reader, poll_interval_s=0.01)
    refused = frame(b"\x00\x00\x33")
    passport = RESIDENT_TEXT[:248] + b"J\x00" + RESIDENT_TEXT[250:]
    permit = frame(b"\x00\x00\x90\x01\x00\x04\x00" + passport + bytes(1024))
    play(
        line,
        (FIND, FOUND),
        (SELECT, SELECTED),
        (READ, refused),
        (FIND, FOUND),
        (SELECT, SELECTED),
        (READ, refused),
    )
    play(
        line,
        (FIND, NO_CARD),
        (FIND, FOUND),
        (SELECT, SELECTED),
        (READ, permit),
        (FIND, FOUND),
        (FIND, NO_CARD),
    )
    play(line, (FIND, FOUND), (SELECT, SELECTED), (READ, RESIDENT))
    assert waiting.joined() == ZHANG_SAN
    assert waiting.lines == [id_reader.SENTENCES[0x33], "港澳台居民居住证暂不能机读，请手工录入。"]
    port.close()


def test_a_silent_reader_is_trouble_after_three_tries(line):
    reader, port = reader_on(line.path)
    waiting = Waiting(reader, poll_interval_s=0.01)
    trouble = waiting.joined()
    assert isinstance(trouble, DeviceTrouble)
    assert trouble.sentence() == ReaderState.NOT_ANSWERING.value
    assert line.receive(len(FIND) * 3) == FIND * 3
    port.close()


def test_unplugging_and_cancelling_end_the_wait(line):
    reader, port = reader_on(line.path)
    waiting = Waiting(reader)
    play(line, (FIND, NO_CARD))
    waiting.cancel.cancel()
    assert isinstance(waiting.joined(), Cancelled)
    waiting = Waiting(reader)
    play(line, (FIND, NO_CARD))
    line.unplug()
    trouble = waiting.joined()
    assert isinstance(trouble, DeviceTrouble)
    assert "连接线断开" in trouble.sentence()
    assert not port.is_open


def test_against_the_simulator(simulator):
    process = simulator("id-reader", "--baud", "115200", "--read-s", "0.1")
    reader, port = reader_on(process.path)
    assert reader.status() is ReaderState.READY
    assert reader.sam_id() == "05.01-20090826-0001234567-0000000089"
    waiting = Waiting(reader, poll_interval_s=0.05)
    process.tell(error="41")
    process.tell(put=person_of(ZHANG_SAN))
    assert waiting.joined() == ZHANG_SAN
    assert waiting.lines == [id_reader.SENTENCES[0x41]]

    second = Waiting(reader, poll_interval_s=0.05)
    process.tell(lift=True)
    process.tell(put=PERSON)
    assert second.joined().name == "欧阳晓燕"

    process.tell(silent=True)
    assert reader.status() is ReaderState.NOT_ANSWERING
    process.tell(silent=False)

    third = Waiting(reader)
    process.tell(unplug=True)
    assert isinstance(third.joined(), DeviceTrouble)
    process.tell(plug=True)
    assert reader.status() is ReaderState.READY
    port.close()


def test_the_simulator_ends_with_its_input_and_through_a_fifo(simulator, tmp_path):
    process = simulator("id-reader", "--control", str(tmp_path / "control"))
    with (tmp_path / "control").open("w") as control:
        control.write('{"put": {"nickname": "x"}}\nnonsense\n{"lift": true}\n')
    assert '"ok": false' in process.line()
    assert '"ok": false' in process.line()
    assert process.line() == '{"ok": true}'
    assert process.end_input() == 0
    assert not (tmp_path / "control").exists()


def test_polling_leaves_the_reader_alone_between_polls(line):
    reader, port = reader_on(line.path)
    waiting = Waiting(reader)
    started = time.monotonic()
    play(line, (FIND, NO_CARD), (FIND, NO_CARD))
    assert time.monotonic() - started >= 0.3
    waiting.cancel.cancel()
    waiting.joined()
    port.close()
