"""What an import reads from: buckets, one after another, each with an iterator of its events.

A source holds no more than some events at a time. What it can not make an event of comes out as a ``Refusal`` in the
event's place, so that whoever reads counts it and goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final, Protocol

from pulseline_core import times
from pulseline_core.bucket import UNKNOWN, parse_description
from pulseline_core.errors import InvalidEvent
from pulseline_core.event import Event, parse_event
from pulseline_core.types import JSONObject, JSONValue

#: What is kept of a bucket's description as it is; ``created`` is read more kindly.
_DESCRIPTION_KEYS: Final = ("type", "client", "hostname", "data")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that can not be taken.

    Attributes:
        field: what is wrong with it: ``timestamp``, ``duration``, ``data``, ``size``, ``event`` or ``bucket``.
        problem: why, with the value.
    """

    field: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBucket:
    """A bucket of a source.

    Attributes:
        id: as the source has it; not checked.
        fields: what the source says of it, as ActivityWatch's JSON has it; not checked.
        events: to be read before the next bucket is; ordered by time in either direction.
    """

    id: str
    fields: Mapping[str, JSONValue]
    events: Iterator[Event | Refusal]


class Source(Protocol):
    """Something to import."""

    @property
    def fraction(self) -> float:
        """How much of it has been read, 0 to 1."""
        ...

    def iter_buckets(self, *, now: datetime) -> Iterator[SourceBucket]:
        """Yield the buckets; events may begin a day after ``now`` at most.

        Raises:
            BadInput: it is damaged, or not what it should be; what came before can be used.
        """
        ...


def read_event(fields: JSONValue, *, now: datetime) -> Event | Refusal:
    """Return the event of an ActivityWatch event object; its id was the other store's and is not kept."""
    if not isinstance(fields, dict):
        return Refusal("event", f"{str(fields)[:64]!r} is not an object")
    if fields.get("timestamp") is None:
        return Refusal("timestamp", "is missing")
    data = fields.get("data")
    known: JSONObject = {
        "timestamp": fields["timestamp"],
        "duration": fields.get("duration", 0),
        "data": {} if data is None else data,
    }
    try:
        return parse_event(known, now=now)
    except InvalidEvent as error:
        return refuse(error)


def refuse(error: InvalidEvent) -> Refusal:
    """Return an error of an event as what is counted."""
    return Refusal(error.field, error.problem)


def build_description(
    fields: Mapping[str, JSONValue], *, now: datetime, zone: tzinfo | None = None
) -> tuple[JSONObject, list[Refusal]]:
    """Return the payload that describes a bucket, and the fields that were left out because they do not fit.

    Args:
        fields: the bucket as ActivityWatch's JSON has it.
        now: ``created`` may lie a day ahead of it at most.
        zone: where a ``created`` without an offset was written, ``None`` for the system's: aw-server 0.13.2 stores
            local time.
    """
    described: JSONObject = dict.fromkeys(("type", "client", "hostname"), UNKNOWN)
    refusals: list[Refusal] = []
    for key in (*_DESCRIPTION_KEYS, "created"):
        value = fields.get(key)
        if value is None:
            continue
        try:
            fitting: JSONObject = {key: _place_created(value, zone) if key == "created" else value}
            parse_description(fitting, now=now)
        except InvalidEvent as error:
            refusals.append(Refusal("bucket", f"{error.field} {error.problem}"))
        else:
            described |= fitting
    return described, refusals


def _place_created(value: JSONValue, zone: tzinfo | None) -> JSONValue:
    """Return a time as UTC; one without an offset is local."""
    try:
        created = datetime.fromisoformat(str(value))
        if created.tzinfo is None and zone is not None:
            created = created.replace(tzinfo=zone)
        return times.format_timestamp(created)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidEvent("created", f"{str(value)[:64]!r} is no time: {error}") from error
