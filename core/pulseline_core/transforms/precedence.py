"""Laying one timeline over another: ``union_no_overlap``.

aw-core 0.5.18 (``aw_transform/union_no_overlap.py``) walks through both, and so each event of the first cuts one event
of the second: the one that it begins in, or else the first that begins after it. Further ones that lie under it stay.
Programs know it so, and it is kept; but the order of the events does not matter here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pulseline_core.transforms.columns import Columns, concatenate
from pulseline_core.transforms.data_pool import Integers
from pulseline_core.transforms.order import are_apart, sort_by_timestamp
from pulseline_core.transforms.periods import expand


def union_no_overlap(first: Columns, second: Columns) -> Columns:
    """Return all events of ``first``, and what they leave of ``second``, by start; aw-core 0.5.18.

    ::

        first    | xxx    xx     xxx     |
        second   |  ----     ------   -- |
        result   | xxx--  xx ----xxx  -- |
    """
    first, second = sort_by_timestamp(first), sort_by_timestamp(second)
    if not (len(first) and len(second)):
        return concatenate(first, second)
    if _are_plain(first) and _are_plain(second):
        left = _cut(second, first)
    else:
        pieces = np.array(list(_iter_pieces(first, second)), dtype=np.int64).reshape(-1, 3)
        left = second.move(pieces[:, 0], pieces[:, 1], pieces[:, 2])
    return sort_by_timestamp(concatenate(first, left))


def _are_plain(events: Columns) -> bool:
    """Return whether the events lie one after another, each with a length."""
    return are_apart(events) and bool((events.duration > 0).all())


def _cut(events: Columns, cover: Columns) -> Columns:
    """Return what a cover leaves of the events; both are plain.

    What cuts an event parts it: piece ``n`` begins where cut ``n - 1`` ends, and ends where cut ``n`` begins.
    """
    hit, cuts = _find_cuts(events, cover)
    counts = np.bincount(hit, minlength=len(events))
    rows, _ = expand(counts, counts + 1)
    start, end = events.start[rows], events.end[rows]
    after = np.arange(len(hit)) + hit + 1
    start[after] = cover.end[cuts]
    end[after - 1] = cover.start[cuts]
    kept = end > start
    return events.move(rows[kept], start[kept], end[kept])


def _find_cuts(events: Columns, cover: Columns) -> tuple[Integers, Integers]:
    """Return the places of events that are cut, in their order, and of what cuts them."""
    behind = np.searchsorted(events.start, cover.start, side="left")
    before = np.maximum(behind - 1, 0)
    begins_within = (behind > 0) & (events.end[before] > cover.start)
    hit = np.where(begins_within, before, behind)
    reaches = hit < len(events)
    reaches[reaches] = events.start[hit[reaches]] < cover.end[reaches]
    cuts = np.flatnonzero(reaches)
    return hit[cuts], cuts


class _Piece(NamedTuple):
    """What is left of the event at ``row``."""

    row: int
    start: int
    end: int


def _iter_pieces(first: Columns, second: Columns) -> Iterator[_Piece]:
    """Yield what the walk leaves of ``second``."""
    covers = list(zip(first.start.tolist(), first.end.tolist(), strict=True))
    times = zip(second.start.tolist(), second.end.tolist(), strict=True)
    rest = [_Piece(row, *time) for row, time in enumerate(times)][::-1]
    for start, end in covers:
        while rest and rest[-1].start < start:
            piece = rest.pop()
            if start < piece.end:
                yield piece._replace(end=start)
                rest.append(piece._replace(start=start))
            else:
                yield piece
        if rest and _meet((start, end), rest[-1]):
            piece = rest.pop()
            if piece.start < end < piece.end:
                rest.append(piece._replace(start=end))
    yield from reversed(rest)


def _meet(cover: tuple[int, int], piece: _Piece) -> bool:
    """Return whether aw-core takes a cover and a piece that does not begin before it for overlapping."""
    start, end = cover
    return piece.start < end or start < piece.end <= end or piece.start == start
