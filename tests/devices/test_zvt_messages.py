"""ZVT commands and fields: known bytes, whole round trips, unknown fields, and no card number anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import zvt_messages
from devices.zvt_messages import StatusInformation, read_status_information

APPROVED = bytes.fromhex("04 0F 17 27 00 04 00 00 00 00 12 34 0B 00 04 70 49 01 56 87 03 43 0C 10 23 45")
PAN = "6217001234562894"
"""Made up, Luhn-valid."""


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (zvt_messages.registration("000000", "0156"), "06 00 08 00 00 00 3E 01 56 03 01"),
        (zvt_messages.authorisation(1234, "0156"), "06 01 0A 04 00 00 00 00 12 34 49 01 56"),
        (zvt_messages.authorisation(1234, "0156", 0x30), "06 01 0C 04 00 00 00 00 12 34 49 01 56 19 30"),
        (zvt_messages.reversal("000000", "0343"), "06 30 06 00 00 00 87 03 43"),
        (zvt_messages.repeat_receipt("123456"), "06 20 03 12 34 56"),
        (zvt_messages.status_enquiry("000000"), "05 01 03 00 00 00"),
        (zvt_messages.end_of_day("000000"), "06 50 03 00 00 00"),
        (zvt_messages.abort(), "06 B0 00"),
        (zvt_messages.completion(), "06 0F 00"),
        (zvt_messages.completion(1), "06 0F 02 19 01"),
        (zvt_messages.aborted(0x6C), "06 1E 01 6C"),
        (zvt_messages.refusal(0x83), "84 83 00"),
        (zvt_messages.intermediate_status(4, 1), "04 FF 02 04 01"),
        (zvt_messages.POSITIVE, "80 00 00"),
        (zvt_messages.GOODS_NOT_ISSUED, "84 66 00"),
    ],
)
def test_commands_byte_for_byte(built: bytes, expected: str) -> None:
    assert built.hex(" ").upper() == expected


def test_length_of_three_bytes() -> None:
    for size in (0xFE, 0xFF, 300):
        apdu = zvt_messages.command(b"\x04\x0f", b"x" * size)
        assert apdu[2] == min(size, 0xFF)
        message = zvt_messages.parse(apdu)
        assert message is not None
        assert message.data == b"x" * size


@pytest.mark.parametrize("apdu", ["", "80", "80 00", "06 0F 01", "06 0F 00 00", "04 FF FF", "04 0F FF 01 00"])
def test_wrong_lengths_are_no_message(apdu: str) -> None:
    assert zvt_messages.parse(bytes.fromhex(apdu)) is None


def test_answers() -> None:
    positive, also, refused = (
        zvt_messages.parse(bytes.fromhex(text)) for text in ("800000", "840000", "849C00")
    )
    assert positive is not None
    assert positive.is_positive
    assert also is not None
    assert also.is_positive
    assert also.refusal_code is None
    assert refused is not None
    assert not refused.is_positive
    assert refused.refusal_code == 0x9C


def test_the_reference_status_information() -> None:
    assert read_status_information(APPROVED[3:]) == StatusInformation(
        result=0,
        amount_fen=1234,
        currency="0156",
        receipt_no="0343",
        trace="000470",
        local_time="10:23:45",
    )


FULL = StatusInformation(
    result=0,
    amount_fen=5000,
    currency="0156",
    terminal_id="10203040",
    receipt_no="0007",
    trace="000012",
    original_trace="000011",
    authorisation="654321",
    card_tail="7894",
    card_name="银联 Debit",
    card_type=5,
    local_time="09:08:07",
    local_date="11-23",
    totals=b"\x01\x02",
)


def test_every_field_there_and_back() -> None:
    message = zvt_messages.parse(zvt_messages.status_information(FULL, pan_head="621700", expiry=b"\x30\x12"))
    assert message is not None
    assert read_status_information(message.data) == FULL


def test_unknown_field_keeps_what_came_before() -> None:
    apdu = zvt_messages.status_information(FULL, unknown_tail=b"\xee\x27\x6c")
    message = zvt_messages.parse(apdu)
    assert message is not None
    told = read_status_information(message.data)
    assert (told.result, told.amount_fen, told.unread) == (0, 5000, 0xEE)


@pytest.mark.parametrize(
    "pan", ["6217001234567894", "6217EEEEEEEE7894", "621700123456789FEF", "EEEEEEEEEEEE7894"]
)
def test_only_the_tail_of_a_card_number_leaves(pan: str) -> None:
    packed = bytes.fromhex(pan)
    data = b"\x27\x00\x22" + bytes((0xF0, 0xF0 + len(packed))) + packed
    told = read_status_information(data)
    assert len(told.card_tail) <= 4
    assert told.card_tail == ("7894" if pan.endswith("4") else "")
    log = zvt_messages.describe(zvt_messages.command(b"\x04\x0f", data))
    assert "7894" not in log
    assert log == "status information 27=00 22=(" + str(len(packed)) + " bytes)"


def test_a_card_number_hidden_in_the_card_name_is_masked() -> None:
    name = f"CARD {PAN}\x00".encode()
    data = b"\x8b" + bytes((0xF0 + len(name) // 10, 0xF0 + len(name) % 10)) + name
    assert read_status_information(data).card_name == "CARD ************2894"


def test_the_log_tells_no_password() -> None:
    for apdu in (zvt_messages.registration("987654", "0156"), zvt_messages.reversal("987654", "0343")):
        assert "98" not in zvt_messages.describe(apdu)
    assert zvt_messages.describe(zvt_messages.reversal("987654", "0343")) == "reversal of receipt 0343"


def test_status_byte_alone_or_after_the_version() -> None:
    assert zvt_messages.read_completion_status(b"\x9c") == 0x9C
    assert zvt_messages.read_completion_status(b"\xf0\xf0\xf3V12\x51") == 0x51
    assert zvt_messages.read_completion_status(b"\x19\x01") == 1
    assert zvt_messages.read_completion_status(b"") is None


def test_words() -> None:
    assert zvt_messages.result_words(0x71) == "余额不足，终端代码 71"
    assert zvt_messages.result_words(5) == "发卡行不批准，银行代码 05"
    assert zvt_messages.result_words(55) == "密码错误，银行代码 55"
    assert zvt_messages.result_words(0x62) == "银行未批准，银行代码 98"
    assert zvt_messages.result_words(0xFA) == "终端报错，终端代码 FA"
    assert zvt_messages.step_words(b"\x0a") == "请客户插卡、挥卡或出示付款码"
    assert zvt_messages.step_words(b"\x44\x01") == "正在等待银行答复，并请客户取回卡片"
    assert zvt_messages.step_words(b"") == "终端处理中，请稍候"


@pytest.mark.parametrize("bad", ["12345", "1234567", "12a456", "１２３４５６", "-12345"])
def test_a_password_that_is_no_six_digits_is_refused_without_telling_it(bad: str) -> None:
    with pytest.raises(ValueError, match=r"^6 digits expected$"):
        zvt_messages.reversal(bad, "0343")


@given(st.binary(max_size=200))
def test_any_data_raises_nothing(data: bytes) -> None:
    told = read_status_information(data)
    assert len(told.card_tail) <= 4
    zvt_messages.describe(data)
    zvt_messages.read_completion_status(data)
    zvt_messages.step_words(data)
    message = zvt_messages.parse(data)
    if message is not None:
        zvt_messages.read_asked(message)


@given(st.integers(0, 255), st.integers(0, 999_999_999_999), st.text("0123456789", min_size=4, max_size=4))
def test_result_and_amount_there_and_back(result: int, amount_fen: int, tail: str) -> None:
    info = StatusInformation(result=result, amount_fen=amount_fen, card_tail=tail)
    message = zvt_messages.parse(zvt_messages.status_information(info))
    assert message is not None
    assert read_status_information(message.data) == info
