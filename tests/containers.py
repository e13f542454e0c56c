"""The services of docker-compose.yml as processes of this machine: same commands, files and variables, other places.

A volume is a folder, a service's name and port are a free port on loopback. In command lines, variables and the files
that a service mounts, the places inside of containers are exchanged for these; nothing else is changed.
"""

from __future__ import annotations

import getpass
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.compose_file import ROOT, Service
from tests.storm.system import DAEMONS_PATH, clean_environment, find_free_port, wait_until

#: Longer than any of them takes to start or to stop.
_TIMEOUT_S: Final = 30.0

#: Every place where one of them may listen or be reached, inside of containers.
_ADDRESS: Final = re.compile(r"\b(?:0\.0\.0\.0|127\.0\.0\.1|[a-z]+(?:-\d)?):(\d{4})\b")

#: Mosquitto's way to say that it listens everywhere.
_LISTENER: Final = re.compile(r"^listener (\d{4})$", re.MULTILINE)

#: HAProxy's way to say that a server is asked at another port than the one that it is used at.
_CHECKED: Final = re.compile(r"((\S+):\d{4} check port )(\d{4})")


class Containers:
    """Services in a folder of their own; left, all that was started is gone."""

    def __init__(self, services: Mapping[str, Service], folder: Path) -> None:
        self._services = services
        self._folder = folder
        self._names = dict(self._iter_names())
        self._ports: dict[tuple[str, int], int] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes.values()):
            process.kill()
            process.wait(_TIMEOUT_S)

    def _iter_names(self) -> Iterator[tuple[str, str]]:
        """Yield the names by which services are reached; of several with one name, the first one has it here."""
        for name, service in reversed(list(self._services.items())):
            yield name, name
            networks: Mapping[str, Any] = service.facts.get("networks", {"default": {}})
            yield from ((alias, name) for alias in networks["default"].get("aliases", ()))

    def get_port(self, service: str, port: int) -> int:
        """Return where a port of a service is on this machine."""
        return self._ports.setdefault((service, port), find_free_port())

    def get_owner(self, service: str) -> int:
        """Return the number of the user who is to own what is a service's."""
        return os.geteuid() or int(self._services[service].user.partition(":")[0])

    def get_folder(self, volume: str) -> Path:
        """Return the folder that stands for a volume."""
        folder = self._folder / "volumes" / volume
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def run(self, name: str, *arguments: str) -> str:
        """Run a service to its end, with words after its command, and return what it prints."""
        return self.execute(name, *self._services[name].command, *arguments)

    def execute(self, name: str, *command: str) -> str:
        """Run a command in the place of a service, as 'docker compose exec' does, and return what it prints."""
        service = self._services[name]
        done = subprocess.run(
            self._build_command(service, list(command)),
            env=self._build_environment(service),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        """Start a service, and return when its health check says that it is well."""
        self.launch(name)
        self.await_well(name, timeout_s=timeout_s)

    def launch(self, name: str) -> None:
        """Start a service."""
        service = self._services[name]
        for mount in service.mounts:
            if mount.is_file:
                self._copy_file(service, mount.source)
        command = self._build_command(service, service.command)
        environment = self._build_environment(service)
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def await_well(self, name: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        """Return when the health check of a service says that it is well."""
        wait_until(lambda: self.is_well(name), timeout_s=timeout_s, what=f"that {name} is well")

    def is_well(self, name: str) -> bool:
        """Return what the health check says; a service without one is well while it runs."""
        service = self._services[name]
        process = self._processes.get(name)  # none where the test itself has started what stands for it
        assert process is None or process.poll() is None, (self._folder / f"{name}.log").read_text()
        check = self._build_command(service, service.health_check)
        if not check:
            return True
        environment = self._build_environment(service)
        return (
            subprocess.run(check, env=environment, capture_output=True, timeout=_TIMEOUT_S, check=False).returncode == 0
        )

    def reload(self, name: str) -> None:
        """Have a service read its files again, as 'docker compose kill --signal HUP' does."""
        self._processes[name].send_signal(signal.SIGHUP)

    def kill(self, name: str) -> None:
        """Kill -9 a service, and wait until it is gone."""
        process = self._processes.pop(name)
        process.kill()
        process.wait(_TIMEOUT_S)

    def stop(self, name: str) -> int:
        """Stop a service as 'docker compose stop' does; return its exit code."""
        process = self._processes.pop(name)
        process.terminate()
        return process.wait(_TIMEOUT_S)

    def _build_command(self, service: Service, words: list[str]) -> list[str]:
        translated = [self._translate(service, word) for word in words]
        own = {"pulseline": [sys.executable, "-m", "pulseline_client"], "python": [sys.executable]}
        return [word for first in translated[:1] for word in own.get(first, [first])] + translated[1:]

    def _build_environment(self, service: Service) -> dict[str, str]:
        here = clean_environment(self._folder) | {"PATH": DAEMONS_PATH}
        named = {name: self._translate(service, value) for name, value in service.environment.items() if name != "PATH"}
        if "PULSELINE_API_HOST" in named:
            named |= {"PULSELINE_API_HOST": "127.0.0.1"}
            named |= {"PULSELINE_API_PORT": str(self.get_port(service.name, 5600))}
        return here | named | self._build_owners(service)

    def _build_owners(self, service: Service) -> dict[str, str]:
        """Return who is to own what; only root can give it to others."""
        owner = f"{os.getuid()}:{os.getgid()}"
        names = [name for name in service.environment if name.endswith("_OWNER")]
        return {} if os.geteuid() == 0 else dict.fromkeys(names, owner)

    def _translate(self, service: Service, text: str) -> str:
        for mount in sorted(service.mounts, key=lambda mount: len(mount.target), reverse=True):
            if mount.target in text:
                place = self._copy_file(service, mount.source) if mount.is_file else self.get_folder(mount.source)
                text = re.sub(rf"(?<![\w/.-]){mount.target}(?![\w.-])", str(place), text)
        return self._move_ports(service, text)

    def _move_ports(self, service: Service, text: str) -> str:
        def move(match: re.Match[str]) -> str:
            host, port = match[0].split(":")
            name = self._names.get(host, service.name)
            return f"127.0.0.1:{self.get_port(name, int(port))}"

        text = _CHECKED.sub(lambda match: f"{match[1]}{self.get_port(match[2], int(match[3]))}", text)
        text = _LISTENER.sub(lambda match: f"listener {self.get_port(service.name, int(match[1]))} 127.0.0.1", text)
        return _ADDRESS.sub(move, text)

    def _copy_file(self, service: Service, source: str) -> Path:
        """Return the copy of a mounted file in which places and ports are those of this machine."""
        path = self._folder / service.name / source.removeprefix("./")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()  # a file may name itself
            text = self._translate(service, (ROOT / source).read_text(encoding="utf-8"))
            # As root Mosquitto would become a user who may not read the folder.
            path.write_text(f"user {getpass.getuser()}\n{text}" if path.name == "mosquitto.conf" else text)
        return path
