"""Writes as REST sees them: checked against what is stored, published, answered after commit.

When the broker or ingest is away, the outbox keeps a write, and it is answered with 200 and what was sent: clients
of ActivityWatch throw away what a 5xx refuses (aw-client 0.5.15, ``RequestQueue``). So it is for heartbeats (the
event as it came, without an id), inserts, replacements, deletes, settings and buckets. Only a full outbox, or a request
that can not be answered without ingest (dead letters), is 503.

Whether a bucket exists is for ingest to say, which applies writes in their order: heartbeats and events are published
so that they make no bucket. The store is asked first only about buckets that are not ``_known``, that is, of which no
write was confirmed: a write that ingest refuses is kept as a dead letter, and one to a bucket that never was is not
worth keeping.

What was promised that way is not in the store yet. While messages of a bucket wait in the outbox, the last of them
decides: the bucket exists, unless its deletion was promised (``_doomed``). Who reads a bucket of which something was
promised waits for a moment until it is stored (``settle``), unless the broker can not be reached anyway: so that a
client finds what it wrote. Promises are numbered, and only the one that was waited for is forgotten then. Until the
outbox was empty once, what waits in it may have been promised by a process before this one (``_is_heir``).

::

    present --no confirmation in time--> away        every write waits for its confirmation
    away    --a confirmation-----------> present     one write at a time waits (the probe), the others do not,
                                                     and none while there is no connection to the broker
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from pulseline_api.reader import Reader
from pulseline_api.writer import Writer
from pulseline_client.imported import Imported
from pulseline_core.bucket import BucketDescription
from pulseline_core.errors import (
    BrokerUnavailable,
    NotFound,
    ReplyTimeout,
)
from pulseline_core.event import Event
from pulseline_core.message import WORKER_BUCKET
from pulseline_core.types import BucketId, JSONValue

_Result = TypeVar("_Result")

#: The most buckets that are known to exist; of the others, each write asks the store.
_MAX_KNOWN: Final = 100_000

#: How long a read waits for what was promised; the outbox empties in less once the broker is back.
_SETTLE_S: Final = 1.0


class Writes:
    """What requests may change.

    Args:
        reader: what is stored now.
        writer: what publishes.
    """

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer
        self._doomed: set[BucketId] = set()
        self._known: set[BucketId] = set()
        self._promised: dict[BucketId, int] = {}
        self._promises = itertools.count()
        self._promising = threading.Lock()
        self._is_heir = True
        self._is_away = False
        self._probe = threading.Lock()

    def create_bucket(self, bucket_id: BucketId, description: BucketDescription) -> bool:
        """Create a bucket; return false, and change nothing, when it exists."""
        if self._has_bucket(bucket_id):
            return False
        self._confirm(bucket_id, partial(self._writer.describe_bucket, bucket_id, description, update=False))
        return True

    def update_bucket(self, bucket_id: BucketId, description: BucketDescription) -> None:
        """Change what the description names; raise ``NotFound``."""
        self._check_bucket(bucket_id)
        self._confirm(bucket_id, partial(self._writer.update_bucket, bucket_id, description))

    def delete_bucket(self, bucket_id: BucketId) -> None:
        """Delete a bucket and its events; raise ``NotFound``."""
        self._check_bucket(bucket_id)
        self._confirm(bucket_id, partial(self._writer.delete_bucket, bucket_id), exists=False)

    def merge_heartbeat(self, bucket_id: BucketId, event: Event, pulsetime: timedelta) -> Event:
        """Merge a heartbeat; return the event that holds it now. Raise ``NotFound`` for the bucket."""
        self._check_bucket(bucket_id)
        merged = self._confirm(bucket_id, partial(self._writer.heartbeat, bucket_id, event, pulsetime=pulsetime))
        return event if merged is None else merged

    def store_events(self, bucket_id: BucketId, events: Sequence[Event]) -> list[Event]:
        """Insert events, or replace those whose id exists in this bucket; return them as stored, in their order.

        New events that stand together travel together, in as many messages as they need; each message is applied as
        a whole or not at all. Nothing is published if any of them does not fit.

        Raises:
            NotFound: the bucket does not exist.
            PayloadTooLarge: a single event does not fit a message.
        """
        self._check_bucket(bucket_id)
        groups = [
            (is_stored, [event if is_stored else replace(event, id=None) for event in group])
            for is_stored, group in itertools.groupby(events, key=lambda event: self._is_stored(bucket_id, event))
        ]
        if any(is_stored for is_stored, _ in groups):  # new events alone are checked as a whole by the writer
            for _, group in groups:
                for event in group:
                    self._writer.check_event(event)
        stored: list[Event] = []
        for is_stored, group in groups:
            if is_stored:
                stored += [self._replace(bucket_id, event) for event in group]
            else:
                stored += self._insert(bucket_id, group)
        return stored

    def delete_event(self, bucket_id: BucketId, event_id: int) -> bool:
        """Delete an event; return whether it existed. Raise ``NotFound`` for the bucket."""
        self._check_bucket(bucket_id)
        if self._reader.read_event(bucket_id, event_id) is None:
            return False
        deleted = self._confirm(bucket_id, partial(self._writer.delete_event, bucket_id, event_id))
        return deleted is not False

    def delete_events(self, bucket_id: BucketId, start: datetime, end: datetime) -> int | None:
        """Delete a range of events; return how many they were, ``None`` when that is not known yet."""
        self._check_bucket(bucket_id)
        return self._confirm(bucket_id, partial(self._writer.delete_events, bucket_id, start, end))

    def set_setting(self, key: str, value: JSONValue) -> None:
        """Keep a client's value under a key."""
        self._confirm(WORKER_BUCKET, partial(self._writer.set_setting, key, value))

    def delete_setting(self, key: str) -> None:
        """Forget a client's value."""
        self._confirm(WORKER_BUCKET, partial(self._writer.delete_setting, key))

    def describe_bucket(self, bucket_id: str, description: BucketDescription, *, update: bool) -> None:
        """Create a bucket for an import, which fails when nobody confirms it; so do the other two."""
        self._doomed.discard(BucketId(bucket_id))
        self._writer.describe_bucket(bucket_id, description, update=update)

    def import_events(self, bucket_id: str, events: Sequence[Event]) -> Imported | None:
        """Add those events that a bucket does not have."""
        return self._writer.import_events(bucket_id, events)

    def check_event(self, event: Event) -> None:
        """Raise ``PayloadTooLarge`` for an event that fits no message."""
        self._writer.check_event(event)

    def settle(self, bucket_id: BucketId) -> None:
        """Return when what was promised of the bucket is stored, or does not get there soon."""
        promise = self._promised.get(bucket_id)
        if promise is not None:
            self._keep({bucket_id: promise})
        elif self._is_heir and self._writer.has_unconfirmed(bucket_id):
            self._empty_outbox()

    def settle_all(self) -> None:
        """Do the same for all buckets."""
        if self._promised:
            self._keep(self._promised.copy())
        elif self._is_heir:
            self._empty_outbox()

    def _keep(self, promises: Mapping[BucketId, int]) -> None:
        """Wait until promises are kept, and forget them; those that were made meanwhile stay."""
        if any(self._writer.has_unconfirmed(bucket_id) for bucket_id in promises) and not self._empty_outbox():
            return
        with self._promising:
            for bucket_id, promise in promises.items():
                if self._promised.get(bucket_id) == promise:
                    del self._promised[bucket_id]

    def _empty_outbox(self) -> bool:
        """Give all that waits a moment to be confirmed; return whether it was."""
        if not self._writer.is_connected:
            return False
        try:
            self._writer.flush(_SETTLE_S)
        except ReplyTimeout:
            return False
        self._is_heir = False
        return True

    def _replace(self, bucket_id: BucketId, event: Event) -> Event:
        try:
            replaced = self._confirm(bucket_id, partial(self._writer.replace_event, bucket_id, event))
        except NotFound:  # somebody deleted it just now
            return self._insert(bucket_id, [replace(event, id=None)])[0]
        return event if replaced is None else replaced

    def _insert(self, bucket_id: BucketId, events: Sequence[Event]) -> list[Event]:
        inserted = self._confirm(bucket_id, partial(self._writer.insert_events, bucket_id, events))
        return list(events) if inserted is None else inserted

    def _confirm(
        self, bucket_id: BucketId, write: Callable[..., _Result | None], *, exists: bool = True
    ) -> _Result | None:
        """Write and wait for the confirmation; return ``None`` when it did not come (the outbox has the message).

        Args:
            bucket_id: what is written to.
            write: publishes; its keyword ``queued`` says not to wait.
            exists: whether the bucket exists once this is committed.
        """
        is_probe = self._is_away and self._writer.is_connected and self._probe.acquire(blocking=False)
        try:
            if self._is_away and not is_probe:
                write(queued=True)
                self._promise(bucket_id, exists)
                return None
            result = write(queued=False)
        except NotFound:
            self._known.discard(bucket_id)
            raise
        except (ReplyTimeout, BrokerUnavailable):
            self._is_away = True
            self._promise(bucket_id, exists)
            return None
        finally:
            if is_probe:
                self._probe.release()
        self._is_away = False
        self._note(bucket_id, exists)
        if exists and len(self._known) < _MAX_KNOWN:
            self._known.add(bucket_id)
        return result

    def _promise(self, bucket_id: BucketId, exists: bool) -> None:
        with self._promising:
            self._promised[bucket_id] = next(self._promises)
        self._note(bucket_id, exists)

    def _note(self, bucket_id: BucketId, exists: bool) -> None:
        """Note whether the bucket exists as soon as the outbox is through to the server."""
        if exists:
            self._doomed.discard(bucket_id)
        else:
            self._doomed.difference_update(
                [each for each in tuple(self._doomed) if not self._writer.has_unconfirmed(each)]
            )
            self._doomed.add(bucket_id)
            self._known.discard(bucket_id)

    def _check_bucket(self, bucket_id: BucketId) -> None:
        if bucket_id not in self._known and not self._has_bucket(bucket_id):
            raise NotFound("bucket", bucket_id)

    def _has_bucket(self, bucket_id: BucketId) -> bool:
        if self._writer.has_unconfirmed(bucket_id):
            return bucket_id not in self._doomed
        self._doomed.discard(bucket_id)
        return self._reader.has_bucket(bucket_id)

    def _is_stored(self, bucket_id: BucketId, event: Event) -> bool:
        return event.id is not None and self._reader.read_event(bucket_id, event.id) is not None
