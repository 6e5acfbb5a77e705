"""RDM6300 frames and a reader over a real pseudo-terminal."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counter_app.domain.errors import Cancelled, DeviceTrouble
from counter_app.domain.waiting import CancelToken
from devices.card_reader import CardReader, Rdm6300Frames, frame
from devices.serial_port import PortSettings, SerialPort

QUICK = settings(deadline=None, derandomize=True, database=None, max_examples=60)

FIRST = bytes.fromhex("02 30 31 30 30 36 33 45 39 41 45 32 35 03")
SECOND = bytes.fromhex("02 36 32 45 33 30 38 36 43 45 44 30 38 03")


@pytest.mark.parametrize(("wire", "number"), [(FIRST, "010063E9AE"), (SECOND, "62E3086CED")])
def test_frames(wire, number):
    assert Rdm6300Frames().feed(wire) == [number]
    assert frame(number) == wire


@pytest.mark.parametrize("wire", [FIRST, SECOND])
def test_no_number_with_any_flipped_bit_and_none_before_the_last_byte(wire):
    for bit in range(len(wire) * 8):
        flipped = bytearray(wire)
        flipped[bit // 8] ^= 1 << bit % 8
        assert Rdm6300Frames().feed(bytes(flipped)) == [], f"bit {bit}"
    frames = Rdm6300Frames()
    assert frames.feed(wire[:-1]) == []
    assert len(frames.feed(wire[-1:])) == 1


def test_numbers_byte_by_byte_glued_and_after_a_cut_frame():
    wire = FIRST[5:] + b"\x02\x02" + FIRST + SECOND[:9] + SECOND + FIRST
    assert Rdm6300Frames().feed(wire) == ["010063E9AE", "62E3086CED", "010063E9AE"]
    frames = Rdm6300Frames()
    assert [number for byte in wire for number in frames.feed(bytes([byte]))] == Rdm6300Frames().feed(wire)


@QUICK
@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([FIRST, SECOND, b"\x02", FIRST[:7]]))))
def test_any_bytes_raise_nothing_and_memory_stays_small(parts):
    frames = Rdm6300Frames()
    for part in parts:
        frames.feed(part)
        assert len(frames._buffer) < 14


@QUICK
@given(st.binary(min_size=5, max_size=5), st.integers(0, 14 * 8 - 1))
def test_any_flipped_bit_in_any_number_gives_none(number, bit):
    wire = bytearray(frame(number.hex().upper()))
    assert Rdm6300Frames().feed(bytes(wire)) == [number.hex().upper()]
    wire[bit // 8] ^= 1 << bit % 8
    assert Rdm6300Frames().feed(bytes(wire)) == []


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def reader_on(path, clock=None):
    port = SerialPort(PortSettings(path, baud=9600, device_word="读卡器"))
    port.open()
    return (CardReader(port, clock) if clock else CardReader(port)), port


def test_a_card_that_stays_is_given_once_and_again_after_it_was_away(line):
    clock = Clock()
    reader, port = reader_on(line.path, clock)
    line.send(FIRST * 3)
    assert reader.wait_for_card(CancelToken()) == "010063E9AE"
    line.send(FIRST * 3 + SECOND)  # still there, then another card
    assert reader.wait_for_card(CancelToken()) == "62E3086CED"
    line.send(FIRST)
    assert reader.wait_for_card(CancelToken()) == "010063E9AE"

    seen = []
    cancel = CancelToken()

    def wait():
        seen.append(reader.wait_for_card(cancel))

    thread = threading.Thread(target=wait)
    thread.start()
    clock.now += 0.9
    line.send(FIRST)
    thread.join(0.3)
    assert seen == []
    clock.now += 1.1
    line.send(FIRST)
    thread.join(5)
    assert seen == ["010063E9AE"]
    port.close()


def test_a_card_that_stayed_while_nobody_listened_is_not_new(line):
    clock = Clock()
    reader, port = reader_on(line.path, clock)
    line.send(FIRST)
    assert reader.wait_for_card(CancelToken()) == "010063E9AE"
    clock.now += 30
    line.send(FIRST * 20)
    line.wait_until_waiting(len(FIRST) * 20)
    cancel = CancelToken()
    timer = threading.Timer(0.3, cancel.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        reader.wait_for_card(cancel)
    timer.join()
    port.close()


def test_unplugging_is_trouble(line):
    reader, port = reader_on(line.path)
    line.unplug()
    with pytest.raises(DeviceTrouble) as caught:
        reader.wait_for_card(CancelToken())
    assert caught.value.sentence().startswith("读卡器的连接线断开")
    assert not port.is_open


def test_against_the_simulator(simulator):
    process = simulator("card-reader", "--baud", "9600")
    reader, port = reader_on(process.path)
    process.tell(put="0063E9AE")
    assert reader.wait_for_card(CancelToken()) == "010063E9AE"
    process.tell(put="62e3086ced", seconds=0.2)
    assert reader.wait_for_card(CancelToken()) == "62E3086CED"
    process.tell(unplug=True)
    with pytest.raises(DeviceTrouble):
        reader.wait_for_card(CancelToken())
    process.tell(plug=True)
    process.tell(put="0063E9AE")
    assert reader.wait_for_card(CancelToken()) == "010063E9AE"
    process.tell(lift=True)
    port.close()
