"""A source of events in memory, and what tests ask it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from pulseline_core.errors import NotFound
from pulseline_core.event import Event, parse_event
from pulseline_core.query.answer import Answer, Question, answer
from pulseline_core.query.budget import Budget, Limits
from pulseline_core.query.measured import Value
from pulseline_core.transforms.columns import Columns, from_events, to_events
from pulseline_core.transforms.data_pool import DataPool

#: Any time after all events of tests.
NOW: Final = datetime(2030, 1, 1, tzinfo=UTC)

#: A day that holds all events of ``a_source``.
DAY: Final = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))


class MemorySource:
    """Buckets of events, each with a hostname; fulfils ``EventSource``."""

    def __init__(self, buckets: Mapping[str, tuple[str, Sequence[Event]]]) -> None:
        self.pool = DataPool()
        self._hostnames = {bucket_id: hostname for bucket_id, (hostname, _) in buckets.items()}
        self._events = {
            bucket_id: from_events(sorted(events, key=lambda event: event.timestamp), self.pool)
            for bucket_id, (_, events) in buckets.items()
        }

    def read_buckets(self) -> Sequence[tuple[str, str]]:
        """Return the buckets in the order in which they were given."""
        return list(self._hostnames.items())

    def read_events(self, bucket_id: str, first_us: int, last_us: int) -> Columns:
        """Return the events that lie within a range or reach into it, cut to it."""
        if bucket_id not in self._events:
            raise NotFound("bucket", bucket_id)
        events = self._events[bucket_id]
        is_empty = last_us < first_us
        rows = np.flatnonzero((events.end >= first_us) & (events.start <= last_us) & (not is_empty))
        return events.move(rows, np.maximum(events.start[rows], first_us), np.minimum(events.end[rows], last_us))

    def count_events(self, bucket_id: str, first_us: int, last_us: int) -> int:
        """Return how many ``read_events`` returns."""
        return len(self.read_events(bucket_id, first_us, last_us))


def build_event(hour: float, duration_s: float = 0, **data: Any) -> Event:
    """Return an event of the day that tests look at."""
    second = round(hour * 3600)
    return Event(
        timestamp=DAY[0].replace(hour=second // 3600, minute=second // 60 % 60, second=second % 60),
        duration=parse_event({"duration": duration_s}, now=NOW).duration,
        data=data,
    )


def build_source() -> MemorySource:
    """Return what most tests ask: a window bucket of two apps, and an afk bucket, on two hosts."""
    window = [
        build_event(8, 600, app="Firefox", title="News"),
        build_event(9, 300, app="code", title="main.py"),
        build_event(10, 120, app="Firefox", title="(2) Mail"),
    ]
    return MemorySource(
        {
            "aw-watcher-window_old": ("old", window[:1]),
            "aw-watcher-window_new": ("new", window),
            "aw-watcher-afk_new": ("new", [build_event(8, 7200, status="not-afk")]),
        }
    )


def build_budget(limits: Limits | None = None) -> Budget:
    """Return a budget whose time never passes and whose client stays."""
    return Budget(lambda: 0.0, is_client_gone=lambda: False, limits=limits)


def ask(*statements: str, source: MemorySource | None = None, limits: Limits | None = None) -> Answer:
    """Run a query over the day."""
    question = Question(statements=statements, periods=(DAY,), name="test")
    return answer(question, source or build_source(), build_budget(limits))


def get_result(*statements: str, source: MemorySource | None = None) -> Any:
    """Return the result of a query over the day as JSON."""
    return to_json(ask(*statements, source=source).results[0])


def to_json(value: Value) -> Any:
    """Return a value with its events as JSON objects."""
    match value:
        case Columns():
            return [event.to_json() for event in to_events(value)]
        case list():
            return [to_json(item) for item in value]
        case dict():
            return {key: to_json(item) for key, item in value.items()}
        case _:
            return value
