"""Neighbours with the same value as one event that holds them: ``chunk_events_by_key``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pulseline_core.times import format_us
from pulseline_core.transforms.columns import NO_ID, Columns
from pulseline_core.transforms.data_pool import Integers
from pulseline_core.types import JSONObject, JSONValue


def chunk_events_by_key(events: Columns, key: str) -> Columns:
    """Return an event for each run of events that have one value under a key.

    Its data is ``{key: value, "subevents": [event, ...]}``; it begins with the first of them and is as long as all
    together, however far apart they lie. The first event without the key is the end.
    aw-core 0.5.18, ``aw_transform/chunk_events_by_key.py``.
    """
    pool = events.pool
    has_key = pool.test(events.data, ("chunk_events_by_key", "has", key), lambda data: key in data)
    if not has_key.all():
        events = events.take(slice(None, int(np.argmin(has_key))))
    if not len(events):
        return events
    values = pool.rewrite(events.data, ("chunk_events_by_key", "value", key), lambda data: {key: data[key]})
    first = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    subevents: list[JSONValue] = list(_iter_json(events))
    data = [
        pool.intern({**pool.get(values[begin]), "subevents": subevents[begin:end]})
        for begin, end in _iter_runs(first, len(events))
    ]
    start, duration = events.start[first], np.add.reduceat(events.duration, first)
    ids = np.full(len(first), NO_ID, dtype=np.int64)
    return Columns(pool, start, start + duration, np.array(data, dtype=np.int64), ids)


def _iter_runs(first: Integers, count: int) -> Iterator[tuple[int, int]]:
    """Yield where each run begins and where the next does."""
    begins = first.tolist()
    yield from zip(begins, [*begins[1:], count], strict=True)


def _iter_json(events: Columns) -> Iterator[JSONObject]:
    """Yield events as REST shows them."""
    rows = zip(events.ids.tolist(), events.start.tolist(), events.duration.tolist(), events.data.tolist(), strict=True)
    for event_id, start, duration, code in rows:
        yield {
            "id": None if event_id == NO_ID else event_id,
            "timestamp": format_us(start),
            "duration": duration / 1_000_000,
            "data": events.pool.get(code),
        }
