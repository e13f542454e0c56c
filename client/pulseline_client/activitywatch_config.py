"""Where the drop-in finds its server: the settings file ``aw-client/aw-client.toml`` in Pulseline's config folder.

Laid out as ActivityWatch's own (aw-client 0.5.15 aw_client/config.py), with the broker's part beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pulseline_client.toml_config import load_config_toml
from pulseline_core.errors import InvalidSetting

APP_NAME: Final = "aw-client"

#: An empty host name of a broker is the server's.
DEFAULT_CONFIG: Final = """
[server]
hostname = "127.0.0.1"
port = 5600
api_key = ""

[client]
commit_interval = 10

[broker]
hostname = ""
port = 1883
username = ""
password = ""

[server-testing]
hostname = "127.0.0.1"
port = 5666
api_key = ""

[client-testing]
commit_interval = 5

[broker-testing]
hostname = ""
port = 1884
username = ""
password = ""
""".lstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server to talk to."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityWatchConfig:
    """What the file says, for real use or for testing.

    Attributes:
        server: the REST server.
        broker: the MQTT broker; without a host it runs beside the server.
        commit_interval_s: how long a heartbeat grows before it is handed over.
    """

    server: Endpoint
    broker: Endpoint
    api_key: str
    username: str
    password: str
    commit_interval_s: float


def load_activitywatch_config(*, testing: bool) -> ActivityWatchConfig:
    """Read the file; raises ``ConfigError`` for what can not be."""
    tables = load_config_toml(APP_NAME, DEFAULT_CONFIG)
    suffix = "-testing" if testing else ""
    server, client, broker = (tables[f"{name}{suffix}"] for name in ("server", "client", "broker"))
    try:
        commit_interval_s = float(client["commit_interval"])
    except (TypeError, ValueError) as error:
        raise InvalidSetting(f"client{suffix}.commit_interval", "is no number of seconds", source=APP_NAME) from error
    return ActivityWatchConfig(
        server=_read_endpoint(server, f"server{suffix}"),
        broker=_read_endpoint(broker, f"broker{suffix}"),
        api_key=str(server["api_key"]),
        username=str(broker["username"]),
        password=str(broker["password"]),
        commit_interval_s=commit_interval_s,
    )


def _read_endpoint(table: dict[str, Any], name: str) -> Endpoint:
    return Endpoint(host=str(table["hostname"]), port=parse_port(table["port"], name=f"{name}.port"))


def parse_port(value: object, *, name: str) -> int:
    """Return a port that a person wrote as a number or, as in ActivityWatch's file, as a text."""
    try:
        port = int(str(value))
    except ValueError as error:
        raise InvalidSetting(name, f"is {str(value)[:64]!r}, not a port", source=APP_NAME) from error
    if not 0 < port < 65_536:
        raise InvalidSetting(name, f"is {port}, not from 1 to 65535", source=APP_NAME)
    return port
