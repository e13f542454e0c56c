"""Pulseline beside a Mosquitto with the shipped configuration: every way in, and what a crash leaves."""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from pulseline_client import Client
from pulseline_core.errors import ExitCode
from tests.certificates import Authority
from tests.e2e.beside_mosquitto import build_up
from tests.e2e.command_line import run_pulseline
from tests.mosquitto import PASSWORD, Mosquitto
from tests.storm.system import System, wait_until

TIMEOUT_S = 20.0


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Give the test a broker with the shipped configuration."""
    with Mosquitto(folder=tmp_path / "mosquitto") as mosquitto:
        yield mosquitto


def read_data(system: System, bucket_id: str) -> list[object]:
    """Return the data of a bucket's events, oldest first; none if there is no bucket."""
    answer = httpx.get(f"{system.url}/buckets/{bucket_id}/events")
    return [event["data"] for event in reversed(answer.json())] if answer.status_code == 200 else []


def await_data(system: System, bucket_id: str, expected: list[object]) -> None:
    """Return when a bucket's events are these."""
    wait_until(lambda: read_data(system, bucket_id) == expected, timeout_s=TIMEOUT_S, what=str(expected))


def test_every_way_in_leads_through_the_broker(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """A device, the client library and REST; the answer to REST has the event with its id."""
    with build_up(tmp_path / "home", mosquitto) as system:
        mosquitto.publish("pulseline/v1/plug/heartbeat", "ON")
        with Client(port=mosquitto.port, outbox=tmp_path / "o.db", username="device", password=PASSWORD) as client:
            client.heartbeat("desk", {"height": 72}, pulsetime=60)
            client.flush(TIMEOUT_S)
        url = f"{system.url}/buckets/rest"
        httpx.post(url, json={"type": "t", "client": "c", "hostname": "h"}).raise_for_status()
        event = {"timestamp": "2026-03-01T12:00:00Z", "data": {"title": "x"}}
        answer = httpx.post(f"{url}/heartbeat?pulsetime=60", json=event).json()

        await_data(system, "plug", [{"value": "ON"}])
        assert read_data(system, "desk") == [{"height": 72}]
        assert read_data(system, "rest") == [{"title": "x"}]
        assert answer["id"] > 0
        assert [len(system.find_children(f"pulseline_{name}")) for name in ("broker", "ingest", "api")] == [0, 1, 1]
        assert f"mqtt=mqtt://127.0.0.1:{mosquitto.port} " in system.ready_line
        assert system.terminate() == 0


def test_what_waited_while_ingest_was_dead_is_stored_once(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """After kill -9 the supervisor starts another, to which Mosquitto hands out what is left."""
    with build_up(tmp_path / "home", mosquitto) as system:
        (ingest,) = system.find_children("pulseline_ingest")
        os.kill(ingest, signal.SIGSTOP)
        for number in range(5):
            mosquitto.publish("pulseline/v1/plug/events", str(number))

        os.kill(ingest, signal.SIGKILL)

        await_data(system, "plug", [{"value": number} for number in range(5)])


def test_rest_writes_wait_while_the_broker_is_away(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """They are answered with 200, as ActivityWatch's clients throw away what is refused, and lie in the outbox."""
    with build_up(tmp_path / "home", mosquitto, "--api-reply-timeout-s", "0.5") as system:
        url = f"{system.url}/buckets/rest"
        httpx.post(url, json={"type": "t", "client": "c", "hostname": "h"}).raise_for_status()
        mosquitto.kill()
        event = {"timestamp": "2026-03-01T12:00:00Z", "data": {"title": "x"}}
        answer = httpx.post(f"{url}/heartbeat?pulsetime=60", json=event, timeout=TIMEOUT_S)
        before = read_data(system, "rest")

        mosquitto.start()

        await_data(system, "rest", [{"title": "x"}])
        assert (answer.status_code, before) == (200, [])


def test_all_parts_speak_tls_where_the_url_says_so(tmp_path: Path) -> None:
    """Ingest, the REST server, the library and the commands, with one authority."""
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("server", alternative="DNS:localhost")
    listener = f"certfile {certificate}\nkeyfile {key}"
    with ExitStack() as stack:
        mosquitto = stack.enter_context(Mosquitto(folder=tmp_path / "mosquitto", listener=listener))
        url, ca_file = f"mqtts://pulseline-ingest@localhost:{mosquitto.port}", str(authority.ca_file)
        system = stack.enter_context(build_up(tmp_path / "home", mosquitto, "--mqtt-ca-file", ca_file, url=url))
        tls = ssl.create_default_context(cafile=ca_file)
        user = {"username": "device", "password": PASSWORD}
        client = stack.enter_context(
            Client("localhost", mosquitto.port, outbox=tmp_path / "o.db", tls=tls, **user)  # type: ignore[arg-type]  # texts
        )
        client.heartbeat("desk", {"height": 72}, pulsetime=60)
        client.flush(TIMEOUT_S)
        settings = {"BROKER": url, "CA_FILE": ca_file, "PASSWORD": PASSWORD}
        heartbeat = run_pulseline(
            *("heartbeat", "lamp", "on=1", "--port", str(system.http_port)),
            home=system.home,
            wrapper=("env", *(f"PULSELINE_MQTT_{name}={value}" for name, value in settings.items())),
        )

        assert heartbeat.returncode == 0, heartbeat.stderr
        await_data(system, "lamp", [{"on": 1}])
        assert read_data(system, "desk") == [{"height": 72}]


def test_certificate_that_is_not_good_is_named(tmp_path: Path) -> None:
    """With the setting that says whom to believe."""
    certificate, key = Authority(tmp_path / "ca").issue("server", alternative="DNS:localhost")
    with Mosquitto(folder=tmp_path / "mosquitto", listener=f"certfile {certificate}\nkeyfile {key}") as mosquitto:
        url = f"mqtts://pulseline-ingest@localhost:{mosquitto.port}"
        done = run_pulseline("health", "ingest", home=tmp_path, wrapper=("env", f"PULSELINE_MQTT_BROKER={url}"))

        assert done.returncode == ExitCode.UNAVAILABLE
        assert done.stderr.splitlines()[-1] == (
            f"pulseline: error: no MQTT broker answers at localhost:{mosquitto.port}: its certificate is not good:"
            " unable to get local issuer certificate"
            " (see PULSELINE_MQTT_CA_FILE, or ca_file of [mqtt] in the settings file)"
        )


def test_start_with_a_wrong_user_says_so(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """One line, and the exit code for a refused log-in."""
    done = run_pulseline("ingest", "--broker", mosquitto.build_url("nobody"), home=tmp_path)

    assert done.returncode == ExitCode.NOT_PERMITTED
    assert done.stderr.splitlines()[-1] == (
        f"pulseline: error: no way in to the MQTT broker at 127.0.0.1:{mosquitto.port}: not authorized"
        " (see [mqtt] of the settings: broker, password, ca_file)"
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("ingest",), "setting 'mqtt.broker' is not set"),
        (("broker", "--broker", "mqtt://elsewhere"), "is 'mqtt://elsewhere', another broker than this one"),
    ],
    ids=["ingest without", "broker with"],
)
def test_embedded_and_external_broker_are_told_apart(tmp_path: Path, command: tuple[str, ...], words: str) -> None:
    """Each command says which one is for the other case."""
    done = run_pulseline(*command, home=tmp_path)

    assert done.returncode == ExitCode.USAGE
    assert words in done.stderr
