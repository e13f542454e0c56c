"""Where the drop-in finds its server: the settings file ``aw-client/aw-client.toml`` in Pulseline's config folder.

Laid out as ActivityWatch's own (aw-client 0.5.15 aw_client/config.py), with the broker's part beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any, Final

from pulseline_client.toml_config import load_config_toml
from pulseline_core import paths
from pulseline_core.address import is_loopback
from pulseline_core.api_key import read_folder_key
from pulseline_core.errors import InvalidSetting
from pulseline_core.times import MAX_DURATION

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
    server, client, broker = (_get_table(tables, f"{name}{suffix}") for name in ("server", "client", "broker"))
    return ActivityWatchConfig(
        server=_read_endpoint(server, f"server{suffix}"),
        broker=_read_endpoint(broker, f"broker{suffix}"),
        api_key=str(server["api_key"]),
        username=str(broker["username"]),
        password=str(broker["password"]),
        commit_interval_s=_read_interval(client["commit_interval"], f"client{suffix}.commit_interval"),
    )


def find_key(named: str, host: str, *, testing: bool) -> str | None:
    """Return the REST server's key: the one that is named or, for a server on loopback, the data folder's.

    aw-client finds the key of aw-server-rust in the same way.
    """
    if named or not is_loopback(host):
        return named or None
    return read_folder_key(paths.get_data_dir(testing))


def _get_table(tables: dict[str, Any], name: str) -> dict[str, Any]:
    table = tables[name]
    if not isinstance(table, dict):
        raise InvalidSetting(name, f"is {str(table)[:64]!r}, not a table", source=APP_NAME)
    return table


def _read_interval(value: object, name: str) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = nan
    if not 0 <= seconds <= MAX_DURATION.total_seconds():
        raise InvalidSetting(name, f"is {str(value)[:64]!r}, not seconds from 0 to 366 days", source=APP_NAME)
    return seconds


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
