"""What functions take: each checker returns the argument as the function wants it, or refuses it in aw-core's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeGuard, cast

import orjson

from pulseline_core.query.errors import QueryFunctionError, shorten
from pulseline_core.query.measured import Value
from pulseline_core.transforms.columns import Columns, no_events
from pulseline_core.transforms.data_pool import DataPool
from pulseline_core.types import JSONValue

Checker: TypeAlias = Callable[[Value, DataPool], Any]
"""Takes an argument and the pool of all events; raises ``QueryFunctionError``."""


def check_events(value: Value, pool: DataPool) -> Columns:
    """Take events; an empty list is none."""
    match value:
        case Columns():
            return value
        case []:
            return no_events(pool)
        case list():
            raise _refuse(value, "a list of events")
        case _:
            raise _refuse(value, "<class 'list'>")


def check_list(value: Value, _pool: DataPool) -> list[JSONValue]:
    """Take a list of anything but events."""
    match value:
        case list() if _is_json(value):
            return value
        case Columns() if not len(value):
            return []
        case list() | Columns():
            raise _refuse(value, "a list without events")
        case _:
            raise _refuse(value, "<class 'list'>")


def check_texts(value: Value, pool: DataPool) -> tuple[str, ...]:
    """Take a list of texts."""
    return tuple(check_text(text, pool) for text in cast("list[Value]", check_list(value, pool)))


def check_text(value: Value, _pool: DataPool) -> str:
    """Take a text."""
    if isinstance(value, str):
        return value
    raise _refuse(value, "<class 'str'>")


def check_integer(value: Value, _pool: DataPool) -> int:
    """Take a whole number, however it was computed; in Python's way ``true`` is one."""
    match value:
        case int():
            return value
        case float() if value.is_integer():
            return int(value)
        case _:
            raise _refuse(value, "<class 'int'>")


def check_number(value: Value, _pool: DataPool) -> float:
    """Take any number."""
    if isinstance(value, int | float):
        return value
    raise _refuse(value, "<class 'float'>")


def check_list_or_events(value: Value, _pool: DataPool) -> list[Value] | Columns:
    """Take any list."""
    if isinstance(value, list | Columns):
        return value
    raise _refuse(value, "<class 'list'>")


def check_optional_text(value: Value, pool: DataPool) -> str | None:
    """Take a text, or null as if nothing was given."""
    return None if value is None else check_text(value, pool)


def check_value(value: Value, _pool: DataPool) -> Value:
    """Take anything."""
    return value


def _is_json(value: list[Value]) -> TypeGuard[list[JSONValue]]:
    """Return whether a list holds no events, however deep."""
    try:
        orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATACLASS)
    except orjson.JSONEncodeError:
        return False
    return True


def _refuse(value: Value, expected: str) -> QueryFunctionError:
    name = "list" if isinstance(value, Columns) else type(value).__name__
    return QueryFunctionError(
        f"Variable '{shorten(value)}' passed to function call is of invalid type. "
        f"Expected {expected} but was <class '{name}'>"
    )
