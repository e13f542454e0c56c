"""Everything is killed without warning, again and again, under load: no promise may be broken."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.storm.crowd import PUBLISHERS, Crowd, drain, read_stored, run_crowd
from tests.storm.ledger import check_timeline, read_ledger
from tests.storm.publisher import IN_FLIGHT
from tests.storm.system import System, wait_until

#: Kills in one run; ``scripts/storm`` sets more.
KILLS = int(os.environ.get("STORM_KILLS", "50"))

#: How long a broken system may take until everything handed over is readable.
CATCH_UP_S = 10.0


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


@pytest.mark.parametrize("seed", [1])
def test_nothing_promised_is_lost_doubled_or_reordered_when_everything_is_killed(tmp_path: Path, seed: int) -> None:
    """After dozens of kill -9 under load each ledger is in the store, once and in order, within ten seconds."""
    chance = random.Random(seed)
    pause = threading.Event()

    with ExitStack() as stack:
        system = stack.enter_context(System(home=tmp_path))
        crowd = stack.enter_context(run_crowd(system.home, system.mqtt_port))
        for _ in range(KILLS):
            pause.wait(chance.uniform(0.3, 1.2))
            crowd.check_alive()
            break_something(chance, system, crowd)
        pause.wait(1.0)
        crowd.kill()

        wait_until(lambda: is_readable(system), timeout_s=CATCH_UP_S, what="the REST interface")
        for bucket_id in (name for name, kind in PUBLISHERS.items() if kind == "library"):
            drain(crowd, bucket_id, timeout_s=CATCH_UP_S)

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
