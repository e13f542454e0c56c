"""The reading side of the store: any number of threads and processes, beside the one that writes.

A read sees one state of the data and never waits for the writer. Events come newest first by (start, id); which belong
to a range of time is said in ``ranges``. Equal ``data`` is shared between the events of one read: nobody may change it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from pulseline_core.bucket import Bucket
from pulseline_core.errors import Misuse, NotFound
from pulseline_core.event import Event
from pulseline_core.store import buckets, dead_letters, settings
from pulseline_core.store.connection import Backend, Connection
from pulseline_core.store.dead_letters import DeadLetter
from pulseline_core.store.event_rows import MAX_US, MIN_US, SELECT_EVENTS, EventRow, clip_rows, iter_events
from pulseline_core.store.models import IS_KEPT
from pulseline_core.store.pool import ReaderPool
from pulseline_core.store.ranges import (
    EventRange,
    Place,
    count_range,
    find_range,
    iter_beginning,
    iter_range,
    place_of,
    read_reaching,
)
from pulseline_core.types import BucketId, JSONObject, JSONValue

#: Events of one page of a stream: a millisecond in which the log can not be emptied, and some 100 KB of text; more are
#: not read faster.
PAGE_EVENTS: Final = 500

#: Characters of data after which a page ends early, so that a stream of large events needs no more memory.
PAGE_CHARACTERS: Final = 256 * 1024

_BUCKET_IDS: Final = f"SELECT name FROM bucket WHERE {IS_KEPT} ORDER BY name"  # noqa: S608 - a constant
_HAS_BUCKET: Final = "SELECT 1 FROM bucket WHERE name = ?"
_BY_ID: Final = f"{SELECT_EVENTS} WHERE e.id = ? AND bucket_id = ?"
_KEY: Final = "(SELECT id FROM bucket WHERE name = ?)"
_NEWEST: Final = f"{SELECT_EVENTS} WHERE bucket_id = {_KEY} ORDER BY start_us DESC, e.id DESC LIMIT 1"


class Reader:
    """The store, for reading; made by ``open_reader``, for all threads; ``close`` may be called from any."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._pool = ReaderPool(backend)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._pool.is_closed:
            warnings.warn(f"reader of {self._backend.place!r} was never closed", ResourceWarning, stacklevel=1)

    @property
    def place(self) -> str:
        """Where the database is, for messages."""
        return self._backend.place

    def close(self) -> None:
        """Close all connections; calls that run are not disturbed. Does nothing the second time."""
        self._pool.close()

    def check(self) -> None:
        """Raise what any read would raise: no database, no access, another schema."""
        with self._pool.read():
            pass

    def read_buckets(self) -> list[Bucket]:
        """Return all buckets by id, with where their timelines begin and end."""
        with self._pool.read() as connection:
            return buckets.read_buckets(connection)

    def read_bucket(self, bucket_id: str) -> Bucket:
        """Return a bucket; ``NotFound`` if there is none."""
        with self._pool.read() as connection:
            bucket = buckets.read_bucket(connection, bucket_id)
        if bucket is None:
            raise NotFound("bucket", bucket_id)
        return bucket

    def read_bucket_ids(self) -> list[BucketId]:
        """Return the ids of all buckets, without looking at their timelines."""
        with self._pool.read() as connection:
            return [BucketId(name) for (name,) in connection.fetch_all(_BUCKET_IDS)]

    def has_bucket(self, bucket_id: str) -> bool:
        """Return whether there is such a bucket."""
        with self._pool.lend() as connection:
            return connection.fetch_one(_HAS_BUCKET, (bucket_id,)) is not None

    def read_events(
        self,
        bucket_id: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
        clip: bool = True,
    ) -> list[Event]:
        """Return the events of a range, newest first.

        Args:
            bucket_id: the bucket.
            start: the first instant; ``None`` is the beginning of time.
            end: the last instant; ``None`` is the end of time.
            limit: how many at most, 0 or more; ``None`` is all.
            clip: cut events to the range.

        Raises:
            NotFound: there is no such bucket.
        """
        rows, clip_us = self._read_rows(bucket_id, start, end, limit)
        return list(iter_events(rows, clip_us=clip_us if clip else None))

    @contextmanager
    def open_event_rows(
        self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None, limit: int | None = None
    ) -> Iterator[Iterator[EventRow]]:
        """Give an iterator over what ``read_events`` would return, as rows, always cut to the range; see there.

        It holds few rows in memory and sees one state of the data, so that the log can not be emptied meanwhile: nobody
        who takes long may be waited for. See ``iter_event_pages``.
        """
        _check_limit(limit)
        with self._pool.read() as connection:
            wanted = find_range(connection, bucket_id, start, end)
            with closing(iter_range(connection, wanted, MAX_US if limit is None else limit)) as rows:
                yield clip_rows(rows, (wanted.first_us, wanted.last_us))

    def iter_event_pages(
        self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None, page: int = PAGE_EVENTS
    ) -> Iterator[list[EventRow]]:
        """Return an iterator over the rows of a range, newest first and cut to it, that holds one page in memory.

        For those who write events out: a row is an event's numbers and the JSON text of its data, which takes a third
        of the time of ``Event`` values. Each page sees its own state of the data: an event that is changed meanwhile
        comes as it was or as it is.

        Raises:
            NotFound: there is no such bucket; at once, not at the first page.
        """
        wanted = self._find_range(bucket_id, start, end)
        pages = self._iter_pages(wanted, page)
        if start is None and end is None:
            return pages
        return (list(clip_rows(rows, (wanted.first_us, wanted.last_us))) for rows in pages)

    def read_event(self, bucket_id: str, event_id: int) -> Event | None:
        """Return an event of the bucket, ``None`` if the bucket does not have it; ``NotFound`` without the bucket."""
        with self._pool.read() as connection:
            bucket_key = find_range(connection, bucket_id).bucket_key
            return _first(connection, _BY_ID, event_id, bucket_key)

    def read_newest(self, bucket_id: str) -> Event | None:
        """Return the newest event of a bucket, ``None`` if it has none or does not exist."""
        with self._pool.lend() as connection:
            return _first(connection, _NEWEST, bucket_id)

    def count_events(self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None) -> int:
        """Return how many events ``read_events`` finds; ``NotFound`` without the bucket."""
        with self._pool.read() as connection:
            return count_range(connection, find_range(connection, bucket_id, start, end))

    def read_setting(self, key: str) -> JSONValue:
        """Return what a client keeps under a key, ``None`` if nothing."""
        with self._pool.lend() as connection:
            return settings.read_setting(connection, key)

    def read_settings(self) -> JSONObject:
        """Return what clients keep, by key."""
        with self._pool.lend() as connection:
            return settings.read_settings(connection)

    def read_dead_letters(self, limit: int = 100, before_id: int | None = None) -> list[DeadLetter]:
        """Return dead letters, newest first; with ``before_id`` those older than that one."""
        _check_limit(limit)
        with self._pool.read() as connection:
            return dead_letters.read_dead_letters(connection, limit=limit, before_id=before_id)

    def read_dead_letter(self, dead_letter_id: int) -> DeadLetter:
        """Return a dead letter; ``NotFound`` if there is none."""
        with self._pool.read() as connection:
            return dead_letters.read_dead_letter(connection, dead_letter_id)

    def count_dead_letters(self) -> int:
        """Return how many dead letters there are."""
        with self._pool.read() as connection:
            return dead_letters.count_dead_letters(connection)

    def _read_rows(
        self, bucket_id: str, start: datetime | None, end: datetime | None, limit: int | None
    ) -> tuple[list[EventRow], tuple[int, int]]:
        _check_limit(limit)
        with self._pool.read() as connection:
            wanted = find_range(connection, bucket_id, start, end)
            rows = list(iter_range(connection, wanted, MAX_US if limit is None else limit))
        return rows, (wanted.first_us, wanted.last_us)

    def _find_range(self, bucket_id: str, start: datetime | None, end: datetime | None) -> EventRange:
        with self._pool.read() as connection:
            return find_range(connection, bucket_id, start, end)

    def _iter_pages(self, wanted: EventRange, page: int) -> Iterator[list[EventRow]]:
        if wanted.is_empty:
            return
        before, is_last = wanted.end, False
        while not is_last:
            with self._pool.read() as connection:
                rows, is_last = _read_page(connection, wanted, before, page)
                if is_last and wanted.first_us > MIN_US:
                    rows += read_reaching(connection, wanted)
            if rows:
                yield rows
            if not is_last:
                before = place_of(rows[-1])


def _read_page(connection: Connection, wanted: EventRange, before: Place, page: int) -> tuple[list[EventRow], bool]:
    """Return rows that begin in the range, and whether there are no more of those."""
    rows: list[EventRow] = []
    characters = 0
    for row in iter_beginning(connection, wanted, before, page):
        rows.append(row)
        characters += len(row[-1])
        if characters >= PAGE_CHARACTERS:
            return rows, False
    return rows, len(rows) < page


def _first(connection: Connection, sql: str, *parameters: object) -> Event | None:
    return next(iter_events(connection.fetch_all(sql, parameters)), None)


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 0:
        raise Misuse(f"limit {limit} is negative")
