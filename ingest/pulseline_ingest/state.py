"""When the state of a bucket, its newest event, is published: at once, then not again for an interval, latest wins.

::

    changes    x x  x                x
    published  |....interval....||   |........      the second one carries what the last change made

A bucket is *ready* (changed, not cooling), *cooling* (published less than an interval ago) with or without a change
since, or unknown here. What is published is read from the store at that moment, so this holds no state that could be
wrong; it only says which buckets are due. How many are taken at once is the caller's choice: the rest stays ready.

Pure: the clock's reading comes in as ``now``, seconds that do not go back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

from pulseline_core.types import BucketId


class StateSchedule:
    """Which buckets' states are due."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        #: Changed and due, in the order of their changes.
        self._ready: dict[BucketId, None] = {}
        #: Published, in that order, and when they may be published again.
        self._cooling: deque[tuple[float, BucketId]] = deque()
        #: Whether a cooling bucket has changed since it was published.
        self._is_changed: dict[BucketId, bool] = {}

    def mark(self, bucket_ids: Iterable[BucketId]) -> None:
        """Note that the newest events of these buckets may have changed."""
        for bucket_id in bucket_ids:
            if bucket_id in self._is_changed:
                self._is_changed[bucket_id] = True
            else:
                self._ready[bucket_id] = None

    def take(self, limit: int, *, now: float) -> list[BucketId]:
        """Return up to ``limit`` buckets whose states are to be published now; they begin to cool."""
        self._warm(now)
        taken = list(islice(self._ready, limit))
        for bucket_id in taken:
            del self._ready[bucket_id]
            self._is_changed[bucket_id] = False
            self._cooling.append((now + self._interval_s, bucket_id))
        return taken

    def get_wait_s(self, *, now: float) -> float | None:
        """Return how long it is until ``take`` may have something, 0 if it has; ``None`` if that is not foreseen."""
        if self._ready:
            return 0.0
        return max(0.0, self._cooling[0][0] - now) if self._cooling else None

    def _warm(self, now: float) -> None:
        while self._cooling and self._cooling[0][0] <= now:
            _, bucket_id = self._cooling.popleft()
            if self._is_changed.pop(bucket_id):
                self._ready[bucket_id] = None
