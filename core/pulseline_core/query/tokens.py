"""The words of a query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from pulseline_core.query.script import Script
from pulseline_core.query.tree import Position

#: A name begins with a letter of any script, or with ``_``.
_WORD: Final = re.compile(
    r"""
      (?P<skip>(?:\s+|\#[^\n]*)+)
    | (?P<name>[^\W\d]\w*)
    | (?P<number>[0-9]+(?:\.[0-9]*)?)
    | (?P<sign>==|!=|<=|>=|[=<>+\-*/%()\[\]{},:;])
    | (?P<quote>["'])
    """,
    re.VERBOSE,
)


class TokenKind(Enum):
    """What a word is."""

    NAME = auto()  #: A variable, a function, or a word of the language.
    NUMBER = auto()  #: Digits, perhaps with a point.
    TEXT = auto()  #: What stood between quotes.
    SIGN = auto()  #: A bracket, an operator or another mark.
    END = auto()  #: After the last word.


@dataclass(frozen=True, slots=True)
class Token:
    """A word.

    Attributes:
        kind: what it is.
        text: the word itself; of a literal text, what it means.
        offset: where it begins in the script.
        at: the same place, for people.
    """

    kind: TokenKind
    text: str
    offset: int = field(compare=False)
    at: Position = field(compare=False)

    def is_sign(self, *signs: str) -> bool:
        """Return whether it is one of these marks."""
        return self.kind is TokenKind.SIGN and self.text in signs

    def is_name(self, name: str) -> bool:
        """Return whether it is this name."""
        return self.kind is TokenKind.NAME and self.text == name


def iter_tokens(script: Script) -> Iterator[Token]:
    """Yield the words of a query, and the end.

    Raises:
        QueryParseError: something is none, or a text is never closed.
    """
    offset = 0
    while offset < len(script.text):
        match = _WORD.match(script.text, offset)
        kind = None if match is None else match.lastgroup
        if match is None or kind is None:
            raise script.refuse_rest(offset)
        word, at, begin, offset = match.group(), script.locate(offset), offset, match.end()
        if kind == "quote":
            closing = script.find_closing(begin)
            offset = closing + 1
            yield Token(TokenKind.TEXT, script.read_literal(begin, closing), begin, at)
        elif kind == "name" and not (word[0].isalpha() or word[0] == "_"):
            raise script.refuse_rest(begin)
        elif kind != "skip":
            yield Token(TokenKind[kind.upper()], word, begin, at)
    yield Token(TokenKind.END, "", offset, script.locate(offset))
