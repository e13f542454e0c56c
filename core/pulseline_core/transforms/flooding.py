"""Filling the gaps that watchers leave between what they see: ``flood``.

Watchers look every few seconds, so what happened in between is not known. Neighbours with equal data become one over a
short gap; others meet in its middle. aw-core 0.5.18, ``aw_transform/flood.py``, walks from pair to pair and changes
both events, then walks again and takes away what still overlaps. What one pair does to the next is little, and most of
it is known beforehand, so here nearly all pairs are worked on at once:

- The *reach* of an event is where it ends when its turn as the earlier of a pair comes. That is its own end; or, among
  neighbours of equal data that overlap, the greatest so far; and less the part of a millisecond that aw-core may cut
  off. With the first two all pairs are judged; where the third shows, the next pair is judged again, until none does.
- Its start then depends on the pair before only where it was joined over a gap with equal data; those few pairs are
  walked through.
- So are the few events that overlap more than the one behind them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from pulseline_core.transforms.columns import Columns
from pulseline_core.transforms.data_pool import Booleans, Integers

#: Events of different data that overlap by less than this are taken for neighbours (aw-core 0.5.18).
_SLIGHT_OVERLAP_US: Final = 100_000

#: aw-core keeps instants as whole milliseconds, durations as microseconds.
_MILLISECOND_US: Final = 1000


class _Later(NamedTuple):
    """The later events of some pairs, and whether the earlier ones have equal data."""

    start: Integers
    end: Integers
    is_equal: Booleans

    def take(self, pairs: Integers) -> _Later:
        return _Later(self.start[pairs], self.end[pairs], self.is_equal[pairs])


class _Verdicts(NamedTuple):
    """What happens to some pairs.

    Attributes:
        overlaps: equal data, and they overlap: the earlier takes all, the later becomes an instant at the end.
        joins: equal data, and a short gap: the longer one takes all.
        meets: other data, and a short gap or overlap: both end in its middle.
        border: that end or middle; means nothing for other pairs.
    """

    overlaps: Booleans
    joins: Booleans
    meets: Booleans
    border: Integers


def flood(events: Columns, pulsetime_us: int) -> Columns:
    """Return the events with gaps of at most ``pulsetime_us`` filled, sorted, never overlapping; aw-core 0.5.18.

    ::

        events   | aaaa   bbb      aa  aaa |
        result   | aaaaabbbbb      aaaaaaa |

    Events without a length at the end of it are left out.
    """
    events = _sort(events)
    verdicts, reach = _judge_all(events, pulsetime_us)
    start, end = _fill(events, verdicts, reach)
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


def _judge_all(events: Columns, pulsetime_us: int) -> tuple[_Verdicts, Integers]:
    """Return what happens to each event and the one behind it, and the reach of each event."""
    later = _Later(events.start[1:], events.end[1:], events.data[1:] == events.data[:-1])
    reach = _find_greatest(events, later.is_equal)
    verdicts, found = _judge(later, reach[:-1], pulsetime_us)
    changed = np.flatnonzero(found != reach[1:]) + 1
    reach[1:] = found
    # Each change counts half for the next pair, so a few rounds settle all.
    while len(pairs := changed[changed < len(later.start)]):
        events.pool.check()
        more, found = _judge(later.take(pairs), reach[pairs], pulsetime_us)
        for known, new in zip(verdicts, more, strict=True):
            known[pairs] = new
        changed = pairs[found != reach[pairs + 1]] + 1
        reach[pairs + 1] = found
    return verdicts, reach


def _judge(later: _Later, reach: Integers, pulsetime_us: int) -> tuple[_Verdicts, Integers]:
    """Return what happens to pairs whose earlier events have this reach, and the reach of the later ones.

    Where an instant is set, aw-core cuts it down to milliseconds, and thereby moves the event's end, too. Whether the
    next gap is short may hang on that. Only the instant that a join leaves is not cut here; where events end on whole
    milliseconds, that is the same.
    """
    gap = later.start - reach
    is_short = (gap > -_SLIGHT_OVERLAP_US) & (gap <= pulsetime_us) & (gap != 0)
    overlaps = later.is_equal & (gap < 0)
    meets = is_short & ~later.is_equal
    border = np.where(overlaps, np.maximum(reach, later.end), reach + _halve(gap))
    cut = np.where(overlaps | meets, border % _MILLISECOND_US, 0)
    joins = is_short & later.is_equal & ~overlaps
    return _Verdicts(overlaps, joins, meets, border), np.where(overlaps, border, later.end) - cut


def _halve(gap: Integers) -> Integers:
    """Return half of it; between two numbers the even one, as ``timedelta`` does."""
    half = gap >> 1
    return half + (gap & half & 1)


def _find_greatest(events: Columns, is_equal: Booleans) -> Integers:
    """Return the greatest end so far among neighbours of equal data.

    Among neighbours that do not overlap, an event's own end is the greatest anyhow.
    """
    if not bool((is_equal & (events.end[1:] < events.end[:-1])).any()):
        return events.end.copy()
    order = np.argsort(events.end, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    group = np.append(0, np.cumsum(~is_equal)) * len(order)  # a later group outranks all before it
    greatest: Integers = events.end[order[np.maximum.accumulate(rank + group) - group]]
    return greatest


def _fill(events: Columns, verdicts: _Verdicts, reach: Integers) -> tuple[Integers, Integers]:
    """Return each event's start and end after all pairs."""
    start, end = events.start.copy(), reach.copy()
    meeting, overlapping = np.flatnonzero(verdicts.meets), np.flatnonzero(verdicts.overlaps)
    end[meeting] = middle = verdicts.border[meeting]
    start[meeting + 1] = middle - middle % _MILLISECOND_US
    end[overlapping] = verdicts.border[overlapping]
    start[overlapping + 1] = reach[overlapping + 1]
    for row in np.flatnonzero(verdicts.joins).tolist():  # in their order: a joined event is longer for the next one
        begin, stop = int(start[row]), int(events.end[row + 1])
        if int(reach[row]) - begin >= stop - int(events.start[row + 1]):
            end[row] = start[row + 1] = stop
        else:
            end[row] = start[row + 1] = begin
    start[overlapping] = np.minimum(start[overlapping], events.start[overlapping + 1])
    return start, end


def _lay_apart(events: Columns) -> Columns:
    """Return the events without overlaps: equal neighbours become one, of others the later one counts."""
    events = _cut_off(events)
    reach = np.maximum.accumulate(events.end)
    next_start = np.minimum.accumulate(events.start[::-1])[::-1]  # meeting in the middle, some changed their order
    is_tangled = np.append(next_start[1:] < reach[:-1], False)
    if not bool(is_tangled.any()):
        return events
    follows = np.append(False, is_tangled[:-1])
    begins, ends = np.flatnonzero(is_tangled & ~follows), np.flatnonzero(follows & ~is_tangled) + 1
    end = events.end.copy()
    is_kept = np.ones(len(events), dtype=np.bool_)
    for begin, stop in zip(begins.tolist(), ends.tolist(), strict=True):
        end[begin:stop], is_kept[begin:stop] = _untangle(events.take(slice(begin, stop)))
    rows = np.flatnonzero(is_kept)
    return events.move(rows, events.start[rows], end[rows])


def _cut_off(events: Columns) -> Columns:
    """Return the events with each cut off where the next one begins, if that has other data and leaves anything."""
    is_over = (events.end[:-1] > events.start[1:]) & (events.start[:-1] < events.start[1:])
    rows = np.flatnonzero(is_over & (events.data[:-1] != events.data[1:]))
    end = events.end.copy()
    end[rows] = events.start[rows + 1]
    return replace(events, end=end)


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
