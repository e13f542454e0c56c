"""Counters: every outcome has its number, and the numbers balance."""

from __future__ import annotations

import pytest

from pulseline_ingest.counters import Counters
from pulseline_ingest.outcome import Applied, DeadLettered, Deleted, Duplicate, Failure, Ignored, Outcome

FAILURE = Failure("InvalidEvent", "duration is wrong")


@pytest.mark.parametrize(
    ("outcome", "name", "received"),
    [
        pytest.param(Applied(Deleted(0), None), "applied", 1, id="applied"),
        pytest.param(Applied(FAILURE, None), "applied", 1, id="an order without an object"),
        pytest.param(Duplicate(1), "duplicates", 1, id="duplicate"),
        pytest.param(DeadLettered(7, FAILURE), "dead_letters", 1, id="dead letter"),
        pytest.param(Ignored(), "ignored", 0, id="asks for nothing"),
        pytest.param(Ignored(3), "ignored", 0, id="before its turn"),
    ],
)
def test_outcome_is_counted_under_its_name(outcome: Outcome, name: str, received: int) -> None:
    """And as received, unless it was ignored."""
    counters, group = Counters(), Counters()

    group.count(outcome)
    counters.add(group, received=1)

    nothing = dict.fromkeys(("received", "applied", "duplicates", "dead_letters", "ignored"), 0)
    assert counters.to_json() == nothing | {"received": received, name: 1}


def test_numbers_of_a_group_are_added_one_by_one() -> None:
    """What was there before stays, and the sum balances."""
    counters = Counters(received=6, applied=1, duplicates=2, dead_letters=3, ignored=4)

    counters.add(Counters(applied=10, duplicates=20, dead_letters=30, ignored=40), received=100)

    assert counters == Counters(received=66, applied=11, duplicates=22, dead_letters=33, ignored=44)


def test_message_that_got_lost_shows() -> None:
    """What came in is counted apart from what became of it."""
    counters = Counters()

    counters.add(Counters(applied=1), received=2)

    assert (counters.received, counters.applied) == (2, 1)
