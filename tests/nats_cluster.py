"""Three real NATS servers from Debian, with the configuration that the documentation tells people to use."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import httpx

from tests.mosquitto import PASSWORD
from tests.storm.system import find_free_port, wait_until

#: The shipped configuration.
CONFIGURATION: Final = Path(__file__).parent.parent / "deploy/nats"

_ROLES: Final = ("INGEST", "API", "DEVICE", "DOCTOR")

#: Three servers have to find one another and to elect who leads.
_START_TIMEOUT_S: Final = 60.0


@dataclass(kw_only=True)
class NatsServer:
    """One server in a folder of its own, to start, kill and start again.

    Attributes:
        routes: where it and the others find one another, by name.
    """

    name: str
    folder: Path
    routes: dict[str, int]
    port: int = field(default_factory=find_free_port)
    client_port: int = field(default_factory=find_free_port)
    http_port: int = field(default_factory=find_free_port)
    _process: subprocess.Popen[bytes] | None = None

    def configure(self) -> None:
        """Write its configuration: the shipped one, with other places and ports."""
        self.folder.mkdir(parents=True)
        text = (CONFIGURATION / "nats.conf").read_text()
        changes = {
            "0.0.0.0:4222": f"127.0.0.1:{self.client_port}",
            "0.0.0.0:8222": f"127.0.0.1:{self.http_port}",
            "0.0.0.0:6222": f"127.0.0.1:{self.routes[self.name]}",
            "0.0.0.0:1883": f"127.0.0.1:{self.port}",
            "/nats/data": str(self.folder / "data"),
            **{f"{name}:6222": f"127.0.0.1:{port}" for name, port in self.routes.items()},
        }
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        (self.folder / "nats.conf").write_text(text)
        shutil.copy(CONFIGURATION / "accounts.conf", self.folder)

    def start(self) -> None:
        """Start; ``is_healthy`` tells when it has caught up with the others."""
        passwords = {f"NATS_{role}_PASSWORD": PASSWORD for role in _ROLES}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["nats-server", "--config", str(self.folder / "nats.conf")],
                env={**os.environ, **passwords, "NATS_NAME": self.name, "PATH": f"{os.environ['PATH']}:/usr/sbin"},
                stdout=log,
                stderr=log,
            )

    def set_partitions(self, count: int) -> None:
        """Change how many partitions it deals out to, while it runs."""
        assert self._process is not None
        path = self.folder / "accounts.conf"
        text = path.read_text()
        assert "_partition.8.{{partition(8," in text
        path.write_text(text.replace("_partition.8.{{partition(8,", f"_partition.{count}.{{{{partition({count},"))
        self._process.send_signal(signal.SIGHUP)

    def is_healthy(self) -> bool:
        """Return whether it works and knows what the others know."""
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.http_port}/healthz").is_success
        return False

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def build_url(self, user: str = "pulseline-ingest") -> str:
        """Return where it is, for one of its users."""
        return f"mqtt://{user}@127.0.0.1:{self.port}"


class NatsCluster:
    """The three; a context manager that has them ready."""

    def __init__(self, folder: Path) -> None:
        routes = {f"nats-{number}": find_free_port() for number in (1, 2, 3)}
        self.servers = [NatsServer(name=name, folder=folder / name, routes=routes) for name in routes]

        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for server in self.servers:
                server.configure()
                server.start()
                stack.callback(server.kill)
            for server in self.servers:
                wait_until(server.is_healthy, timeout_s=_START_TIMEOUT_S, what=f"the start of {server.name}")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
