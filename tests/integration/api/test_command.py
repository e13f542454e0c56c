"""``pulseline api`` as a process: start, stop, exit codes, memory."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import httpx
import pytest

from pulseline_core.bucket import BucketDescription
from pulseline_core.errors import ExitCode
from pulseline_core.event import Event
from pulseline_core.store import open_store
from tests.storm.system import find_descendants, is_listening, is_running, wait_until

Start = Callable[..., "subprocess.Popen[bytes]"]

T0 = datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with an empty database."""
    folder = tmp_path / "data"
    open_store(folder / "pulseline.db").close()
    return folder


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start(folder: Path, port: int) -> Iterator[Start]:
    """Return a function that starts the command and, unless told otherwise, waits until it serves."""
    common = ["--data-dir", str(folder), "--port", str(port), "--mqtt-port", "1", "--no-log-file"]
    with ExitStack() as stack:

        def start(*flags: str, is_awaited: bool = True) -> subprocess.Popen[bytes]:
            reader, writer = os.pipe()
            process = subprocess.Popen(
                [sys.executable, "-m", "pulseline_api", *common, *flags],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PULSELINE_READY_FD": str(writer)},
                pass_fds=[writer],
                stderr=subprocess.PIPE,
            )
            os.close(writer)
            stack.callback(_end, process)
            with os.fdopen(reader, "rb") as ready:
                if is_awaited:
                    assert ready.read() == b"ready\n"
            return process

        yield start


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _read_errors(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    return process.stderr.read().decode()


def _fill(folder: Path, bucket_id: str, count: int) -> None:
    with open_store(folder / "pulseline.db") as store, store.transaction() as transaction:
        transaction.describe_bucket(bucket_id, BucketDescription(type="power"), now=T0, hostname="desk")
        bucket = transaction.get_bucket(bucket_id)
        assert bucket is not None
        for start in range(0, count, 1000):
            events = [
                Event(timestamp=T0 + timedelta(seconds=n), data={"n": n, "text": "x" * 100})
                for n in range(start, start + 1000)
            ]
            transaction.insert_events(bucket, events)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_zero(start: Start, port: int, number: int) -> None:
    """Soon, although the broker is away."""
    process = start()
    assert httpx.get(f"http://127.0.0.1:{port}/api/0/info", trust_env=False).status_code == 200
    began = monotonic()

    process.send_signal(number)

    assert process.wait(10) == ExitCode.OK
    assert monotonic() - began < 3
    assert "Traceback" not in _read_errors(process)


def test_signal_ends_it_while_an_export_streams(start: Start, folder: Path, port: int) -> None:
    """To somebody who does not read on, and while a write waits for its confirmation."""
    _fill(folder, "plug", 50_000)
    process = start()
    with closing(socket.create_connection(("127.0.0.1", port))) as export, socket.socket() as write:
        export.sendall(b"GET /api/0/export HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert export.recv(1000).startswith(b"HTTP/1.1 200 OK")
        write.connect(("127.0.0.1", port))
        write.sendall(b"DELETE /api/0/buckets/plug?force=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        began = monotonic()
        process.terminate()

        assert process.wait(10) == ExitCode.OK

    assert monotonic() - began < 4
    assert "Traceback" not in _read_errors(process)


def test_taken_port_is_one_line_and_its_exit_code(start: Start, port: int) -> None:
    """Without a traceback."""
    with closing(socket.socket()) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        process = start(is_awaited=False)

        assert process.wait(20) == ExitCode.PORT_IN_USE

    errors = _read_errors(process)
    assert f"pulseline: error: port {port} on '127.0.0.1' is already in use" in errors
    assert "Traceback" not in errors


def test_second_one_on_a_folder_is_told(start: Start) -> None:
    """Two would send one outbox twice."""
    start()

    second = start("--port", "0", is_awaited=False)

    assert second.wait(20) == ExitCode.ALREADY_RUNNING
    assert "outbox" in _read_errors(second)


def test_it_waits_for_the_database(start: Start, folder: Path, tmp_path: Path, port: int) -> None:
    """The broker's process makes it."""
    database = folder / "pulseline.db"
    aside = tmp_path / "aside.db"
    database.rename(aside)
    process = start(is_awaited=False)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.5)
    assert not is_listening(port)

    aside.rename(database)

    assert _answers_within(port, 10)


def _ask(port: int) -> int:
    """Return the status of a query's answer."""
    body = {"query": ["RETURN = 1;"], "timeperiods": ["2026/2027"]}
    return httpx.post(f"http://127.0.0.1:{port}/api/0/query/", json=body, trust_env=False, timeout=30).status_code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_that_runs_queries_outlives_it(start: Start, port: int, number: int) -> None:
    """However it ends."""
    process = start()
    assert _ask(port) == 200
    (worker,) = find_descendants(process.pid)
    assert int(Path(f"/proc/{worker}/oom_score_adj").read_text()) > 0

    process.send_signal(number)
    process.wait(10)

    wait_until(lambda: not is_running(worker), timeout_s=3, what="the end of the worker")


def test_process_that_runs_queries_is_replaced_when_it_dies(start: Start, folder: Path, port: int) -> None:
    """Also before the first query."""
    process = start()
    (first,) = find_descendants(process.pid)
    os.kill(first, signal.SIGKILL)

    wait_until(lambda: not is_running(first), timeout_s=3, what="the end of the worker")

    assert _ask(port) == 200


def _answers_within(port: int, timeout_s: float) -> bool:
    deadline = monotonic() + timeout_s
    while monotonic() < deadline:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/api/0/info", trust_env=False).is_success
        except httpx.ConnectError:
            threading.Event().wait(0.05)
    return False


def test_memory_does_not_grow_with_the_export(start: Start, folder: Path, port: int) -> None:
    """Five times as much passes through the same memory, once the database's cache of 8 MiB is full, in each form.

    With one request thread, because each has memory of its own that it keeps.
    """
    forms = ("json", "csv", "ndjson")
    _fill(folder, "little", 40_000)
    _fill(folder, "much", 200_000)
    process = start("--api-threads", "1")

    little_bytes = [_export(port, "little", form) for form in forms]
    peak_bytes = _read_peak_bytes(process.pid)
    much_bytes = [_export(port, "much", form) for form in forms]

    assert all(much > 4.9 * little > 30_000_000 for much, little in zip(much_bytes, little_bytes, strict=True))
    assert _read_peak_bytes(process.pid) - peak_bytes < 5_000_000


def _export(port: int, bucket_id: str, form: str) -> int:
    url = f"http://127.0.0.1:{port}/api/0/buckets/{bucket_id}/export?format={form}"
    with httpx.stream("GET", url, timeout=60, trust_env=False) as answer:
        return sum(len(chunk) for chunk in answer.iter_raw())


def _read_peak_bytes(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "desk.example"])
def test_server_that_others_can_reach_needs_a_key(start: Start, host: str) -> None:
    """Whether the address exists or not; nothing is opened before."""
    process = start("--host", host, is_awaited=False)

    assert process.wait(20) == ExitCode.USAGE
    assert f"would answer anybody at {host!r} (make a key with 'pulseline setup key'" in _read_errors(process)


def test_server_with_a_key_may_be_reached_by_others(start: Start, folder: Path, port: int) -> None:
    """The data folder's key is noticed."""
    (folder / "api.key").write_text("s3cret\n")
    (folder / "api.key").chmod(0o600)
    start("--host", "0.0.0.0")

    url = f"http://127.0.0.1:{port}/api/0/buckets"
    assert httpx.get(url, trust_env=False).status_code == 401
    assert httpx.get(url, trust_env=False, headers={"Authorization": "Bearer s3cret"}).status_code == 200
