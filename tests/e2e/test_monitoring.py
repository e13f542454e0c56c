"""What is told of a worker that dies, hangs or loses its broker: in the status, the metrics and the health checks."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pulseline_core.errors import ExitCode
from tests.e2e.command_line import run_pulseline
from tests.e2e.service_process import ServiceProcess
from tests.mosquitto import PASSWORD, Mosquitto
from tests.storm.system import find_free_port, wait_until

#: A worker is missed after three intervals, which are short here, and five seconds.
TIMEOUT_S = 20.0

INTERVAL_S = "0.2"


@dataclass(kw_only=True)
class Machine:
    """A worker and a REST server beside a Mosquitto, without anybody who starts them again.

    Attributes:
        home: theirs and that of the commands.
    """

    home: Path
    mosquitto: Mosquitto
    stack: ExitStack
    http_port: int = field(default_factory=find_free_port)

    @property
    def variables(self) -> dict[str, str]:
        """What they and the commands find in their environment."""
        return {
            "PULSELINE_MQTT_BROKER": self.mosquitto.build_url(),
            "PULSELINE_MQTT_PASSWORD": PASSWORD,
            "PULSELINE_API_PORT": str(self.http_port),
            "PULSELINE_INGEST_STATUS_INTERVAL_S": INTERVAL_S,
        }

    def start(self, command: str) -> ServiceProcess:
        """Start a part, and return it when it is ready."""
        process = ServiceProcess(home=self.home, command=command, variables=self.variables)
        process.start()
        self.stack.callback(process.kill)
        return process

    def read(self, path: str) -> Any:
        """Return what the REST server answers."""
        return httpx.get(f"http://127.0.0.1:{self.http_port}{path}", trust_env=False).json()

    def read_metric(self, name: str) -> list[float]:
        """Return the values of a metric."""
        text = httpx.get(f"http://127.0.0.1:{self.http_port}/metrics", trust_env=False).text
        families = text_string_to_metric_families(text)
        return [sample.value for family in families for sample in family.samples if sample.name == name]

    def await_parts(self, *failing: str) -> None:
        """Return when these parts, and no others, do not do their work."""
        wait_until(
            lambda: [name for name, works in self.read("/readyz")["parts"].items() if not works] == list(failing),
            timeout_s=TIMEOUT_S,
            what=f"failing: {failing}",
        )

    def check(self, part: str) -> tuple[int, str]:
        """Return what ``pulseline health`` ends with, and its line."""
        variables = (f"{name}={value}" for name, value in self.variables.items())
        done = run_pulseline("health", part, home=self.home, wrapper=("env", *variables))
        return done.returncode, (done.stdout or done.stderr).removeprefix("pulseline: error: ").strip()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Give the test a machine whose parts it starts."""
    home = tmp_path / "home"
    home.mkdir()
    with Mosquitto(folder=tmp_path / "mosquitto") as mosquitto, ExitStack() as stack:
        yield Machine(home=home, mosquitto=mosquitto, stack=stack)


def test_dead_worker_shows_everywhere(machine: Machine) -> None:
    """Its last will says so; another one of its name puts an end to it."""
    ingest = machine.start("ingest")
    machine.start("api")
    machine.await_parts()
    assert machine.check("ingest") == (ExitCode.OK, "main is at work")
    assert machine.check("api") == (ExitCode.OK, "ready")

    ingest.kill()
    machine.await_parts("ingest")

    assert machine.read("/api/0/status")["workers"]["main"]["state"] == "offline"
    assert machine.read_metric("pulseline_worker_up") == [0]
    assert machine.read_metric("pulseline_lag_seconds") == []
    assert machine.check("ingest") == (ExitCode.UNAVAILABLE, "ingest worker 'main' is offline")
    assert machine.check("api") == (ExitCode.UNAVAILABLE, "the server is not ready: ingest")
    machine.start("ingest")
    machine.await_parts()
    assert machine.read_metric("pulseline_worker_up") == [1]


def test_worker_that_hangs_is_missed(machine: Machine) -> None:
    """Its connection stays open, so that no last will is sent; its silence tells."""
    ingest = machine.start("ingest")
    machine.start("api")
    machine.await_parts()

    ingest.signal(signal.SIGSTOP)
    machine.await_parts("ingest")

    worker = machine.read("/api/0/status")["workers"]["main"]
    assert (worker["state"], worker["late"]) == ("online", True)
    assert machine.read_metric("pulseline_worker_up") == [0]
    code, line = machine.check("ingest")
    assert (code, line.startswith("ingest worker 'main' has been silent for ")) == (ExitCode.UNAVAILABLE, True)
    ingest.signal(signal.SIGCONT)
    machine.await_parts()


def test_broker_that_is_away_shows_and_comes_back(machine: Machine) -> None:
    """The process of the REST server lives all the same."""
    machine.start("ingest")
    machine.start("api")
    machine.await_parts()

    machine.mosquitto.kill()
    machine.await_parts("broker", "ingest")  # the worker's reports do not come any more, either

    assert machine.read("/healthz") == {"alive": True}
    assert machine.read_metric("pulseline_api_connected") == [0]
    assert machine.read_metric("pulseline_broker_uptime_seconds") == []
    assert machine.check("ingest")[0] == ExitCode.UNAVAILABLE
    machine.mosquitto.start()
    wait_until(
        lambda: machine.read_metric("pulseline_reconnects_total") == [1], timeout_s=TIMEOUT_S, what="the reconnect"
    )
    machine.await_parts()
