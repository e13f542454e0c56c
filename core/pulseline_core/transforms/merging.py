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
    if not len(events):
        return events
    codes = events.pool.project(events.data, tuple(keys))
    groups = codes - codes.min()  # codes of one time lie close together, those of all times may be many
    first = _find_first(groups)
    durations = np.zeros(int(groups.max()) + 1, dtype=np.int64)
    np.add.at(durations, groups, events.duration)
    start = events.start[first]
    nothing = np.full(len(first), NO_ID, dtype=np.int64)
    return Columns(events.pool, start, start + durations[groups[first]], codes[first], nothing)


def _find_first(groups: Integers) -> Integers:
    """Return the place at which each group that occurs does so first, in order."""
    first = np.full(int(groups.max()) + 1, len(groups), dtype=np.int64)
    np.minimum.at(first, groups, np.arange(len(groups)))
    return np.sort(first[first < len(groups)])
