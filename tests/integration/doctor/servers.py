"""Real brokers as processes, kept running: one that ends is started again at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from pulseline_client.connection import BrokerAddress
from tests.mosquitto import PASSWORD
from tests.mosquitto import Mosquitto as ShippedMosquitto
from tests.nats import NatsServer
from tests.storm.system import DAEMONS_PATH, clean_environment, find_free_port, is_listening, wait_until

START_TIMEOUT_S: Final = 20.0

_KEEPER: Final = 'while :; do "$@" & echo $! >"$0"; wait $!; sleep 0.1; done'

#: The user that the shipped access list knows.
_DOCTOR: Final = "pulseline-doctor"


@dataclass(kw_only=True)
class Server:
    """A broker on a free port; a context manager.

    Attributes:
        folder: an empty one, for its files.
        username: of the doctor.
    """

    folder: Path
    port: int = field(default_factory=find_free_port)
    username: str = ""
    _keeper: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> BrokerAddress:
        """Where it is."""
        password = PASSWORD if self.username else ""
        return BrokerAddress(host="127.0.0.1", port=self.port, username=self.username, password=password)

    @property
    def restart_command(self) -> str:
        """What sends it a signal, after which it is started again."""
        return f"kill -{{signal}} $(cat {self.folder / 'pid'})"

    def build_argv(self) -> Sequence[str]:
        """Return the command line, and write the files that it names."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        argv = self.build_argv()
        with (self.folder / "log").open("wb") as log:
            self._keeper = subprocess.Popen(
                ["sh", "-c", _KEEPER, str(self.folder / "pid"), *argv],
                env=clean_environment(self.folder) | {"PATH": DAEMONS_PATH},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: is_listening(self.port), timeout_s=START_TIMEOUT_S, what=f"the start of {argv[0]}")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._keeper is not None
        with suppress(ProcessLookupError):
            os.killpg(self._keeper.pid, signal.SIGKILL)
        self._keeper.wait()


@dataclass(kw_only=True)
class Mosquitto(Server):
    """Debian's Mosquitto, with persistence and otherwise its defaults; ``settings`` are lines of its configuration."""

    settings: str = ""

    def build_argv(self) -> Sequence[str]:
        """Return the command line."""
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"user root\nlistener {self.port} 127.0.0.1\nallow_anonymous true\n"
            f"persistence true\npersistence_location {self.folder}/\n{self.settings}"
        )
        return "mosquitto", "-c", str(config)


@dataclass(kw_only=True)
class HardenedMosquitto(Server):
    """Debian's Mosquitto with the configuration and the access list that Pulseline ships."""

    username: str = _DOCTOR

    def build_argv(self) -> Sequence[str]:
        """Return the command line."""
        ShippedMosquitto(folder=self.folder, port=self.port).configure()
        add_user = ["mosquitto_passwd", "-b", str(self.folder / "passwords"), _DOCTOR, PASSWORD]
        subprocess.run(add_user, check=True, capture_output=True)
        return "mosquitto", "-c", str(self.folder / "mosquitto.conf")


@dataclass(kw_only=True)
class Nats(Server):
    """Debian's NATS, which repeats what was not acknowledged after 3 s instead of 30."""

    def build_argv(self) -> Sequence[str]:
        """Return the command line."""
        server = NatsServer(folder=self.folder, port=self.port, mqtt='ack_wait: "3s"')
        server.configure()
        return server.argv


@dataclass(kw_only=True)
class AmqttAlone(Server):
    """amqtt without anything of ours."""

    username: str = "ann"

    def build_argv(self) -> Sequence[str]:
        """Return the command line."""
        return sys.executable, "-m", "tests.integration.doctor.amqtt_alone", str(self.port)


@dataclass(kw_only=True)
class Embedded(Server):
    """Pulseline's own broker with ingest in it."""

    def build_argv(self) -> Sequence[str]:
        """Return the command line."""
        data = ("--data-dir", str(self.folder / "data"))
        return sys.executable, "-m", "pulseline_broker", *data, "--mqtt-port", str(self.port)
