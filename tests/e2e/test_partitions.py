"""Several ``pulseline ingest`` share the buckets, and take over what one of them leaves."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from pulseline_client import Client
from pulseline_core.store import open_reader
from tests.e2e.publishing import Publishing
from tests.e2e.service_process import ServiceProcess
from tests.mosquitto import PASSWORD, Mosquitto
from tests.nats import NatsCluster, NatsMember
from tests.postgres_server import PostgresServer
from tests.storm.system import find_free_port, wait_until

TIMEOUT_S = 30.0

#: By when a worker that died is replaced and nothing waits any more.
TAKEOVER_S = 30.0

#: By when a worker whose broker took it in vain, while it started, tries again.
RETURN_S = 60.0

COUNT = 8


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Give the tests a server whose commits reach the disk."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def database(server: PostgresServer) -> str:
    """Give the test an empty schema."""
    return server.make_url()


class Scene:
    """Two workers on one database, and what is stored there."""

    def __init__(self, folder: Path, server: PostgresServer, database: str, stack: ExitStack) -> None:
        self._folder = folder
        self._server = server
        self._database = database
        self._stack = stack

    def start(self, name: str, broker: str, *flags: str) -> ServiceProcess:
        """Start a worker; returns when it is ready."""
        return self._start("ingest", name, broker, "--partitions", str(COUNT), *flags)

    def start_two(self, broker: str, other_broker: str, *flags: str) -> ServiceProcess:
        """Start two workers and return the first one; returns when each has its share."""
        one = self.start("one", broker, *flags)
        other = self.start("other", other_broker, *flags)
        wait_until(lambda: "taking [" in other.log, timeout_s=TIMEOUT_S, what="a share for the second worker")
        self.await_held()
        return one

    def start_api(self, broker: str) -> str:
        """Start a REST server and return its root."""
        port = find_free_port()
        self._start("api", "api", broker, "--port", str(port))
        return f"http://127.0.0.1:{port}/api/0"

    def _start(self, command: str, name: str, broker: str, *flags: str) -> ServiceProcess:
        flags = ("--broker", broker, "--database", self._database, *flags)
        process = ServiceProcess(home=self._folder / name, flags=flags, command=command)
        return self._stack.enter_context(process)

    def read_holders(self) -> dict[int, int]:
        """Return the process of the server that holds each partition."""
        return dict(
            self._server.execute(
                "SELECT objid::int, pid FROM pg_locks"
                " WHERE locktype = 'advisory' AND objsubid = 2 AND mode = 'ExclusiveLock' AND granted"
            )
        )

    def await_held(self, count: int = COUNT) -> None:
        """Return when so many partitions are held."""
        wait_until(lambda: len(self.read_holders()) == count, timeout_s=TAKEOVER_S, what=f"{count} holders")

    def read(self) -> dict[str, list[object]]:
        """Return the numbers of each bucket's events, oldest first."""
        with open_reader(self._database) as reader:
            return {
                bucket_id: [event.data["n"] for event in reversed(reader.read_events(bucket_id))]
                for bucket_id in reader.read_bucket_ids()
            }

    def await_stored(self, expected: Mapping[str, Sequence[int]], *, timeout_s: float = TIMEOUT_S) -> None:
        """Return when what is stored is what was published, in order."""
        try:
            wait_until(lambda: self.read() == expected, timeout_s=timeout_s, what="all of it")
        except AssertionError:
            found = self.read()
            differing = {name: found.get(name) for name in expected if found.get(name) != expected[name]}
            raise AssertionError(str(differing)[:4000]) from None


@pytest.fixture
def scene(tmp_path: Path, server: PostgresServer, database: str) -> Iterator[Scene]:
    """Give the test a place for its workers."""
    with ExitStack() as stack:
        yield Scene(tmp_path, server, database, stack)


def test_nats_one_server_and_one_worker_die(tmp_path: Path, scene: Scene) -> None:
    """What plain publishers were acknowledged and what the library took is stored once and in order, within 30 s."""
    with NatsCluster(tmp_path / "nats") as cluster:
        first, second, third = cluster.servers
        one = scene.start_two(first.build_url(), second.build_url(), "--ingest-broker-partitions")
        with Publishing(third.port, tmp_path / "outbox.db") as publishing:
            publishing.publish(20)
            scene.await_stored(publishing.promised)
            with publishing.in_background():
                one.kill()
                first.kill()
            scene.await_stored(publishing.promised, timeout_s=TAKEOVER_S)

        url = scene.start_api(second.build_url("pulseline-api"))
        assert export(url) == publishing.promised


def export(url: str) -> dict[str, list[int]]:
    """Return what the REST server exports, as the numbers of each bucket's events, oldest first."""
    buckets = httpx.get(f"{url}/export").raise_for_status().json()["buckets"]
    return {name: [event["data"]["n"] for event in reversed(bucket["events"])] for name, bucket in buckets.items()}


def test_nats_rest_server_writes_and_reads_through_all_partitions(tmp_path: Path, scene: Scene) -> None:
    """Each write is answered with its event; the status tells who has which partition."""
    with NatsCluster(tmp_path / "nats") as cluster:
        first, second, _ = cluster.servers
        scene.start("one", first.build_url(), "--ingest-broker-partitions")
        url = scene.start_api(second.build_url("pulseline-api"))
        for number in range(COUNT):
            bucket = f"{url}/buckets/b{number}"  # each in another partition
            httpx.post(bucket, json={"type": "t", "client": "c", "hostname": "h"}).raise_for_status()
            event = {"timestamp": "2026-03-01T12:00:00Z", "data": {"n": number}}
            heartbeat = httpx.post(f"{bucket}/heartbeat?pulsetime=60", json=event).raise_for_status().json()
            assert (heartbeat["id"] > 0, heartbeat["data"]) == (True, {"n": number})
        wait_until(lambda: len(read_workers(url)) == COUNT, timeout_s=TIMEOUT_S, what="a status of each")

        assert read_workers(url) == {f"main-{number}": ("online", [number], COUNT) for number in range(COUNT)}
        assert httpx.post(f"{url}/settings/theme", json="dark").is_success


def test_nats_a_user_of_the_page_reads_no_answers_of_others(tmp_path: Path, scene: Scene) -> None:
    """A program with its publisher id in its rights is answered; of others' acknowledgements it gets none."""
    program = Client(outbox=tmp_path / "outbox.db", username="plug", password=PASSWORD)
    with program:
        publisher = program.status.publisher
    with NatsCluster(tmp_path / "nats") as cluster:
        server = cluster.servers[0]
        server.add_user(build_user(publisher))
        scene.start("one", server.build_url(), "--ingest-broker-partitions")
        with Client(port=server.port, outbox=tmp_path / "outbox.db", username="plug", password=PASSWORD) as client:
            event = client.heartbeat("plug", {"n": 1}, queued=False)
        others = [f"pulseline/v1/_ack/{each}" for each in ("+", "#", "other")]

        assert event is not None
        assert read_refusals(server, "pulseline/v1/plug/state", "pulseline/v1/#", "#", *others) == [False, *[True] * 5]


def build_user(publisher: str) -> str:
    """Return the user of docs/how-to/nats.md, with the rights of a program."""
    page = (Path(__file__).parents[2] / "docs/how-to/nats.md").read_text()
    user, subscribe = (re.search(pattern, page, re.DOTALL) for pattern in (_USER, _SUBSCRIBE))
    assert user is not None
    assert subscribe is not None
    rights = re.sub(r"subscribe: .*?\]", subscribe[1], user[1])
    return rights.replace("...", PASSWORD).replace("PUBLISHER", publisher)


_USER = r"```\n(\{\n  user: \"plug\".*?\n\}\n)```"
_SUBSCRIBE = r"```\n    (subscribe: [^\n]*PUBLISHER[^\n]*)\n```"


def read_refusals(server: NatsMember, *topic_filters: str) -> list[bool]:
    """Return which filters the user of the page may not subscribe to."""
    codes: SimpleQueue[bool] = SimpleQueue()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="plug")
    client.username_pw_set("plug", PASSWORD)
    client.on_subscribe = lambda *answer: codes.put(answer[3][0].is_failure)
    client.connect("127.0.0.1", server.port)
    client.loop_start()
    try:
        return [_ask(client, topic_filter, codes) for topic_filter in topic_filters]
    finally:
        client.disconnect()
        client.loop_stop()


def _ask(client: paho.Client, topic_filter: str, codes: SimpleQueue[bool]) -> bool:
    client.subscribe(topic_filter)
    return codes.get(timeout=TIMEOUT_S)


def test_nats_partitions_become_more_while_devices_publish(tmp_path: Path, scene: Scene) -> None:
    """What the sessions of the old number hold is applied, too."""
    with NatsCluster(tmp_path / "nats") as cluster, ExitStack() as stack:
        first, _, third = cluster.servers
        old = scene.start("old", first.build_url(), "--ingest-broker-partitions")
        scene.await_held(COUNT)
        publishing = stack.enter_context(Publishing(third.port, tmp_path / "outbox.db"))
        with publishing.in_background():
            old.stop()
            scene.start("new", first.build_url(), "--ingest-broker-partitions", "--partitions", str(2 * COUNT))
            scene.await_held(2 * COUNT)
            for server in cluster.servers:
                server.set_partitions(2 * COUNT)
        publishing.publish(20)
        scene.await_stored(publishing.promised)


def read_workers(url: str) -> dict[str, tuple[object, ...]]:
    """Return what the workers say of themselves, by name."""
    workers = httpx.get(f"{url}/status").raise_for_status().json()["workers"]
    keys = "state", "partitions", "partition_count"
    return {name: tuple(status.get(key) for key in keys) for name, status in workers.items()}


def test_nats_worker_that_is_cut_off_gives_its_partitions_back(tmp_path: Path, scene: Scene) -> None:
    """Its server dies, not the worker; the other one, which another server serves, takes over."""
    with NatsCluster(tmp_path / "nats") as cluster:
        first, second, third = cluster.servers
        one = scene.start_two(first.build_url(), second.build_url(), "--ingest-broker-partitions")
        with Publishing(third.port, tmp_path / "outbox.db") as publishing:
            with publishing.in_background():
                first.kill()
            scene.await_stored(publishing.promised, timeout_s=TAKEOVER_S)

        wait_until(lambda: "the broker is out of reach" in one.log, timeout_s=TIMEOUT_S, what="the retreat")
        before = one.log.count("taking [")
        first.start()
        wait_until(lambda: one.log.count("taking [") > before, timeout_s=RETURN_S, what="the worker's return")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Give the test a broker with the shipped configuration."""
    with Mosquitto(folder=tmp_path / "mosquitto") as mosquitto:
        yield mosquitto


def test_mosquitto_worker_dies(tmp_path: Path, scene: Scene, mosquitto: Mosquitto) -> None:
    """Each worker gets all messages and applies those of its partitions; the other one goes on where it ended."""
    one = scene.start_two(mosquitto.build_url(), mosquitto.build_url())
    with Publishing(mosquitto.port, tmp_path / "outbox.db") as publishing:
        publishing.publish(20)
        scene.await_stored(publishing.promised)
        with publishing.in_background():
            one.kill()
        scene.await_stored(publishing.promised, timeout_s=TAKEOVER_S)


def test_mosquitto_worker_that_hangs_loses_its_partitions(tmp_path: Path, scene: Scene, mosquitto: Mosquitto) -> None:
    """What it had received before it applies no more when it goes on; then it gets a share again."""
    one = scene.start_two(mosquitto.build_url(), mosquitto.build_url())
    with Publishing(mosquitto.port, tmp_path / "outbox.db") as publishing:
        with publishing.in_background():
            one.signal(signal.SIGSTOP)
        scene.await_stored(publishing.promised, timeout_s=TAKEOVER_S)
        one.signal(signal.SIGCONT)
        wait_until(lambda: one.log.count("taking [") >= 2, timeout_s=TIMEOUT_S, what="a share for it again")
        publishing.publish(10)
        scene.await_stored(publishing.promised)


def test_worker_that_stops_leaves_its_partitions_at_once(tmp_path: Path, scene: Scene, mosquitto: Mosquitto) -> None:
    """The other one has all of them within seconds."""
    one = scene.start_two(mosquitto.build_url(), mosquitto.build_url())
    with Publishing(mosquitto.port, tmp_path / "outbox.db") as publishing:
        with publishing.in_background():
            assert one.stop() == 0
        scene.await_stored(publishing.promised, timeout_s=TAKEOVER_S)
    scene.await_held()


def test_workers_that_are_told_take_what_they_are_told(tmp_path: Path, scene: Scene, mosquitto: Mosquitto) -> None:
    """And nothing else: what is no heartbeat would be stored once by each."""
    scene.start("one", mosquitto.build_url(), "--partition", "0-2,5")
    wait_until(lambda: set(scene.read_holders()) == {0, 1, 2, 5}, timeout_s=TIMEOUT_S, what="four partitions")
    scene.start("other", mosquitto.build_url(), "--partition", "3,4,6-7")
    scene.await_held()
    with Publishing(mosquitto.port, tmp_path / "outbox.db") as publishing:
        publishing.publish(10)
    once = {f"once-{number}": [0] for number in range(COUNT)}
    for bucket_id in once:
        mosquitto.publish(f"pulseline/v1/{bucket_id}/events", '{"data": {"n": 0}}')
    scene.await_stored({**publishing.promised, **once})
