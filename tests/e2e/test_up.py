"""``pulseline up`` as a whole: from a device's message to REST, its supervision, its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.e2e.command_line import ask, run_pulseline
from tests.e2e.devices import Device
from tests.e2e.up_process import DATA_FOLDER, Up
from tests.storm.system import System, find_descendants, is_running, wait_until


def publish(system: System, bucket_id: str, payload: str) -> None:
    """Publish a heartbeat with Mosquitto's client, which waits for the acknowledgement."""
    topic = f"pulseline/v1/{bucket_id}/heartbeat"
    subprocess.run(
        ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(system.mqtt_port), "-q", "1", "-t", topic, "-m", payload],
        check=True,
        timeout=30,
    )


def read_with_curl(system: System, bucket_id: str) -> list[dict[str, object]]:
    """Return a bucket's events as curl shows them."""
    url = f"{system.url}/buckets/{bucket_id}/events"
    done = subprocess.run(["curl", "-fsS", url], check=True, capture_output=True, timeout=30)
    events: list[dict[str, object]] = json.loads(done.stdout)
    return events


def test_what_two_tools_publish_is_what_curl_shows(tmp_path: Path) -> None:
    """A plain value from mosquitto_pub, and a JSON heartbeat from another client, become events."""
    with System(home=tmp_path) as system:
        publish(system, "plug", "ON")
        with Device(system.mqtt_port) as device:
            device.publish("pulseline/v1/desk/heartbeat", b'{"data": {"height": 72.5}, "duration": 3}')

        plug, desk = read_with_curl(system, "plug"), read_with_curl(system, "desk")

    assert [event["data"] for event in plug] == [{"value": "ON"}]
    assert [(event["data"], event["duration"]) for event in desk] == [({"height": 72.5}, 3.0)]


def test_testing_is_another_world(tmp_path: Path) -> None:
    """--testing says so over REST, and has a data folder of its own."""
    with Up(home=tmp_path, flags=("--testing",)) as system:
        info = httpx.get(f"{system.url}/info").json()
        publish(system, "plug", "ON")

    assert info["testing"] is True
    assert (tmp_path / ".local/share/pulseline-testing/pulseline.db").exists()
    assert not (tmp_path / ".local/share/pulseline").exists()


def test_testing_has_ports_of_its_own(tmp_path: Path) -> None:
    """5666 and 1884 instead of 5600 and 1883."""
    usual = run_pulseline("up", "--print-config", home=tmp_path).stdout
    testing = run_pulseline("up", "--testing", "--print-config", home=tmp_path).stdout

    assert "port = 5600" in usual
    assert "port = 1883" in usual
    assert "port = 5666" in testing
    assert "port = 1884" in testing


def test_ready_is_one_line_in_a_pipe(tmp_path: Path) -> None:
    """Where everything is, on one line; after a stop the output holds nothing else."""
    with Up(home=tmp_path) as system:
        line = system.ready_line

    assert line == (
        f"pulseline is ready: rest=http://127.0.0.1:{system.http_port}/api/0/ "
        f"mqtt=mqtt://127.0.0.1:{system.mqtt_port} data={tmp_path / DATA_FOLDER}\n"
    )


@pytest.mark.parametrize("module", ["pulseline_broker", "pulseline_api"])
def test_a_killed_child_is_started_again(tmp_path: Path, module: str) -> None:
    """Both paths, MQTT in and REST out, work again within seconds, and what was acknowledged is there."""
    with System(home=tmp_path) as system:
        publish(system, "plug", "ON")
        system.kill_child(module)

        wait_until(lambda: is_working(system), timeout_s=10, what="service after the restart")
        publish(system, "plug", "OFF")
        events = read_with_curl(system, "plug")

    assert [event["data"] for event in events] == [{"value": "OFF"}, {"value": "ON"}]


def test_requests_wait_while_the_rest_server_is_started_again(tmp_path: Path) -> None:
    """Not one of those that begin after its death is refused; watchers throw away what is."""
    with System(home=tmp_path) as system:
        url = f"{system.url}/buckets/plug"
        httpx.post(url, json={"type": "t", "client": "c", "hostname": "h"})
        (pid,) = system.find_children("pulseline_api")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_running(pid), timeout_s=5, what="death of the REST server")

        answer = httpx.post(f"{url}/heartbeat?pulsetime=60", json={"timestamp": "2026-03-01T12:00:00Z"}, timeout=30)
        count = httpx.get(f"{url}/events/count").json()

    assert answer.status_code == 200
    assert count == 1


def test_who_asks_a_new_rest_server_finds_what_the_killed_one_promised(tmp_path: Path) -> None:
    """It lies in the outbox, most of it not sent yet, because ingest was away."""
    with Up(home=tmp_path, wrapper=("env", "PULSELINE_API_REPLY_TIMEOUT_S=1")) as system:
        url = f"{system.url}/buckets/plug"
        httpx.post(url, json={"type": "t", "client": "c", "hostname": "h"})
        (broker,), (api,) = system.find_children("pulseline_broker"), system.find_children("pulseline_api")
        os.kill(broker, signal.SIGSTOP)
        event = {"timestamp": "2026-03-01T12:00:00Z", "data": {}}
        with httpx.Client() as client, ThreadPoolExecutor(4) as posters:  # one of which waits for an answer at a time
            posts = [posters.submit(client.post, f"{url}/events", json=event, timeout=30) for _ in range(1000)]
            answers = {post.result().status_code for post in posts}

        os.kill(api, signal.SIGKILL)
        os.kill(broker, signal.SIGCONT)
        wait_until(lambda: not is_running(api), timeout_s=5, what="death of the REST server")
        count = httpx.get(f"{url}/events/count", timeout=30).json()

    assert answers == {200}
    assert count == 1000


def is_working(system: System) -> bool:
    """Return whether both ports answer."""
    try:
        httpx.get(f"{system.url}/info", timeout=5).raise_for_status()
        with Device(system.mqtt_port) as device:
            return device.try_publish("pulseline/v1/probe/heartbeat", b"1")
    except (OSError, httpx.HTTPError):
        return False


def test_killing_the_supervisor_leaves_nobody_behind(tmp_path: Path) -> None:
    """After kill -9 of ``pulseline up`` its children stop by themselves, and a new start works at once."""
    with System(home=tmp_path) as system:
        publish(system, "plug", "ON")
        children = find_descendants(system.pid)
        os.kill(system.pid, signal.SIGKILL)
        began = monotonic()

        wait_until(lambda: not any(is_running(pid) for pid in children), timeout_s=5, what="end of the children")
        system.kill()  # only the supervisor's zombie is left
        system.start()
        took_s = monotonic() - began
        events = read_with_curl(system, "plug")

    assert len(children) == 3  # broker, REST server, and a process of that for queries
    assert took_s < 8
    assert [event["data"] for event in events] == [{"value": "ON"}]


def test_a_stop_under_load_keeps_all_that_was_acknowledged(tmp_path: Path) -> None:
    """Five times: SIGTERM while four devices publish; exit code 0 within 5 s, every acknowledged event is there."""
    system = System(home=tmp_path)
    acknowledged: set[int] = set()
    for round_number in range(5):
        with system:
            devices = [Load(system, number=10 * round_number + place) for place in range(4)]
            for device in devices:
                device.wait_for(50)

            began = monotonic()
            code = system.terminate()
            took_s = monotonic() - began

            for device in devices:
                acknowledged |= device.finish()
        assert code == 0
        assert took_s <= 5
    with system:
        stored = {event["data"]["value"] for event in system.read_events("load")}  # type: ignore[index]  # JSON

    assert len(acknowledged) >= 5 * 4 * 50
    assert acknowledged <= stored


class Load:
    """A device on a thread of its own that publishes numbers until the broker goes away."""

    def __init__(self, system: System, *, number: int) -> None:
        self._port = system.mqtt_port
        self._first = number * 1_000_000
        self._acknowledged: set[int] = set()
        self._progress = threading.Condition()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with Device(self._port) as device:
            value = self._first
            while device.try_publish("pulseline/v1/load/events", str(value).encode()):
                with self._progress:
                    self._acknowledged.add(value)
                    self._progress.notify_all()
                value += 1

    def wait_for(self, count: int) -> None:
        """Wait until so many were acknowledged."""
        with self._progress:
            assert self._progress.wait_for(lambda: len(self._acknowledged) >= count, 30)

    def finish(self) -> set[int]:
        """Return what was acknowledged in all."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self._acknowledged


def test_the_counters_balance_after_good_bad_and_repeated_messages(tmp_path: Path) -> None:
    """``pulseline status`` says that every message received was applied, a duplicate or a dead letter."""
    with System(home=tmp_path) as system:
        publish(system, "plug", "ON")
        publish(system, "plug", '{"data": []}')
        ask(system, "heartbeat", "desk", "height=70")

        rows = [line.split("\t") for line in ask(system, "status").stdout.splitlines()]

    figures = {(part, figure): value for part, figure, value in rows}
    assert figures["ingest main", "balance"] == "ok"
    assert figures["store", "dead letters"] == "1"
