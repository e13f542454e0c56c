"""What ActivityWatch stores: events, and databases of every version to put them into."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pulseline_client.importing.source import Refusal, Source
from pulseline_core.event import Event

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

START = datetime(2024, 5, 1, 8, 30, 0, 123_000, tzinfo=UTC)

WINDOW = "aw-watcher-window_host.local"

#: Newest first; the two newest are equal.
EVENTS = (
    Event(timestamp=START + timedelta(hours=1), data={"app": "Editor", "title": "zwölf — 🐢"}),
    Event(timestamp=START + timedelta(hours=1), data={"app": "Editor", "title": "zwölf — 🐢"}),
    Event(timestamp=START, duration=timedelta(seconds=6.377), data={"app": "Shell", "n": {"x": [1, 2.5, True, None]}}),
    Event(timestamp=START - timedelta(days=30), duration=timedelta(days=2), data={}),
)

#: The tables of aw-core 0.5.17, storages/peewee.py; before 0.5 ``bucketmodel`` had no ``datastr``.
_PEEWEE = """
CREATE TABLE bucketmodel (key INTEGER NOT NULL PRIMARY KEY, id VARCHAR(255) NOT NULL, created DATETIME NOT NULL,
    name VARCHAR(255), type VARCHAR(255) NOT NULL, client VARCHAR(255) NOT NULL, hostname VARCHAR(255) NOT NULL{});
CREATE TABLE eventmodel (id INTEGER NOT NULL PRIMARY KEY, bucket_id INTEGER NOT NULL, timestamp DATETIME NOT NULL,
    duration DECIMAL(10, 5) NOT NULL, datastr VARCHAR(255) NOT NULL);
CREATE INDEX eventmodel_timestamp ON eventmodel (timestamp);
"""

#: aw-server-rust aw-datastore/src/datastore.rs: what each version of the database changed.
_RUST = (
    """CREATE TABLE buckets (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL, type TEXT NOT NULL,
        client TEXT NOT NULL, hostname TEXT NOT NULL, created TEXT NOT NULL);
    CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, bucketrow INTEGER NOT NULL, starttime INTEGER NOT NULL,
        endtime INTEGER NOT NULL, data TEXT NOT NULL, FOREIGN KEY (bucketrow) REFERENCES buckets(id));
    CREATE INDEX events_starttime_index ON events(starttime);""",
    "ALTER TABLE buckets ADD COLUMN data TEXT DEFAULT '{}';",
    """ALTER TABLE buckets RENAME COLUMN data TO data_deprecated;
    ALTER TABLE buckets ADD COLUMN data TEXT NOT NULL DEFAULT '{}';""",
    "CREATE TABLE key_value (key TEXT PRIMARY KEY, value TEXT, last_modified NUMBER NOT NULL);",
    """DROP INDEX events_starttime_index;
    CREATE INDEX events_bucketrow_starttime_endtime_index ON events(bucketrow, starttime DESC, endtime);""",
    "CREATE INDEX events_bucketrow_endtime_starttime_index ON events(bucketrow, endtime, starttime DESC);",
)

RUST_VERSIONS = tuple(range(1, len(_RUST) + 1))


def build_peewee(connection: sqlite3.Connection, events: Sequence[Event] = EVENTS, *, has_data: bool = True) -> None:
    """Fill a database as the python server does."""
    connection.executescript(_PEEWEE.format(", datastr VARCHAR(255)" if has_data else ""))
    columns = "key, id, created, type, client, hostname"
    values = (1, WINDOW, "2024-01-01 09:00:00.500000+00:00", "currentwindow", "aw-watcher-window", "host.local")
    connection.execute(f"INSERT INTO bucketmodel ({columns}) VALUES (?, ?, ?, ?, ?, ?)", values)
    connection.executemany(
        "INSERT INTO eventmodel (bucket_id, timestamp, duration, datastr) VALUES (1, ?, ?, ?)",
        [(str(event.timestamp), event.duration.total_seconds(), json.dumps(event.data)) for event in reversed(events)],
    )
    connection.commit()


def build_rust(connection: sqlite3.Connection, events: Sequence[Event] = EVENTS, *, version: int = 5) -> None:
    """Fill a database as a Rust server with this version of the database does."""
    for step in _RUST[:version]:
        connection.executescript(step)
    connection.execute(f"PRAGMA user_version = {version}")
    values = (WINDOW, "currentwindow", "aw-watcher-window", "host.local", "2024-01-01T09:00:00.500+00:00")
    connection.execute("INSERT INTO buckets (name, type, client, hostname, created) VALUES (?, ?, ?, ?, ?)", values)
    connection.executemany(
        "INSERT INTO events (bucketrow, starttime, endtime, data) VALUES (1, ?, ?, ?)",
        [(to_ns(event.timestamp), to_ns(event.end), json.dumps(event.data)) for event in reversed(events)],
    )
    connection.commit()


def to_ns(instant: datetime) -> int:
    """Return an instant as the Rust server stores it."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def read_all(source: Source) -> dict[str, list[Event | Refusal]]:
    """Return the events of every bucket, in the source's order."""
    return {bucket.id: list(bucket.events) for bucket in source.iter_buckets(now=NOW)}
