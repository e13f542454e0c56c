"""What one request may use: time, and memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pulseline_core.json_value import MAX_DEPTH
from pulseline_core.query.errors import QueryAbandoned, QueryTooLarge, QueryTooSlow
from pulseline_core.query.measured import Measured

#: How long one may go on for a client that has gone: asking costs a system call.
_ASK_CLIENT_EVERY_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of one request.

    Attributes:
        time_s: from the making of the budget on.
        events_read: out of the store, over all periods.
        rows: events in one value; one that stands in a list twice counts twice, as it will in the answer.
        parts: characters, and items of lists and dicts, in one value.
        depth: lists and dicts within one another.
        kept_values: all values that exist at once may have so many times the rows and parts of one.
        new_data_bytes: how much the data pool may grow, by what is read for the first time and by what is made of it.
        nested_bytes: JSON of events that become data of others, over all periods; decoded it takes ten times that.
    """

    time_s: float = 10.0
    events_read: int = 5_000_000
    rows: int = 5_000_000
    parts: int = 1_000_000
    depth: int = MAX_DEPTH
    kept_values: int = 4
    new_data_bytes: int = 256 * 1024 * 1024
    nested_bytes: int = 64 * 1024 * 1024


class Budget:
    """What is left of the limits.

    Args:
        monotonic: seconds of a clock that never goes back.
        is_client_gone: asked now and then.
    """

    def __init__(
        self, monotonic: Callable[[], float], *, is_client_gone: Callable[[], bool], limits: Limits | None = None
    ) -> None:
        self.limits: Final = Limits() if limits is None else limits
        self._monotonic = monotonic
        self._is_client_gone = is_client_gone
        now = monotonic()
        self._deadline = now + self.limits.time_s
        self._ask_client_at = now
        self._events_read = 0
        self._nested_bytes = 0
        self._kept_rows = 0
        self._kept_parts = 0

    def check(self) -> None:
        """Raise when the time is over or the client has gone.

        Raises:
            QueryTooSlow: the time is over.
            QueryAbandoned: the client has gone.
        """
        now = self._monotonic()
        if now > self._deadline:
            raise QueryTooSlow(self.limits.time_s)
        if now >= self._ask_client_at:
            self._ask_client_at = now + _ASK_CLIENT_EVERY_S
            if self._is_client_gone():
                raise QueryAbandoned

    def check_new_data(self, size_bytes: int) -> None:
        """Raise ``QueryTooLarge`` when the data pool has grown by more than it may."""
        if size_bytes > self.limits.new_data_bytes:
            raise QueryTooLarge("has too many bytes of new data", self.limits.new_data_bytes)

    def count_read(self, events: int) -> None:
        """Count events that were read from the store.

        Raises:
            QueryTooLarge: they are too many.
        """
        self._events_read += events
        if self._events_read > self.limits.events_read:
            raise QueryTooLarge("reads too many events", self.limits.events_read)

    def count_nested(self, size_bytes: int) -> None:
        """Count JSON of events that are about to become data of others.

        Raises:
            QueryTooLarge: it is too much.
        """
        self._nested_bytes += size_bytes
        if self._nested_bytes > self.limits.nested_bytes:
            raise QueryTooLarge("puts too many bytes of events into others", self.limits.nested_bytes)

    def check_size(self, value: Measured) -> None:
        """Raise ``QueryTooLarge`` when a value is larger or deeper than one may be."""
        limits = self.limits
        if value.depth > limits.depth:
            raise QueryTooLarge("nests lists, dicts or data too deep", limits.depth)
        if value.rows > limits.rows:
            raise QueryTooLarge("makes a value of too many events", limits.rows)
        if value.parts > limits.parts:
            raise QueryTooLarge("makes a value of too many characters and items", limits.parts)

    def keep(self, value: Measured) -> None:
        """Count a value that exists from now on.

        Raises:
            QueryTooLarge: all values together are too large.
        """
        self._kept_rows += value.rows
        self._kept_parts += value.parts
        max_rows = self.limits.kept_values * self.limits.rows
        if self._kept_rows > max_rows:
            raise QueryTooLarge("keeps too many events at once", max_rows)
        max_parts = self.limits.kept_values * self.limits.parts
        if self._kept_parts > max_parts:
            raise QueryTooLarge("keeps too many characters and items at once", max_parts)

    def drop(self, value: Measured) -> None:
        """Count a value no longer."""
        self._kept_rows -= value.rows
        self._kept_parts -= value.parts
