"""The workers of one process that shares the buckets, beside a real Mosquitto and a PostgreSQL server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic

import pytest

from pulseline_core.errors import InvalidSetting
from pulseline_core.partition import Partition
from pulseline_core.settings import Settings, load
from pulseline_core.store import open_roster, open_store
from pulseline_ingest import partitions
from pulseline_ingest.login import BrokerRefused, WorkerReplaced
from pulseline_ingest.partitions import PartitionedService
from pulseline_ingest.service import IngestService
from tests.integration.ingest.scripted_broker import ScriptedBroker
from tests.integration.ingest.test_connection import TAKEN_OVER
from tests.mosquitto import PASSWORD, Mosquitto
from tests.postgres_server import PostgresServer
from tests.storm.system import find_free_port, wait_until

TIMEOUT_S = 15.0

#: MQTT 5 section 3.2: let in, and there is a session.
SESSION_5 = b"\x20\x03\x01\x00\x00"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Give the tests a server."""
    with PostgresServer(is_durable=False) as server:
        yield server


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Give the test a broker with the shipped configuration."""
    with Mosquitto(folder=tmp_path / "mosquitto") as mosquitto:
        yield mosquitto


def build_settings(folder: Path, broker: str, database: str = "", **changes: str) -> Settings:
    """Return the settings of a worker that shares four partitions."""
    named = {"mqtt.broker": broker, "mqtt.password": PASSWORD, "data_dir": str(folder), "ingest.partitions": "4"}
    return load(
        {**named, **{f"ingest.{name}": value for name, value in changes.items()}}, {"PULSELINE_STORE_URL": database}
    )


@contextmanager
def run(service: PartitionedService) -> Iterator[None]:
    """Let a service work while the block runs."""
    stop = threading.Event()
    working = threading.Thread(target=service.wait, args=[stop])
    working.start()
    try:
        yield
    finally:
        stop.set()
        working.join()


def test_process_that_is_alone_holds_all(tmp_path: Path, mosquitto: Mosquitto, server: PostgresServer) -> None:
    """From the start; at its end they are free."""
    settings = build_settings(tmp_path, mosquitto.build_url(), server.make_url())
    with PartitionedService(settings) as service:
        assert service.held == (0, 1, 2, 3)

    assert not service.held
    open_store(settings.database, lease=Partition(0, 4)).close()


def test_process_that_finds_nothing_free_stands_by(
    tmp_path: Path, mosquitto: Mosquitto, server: PostgresServer
) -> None:
    """It is ready all the same."""
    settings = build_settings(tmp_path, mosquitto.build_url(), server.make_url(), partition="1")
    with open_store(settings.database, lease=Partition(1, 4)), PartitionedService(settings) as service:
        assert not service.held


def test_session_that_a_stranger_uses_ends_the_process(tmp_path: Path, server: PostgresServer) -> None:
    """One who does not share our partitions: the two would take the session from one another for ever."""
    with ScriptedBroker(SESSION_5 + TAKEN_OVER) as broker:
        settings = build_settings(tmp_path, f"mqtt://127.0.0.1:{broker.port}", server.make_url(), partition="1")
        ended = pytest.raises(WorkerReplaced, match="another worker has connected to the broker as 'pulseline-ingest-")
        with ended, PartitionedService(settings):
            pass


def test_partition_comes_back_when_the_database_does(
    tmp_path: Path, mosquitto: Mosquitto, server: PostgresServer
) -> None:
    """The process lives on."""
    settings = build_settings(tmp_path, mosquitto.build_url(), server.make_url())
    with PartitionedService(settings) as service, run(service):
        server.kill()
        wait_until(lambda: not service.held, timeout_s=TIMEOUT_S, what="the loss of all partitions")
        server.start()
        wait_until(lambda: service.held == (0, 1, 2, 3), timeout_s=TIMEOUT_S, what="all partitions again")


def test_worker_of_everything_and_workers_that_share_keep_one_another_out(
    tmp_path: Path, mosquitto: Mosquitto, server: PostgresServer
) -> None:
    """Whoever comes second does not start, and takes nothing; the first one is stopped, and it does."""
    url, broker = server.make_url(), mosquitto.build_url()
    alone = build_settings(tmp_path / "alone", broker, url, partitions="1", worker="alone")
    sharing = build_settings(tmp_path / "sharing", broker, url)

    with PartitionedService(sharing), pytest.raises(InvalidSetting, match="is 1, while another worker on this"):
        IngestService(alone).__enter__()
    with IngestService(alone), pytest.raises(InvalidSetting, match="is 4, while another worker on this"):
        PartitionedService(sharing).__enter__()
    with PartitionedService(sharing) as service:
        assert service.held == (0, 1, 2, 3)


def test_wrong_password_ends_the_start(tmp_path: Path, mosquitto: Mosquitto, server: PostgresServer) -> None:
    """With what is wrong."""
    settings = build_settings(tmp_path, mosquitto.build_url("nobody"), server.make_url())

    with pytest.raises(BrokerRefused, match="not authorized"), PartitionedService(settings):
        pass


def test_broker_that_is_away_is_waited_for_once(
    tmp_path: Path, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by one partition after the other: meanwhile nobody looks after the partitions, nor hears a signal."""
    monkeypatch.setattr(partitions, "BROKER_WAIT_S", 1.0)
    settings = build_settings(tmp_path, f"mqtt://127.0.0.1:{find_free_port()}", server.make_url())

    begun = monotonic()
    with PartitionedService(settings) as service:
        took_s = monotonic() - begun

        assert service.held == (0, 1, 2, 3)
    assert took_s < 3.0


def test_worker_whose_broker_says_nothing_comes_back_ever_later(
    tmp_path: Path, server: PostgresServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It can be connected to, as one that has lost the other servers; each return takes partitions from somebody."""
    for name, value in {"_TURN_S": 0.02, "_AWAY_S": 0.05, "_FIRST_RETURN_S": 0.8, "BROKER_WAIT_S": 0.0}.items():
        monkeypatch.setattr(partitions, name, value)
    other = open_roster(url := server.make_url(), count=4, worker="main")
    with closing(other), socket.create_server(("127.0.0.1", 0)) as broker:
        other.attend(is_worker=True)
        settings = build_settings(tmp_path, f"mqtt://127.0.0.1:{broker.getsockname()[1]}", url)
        with PartitionedService(settings) as service, run(service):
            took_s = wait_until(
                lambda: caplog.text.count("out of reach") == 3, timeout_s=TIMEOUT_S, what="the third time"
            )

    assert took_s > 0.8 * (0.8 + 1.6)


def test_partitions_in_a_file_are_refused(tmp_path: Path) -> None:
    """Before anything is opened."""
    with pytest.raises(InvalidSetting, match="is more than 1, while the database is a file"):
        PartitionedService(build_settings(tmp_path, "mqtt://127.0.0.1"))


def test_partitions_without_a_broker_are_refused(tmp_path: Path) -> None:
    """As one worker is."""
    with pytest.raises(InvalidSetting, match=r"setting 'mqtt\.broker' is not set"):
        PartitionedService(build_settings(tmp_path, ""))
