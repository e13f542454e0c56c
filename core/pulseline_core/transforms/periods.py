"""What two timelines have in common, and what they cover together.

Timelines whose events lie one after another, as all are that went through ``flood``, are worked on as arrays. Others
are walked through as aw-core does, which decides what becomes of events that overlap.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pulseline_core.transforms.columns import Columns, concatenate
from pulseline_core.transforms.data_pool import Integers
from pulseline_core.transforms.order import are_apart, sort_by_timestamp


def filter_period_intersect(events: Columns, filters: Columns) -> Columns:
    """Return what of the events lies within the filters, cut to them; aw-core 0.5.18.

    ::

        events   |   =======        ======== |
        filters  | ------  ---  ---   ----   |
        result   |   ====  =          ====   |

    An event that meets several filters appears once for each, with the same id. What touches a filter only at an end
    is outside, but events without a length may lie at the ends of a filter. Of filters that overlap each one counts.
    """
    events, filters = sort_by_timestamp(events), sort_by_timestamp(filters)
    if not (len(events) and len(filters)):
        return events.take(slice(0))
    if are_apart(events) and are_apart(filters) and bool((filters.duration > 0).all()):
        rows, places = _pair(events, filters)
    else:
        rows, places = _walk(events, filters)
    start = np.maximum(events.start[rows], filters.start[places])
    return events.move(rows, start, np.minimum(events.end[rows], filters.end[places]))


def period_union(first: Columns, second: Columns) -> Columns:
    """Return the periods that events of either cover, without any data; aw-core 0.5.18.

    ::

        first    |   -------       --------- |
        second   | ------  ---  --    ----   |
        result   | -----------  -- --------- |

    Periods that touch become one, which has the id of its first event.
    """
    events = sort_by_timestamp(concatenate(first, second))
    if not len(events):
        return events
    reach = np.maximum.accumulate(events.end)
    begins = np.append(True, events.start[1:] > reach[:-1])
    rows = np.flatnonzero(begins)
    ends = reach[np.append(rows[1:], len(events)) - 1]
    empty = np.full(len(rows), events.pool.intern({}))
    return events.move(rows, events.start[rows], ends).relabel(empty)


def _pair(events: Columns, filters: Columns) -> tuple[Integers, Integers]:
    """Return which events meet which filters, for timelines without overlaps.

    Without overlaps, the filters that an event meets are neighbours: from the first that ends after the event begins
    to the last that begins before the event ends. An event without a length meets the first that reaches it.
    """
    is_instant = events.duration == 0
    first = np.where(
        is_instant,
        np.searchsorted(filters.end, events.start, side="left"),
        np.searchsorted(filters.end, events.start, side="right"),
    )
    behind = np.where(
        is_instant,
        np.minimum(first + 1, np.searchsorted(filters.start, events.start, side="right")),
        np.searchsorted(filters.start, events.end, side="left"),
    )
    return expand(first, np.maximum(behind - first, 0))


def expand(first: Integers, counts: Integers) -> tuple[Integers, Integers]:
    """Return, for rows with ``counts`` places each from ``first`` on, each row as often as it has places, and them.

    As in ``expand([7, 3], [2, 1])``: rows ``[0, 0, 1]``, places ``[7, 8, 3]``.
    """
    rows = np.repeat(np.arange(len(counts)), counts)
    behind = np.cumsum(counts)
    within = np.arange(len(rows)) - np.repeat(behind - counts, counts)
    return rows, first[rows] + within


def _walk(events: Columns, filters: Columns) -> tuple[Integers, Integers]:
    pairs = np.array(list(_iter_meetings(events, filters)), dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _iter_meetings(events: Columns, filters: Columns) -> Iterator[tuple[int, int]]:
    """Yield the places of events and filters that meet: of the two at hand the one that ends first is done with."""
    periods = list(zip(events.start.tolist(), events.end.tolist(), strict=True))
    others = list(zip(filters.start.tolist(), filters.end.tolist(), strict=True))
    row = place = 0
    while row < len(periods) and place < len(others):
        (start, end), (first, last) = periods[row], others[place]
        if _meet(start, end, first, last):
            yield row, place
            is_event_done = end <= last
        else:
            is_event_done = end <= first
        if is_event_done:
            row += 1
        else:
            place += 1


def _meet(start: int, end: int, first: int, last: int) -> bool:
    """Return whether two periods share time, or one of them is an instant of the other."""
    if max(start, first) < min(end, last):
        return True
    return first <= start and end <= last if start == end else first == last and start <= first <= end
