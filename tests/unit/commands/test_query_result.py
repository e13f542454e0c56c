"""A query's result on a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from pulseline_client.commands.output import Form
from pulseline_client.commands.query_result import is_events, show_result
from pulseline_core.types import JSONValue


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def build_event(duration: float = 60, **data: Any) -> dict[str, Any]:
    """Return an event as the server answers it."""
    return {"id": None, "timestamp": "2026-11-23T10:00:00+00:00", "duration": duration, "data": data}


def show(result: JSONValue, capsys: pytest.CaptureFixture[str], *, limit: int = 20) -> list[str]:
    """Return the lines of a result."""
    show_result(result, form=Form.TABLE, limit=limit)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_events_are_a_table_under_their_sum(capsys: pytest.CaptureFixture[str]) -> None:
    """Within the width of the terminal."""
    lines = show([build_event(title="x" * 100), build_event(3600.5, app="Code")], capsys)

    assert lines[0] == "2 events, 1h 01m 00s together"
    assert lines[1].split() == ["START", "DURATION", "DATA"]
    assert lines[3].endswith("app=Code")
    assert max(map(len, lines)) <= 80


def test_long_tables_end_early(capsys: pytest.CaptureFixture[str]) -> None:
    """With how many there are, and how to see them."""
    lines = show([build_event(n=n) for n in range(5)], capsys, limit=3)

    assert len(lines) == 2 + 3 + 1
    assert lines[-1] == "and 2 more; --limit 0 shows all"
    assert len(show([build_event(n=n) for n in range(50)], capsys, limit=0)) == 2 + 50


def test_object_is_shown_part_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    """Plain values first; what is within has its whole name above it."""
    result: JSONValue = {
        "events": [build_event(app="Code")],
        "window": {"none": [], "duration": 1.5, "list": ["a\x1b[2J", 2, {"b": None}]},
        "browser": {},
        "ok": True,
    }

    lines = show(result, capsys)

    assert lines[:3] == ["ok: true", "", "events: 1 event, 1m 00s together"]
    assert lines[5:] == [
        *("", "window.duration: 1.5", "", "window.none: no events"),
        *("", "window.list: 3 items", r"a\x1b[2J", "2", '{"b": null}', "", "browser: empty"),
    ]


@pytest.mark.parametrize(
    ("value", "line"),
    [(12.5, "12.5"), ("a\tb", r"a\tb"), (None, "null"), (False, "false"), ([], "no events"), ({}, "empty")],
)
def test_value_is_one_line(value: JSONValue, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without quotes, and without what moves the cursor."""
    assert show(value, capsys) == [line]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ([], True),
        ([build_event()], True),
        ([build_event(), 1], False),
        ([{"data": {}}], False),
        ([{"data": 1, "duration": 1}], False),
        ({}, False),
        ("", False),
    ],
)
def test_events_are_known_by_their_fields(value: JSONValue, verdict: bool) -> None:
    """All of a list, or it is none of events."""
    assert is_events(value) is verdict
