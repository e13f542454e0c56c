"""An event: what held from one instant to another.

An ``Event`` that exists is valid: its time is UTC, its duration lies between 0 and 366 days and its data is JSON
that every store and every JSON parser can hold (no NaN, no lone surrogate, no NUL, 64-bit integers, depth at most 64).
Whether the time is plausible needs a clock and is checked where messages come in (``times.check_timestamp``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from pulseline_core import times
from pulseline_core.errors import InvalidEvent
from pulseline_core.json_value import check_json
from pulseline_core.types import JSONObject, JSONValue

_NO_TIME: Final = timedelta()

_MAX_DURATION_S: Final = times.MAX_DURATION.total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of a bucket's timeline.

    Attributes:
        timestamp: the start, aware; kept as UTC.
        duration: 0 to 366 days.
        data: what held; compared by value.
        id: the store's number for the row, ``None`` until it is stored; not part of equality (aw-core 0.5.18).
    """

    timestamp: datetime
    duration: timedelta = _NO_TIME
    data: JSONObject = field(default_factory=dict[str, "JSONValue"])
    id: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.timestamp.tzinfo is None:
            raise InvalidEvent("timestamp", f"'{self.timestamp.isoformat()}' has no time zone")
        if self.timestamp.tzinfo is not UTC:
            object.__setattr__(self, "timestamp", self.timestamp.astimezone(UTC))
        if not _NO_TIME <= self.duration <= times.MAX_DURATION:
            raise InvalidEvent("duration", f"{self.duration.total_seconds():g} s is not between 0 and 366 days")
        check_json(self.data, field="data")

    @property
    def end(self) -> datetime:
        """The instant at which the event ends."""
        return self.timestamp + self.duration

    def to_json(self) -> JSONObject:
        """Return ``{"id", "timestamp", "duration", "data"}`` in ActivityWatch's order; duration in seconds."""
        return {
            "id": self.id,
            "timestamp": times.format_timestamp(self.timestamp),
            "duration": self.duration.total_seconds(),
            "data": self.data,
        }


#: Past the class's own refusal to be changed: where the fields are, for who makes an event without its checks.
_set_timestamp, _set_duration, _set_data, _set_id = (
    Event.__dict__[name].__set__ for name in ("timestamp", "duration", "data", "id")
)


def restore_event(*, timestamp: datetime, duration: timedelta, data: JSONObject, event_id: int | None) -> Event:
    """Return an event as the store kept it, without the checks.

    It was checked when it came in; and what grew by merging may be longer than what may come in at once.

    Args:
        timestamp: the start, in UTC.
        duration: 0 or more.
        data: kept, not copied; rows with the same data share it, so nobody may change it.
        event_id: the row's number; ``None`` if it is computed from others.
    """
    event = object.__new__(Event)
    _set_timestamp(event, timestamp)
    _set_duration(event, duration)
    _set_data(event, data)
    _set_id(event, event_id)
    return event


def parse_duration(value: JSONValue) -> timedelta:
    """Read a duration in seconds from JSON.

    Raises:
        InvalidEvent: it is no number (``true`` is none), or not between 0 and 366 days.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidEvent("duration", f"{str(value)[:64]!r} is not a number of seconds")
    if value == 0:  # of nearly every heartbeat
        return _NO_TIME
    if not 0 <= value <= _MAX_DURATION_S:
        raise InvalidEvent("duration", f"{value!r} s is not between 0 and 366 days")
    return timedelta(microseconds=times.seconds_to_us(value))


def parse_event(value: Mapping[str, JSONValue], *, now: datetime) -> Event:
    """Read an event from the JSON object of the wire; unknown keys are ignored.

    Args:
        value: ``{"timestamp"?: RFC 3339, "duration"?: seconds, "data"?: object, "id"?: integer or null}``.
        now: the time of receipt, which a missing timestamp becomes.

    Raises:
        InvalidEvent: a field does not fit; the message names it and its value.
    """
    timestamp, data, event_id = value.get("timestamp"), value.get("data", {}), value.get("id")
    if timestamp is not None and not isinstance(timestamp, str):
        raise InvalidEvent("timestamp", f"{str(timestamp)[:64]!r} is not a text")
    if not isinstance(data, dict):
        raise InvalidEvent("data", f"{str(data)[:64]!r} is not an object")
    if event_id is not None and (isinstance(event_id, bool) or not isinstance(event_id, int)):
        raise InvalidEvent("id", f"{str(event_id)[:64]!r} is not an integer")
    instant = now if timestamp is None else times.parse_timestamp(timestamp)
    times.check_timestamp(instant, now=now)
    duration = parse_duration(value.get("duration", 0))
    check_json(data, field="data")
    return restore_event(timestamp=instant, duration=duration, data=data, event_id=event_id)
