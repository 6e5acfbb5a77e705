"""All devices of one counter: opened from the settings, kept alive, listened to, and shown as lamps.

Your line belongs here if it concerns several devices at once; a single device's ways belong to its own module.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from counter_app.domain.documents import IdDocument
from counter_app.domain.errors import Cancelled, DeviceTrouble
from counter_app.domain.ids import MediumId
from counter_app.domain.payments import OnResult
from counter_app.domain.waiting import CancelToken, Progress, silent
from devices.card_reader import CardReader
from devices.id_reader import IdReader, ReaderState
from devices.receipt_printer import PrinterState, PrinterStatus, ReceiptPrinter
from devices.serial_port import PortSettings, SerialPort, WireLog

if TYPE_CHECKING:
    from devices.pos_terminal import PosTerminal, TerminalStatus

DeviceKey = Literal["id", "card", "pos", "printer"]

DeviceLog = Callable[[str, str, str], None]
"""Receives (device key, direction, masked text) from the device's own thread."""


@dataclass(frozen=True, slots=True)
class CounterDevices:
    """What stands on this counter, as its settings say; a device without a port is not there.

    `printer_answers` is False for a printer on a one-way cable, whose paper nobody can know.
    """

    id_reader_port: str | None = None
    card_reader_port: str | None = None
    printer_port: str | None = None
    pos_port: str | None = None
    id_reader_baud: int = 115_200
    card_reader_baud: int = 9_600
    printer_baud: int = 115_200
    printer_answers: bool = True
    pos_baud: int = 9_600
    pos_stop_bits: Literal[1, 2] = 2
    terminal_password: str = field(default="000000", repr=False)
    reconnect_s: float = 1.5
    printer_look_s: float = 2.0


class LampState(enum.Enum):
    """The colour of a lamp; OFF is a device that this counter does not have."""

    OK = "ok"
    WARN = "warn"
    DOWN = "down"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Lamp:
    """One device's lamp: a short Chinese word beside the colour, and a sentence on what to do ("" when all is well)."""

    device: DeviceKey
    state: LampState
    word: str
    advice: str = ""


_WORDS: dict[DeviceKey, str] = {"id": "身份证", "card": "读卡", "pos": "POS", "printer": "打印"}
_PRINTER_LAMPS = {
    PrinterState.READY: (LampState.OK, ""),
    PrinterState.PAPER_LOW: (LampState.WARN, "纸将尽"),
    PrinterState.PAPER_OUT: (LampState.DOWN, "缺纸"),
    PrinterState.COVER_OPEN: (LampState.DOWN, "上盖未关"),
    PrinterState.OFFLINE: (LampState.DOWN, "脱机"),
    PrinterState.ERROR: (LampState.DOWN, "故障"),
    PrinterState.NOT_ANSWERING: (LampState.DOWN, "无应答"),
}


class DeviceShelf:
    """Owns the ports of one counter from `start` to `close`.

    Both readers and the printer's status have a thread each; callbacks come from those threads, must return quickly
    and must not raise. `printer` may be used from any one other thread. `terminal` belongs to one thread, its lane,
    which also calls `look_at_terminal` when nothing is being paid. None stands for a device that is not there.
    """

    def __init__(
        self,
        settings: CounterDevices,
        on_document: Callable[[IdDocument], None],
        on_card: Callable[[MediumId], None],
        on_lamp: Callable[[Lamp], None],
        *,
        on_notice: Progress = silent,
        on_stray: OnResult | None = None,
        log: DeviceLog | None = None,
    ) -> None:
        """`on_notice` gets a sentence when a document on the reader cannot be read; `on_stray`: see `PosTerminal`."""
        self._settings = settings
        self._on_document = on_document
        self._on_card = on_card
        self._on_lamp = on_lamp
        self._on_notice = on_notice
        self._log = log
        self._cancel = CancelToken()
        self._threads: list[threading.Thread] = []
        self._lamps: dict[DeviceKey, Lamp] = {}
        self._lamps_lock = threading.Lock()
        self.printer: ReceiptPrinter | None = None
        self.terminal: PosTerminal | None = None
        if settings.printer_port is not None:
            port = SerialPort(
                PortSettings(settings.printer_port, baud=settings.printer_baud, device_word="打印机"),
                self._log_of("printer"),
            )
            self.printer = ReceiptPrinter(port, answers=settings.printer_answers)
        if settings.pos_port is not None:
            from devices.pos_terminal import PosTerminal, port_settings

            self.terminal = PosTerminal(
                port_settings(settings.pos_port, baud=settings.pos_baud, stop_bits=settings.pos_stop_bits),
                password=settings.terminal_password,
                on_stray=on_stray,
                log=self._log_of("pos"),
            )

    def start(self) -> None:
        """Begin to listen; every lamp is told once."""
        settings = self._settings
        here = {
            "id": settings.id_reader_port,
            "card": settings.card_reader_port,
            "pos": settings.pos_port,
            "printer": settings.printer_port,
        }
        for device in _WORDS:
            if here[device] is None:
                self._show(device, LampState.OFF, "未配置")
            else:
                self._show(device, LampState.WARN, "待检查" if device == "pos" else "连接中")
        if settings.id_reader_port is not None:
            id_settings = PortSettings(
                settings.id_reader_port, baud=settings.id_reader_baud, device_word="身份证读卡器"
            )
            self._start("id-reader", lambda: self._keep("id", id_settings, self._listen_for_documents))
        if settings.card_reader_port is not None:
            card_settings = PortSettings(
                settings.card_reader_port, baud=settings.card_reader_baud, device_word="读卡器"
            )
            self._start("card-reader", lambda: self._keep("card", card_settings, self._listen_for_cards))
        if self.printer is not None:
            printer = self.printer
            self._start("printer-status", lambda: self._watch_printer(printer))

    def close(self) -> None:
        """Stop listening, join the threads, close the ports. No job may be running on printer or terminal."""
        self._cancel.cancel()
        for thread in self._threads:
            thread.join()
        if self.printer is not None:
            self.printer.close()
        if self.terminal is not None:
            self.terminal.close()

    def lamps(self) -> tuple[Lamp, ...]:
        """All lamps as they are now."""
        with self._lamps_lock:
            return tuple(self._lamps.values())

    def look_at_terminal(self, cancel: CancelToken) -> TerminalStatus | None:
        """Ask the terminal how it is and set its lamp; None without a terminal. Only on the terminal's lane."""
        if self.terminal is None:
            return None
        from devices.pos_terminal import TerminalState

        status = self.terminal.status(cancel)
        state, word = {
            TerminalState.READY: (LampState.OK, ""),
            TerminalState.BUSY: (LampState.WARN, "忙"),
            TerminalState.NEEDS_CARE: (LampState.WARN, "需处理"),
            TerminalState.NOT_ANSWERING: (LampState.DOWN, "未连接"),
        }[status.state]
        self._show("pos", state, word, "" if state is LampState.OK else status.message)
        return status

    def _listen_for_documents(self, port: SerialPort) -> None:
        reader = IdReader(port)
        state = reader.status(self._cancel)
        if state is not ReaderState.READY:
            raise DeviceTrouble(state.value, f"id reader: {state.name}")
        self._show("id", LampState.OK)
        while True:
            self._on_document(reader.wait_for_document(self._cancel, on_trouble=self._on_notice))

    def _listen_for_cards(self, port: SerialPort) -> None:
        reader = CardReader(port)
        self._show("card", LampState.OK)  # one-way: an open port is all that can be known
        while True:
            self._on_card(reader.wait_for_card(self._cancel))

    def _keep(self, device: DeviceKey, settings: PortSettings, listen: Callable[[SerialPort], None]) -> None:
        """Listen on a port for ever; trouble shows on the lamp and is tried again a little later."""
        port = SerialPort(settings, self._log_of(device))
        while not self._cancel.cancelled:
            try:
                port.open()
                listen(port)
            except DeviceTrouble as trouble:
                word = "异常" if port.is_open else "未连接"
                self._show(device, LampState.DOWN, word, trouble.sentence())
            except Cancelled:
                break
            finally:
                port.close()
            self._cancel.wait(self._settings.reconnect_s)

    def _watch_printer(self, printer: ReceiptPrinter) -> None:
        while not self._cancel.cancelled:
            try:
                status = printer.idle_status(self._cancel)
            except Cancelled:
                break
            if status is not None:
                self._show_printer(status)
            self._cancel.wait(self._settings.printer_look_s)

    def _show_printer(self, status: PrinterStatus) -> None:
        state, word = _PRINTER_LAMPS[status.state]
        if not status.connected:
            word = "未连接"
        elif not self._settings.printer_answers:
            state, word = LampState.WARN, "状态未知"
        self._show("printer", state, word, "" if state is LampState.OK else status.sentence)

    def _show(self, device: DeviceKey, state: LampState, what: str = "", advice: str = "") -> None:
        lamp = Lamp(device, state, f"{_WORDS[device]} {what}".strip(), advice)
        with self._lamps_lock:
            if self._lamps.get(device) == lamp:
                return
            self._lamps[device] = lamp
        self._on_lamp(lamp)

    def _start(self, name: str, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _log_of(self, device: DeviceKey) -> WireLog | None:
        log = self._log
        return None if log is None else lambda direction, text: log(device, direction, text)
