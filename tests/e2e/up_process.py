"""``pulseline up`` with flags of the test's choice, and what it said."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.command_line import PULSELINE
from tests.storm.system import System, clean_environment


@dataclass(kw_only=True)
class Up(System):
    """A system that is started with more than its ports.

    Attributes:
        flags: added to the ports; without them the data folder is the platform's, below ``home``.
        wrapper: a command that runs it, as ``env`` does; it has to become the process itself (``exec``).
        passed_fds: descriptors that it inherits.
        ready_line: what it said when it was ready.
    """

    flags: tuple[str, ...] = ()
    wrapper: tuple[str, ...] = ()
    passed_fds: tuple[int, ...] = ()
    ready_line: str = ""

    def start(self) -> None:
        """Start and wait until it says that it is ready."""
        ports = "--port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)
        with (self.home / "stderr.log").open("a") as log:
            self._process = subprocess.Popen(
                [*self.wrapper, *PULSELINE, "up", *ports, *self.flags],
                env=clean_environment(self.home),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                pass_fds=self.passed_fds,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        self.ready_line = self._process.stdout.readline()
        assert self.ready_line, (self.home / "stderr.log").read_text()[-4000:]


_HAND_OVER: Final = """
import os, sys

os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


def hand_over(descriptor: int) -> tuple[str, ...]:
    """Return a wrapper that passes a listening socket on as systemd does, as descriptor 3."""
    return sys.executable, "-c", _HAND_OVER, str(descriptor)


DATA_FOLDER: Final = ".local/share/pulseline"
"""Where the data lies below ``home`` on Linux."""


def build_small_disk(mount_point: Path, *, size_bytes: int) -> tuple[str, ...]:
    """Return a wrapper in whose own view of the file system a small disk is mounted.

    From outside it is seen at ``/proc/<pid>/root``. Whoever is not root becomes it in a user namespace.
    """
    mount_point.mkdir()
    namespaces = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")
    script = f'mount -t tmpfs -o size={size_bytes},mode=0700 tmpfs "$0" && exec "$@"'
    return *namespaces, "sh", "-c", script, str(mount_point)
