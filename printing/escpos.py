"""A receipt as the bytes of a Chinese ESC/POS printer; your line belongs here if it names a printer command.

Only commands that every GBK printer knows: text in two-byte GB18030 codes, sizes by GS !, native QR, partial
cut. Nothing here talks to a port, and the printer's port adds its own "all printed" marker (GS r) at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from printing.layout import PrintedLine, PrintedQr, WidthColumns, lay_out
from printing.receipt import Receipt

START: Final = b"\x1b@\x1c&"
"""Initialise, then Chinese mode on: some models leave it off after initialising."""

DRAWER_PULSE: Final = b"\x1bp\x00\x19\xfa"
"""Pin 2, 50 ms on, 500 ms off."""

CUT: Final = b"\x1bd\x03\x1dVB\x00"
"""Feed three lines (for tearing off where there is no cutter), then feed to the knife and cut partially."""

_ALIGN: Final = {"left": b"\x1ba\x00", "center": b"\x1ba\x01", "right": b"\x1ba\x02"}
_BOLD: Final = {False: b"\x1bE\x00", True: b"\x1bE\x01"}
_SIZE: Final = {
    (wide, high): b"\x1d!" + bytes([(wide - 1) << 4 | (high - 1)]) for wide in (1, 2) for high in (1, 2)
}
_QR: Final = b"\x1d(k"


def encode(
    receipt: Receipt,
    width_columns: WidthColumns,
    *,
    reprint_mark: str = "",
    drawer_pulse: bool = False,
    on_replaced: Callable[[str], None] | None = None,
) -> bytes:
    """The whole job for one receipt, all its copies, each cut off.

    `reprint_mark` (see `receipt.reprint_mark`) stands at the top of every copy; a reprint never opens the drawer
    (ValueError). `on_replaced` is called with each character that GBK lacks and that therefore prints as 〓.
    """
    if reprint_mark and drawer_pulse:
        raise ValueError("a reprint does not open the drawer")
    parts = [START]
    if drawer_pulse:
        parts.append(DRAWER_PULSE)
    align, bold, size = "left", False, (1, 1)
    for printed in lay_out(receipt, width_columns, reprint_mark=reprint_mark, on_replaced=on_replaced):
        if isinstance(printed, PrintedLine):
            # looks are switched only when something is printed: empty lines cost one byte
            if printed.text:
                if printed.align != align:
                    align = printed.align
                    parts.append(_ALIGN[align])
                if printed.bold != bold:
                    bold = printed.bold
                    parts.append(_BOLD[bold])
                if (printed.wide, printed.high) != size:
                    size = (printed.wide, printed.high)
                    parts.append(_SIZE[size])
                parts.append(printed.text.encode("gbk"))
            elif size != (1, 1):
                # an empty line after a heading must not be as tall as the heading
                size = (1, 1)
                parts.append(_SIZE[size])
            parts.append(b"\n")
        elif isinstance(printed, PrintedQr):
            if align != "center":
                align = "center"
                parts.append(_ALIGN[align])
            parts.append(_qr(printed))
        else:
            # each copy stands alone: the next one begins as a job does, whatever the last one left set
            parts += [CUT, START]
            align, bold, size = "left", False, (1, 1)
    return b"".join(parts[:-1])


def _qr(printed: PrintedQr) -> bytes:
    """Model 2, module size, level M, store, print."""
    payload = printed.payload.encode()
    return b"".join(
        (
            _QR + b"\x04\x001A2\x00",
            _QR + b"\x03\x001C" + bytes([printed.dots]),
            _QR + b"\x03\x001E1",
            _QR + (len(payload) + 3).to_bytes(2, "little") + b"1P0" + payload,
            _QR + b"\x03\x001Q0",
        )
    )
