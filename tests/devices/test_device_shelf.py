"""All devices of a counter together, each behind its own simulator process."""

from __future__ import annotations

import queue
import subprocess
import sys
import time

import pytest

from counter_app.domain.waiting import CancelToken
from devices.device_shelf import CounterDevices, DeviceShelf, Lamp, LampState
from devices.receipt_printer import PrintResult

CAP_S = 5.0

PERSON = {
    "name": "张三",
    "sex": "男",
    "nation": "汉",
    "birth": "1990-03-07",
    "address": "北京市东城区东长安街1号",
    "number": "110101199003070011",
    "authority": "北京市公安局东城分局",
    "valid_from": "2020-01-01",
    "valid_to": "长期",
}


class Desk:
    """Collects what the shelf tells."""

    def __init__(self, **settings):
        self.documents = queue.Queue()
        self.cards = queue.Queue()
        self.lamps = queue.Queue()
        self.notices = queue.Queue()
        self.log = []
        self.shelf = DeviceShelf(
            CounterDevices(reconnect_s=0.1, printer_look_s=0.1, **settings),
            self.documents.put,
            self.cards.put,
            self.lamps.put,
            on_notice=self.notices.put,
            log=lambda *line: self.log.append(line),
        )

    def wait_for_lamp(self, device, state, word):
        until = time.monotonic() + CAP_S
        seen = []
        while True:
            left_s = until - time.monotonic()
            assert left_s > 0, f"no {word}, only {seen}"
            try:
                lamp = self.lamps.get(timeout=left_s)
            except queue.Empty:
                continue
            seen.append(lamp)
            if (lamp.device, lamp.state, lamp.word) == (device, state, word):
                return lamp


@pytest.fixture
def desk():
    made = []

    def make(**settings):
        made.append(Desk(**settings))
        made[-1].shelf.start()
        return made[-1]

    yield make
    for one in made:
        started = time.monotonic()
        one.shelf.close()
        assert time.monotonic() - started < 5


def test_a_counter_without_devices_has_lamps_that_are_off(desk):
    counter = desk()
    assert counter.shelf.lamps() == (
        Lamp("id", LampState.OFF, "身份证 未配置"),
        Lamp("card", LampState.OFF, "读卡 未配置"),
        Lamp("pos", LampState.OFF, "POS 未配置"),
        Lamp("printer", LampState.OFF, "打印 未配置"),
    )
    assert counter.shelf.printer is None
    assert counter.shelf.terminal is None
    assert counter.shelf.look_at_terminal(CancelToken()) is None


def test_documents_and_cards_come_by_themselves_and_again_after_unplugging(desk, simulator):
    ids, cards = simulator("id-reader"), simulator("card-reader")
    counter = desk(id_reader_port=ids.path, card_reader_port=cards.path)
    counter.wait_for_lamp("id", LampState.OK, "身份证")
    ids.tell(error="41")
    ids.tell(put=PERSON)
    assert counter.documents.get(timeout=CAP_S).name == "张三"
    assert counter.notices.get(timeout=CAP_S).startswith("读取证件没有成功。")
    cards.tell(put="010063E9AE")
    assert counter.cards.get(timeout=CAP_S) == "010063E9AE"
    cards.tell(lift=True)

    for process, device, word in ((ids, "id", "身份证"), (cards, "card", "读卡")):
        process.tell(unplug=True)
        lamp = counter.wait_for_lamp(device, LampState.DOWN, f"{word} 未连接")
        assert "自动重连" in lamp.advice
        process.tell(plug=True)
        counter.wait_for_lamp(device, LampState.OK, word)
    cards.tell(put="62E3086CED")
    assert counter.cards.get(timeout=CAP_S) == "62E3086CED"
    ids.tell(put=PERSON)
    assert counter.documents.get(timeout=CAP_S).number == "110101199003070011"
    assert not any("张三" in text or "110101" in text or "63E9AE" in text for _, _, text in counter.log)


def test_a_silent_id_reader_is_shown_and_comes_back(desk, simulator):
    process = simulator("id-reader")
    process.tell(silent=True)
    counter = desk(id_reader_port=process.path)
    counter.wait_for_lamp("id", LampState.DOWN, "身份证 异常")
    process.tell(silent=False)
    counter.wait_for_lamp("id", LampState.OK, "身份证")


def test_the_printer_lamp_follows_the_paper_and_a_receipt_passes(desk, simulator, tmp_path):
    process = simulator("printer", "--out", str(tmp_path / "receipts"))
    counter = desk(printer_port=process.path)
    counter.wait_for_lamp("printer", LampState.OK, "打印")
    process.tell(paper="low")
    counter.wait_for_lamp("printer", LampState.WARN, "打印 纸将尽")
    process.tell(paper="out")
    assert counter.wait_for_lamp("printer", LampState.DOWN, "打印 缺纸").advice == "打印机缺纸，请换纸卷。"
    process.tell(paper="ok")
    process.tell(cover="open")
    counter.wait_for_lamp("printer", LampState.DOWN, "打印 上盖未关")
    process.tell(cover="closed")
    counter.wait_for_lamp("printer", LampState.OK, "打印")
    for _ in range(5):  # while the lamp looks every 0.1 s
        outcome = counter.shelf.printer.print_job(b"\x1b@A\n\x1dV\x00", CancelToken())
        assert outcome.result is PrintResult.PRINTED
    assert len(list((tmp_path / "receipts").iterdir())) == 5
    process.tell(unplug=True)
    counter.wait_for_lamp("printer", LampState.DOWN, "打印 未连接")
    process.tell(plug=True)
    counter.wait_for_lamp("printer", LampState.OK, "打印")


def test_devices_that_are_not_there_do_not_stop_the_others(desk, simulator, tmp_path):
    cards = simulator("card-reader")
    missing = str(tmp_path / "missing")
    counter = desk(
        id_reader_port=missing, printer_port=missing, pos_port=missing, card_reader_port=cards.path
    )
    counter.wait_for_lamp("id", LampState.DOWN, "身份证 未连接")
    cards.tell(put="010063E9AE")
    assert counter.cards.get(timeout=CAP_S) == "010063E9AE"
    lamps = {lamp.device: lamp for lamp in counter.shelf.lamps()}
    assert lamps["pos"].word == "POS 待检查"
    counter.shelf.look_at_terminal(CancelToken())
    assert counter.wait_for_lamp("pos", LampState.DOWN, "POS 未连接").advice.startswith("POS 终端没有连接")


def test_the_terminal_lamp_after_a_look(desk, simulator):
    process = simulator("pos")
    counter = desk(pos_port=process.path)
    counter.shelf.look_at_terminal(CancelToken())
    counter.wait_for_lamp("pos", LampState.OK, "POS")


def test_the_command_starts_each_simulator_by_name(tmp_path):
    code = "import sys; from counter_app.commands.simulate import main; sys.exit(main(sys.argv[1:]))"
    for kind in ("id-reader", "card-reader", "printer", "pos"):
        link = tmp_path / kind
        arguments = [kind, "--link", str(link), *(["--out", str(tmp_path)] if kind == "printer" else [])]
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CAP_S,
            check=False,
        )
        assert (done.returncode, done.stdout.decode()) == (0, f"ready {link}\n"), done.stderr
        assert not link.is_symlink()
    wrong = subprocess.run(
        [sys.executable, "-c", code, "toaster"], capture_output=True, timeout=CAP_S, check=False
    )
    assert wrong.returncode == 2
