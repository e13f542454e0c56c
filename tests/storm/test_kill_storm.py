"""Everything is killed without warning, again and again, under load: no promise may be broken."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from pulseline_client import Client
from tests.storm.ledger import Mark, check_timeline, read_ledger
from tests.storm.publisher import IN_FLIGHT
from tests.storm.system import System, clean_environment, wait_until

#: Kills in one run; ``scripts/storm`` sets more.
KILLS = int(os.environ.get("STORM_KILLS", "50"))

PUBLISHERS = {"plain-a": "plain", "plain-b": "plain", "library-a": "library", "library-b": "library"}

#: How long a broken system may take until everything handed over is readable.
CATCH_UP_S = 10.0

ROOT = Path(__file__).parents[2]


class Crowd:
    """The publishers' processes; each start of one is a new life."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._lives = dict.fromkeys(PUBLISHERS, -1)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start those that do not run."""
        for bucket_id in PUBLISHERS.keys() - self._processes.keys():
            self._lives[bucket_id] += 1
            with (self._system.home / f"{bucket_id}.log").open("a") as log:
                self._processes[bucket_id] = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "tests.storm.publisher"),
                        *(PUBLISHERS[bucket_id], bucket_id, str(self._lives[bucket_id])),
                        *("--port", str(self._system.mqtt_port), "--folder", str(self._system.home)),
                    ],
                    cwd=ROOT,
                    env=clean_environment(self._system.home),
                    stderr=log,
                )

    def kill(self) -> None:
        """Kill -9 all of them."""
        for process in self._processes.values():
            process.send_signal(signal.SIGKILL)
        for process in self._processes.values():
            process.wait()
        self._processes.clear()

    def check_alive(self) -> None:
        """Fail if a publisher ended by itself."""
        for bucket_id, process in self._processes.items():
            assert process.poll() is None, (self._system.home / f"{bucket_id}.log").read_text()[-2000:]


@contextmanager
def run_crowd(system: System) -> Iterator[Crowd]:
    """Run the publishers until the block ends."""
    crowd = Crowd(system)
    crowd.start()
    try:
        yield crowd
    finally:
        crowd.kill()


def break_something(chance: random.Random, system: System, crowd: Crowd) -> None:
    """Kill -9 a part of the whole, or all of it, and start again what nobody else starts."""
    match chance.choice(["everything", "system", "worker", "api", "publishers"]):
        case "everything":
            crowd.kill()
            system.kill()
            system.start()
        case "system":
            system.kill()
            system.start()
        case "worker":
            system.kill_child("pulseline_broker")
        case "api":
            system.kill_child("pulseline_api")
        case _:
            crowd.kill()
    crowd.start()


def read_stored(system: System, bucket_id: str) -> list[Mark]:
    """Return the marks of the bucket's events in the order in which they were stored."""
    events = sorted(system.read_events(bucket_id), key=lambda event: int(str(event["id"])))
    return [Mark(**event["data"]) for event in events]  # type: ignore[arg-type]  # reason: JSON of our own making


def drain(system: System, bucket_id: str) -> None:
    """Let the library deliver what is left in the outbox of a dead publisher."""
    outbox = system.home / f"{bucket_id}.outbox.db"
    with Client(port=system.mqtt_port, outbox=outbox, name=bucket_id) as client:
        client.flush(CATCH_UP_S)


@pytest.mark.parametrize("seed", [1])
def test_nothing_promised_is_lost_doubled_or_reordered_when_everything_is_killed(tmp_path: Path, seed: int) -> None:
    """After dozens of kill -9 under load each ledger is in the store, once and in order, within ten seconds."""
    chance = random.Random(seed)
    pause = threading.Event()

    with ExitStack() as stack:
        system = stack.enter_context(System(home=tmp_path))
        crowd = stack.enter_context(run_crowd(system))
        for _ in range(KILLS):
            pause.wait(chance.uniform(0.3, 1.2))
            crowd.check_alive()
            break_something(chance, system, crowd)
        pause.wait(1.0)
        crowd.kill()

        wait_until(lambda: is_readable(system), timeout_s=CATCH_UP_S, what="the REST interface")
        for bucket_id in (name for name, kind in PUBLISHERS.items() if kind == "library"):
            drain(system, bucket_id)

        for bucket_id, kind in PUBLISHERS.items():
            promised = read_ledger(tmp_path / f"{bucket_id}.ledger")
            in_flight = IN_FLIGHT if kind == "plain" else 1
            verdict = check_timeline(promised, read_stored(system, bucket_id), in_flight=in_flight)
            print(f"{bucket_id}: {verdict.promised} promised")
            assert verdict.promised > KILLS
            assert verdict.is_clean, verdict
        assert system.terminate() == 0
    with closing(sqlite3.connect(system.database)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def is_readable(system: System) -> bool:
    """Return whether the REST interface answers."""
    try:
        system.read_events("plain-a")
    except OSError:
        return False
    except Exception as error:  # noqa: BLE001  # reason: httpx raises several kinds while nobody listens
        return "Connect" not in type(error).__name__ and "Protocol" not in type(error).__name__
    return True
