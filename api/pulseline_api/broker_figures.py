"""The broker's figures below ``$SYS``, under one name each, whichever broker it is. Pure.

The dialects are Mosquitto's (mosquitto(8), Broker status), which the embedded broker speaks as well, and amqtt's
(``amqtt.plugins.sys.broker`` 0.12). NATS has none over MQTT; its figures are at an HTTP port of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pulseline_core.types import JSONObject, JSONValue

#: Where each number may stand below ``$SYS/broker/``; the first that is there counts.
TOPICS: Final[Mapping[str, tuple[str, ...]]] = {
    "uptime_s": ("uptime",),
    "clients_connected": ("clients/connected",),
    "clients_absent": ("clients/inactive",),
    "subscriptions": ("subscriptions/count", "messages/subscriptions/count"),
    "packets_received": ("messages/received",),
    "packets_sent": ("messages/sent",),
    "messages_received": ("publish/messages/received", "messages/publish/received"),
    "messages_sent": ("publish/messages/sent", "messages/publish/sent"),
    "messages_dropped": ("publish/messages/dropped",),
    "messages_retained": ("retained messages/count", "messages/retained/count"),
    "messages_stored": ("store/messages/count", "messages/stored", "messages/inflight/stored"),
    "bytes_received": ("bytes/received", "load/bytes/received"),
    "bytes_sent": ("bytes/sent", "load/bytes/sent"),
    "memory_bytes": ("heap/current", "heap/size"),
    "messages_uncommitted": ("gate/pending/messages",),
    "clients_refused": ("refused/clients",),
    "messages_refused": ("refused/publishes",),
}

#: amqtt's is in MiB.
_SCALES: Final = {"heap/size": 1024 * 1024}

#: Mosquitto writes "12 seconds".
_NUMBER: Final = re.compile(r"(\d+(?:\.\d+)?)(?: seconds)?")


def normalise(said: JSONObject) -> JSONObject:
    """Return the figures that a broker tells, by our names; what it does not tell is left out.

    Args:
        said: payloads by the rest of their topic, as in ``clients/connected``.
    """
    version = said.get("version")
    figures: JSONObject = {"version": version} if isinstance(version, str) else {}
    for name, topics in TOPICS.items():
        value = next((_read(said[topic], topic) for topic in topics if topic in said), None)
        if value is not None:
            figures[name] = value
    return figures


def _read(value: JSONValue, topic: str) -> int | float | None:
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        value = None if match is None else float(match[1])
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    scaled = value * _SCALES.get(topic, 1)
    return int(scaled) if scaled == int(scaled) or topic in _SCALES else scaled
