"""Events as the server answers them: over REST, and as the result of a message. Pure."""

from __future__ import annotations

from datetime import timedelta

from pulseline_client.event import Event, restore_event
from pulseline_core import times
from pulseline_core.errors import InvalidPayload
from pulseline_core.types import JSONValue


def parse_stored_event(value: JSONValue) -> Event:
    """Read an event that the server has stored.

    It was checked when it came in, by the server's clock; ours is not asked, and it may have grown by merging.

    Raises:
        InvalidPayload: it is no stored event.
    """
    if not isinstance(value, dict):
        raise InvalidPayload(f"the server answered {str(value)[:64]!r}, not an event")
    timestamp, duration, data, event_id = (value.get(name) for name in ("timestamp", "duration", "data", "id"))
    if not isinstance(timestamp, str) or not isinstance(data, dict) or not isinstance(event_id, int):
        raise InvalidPayload(f"the server answered {str(value)[:64]!r}, not a stored event")
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        raise InvalidPayload(f"the server answered an event with the duration {str(duration)[:64]!r}")
    return restore_event(
        timestamp=times.parse_timestamp(timestamp),
        duration=timedelta(microseconds=times.seconds_to_us(duration)),
        data=data,
        event_id=event_id,
    )
