"""Pictures of each step of loss report and replacement: written to build/pictures, nothing cut off, all in Chinese."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = 22
RECEIPT_NO = re.compile(r"\bSD\d-\d{6}-\d+-\d{4}")
"""A loss reference; its letters are part of the number."""


@pytest.mark.parametrize(("variant", "scale"), [("plain", "1"), ("plain", "1.5"), ("large", "1")])
def test_no_step_is_cut_off(variant: str, scale: str) -> None:
    folder = ROOT / "build" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("picture_loss.py")), str(folder), variant],
        env={
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "QT_SCALE_FACTOR": scale,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    faults = json.loads(run.stdout)["faults"]
    assert len(faults) == PICTURES
    bad = {what: [fault for fault in found if not _only_a_reference(fault)] for what, found in faults.items()}
    assert {what: found for what, found in bad.items() if found} == {}


def _only_a_reference(fault: str) -> bool:
    rest = RECEIPT_NO.sub("", fault)
    return (
        fault.startswith("not Chinese")
        and re.search(r"[A-Za-z]{2,}", rest.removeprefix("not Chinese")) is None
    )
