"""Real NATS servers from Debian: one with few settings, or three as the documentation tells people to use them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import httpx

from tests.mosquitto import PASSWORD
from tests.storm.system import DAEMONS_PATH, find_free_port, wait_until

#: The shipped configuration.
CONFIGURATION: Final = Path(__file__).parent.parent / "deploy/nats"

#: The newest release, from PyPI; the one of Debian 12 is 2.9.10.
_NEWEST: Final = str(Path(sys.executable).with_name("nats-server"))

_ROLES: Final = ("INGEST", "API", "DEVICE", "DOCTOR")

#: Three servers have to find one another and to elect who leads.
_START_TIMEOUT_S: Final = 60.0


@dataclass(kw_only=True)
class NatsServer:
    """One server by itself in a folder of its own, without users, to start, kill and start again; a context manager.

    Attributes:
        mqtt: lines for MQTT; what they do not say is as NATS has it.
    """

    folder: Path
    mqtt: str = ""
    port: int = field(default_factory=find_free_port)
    client_port: int = field(default_factory=find_free_port)
    http_port: int = field(default_factory=find_free_port)
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.configure()
        self.start()
        with ExitStack() as stack:
            stack.callback(self.kill)
            wait_until(self.is_healthy, timeout_s=_START_TIMEOUT_S, what="the start of NATS")
            stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def argv(self) -> tuple[str, ...]:
        """The command line."""
        return "nats-server", "--config", str(self._configuration)

    @property
    def variables(self) -> dict[str, str]:
        """What its configuration takes from its environment."""
        return {}

    @property
    def _configuration(self) -> Path:
        return self.folder / "nats.conf"

    def configure(self) -> None:
        """Write its configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(self.build_configuration())

    def build_configuration(self) -> str:
        """Return what its configuration says."""
        return f"""
            server_name: "nats"
            listen: "127.0.0.1:{self.client_port}"
            http: "127.0.0.1:{self.http_port}"
            jetstream {{ store_dir: "{self.folder / "data"}" }}
            mqtt {{
              listen: "127.0.0.1:{self.port}"
              {self.mqtt}
            }}
        """

    def start(self) -> None:
        """Start; ``is_healthy`` tells when it has caught up with the others, if there are any."""
        with (self.folder / "log").open("ab") as log:
            environment = {**os.environ, **self.variables, "PATH": DAEMONS_PATH}
            self._process = subprocess.Popen(self.argv, env=environment, stdout=log, stderr=log)

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


@dataclass(kw_only=True)
class NatsMember(NatsServer):
    """One of several servers that know one another, with the shipped configuration and its users.

    Attributes:
        routes: where it and the others find one another, by name.
    """

    name: str
    routes: dict[str, int]

    @property
    def argv(self) -> tuple[str, ...]:
        """The command line, of a release that keeps its word when servers are killed; Debian's does not."""
        return _NEWEST, *super().argv[1:]

    @property
    def variables(self) -> dict[str, str]:
        """Its name, and its users' passwords."""
        return {"NATS_NAME": self.name, **{f"NATS_{role}_PASSWORD": PASSWORD for role in _ROLES}}

    def configure(self) -> None:
        """Write its configuration and its users."""
        super().configure()
        shutil.copy(CONFIGURATION / "accounts.conf", self.folder)

    def build_configuration(self) -> str:
        """Return the shipped configuration, with other places and ports."""
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
        return text

    def set_partitions(self, count: int) -> None:
        """Change how many partitions it deals out to, while it runs."""
        self._change_accounts("_partition.8.{{partition(8,", f"_partition.{count}.{{{{partition({count},")

    def add_user(self, user: str) -> None:
        """Let another user in, in the words of the configuration, while it runs."""
        self._change_accounts("    users: [\n", f"    users: [\n{user}\n")

    def _change_accounts(self, old: str, new: str) -> None:
        assert self._process is not None
        path = self.folder / "accounts.conf"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        self._process.send_signal(signal.SIGHUP)

    def build_url(self, user: str = "pulseline-ingest") -> str:
        """Return where it is, for one of its users."""
        return f"mqtt://{user}@127.0.0.1:{self.port}"


class NatsCluster:
    """The three; a context manager that has them ready."""

    def __init__(self, folder: Path) -> None:
        routes = {f"nats-{number}": find_free_port() for number in (1, 2, 3)}
        self.servers = [NatsMember(name=name, folder=folder / name, routes=routes) for name in routes]
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
