"""Two programs write to one database: each waits for what the other has locked, and neither goes by what was."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from pulseline_core.errors import StoreUnavailable
from pulseline_core.store import open_reader, open_store, postgres
from tests.contract.store.samples import BUCKET, MAIL, MINUTE, WORK, beat, collect, get_row, insert, make_event, outline
from tests.integration.store.numbered import WAIT_S, read_seqs, store_again
from tests.postgres_server import PostgresServer
from tests.storm.system import wait_until


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
    sql = "SELECT 1 FROM pg_locks WHERE NOT granted"
    wait_until(lambda: server.execute(sql), timeout_s=WAIT_S, what="a program that waits")


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


def test_a_writer_that_waits_too_long_for_another_says_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is stored, and it works when the other one is done."""
    monkeypatch.setattr(postgres, "_LOCK_TIMEOUT", "50ms")
    with open_store(url) as one, open_store(url) as other:
        insert(one, make_event(0))
        with one.transaction() as tx:
            tx.insert_events(get_row(tx), [make_event(1)])
            with pytest.raises(StoreUnavailable, match="lock timeout"):
                insert(other, make_event(2))
        insert(other, make_event(3))

    with open_reader(url) as reader:
        assert outline(reader.read_events(BUCKET)) == [(n, n, WORK) for n in (3, 1, 0)]


def test_a_writer_that_falls_silent_keeps_nobody_waiting(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its transaction is undone by the server, and it learns of that."""
    with open_store(url) as other:
        insert(other, make_event(0))
        monkeypatch.setattr(postgres, "_SILENCE_TIMEOUT", "100ms")
        with open_store(url) as silent:
            with pytest.raises(StoreUnavailable), silent.transaction() as tx:  # noqa: PT012
                tx.insert_events(get_row(tx), [make_event(1)])
                insert(other, make_event(2))
            insert(silent, make_event(3))

    with open_reader(url) as reader:
        assert outline(reader.read_events(BUCKET)) == [(n, n, WORK) for n in (3, 2, 0)]


def test_changes_are_noted_in_the_order_in_which_they_are_committed(server: PostgresServer, url: str) -> None:
    """A reader that has seen a note has seen all with smaller numbers."""
    with ExitStack() as stack:
        one, other = (stack.enter_context(open_store(url)) for _ in range(2))
        threads = stack.enter_context(ThreadPoolExecutor(1))
        with one.transaction() as tx:
            tx.insert_events(get_row(tx), [make_event(0)])
            tx._timelines.flush()
            waiting = threads.submit(insert, other, make_event(0, data=MAIL), bucket_id="elsewhere")
            wait_for_a_lock(server)
        waiting.result(WAIT_S)

        with one.transaction() as tx:
            numbers = tx._connection.fetch_all(
                "SELECT r.id, name FROM rewrite r JOIN bucket b ON b.id = bucket ORDER BY r.id"
            )
    assert [name for _, name in numbers] == [BUCKET, "elsewhere"]


def test_of_two_writers_that_wait_for_each_other_one_is_undone(url: str) -> None:
    """It works when it is done again; the other one goes on."""
    meeting = threading.Barrier(2)

    def write(first: str, then: str) -> int:
        failures = 0
        with open_store(url) as store:
            insert(store, make_event(0), bucket_id=first)
            while True:
                try:
                    with store.transaction() as tx:
                        tx.insert_events(get_row(tx, first), [make_event(1)])
                        if failures == 0:
                            meeting.wait(WAIT_S)
                        tx.insert_events(get_row(tx, then), [make_event(2)])
                except StoreUnavailable:
                    failures += 1
                else:
                    return failures

    with ThreadPoolExecutor(2) as threads:
        writing = [threads.submit(write, *names) for names in (("a", "b"), ("b", "a"))]
        failures = sorted(each.result() for each in writing)

    assert failures == [0, 1]
    with open_reader(url) as reader:
        assert [reader.count_events(bucket_id) for bucket_id in ("a", "b")] == [3, 3]


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


def test_new_data_of_two_groups_at_once_is_one_row_each(url: str) -> None:
    """Whatever the order in which they expect it: the second waits, and neither for the other."""
    with ExitStack() as stack:
        one, other = (stack.enter_context(open_store(url)) for _ in range(2))
        threads = stack.enter_context(ThreadPoolExecutor(1))

        def write() -> None:
            with other.transaction() as tx:
                tx.expect(set(), set(), [MAIL, WORK])
                tx.insert_events(get_row(tx, "elsewhere"), [make_event(0), make_event(1, data=MAIL)])

        with one.transaction() as tx:
            tx.expect(set(), set(), [WORK, MAIL])
            waiting = threads.submit(write)
            tx.insert_events(get_row(tx), [make_event(0), make_event(1, data=MAIL)])
        waiting.result(WAIT_S)

        with one.transaction() as tx:
            assert tx._connection.fetch_one("SELECT COUNT(*) FROM event_data") == (2,)
