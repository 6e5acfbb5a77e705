"""`counter-app demo`: this program's window on the demo hall, with simulated devices and a small window to play them."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counter_app.commands import demo_counter
from counter_app.domain.errors import Trouble
from counter_app.settings import Ports

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    from counter_app.commands.demo_counter import DemoCard, Simulators
    from counter_app.settings import Settings
    from ui.dialogs.demo_devices import DemoDevices

CARDS_TO_PLAY = (8, 2, 3)
"""So many named, anonymous and blank cards lie beside the readers."""

_PAYMENTS: dict[str, dict[str, Any]] = {
    "approve": {"next": "approve"},
    "decline": {"next": "decline", "code": "71"},
    "silent": {"next": "approve_then_silent"},
}


def main(argv: list[str]) -> int:
    """Open the demo; returns the exit status."""
    parser = argparse.ArgumentParser(prog="counter-app demo")
    parser.add_argument("--folder", type=Path, default=demo_counter.DEMO_FOLDER, help="where the demo lives")
    parser.add_argument("--counter", type=int, choices=(1, 2), default=1, help="which of the two counters")
    parser.add_argument("--cards", type=int, help="issued cards in place of 30,000")
    parser.add_argument("--fresh", action="store_true", help="begin again on the hall's first morning")
    options = parser.parse_args(argv)
    folder: Path = options.folder
    try:
        with demo_counter.only_one(folder / f"counter-{options.counter}.lock"):
            sizes = demo_counter.sizes_for(options.cards)
            hall = folder / "hall"
            if options.fresh or not hall.exists():
                demo_counter.copy_hall(demo_counter.fresh_hall(folder, sizes, print), hall)
            else:
                demo_counter.carry_over(hall)
            return _open(folder, hall, options.counter, sizes)
    except Trouble as trouble:
        print(trouble.sentence(), file=sys.stderr)
        return 1


def _open(folder: Path, hall: Path, counter_no: int, sizes: Mapping[str, Any]) -> int:
    from counter_app import settings as settings_file

    with contextlib.ExitStack() as open_now:
        simulators: Simulators | None = None
        ports = Ports()
        if hasattr(os, "openpty"):
            receipts = folder / f"receipts-{counter_no}"
            simulators = open_now.enter_context(demo_counter.Simulators(folder, counter_no, receipts))
            ports = simulators.ports
        else:
            print("这个系统没有伪终端，演示不带模拟设备。")
        settings = demo_counter.counter_settings(hall, counter_no, ports)
        # For `counter-app verify --settings …` and whoever wants to look.
        settings_file.save(folder / f"counter-{counter_no}.toml", settings)
        return _run(settings, simulators, sizes)


def _run(settings: Settings, simulators: Simulators | None, sizes: Mapping[str, Any]) -> int:
    from PySide6.QtCore import QTimer

    from counter_app import bootstrap

    program = bootstrap.first_window(settings)
    program.window.show_with_room_beside()
    if simulators is not None:
        devices = _devices_window(program.window, simulators, sizes)
        devices.show()
    program.on_open = lambda: print("演示营业厅已打开，关闭窗口即结束。", flush=True)
    # The page must be on the screen before the database's libraries take the interpreter.
    QTimer.singleShot(0, lambda: bootstrap.open_hall(program))
    try:
        with quits_on_signal(program.application):
            return program.application.exec()
    finally:
        program.close()


def _devices_window(beside: QWidget, simulators: Simulators, sizes: Mapping[str, Any]) -> DemoDevices:
    from ui.dialogs.demo_devices import DemoDevices

    named, anonymous, blank = CARDS_TO_PLAY
    first_blank = sizes["named"] + sizes["anonymous"] + 1
    positions = (
        *range(1, named + 1),
        *range(sizes["named"] + 1, sizes["named"] + anonymous + 1),
        *range(first_blank, first_blank + blank),
    )
    cards = {str(position): demo_counter.demo_card(sizes, position) for position in positions}
    made = DemoDevices(
        beside,
        [(key, _card_words(card, int(key) >= first_blank)) for key, card in cards.items()],
        [(key, card.holder.name) for key, card in cards.items() if card.holder is not None],
    )
    made.card_put.connect(lambda key: simulators.tell("card-reader", cards[key].on_reader))
    made.card_lifted.connect(lambda: simulators.tell("card-reader", {"lift": True}))
    made.document_put.connect(lambda key: simulators.tell("id-reader", cards[key].document))
    made.document_lifted.connect(lambda: simulators.tell("id-reader", {"lift": True}))
    made.paper_set.connect(lambda state: simulators.tell("printer", {"paper": state}))
    made.payment_set.connect(lambda how: simulators.tell("pos", _PAYMENTS[how]))
    return made


def _card_words(card: DemoCard, blank: bool) -> str:
    who = card.holder.name if card.holder is not None else "空白卡" if blank else "不记名"
    return f"{who} …{card.card_no[-4:]}"


@contextlib.contextmanager
def quits_on_signal(application: QApplication) -> Iterator[None]:
    """SIGTERM and Ctrl+C end the event loop as closing the window does, so that devices and database are closed."""
    from PySide6.QtCore import QSocketNotifier

    wake, waker = socket.socketpair()
    for end in (wake, waker):
        end.setblocking(False)
    # Python runs its handlers only between its own instructions: the byte wakes Qt, the notifier runs Python.
    notifier = QSocketNotifier(wake.fileno(), QSocketNotifier.Type.Read)
    notifier.activated.connect(lambda: wake.recv(64))
    wakeup_before = signal.set_wakeup_fd(waker.fileno())
    before = {
        number: signal.signal(number, lambda _number, _frame: application.quit())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup_before)
        notifier.setEnabled(False)
        wake.close()
        waker.close()
