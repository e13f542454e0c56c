"""The events that programs make, read and change, as those of ActivityWatch (aw-core 0.5.18 aw_core/models.py)."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from pulseline_client import Event
from pulseline_client.event import copy_event
from pulseline_core import event as core_event
from pulseline_core.errors import InvalidEvent

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def test_values_may_be_text_and_numbers() -> None:
    """In ActivityWatch's order, without names."""
    event = Event(3, "2026-11-23T12:00:00+02:00", 1.5, {"a": 1})

    assert (event.id, event.timestamp, event.duration, event.data) == (3, NOW, timedelta(seconds=1.5), {"a": 1})
    assert event.timestamp.tzinfo is UTC
    assert event.end == NOW + timedelta(seconds=1.5)


def test_an_event_without_values_is_of_now() -> None:
    """It has no id, no length and no data."""
    before = datetime.now(UTC)
    event = Event()

    assert before <= event.timestamp <= datetime.now(UTC)
    assert (event.id, event.duration, event.data) == (None, timedelta(), {})


@pytest.mark.parametrize("timestamp", [datetime(2026, 11, 23, 10, 0), "2026-11-23T10:00:00", "2026-11-23 10:00"])  # noqa: DTZ001
def test_a_time_without_a_zone_is_utc_and_logged(timestamp: datetime | str, caplog: pytest.LogCaptureFixture) -> None:
    """It may well be wrong by hours."""
    with caplog.at_level(logging.WARNING):
        event = Event(timestamp=timestamp)

    assert event.timestamp == NOW
    assert "has no time zone" in caplog.text


def test_attributes_are_items() -> None:
    """The same objects, read and set."""
    event = Event(timestamp=NOW, data={"a": 1})
    event["data"]["b"] = 2
    event["duration"] = 5
    event.id = 7

    assert event["data"] is event.data
    assert dict(event) == {"id": 7, "timestamp": NOW, "duration": timedelta(seconds=5), "data": {"a": 1, "b": 2}}
    assert event.get("other") is None
    with pytest.raises(KeyError):
        event["other"]
    with pytest.raises(KeyError):
        event["other"] = 1
    with pytest.raises(AttributeError):
        event.other = 1
    with pytest.raises(TypeError):
        del event["data"]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("id", "7", "'7' is not an integer"),
        ("id", True, "'True' is not an integer"),
        ("timestamp", "soon", "'soon' is not ISO 8601"),
        ("timestamp", 5, "'5' is neither a datetime nor a text"),
        ("duration", -1, "-1 s is not between"),
        ("duration", timedelta(days=367), "is not between 0 and 366 days"),
        ("duration", "1", "'1' is not a number of seconds"),
        ("data", [1], "'[1]' is not an object"),
        ("data", {"a": float("nan")}, "holds nan"),
    ],
)
def test_a_wrong_value_is_refused_when_it_is_set(name: str, value: Any, problem: str) -> None:
    """Whether the event is made with it or changed to it."""
    event = Event(timestamp=NOW)

    with pytest.raises(InvalidEvent) as made:
        Event(**{name: value})
    with pytest.raises(InvalidEvent) as changed:
        setattr(event, name, value)
    assert problem in str(made.value)
    assert problem in str(changed.value)


def test_equality_leaves_the_id_out() -> None:
    """Time, duration and data count, also against an event of the core, on either side."""
    event = Event(id=1, timestamp=NOW, duration=2, data={"a": 1})
    core = core_event.Event(id=9, timestamp=NOW, duration=timedelta(seconds=2), data={"a": 1})

    assert event == Event(id=2, timestamp=NOW, duration=2, data={"a": 1})
    assert event == core
    assert core == event
    assert event != Event(timestamp=NOW, duration=3, data={"a": 1})


def test_events_are_sorted_by_their_start() -> None:
    """Whatever else they hold."""
    late = Event(timestamp=NOW + timedelta(seconds=1))
    early = Event(timestamp=NOW, duration=9, data={"z": 1})

    assert sorted([late, early]) == [early, late]
    assert late > early


@pytest.mark.parametrize("other", [None, 1, {"timestamp": NOW}], ids=["none", "number", "dict"])
def test_comparing_with_what_is_no_event_is_a_type_error(other: object) -> None:
    """aw-core 0.5.18 aw_core/models.py, Event.__eq__ and __lt__."""
    event = Event(timestamp=NOW)

    with pytest.raises(TypeError):
        assert event == other
    with pytest.raises(TypeError):
        assert event < other


def test_json_is_what_rest_shows() -> None:
    """As a dict that may be changed, and as text."""
    event = Event(id=3, timestamp=NOW.astimezone(timezone(timedelta(hours=2))), duration=1.5, data={"ä": 1})
    shown = {"id": 3, "timestamp": "2026-11-23T10:00:00+00:00", "duration": 1.5, "data": {"ä": 1}}

    assert event.to_json_dict() == shown
    assert list(event.to_json_dict()) == ["id", "timestamp", "duration", "data"]
    assert json.loads(event.to_json_str()) == shown
    event.to_json_dict()["data"].clear()  # type: ignore[union-attr]  # an object, as above
    assert event.data == {"ä": 1}


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda event: pickle.loads(pickle.dumps(event))])
def test_an_event_can_be_copied(duplicate: Any) -> None:
    """By the ways of Python; the copy can be changed."""
    event = Event(id=3, timestamp=NOW, duration=1, data={"a": 1})
    copied = duplicate(event)
    copied["duration"] = 2

    assert (copied.id, copied.data, event.duration) == (3, {"a": 1}, timedelta(seconds=1))


@dataclass
class Foreign:
    """Has what ``aw_core.Event`` has."""

    timestamp: datetime = NOW
    duration: timedelta = timedelta(seconds=1)
    data: dict[str, Any] = field(default_factory=lambda: {"a": [1]})


def test_foreign_events_are_copied() -> None:
    """Later changes of theirs do not reach the copy."""
    foreign = Foreign()
    copied = copy_event(foreign)
    foreign.data["a"].append(2)

    assert copied == Event(timestamp=NOW, duration=1, data={"a": [1]})
    assert copied.id is None


def test_what_is_no_event_is_said() -> None:
    """Better at the call than in a thread."""
    with pytest.raises(InvalidEvent, match="event is a dict"):
        copy_event({"timestamp": NOW})  # type: ignore[arg-type]  # that is the point
