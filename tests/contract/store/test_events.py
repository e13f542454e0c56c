"""Inserting, replacing and deleting events, and what becomes of their ids and data."""

from __future__ import annotations

import pytest

from pulseline_core.errors import NotFound
from pulseline_core.store import Reader, Store
from pulseline_core.types import JSONObject
from tests.contract.store.samples import BUCKET, MAIL, WORK, at, beat, collect, get_row, insert, make_event, outline

OTHER = "watcher-afk_host"


def _count_data(store: Store) -> int:
    with store.transaction() as tx:
        row = tx._connection.fetch_one("SELECT COUNT(*) FROM event_data")
    assert row is not None
    return int(row[0])


def test_inserted_events_are_never_merged(store: Store, reader: Reader) -> None:
    """They come back with ids, as they were."""
    inserted = insert(store, make_event(0, 10), make_event(0, 10), make_event(5, 10))

    assert len({event.id for event in inserted}) == 3
    assert outline(reader.read_events(BUCKET)) == [(5, 15, WORK), (0, 10, WORK), (0, 10, WORK)]


def test_an_event_is_read_by_its_id(store: Store, reader: Reader) -> None:
    """Of its own bucket only."""
    (event,) = insert(store, make_event(0, 10))
    insert(store, make_event(0), bucket_id=OTHER)
    assert event.id is not None

    assert reader.read_event(BUCKET, event.id) == event
    assert reader.read_event(OTHER, event.id) is None
    assert reader.read_event(BUCKET, event.id + 100) is None


def test_data_comes_back_as_it_was(store: Store, reader: Reader) -> None:
    """Whatever JSON can hold."""
    data: JSONObject = {
        "text": "Спотифай ☃ \U0001f600",
        "list": [1, 2.5, None, True, {"deep": -(2**63)}],
        "big": 2**63 - 1,
        "": 1e300,
    }
    insert(store, make_event(data=data))

    assert reader.read_events(BUCKET)[0].data == data


def test_equal_data_is_stored_once(store: Store) -> None:
    """Over events and buckets."""
    insert(store, make_event(0), make_event(1), make_event(2, data=MAIL))
    insert(store, make_event(3), bucket_id=OTHER)

    assert _count_data(store) == 2


def test_replacing_an_event_keeps_its_id(store: Store, reader: Reader) -> None:
    """Time and data are the new ones; the old data goes if no event has it."""
    (event,) = insert(store, make_event(0, 10))

    with store.transaction() as tx:
        tx.replace_event(get_row(tx), make_event(50, 1, MAIL, event.id))

    (replaced,) = reader.read_events(BUCKET)
    assert replaced.id == event.id
    assert outline([replaced]) == [(50, 51, MAIL)]
    assert _count_data(store) == 1


def test_an_event_of_another_bucket_is_not_replaced(store: Store, reader: Reader) -> None:
    """ActivityWatch would move it; here nothing changes, and the transaction can go on."""
    (event,) = insert(store, make_event(0, 10))

    with store.transaction() as tx:
        with pytest.raises(NotFound):
            tx.replace_event(get_row(tx, OTHER), make_event(1, 1, {"new": 1}, event.id))
        with pytest.raises(NotFound):
            tx.replace_event(get_row(tx), make_event(1, 1, {"new": 1}, 10**6))
        tx.insert_events(get_row(tx), [make_event(20)])

    assert outline(reader.read_events(BUCKET)) == [(20, 20, WORK), (0, 10, WORK)]
    assert _count_data(store) == 1


def test_a_replaced_newest_event_is_what_the_next_heartbeat_meets(store: Store, reader: Reader) -> None:
    """An edit of the current event is not undone by the next heartbeat (aw-server 0.13.2 undoes it)."""
    (event,) = beat(store, make_event(0))

    with store.transaction() as tx:
        tx.merge_heartbeat(get_row(tx), make_event(5), at(60) - at(0))
        tx.replace_event(get_row(tx), make_event(0, 5, MAIL, event.id))
    beat(store, make_event(10))

    assert outline(reader.read_events(BUCKET)) == [(10, 10, WORK), (0, 5, MAIL)]


def test_deleting_an_event_tells_whether_there_was_one(store: Store, reader: Reader) -> None:
    """Of the bucket; its data goes with the last event that has it."""
    first, second = insert(store, make_event(0), make_event(1))
    assert first.id is not None
    assert second.id is not None

    with store.transaction() as tx:
        row, other = get_row(tx), get_row(tx, OTHER)
        answers = [tx.delete_event(other, first.id), tx.delete_event(row, first.id), tx.delete_event(row, first.id)]

    assert answers == [False, True, False]
    assert reader.read_events(BUCKET) == [second]
    assert _count_data(store) == 1
    with store.transaction() as tx:
        tx.delete_event(get_row(tx), second.id)
    assert _count_data(store) == 0


def test_a_deleted_newest_event_is_not_lengthened(store: Store, reader: Reader) -> None:
    """The next heartbeat begins another (aw-server 0.13.2 answers with an error)."""
    (event,) = beat(store, make_event(0))
    assert event.id is not None

    with store.transaction() as tx:
        tx.delete_event(get_row(tx), event.id)
        (after,) = [tx.merge_heartbeat(get_row(tx), make_event(5), at(60) - at(0))]

    assert after.id != event.id
    assert outline(reader.read_events(BUCKET)) == [(5, 5, WORK)]


def test_data_that_was_collected_is_stored_again(store: Store, reader: Reader) -> None:
    """No number of a row that is gone is remembered."""
    (event,) = insert(store, make_event(0))
    assert event.id is not None

    with store.transaction() as tx:
        tx.delete_event(get_row(tx), event.id)
        tx.insert_events(get_row(tx), [make_event(1)])

    assert outline(reader.read_events(BUCKET)) == [(1, 1, WORK)]


def test_ids_are_never_given_twice(store: Store) -> None:
    """Not even that of the last event, after it was deleted."""
    (first,) = insert(store, make_event(0))
    assert first.id is not None
    with store.transaction() as tx:
        tx.delete_event(get_row(tx), first.id)

    (second,) = insert(store, make_event(0))

    assert second.id is not None
    assert second.id > first.id


def test_deleting_a_range_takes_the_events_that_begin_in_it(store: Store, reader: Reader) -> None:
    """Both ends belong to it; what only reaches into it stays."""
    insert(store, make_event(0, 100), make_event(10), make_event(20, 5, MAIL), make_event(30), make_event(31))

    with store.transaction() as tx:
        count = tx.delete_events(get_row(tx), at(10), at(30))
    collect(store)

    assert count == 3
    assert [event[0] for event in outline(reader.read_events(BUCKET))] == [31, 0]
    assert _count_data(store) == 1


def test_deleting_a_range_takes_what_is_still_in_memory(store: Store, reader: Reader) -> None:
    """A heartbeat of the same transaction is stored and deleted like any other."""
    with store.transaction() as tx:
        row = get_row(tx)
        tx.merge_heartbeat(row, make_event(0), at(60) - at(0))
        tx.merge_heartbeat(row, make_event(10), at(60) - at(0))
        assert tx.delete_events(row, at(0), at(0)) == 1

    assert reader.read_events(BUCKET) == []
