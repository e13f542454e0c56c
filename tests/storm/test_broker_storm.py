"""The parts beside an external broker, and the broker itself, are killed again and again under load."""

from __future__ import annotations

import os
import random
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.beside_mosquitto import build_up
from tests.mosquitto import PASSWORD, Mosquitto
from tests.storm.crowd import PUBLISHERS, Crowd, drain, read_stored, run_crowd
from tests.storm.ledger import check_timeline, read_ledger
from tests.storm.publisher import IN_FLIGHT
from tests.storm.system import System, wait_until

#: Kills in one run; ``scripts/storm`` sets more.
KILLS = int(os.environ.get("STORM_KILLS", "20"))

#: How long a broken system may take until everything handed over is readable.
CATCH_UP_S = 30.0

LIBRARY = [bucket_id for bucket_id, kind in PUBLISHERS.items() if kind == "library"]


def break_something(part: str, system: System, mosquitto: Mosquitto, crowd: Crowd) -> None:
    """Kill -9 a part, and start again what nobody else starts."""
    if part == "mosquitto":
        mosquitto.kill()
        mosquitto.start()
    elif part == "publishers":
        crowd.kill()
    else:
        system.kill_child(f"pulseline_{part}")
    crowd.start()


@pytest.mark.parametrize(
    ("parts", "is_persistent"),
    [
        (["ingest", "api", "publishers"], True),
        (["ingest", "mosquitto", "publishers"], True),
        (["ingest", "mosquitto", "publishers"], False),
    ],
    ids=["all but the broker", "the broker, too", "a broker that remembers nothing"],
)
def test_promises_are_kept_whatever_is_killed(tmp_path: Path, parts: list[str], *, is_persistent: bool) -> None:
    """The library's always; those of plain publishers, which Mosquitto gives, as long as that is not killed itself.

    Whatever happens, nothing of anybody is stored twice.
    """
    chance = random.Random(1)
    pause = threading.Event()

    with ExitStack() as stack:
        folder = tmp_path / "mosquitto"
        mosquitto = stack.enter_context(Mosquitto(folder=folder, is_persistent=is_persistent))
        system = stack.enter_context(build_up(tmp_path / "home", mosquitto))
        crowd = stack.enter_context(run_crowd(tmp_path, mosquitto.port, ("device", PASSWORD)))
        for number in range(KILLS):
            pause.wait(chance.uniform(0.3, 1.2))
            crowd.check_alive()
            break_something(parts[number % len(parts)], system, mosquitto, crowd)
        pause.wait(1.0)
        crowd.kill()
        for bucket_id in LIBRARY:
            drain(crowd, bucket_id, timeout_s=CATCH_UP_S)

        kept = set(LIBRARY if "mosquitto" in parts else PUBLISHERS)
        for bucket_id, kind in PUBLISHERS.items():
            promised = read_ledger(tmp_path / f"{bucket_id}.ledger")
            in_flight = IN_FLIGHT if kind == "plain" else 1
            if bucket_id in kept:
                wait_until(
                    lambda: set(promised) <= set(read_stored(system, bucket_id)),  # noqa: B023  # it waits right here
                    timeout_s=CATCH_UP_S,
                    what=f"everything of {bucket_id}",
                )
            verdict = check_timeline(promised, read_stored(system, bucket_id), in_flight=in_flight)
            print(f"{bucket_id}: {verdict.promised} promised, {len(verdict.lost)} lost")
            assert verdict.promised > KILLS
            assert verdict.is_clean if bucket_id in kept else not (verdict.doubled or verdict.unknown), verdict
        assert system.terminate() == 0
