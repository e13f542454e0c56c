"""An import that is killed again and again: what is there in the end is what the source has, once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.e2e.command_line import PULSELINE, ask, get_flags
from tests.storm.system import System, clean_environment, wait_until

#: ``IMPORT_KILLS`` sets more.
KILLS = int(os.environ.get("IMPORT_KILLS", "20"))

EVENTS = 100_000

START = datetime(2024, 1, 1, tzinfo=UTC)

#: Equal events stand in groups, so that a kill may fall between them.
COPIES = 3

BUCKET_IDS = ("aw-watcher-window_host", "aw-watcher-afk_host")


def build_event(number: int) -> dict[str, object]:
    """Return an event as exports have it; some begin together, some are equal, all differ from their neighbours."""
    start = START + timedelta(seconds=7 * (number // COPIES), microseconds=number // COPIES % 1_000_000)
    is_copy = number % 5 < 2
    data = {
        "app": f"app {number % 50}",
        "title": f"Titel {number % 977} — 🐢",
        "n": [0.1 * number, None, number % 2 == 0],
    }
    shared = {"app": "shared", "title": "twice"}
    duration = (number % 11) / 7
    return {"timestamp": start.isoformat(), "duration": round(duration, 6), "data": shared if is_copy else data}


def write_export(path: Path) -> None:
    """Write two buckets, newest event first."""
    half = EVENTS // len(BUCKET_IDS)
    buckets = {
        bucket_id: {
            "id": bucket_id,
            "type": "currentwindow",
            "client": "aw-watcher",
            "hostname": "host",
            "created": "2024-01-01T00:00:00+00:00",
            "events": [build_event(place * half + number) for number in reversed(range(half))],
        }
        for place, bucket_id in enumerate(BUCKET_IDS)
    }
    path.write_text(json.dumps({"buckets": buckets}))


def read_events(document: object) -> dict[str, list[str]]:
    """Return the events of an export by bucket, each as the one text of its moment, length and data."""
    assert isinstance(document, dict)
    return {
        bucket_id: sorted(
            json.dumps([_to_us(event), event["duration"], event["data"]], sort_keys=True) for event in bucket["events"]
        )
        for bucket_id, bucket in document["buckets"].items()
    }


def _to_us(event: dict[str, str]) -> int:
    return (datetime.fromisoformat(event["timestamp"]) - START) // timedelta(microseconds=1)


def read_export(system: System) -> dict[str, list[str]]:
    """Return the events that a system has."""
    return read_events(httpx.get(f"{system.url}/export", timeout=120.0).json())


def count_events(system: System) -> int:
    """Return how many events a system has."""
    answers = [httpx.get(f"{system.url}/buckets/{bucket_id}/events/count") for bucket_id in BUCKET_IDS]
    return sum(int(answer.text) for answer in answers if answer.is_success)


def import_until(system: System, export: Path, *, stored: int) -> bool:
    """Import, and kill -9 the importing process when so many events are there; return whether it was still at it."""
    process = subprocess.Popen(
        [*PULSELINE, "import", str(export), *get_flags(system)],
        env=clean_environment(system.home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(
        lambda: process.poll() is not None or count_events(system) >= stored, timeout_s=120.0, what=f"{stored} events"
    )
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def run_import(system: System, source: Path) -> dict[str, int]:
    """Import to the end; return the counts of all buckets together."""
    done = ask(system, "import", str(source), "--json")
    assert done.returncode == 0, done.stderr
    buckets = json.loads(done.stdout)["buckets"].values()
    return {name: sum(bucket[name] for bucket in buckets) for name in ("added", "extended", "unchanged", "skipped")}


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """A system into which an export was imported, with kills.

    Attributes:
        kills: how many came while it was imported.
        counts: of the run that completed it.
        stored: the events that are there then.
    """

    system: System
    export: Path
    kills: int
    counts: dict[str, int]
    stored: dict[str, list[str]]


@pytest.fixture(scope="module", name="aftermath")
def _aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    chance = random.Random(1)
    home = tmp_path_factory.mktemp("import")
    export = home / "export.json"
    write_export(export)
    with System(home=home) as system:
        # Each run begins anew, so that early points cost less; the late ones are there, too.
        points = sorted(int(EVENTS * chance.random() ** 2) for _ in range(KILLS))
        kills = sum(import_until(system, export, stored=point) for point in points)
        counts = run_import(system, export)
        yield Aftermath(system=system, export=export, kills=kills, counts=counts, stored=read_export(system))


def test_an_import_that_was_killed_is_completed(aftermath: Aftermath) -> None:
    """Counts, times to the microsecond and data are those of the source, the equal events among them."""
    expected = read_events(json.loads(aftermath.export.read_text()))

    stored = aftermath.stored

    print(f"{aftermath.kills} kills; the last run: {aftermath.counts}")
    assert aftermath.kills >= KILLS * 3 // 4  # one that comes late meets a process that has ended
    assert {bucket_id: len(events) for bucket_id, events in stored.items()} == dict.fromkeys(BUCKET_IDS, EVENTS // 2)
    assert stored == expected
    assert sum(aftermath.counts.values()) == EVENTS


def test_importing_again_adds_nothing(aftermath: Aftermath) -> None:
    """Nor does it change anything."""
    counts = run_import(aftermath.system, aftermath.export)

    assert counts == {"added": 0, "extended": 0, "unchanged": EVENTS, "skipped": 0}
    assert read_export(aftermath.system) == aftermath.stored


def test_what_is_exported_is_imported_elsewhere(aftermath: Aftermath, tmp_path: Path) -> None:
    """A second Pulseline has the same events."""
    ask(aftermath.system, "export", "-o", str(tmp_path / "again.json"))

    with ExitStack() as stack:
        second = stack.enter_context(System(home=tmp_path))
        counts = run_import(second, tmp_path / "again.json")
        moved = read_export(second)

    assert counts["added"] == EVENTS
    assert moved == aftermath.stored
