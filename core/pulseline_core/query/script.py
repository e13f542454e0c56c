"""The text of a query, and its places.

A request brings a query as several texts. aw-server joins them with nothing between, aw-server-rust with a line break.
What is right for the clients of both: the border of two texts is a line break, except within a literal text, where it
is nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from pulseline_core.query.errors import QueryParseError, shorten
from pulseline_core.query.tree import Position

#: Bytes of a whole query: some 400 category rules.
MAX_SCRIPT_BYTES: Final = 64 * 1024

#: Characters that are looked at for the rest of a line in a message.
_REST_CHARACTERS: Final = 1000


class Script:
    """The text of a query.

    Args:
        statements: the texts of the request, in order.

    Attributes:
        text: all of it, with a line break at each border.

    Raises:
        QueryParseError: it is too large, or holds half of a character (a lone surrogate).
    """

    def __init__(self, statements: Sequence[str]) -> None:
        _check_size(statements)
        self.text: Final = "\n".join(statements)
        self._borders = [end - 1 for end in accumulate(len(each) + 1 for each in statements)]
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", self.text))]

    def locate(self, offset: int) -> Position:
        """Return the line and the column of a character."""
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def refuse_rest(self, offset: int) -> QueryParseError:
        """Return the error to raise where something stands that can not stand there."""
        rest = self.text[offset : offset + _REST_CHARACTERS].lstrip().partition("\n")[0]
        return refuse(f"Syntax error: {shorten(rest) or 'the query ends too early'}", self.locate(offset))

    def find_closing(self, opening: int) -> int:
        """Return where the text that begins with the quote there ends; a quote after a backslash never ends one."""
        quote = self.text[opening]
        closing = self.text.find(quote, opening + 1)
        while closing != -1 and self._is_escaped(closing):
            closing = self.text.find(quote, closing + 1)
        if closing == -1:
            raise refuse(f"Failed to parse string: the closing {quote} is missing", self.locate(opening))
        return closing

    def read_literal(self, opening: int, closing: int) -> str:
        """Return what a literal text means: only its own quote is escaped, other backslashes are themselves."""
        quote = self.text[opening]
        begin = opening + 1
        parts: list[str] = []
        for border in self._borders[bisect_right(self._borders, opening) : bisect_left(self._borders, closing)]:
            parts.append(self.text[begin:border])
            begin = border + 1
        parts.append(self.text[begin:closing])
        return "".join(parts).replace(f"\\{quote}", quote)

    def _is_escaped(self, offset: int) -> bool:
        before = offset - 1
        while self._is_border(before):
            before -= 1
        return self.text[before] == "\\"

    def _is_border(self, offset: int) -> bool:
        return self.text[offset] == "\n" and self._borders[bisect_left(self._borders, offset)] == offset


def refuse(problem: str, at: Position) -> QueryParseError:
    """Return the error to raise for what stands at a place."""
    error = QueryParseError(problem)
    error.locate(at)
    return error


def _check_size(statements: Sequence[str]) -> None:
    if sum(map(len, statements)) + len(statements) > MAX_SCRIPT_BYTES:
        raise _refuse_size()
    try:
        size_bytes = sum(len(each.encode()) + 1 for each in statements)
    except UnicodeEncodeError as error:
        raise QueryParseError("Syntax error: the query holds a lone surrogate") from error
    if size_bytes > MAX_SCRIPT_BYTES:
        raise _refuse_size()


def _refuse_size() -> QueryParseError:
    return QueryParseError(f"Query is longer than {MAX_SCRIPT_BYTES} bytes")
