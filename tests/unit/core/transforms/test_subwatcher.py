"""Adding what another watcher knows: aw-core's corner cases, random timelines, and no time lost or gained."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulseline_core.transforms import subwatcher
from pulseline_core.transforms.data_pool import DataPool
from pulseline_core.types import JSONObject
from tests.unit.core.transforms import twins
from tests.unit.core.transforms.timelines import MILLISECOND, Row, build, event, read, timelines

#: What a browser's watcher may know.
_PAGES: tuple[JSONObject, ...] = ({}, {"url": "u"}, {"url": "v", "app": "c"}, {"url": "v", "tabs": [1]})

bases = timelines(MILLISECOND) | timelines(1)
subs = timelines(MILLISECOND, _PAGES) | timelines(1, _PAGES)
keys = st.sampled_from([["url"], ["app", "url", "tabs"], ["missing"], []])
conflicts = st.sampled_from(subwatcher.CONFLICTS)


def page(start: float, length: float, url: str) -> Row:
    """Return an event of a browser."""
    return event(start, length)._replace(data={"url": url})


def seen(start: float, length: float, url: str) -> Row:
    """Return a piece of an event with what the browser knew."""
    return event(start, length)._replace(data={"app": "a", "url": url})


EXAMPLES = {
    "no base": ([], [page(0, 1, "u")], []),
    "no others": ([event(0, 1)], [], [event(0, 1)]),
    "one in the middle": ([event(0, 10)], [page(4, 2, "u")], [event(0, 4), seen(4, 2, "u"), event(6, 4)]),
    "one over all of it": ([event(2, 2)], [page(0, 10, "u")], [seen(2, 2, "u")]),
    "touching": ([event(0, 5)], [page(5, 5, "u")], [event(0, 5)]),
    "equal neighbours": ([event(0, 10)], [page(0, 5, "u"), page(5, 5, "u")], [seen(0, 10, "u")]),
    "equal neighbours of two events": (
        [event(0, 5), event(5, 5)],
        [page(0, 10, "u")],
        [seen(0, 5, "u"), seen(5, 5, "u")],
    ),
    "the later start counts": (
        [event(0, 10)],
        [page(0, 10, "u"), page(4, 2, "v")],
        [seen(0, 4, "u"), seen(4, 2, "v"), seen(6, 4, "u")],
    ),
    "of those that begin together the longer one counts": (
        [event(0, 10)],
        [page(0, 10, "u"), page(0, 5, "v")],
        [seen(0, 10, "u")],
    ),
    "of those at one time the first counts": ([event(0, 10)], [page(0, 10, "u"), page(0, 10, "v")], [seen(0, 10, "u")]),
    "an instant holds on both sides": ([event(0, 10)], [page(5, 0, "u")], [seen(0, 10, "u")]),
    "an instant at the start does not": ([event(0, 10)], [page(0, 0, "u")], [event(0, 10)]),
    "a base without a length inside": ([event(5, 0)], [page(0, 10, "u")], []),
    "a base without a length at the start": ([event(0, 0)], [page(0, 10, "u")], [event(0, 0)]),
    "a base without a length at the end": ([event(10, 0)], [page(0, 10, "u")], [event(10, 0)]),
    "a base in any order": (
        [event(5, 2), event(0, 2)],
        [page(0, 10, "u")],
        [seen(5, 2, "u"), seen(0, 2, "u")],
    ),
}


@pytest.mark.parametrize(("base", "sub", "expected"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_a_base_event_is_split_as_aw_core_does(base: list[Row], sub: list[Row], expected: list[Row]) -> None:
    """aw-core 0.5.18, ``aw_transform/merge_subwatcher_fields.py``."""
    assert _merge(base, sub, ["url"]) == expected


@pytest.mark.parametrize(("conflict", "app"), [("base_wins", "a"), ("sub_wins", "b")])
def test_a_key_that_both_have_is_of_the_one_that_wins(conflict: str, app: str) -> None:
    """A key that is not asked for is never taken."""
    merged = _merge([event(0, 1, "a")], [event(0, 1, "b")._replace(data={"app": "b", "url": "u"})], ["app"], conflict)

    assert merged == [event(0, 1, app)]


def test_another_conflict_is_refused() -> None:
    """Even where there is nothing to do."""
    with pytest.raises(ValueError, match="conflict must be 'base_wins' or 'sub_wins', got 'both'"):
        _merge([], [], [], "both")


def test_a_value_of_true_and_one_of_1_are_two() -> None:
    """In JSON they are; the pieces are not joined."""
    sub = [event(0, 1)._replace(data={"url": True}), event(1, 1)._replace(data={"url": 1})]

    assert [row[:2] for row in _merge([event(0, 2)], sub, ["url"])] == [event(0, 1)[:2], event(1, 1)[:2]]


@settings(max_examples=300)
@given(bases, subs, keys, conflicts)
def test_merging_does_what_its_twin_does(base: list[Row], sub: list[Row], wanted: list[str], conflict: str) -> None:
    """With overlaps and instants on both sides, in any order; ids included."""
    assert _merge(base, sub, wanted, conflict) == twins.merge_subwatcher_fields(base, sub, wanted, conflict)


@given(bases, subs, keys, conflicts)
def test_merging_keeps_the_total_duration(base: list[Row], sub: list[Row], wanted: list[str], conflict: str) -> None:
    """Each event is as long as its pieces."""
    assert _sum(_merge(base, sub, wanted, conflict)) == _sum(base)


def _sum(rows: list[Row]) -> dict[int, int]:
    lengths = {row.id: row.end - row.start for row in rows if row.start < row.end}
    return {event_id: sum(row.end - row.start for row in rows if row.id == event_id) for event_id in lengths}


def _merge(base: list[Row], sub: list[Row], wanted: list[str], conflict: str = "base_wins") -> list[Row]:
    pool = DataPool()
    merged = subwatcher.merge_subwatcher_fields(build(base, pool), build(sub, pool), wanted, conflict=conflict)
    return read(merged)
