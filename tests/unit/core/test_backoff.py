"""Delays between attempts."""

from __future__ import annotations

import pytest

from pulseline_core.backoff import Backoff
from pulseline_core.errors import Misuse


def never() -> float:
    """Return the chance that takes nothing away."""
    return 0.0


def always() -> float:
    """Return the chance that takes as much away as it may."""
    return 1.0


def test_delays_double_up_to_the_maximum() -> None:
    """The last delay is the longest, for ever."""
    backoff = Backoff(1.0, 5.0)

    assert [backoff.next_delay_s(never) for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_chance_shortens_a_delay_by_at_most_the_jitter() -> None:
    """Chance does not change the delays that follow."""
    backoff = Backoff(1.0, 60.0, jitter=0.25)

    assert [backoff.next_delay_s(always) for _ in range(3)] == [0.75, 1.5, 3.0]


def test_reset_begins_anew() -> None:
    """After a success the next failure waits shortly again."""
    backoff = Backoff(1.0, 60.0)
    backoff.next_delay_s(never)
    backoff.next_delay_s(never)

    backoff.reset()

    assert backoff.next_delay_s(never) == 1.0


@pytest.mark.parametrize(
    ("initial_s", "maximum_s", "jitter"),
    [(0, 1, 0.1), (-1, 1, 0.1), (2, 1, 0.1), (1, 2, -0.1), (1, 2, 1.1)],
)
def test_bounds_that_make_no_sense_are_refused(initial_s: float, maximum_s: float, jitter: float) -> None:
    """A bug shows where it is made."""
    with pytest.raises(Misuse, match="makes no sense"):
        Backoff(initial_s, maximum_s, jitter)
