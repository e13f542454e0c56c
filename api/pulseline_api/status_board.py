"""What ingest and the broker last said of themselves over MQTT."""

from __future__ import annotations

import threading
from typing import Final

from pulseline_core.errors import InvalidPayload
from pulseline_core.payload import decode_json
from pulseline_core.types import JSONObject, JSONValue

BROKER_PREFIX: Final = "$SYS/broker/"

#: Topics kept; the broker has a few dozen, and there is one a worker.
_MAX_TOPICS: Final = 1000


class StatusBoard:
    """The newest payload of each status topic; written on the MQTT thread, read by requests.

    Args:
        root: the root of our topics; the workers' are ``{root}/_status/{worker}``.
    """

    def __init__(self, root: str) -> None:
        self._worker_prefix = f"{root}/_status/"
        self._payloads: dict[str, bytes] = {}
        self._lock = threading.Lock()

    @property
    def topic_filters(self) -> tuple[str, ...]:
        """What to subscribe to, so that ``note`` hears of everything."""
        return (f"{self._worker_prefix}#", f"{BROKER_PREFIX}#")

    def note(self, topic: str, payload: bytes) -> None:
        """Keep a message; an empty one says that there is nothing any more. Never raises, never blocks for long."""
        with self._lock:
            if not payload:
                self._payloads.pop(topic, None)
            elif topic in self._payloads or len(self._payloads) < _MAX_TOPICS:
                self._payloads[topic] = payload

    def get_workers(self) -> JSONObject:
        """Return each ingest worker's last status."""
        return self._get_under(self._worker_prefix)

    def get_broker(self) -> JSONObject:
        """Return the broker's figures by the rest of their topic, as in ``clients/connected``."""
        return self._get_under(BROKER_PREFIX)

    def _get_under(self, prefix: str) -> JSONObject:
        with self._lock:
            found = [(topic, payload) for topic, payload in self._payloads.items() if topic.startswith(prefix)]
        return {topic.removeprefix(prefix): _read(payload) for topic, payload in sorted(found)}


def _read(payload: bytes) -> JSONValue:
    """Return JSON as it is (the broker's numbers are), anything else as text."""
    try:
        return decode_json(payload)
    except InvalidPayload:
        return payload.decode(errors="replace")
