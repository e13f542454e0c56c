"""Sorting, limiting and summing."""

from __future__ import annotations

import numpy as np

from pulseline_core.transforms.columns import Columns


def sort_by_timestamp(events: Columns) -> Columns:
    """Return the events by their start; those that begin together stay in their order."""
    return events if is_sorted(events) else events.take(np.argsort(events.start, kind="stable"))


def sort_by_duration(events: Columns) -> Columns:
    """Return the events longest first; those of equal length stay in their order."""
    return events.take(np.argsort(-events.duration, kind="stable"))


def limit_events(events: Columns, count: int) -> Columns:
    """Return the first ``count`` events; a negative count leaves out so many at the end (aw-core 0.5.18)."""
    return events.take(slice(None, count))


def sum_durations_us(events: Columns) -> int:
    """Return how long all events together are, in microseconds."""
    return int(events.duration.sum())


def is_sorted(events: Columns) -> bool:
    """Return whether no event begins before the one in front of it."""
    return bool((events.start[1:] >= events.start[:-1]).all())


def are_apart(events: Columns) -> bool:
    """Return whether the events are sorted and no two share more than an instant."""
    return is_sorted(events) and bool((events.start[1:] >= events.end[:-1]).all())
