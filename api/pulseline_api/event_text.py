"""Events as JSON text, put together from the store's rows.

Their data is JSON there already, so neither a ``datetime`` nor a dictionary is made of what only passes through.
"""

from __future__ import annotations

from collections.abc import Iterable

from pulseline_core.store import EventRow
from pulseline_core.times import format_us


def describe_rows(rows: Iterable[EventRow], *, lead: str = "") -> list[str]:
    """Return each event as ``{<lead>"timestamp", "duration", "data"}``; ``lead`` is members that end with a comma."""
    return [f"{{{lead}{_describe(row)}}}" for row in rows]


def describe_rows_with_ids(rows: Iterable[EventRow]) -> list[str]:
    """Return each event as ``{"id", "timestamp", "duration", "data"}``, as ``Event.to_json`` has it."""
    return [f'{{"id":{row[0]},{_describe(row)}}}' for row in rows]


def _describe(row: EventRow) -> str:
    _, start_us, end_us, _, data = row
    return f'"timestamp":"{format_us(start_us)}","duration":{(end_us - start_us) / 1_000_000},"data":{data}'
