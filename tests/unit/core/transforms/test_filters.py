"""Filters: by values as JSON compares them, and by patterns."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.errors import InvalidPattern
from pulseline_core.transforms.filters import filter_keyvals, filter_keyvals_regex
from pulseline_core.types import JSONObject, JSONValue
from tests.unit.core.transforms.samples import (
    TEXTS,
    VALUES,
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


def is_equal(first: JSONValue, second: JSONValue) -> bool:
    """Compare as JSON does, in which a whole float is its integer."""
    return json.dumps(first).replace("1.0", "1") == json.dumps(second).replace("1.0", "1")


@pytest.mark.parametrize("case", select_vectors("filter_keyvals"), ids=lambda case: case["id"])
def test_values_are_found_as_in_activitywatch(case: dict[str, Any]) -> None:
    """Recorded from aw-core 0.5.18."""
    events, key, values, *exclude = case["args"]

    check_recorded(filter_keyvals(read_columns(events), key, values, exclude=bool(exclude)), case["expected"])


@pytest.mark.parametrize("case", select_vectors("filter_keyvals_regex"), ids=lambda case: case["id"])
def test_patterns_are_found_as_in_activitywatch(case: dict[str, Any]) -> None:
    """Recorded from aw-core 0.5.18."""
    events, key, pattern = case["args"]

    check_recorded(filter_keyvals_regex(read_columns(events), key, pattern), case["expected"])


@given(events_of_any_data, st.lists(st.sampled_from(VALUES), max_size=4), st.booleans())
def test_events_are_kept_for_a_value_or_for_none(events: Any, values: list[JSONValue], exclude: bool) -> None:
    """Whatever the value is."""
    result = filter_keyvals(as_columns(events), "app", values, exclude=exclude)

    assert get_rows(result) == list_rows(
        event
        for event in events
        if ("app" in event.data and any(is_equal(event.data["app"], value) for value in values)) != exclude
    )


@given(events_of_any_data, st.sampled_from(["", "Inbox", "^.$", r"(.)\1", r"\bmain\b", "(?i)github"]))
def test_events_are_kept_for_a_text_in_which_a_pattern_is_found(events: Any, pattern: str) -> None:
    """Other values match no pattern."""
    result = filter_keyvals_regex(as_columns(events), "title", pattern)

    assert get_rows(result) == list_rows(
        event
        for event in events
        if isinstance(event.data.get("title"), str) and re.search(pattern, event.data["title"]) is not None
    )


@pytest.mark.parametrize(
    ("value", "equal", "other"),
    [
        (1, [1.0], [True, "1", [1]]),
        (True, [True], [1, "true"]),
        (None, [None], [False, 0, ""]),
        (["Work", "Mail"], [["Work", "Mail"]], ["Work", ["Mail", "Work"], ["Work"]]),
        ({"a": 1, "b": 2}, [{"b": 2.0, "a": 1}], [{"a": 1}]),
    ],
)
def test_values_are_compared_as_json(value: JSONValue, equal: list[JSONValue], other: list[JSONValue]) -> None:
    """Python holds true to be one."""
    events = build({"key": value})

    assert len(filter_keyvals(events, "key", equal)) == 1
    assert len(filter_keyvals(events, "key", other)) == 0


def test_a_missing_key_is_no_value() -> None:
    """So an exclusion keeps the event, and not even the empty pattern matches it."""
    events = build({"app": None}, {"title": "x"})

    assert get_data(filter_keyvals(events, "app", [None])) == [{"app": None}]
    assert get_data(filter_keyvals(events, "app", [None], exclude=True)) == [{"title": "x"}]
    assert get_data(filter_keyvals_regex(events, "app", "")) == []


def test_results_for_other_arguments_are_not_taken() -> None:
    """What is remembered is remembered under key and value."""
    data: list[JSONObject] = [{"app": text, "title": "x"} for text in TEXTS]
    events = build(*data)

    for text in TEXTS:
        assert get_data(filter_keyvals(events, "app", [text])) == [{"app": text, "title": "x"}]
        assert len(filter_keyvals_regex(events, "app", f"^{re.escape(text)}")) >= 1
        assert len(filter_keyvals_regex(events, "title", f"^{re.escape(text)}")) == (not text) * len(TEXTS)


def test_a_wrong_pattern_is_an_error() -> None:
    """It was given directly, not as one rule of many."""
    with pytest.raises(InvalidPattern, match="missing"):
        filter_keyvals_regex(build(), "app", "(")
