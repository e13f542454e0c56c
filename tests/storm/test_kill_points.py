"""The writer is killed at its first, second, third ... write and sync: what it had acknowledged is in the database."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.storm.system import clean_environment

#: Events submitted in each life of the writer, three to a commit; ``scripts/storm`` sets more.
COUNT = int(os.environ.get("STORM_EVENTS", "12"))

ROOT = Path(__file__).parents[2]


def run_writer(folder: Path, first: int, *, inject: str | None = None) -> tuple[list[int], int]:
    """Run one life of the writer.

    Returns:
        The events that it acknowledged, and its exit code (-9 when it was killed).
    """
    writer = [sys.executable, "-m", "tests.storm.writer", str(folder), str(first), str(COUNT)]
    tracer = [] if inject is None else ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"inject={inject}"]
    run = subprocess.run(
        [*tracer, *writer],
        cwd=ROOT,
        env=clean_environment(folder),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"Traceback" not in run.stderr, run.stderr.decode()
    return [int(line) for line in run.stdout.split()], run.returncode


def read_numbers(database: Path) -> list[int]:
    """Return the stored events' numbers in the order in which they were stored, after a check of the whole file."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        rows = connection.execute("SELECT json FROM event JOIN event_data d ON d.id = data_id ORDER BY event.id")
        return [json.loads(text)["n"] for (text,) in rows]


@pytest.mark.parametrize("syscall", ["pwrite64", "fdatasync"])
def test_no_acknowledged_event_is_lost_when_the_writer_dies_at_any_write_or_sync(tmp_path: Path, syscall: str) -> None:
    """Each life dies one system call later than the one before, until one comes to its end."""
    acknowledged: list[int] = []
    code, point = -signal.SIGKILL, 0

    while code != 0:
        point += 1
        first = max(acknowledged, default=-1) + 1
        settled, code = run_writer(tmp_path, first, inject=f"{syscall}:signal=KILL:when={point}")
        acknowledged += settled

    stored = read_numbers(tmp_path / "pulseline.db")
    print(f"{syscall}: killed {point - 1} times, {len(acknowledged)} events acknowledged")
    assert point > COUNT / 3
    assert [n for n in acknowledged if n not in set(stored)] == []
    assert stored == sorted(set(stored))
