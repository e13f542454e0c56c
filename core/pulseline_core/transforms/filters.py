"""Events that are kept or dropped for what their data holds."""

from __future__ import annotations

from collections.abc import Sequence

from pulseline_core.json_value import canonical
from pulseline_core.transforms.columns import Columns
from pulseline_core.transforms.patterns import build_pattern
from pulseline_core.types import JSONObject, JSONValue


def filter_keyvals(events: Columns, key: str, values: Sequence[JSONValue], *, exclude: bool = False) -> Columns:
    """Return the events that have one of some values under a key, or all others.

    Values are compared as JSON: ``1`` is ``1.0``, ``true`` is neither, lists and objects are equal by what they hold.
    """
    wanted = frozenset(canonical(value) for value in values)
    texts = frozenset(value for value in values if isinstance(value, str))

    def is_wanted(data: JSONObject) -> bool:
        if key not in data:
            return False
        value = data[key]
        return value in texts if isinstance(value, str) else canonical(value) in wanted

    matches = events.pool.test(events.data, ("filter_keyvals", key, wanted), is_wanted)
    return events.take(~matches if exclude else matches)


def filter_keyvals_regex(events: Columns, key: str, pattern: str) -> Columns:
    """Return the events that have a text under a key in which a pattern is found.

    Raises:
        InvalidPattern: the pattern is wrong.
        PatternTooSlow: it took too long to search a text.
    """
    regular_expression = build_pattern(pattern)
    check = events.pool.check

    def is_found(data: JSONObject) -> bool:
        value = data.get(key)
        return isinstance(value, str) and regular_expression.search(value, check=check)

    return events.take(events.pool.test(events.data, ("filter_keyvals_regex", key, pattern), is_found))
