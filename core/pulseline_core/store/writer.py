"""The writing side of the store: transactions that hold all effects of a group of messages.

One ``Store`` is open for writing at a time, and one thread uses it. ``transaction()`` begins by taking the write lock
and ends by a durable commit; if the block, the writing or the commit fails, nothing of it remains, on disk or in
memory, and the next transaction begins from what is on disk. After a failure of the database the connection is closed
and the next transaction opens another. Before it begins it looks whether the files that are open still have a name:
nothing may be committed to where nobody will find it.

A ``BadInput`` (``NotFound``) leaves the transaction as it was, so that a caller may catch it and go on.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from pulseline_core.bucket import Bucket, BucketDescription
from pulseline_core.errors import Closed, Misuse, NotFound, PulselineError, StoreUnavailable
from pulseline_core.event import Event
from pulseline_core.merge import Span
from pulseline_core.store import buckets, dead_letters, deleted, settings
from pulseline_core.store.buckets import BucketRow, Buckets
from pulseline_core.store.connection import Backend, Connection
from pulseline_core.store.dead_letters import DeadLetter
from pulseline_core.store.event_data import EventData
from pulseline_core.store.event_rows import build_event
from pulseline_core.store.migrations import MIGRATIONS, Migration, prepare, read_epoch
from pulseline_core.store.timeline import Imported, Timelines
from pulseline_core.store.watermarks import Watermarks
from pulseline_core.times import MICROSECOND, to_us
from pulseline_core.types import BucketId, JSONObject, JSONValue

logger = logging.getLogger(__name__)

_FIND_EVENT: Final = "SELECT data_id FROM event WHERE id = ? AND bucket_id = ?"
_DELETE_EVENT: Final = "DELETE FROM event WHERE id = ?"
_REPLACE_EVENT: Final = "UPDATE event SET start_us = ?, end_us = ?, data_id = ? WHERE id = ?"


class _Tables:
    """What the transactions of one connection share: the tables, and what is remembered of them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.buckets = Buckets(connection)
        self.data = EventData(connection)
        self.timelines = Timelines(connection)
        self.watermarks = Watermarks(connection)

    def forget(self) -> None:
        """Forget what another writer may have changed; data that is gone would be missed by the row that has it."""
        self.buckets = Buckets(self.connection)
        self.timelines = Timelines(self.connection)
        self.watermarks = Watermarks(self.connection)

    def flush(self) -> None:
        """Write what is only in memory so far."""
        self.timelines.flush()
        self.data.flush()
        self.watermarks.flush()
        self.buckets.flush()


class Transaction:
    """A group's changes; see ``Store.transaction``."""

    def __init__(self, tables: _Tables) -> None:
        self._connection = tables.connection
        self._buckets = tables.buckets
        self._data = tables.data
        self._timelines = tables.timelines
        self._watermarks = tables.watermarks
        self._merged_before = tables.timelines.merged

    @property
    def merged(self) -> int:
        """How many heartbeats became part of an event that was there."""
        return self._timelines.merged - self._merged_before

    def expect(
        self, bucket_ids: Iterable[str], watermarks: Iterable[tuple[str, str]], objects: Iterable[JSONObject] = ()
    ) -> None:
        """Read at once what will be asked for; called before all else, and only to save time.

        Args:
            bucket_ids: buckets that events will be added to.
            watermarks: each as (publisher, bucket).
            objects: data that the events may have.
        """
        if self._connection.backend.is_shared:
            self._watermarks.expect(watermarks)
            self._timelines.expect(self._buckets.expect(BucketId(bucket_id) for bucket_id in bucket_ids))
            self._data.expect(objects)

    def get_bucket(self, bucket_id: str) -> BucketRow | None:
        """Return a bucket, ``None`` if there is none."""
        return self._buckets.get(BucketId(bucket_id))

    def describe_bucket(
        self,
        bucket_id: str,
        description: BucketDescription,
        *,
        now: datetime,
        hostname: str,
        default_client: str = "mqtt",
    ) -> Bucket:
        """Create a bucket, or change what the description names of it.

        Args:
            bucket_id: the bucket.
            description: what is said of it.
            now: when it was created, if it is new and the description does not say.
            hostname: what ``!local`` stands for.
            default_client: who made it, if it is new and the description does not say.

        Returns:
            The bucket, with where its timeline begins and ends.
        """
        row = self.get_bucket(bucket_id)
        if row is None:
            known = Bucket(id=BucketId(bucket_id), client=default_client, created=now)
        else:
            known = row.bucket
            self._timelines.settle(self._timelines.get(row.key))
        self._buckets.put(buckets.describe(known, description, hostname=hostname))
        described = buckets.read_bucket(self._connection, bucket_id)
        if described is None:
            raise NotFound("bucket", bucket_id)
        return described

    def delete_bucket(self, row: BucketRow) -> None:
        """Delete a bucket and its events; its watermarks stay, so that no old message is applied again.

        Quick, however many events it has: their rows are left to ``collect``.
        """
        self._timelines.get(row.key)
        self._timelines.forget(row.key)
        self._buckets.forget(row.bucket.id)
        deleted.delete_bucket(self._connection, row.key)

    def merge_heartbeat(self, row: BucketRow, event: Event, pulsetime: timedelta) -> Event:
        """Merge a heartbeat into the bucket's timeline and return the event that holds it now."""
        timeline = self._timelines.get(row.key)
        stored = self._timelines.merge(timeline, self._span(event), pulsetime_us=pulsetime // MICROSECOND)
        return build_event(stored.id, stored.span.start_us, stored.span.end_us, event.data)

    def add_heartbeats(self, row: BucketRow, heartbeats: Iterable[tuple[Event, timedelta]]) -> None:
        """Do the same with many, each with its pulsetime, for somebody who does not ask what became of them."""
        timeline = self._timelines.get(row.key)
        for event, pulsetime in heartbeats:
            self._timelines.merge(timeline, self._span(event), pulsetime_us=pulsetime // MICROSECOND)

    def insert_events(self, row: BucketRow, events: Iterable[Event]) -> list[Event]:
        """Insert events as they are and return them with their ids."""
        timeline, added = self._timelines.get(row.key), list(events)
        stored = self._timelines.insert(timeline, [self._span(event) for event in added])
        return [build_event(number, *span[:2], event.data) for event, (number, span) in zip(added, stored, strict=True)]

    def import_events(self, row: BucketRow, events: Iterable[tuple[Event, int]]) -> Imported:
        """Insert those events that the bucket does not have; see ``Timelines.complete``.

        Args:
            row: the bucket.
            events: each with its number, from 1, among those with its start and data, longest first.
        """
        timeline = self._timelines.get(row.key)
        return self._timelines.complete(timeline, [(self._span(event), copy) for event, copy in events])

    def replace_event(self, row: BucketRow, event: Event) -> Event:
        """Put ``event`` in the place of the bucket's event with the same id.

        Raises:
            NotFound: the bucket has no event with this id.
        """
        timeline = self._timelines.get(row.key)
        self._timelines.settle(timeline)
        found = self._connection.fetch_one(_FIND_EVENT, (event.id, row.key))
        if event.id is None or found is None:
            raise NotFound("event", event.id or 0)
        self._timelines.note_rewrite(timeline)
        span = self._span(event)
        self._connection.change(_REPLACE_EVENT, (span.start_us, span.end_us, span.data, event.id))
        self._timelines.cover(timeline, span.end_us - span.start_us)
        if found[0] != span.data:
            self._data.collect(found)
        return event

    def delete_event(self, row: BucketRow, event_id: int) -> bool:
        """Delete an event and return whether the bucket had it."""
        timeline = self._timelines.get(row.key)
        self._timelines.settle(timeline)
        found = self._connection.fetch_one(_FIND_EVENT, (event_id, row.key))
        if found is None:
            return False
        self._timelines.note_rewrite(timeline)
        self._connection.change(_DELETE_EVENT, (event_id,))
        self._data.collect(found)
        return True

    def delete_events(self, row: BucketRow, start: datetime, end: datetime) -> int:
        """Delete the events that begin within ``[start, end]`` and return how many they were.

        The rows are left to ``collect``; moving a million out of sight takes a second and a half all the same.
        """
        timeline = self._timelines.get(row.key)
        self._timelines.settle(timeline)
        self._timelines.note_rewrite(timeline)
        return deleted.delete_range(self._connection, row.key, first_us=to_us(start), last_us=to_us(end))

    def set_setting(self, key: str, value: JSONValue) -> None:
        """Keep a client's value under a key."""
        settings.set_setting(self._connection, key, value)

    def delete_setting(self, key: str) -> bool:
        """Forget a client's value; return whether there was one."""
        return settings.delete_setting(self._connection, key)

    def get_watermark(self, publisher: str, bucket_id: str) -> int:
        """Return the last seq of the publisher and bucket that is committed, or set here; 0 if there is none."""
        return self._watermarks.get(publisher, bucket_id)

    def set_watermark(self, publisher: str, bucket_id: str, seq: int) -> None:
        """Set the last seq; it is committed with everything else."""
        self._watermarks.set(publisher, bucket_id, seq)

    def add_dead_letter(
        self, topic: str, payload: bytes, *, reason: str, received_at: datetime, client_id: str = ""
    ) -> int:
        """Keep a message that can not be applied and return its number."""
        return dead_letters.add_dead_letter(
            self._connection, topic=topic, payload=payload, reason=reason, received_at=received_at, client_id=client_id
        )

    def get_dead_letter(self, dead_letter_id: int) -> DeadLetter:
        """Return a dead letter; ``NotFound`` if there is none."""
        return dead_letters.read_dead_letter(self._connection, dead_letter_id)

    def set_dead_letter_reason(self, dead_letter_id: int, reason: str) -> None:
        """Write another reason on a dead letter; ``NotFound`` if there is none."""
        dead_letters.set_reason(self._connection, dead_letter_id, reason)

    def drop_dead_letter(self, dead_letter_id: int) -> None:
        """Forget a dead letter; ``NotFound`` if there is none."""
        dead_letters.drop_dead_letter(self._connection, dead_letter_id)

    def _span(self, event: Event) -> Span:
        start_us = to_us(event.timestamp)
        return Span(start_us, start_us + event.duration // MICROSECOND, self._data.get_id(event.data))

    def collect(self, limit: int) -> bool:
        """Remove up to ``limit`` deleted events for good; return whether there may be more."""
        self._timelines.write_events()
        return deleted.collect(self._connection, self._data, limit)


class Store:
    """The open store; made by ``open_store``, closed by ``close`` or at the end of a ``with`` block."""

    def __init__(self, backend: Backend, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self._backend = backend
        self._migrations = migrations
        self._is_closed = False
        self._is_busy = False
        self._epoch = ""
        self._tables: _Tables | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._tables is not None:
            warnings.warn(f"store {self._backend.place!r} was never closed", ResourceWarning, stacklevel=1)

    @property
    def epoch(self) -> str:
        """The database's own name, a UUID: another one means that it was replaced."""
        return self._epoch

    def open(self) -> None:
        """Connect, create or migrate the schema; returns when transactions can begin."""
        connection = Connection(self._backend, is_writer=True)
        is_ready = False
        try:
            prepare(connection, self._migrations)
            self._check_epoch(read_epoch(connection))
            connection.note_identity()
            is_ready = True
        finally:
            if not is_ready:
                connection.close()
        self._tables = _Tables(connection)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Hold a transaction: durable when the block has ended, undone when it ends by an error.

        Raises:
            StoreUnavailable: the database failed or is locked; nothing of the block is stored.
            DiskFull: the same, for want of space.
        """
        tables = self._begin()
        is_committed = False
        try:
            with tables.connection.write():
                yield Transaction(tables)
                tables.flush()
            is_committed = True
        finally:
            self._is_busy = False
            if not is_committed:
                self._start_over(tables.connection)
        self._tidy(tables.connection)

    def close(self) -> None:
        """Bring the log into the file and close; does nothing the second time."""
        self._is_closed = True
        tables, self._tables = self._tables, None
        if tables is None:
            return
        try:
            self._backend.finish(tables.connection)
        except PulselineError as error:
            logger.warning("closing the store: %s", error)
        tables.connection.close()

    def _begin(self) -> _Tables:
        if self._is_closed:
            raise Closed("store")
        if self._is_busy:
            raise Misuse("a transaction is open already")
        if self._tables is not None and self._tables.connection.is_log_lost:
            self._save_log(self._tables.connection)
        if self._tables is not None and self._tables.connection.is_lost:
            self._tables.connection.close()
            self._tables = None
            if self._backend.is_leased:
                raise StoreUnavailable(f"the partition was lost with the connection to {self._backend.place!r}")
        if self._tables is None:
            self.open()
        tables = self._tables
        if tables is None or tables.connection.is_replaced:
            raise self._replaced()
        if self._backend.is_shared:
            tables.forget()
        self._is_busy = True
        return tables

    def _save_log(self, connection: Connection) -> None:
        """Bring a log that was deleted, and that only those who have it open still reach, into the file.

        The connection is closed then, so that the next one gets a log with a name; unless that takes a restart.
        """
        is_saved = False
        try:
            is_saved = self._backend.finish(connection)
        finally:
            if connection.is_broken or (is_saved and not connection.is_replaced):
                connection.close()
                self._tables = None
        if not is_saved:
            place = self._backend.place
            raise StoreUnavailable(f"the log of database {place!r} was deleted, and readers still need it")
        if self._tables is None:
            logger.warning("the log of the database was deleted while it was open; what it held is saved")

    def _check_epoch(self, epoch: str) -> None:
        """Raise if this is not the database that was open before."""
        if self._epoch not in ("", epoch):
            raise self._replaced()
        self._epoch = epoch

    def _replaced(self) -> StoreUnavailable:
        place = self._backend.place
        return StoreUnavailable(
            f"database {place!r} or a file beside it was moved or replaced while it was open", hint="restart Pulseline"
        )

    def _start_over(self, connection: Connection) -> None:
        """Forget what was in memory; after a failure of the database the connection too."""
        self._tables = None if connection.is_broken else _Tables(connection)
        if connection.is_broken:
            connection.close()

    def _tidy(self, connection: Connection) -> None:
        try:
            self._backend.tidy(connection)
        except PulselineError as error:  # of whatever family: the transaction is committed
            logger.warning("tidying the store: %s", error)
            self._start_over(connection)
