"""A server that hangs, or that a proxy has cut us off from: no answer comes, and TCP does not tell."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from psycopg.conninfo import conninfo_to_dict

from pulseline_core.errors import StoreUnavailable
from pulseline_core.store import open_reader, open_store, postgres_silence
from pulseline_core.store.postgres_silence import PostgresConnection
from tests.contract.store.samples import BUCKET
from tests.integration.store.numbered import read_seqs, store_again, store_once
from tests.postgres_server import PostgresServer
from tests.storm.packets import NoCutter
from tests.storm.proxy import ANY_STREAM, Proxy


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_silence, "SILENCE_S", 0.5)
    monkeypatch.setattr(postgres_silence, "_INTERVAL_S", 0.05)


@pytest.fixture
def proxy(server: PostgresServer) -> Iterator[Proxy]:
    """Give the test something between it and the server."""
    with Proxy(server.socket, faults=ANY_STREAM, every_s=1.0, build_cutter=NoCutter, chance=random.Random(1)) as proxy:
        yield proxy


def test_a_connection_over_which_no_answer_comes_is_given_up(server: PostgresServer, proxy: Proxy) -> None:
    """The transaction is undone and says so; what is done again over the next connection is stored once."""
    url = server.make_url(f"127.0.0.1:{proxy.port}")
    with open_store(url) as store, open_reader(url) as reader:
        store_once(store, 1)
        reader.read_events(BUCKET)

        proxy.deafen()
        with pytest.raises(StoreUnavailable, match="has not answered"):
            store_once(store, 2)
        with pytest.raises(StoreUnavailable, match="has not answered"):
            reader.read_events(BUCKET)

        assert store_again(store, 2) == 0
        assert reader.count_events(BUCKET) == 2
    assert read_seqs(url) == [1, 2]


def test_a_server_that_works_for_long_is_waited_for(url: str) -> None:
    """It says so when it is asked."""
    with PostgresConnection.open(conninfo_to_dict(url)) as connection:
        rows = connection.execute("SELECT pg_sleep(2), 'done'").fetchall()

    assert [done for _, done in rows] == ["done"]
