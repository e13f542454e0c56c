"""Readers beside the writer: many threads, no waiting, and a close from anywhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event as Signal
from threading import Thread

import pytest

from pulseline_core.errors import Closed, StoreUnavailable
from pulseline_core.store import Reader, Store
from tests.contract.store.samples import BUCKET, MINUTE, Place, beat, get_row, insert, make_event, stream_events


def test_a_reader_of_no_database_says_so_until_there_is_one(place: Place) -> None:
    """It may be opened before the writer has ever run."""
    with place.open_reader() as reader:
        with pytest.raises(StoreUnavailable, match=r"does not exist yet|is empty"):
            reader.check()

        with place.open_store() as store:
            insert(store, make_event(0))
            reader.check()
            assert reader.count_events(BUCKET) == 1


def test_reading_does_not_wait_for_an_open_transaction(store: Store, reader: Reader) -> None:
    """Nor does the transaction wait for a reader."""
    insert(store, make_event(0))

    with store.transaction() as tx, reader._pool.read() as connection:
        tx.insert_events(get_row(tx), [make_event(1)])
        assert connection.fetch_one("SELECT COUNT(*) FROM event") == (1,)


def test_many_threads_read_while_one_writes(store: Store, reader: Reader) -> None:
    """Each sees whole groups: two events at a time."""
    insert(store, make_event(-1), make_event(-1))
    stop = Signal()

    def write() -> None:
        for number in range(100):
            insert(store, make_event(number), make_event(number))
        stop.set()

    def read() -> set[int]:
        seen = set()
        while not stop.is_set():
            seen.add(len(reader.read_events(BUCKET)) % 2)
            seen.add(reader.count_events(BUCKET) % 2)
        return seen

    with ThreadPoolExecutor(4) as threads:
        answers = [threads.submit(read) for _ in range(3)]
        threads.submit(write).result()

    assert [answer.result() for answer in answers] == [{0}] * 3
    assert reader.count_events(BUCKET) == 202


def test_threads_that_end_leave_no_connections_behind(store: Store, reader: Reader) -> None:
    """There are as many as calls ran at once, not as many as threads ever were."""
    beat(store, make_event(0))

    for _ in range(20):
        thread = Thread(target=reader.read_newest, args=(BUCKET,))
        thread.start()
        thread.join()

    assert len(reader._pool._idle) == 1


def test_a_reader_is_closed_from_another_thread(store: Store, reader: Reader) -> None:
    """A stream ends with an error at its next page, a call that runs is not disturbed."""
    insert(store, *(make_event(number) for number in range(10)))
    stream = stream_events(reader, page=2)
    next(stream)

    with reader._pool.read() as connection:
        thread = Thread(target=reader.close)
        thread.start()
        thread.join()
        assert connection.fetch_one("SELECT COUNT(*) FROM event") == (10,)

    reader.close()
    with pytest.raises(Closed):
        list(stream)
    with pytest.raises(Closed):
        reader.read_buckets()


def test_a_failed_read_does_not_harm_the_next(store: Store, reader: Reader) -> None:
    """A connection that broke is not lent again."""
    beat(store, make_event(0), pulsetime=MINUTE)

    with pytest.raises(StoreUnavailable), reader._pool.read() as connection:
        connection.fetch_one("SELECT * FROM nowhere")

    assert reader._pool._idle == []
    assert reader.count_events(BUCKET) == 1
