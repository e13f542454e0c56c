"""The functions over events that are more than a transform under its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from pulseline_core.query.arguments import check_events
from pulseline_core.query.errors import QueryFunctionError, shorten
from pulseline_core.query.measured import Value
from pulseline_core.query.namespace import Namespace
from pulseline_core.query.operators import are_equal
from pulseline_core.query.signature import Context
from pulseline_core.times import seconds_to_us
from pulseline_core.transforms import chunks, filters, flooding, order, rules, subwatcher
from pulseline_core.transforms.columns import Columns, concatenate
from pulseline_core.transforms.rules import RuleSet, build_rule_set
from pulseline_core.types import JSONValue

#: aw-core's pulsetime of ``flood``.
_PULSETIME_S: Final = 5.0

#: A hundred years: longer gaps do not occur, and larger numbers would not fit the columns.
_MAX_PULSETIME_S: Final = 100 * 366 * 86400.0

#: An event as JSON without its data.
_EVENT_BYTES: Final = 100

_MICROSECONDS: Final = 1_000_000


def flood(events: Columns, pulsetime_s: float = _PULSETIME_S) -> Columns:
    """Fill gaps of up to some seconds."""
    if pulsetime_s < 0:
        raise QueryFunctionError(f"pulsetime of flood must not be negative, got {pulsetime_s!r}")
    return flooding.flood(events, seconds_to_us(min(pulsetime_s, _MAX_PULSETIME_S)))


def sum_durations(events: Columns) -> float:
    """Return how long the events are together, in seconds."""
    return order.sum_durations_us(events) / _MICROSECONDS


def exclude_keyvals(events: Columns, key: str, values: Sequence[JSONValue]) -> Columns:
    """Return the events that ``filter_keyvals`` leaves out."""
    return filters.filter_keyvals(events, key, values, exclude=True)


def concat(context: Context, _namespace: Namespace, *lists: list[Value] | Columns) -> Value:
    """Return the items of one list after those of the other: events, or anything else."""
    if not any(isinstance(each, Columns) for each in lists):
        return [item for each in lists if isinstance(each, list) for item in each]
    return concatenate(*(check_events(each, context.source.pool) for each in lists))


def merge_subwatcher_fields(
    base: Columns, sub: Columns, keys: tuple[str, ...], conflict: str = subwatcher.CONFLICTS[0]
) -> Columns:
    """Return the events of one watcher with what another one knows about the same time."""
    if conflict not in subwatcher.CONFLICTS:
        raise QueryFunctionError(f"conflict must be 'base_wins' or 'sub_wins', got {shorten(conflict)!r}")
    return subwatcher.merge_subwatcher_fields(base, sub, keys, conflict=conflict)


def categorize(context: Context, _namespace: Namespace, events: Columns, classes: list[JSONValue]) -> Columns:
    """Give each event its category."""
    return _classify(context, rules.categorize, events, classes)


def tag(context: Context, _namespace: Namespace, events: Columns, classes: list[JSONValue]) -> Columns:
    """Give each event its tags."""
    return _classify(context, rules.tag, events, classes)


def _classify(
    context: Context, classify: Callable[[Columns, RuleSet], Columns], events: Columns, classes: list[JSONValue]
) -> Columns:
    """Work with rules; what is wrong with some of them is known only afterwards."""
    rule_set = build_rule_set(classes)
    result = classify(events, rule_set)
    for problem in rule_set.problems:
        context.warn(problem)
    return result


def chunk_events_by_key(context: Context, _namespace: Namespace, events: Columns, key: str) -> Columns:
    """Put neighbours with the same value of a key into one event, which holds them."""
    context.budget.count_nested(_measure_nested(events))
    return chunks.chunk_events_by_key(events, key)


def _measure_nested(events: Columns) -> int:
    """Return about how long the JSON text of the events is."""
    codes, counts = np.unique(events.data, return_counts=True)
    size_bytes = _EVENT_BYTES * len(events)
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        size_bytes += count * len(events.pool.get_text(code))
    return size_bytes


def nop() -> int:
    """Return 1."""
    return 1


def note(context: Context, _namespace: Namespace, *values: Value) -> None:
    """Keep the values for whoever asked."""
    context.note(" ".join(map(shorten, values)))


def contains(collection: Value, item: Value) -> bool:
    """Return whether a list has an item, or a dict has a key."""
    match collection:
        case list():
            return any(are_equal(each, item) for each in collection)
        case dict() if isinstance(item, str):
            return item in collection
        case dict():
            raise QueryFunctionError(f"contains looks for a key in a dict, and '{shorten(item)}' is not a str")
        case _:
            raise QueryFunctionError(f"contains looks into a list or a dict, and '{shorten(collection)}' is neither")
