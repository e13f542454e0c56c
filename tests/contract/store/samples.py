"""What the tests of the store speak of: one morning, two states, one bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from pulseline_core.bucket import BucketDescription
from pulseline_core.event import Event
from pulseline_core.store import BucketRow, Reader, Store, Transaction
from pulseline_core.store.column_reader import ColumnReader
from pulseline_core.store.event_rows import iter_events
from pulseline_core.types import JSONObject

MORNING = datetime(2026, 11, 23, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BUCKET = "watcher-window_host"
WORK: JSONObject = {"app": "code", "title": "main.py"}
MAIL: JSONObject = {"app": "mail", "title": "Inbox"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a test has its database, of whichever kind."""

    address: Path | str
    remove: Callable[[], None]
    open_store: Callable[[], Store]
    open_reader: Callable[[], Reader]
    open_columns: Callable[..., ColumnReader]


def at(seconds: float) -> datetime:
    """Return an instant of the morning."""
    return MORNING + timedelta(seconds=seconds)


def make_event(start_s: float = 0, length_s: float = 0, data: JSONObject = WORK, event_id: int | None = None) -> Event:
    """Return an event of the morning."""
    return Event(timestamp=at(start_s), duration=timedelta(seconds=length_s), data=data, id=event_id)


def get_row(tx: Transaction, bucket_id: str = BUCKET) -> BucketRow:
    """Return the bucket's row; makes the bucket if there is none."""
    row = tx.get_bucket(bucket_id)
    if row is None:
        tx.describe_bucket(bucket_id, BucketDescription(), now=MORNING, hostname="host")
        row = tx.get_bucket(bucket_id)
    assert row is not None
    return row


def insert(store: Store, *events: Event, bucket_id: str = BUCKET) -> list[Event]:
    """Insert events in a transaction of their own."""
    with store.transaction() as tx:
        return tx.insert_events(get_row(tx, bucket_id), events)


def beat(store: Store, *heartbeats: Event, pulsetime: timedelta = MINUTE, bucket_id: str = BUCKET) -> list[Event]:
    """Merge heartbeats in one transaction."""
    with store.transaction() as tx:
        row = get_row(tx, bucket_id)
        return [tx.merge_heartbeat(row, heartbeat, pulsetime) for heartbeat in heartbeats]


def collect(store: Store, limit: int = 1000) -> None:
    """Remove all that is deleted, ``limit`` events in a transaction."""
    is_left = True
    while is_left:
        with store.transaction() as tx:
            is_left = tx.collect(limit)


def outline(events: Iterable[Event]) -> list[tuple[float, float, JSONObject]]:
    """Return (start, end, data) of each event, in seconds of the morning."""
    return [
        ((event.timestamp - MORNING).total_seconds(), (event.end - MORNING).total_seconds(), event.data)
        for event in events
    ]


def stream_events(reader: Reader, **options: Any) -> Iterator[Event]:
    """Yield the events of the pages that ``Reader.iter_event_pages`` returns for the bucket."""
    return chain.from_iterable(iter_events(rows) for rows in reader.iter_event_pages(BUCKET, **options))
