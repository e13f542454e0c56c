"""The profile 'scale' of docker-compose.yml, started here: three brokers, two workers and REST servers, one address."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compose_file import read_services
from tests.containers import Containers
from tests.postgres_server import PostgresServer
from tests.storm.system import wait_until

#: By when a worker that died is replaced, and what is left to it is stored.
TIMEOUT_S = 40.0

BROKERS = "nats-1", "nats-2", "nats-3"
SERVICES = "ingest-1", "ingest-2", "api-1", "api-2"

#: So many that each worker has some.
BUCKETS = [f"plug-{number}" for number in range(8)]


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[Containers]:
    """Give the test all services of the profile, as the one command starts them, and with them a database."""
    with Containers(read_services("scale"), tmp_path) as containers:
        containers.run("setup-scale")
        for name in BROKERS:
            containers.launch(name)
        with PostgresServer(port=containers.get_port("postgres", 5432)) as server:
            server.execute("CREATE ROLE pulseline LOGIN")
            server.execute("CREATE DATABASE pulseline OWNER pulseline")
            for name in ("postgres", *BROKERS):
                containers.await_well(name, timeout_s=60.0)
            for name in SERVICES:
                containers.launch(name)
            for name in SERVICES:
                containers.await_well(name)
            containers.start("proxy")
            yield containers


def publish(containers: Containers, bucket_id: str, payload: str) -> bool:
    """Publish as a device does, at the one address; return whether it was acknowledged."""
    password = containers.run("setup-scale", "password", "device").strip()
    address = f"device:{password}@127.0.0.1:{containers.get_port('proxy', 1883)}"
    command = ["mosquitto_pub", "-L", f"mqtt://{address}/pulseline/v1/{bucket_id}/heartbeat", "-q", "1", "-m", payload]
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False).returncode == 0


def read(containers: Containers, path: str) -> httpx.Response:
    """Ask at the one address, with the key that was made."""
    key = (containers.get_folder("scale-secrets") / "api.key").read_text().strip()
    url = f"http://127.0.0.1:{containers.get_port('proxy', 5600)}/api/0/{path}"
    return httpx.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S)


def read_values(containers: Containers, bucket_id: str) -> list[object]:
    """Return the values of a bucket's events, oldest first; none if there is no bucket."""
    answer = read(containers, f"buckets/{bucket_id}/events")
    events: list[dict[str, Any]] = answer.json() if answer.status_code == httpx.codes.OK else []
    return [event["data"]["value"] for event in reversed(events)]


def await_stored(containers: Containers, values: list[str]) -> None:
    """Return when every bucket holds these values, the last of which is published until it is there.

    What is acknowledged before a worker has ever subscribed is held for nobody; a repeated heartbeat changes nothing.
    """

    def is_stored(bucket_id: str) -> bool:
        return publish(containers, bucket_id, values[-1]) and read_values(containers, bucket_id) == values

    for bucket_id in BUCKETS:
        wait_until(partial(is_stored, bucket_id), timeout_s=TIMEOUT_S, what=f"that {bucket_id} holds {values}")


def test_one_of_each_may_die(containers: Containers) -> None:
    """A broker, a worker and a REST server: the one address answers, and what it acknowledges is stored."""
    await_stored(containers, ["ON"])

    for name in ("nats-2", "ingest-2", "api-2"):
        containers.kill(name)

    await_stored(containers, ["ON", "OFF"])
    assert [read(containers, "info").status_code for _ in range(4)] == [httpx.codes.OK] * 4
