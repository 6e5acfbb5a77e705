"""A simulated identity-card reader: answers SAM-V requests over a real pseudo-terminal as a real module does.

Commands: {"put": {person}} · {"lift": true} · {"error": "41"} (the next read answers so) · {"silent": true|false}.
A person has name, sex 男/女, nation 汉, birth 1990-03-07, address, number, authority, valid_from, valid_to or 长期;
{"put": {"text_hex": …}} puts a card with exactly these 256 bytes.
"""

from __future__ import annotations

import argparse
from typing import Any

from devices import id_reader
from devices.id_reader import NATIONS, RESIDENT_FIELDS, SEXES, TEXT_BYTES, SamFrames, frame
from devices.simulated.ports import SimulatedPort, add_arguments

_FIND, _SELECT, _READ = b"\x20\x01", b"\x20\x02", b"\x30\x01"
_STATUS, _SAM_ID = b"\x11\xff", b"\x12\xff"
_SAM_ID_DATA = bytes.fromhex("05 00 01 00 CA 8F 32 01 87 D6 12 00 59 00 00 00")
_PHOTO = bytes(1024)


def encode_person(person: dict[str, Any]) -> bytes:
    """The 256-byte text block of a resident card; ValueError when a field is unknown or too long."""
    if "text_hex" in person:
        return bytes.fromhex(person["text_hex"])
    text = bytearray("\u0020".encode("utf-16-le") * (TEXT_BYTES // 2))
    for key, value in person.items():
        if key not in RESIDENT_FIELDS:
            raise ValueError(f"a card has no field {key!r}")
        offset, length = RESIDENT_FIELDS[key]
        raw = _on_card(key, str(value)).encode("utf-16-le")
        if len(raw) > length:
            raise ValueError(f"{key} takes {length // 2} characters")
        text[offset : offset + len(raw)] = raw
    return bytes(text)


def _on_card(key: str, value: str) -> str:
    if key in ("birth", "valid_from", "valid_to"):
        return value.replace("-", "")
    codes = {"sex": SEXES, "nation": NATIONS}.get(key, {})
    return next((code for code, name in codes.items() if name == value), value)


class Module:
    """What the module knows: the document in its field and how far the host has come with it."""

    def __init__(self) -> None:
        self.text: bytes | None = None
        self.error: int | None = None
        self._selected = False
        self._was_read = False

    def put(self, text: bytes) -> None:
        """A document is put on the reader."""
        self.text = text
        self._selected = self._was_read = False

    def lift(self) -> None:
        """The field is empty again."""
        self.text = None
        self._selected = self._was_read = False

    def answer(self, request: bytes) -> bytes:
        """SW1 SW2 SW3 data to one request (CMD PARA …)."""
        code, data = self._answer(request[:2])
        return bytes([0, 0, code]) + data

    def _answer(self, command: bytes) -> tuple[int, bytes]:
        if command == _STATUS:
            return id_reader.OK, b""
        if command == _SAM_ID:
            return id_reader.OK, _SAM_ID_DATA
        if command == _FIND:
            self._selected = False
            # Once read, a document is not found again until it has left the field.
            if self.text is None or self._was_read:
                return id_reader.NO_CARD, b""
            return id_reader.FOUND, bytes(4)
        if command == _SELECT:
            if self.text is None or self._was_read:
                return id_reader.NOT_SELECTED, b""
            self._selected = True
            return id_reader.OK, bytes(8)
        if command == _READ:
            if self.error is not None:
                code, self.error = self.error, None
                return code, b""
            if self.text is None or not self._selected:
                return 0x41, b""
            self._was_read = True
            return id_reader.OK, len(self.text).to_bytes(2, "big") + b"\x04\x00" + self.text + _PHOTO
        return 0x21, b""


def run(argv: list[str]) -> int:
    """Simulate until standard input ends (or SIGTERM, with --stay)."""
    parser = argparse.ArgumentParser("simulate id-reader", description=__doc__)
    add_arguments(parser)
    parser.add_argument(
        "--read-s", type=float, default=0.0, help="time the card itself takes; about 1.0 on real ones"
    )
    arguments = parser.parse_args(argv)
    module = Module()
    frames = SamFrames(shortest_payload=2)
    is_silent = False
    with SimulatedPort(arguments) as port:
        while port.alive:
            received, commands = port.poll(1.0)
            for request in frames.feed(received):
                if is_silent:
                    continue
                if request[:2] == _READ:
                    port.rest(arguments.read_s)
                port.write(frame(module.answer(request)))
            for command in commands:
                try:
                    if "put" in command:
                        module.put(encode_person(command["put"]))
                    elif command.get("lift"):
                        module.lift()
                    elif "error" in command:
                        module.error = int(command["error"], 16)
                    elif "silent" in command:
                        is_silent = bool(command["silent"])
                    else:
                        raise ValueError(f"unknown command {command}")
                except ValueError as error:
                    port.refuse(str(error))
                else:
                    port.done()
    return 0
