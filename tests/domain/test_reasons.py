"""Every reason to say no is a Chinese sentence that names the next step, and every refusal fills its placeholders."""

from __future__ import annotations

import ast
import pickle
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from counter_app.domain.errors import Cancelled, DeviceTrouble, Reason, Refused, StorageTrouble

ROOT = Path(__file__).parents[2]
ROOMS = ("counter_app", "devices", "printing", "ui")

LETTERS_OF_THE_HALL = re.compile(r"POS|F\d{1,2}|Ctrl\+K|Enter|X|counter-app upgrade")
"""Latin letters that are printed on keys, cards and terminals of the hall."""

NEXT_STEP = re.compile(r"请|可解挂|最多可充|须先|须低于")
"""A sentence that only complains leaves the clerk with the customer."""


def placeholders(sentence: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(sentence) if name}


def refusals() -> Iterator[tuple[str, Reason, set[str]]]:
    """(place, reason, names of details) of each `Refused(Reason.X, …)` in the rooms."""
    for path in sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refused"
            ):
                continue
            said = node.args[0]
            if isinstance(said, ast.Attribute) and said.attr in Reason.__members__:
                names = {keyword.arg for keyword in node.keywords if keyword.arg}
                yield f"{path.relative_to(ROOT)}:{node.lineno}", Reason[said.attr], names


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_each_reason_is_a_chinese_sentence_with_its_next_step(reason: Reason) -> None:
    filled = reason.sentence(**dict.fromkeys(placeholders(reason.value), "甲"))
    assert filled.endswith("。")
    assert not set("{}—") & set(filled)
    assert not re.search(r"[A-Za-z]", LETTERS_OF_THE_HALL.sub("", filled))
    assert not re.search(r"[,;:?!()]", filled), "punctuation is full-width"
    assert NEXT_STEP.search(filled)


def test_every_refusal_fills_every_placeholder_of_its_sentence() -> None:
    found = list(refusals())
    assert len(found) > 100
    lacking = [
        f"{place} {reason.name} lacks {sorted(missing)}"
        for place, reason, names in found
        if (missing := placeholders(reason.value) - names)
    ]
    assert not lacking


def test_every_reason_is_used_somewhere() -> None:
    text = "\n".join(
        file.read_text("utf-8")
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        if file.name != "errors.py"
    )
    assert [reason.name for reason in Reason if not re.search(rf"\bReason\.{reason.name}\b", text)] == []


def test_a_missing_detail_never_hides_the_refusal() -> None:
    assert "—" in Refused(Reason.CARD_LOST).sentence()


def test_a_refusal_survives_the_way_out_of_a_child_process() -> None:
    there = Refused(Reason.CARD_LOST, card_no="9040")
    back = pickle.loads(pickle.dumps(there))
    assert (back.reason, back.details, back.sentence()) == (there.reason, there.details, there.sentence())


def test_other_trouble_shows_its_advice_and_keeps_its_cause_to_the_log() -> None:
    for trouble in (
        DeviceTrouble("请检查打印机连线。", "port gone"),
        StorageTrouble("请稍后再试。", "disk full"),
    ):
        assert trouble.sentence() == trouble.advice
        assert str(trouble) == trouble.cause
    assert Cancelled().sentence() == ""
