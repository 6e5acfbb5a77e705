"""Pictures of the window in every variant: written to build/pictures, nothing cut off, no word a clerk cannot read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("variant", "scale"),
    [("plain", "1"), ("plain", "1.25"), ("plain", "1.5"), ("contrast", "1"), ("large", "1")],
)
def test_nothing_is_cut_off(variant: str, scale: str) -> None:
    folder = ROOT / "build" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("picture_page.py")), str(folder), variant],
        env={
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "QT_SCALE_FACTOR": scale,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["size"] == [pytest.approx(1366, abs=2), pytest.approx(768, abs=2)], "it fits the screen"
    assert told["faults"] == {what: [] for what in ("sign-in", "top-up", "search", "close", "lock")}
    pictures = sorted(path.name for path in folder.glob(f"{variant}-{round(float(scale) * 100)}-*.png"))
    assert len(pictures) == 5
