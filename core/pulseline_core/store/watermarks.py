"""The watermark of each publisher and bucket: the last of its messages that is committed.

It is written in the transaction of the message's effect, once per group, and outlives the bucket: else an old message
that comes again would be applied twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pulseline_core.store.connection import Connection

#: Watermarks kept from one transaction to the next, about 300 bytes each.
_MAX_KNOWN: Final = 50_000

_READ: Final = "SELECT seq FROM watermark WHERE publisher = ? AND bucket = ?"
#: Where there is no row yet, one of 0 is made, so that there is something to lock.
_READ_NEW: Final = (
    "INSERT INTO watermark (publisher, bucket, seq) VALUES (?, ?, 0)"
    " ON CONFLICT (publisher, bucket) DO UPDATE SET seq = watermark.seq"
)
_EXPECT: Final = """
SELECT publisher, bucket, seq FROM watermark
WHERE (publisher, bucket) IN (SELECT * FROM unnest(?::text[], ?::text[])) ORDER BY publisher, bucket FOR UPDATE
"""
_WRITE: Final = (
    "INSERT INTO watermark (publisher, bucket, seq) VALUES (?, ?, ?)"
    " ON CONFLICT (publisher, bucket) DO UPDATE SET seq = excluded.seq"
)


class Watermarks:
    """The ``watermark`` table; of one writing connection, thrown away after a rollback."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, str], int] = {}
        self._changed: set[tuple[str, str]] = set()

    def get(self, publisher: str, bucket_id: str) -> int:
        """Return the last committed seq, 0 if there is none."""
        key = (publisher, bucket_id)
        seq = self._known.get(key)
        if seq is None:
            seq = self._known[key] = self._read(key)
        return seq

    def expect(self, keys: Iterable[tuple[str, str]]) -> None:
        """Lock and read those that there are, all at once, in the order in which everybody locks."""
        wanted = list(keys)
        columns = [publisher for publisher, _ in wanted], [bucket_id for _, bucket_id in wanted]
        for publisher, bucket_id, seq in self._connection.fetch_all(_EXPECT, columns):
            self._known[publisher, bucket_id] = int(seq)

    def set(self, publisher: str, bucket_id: str, seq: int) -> None:
        """Note a seq; it is written with the group."""
        key = (publisher, bucket_id)
        self._known[key] = seq
        self._changed.add(key)

    def flush(self) -> None:
        """Write what has changed; the transaction is about to commit."""
        if self._changed:
            self._connection.change_many(_WRITE, [(*key, self._known[key]) for key in self._changed])
            self._changed.clear()
        if len(self._known) > _MAX_KNOWN:
            self._known.clear()

    def _read(self, key: tuple[str, str]) -> int:
        row = self._connection.fetch_locked(_READ, key)
        if row is None and self._connection.backend.is_shared:
            self._connection.change(_READ_NEW, key)
            row = self._connection.fetch_one(_READ, key)
        return 0 if row is None else int(row[0])
