"""``pulseline up --database``: everything is stored on a PostgreSQL server, and outlives its restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.devices import Device
from tests.e2e.up_process import DATA_FOLDER, Up
from tests.postgres_server import PostgresServer
from tests.storm.system import find_descendants, wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Give the tests a server that they may stop."""
    with PostgresServer() as server:
        yield server


def read_values(system: Up) -> list[object]:
    """Return what the plug said, oldest first; nothing while that can not be read."""
    answer = httpx.get(f"{system.url}/buckets/plug/events")
    return [event["data"]["value"] for event in reversed(answer.json())] if answer.is_success else []


def query_values(system: Up) -> list[object]:
    """Return the same by a query."""
    query = ["RETURN = query_bucket('plug');"]
    body = {"query": query, "timeperiods": ["2026-01-01T00:00:00Z/2100-01-01T00:00:00Z"]}
    [events] = httpx.post(f"{system.url}/query/", json=body).raise_for_status().json()
    return [event["data"]["value"] for event in reversed(events)]


def test_what_is_published_is_stored_on_the_server(server: PostgresServer, tmp_path: Path) -> None:
    """Events and queries come from there, there is no file, and no child's command line shows the password."""
    url = server.make_url() + "&password=s3cret"
    with Up(home=tmp_path, wrapper=("env", f"PULSELINE_STORE_URL={url}")) as system:
        with Device(system.mqtt_port) as device:
            device.publish("pulseline/v1/plug/heartbeat", b"ON")
            device.publish("pulseline/v1/plug/heartbeat", b"OFF")
        values, queried = read_values(system), query_values(system)
        commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in find_descendants(system.pid)]
        log = (tmp_path / "stderr.log").read_text()

    assert values == queried == ["ON", "OFF"]
    assert not list((tmp_path / DATA_FOLDER).glob("pulseline.db*"))
    assert "s3cret" not in "".join([log, system.ready_line, *commands])


def test_a_restart_of_the_server_loses_and_doubles_nothing(server: PostgresServer, tmp_path: Path) -> None:
    """A message that comes meanwhile is not acknowledged; all goes on by itself."""
    with Up(home=tmp_path, flags=("--database", server.make_url())) as system:
        with Device(system.mqtt_port) as device:
            device.publish("pulseline/v1/plug/heartbeat", b"ON")
        assert read_values(system) == ["ON"]

        server.kill()
        with Device(system.mqtt_port) as device:
            assert not device.try_publish("pulseline/v1/plug/heartbeat", b"LOST")
        server.start()

        wait_until(lambda: read_values(system) == ["ON"], timeout_s=20, what="a read after the restart")
        with Device(system.mqtt_port) as device:
            device.publish("pulseline/v1/plug/heartbeat", b"OFF")
        assert read_values(system) == query_values(system) == ["ON", "OFF"]
