"""Events as columns: an array for each attribute instead of an object for each event.

What changes no event hands on the same arrays; nothing ever changes an array that a ``Columns`` holds. So two variables
of a query may share them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from pulseline_core.event import Event, restore_event
from pulseline_core.json_value import fold_floats
from pulseline_core.times import MICROSECOND, from_us, to_us
from pulseline_core.transforms.data_pool import Booleans, DataPool, Integers
from pulseline_core.types import JSONObject

#: The id of an event that the store does not have: one that was computed.
NO_ID: Final = -1


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Columns:
    """Events, in any order.

    Attributes:
        pool: what the codes stand for; the same for all events that meet in a transform.
        start: microseconds since 1970.
        end: the same; never before the start.
        data: the code of each event's data.
        ids: the store's number for each event, or ``NO_ID``.
    """

    pool: DataPool
    start: Integers
    end: Integers
    data: Integers
    ids: Integers

    def __len__(self) -> int:
        return len(self.start)

    def __repr__(self) -> str:
        """Return what queries and their errors show of events: their number."""
        return "1 event" if len(self) == 1 else f"{len(self)} events"

    @property
    def duration(self) -> Integers:
        """How long each event is, in microseconds."""
        return self.end - self.start

    def take(self, rows: Integers | Booleans | slice) -> Columns:
        """Return some of the events: those at these places, or where it is true."""
        return Columns(self.pool, self.start[rows], self.end[rows], self.data[rows], self.ids[rows])

    def move(self, rows: Integers, start: Integers, end: Integers) -> Columns:
        """Return the events at these places, each with another time."""
        return Columns(self.pool, start, end, self.data[rows], self.ids[rows])

    def relabel(self, data: Integers) -> Columns:
        """Return the events with other data."""
        return Columns(self.pool, self.start, self.end, data, self.ids)


def no_events(pool: DataPool) -> Columns:
    """Return no events."""
    none = np.empty(0, dtype=np.int64)
    return Columns(pool, none, none, none, none)


def concatenate(first: Columns, *others: Columns) -> Columns:
    """Return the events of the one, then those of the others."""
    parts = (first, *others)
    return Columns(
        first.pool,
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.end for part in parts]),
        np.concatenate([part.data for part in parts]),
        np.concatenate([part.ids for part in parts]),
    )


def from_events(events: Iterable[Event], pool: DataPool) -> Columns:
    """Return events as columns, in their order; whole numbers in their data become integers, as in the store."""
    rows = [
        (to_us(event.timestamp), event.duration // MICROSECOND, pool.intern(_fold(event.data)), _get_id(event))
        for event in events
    ]
    if not rows:
        return no_events(pool)
    start, duration, data, ids = np.array(rows, dtype=np.int64).T.copy()
    return Columns(pool, start, start + duration, data, ids)


def to_events(columns: Columns) -> list[Event]:
    """Return columns as events; equal data is shared between them, nobody may change it."""
    rows = zip(columns.ids.tolist(), columns.start.tolist(), columns.end.tolist(), columns.data.tolist(), strict=True)
    return [
        restore_event(
            timestamp=from_us(start),
            duration=timedelta(microseconds=end - start),
            data=columns.pool.get(code),
            event_id=None if event_id == NO_ID else event_id,
        )
        for event_id, start, end, code in rows
    ]


def _fold(data: JSONObject) -> JSONObject:
    return {key: fold_floats(value) for key, value in data.items()}


def _get_id(event: Event) -> int:
    return NO_ID if event.id is None else event.id
