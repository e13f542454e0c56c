"""Rows of the event table as ``Event`` values, and the SQL that both sides of the store read them with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final, TypeAlias

import orjson

from pulseline_core.event import Event, restore_event
from pulseline_core.times import from_us
from pulseline_core.types import JSONObject

#: The event's number, its start and end in microseconds since 1970, the number of its data, and that as JSON text: keys
#: sorted, no spaces, one text for equal data.
EventRow: TypeAlias = tuple[int, int, int, int, str]

#: Selects an ``EventRow``. The event table is ``e``.
SELECT_EVENTS: Final = "SELECT e.id, start_us, end_us, data_id, json FROM event e JOIN event_data d ON d.id = data_id"

#: Instants that no event lies beyond, for ranges without an end; both fit every database's 64-bit integer.
MIN_US: Final = -(2**62)
MAX_US: Final = 2**62


def build_event(event_id: int, start_us: int, end_us: int, data: JSONObject) -> Event:
    """Return a stored event."""
    return restore_event(
        timestamp=from_us(start_us), duration=timedelta(microseconds=end_us - start_us), data=data, event_id=event_id
    )


def iter_events(rows: Iterable[EventRow], *, clip_us: tuple[int, int] | None = None) -> Iterator[Event]:
    """Yield the events of rows, cut to a range of time if there is one.

    Equal data is decoded once and shared: nobody may change it.
    """
    first_us, last_us = clip_us or (MIN_US, MAX_US)
    decoded: dict[int, JSONObject] = {}
    for event_id, start_us, end_us, data_id, text in rows:
        data = decoded.get(data_id)
        if data is None:
            data = decoded[data_id] = orjson.loads(text)
        yield build_event(event_id, max(start_us, first_us), min(end_us, last_us), data)


def clip_rows(rows: Iterable[EventRow], clip_us: tuple[int, int]) -> Iterator[EventRow]:
    """Yield the rows cut to a range of time."""
    first_us, last_us = clip_us
    for event_id, start_us, end_us, data_id, text in rows:
        yield event_id, max(start_us, first_us), min(end_us, last_us), data_id, text
