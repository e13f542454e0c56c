"""The merge rule: how a heartbeat joins a timeline.

A timeline is ordered by (start, id). A heartbeat ``[s, e]`` with data ``d`` and pulsetime ``P``::

    1. prev = the newest span with start <= s
       prev |----d----|              s <= prev.end + P and the same data:
       hb             .<=P.|--|      prev grows to the later end and is the result

    2. otherwise                     [s, e] is inserted and is the result

    3. result |------d------|        while the span after the result has the same data and begins
       next                 .<=P.|d| within the result's end + P: it is absorbed, its row goes

In time order this is ActivityWatch's ``heartbeat_merge`` with ends inclusive (aw-core 0.5.18
aw_transform/heartbeats.py). Out of order, heartbeats of one state give the timeline of the sorted ones, and a
heartbeat that comes twice changes nothing.

Pure: times are integer microseconds, data is anything that compares (the store passes the number of a data row).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from typing import NamedTuple


class Span(NamedTuple):  # made in a third of the time of a frozen dataclass, several for each heartbeat
    """A stretch of time during which ``data`` held; both ends belong to it."""

    start_us: int
    end_us: int
    data: Hashable


def is_continued(earlier: Span, later: Span, *, pulsetime_us: int) -> bool:
    """Return whether ``later``, which does not begin before ``earlier``, goes on with it."""
    return earlier.data == later.data and later.start_us <= earlier.end_us + pulsetime_us


def join(earlier: Span, later: Span) -> Span:
    """Return ``earlier``, grown to the later of both ends."""
    return earlier if earlier.end_us >= later.end_us else Span(earlier.start_us, later.end_us, earlier.data)


class Merge(NamedTuple):
    """What a heartbeat does to the timeline around it.

    Attributes:
        result: the span that holds the heartbeat now.
        is_new: ``result`` is inserted; else it replaces the previous span.
        absorbed: how many of the following spans are part of ``result`` and go.
    """

    result: Span
    is_new: bool
    absorbed: int


def merge_heartbeat(previous: Span | None, heartbeat: Span, following: Sequence[Span], *, pulsetime_us: int) -> Merge:
    """Apply the rule above.

    Args:
        previous: the newest span that does not begin after the heartbeat.
        heartbeat: what came in.
        following: the spans after ``previous``, oldest first; as many as may be absorbed.
        pulsetime_us: how far apart two heartbeats of one state may lie.
    """
    is_new = previous is None or not is_continued(previous, heartbeat, pulsetime_us=pulsetime_us)
    result = heartbeat if previous is None or is_new else join(previous, heartbeat)
    absorbed = 0
    for span in following:
        if not is_continued(result, span, pulsetime_us=pulsetime_us):
            break
        result = join(result, span)
        absorbed += 1
    return Merge(result, is_new, absorbed)


def merge_timeline(heartbeats: Sequence[Span], *, pulsetime_us: int) -> list[Span]:
    """Return the timeline that heartbeats make of an empty bucket, in whatever order they come."""
    timeline: list[Span] = []
    for heartbeat in heartbeats:
        place = bisect_right(timeline, heartbeat.start_us, key=lambda span: span.start_us)
        previous = timeline[place - 1] if place else None
        merge = merge_heartbeat(previous, heartbeat, timeline[place:], pulsetime_us=pulsetime_us)
        first = place if merge.is_new else place - 1
        timeline[first : place + merge.absorbed] = [merge.result]
    return timeline
