"""What happens to a database on a server: it is restarted, it ends connections, another program writes to it, too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic, sleep

import pytest

from pulseline_core.errors import InvalidSetting, StoreUnavailable, UnsupportedSchema
from pulseline_core.store import Store, Transaction, open_reader, open_store
from pulseline_core.store.column_reader import open_column_reader
from pulseline_core.store.connection import Connection
from pulseline_core.store.event_rows import MAX_US, MIN_US
from pulseline_core.store.migrations import MIGRATIONS
from tests.contract.store.samples import BUCKET, MAIL, MINUTE, WORK, beat, collect, get_row, insert, make_event, outline
from tests.postgres_server import PostgresServer

#: How long the server has for what it does.
WAIT_S = 30.0

NOW = len(MIGRATIONS) + 1


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Give the tests of this module a server that they may stop; its commits reach the disk."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def url(server: PostgresServer) -> str:
    """Give the test an empty schema."""
    return server.make_url()


def add(tx: Transaction, seq: int) -> None:
    """Apply a numbered message as a worker does: an event, and the watermark with it."""
    if tx.get_watermark("publisher", BUCKET) == seq - 1:
        tx.insert_events(get_row(tx), [make_event(seq, data={"seq": seq})])
        tx.set_watermark("publisher", BUCKET, seq)


def store_again(store: Store, seq: int) -> int:
    """Send a message until it is committed, and return how often that failed."""
    failures, deadline = 0, monotonic() + WAIT_S
    while True:
        try:
            with store.transaction() as tx:
                add(tx, seq)
        except StoreUnavailable:
            failures += 1
            assert monotonic() < deadline
        else:
            return failures


def read_seqs(url: str) -> list[object]:
    """Return the numbers of the messages that are stored, oldest first."""
    with open_reader(url) as reader:
        return [event.data["seq"] for event in reversed(reader.read_events(BUCKET))]


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
            store_again_once(store, 2)
        server.start()
        failures = [store_again(store, seq) for seq in (2, 3)]

        assert failures == [0, 0]
        assert read_seqs(url) == [1, 2, 3]
        assert reader.count_events(BUCKET) == 3
        with columns.open_snapshot() as snapshot:
            assert len(snapshot.read_events(BUCKET, MIN_US, MAX_US).start) == 3


def store_again_once(store: Store, seq: int) -> None:
    """Send a message once."""
    with store.transaction() as tx:
        add(tx, seq)


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


def test_two_writers_of_one_bucket_store_each_message_once_and_in_order(url: str) -> None:
    """Both get all messages, as when a publisher turns to another worker before the first has noticed."""
    starting = threading.Barrier(2)

    def write() -> None:
        with open_store(url) as store:
            starting.wait(WAIT_S)
            for seq in range(1, 301):
                store_again(store, seq)

    with ThreadPoolExecutor(2) as threads:
        for writing in [threads.submit(write) for _ in range(2)]:
            writing.result()

    assert read_seqs(url) == list(range(1, 301))


def test_two_writers_of_one_bucket_merge_as_one(url: str) -> None:
    """Neither goes by an event that the other has changed."""
    with open_store(url) as one, open_store(url) as other:
        for number in range(40):
            beat((one, other)[number % 2], make_event(number, data=(WORK, MAIL)[number % 2]))
        with open_reader(url) as reader:
            events = outline(reader.read_events(BUCKET))

    assert events == [(number, number, (WORK, MAIL)[number % 2]) for number in reversed(range(40))]


def wait_for_a_lock(server: PostgresServer) -> None:
    """Return when a program waits for what another one has locked."""
    deadline = monotonic() + WAIT_S
    while not server.execute("SELECT 1 FROM pg_locks WHERE NOT granted"):
        assert monotonic() < deadline
        sleep(0.01)  # the server tells nobody


def test_a_second_writer_waits_for_the_bucket(server: PostgresServer, url: str) -> None:
    """What it then sees is what the first has committed; another bucket does not wait."""
    with ExitStack() as stack:
        one, other = (stack.enter_context(open_store(url)) for _ in range(2))
        threads = stack.enter_context(ThreadPoolExecutor(1))
        insert(one, make_event(0))
        with one.transaction() as tx:
            tx.merge_heartbeat(get_row(tx), make_event(10, data=MAIL), MINUTE)
            insert(other, make_event(0), bucket_id="elsewhere")
            waiting = threads.submit(beat, other, make_event(20))
            wait_for_a_lock(server)
        waiting.result(WAIT_S)

        with open_reader(url) as reader:
            assert outline(reader.read_events(BUCKET)) == [(20, 20, WORK), (10, 10, MAIL), (0, 0, WORK)]


def test_data_that_another_writer_removed_is_missed(url: str) -> None:
    """The transaction is undone, not stored with data that is not there; the next one works."""
    with open_store(url) as one, open_store(url) as other:
        insert(one, make_event(0))
        with other.transaction() as tx:
            tx.delete_bucket(get_row(tx))
        collect(other)

        with pytest.raises(StoreUnavailable, match="foreign key"):
            insert(one, make_event(1))
        insert(one, make_event(1))

    with open_reader(url) as reader:
        assert outline(reader.read_events(BUCKET)) == [(1, 1, WORK)]


def test_new_data_of_two_writers_at_once_is_one_row(url: str) -> None:
    """The second waits for the first and takes its row."""
    with ExitStack() as stack:
        one, other = (stack.enter_context(open_store(url)) for _ in range(2))
        threads = stack.enter_context(ThreadPoolExecutor(1))
        with one.transaction() as tx:
            tx.insert_events(get_row(tx), [make_event(0)])
            waiting = threads.submit(insert, other, make_event(0), bucket_id="elsewhere")
        waiting.result(WAIT_S)

        with one.transaction() as tx:
            assert tx._connection.fetch_one("SELECT COUNT(*) FROM event_data") == (1,)


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


def test_a_database_that_can_not_hold_every_text_is_refused(server: PostgresServer, url: str) -> None:
    """At the start, not at the first such text."""
    server.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")

    with pytest.raises(StoreUnavailable, match="encoding LATIN1, which can not hold every text"):
        open_store(url.replace("/postgres?", "/latin?"))


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
