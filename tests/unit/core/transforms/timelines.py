"""Random timelines that are full of corner cases, and their way into columns and out of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from hypothesis import strategies as st

from pulseline_core.transforms.columns import Columns, no_events
from pulseline_core.transforms.data_pool import DataPool
from pulseline_core.types import JSONObject

MILLISECOND: Final = 1000
SECOND: Final = 1_000_000

#: What flood is mostly called with.
PULSETIME: Final = 5 * SECOND

#: 2026-03-29T01:00:00Z.
ORIGIN: Final = 1_774_746_000 * SECOND

#: Gaps and lengths, in microseconds, where something changes: nothing, the slight overlap of flood, its pulsetime.
_CORNERS: Final = (0, 100 * MILLISECOND, PULSETIME, 2 * PULSETIME)


class Row(NamedTuple):
    """An event as the twins see it: times in microseconds since 1970."""

    start: int
    end: int
    data: JSONObject
    id: int = -1


#: Few, so that neighbours are often equal.
LETTERS: Final[Sequence[JSONObject]] = ({"app": "a"}, {"app": "b"})


def build(rows: Iterable[Row], pool: DataPool) -> Columns:
    """Return rows as columns, in their order."""
    table = [(row.start, row.end, pool.intern(row.data), row.id) for row in rows]
    return Columns(pool, *np.array(table, dtype=np.int64).T.copy()) if table else no_events(pool)


def read(columns: Columns) -> list[Row]:
    """Return columns as rows, in their order."""
    lists = (columns.start.tolist(), columns.end.tolist(), columns.data.tolist(), columns.ids.tolist())
    return [
        Row(start, end, columns.pool.get(code), event_id) for start, end, code, event_id in zip(*lists, strict=True)
    ]


def event(start: float, length: float, app: str = "a", event_id: int = -1) -> Row:
    """Return an event of so many seconds, from so many after 1970 on."""
    begin = round(start * SECOND)
    return Row(begin, begin + round(length * SECOND), {"app": app}, event_id)


def timelines(step: int, data: Sequence[JSONObject] = LETTERS) -> st.SearchStrategy[list[Row]]:
    """Return events in any order, in half of the cases without overlaps; times are multiples of the step."""
    lengths = _spread(step).map(abs)
    gaps = lengths | lengths.map(lambda gap: -gap) | st.none()
    parts = st.tuples(gaps, lengths, st.sampled_from(data))
    parts_apart = st.tuples(lengths, lengths, st.sampled_from(data))
    laid = (st.lists(parts, max_size=8) | st.lists(parts_apart, max_size=8)).map(_lay_out)
    return laid | laid.flatmap(st.permutations) | laid.map(lambda rows: rows[::-1])


def _spread(step: int) -> st.SearchStrategy[int]:
    """Return corners, what lies a step or two beside them, and anything up to a few seconds."""
    near = st.builds(lambda corner, steps: corner + steps * step, st.sampled_from(_CORNERS), st.integers(-2, 2))
    return near | st.integers(0, 7 * SECOND // step).map(lambda steps: steps * step)


def _lay_out(parts: Sequence[tuple[int | None, int, JSONObject]]) -> list[Row]:
    """Return events that each begin a gap behind the end of the one before, or together with it if there is none."""
    rows: list[Row] = []
    start = end = ORIGIN
    for event_id, (gap, length, data) in enumerate(parts):
        start = start if gap is None else end + gap
        end = start + length
        rows.append(Row(start, end, data, event_id))
    return rows
