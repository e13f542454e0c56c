"""What a storm is let loose on: Pulseline with a broker and a database, and the parts of it that can be killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from tests.e2e.beside_mosquitto import build_up
from tests.e2e.service_process import ServiceProcess
from tests.e2e.up_process import Up
from tests.mosquitto import PASSWORD, Mosquitto
from tests.nats import NatsCluster
from tests.postgres_server import PostgresServer
from tests.storm.system import System

#: Mosquitto takes more than a worker can store while other storms rage on the same machine.
_PAUSE_S: Final = 0.004


class Part(Protocol):
    """Something that can be killed."""

    def kill(self) -> None:
        """Kill -9 all its processes, and return when they are gone."""
        ...

    def start(self) -> None:
        """Start what nobody else starts again, and return when it works."""
        ...


@dataclass(frozen=True)
class Child:
    """A process that a supervisor starts again by itself."""

    system: System
    module: str

    def kill(self) -> None:
        """Kill -9 it, unless it is down with the whole."""
        if self.system.is_up:
            self.system.kill_child(self.module)

    def start(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """A Pulseline that runs, with all around it.

    Attributes:
        system: what stores the events, and gives them out by REST.
        port: the broker's, for publishers.
        user: their name and password there.
        parts: what may be killed, by name, in the order in which they are started.
        pause_s: between two events of a publisher, where it would drown the broker.
        keeps_word: whether what the broker acknowledged to a plain publisher outlives all of that.
        keeps_order: whether a plain publisher's messages are stored in its order, those in flight apart.
    """

    system: System
    port: int
    user: tuple[str, str] = ("", "")
    parts: Mapping[str, Part]
    pause_s: float = 0.0
    keeps_word: bool
    keeps_order: bool = True


Assemble: TypeAlias = Callable[[Path], AbstractContextManager[Assembly]]


@contextmanager
def assemble_embedded(folder: Path) -> Iterator[Assembly]:
    """Run the embedded broker with SQLite: two processes and their supervisor."""
    with System(home=folder) as system:
        parts: dict[str, Part] = {
            "system": system,
            "worker": Child(system, "pulseline_broker"),
            "api": Child(system, "pulseline_api"),
        }
        yield Assembly(system=system, port=system.mqtt_port, parts=parts, keeps_word=True)


def beside_mosquitto(*, with_postgres: bool = False, kills_broker: bool = True, is_persistent: bool = True) -> Assemble:
    """Return what runs a Mosquitto, with SQLite or with a PostgreSQL server.

    Mosquitto acknowledges before anything is on disk, so its word is good only as long as it lives.
    """

    @contextmanager
    def assemble(folder: Path) -> Iterator[Assembly]:
        with ExitStack() as stack:
            parts: dict[str, Part] = {}
            flags: tuple[str, ...] = "--data-dir", str(folder / "home" / "data")
            mosquitto = stack.enter_context(Mosquitto(folder=folder / "mosquitto", is_persistent=is_persistent))
            if kills_broker:
                parts["broker"] = mosquitto
            if with_postgres:
                server = parts["database"] = stack.enter_context(PostgresServer())
                flags += "--database", server.make_url()
            system = parts["system"] = stack.enter_context(build_up(folder / "home", mosquitto, *flags))
            parts |= {name: Child(system, f"pulseline_{name}") for name in ("ingest", "api")}
            user = "device", PASSWORD
            yield Assembly(
                system=system,
                port=mosquitto.port,
                user=user,
                parts=parts,
                pause_s=_PAUSE_S,
                keeps_word=not kills_broker,
            )

    return assemble


@contextmanager
def assemble_cluster(folder: Path) -> Iterator[Assembly]:
    """Run three NATS servers, PostgreSQL, a REST server and two workers that share the buckets.

    What a worker has not acknowledged when it dies comes to the next one after what is newer.
    """
    with ExitStack() as stack:
        cluster = stack.enter_context(NatsCluster(folder / "nats"))
        server = stack.enter_context(PostgresServer())
        first, second, third = cluster.servers
        database = "--database", server.make_url()
        shared = "PULSELINE_INGEST_PARTITIONS=8", "PULSELINE_INGEST_BROKER_PARTITIONS=true"
        home = folder / "home"
        home.mkdir()
        system = stack.enter_context(
            Up(
                home=home,
                flags=("--broker", first.build_url(), *database),
                wrapper=("env", f"PULSELINE_MQTT_PASSWORD={PASSWORD}", *shared),
            )
        )
        flags = ("--broker", second.build_url(), *database, "--partitions", "8", "--ingest-broker-partitions")
        worker = stack.enter_context(ServiceProcess(home=folder / "worker", flags=flags))
        parts: dict[str, Part] = {
            **{each.name: each for each in cluster.servers},
            "database": server,
            "system": system,
            **{name: Child(system, f"pulseline_{name}") for name in ("ingest", "api")},
            "worker": worker,
        }
        user = "device", PASSWORD
        yield Assembly(
            system=system,
            port=third.port,
            user=user,
            parts=parts,
            pause_s=_PAUSE_S,
            keeps_word=True,
            keeps_order=False,
        )


COMBINATIONS: Final[Mapping[str, Assemble]] = {
    "embedded, SQLite": assemble_embedded,
    "Mosquitto, SQLite": beside_mosquitto(),
    "Mosquitto, PostgreSQL": beside_mosquitto(with_postgres=True),
    "three NATS servers, PostgreSQL, two workers": assemble_cluster,
}

#: The same with another promise; a shorter storm is enough for these.
VARIANTS: Final[Mapping[str, Assemble]] = {
    "Mosquitto that is left alone": beside_mosquitto(kills_broker=False),
    "Mosquitto that remembers nothing": beside_mosquitto(is_persistent=False),
}
