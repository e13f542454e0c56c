"""The command line of aw-client 0.5.15, all but its command ``query``.

That one fails on any server, before it asks: the function does not take the flag ``--json`` that the command declares.
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

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


def store_last_hours(http: httpx.Client) -> None:
    """Make the buckets of a computer that was used for two of the last hours, and left alone for one."""
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=4)
    events = {
        "window": [(0, 5400, {"app": "Code", "title": "GitHub"}), (5400, 3600, {"app": "mpv", "title": "YouTube"})],
        "afk": [(0, 7200, {"status": "not-afk"}), (7200, 3600, {"status": "afk"})],
    }
    for kind, rows in events.items():
        bucket_id = f"aw-watcher-{kind}_desk"
        body = {"client": "compat", "type": kind, "hostname": "desk"}
        http.post(f"/buckets/{bucket_id}", json=body).raise_for_status()
        stored = [
            {"timestamp": (begin + timedelta(seconds=offset_s)).isoformat(), "duration": duration_s, "data": data}
            for offset_s, duration_s, data in rows
        ]
        http.post(f"/buckets/{bucket_id}/events", json=stored).raise_for_status()


def test_reports_of_the_last_day(system: Up, http: httpx.Client, tmp_path: Path) -> None:
    """Time by category and title, and the events; of what happened while somebody was there.

    For its categories the command asks the server that its settings name, also for testing.
    """
    settings = tmp_path / ".config/activitywatch/aw-client/aw-client.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'[server]\nport = "{system.http_port}"\n')
    http.post("/settings/classes", json=[{"name": ["Mine"], "rule": {"type": "regex", "regex": "YouTube"}}])
    store_last_hours(http)

    report = run(system, tmp_path, "report", "desk")
    canonical = run(system, tmp_path, "canonical", "desk")

    assert [" ".join(line.split()) for line in report if line.startswith(("0:", "1:", "Total"))] == [
        *("1:30:00 Uncategorized", "0:30:00 Mine", "1:30:00 GitHub", "0:30:00 YouTube"),
        "Total duration: 2:00:00",
    ]
    assert "Showing last 10 out of 2 events:" in canonical
    assert any("[mpv] YouTube" in line for line in canonical)
    assert canonical[-1].split() == ["Total", "duration:", "2:00:00"]
