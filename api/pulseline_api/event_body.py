"""Events as request bodies hold them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pulseline_core.errors import InvalidEvent, InvalidPayload
from pulseline_core.event import Event, parse_event
from pulseline_core.types import JSONValue


def parse_heartbeat(value: Mapping[str, JSONValue]) -> Event:
    """Read a heartbeat: a timestamp is required as in ActivityWatch's schema, an id means nothing."""
    if not isinstance(value.get("timestamp"), str):
        raise InvalidEvent("timestamp", "is required, as a text")
    return parse_event({**value, "id": None}, now=datetime.now(UTC))


def parse_events(value: JSONValue, *, now: datetime) -> list[Event]:
    """Read one event or an array of them; raise ``InvalidPayload`` with the place of the first that does not fit."""
    items = value if isinstance(value, list) else [value]
    return [_parse_item(item, place, now) for place, item in enumerate(items)]


def _parse_item(item: JSONValue, place: int, now: datetime) -> Event:
    if not isinstance(item, dict):
        raise InvalidPayload(f"event {place} is {str(item)[:64]!r}, not an object")
    try:
        return parse_event(item, now=now)
    except InvalidEvent as error:
        raise InvalidPayload(f"event {place}: {error}") from error
