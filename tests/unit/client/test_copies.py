"""Events of one start and data are numbered from the longest on."""

from __future__ import annotations

from collections.abc import Sequence

from pulseline_client.copies import number_copies
from tests.contract.store.samples import MAIL, make_event


def number(*spans: tuple[float, float, str]) -> Sequence[tuple[float, int]]:
    """Return (length, number) of events given as (start, length, app)."""
    events = [make_event(start, length, {"app": app}) for start, length, app in spans]
    return [(event.duration.total_seconds(), copy) for event, copy in number_copies(events)]


def test_events_that_begin_at_different_times_are_no_copies() -> None:
    """However equal they are otherwise."""
    assert number((0, 5, "a"), (1, 5, "a"), (2, 5, "a")) == [(5, 1), (5, 1), (5, 1)]


def test_the_longest_comes_first() -> None:
    """So that the same events are numbered the same in whatever order they come."""
    assert number((0, 5, "a"), (0, 9, "a"), (0, 5, "a")) == [(9, 1), (5, 2), (5, 3)]


def test_other_data_is_counted_apart() -> None:
    """Data is compared as JSON is, not as text."""
    events = [make_event(0, 5, {"n": 1, "m": 2}), make_event(0, 5, {"m": 2, "n": 1.0}), make_event(0, 5, MAIL)]

    assert [copy for _, copy in number_copies(events)] == [1, 2, 1]
