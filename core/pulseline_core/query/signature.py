"""What a function of the language is, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pulseline_core.errors import BadInput
from pulseline_core.query.arguments import Checker, check_value
from pulseline_core.query.budget import Budget
from pulseline_core.query.errors import QueryError, QueryFunctionError, QueryInterpretError
from pulseline_core.query.measured import Measured, Value, measure
from pulseline_core.query.namespace import Namespace
from pulseline_core.query.source import EventSource
from pulseline_core.transforms.columns import Columns
from pulseline_core.transforms.data_pool import DataPool

#: What is kept of what a query prints.
_MAX_NOTES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What functions may look at beside their arguments; one for all periods of a request, but for the variables.

    Attributes:
        source: the buckets.
        budget: what the request may use.
        warnings: about parts of the query that have no effect, in order, each once.
        notes: what it prints, in order.
    """

    source: EventSource
    budget: Budget
    warnings: dict[str, None] = field(default_factory=dict[str, None])
    notes: list[str] = field(default_factory=list[str])

    def warn(self, warning: str) -> None:
        """Add a warning, unless it was given before."""
        self.warnings[warning] = None

    def note(self, text: str) -> None:
        """Add what the query prints, up to a bound."""
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(f"print: {text}")


Body: TypeAlias = Callable[..., Value]
"""Called with the context, the variables and the checked arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that queries can call.

    Attributes:
        body: does it.
        required: check the arguments that must be given.
        optional: check those that may follow.
        is_variadic: whether any number of further ones may follow, each as the last required one.
        deepens: how much deeper than in its arguments the data of the resulting events can be.
    """

    body: Body
    required: tuple[Checker, ...] = ()
    optional: tuple[Checker, ...] = ()
    is_variadic: bool = False
    deepens: int = 0

    def call(self, name: str, arguments: Sequence[Measured], context: Context, namespace: Namespace) -> Measured:
        """Check the arguments and call it.

        Raises:
            QueryInterpretError: the number of arguments does not fit.
            QueryFunctionError: an argument does not.
        """
        if not self._takes(len(arguments)):
            raise QueryInterpretError(
                f"Tried to call function {name} with invalid amount of arguments: "
                f"it takes {self._describe_numbers()}, not {len(arguments)}"
            )
        checkers = self.required + self.optional
        checkers += (self.required[-1:] or (check_value,)) * max(len(arguments) - len(checkers), 0)
        pool = context.source.pool
        checked = [
            _check(checker, each.value, number, pool)
            for number, (checker, each) in enumerate(zip(checkers, arguments, strict=False))
        ]
        result = _run(self.body, context, namespace, checked)
        if not isinstance(result, Columns):
            return measure(result)
        depth = max((each.depth for each in arguments if isinstance(each.value, Columns)), default=0)
        return Measured(result, rows=len(result), depth=depth + self.deepens)

    def _takes(self, number: int) -> bool:
        most = len(self.required) + len(self.optional)
        return number >= len(self.required) and (self.is_variadic or number <= most)

    def _describe_numbers(self) -> str:
        least, most = len(self.required), len(self.required) + len(self.optional)
        if self.is_variadic:
            return f"{least} or more"
        return f"{least}" if least == most else f"{least} to {most}"


def _check(checker: Checker, value: Value, number: int, pool: DataPool) -> object:
    try:
        return checker(value, pool)
    except QueryFunctionError as error:
        error.argument = number
        raise


def _run(body: Body, context: Context, namespace: Namespace, arguments: Sequence[object]) -> Value:
    """Call it; what a transform refuses is for whoever wrote the query."""
    try:
        return body(context, namespace, *arguments)
    except QueryError:
        raise
    except BadInput as error:
        problem = f"{error}; {error.hint}" if error.hint else str(error)
        raise QueryFunctionError(problem) from error


def pure(body: Callable[..., Value]) -> Body:
    """Return a function that needs nothing but its arguments as a body."""

    def call(_context: Context, _namespace: Namespace, *arguments: object) -> Value:
        return body(*arguments)

    return call
