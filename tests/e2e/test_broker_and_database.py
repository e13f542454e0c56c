"""``pulseline ingest`` and ``pulseline api`` by themselves, with a Mosquitto and a PostgreSQL server between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.e2e.service_process import ServiceProcess
from tests.mosquitto import Mosquitto
from tests.postgres_server import PostgresServer
from tests.storm.system import find_free_port, wait_until

TIMEOUT_S = 20.0

Start = Callable[..., None]


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Give the test a server that it may stop."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Give the test a broker with the shipped configuration."""
    with Mosquitto(folder=tmp_path / "mosquitto") as mosquitto:
        yield mosquitto


@pytest.fixture
def start(tmp_path: Path, server: PostgresServer, mosquitto: Mosquitto) -> Iterator[Start]:
    """Return a function that starts a command, as on a machine of its own, and waits until it is ready."""
    database = server.make_url()
    with ExitStack() as stack:

        def start(command: str, *flags: str) -> None:
            places = ("--broker", mosquitto.build_url(f"pulseline-{command}"), "--database", database)
            stack.enter_context(ServiceProcess(home=tmp_path / command, command=command, flags=(*places, *flags)))

        yield start


def test_two_machines_share_a_broker_and_a_database(start: Start, mosquitto: Mosquitto, server: PostgresServer) -> None:
    """Writes of both kinds are read and queried; what comes while the database is away waits with the broker."""
    port = find_free_port()
    start("ingest")
    start("api", "--port", str(port))
    url = f"http://127.0.0.1:{port}/api/0"

    httpx.post(f"{url}/buckets/desk", json={"type": "t", "client": "c", "hostname": "h"}).raise_for_status()
    event = {"timestamp": "2026-03-01T12:00:00Z", "data": {"height": 72}}
    heartbeat = httpx.post(f"{url}/buckets/desk/heartbeat?pulsetime=60", json=event).raise_for_status().json()
    mosquitto.publish("pulseline/v1/plug/events", "1")
    _await_values(url, [1])
    server.kill()
    mosquitto.publish("pulseline/v1/plug/events", "2")
    server.start()

    assert (heartbeat["id"] > 0, heartbeat["data"]) == (True, {"height": 72})
    _await_values(url, [1, 2])


def _await_values(url: str, expected: list[int]) -> None:
    """Return when the plug's events have these values, oldest first, as they are read and by a query."""
    read = f"{url}/buckets/plug/events"
    wait_until(
        lambda: (answer := httpx.get(read)).is_success and len(answer.json()) == len(expected),
        timeout_s=TIMEOUT_S,
        what=f"a read of {expected}",
    )
    query = ["RETURN = sort_by_timestamp(query_bucket('plug'));"]
    body = {"query": query, "timeperiods": ["2026-01-01T00:00:00Z/2100-01-01T00:00:00Z"]}
    [queried] = httpx.post(f"{url}/query/", json=body).raise_for_status().json()
    for events in (httpx.get(read).json()[::-1], queried):
        assert [event["data"]["value"] for event in events] == expected
