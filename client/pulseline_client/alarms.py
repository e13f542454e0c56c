"""When which lane is to be woken. Pure: the clock's reading comes in as ``now``.

A lane has one entry in the heap at a time, its earliest. One that moved on meanwhile (something was confirmed, and it
is to be woken later) keeps that entry, and gets another when its time comes: so nothing is ever looked for in the heap.
"""

from __future__ import annotations

import heapq
from itertools import count
from math import inf

from pulseline_client.lane import Lane


class Alarms:
    """The alarms of all lanes."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Lane]] = []
        self._number = count()

    def set(self, lane: Lane, wake_at: float) -> None:
        """Wake ``lane`` at ``wake_at`` and not before."""
        lane.wake_at = wake_at
        self._push(lane, wake_at)

    def get_next(self) -> float | None:
        """Return when to ``ring`` next; too early does no harm."""
        return self._heap[0][0] if self._heap else None

    def ring(self, now: float) -> list[Lane]:
        """Return the lanes whose time has come; their ``wake_at`` is ``None`` then."""
        rung: list[Lane] = []
        while self._heap and self._heap[0][0] <= now:
            alarm_at, _, lane = heapq.heappop(self._heap)
            if alarm_at != lane.alarm_at:
                continue
            lane.alarm_at = inf
            if lane.wake_at is not None and lane.wake_at > now:
                self._push(lane, lane.wake_at)
            elif lane.wake_at is not None:
                lane.wake_at = None
                rung.append(lane)
        return rung

    def _push(self, lane: Lane, wake_at: float) -> None:
        if wake_at < lane.alarm_at:
            lane.alarm_at = wake_at
            heapq.heappush(self._heap, (wake_at, next(self._number), lane))
