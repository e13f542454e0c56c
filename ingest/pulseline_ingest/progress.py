"""Whether messages still come through an external broker and into the store, which being connected does not show.

A worker that hears nothing sends a message to itself, a *probe*: to the broker, back from there, through a transaction
like any other. A connection over which nothing comes for too long although a probe was sent is given up. Pure: the
clock's reading comes in as an argument, in seconds.

::

    commit ──interval──> probe sent ──> received ──> committed          all is well
                         probe sent ──patience, nothing received──>     the connection is deaf
"""

from __future__ import annotations

from typing import Final

#: Silence after which a probe is sent: rare enough for a disk that sleeps otherwise, often enough for a status page.
INTERVAL_S: Final = 10.0

#: How long anything at all may take to come back; brokers that are started again need some seconds.
PATIENCE_S: Final = 20.0


class Progress:
    """Of one worker, over all its connections."""

    def __init__(self, *, now: float) -> None:
        self._committed_at = now
        self._probed_at: float | None = None

    def get_age_s(self, *, now: float) -> float:
        """Return how long ago a message came through into the store."""
        return now - self._committed_at

    def note_received(self) -> None:
        """Note that something came from the broker."""
        self._probed_at = None

    def note_committed(self, *, now: float) -> None:
        """Note that something of that is in the store."""
        self._committed_at = now

    def begin(self) -> None:
        """Note that there is a new connection: what was sent over another one counts no more."""
        self._probed_at = None

    def is_probe_due(self, *, now: float) -> bool:
        """Return whether to send a probe; if so, the wait for it begins."""
        if self._probed_at is not None or now - self._committed_at < INTERVAL_S:
            return False
        self._probed_at = now
        return True

    def is_deaf(self, *, now: float) -> bool:
        """Return whether a probe should have come back long ago."""
        return self._probed_at is not None and now - self._probed_at >= PATIENCE_S
