"""What goes on beside a measurement: a clerk who books without a pause, and a wait at a POS terminal."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator

from counter_app.benchmarks import halls
from counter_app.domain.waiting import CancelToken
from counter_app.storage.database import Database
from devices.serial_port import PortSettings, SerialPort

_CARDS = 10_000
_WAIT_S = 60.0
_PAUSE_S = 0.005
"""Between two top-ups: about as long as one takes, far less than any clerk needs."""


@contextlib.contextmanager
def beside(database: Database) -> Iterator[Callable[[], int]]:
    """While this is open, top-ups are booked one after the other and a port is waited at; tells how many so far.

    What goes wrong there is raised at the end.
    """
    work = halls.at_work(database, _CARDS)
    cancel = CancelToken()
    wrong: list[BaseException] = []
    booked = 0
    done = threading.Event()

    def book() -> None:
        nonlocal booked
        while not done.wait(_PAUSE_S):
            work.top_up()
            booked += 1

    master, slave = os.openpty()
    port = SerialPort(PortSettings(os.ttyname(slave), 9_600))
    port.open()

    def wait() -> None:
        while not cancel.cancelled:
            port.read(64, _WAIT_S, cancel)

    def guarded(call: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - raised below, where the measurement ends
                if not cancel.cancelled:
                    wrong.append(error)

        return run

    threads = [threading.Thread(target=guarded(call)) for call in (book, wait)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: booked
    finally:
        done.set()
        cancel.cancel()
        for thread in threads:
            thread.join()
        port.close()
        os.close(master)
        os.close(slave)
    if wrong:
        raise wrong[0]
