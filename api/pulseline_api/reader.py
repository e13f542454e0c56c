"""What the API reads of the store; ``pulseline_core.store`` has it, tests have one in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from pulseline_core.bucket import Bucket
from pulseline_core.event import Event
from pulseline_core.store import DeadLetter, EventRow
from pulseline_core.types import JSONObject, JSONValue


class Reader(Protocol):
    """Committed data; every call sees what was committed before it. Called on many threads."""

    def check(self) -> None:
        """Raise what any read would raise, as ``StoreUnavailable``."""

    def read_buckets(self) -> Sequence[Bucket]:
        """Return all buckets."""

    def read_bucket(self, bucket_id: str) -> Bucket:
        """Return a bucket; raise ``NotFound``."""

    def has_bucket(self, bucket_id: str) -> bool:
        """Return whether the bucket exists."""

    def read_events(
        self,
        bucket_id: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Event]:
        """Return the events within [start, end], clipped to it, newest first; raise ``NotFound``."""

    def open_event_rows(
        self,
        bucket_id: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
    ) -> AbstractContextManager[Iterator[EventRow]]:
        """Give an iterator over what ``read_events`` would return, as rows, in flat memory, to be read at once."""
        ...

    def read_event(self, bucket_id: str, event_id: int) -> Event | None:
        """Return one event of the bucket as it is stored."""

    def count_events(self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None) -> int:
        """Return how many events ``read_events`` would return; raise ``NotFound``."""

    def iter_event_pages(
        self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[Sequence[EventRow]]:
        """Return what ``read_events`` would, as rows, in flat memory: a page at a time; raise ``NotFound`` at once."""

    def read_setting(self, key: str) -> JSONValue:
        """Return what a client keeps under a key, ``None`` if nothing."""

    def read_settings(self) -> JSONObject:
        """Return what clients keep, by key."""

    def read_dead_letters(self, limit: int, before_id: int | None = None) -> Sequence[DeadLetter]:
        """Return the newest dead letters, or those before ``before_id``."""

    def read_dead_letter(self, dead_letter_id: int) -> DeadLetter:
        """Return one dead letter; raise ``NotFound``."""

    def count_dead_letters(self) -> int:
        """Return how many dead letters there are."""
