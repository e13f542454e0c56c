"""Which partitions a process takes and gives back, from who is there. Pure.

::

    a worker comes    8 held by one ──> 2 workers, 4 for each ──> it gives 4 back, the other takes them
    a worker goes     its 4 are free ──> 1 worker, 8 for it ──> it takes them
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pulseline_core.partition import get_fair_share
from pulseline_core.store import Attendance


@dataclass(frozen=True, slots=True)
class Change:
    """What to take and what to give back."""

    take: Sequence[int]
    give: Sequence[int]


def plan(attendance: Attendance, own: Collection[int], order: Sequence[int], told: Collection[int]) -> Change:
    """Return what is to change.

    Args:
        attendance: who is there.
        own: the partitions that this process holds, or is about to.
        order: all partitions, in the order in which it would like to have them; of those that it has, too.
        told: those that it is to take, whoever else is there; none is a fair share.
    """
    free = [number for number in order if number not in attendance.held and number not in own]
    if told:
        return Change([number for number in free if number in told], ())
    limit = get_fair_share(len(order), attendance.workers)
    held = [number for number in order if number in own]
    return Change(free[: max(limit - len(held), 0)], held[limit:])
