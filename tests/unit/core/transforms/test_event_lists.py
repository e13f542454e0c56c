"""The transforms as functions over lists of events: ActivityWatch's names, and its recorded answers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core import transforms
from pulseline_core.errors import InvalidPattern, InvalidRule
from pulseline_core.event import Event
from pulseline_core.times import parse_timestamp
from pulseline_core.transforms import Rule, categorize, heartbeat_merge, heartbeat_reduce, patterns, tag, union
from tests.unit.core.transforms.samples import (
    START,
    VECTORS,
    as_columns,
    check_recorded_events,
    data_objects,
    events_of_any_data,
    list_rows,
)
from tests.unit.core.transforms.test_rules import HARD_TEXT, SLOW_PATTERN
from tests.vectors import HEARTBEATS_WHERE_TRUE_IS_ONE, read_vectors

#: The parameters of each function in aw-core 0.5.18, ``aw_transform/__init__.py``.
PARAMETERS = {
    "categorize": ["events", "classes"],
    "chunk_events_by_key": ["events", "key", "pulsetime"],
    "concat": ["events1", "events2"],
    "filter_keyvals": ["events", "key", "vals", "exclude"],
    "filter_keyvals_regex": ["events", "key", "regex"],
    "filter_period_intersect": ["events", "filterevents"],
    "flood": ["events", "pulsetime"],
    "heartbeat_merge": ["last_event", "heartbeat", "pulsetime"],
    "heartbeat_reduce": ["events", "pulsetime"],
    "limit_events": ["events", "count"],
    "merge_events_by_keys": ["events", "keys"],
    "merge_subwatcher_fields": ["base_events", "subwatcher_events", "keys", "conflict"],
    "period_union": ["events1", "events2"],
    "Rule": ["rules"],
    "simplify_string": ["events", "key"],
    "sort_by_duration": ["events"],
    "sort_by_timestamp": ["events"],
    "split_url_events": ["events"],
    "sum_durations": ["events"],
    "tag": ["events", "classes"],
    "union": ["events1", "events2"],
    "union_no_overlap": ["events1", "events2"],
}

HEARTBEATS = [case for case in read_vectors("heartbeats") if case["id"] not in HEARTBEATS_WHERE_TRUE_IS_ONE]


def read_event(json_event: dict[str, Any]) -> Event:
    """Return an event of a recorded case."""
    return Event(
        timestamp=parse_timestamp(json_event["timestamp"]),
        duration=timedelta(seconds=json_event["duration"]),
        data=json_event["data"],
    )


def read_argument(value: Any) -> Any:
    """Return an argument of a recorded case: events, rules, or as it is."""
    if not isinstance(value, list) or not value:
        return value
    if isinstance(value[0], dict):
        return [read_event(each) for each in value]
    if isinstance(value[0], list):
        return [(name, Rule(rule)) for name, rule in value]
    return value


def event(start_s: float, duration_s: float, **data: Any) -> Event:
    """Return an event so many seconds after the start."""
    return Event(timestamp=START + timedelta(seconds=start_s), duration=timedelta(seconds=duration_s), data=data)


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case['function']}-{case['id']}")
def test_the_answer_is_activitywatchs(case: dict[str, Any]) -> None:
    """Recorded from aw-core 0.5.18."""
    function: Callable[..., Any] = getattr(transforms, case["function"])

    result = function(*[read_argument(argument) for argument in case["args"]])

    if isinstance(result, timedelta):
        assert abs(result.total_seconds() - case["expected"]) <= 0.001 * (len(case["args"][0]) + 1)
    else:
        check_recorded_events(result, case["expected"])


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_function_has_the_parameters_that_it_has_in_aw_transform(name: str) -> None:
    """A program moves over by changing its import."""
    assert list(inspect.signature(getattr(transforms, name)).parameters) == PARAMETERS[name]


def test_the_package_exports_these_functions_and_no_more() -> None:
    """The columns are for queries."""
    assert set(transforms.__all__) == set(PARAMETERS)


def test_one_and_a_whole_float_of_one_are_equal_data() -> None:
    """As in the store, whoever built the events; ``true`` is another value."""
    events = [event(0, 5, n=1, deep=[{"n": 2.0}]), event(6, 5, n=1.0, deep=[{"n": 2}]), event(12, 5, n=True, deep=[])]

    assert [each.duration.total_seconds() for each in transforms.merge_events_by_keys(events, ["n", "deep"])] == [10, 5]
    assert transforms.flood(events[:2]) == [event(0, 11, n=1, deep=[{"n": 2}])]


@pytest.mark.parametrize("case", HEARTBEATS, ids=lambda case: case["id"])
def test_heartbeats_are_reduced_as_in_activitywatch(case: dict[str, Any]) -> None:
    """Recorded from aw-core 0.5.18."""
    heartbeats = [read_event({"duration": 0, **each}) for each in case["heartbeats"]]

    check_recorded_events(heartbeat_reduce(heartbeats, case["pulsetime"]), case["expected"])


@pytest.mark.parametrize(
    ("heartbeat", "expected"),
    [
        (event(15, 1, a=1), event(0, 16, a=1)),
        (event(3, 1, a=1), event(0, 10, a=1)),
        (event(15.000001, 1, a=1), None),
        (event(-1, 1, a=1), None),
        (event(12, 1, a=2), None),
        (event(12, 1, a=True), None),
    ],
)
def test_a_heartbeat_goes_on_with_an_event_or_does_not(heartbeat: Event, expected: Event | None) -> None:
    """The pulsetime's end belongs to it; one does not go back; true is not one."""
    last_event = event(0, 10, a=1)

    assert heartbeat_merge(last_event, heartbeat, 5) == expected
    assert last_event == event(0, 10, a=1)


@given(events_of_any_data, events_of_any_data)
def test_a_union_holds_what_either_holds_as_often_as_it_does(first: list[Event], second: list[Event]) -> None:
    """By start and duration."""
    result = union(first, second)

    assert [(each.timestamp, each.duration) for each in result] == sorted(
        (each.timestamp, each.duration) for each in result
    )
    rows, firsts, seconds = (
        [repr((each.timestamp, each.duration, each.data)) for each in events] for events in (result, first, second)
    )
    assert all(rows.count(row) == max(firsts.count(row), seconds.count(row)) for row in {*rows, *firsts, *seconds})


@given(events_of_any_data, st.sampled_from(["split_url_events", "simplify_string", "sort_by_timestamp", "flood"]))
def test_no_event_that_is_given_changes(events: list[Event], name: str) -> None:
    """In aw-core some do."""
    before = list_rows(events)
    texts = repr(events)

    getattr(transforms, name)(events)

    assert list_rows(events) == before
    assert repr(events) == texts


@given(data_objects)
def test_a_rule_matches_an_event_as_it_does_in_a_category(data: Any) -> None:
    """Alone and among others."""
    rule = Rule({"regex": "Inbox|main|строка", "select_keys": ["app", "title"]})
    one = event(0, 1, **data)

    assert rule.match(one) == (categorize([one], [(["A"], rule)])[0].data["$category"] == ["A"])


def test_a_wrong_rule_is_an_error_at_once() -> None:
    """A program has nobody else to tell it."""
    with pytest.raises(InvalidPattern, match="missing"):
        Rule({"regex": "("})
    with pytest.raises(InvalidRule, match="must be an integer"):
        Rule({"regex": "x", "priority": "high"})
    assert not Rule({"type": "none"}).match(event(0, 1, app="x"))


def test_a_rule_that_takes_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result without it would be taken for the right one."""
    monkeypatch.setattr(patterns, "SEARCH_LIMIT_S", 0.05)

    with pytest.raises(InvalidRule, match=r"rule 'slow': .* takes too long"):
        tag([event(0, 1, app=HARD_TEXT)], [("slow", Rule({"regex": SLOW_PATTERN}))])


def test_ids_of_events_that_are_only_relabelled_stay() -> None:
    """Those that are computed have none."""
    stored = Event(timestamp=START, data={"app": "x"}, id=7)

    assert [each.id for each in tag([stored], [])] == [7]
    assert [each.id for each in transforms.merge_events_by_keys([stored], ["app"])] == [None]
    assert len(as_columns([stored])) == 1
