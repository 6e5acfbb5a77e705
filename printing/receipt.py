"""A receipt as a document: what it says, before anybody knows how wide the paper is.

Your line belongs here if it names a part of a receipt. The JSON of a receipt is saved with its operation and
reprinted for years: kinds and fields of a version are never renamed, only added with a default.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args

from counter_app.domain.errors import StorageTrouble

VERSION = 1
"""Of the JSON form; raised when an older program could no longer print what is saved."""

Align = Literal["left", "center", "right"]

LONGEST_QR_BYTES = 200
"""UTF-8 bytes of a QR payload: version 10 at level M, which still fits 58 mm paper at five dots a module."""


@dataclass(frozen=True, slots=True)
class Title:
    """The heading, double size in the middle."""

    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One text, wrapped where the paper ends."""

    text: str
    align: Align = "left"
    bold: bool = False
    large: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Label left, value right; `strong` prints it bold."""

    label: str
    value: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in tall bold figures, with the capitals (大写) below unless `with_capitals` is off."""

    label: str
    amount_fen: int
    with_capitals: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, first column left, the others right; `header` prints the first row bold."""

    rows: tuple[tuple[str, ...], ...]
    header: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the paper made of one character."""

    char: str = "-"

    def __post_init__(self) -> None:
        if len(self.char) != 1:
            raise ValueError("a rule is made of exactly one character")


@dataclass(frozen=True, slots=True)
class Qr:
    """A QR code (level M) with a caption below; `payload` is printable text of 1 … 200 UTF-8 bytes."""

    payload: str
    caption: str = ""

    def __post_init__(self) -> None:
        # a control character in the payload could be taken for a real-time command by the printer
        if not self.payload or not self.payload.isprintable():
            raise ValueError("a QR payload is printable text")
        if len(self.payload.encode()) > LONGEST_QR_BYTES:
            raise ValueError(f"a QR payload has at most {LONGEST_QR_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class Signatures:
    """A line to sign on for each label, e.g. ("客户签名", "经办", "复核")."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph; line feeds in it start new paragraphs."""

    text: str


@dataclass(frozen=True, slots=True)
class Blank:
    """Empty lines, 0 … 20."""

    lines: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.lines <= 20:
            raise ValueError("a blank has 0 to 20 lines")


@dataclass(frozen=True, slots=True)
class CopyEnd:
    """Here the paper is cut and the next copy begins; a reprint mark stands on every copy."""


Block = Title | Line | Pair | Money | Table | Rule | Qr | Signatures | Note | Blank | CopyEnd

_KINDS: dict[str, type[Block]] = {
    "title": Title,
    "line": Line,
    "pair": Pair,
    "money": Money,
    "table": Table,
    "rule": Rule,
    "qr": Qr,
    "signatures": Signatures,
    "note": Note,
    "blank": Blank,
    "copy_end": CopyEnd,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Receipt:
    """All blocks in printing order."""

    blocks: tuple[Block, ...]

    def to_json(self) -> str:
        """The form that is saved; equal receipts give equal text."""
        blocks = [{"kind": _NAMES[type(block)], **_said(block)} for block in self.blocks]
        return json.dumps({"version": VERSION, "blocks": blocks}, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, saved: str) -> Receipt:
        """The saved form back as a receipt; StorageTrouble when it is damaged or of a newer program."""
        try:
            document = json.loads(saved)
            version = document["version"]
            if not isinstance(version, int) or version < 1:
                raise ValueError(f"version {version!r}")
            if version > VERSION:
                raise StorageTrouble(
                    "这张凭条由更新的程序保存，请先升级本程序再补打。",
                    f"receipt version {version} > {VERSION}",
                )
            return cls(tuple(_block(block) for block in document["blocks"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageTrouble(
                "保存的凭条已损坏，不能补打，请查看交易记录并通知管理员。", f"saved receipt: {error!r}"
            ) from error


def in_two_copies(
    blocks: tuple[Block, ...], signatures: tuple[str, ...] = ("客户签名", "经办", "复核")
) -> Receipt:
    """The customer's copy, a cut, and the hall's copy with lines to sign on."""
    return Receipt(
        (
            *blocks,
            Line("第一联　客户联", align="center"),
            CopyEnd(),
            *blocks,
            Signatures(signatures),
            Blank(),
            Line("第二联　营业厅留存", align="center"),
        )
    )


def reprint_mark(times: int, printed_at: str, staff_no: str) -> str:
    """What stands at the top of a reprint: `补打 第1次`, and below it `2025-03-01 09:31 工号 1023`."""
    return f"补打 第{times}次\n{printed_at} 工号 {staff_no}"


def _said(block: Block) -> dict[str, Any]:
    """The fields that differ from their defaults."""
    kind: Any = type(block)
    return {name: value for name, default in _defaults(kind) if (value := getattr(block, name)) != default}


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Fields with their defaults; the mark of a missing one differs from every value. Two looks at each top-up make this worth it."""
    return tuple((field.name, field.default) for field in fields(kind))


def _block(saved: Any) -> Block:
    kind = _KINDS[saved.pop("kind")]
    types = {field.name: field.type for field in fields(kind)}
    return kind(**{name: _value(str(types[name]), value) for name, value in saved.items()})


def _value(annotation: str, saved: Any) -> Any:
    """A JSON value as the field's type; TypeError when it is another."""
    match annotation, saved:
        case ("str", str()) | ("bool", bool()):
            return saved
        case "int", int() if not isinstance(saved, bool):
            return saved
        case "Align", str() if saved in get_args(Align):
            return saved
        case "tuple[str, ...]", list():
            return tuple(_value("str", part) for part in saved)
        case "tuple[tuple[str, ...], ...]", list():
            return tuple(_value("tuple[str, ...]", part) for part in saved)
    raise TypeError(f"{saved!r} is no {annotation}")
