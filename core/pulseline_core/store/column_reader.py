"""The store as columns, for queries: parts of timelines are kept in memory and are never out of date.

A snapshot is one transaction, so that all that a query reads is one state of the data. It begins by learning what has
changed since the one before (``rewrites``), in that same transaction; what it then takes from memory is what it would
read. What is kept belongs to one connection: when that is made anew, because another database took the place of the
old one, everything is forgotten.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import numpy as np

from pulseline_core.store.column_cache import Block, BlockKey, ColumnCache, find_block
from pulseline_core.store.column_text import EventArrays, join_arrays, no_arrays, read_arrays
from pulseline_core.store.connection import Backend, Connection
from pulseline_core.store.event_rows import MIN_US
from pulseline_core.store.models import IS_KEPT
from pulseline_core.store.places import Place, find_backend
from pulseline_core.store.pool import ReaderPool
from pulseline_core.store.ranges import EventRange, count_range, find_range, read_reaching
from pulseline_core.transforms.columns import Columns
from pulseline_core.transforms.data_pool import DataPool, Integers, find_distinct

#: Half of it is for events, half for their data; a million events take 32 MiB, a hundred thousand titles 30 MiB.
CACHE_BYTES: Final = 256 * 1024 * 1024

#: Blocks that are read by one statement: twelve days, where none of them is empty.
_RUN_BLOCKS: Final = 16

#: Rows of data that are read by one statement; SQLite takes up to 32,766 parameters.
_DATA_ROWS: Final = 1000

_BUCKETS: Final = f"SELECT name, hostname FROM bucket WHERE {IS_KEPT} ORDER BY id"  # noqa: S608 - a constant
_NEXT: Final = "SELECT MIN(start_us) FROM event WHERE bucket_id = ? AND start_us >= ?"
_NEWEST: Final = "SELECT MAX(start_us) FROM event WHERE bucket_id = ?"
_SELECT_DATA: Final = "SELECT id, CAST(json AS BLOB) FROM event_data WHERE id IN ({})"
_REWRITES: Final = "SELECT id, bucket, from_us FROM rewrite WHERE id >= ? ORDER BY id"
_LAST_REWRITE: Final = "SELECT MAX(id) FROM rewrite"


class ColumnReader:
    """Reads events as columns, and keeps them; used by one thread at a time."""

    def __init__(self, backend: Backend, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._backend = backend
        self._connections = ReaderPool(backend)
        self._cache_bytes = cache_bytes
        self._connection: Connection | None = None
        self._last_rewrite = 0
        self._forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._connections.is_closed:
            warnings.warn(f"column reader of {self._backend.place!r} was never closed", ResourceWarning, stacklevel=1)

    def close(self) -> None:
        """Close the connection; does nothing the second time."""
        self._connections.close()

    @contextmanager
    def open_snapshot(self) -> Iterator[Snapshot]:
        """Give one state of the data, to be read within the block.

        Raises:
            StoreUnavailable: there is no database, or it fails.
            UnsupportedSchema: a newer Pulseline wrote it.
        """
        with self._connections.read() as connection:
            self._catch_up(connection)
            try:
                yield Snapshot(connection, self._cache, self._pool, self._codes)
            finally:
                self._pool.forget_decoded()

    def _catch_up(self, connection: Connection) -> None:
        """Forget what is true no more, and everything when it is too much."""
        if connection is not self._connection or self._pool.size_bytes > self._cache_bytes // 2:
            self._forget()
            self._connection = connection
            [(last,)] = connection.fetch_all(_LAST_REWRITE)
            self._last_rewrite = last or 0
            return
        # The last one that is known comes along, unless it is forgotten, and some that follow it may be, too. Where
        # none is known, the first of all does.
        rewrites = connection.fetch_all(_REWRITES, (self._last_rewrite,))
        first = rewrites[0][0] if rewrites else 0
        if first > max(self._last_rewrite, 1) or first < self._last_rewrite:
            self._cache.clear()
        for rewrite_id, bucket_key, from_us in rewrites:
            if rewrite_id > self._last_rewrite:
                self._cache.cut(bucket_key, from_us)
                self._last_rewrite = rewrite_id

    def _forget(self) -> None:
        self._cache = ColumnCache(self._cache_bytes // 2)
        self._pool = DataPool()
        self._codes: dict[int, int] = {}


class Snapshot:
    """One state of the data; see ``ColumnReader.open_snapshot``.

    Attributes:
        pool: what the codes of the columns stand for.
    """

    def __init__(self, connection: Connection, cache: ColumnCache, pool: DataPool, codes: dict[int, int]) -> None:
        self._connection = connection
        self._cache = cache
        self._codes = codes
        self.pool = pool

    def read_buckets(self) -> Sequence[tuple[str, str]]:
        """Return the id and the hostname of each bucket, in the order in which they were made."""
        return [(name, hostname) for name, hostname in self._connection.fetch_all(_BUCKETS)]

    def count_events(self, bucket_id: str, first_us: int, last_us: int) -> int:
        """Return how many events belong to ``[first_us, last_us]``; ``NotFound`` without the bucket."""
        return count_range(self._connection, self._find_range(bucket_id, first_us, last_us))

    def read_events(self, bucket_id: str, first_us: int, last_us: int) -> Columns:
        """Return the events that belong to ``[first_us, last_us]``, cut to it, by (start, id).

        Raises:
            NotFound: there is no such bucket.
        """
        wanted = self._find_range(bucket_id, first_us, last_us)
        parts = [] if wanted.is_empty else [self._read_reaching(wanted), *self._read_beginning(wanted)]
        events = join_arrays(parts or [no_arrays()])
        start, end = np.maximum(events.start, first_us), np.minimum(events.end, last_us)
        return Columns(self.pool, start, end, events.data, events.ids)

    def _find_range(self, bucket_id: str, first_us: int, last_us: int) -> EventRange:
        return find_range(self._connection, bucket_id)._replace(first_us=first_us, last_us=last_us)

    def _read_reaching(self, wanted: EventRange) -> EventArrays:
        """Return the events that begin before the range and reach into it; few, and read each time."""
        rows = read_reaching(self._connection, wanted) if wanted.first_us > MIN_US else []
        table = np.array([row[:4] for row in reversed(rows)], dtype=np.int64).reshape(-1, 4)
        ids, start, end, data = table.T
        return EventArrays(ids, start, end, self._encode(data))

    def _read_beginning(self, wanted: EventRange) -> list[EventArrays]:
        """Return the events that begin in the range."""
        [(newest_us,)] = self._connection.fetch_all(_NEWEST, (wanted.bucket_key,))
        if newest_us is None:
            return []
        first_us, last_us = wanted.first_us, min(wanted.last_us, newest_us)
        keys = self._iter_blocks(wanted.bucket_key, first_us, last_us)
        return [events.starting(first_us, last_us + 1) for events in self._iter_events(keys, last_us, newest_us)]

    def _iter_blocks(self, bucket_key: int, first_us: int, last_us: int) -> Iterator[BlockKey]:
        """Yield the blocks in which events of the range begin: there may be none for decades, after a wrong clock."""
        while True:
            [(start_us,)] = self._connection.fetch_all(_NEXT, (bucket_key, first_us))
            if start_us is None or start_us > last_us:
                return
            key = find_block(bucket_key, start_us)
            yield key
            first_us = key.behind_us

    def _iter_events(self, keys: Iterable[BlockKey], last_us: int, newest_us: int) -> Iterator[EventArrays]:
        """Yield the events of blocks that follow one another, from what is kept and from the database."""
        missing: list[BlockKey] = []
        for key in keys:
            block = self._cache.get(key)
            if missing and (block is not None or len(missing) == _RUN_BLOCKS):
                yield from self._load(missing, newest_us)
                missing = []
            if block is not None and block.complete_us > min(last_us, key.behind_us - 1):
                yield block.events
            else:
                missing.append(key)
        if missing:
            yield from self._load(missing, newest_us)

    def _load(self, keys: list[BlockKey], newest_us: int) -> Iterator[EventArrays]:
        """Read blocks with nothing between them, keep and yield them; of the first a part may be kept already."""
        self.pool.check()
        kept = self._cache.get(keys[0]) or Block(no_arrays(), keys[0].first_us)
        rows = read_arrays(self._connection, keys[0].bucket_key, kept.complete_us, keys[-1].behind_us)
        rows = rows._replace(data=self._encode(rows.data))
        for key in keys:
            events = rows.starting(key.first_us, key.behind_us)
            if key == keys[0]:
                events = join_arrays([kept.events, events])
            complete_us = min(key.behind_us, newest_us)
            if complete_us > key.first_us:
                self._cache.put(key, Block(events.starting(key.first_us, complete_us), complete_us))
            yield events

    def _encode(self, data_ids: Integers) -> Integers:
        """Return the codes of data by the numbers of its rows; what is not known yet is read."""
        distinct, places = find_distinct(data_ids)
        wanted = distinct.tolist()
        unknown = [data_id for data_id in wanted if data_id not in self._codes]
        for first in range(0, len(unknown), _DATA_ROWS):
            some = unknown[first : first + _DATA_ROWS]
            rows = self._connection.fetch_all(_SELECT_DATA.format(",".join("?" * len(some))), some)
            if rows:
                ids, texts = zip(*rows, strict=True)
                self._codes.update(zip(ids, self.pool.intern_texts(texts), strict=True))
        return np.array([self._codes[data_id] for data_id in wanted], dtype=np.int64)[places]


def open_column_reader(place: Place, *, cache_bytes: int = CACHE_BYTES) -> ColumnReader:
    """Open a database for reading columns of events; as ``open_reader`` otherwise.

    Args:
        place: the file or the URL.
        cache_bytes: how much memory what is kept of events and their data may take; the latest query may add to it.
    """
    return ColumnReader(find_backend(place), cache_bytes=cache_bytes)
