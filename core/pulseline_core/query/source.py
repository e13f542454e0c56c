"""Where a query gets its events from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pulseline_core.transforms.columns import Columns
from pulseline_core.transforms.data_pool import DataPool


class EventSource(Protocol):
    """Buckets that can be read; used by one thread at a time.

    A range holds what begins no later than its end and ends no earlier than its beginning. One that ends before
    it begins holds nothing.
    """

    @property
    def pool(self) -> DataPool:
        """What the codes of all its events stand for; its ``check`` may be called while much is read."""
        ...

    def read_buckets(self) -> Sequence[tuple[str, str]]:
        """Return the id and the hostname of each bucket, the oldest bucket first."""
        ...

    def read_events(self, bucket_id: str, first_us: int, last_us: int) -> Columns:
        """Return the events of a range, cut to it, by start and id.

        Raises:
            NotFound: no such bucket exists.
        """
        ...

    def count_events(self, bucket_id: str, first_us: int, last_us: int) -> int:
        """Return how many events a range holds.

        Raises:
            NotFound: no such bucket exists.
        """
        ...
