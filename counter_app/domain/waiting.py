"""How a blocking call is told to stop and tells how far it is; shared by devices and services."""

from __future__ import annotations

import threading
from collections.abc import Callable

from counter_app.domain.errors import Cancelled

Progress = Callable[[str], None]
"""Receives one plain Chinese line for the clerk; may be called from any thread."""


def silent(_line: str) -> None:
    """A `Progress` for callers that show nothing."""


class CancelToken:
    """Set once from any thread; blocking calls test it at least every 200 ms."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the waiting call to stop."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked to stop."""
        if self._event.is_set():
            raise Cancelled()

    def wait(self, timeout_s: float) -> bool:
        """Sleep up to `timeout_s`; True as soon as somebody asked to stop."""
        return self._event.wait(timeout_s)
