"""Receipt: how long building and encoding takes, and how many bytes go to the printer."""

from __future__ import annotations

import time
from collections.abc import Iterator

from counter_app.benchmarks.figures import Figure, Tell, in_turn
from printing import escpos, samples

_JOBS = 100
_MOST_MS = 0.5
_PAPERS = ((58, 32, 1_000), (80, 48, 1_400))
"""Paper in mm, columns, most bytes."""


def measure(_tell: Tell, *, quick: bool) -> Iterator[Figure]:
    """The fixed 30-line Chinese receipt with QR code on both papers."""
    for paper_mm, columns, most_bytes in _PAPERS:

        def build_and_encode_ms(columns: int = columns) -> float:
            started_s = time.process_time()
            for _ in range(_JOBS):
                escpos.encode(samples.top_up_receipt(), columns)  # type: ignore[arg-type]
            return (time.process_time() - started_s) / _JOBS * 1000

        (best_ms,) = in_turn((build_and_encode_ms,), 3 if quick else 15)
        yield Figure(
            f"receipt.build_and_encode_{paper_mm}mm", best_ms, "ms", _MOST_MS, "processor time of one receipt"
        )
        size = len(escpos.encode(samples.top_up_receipt(), columns))  # type: ignore[arg-type]
        yield Figure(f"receipt.bytes_{paper_mm}mm", size, "bytes", most_bytes, f"{columns} columns")
