"""Whether messages still come through an external broker and into the store, which being connected does not show.

The worker sends a message to itself now and then, a *probe*: to the broker, back from there behind all that waits,
through a transaction like any other. How long that takes is how far the worker lies behind. A connection over which
nothing at all comes for too long after a probe was sent is given up. Pure: the clock's reading comes in as an argument,
in seconds.

::

    probe sent ──> received ──> committed ──interval──> probe sent      all is well
    probe sent ──patience, nothing received──>                          the connection is deaf
"""

from __future__ import annotations

from typing import Final

#: Between two probes: rare enough for a disk that sleeps otherwise, often enough for a status page.
INTERVAL_S: Final = 10.0

#: How long anything at all may take to come back; brokers that are started again need some seconds.
PATIENCE_S: Final = 20.0

#: The next probe is sent, and comes back, somewhat later than the interval says; that is no lag.
_GRACE_S: Final = 5.0


class Progress:
    """Of one worker, over all its connections."""

    def __init__(self, *, now: float) -> None:
        self._committed_at = now
        self._probed_at = now
        #: When the probe was sent after which nothing has come in yet.
        self._missed_since: float | None = None
        #: When the last probe that came through was sent, and how long it took.
        self._through_at = now
        self._lag_s = 0.0

    def get_age_s(self, *, now: float) -> float:
        """Return how long ago a message came through into the store."""
        return now - self._committed_at

    def get_lag_s(self, *, now: float) -> float:
        """Return how long the last probe took, or how long the next one is overdue, whichever is longer."""
        return max(self._lag_s, now - self._through_at - INTERVAL_S - _GRACE_S)

    def note_received(self) -> None:
        """Note that something came from the broker."""
        self._missed_since = None

    def note_committed(self, *, now: float) -> None:
        """Note that something of that is in the store."""
        self._committed_at = now

    def note_probe(self, lag_s: float, *, now: float) -> None:
        """Note that a probe is in the store that was sent so long ago, by an earlier process perhaps."""
        self._through_at, self._lag_s = max(self._through_at, now - lag_s), lag_s

    def begin(self) -> None:
        """Note that there is a new connection: what was sent over another one counts no more."""
        self._missed_since = None

    def is_probe_due(self, *, now: float) -> bool:
        """Return whether to send a probe; if so, the wait for it begins."""
        if now - self._probed_at < INTERVAL_S:
            return False
        self._probed_at = now
        if self._missed_since is None:
            self._missed_since = now
        return True

    def is_deaf(self, *, now: float) -> bool:
        """Return whether something should have come in long ago."""
        return self._missed_since is not None and now - self._missed_since >= PATIENCE_S
