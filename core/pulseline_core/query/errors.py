"""What can be wrong with a query, in ActivityWatch's three kinds and words, with the place.

::

    BadInput
    └── QueryError
        ├── QueryParseError          it is not the language
        ├── QueryInterpretError      a name, an operator or a number of arguments that does not fit
        │   ├── QueryTooSlow
        │   ├── QueryTooLarge            it reads, or makes, more than one query may
        │   └── QueryAbandoned           nobody waits for the answer any more
        └── QueryFunctionError       a function refuses what it was given

ActivityWatch's messages begin with a capital letter, and its web interface shows some of them to people: so do these.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import ClassVar, Final

from pulseline_core.errors import BadInput
from pulseline_core.query.tree import Position

#: Of a value or a name in a message, this many characters at most.
_SHOWN_CHARACTERS: Final = 64

#: Of the names that one may have meant, so many are looked at: it takes half a millisecond each at worst.
_MAX_CANDIDATES: Final = 1000


class QueryError(BadInput):
    """A query can not be answered.

    Attributes:
        kind: ActivityWatch's name for it, the ``type`` of its answer.
        problem: what is wrong, without the place.
        line: from 1, or ``None`` when no place is known; each text of a request begins a line.
        column: from 1, in characters, or ``None``.
    """

    kind: ClassVar[str] = "QueryException"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line: int | None = None
        self.column: int | None = None

    def __str__(self) -> str:
        place = "" if self.line is None else f" (line {self.line}, column {self.column})"
        return f"{self.problem}{place}"

    def locate(self, at: Position) -> None:
        """Say where it went wrong, unless that is known already."""
        if self.line is None:
            self.line = at.line
            self.column = at.column


class QueryParseError(QueryError):
    """The text is not a query."""

    kind = "QueryParseException"


class QueryInterpretError(QueryError):
    """The query asks for something that does not exist, or that can not be done."""

    kind = "QueryInterpretException"


class QueryFunctionError(QueryError):
    """A function can not work on its arguments.

    Attributes:
        argument: the number of the one that is refused, from 0, or ``None`` where it is more than one.
    """

    kind = "QueryFunctionException"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.argument: int | None = None


class QueryTooSlow(QueryInterpretError):
    """The query took longer than one may."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"Query takes longer than {limit_s:g} s; ask for a shorter period or for less at once")
        self.limit_s = limit_s


class QueryTooLarge(QueryInterpretError):
    """The query reads or makes more than one may."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"Query {what}, the limit is {limit}; ask for a shorter period or for less at once")
        self.what = what
        self.limit = limit


class QueryAbandoned(QueryInterpretError):
    """Whoever asked has gone."""

    def __init__(self) -> None:
        super().__init__("Query was stopped: its client has gone")


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that names what was meant, probably; an empty text where nothing is like it."""
    if len(name) > _SHOWN_CHARACTERS:
        return ""
    candidates = (each for each in islice(known, _MAX_CANDIDATES) if len(each) <= _SHOWN_CHARACTERS)
    close = difflib.get_close_matches(name, candidates, n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def shorten(value: object) -> str:
    """Return a value as text that fits a message: one line, not long."""
    text = str(value)
    shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
    return " ".join(shown.split())
