"""Who holds a partition on a PostgreSQL server, and how it passes from one worker to the next."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest

from pulseline_core.errors import InvalidSetting, PartitionTaken, StoreUnavailable
from pulseline_core.partition import EVERYTHING, Partition
from pulseline_core.store import Attendance, open_reader, open_roster, open_store, postgres_lease
from tests.contract.store.samples import BUCKET, WORK, insert, make_event, outline
from tests.postgres_server import PostgresServer
from tests.storm.system import wait_until

TIMEOUT_S = 10.0

LEASE = Partition(3, 8)


def test_partition_has_one_writer(url: str) -> None:
    """Another one is refused until the first is closed; another partition is not."""
    refused = pytest.raises(PartitionTaken, match="partition 3 belongs to another worker")
    with open_store(url, lease=LEASE), open_store(url, lease=Partition(4, 8)), refused:
        open_store(url, lease=LEASE)

    open_store(url, lease=LEASE).close()


def test_partitions_of_two_schemas_do_not_meet(server: PostgresServer, url: str) -> None:
    """Each is a database of its own."""
    with open_store(url, lease=LEASE):
        open_store(server.make_url(), lease=LEASE).close()


def test_writer_that_lost_its_connection_gives_back_what_it_had_in_hand(server: PostgresServer, url: str) -> None:
    """Somebody else may have had the partition and stored that in between, and be gone again."""
    with open_store(url, lease=LEASE) as store:
        insert(store, make_event(0))
        server.terminate_backends()
        with open_store(url, lease=LEASE) as other:
            insert(other, make_event(1))
        with pytest.raises(StoreUnavailable, match="the partition was lost with the connection"):
            insert(store, make_event(1))

        insert(store, make_event(2))

    with open_reader(url) as reader:
        assert outline(reader.read_events(BUCKET)) == [(n, n, WORK) for n in (2, 1, 0)]


def test_writer_that_lost_its_connection_has_the_partition_again_before_it_writes(
    server: PostgresServer, url: str
) -> None:
    """As long as somebody else has it, it stores nothing."""
    with open_store(url, lease=LEASE) as store:
        insert(store, make_event(0))
        server.terminate_backends()
        with open_store(url, lease=LEASE) as other:
            for refusal in (StoreUnavailable, PartitionTaken):
                with pytest.raises(refusal):
                    insert(store, make_event(2))
            insert(other, make_event(3))


@pytest.mark.parametrize("is_writing", [False, True], ids=["idle", "writing"])
def test_writer_that_falls_silent_loses_the_partition(
    url: str, monkeypatch: pytest.MonkeyPatch, is_writing: bool
) -> None:
    """The next one has it, and what the silent one had not committed is undone."""
    monkeypatch.setattr(postgres_lease, "_WATCH", postgres_lease._WATCH.replace("15s", "200ms"))
    silent = open_store(url, lease=LEASE)

    def take() -> None:
        def is_free() -> bool:
            try:
                open_store(url, lease=LEASE).close()
            except PartitionTaken:
                return False
            return True

        wait_until(is_free, timeout_s=TIMEOUT_S, what="the partition")

    with closing(silent):
        if is_writing:
            with pytest.raises(StoreUnavailable), silent.transaction():
                take()
        else:
            take()


def test_roster_tells_who_is_there(url: str) -> None:
    """How many workers want a fair share, and which partitions are held, whoever holds them."""
    one, other = (open_roster(url, count=8, worker="main") for _ in range(2))
    with closing(one), closing(other):
        before = one.attend(is_worker=True)
        other.attend(is_worker=True)
        with open_store(url, lease=LEASE):
            both = one.attend(is_worker=True)
        other.attend(is_worker=False)
        after = one.attend(is_worker=True)

    assert [before, both, after] == [
        Attendance(workers=1, held=frozenset()),
        Attendance(workers=2, held=frozenset({3})),
        Attendance(workers=1, held=frozenset()),
    ]


def test_roster_connects_again(server: PostgresServer, url: str) -> None:
    """The call that finds the connection gone fails, the next one works."""
    with closing(open_roster(url, count=8, worker="main")) as roster:
        roster.attend(is_worker=True)
        server.terminate_backends()
        with pytest.raises(StoreUnavailable):
            roster.attend(is_worker=True)

        assert roster.attend(is_worker=True).workers == 1


def test_two_numbers_of_partitions_on_one_database_are_refused(url: str) -> None:
    """Each bucket would belong to two workers. The one who was there first is left in peace."""
    with (
        closing(open_roster(url, count=8, worker="main")) as one,
        closing(open_roster(url, count=4, worker="main")) as other,
    ):
        one.attend(is_worker=True)
        with pytest.raises(InvalidSetting, match="is 4, while another worker on this database has 8"):
            other.attend(is_worker=True)

        assert one.attend(is_worker=True).workers == 1


def test_worker_that_does_not_share_is_refused_beside_those_that_do(url: str) -> None:
    """It would take what is theirs. It is let in when they are gone."""
    refused = pytest.raises(InvalidSetting, match="is 1, while another worker on this database has 8")
    with closing(open_roster(url, count=8, worker="main")) as roster:
        roster.attend(is_worker=True)
        with refused:
            open_store(url, lease=EVERYTHING)
        assert roster.attend(is_worker=True).workers == 1

    open_store(url, lease=EVERYTHING).close()


def test_worker_that_shares_is_refused_beside_one_that_does_not(url: str) -> None:
    """The one who was there first goes on; when it is gone, the other one is let in."""
    with closing(open_roster(url, count=8, worker="main")) as roster:
        with open_store(url, lease=EVERYTHING) as store:
            with pytest.raises(InvalidSetting, match="is 8, while another worker on this database has 1"):
                roster.attend(is_worker=True)
            insert(store, make_event(0))

        assert roster.attend(is_worker=True).workers == 1


def test_worker_that_is_just_gone_keeps_nobody_out(url: str) -> None:
    """The server takes a moment to notice: whoever stops one and starts the other is not to wait for it."""
    store = open_store(url, lease=EVERYTHING)
    leaving = threading.Timer(0.1, store.close)
    leaving.start()
    with closing(open_roster(url, count=8, worker="main")) as roster:
        assert roster.attend(is_worker=True).workers == 1
    leaving.join()


def test_workers_that_do_not_share_do_not_mind_one_another(url: str) -> None:
    """Each has a broker of its own; or it is the same one, started again, and its last session lives still."""
    with open_store(url, lease=EVERYTHING) as one, open_store(url, lease=EVERYTHING) as other:
        insert(one, make_event(0))
        insert(other, make_event(1))


def test_worker_that_does_not_share_comes_back_after_a_lost_connection(server: PostgresServer, url: str) -> None:
    """Unless others share the buckets by then: it stores nothing before they are gone."""
    with (
        open_store(url, lease=EVERYTHING) as store,
        closing(open_roster(url, count=8, worker="main")) as roster,
    ):
        server.terminate_backends()
        insert(store, make_event(0))
        server.terminate_backends()
        roster.attend(is_worker=True)
        with pytest.raises(InvalidSetting, match="is 1, while another worker on this database has 8"):
            insert(store, make_event(1))
        roster.close()
        insert(store, make_event(1))


def test_two_names_on_one_database_are_refused(url: str) -> None:
    """What one leaves unacknowledged would wait in a session of the broker that the other one never asks for."""
    one, other = (open_roster(url, count=8, worker=worker) for worker in ("main", "second"))
    with closing(one), closing(other):
        one.attend(is_worker=True)
        with pytest.raises(InvalidSetting, match="is 'second', while another worker on this database has another name"):
            other.attend(is_worker=True)

        assert one.attend(is_worker=True).workers == 1


def test_a_file_has_no_partitions(tmp_path: Path) -> None:
    """One process writes it, all of it."""
    path = tmp_path / "pulseline.db"
    open_store(path, lease=EVERYTHING).close()
    for call in (lambda: open_store(path, lease=LEASE), lambda: open_roster(path, count=8, worker="main")):
        with pytest.raises(InvalidSetting, match="the database is a file, which one process writes"):
            call()
