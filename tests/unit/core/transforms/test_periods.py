"""What timelines have in common and what they cover: aw-core's corner cases, and random timelines."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings

from pulseline_core.transforms import periods
from pulseline_core.transforms.data_pool import DataPool
from tests.unit.core.transforms import twins
from tests.unit.core.transforms.timelines import MILLISECOND, Row, build, event, read, timelines

any_timeline = timelines(MILLISECOND) | timelines(1)

INTERSECTIONS = {
    "nothing": ([], [event(0, 1)], []),
    "no filters": ([event(0, 1)], [], []),
    "cut at both ends": ([event(0, 10)], [event(2, 3)], [event(2, 3)]),
    "one for each filter": ([event(0, 10)], [event(1, 2), event(5, 9)], [event(1, 2), event(5, 5)]),
    "touching": ([event(0, 5), event(10, 5)], [event(5, 5)], []),
    "an instant inside": ([event(3, 0)], [event(0, 10)], [event(3, 0)]),
    "an instant at the start": ([event(0, 0)], [event(0, 10)], [event(0, 0)]),
    "an instant at the end": ([event(10, 0)], [event(0, 10)], [event(10, 0)]),
    "an instant between touching filters": ([event(5, 0)], [event(0, 5), event(5, 5)], [event(5, 0)]),
    "an instant as a filter": ([event(0, 10)], [event(3, 0)], [event(3, 0)]),
    "overlapping filters count twice": ([event(0, 10)], [event(0, 6), event(4, 6)], [event(0, 6), event(4, 6)]),
    "overlapping events": (
        [event(0, 10, "a"), event(2, 3, "b")],
        [event(0, 20)],
        [event(0, 10, "a"), event(2, 3, "b")],
    ),
    "a filter done with too early": ([event(0, 10, "a"), event(1, 8, "b")], [event(0, 5)], [event(0, 5, "a")]),
}

UNIONS = {
    "nothing": ([], [], []),
    "one": ([event(0, 1)], [], [(0, 1)]),
    "overlapping": ([event(0, 5)], [event(3, 5)], [(0, 8)]),
    "touching": ([event(0, 5)], [event(5, 5)], [(0, 10)]),
    "one inside another": ([event(0, 10)], [event(2, 1)], [(0, 10)]),
    "apart": ([event(0, 1)], [event(2, 1)], [(0, 1), (2, 1)]),
    "an instant": ([event(3, 0)], [], [(3, 0)]),
    "an instant at an end": ([event(0, 3)], [event(3, 0)], [(0, 3)]),
}


@pytest.mark.parametrize(("rows", "filters", "expected"), INTERSECTIONS.values(), ids=INTERSECTIONS.keys())
def test_an_intersection_is_that_of_aw_core(rows: list[Row], filters: list[Row], expected: list[Row]) -> None:
    """aw-core 0.5.18, ``aw_transform/filter_period_intersect.py``."""
    assert _intersect(rows, filters) == expected


def test_an_event_cut_in_pieces_keeps_its_id() -> None:
    """In each of them."""
    pieces = _intersect([event(0, 10, event_id=7)], [event(1, 2), event(5, 9)])

    assert [piece.id for piece in pieces] == [7, 7]


@settings(max_examples=300)
@given(any_timeline, any_timeline)
def test_an_intersection_is_what_its_twin_finds(rows: list[Row], filters: list[Row]) -> None:
    """Without overlaps, where arrays do the work, and with them."""
    assert _intersect(rows, filters) == twins.filter_period_intersect(rows, filters)


@given(any_timeline, any_timeline)
def test_what_an_intersection_finds_lies_in_both(rows: list[Row], filters: list[Row]) -> None:
    """Another intersection with what the filters cover takes nothing more away."""
    found = _intersect(rows, twins.period_union(filters, []))

    assert sum(row.end - row.start for row in found) == sum(
        row.end - row.start for row in _intersect(found, twins.period_union(filters, []))
    )


@pytest.mark.parametrize(("first", "second", "expected"), UNIONS.values(), ids=UNIONS.keys())
def test_a_union_of_periods_is_that_of_aw_core(
    first: list[Row], second: list[Row], expected: list[tuple[int, int]]
) -> None:
    """aw-core 0.5.18, ``aw_transform/filter_period_intersect.py``; no period has data."""
    assert _unite(first, second) == [event(*period)._replace(data={}) for period in expected]


def test_a_period_has_the_id_of_its_first_event() -> None:
    """And of those that begin together, that of the first timeline."""
    united = _unite([event(0, 1, event_id=1)], [event(0, 5, event_id=2), event(4, 5, event_id=3)])

    assert united == [event(0, 9, event_id=1)._replace(data={})]


@settings(max_examples=300)
@given(any_timeline, any_timeline)
def test_a_union_of_periods_is_what_its_twin_makes(first: list[Row], second: list[Row]) -> None:
    """Ids included."""
    assert _unite(first, second) == twins.period_union(first, second)


@given(any_timeline, any_timeline)
def test_periods_of_a_union_neither_overlap_nor_touch(first: list[Row], second: list[Row]) -> None:
    """There is time between any two."""
    assert all(before.end < after.start for before, after in pairwise(_unite(first, second)))


def _intersect(rows: list[Row], filters: list[Row]) -> list[Row]:
    pool = DataPool()
    return read(periods.filter_period_intersect(build(rows, pool), build(filters, pool)))


def _unite(first: list[Row], second: list[Row]) -> list[Row]:
    pool = DataPool()
    return read(periods.period_union(build(first, pool), build(second, pool)))
