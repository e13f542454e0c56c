"""Events for the transforms that look at data, and ActivityWatch's recorded answers about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from pulseline_core import times
from pulseline_core.event import Event
from pulseline_core.transforms.columns import Columns, from_events, to_events
from pulseline_core.transforms.data_pool import DataPool
from pulseline_core.types import JSONObject, JSONValue
from tests.vectors import read_vectors

START: Final = datetime(2026, 3, 29, 1, tzinfo=UTC)

VECTORS: Final = read_vectors("transforms")

#: Texts in which patterns, titles and addresses find something, or just do not.
TEXTS: Final = (
    "",
    "GitHub - pull request #12",
    "(2) Inbox",
    "(2)(3) Inbox",
    "● main.py - project",
    "(1) * notes.txt",
    "Cemu - FPS: 59.2 - Zelda",
    "строка",
    "日本語エディタ",
    "emoji 🎧 track",
    "line\nbreak\n",
    "\u0130stanbul \u0131l\u0131k",
    "https://www.a.com:80/p;x?q=1#f",
    "about:blank",
    "http://[::1",
)

#: Values of every kind, some of which Python takes for equal and JSON does not.
VALUES: Final[list[JSONValue]] = [
    *TEXTS[:5],
    *(None, True, False, 0, 1, 1.0, 2.5),
    ["a", 1],
    ["a", True],
    {"a": 1},
]

data_objects: st.SearchStrategy[JSONObject] = st.dictionaries(
    st.sampled_from(["app", "title", "url", "status"]), st.sampled_from([*TEXTS, *VALUES]), max_size=3
)

events_of_any_data: st.SearchStrategy[list[Event]] = st.lists(
    st.builds(
        lambda offset, length, data, event_id: Event(
            timestamp=START + timedelta(milliseconds=offset),
            duration=timedelta(microseconds=length),
            data=data,
            id=event_id,
        ),
        st.integers(0, 5000),
        st.integers(0, 3_000_000),
        data_objects,
        st.none() | st.integers(1, 99),
    ),
    max_size=12,
)


def build(*data: JSONObject) -> Columns:
    """Return an event of a second for each data object, one after another, with the ids 1, 2, 3 and so on."""
    return as_columns(
        Event(timestamp=START + timedelta(seconds=number), duration=timedelta(seconds=1), data=each, id=number + 1)
        for number, each in enumerate(data)
    )


def as_columns(events: Iterable[Event]) -> Columns:
    """Return events as columns with a pool of their own."""
    return from_events(events, DataPool())


def get_data(columns: Columns) -> list[JSONObject]:
    """Return each event's data."""
    return [event.data for event in to_events(columns)]


def get_rows(columns: Columns) -> list[tuple[datetime, timedelta, JSONObject, int | None]]:
    """Return all that there is of each event, the id too."""
    return list_rows(to_events(columns))


def list_rows(events: Iterable[Event]) -> list[tuple[datetime, timedelta, JSONObject, int | None]]:
    """Return all that there is of each event, the id too."""
    return [(event.timestamp, event.duration, event.data, event.id) for event in events]


def select_vectors(function: str) -> list[dict[str, Any]]:
    """Return the recorded cases of a function; fail if there is none."""
    cases = [case for case in VECTORS if case["function"] == function]
    assert cases
    return cases


def read_columns(json_events: Sequence[dict[str, Any]]) -> Columns:
    """Return the events of a recorded case."""
    return as_columns(
        Event(
            timestamp=times.parse_timestamp(event["timestamp"]),
            duration=timedelta(seconds=event["duration"]),
            data=event["data"],
        )
        for event in json_events
    )


def check_recorded(result: Columns, expected: Sequence[dict[str, Any]]) -> None:
    """Compare with what aw-core answered: times within a millisecond, data exactly, in order."""
    check_recorded_events(to_events(result), expected)


def check_recorded_events(events: Sequence[Event], expected: Sequence[dict[str, Any]]) -> None:
    """Compare with what aw-core answered: times within a millisecond, data exactly, in order."""
    assert [event.data for event in events] == [each["data"] for each in expected]
    for event, each in zip(events, expected, strict=True):
        assert abs(event.timestamp - times.parse_timestamp(each["timestamp"])) <= timedelta(milliseconds=1)
        assert abs(event.duration - timedelta(seconds=each["duration"])) <= timedelta(milliseconds=1)
