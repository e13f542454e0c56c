"""Exports as CSV (RFC 4180), a row an event, for spreadsheets.

The first columns are ``bucket``, ``timestamp``, ``end`` and ``duration`` in seconds; then comes a column for each key
of the events' data, in alphabetical order. So the events are read twice: the first time for their keys, of which the
store gives each distinct object many times and this looks at it once. At most 256 keys get a column; what has none,
which may also be a key that came in between the two readings, is in the last column, ``other_data``, as JSON.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final

import orjson

from pulseline_api.export_selection import Selection
from pulseline_core.spreadsheet import name_columns, neutralise
from pulseline_core.store import EventRow
from pulseline_core.times import format_us
from pulseline_core.types import JSONObject, JSONValue

#: What ``csv`` writes as it is: text, which is quoted where it must be, and numbers.
_Cell = str | int | float

_EVENT_COLUMNS: Final = ("bucket", "timestamp", "end", "duration")

#: Where data is that has no column of its own.
_REST: Final = "other_data"

#: A spreadsheet takes 16,384 columns, a person far fewer; each costs every row a comma.
_MAX_KEYS: Final = 256

#: Data objects that are remembered, and what they may have together: more than the distinct ones of a busy day.
_MAX_KNOWN: Final = 10_000
_MAX_CHARACTERS: Final = 1024 * 1024


def iter_csv(selection: Selection) -> Iterator[bytes]:
    """Yield a header and a row an event."""
    keys = find_keys(selection)
    data_cells = DataCells(keys)
    yield _write([[*_EVENT_COLUMNS, *name_columns(keys, taken=(*_EVENT_COLUMNS, _REST)), _REST]])
    for bucket, page in selection.iter_pages():
        bucket_cell = neutralise(bucket.id)
        yield _write(
            [
                [bucket_cell, format_us(start_us), format_us(end_us), (end_us - start_us) / 1_000_000, *cells]
                for (_, start_us, end_us, _, _), cells in zip(page, data_cells.iter_cells(page), strict=True)
            ]
        )


def find_keys(selection: Selection) -> list[str]:
    """Return the keys of the events' data, sorted; the first 256 of more."""
    keys: set[str] = set()
    seen: set[int] = set()
    for _, page in selection.iter_pages():
        for _, _, _, data_id, text in page:
            if data_id in seen:
                continue
            if len(seen) >= _MAX_KNOWN:
                seen.clear()
            seen.add(data_id)
            keys.update(orjson.loads(text))
        if len(keys) >= _MAX_KEYS:
            break
    return sorted(keys)[:_MAX_KEYS]


class DataCells:
    """The cells of an event's data, made once for those events in a row that share it."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        self._known: dict[int, list[_Cell]] = {}
        self._characters = 0

    def iter_cells(self, page: Sequence[EventRow]) -> Iterator[list[_Cell]]:
        """Yield the cells of each event: one a key, and one for the rest."""
        for _, _, _, data_id, text in page:
            cells = self._known.get(data_id)
            yield self._add(data_id, text) if cells is None else cells

    def _add(self, data_id: int, text: str) -> list[_Cell]:
        if len(self._known) >= _MAX_KNOWN or self._characters >= _MAX_CHARACTERS:
            self._known.clear()
            self._characters = 0
        cells = self._known[data_id] = build_cells(orjson.loads(text), self._keys)
        self._characters += len(text) + len(cells)
        return cells


def build_cells(data: JSONObject, keys: Sequence[str]) -> list[_Cell]:
    """Return a cell for each key, and one for what is left; takes the data apart."""
    cells = [_build_cell(data.pop(key, None)) for key in keys]
    return [*cells, orjson.dumps(data).decode() if data else ""]


def _build_cell(value: JSONValue) -> _Cell:
    match value:
        case None:
            return ""
        case str():
            return neutralise(value)
        case bool() | list() | dict():
            return orjson.dumps(value).decode()
        case _:
            return value


def _write(rows: Sequence[Sequence[_Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
