"""The queries that aw-core answered, and what it answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from pulseline_core.event import parse_event
from pulseline_core.query.answer import Question, answer
from pulseline_core.query.errors import QueryError
from tests.unit.core.query.memory_source import NOW, MemorySource, build_budget, to_json
from tests.vectors import read_fixture, read_vectors

VECTORS = read_vectors("query2")

#: A millisecond for each event of a bucket.
TOLERANCE_S = 0.001 * 60


@pytest.fixture(scope="module")
def source() -> MemorySource:
    """Return the buckets that the recorded queries ran on."""
    buckets = read_fixture("query2-fixture")["buckets"]
    return MemorySource(
        {
            bucket_id: (bucket["hostname"], [parse_event(event, now=NOW) for event in bucket["events"]])
            for bucket_id, bucket in buckets.items()
        }
    )


def run(vector: dict[str, Any], source: MemorySource) -> Any:
    """Run a recorded query."""
    start, end = map(datetime.fromisoformat, vector["timeperiod"].split("/"))
    question = Question(statements=(vector["query"],), periods=((start, end),), name=vector["name"])
    return to_json(answer(question, source, build_budget()).results[0])


def is_event(value: object) -> bool:
    """Return whether a value is an event."""
    return isinstance(value, dict) and all(key in value for key in ("timestamp", "duration", "data"))


def get_order(event: dict[str, Any]) -> str:
    """Return what events are sorted by that may come in either order."""
    return f"{sorted(event['data'].items())} {event['timestamp'][:19]} {event['duration']:.1f}"


def may_swap(event: dict[str, Any], neighbour: dict[str, Any]) -> bool:
    """Return whether nothing says which of two comes first."""
    return any(event[key] == neighbour[key] for key in ("timestamp", "duration"))


def sort_runs(events: list[dict[str, Any]], borders: list[int]) -> list[dict[str, Any]]:
    """Return the events with those between two borders sorted."""
    runs = [events[first:last] for first, last in pairwise([0, *borders, len(events)])]
    return [event for run in runs for event in sorted(run, key=get_order)]


def check_same(actual: Any, expected: Any) -> None:
    """Compare results: times within a millisecond, sums within one for each event."""
    if isinstance(expected, list):
        assert len(actual) == len(expected)
        if expected and all(map(is_event, expected)):
            borders = [place for place, pair in enumerate(pairwise(expected), 1) if not may_swap(*pair)]
            actual, expected = sort_runs(actual, borders), sort_runs(expected, borders)
        for ours, theirs in zip(actual, expected, strict=True):
            check_same(ours, theirs)
    elif is_event(expected):
        difference = datetime.fromisoformat(actual["timestamp"]) - datetime.fromisoformat(expected["timestamp"])
        assert abs(difference) <= timedelta(milliseconds=1)
        assert actual["duration"] == pytest.approx(expected["duration"], abs=TOLERANCE_S)
        assert actual["data"] == expected["data"]
    elif isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for key, value in expected.items():
            check_same(actual[key], value)
    elif isinstance(expected, float):
        assert actual == pytest.approx(expected, abs=TOLERANCE_S)
    else:
        assert actual == expected


@pytest.mark.parametrize("vector", [each for each in VECTORS if "error" not in each], ids=lambda each: each["id"])
def test_a_recorded_query_has_the_recorded_result(vector: dict[str, Any], source: MemorySource) -> None:
    """What aw-server's users wrote finds what it found."""
    check_same(run(vector, source), vector["expected"])


@pytest.mark.parametrize("vector", [each for each in VECTORS if "error" in each], ids=lambda each: each["id"])
def test_a_recorded_query_that_failed_fails_in_the_same_way(vector: dict[str, Any], source: MemorySource) -> None:
    """The kind of the error is the one that aw-server answered."""
    with pytest.raises(QueryError) as caught:
        run(vector, source)

    assert caught.value.kind == vector["error"]
