"""A measured figure with its limit, and the way to measure two sides so that a noisy machine hits both alike.

Your line belongs here if every benchmark needs it; what is measured stands in the benchmark's own module.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder; benchmarks run from a checkout only."""

FOLDER = ROOT / "build" / "bench"
"""Where halls for measuring are kept between runs."""

Tell = Callable[[str], None]
"""Says how far a long preparation has come."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the benchmark: `value` in `unit` may be at most `limit`; `against` says what it was compared with."""

    name: str
    value: float
    unit: str
    limit: float
    against: str

    @property
    def falls_short(self) -> bool:
        """Whether the value is above its limit."""
        return self.value > self.limit

    def to_json(self) -> str:
        """One JSON object on one line."""
        return json.dumps({**asdict(self), "value": round(self.value, 4)}, ensure_ascii=False)

    def to_line(self) -> str:
        """One line of the table for people."""
        verdict = "SHORT" if self.falls_short else "ok"
        return (
            f"{verdict:<6}{self.name:<32}{self.value:>10.3f} {self.unit:<6}"
            f" at most {self.limit:<7g} {self.against}"
        )


def in_turn(sides: Sequence[Callable[[], float]], rounds: int, each: int = 1) -> list[float]:
    """Best (smallest) answer of each side, all sides run in turn; of `rounds` rounds each counts by its median of
    `each` answers.

    Taking turns call by call lets a neighbour who takes the processor or the disk slow every side alike; the median
    forgets single stalls, and the best round is the one that was left alone.
    """
    best = [math.inf] * len(sides)
    for _ in range(rounds):
        answers = [[side() for side in sides] for _ in range(each)]
        for place in range(len(sides)):
            best[place] = min(best[place], statistics.median(row[place] for row in answers))
    return best


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0…1) of all values do not exceed; `ValueError` without values."""
    if not values:
        raise ValueError("a percentile needs values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
