"""Times in requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_api.lenient_time import InvalidTime, parse_lenient_time, parse_local_time

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-11", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        ("20261123", datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23T12", _NOON),
        ("2026-11-23T12:00", _NOON),
        ("2026-11-23 12:00:00", _NOON),
        ("2026-11-23T12:00:00", _NOON),
        ("2026-11-23t12:00:00z", _NOON),
        ("20261123T120000Z", _NOON),
        ("2026-11-23T12:00:00Z", _NOON),
        ("2026-11-23T12:00:00+00:00", _NOON),
        ("2026-11-23T12:00:00 00:00", _NOON),
        ("2026-11-23T14:00:00 02:00", _NOON),
        ("2026-11-23T14:00:00+02:00", _NOON),
        ("2026-11-23T14:00:00+0200", _NOON),
        ("2026-11-23T14:00:00+02", _NOON),
        ("2026-11-23T08:30:00-03:30", _NOON),
        ("  2026-11-23T12:00:00Z ", _NOON),
        ("2026-11-23T12:00:00.5Z", _NOON + timedelta(seconds=0.5)),
        ("2026-11-23T12:00:00,123Z", _NOON + timedelta(seconds=0.123)),
        ("2026-11-23T12:00:00.123456789+00:00", _NOON + timedelta(microseconds=123456)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_common_forms_are_read(text: str, instant: datetime) -> None:
    """As much of ISO 8601 as clients and people write; a space for a plus is mended."""
    parsed = parse_lenient_time(text, name="start")

    assert parsed == instant
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "now",
        "1700000000",
        "2026-11-23T",
        "2026-1-2",
        "2026-13-01",
        "2026-02-30",
        "2026-11-23T24:00",
        "2026-11-23T12:60",
        "2016-12-31T23:59:60Z",
        "2026-W47-1",
        "2026-327",
        "2026-11-23T12:00:00+99:00",
        "2026-11-23T12:00:00++00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-01:00",
        "+002026-11-23T12:00:00Z",
        "٢٠٢٦-11-23",
        "2026-11-23T12:00:00Z/2026-11-24T12:00:00Z",
        "2" * 5000,
        "2026-11-23\0",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """The error shows the parameter and the beginning of the value."""
    with pytest.raises(InvalidTime, match="start '") as caught:
        parse_lenient_time(text, name="start")

    assert len(str(caught.value)) < 200


@given(st.text(max_size=40))
def test_no_text_raises_anything_else(text: str) -> None:
    """Whatever comes in a query string."""
    try:
        parsed = parse_lenient_time(text, name="end")
    except InvalidTime:
        return
    assert parsed.tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_python_writes_is_read_back(instant: datetime) -> None:
    """aw-client sends ``isoformat()``."""
    assert parse_lenient_time(instant.isoformat(), name="start") == instant
    assert parse_lenient_time(instant.replace(tzinfo=None).isoformat(), name="start") == instant


def test_offset_can_be_kept() -> None:
    """A query shows the times of its period as the client wrote them."""
    instant = parse_local_time("2026-11-23 14:00 0200", name="start")

    assert instant.isoformat() == "2026-11-23T14:00:00+02:00"
