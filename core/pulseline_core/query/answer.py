"""Answers a request: one query over some periods.

The query is parsed once. The periods are worked on one after another, each with variables of its own; what was found
out about data, and the rules of categories, are shared through the data pool and the context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from pulseline_core.query.budget import Budget
from pulseline_core.query.constants import fold
from pulseline_core.query.interpreter import Interpreter
from pulseline_core.query.measured import Value
from pulseline_core.query.namespace import Namespace
from pulseline_core.query.parser import parse
from pulseline_core.query.signature import Context
from pulseline_core.query.source import EventSource
from pulseline_core.query.tree import Program
from pulseline_core.transforms.data_pool import DataPool

#: Trees that are kept, as clients ask the same for period after period; a large one takes 10 ms to make, and 2 MB.
_REMEMBERED_PROGRAMS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query as a client asks it.

    Attributes:
        statements: the texts of the query, in order.
        periods: the first and the last instant of each, aware, as the client wrote them.
        name: what the client calls the query, its variable ``NAME``.
    """

    statements: tuple[str, ...]
    periods: tuple[tuple[datetime, datetime], ...]
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query found.

    Attributes:
        results: one for each period.
        warnings: parts of the query that had no effect, such as a rule with a pattern that can not be read; behind them
            what it printed, each as ``print: ...``.
    """

    results: tuple[Value, ...]
    warnings: tuple[str, ...] = ()


def answer(question: Question, source: EventSource, budget: Budget) -> Answer:
    """Run a query over its periods.

    Raises:
        QueryError: it can not be answered; the message is for the client.
    """
    program = _prepare(question.statements)
    context = Context(source=source, budget=budget)
    results: list[Value] = []
    with _watched(source.pool, budget):
        for period in question.periods:
            namespace = Namespace(budget, name=question.name, period=period)
            result = Interpreter(context, namespace).run(program)
            namespace.clear()
            budget.keep(result)  # until all is written
            results.append(result.value)
    return Answer(results=tuple(results), warnings=(*context.warnings, *context.notes))


@lru_cache(maxsize=_REMEMBERED_PROGRAMS)
def _prepare(statements: tuple[str, ...]) -> Program:
    return fold(parse(statements))


@contextmanager
def _watched(pool: DataPool, budget: Budget) -> Iterator[None]:
    """Have the budget checked while the pool works."""
    before: Callable[[], None] = pool.check
    size_bytes = pool.size_bytes

    def check() -> None:
        budget.check()
        budget.check_new_data(pool.size_bytes - size_bytes)

    pool.check = check
    try:
        yield
    finally:
        pool.check = before
