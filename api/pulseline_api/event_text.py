"""Events as JSON text, put together from the store's rows.

Their data is JSON there already, so neither a ``datetime`` nor a dictionary is made of what only passes through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from pulseline_core.store import EventRow
from pulseline_core.times import format_us

#: Events that are made text at once: some 100 KB.
_PIECE_EVENTS: Final = 500


def describe_rows(rows: Iterable[EventRow], *, lead: str = "") -> list[str]:
    """Return each event as ``{<lead>"timestamp", "duration", "data"}``; ``lead`` is members that end with a comma."""
    return [f"{{{lead}{_describe(row)}}}" for row in rows]


def iter_array(rows: Iterator[EventRow]) -> Iterator[bytes]:
    """Yield an array of ``{"id", "timestamp", "duration", "data"}``, as ``Event.to_json`` has it, and a line end."""
    lead = "["
    while piece := ",".join([f'{{"id":{row[0]},{_describe(row)}}}' for row in islice(rows, _PIECE_EVENTS)]):
        yield f"{lead}{piece}".encode()
        lead = ","
    yield b"[]\n" if lead == "[" else b"]\n"


def _describe(row: EventRow) -> str:
    _, start_us, end_us, _, data = row
    return f'"timestamp":"{format_us(start_us)}","duration":{(end_us - start_us) / 1_000_000},"data":{data}'
