"""The days that a range is made of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from pulseline_client.commands.period import split_days


@pytest.fixture(name="_in_berlin", autouse=True)
def _live_in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make it the system's time zone, with the rules that hold since 1996."""
    with monkeypatch.context() as context:
        context.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        yield
    time.tzset()


def test_days_are_those_of_local_time() -> None:
    """The first and the last one are what the range has of them."""
    begin = datetime(2026, 11, 1, 22, 30, tzinfo=UTC).astimezone()
    end = datetime(2026, 11, 3, 10, tzinfo=UTC).astimezone()

    days = split_days(begin, end)

    assert [first.isoformat() for first, _ in days] == [
        "2026-11-01T23:30:00+01:00",
        "2026-11-02T00:00:00+01:00",
        "2026-11-03T00:00:00+01:00",
    ]
    assert [until for _, until in days] == [*(first for first, _ in days[1:]), end]


def test_day_of_the_clock_change_is_longer() -> None:
    """The clock is set back on 25 October 2026."""
    begin, end = (datetime(2026, 10, day).astimezone() for day in (25, 26))

    ((first, until),) = split_days(begin, end)

    assert until - first == timedelta(hours=25)


def test_range_without_length_has_no_day() -> None:
    """Also at midnight."""
    midnight = datetime(2026, 11, 2).astimezone()

    assert split_days(midnight, midnight) == []
