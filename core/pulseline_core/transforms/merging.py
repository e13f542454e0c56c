"""Adding up the time of events that have something in common: ``merge_events_by_keys``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pulseline_core.transforms.columns import NO_ID, Columns
from pulseline_core.transforms.data_pool import Integers


def merge_events_by_keys(events: Columns, keys: Sequence[str]) -> Columns:
    """Return an event for each combination of values that the events have under some keys.

    It begins with the first event of the combination and is as long as all of them together. Events that lack a key
    are of a combination without it. Without keys the events stay as they are.
    aw-core 0.5.18, ``aw_transform/merge_events_by_keys.py``; there ``{"a": 1}`` and ``{"b": 1}`` are merged.
    """
    if not keys:
        return events
    groups = events.pool.project(events.data, tuple(keys))
    first = _find_first(groups, len(events.pool))
    durations = np.zeros(len(events.pool), dtype=np.int64)
    np.add.at(durations, groups, events.duration)
    start, data = events.start[first], groups[first]
    return Columns(events.pool, start, start + durations[data], data, np.full(len(first), NO_ID, dtype=np.int64))


def _find_first(codes: Integers, code_count: int) -> Integers:
    """Return the place at which each code that occurs does so first, in order."""
    first = np.full(code_count, len(codes), dtype=np.int64)
    np.minimum.at(first, codes, np.arange(len(codes)))
    return np.sort(first[first < len(codes)])
