"""A real Mosquitto from Debian, with the configuration that the documentation tells people to use."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from tests.storm.system import DAEMONS_PATH, find_free_port, is_listening, wait_until

#: The shipped configuration.
CONFIGURATION: Final = Path(__file__).parent.parent / "deploy/mosquitto"

#: Every user's.
PASSWORD: Final = "a-secret-of-the-tests"

USERS: Final = ("pulseline-ingest", "pulseline-api", "device")

_START_TIMEOUT_S: Final = 10.0


@dataclass(kw_only=True)
class Mosquitto:
    """A broker in a folder of its own, to start, kill and start again; a context manager.

    Attributes:
        folder: for its configuration, users and data.
        listener: lines that go with the listener, as for TLS.
        is_persistent: whether it keeps anything on disk.
    """

    folder: Path
    listener: str = ""
    is_persistent: bool = True
    port: int = field(default_factory=find_free_port)
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.configure()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.resume()
            self.kill()

    def configure(self) -> None:
        """Write its configuration, the shipped one with other places and ports, and its users."""
        text = (CONFIGURATION / "mosquitto.conf").read_text()
        changes = {
            "listener 1883\n": f"listener {self.port} 127.0.0.1\n{self.listener}\n",
            "/mosquitto/config/": f"{self.folder}/",
            "/mosquitto/users/": f"{self.folder}/",
            "/mosquitto/data/": f"{self.folder}/",
        }
        if not self.is_persistent:
            changes["persistence true"] = "persistence false"
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        # As root it would become a user who may not read the folder.
        (self.folder / "mosquitto.conf").write_text(f"user {getpass.getuser()}\n{text}")
        (self.folder / "acl").write_text((CONFIGURATION / "acl").read_text())
        (self.folder / "passwords").touch()
        for user in USERS:
            command = ["mosquitto_passwd", "-b", str(self.folder / "passwords"), user, PASSWORD]
            subprocess.run(command, check=True, capture_output=True)

    def start(self) -> None:
        """Start, and return when it can be connected to."""
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["mosquitto", "-c", str(self.folder / "mosquitto.conf")],
                env={**os.environ, "PATH": DAEMONS_PATH},
                stdout=log,
                stderr=log,
            )
        wait_until(self._is_listening, timeout_s=_START_TIMEOUT_S, what="the start of Mosquitto")

    def _is_listening(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "mosquitto.log").read_text()
        return is_listening(self.port)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it as a service manager does."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(_START_TIMEOUT_S)
        self._process = None

    def freeze(self) -> None:
        """Let it neither read nor write, as a machine that hangs."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def publish(self, topic: str, payload: str, *flags: str) -> None:
        """Publish at QoS 1 with Mosquitto's own client, as the user ``device``."""
        subprocess.run(
            [
                *("mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-u", "device", "-P", PASSWORD),
                *("-q", "1", "-t", topic, "-m", payload, *flags),
            ],
            check=True,
            timeout=_START_TIMEOUT_S,
        )

    def build_url(self, user: str = "pulseline-ingest") -> str:
        """Return where it is, for one of its users."""
        return f"mqtt://{user}@127.0.0.1:{self.port}"
