"""``pulseline demo``: which day is shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from pulseline_client.commands.demo import choose_morning


@pytest.fixture(autouse=True)
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine be in Berlin."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        (datetime(2026, 11, 23, 20, 0, tzinfo=UTC), datetime(2026, 11, 23, 7, 30, tzinfo=UTC)),
        (datetime(2026, 11, 23, 9, 30, tzinfo=UTC), datetime(2026, 11, 23, 7, 30, tzinfo=UTC)),
        (datetime(2026, 11, 23, 9, 29, tzinfo=UTC), datetime(2026, 11, 22, 7, 30, tzinfo=UTC)),
        (datetime(2026, 11, 22, 23, 30, tzinfo=UTC), datetime(2026, 11, 22, 7, 30, tzinfo=UTC)),
        (datetime(2026, 3, 29, 5, 0, tzinfo=UTC), datetime(2026, 3, 28, 7, 30, tzinfo=UTC)),
    ],
    ids=["evening", "two hours in", "too early", "past midnight", "morning of the change to summer time"],
)
def test_choose_morning_shows_today_once_there_is_enough_of_it(now: datetime, morning: datetime) -> None:
    """Half past eight local time, yesterday's before half past ten."""
    assert choose_morning(now) == morning
