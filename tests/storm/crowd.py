"""Publishers under a storm: processes that are killed and started again, and what is left of them in the end."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.storm.ledger import read_ledger
from tests.storm.system import clean_environment

PUBLISHERS = {"plain-a": "plain", "plain-b": "plain", "library-a": "library", "library-b": "library"}

LIBRARY = [bucket_id for bucket_id, kind in PUBLISHERS.items() if kind == "library"]

ROOT = Path(__file__).parents[2]


class Crowd:
    """The publishers' processes; each start of one is a new life.

    Args:
        folder: of their ledgers and outboxes.
        port: the broker's.
        user: name and password there; empty ones are nobody.
        pause_s: between two events of a publisher.
    """

    def __init__(self, folder: Path, port: int, user: tuple[str, str], *, pause_s: float) -> None:
        self.folder = folder
        self.port = port
        self.user = user
        self.pause_s = pause_s
        self._lives = dict.fromkeys(PUBLISHERS, -1)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start those that do not run."""
        for bucket_id in PUBLISHERS.keys() - self._processes.keys():
            self._lives[bucket_id] += 1
            with (self.folder / f"{bucket_id}.log").open("a") as log:
                self._processes[bucket_id] = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "tests.storm.publisher"),
                        *(PUBLISHERS[bucket_id], bucket_id, str(self._lives[bucket_id])),
                        *("--port", str(self.port), "--folder", str(self.folder)),
                        *("--username", self.user[0], "--password", self.user[1], "--pause-s", str(self.pause_s)),
                    ],
                    cwd=ROOT,
                    env=clean_environment(self.folder),
                    stderr=log,
                )

    def kill(self) -> None:
        """Kill -9 all of them."""
        for process in self._processes.values():
            process.send_signal(signal.SIGKILL)
        for process in self._processes.values():
            process.wait()
        self._processes.clear()

    def has_begun(self) -> bool:
        """Return whether each publisher was promised something."""
        return all(read_ledger(self.folder / f"{bucket_id}.ledger") for bucket_id in PUBLISHERS)

    def check_alive(self) -> None:
        """Fail if a publisher ended by itself."""
        for bucket_id, process in self._processes.items():
            assert process.poll() is None, (self.folder / f"{bucket_id}.log").read_text()[-2000:]


@contextmanager
def run_crowd(folder: Path, port: int, user: tuple[str, str], *, pause_s: float) -> Iterator[Crowd]:
    """Run the publishers until the block ends."""
    crowd = Crowd(folder, port, user, pause_s=pause_s)
    crowd.start()
    try:
        yield crowd
    finally:
        crowd.kill()
