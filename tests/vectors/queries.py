"""The recorded queries, and how a result is compared with what was recorded."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.vectors import read_vectors

VECTORS = read_vectors("query2")
ANSWERED = [each for each in VECTORS if "error" not in each]
REFUSED = [each for each in VECTORS if "error" in each]

#: Of an event: aw-core cuts both its ends to milliseconds. Sums may differ by more, and none does.
TOLERANCE_S = 0.002


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
    """Compare a result with the recorded one: times within a millisecond, lengths of time within two."""
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
        assert actual["duration"] == pytest.approx(expected["duration"], abs=TOLERANCE_S, rel=0)
        assert actual["data"] == expected["data"]
    elif isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for key, value in expected.items():
            check_same(actual[key], value)
    elif isinstance(expected, float):
        assert actual == pytest.approx(expected, abs=TOLERANCE_S, rel=0)
    else:
        assert actual == expected
