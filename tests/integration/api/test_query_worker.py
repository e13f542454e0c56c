"""The process that runs queries, without the API: it never outlives that, whatever it does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

import pytest

from pulseline_api.query_wire import NOTHING, WorkerOptions
from tests.integration.api.queries import SCRIPTED, build_request, find_modules
from tests.storm.system import wait_until


@pytest.fixture(name="worker")
def _worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Connection, subprocess.Popen[bytes]]]:
    """Return the API's end of the connection, and the process, which is ready."""
    find_modules(monkeypatch)
    ours, theirs = Pipe()
    with closing(ours):
        with closing(theirs):
            process = subprocess.Popen(
                [sys.executable, "-m", "pulseline_api.query_worker", str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )
        ours.send(
            WorkerOptions(place=Path("nowhere.db"), timeout_s=0.2, memory_bytes=512 * 1024 * 1024, engine=SCRIPTED)
        )
        assert ours.recv_bytes() == NOTHING
        yield ours, process
    process.kill()
    process.wait()


def test_it_ends_with_the_api(worker: tuple[Connection, subprocess.Popen[bytes]]) -> None:
    """However that ended: the kernel closes the connection."""
    connection, process = worker

    connection.close()

    assert process.wait(10) == 0


def test_it_ends_with_the_api_while_a_query_runs(worker: tuple[Connection, subprocess.Popen[bytes]]) -> None:
    """Which hears nothing."""
    connection, process = worker
    connection.send(build_request("hang"))
    assert connection.recv_bytes()

    connection.close()

    assert process.wait(1.5) == 0


def test_it_ends_soon_after_the_api_while_a_query_holds_the_interpreter(
    worker: tuple[Connection, subprocess.Popen[bytes]],
) -> None:
    """By the alarm: no thread of the process can notice anything."""
    connection, process = worker
    ready_cpu_s = _read_cpu_s(process.pid)
    connection.send(build_request("hold"))
    assert connection.recv_bytes()
    wait_until(lambda: _read_cpu_s(process.pid) > ready_cpu_s + 0.05, timeout_s=10, what="a query that holds on")

    connection.close()

    assert process.wait(10) == -signal.SIGALRM


def test_stop_of_a_query_that_has_ended_does_not_meet_the_next(
    worker: tuple[Connection, subprocess.Popen[bytes]],
) -> None:
    """The two cross on their way."""
    connection, _ = worker
    connection.send(None)
    connection.send(build_request("answer"))

    pieces = list(iter(connection.recv_bytes, NOTHING))

    assert len(pieces) == 1
    assert b'"done"' in connection.recv_bytes()


def test_small_pieces_travel_together(worker: tuple[Connection, subprocess.Popen[bytes]]) -> None:
    """Those of a list of numbers, one each, would cost more than the query."""
    connection, _ = worker
    connection.send(build_request("count 100000"))

    pieces = list(iter(connection.recv_bytes, NOTHING))

    assert json.loads(b"".join(pieces)) == [1] * 100_000
    assert len(pieces) < 10


def _read_cpu_s(pid: int) -> float:
    """Return how long a process has computed; by proc(5) the 14th and 15th field say it in ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
