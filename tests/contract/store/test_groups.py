"""Several requests in one transaction: each sees what those before it did, whatever is written when."""

from __future__ import annotations

from pulseline_core.store import Reader, Store
from pulseline_core.types import JSONObject
from tests.contract.store.samples import BUCKET, MAIL, MINUTE, WORK, beat, get_row, insert, make_event, outline


def test_what_is_expected_is_what_is_found(store: Store, reader: Reader) -> None:
    """Buckets and watermarks that there are, and some that there are not."""
    beat(store, make_event(0))
    beat(store, make_event(0, 7200), bucket_id="long")
    with store.transaction() as tx:
        tx.set_watermark("a", BUCKET, 5)

    with store.transaction() as tx:
        tx.expect({BUCKET, "long", "new"}, {("a", BUCKET), ("b", BUCKET), ("a", "new")})
        for bucket_id in (BUCKET, "long", "new"):
            tx.merge_heartbeat(get_row(tx, bucket_id), make_event(30), MINUTE)
        watermarks = [tx.get_watermark(*key) for key in (("a", BUCKET), ("b", BUCKET), ("a", "new"))]

    assert watermarks == [5, 0, 0]
    assert outline(reader.read_events(BUCKET)) == [(0, 30, WORK)]
    assert outline(reader.read_events("long")) == [(0, 7200, WORK)]
    assert outline(reader.read_events("new")) == [(30, 30, WORK)]


def test_a_group_may_expect_nothing(store: Store) -> None:
    """As one of settings only."""
    with store.transaction() as tx:
        tx.expect(set(), set())


def test_data_that_is_expected_is_stored_once(store: Store, reader: Reader) -> None:
    """What is there and what is new, equal data in two spellings, and data too long to be known by its text."""
    beat(store, make_event(0))
    objects: list[JSONObject] = [WORK, MAIL, {"n": 1}, {"n": 1.0}, {"n": True}, {"text": "long " * 100}]
    with store.transaction() as tx:
        tx.expect({BUCKET}, set(), [*objects, *objects])
        tx.insert_events(get_row(tx), [make_event(n + 1, data=data) for n, data in enumerate(objects)])

    assert [event.data for event in reversed(reader.read_events(BUCKET))] == [WORK, *objects]
    [rows] = reader.iter_event_pages(BUCKET)
    assert len({data_id for _, _, _, data_id, _ in rows}) == 5


def test_data_that_is_expected_in_vain_leaves_nothing_behind(store: Store, reader: Reader) -> None:
    """As that of a message which came before; it is stored when an event has it later."""
    with store.transaction() as tx:
        tx.expect({BUCKET}, set(), [WORK, MAIL])
        tx.merge_heartbeat(get_row(tx), make_event(0), MINUTE)

    with store.transaction() as tx:
        assert tx._connection.fetch_all("SELECT json FROM event_data") == [('{"app":"code","title":"main.py"}',)]
        tx.merge_heartbeat(get_row(tx), make_event(1, data=MAIL), MINUTE)
    assert outline(reader.read_events(BUCKET)) == [(1, 1, MAIL), (0, 0, WORK)]


def test_an_event_is_deleted_in_the_group_that_inserted_it(store: Store, reader: Reader) -> None:
    """Its neighbours stay."""
    with store.transaction() as tx:
        row = get_row(tx)
        first, second = tx.insert_events(row, [make_event(0), make_event(1)])
        assert first.id is not None
        assert tx.delete_event(row, first.id)
        assert not tx.delete_event(row, first.id)

    assert reader.read_events(BUCKET) == [second]


def test_an_event_is_replaced_in_the_group_that_merged_it(store: Store, reader: Reader) -> None:
    """And what comes after it is merged with what it is then."""
    with store.transaction() as tx:
        row = get_row(tx)
        tx.merge_heartbeat(row, make_event(0), MINUTE)
        merged = tx.merge_heartbeat(row, make_event(10), MINUTE)
        tx.replace_event(row, make_event(5, 5, MAIL, event_id=merged.id))
        tx.merge_heartbeat(row, make_event(20, data=MAIL), MINUTE)

    assert outline(reader.read_events(BUCKET)) == [(5, 20, MAIL)]


def test_a_heartbeat_is_merged_with_an_event_that_its_group_inserted(store: Store, reader: Reader) -> None:
    """Also one that lies before it, or around it."""
    with store.transaction() as tx:
        row = get_row(tx)
        tx.insert_events(row, [make_event(0, 10)])
        tx.merge_heartbeat(row, make_event(20), MINUTE)
        tx.insert_events(row, [make_event(100, 10, MAIL)])
        tx.merge_heartbeat(row, make_event(40), MINUTE)
        tx.merge_heartbeat(row, make_event(105, data=MAIL), MINUTE)

    assert outline(reader.read_events(BUCKET)) == [(100, 110, MAIL), (0, 40, WORK)]


def test_a_bucket_is_deleted_in_the_group_that_filled_it(store: Store, reader: Reader) -> None:
    """Its rows are removed there, too, and another one of its name is filled."""
    with store.transaction() as tx:
        row = get_row(tx)
        tx.insert_events(row, [make_event(0), make_event(1)])
        tx.delete_bucket(row)
        tx.insert_events(get_row(tx), [make_event(2)])
        assert tx.collect(10)
        assert not tx.collect(10)

    assert outline(reader.read_events(BUCKET)) == [(2, 2, WORK)]


def test_data_is_kept_that_only_an_event_of_the_group_has(store: Store, reader: Reader) -> None:
    """When the last one before it is deleted in the same group."""
    (old,) = insert(store, make_event(0))
    with store.transaction() as tx:
        row = get_row(tx)
        tx.insert_events(row, [make_event(1)])
        assert old.id is not None
        tx.delete_event(row, old.id)

    assert outline(reader.read_events(BUCKET)) == [(1, 1, WORK)]


def test_a_bucket_is_described_with_the_events_of_its_group(store: Store, reader: Reader) -> None:
    """A range is found whose event was inserted a moment before, however long it is."""
    with store.transaction() as tx:
        tx.insert_events(get_row(tx), [make_event(0, 90_000)])
        tx.merge_heartbeat(get_row(tx), make_event(1, data=MAIL), MINUTE)

    assert len(reader.read_events(BUCKET, start=make_event(89_000).timestamp)) == 1
