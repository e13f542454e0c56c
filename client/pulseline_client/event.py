"""An event as a program holds it: a core event that is lenient when it is made, and open to change.

Programs written for ActivityWatch make events from text and numbers, read them like dicts and change them in place
(aw-core 0.5.18 aw_core/models.py). The core's ``Event`` is frozen, because ingest relies on it; this one is for the
near side of the wire only. Every value is checked when it is set, and what is sent is checked again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, MutableMapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from pulseline_core import event as core_event
from pulseline_core import times
from pulseline_core.errors import InvalidEvent
from pulseline_core.event import parse_duration
from pulseline_core.json_value import check_json
from pulseline_core.types import JSONObject

logger = logging.getLogger(__name__)


class EventLike(Protocol):
    """Whatever has an event's attributes, as ``aw_core.Event`` does."""

    @property
    def timestamp(self) -> datetime:
        """The start."""

    @property
    def duration(self) -> timedelta:
        """0 to 366 days."""

    @property
    def data(self) -> dict[str, Any]:
        """What held."""


class Event(core_event.Event, MutableMapping[str, Any]):
    """What held from one instant to another; ``event["data"]`` and ``event.data`` are the same.

    Equality leaves the ``id`` out, ``<`` compares the start alone. As in ActivityWatch, both raise ``TypeError`` for
    what is no event.
    """

    __slots__ = ()

    # Read-only in the core's event, and for type checkers no longer.
    id: int | None
    timestamp: datetime
    duration: timedelta
    data: JSONObject

    def __init__(
        self,
        id: int | None = None,  # noqa: A002  ActivityWatch's word
        timestamp: datetime | str | None = None,
        duration: float | timedelta = 0,
        data: JSONObject | None = None,
    ) -> None:
        """Read the values.

        Args:
            id: the server's number for it.
            timestamp: an aware instant, or ISO 8601; without a time zone it is UTC, ``None`` is now.
            duration: 0 to 366 days, a ``timedelta`` or seconds.
            data: a JSON object; kept, not copied. ``None`` is an empty one.

        Raises:
            InvalidEvent: a value does not fit.
        """
        self["id"] = id
        self["timestamp"] = datetime.now(UTC) if timestamp is None else timestamp
        self["duration"] = duration
        self["data"] = {} if data is None else data

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _READERS:
            raise AttributeError(f"an event has no attribute {name!r} to set")
        object.__setattr__(self, name, _READERS[name](value))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, core_event.Event):
            raise TypeError(f"an event can not be compared with a {type(other).__name__}")
        return (self.timestamp, self.duration, self.data) == (other.timestamp, other.duration, other.data)

    __hash__ = None  # type: ignore[assignment]  # it can change

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, core_event.Event):
            raise TypeError(f"an event can not be compared with a {type(other).__name__}")
        return self.timestamp < other.timestamp

    def to_json_dict(self) -> JSONObject:
        """Return what REST shows; a copy of the data, so that changing the one leaves the other."""
        return {**self.to_json(), "data": dict(self.data)}

    def to_json_str(self) -> str:
        """Return it as JSON text."""
        return json.dumps(self.to_json())

    def __getitem__(self, key: str) -> Any:
        if key not in _READERS:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: object) -> None:
        if key not in _READERS:
            raise KeyError(key)
        setattr(self, key, value)

    def __delitem__(self, key: str) -> None:
        raise TypeError("an event keeps all of its keys")

    def __iter__(self) -> Iterator[str]:
        return iter(_READERS)

    def __len__(self) -> int:
        return len(_READERS)


def restore_event(*, timestamp: datetime, duration: timedelta, data: JSONObject, event_id: int) -> Event:
    """Return an event as the server stores it, without the checks: it may have grown beyond 366 days by merging."""
    event = object.__new__(Event)
    for name, value in (("timestamp", timestamp), ("duration", duration), ("data", data), ("id", event_id)):
        object.__setattr__(event, name, value)
    return event


def copy_event(event: EventLike) -> Event:
    """Return a checked copy that later changes of ``event`` leave alone.

    Raises:
        InvalidEvent: it has not what an event has, or a value that does not fit.
    """
    try:
        timestamp, duration, data = event.timestamp, event.duration, event.data
    except AttributeError as error:
        raise InvalidEvent("event", f"is a {type(event).__name__}: {error}") from error
    copied = Event(id=getattr(event, "id", None), timestamp=timestamp, duration=duration, data=data)
    copied["data"] = deepcopy(data)  # after the check, which bounds its depth
    return copied


def _read_id(value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise InvalidEvent("id", f"{str(value)[:64]!r} is not an integer")
    return value


def _read_timestamp(value: object) -> datetime:
    instant = _parse_iso(value) if isinstance(value, str) else value
    if not isinstance(instant, datetime):
        raise InvalidEvent("timestamp", f"{str(value)[:64]!r} is neither a datetime nor a text")
    if instant.tzinfo is None:
        logger.warning("timestamp %s has no time zone; taken as UTC", instant, extra={"action": "naive_timestamp"})
        return instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC)


def _parse_iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidEvent("timestamp", f"{text[:64]!r} is not ISO 8601: {error}") from error


def _read_duration(value: Any) -> timedelta:
    if not isinstance(value, timedelta):
        return parse_duration(value)
    if not timedelta() <= value <= times.MAX_DURATION:
        raise InvalidEvent("duration", f"{value.total_seconds():g} s is not between 0 and 366 days")
    return value


def _read_data(value: Any) -> JSONObject:
    if not isinstance(value, dict):
        raise InvalidEvent("data", f"{str(value)[:64]!r} is not an object")
    check_json(value, field="data")
    return value


#: How each attribute is read, in the order of ActivityWatch's JSON.
_READERS: Final[dict[str, Callable[[Any], object]]] = {
    "id": _read_id,
    "timestamp": _read_timestamp,
    "duration": _read_duration,
    "data": _read_data,
}
