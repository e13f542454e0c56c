"""Events as text: the same JSON as by way of objects."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pulseline_api.event_text import describe_rows, iter_array
from pulseline_core.event import Event
from tests.unit.api.memory_store import build_row

T0 = datetime(2026, 11, 1, 10, tzinfo=UTC)

EVENTS = [
    pytest.param(Event(timestamp=T0), id="bare"),
    pytest.param(Event(timestamp=T0 + timedelta(microseconds=1), duration=timedelta(microseconds=1)), id="microsecond"),
    pytest.param(Event(timestamp=T0, duration=timedelta(days=366)), id="year"),
    pytest.param(
        Event(timestamp=T0, duration=timedelta(seconds=0.1), data={"b": [1, {"c": None}], "a": -1.5}), id="data"
    ),
    pytest.param(Event(timestamp=T0, data={"text": '"\\ \n\u2028\U0001f600</script>', "": 1e300}), id="text"),
]


@pytest.mark.parametrize("event", EVENTS)
def test_text_of_an_event_is_its_json(event: Event) -> None:
    """With its id."""
    stored = replace(event, id=7)

    text = b"".join(iter_array(iter([build_row(stored)])))

    assert json.loads(text) == [stored.to_json()]


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1000, 1001])
def test_array_holds_all_events(count: int) -> None:
    """Whatever pieces it is made in."""
    rows = [build_row(Event(timestamp=T0, id=n + 1)) for n in range(count)]

    array = json.loads(b"".join(iter_array(iter(rows))))

    assert [event["id"] for event in array] == list(range(1, count + 1))


@pytest.mark.parametrize("event", EVENTS)
def test_text_may_begin_with_other_members(event: Event) -> None:
    """And has no id."""
    (text,) = describe_rows([build_row(event)], lead='"bucket":"plug",')

    described = event.to_json()
    del described["id"]
    assert json.loads(text) == {"bucket": "plug", **described}
