"""Pre-merging: what is kept back, what is handed over, and that the timeline stays what it would be without."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pulseline_client import Event
from pulseline_client.premerge import Pending, take_heartbeat
from pulseline_core.merge import Span, merge_timeline
from pulseline_core.types import JSONObject

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PULSETIME = timedelta(seconds=3)


def beat(at_s: float, duration_s: float = 0, data: JSONObject | None = None) -> Pending:
    """Return a heartbeat so many seconds after the start."""
    event = Event(timestamp=START + timedelta(seconds=at_s), duration=duration_s, data=data or {"a": 1})
    return Pending(event=event, pulsetime=PULSETIME)


def run(heartbeats: Iterable[Pending], *, commit_interval_s: float) -> tuple[list[Event], Pending | None]:
    """Return what is handed over, and what is kept."""
    handed_over: list[Event] = []
    kept: Pending | None = None
    for heartbeat in heartbeats:
        ready, kept = take_heartbeat(kept, heartbeat, commit_interval=timedelta(seconds=commit_interval_s))
        handed_over += [] if ready is None else [ready.event]
    return handed_over, kept


def test_the_first_heartbeat_is_kept_back() -> None:
    """aw-client 0.5.15, ActivityWatchClient.heartbeat."""
    assert run([beat(0)], commit_interval_s=10) == ([], beat(0))


def test_heartbeats_grow_until_the_interval() -> None:
    """The newest is kept, raw, so that what follows begins where this ended."""
    handed_over, kept = run([beat(at_s) for at_s in (0, 2, 4)], commit_interval_s=4)

    assert handed_over == [beat(0, 4).event]
    assert kept is not None
    assert kept.event == beat(4).event
    assert kept.is_covered


def test_a_change_hands_over_what_was() -> None:
    """And keeps the new state."""
    other = beat(4, data={"a": 2})

    assert run([beat(0), beat(2), other], commit_interval_s=10) == ([beat(0, 2).event], other)


def test_a_change_after_the_interval_hands_nothing_over_twice() -> None:
    """The server knows of the kept heartbeat already."""
    handed_over, _ = run([beat(0), beat(2), beat(3, data={"a": 2})], commit_interval_s=2)

    assert handed_over == [beat(0, 2).event]


def test_a_gap_is_not_bridged() -> None:
    """The pulsetime's end belongs to it."""
    assert run([beat(0), beat(3)], commit_interval_s=10)[0] == []
    assert run([beat(0), beat(3.001)], commit_interval_s=10)[0] == [beat(0).event]


def test_an_older_heartbeat_is_not_merged() -> None:
    """The server sorts it in."""
    assert run([beat(1), beat(0)], commit_interval_s=10)[0] == [beat(1).event]


def test_true_is_not_one() -> None:
    """Equal in Python, not in JSON; 1 and 1.0 are."""
    assert run([beat(0, data={"a": True}), beat(1, data={"a": 1})], commit_interval_s=10)[0] != []
    assert run([beat(0, data={"a": 1.0}), beat(1, data={"a": 1})], commit_interval_s=10)[0] == []


_HEARTBEATS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 6), st.sampled_from("ab")), min_size=1, max_size=30)


@given(_HEARTBEATS, st.integers(0, 20))
def test_the_timeline_is_that_of_the_single_heartbeats(
    steps: list[tuple[int, int, str]], commit_interval_s: int
) -> None:
    """For a watcher that goes forward in time, whatever the interval."""
    at_s, heartbeats = 0, []
    for step_s, duration_s, state in steps:
        heartbeats.append(beat(at_s, duration_s, {"state": state}))
        at_s += max(step_s, 1)

    handed_over, kept = run(heartbeats, commit_interval_s=commit_interval_s)
    assert kept is not None
    sent = handed_over + ([] if kept.is_covered else [kept.event])

    assert build_timeline(sent) == build_timeline([each.event for each in heartbeats])


def build_timeline(events: Iterable[Event]) -> list[Span]:
    """Return what the server makes of heartbeats."""
    spans = [Span(count_us(event.timestamp), count_us(event.end), str(event.data)) for event in events]
    return merge_timeline(spans, pulsetime_us=PULSETIME // timedelta(microseconds=1))


def count_us(instant: datetime) -> int:
    """Return the microseconds from the start."""
    return (instant - START) // timedelta(microseconds=1)
