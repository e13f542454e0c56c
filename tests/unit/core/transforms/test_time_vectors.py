"""The transforms of time give what aw-core 0.5.18 gave, as recorded in ``tests/vectors``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from pulseline_core.event import Event
from pulseline_core.times import parse_timestamp
from pulseline_core.transforms import flooding, order, periods, precedence, subwatcher
from pulseline_core.transforms.columns import Columns, concatenate, from_events, to_events
from pulseline_core.transforms.data_pool import DataPool
from tests.vectors import read_vectors

#: Within so much times are compared: aw-core cuts timestamps to milliseconds.
TOLERANCE = timedelta(milliseconds=1)

Transform: TypeAlias = Callable[..., Columns]


def _flood(events: Columns, pulsetime_s: float = 5) -> Columns:
    return flooding.flood(events, round(pulsetime_s * 1_000_000))


def _merge(base: Columns, sub: Columns, keys: Sequence[str], conflict: str = "base_wins") -> Columns:
    return subwatcher.merge_subwatcher_fields(base, sub, keys, conflict=conflict)


TRANSFORMS: dict[str, Transform] = {
    "concat": concatenate,
    "filter_period_intersect": periods.filter_period_intersect,
    "flood": _flood,
    "limit_events": order.limit_events,
    "merge_subwatcher_fields": _merge,
    "period_union": periods.period_union,
    "sort_by_duration": order.sort_by_duration,
    "sort_by_timestamp": order.sort_by_timestamp,
    "union_no_overlap": precedence.union_no_overlap,
}
VECTORS = read_vectors("transforms")
OF_EVENTS = [vector for vector in VECTORS if vector["function"] in TRANSFORMS]
SUMS = [vector for vector in VECTORS if vector["function"] == "sum_durations"]


def test_there_are_vectors_of_every_transform_of_time() -> None:
    """None was forgotten when they were recorded."""
    assert {vector["function"] for vector in OF_EVENTS} == TRANSFORMS.keys()
    assert SUMS


@pytest.mark.parametrize("vector", OF_EVENTS, ids=lambda vector: f"{vector['function']}-{vector['id']}")
def test_a_transform_gives_what_aw_core_gave(vector: dict[str, Any]) -> None:
    """The same events in the same order, times within a millisecond."""
    pool = DataPool()
    arguments = [_read(argument, pool) for argument in vector["args"]]

    events = to_events(TRANSFORMS[vector["function"]](*arguments))

    expected = [_read_event(value) for value in vector["expected"]]
    assert [event.data for event in events] == [event.data for event in expected]
    for event, other in zip(events, expected, strict=True):
        assert abs(event.timestamp - other.timestamp) <= TOLERANCE
        assert abs(event.duration - other.duration) <= TOLERANCE


@pytest.mark.parametrize("vector", SUMS, ids=lambda vector: vector["id"])
def test_a_sum_is_what_aw_core_gave(vector: dict[str, Any]) -> None:
    """Within a millisecond for each event."""
    events = _read(vector["args"][0], DataPool())

    total_us = order.sum_durations_us(events)

    assert abs(total_us / 1_000_000 - vector["expected"]) <= TOLERANCE.total_seconds() * len(events)


def _read(argument: Any, pool: DataPool) -> Any:
    """Return a list of events as columns, anything else as it is."""
    if isinstance(argument, list) and all(isinstance(value, dict) for value in argument):
        return from_events([_read_event(value) for value in argument], pool)
    return argument


def _read_event(value: dict[str, Any]) -> Event:
    return Event(
        timestamp=parse_timestamp(value["timestamp"]),
        duration=timedelta(seconds=value["duration"]),
        data=value["data"],
        id=value.get("id"),
    )
