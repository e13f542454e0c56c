"""Addresses of web pages, in parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.transforms.urls import split_url_events
from pulseline_core.types import JSONObject, JSONValue
from tests.unit.core.transforms.samples import (
    as_columns,
    build,
    check_recorded,
    events_of_any_data,
    get_data,
    get_rows,
    list_rows,
    read_columns,
    select_vectors,
)

PARTS = ("$protocol", "$domain", "$path", "$params", "$options", "$identifier")


def split(url: JSONValue) -> tuple[JSONValue, ...]:
    """Return the parts of one address."""
    data = get_data(split_url_events(build({"url": url})))[0]
    return tuple(data[part] for part in PARTS)


@pytest.mark.parametrize("case", select_vectors("split_url_events"), ids=lambda case: case["id"])
def test_addresses_are_split_as_in_activitywatch(case: dict[str, Any]) -> None:
    """Recorded from aw-core 0.5.18."""
    check_recorded(split_url_events(read_columns(case["args"][0])), case["expected"])


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://www.a.com:80/p;x?q=1#f", ("http", "a.com:80", "/p", "x", "q=1", "f")),
        ("https://user@a.com", ("https", "user@a.com", "", "", "", "")),
        ("https://www.www.a.com/", ("https", "www.a.com", "/", "", "", "")),
        ("about:blank", ("about", "about", "blank", "", "", "")),
        ("file:///home/me/a.txt", ("file", "file", "/home/me/a.txt", "", "", "")),
        ("not a url", ("", "", "not a url", "", "", "")),
        ("", ("", "", "", "", "", "")),
        ("https://bücher.example/ü", ("https", "bücher.example", "/ü", "", "", "")),
        ("https://www.", ("https", "https", "", "", "", "")),
    ],
)
def test_an_address_has_these_parts(url: str, parts: tuple[str, ...]) -> None:
    """The named cases; an address without a domain has its protocol there."""
    assert split(url) == parts


@pytest.mark.parametrize("data", [{"title": "x"}, {"url": 5}, {"url": None}, {"url": "http://[::1"}])
def test_what_is_no_address_stays_as_it_is(data: JSONObject) -> None:
    """aw-core fails the whole query for it."""
    assert get_data(split_url_events(build(data))) == [data]


@given(events_of_any_data)
def test_times_ids_and_other_data_stay(events: Any) -> None:
    """Only keys of its own are added."""
    result = get_rows(split_url_events(as_columns(events)))

    kept = [
        (start, duration, {key: value for key, value in data.items() if key not in PARTS}, event_id)
        for start, duration, data, event_id in result
    ]
    assert kept == list_rows(events)


@given(st.text(max_size=30))
def test_no_text_breaks_it(url: str) -> None:
    """Browsers report whatever stands in their address bar."""
    if url.isprintable():
        assert len(split_url_events(build({"url": url}))) == 1
