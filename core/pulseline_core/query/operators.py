"""What the operators do with values."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Final, TypeGuard

import numpy as np

from pulseline_core.json_value import MAX_INTEGER, MIN_INTEGER
from pulseline_core.query.errors import QueryInterpretError
from pulseline_core.query.measured import Measured, Value
from pulseline_core.query.tree import Operator
from pulseline_core.transforms.columns import Columns, concatenate


def apply(sign: Operator, left: Measured, right: Measured) -> Measured:
    """Return what an operator makes of two values.

    Raises:
        QueryInterpretError: it is not made for such values, or there is no such number.
    """
    match sign:
        case Operator.EQUAL:
            return Measured(are_equal(left.value, right.value))
        case Operator.UNEQUAL:
            return Measured(not are_equal(left.value, right.value))
        case Operator.ADD:
            return _add(left, right)
        case _ if sign in _COMPARE:
            return Measured(_compare(sign, left.value, right.value))
        case _:
            return Measured(_calculate(sign, left.value, right.value))


def negate(value: Value) -> float:
    """Return a number with the other sign.

    Raises:
        QueryInterpretError: it is none.
    """
    if _is_number(value):
        return _fit(-value)
    raise QueryInterpretError(f"Cannot use - on {_describe(value)}")


def are_equal(left: Value, right: Value) -> bool:
    """Return whether two values say the same as JSON: ``1`` is ``1.0``, and ``true`` is neither."""
    if left is right:
        return True
    match left, right:
        case Columns(), _:
            return _are_same_events(left, right)
        case _, Columns():
            return _are_same_events(right, left)
        case list(), list():
            return len(left) == len(right) and all(map(are_equal, left, right))
        case dict(), dict():
            return left.keys() == right.keys() and all(are_equal(left[key], right[key]) for key in left)
        case _:
            return isinstance(left, bool) is isinstance(right, bool) and left == right


def _is_number(value: Value) -> TypeGuard[float]:
    """Return whether a value is a number, which a bool is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_same_events(events: Columns, other: Value) -> bool:
    if not isinstance(other, Columns):
        return not len(events) and other == []
    return all(
        np.array_equal(ours, theirs)
        for ours, theirs in ((events.start, other.start), (events.end, other.end), (events.data, other.data))
    )


def _add(left: Measured, right: Measured) -> Measured:
    match left.value, right.value:
        case str() as before, str() as after:
            return Measured(before + after, parts=left.parts + right.parts)
        case Columns() as before, Columns() as after:
            events = concatenate(before, after)
            return Measured(events, rows=len(events), depth=max(left.depth, right.depth))
        case Columns(), []:
            return left
        case [], Columns():
            return right
        case list() as before, list() as after:
            return Measured(
                before + after,
                rows=left.rows + right.rows,
                parts=left.parts + right.parts,
                depth=max(left.depth, right.depth),
            )
        case _:
            return Measured(_calculate(Operator.ADD, left.value, right.value))


def _divide(left: float, right: float) -> float:
    if not right:
        raise QueryInterpretError("Tried to divide by zero")
    return left / right


def _take_remainder(left: float, right: float) -> float:
    """Return what a division leaves, with the sign of what is divided (aw-server-rust)."""
    if not right:
        raise QueryInterpretError("Tried to divide by zero")
    if isinstance(left, int) and isinstance(right, int):
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    return math.fmod(left, right)


_CALCULATE: Final[dict[Operator, Callable[[float, float], float]]] = {
    Operator.ADD: operator.add,
    Operator.SUBTRACT: operator.sub,
    Operator.MULTIPLY: operator.mul,
    Operator.DIVIDE: _divide,
    Operator.REMAINDER: _take_remainder,
}

_COMPARE: Final[dict[Operator, Callable[..., bool]]] = {
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
}


def _compare(sign: Operator, left: Value, right: Value) -> bool:
    if (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
        return _COMPARE[sign](left, right)
    raise _refuse(sign, left, right)


def _calculate(sign: Operator, left: Value, right: Value) -> float:
    if _is_number(left) and _is_number(right):
        return _fit(_CALCULATE[sign](left, right))
    raise _refuse(sign, left, right)


def _fit(number: float) -> float:
    """Return a number that JSON can hold: an integer of more than 64 bits is none, and becomes a float."""
    if isinstance(number, int) and MIN_INTEGER <= number <= MAX_INTEGER:
        return number
    if not math.isfinite(number):
        raise QueryInterpretError("The result of a calculation is too large")
    return float(number)


def _refuse(sign: Operator, left: Value, right: Value) -> QueryInterpretError:
    return QueryInterpretError(f"Cannot use {sign.value} on {_describe(left)} and {_describe(right)}")


def _describe(value: Value) -> str:
    match value:
        case bool():
            return "a bool"
        case int() | float():
            return "a number"
        case str():
            return "a str"
        case None:
            return "null"
        case Columns():
            return "events"
        case _:
            return f"a {type(value).__name__}"
