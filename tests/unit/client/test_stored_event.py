"""Events as the server answers them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pulseline_client.stored_event import parse_stored_event
from pulseline_core.errors import BadInput
from pulseline_core.types import JSONValue

STORED: dict[str, JSONValue] = {"id": 3, "timestamp": "2026-11-23T10:00:00.5+00:00", "duration": 1.5, "data": {"a": 1}}


def test_stored_event_is_read_whole() -> None:
    """Time, duration, data and id."""
    event = parse_stored_event(STORED)

    assert event.timestamp == datetime(2026, 11, 23, 10, 0, 0, 500_000, UTC)
    assert (event.duration, event.data, event.id) == (timedelta(seconds=1.5), {"a": 1}, 3)


@pytest.mark.parametrize("change", [{"timestamp": "2999-01-01T00:00:00Z"}, {"duration": 4e7}], ids=str)
def test_limits_of_input_do_not_hold_for_what_is_stored(change: dict[str, JSONValue]) -> None:
    """The server's clock may be ahead of ours, and merging makes long events."""
    assert parse_stored_event(STORED | change).id == 3


@pytest.mark.parametrize(
    "value",
    [None, [], {}, STORED | {"id": None}, STORED | {"timestamp": 5}, STORED | {"data": []}, STORED | {"duration": "1"}],
    ids=repr,
)
def test_anything_else_is_refused(value: JSONValue) -> None:
    """Another program may answer on the port."""
    with pytest.raises(BadInput):
        parse_stored_event(value)
