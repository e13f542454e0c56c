"""What a message asks ingest to do, after its bytes were read.

``payload`` makes these from bytes; ingest applies them to the store. Values only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from pulseline_core.bucket import BucketDescription
from pulseline_core.event import Event
from pulseline_core.types import BucketId, JSONValue, PublisherId

#: The wire interface's limit: large enough for a batch of a thousand window events, small enough to hold many.
DEFAULT_MAX_PAYLOAD_BYTES: Final = 256 * 1024

#: In the place of a bucket, where requests that concern the worker are numbered.
WORKER_BUCKET: Final = BucketId("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """How a library client numbers its messages, for acknowledgement from end to end.

    Attributes:
        publisher: the outbox's id.
        seq: 1, 2, 3 ... per publisher and bucket.
        base: the oldest seq of this bucket that the outbox still holds; ``base <= seq``.
        reply: whether the acknowledgement shall carry the result.
    """

    publisher: PublisherId
    seq: int
    base: int
    reply: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeats:
    """Heartbeats to merge in order, in one transaction.

    Attributes:
        pulsetimes: one for each event; ``None`` is the bucket's own.
        creates_bucket: whether they may make an unknown bucket.
    """

    bucket_id: BucketId
    events: tuple[Event, ...]
    pulsetimes: tuple[timedelta | None, ...]
    creates_bucket: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertEvents:
    """Events to insert as they are; ``creates_bucket``: whether they may make an unknown bucket."""

    bucket_id: BucketId
    events: tuple[Event, ...]
    creates_bucket: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportEvents:
    """Events to insert where the bucket does not have them yet.

    Attributes:
        copies: one for each event: the how-manieth it is, from 1, of the events with its start and data, longest first.
        creates_bucket: whether they may make an unknown bucket.
    """

    bucket_id: BucketId
    events: tuple[Event, ...]
    copies: tuple[int, ...]
    creates_bucket: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeBucket:
    """Create the bucket, or change what the description names.

    Attributes:
        creates_bucket: whether it may do the former.
        updates_bucket: whether it may do the latter.
    """

    bucket_id: BucketId
    description: BucketDescription
    creates_bucket: bool = True
    updates_bucket: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceEvent:
    """Put ``event`` in the place of the bucket's event with the same id."""

    bucket_id: BucketId
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteEvent:
    """Delete one event of the bucket."""

    bucket_id: BucketId
    event_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteEvents:
    """Delete the bucket's events that begin within ``[start, end]``."""

    bucket_id: BucketId
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteBucket:
    """Delete the bucket and all its events."""

    bucket_id: BucketId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayDeadLetter:
    """Read and apply a dead letter again, as if it had just come in; it goes if it can be applied now."""

    dead_letter_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropDeadLetter:
    """Forget a dead letter."""

    dead_letter_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSetting:
    """Keep a value under a key for ActivityWatch's clients, instead of what is there."""

    key: str
    value: JSONValue


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteSetting:
    """Forget the value of a key."""

    key: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """A message that asks for nothing: a cleared retained message, a device's availability."""


Request: TypeAlias = (
    Heartbeats
    | InsertEvents
    | ImportEvents
    | DescribeBucket
    | ReplaceEvent
    | DeleteEvent
    | DeleteEvents
    | DeleteBucket
    | ReplayDeadLetter
    | DropDeadLetter
    | SetSetting
    | DeleteSetting
    | Nothing
)
"""Everything that a message can ask for."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request, and the envelope it came in (``None`` from plain publishers)."""

    request: Request
    envelope: Envelope | None = None
