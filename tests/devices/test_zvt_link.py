"""The ZVT link on its own: known blocks byte for byte, and no harm from anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.zvt_link import (
    LARGEST_APDU_BYTES,
    Acknowledged,
    Block,
    Damaged,
    LinkEvent,
    LinkParser,
    NotAcknowledged,
    block,
    crc,
)
from devices.zvt_messages import authorisation

WIRE = [
    ("06 00 08 00 00 00 3E 01 56 03 01", "10 02 06 00 08 00 00 00 3E 01 56 03 01 10 03 79 C1"),
    ("06 00 08 00 00 00 BE 01 56 03 01", "10 02 06 00 08 00 00 00 BE 01 56 03 01 10 03 DB C4"),
    (
        "06 01 0A 04 00 00 00 00 12 34 49 01 56",
        "10 02 06 01 0A 04 00 00 00 00 12 34 49 01 56 10 03 51 EE",
    ),
    (
        "06 01 0A 04 00 00 00 00 10 10 49 01 56",
        "10 02 06 01 0A 04 00 00 00 00 10 10 10 10 49 01 56 10 03 86 AB",
    ),
    ("06 30 06 00 00 00 87 03 43", "10 02 06 30 06 00 00 00 87 03 43 10 03 70 36"),
    (
        "06 31 0D 00 00 00 04 00 00 00 00 12 34 49 01 56",
        "10 02 06 31 0D 00 00 00 04 00 00 00 00 12 34 49 01 56 10 03 9C D8",
    ),
    ("06 50 03 00 00 00", "10 02 06 50 03 00 00 00 10 03 FB 37"),
    ("06 10 03 00 00 00", "10 02 06 10 10 03 00 00 00 10 03 2A 35"),
    ("06 B0 00", "10 02 06 B0 00 10 03 43 F3"),
    ("06 02 00", "10 02 06 02 00 10 03 B9 CC"),
    ("06 70 00", "10 02 06 70 00 10 03 D9 F9"),
    ("06 0F 00", "10 02 06 0F 00 10 03 C6 33"),
    ("06 1E 01 6C", "10 02 06 1E 01 6C 10 03 C9 F2"),
    ("04 FF 01 0A", "10 02 04 FF 01 0A 10 03 F5 7D"),
    ("04 FF 02 04 01", "10 02 04 FF 02 04 01 10 03 A2 94"),
    ("80 00 00", "10 02 80 00 00 10 03 F5 1F"),
    ("84 66 00", "10 02 84 66 00 10 03 8D BE"),
    ("84 9C 00", "10 02 84 9C 00 10 03 C3 41"),
    ("84 83 00", "10 02 84 83 00 10 03 91 8E"),
    (
        "04 0F 17 27 00 04 00 00 00 00 12 34 0B 00 04 70 49 01 56 87 03 43 0C 10 23 45",
        "10 02 04 0F 17 27 00 04 00 00 00 00 12 34 0B 00 04 70 49 01 56 87 03 43 0C 10 10 23 45 10 03 C4 34",
    ),
]


def fed_singly(data: bytes) -> list[LinkEvent]:
    parser = LinkParser()
    return [event for byte in data for event in parser.feed(bytes((byte,)))]


@pytest.mark.parametrize(("apdu", "wire"), WIRE)
def test_known_blocks_both_ways(apdu: str, wire: str) -> None:
    assert block(bytes.fromhex(apdu)).hex(" ").upper() == wire
    assert LinkParser().feed(bytes.fromhex(wire)) == [Block(bytes.fromhex(apdu))]
    assert fed_singly(bytes.fromhex(wire)) == [Block(bytes.fromhex(apdu))]


def test_glued_blocks_and_answers_come_apart() -> None:
    wire = "".join(wire for _, wire in WIRE)
    data = b"\x06" + bytes.fromhex(wire) + b"\x15\x06"
    expected = [Acknowledged(), *(Block(bytes.fromhex(apdu)) for apdu, _ in WIRE)]
    assert LinkParser().feed(data) == [*expected, NotAcknowledged(), Acknowledged()]


# Yuan amounts whose CRC looks like control bytes; the first of each kind, found by trying all.
@pytest.mark.parametrize(
    ("amount_fen", "crc_wire"),
    [(24, "xx10"), (257, "xx10"), (11_280, "1002"), (119_390, "1002"), (41_799, "1003"), (149_689, "1003")],
)
def test_crc_that_looks_like_control_bytes(amount_fen: int, crc_wire: str) -> None:
    apdu = authorisation(amount_fen, "0156")
    wire = block(apdu)
    assert wire[-2:].hex().endswith(crc_wire.removeprefix("xx"))
    # Followed at once by an answer and the next block: nothing of the CRC may leak into them.
    data = wire + b"\x06" + block(b"\x80\x00\x00")
    assert fed_singly(data) == [Block(apdu), Acknowledged(), Block(b"\x80\x00\x00")]


@pytest.mark.parametrize(("apdu", "wire"), WIRE)
def test_any_single_flipped_bit_gives_no_block_and_no_answer(apdu: str, wire: str) -> None:
    good = bytes.fromhex(wire)
    for place in range(8 * len(good)):
        bad = bytearray(good)
        bad[place // 8] ^= 1 << place % 8
        parser = LinkParser()
        events = parser.feed(bytes(bad)) + parser.quiet()
        # A first byte that became something else leaves noise, which says nothing at all.
        assert all(isinstance(event, Damaged) for event in events), (place, events)
        assert parser.feed(good) == [Block(bytes.fromhex(apdu))]


@pytest.mark.parametrize(("apdu", "wire"), WIRE)
def test_any_lost_byte_gives_no_block_and_the_next_block_is_read(apdu: str, wire: str) -> None:
    good = bytes.fromhex(wire)
    for place in range(len(good)):
        events = LinkParser().feed(good[:place] + good[place + 1 :] + good)
        blocks = [event for event in events if isinstance(event, Block)]
        assert blocks in ([Block(bytes.fromhex(apdu))], []), (place, events)
        if not blocks:
            assert any(isinstance(event, Damaged) for event in events)


def test_a_lost_crc_byte_does_not_cost_the_next_block() -> None:
    good = block(b"\x80\x00\x00")
    assert LinkParser().feed(good[:-1] + good) == [Damaged("wrong CRC"), Block(b"\x80\x00\x00")]
    assert LinkParser().feed(good[:-2] + good) == [Damaged("wrong CRC"), Block(b"\x80\x00\x00")]


def test_a_block_cut_off_by_another_is_named_damaged() -> None:
    good = block(b"\x80\x00\x00")
    assert LinkParser().feed(good[:4] + good) == [
        Damaged("a block began within a block"),
        Block(b"\x80\x00\x00"),
    ]


def test_single_dle_within_a_block_is_damage() -> None:
    assert LinkParser().feed(bytes.fromhex("10 02 06 10 05")) == [Damaged("single DLE within a block")]


def test_acknowledgement_after_noise_counts_only_after_silence() -> None:
    parser = LinkParser()
    assert parser.feed(b"\x00\x06\x15") == []
    assert parser.quiet() == []
    assert parser.feed(b"\x06") == [Acknowledged()]


def test_silence_within_a_block_is_told_once() -> None:
    parser = LinkParser()
    assert parser.feed(bytes.fromhex("10 02 06")) == []
    assert parser.quiet() == [Damaged("silence within a block")]
    assert parser.quiet() == []


def test_an_endless_block_is_let_go() -> None:
    parser = LinkParser()
    events = parser.feed(b"\x10\x02" + b"\x41" * (LARGEST_APDU_BYTES + 1))
    assert events == [Damaged("block too long")]
    assert parser.feed(block(b"\x06\x0f\x00")) == [Block(b"\x06\x0f\x00")]


@given(st.lists(st.sampled_from([b"\x10", b"\x02", b"\x03", b"\x06", b"\x15", b"\x10\x02", b"\x10\x03"])))
def test_control_bytes_in_any_order_raise_nothing(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert LinkParser().feed(data) == fed_singly(data)


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_any_bytes_raise_nothing_and_cuts_do_not_matter(noise: bytes, apdu: bytes) -> None:
    parser = LinkParser()
    assert parser.feed(noise) == fed_singly(noise)
    parser.quiet()
    assert parser.feed(block(apdu)) == [Block(apdu)]


@given(st.binary(max_size=600))
def test_every_apdu_survives_the_wire(apdu: bytes) -> None:
    wire = block(apdu)
    assert int.from_bytes(wire[-2:], "little") == crc(apdu)
    assert fed_singly(wire) == [Block(apdu)]
