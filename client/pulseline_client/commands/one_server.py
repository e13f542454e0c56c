"""Whether REST and MQTT lead to one server.

A command that writes much asks over REST and sends over MQTT. On a machine with two servers, or one here and one
elsewhere, a flag or variable that names only one of the two addresses would ask the one server and fill the other.
What tells them apart is the name of the database in the worker's status, which REST shows as well.
"""

from __future__ import annotations

import json
from queue import Empty, SimpleQueue
from typing import Final

from pulseline_client.commands.server import Server
from pulseline_client.connection import ConnectionRefused, LoginRefused
from pulseline_client.rest import RestReader
from pulseline_client.subscriber import BrokerSilent
from pulseline_core.errors import InvalidSetting

#: Longer than a broker takes to be started again.
_CONNECT_TIMEOUT_S: Final = 2.0

#: For the broker to send what it retains.
_TIMEOUT_S: Final = 1.0


def check_one_server(server: Server, rest: RestReader) -> None:
    """Return when REST and MQTT lead to one server, or nothing is known of one of them.

    Raises:
        InvalidSetting: the broker is another server's.
        BrokerUnavailable: there is none, or it refuses the log-in.
        ServerUnavailable: no REST server answers.
    """
    workers = rest.get_status().get("workers")
    shown = {_get_epoch(status) for status in workers.values()} if isinstance(workers, dict) else set()
    heard = _hear_epoch(server)
    if heard is None or heard in shown or not shown - {None}:
        return
    mqtt = server.settings.mqtt
    raise InvalidSetting(
        "mqtt.port",
        f"leads to another server: the broker at {mqtt.host}:{mqtt.port} is not that of {server.url}",
        hint="name both with --port and --mqtt-port, or with --host",
    )


def _hear_epoch(server: Server) -> str | None:
    """Return the name of the database that the broker fills, ``None`` when it does not say."""
    statuses: SimpleQueue[bytes] = SimpleQueue()
    with server.open_subscriber() as subscriber:
        subscriber.subscribe(f"{server.settings.mqtt.root}/_status/+", lambda _, payload: statuses.put(payload))
        try:
            subscriber.wait_connected(_CONNECT_TIMEOUT_S)
            return _get_epoch(json.loads(statuses.get(timeout=_TIMEOUT_S)))
        except LoginRefused:
            raise
        except (ConnectionRefused, BrokerSilent, Empty, ValueError):  # no right to read it, for one
            return None


def _get_epoch(status: object) -> str | None:
    epoch = status.get("epoch") if isinstance(status, dict) else None
    return epoch if isinstance(epoch, str) else None
