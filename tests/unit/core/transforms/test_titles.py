"""Titles without counts, frame rates and marks of unsaved changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from pulseline_core.transforms.titles import simplify_string
from pulseline_core.types import JSONObject
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


def simplify_slowly(data: JSONObject) -> JSONObject:
    """Character by character."""
    text = data.get("title")
    if not isinstance(text, str):
        return data
    count, bracket, rest = text.partition(")")
    if bracket and count[:1] == "(" and count[1:].isascii() and count[1:].isdigit():
        text = rest.lstrip()
    if "app" in data:
        text = text.replace("FPS: 59.2", "FPS: ...")
        if text[:1] in {"●", "*"}:
            text = text[1:].lstrip()
    return {**data, "title": text}


@pytest.mark.parametrize("case", select_vectors("simplify_string"), ids=lambda case: case["id"])
def test_titles_are_simplified_as_in_activitywatch(case: dict[str, Any]) -> None:
    """Recorded from aw-core 0.5.18."""
    events, key = case["args"]

    check_recorded(simplify_string(read_columns(events), key), case["expected"])


@given(events_of_any_data)
def test_a_title_is_simplified_character_by_character(events: Any) -> None:
    """Times and ids stay."""
    assert get_rows(simplify_string(as_columns(events))) == [
        (start, duration, simplify_slowly(data), event_id) for start, duration, data, event_id in list_rows(events)
    ]


@pytest.mark.parametrize(
    ("title", "window", "page"),
    [
        ("(2) Facebook", "Facebook", "Facebook"),
        ("(2)(3)  Inbox", "(3)  Inbox", "(3)  Inbox"),
        ("(x) Inbox", "(x) Inbox", "(x) Inbox"),
        ("● main.py", "main.py", "● main.py"),
        ("** draft", "* draft", "** draft"),
        ("(1) ● main.py", "main.py", "● main.py"),
        ("Cemu - FPS: 59.2 - Zelda", "Cemu - FPS: ... - Zelda", "Cemu - FPS: 59.2 - Zelda"),
        ("FPS:  60 FPS: 1.", "FPS: ... FPS: ...", "FPS:  60 FPS: 1."),
    ],
)
def test_a_title_becomes(title: str, window: str, page: str) -> None:
    """The named cases, of a window and of a browser's tab."""
    assert get_data(simplify_string(build({"app": "x", "title": title}))) == [{"app": "x", "title": window}]
    assert get_data(simplify_string(build({"title": title}))) == [{"title": page}]


def test_another_key_loses_its_count_alone() -> None:
    """Frame rates and marks are matters of windows' titles."""
    events = build({"app": "(1) ● FPS: 5", "title": "(1) x"})

    assert get_data(simplify_string(events, "app")) == [{"app": "● FPS: 5", "title": "(1) x"}]


@pytest.mark.parametrize("data", [{"app": "x"}, {"app": "x", "title": None}, {"title": 5}])
def test_events_without_a_text_there_stay_as_they_are(data: JSONObject) -> None:
    """aw-core fails the whole query for them."""
    assert get_data(simplify_string(build(data))) == [data]
