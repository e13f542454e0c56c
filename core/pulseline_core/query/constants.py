"""Works out beforehand what in a query does not depend on anything: the rules of categories, above all.

They are most of the tree, and a query over many periods would build them for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from pulseline_core.query.errors import QueryInterpretError
from pulseline_core.query.measured import Measured, Value, measure, measure_dict, measure_list
from pulseline_core.query.namespace import CONSTANTS
from pulseline_core.query.operators import negate
from pulseline_core.query.tree import (
    Assignment,
    Branch,
    Call,
    Chain,
    Constant,
    DictOf,
    Evaluation,
    Expression,
    ListOf,
    Literal,
    Negative,
    Program,
    Statement,
    Variable,
)


def fold(program: Program) -> Program:
    """Return a query that does the same, with all constants worked out."""
    assigned = set(_iter_assigned(program))
    return _Folder({name: value for name, value in CONSTANTS.items() if name not in assigned}).fold(program)


def _iter_assigned(statements: Sequence[Statement]) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, Assignment):
            yield statement.name
        elif isinstance(statement, Branch):
            for choice in statement.choices:
                yield from _iter_assigned(choice.block)
            yield from _iter_assigned(statement.otherwise)


class _Folder:
    def __init__(self, known: Mapping[str, Value]) -> None:
        self._known = known

    def fold(self, statements: Sequence[Statement]) -> Program:
        return tuple(map(self._fold_statement, statements))

    def _fold_statement(self, statement: Statement) -> Statement:
        match statement:
            case Assignment():
                return replace(statement, value=self._fold_expression(statement.value))
            case Evaluation():
                return replace(statement, expression=self._fold_expression(statement.expression))
            case Branch():
                choices = tuple(
                    replace(each, condition=self._fold_expression(each.condition), block=self.fold(each.block))
                    for each in statement.choices
                )
                return replace(statement, choices=choices, otherwise=self.fold(statement.otherwise))
            case _:
                assert_never(statement)

    def _fold_expression(self, expression: Expression) -> Expression:
        folded = self._fold_parts(expression)
        value = self._find_value(folded)
        return folded if value is None else Constant(at=expression.at, value=value)

    def _fold_parts(self, expression: Expression) -> Expression:
        match expression:
            case ListOf():
                return replace(expression, items=tuple(map(self._fold_expression, expression.items)))
            case DictOf():
                entries = tuple((key, self._fold_expression(value)) for key, value in expression.entries)
                return replace(expression, entries=entries)
            case Call():
                return replace(expression, arguments=tuple(map(self._fold_expression, expression.arguments)))
            case Negative():
                return replace(expression, operand=self._fold_expression(expression.operand))
            case Chain():
                rest = tuple(replace(each, operand=self._fold_expression(each.operand)) for each in expression.rest)
                return replace(expression, first=self._fold_expression(expression.first), rest=rest)
            case _:
                return expression

    def _find_value(self, expression: Expression) -> Measured | None:
        """Return what an expression always is; its parts are folded."""
        match expression:
            case Literal():
                return measure(expression.value)
            case Variable() if expression.name in self._known:
                return measure(self._known[expression.name])
            case Negative(operand=Constant() as operand):
                return _negate(operand.value.value)
            case ListOf():
                items = _get_values(expression.items)
                return None if items is None else measure_list(items)
            case DictOf():
                items = _get_values([value for _, value in expression.entries])
                return None if items is None else measure_dict([key for key, _ in expression.entries], items)
            case _:
                return None


def _get_values(expressions: Sequence[Expression]) -> list[Measured] | None:
    values = [each.value for each in expressions if isinstance(each, Constant)]
    return values if len(values) == len(expressions) else None


def _negate(value: Value) -> Measured | None:
    try:
        return measure(negate(value))
    except QueryInterpretError:
        return None  # and is refused where it stands, should the query come there
