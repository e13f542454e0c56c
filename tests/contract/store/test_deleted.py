"""What is deleted: out of sight at once, its rows removed bit by bit, and nothing else with them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pulseline_core.errors import NotFound
from pulseline_core.store import Reader, Store, Transaction
from tests.contract.store.samples import (
    BUCKET,
    MAIL,
    MINUTE,
    WORK,
    Place,
    at,
    beat,
    collect,
    get_row,
    insert,
    make_event,
    outline,
    stream_events,
)

EVENTS = [make_event(number, data={"number": number}) for number in range(10)]


def _delete(store: Store, bucket_id: str = BUCKET) -> None:
    with store.transaction() as tx:
        tx.delete_bucket(get_row(tx, bucket_id))


def _count(store: Store, table: str) -> int:
    with store.transaction() as tx:
        row = tx._connection.fetch_one(f"SELECT COUNT(*) FROM {table}")
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda reader: reader.read_bucket(BUCKET), id="bucket"),
        pytest.param(lambda reader: reader.read_events(BUCKET), id="events"),
        pytest.param(lambda reader: reader.iter_event_pages(BUCKET), id="pages"),
        pytest.param(lambda reader: reader.open_event_rows(BUCKET).__enter__(), id="rows"),
        pytest.param(lambda reader: reader.count_events(BUCKET), id="count"),
        pytest.param(lambda reader: reader.read_event(BUCKET, 1), id="event"),
    ],
)
def test_a_deleted_bucket_is_not_found(store: Store, reader: Reader, read: Callable[[Reader], object]) -> None:
    """By any read, while its rows are still there."""
    insert(store, *EVENTS)

    _delete(store)

    assert _count(store, "event") == len(EVENTS)
    with pytest.raises(NotFound):
        read(reader)


def test_a_deleted_bucket_is_not_listed(store: Store, reader: Reader) -> None:
    """Nor is there such a bucket, nor a newest event, nor a row for the next message."""
    insert(store, *EVENTS)
    insert(store, make_event(0), bucket_id="neighbour")

    _delete(store)

    assert [bucket.id for bucket in reader.read_buckets()] == ["neighbour"]
    assert reader.read_bucket_ids() == ["neighbour"]
    assert not reader.has_bucket(BUCKET)
    assert reader.read_newest(BUCKET) is None
    with store.transaction() as tx:
        assert tx.get_bucket(BUCKET) is None


def test_a_stream_ends_when_its_bucket_is_deleted(store: Store, reader: Reader) -> None:
    """Also one that would go on into the events of before its range."""
    insert(store, make_event(-10, 20), *EVENTS)
    stream = stream_events(reader, start=at(0), page=3)
    first = [next(stream) for _ in range(3)]

    _delete(store)

    assert len(first) == 3
    assert list(stream) == []


def test_a_bucket_that_is_made_again_begins_empty(store: Store, reader: Reader) -> None:
    """And keeps what it gets while the rows of the old one go, data that both had too."""
    insert(store, *EVENTS)
    _delete(store)

    beat(store, EVENTS[0], make_event(20), make_event(30))
    before = outline(reader.read_events(BUCKET))
    collect(store, limit=3)

    assert before == [(20, 30, WORK), (0, 0, {"number": 0})]
    assert outline(reader.read_events(BUCKET)) == before
    assert (_count(store, "event"), _count(store, "event_data"), _count(store, "bucket")) == (2, 2, 1)


def test_any_number_of_buckets_of_one_id_may_be_deleted(store: Store, reader: Reader) -> None:
    """One after another, before the rows of the first are gone."""
    for _ in range(3):
        insert(store, *EVENTS)
        _delete(store)

    collect(store)

    assert reader.read_buckets() == []
    assert [_count(store, table) for table in ("bucket", "event", "event_data")] == [0, 0, 0]


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda tx, row: tx.merge_heartbeat(row, make_event(), MINUTE), id="heartbeat"),
        pytest.param(lambda tx, row: tx.insert_events(row, [make_event()]), id="insert"),
        pytest.param(lambda tx, row: tx.replace_event(row, make_event(event_id=1)), id="replace"),
        pytest.param(lambda tx, row: tx.delete_event(row, 1), id="delete event"),
        pytest.param(lambda tx, row: tx.delete_events(row, at(0), at(9)), id="delete range"),
        pytest.param(lambda tx, row: tx.delete_bucket(row), id="delete again"),
    ],
)
def test_nothing_is_written_to_a_deleted_bucket(store: Store, write: Callable[[Transaction, object], object]) -> None:
    """A row that was read before leads nowhere, though the bucket's rows are still there."""
    insert(store, *EVENTS)

    with store.transaction() as tx:
        row = get_row(tx)
        tx.delete_bucket(row)
        with pytest.raises(NotFound):
            write(tx, row)

    assert _count(store, "event") == len(EVENTS)


def test_a_deleted_range_is_out_of_sight(store: Store, reader: Reader) -> None:
    """Of reads, of counts, of a stream that has begun and of the next heartbeat."""
    insert(store, *EVENTS)
    stream = stream_events(reader, page=2)
    next(stream)

    with store.transaction() as tx:
        count = tx.delete_events(get_row(tx), at(1), at(9))
    beat(store, make_event(9.5, data={"number": 9}))

    assert (count, _count(store, "event")) == (9, 11)
    assert outline(reader.read_events(BUCKET)) == [(9.5, 9.5, {"number": 9}), (0, 0, {"number": 0})]
    assert (reader.count_events(BUCKET), len(reader.read_buckets())) == (2, 1)
    assert [event.data["number"] for event in stream] == [8, 0]


def test_no_more_is_removed_at_once_than_was_asked_for(store: Store) -> None:
    """So that the next message does not wait; the answer says when all is done."""
    insert(store, *EVENTS)
    _delete(store)
    left, answers = [], []

    for _ in range(5):
        with store.transaction() as tx:
            answers.append(tx.collect(4))
        left.append((_count(store, "event"), _count(store, "event_data"), _count(store, "bucket")))

    assert left == [(6, 6, 1), (2, 2, 1), (0, 0, 0), (0, 0, 0), (0, 0, 0)]
    assert answers == [True, True, True, False, False]


def test_data_that_another_event_has_stays(store: Store, reader: Reader) -> None:
    """Whether that event is a neighbour's or a later one of the same deleted bucket."""
    insert(store, make_event(0), make_event(1, data=MAIL), make_event(2))
    insert(store, make_event(0, data=MAIL), bucket_id="neighbour")
    _delete(store)

    with store.transaction() as tx:
        tx.collect(2)
    half_way = _count(store, "event_data")
    collect(store)

    assert (half_way, _count(store, "event_data")) == (2, 1)
    assert outline(reader.read_events("neighbour")) == [(0, 0, MAIL)]


def test_data_that_was_removed_is_stored_anew(store: Store, reader: Reader) -> None:
    """What was remembered of its number is forgotten."""
    insert(store, make_event(0))
    _delete(store)
    collect(store)

    insert(store, make_event(1))

    assert outline(reader.read_events(BUCKET)) == [(1, 1, WORK)]


def test_what_a_run_leaves_is_removed_by_the_next(place: Place) -> None:
    """And is out of sight of readers that open between them."""
    with place.open_store() as store:
        insert(store, *EVENTS)
        _delete(store)

    with place.open_store() as store, place.open_reader() as reader:
        assert (reader.read_buckets(), _count(store, "event")) == ([], len(EVENTS))
        collect(store)
        assert [_count(store, table) for table in ("bucket", "event", "event_data")] == [0, 0, 0]


def test_a_deletion_that_is_undone_leaves_all_in_sight(store: Store, reader: Reader) -> None:
    """Nothing is there to be removed then."""
    insert(store, *EVENTS)

    with pytest.raises(ZeroDivisionError), store.transaction() as tx:  # noqa: PT012
        tx.delete_events(get_row(tx), at(0), at(4))
        tx.delete_bucket(get_row(tx))
        raise ZeroDivisionError
    collect(store)

    assert reader.count_events(BUCKET) == len(EVENTS)
