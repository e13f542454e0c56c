"""The database of ActivityWatch's python server (``peewee-sqlite.v2.db``).

Tables ``bucketmodel`` and ``eventmodel`` of aw-core's storages/peewee.py, 0.4 to 0.5.18: times as text, durations in
seconds, data as JSON text. Databases from before buckets had data lack ``bucketmodel.datastr``; it may be NULL, too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from pulseline_client.importing.database_copy import get_columns, iter_rows
from pulseline_client.importing.source import Refusal, SourceBucket, read_event
from pulseline_core.event import Event
from pulseline_core.types import JSONObject, JSONValue

#: What makes a database one of these.
PEEWEE_TABLES: Final = frozenset({"bucketmodel", "eventmodel"})

_EVENTS: Final = (
    "SELECT timestamp, duration, datastr FROM eventmodel WHERE bucket_id = ? ORDER BY timestamp DESC, id DESC"
)


class PeeweeFile:
    """A source that reads a connection to such a database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._read = 0
        (total,) = connection.execute("SELECT count(*) FROM eventmodel").fetchone()
        self._total = max(1, int(total))

    @property
    def fraction(self) -> float:
        """How many of its events have been read, 0 to 1."""
        return self._read / self._total

    def iter_buckets(self, *, now: datetime) -> Iterator[SourceBucket]:
        """Yield the buckets; see ``Source``."""
        has_data = "datastr" in get_columns(self._connection, "bucketmodel")
        columns = f"key, id, type, client, hostname, created, {'datastr' if has_data else 'NULL'}"
        buckets = self._connection.execute(f"SELECT {columns} FROM bucketmodel ORDER BY key").fetchall()  # noqa: S608  our own words
        for key, bucket_id, *labels, created, data in buckets:
            fields: JSONObject = dict(zip(("type", "client", "hostname"), labels, strict=True))
            fields |= {"created": created, "data": parse_bucket_data(data)}
            yield SourceBucket(id=str(bucket_id), fields=fields, events=self._iter_events(key, now))

    def _iter_events(self, key: int, now: datetime) -> Iterator[Event | Refusal]:
        for timestamp, duration, text in iter_rows(self._connection, _EVENTS, key):
            self._read += 1
            data = parse_data(text)
            if isinstance(data, Refusal):
                yield data
            else:
                yield read_event({"timestamp": timestamp, "duration": _read_number(duration), "data": data}, now=now)


def _read_number(value: JSONValue) -> JSONValue:
    """Return a decimal that SQLite kept as text as the number that it is."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def parse_data(text: str | bytes | None) -> JSONValue | Refusal:
    """Return the data of a row; nothing is an empty object."""
    try:
        value: JSONValue = {} if text is None else json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        return Refusal("data", f"{str(text)[:64]!r} is not JSON: {error}")
    return value


def parse_bucket_data(text: str | bytes | None) -> JSONValue:
    """Return the data of a bucket; what is none is ``None``: early versions of both servers kept it wrongly."""
    data = parse_data(text)
    return data if isinstance(data, dict) else None
