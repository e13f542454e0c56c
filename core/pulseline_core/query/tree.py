"""A query as a tree. Two trees are equal when they say the same, wherever they stood in their texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from pulseline_core.query.measured import Measured


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a query.

    Attributes:
        line: from 1.
        column: from 1, in characters.
    """

    line: int
    column: int


class Operator(Enum):
    """What stands between two expressions."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    REMAINDER = "%"
    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    at: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class Literal(_Node):
    """A number or a text as written."""

    value: int | float | str


@dataclass(frozen=True, slots=True)
class Variable(_Node):
    """The value that a name stands for."""

    name: str


@dataclass(frozen=True, slots=True)
class ListOf(_Node):
    """``[a, b]``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class DictOf(_Node):
    """``{"key": a}``; of equal keys the last one counts."""

    entries: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Call(_Node):
    """``name(a, b)``."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Negative(_Node):
    """``-a``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Operation(_Node):
    """An operator and what stands to its right."""

    operator: Operator
    operand: Expression


@dataclass(frozen=True, slots=True)
class Chain(_Node):
    """``a + b * c``: worked off from left to right, as no operator binds tighter than another."""

    first: Expression
    rest: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Constant(_Node):
    """What is the same whenever it is worked out; ``constants`` puts it in the place of others."""

    value: Measured


Expression: TypeAlias = Literal | Constant | Variable | ListOf | DictOf | Call | Negative | Chain


@dataclass(frozen=True, slots=True)
class Assignment(_Node):
    """``name = a;`` and, with the name ``RETURN``, ``return a;``."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Evaluation(_Node):
    """``a;``."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class Choice(_Node):
    """A condition, and what is done where it holds."""

    condition: Expression
    block: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Branch(_Node):
    """``if a {...} elif b {...} else {...}``."""

    choices: tuple[Choice, ...]
    otherwise: tuple[Statement, ...]


Statement: TypeAlias = Assignment | Evaluation | Branch

Program: TypeAlias = tuple[Statement, ...]
