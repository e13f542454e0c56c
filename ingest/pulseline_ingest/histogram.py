"""How many values lay below each of some bounds: what averages hide."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from pulseline_core.types import JSONObject


@dataclass(slots=True)
class Histogram:
    """Counts of values; a value at a bound lies below it, as with Prometheus.

    Attributes:
        bounds: ascending.
        counts: of the values up to each bound and above the one before it; the last, of those above all.
        total: all values added up.
    """

    bounds: Sequence[float]
    counts: list[int] = field(default_factory=list[int])
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def to_json(self) -> JSONObject:
        """Return bounds, counts and sum."""
        return {"bounds": list(self.bounds), "counts": list(self.counts), "sum": round(self.total, 6)}
