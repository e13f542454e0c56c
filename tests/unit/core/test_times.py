"""Instants and durations between their three forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core import times
from pulseline_core.errors import InvalidEvent

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

instants = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001  the same
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-11-23T10:00:00Z", NOW, id="Z"),
        pytest.param("2026-11-23t10:00:00z", NOW, id="lower case"),
        pytest.param("2026-11-23 10:00:00+00:00", NOW, id="space for T"),
        pytest.param("2026-11-23T10:00:00", NOW, id="no offset is UTC"),
        pytest.param("2026-11-23T12:30:00+02:30", NOW, id="east of Greenwich"),
        pytest.param("2026-11-23T02:00:00-08:00", NOW, id="west of Greenwich"),
        pytest.param("2026-11-23T10:00:00.123Z", NOW + timedelta(milliseconds=123), id="milliseconds"),
        pytest.param("2026-11-23T10:00:00.1Z", NOW + timedelta(milliseconds=100), id="one digit"),
        pytest.param("2026-11-23T10:00:00.123456789Z", NOW + timedelta(microseconds=123456), id="nanoseconds are cut"),
        pytest.param("2024-02-29T10:00:00Z", datetime(2024, 2, 29, 10, tzinfo=UTC), id="leap day"),
    ],
)
def test_parse_timestamp_reads_rfc3339(text: str, expected: datetime) -> None:
    """All forms of RFC 3339 give the same UTC instant."""
    instant = times.parse_timestamp(text)

    assert instant == expected
    assert instant.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("yesterday", id="word"),
        pytest.param("2026-11-23", id="date alone"),
        pytest.param("2024-W01", id="week date"),
        pytest.param("2024-W01-1T10:00:00Z", id="week date with time"),
        pytest.param("20261123T100000Z", id="basic form"),
        pytest.param("2026-11-23T10:00Z", id="no seconds"),
        pytest.param("2026-11-23T10:00:00,5Z", id="comma"),
        pytest.param("2026-11-23T10:00:00.Z", id="point without digits"),
        pytest.param("2026-11-23T10:00:00.1234567891Z", id="ten digits"),
        pytest.param("2026-11-23T10:00:00+0000", id="offset without colon"),
        pytest.param("2016-12-31T23:59:60Z", id="leap second"),
        pytest.param("2026-11-23T24:00:00Z", id="hour 24"),
        pytest.param("2026-13-01T00:00:00Z", id="month 13"),
        pytest.param("2026-02-29T00:00:00Z", id="no leap day"),
        pytest.param("2026-11-23T10:00:00+24:00", id="offset of a day"),
        pytest.param("0001-01-01T00:00:00+14:00", id="before the year 1"),
        pytest.param("9999-12-31T23:59:59-14:00", id="after the year 9999"),
        pytest.param("٢٠٢٦-11-23T10:00:00Z", id="other digits"),
        pytest.param("2026-11-23T10:00:00Z\n", id="line end"),
        pytest.param(" 2026-11-23T10:00:00Z", id="leading space"),
    ],
)
def test_parse_timestamp_refuses_everything_else(text: str) -> None:
    """What is not RFC 3339, or does not exist, is an error that names the field."""
    with pytest.raises(InvalidEvent) as caught:
        times.parse_timestamp(text)

    assert caught.value.field == "timestamp"


def test_check_timestamp_takes_1970_to_a_day_ahead() -> None:
    """Both ends of the range belong to it."""
    times.check_timestamp(times.EPOCH, now=NOW)
    times.check_timestamp(NOW + timedelta(days=1), now=NOW)


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        pytest.param(times.EPOCH - times.MICROSECOND, "before 1970", id="1969"),
        pytest.param(NOW + timedelta(days=1) + times.MICROSECOND, "more than a day ahead", id="over a day ahead"),
    ],
)
def test_check_timestamp_refuses_an_implausible_instant(instant: datetime, words: str) -> None:
    """A microsecond beyond the range is refused, and the message says which end."""
    with pytest.raises(InvalidEvent, match=words):
        times.check_timestamp(instant, now=NOW)


def test_format_timestamp_writes_utc_as_activitywatch_does() -> None:
    """The offset is ``+00:00``; the fraction has six digits or is absent."""
    assert times.format_timestamp(NOW) == "2026-11-23T10:00:00+00:00"
    assert times.format_timestamp(NOW + timedelta(milliseconds=5)) == "2026-11-23T10:00:00.005000+00:00"
    assert times.format_timestamp(NOW.astimezone(timezone(timedelta(hours=2)))) == "2026-11-23T10:00:00+00:00"


@given(instant=instants)
def test_microseconds_round_trip(instant: datetime) -> None:
    """An instant is its microseconds, exactly."""
    assert times.from_us(times.to_us(instant)) == instant


@given(instant=instants)
def test_timestamps_round_trip(instant: datetime) -> None:
    """What is written is read back."""
    assert times.parse_timestamp(times.format_timestamp(instant)) == instant


@given(instant=instants)
def test_microseconds_are_written_as_their_instant_is(instant: datetime) -> None:
    """The fast way and the plain one agree."""
    assert times.format_us(times.to_us(instant)) == times.format_timestamp(instant)


def test_seconds_to_us_rounds() -> None:
    """Binary fractions do not lose a microsecond."""
    assert times.seconds_to_us(1.1) == 1_100_000
    assert times.seconds_to_us(0.000_000_4) == 0
    assert times.seconds_to_us(2) == 2_000_000
