"""What Pulseline calls JSON: the part of it that every store, parser and browser reads back unchanged.

Pure, and without the fast decoder that the server uses (``payload``): the light client imports this module.
"""

from __future__ import annotations

import json
import math
from typing import Final

from pulseline_core.errors import InvalidEvent
from pulseline_core.types import JSONValue

#: Arrays and objects within one another; RFC 8259 section 9 allows a limit, and PostgreSQL and browsers have theirs.
MAX_DEPTH: Final = 64

#: SQLite's INTEGER, PostgreSQL's bigint and Rust's i64.
MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**63 - 1


def check_json(value: JSONValue, *, field: str, depth: int = 0) -> None:
    """Raise ``InvalidEvent`` for a value that some store or parser could not hold.

    Args:
        value: what a JSON decoder, or a Python caller, handed over.
        field: the name for it in the error.
        depth: how many arrays and objects are around ``value``.
    """
    if isinstance(value, str):
        _check_text(value, field=field)
    elif isinstance(value, (dict, list)):
        _check_items(value, field=field, depth=depth)
    elif value is not None and not isinstance(value, bool):
        _check_number(value, field=field)


def _check_items(value: dict[str, JSONValue] | list[JSONValue], *, field: str, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise InvalidEvent(field, f"is nested deeper than {MAX_DEPTH} levels")
    # Most keys and values are texts with nothing special in them, and a call for each takes longer than to look.
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str or not key.isascii() or "\0" in key:
                _check_key(key, field=field)
    for item in value.values() if isinstance(value, dict) else value:
        if type(item) is not str or not item.isascii() or "\0" in item:
            check_json(item, field=field, depth=depth + 1)


def _check_number(value: object, *, field: str) -> None:
    if isinstance(value, int):
        if not MIN_INTEGER <= value <= MAX_INTEGER:
            raise InvalidEvent(field, f"holds {_shorten(value)}, which does not fit 64 bits")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidEvent(field, f"holds {value!r}, which JSON does not have")
    else:
        raise InvalidEvent(field, f"holds a {type(value).__name__}, which JSON does not have")


def _check_key(key: object, *, field: str) -> None:
    if not isinstance(key, str):
        raise InvalidEvent(field, f"has the key {str(key)[:64]!r}, which is not a text")
    _check_text(key, field=field)


def _check_text(text: str, *, field: str) -> None:
    if "\0" in text:
        raise InvalidEvent(field, f"holds a NUL character in {text[:64]!r}")
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidEvent(field, f"holds a lone surrogate in {text[:64]!r}") from error


def _shorten(integer: int) -> str:
    """Return an integer as text, without the cost of printing thousands of digits."""
    return str(integer) if integer.bit_length() <= 128 else f"an integer of {integer.bit_length()} bits"


def canonical(value: JSONValue) -> str:
    """Return the one text that equal values share: keys sorted, no spaces, a whole float written as its integer.

    So ``1`` equals ``1.0`` (both are the JSON number one) and ``true`` equals neither.
    """
    return json.dumps(fold_floats(value), ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)


def fold_floats(value: JSONValue) -> JSONValue:
    """Return a value with each whole float as its integer."""
    match value:
        case float() if value.is_integer() and MIN_INTEGER <= value <= MAX_INTEGER:
            return int(value)
        case list():
            return [fold_floats(item) for item in value]
        case dict():
            return {key: fold_floats(item) for key, item in value.items()}
        case _:
            return value
