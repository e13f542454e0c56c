"""What a publisher was promised, written by the publisher itself, and how the stored timeline is checked against it.

A publisher numbers its events 0, 1, 2 ... within a *life* (one run of its process) and appends a line ``life n`` for
each event that it was promised: PUBACK for a plain publisher, the return of the call for a library client. An event
that was on its way when the publisher died has no line: it may be stored or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple


class Mark(NamedTuple):
    """Which event of a publisher an event is; stands in its ``data``."""

    life: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a stored timeline differs from the promises."""

    promised: int
    lost: Sequence[Mark]
    doubled: Sequence[Mark]
    disordered: Sequence[Mark]
    unknown: Sequence[Mark]

    @property
    def is_clean(self) -> bool:
        """Whether every promise was kept, once and in order."""
        return not (self.lost or self.doubled or self.disordered or self.unknown)


def read_ledger(path: Path) -> list[Mark]:
    """Return the promises, oldest first; a last line that was cut off counts as none."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text().rpartition("\n")
    return [Mark(*map(int, line.split())) for line in whole.splitlines()]


def check_timeline(promised: Sequence[Mark], stored: Iterable[Mark], *, in_flight: int) -> Verdict:
    """Compare promises with what is stored, oldest first.

    Args:
        promised: the ledger.
        stored: the marks of the bucket's events in the order of their times.
        in_flight: how many events of a life may be stored beyond the last promised one.
    """
    rows = list(stored)
    counts = Counter(rows)
    last: dict[int, int] = {}
    for mark in promised:
        last[mark.life] = max(mark.n, last.get(mark.life, -1))
    return Verdict(
        promised=len(promised),
        lost=[mark for mark in promised if mark not in counts],
        doubled=[mark for mark, count in counts.items() if count > 1],
        disordered=[later for earlier, later in pairwise(rows) if later < earlier],
        unknown=[mark for mark in counts if mark.n > last.get(mark.life, -1) + in_flight],
    )
