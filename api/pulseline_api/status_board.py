"""What ingest and the broker last said of themselves over MQTT."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from pulseline_core.errors import InvalidPayload
from pulseline_core.partition import MAX_PARTITIONS
from pulseline_core.payload import decode_json
from pulseline_core.types import JSONObject, JSONValue
from pulseline_core.worker_report import WorkerReport

BROKER_PREFIX: Final = "$SYS/broker/"

#: Topics of the broker that are kept; it has a few dozen.
_MAX_BROKER_TOPICS: Final = 1000

#: Workers that are kept, those that are gone included: each partition has one.
_MAX_WORKERS: Final = 2 * MAX_PARTITIONS


@dataclass(frozen=True, slots=True)
class _Heard:
    payload: bytes
    at: float


class StatusBoard:
    """The newest payload of each status topic; written on the MQTT thread, read by requests.

    Args:
        root: the root of our topics; the workers' are ``{root}/_status/{worker}``.
        read_clock: returns seconds that do not go back.
    """

    def __init__(self, root: str, read_clock: Callable[[], float] = monotonic) -> None:
        self._worker_prefix = f"{root}/_status/"
        self._read_clock = read_clock
        self._workers: dict[str, _Heard] = {}
        self._broker: dict[str, _Heard] = {}
        self._lock = threading.Lock()

    @property
    def topic_filters(self) -> tuple[str, ...]:
        """What to subscribe to, so that ``note`` hears of everything."""
        return (f"{self._worker_prefix}#", f"{BROKER_PREFIX}#")

    def note(self, topic: str, payload: bytes) -> None:
        """Keep a message; an empty one says that there is nothing any more. Never raises, never blocks for long.

        The same report again is a retained one that a broker hands out to a new connection: it grows no younger.
        """
        if topic.startswith(self._worker_prefix):
            self._put(self._workers, topic.removeprefix(self._worker_prefix), payload, limit=_MAX_WORKERS)
        else:
            self._put(self._broker, topic.removeprefix(BROKER_PREFIX), payload, limit=_MAX_BROKER_TOPICS)

    def _put(self, kept: dict[str, _Heard], name: str, payload: bytes, *, limit: int) -> None:
        with self._lock:
            if not payload:
                kept.pop(name, None)
            elif name not in kept and len(kept) >= limit:
                return
            elif name not in kept or kept[name].payload != payload:
                kept[name] = _Heard(payload, self._read_clock())

    def get_workers(self) -> list[WorkerReport]:
        """Return each ingest worker's last report, by name."""
        now = self._read_clock()
        return [
            WorkerReport(name=name, figures=_read_object(heard.payload), age_s=max(0.0, now - heard.at))
            for name, heard in self._get_items(self._workers)
        ]

    def get_broker(self) -> JSONObject:
        """Return the broker's figures by the rest of their topic, as in ``clients/connected``."""
        return {name: _read(heard.payload) for name, heard in self._get_items(self._broker)}

    def _get_items(self, kept: dict[str, _Heard]) -> list[tuple[str, _Heard]]:
        with self._lock:
            return sorted(kept.items(), key=lambda item: item[0])


def _read(payload: bytes) -> JSONValue:
    """Return JSON as it is (the broker's numbers are), anything else as text."""
    try:
        return decode_json(payload)
    except InvalidPayload:
        return payload.decode(errors="replace")


def _read_object(payload: bytes) -> JSONObject:
    value = _read(payload)
    return value if isinstance(value, dict) else {}
