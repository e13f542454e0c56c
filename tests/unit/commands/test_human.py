"""What people read and write on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pulseline_client.commands.human import (
    escape,
    format_data,
    format_duration,
    format_instant,
    parse_data,
    parse_instant,
)
from pulseline_core.errors import BadInput
from pulseline_core.types import JSONObject

NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
CET = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.04, "0s"),
        (4.25, "4.2s"),
        (9.99, "10s"),
        (10, "10s"),
        (59.6, "1m 00s"),
        (63, "1m 03s"),
        (3723, "1h 02m 03s"),
        (86_400, "1d 00h 00m 00s"),
        (100 * 86_400 + 1, "100d 00h 00m 01s"),
    ],
)
def test_format_duration_shows_the_units_that_matter(seconds: float, text: str) -> None:
    """From the largest unit that is not zero down to seconds."""
    assert format_duration(timedelta(seconds=seconds)) == text


def test_format_instant_shows_local_time_with_its_offset() -> None:
    """Ten in the morning UTC is eleven in Berlin."""
    assert format_instant(NOW, zone=CET) == "2026-11-23 11:30:00+01:00"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, ""),
        ({"value": "ON"}, "value=ON"),
        ({"value": "21.5"}, 'value="21.5"'),
        ({"value": 21.5}, "value=21.5"),
        ({"app": "Firefox", "title": "A page"}, 'app=Firefox title="A page"'),
        ({"title": ""}, 'title=""'),
        ({"tags": ["a", 1], "ok": True, "x": None}, 'tags=["a",1] ok=true x=null'),
        ({"title": "\x1b[31mred\x9b"}, 'title="\\u001b[31mred\\x9b"'),
        ({"titel": "Übersicht"}, "titel=Übersicht"),
        pytest.param({"deep": "[" * 100_000}, f'deep="{"[" * 100_000}"', id="text of 100,000 brackets"),
    ],
)
def test_format_data_is_one_line_of_words(data: JSONObject, text: str) -> None:
    """Plain words stand alone, everything else is JSON; nothing reaches the terminal that it would obey."""
    assert format_data(data) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain ü 📱", "plain ü 📱"),
        ("a\tb\nc", "a\\tb\\nc"),
        ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
        ("\u202eabc", "\\u202eabc"),
    ],
)
def test_escape_leaves_nothing_that_a_terminal_obeys(text: str, escaped: str) -> None:
    """Control characters and changes of direction become visible."""
    assert escape(text) == escaped


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("now", NOW),
        ("today", datetime(2026, 11, 22, 23, 0, tzinfo=UTC)),
        ("yesterday", datetime(2026, 11, 21, 23, 0, tzinfo=UTC)),
        ("Monday", datetime(2026, 11, 22, 23, 0, tzinfo=UTC)),
        ("sunday", datetime(2026, 11, 21, 23, 0, tzinfo=UTC)),
        ("tuesday", datetime(2026, 11, 16, 23, 0, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 10, 31, 23, 0, tzinfo=UTC)),
        ("2026-11-01 08:15", datetime(2026, 11, 1, 7, 15, tzinfo=UTC)),
        ("2026-11-01T08:15:00Z", datetime(2026, 11, 1, 8, 15, tzinfo=UTC)),
        ("2026-11-01 08:15:00+05:00", datetime(2026, 11, 1, 3, 15, tzinfo=UTC)),
    ],
)
def test_parse_instant_takes_local_time_unless_told_otherwise(text: str, instant: datetime) -> None:
    """Words, dates and times; an offset is obeyed."""
    assert parse_instant(text, now=NOW, zone=CET) == instant


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-11-01 25:00", "0001-01-01T00:00:00+14:00"])
def test_parse_instant_refuses_what_is_no_time(text: str) -> None:
    """The error names the text."""
    with pytest.raises(BadInput, match="is not understood"):
        parse_instant(text, now=NOW, zone=CET)


@pytest.mark.parametrize(
    ("words", "data"),
    [
        ((), {}),
        (("ON",), {"value": "ON"}),
        (("21.5",), {"value": 21.5}),
        (("state=ON", "power=3.5", "title=a=b", "empty="), {"state": "ON", "power": 3.5, "title": "a=b", "empty": ""}),
        (('{"a": [1, null]}',), {"a": [1, None]}),
    ],
)
def test_parse_data_reads_words_json_or_one_value(words: tuple[str, ...], data: JSONObject) -> None:
    """The three ways to write an event's data on a command line."""
    assert parse_data(words) == data


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("a", "b"), "data 'a' is not key=value"),
        (("=b",), "data '=b' is not key=value"),
        (("{broken",), "data '{broken' is not JSON"),
        pytest.param(('{"a":' * 100_000,), "is nested deeper than 64 levels", id="100,000 objects"),
        pytest.param(("[" * 100_000,), "is nested deeper than 64 levels", id="100,000 arrays"),
        pytest.param(("a=" + "[" * 100_000,), "is nested deeper than 64 levels", id="key=100,000 arrays"),
    ],
)
def test_parse_data_refuses_what_is_none_of_these(words: tuple[str, ...], problem: str) -> None:
    """The error names the word."""
    with pytest.raises(BadInput, match=problem):
        parse_data(words)
