"""Events merged by what they have under some keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.event import Event
from pulseline_core.json_value import canonical
from pulseline_core.transforms.columns import to_events
from pulseline_core.transforms.merging import merge_events_by_keys
from pulseline_core.types import JSONObject
from tests.unit.core.transforms.samples import (
    as_columns,
    build,
    check_recorded,
    events_of_any_data,
    get_data,
    get_rows,
    read_columns,
    select_vectors,
)


def merge_slowly(events: list[Event], keys: list[str]) -> list[tuple[Any, ...]]:
    """Event by event, in a dictionary."""
    merged: dict[str, tuple[Any, timedelta, JSONObject, None]] = {}
    for event in events:
        data = {key: event.data[key] for key in keys if key in event.data}
        group = canonical(data)
        start, duration, *_ = merged.get(group, (event.timestamp, timedelta()))
        merged[group] = (start, duration + event.duration, data, None)
    return list(merged.values())


@pytest.mark.parametrize("case", select_vectors("merge_events_by_keys"), ids=lambda case: case["id"])
def test_events_are_merged_as_in_activitywatch(case: dict[str, Any]) -> None:
    """Recorded from aw-core 0.5.18."""
    events, keys = case["args"]

    check_recorded(merge_events_by_keys(read_columns(events), keys), case["expected"])


@given(events_of_any_data, st.lists(st.sampled_from(["app", "title", "missing"]), min_size=1, max_size=3))
def test_merging_adds_up_the_time_of_each_combination(events: list[Event], keys: list[str]) -> None:
    """In the order in which they first occur."""
    assert get_rows(merge_events_by_keys(as_columns(events), keys)) == merge_slowly(events, keys)


def test_the_same_value_under_another_key_is_another_combination() -> None:
    """aw-core takes the values without their keys."""
    result = merge_events_by_keys(build({"a": 1}, {"b": 1}, {"a": 1, "c": 2}), ["a", "b"])

    assert get_data(result) == [{"a": 1}, {"b": 1}]


def test_lists_and_objects_are_values_too() -> None:
    """Of categories the whole path counts; aw-core refuses objects."""
    data: list[JSONObject] = [{"$category": ["A", "B"]}, {"$category": {"A": "B"}}, {"$category": ["A", "B"]}]

    assert get_data(merge_events_by_keys(build(*data), ["$category"])) == data[:2]


def test_events_without_any_of_the_keys_are_one_combination() -> None:
    """Their time is not lost."""
    result = to_events(merge_events_by_keys(build({"x": 1}, {"x": 2}), ["app"]))

    assert [(event.data, event.duration) for event in result] == [({}, timedelta(seconds=2))]


def test_without_keys_the_events_stay_as_they_are() -> None:
    """Ids included."""
    events = build({"app": "x"}, {"app": "x"})

    assert get_rows(merge_events_by_keys(events, [])) == get_rows(events)


def test_no_events_make_no_combination() -> None:
    """Not an empty one."""
    assert get_data(merge_events_by_keys(build(), ["app"])) == []


def test_long_sums_are_exact() -> None:
    """To the microsecond, beyond what a float can hold."""
    odd = timedelta(days=365, microseconds=1)
    events = [Event(timestamp=each.timestamp, duration=odd, data=each.data) for each in to_events(build({"a": 1}))]

    assert to_events(merge_events_by_keys(as_columns(events * 30), ["a"]))[0].duration == 30 * odd
