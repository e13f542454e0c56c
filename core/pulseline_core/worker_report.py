"""What an ingest worker said of itself last, and what follows from it and from its silence. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pulseline_core.types import JSONObject, JSONValue

#: A worker that has been silent for so many of its intervals, and a long commit beside, is late.
_MISSED_INTERVALS: Final = 3
_LEEWAY_S: Final = 5.0

#: Of a worker that does not say.
_INTERVAL_S: Final = 5.0

#: Beside an external broker something has to come through into the store: a probe does every ten seconds, and a
#: connection over which nothing comes is given up after another twenty.
_PROGRESS_AGE_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """A worker's report.

    Attributes:
        name: the worker's.
        figures: as the worker published them; whoever may write its topic may have put anything there.
        age_s: how long ago it was heard.
    """

    name: str
    figures: JSONObject
    age_s: float

    @property
    def is_late(self) -> bool:
        """Whether the next report should have come long ago; one that said goodbye owes none."""
        return self._is_online and self.age_s > _MISSED_INTERVALS * self._interval_s + _LEEWAY_S

    @property
    def is_up(self) -> bool:
        """Whether it runs, as far as one knows."""
        return self._is_online and not self.is_late

    @property
    def makes_progress(self) -> bool:
        """Whether what is published comes through it into the store, as far as one knows before its next report."""
        progress_age_s = find_number(self.figures, "broker", "progress_age_s")
        overdue_s = max(0.0, self.age_s - self._interval_s)
        return (
            self.is_up
            and self.figures.get("problem") is None
            and (progress_age_s is None or progress_age_s + overdue_s <= _PROGRESS_AGE_S)
        )

    @property
    def _interval_s(self) -> float:
        interval_s = find_number(self.figures, "interval_s")
        return _INTERVAL_S if interval_s is None else interval_s

    @property
    def _is_online(self) -> bool:
        return self.figures.get("state") == "online"

    def to_json(self) -> JSONObject:
        """Return the figures, with how old they are."""
        return {**self.figures, "age_s": round(self.age_s, 1), "late": self.is_late}


def find_number(figures: JSONValue, *path: str) -> float | None:
    """Return the number that lies below these names, ``None`` if there is none."""
    for name in path:
        figures = figures.get(name) if isinstance(figures, dict) else None
    return figures if isinstance(figures, int | float) and not isinstance(figures, bool) else None
