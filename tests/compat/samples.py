"""Events as the clients take and return them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

T0: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(offset_s: float) -> datetime:
    """Return an instant so many seconds after the first."""
    return T0 + timedelta(seconds=offset_s)


def build_event(offset_s: float, duration_s: float = 0.0, **data: Any) -> dict[str, Any]:
    """Return an event as JSON."""
    return {"timestamp": at(offset_s).isoformat(), "duration": duration_s, "data": data}


def build_python_event(offset_s: float, duration_s: float = 0.0, **data: Any) -> dict[str, Any]:
    """Return what becomes an ``aw_core.models.Event`` in the Python client."""
    return {"$event": build_event(offset_s, duration_s, **data)}


def build_python_time(offset_s: float) -> dict[str, str]:
    """Return what becomes a ``datetime`` in the Python client."""
    return {"$time": at(offset_s).isoformat()}


def get_values(events: list[dict[str, Any]], key: str = "n") -> list[Any]:
    """Return one value of each event's data."""
    return [event["data"][key] for event in events]
