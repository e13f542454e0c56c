"""Filling gaps: what aw-core 0.5.18 makes of each kind of pair, and of random timelines."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulseline_core.transforms import flooding
from pulseline_core.transforms.data_pool import DataPool
from tests.unit.core.transforms import twins
from tests.unit.core.transforms.timelines import MILLISECOND, PULSETIME, Row, build, event, read, timelines

pulsetimes = st.sampled_from([0, 3 * MILLISECOND, 100 * MILLISECOND, PULSETIME])
#: aw-core knows instants in whole milliseconds only; Pulseline has them in microseconds.
any_timeline = timelines(MILLISECOND) | timelines(1)

EXAMPLES = {
    "nothing": ([], []),
    "one": ([event(0, 1)], [event(0, 1)]),
    "an instant": ([event(0, 0)], []),
    "a short gap between others": (
        [event(0, 5, "a"), event(8, 2, "b")],
        [event(0, 6.5, "a"), event(6.5, 3.5, "b")],
    ),
    "a short gap before a longer one": (
        [event(0, 2, "a"), event(5, 5, "b")],
        [event(0, 3.5, "a"), event(3.5, 6.5, "b")],
    ),
    "a gap of the pulsetime": ([event(0, 5, "a"), event(10, 5, "b")], [event(0, 7.5, "a"), event(7.5, 7.5, "b")]),
    "a gap longer than it": ([event(0, 5, "a"), event(10.001, 5, "b")], [event(0, 5, "a"), event(10.001, 5, "b")]),
    "an overlap of others": ([event(0, 5, "a"), event(4, 5, "b")], [event(0, 4, "a"), event(4, 5, "b")]),
    "a slight overlap of others": (
        [event(0, 5.05, "a"), event(5, 3, "b")],
        [event(0, 5.025, "a"), event(5.025, 2.975, "b")],
    ),
    "an overlap just too long for slight": (
        [event(0, 5.1, "a"), event(5, 3, "b")],
        [event(0, 5, "a"), event(5, 3, "b")],
    ),
    "equal ones over a gap": ([event(0, 5), event(8, 5)], [event(0, 13)]),
    "equal ones that touch": ([event(0, 5), event(5, 5)], [event(0, 5), event(5, 5)]),
    "equal ones inside": ([event(0, 10), event(2, 3), event(12, 1)], [event(0, 10), event(10, 3)]),
    "instants": (
        [event(0, 0, "a"), event(3, 0, "a"), event(6, 0, "b")],
        [event(0, 3, "a"), event(3, 1.5, "a"), event(4.5, 1.5, "b")],
    ),
    "others that begin together": ([event(0, 2, "a"), event(0, 5, "b")], [event(0, 5, "b")]),
    "one inside another": ([event(0, 10, "a"), event(2, 3, "b")], [event(0, 2, "a"), event(2, 3, "b")]),
    "newest first": ([event(8, 2, "b"), event(0, 5, "a")], [event(0, 6.5, "a"), event(6.5, 3.5, "b")]),
}


@pytest.mark.parametrize(("rows", "expected"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_flood_treats_a_pair_as_aw_core_does(rows: list[Row], expected: list[Row]) -> None:
    """aw-core 0.5.18, ``aw_transform/flood.py``; the pulsetime is 5 s and belongs to the short gaps."""
    assert _flood(rows) == expected


def test_the_middle_of_a_gap_is_a_whole_millisecond() -> None:
    """aw-core cuts instants to milliseconds; the part that is cut is missing at the event's other end."""
    flooded = _flood([event(0, 1, "a"), event(1.003, 1, "b")])

    assert flooded == [event(0, 1.001, "a"), event(1.001, 1.0015, "b")]


def test_a_cut_millisecond_can_make_the_next_gap_too_long() -> None:
    """The second gap is 5 s long, and half a millisecond longer once the first is filled."""
    flooded = _flood([event(0, 1, "a"), event(1.003, 1, "b"), event(7.003, 1, "a")])

    assert flooded == [event(0, 1.001, "a"), event(1.001, 1.0015, "b"), event(7.003, 1, "a")]


def test_an_event_that_a_slight_overlap_turns_around_hides_nothing_before_it() -> None:
    """The middle event begins after the last one, once it gave way to the first; all three lie apart in the end."""
    rows = [event(0, 5.09, "a"), event(5, 9, "b"), event(5.01, 9, "c")]

    flooded = _flood(rows)

    assert flooded == twins.flood(rows, PULSETIME)
    assert flooded == [event(0, 5.01, "a"), event(5.01, 9, "c")]


def test_an_event_too_short_to_stay_still_cuts_off_the_one_that_it_overlaps() -> None:
    """It counts while the walk passes it, as in aw-core."""
    rows = [event(0, 0.2, "a"), event(0.005, 0, "b"), event(0.006, 1, "a")]

    assert _flood(rows) == twins.flood(rows, PULSETIME)
    assert _flood(rows) == [event(0, 0.005, "a"), event(0.005, 1.0005, "a")]


def test_events_at_one_time_stay_in_their_order() -> None:
    """Of two that hold at the same time the later one counts; newest first, too."""
    rows = [event(9, 1, "c"), event(0, 1, "a"), event(0, 1, "b")]

    assert _flood(rows) == [event(0, 1, "b"), event(9, 1, "c")]


@settings(max_examples=300)
@given(any_timeline, pulsetimes)
def test_flood_does_what_its_twin_does(rows: list[Row], pulsetime: int) -> None:
    """Whatever the order, with all overlaps and instants; ids and microseconds included."""
    assert _flood(rows, pulsetime) == twins.flood(rows, pulsetime)


@given(any_timeline, pulsetimes)
def test_flood_leaves_no_overlap_and_no_instant(rows: list[Row], pulsetime: int) -> None:
    """Each event has a length, and begins when the one before has ended."""
    flooded = _flood(rows, pulsetime)

    assert all(row.start < row.end for row in flooded)
    assert all(before.end <= after.start for before, after in pairwise(flooded))


@given(any_timeline, pulsetimes)
def test_a_second_flood_does_nothing_unless_a_short_gap_was_left(rows: list[Row], pulsetime: int) -> None:
    """One is left where an event between two gaps had no length in the end, or by the cut to milliseconds."""
    flooded = _flood(rows, pulsetime)

    is_gap_left = any(0 < after.start - before.end <= pulsetime for before, after in pairwise(flooded))
    assert is_gap_left or _flood(flooded, pulsetime) == flooded


@given(timelines(MILLISECOND))
def test_without_a_pulsetime_flood_never_adds_time(rows: list[Row]) -> None:
    """What is covered afterwards was covered before."""
    flooded = _flood(rows, 0)

    assert twins.filter_period_intersect(flooded, twins.period_union(rows, [])) == flooded


def _flood(rows: list[Row], pulsetime: int = PULSETIME) -> list[Row]:
    return read(flooding.flood(build(rows, DataPool()), pulsetime))
