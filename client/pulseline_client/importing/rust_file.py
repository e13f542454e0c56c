"""The database of ActivityWatch's Rust server (``sqlite.db``), versions 1 to 6 of its ``user_version``.

aw-server-rust aw-datastore/src/datastore.rs: version 1 has buckets without ``data``; 2 adds a ``data`` that it filled
wrongly; 3 renames that to ``data_deprecated`` and adds another; 4 adds the settings; 5 and 6 change indexes alone. So
what there is to read follows from the columns. Times are nanoseconds; the store here keeps microseconds, and computes
them as the server's own export would have come in, so that file and export of one server are the same events.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from pulseline_client.importing.database_copy import get_columns, iter_rows
from pulseline_client.importing.peewee_file import parse_bucket_data, parse_data
from pulseline_client.importing.source import Refusal, SourceBucket, refuse
from pulseline_core import times
from pulseline_core.errors import InvalidEvent
from pulseline_core.event import Event, parse_duration
from pulseline_core.types import JSONObject

#: What makes a database one of these.
RUST_TABLES: Final = frozenset({"buckets", "events"})

#: The first version whose ``buckets.data`` is right.
_DATA_VERSION: Final = 3

#: How data begins that a server built with compression wrote (zstd, RFC 8878 section 3.1.1).
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"

#: The index of versions 5 and 6 yields this order without sorting.
_EVENTS: Final = "SELECT starttime, endtime, data FROM events WHERE bucketrow = ? ORDER BY starttime DESC"


class RustFile:
    """A source that reads a connection to such a database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._read = 0
        (total,) = connection.execute("SELECT count(*) FROM events").fetchone()
        self._total = max(1, int(total))

    @property
    def fraction(self) -> float:
        """How many of its events have been read, 0 to 1."""
        return self._read / self._total

    def iter_buckets(self, *, now: datetime) -> Iterator[SourceBucket]:
        """Yield the buckets; see ``Source``."""
        columns = f"id, name, type, client, hostname, created, {self._choose_data_column()}"
        buckets = self._connection.execute(f"SELECT {columns} FROM buckets ORDER BY id").fetchall()  # noqa: S608  our own words
        for row_id, name, *labels, created, data in buckets:
            fields: JSONObject = dict(zip(("type", "client", "hostname"), labels, strict=True))
            fields |= {"created": created, "data": parse_bucket_data(data)}
            yield SourceBucket(id=str(name), fields=fields, events=self._iter_events(row_id, now))

    def _choose_data_column(self) -> str:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        has_data = "data" in get_columns(self._connection, "buckets")
        return "data" if has_data and version >= _DATA_VERSION else "NULL"

    def _iter_events(self, row_id: int, now: datetime) -> Iterator[Event | Refusal]:
        for start_ns, end_ns, text in iter_rows(self._connection, _EVENTS, row_id):
            self._read += 1
            yield _read_row(start_ns, end_ns, text, now=now)


def _read_row(start_ns: int, end_ns: int, text: str | bytes | None, *, now: datetime) -> Event | Refusal:
    if isinstance(text, bytes) and text.startswith(_ZSTD_MAGIC):
        return Refusal("data", "is compressed; export it with the server that wrote it, and import the export")
    data = parse_data(text)
    if isinstance(data, Refusal):
        return data
    if not isinstance(data, dict):
        return Refusal("data", f"{str(data)[:64]!r} is not an object")
    try:
        start = _read_instant(start_ns)
        times.check_timestamp(start, now=now)
        return Event(timestamp=start, duration=parse_duration((end_ns - start_ns) / 1e9), data=data)
    except InvalidEvent as error:
        return refuse(error)


def _read_instant(ns: int) -> datetime:
    try:
        return times.from_us(ns // 1000).astimezone(UTC)
    except (OverflowError, TypeError) as error:
        raise InvalidEvent("timestamp", f"{str(ns)[:64]!r} is no number of nanoseconds since 1970: {error}") from error
