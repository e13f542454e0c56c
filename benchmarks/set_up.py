"""Kinds of brokers with kinds of databases, each started as the documentation says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from tests.e2e.service_process import ServiceProcess
from tests.e2e.up_process import Up
from tests.mosquitto import PASSWORD, Mosquitto
from tests.nats import NatsCluster, NatsServer
from tests.postgres_server import PostgresServer
from tests.storm.system import wait_until

#: What one server by itself does with MQTT: as in deploy/nats, but for what takes three.
_NATS: Final = 'ack_wait: "10s", max_ack_pending: 2000'

#: As many as deploy/nats deals out.
_DEALT_PARTITIONS: Final = ("--partitions", "8")

_SHARE_TIMEOUT_S: Final = 30.0


class Broker(Enum):
    """Who takes the messages."""

    EMBEDDED = "embedded"
    MOSQUITTO = "Mosquitto"
    NATS = "NATS"
    NATS_OF_THREE = "three NATS"


class Database(Enum):
    """Where they end."""

    SQLITE = "SQLite"
    POSTGRES = "PostgreSQL"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """A broker, a database, and the workers between them; more than one share the buckets, and need a server."""

    broker: Broker
    database: Database
    workers: int = 1

    @property
    def label(self) -> str:
        """The set-up as a table's heading."""
        workers = f", {self.workers} workers" if self.workers > 1 else ""
        return f"{self.broker.value}, {self.database.value}{workers}"

    @property
    def flags(self) -> tuple[str, ...]:
        """How the buckets are shared; the shipped configuration of three NATS servers always deals them out.

        Beside the others the session of each partition gets all messages, so there are no more of them than workers.
        """
        if self.broker is Broker.NATS_OF_THREE:
            return *_DEALT_PARTITIONS, "--ingest-broker-partitions"
        return ("--partitions", str(self.workers)) if self.workers > 1 else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A set-up that was started.

    Attributes:
        mqtt_port: the broker's.
        user: a name and a password for it, if it asks.
        system: the worker and the REST server.
        worker_pids: the processes that store messages; with the embedded broker it is part of that.
    """

    mqtt_port: int
    user: tuple[str, str] | None
    system: Up
    worker_pids: list[int]


@contextmanager
def start(set_up: SetUp, folder: Path) -> Iterator[Running]:
    """Start everything in a folder that is there, and stop it."""
    with _start_database(set_up.database) as database, _start_broker(set_up.broker, folder) as (url, port, user):
        home = folder / "home"
        home.mkdir()
        flags = (*(("--broker", url) if url else ()), *(("--database", database) if database else ()), *set_up.flags)
        with Up(home=home, flags=flags, wrapper=("env", f"PULSELINE_MQTT_PASSWORD={PASSWORD}")) as system:
            module = "pulseline_ingest" if url else "pulseline_broker"
            with _start_others(set_up, folder, flags) as pids:
                yield Running(
                    mqtt_port=port or system.mqtt_port,
                    user=user,
                    system=system,
                    worker_pids=[*system.find_children(module), *pids],
                )


@contextmanager
def _start_others(set_up: SetUp, folder: Path, flags: tuple[str, ...]) -> Iterator[list[int]]:
    """Start the workers beside the first, and give their processes when each has its share."""
    with ExitStack() as stack:
        others = [
            stack.enter_context(ServiceProcess(home=folder / f"worker-{number}", flags=flags))
            for number in range(2, set_up.workers + 1)
        ]
        wait_until(
            lambda: all("taking [" in other.log for other in others),
            timeout_s=_SHARE_TIMEOUT_S,
            what="a share of the buckets",
        )
        yield [other.pid for other in others]


@contextmanager
def _start_database(kind: Database) -> Iterator[str]:
    """Give the URL of a database on a server; none for a file."""
    if kind is Database.SQLITE:
        yield ""
        return
    with PostgresServer() as server:
        yield server.make_url()


@contextmanager
def _start_broker(kind: Broker, folder: Path) -> Iterator[tuple[str, int, tuple[str, str] | None]]:
    """Give the worker's URL, the port and the user of a publisher; nothing of an embedded one."""
    match kind:
        case Broker.EMBEDDED:
            yield "", 0, None
        case Broker.MOSQUITTO:
            with Mosquitto(folder=folder / "mosquitto") as mosquitto:
                yield mosquitto.build_url(), mosquitto.port, ("device", PASSWORD)
        case Broker.NATS:
            with NatsServer(folder=folder / "nats", mqtt=_NATS) as nats:
                yield f"mqtt://127.0.0.1:{nats.port}", nats.port, None
        case Broker.NATS_OF_THREE:
            with NatsCluster(folder / "nats") as cluster:
                first, *_, last = cluster.servers
                yield first.build_url(), last.port, ("device", PASSWORD)
