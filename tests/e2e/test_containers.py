"""What docker-compose.yml starts, started here: from nothing to data over REST, with what it ships and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pulseline_core.store import open_reader
from tests.compose_file import ROOT, read_services
from tests.containers import Containers
from tests.storm.system import wait_until

TIMEOUT_S = 20.0

GUIDE = ROOT / "docs/how-to/docker.md"

#: In the order in which they wait for each other.
SERVICES = "mosquitto", "ingest", "api"


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[Containers]:
    """Give the test the services that start by default, none of which is started."""
    with Containers(read_services(), tmp_path) as containers:
        yield containers


def start(containers: Containers) -> None:
    """Do what 'docker compose up' does."""
    containers.run("setup")
    for name in SERVICES:
        containers.start(name)


def publish(containers: Containers, topic: str, payload: str, *, password: str) -> int:
    """Publish with Mosquitto's client as the device 'desk'; return its exit code."""
    port = containers.get_port("mosquitto", 1883)
    command = ["mosquitto_pub", "-L", f"mqtt://desk:{password}@127.0.0.1:{port}/{topic}", "-q", "1", "-m", payload]
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False).returncode


def read(containers: Containers, path: str, *, key: str = "") -> httpx.Response:
    """Ask the REST server, with the key that was made unless the test has another."""
    key = key or (containers.get_folder("secrets") / "api.key").read_text().strip()
    url = f"http://127.0.0.1:{containers.get_port('api', 5600)}/api/0/{path}"
    return httpx.get(url, headers={"Authorization": f"Bearer {key}"})


def read_values(containers: Containers, bucket_id: str) -> list[object]:
    """Return the values of a bucket's events, oldest first; none if there is no bucket."""
    answer = read(containers, f"buckets/{bucket_id}/events")
    events: list[dict[str, Any]] = answer.json() if answer.status_code == httpx.codes.OK else []
    return [event["data"]["value"] for event in reversed(events)]


def test_one_command_leads_from_nothing_to_data(containers: Containers) -> None:
    """A device gets its password from 'setup add'; its message is what a REST read with the key shows."""
    start(containers)
    password = containers.run("setup", "add", "desk").strip()
    containers.reload("mosquitto")

    wait_until(
        lambda: publish(containers, "pulseline/v1/desk/heartbeat", "ON", password=password) == 0,
        timeout_s=TIMEOUT_S,
        what="that the device comes in",
    )

    wait_until(lambda: read_values(containers, "desk") == ["ON"], timeout_s=TIMEOUT_S, what="that it is stored")
    assert publish(containers, "pulseline/v1/desk/heartbeat", "OFF", password="guessed") == 5
    assert read(containers, "buckets/", key="guessed").status_code == httpx.codes.UNAUTHORIZED
    assert [containers.stop(name) for name in reversed(SERVICES)] == [0, 0, 0]


def test_a_second_start_changes_no_password_and_loses_nothing(containers: Containers) -> None:
    """Volumes outlive the containers, as after 'docker compose down'."""
    start(containers)
    password = containers.run("setup", "add", "desk").strip()
    containers.reload("mosquitto")
    before = {path.name: path.read_text() for path in containers.get_folder("secrets").iterdir()}
    wait_until(
        lambda: publish(containers, "pulseline/v1/desk/events", "1", password=password) == 0,
        timeout_s=TIMEOUT_S,
        what="that the device comes in",
    )
    wait_until(lambda: read_values(containers, "desk") == [1], timeout_s=TIMEOUT_S, what="that it is stored")

    for name in reversed(SERVICES):
        containers.stop(name)
    start(containers)

    after = {path.name: path.read_text() for path in containers.get_folder("secrets").iterdir()}
    assert after == before
    assert publish(containers, "pulseline/v1/desk/events", "2", password=password) == 0
    wait_until(lambda: read_values(containers, "desk") == [1, 2], timeout_s=TIMEOUT_S, what="that both are there")


def test_what_a_device_sends_while_ingest_is_away_is_stored_later(containers: Containers) -> None:
    """The broker holds it for the session of the worker."""
    start(containers)
    password = containers.run("setup", "add", "desk").strip()
    containers.reload("mosquitto")
    containers.stop("ingest")
    wait_until(
        lambda: publish(containers, "pulseline/v1/desk/events", "1", password=password) == 0,
        timeout_s=TIMEOUT_S,
        what="that the device comes in",
    )

    containers.start("ingest")

    wait_until(lambda: read_values(containers, "desk") == [1], timeout_s=TIMEOUT_S, what="that it is stored")


def test_the_documented_backup_has_what_is_stored(containers: Containers) -> None:
    """It is made while everything runs."""
    start(containers)
    containers.execute("api", "pulseline", "heartbeat", "plug", "ON")
    (code,) = re.findall(r"exec api python -c '(.*)'$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    folder = containers.get_folder("data") / "tmp"
    folder.mkdir()

    containers.execute("api", "python", "-c", code)

    with open_reader(folder / "backup.db") as reader:
        assert [event.data for event in reader.read_events("plug")] == [{"value": "ON"}]


def test_the_health_check_of_the_broker_wants_it_to_refuse_strangers(containers: Containers, tmp_path: Path) -> None:
    """One that lets everybody in is as wrong as one that does not answer."""
    containers.run("setup")
    containers.start("mosquitto")
    (configuration,) = tmp_path.rglob("mosquitto.conf")
    configuration.write_text(configuration.read_text().replace("allow_anonymous false", "allow_anonymous true"))

    containers.stop("mosquitto")

    with pytest.raises(AssertionError, match="mosquitto is well"):
        containers.start("mosquitto", timeout_s=2.0)


def test_what_setup_makes_is_for_those_who_need_it(containers: Containers) -> None:
    """Each file has one reader, the passwords are long and different, and the broker has hashes alone."""
    containers.run("setup")

    secrets = {path.name: path for path in containers.get_folder("secrets").iterdir()}
    (users,) = containers.get_folder("broker-users").iterdir()
    passwords = [read_password(secrets[f"{name}.toml"]) for name in ("ingest", "api")]
    assert sorted(secrets) == ["api.key", "api.toml", "ingest.toml"]
    assert {path.stat().st_mode & 0o777 for path in (*secrets.values(), users)} == {0o600}
    assert {path.stat().st_uid for path in secrets.values()} == {containers.get_owner("ingest")}
    assert users.stat().st_uid == containers.get_owner("mosquitto")
    assert len({*passwords, secrets["api.key"].read_text().strip()}) == 3
    assert min(map(len, passwords)) == 32
    assert not any(password in users.read_text() for password in passwords)


def read_password(path: Path) -> str:
    """Return the password of a settings file that 'setup' made."""
    table, line = path.read_text().splitlines()
    assert table == "[mqtt]"
    password: str = json.loads(line.removeprefix("password = "))
    return password


@pytest.mark.parametrize("name", ["", "a:b", "../x", "pulseline-ingest"])
def test_setup_refuses_names_that_would_harm(containers: Containers, name: str) -> None:
    """A colon would end the name in the broker's file; the servers' own users are not for devices."""
    containers.run("setup")
    (users,) = containers.get_folder("broker-users").iterdir()
    before = users.read_text()

    with pytest.raises(AssertionError, match="setup: error: "):
        containers.run("setup", "add", name)

    assert users.read_text() == before


def test_a_new_password_replaces_the_old_one(containers: Containers) -> None:
    """And leaves those of others as they are, also of one whose name is alike."""
    containers.run("setup")
    (users,) = containers.get_folder("broker-users").iterdir()
    containers.run("setup", "add", "a.b")
    containers.run("setup", "add", "axb")
    before = users.read_text().splitlines()

    containers.run("setup", "add", "a.b")

    after = users.read_text().splitlines()
    assert [line.partition(":")[0] for line in after] == ["pulseline-ingest", "pulseline-api", "axb", "a.b"]
    assert len(set(after) & set(before)) == 3
