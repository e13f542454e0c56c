"""The calls that write: each checks its input, makes messages of it, and reads what the server answers.

Bad input raises at the call and never reaches the outbox.
"""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from pulseline_client.batch import Frame, build_batches, build_import_batches, build_single, check_size
from pulseline_client.imported import Imported, sum_imported
from pulseline_client.queued_message import Draft, encode_body
from pulseline_client.reply import Outcome
from pulseline_client.stored_event import parse_stored_event
from pulseline_core import times
from pulseline_core.bucket import BucketDescription, parse_bucket_id, parse_description, parse_pulsetime
from pulseline_core.errors import InvalidBucketId, InvalidEvent, InvalidPayload, InvalidTopic
from pulseline_core.event import Event, parse_duration
from pulseline_core.json_value import MAX_INTEGER, check_json
from pulseline_core.message import DEFAULT_MAX_PAYLOAD_BYTES, WORKER_BUCKET
from pulseline_core.setting import check_setting, parse_setting_key
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId, JSONObject, JSONValue

#: The broker's matter, and ingest's: no watermark moves by them.
_UNACKNOWLEDGED: Final = frozenset({Kind.AVAILABILITY, Kind.STATE})


class Writer(ABC):
    """Everything that can be written; ``send`` brings it there."""

    def __init__(
        self, *, name: str, max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES, creates_buckets: bool = True
    ) -> None:
        """Store who writes.

        Args:
            name: the ``client`` of buckets that are created here.
            max_payload_bytes: the largest message that the server takes.
            creates_buckets: whether heartbeats and events may make an unknown bucket.
        """
        self.name = name
        self._frame = Frame(limit_bytes=max_payload_bytes, creates_bucket=creates_buckets)

    @abstractmethod
    def send(self, drafts: Sequence[Draft], *, queued: bool) -> list[Outcome] | None:
        """Take messages and, unless ``queued``, wait for what becomes of each; raise the first error among it."""

    def create_bucket(  # noqa: PLR0913  flat is easier to write down than a description
        self,
        bucket_id: str,
        *,
        type: str,  # noqa: A002  ActivityWatch's word
        client: str | None = None,
        hostname: str | None = None,
        data: JSONObject | None = None,
        pulsetime: float | timedelta | None = None,
        created: datetime | None = None,
        queued: bool = False,
    ) -> JSONObject | None:
        """Create a bucket, or change its description.

        Args:
            bucket_id: 1 to 256 bytes of UTF-8.
            type: what its events are, as in ``currentwindow``.
            client: what writes it; by default this client's name.
            hostname: where its events happen; by default this host's name.
            data: anything else.
            pulsetime: how long its heartbeats hold, in seconds; by default the server's setting.
            created: when it was made, aware; by default when the message comes in.
            queued: return when the message is on disk.

        Returns:
            The bucket as REST answers it, or ``None`` when ``queued`` or when the answer was lost on the way.
        """
        description = BucketDescription(
            type=type,
            client=client if client is not None else self.name,
            hostname=hostname if hostname is not None else socket.gethostname(),
            data=data,
            pulsetime=None if pulsetime is None else _parse_seconds(pulsetime),
            created=created,
        )
        return self.describe_bucket(bucket_id, description, queued=queued)

    def describe_bucket(
        self, bucket_id: str, description: BucketDescription, *, update: bool = True, queued: bool = False
    ) -> JSONObject | None:
        """Create a bucket, or change what the description names of it unless ``update`` is false.

        Returns:
            As ``create_bucket``.
        """
        flags: JSONObject = {} if update else {"update_bucket": False}
        result = self._describe(bucket_id, {**description.to_json(), **flags}, queued=queued)
        return result if isinstance(result, dict) else None

    def update_bucket(self, bucket_id: str, description: BucketDescription, *, queued: bool = False) -> None:
        """Change what the description names of a bucket; raise ``NotFound`` (``queued`` false) if there is none."""
        self._describe(bucket_id, {**description.to_json(), "create_bucket": False}, queued=queued)

    def heartbeat(
        self,
        bucket_id: str,
        data: JSONObject | Event,
        *,
        timestamp: datetime | None = None,
        duration: float | timedelta = 0,
        pulsetime: float | timedelta | None = None,
        queued: bool = True,
    ) -> Event | None:
        """Say that something holds: it becomes an event, or prolongs the one that it goes on with.

        Args:
            bucket_id: where; an unknown bucket is made by the server, unless it or this client is set not to.
            data: what holds, or a whole event (then without ``timestamp`` and ``duration``).
            timestamp: since when, aware; by default now.
            duration: for how long, in seconds.
            pulsetime: how far apart two heartbeats of one state may lie, in seconds; by default the bucket's.
            queued: return when the message is on disk.

        Returns:
            The event that holds it now, or ``None`` when ``queued``. When the answer was lost on the way, the
            heartbeat as it was sent, without an id.

        Raises:
            BadInput: it can not be taken as it is.
            OutboxFull: too much waits for the server.
            ReplyTimeout: ``queued`` is false and the server did not confirm it in time; it is kept and will be sent.
            BrokerUnavailable: ``queued`` is false and the broker seems to refuse it; it is kept and tried now and then.
        """
        if isinstance(data, Event):
            event = data
        else:
            start = timestamp if timestamp is not None else datetime.now(UTC)
            event = Event(timestamp=start, duration=_parse_seconds(duration), data=data)
        _check_events((event,))
        body = build_single(event, replace(self._frame, pulsetime=_parse_pulsetime(pulsetime)))
        outcome = self._send_one(_parse_target(bucket_id), Kind.HEARTBEAT, body, queued=queued)
        return None if outcome is None else _read_events(outcome, [event])[0]

    def heartbeats(
        self,
        bucket_id: str,
        events: Iterable[Event],
        *,
        pulsetime: float | timedelta | None = None,
        queued: bool = True,
    ) -> list[Event] | None:
        """Send many heartbeats, oldest first, with one write to the outbox: far faster than one by one.

        As many as fit a payload travel in one message. Each message is applied as a whole or not at all; a call
        that makes several is not.

        Returns:
            For each heartbeat the event that holds it now, or ``None`` when ``queued``; see ``heartbeat``.
        """
        held = _parse_pulsetime(pulsetime)
        return self._send_events(bucket_id, Kind.HEARTBEAT, events, pulsetime=held, queued=queued)

    def insert_event(self, bucket_id: str, event: Event, *, queued: bool = False) -> Event | None:
        """Insert one event as it is, without merging; see ``insert_events``."""
        stored = self.insert_events(bucket_id, [event], queued=queued)
        return None if stored is None else stored[0]

    def insert_events(self, bucket_id: str, events: Iterable[Event], *, queued: bool = False) -> list[Event] | None:
        """Insert events as they are, without merging.

        As many as fit a payload travel in one message. Each message is applied as a whole or not at all; a call
        that makes several is not: when one is refused, the others are stored all the same.

        Returns:
            The events with their ids, or ``None`` when ``queued``. Where an answer was lost on the way, its events
            come back as they were sent, without ids.

        Raises:
            As ``heartbeat``.
        """
        return self._send_events(bucket_id, Kind.EVENTS, events, queued=queued)

    def import_events(self, bucket_id: str, events: Iterable[Event], *, queued: bool = False) -> Imported | None:
        """Insert those events that the bucket does not have; what it has but shorter is extended.

        Safe to repeat: what is stored already is left alone. Events are known by their start and data; those that
        share both are told apart when they come in the order of their starts, either way.

        Returns:
            What changed, ``None`` when ``queued``. What a lost answer would have counted is not in it.

        Raises:
            As ``heartbeat``.
        """
        target, held = _parse_target(bucket_id), list(events)
        _check_events(held)
        drafts = [
            Draft(bucket_id=target, kind=Kind.EVENTS, body=body) for body, _ in build_import_batches(held, self._frame)
        ]
        outcomes = self.send(drafts, queued=queued)
        return None if outcomes is None else sum_imported(outcomes)

    def replace_event(self, bucket_id: str, event: Event, *, queued: bool = False) -> Event | None:
        """Put an event in the place of the one with its id.

        Raises:
            NotFound: the bucket has no event with this id (``queued`` false).
            InvalidEvent: the event has no id.
        """
        if event.id is None:
            raise InvalidEvent("id", "is missing: it says which event to replace")
        _check_events((event,))
        outcome = self._send_order(_parse_target(bucket_id), _build_replacement(event), queued=queued)
        return None if outcome is None else _read_events(outcome, [event])[0]

    def check_event(self, event: Event) -> None:
        """Raise the ``BadInput`` that ``insert_event``, or ``replace_event`` if it has an id, finds before it sends."""
        _check_events((event,))
        if event.id is None:
            list(build_batches((event,), self._frame))
        else:
            check_size(encode_body(_build_replacement(event)), limit_bytes=self._frame.limit_bytes)

    def delete_event(self, bucket_id: str, event_id: int, *, queued: bool = False) -> bool | None:
        """Delete an event; return whether it existed, ``None`` when that is not known."""
        deleted = self._delete(bucket_id, {"op": "delete_event", "id": _check_id(event_id)}, queued=queued)
        return None if deleted is None else deleted > 0

    def delete_events(self, bucket_id: str, start: datetime, end: datetime, *, queued: bool = False) -> int | None:
        """Delete the events that begin from ``start`` to ``end``, both included.

        Returns:
            How many there were, ``None`` when that is not known.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise InvalidEvent("timestamp", f"'{start.isoformat()}' or '{end.isoformat()}' has no time zone")
        span = {"start": times.format_timestamp(start), "end": times.format_timestamp(end)}
        return self._delete(bucket_id, {"op": "delete_events", **span}, queued=queued)

    def delete_bucket(self, bucket_id: str, *, queued: bool = False) -> None:
        """Delete a bucket with all its events; raise ``NotFound`` (``queued`` false)."""
        self._send_order(_parse_target(bucket_id), {"op": "delete_bucket"}, queued=queued)

    def set_setting(self, key: str, value: JSONValue, *, queued: bool = False) -> None:
        """Keep any JSON value under a key of 1 to 127 characters, for ActivityWatch's clients."""
        order: JSONObject = {"op": "set_setting", "key": parse_setting_key(key), "value": check_setting(key, value)}
        self._send_order(WORKER_BUCKET, order, queued=queued)

    def delete_setting(self, key: str, *, queued: bool = False) -> bool | None:
        """Forget a key; return whether it had a value, ``None`` when that is not known."""
        order: JSONObject = {"op": "delete_setting", "key": parse_setting_key(key)}
        deleted = _read_deleted(self._send_order(WORKER_BUCKET, order, queued=queued))
        return None if deleted is None else deleted > 0

    def replay_dead_letter(self, dead_letter_id: int) -> None:
        """Have a dead letter applied again; raise why it still can not be."""
        self._send_order(WORKER_BUCKET, {"op": "replay_dead_letter", "id": _check_id(dead_letter_id)}, queued=False)

    def drop_dead_letter(self, dead_letter_id: int) -> None:
        """Have a dead letter forgotten; raise ``NotFound``."""
        self._send_order(WORKER_BUCKET, {"op": "drop_dead_letter", "id": _check_id(dead_letter_id)}, queued=False)

    def request(self, bucket_id: str, kind: Kind, payload: JSONObject, *, queued: bool = False) -> JSONValue:
        """Send any message of the wire interface; only that it is JSON is checked.

        Args:
            bucket_id: whose topic.
            kind: the topic's last level.
            payload: a JSON object with at least one key.
            queued: return when the message is on disk.

        Returns:
            The ``result`` of the acknowledgement, or ``None`` when ``queued`` or when it was lost on the way.
        """
        if kind in _UNACKNOWLEDGED:
            raise InvalidTopic(kind.value, "is not acknowledged; publish it with any MQTT client")
        if not payload:
            raise InvalidPayload("payload is an empty object")
        check_json(payload, field="payload")
        body = check_size(encode_body(payload), limit_bytes=self._frame.limit_bytes)
        outcome = self._send_one(_parse_target(bucket_id), kind, body, queued=queued)
        return None if outcome is None else outcome.result

    def _describe(self, bucket_id: str, described: JSONObject, *, queued: bool) -> JSONValue:
        parse_description(described, now=datetime.now(UTC))
        return self.request(bucket_id, Kind.META, described, queued=queued)

    def _send_events(
        self,
        bucket_id: str,
        kind: Kind,
        events: Iterable[Event],
        *,
        pulsetime: timedelta | None = None,
        queued: bool,
    ) -> list[Event] | None:
        target, held = _parse_target(bucket_id), list(events)
        _check_events(held)
        batches = list(build_batches(held, replace(self._frame, pulsetime=pulsetime)))
        drafts = [Draft(bucket_id=target, kind=kind, body=body) for body, _ in batches]
        outcomes = self.send(drafts, queued=queued)
        if outcomes is None:
            return None
        return [
            event for outcome, (_, sent) in zip(outcomes, batches, strict=True) for event in _read_events(outcome, sent)
        ]

    def _send_order(self, target: BucketId, order: JSONObject, *, queued: bool) -> Outcome | None:
        body = check_size(encode_body(order), limit_bytes=self._frame.limit_bytes)
        return self._send_one(target, Kind.ADMIN, body, queued=queued)

    def _delete(self, bucket_id: str, order: JSONObject, *, queued: bool) -> int | None:
        return _read_deleted(self._send_order(_parse_target(bucket_id), order, queued=queued))

    def _send_one(self, target: BucketId, kind: Kind, body: bytes, *, queued: bool) -> Outcome | None:
        outcomes = self.send([Draft(bucket_id=target, kind=kind, body=body)], queued=queued)
        return None if outcomes is None else outcomes[0]


def _read_deleted(outcome: Outcome | None) -> int | None:
    result = None if outcome is None else outcome.result
    deleted = result.get("deleted") if isinstance(result, dict) else None
    return deleted if isinstance(deleted, int) else None


def _parse_target(bucket_id: str) -> BucketId:
    if not isinstance(bucket_id, str):
        raise InvalidBucketId(str(bucket_id), f"is a {type(bucket_id).__name__}, not a text")
    return parse_bucket_id(bucket_id)


def _parse_seconds(value: float | timedelta) -> timedelta:
    """Return seconds as a duration of 0 to 366 days, in the way the server reads them."""
    return parse_duration(value.total_seconds() if isinstance(value, timedelta) else value)


def _parse_pulsetime(value: float | timedelta | None) -> timedelta | None:
    if value is None:
        return None
    return parse_pulsetime(value.total_seconds() if isinstance(value, timedelta) else value)


def _build_replacement(event: Event) -> JSONObject:
    return {"op": "replace_event", "event": event.to_json()}


def _check_id(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_INTEGER:
        raise InvalidEvent("id", f"{str(value)[:64]!r} is not a positive integer")
    return value


def _check_events(events: Iterable[Event]) -> None:
    """Raise ``InvalidEvent`` for what an ``Event`` can hold and the server would refuse."""
    now = datetime.now(UTC)
    for event in events:
        if not isinstance(event.data, dict):
            raise InvalidEvent("data", f"{str(event.data)[:64]!r} is not an object")
        times.check_timestamp(event.timestamp, now=now)


def _read_events(outcome: Outcome, sent: Sequence[Event]) -> list[Event]:
    """Return the events of a result, or the events as they were sent when the result is not known."""
    result = outcome.result
    if not outcome.is_known:
        return list(sent)
    return [parse_stored_event(item) for item in (result if isinstance(result, list) else [result])]
