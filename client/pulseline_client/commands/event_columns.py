"""How an event is shown: the columns that ``events``, ``tail`` and ``heartbeat`` share."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final

from pulseline_client.commands.human import format_data, format_duration, format_instant
from pulseline_client.commands.output import Column
from pulseline_core.types import JSONObject


def read_instant(record: JSONObject, name: str) -> datetime | None:
    """Return the instant that a record of the API holds under a name, ``None`` where there is none."""
    text = record.get(name)
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def format_instant_of(record: JSONObject, name: str) -> str:
    """Return an instant of a record in local time, empty where there is none."""
    instant = read_instant(record, name)
    return "" if instant is None else format_instant(instant)


def format_exact_instant_of(record: JSONObject, name: str) -> str:
    """Return an instant of a record in local time with all its digits, empty where there is none."""
    instant = read_instant(record, name)
    return "" if instant is None else instant.astimezone().isoformat()


def format_text_of(record: JSONObject, name: str) -> str:
    """Return a text or number of a record as it is, empty where there is none."""
    value = record.get(name)
    return "" if value is None else str(value)


def _format_duration_of(event: JSONObject) -> str:
    seconds = event.get("duration")
    return format_duration(timedelta(seconds=seconds)) if isinstance(seconds, int | float) else ""


def _format_data_of(event: JSONObject) -> str:
    data = event.get("data")
    return format_data(data) if isinstance(data, dict) else ""


def _format_json_data_of(event: JSONObject) -> str:
    return json.dumps(event.get("data"), ensure_ascii=False, separators=(",", ":"))


#: In lines: the start as RFC 3339, the duration in seconds, the data as JSON.
EVENT_COLUMNS: Final = (
    Column(
        title="START",
        cell=lambda event: format_instant_of(event, "timestamp"),
        field=lambda event: format_exact_instant_of(event, "timestamp"),
    ),
    Column(
        title="DURATION",
        cell=_format_duration_of,
        field=lambda event: format_text_of(event, "duration"),
        is_number=True,
    ),
    Column(title="DATA", cell=_format_data_of, field=_format_json_data_of, limit=None),
)
