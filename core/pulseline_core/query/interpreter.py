"""Runs the tree of a query over one period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from pulseline_core.query.errors import (
    QueryError,
    QueryFunctionError,
    QueryInterpretError,
    QueryParseError,
    shorten,
    suggest,
)
from pulseline_core.query.functions import FUNCTIONS
from pulseline_core.query.measured import Measured, measure, measure_dict, measure_list
from pulseline_core.query.namespace import Namespace
from pulseline_core.query.operators import apply, negate
from pulseline_core.query.signature import Context
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

_RESULT: Final = "RETURN"


class Interpreter:
    """Runs a query.

    Every value that exists is kept in the budget, so that it is refused before it fills the memory. An error ends the
    whole request, so nothing is cleaned up after one.

    Args:
        context: what functions may look at.
        namespace: the variables, which it changes.
    """

    def __init__(self, context: Context, namespace: Namespace) -> None:
        self._context = context
        self._budget = context.budget
        self._namespace = namespace

    def run(self, program: Program) -> Measured:
        """Do all statements, and return what ``RETURN`` is then.

        Raises:
            QueryError: something can not be done; it knows where.
        """
        self._run(program)
        result = self._namespace.find(_RESULT)
        if result is None:
            raise QueryParseError("Query doesn't assign the RETURN variable, nothing to respond")
        return result

    def _run(self, statements: Sequence[Statement]) -> None:
        for statement in statements:
            try:
                self._budget.check()
                self._do(statement)
            except QueryError as error:
                error.locate(statement.at)
                raise

    def _do(self, statement: Statement) -> None:
        match statement:
            case Assignment():
                self._namespace.assign(statement.name, self._evaluate(statement.value))
            case Evaluation():
                self._evaluate(statement.expression)
            case Branch():
                self._run(self._choose(statement))
            case _:
                assert_never(statement)

    def _choose(self, branch: Branch) -> Sequence[Statement]:
        for choice in branch.choices:
            holds = self._evaluate(choice.condition).value
            if not isinstance(holds, bool):
                raise QueryInterpretError("The condition of an if is neither true nor false")
            if holds:
                return choice.block
        return branch.otherwise

    def _evaluate(self, expression: Expression) -> Measured:
        try:
            value = self._get_value(expression)
            self._budget.check_size(value)
        except QueryError as error:
            error.locate(expression.at)
            raise
        return value

    def _get_value(self, expression: Expression) -> Measured:  # noqa: PLR0911 - one for each kind
        match expression:
            case Literal():
                return measure(expression.value)
            case Constant():
                return expression.value
            case Variable():
                return self._namespace.get(expression.name)
            case ListOf():
                return measure_list(self._evaluate_all(expression.items))
            case DictOf():
                keys = [key for key, _ in expression.entries]
                return measure_dict(keys, self._evaluate_all([value for _, value in expression.entries]))
            case Call():
                return self._call(expression)
            case Negative():
                return measure(negate(self._evaluate(expression.operand).value))
            case Chain():
                return self._work_off(expression)
            case _:
                assert_never(expression)

    def _call(self, call: Call) -> Measured:
        function = FUNCTIONS.get(call.name)
        if function is None:
            meant = suggest(call.name, FUNCTIONS)
            raise QueryInterpretError(f"Tried to call function '{shorten(call.name)}' which doesn't exist{meant}")
        arguments = self._evaluate_all(call.arguments)
        self._context.source.pool.check()
        try:
            return function.call(call.name, arguments, self._context, self._namespace)
        except QueryFunctionError as error:
            if error.argument is not None:
                error.locate(call.arguments[error.argument].at)
            raise

    def _work_off(self, chain: Chain) -> Measured:
        result = self._evaluate(chain.first)
        for operation in chain.rest:
            self._budget.keep(result)
            operand = self._evaluate(operation.operand)
            self._budget.drop(result)
            self._budget.check()  # comparing two large lists takes a quarter of a second
            try:
                result = apply(operation.operator, result, operand)
                self._budget.check_size(result)
            except QueryError as error:
                error.locate(operation.at)
                raise
        return result

    def _evaluate_all(self, expressions: Sequence[Expression]) -> list[Measured]:
        """Return the values of expressions; each is kept until all are there."""
        values: list[Measured] = []
        for expression in expressions:
            value = self._evaluate(expression)
            self._budget.keep(value)
            values.append(value)
        for value in values:
            self._budget.drop(value)
        return values
