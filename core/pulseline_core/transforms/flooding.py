"""Filling the gaps that watchers leave between what they see: ``flood``.

Watchers look every few seconds, so what happened in between is not known. Neighbours with equal data become one over a
short gap; others meet in its middle. aw-core 0.5.18, ``aw_transform/flood.py``, walks from pair to pair and changes
both events. What one pair does to the next is little, and most of it is known beforehand, so here nearly all pairs are
worked on at once:

- The end of an event, when its turn as the earlier of a pair comes, is its own; or, among neighbours of equal data that
  overlap, the greatest so far.
- Its start then depends on the pair before only where it was joined over a gap with equal data; those few pairs are
  walked through.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from pulseline_core.transforms.columns import Columns
from pulseline_core.transforms.data_pool import Booleans, Integers

#: Events of different data that overlap by less than this are taken for neighbours (aw-core 0.5.18).
_SLIGHT_OVERLAP_US: Final = 100_000


#: aw-core keeps instants as whole milliseconds, durations as microseconds.
_MILLISECOND_US: Final = 1000


class _Pairs(NamedTuple):
    """What happens between each event and the one before it; for the first, nothing.

    Attributes:
        overlaps: equal data, and they overlap: the earlier takes all, the later becomes an instant at the end.
        joins: equal data, and a short gap: the longer one takes all.
        meets: other data, and a short gap or overlap: both end in its middle.
        middle: of the gap, in whole milliseconds.
        reach: where each event ends when it is the earlier of a pair.
    """

    overlaps: Booleans
    joins: Booleans
    meets: Booleans
    middle: Integers
    reach: Integers


def flood(events: Columns, pulsetime_us: int) -> Columns:
    """Return the events with gaps of at most ``pulsetime_us`` filled, sorted, never overlapping; aw-core 0.5.18.

    ::

        events   | aaaa   bbb      aa  aaa |
        result   | aaaaabbbbb      aaaaaaa |

    Events without a length at the end of it are left out.
    """
    events = _sort(events)
    if len(events) < 2:
        return events.take(events.duration > 0)
    is_equal = np.append(False, events.data[1:] == events.data[:-1])
    start, end = _fill(events, _judge(events, is_equal, pulsetime_us))
    kept = np.flatnonzero(end > start)
    return _lay_apart(events.move(kept, start[kept], end[kept]))


def _sort(events: Columns) -> Columns:
    """Return the events by start and end; those that have both in common stay in their order.

    Those of a bucket come newest first, and mostly need to be turned around only.
    """
    for ordered, least_step in ((events.take(slice(None, None, -1)), 1), (events, 0)):
        step = np.diff(ordered.start)
        if bool(((step > 0) | ((step == 0) & (np.diff(ordered.end) >= least_step))).all()):
            return ordered
    return events.take(np.lexsort((events.end, events.start)))


def _judge(events: Columns, is_equal: Booleans, pulsetime_us: int) -> _Pairs:
    """Return what happens between neighbours."""
    natural = _find_reach(events, is_equal)
    gap = np.append(0, events.start[1:] - natural[:-1])
    cut = _find_cuts(events.start, gap, is_equal, pulsetime_us)
    gap[1:] += cut[:-1]
    is_short = (gap > -_SLIGHT_OVERLAP_US) & (gap <= pulsetime_us) & (gap != 0)
    return _Pairs(
        overlaps=is_equal & (gap < 0),
        joins=is_equal & is_short & (gap > 0),
        meets=~is_equal & is_short,
        middle=events.start - gap + _halve(gap) - cut,
        reach=natural - cut,
    )


def _find_cuts(start: Integers, gap: Integers, is_equal: Booleans, pulsetime_us: int) -> Integers:
    """Return by how much the middle of each gap is no whole millisecond.

    Where the later event begins, aw-core cuts the middle down to milliseconds, and thereby moves the event's end, too.
    Whether the next gap is short may hang on that; so the cuts are followed from neighbour to neighbour. Each counts
    half for the next, so a few rounds settle all.
    """
    may_meet = np.flatnonzero(~is_equal & (gap > -_SLIGHT_OVERLAP_US - _MILLISECOND_US) & (gap <= pulsetime_us))
    follows = np.append(may_meet[1:] == may_meet[:-1] + 1, False)[: len(may_meet)]
    offset, moved = start[may_meet] % _MILLISECOND_US, gap[may_meet]
    cut = np.zeros_like(moved)
    rows = np.arange(len(may_meet))
    while len(rows):
        now = moved[rows]
        is_short = (now > -_SLIGHT_OVERLAP_US) & (now <= pulsetime_us) & (now != 0)
        found = np.where(is_short, (offset[rows] - now + _halve(now)) % _MILLISECOND_US, 0)
        more = found - cut[rows]
        cut[rows] = found
        is_felt = (more != 0) & follows[rows]
        rows = rows[is_felt] + 1
        moved[rows] += more[is_felt]
    cuts = np.zeros_like(gap)
    cuts[may_meet] = cut
    return cuts


def _halve(gap: Integers) -> Integers:
    """Return half of it; between two numbers the even one, as ``timedelta`` does."""
    half = gap >> 1
    return half + (gap & half & 1)


def _find_reach(events: Columns, is_equal: Booleans) -> Integers:
    """Return the greatest end so far among neighbours of equal data.

    Among neighbours that do not overlap, an event's own end is the greatest anyhow.
    """
    if not bool((is_equal[1:] & (events.end[1:] < events.end[:-1])).any()):
        return events.end
    order = np.argsort(events.end, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    group = np.cumsum(~is_equal) * len(order)  # a later group outranks all before it
    greatest: Integers = events.end[order[np.maximum.accumulate(rank + group) - group]]
    return greatest


def _fill(events: Columns, pairs: _Pairs) -> tuple[Integers, Integers]:
    """Return each event's start and end after all pairs."""
    reach = pairs.reach
    start, end = events.start.copy(), reach.copy()
    later = np.flatnonzero(pairs.meets)
    end[later - 1] = start[later] = pairs.middle[later]
    overlapping = np.flatnonzero(pairs.overlaps)
    end[overlapping - 1] = start[overlapping] = reach[overlapping]
    for row in np.flatnonzero(pairs.joins).tolist():  # in their order: a joined event is longer for the next one
        begin, stop = int(start[row - 1]), int(events.end[row])
        if int(reach[row - 1]) - begin >= stop - int(events.start[row]):
            end[row - 1] = start[row] = stop
        else:
            start[row] = end[row - 1] = begin
    start[overlapping - 1] = np.minimum(start[overlapping - 1], events.start[overlapping])
    return start, end


def _lay_apart(events: Columns) -> Columns:
    """Return the events without overlaps: equal neighbours become one, of others the later one counts."""
    if not len(events):
        return events
    reach = np.maximum.accumulate(events.end)
    tangled = np.append(False, events.start[1:] < reach[:-1])
    if not bool(tangled.any()):
        return events
    begins = np.flatnonzero(~tangled & np.append(tangled[1:], False))
    behind = np.flatnonzero(tangled & ~np.append(tangled[1:], False)) + 1
    end = events.end.copy()
    is_kept = np.ones(len(events), dtype=np.bool_)
    for begin, stop in zip(begins.tolist(), behind.tolist(), strict=True):
        end[begin:stop], is_kept[begin:stop] = _untangle(events.take(slice(begin, stop)))
    rows = np.flatnonzero(is_kept)
    return events.move(rows, events.start[rows], end[rows])


def _untangle(events: Columns) -> tuple[list[int], list[bool]]:
    """Return where each of some events that hang together by overlaps ends, and whether anything is left of it."""
    start, end, data = events.start.tolist(), events.end.tolist(), events.data.tolist()
    is_kept = [True] * len(events)
    laid: list[int] = []
    for row in range(len(events)):
        while laid and end[laid[-1]] > start[row]:
            before = laid[-1]
            if data[before] == data[row]:
                end[before] = max(end[before], end[row])
                is_kept[row] = False
                break
            end[before] = start[row]
            if end[before] > start[before]:
                laid.append(row)
                break
            is_kept[before] = False
            laid.pop()
        else:
            laid.append(row)
    return end, is_kept
