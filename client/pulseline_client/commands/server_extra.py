"""Whether the packages of ``pulseline[server]`` are there; without them only the client's commands work."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Final

from pulseline_core.errors import ConfigError

#: What the broker, the ingest worker, the store and the API import; the extra's packages without the optional ones.
SERVER_MODULES: Final = (
    "amqtt",
    "argon2",
    "flask",
    "numpy",
    "orjson",
    "peewee",
    "prometheus_client",
    "re2",
    "regex",
    "tomlkit",
    "waitress",
)


class ServerExtraMissing(ConfigError):
    """A command of the server was called in an installation of the client alone."""

    def __init__(self, command: str, missing: Iterable[str]) -> None:
        names = ", ".join(missing)
        super().__init__(
            f"'pulseline {command}' needs packages that are not installed: {names}",
            hint="pip install 'pulseline[server]'",
        )


def check_server_extra(command: str) -> None:
    """Raise ``ServerExtraMissing`` unless all packages of the server can be imported."""
    missing = [name for name in SERVER_MODULES if find_spec(name) is None]
    if missing:
        raise ServerExtraMissing(command, missing)
