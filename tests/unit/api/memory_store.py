# ruff: noqa: D102  (the methods are described where they are asked for: reader.py and writer.py)
"""A store in memory, read and written as the API does it; writes are recorded and can be made to get no answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pulseline_client.imported import Imported
from pulseline_core.bucket import Bucket, BucketDescription
from pulseline_core.errors import BadInput, InvalidPayload, NotFound, PayloadTooLarge, PulselineError, ReplyTimeout
from pulseline_core.event import Event
from pulseline_core.json_value import canonical
from pulseline_core.message import WORKER_BUCKET
from pulseline_core.store import DeadLetter, EventRow
from pulseline_core.times import to_us
from pulseline_core.types import BucketId, JSONObject, JSONValue

_Kept = TypeVar("_Kept")


class ByBucket(dict[str, _Kept]):
    """What is kept of buckets; asking for that of one that does not exist is ``NotFound``, as with ingest."""

    def __missing__(self, bucket_id: str) -> _Kept:
        raise NotFound("bucket", bucket_id)


@dataclass
class MemoryStore:
    """What is stored."""

    buckets: dict[str, Bucket] = field(default_factory=ByBucket[Bucket])
    events: dict[str, list[Event]] = field(default_factory=ByBucket[list[Event]])
    dead_letters: dict[int, DeadLetter] = field(default_factory=dict)
    settings: dict[str, JSONValue] = field(default_factory=dict)
    last_id: int = 0

    def add_bucket(self, bucket_id: str, **described: Any) -> None:
        """Store a bucket."""
        created = datetime(2026, 11, 1, tzinfo=UTC)
        self.buckets[bucket_id] = Bucket(id=BucketId(bucket_id), **{"created": created, **described})
        self.events[bucket_id] = []

    def add_dead_letter(self, payload: bytes, reason: str = "payload is not JSON") -> int:
        """Store a dead letter under the next id."""
        self.last_id += 1
        self.dead_letters[self.last_id] = DeadLetter(
            id=self.last_id,
            topic="pulseline/v1/plug/heartbeat",
            payload=payload,
            reason=reason,
            received_at=datetime(2026, 11, 23, tzinfo=UTC),
            client_id="",
        )
        return self.last_id

    def add_event(self, bucket_id: str, event: Event) -> Event:
        """Store an event under the next id; raise ``NotFound``, as ingest does, without the bucket."""
        bucket = self.buckets[bucket_id]
        self.last_id += 1
        stored = replace(event, id=self.last_id)
        self.events[bucket.id].append(stored)
        return stored


def name_fields(description: BucketDescription) -> dict[str, Any]:
    """Return what a description names."""
    fields = {name: getattr(description, name) for name in description.__slots__}
    return {name: value for name, value in fields.items() if value is not None}


class MemoryReader:
    """Reads a ``MemoryStore``; the reads themselves are as simple as can be."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.asked: list[dict[str, Any]] = []

    def check(self) -> None:
        pass

    def read_buckets(self) -> list[Bucket]:
        return list(self.store.buckets.values())

    def read_bucket(self, bucket_id: str) -> Bucket:
        if bucket_id not in self.store.buckets:
            raise NotFound("bucket", bucket_id)
        return self.store.buckets[bucket_id]

    def has_bucket(self, bucket_id: str) -> bool:
        return bucket_id in self.store.buckets

    def read_events(
        self,
        bucket_id: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
    ) -> list[Event]:
        self.asked.append({"start": start, "end": end, "limit": limit})
        self.read_bucket(bucket_id)
        return self._sort(bucket_id)[:limit]

    @contextmanager
    def open_event_rows(
        self,
        bucket_id: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[Iterator[EventRow]]:
        yield map(build_row, self.read_events(bucket_id, start=start, end=end, limit=limit))

    def read_event(self, bucket_id: str, event_id: int) -> Event | None:
        self.read_bucket(bucket_id)
        return next((event for event in self.store.events[bucket_id] if event.id == event_id), None)

    def count_events(self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None) -> int:
        self.asked.append({"start": start, "end": end})
        self.read_bucket(bucket_id)
        return len(self.store.events[bucket_id])

    def iter_event_pages(
        self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[list[EventRow]]:
        self.asked.append({"start": start, "end": end})
        self.read_bucket(bucket_id)
        return iter([[build_row(event)] for event in self._sort(bucket_id)])

    def read_setting(self, key: str) -> JSONValue:
        return self.store.settings.get(key)

    def read_settings(self) -> JSONObject:
        return dict(self.store.settings)

    def read_dead_letters(self, limit: int, before_id: int | None = None) -> list[DeadLetter]:
        newest_first = sorted(self.store.dead_letters.values(), key=lambda each: each.id, reverse=True)
        return [each for each in newest_first if before_id is None or each.id < before_id][:limit]

    def read_dead_letter(self, dead_letter_id: int) -> DeadLetter:
        if dead_letter_id not in self.store.dead_letters:
            raise NotFound("dead letter", dead_letter_id)
        return self.store.dead_letters[dead_letter_id]

    def count_dead_letters(self) -> int:
        return len(self.store.dead_letters)

    def _sort(self, bucket_id: str) -> list[Event]:
        return sorted(self.store.events[bucket_id], key=lambda event: (event.timestamp, event.id), reverse=True)


def build_row(event: Event) -> EventRow:
    """Return an event as a row; equal data has an equal number."""
    text = canonical(event.data)
    return event.id or 0, to_us(event.timestamp), to_us(event.end), hash(text), text


class RecordingWriter:
    """Applies writes to a ``MemoryStore`` and records them.

    Attributes:
        calls: the name, the arguments and the keywords of each write.
        problem: what every write that waits raises, as when the broker is away.
    """

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.problem: PulselineError | None = None
        self.unconfirmed: set[str] = set()
        self.is_connected = True
        self.flushed = 0

    @property
    def names(self) -> list[str]:
        """What was called."""
        return [name for name, _, _ in self.calls]

    def _record(self, name: str, *arguments: Any, queued: bool = False, **keywords: Any) -> bool:
        """Return whether the write is to be applied at once."""
        self.calls.append((name, arguments, {"queued": queued, **keywords}))
        if isinstance(self.problem, BadInput):
            raise self.problem
        if self.problem is not None or queued:
            self.unconfirmed.add(arguments[0])
        else:
            self.unconfirmed.discard(arguments[0])
        if self.problem is not None and not queued:
            raise self.problem
        return not queued

    def has_unconfirmed(self, bucket_id: str) -> bool:
        return bucket_id in self.unconfirmed

    def flush(self, timeout_s: float) -> None:
        assert timeout_s > 0
        self.flushed += 1
        if self.problem is not None:
            raise ReplyTimeout(timeout_s)
        self.unconfirmed.clear()

    def come_back(self) -> None:
        """Confirm what was kept, and everything from now on."""
        self.problem = None
        self.unconfirmed.clear()

    def go_away(self) -> None:
        """Confirm nothing from now on."""
        self.problem = ReplyTimeout(10.0)

    def describe_bucket(
        self, bucket_id: str, description: BucketDescription, *, update: bool = True, queued: bool = False
    ) -> None:
        if self._record("describe_bucket", bucket_id, description, update=update, queued=queued):
            self.store.add_bucket(bucket_id, **name_fields(description))

    def update_bucket(self, bucket_id: str, description: BucketDescription, *, queued: bool = False) -> None:
        if self._record("update_bucket", bucket_id, description, queued=queued):
            self.store.buckets[bucket_id] = replace(self.store.buckets[bucket_id], **name_fields(description))

    def heartbeat(
        self, bucket_id: str, data: Event, *, pulsetime: timedelta | float | None = None, queued: bool = True
    ) -> Event | None:
        if self._record("heartbeat", bucket_id, data, pulsetime=pulsetime, queued=queued):
            return self.store.add_event(bucket_id, data)
        return None

    def insert_events(self, bucket_id: str, events: Sequence[Event], *, queued: bool = False) -> list[Event] | None:
        if self._record("insert_events", bucket_id, list(events), queued=queued):
            return [self.store.add_event(bucket_id, event) for event in events]
        return None

    def import_events(self, bucket_id: str, events: Sequence[Event], *, queued: bool = False) -> Imported | None:
        if not self._record("import_events", bucket_id, list(events), queued=queued):
            return None
        missing = [event for event in events if event not in self.store.events[bucket_id]]
        for event in missing:
            self.store.add_event(bucket_id, event)
        return Imported(inserted=len(missing))

    def replace_event(self, bucket_id: str, event: Event, *, queued: bool = False) -> Event | None:
        if self._record("replace_event", bucket_id, event, queued=queued):
            rows = self.store.events[bucket_id]
            self.store.events[bucket_id] = [event if row.id == event.id else row for row in rows]
            return event
        return None

    def check_event(self, event: Event) -> None:
        if "large" in event.data:
            raise PayloadTooLarge(size_bytes=300_000, limit_bytes=262_144)

    def delete_event(self, bucket_id: str, event_id: int, *, queued: bool = False) -> bool | None:
        if self._record("delete_event", bucket_id, event_id, queued=queued):
            self.store.events[bucket_id] = [row for row in self.store.events[bucket_id] if row.id != event_id]
            return True
        return None

    def delete_events(self, bucket_id: str, start: datetime, end: datetime, *, queued: bool = False) -> int | None:
        if not self._record("delete_events", bucket_id, start, end, queued=queued):
            return None
        rows = self.store.events[bucket_id]
        self.store.events[bucket_id] = [row for row in rows if not start <= row.timestamp <= end]
        return len(rows) - len(self.store.events[bucket_id])

    def set_setting(self, key: str, value: JSONValue, *, queued: bool = False) -> None:
        if self._record("set_setting", WORKER_BUCKET, key, value, queued=queued):
            self.store.settings[key] = value

    def delete_setting(self, key: str, *, queued: bool = False) -> bool | None:
        if self._record("delete_setting", WORKER_BUCKET, key, queued=queued):
            return self.store.settings.pop(key, None) is not None
        return None

    def delete_bucket(self, bucket_id: str, *, queued: bool = False) -> None:
        if self._record("delete_bucket", bucket_id, queued=queued):
            del self.store.buckets[self.store.buckets[bucket_id].id]

    def replay_dead_letter(self, dead_letter_id: int) -> JSONObject:
        self._record("replay_dead_letter", dead_letter_id)
        if self.store.dead_letters[dead_letter_id].reason == "hopeless":
            raise InvalidPayload("still hopeless")
        del self.store.dead_letters[dead_letter_id]
        return {}

    def drop_dead_letter(self, dead_letter_id: int) -> None:
        self._record("drop_dead_letter", dead_letter_id)
        del self.store.dead_letters[dead_letter_id]
