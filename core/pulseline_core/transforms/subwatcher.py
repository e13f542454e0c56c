"""Adding what one watcher knows to the events of another: ``merge_subwatcher_fields``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from pulseline_core.transforms.columns import Columns
from pulseline_core.transforms.data_pool import Booleans, DataPool, Integers
from pulseline_core.transforms.periods import expand

#: What becomes of a key that both have.
CONFLICTS: Final = ("base_wins", "sub_wins")

#: Stands for the place of an event where there is none.
_NOBODY: Final = -1


def merge_subwatcher_fields(
    base: Columns, sub: Columns, keys: Sequence[str], *, conflict: str = "base_wins"
) -> Columns:
    """Return the events of ``base``, split where those of ``sub`` begin and end, with their keys added.

    ::

        base     | eeeeeeeeeeeee   ttttt |
        sub      |     111  2222222      |
        result   | eeeeE1EeeE2E2   ttttt |

    Where several of ``sub`` hold, the one that began last counts; one without a length holds for the pieces in front of
    it and behind it. All events together are as long as before.
    aw-core 0.5.18, ``aw_transform/merge_subwatcher_fields.py``.

    Args:
        base: what is enriched.
        sub: what knows more.
        keys: what is taken from it.
        conflict: ``base_wins`` keeps a key that the base event has, ``sub_wins`` takes the other's value.

    Raises:
        ValueError: ``conflict`` is neither.
    """
    if conflict not in CONFLICTS:
        raise ValueError(f"conflict must be 'base_wins' or 'sub_wins', got {conflict!r}")
    if not (len(base) and len(sub) and len(keys)):
        return base
    points = np.unique(np.concatenate((sub.start, sub.end)))
    rows, pieces = _split(base, points)
    best = _find_best(base.take(rows), pieces, sub, points)
    instants = np.flatnonzero(pieces.duration == 0)
    best[instants] = _NOBODY
    known = np.flatnonzero(best != _NOBODY)
    data = pieces.data.copy()
    data[known] = _merge(base.pool, pieces.data[known], sub.data[best[known]], (keys, conflict))
    is_kept = np.ones(len(rows), dtype=np.bool_)
    is_kept[instants] = ~_lie_within(pieces.start[instants], sub)
    return _rejoin(rows[is_kept], pieces.relabel(data).take(is_kept))


def _split(base: Columns, points: Integers) -> tuple[Integers, Columns]:
    """Return the events split at the points within them, and the place of the event of each piece."""
    first = np.searchsorted(points, base.start, side="right")
    counts = np.maximum(np.searchsorted(points, base.end, side="left") - first, 0)
    rows, places = expand(first - 1, counts + 1)
    number = places - first[rows] + 1
    start = np.where(number == 0, base.start[rows], points[places])
    end = np.where(number == counts[rows], base.end[rows], points[np.minimum(places + 1, len(points) - 1)])
    return rows, base.move(rows, start, end)


def _find_best(whole: Columns, pieces: Columns, sub: Columns, points: Integers) -> Integers:
    """Return for each piece the place of the event of ``sub`` that counts there, or ``_NOBODY``.

    Args:
        whole: for each piece the event that it is of.
        pieces: none has one of the points within it.
        sub: in any order.
        points: where those of ``sub`` begin and end.
    """
    best = _look_up(_find_latest(sub, points), np.searchsorted(points, pieces.start, side="right") - 1)
    # An event that holds on from before the piece gives way to an instant at the piece's start.
    instant = _find_instants(sub, points)
    at_start = _look_up(instant, _find_place(points, pieces.start, whole))
    begins_here = (best != _NOBODY) & (sub.start[best] == pieces.start)
    best = np.where((at_start != _NOBODY) & ~begins_here, at_start, best)
    at_end = _look_up(instant, _find_place(points, pieces.end, whole))
    return np.where(at_end != _NOBODY, at_end, best)


def _find_latest(sub: Columns, points: Integers) -> Integers:
    """Return which of ``sub`` began last, of those that hold from each point on, or ``_NOBODY``.

    Of those that began together it is the longest, and of those the first.
    """
    coming = np.lexsort((-np.arange(len(sub)), sub.end, sub.start))[::-1].tolist()
    begins = np.searchsorted(points, sub.start).tolist()
    ends = [*np.searchsorted(points, sub.end).tolist(), len(points)]  # nobody, at -1, never ends
    begun, latest = [_NOBODY], []
    for point in range(len(points)):
        while coming and begins[coming[-1]] == point:
            begun.append(coming.pop())
        while ends[begun[-1]] <= point:
            begun.pop()
        latest.append(begun[-1])
    return np.array(latest, dtype=np.int64)


def _find_instants(sub: Columns, points: Integers) -> Integers:
    """Return which of ``sub`` is an instant at each point, the first if several are, or ``_NOBODY``."""
    found = np.full(len(points), _NOBODY)
    instants = np.flatnonzero(sub.duration == 0)[::-1]  # of several assignments to one place the last one stays
    found[np.searchsorted(points, sub.start[instants])] = instants
    return found


def _lie_within(instants: Integers, sub: Columns) -> Booleans:
    """Return which instants lie between the start and the end of any of ``sub``: aw-core leaves such events out."""
    order = np.argsort(sub.start)
    reach = np.maximum.accumulate(sub.end[order])
    behind = np.searchsorted(sub.start[order], instants)
    return (behind > 0) & (reach[np.maximum(behind - 1, 0)] > instants)


def _find_place(points: Integers, wanted: Integers, whole: Columns) -> Integers:
    """Return the place of each wanted point that lies within the whole event, else ``_NOBODY``."""
    place = np.minimum(np.searchsorted(points, wanted), len(points) - 1)
    is_within = (whole.start < wanted) & (wanted < whole.end)
    return np.where(is_within & (points[place] == wanted), place, _NOBODY)


def _look_up(values: Integers, places: Integers) -> Integers:
    return np.where(places == _NOBODY, _NOBODY, values[places])


def _merge(pool: DataPool, base: Integers, sub: Integers, how: tuple[Sequence[str], str]) -> Integers:
    """Return the code of the data that each pair of base and sub makes."""
    keys, conflict = how
    size = len(pool)
    pairs, inverse = np.unique(base * size + sub, return_inverse=True)
    codes = []
    for base_code, sub_code in zip((pairs // size).tolist(), (pairs % size).tolist(), strict=True):
        data, more = pool.get(base_code), pool.get(sub_code)
        added = {key: more[key] for key in keys if key in more and (conflict == "sub_wins" or key not in data)}
        codes.append(pool.intern({**data, **added}))
    return np.array(codes, dtype=np.int64)[inverse]


def _rejoin(rows: Integers, pieces: Columns) -> Columns:
    """Return the pieces, with neighbours of one event and equal data as one."""
    is_new = np.append(True, (rows[1:] != rows[:-1]) | (pieces.data[1:] != pieces.data[:-1]))[: len(rows)]
    first = np.flatnonzero(is_new)
    last = np.append(first[1:], len(rows)) - 1
    return pieces.move(first, pieces.start[first], pieces.end[last[: len(first)]])
