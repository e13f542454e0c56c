"""Results as JSON text: what a JSON reader makes of it is what the query found."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.query.encoding import iter_json
from pulseline_core.query.measured import Value
from pulseline_core.times import format_us
from pulseline_core.transforms.columns import NO_ID, Columns, no_events
from pulseline_core.transforms.data_pool import DataPool
from pulseline_core.types import JSONObject

#: Of microseconds since 1970, up to the year 9999, with and without fractions.
INSTANTS = st.one_of(st.integers(0, 253_402_300_799_999_999), st.integers(0, 253_402_300_799).map(lambda s: s * 10**6))

#: What JSON text has to be careful with.
DATA: list[JSONObject] = [
    {},
    {"title": 'quote " backslash \\ null \\u0000 line\n'},
    {"ä": "日本語 🎧", "a": [1, {"b": None}]},
]

ROWS = st.lists(
    st.tuples(INSTANTS, st.integers(0, 10**13), st.integers(0, 2), st.one_of(st.just(NO_ID), st.integers(1)))
)


def build(pool: DataPool, rows: list[tuple[int, int, int, int]]) -> Columns:
    """Return events of (start, duration, number of data, id)."""
    if not rows:
        return no_events(pool)
    start, duration, number, ids = np.array(rows, dtype=np.int64).T
    codes = np.array([pool.intern(data) for data in DATA])
    return Columns(pool, start, start + duration, codes[number], ids)


def read(value: Value) -> object:
    """Return what a JSON reader makes of it."""
    return json.loads(b"".join(iter_json(value)))


@given(rows=ROWS.map(lambda rows: [(*row[:3], min(row[3], 2**62)) for row in rows]))
def test_events_are_written_as_rest_shows_them(rows: list[tuple[int, int, int, int]]) -> None:
    """Timestamps as everywhere, seconds as the nearest float, null for no id."""
    assert read(build(DataPool(), rows)) == [
        {
            "id": None if event_id == NO_ID else event_id,
            "timestamp": format_us(start),
            "duration": duration / 10**6,
            "data": DATA[number],
        }
        for start, duration, number, event_id in rows
    ]


@pytest.mark.parametrize("count", [8191, 8192, 8193, 16385])
def test_pieces_join_without_a_seam(count: int) -> None:
    """Many events are written piece by piece."""
    events = build(DataPool(), [(number * 10**6, 10**6, 0, number) for number in range(count)])

    pieces = list(iter_json(events))

    assert [event["id"] for event in json.loads(b"".join(pieces))] == list(range(count))
    assert max(map(len, pieces)) < 2_000_000


def test_events_stand_anywhere_in_a_value() -> None:
    """The keys of objects are sorted."""
    one = build(DataPool(), [(0, 1500000, 0, 7)])
    event = {"id": 7, "timestamp": "1970-01-01T00:00:00+00:00", "duration": 1.5, "data": {}}

    value: Value = {"z": [one, no_events(one.pool), 1, None], "a": {"events": one, "text": "x", "real": 0.5}}

    assert read(value) == {"z": [[event], [], 1, None], "a": {"events": [event], "text": "x", "real": 0.5}}
    assert b"".join(iter_json({"b": 1, "a": True})) == b'{"a":true,"b":1}'
