"""The periodic report: measures the broker and publishes ``$SYS``, retained, only what has changed."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from time import monotonic
from typing import Final

from pulseline_broker.hub import Hub
from pulseline_broker.message import Message
from pulseline_broker.system_topics import Gauges, Loads, build_load_totals, iter_figures
from pulseline_core import __version__

_STATM: Final = Path("/proc/self/statm")

_PAGE_BYTES: Final = os.sysconf("SC_PAGESIZE")

#: ``ru_maxrss`` is in kilobytes on Linux.
_MAXRSS_UNIT: Final = 1024


class Report:
    """Publishes the broker's figures.

    Args:
        hub: what is reported on.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._loads = Loads()
        self._started = monotonic()
        self._reported = self._started
        self._said: dict[str, str] = {}

    def publish(self) -> None:
        """Publish what has changed since the last report; called on the event loop."""
        now = monotonic()
        counters = self._hub.counters
        loads = self._loads.update(build_load_totals(counters), elapsed_s=max(now - self._reported, 0.001))
        self._reported = now
        for topic, text in iter_figures(counters, self._measure(now), loads):
            if self._said.get(topic) != text:
                self._said[topic] = text
                self._hub.router.publish(Message(topic, text.encode(), 0), retain=True)

    def _measure(self, now: float) -> Gauges:
        router, bridge = self._hub.router, self._hub.bridge
        sessions, retained = router.get_sessions(), router.get_retained()
        present = sum(session.is_present for session in sessions)
        messages = [*retained.iter_matching("#"), *retained.iter_matching("$SYS/#")]
        maximum = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
        resident = _read_resident_bytes() or maximum
        return Gauges(
            version=__version__,
            uptime_s=int(now - self._started),
            connected=present,
            absent=len(sessions) - present,
            subscriptions=sum(len(session.subscriptions) for session in sessions),
            retained=len(retained),
            stored_messages=len(retained) + sum(session.delivery.waiting_messages for session in sessions),
            stored_bytes=sum(len(message.payload) for message in messages)
            + sum(session.delivery.queued_bytes for session in sessions),
            heap_bytes=resident,
            heap_maximum_bytes=max(maximum, resident),  # the kernel counts them at different moments
            pending_messages=bridge.pending_messages,
            pending_bytes=bridge.pending_bytes,
        )


def _read_resident_bytes() -> int:
    """Return the memory in use, or 0 where the system does not say."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0
