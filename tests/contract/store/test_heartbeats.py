"""Heartbeats on rows: the merge rule's steps, what is written when, and ActivityWatch's recorded answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pulseline_core.errors import NotFound
from pulseline_core.event import Event
from pulseline_core.store import Reader, Store
from pulseline_core.times import parse_timestamp
from tests.contract.store.samples import BUCKET, MAIL, MINUTE, WORK, beat, get_row, insert, make_event, outline
from tests.vectors import HEARTBEATS_WHERE_TRUE_IS_ONE, read_vectors

HEARTBEATS = [case for case in read_vectors("heartbeats") if case["id"] not in HEARTBEATS_WHERE_TRUE_IS_ONE]


def test_a_heartbeat_within_pulsetime_lengthens_the_newest_event(store: Store, reader: Reader) -> None:
    """The result is the event as it now is, with the id it had."""
    first, second = beat(store, make_event(0), make_event(60))

    assert second.id == first.id
    assert outline([second]) == [(0, 60, WORK)]
    assert reader.read_events(BUCKET) == [second]


def test_a_transaction_counts_the_heartbeats_that_became_part_of_an_event(store: Store) -> None:
    """Late ones as well, and each transaction for itself; those that are new events do not count."""
    beat(store, make_event(0), make_event(60))
    with store.transaction() as tx:
        row = get_row(tx)
        for start_s, data in ((120, WORK), (120, WORK), (125, MAIL), (30, WORK), (10, MAIL)):
            tx.add_heartbeats(row, [(make_event(start_s, data=data), MINUTE)])

        assert tx.merged == 3


def test_a_heartbeat_after_pulsetime_begins_a_new_event(store: Store, reader: Reader) -> None:
    """One microsecond too late is too late."""
    beat(store, make_event(0), make_event(60.000001))

    assert outline(reader.read_events(BUCKET)) == [(60.000001, 60.000001, WORK), (0, 0, WORK)]


def test_a_heartbeat_with_other_data_begins_a_new_event(store: Store, reader: Reader) -> None:
    """The event before it stays as long as it was."""
    beat(store, make_event(0, 5), make_event(3, 1, MAIL))

    assert outline(reader.read_events(BUCKET)) == [(3, 4, MAIL), (0, 5, WORK)]


def test_one_and_one_point_zero_are_the_same_data_and_true_is_not(store: Store, reader: Reader) -> None:
    """Equality is that of JSON, whatever the order of keys."""
    beat(store, make_event(0, data={"a": 1, "b": 2}), make_event(1, data={"b": 2.0, "a": 1.0}))
    beat(store, make_event(2, data={"a": True, "b": 2}))

    assert [event[:2] for event in outline(reader.read_events(BUCKET))] == [(2, 2), (0, 1)]


def test_a_heartbeat_that_comes_twice_changes_nothing(store: Store, reader: Reader) -> None:
    """In the same transaction or another one."""
    beat(store, make_event(0, 5), make_event(0, 5))

    beat(store, make_event(0, 5))

    assert outline(reader.read_events(BUCKET)) == [(0, 5, WORK)]


def test_a_late_heartbeat_joins_the_events_on_both_sides(store: Store, reader: Reader) -> None:
    """The earlier one keeps its id, the later one's row goes."""
    earlier, _ = beat(store, make_event(0, 10), make_event(100, 10))

    (joined,) = beat(store, make_event(50))

    assert joined.id == earlier.id
    assert outline(reader.read_events(BUCKET)) == [(0, 110, WORK)]


def test_a_late_heartbeat_absorbs_many_events(store: Store, reader: Reader) -> None:
    """However many lie within reach of what the result becomes."""
    insert(store, *(make_event(10 * number, 1) for number in range(100)))

    beat(store, make_event(-5), pulsetime=timedelta(seconds=9))

    assert outline(reader.read_events(BUCKET)) == [(-5, 991, WORK)]


def test_a_late_heartbeat_between_other_states_is_an_event_of_its_own(store: Store, reader: Reader) -> None:
    """It stands where its time is."""
    beat(store, make_event(0, 10), make_event(100, 10))

    beat(store, make_event(50, 5, MAIL))

    assert outline(reader.read_events(BUCKET)) == [(100, 110, WORK), (50, 55, MAIL), (0, 10, WORK)]


def test_heartbeats_after_a_late_one_go_on_with_the_newest_event(store: Store, reader: Reader) -> None:
    """A late heartbeat does not become what the next one is compared with."""
    beat(store, make_event(0), make_event(5), make_event(-500), make_event(7))

    assert outline(reader.read_events(BUCKET)) == [(0, 7, WORK), (-500, -500, WORK)]


def test_heartbeats_go_on_with_what_an_insert_left_as_newest(store: Store, reader: Reader) -> None:
    """Another write to the bucket is seen by the next heartbeat, and keeps its own event."""
    beat(store, make_event(0))
    insert(store, make_event(10, 0, MAIL))

    beat(store, make_event(20))

    assert outline(reader.read_events(BUCKET)) == [(20, 20, WORK), (10, 10, MAIL), (0, 0, WORK)]


def test_heartbeats_of_many_buckets_do_not_meet(store: Store, reader: Reader) -> None:
    """Each bucket has its own timeline."""
    for number in range(50):
        beat(store, make_event(0), make_event(number), bucket_id=f"bucket-{number}")

    assert [outline(reader.read_events(f"bucket-{number}"))[0][1] for number in range(50)] == list(range(50))


def test_merging_may_make_an_event_longer_than_any_that_may_come_in(store: Store, reader: Reader) -> None:
    """A device that is on for years has one event of years."""
    year = 366 * 86_400
    pulsetime = timedelta(days=366)

    results = beat(store, make_event(0), make_event(year), make_event(2 * year), pulsetime=pulsetime)

    assert results[-1].duration == timedelta(days=732)
    assert outline(reader.read_events(BUCKET)) == [(0, 2 * year, WORK)]


def test_a_heartbeat_for_a_deleted_bucket_is_refused(store: Store) -> None:
    """A row that was read before the bucket went leads nowhere, and the transaction can go on."""
    with store.transaction() as tx:
        row = get_row(tx)
        tx.merge_heartbeat(row, make_event(), MINUTE)
        tx.delete_bucket(row)

        with pytest.raises(NotFound):
            tx.merge_heartbeat(row, make_event(), MINUTE)
        tx.set_watermark("publisher", BUCKET, 1)

    with store.transaction() as tx:
        assert tx.get_watermark("publisher", BUCKET) == 1


@pytest.mark.parametrize("group", [1, 7, 1000])
def test_recorded_heartbeats_give_activitywatch_s_timelines(store: Store, reader: Reader, group: int) -> None:
    """aw-core 0.5.18's answers, whatever the size of groups; its times are cut to milliseconds."""
    for case in HEARTBEATS:
        heartbeats = [_read_event(item) for item in case["heartbeats"]]
        pulsetime = timedelta(seconds=case["pulsetime"])
        for first in range(0, len(heartbeats), group):
            beat(store, *heartbeats[first : first + group], pulsetime=pulsetime, bucket_id=case["id"])

    for case in HEARTBEATS:
        stored = list(reversed(reader.read_events(case["id"])))
        expected = [_read_event(item) for item in case["expected"]]
        assert [event.data for event in stored] == [event.data for event in expected], case["id"]
        assert all(_is_close(*pair) for pair in zip(stored, expected, strict=True)), case["id"]


def _read_event(item: dict[str, Any]) -> Event:
    return Event(
        timestamp=parse_timestamp(item["timestamp"]),
        duration=timedelta(seconds=item["duration"]),
        data=item["data"],
    )


def _is_close(stored: Event, expected: Event) -> bool:
    tolerance = timedelta(milliseconds=1)
    return abs(stored.timestamp - expected.timestamp) <= tolerance and abs(stored.end - expected.end) <= tolerance
