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
from pulseline_client.rest import RestReader
from pulseline_core.errors import InvalidSetting

#: For the broker to connect and to send what it retains. One that sends nothing, as to a user without the right to read
#: it, costs this time.
_TIMEOUT_S: Final = 1.0


def check_one_server(server: Server, rest: RestReader) -> None:
    """Raise ``InvalidSetting`` when the broker is another server's than ``rest``; where none can tell, return."""
    workers = rest.get_status().get("workers")
    shown = {_get_epoch(status) for status in workers.values()} if isinstance(workers, dict) else set()
    heard = _hear_epoch(server) if shown - {None} else None
    if heard is None or heard in shown:
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
            return _get_epoch(json.loads(statuses.get(timeout=_TIMEOUT_S)))
        except (Empty, ValueError):
            return None


def _get_epoch(status: object) -> str | None:
    epoch = status.get("epoch") if isinstance(status, dict) else None
    return epoch if isinstance(epoch, str) else None
