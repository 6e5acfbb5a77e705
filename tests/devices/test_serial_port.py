"""The port over a real pseudo-terminal."""

from __future__ import annotations

import threading
import time

import pytest

from counter_app.domain.errors import Cancelled, DeviceTrouble
from counter_app.domain.waiting import CancelToken
from devices.serial_port import PortSettings, SerialPort


def opened(path, log=None):
    port = SerialPort(PortSettings(path, device_word="打印机"), log)
    port.open()
    return port


def test_bytes_go_both_ways_and_silence_is_empty(line):
    port = opened(line.path)
    port.write(b"\x10\x04\x01", timeout_s=1)
    assert line.receive(3) == b"\x10\x04\x01"
    assert port.sent_bytes == 3
    assert port.read(10, timeout_s=0.15) == b""
    line.send(b"\x12abc")
    assert port.read(2, timeout_s=1) == b"\x12a"
    assert port.read(10, timeout_s=1) == b"bc"
    port.close()
    port.close()


def test_what_arrived_before_can_be_thrown_away(line):
    seen = []
    port = opened(line.path, lambda direction, text: seen.append((direction, text)))
    line.send(b"late")
    assert port.read(1, timeout_s=1) == b"l"
    assert port.discard_input() == 3
    assert port.read(1, timeout_s=0) == b""
    assert seen[-1] == ("!", "discarded 3 bytes")
    port.close()


def test_unplugging_during_a_read_tells_the_clerk(line):
    port = opened(line.path)
    timer = threading.Timer(0.15, line.unplug)
    timer.start()
    with pytest.raises(DeviceTrouble) as caught:
        port.read(1, timeout_s=5)
    timer.join()
    assert caught.value.sentence() == "打印机的连接线断开，请检查插头，接好后会自动重连。"
    assert not port.is_open
    with pytest.raises(DeviceTrouble):
        port.write(b"x", timeout_s=1)


def test_unplugging_is_noticed_by_a_write(line):
    port = opened(line.path)
    line.unplug()
    with pytest.raises(DeviceTrouble):
        port.write(b"x", timeout_s=1)
    assert port.sent_bytes == 0


def test_a_port_that_is_not_there_tells_its_name(tmp_path):
    port = SerialPort(PortSettings(str(tmp_path / "none"), device_word="读卡器"))
    with pytest.raises(DeviceTrouble) as caught:
        port.open()
    assert caught.value.sentence().startswith(f"读卡器没有连接（端口 {tmp_path / 'none'}）")


def test_a_second_program_does_not_get_the_port(line):
    first = opened(line.path)
    with pytest.raises(DeviceTrouble) as caught:
        opened(line.path)
    assert "被其他程序占用" in caught.value.sentence()
    first.close()


@pytest.mark.parametrize(
    "blocked",
    [
        lambda port, cancel: port.read(1, 5, cancel),
        # far more than a pseudo-terminal takes with nobody reading
        lambda port, cancel: port.write(bytes(200_000), 5, cancel),
    ],
)
def test_cancel_ends_a_wait_long_before_its_time_out(line, blocked):
    port = opened(line.path)
    cancel = CancelToken()
    timer = threading.Timer(0.2, cancel.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        blocked(port, cancel)
    assert time.monotonic() - started < 4
    timer.join()
    assert port.is_open
    port.close()


def test_a_device_that_takes_nothing_times_out(line):
    port = opened(line.path)
    with pytest.raises(DeviceTrouble) as caught:
        port.write(bytes(200_000), 0.3)
    assert "不接收数据" in caught.value.sentence()
    assert 0 < port.sent_bytes < 200_000
