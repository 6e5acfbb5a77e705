"""The saved form of a receipt must still print in years."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from counter_app.domain.errors import StorageTrouble
from printing import receipt as parts
from printing import samples

GOLDEN = Path(__file__).parent / "golden"

EVERY_BLOCK = parts.Receipt(
    (
        parts.Title("标题"),
        parts.Line("右", align="right", bold=True, large=True),
        parts.Pair("标签", "值", strong=True),
        parts.Money("金额", -12345, with_capitals=False),
        parts.Table((("业务", "笔数"), ("充值", "3")), header=False),
        parts.Rule("="),
        parts.Qr("D2-0131/K7QF3M9X", "说明"),
        parts.Signatures(("经办", "复核")),
        parts.Note("一段\n两段"),
        parts.Blank(2),
        parts.CopyEnd(),
    )
)


@pytest.mark.parametrize("receipt", [EVERY_BLOCK, samples.top_up_receipt(), samples.loss_report_slip()])
def test_json_there_and_back(receipt: parts.Receipt) -> None:
    assert parts.Receipt.from_json(receipt.to_json()) == receipt


def test_version_1_is_frozen() -> None:
    """Never change this file: receipts saved by version 1 look like it."""
    saved = (GOLDEN / "every_block.v1.json").read_text("utf-8").rstrip("\n")
    assert parts.Receipt.from_json(saved) == EVERY_BLOCK
    assert EVERY_BLOCK.to_json() == saved


@pytest.mark.parametrize(
    "saved",
    [
        "",
        "[]",
        "{}",
        '{"version":1}',
        '{"version":"1","blocks":[]}',
        '{"version":1,"blocks":["title"]}',
        '{"version":1,"blocks":[{"kind":"poster","text":"x"}]}',
        '{"version":1,"blocks":[{"kind":"title"}]}',
        '{"version":1,"blocks":[{"kind":"title","text":7}]}',
        '{"version":1,"blocks":[{"kind":"title","text":"x","colour":"red"}]}',
        '{"version":1,"blocks":[{"kind":"line","text":"x","align":"middle"}]}',
        '{"version":1,"blocks":[{"kind":"money","label":"x","amount_fen":1.5}]}',
        '{"version":1,"blocks":[{"kind":"money","label":"x","amount_fen":true}]}',
        '{"version":1,"blocks":[{"kind":"qr","payload":""}]}',
        '{"version":1,"blocks":[{"kind":"blank","lines":1000000}]}',
    ],
)
def test_damaged_copy_is_storage_trouble(saved: str) -> None:
    with pytest.raises(StorageTrouble) as caught:
        parts.Receipt.from_json(saved)
    assert "已损坏" in caught.value.sentence()


def test_copy_of_a_newer_program_asks_for_the_upgrade() -> None:
    newer = json.dumps({"version": parts.VERSION + 1, "blocks": []})
    with pytest.raises(StorageTrouble) as caught:
        parts.Receipt.from_json(newer)
    assert "先升级" in caught.value.sentence()


def test_qr_refuses_what_a_printer_could_take_for_a_command() -> None:
    for payload in ("", "a\x10\x04\x01", "x" * 201):
        with pytest.raises(ValueError, match="QR payload"):
            parts.Qr(payload)


def test_rule_is_one_character() -> None:
    with pytest.raises(ValueError, match="one character"):
        parts.Rule("--")
