"""Runs of events with one value under a key."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby, takewhile
from typing import Any

from hypothesis import given

from pulseline_core.event import Event
from pulseline_core.json_value import canonical
from pulseline_core.transforms.chunks import chunk_events_by_key
from pulseline_core.transforms.columns import to_events
from tests.unit.core.transforms.samples import as_columns, build, events_of_any_data, get_data, get_rows


def chunk_slowly(events: list[Event]) -> list[tuple[Any, ...]]:
    """Run by run."""
    runs = groupby(takewhile(lambda event: "app" in event.data, events), key=lambda event: canonical(event.data["app"]))
    result: list[tuple[Any, ...]] = []
    for _, run in runs:
        members = list(run)
        data = {"app": members[0].data["app"], "subevents": [member.to_json() for member in members]}
        result.append((members[0].timestamp, sum((each.duration for each in members), timedelta()), data, None))
    return result


@given(events_of_any_data)
def test_a_run_holds_its_events_and_is_as_long_as_they_are(events: list[Event]) -> None:
    """As REST shows them; up to the first event that lacks the key."""
    assert get_rows(chunk_events_by_key(as_columns(events), "app")) == chunk_slowly(events)


def test_runs_end_where_the_value_changes() -> None:
    """The same value later is another run (aw-core 0.5.18 aw_transform/chunk_events_by_key.py)."""
    result = get_data(chunk_events_by_key(build({"a": 1}, {"a": 1, "b": 2}, {"a": 2}, {"a": 1}), "a"))

    assert [(each["a"], len(each["subevents"])) for each in result] == [(1, 2), (2, 1), (1, 1)]  # type: ignore[arg-type]


def test_the_first_event_without_the_key_is_the_end() -> None:
    """What comes after it is not looked at, as in aw-core."""
    assert len(chunk_events_by_key(build({"a": 1}, {"b": 1}, {"a": 1}), "a")) == 1
    assert len(chunk_events_by_key(build({"b": 1}, {"a": 1}), "a")) == 0


def test_a_run_is_one_however_far_apart_its_events_lie() -> None:
    """aw-core measures the gap from the last event of all, so that it never parts a run."""
    near, far = to_events(build({"a": 1}, {"a": 1}))
    later = Event(timestamp=far.timestamp + timedelta(days=1), duration=far.duration, data=far.data)

    assert len(chunk_events_by_key(as_columns([near, later]), "a")) == 1
