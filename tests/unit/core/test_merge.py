"""The merge rule: its three steps, ActivityWatch's recorded answers, and order that does not matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core import times
from pulseline_core.json_value import canonical
from pulseline_core.merge import Merge, Span, is_continued, join, merge_heartbeat, merge_timeline
from pulseline_core.types import JSONValue
from tests.vectors import HEARTBEATS_WHERE_TRUE_IS_ONE, read_vectors

A, B = "a", "b"

HEARTBEATS = read_vectors("heartbeats")

#: Few distinct times and lengths, so that spans touch, overlap and coincide often.
spans_of_one_state = st.lists(
    st.builds(lambda start, length: Span(start, start + length, A), st.integers(0, 60), st.integers(0, 12)), max_size=12
)
spans = st.lists(
    st.builds(
        lambda start, length, data: Span(start, start + length, data),
        st.integers(0, 60),
        st.integers(0, 12),
        st.sampled_from([A, B]),
    ),
    max_size=12,
)
pulsetimes = st.integers(0, 10)


def test_a_heartbeat_within_pulsetime_lengthens_the_previous_span() -> None:
    """The end of the range belongs to it."""
    merge = merge_heartbeat(Span(0, 10, A), Span(15, 15, A), [], pulsetime_us=5)

    assert merge == Merge(Span(0, 15, A), is_new=False, absorbed=0)


def test_a_heartbeat_after_pulsetime_begins_a_new_span() -> None:
    """One microsecond too late is too late."""
    merge = merge_heartbeat(Span(0, 10, A), Span(16, 16, A), [], pulsetime_us=5)

    assert merge == Merge(Span(16, 16, A), is_new=True, absorbed=0)


def test_a_heartbeat_with_other_data_begins_a_new_span() -> None:
    """However close it is."""
    assert merge_heartbeat(Span(0, 10, A), Span(5, 6, B), [], pulsetime_us=5) == Merge(Span(5, 6, B), True, 0)


def test_a_heartbeat_inside_a_span_changes_nothing() -> None:
    """An end never moves back."""
    assert merge_heartbeat(Span(0, 10, A), Span(3, 4, A), [], pulsetime_us=0) == Merge(Span(0, 10, A), False, 0)


def test_a_heartbeat_of_an_empty_timeline_is_inserted() -> None:
    """There is nothing to lengthen."""
    assert merge_heartbeat(None, Span(3, 4, A), [], pulsetime_us=9) == Merge(Span(3, 4, A), True, 0)


def test_a_late_heartbeat_joins_what_lies_on_both_sides() -> None:
    """The spans that it bridges become one; the next state stays."""
    following = [Span(20, 25, A), Span(28, 40, A), Span(41, 50, B), Span(51, 60, A)]

    merge = merge_heartbeat(Span(0, 10, A), Span(15, 15, A), following, pulsetime_us=5)

    assert merge == Merge(Span(0, 40, A), is_new=False, absorbed=2)


def test_a_new_span_absorbs_what_follows_it() -> None:
    """Step 3 applies to an inserted span too."""
    assert merge_heartbeat(None, Span(0, 1, A), [Span(2, 9, A)], pulsetime_us=1) == Merge(Span(0, 9, A), True, 1)


def test_join_keeps_the_later_end() -> None:
    """Whichever span it belongs to."""
    assert join(Span(0, 10, A), Span(5, 7, A)) == Span(0, 10, A)
    assert join(Span(0, 10, A), Span(5, 17, A)) == Span(0, 17, A)


def test_is_continued_needs_the_same_data() -> None:
    """Data is compared by value."""
    assert is_continued(Span(0, 1, (1, 2)), Span(1, 1, (1, 2)), pulsetime_us=0)
    assert not is_continued(Span(0, 1, A), Span(1, 1, B), pulsetime_us=0)


@given(heartbeats=spans_of_one_state, pulsetime_us=pulsetimes, data=st.data())
def test_heartbeats_of_one_state_shuffled_give_the_sorted_timeline(
    heartbeats: list[Span], pulsetime_us: int, data: st.DataObject
) -> None:
    """The order of arrival does not matter."""
    shuffled = data.draw(st.permutations(heartbeats))
    in_order = sorted(heartbeats, key=lambda span: span.start_us)

    assert merge_timeline(shuffled, pulsetime_us=pulsetime_us) == merge_timeline(in_order, pulsetime_us=pulsetime_us)


@given(heartbeats=spans_of_one_state, pulsetime_us=pulsetimes)
def test_heartbeats_of_one_state_that_come_again_change_nothing(heartbeats: list[Span], pulsetime_us: int) -> None:
    """The rule is idempotent, so a message that is sent twice does no harm."""
    once = merge_timeline(heartbeats, pulsetime_us=pulsetime_us)

    assert merge_timeline([*heartbeats, *heartbeats], pulsetime_us=pulsetime_us) == once


@given(heartbeats=spans, pulsetime_us=pulsetimes)
def test_a_heartbeat_repeated_at_once_changes_nothing(heartbeats: list[Span], pulsetime_us: int) -> None:
    """The same heartbeat twice in a row, whatever the states around it."""
    doubled = [each for heartbeat in heartbeats for each in (heartbeat, heartbeat)]
    once = merge_timeline(heartbeats, pulsetime_us=pulsetime_us)

    assert merge_timeline(doubled, pulsetime_us=pulsetime_us) == once


@given(heartbeats=spans, pulsetime_us=pulsetimes)
def test_a_timeline_is_sorted_and_covers_every_heartbeat(heartbeats: list[Span], pulsetime_us: int) -> None:
    """Nothing that was said is lost, nothing begins before it was said."""
    timeline = merge_timeline(heartbeats, pulsetime_us=pulsetime_us)

    assert timeline == sorted(timeline, key=lambda span: span.start_us)
    for heartbeat in heartbeats:
        assert any(
            span.data == heartbeat.data and span.start_us <= heartbeat.start_us and span.end_us >= heartbeat.end_us
            for span in timeline
        )


def merge_as_activitywatch(heartbeats: Sequence[Span], *, pulsetime_us: int) -> list[Span]:
    """Return what aw-core 0.5.18 aw_transform/heartbeats.py makes of heartbeats in time order."""
    timeline: list[Span] = []
    for heartbeat in heartbeats:
        last = timeline[-1] if timeline else None
        if last and last.data == heartbeat.data and last.start_us <= heartbeat.start_us <= last.end_us + pulsetime_us:
            timeline[-1] = Span(last.start_us, max(last.end_us, heartbeat.end_us), last.data)
        else:
            timeline.append(heartbeat)
    return timeline


@given(heartbeats=spans, pulsetime_us=pulsetimes)
def test_in_time_order_the_rule_is_activitywatchs(heartbeats: list[Span], pulsetime_us: int) -> None:
    """Who knows ActivityWatch finds nothing new."""
    in_order = sorted(heartbeats, key=lambda span: span.start_us)

    assert merge_timeline(in_order, pulsetime_us=pulsetime_us) == merge_as_activitywatch(
        in_order, pulsetime_us=pulsetime_us
    )


@pytest.mark.parametrize("case", HEARTBEATS, ids=lambda case: case["id"])
def test_recorded_heartbeats_give_activitywatchs_timeline(case: dict[str, Any]) -> None:
    """With Python's idea of equality, the rule does what aw-core 0.5.18 did, in every recorded case."""
    timeline = merge_timeline(build_spans(case["heartbeats"], key=python_key), pulsetime_us=read_pulsetime_us(case))

    assert_alike(timeline, build_spans(case["expected"], key=python_key))


def test_recorded_heartbeats_differ_only_where_true_is_not_one() -> None:
    """With JSON's idea of equality, which Pulseline uses, the only other timelines are the ones that we list."""
    different = set()
    for case in HEARTBEATS:
        timeline = merge_timeline(build_spans(case["heartbeats"], key=canonical), pulsetime_us=read_pulsetime_us(case))
        if [span.data for span in timeline] != [canonical(each["data"]) for each in case["expected"]]:
            different.add(case["id"])

    assert different == HEARTBEATS_WHERE_TRUE_IS_ONE


def read_pulsetime_us(case: dict[str, Any]) -> int:
    """Return the pulsetime of a recorded case."""
    return times.seconds_to_us(case["pulsetime"])


def build_spans(events: list[dict[str, Any]], *, key: Callable[[JSONValue], str]) -> list[Span]:
    """Return the spans of events as they stand in the recording; data is compared by its key."""
    return [build_span(event, key) for event in events]


def build_span(event: dict[str, Any], key: Callable[[JSONValue], str]) -> Span:
    """Return the span of one event."""
    start = times.parse_timestamp(event["timestamp"])
    end = start + timedelta(seconds=event["duration"])
    return Span(times.to_us(start), times.to_us(end), key(event["data"]))


def python_key(data: JSONValue) -> str:
    """Return one text for data that Python holds to be equal, where true is one."""
    return canonical(data).replace("true", "1").replace("false", "0")


def assert_alike(timeline: list[Span], recorded: list[Span]) -> None:
    """Compare two timelines, within the millisecond that aw-core cuts timestamps to."""
    assert [span.data for span in timeline] == [span.data for span in recorded]
    for span, other in zip(timeline, recorded, strict=True):
        assert abs(span.start_us - other.start_us) <= 1_000
        assert abs(span.end_us - other.end_us) <= 2_000
