"""What a transaction writes into the event table, kept back so that it is written once and together.

Numbers are taken beforehand, some at a time, and the rows are written before anything else reads or changes rows, and
when the transaction commits; whoever does either has to ``flush`` first. So an event that grows after it began in the
same transaction is one statement, and on a server all of them are one journey.
"""

from __future__ import annotations

from typing import Final

from pulseline_core.merge import Span
from pulseline_core.store.connection import Connection

_INSERT: Final = "INSERT INTO event (id, bucket_id, start_us, end_us, data_id) VALUES (?, ?, ?, ?, ?)"
_SET_LONGEST: Final = "UPDATE bucket SET longest_us = ? WHERE id = ?"
_END_PLACE: Final = 3
_SET_END: Final = "UPDATE event SET end_us = ? WHERE id = ?"

#: Numbers that are taken at first, and at most; each time all of them were used, it is eight times as many.
_FIRST_NUMBERS: Final = 4
_MOST_NUMBERS: Final = 2048


class EventWriter:
    """The new rows and new ends of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers: list[int] = []
        self._wanted = _FIRST_NUMBERS
        self._added: dict[int, list[object]] = {}
        self._ends: dict[int, int] = {}
        self._longest: dict[int, int] = {}

    def insert(self, bucket_key: int, span: Span) -> int:
        """Insert an event and return its number, which is greater than those of the events before it."""
        if not self._numbers:
            self._numbers = self._connection.take_numbers("event", self._wanted)[::-1]
            self._wanted = min(8 * self._wanted, _MOST_NUMBERS)
        event_id = self._numbers.pop()
        self._added[event_id] = [event_id, bucket_key, span.start_us, span.end_us, span.data]
        return event_id

    def set_end(self, event_id: int, end_us: int) -> None:
        """Set the end of an event."""
        if event_id in self._added:
            self._added[event_id][_END_PLACE] = end_us
        else:
            self._ends[event_id] = end_us

    def set_longest(self, bucket_key: int, duration_us: int) -> None:
        """Note that no event of a bucket is longer."""
        self._longest[bucket_key] = duration_us

    def flush(self) -> None:
        """Write what was kept back."""
        if self._added:
            self._connection.change_many(_INSERT, self._added.values())
            self._added.clear()
        if self._ends:
            self._connection.change_many(_SET_END, [(end_us, event_id) for event_id, end_us in self._ends.items()])
            self._ends.clear()
        if self._longest:
            self._connection.change_many(_SET_LONGEST, [(us, key) for key, us in self._longest.items()])
            self._longest.clear()
