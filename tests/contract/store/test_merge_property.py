"""Any sequence of changes, in any groups, committed or undone, leaves what the pure merge rule says."""

from __future__ import annotations

import tempfile
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseline_core.event import Event
from pulseline_core.json_value import canonical
from pulseline_core.merge import Span, merge_heartbeat, merge_timeline
from pulseline_core.store import BucketRow, Transaction
from pulseline_core.times import MICROSECOND, from_us, to_us
from tests.contract.store.samples import BUCKET, Place, get_row

PULSETIME_US = 5
PULSETIME = timedelta(microseconds=PULSETIME_US)

#: Few distinct times and values, so that events touch, overlap and coincide often; 1 is 1.0 and not true.
EVENTS = st.builds(
    lambda start, length, value: Event(timestamp=from_us(start), duration=length * MICROSECOND, data={"on": value}),
    st.integers(0, 60),
    st.integers(0, 12),
    st.sampled_from([1, 1.0, True]),
)

#: A timeline as spans with the ids of their events, in order.
Model = list[tuple[Span, int]]
Change = Callable[[Transaction, BucketRow, Model], None]


class Undo(Exception):
    """Ends a group that shall not be stored."""


def _span(event: Event) -> Span:
    return Span(to_us(event.timestamp), to_us(event.end), canonical(event.data))


def _put(model: Model, span: Span, event_id: int | None) -> None:
    assert event_id is not None
    place = bisect_right(model, (span.start_us, event_id), key=lambda item: (item[0].start_us, item[1]))
    model.insert(place, (span, event_id))


def _beat(heartbeat: Event) -> Change:
    def apply(tx: Transaction, row: BucketRow, model: Model) -> None:
        result = tx.merge_heartbeat(row, heartbeat, PULSETIME)
        span = _span(heartbeat)
        place = bisect_right(model, span.start_us, key=lambda item: item[0].start_us)
        previous = model[place - 1][0] if place else None
        merge = merge_heartbeat(previous, span, [item[0] for item in model[place:]], pulsetime_us=PULSETIME_US)
        del model[place : place + merge.absorbed]
        if merge.is_new:
            _put(model, merge.result, result.id)
        else:
            model[place - 1] = (merge.result, model[place - 1][1])
        assert (_span(result), result.id) in model

    return apply


def _insert(events: Sequence[Event]) -> Change:
    def apply(tx: Transaction, row: BucketRow, model: Model) -> None:
        for event in tx.insert_events(row, events):
            _put(model, _span(event), event.id)

    return apply


def _delete_range(first: Event) -> Change:
    def apply(tx: Transaction, row: BucketRow, model: Model) -> None:
        span = _span(first)
        kept = [item for item in model if not span.start_us <= item[0].start_us <= span.end_us]
        assert tx.delete_events(row, first.timestamp, first.end) == len(model) - len(kept)
        model[:] = kept

    return apply


def _delete_one(choice: int) -> Change:
    def apply(tx: Transaction, row: BucketRow, model: Model) -> None:
        if model:
            _, event_id = model.pop(choice % len(model))
            assert tx.delete_event(row, event_id)

    return apply


def _replace_one(choice: int, event: Event) -> Change:
    def apply(tx: Transaction, row: BucketRow, model: Model) -> None:
        if model:
            _, event_id = model.pop(choice % len(model))
            replaced = Event(timestamp=event.timestamp, duration=event.duration, data=event.data, id=event_id)
            tx.replace_event(row, replaced)
            _put(model, _span(event), event_id)

    return apply


BEATS = st.builds(_beat, EVENTS)
CHANGES: st.SearchStrategy[Change] = st.one_of(
    BEATS,
    BEATS,
    BEATS,
    st.builds(_insert, st.lists(EVENTS, max_size=3)),
    st.builds(_delete_range, EVENTS),
    st.builds(_delete_one, st.integers(0, 20)),
    st.builds(_replace_one, st.integers(0, 20), EVENTS),
)

#: Each group with whether it is undone.
GROUPS = st.lists(st.tuples(st.lists(CHANGES, max_size=8), st.booleans()), max_size=6)

#: The fixtures only say where things go, so they may serve all examples of a test.
MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@MANY
@given(groups=GROUPS)
def test_any_changes_in_any_groups_follow_the_rule(
    make_place: Callable[[Path], Place], groups: list[tuple[list[Change], bool]]
) -> None:
    """After each group, committed or undone, the rows are the model's."""
    model: Model = []

    with tempfile.TemporaryDirectory() as folder:
        place = make_place(Path(folder))
        with place.open_store() as store, place.open_reader() as reader:
            with store.transaction() as tx:
                get_row(tx)
            for changes, is_undone in groups:
                changed = list(model)
                with suppress(Undo), store.transaction() as tx:
                    for change in changes:
                        change(tx, get_row(tx), changed)
                    if is_undone:
                        raise Undo
                model = model if is_undone else changed

                stored = [(_span(event), event.id) for event in reversed(reader.read_events(BUCKET))]
                assert stored == model


@MANY
@given(heartbeats=st.lists(EVENTS, max_size=20), cuts=st.sets(st.integers(0, 20)))
def test_heartbeats_in_any_order_give_the_pure_timeline(
    make_place: Callable[[Path], Place], heartbeats: list[Event], cuts: set[int]
) -> None:
    """Whatever their order, and wherever one group ends and the next begins."""
    bounds = [0, *sorted(cut for cut in cuts if 0 < cut < len(heartbeats)), len(heartbeats)]

    with tempfile.TemporaryDirectory() as folder:
        place = make_place(Path(folder))
        with place.open_store() as store, place.open_reader() as reader:
            for first, last in pairwise(bounds):
                with store.transaction() as tx:
                    for heartbeat in heartbeats[first:last]:
                        tx.merge_heartbeat(get_row(tx), heartbeat, PULSETIME)
            stored = [_span(event) for event in reversed(reader.read_events(BUCKET))] if heartbeats else []

    assert stored == merge_timeline([_span(heartbeat) for heartbeat in heartbeats], pulsetime_us=PULSETIME_US)


@MANY
@given(
    places=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), min_size=1, max_size=20), randomness=st.randoms()
)
def test_heartbeats_of_one_state_shuffled_give_the_sorted_timeline(
    make_place: Callable[[Path], Place], places: list[tuple[int, int]], randomness: Random
) -> None:
    """Order does not matter to heartbeats of one state."""
    shuffled = randomness.sample(places, len(places))
    ordered = merge_timeline(
        [Span(start, start + length, "") for start, length in sorted(places)], pulsetime_us=PULSETIME_US
    )

    with tempfile.TemporaryDirectory() as folder:
        place = make_place(Path(folder))
        with place.open_store() as store, place.open_reader() as reader:
            with store.transaction() as tx:
                for start, length in shuffled:
                    heartbeat = Event(timestamp=from_us(start), duration=length * MICROSECOND)
                    tx.merge_heartbeat(get_row(tx), heartbeat, PULSETIME)
            stored = [(to_us(event.timestamp), to_us(event.end)) for event in reversed(reader.read_events(BUCKET))]

    assert stored == [(span.start_us, span.end_us) for span in ordered]
