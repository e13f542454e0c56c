"""A whole Pulseline in a folder of its own, to start, kill and start again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

#: Longer than any start here takes, shorter than a person's patience.
START_TIMEOUT_S = 30.0

#: Where to look for programs: Debian keeps daemons where only root looks.
DAEMONS_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def find_free_port() -> int:
    """Return a TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Return whether somebody listens on a TCP port on loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(kw_only=True)
class System:
    """``pulseline up`` as a child process with children of its own.

    Attributes:
        home: an empty folder that stands for the user's home; the data lies in it.
    """

    home: Path
    http_port: int = field(default_factory=find_free_port)
    mqtt_port: int = field(default_factory=find_free_port)
    _process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def is_up(self) -> bool:
        """Whether it was started and not killed since."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """The root of the REST interface."""
        return f"http://127.0.0.1:{self.http_port}/api/0"

    @property
    def database(self) -> Path:
        """The store's file."""
        return self.home / "data" / "pulseline.db"

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        with (self.home / "stderr.log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "pulseline_client", "up", "--data-dir", str(self.home / "data")),
                    *("--port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)),
                ],
                env=clean_environment(self.home),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "ready" in line:
                return
        raise AssertionError((self.home / "stderr.log").read_text()[-4000:])

    def kill(self) -> None:
        """Kill -9 every process of it at once, and wait until they are gone."""
        if self._process is None:
            return
        for pid in [self._process.pid, *find_descendants(self._process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(START_TIMEOUT_S)
        assert self._process.stdout is not None
        self._process.stdout.read()  # ends when the last child that holds the pipe is gone
        self._process.stdout.close()
        self._process = None

    def kill_child(self, module: str) -> None:
        """Kill -9 the child that runs ``module``; the supervisor starts another."""
        for pid in self.find_children(module):
            os.kill(pid, signal.SIGKILL)

    def find_children(self, module: str) -> list[int]:
        """Return the process ids of the child that runs ``module``: one, or none while it is started again."""
        return [pid for pid in find_descendants(self.pid) if module in read_command(pid)]

    def terminate(self) -> int:
        """Stop it as a service manager does, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(START_TIMEOUT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return code

    def read_events(self, bucket_id: str, **parameters: str | int) -> list[dict[str, object]]:
        """Return the bucket's events, newest first; the parameters are those of REST."""
        answer = httpx.get(f"{self.url}/buckets/{bucket_id}/events", params=parameters, timeout=60.0)
        answer.raise_for_status()
        events: list[dict[str, object]] = answer.json()
        return events


def clean_environment(home: Path) -> dict[str, str]:
    """Return an environment in which nothing of the user's is found or left behind."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULSELINE_", "XDG_"))}
    return kept | {"HOME": str(home), "PYTHONUNBUFFERED": "1"}


def read_command(pid: int) -> list[str]:
    """Return the words that a process was started with; none if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def find_descendants(pid: int) -> list[int]:
    """Return the process ids below ``pid``."""
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in map(int, task.read_text().split()):
                found += [child, *find_descendants(child)]
    return found


def is_running(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: object, *, timeout_s: float, what: str) -> float:
    """Call ``condition`` until it is true; return the seconds it took.

    The systems under test are other processes that offer no event to wait for, so this asks every 50 ms.
    """
    assert callable(condition)
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > timeout_s:
            raise AssertionError(f"{what} did not happen within {timeout_s:g} s")
        time.sleep(0.05)
    return time.monotonic() - began
