"""Payloads: from the bytes of a message to the request they are (the wire interface, "Payloads").

Pure; the time of receipt comes in as ``now``. Strict where decoders are lenient: UTF-8 only, no BOM, no NaN or
Infinity however written (``1e999``), no lone surrogate or NUL, integers of 64 bits, at most 64 levels deep. A key that
stands twice keeps its last value (RFC 8259 section 4 leaves it open; every common decoder does this).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import orjson

from pulseline_core import times
from pulseline_core.bucket import parse_description, parse_pulsetime
from pulseline_core.errors import BadInput, InvalidEvent, InvalidPayload, InvalidTopic, PayloadTooLarge
from pulseline_core.event import Event, parse_event
from pulseline_core.json_value import MAX_INTEGER, MIN_INTEGER, check_json
from pulseline_core.message import (
    DEFAULT_MAX_PAYLOAD_BYTES,
    DeleteBucket,
    DeleteEvent,
    DeleteEvents,
    DeleteSetting,
    DescribeBucket,
    DropDeadLetter,
    Envelope,
    Heartbeats,
    ImportEvents,
    InsertEvents,
    Message,
    Nothing,
    ReplaceEvent,
    ReplayDeadLetter,
    Request,
    SetSetting,
)
from pulseline_core.setting import check_setting, parse_setting_key
from pulseline_core.topic import ADMIN_LEVEL, PROBE_LEVEL, Kind, parse_topic
from pulseline_core.types import BucketId, JSONObject, JSONValue, PublisherId

#: ``orjson`` reads an integer over 64 bits as a float, so text with this many digits is read again, digit by digit.
#: Zeros are put in the place of all digits first: to look for these takes a twentieth of a regular expression's time.
_LONG_INTEGER: Final = b"0" * 19
_DIGITS_TO_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")

#: A publisher's id is a part of a key in the store and of a topic; PostgreSQL's keys end at 2,704 bytes.
_MAX_PUBLISHER_BYTES: Final = 256

#: What JavaScript and Python write for numbers that JSON does not have.
_NO_NUMBERS: Final = frozenset({"NaN", "Infinity", "-Infinity"})

#: Text that means to be a number: it is read as JSON or not at all (``1e999`` is a number that JSON can not hold).
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


class UnreadableMessage(BadInput):
    """A message that can not be applied as it is; a dead letter.

    Attributes:
        envelope: the message's envelope where that much could be read, so that its sequence can go on.
    """

    def __init__(self, reason: str, envelope: Envelope | None) -> None:
        super().__init__(reason)
        self.envelope = envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadRules:
    """What a reader of payloads needs to know.

    Attributes:
        root: the topics' root, as in ``pulseline/v1``.
        max_payload_bytes: the largest payload that is read.
    """

    root: str
    max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES


def decode_json(payload: bytes) -> JSONValue:
    """Read strict JSON; ``check_json`` of what is made of it looks into the values.

    Raises:
        InvalidPayload: it is not JSON in UTF-8, or an integer does not fit 64 bits.
    """
    try:
        value: JSONValue = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise InvalidPayload(f"payload is not JSON: {error}") from error
    if _LONG_INTEGER in payload.translate(_DIGITS_TO_ZEROS):
        _check_integers(payload)
    return value


def _check_integers(payload: bytes) -> None:
    try:
        json.loads(payload, parse_int=_check_integer)
    except RecursionError as error:
        raise InvalidPayload("payload is nested too deep") from error


def _check_integer(digits: str) -> int:
    if len(digits) > len(str(MIN_INTEGER)) or not MIN_INTEGER <= int(digits) <= MAX_INTEGER:
        raise InvalidPayload(f"payload holds the integer {digits[:24]}..., which does not fit 64 bits")
    return int(digits)


def parse_message(topic: str, payload: bytes, *, now: datetime, rules: PayloadRules) -> Message:
    """Read what a message asks for.

    Args:
        topic: where it was published.
        payload: its bytes; empty is a cleared retained message, which asks for nothing.
        now: the time of receipt, for events without a timestamp.
        rules: the root of the topics and the limits.

    Raises:
        UnreadableMessage: the topic or the payload does not fit; the reason says how.
    """
    envelope: Envelope | None = None
    try:
        if len(payload) > rules.max_payload_bytes:
            envelope = _find_envelope(payload)
            raise PayloadTooLarge(size_bytes=len(payload), limit_bytes=rules.max_payload_bytes)
        if topic.startswith(f"{rules.root}/{PROBE_LEVEL}/"):
            return Message(Nothing(), _parse_probe(payload))
        target = None if topic == f"{rules.root}/{ADMIN_LEVEL}" else parse_topic(topic, root=rules.root)
        if not payload or (target is not None and target.kind is Kind.AVAILABILITY):
            return Message(Nothing())
        if target is not None and target.kind is Kind.STATE:
            raise InvalidTopic(topic, "is written by ingest alone")
        value = _decode_value(payload, plain=target is not None and target.kind in _PLAIN_KINDS)
        envelope = _parse_envelope(value)
        if target is None:
            return Message(_parse_worker_admin(value), envelope)
        return Message(_PARSERS[target.kind](target.bucket_id, value, now), envelope)
    except BadInput as error:
        raise UnreadableMessage(str(error), envelope) from error


def _decode_value(payload: bytes, *, plain: bool) -> JSONObject | list[JSONValue]:
    """Return the object or array that the payload is, or ``{"data": ...}`` around a plain value."""
    try:
        value = decode_json(payload)
    except InvalidPayload:
        if not plain:
            raise
        value = _decode_text(payload)
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        if not plain:
            raise InvalidPayload(f"payload {str(value)[:64]!r} is not an object")
        return {"data": {"value": value}}
    return value if not plain or _is_event(value) else {"data": value}


def _is_event(value: JSONObject) -> bool:
    """Return whether an object is an event or a batch, or means to be: what is numbered is no plain value."""
    return "data" in value or "events" in value or value.keys() >= _ENVELOPE_KEYS


def _decode_text(payload: bytes) -> str:
    """Return the text that a device sent as it is, as in ``ON``.

    What looks like the beginning of JSON is no such text, but JSON that broke on the way.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise InvalidPayload(f"payload is not UTF-8: byte {error.start} is {payload[error.start]:#04x}") from error
    if text.startswith("\ufeff"):
        raise InvalidPayload("payload begins with a byte order mark")
    if text.strip() in _NO_NUMBERS or text.lstrip()[:1] in set('{["') or _NUMBER.fullmatch(text.strip()) is not None:
        decode_json(payload)
    return text


def _find_envelope(payload: bytes) -> Envelope | None:
    """Return the envelope of a payload that is not read beyond it, ``None`` if it shows none."""
    try:
        value = decode_json(payload)
        return _parse_envelope(value) if isinstance(value, dict) else None
    except BadInput:
        return None


def _parse_envelope(value: JSONObject | list[JSONValue]) -> Envelope | None:
    if not isinstance(value, dict) or "publisher" not in value:
        return None
    publisher = value["publisher"]
    if not isinstance(publisher, str) or not publisher:
        raise InvalidPayload(f"publisher {str(publisher)[:64]!r} is not a text")
    check_json(publisher, field="publisher")
    if len(publisher.encode()) > _MAX_PUBLISHER_BYTES:
        raise InvalidPayload(f"publisher {publisher[:64]!r}... has more than {_MAX_PUBLISHER_BYTES} bytes")
    reply = _parse_flag(value, "reply", default=False)
    seq, base = _parse_positive(value, "seq"), _parse_positive(value, "base")
    if base > seq:
        raise InvalidPayload(f"base {base} is greater than seq {seq}")
    return Envelope(publisher=PublisherId(publisher), seq=seq, base=base, reply=reply)


def _parse_probe(payload: bytes) -> Envelope | None:
    value = decode_json(payload)
    return _parse_envelope(value) if isinstance(value, dict) else None


def _parse_flag(value: JSONObject | list[JSONValue], name: str, *, default: bool) -> bool:
    flag = value.get(name, default) if isinstance(value, dict) else default
    if not isinstance(flag, bool):
        raise InvalidPayload(f"{name} {str(flag)[:64]!r} is neither true nor false")
    return flag


def _parse_positive(value: Mapping[str, JSONValue], name: str) -> int:
    number = value.get(name)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_INTEGER:
        raise InvalidPayload(f"{name} {str(number)[:64]!r} is not a positive integer")
    return number


def _parse_events(value: JSONObject | list[JSONValue], now: datetime) -> tuple[Event, ...]:
    """Return the events of an event, a batch or a bare array; ids that publishers send are not taken."""
    if isinstance(value, dict) and "events" not in value:
        if "data" not in value:
            raise InvalidPayload("the event has no data")
        return (_parse_new_event(value, now),)
    items = value["events"] if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise InvalidPayload(f"events {str(items)[:64]!r} is not an array")
    return tuple([_parse_item(item, place, now) for place, item in enumerate(items)])


def _parse_new_event(value: JSONObject, now: datetime) -> Event:
    event = parse_event(value, now=now)
    return event if event.id is None else replace(event, id=None)


def _parse_item(item: JSONValue, place: int, now: datetime) -> Event:
    if not isinstance(item, dict):
        raise InvalidPayload(f"event {place} of the batch is {str(item)[:64]!r}, not an object")
    if "data" not in item:
        raise InvalidPayload(f"event {place} of the batch has no data")
    try:
        return _parse_new_event(item, now)
    except InvalidEvent as error:
        raise InvalidPayload(f"event {place} of the batch: {error}") from error


def _parse_heartbeats(bucket_id: BucketId, value: JSONObject | list[JSONValue], now: datetime) -> Request:
    events = _parse_events(value, now)
    return Heartbeats(
        bucket_id=bucket_id,
        events=events,
        pulsetimes=_parse_pulsetimes(value, len(events)),
        creates_bucket=_parse_flag(value, "create_bucket", default=True),
    )


def _parse_pulsetimes(value: JSONObject | list[JSONValue], count: int) -> tuple[timedelta | None, ...]:
    """Return each heartbeat's pulsetime: its own, or that of the batch."""
    common = _parse_pulsetime(value) if isinstance(value, dict) else None
    if isinstance(value, dict) and "events" not in value:
        return (common,)
    items = value["events"] if isinstance(value, dict) else value
    if not isinstance(items, list) or not any("pulsetime" in item for item in items if isinstance(item, dict)):
        return (common,) * count
    return tuple(_parse_pulsetime(item, common) for item in items if isinstance(item, dict))


def _parse_pulsetime(value: JSONObject, common: timedelta | None = None) -> timedelta | None:
    pulsetime = value.get("pulsetime")
    return common if pulsetime is None else parse_pulsetime(pulsetime)


def _parse_inserts(bucket_id: BucketId, value: JSONObject | list[JSONValue], now: datetime) -> Request:
    creates_bucket = _parse_flag(value, "create_bucket", default=True)
    events = _parse_events(value, now)
    if _parse_flag(value, "only_missing", default=False):
        copies = _parse_copies(value)
        return ImportEvents(bucket_id=bucket_id, events=events, copies=copies, creates_bucket=creates_bucket)
    return InsertEvents(bucket_id=bucket_id, events=events, creates_bucket=creates_bucket)


def _parse_copies(value: JSONObject | list[JSONValue]) -> tuple[int, ...]:
    """Return each event's number among those with its start and data; 1 where it names none."""
    items = value.get("events", [value]) if isinstance(value, dict) else value
    objects = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return tuple(_parse_positive(item, "copy") if "copy" in item else 1 for item in objects)


def _parse_meta(bucket_id: BucketId, value: JSONObject | list[JSONValue], now: datetime) -> Request:
    description = parse_description(_require_object(value), now=now)
    return DescribeBucket(
        bucket_id=bucket_id,
        description=description,
        creates_bucket=_parse_flag(value, "create_bucket", default=True),
        updates_bucket=_parse_flag(value, "update_bucket", default=True),
    )


def _parse_admin(bucket_id: BucketId, value: JSONObject | list[JSONValue], now: datetime) -> Request:
    order = _require_object(value)
    match order.get("op"):
        case "replace_event":
            event = order.get("event")
            if not isinstance(event, dict) or event.get("id") is None:
                raise InvalidPayload("op 'replace_event' needs an event with an id")
            return ReplaceEvent(bucket_id=bucket_id, event=parse_event(event, now=now))
        case "delete_event":
            return DeleteEvent(bucket_id=bucket_id, event_id=_parse_positive(order, "id"))
        case "delete_events":
            start, end = _parse_instant(order, "start"), _parse_instant(order, "end")
            return DeleteEvents(bucket_id=bucket_id, start=start, end=end)
        case "delete_bucket":
            return DeleteBucket(bucket_id=bucket_id)
        case unknown:
            raise InvalidPayload(
                f"op {str(unknown)[:64]!r} is not one of replace_event, delete_event, delete_events, delete_bucket"
            )


def _parse_worker_admin(value: JSONObject | list[JSONValue]) -> Request:
    """Read a request to the worker itself; its envelope's bucket is the empty text."""
    order = _require_object(value)
    match order.get("op"):
        case "replay_dead_letter":
            return ReplayDeadLetter(dead_letter_id=_parse_positive(order, "id"))
        case "drop_dead_letter":
            return DropDeadLetter(dead_letter_id=_parse_positive(order, "id"))
        case "set_setting":
            key = parse_setting_key(order.get("key"))
            return SetSetting(key=key, value=check_setting(key, order.get("value")))
        case "delete_setting":
            return DeleteSetting(key=parse_setting_key(order.get("key")))
        case unknown:
            raise InvalidPayload(
                f"op {str(unknown)[:64]!r} is not one of"
                " replay_dead_letter, drop_dead_letter, set_setting, delete_setting"
            )


def _parse_instant(order: JSONObject, name: str) -> datetime:
    text = order.get(name)
    if not isinstance(text, str):
        raise InvalidPayload(f"{name} {str(text)[:64]!r} is not a timestamp")
    return times.parse_timestamp(text)


def _require_object(value: JSONObject | list[JSONValue]) -> JSONObject:
    if not isinstance(value, dict):
        raise InvalidPayload("payload is an array, not an object")
    return value


#: The keys that every numbered message has.
_ENVELOPE_KEYS: Final = frozenset({"publisher", "seq", "base"})

#: The kinds that take plain values from devices that know nothing of us.
_PLAIN_KINDS: Final = frozenset({Kind.HEARTBEAT, Kind.EVENTS})

_PARSERS: Final[Mapping[Kind, Callable[[BucketId, JSONObject | list[JSONValue], datetime], Request]]] = {
    Kind.HEARTBEAT: _parse_heartbeats,
    Kind.EVENTS: _parse_inserts,
    Kind.META: _parse_meta,
    Kind.ADMIN: _parse_admin,
}
