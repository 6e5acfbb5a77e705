"""WORKAROUND for PySide6 6.12.0 on Python before 3.12: each of its calls that returns nothing loses a reference to None.

Its wheel returns None without counting it, as is right for the immortal None of Python 3.12. On 3.11 some ten
thousand `setText` later the interpreter ends with "none_dealloc: deallocating None". True and False fare alike.
Remove this module with the last Python before 3.12, or with a wheel that counts.
"""

from __future__ import annotations

import sys

_PLENTY = 1 << 40
"""References; at a million lost a second they last twelve days."""


def hold() -> None:
    """Give the constants more references than can be lost. Does nothing where they are immortal; call it once."""
    if sys.version_info >= (3, 12) or sys.implementation.name != "cpython":
        return
    import ctypes

    for constant in (None, True, False, ..., NotImplemented):
        # The reference count is the first word of every object.
        ctypes.c_ssize_t.from_address(id(constant)).value += _PLENTY
