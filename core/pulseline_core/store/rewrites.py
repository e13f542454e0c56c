"""What readers that keep parts of timelines must know: where a timeline changed other than by growing at its end.

::

    kept          |--a--|  |-b-|     |--c--|
    an event      |--a--|  |-b-| |-x-|--c--|      noted: from x on
    a heartbeat   |--a--|  |-b-|     |--c--| |-d-|    not noted

A heartbeat that prolongs the newest event, or begins when it does or later, is the rule, and costs nothing: readers
always read on from the newest event that they have seen. Everything else is noted in the same transaction: its bucket,
and the instant from which on its events are others. A deletion, after which the newest event is an older one, and a
replacement, which may move an event, are noted from the beginning of time.
"""

from __future__ import annotations

from typing import Final

from pulseline_core.store.connection import Connection

#: So many of the latest notes are kept: a reader that missed more reads everything anew.
KEPT_REWRITES: Final = 10_000

_ADD: Final = "INSERT INTO rewrite (bucket, from_us) VALUES (?, ?)"
_FORGET: Final = "DELETE FROM rewrite WHERE id <= (SELECT MAX(id) FROM rewrite) - ?"


class Rewrites:
    """The notes of one writing connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._from_us: dict[int, int] = {}

    def note(self, bucket_key: int, from_us: int) -> None:
        """Note that events of a bucket change which begin at ``from_us`` or later."""
        known = self._from_us.get(bucket_key)
        if known is None or from_us < known:
            self._from_us[bucket_key] = from_us

    def flush(self) -> None:
        """Write the notes; the transaction is about to commit."""
        if not self._from_us:
            return
        self._connection.lock("rewrite")  # so that a reader sees them in the order of their numbers
        self._connection.change_many(_ADD, self._from_us.items())
        self._connection.change(_FORGET, (KEPT_REWRITES,))
        self._from_us.clear()
