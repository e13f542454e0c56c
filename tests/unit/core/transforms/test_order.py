"""Sorting, limiting and summing, and what the other transforms ask about order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from pulseline_core.transforms import order
from pulseline_core.transforms.data_pool import DataPool
from tests.unit.core.transforms.timelines import SECOND, Row, build, event, read, timelines

any_timeline = timelines(1)

A, B, C = event(3, 1, "a"), event(0, 2, "b"), event(1, 1, "c")


@given(any_timeline)
def test_sorting_by_timestamp_is_stable(rows: list[Row]) -> None:
    """Events that begin together stay in their order."""
    assert read(order.sort_by_timestamp(build(rows, DataPool()))) == sorted(rows, key=lambda row: row.start)


@given(any_timeline)
def test_sorting_by_duration_is_stable(rows: list[Row]) -> None:
    """The longest come first; those of equal length stay in their order."""
    by_length = sorted(rows, key=lambda row: row.end - row.start, reverse=True)

    assert read(order.sort_by_duration(build(rows, DataPool()))) == by_length


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (2, [A, B]), (9, [A, B, C]), (-1, [A, B]), (-9, [])],
)
def test_a_limit_keeps_the_first_events(count: int, expected: list[Row]) -> None:
    """A negative one leaves out the last ones, as a slice of aw-core 0.5.18 does."""
    assert read(order.limit_events(build([A, B, C], DataPool()), count)) == expected


@pytest.mark.parametrize(("rows", "total"), [([], 0), ([A, B, C], 4 * SECOND)])
def test_durations_are_summed_in_microseconds(rows: list[Row], total: int) -> None:
    """No events are no time."""
    assert order.sum_durations_us(build(rows, DataPool())) == total


@given(any_timeline)
def test_events_are_sorted_if_none_begins_before_the_one_in_front_of_it(rows: list[Row]) -> None:
    """No events are sorted, and so is one."""
    assert order.is_sorted(build(rows, DataPool())) == all(one.start <= two.start for one, two in pairwise(rows))


@given(any_timeline)
def test_events_are_apart_if_no_two_share_more_than_an_instant(rows: list[Row]) -> None:
    """And sorted."""
    is_apart = all(one.start <= two.start and one.end <= two.start for one, two in pairwise(rows))

    assert order.are_apart(build(rows, DataPool())) == is_apart
