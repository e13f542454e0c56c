"""One request on the store's transaction.

Each request is checked against the store before its first write, so a ``BadInput`` that comes out of here has left
nothing behind, and a batch is applied whole or not at all. Other errors leave the transaction to be rolled back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias, assert_never

from pulseline_core.bucket import LOCAL_HOSTNAME, Bucket, BucketDescription
from pulseline_core.errors import NotFound
from pulseline_core.event import Event
from pulseline_core.message import (
    DeleteBucket,
    DeleteEvent,
    DeleteEvents,
    DescribeBucket,
    Heartbeats,
    ImportEvents,
    InsertEvents,
    ReplaceEvent,
)
from pulseline_core.store import BucketRow, Transaction
from pulseline_core.types import BucketId
from pulseline_ingest.outcome import BucketRequest, Deleted, Done, Result

#: The client of a bucket that a plain publisher's first event makes.
PLAIN_CLIENT: Final = "mqtt"

Addition: TypeAlias = Heartbeats | InsertEvents | ImportEvents

_UNDESCRIBED: Final = BucketDescription()


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The machine that ingest runs on, which buckets of the hostname ``!local`` belong to."""

    name: str
    device_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRules:
    """What applying needs to know.

    Attributes:
        pulsetime: of heartbeats and buckets that name none.
        creates_buckets: whether an event for an unknown bucket makes it.
    """

    host: Host
    pulsetime: timedelta = timedelta(seconds=60)
    creates_buckets: bool = True


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message comes from.

    Attributes:
        publisher: the outbox that numbered it, ``None`` for a plain publisher.
        received_at: aware UTC.
        is_answered: whether somebody wants to know what heartbeats became.
    """

    publisher: str | None
    received_at: datetime
    is_answered: bool = True


def apply_request(tx: Transaction, request: BucketRequest, origin: Origin, rules: ApplyRules) -> Result:
    """Do what is asked for.

    Args:
        tx: the open transaction.
        request: what is asked for.
        origin: for the description of a bucket that is made by the way.
        rules: the settings.

    Raises:
        NotFound: the bucket or the event does not exist; nothing was written.
    """
    match request:
        case Heartbeats() | InsertEvents() | ImportEvents():
            return _add_events(tx, request, origin, rules)
        case DescribeBucket():
            return _create_or_update(tx, request, origin, rules)
        case ReplaceEvent():
            return tx.replace_event(_get(tx, request.bucket_id), request.event)
        case DeleteEvent() | DeleteEvents() | DeleteBucket():
            return Deleted(_delete(tx, _get(tx, request.bucket_id), request))
        case _:
            assert_never(request)


def _add_events(tx: Transaction, request: Addition, origin: Origin, rules: ApplyRules) -> Result:
    row = tx.get_bucket(request.bucket_id)
    if row is None:
        row = _create(tx, request, origin, rules)
    if isinstance(request, InsertEvents):
        return _unwrap(tx.insert_events(row, request.events))
    if isinstance(request, ImportEvents):
        return tx.import_events(row, zip(request.events, request.copies, strict=True))
    default = rules.pulsetime if row.bucket.pulsetime is None else row.bucket.pulsetime
    pulsetimes = (default if own is None else own for own in request.pulsetimes)
    heartbeats = zip(request.events, pulsetimes, strict=True)
    if origin.is_answered:
        return _unwrap([tx.merge_heartbeat(row, event, pulsetime) for event, pulsetime in heartbeats])
    tx.add_heartbeats(row, heartbeats)
    return Done()


def _delete(tx: Transaction, row: BucketRow, request: DeleteEvent | DeleteEvents | DeleteBucket) -> int:
    """Delete, and return how many events or buckets went."""
    if isinstance(request, DeleteEvent):
        return int(tx.delete_event(row, request.event_id))
    if isinstance(request, DeleteEvents):
        return tx.delete_events(row, request.start, request.end)
    tx.delete_bucket(row)
    return 1


def _unwrap(events: list[Event]) -> Result:
    """Return one event as itself, any other number as they are: the form of the reply."""
    return events[0] if len(events) == 1 else events


def _get(tx: Transaction, bucket_id: BucketId) -> BucketRow:
    row = tx.get_bucket(bucket_id)
    if row is None:
        raise NotFound("bucket", bucket_id)
    return row


def _create(tx: Transaction, request: Addition, origin: Origin, rules: ApplyRules) -> BucketRow:
    """Make the bucket that the events are for, unless the settings or their publisher do not want that."""
    if rules.creates_buckets and request.creates_bucket:
        _describe(tx, DescribeBucket(bucket_id=request.bucket_id, description=_UNDESCRIBED), origin, rules)
    return _get(tx, request.bucket_id)


def _create_or_update(tx: Transaction, request: DescribeBucket, origin: Origin, rules: ApplyRules) -> Bucket:
    if not request.creates_bucket:
        _get(tx, request.bucket_id)
    if not request.updates_bucket and tx.get_bucket(request.bucket_id) is not None:
        request = replace(request, description=_UNDESCRIBED)
    return _describe(tx, _resolve_host(tx, request, rules.host), origin, rules)


def _resolve_host(tx: Transaction, request: DescribeBucket, host: Host) -> DescribeBucket:
    """Return the request with this host's id, if it asks for this host; ActivityWatch aw-server 0.13.2, api.py."""
    description = request.description
    if description.hostname != LOCAL_HOSTNAME:
        return request
    row = tx.get_bucket(request.bucket_id)
    known = {} if row is None else row.bucket.data
    data = {**(known if description.data is None else description.data), "device_id": host.device_id}
    return replace(request, description=replace(description, data=data))


def _describe(tx: Transaction, request: DescribeBucket, origin: Origin, rules: ApplyRules) -> Bucket:
    return tx.describe_bucket(
        request.bucket_id,
        request.description,
        now=origin.received_at,
        hostname=rules.host.name,
        default_client=origin.publisher or PLAIN_CLIENT,
    )
