"""A query that the server can not read or run."""

from __future__ import annotations

import re
from typing import Final

from pulseline_core.errors import BadInput

#: What such an answer has as its ``type``: the grammar, a name that does not exist, a function's argument.
QUERY_ERRORS: Final = frozenset({"QueryParseException", "QueryInterpretException", "QueryFunctionException"})

_PLACE: Final = re.compile(r"\(line (\d+), column (\d+)\)")


class QueryRefused(BadInput):
    """The server's answer to a query that is wrong.

    Attributes:
        kind: one of ``QUERY_ERRORS``, as in ActivityWatch.
        line: where in the query, from 1; ``None`` where the server does not say.
        column: the same within the line.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        place = _PLACE.search(message)
        self.line = None if place is None else int(place[1])
        self.column = None if place is None else int(place[2])
