"""Which database on a server is taken, how its tables are made and brought up to date."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulseline_core.errors import InvalidSetting, StoreUnavailable, UnsupportedSchema
from pulseline_core.store import open_reader, open_store
from pulseline_core.store.connection import Connection
from pulseline_core.store.migrations import MIGRATIONS
from tests.contract.store.samples import get_row, insert, make_event
from tests.integration.store.numbered import WAIT_S
from tests.postgres_server import PostgresServer

NOW = len(MIGRATIONS) + 1


def test_two_programs_that_start_at_once_make_one_database(url: str) -> None:
    """The second waits until the tables are there."""
    starting = threading.Barrier(2)

    def start() -> str:
        starting.wait(WAIT_S)
        with open_store(url) as store:
            return store.epoch

    with ThreadPoolExecutor(2) as threads:
        epochs = {started.result() for started in [threads.submit(start) for _ in range(2)]}

    assert len(epochs) == 1


def add_column(connection: Connection) -> None:
    """Make a version that does not exist yet."""
    connection.change("ALTER TABLE event ADD COLUMN extra INTEGER NOT NULL DEFAULT 7")


def test_an_older_database_is_backed_up_and_brought_up_to_date(server: PostgresServer, url: str) -> None:
    """The backup has all rows; programs that know only the older version are refused."""
    with open_store(url) as store:
        insert(store, make_event(0))

    with open_store(url, migrations=(*MIGRATIONS, add_column)) as store:
        insert(store, make_event(1))
        with store.transaction() as tx:
            assert tx._connection.fetch_all("SELECT extra FROM event") == [(7,), (7,)]

    [(backup,)] = server.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pulseline_backup%'")
    assert server.execute(f"SELECT COUNT(*) FROM {backup}.event") == [(1,)]
    assert server.execute(f"SELECT value FROM {backup}.key_value WHERE key = 'schema_version'") == [(str(NOW),)]
    with pytest.raises(UnsupportedSchema):
        open_store(url)


def test_a_step_that_fails_changes_nothing(url: str) -> None:
    """Its changes of tables are undone, too."""

    def fail(connection: Connection) -> None:
        add_column(connection)
        raise RuntimeError

    open_store(url).close()

    with pytest.raises(RuntimeError):
        open_store(url, migrations=(*MIGRATIONS, fail))

    with open_store(url) as store, store.transaction() as tx:
        assert tx._connection.fetch_one("SELECT value FROM key_value WHERE key = 'schema_version'") == (str(NOW),)
        columns = tx._connection.fetch_all(
            "SELECT column_name FROM information_schema.columns"
            " WHERE column_name = 'extra' AND table_schema = current_schema()"
        )
        assert columns == []


def test_tables_of_another_program_are_left_alone(server: PostgresServer, url: str) -> None:
    """The error says whose they are not."""
    name = url.rpartition("%3D")[2]
    server.execute(f"CREATE TABLE {name}.notes (text TEXT)")

    with pytest.raises(StoreUnavailable, match="is not a Pulseline database"):
        open_store(url)
    with open_reader(url) as reader, pytest.raises(StoreUnavailable, match="is not a Pulseline database"):
        reader.check()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_can_not_hold_every_text_is_refused(server: PostgresServer, url: str, encoding: str) -> None:
    """At the start, not at the first such text."""
    name = f"in_{encoding.lower()}"
    server.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")

    with pytest.raises(StoreUnavailable, match=f"encoding {encoding}, which can not hold every text"):
        open_store(url.replace("/postgres?", f"/{name}?"))


def test_every_text_comes_through_whatever_the_machine_speaks(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client library of PostgreSQL would take an encoding from the environment."""
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")

    with open_store(url) as store, store.transaction() as tx:
        assert tx._connection.fetch_one("SELECT ?::text", ("\u20ac",)) == ("\u20ac",)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("postgresql:///nothing", 'database "nothing" does not exist'), ("postgresql:///?host=/nowhere", "No such file")],
    ids=["database", "server"],
)
def test_what_can_not_be_reached_says_why(url: str, wrong: str, message: str) -> None:
    """And what to look at."""
    with_host = wrong if "host" in wrong else url.replace("/postgres?", "/nothing?")

    with pytest.raises(StoreUnavailable, match=message) as caught:
        open_store(with_host)

    assert caught.value.hint.startswith("see that the server runs")


def test_a_commit_waits_for_the_disk_where_the_server_would_not(server: PostgresServer, url: str) -> None:
    """A server may have that switched off."""
    server.execute("ALTER ROLE postgres SET synchronous_commit = off")
    try:
        with open_store(url) as store, store.transaction() as tx:
            assert tx._connection.fetch_one("SHOW synchronous_commit") == ("on",)
    finally:
        server.execute("ALTER ROLE postgres RESET synchronous_commit")


def test_texts_are_in_the_order_of_their_code_points(server: PostgresServer, url: str) -> None:
    """Whatever the order of the database is."""
    server.execute("CREATE DATABASE german LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' TEMPLATE template0")
    german = url.partition("&options")[0].replace("/postgres?", "/german?")
    names = ["B", "_", "a", "b", "\u00e4", "\U0001f600"]
    with open_store(german) as store, open_reader(german) as reader:
        for name in reversed(names):
            insert(store, make_event(0), bucket_id=name)
        with store.transaction() as tx:
            tx.delete_bucket(get_row(tx, "a"))

        assert [*reader.read_bucket_ids()] == [name for name in names if name != "a"]


def test_a_url_without_a_driver_says_what_to_install(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setitem(__import__("sys").modules, "pulseline_core.store.postgres", None)

    with pytest.raises(InvalidSetting, match="needs psycopg") as caught:
        open_store(url)

    assert "pulseline[server,postgres]" in caught.value.hint


def test_every_integer_is_sent_with_64_bits(url: str) -> None:
    """A statement has one plan then, whatever its numbers are; also those of a list."""
    with open_store(url) as store, store.transaction() as tx:
        kinds = [tx._connection.fetch_one("SELECT pg_typeof(?)::text", (value,)) for value in (5, 2**40, [1, 40_000])]

    assert kinds == [("bigint",), ("bigint",), ("bigint[]",)]
