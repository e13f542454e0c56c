"""The schedule of states: at once, then not again for an interval, and the last change is never left out."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.types import BucketId
from pulseline_ingest.state import StateSchedule

A, B, C = BucketId("a"), BucketId("b"), BucketId("c")


def test_change_is_due_at_once() -> None:
    """In the order of the changes, each bucket once."""
    schedule = StateSchedule(1.0)
    schedule.mark([B, A, B])

    assert schedule.get_wait_s(now=5.0) == 0.0
    assert schedule.take(10, now=5.0) == [B, A]
    assert schedule.take(10, now=5.0) == []


def test_change_within_the_interval_waits_for_its_end() -> None:
    """Many changes are one state then."""
    schedule = StateSchedule(1.0)
    schedule.mark([A])
    schedule.take(10, now=5.0)
    schedule.mark([A])
    schedule.mark([A])

    assert schedule.take(10, now=5.9) == []
    assert schedule.get_wait_s(now=5.75) == 0.25
    assert schedule.take(10, now=6.0) == [A]
    assert schedule.take(10, now=8.0) == []


def test_state_that_did_not_change_is_not_published_again() -> None:
    """And nothing more is foreseen once the interval is over."""
    schedule = StateSchedule(1.0)
    schedule.mark([A])
    schedule.take(10, now=5.0)

    assert schedule.take(10, now=6.5) == []
    assert schedule.get_wait_s(now=6.5) is None


def test_change_after_the_interval_is_due_at_once() -> None:
    """Also if nobody asked in between."""
    schedule = StateSchedule(1.0)
    schedule.mark([A])
    schedule.take(10, now=5.0)
    schedule.take(10, now=7.0)
    schedule.mark([A])

    assert schedule.take(10, now=7.0) == [A]


def test_rest_beyond_the_limit_stays_due() -> None:
    """Nothing is lost, the oldest change comes first, and the wait is none."""
    schedule = StateSchedule(1.0)
    schedule.mark([A, B, C])

    assert schedule.take(2, now=5.0) == [A, B]
    assert schedule.get_wait_s(now=5.0) == 0.0
    assert schedule.take(2, now=5.0) == [C]


def test_wait_is_that_of_the_bucket_that_cools_longest() -> None:
    """The one that was published first is the first that may be published again."""
    schedule = StateSchedule(1.0)
    schedule.mark([A])
    schedule.take(10, now=5.0)
    schedule.mark([B])
    schedule.take(10, now=5.5)

    assert schedule.get_wait_s(now=5.5) == 0.5
    assert schedule.get_wait_s(now=9.0) == 0.0


def test_empty_schedule_foresees_nothing() -> None:
    """Nobody needs to wake up for it."""
    assert StateSchedule(1.0).get_wait_s(now=5.0) is None


#: What happens one after the other: buckets change, time goes on (quarters of a second), someone takes.
STEPS = st.lists(
    st.one_of(st.sets(st.sampled_from([A, B, C]), min_size=1), st.integers(1, 6), st.just(None)), max_size=40
)


@given(steps=STEPS, limit=st.integers(1, 3))
def test_no_state_comes_too_often_and_no_change_is_left_out(
    steps: list[set[BucketId] | int | None], limit: int
) -> None:
    """Whatever changes whenever: an interval lies between two states of a bucket, and the last one is the newest."""
    schedule, now = StateSchedule(1.0), 100.0
    published: dict[BucketId, list[float]] = {A: [], B: [], C: []}
    unpublished: set[BucketId] = set()

    def take() -> None:
        taken = schedule.take(limit, now=now)
        assert len(taken) <= limit
        for bucket_id in taken:
            assert bucket_id in unpublished
            published[bucket_id].append(now)
        unpublished.difference_update(taken)

    for step in steps:
        match step:
            case None:
                take()
            case int():
                now += step / 4
            case _:
                schedule.mark(sorted(step))
                unpublished |= step
    while (wait_s := schedule.get_wait_s(now=now)) is not None:
        now += wait_s
        take()

    assert not unpublished
    gaps = [later - sooner for times in published.values() for sooner, later in pairwise(times)]
    assert all(gap >= 1.0 for gap in gaps)
