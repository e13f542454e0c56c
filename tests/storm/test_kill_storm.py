"""Everything is killed without warning, again and again, under load: no promise may be broken."""

from __future__ import annotations

import os
import random
import secrets
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from time import monotonic

import pytest

from tests.storm.assembly import COMBINATIONS, VARIANTS, Assemble, Assembly, Part
from tests.storm.crowd import Crowd, run_crowd
from tests.storm.promises import check_promises

#: How long one storm lasts; ``scripts/storm`` sets more.
STORM_S = float(os.environ.get("STORM_S", "60"))

#: What is killed when, as far as chance in here has a say; another one each time unless it is set.
SEED = os.environ.get("STORM_SEED", "")

#: Time to get to work between two kills, and how long what was killed stays away.
_CALM_S = 0.3, 1.2
_MAX_AWAY_S = 1.5

#: How many parts are killed at once: most often one, sometimes all.
_SHARE_OF_ONE = 0.7
_SHARE_OF_ALL = 0.1


def choose_parts(chance: random.Random, parts: Mapping[str, Part]) -> list[str]:
    """Return which ones to kill together, in the order in which they are started again."""
    throw = chance.random()
    if throw < _SHARE_OF_ONE:
        return [chance.choice(list(parts))]
    count = len(parts) if throw > 1 - _SHARE_OF_ALL else chance.randint(2, len(parts))
    chosen = chance.sample(list(parts), count)
    return [name for name in parts if name in chosen]


def rage(chance: random.Random, assembly: Assembly, crowd: Crowd, *, seconds: float) -> int:
    """Kill parts for as long as the storm lasts; return how many times."""
    parts = {**assembly.parts, "publishers": crowd}
    pause = threading.Event()
    deadline, kills = monotonic() + seconds, 0
    while monotonic() < deadline:
        pause.wait(chance.uniform(*_CALM_S))
        crowd.check_alive()
        chosen = [parts[name] for name in choose_parts(chance, parts)]
        for part in chosen:
            part.kill()
        pause.wait(chance.uniform(0.0, _MAX_AWAY_S))
        for part in chosen:
            part.start()
        kills += 1
    pause.wait(1.0)
    crowd.kill()
    return kills


@pytest.mark.timeout(STORM_S + 240)
@pytest.mark.parametrize(
    ("assemble", "share"),
    [(assemble, 1.0) for assemble in COMBINATIONS.values()] + [(assemble, 1 / 3) for assemble in VARIANTS.values()],
    ids=[*COMBINATIONS, *VARIANTS],
)
def test_nothing_promised_is_lost_doubled_or_reordered_whatever_is_killed(
    tmp_path: Path, assemble: Assemble, share: float
) -> None:
    """After a minute of kill -9 under load each ledger is in the store, once and in order, within half a minute."""
    seed = SEED or secrets.token_hex(4)
    print(f"STORM_SEED={seed}")

    with ExitStack() as stack:
        assembly = stack.enter_context(assemble(tmp_path))
        crowd = stack.enter_context(run_crowd(tmp_path, assembly.port, assembly.user, pause_s=assembly.pause_s))
        kills = rage(random.Random(seed), assembly, crowd, seconds=share * STORM_S)
        count = check_promises(assembly, crowd)

        print(f"{kills} kills, {count} events")
        assert count > 10 * kills
        assert assembly.system.terminate() == 0
    check_file(assembly.system.database)


def check_file(path: Path) -> None:
    """Fail if it is a damaged database; where events are stored elsewhere there is none."""
    if path.exists():
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
