"""Values of the query language, with how large they are.

A value is never changed once it exists, so variables may share one; and one list may hold the same list many times.
Written out it would be as large as all of them, and exponential in the length of the query (``a = [a, a];``): so each
value brings its size along instead of having it counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pulseline_core.transforms.columns import Columns

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | Columns | None"
"""A value: JSON, in which columns of events may stand anywhere. Nobody may change it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A value and its size.

    Attributes:
        value: the value.
        rows: the events in it.
        parts: characters of texts, items of lists and dicts.
        depth: lists and dicts within one another; of events, how much deeper their data is than in the store.
    """

    value: Value
    rows: int = 0
    parts: int = 0
    depth: int = 0


def measure(value: Value) -> Measured:
    """Measure a value by looking at all of it."""
    match value:
        case Columns():
            return Measured(value, rows=len(value))
        case str():
            return Measured(value, parts=len(value))
        case list():
            return measure_list([measure(item) for item in value])
        case dict():
            return measure_dict(value, [measure(item) for item in value.values()])
        case _:
            return Measured(value)


def measure_list(items: Sequence[Measured]) -> Measured:
    """Return the list of some values."""
    return _enclose([item.value for item in items], items, parts=len(items))


def measure_dict(keys: Iterable[str], items: Sequence[Measured]) -> Measured:
    """Return the dict of some values; of equal keys the last one counts."""
    value = dict(zip(keys, (item.value for item in items), strict=True))
    return _enclose(value, items, parts=len(items) + sum(map(len, value)))


def _enclose(value: list[Value] | dict[str, Value], items: Sequence[Measured], *, parts: int) -> Measured:
    return Measured(
        value,
        rows=sum(item.rows for item in items),
        parts=parts + sum(item.parts for item in items),
        depth=1 + max((item.depth for item in items), default=0),
    )
