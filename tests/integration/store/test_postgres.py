"""A server is restarted, or ends connections: what is committed stays, what is not is undone, and all goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulseline_core.errors import StoreUnavailable
from pulseline_core.store import open_reader, open_store
from pulseline_core.store.column_reader import open_column_reader
from pulseline_core.store.event_rows import MAX_US, MIN_US
from tests.contract.store.samples import BUCKET, insert, make_event
from tests.integration.store.numbered import add, read_seqs, store_again, store_once
from tests.postgres_server import PostgresServer


@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.kill], ids=["stopped", "killed"])
def test_what_was_committed_is_there_after_a_restart(
    server: PostgresServer, url: str, end: Callable[[PostgresServer], None]
) -> None:
    """The open transaction is undone and says so; the store and readers go on by themselves."""
    with open_store(url) as store, open_reader(url) as reader, open_column_reader(url) as columns:
        store_again(store, 1)
        reader.read_events(BUCKET)
        with columns.open_snapshot() as snapshot:
            snapshot.read_events(BUCKET, MIN_US, MAX_US)

        with pytest.raises(StoreUnavailable), store.transaction() as tx:  # noqa: PT012
            add(tx, 2)
            end(server)
        with pytest.raises(StoreUnavailable):
            store_once(store, 2)
        server.start()
        failures = [store_again(store, seq) for seq in (2, 3)]

        assert failures == [0, 0]
        assert read_seqs(url) == [1, 2, 3]
        assert reader.count_events(BUCKET) == 3
        with columns.open_snapshot() as snapshot:
            assert len(snapshot.read_events(BUCKET, MIN_US, MAX_US).start) == 3


def test_a_connection_that_is_ended_in_a_transaction_undoes_it(server: PostgresServer, url: str) -> None:
    """At whatever point: nothing of it is stored, and the message is stored once when it is sent again."""
    with open_store(url) as store:
        for seq in range(1, 30, 2):
            store_again(store, seq)
            with pytest.raises(StoreUnavailable), store.transaction() as tx:  # noqa: PT012
                if seq % 4 == 1:
                    add(tx, seq + 1)
                assert server.terminate_backends() > 0
                add(tx, seq + 1)
            assert store_again(store, seq + 1) == 0

    assert read_seqs(url) == list(range(1, 31))


def test_a_connection_that_is_ended_while_it_is_idle_is_replaced_unnoticed(server: PostgresServer, url: str) -> None:
    """Neither a write nor a read fails for it."""
    with open_store(url) as store, open_reader(url) as reader:
        insert(store, make_event(0))
        assert reader.count_events(BUCKET) == 1

        server.terminate_backends()

        assert reader.count_events(BUCKET) == 1
        insert(store, make_event(1))
        assert reader.count_events(BUCKET) == 2


def test_connections_that_are_ended_again_and_again_lose_and_double_nothing(server: PostgresServer, url: str) -> None:
    """A writer sends each message until it is committed."""
    done = threading.Event()

    def terminate() -> None:
        while not done.wait(0.02):
            server.terminate_backends()

    with open_store(url) as store, ThreadPoolExecutor(1) as threads:
        ending = threads.submit(terminate)
        try:
            failures = sum(store_again(store, seq) for seq in range(1, 301))
        finally:
            done.set()
        ending.result()

    assert failures > 0
    assert read_seqs(url) == list(range(1, 301))
