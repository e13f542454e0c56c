"""The bucket table: describing buckets, and reading them with where their timelines begin and end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import orjson

from pulseline_core.bucket import LOCAL_HOSTNAME, Bucket, BucketDescription
from pulseline_core.store.connection import Connection, Row
from pulseline_core.store.models import IS_KEPT, IS_LONG, LONG_US, BucketTable
from pulseline_core.times import MICROSECOND, from_us, to_us
from pulseline_core.types import BucketId

#: Rows kept from one transaction to the next, about 1 KB each.
_MAX_KNOWN: Final = 50_000

_COLUMNS: Final = "b.id, b.name, b.type, b.client, b.hostname, b.data, b.pulsetime_us, b.created_us"

_FIND: Final = f"SELECT {_COLUMNS} FROM bucket b WHERE b.name = ?"  # noqa: S608 - a constant

#: Where others write, too; in the order in which all of them lock.
_EXPECT: Final = f"SELECT {_COLUMNS} FROM bucket b WHERE b.name = ANY(?) ORDER BY b.name FOR UPDATE"  # noqa: S608 - the same

#: The latest end belongs to the newest event, or to one that begins less than its own length before that one's end: at
#: most an hour for short events, the bucket's longest duration for the few that are in the index of long ones.
_READ: Final = f"""
WITH known AS (
    SELECT {_COLUMNS}, b.longest_us,
        (SELECT start_us FROM event WHERE bucket_id = b.id ORDER BY start_us LIMIT 1) AS first_us,
        (SELECT end_us FROM event WHERE bucket_id = b.id ORDER BY start_us DESC, id DESC LIMIT 1) AS last_us
    FROM bucket b {{where}}
)
SELECT b.*,
    (SELECT MAX(end_us) FROM event WHERE bucket_id = b.id AND start_us >= b.last_us - {LONG_US}),
    (SELECT MAX(end_us) FROM event
        WHERE bucket_id = b.id AND start_us >= b.last_us - b.longest_us AND {IS_LONG})
FROM known b ORDER BY b.name
"""  # noqa: S608 - constants
_READ_ALL: Final = _READ.format(where=f"WHERE {IS_KEPT}")
_READ_ONE: Final = _READ.format(where="WHERE b.name = ?")


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRow:
    """A bucket and the number of its row; good within the transaction that it was read in.

    Attributes:
        key: what the event table knows the bucket by; never used again.
        bucket: its description; ``start``, ``end`` and ``last_updated`` are not filled in.
    """

    key: int
    bucket: Bucket


class Buckets:
    """The bucket table; of one writing connection, thrown away after a rollback."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[BucketId, BucketRow] = {}

    def get(self, bucket_id: BucketId) -> BucketRow | None:
        """Return a bucket's row, ``None`` if there is none."""
        row = self._known.get(bucket_id)
        if row is None:
            found = self._connection.fetch_locked(_FIND, (bucket_id,))
            if found is not None:
                row = self._known[bucket_id] = BucketRow(key=found[0], bucket=_build(found))
        return row

    def expect(self, bucket_ids: Iterable[BucketId]) -> list[int]:
        """Lock and read those buckets that there are, all at once, and return the numbers of their rows."""
        found = self._connection.fetch_all(_EXPECT, (list(bucket_ids),))
        self._known.update((BucketId(row[1]), BucketRow(key=row[0], bucket=_build(row))) for row in found)
        return [row[0] for row in found]

    def put(self, bucket: Bucket) -> None:
        """Insert a bucket, or make the one with its id equal to it."""
        row = self.get(bucket.id)
        if row is not None and row.bucket == bucket:
            return
        columns = {
            "type": bucket.type,
            "client": bucket.client,
            "hostname": bucket.hostname,
            "data": orjson.dumps(bucket.data).decode(),
            "pulsetime_us": None if bucket.pulsetime is None else bucket.pulsetime // MICROSECOND,
            "created_us": to_us(bucket.created),
        }
        if row is None:
            self._connection.run(BucketTable.insert(name=bucket.id, longest_us=0, **columns))
        else:
            self._connection.run(BucketTable.update(**columns).where(BucketTable.id == row.key))
        self._known.pop(bucket.id, None)

    def forget(self, bucket_id: BucketId) -> None:
        """Forget a bucket that is deleted."""
        self._known.pop(bucket_id, None)

    def flush(self) -> None:
        """Keep the memory bounded; the transaction is about to commit."""
        if len(self._known) > _MAX_KNOWN:
            self._known.clear()


def describe(bucket: Bucket, description: BucketDescription, *, hostname: str) -> Bucket:
    """Return the bucket with what the description names; ``!local`` becomes ``hostname``."""
    stated = {
        name: value
        for name in ("type", "client", "hostname", "data", "pulsetime", "created")
        if (value := getattr(description, name)) is not None
    }
    if stated.get("hostname") == LOCAL_HOSTNAME:
        stated["hostname"] = hostname
    return replace(bucket, **stated)


def read_buckets(connection: Connection) -> list[Bucket]:
    """Return all buckets with where their timelines begin and end, by id."""
    return [_build_whole(row) for row in connection.fetch_all(_READ_ALL)]


def read_bucket(connection: Connection, bucket_id: str) -> Bucket | None:
    """Return a bucket with where its timeline begins and ends."""
    row = connection.fetch_one(_READ_ONE, (bucket_id,))
    return None if row is None else _build_whole(row)


def _build(row: Row) -> Bucket:
    _, name, kind, client, hostname, data, pulsetime_us, created_us = row[:8]
    return Bucket(
        id=BucketId(name),
        type=kind,
        client=client,
        hostname=hostname,
        data=orjson.loads(data),
        pulsetime=None if pulsetime_us is None else timedelta(microseconds=pulsetime_us),
        created=from_us(created_us),
    )


def _build_whole(row: Row) -> Bucket:
    _, first_us, last_us, *ends_us = row[8:]
    end_us = max((us for us in ends_us if us is not None), default=None)
    return replace(_build(row), start=_instant(first_us), end=_instant(end_us), last_updated=_instant(last_us))


def _instant(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
