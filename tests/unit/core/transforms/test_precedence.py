"""Laying one timeline over another: aw-core's corner cases, random timelines, and input in any order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulseline_core.transforms import precedence
from pulseline_core.transforms.data_pool import DataPool
from tests.unit.core.transforms import twins
from tests.unit.core.transforms.timelines import MILLISECOND, Row, build, event, read, timelines

any_timeline = timelines(MILLISECOND) | timelines(1)

EXAMPLES = {
    "nothing": ([], [], []),
    "nothing above": ([], [event(0, 1)], [event(0, 1)]),
    "nothing below": ([event(0, 1)], [], [event(0, 1)]),
    "the start is covered": ([event(0, 5, "a")], [event(3, 5, "b")], [event(0, 5, "a"), event(5, 3, "b")]),
    "the end is covered": ([event(3, 5, "a")], [event(0, 5, "b")], [event(0, 3, "b"), event(3, 5, "a")]),
    "the middle is covered": (
        [event(3, 2, "a")],
        [event(0, 10, "b")],
        [event(0, 3, "b"), event(3, 2, "a"), event(5, 5, "b")],
    ),
    "all is covered": ([event(0, 10, "a")], [event(3, 2, "b")], [event(0, 10, "a")]),
    "touching": ([event(0, 5, "a")], [event(5, 5, "b")], [event(0, 5, "a"), event(5, 5, "b")]),
    "covered twice": (
        [event(2, 1, "a"), event(5, 1, "a")],
        [event(0, 10, "b")],
        [event(0, 2, "b"), event(2, 1, "a"), event(3, 2, "b"), event(5, 1, "a"), event(6, 4, "b")],
    ),
    "newest first": (
        [event(10, 2, "a"), event(0, 2, "a")],
        [event(0, 12, "b")],
        [event(0, 2, "a"), event(2, 8, "b"), event(10, 2, "a")],
    ),
    "only the first of several under one is cut": (
        [event(0, 10, "a")],
        [event(1, 2, "b"), event(4, 2, "b")],
        [event(0, 10, "a"), event(4, 2, "b")],
    ),
    "an instant takes what is behind it, too": (
        [event(3, 0, "a")],
        [event(0, 5, "b")],
        [event(0, 3, "b"), event(3, 0, "a")],
    ),
}


@pytest.mark.parametrize(("first", "second", "expected"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_the_first_timeline_wins(first: list[Row], second: list[Row], expected: list[Row]) -> None:
    """aw-core 0.5.18, ``aw_transform/union_no_overlap.py``."""
    assert _lay_over(first, second) == expected


def test_pieces_keep_the_id_of_their_event() -> None:
    """Both of them."""
    pieces = _lay_over([event(3, 2, "a", 1)], [event(0, 10, "b", 2)])

    assert [piece.id for piece in pieces] == [2, 1, 2]


@settings(max_examples=300)
@given(any_timeline, any_timeline)
def test_laying_over_does_what_its_twin_does(first: list[Row], second: list[Row]) -> None:
    """Without overlaps, where arrays do the work, and with them."""
    assert _lay_over(first, second) == twins.union_no_overlap(first, second)


@given(any_timeline, any_timeline, st.data())
def test_the_order_of_the_events_does_not_matter(first: list[Row], second: list[Row], data: st.DataObject) -> None:
    """Shuffled timelines give what sorted ones give, as long as no two events begin together; aw-core sorts nothing."""
    first, second = _begin_apart(first), _begin_apart(second)

    shuffled = _lay_over(data.draw(st.permutations(first)), data.draw(st.permutations(second)))

    assert shuffled == _lay_over(first, second)


@given(any_timeline, any_timeline)
def test_every_event_of_the_first_timeline_stays_whole(first: list[Row], second: list[Row]) -> None:
    """Whatever lies under it."""
    laid = _lay_over([row._replace(id=1) for row in first], [row._replace(id=2) for row in second])

    assert sorted(row[:2] for row in laid if row.id == 1) == sorted(row[:2] for row in first)


def _begin_apart(rows: list[Row]) -> list[Row]:
    return sorted({row.start: row for row in rows}.values(), key=lambda row: row.start)


def _lay_over(first: list[Row], second: list[Row]) -> list[Row]:
    pool = DataPool()
    return read(precedence.union_no_overlap(build(first, pool), build(second, pool)))
