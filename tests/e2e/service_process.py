"""``pulseline ingest`` or another service as a process, to kill and to hold up."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.e2e.command_line import PULSELINE
from tests.mosquitto import PASSWORD
from tests.storm.system import clean_environment


@dataclass(kw_only=True)
class ServiceProcess:
    """A service with a home of its own; a context manager that makes that, and has it ready.

    Attributes:
        variables: what it finds in its environment beside what every process here does.
    """

    home: Path
    flags: tuple[str, ...] = ()
    command: str = "ingest"
    variables: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.home.mkdir()
        self.start()
        return self

    def start(self) -> None:
        """Start, and return when it is ready."""
        reader, writer = os.pipe()
        named = {"PULSELINE_MQTT_PASSWORD": PASSWORD, **self.variables, "PULSELINE_READY_FD": str(writer)}
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*PULSELINE, self.command, *self.flags],
                env=clean_environment(self.home) | named,
                pass_fds=[writer],
                stderr=log,
            )
        os.close(writer)
        with os.fdopen(reader, "rb") as ready:
            is_ready = ready.read() == b"ready\n"
        if not is_ready:
            self.kill()
            raise AssertionError(self.log)

    def __exit__(self, *_: object) -> None:
        self.signal(signal.SIGCONT)
        self.kill()

    @property
    def log(self) -> str:
        """What it said."""
        return (self.home / "log").read_text()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """Stop it as a service manager does, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(20.0)
        self._process = None
        return code
