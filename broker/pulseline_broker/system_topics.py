"""``$SYS/broker/...``: the broker's figures, with Mosquitto's names and formats (mosquitto(8), Broker status). Pure.

Mosquitto's own are as of 2.0.11. What it has no name for is added below ``gate/`` and ``refused/``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pulseline_broker.counters import Counters

PREFIX: Final = "$SYS/broker/"

#: Minutes over which the loads are averaged.
_AVERAGES: Final = (1, 5, 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """What is at the moment, beside what has been counted.

    Attributes:
        uptime_s: whole seconds.
        stored_messages: retained, queued and in flight.
        stored_bytes: of retained and queued messages.
    """

    version: str
    uptime_s: int
    connected: int
    absent: int
    subscriptions: int
    retained: int
    stored_messages: int
    stored_bytes: int
    heap_bytes: int
    heap_maximum_bytes: int
    pending_messages: int
    pending_bytes: int


@dataclass(slots=True)
class Loads:
    """Moving averages a minute, as Mosquitto's ``sys_tree`` computes them.

    A load moves towards the rate of the last interval by ``1 - exp(-interval / window)``.
    """

    _before: dict[str, int] = field(default_factory=dict)
    _loads: dict[tuple[str, int], float] = field(default_factory=dict)

    def update(self, totals: dict[str, int], *, elapsed_s: float) -> dict[tuple[str, int], float]:
        """Return all loads by name and minutes, after an interval that ended with these totals."""
        for name, total in totals.items():
            rate = (total - self._before.get(name, 0)) * 60 / elapsed_s
            for minutes in _AVERAGES:
                load = self._loads.get((name, minutes), 0.0)
                self._loads[name, minutes] = rate + math.exp(-elapsed_s / (60 * minutes)) * (load - rate)
        self._before = dict(totals)
        return self._loads


def build_load_totals(counters: Counters) -> dict[str, int]:
    """Return the totals whose loads are reported, by the name below ``load/``."""
    return {
        "messages/received": counters.messages_received,
        "messages/sent": counters.messages_sent,
        "publish/dropped": counters.publish_dropped,
        "publish/received": counters.publish_received,
        "publish/sent": counters.publish_sent,
        "bytes/received": counters.bytes_received,
        "bytes/sent": counters.bytes_sent,
        "sockets": counters.sockets,
        "connections": counters.connections,
    }


def iter_figures(counters: Counters, gauges: Gauges, loads: dict[tuple[str, int], float]) -> Iterator[tuple[str, str]]:
    """Yield topic and payload of every figure."""
    for name, value in (*_build_clients(counters, gauges).items(), *_build_messages(counters, gauges).items()):
        yield PREFIX + name, str(value)
    for (name, minutes), load in loads.items():
        yield f"{PREFIX}load/{name}/{minutes}min", f"{load:.2f}"


def _build_clients(counters: Counters, gauges: Gauges) -> dict[str, int | str]:
    return {
        "version": f"pulseline version {gauges.version}",
        "uptime": f"{gauges.uptime_s} seconds",
        "clients/total": gauges.connected + gauges.absent,
        "clients/inactive": gauges.absent,
        "clients/disconnected": gauges.absent,
        "clients/active": gauges.connected,
        "clients/connected": gauges.connected,
        "clients/expired": counters.clients_expired,
        "clients/maximum": counters.clients_maximum,
        "subscriptions/count": gauges.subscriptions,
        "shared_subscriptions/count": 0,
        "heap/current": gauges.heap_bytes,
        "heap/maximum": gauges.heap_maximum_bytes,
        "refused/clients": counters.clients_refused,
        "refused/packets": counters.packets_malformed,
        "refused/publishes": counters.publish_refused,
    }


def _build_messages(counters: Counters, gauges: Gauges) -> dict[str, int]:
    return {
        "messages/received": counters.messages_received,
        "messages/sent": counters.messages_sent,
        "messages/stored": gauges.stored_messages,
        "store/messages/count": gauges.stored_messages,
        "store/messages/bytes": gauges.stored_bytes,
        "retained messages/count": gauges.retained,
        "publish/messages/dropped": counters.publish_dropped,
        "publish/messages/received": counters.publish_received,
        "publish/messages/sent": counters.publish_sent,
        "publish/bytes/received": counters.publish_bytes_received,
        "publish/bytes/sent": counters.publish_bytes_sent,
        "bytes/received": counters.bytes_received,
        "bytes/sent": counters.bytes_sent,
        "gate/pending/messages": gauges.pending_messages,
        "gate/pending/bytes": gauges.pending_bytes,
        "gate/uncommitted": counters.publish_uncommitted,
    }
