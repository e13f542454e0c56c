"""Events: what is valid, and the wire's form of them."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.errors import InvalidEvent
from pulseline_core.event import Event, parse_duration, parse_event
from tests.unit.core.test_json_value import json_values, texts
from tests.unit.core.test_times import NOW, instants

durations = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=366))
events = st.builds(Event, timestamp=instants, duration=durations, data=st.dictionaries(texts, json_values, max_size=3))


def test_an_event_keeps_its_time_as_utc() -> None:
    """Another zone's time is the same instant in UTC."""
    event = Event(timestamp=NOW.astimezone(timezone(timedelta(hours=5))))

    assert event.timestamp == NOW
    assert event.timestamp.tzinfo is UTC


def test_an_event_ends_after_its_duration() -> None:
    """The end is the start and the duration."""
    assert Event(timestamp=NOW, duration=timedelta(seconds=90)).end == NOW + timedelta(seconds=90)


def test_events_are_equal_whatever_their_ids() -> None:
    """The store's number is not part of what an event says."""
    assert Event(timestamp=NOW, id=1) == Event(timestamp=NOW, id=2)
    assert Event(timestamp=NOW, data={"a": 1}) != Event(timestamp=NOW, data={"a": 2})


def test_an_event_can_not_be_changed() -> None:
    """Events are values."""
    event = Event(timestamp=NOW)

    with pytest.raises(FrozenInstanceError):
        event.id = 5  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"timestamp": datetime(2026, 1, 1)}, "timestamp", id="naive time"),  # noqa: DTZ001  the point
        pytest.param({"duration": timedelta(microseconds=-1)}, "duration", id="negative duration"),
        pytest.param({"duration": timedelta(days=366, microseconds=1)}, "duration", id="over 366 days"),
        pytest.param({"data": {"a": math.nan}}, "data", id="NaN in the data"),
    ],
)
def test_an_invalid_event_can_not_exist(fields: dict[str, Any], field: str) -> None:
    """The constructor refuses it and names the field."""
    with pytest.raises(InvalidEvent) as caught:
        Event(**{"timestamp": NOW, **fields})

    assert caught.value.field == field


def test_to_json_has_activitywatchs_keys_in_its_order() -> None:
    """The duration is seconds, the timestamp text."""
    event = Event(timestamp=NOW, duration=timedelta(seconds=1.5), data={"app": "Firefox"}, id=7)

    assert list(event.to_json().items()) == [
        ("id", 7),
        ("timestamp", "2026-11-23T10:00:00+00:00"),
        ("duration", 1.5),
        ("data", {"app": "Firefox"}),
    ]


@given(event=events)
def test_events_round_trip_through_json(event: Event) -> None:
    """What is written is read back, to the microsecond."""
    later = datetime(2100, 1, 1, tzinfo=UTC)

    assert parse_event(event.to_json(), now=later) == event


def test_parse_event_fills_in_what_is_missing() -> None:
    """Without a word, an event is now, has no duration and no data."""
    assert parse_event({}, now=NOW) == Event(timestamp=NOW)


def test_parse_event_ignores_unknown_keys_and_keeps_an_id() -> None:
    """A key of a later version does no harm."""
    event = parse_event({"id": 3, "data": {"a": 1}, "colour": "red"}, now=NOW)

    assert event == Event(timestamp=NOW, data={"a": 1})
    assert event.id == 3


def test_parse_event_takes_null_for_a_missing_timestamp_and_id() -> None:
    """ActivityWatch's clients write null ids."""
    assert parse_event({"id": None, "timestamp": None}, now=NOW) == Event(timestamp=NOW)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param({"timestamp": 5}, "timestamp", id="timestamp a number"),
        pytest.param({"timestamp": "tomorrow"}, "timestamp", id="timestamp a word"),
        pytest.param({"timestamp": "1969-12-31T23:59:59Z"}, "timestamp", id="timestamp before 1970"),
        pytest.param({"timestamp": "2026-11-24T10:00:01Z"}, "timestamp", id="timestamp over a day ahead"),
        pytest.param({"timestamp": "9999-12-31T23:59:59Z", "duration": 5}, "timestamp", id="year 9999 and a duration"),
        pytest.param({"data": None}, "data", id="data null"),
        pytest.param({"data": [1]}, "data", id="data an array"),
        pytest.param({"data": "x"}, "data", id="data a text"),
        pytest.param({"id": "7"}, "id", id="id a text"),
        pytest.param({"id": True}, "id", id="id true"),
        pytest.param({"id": 1.5}, "id", id="id a fraction"),
        pytest.param({"duration": "5"}, "duration", id="duration a text"),
        pytest.param({"duration": None}, "duration", id="duration null"),
        pytest.param({"duration": True}, "duration", id="duration true"),
        pytest.param({"duration": [5]}, "duration", id="duration an array"),
        pytest.param({"duration": -0.001}, "duration", id="duration negative"),
        pytest.param({"duration": 1e18}, "duration", id="duration 1e18"),
        pytest.param({"duration": math.nan}, "duration", id="duration NaN"),
        pytest.param({"duration": math.inf}, "duration", id="duration Infinity"),
    ],
)
def test_parse_event_names_the_field_that_does_not_fit(value: dict[str, Any], field: str) -> None:
    """Every field is checked."""
    with pytest.raises(InvalidEvent) as caught:
        parse_event(value, now=NOW)

    assert caught.value.field == field


def test_parse_duration_reads_seconds_to_the_microsecond() -> None:
    """Both ends of the range belong to it."""
    assert parse_duration(0) == timedelta()
    assert parse_duration(1.1) == timedelta(seconds=1, microseconds=100_000)
    assert parse_duration(366 * 86_400) == timedelta(days=366)
