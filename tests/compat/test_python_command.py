"""The command line of aw-client 0.5.15, those of its commands that do not need the query language."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.compat.remote import COMPAT, Remote
from tests.compat.samples import build_python_event, get_values
from tests.e2e.up_process import Up
from tests.storm.system import clean_environment


def run(system: Up, home: Path, *arguments: str) -> list[str]:
    """Run ``aw-client`` and return the lines that it prints."""
    done = subprocess.run(
        [str(COMPAT / "bin/aw-client"), "--testing", "--port", str(system.http_port), *arguments],
        env=clean_environment(home),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.splitlines()


def test_buckets_are_listed(system: Up, bucket: str, tmp_path: Path) -> None:
    """By their ids."""
    assert f" - {bucket}" in run(system, tmp_path, "buckets")


def test_events_are_listed(system: Up, aw: Remote, bucket: str, tmp_path: Path) -> None:
    """Newest first, with duration and data."""
    aw.call("insert_events", bucket, [build_python_event(0, 90, n=1), build_python_event(100, n=2)])

    assert run(system, tmp_path, "events", bucket) == [
        "events:",
        " - 2026-03-01 12:01:40 (0:00:00) {'n': 2}",
        " - 2026-03-01 12:00:00 (0:01:30) {'n': 1}",
    ]


def test_heartbeats_of_two_calls_are_one_event(system: Up, aw: Remote, bucket: str, tmp_path: Path) -> None:
    """Within the pulsetime of 60 s, which is the command's own."""
    for _ in range(2):
        run(system, tmp_path, "heartbeat", bucket, json.dumps({"n": 1}))

    (event,) = aw.call("get_events", bucket)
    assert get_values([event]) == [1]
    assert 0 < event["duration"] < 60
