"""A bucket: one timeline and what describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from pulseline_core import times
from pulseline_core.errors import InvalidBucketId, InvalidEvent
from pulseline_core.event import parse_duration
from pulseline_core.json_value import check_json
from pulseline_core.types import BucketId, JSONObject, JSONValue

#: An id becomes an MQTT topic level, three bytes for each of its own at the worst.
MAX_BUCKET_ID_BYTES: Final = 256

#: Type, client and hostname are labels, not documents.
MAX_LABEL_BYTES: Final = 1024

#: The hostname that stands for the host of whoever stores the bucket (aw-server 0.13.2, rest.py).
LOCAL_HOSTNAME: Final = "!local"

UNKNOWN: Final = "unknown"


def parse_bucket_id(text: str) -> BucketId:
    """Return ``text`` as a bucket id.

    Raises:
        InvalidBucketId: it is empty, longer than 256 UTF-8 bytes, or holds a control character or a lone surrogate.
    """
    if not text:
        raise InvalidBucketId(text, "is empty")
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidBucketId(text, "holds a lone surrogate") from error
    if size_bytes > MAX_BUCKET_ID_BYTES:
        raise InvalidBucketId(text, f"has {size_bytes} bytes, the limit is {MAX_BUCKET_ID_BYTES}")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
        raise InvalidBucketId(text, "holds a control character")
    return BucketId(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketDescription:
    """What a ``meta`` message says of a bucket; ``None`` leaves the field as it is, or at its default."""

    type: str | None = None
    client: str | None = None
    hostname: str | None = None
    data: JSONObject | None = None
    pulsetime: timedelta | None = None
    created: datetime | None = None

    def to_json(self) -> JSONObject:
        """Return what it names, in the form of the wire; what does not fit is found when that is parsed."""
        values: JSONObject = {
            "type": self.type,
            "client": self.client,
            "hostname": self.hostname,
            "data": self.data,
            "pulsetime": None if self.pulsetime is None else self.pulsetime.total_seconds(),
            "created": _format(self.created),
        }
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A stored bucket, and where its timeline begins and ends.

    Attributes:
        pulsetime: how long a heartbeat holds; ``None`` is the worker's default.
        created: when the bucket was made.
        start: the start of the oldest event, ``None`` without events.
        end: the latest end of any event, ``None`` without events.
        last_updated: the end of the newest event, ``None`` without events.
    """

    id: BucketId
    type: str = UNKNOWN
    client: str = UNKNOWN
    hostname: str = UNKNOWN
    data: JSONObject = field(default_factory=dict[str, "JSONValue"])
    pulsetime: timedelta | None = None
    created: datetime
    start: datetime | None = None
    end: datetime | None = None
    last_updated: datetime | None = None

    def to_json(self) -> JSONObject:
        """Return the union of what both ActivityWatch servers answer (aw-server 0.13.2, aw-server-rust 0.14.0)."""
        described: JSONObject = {
            "id": self.id,
            "created": times.format_timestamp(self.created),
            "name": None,
            "type": self.type,
            "client": self.client,
            "hostname": self.hostname,
            "data": self.data,
            "metadata": {"start": _format(self.start), "end": _format(self.end)},
        }
        if self.last_updated is not None:
            described["last_updated"] = times.format_timestamp(self.last_updated)
        return described


def _format(instant: datetime | None) -> str | None:
    return None if instant is None else times.format_timestamp(instant)


def parse_description(value: Mapping[str, JSONValue], *, now: datetime) -> BucketDescription:
    """Read ``{"type", "client", "hostname", "data"?, "pulsetime"?, "created"?}``; every key may be absent or null.

    Args:
        value: the JSON object.
        now: the time of receipt, which ``created`` may lie ahead of by a day at most.

    Raises:
        InvalidEvent: a field does not fit; the message names it.
    """
    data = value.get("data")
    if data is not None and not isinstance(data, dict):
        raise InvalidEvent("data", f"{str(data)[:64]!r} is not an object")
    if data is not None:
        check_json(data, field="data")
    created = value.get("created")
    pulsetime = value.get("pulsetime")
    return BucketDescription(
        type=_parse_label(value, "type"),
        client=_parse_label(value, "client"),
        hostname=_parse_label(value, "hostname"),
        data=data,
        pulsetime=None if pulsetime is None else parse_pulsetime(pulsetime),
        created=None if created is None else _parse_created(created, now=now),
    )


def parse_pulsetime(value: JSONValue) -> timedelta:
    """Read a pulsetime in seconds, 0 to 366 days."""
    try:
        return parse_duration(value)
    except InvalidEvent as error:
        raise InvalidEvent("pulsetime", error.problem) from error


def _parse_created(value: JSONValue, *, now: datetime) -> datetime:
    if not isinstance(value, str):
        raise InvalidEvent("created", f"{str(value)[:64]!r} is not a text")
    try:
        created = times.parse_timestamp(value)
        times.check_timestamp(created, now=now)
    except InvalidEvent as error:
        raise InvalidEvent("created", error.problem) from error
    return created


def _parse_label(value: Mapping[str, JSONValue], name: str) -> str | None:
    label = value.get(name)
    if label is None:
        return None
    if not isinstance(label, str):
        raise InvalidEvent(name, f"{str(label)[:64]!r} is not a text")
    check_json(label, field=name)
    if len(label.encode()) > MAX_LABEL_BYTES:
        raise InvalidEvent(name, f"has more than {MAX_LABEL_BYTES} bytes")
    return label
