"""All or nothing: what a transaction leaves, on disk and in memory, when it ends well and when it does not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress

import pytest

from pulseline_core.errors import Closed, Misuse, NotFound
from pulseline_core.store import Reader, Store, Transaction
from tests.contract.store.samples import BUCKET, MAIL, MINUTE, WORK, Place, beat, get_row, insert, make_event, outline


class _Undo(Exception):
    """Ends a transaction that shall not be stored."""


def _undo(store: Store, *changes: Callable[[Transaction], object]) -> None:
    with suppress(_Undo), store.transaction() as tx:
        for change in changes:
            change(tx)
        raise _Undo


def test_nothing_of_a_failed_transaction_is_stored(store: Store, reader: Reader) -> None:
    """Buckets, events, watermarks, dead letters."""
    _undo(
        store,
        lambda tx: tx.merge_heartbeat(get_row(tx), make_event(0), MINUTE),
        lambda tx: tx.set_watermark("publisher", BUCKET, 9),
        lambda tx: tx.add_dead_letter("a/b", b"", reason="", received_at=make_event().timestamp),
    )

    assert reader.read_buckets() == []
    assert reader.count_dead_letters() == 0
    with store.transaction() as tx:
        assert tx.get_watermark("publisher", BUCKET) == 0
        assert tx.get_bucket(BUCKET) is None


def test_nothing_of_a_failed_transaction_is_remembered(store: Store, reader: Reader) -> None:
    """The next heartbeat is merged with what is stored, and data of the failed one is stored anew."""
    beat(store, make_event(0))

    _undo(
        store,
        lambda tx: tx.merge_heartbeat(get_row(tx), make_event(50), MINUTE),
        lambda tx: tx.merge_heartbeat(get_row(tx), make_event(55, data=MAIL), MINUTE),
    )
    beat(store, make_event(100), make_event(101, data=MAIL))

    assert outline(reader.read_events(BUCKET)) == [(101, 101, MAIL), (100, 100, WORK), (0, 0, WORK)]


def test_a_reader_sees_a_group_when_it_is_committed(store: Store, reader: Reader) -> None:
    """And all of it at once."""
    beat(store, make_event(0))

    with store.transaction() as tx:
        tx.merge_heartbeat(get_row(tx), make_event(30), MINUTE)
        tx.merge_heartbeat(get_row(tx), make_event(31, data=MAIL), MINUTE)
        before = outline(reader.read_events(BUCKET))

    assert before == [(0, 0, WORK)]
    assert outline(reader.read_events(BUCKET)) == [(31, 31, MAIL), (0, 30, WORK)]


def test_what_was_committed_is_there_when_the_store_is_opened_again(place: Place) -> None:
    """Events, watermarks and the database's own name."""
    with place.open_store() as store:
        epoch = store.epoch
        beat(store, make_event(0), make_event(30))
        with store.transaction() as tx:
            tx.set_watermark("publisher", BUCKET, 3)

    with place.open_store() as store, place.open_reader() as reader:
        beat(store, make_event(60))
        with store.transaction() as tx:
            assert tx.get_watermark("publisher", BUCKET) == 3
        assert store.epoch == epoch
        assert outline(reader.read_events(BUCKET)) == [(0, 60, WORK)]


def test_watermarks_are_kept_per_publisher_and_bucket(store: Store) -> None:
    """The last one set is the one that is committed."""
    with store.transaction() as tx:
        tx.set_watermark("a", "x", 1)
        tx.set_watermark("a", "x", 2)
        tx.set_watermark("a", "y", 3)
        tx.set_watermark("b", "x", 2**63 - 1)

    with store.transaction() as tx:
        found = [tx.get_watermark(*key) for key in (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"))]
    assert found == [2, 3, 2**63 - 1, 0]


def test_a_transaction_within_a_transaction_is_a_bug_of_the_caller(store: Store, reader: Reader) -> None:
    """The outer one is not harmed."""
    with store.transaction() as tx:
        tx.insert_events(get_row(tx), [make_event(0)])
        with pytest.raises(Misuse), store.transaction():
            pass

    assert reader.count_events(BUCKET) == 1


def test_a_closed_store_says_so(store: Store) -> None:
    """Closing twice does nothing."""
    store.close()
    store.close()

    with pytest.raises(Closed), store.transaction():
        pass


def test_a_store_that_nobody_closed_warns(place: Place) -> None:
    """So that tests find who forgot it."""
    place.open_store().close()
    reader = place.open_reader()
    reader.check()

    with pytest.warns(ResourceWarning, match="never closed"):
        reader.__del__()
    reader.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del reader
    store = place.open_store()
    with pytest.warns(ResourceWarning, match="never closed"):
        store.__del__()
    store.close()


def test_a_bad_input_leaves_the_transaction_as_it_was(store: Store, reader: Reader) -> None:
    """A caller catches it, answers it, and goes on with the group."""
    insert(store, make_event(0))

    with store.transaction() as tx:
        tx.merge_heartbeat(get_row(tx), make_event(10), MINUTE)
        for attempt in (tx.get_dead_letter, tx.drop_dead_letter):
            with pytest.raises(NotFound, match="no dead letter 5 exists"):
                attempt(5)
        tx.merge_heartbeat(get_row(tx), make_event(20), MINUTE)

    assert outline(reader.read_events(BUCKET)) == [(0, 20, WORK)]
