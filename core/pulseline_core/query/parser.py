"""Makes the tree of a query.

::

    program    = {statement}
    statement  = name "=" expression end | "return" expression end | expression end | branch | ";"
    end        = ";" | the end of the block or of the query
    branch     = "if" expression block {"elif" expression block} ["else" block]
    block      = "{" {statement} "}"
    expression = operand {operator operand}
    operand    = {"-"} (number | text | name | call | list | dict | "(" expression ")")
    call       = name "(" [expression {"," expression}] ")"
    list       = "[" [expression {"," expression}] "]"
    dict       = "{" [text ":" expression {"," text ":" expression}] "}"

It is what the parsers of aw-server and of aw-server-rust take, together. ``if``, ``elif``, ``else`` and ``return`` may
name variables too, as in aw-server: ``return = 1;`` is an assignment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from pulseline_core.json_value import MAX_INTEGER
from pulseline_core.query.errors import QueryParseError, shorten
from pulseline_core.query.script import Script, refuse
from pulseline_core.query.tokens import Token, TokenKind, iter_tokens
from pulseline_core.query.tree import (
    Assignment,
    Branch,
    Call,
    Chain,
    Choice,
    DictOf,
    Evaluation,
    Expression,
    ListOf,
    Literal,
    Negative,
    Operation,
    Operator,
    Position,
    Program,
    Statement,
    Variable,
)

#: Brackets, blocks and signs within one another.
MAX_DEPTH: Final = 64

#: Parts of the tree; a rule of a category has ten.
MAX_NODES: Final = 10_000

#: Digits of the longest 64-bit integer; a longer number is read as a float, in linear time.
_INTEGER_DIGITS: Final = 19

_OPERATORS: Final = frozenset(operator.value for operator in Operator)

_Item = TypeVar("_Item")


def parse(statements: Sequence[str]) -> Program:
    """Read a query.

    Args:
        statements: the texts of the request, in order (see ``script``).

    Raises:
        QueryParseError: it is not one, or it is larger or deeper than a query may be.
    """
    script = Script(statements)
    return _Parser(script, list(iter_tokens(script))).read_program()


class _Parser:
    def __init__(self, script: Script, tokens: Sequence[Token]) -> None:
        self._script = script
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self._nodes = 0

    def read_program(self) -> Program:
        program = self._read_statements()
        if self._token.kind is not TokenKind.END:
            raise self._script.refuse_rest(self._token.offset)
        return program

    # --- statements ---

    def _read_statements(self) -> tuple[Statement, ...]:
        """Read until something stands there that ends a block."""
        statements: list[Statement] = []
        while not (self._token.kind is TokenKind.END or self._token.is_sign("}")):
            if not self._skip(";"):
                statements.append(self._read_statement())
        return tuple(statements)

    def _read_statement(self) -> Statement:
        token, following = self._token, self._following
        if token.is_name("if") and not following.is_sign("="):
            return self._read_branch()
        if token.kind is TokenKind.NAME and following.is_sign("="):
            self._advance()
            return self._read_assignment(token.text, token.at)
        if token.is_name("return"):
            return self._read_assignment("RETURN", token.at)
        return self._read_evaluation()

    def _read_assignment(self, name: str, at: Position) -> Assignment:
        self._advance()
        if self._is_at_end():
            raise refuse("Nothing to assign", self._token.at)
        self._count(at)
        value = self._read_expression()
        if not self._is_at_end():
            raise self._refuse_missing("an operator or ';'", problem="Invalid syntax for value to assign")
        self._skip(";")
        return Assignment(at=at, name=name, value=value)

    def _read_evaluation(self) -> Evaluation:
        at = self._count(self._token.at)
        expression = self._read_expression()
        if self._token.is_sign("="):
            raise refuse("Cannot assign to a non-variable", at)
        if not self._is_at_end():
            if isinstance(expression, Variable):
                raise refuse("Invalid syntax for assignment variable", self._token.at)
            raise self._refuse_missing("an operator or ';'")
        self._skip(";")
        return Evaluation(at=at, expression=expression)

    def _is_at_end(self) -> bool:
        return self._token.kind is TokenKind.END or self._token.is_sign(";", "}")

    def _read_branch(self) -> Branch:
        at = self._token.at
        choices = [self._read_choice()]
        while self._token.is_name("elif") and not self._following.is_sign("="):
            choices.append(self._read_choice())
        otherwise: tuple[Statement, ...] = ()
        if self._token.is_name("else") and self._following.is_sign("{"):
            self._advance()
            otherwise = self._read_block()
        return Branch(at=self._count(at), choices=tuple(choices), otherwise=otherwise)

    def _read_choice(self) -> Choice:
        """Read what stands from ``if`` or ``elif`` on."""
        at = self._count(self._token.at)
        self._advance()
        condition = self._read_expression()
        return Choice(at=at, condition=condition, block=self._read_block())

    def _read_block(self) -> tuple[Statement, ...]:
        if not self._token.is_sign("{"):
            raise self._refuse_missing("'{'")
        with self._bracket("}"):
            return self._read_statements()

    # --- expressions ---

    def _read_expression(self) -> Expression:
        at = self._token.at
        first = self._read_operand()
        rest: list[Operation] = []
        while self._token.is_sign(*_OPERATORS):
            sign = self._token
            self._advance()
            rest.append(Operation(at=sign.at, operator=Operator(sign.text), operand=self._read_operand()))
        if not rest:
            return first
        return Chain(at=self._count(at), first=first, rest=tuple(rest))

    def _read_operand(self) -> Expression:
        token = self._token
        at = self._count(token.at)
        match token.kind:
            case TokenKind.TEXT:
                self._advance()
                return Literal(at=at, value=token.text)
            case TokenKind.NUMBER:
                self._advance()
                return Literal(at=at, value=_read_number(token))
            case TokenKind.NAME if self._following.is_sign("("):
                self._advance()
                return Call(at=at, name=token.text, arguments=self._read_items(")", self._read_expression))
            case TokenKind.NAME:
                self._advance()
                return Variable(at=at, name=token.text)
            case _:
                return self._read_bracketed(token)

    def _read_bracketed(self, token: Token) -> Expression:
        match token.text:
            case "[":
                return ListOf(at=token.at, items=self._read_items("]", self._read_item))
            case "{":
                return DictOf(at=token.at, entries=self._read_items("}", self._read_entry))
            case "(":
                with self._bracket(")"):
                    return self._read_expression()
            case "-":
                with self._level(token):
                    self._advance()
                    return Negative(at=token.at, operand=self._read_operand())
            case _:
                raise self._refuse_missing("a value")

    def _read_items(self, closing: str, read_item: Callable[[], _Item]) -> tuple[_Item, ...]:
        """Read what stands between brackets, with commas between; the opening one is the next word."""
        with self._bracket(closing):
            if self._token.is_sign(closing):
                return ()
            items = [read_item()]
            while self._skip(","):
                items.append(read_item())
            return tuple(items)

    def _read_item(self) -> Expression:
        if self._token.is_sign("]"):
            raise refuse("List expected a value, got nothing", self._token.at)
        return self._read_expression()

    def _read_entry(self) -> tuple[str, Expression]:
        key = self._token
        if key.kind is not TokenKind.TEXT:
            raise refuse("Key in dict is not a str", key.at)
        self._count(key.at)
        self._advance()
        if not self._skip(":"):
            raise refuse("Key in dict is not followed by a :", self._token.at)
        if self._token.is_sign("}") or self._token.kind is TokenKind.END:
            raise refuse("Dict expected a value, got nothing", self._token.at)
        return key.text, self._read_expression()

    # --- words ---

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    @property
    def _following(self) -> Token:
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def _refuse_missing(self, what: str, *, problem: str = "Syntax error") -> QueryParseError:
        """Return the error to raise where something is missing before the next word."""
        if self._token.kind is TokenKind.END:
            return self._script.refuse_rest(self._token.offset)
        return refuse(f"{problem}: {what} is missing before {shorten(self._token.text)!r}", self._token.at)

    def _advance(self) -> None:
        self._next += 1

    def _skip(self, sign: str) -> bool:
        """Go past a mark, if it stands there; return whether it did."""
        if not self._token.is_sign(sign):
            return False
        self._advance()
        return True

    @contextmanager
    def _bracket(self, closing: str) -> Iterator[None]:
        """Go past the opening bracket that stands there and, at the end, past the closing one."""
        opening = self._token
        with self._level(opening):
            self._advance()
            yield
            if self._token.kind is TokenKind.END:
                raise refuse(f"Syntax error: {opening.text!r} is never closed", opening.at)
            if not self._skip(closing):
                raise self._refuse_missing(f"{closing!r}")

    @contextmanager
    def _level(self, token: Token) -> Iterator[None]:
        if self._depth == MAX_DEPTH:
            raise refuse(f"Query is nested deeper than {MAX_DEPTH} levels", token.at)
        self._depth += 1
        yield
        self._depth -= 1

    def _count(self, at: Position) -> Position:
        """Count a part of the tree, and return its place."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise refuse(f"Query has more than {MAX_NODES} parts", at)
        return at


def _read_number(token: Token) -> int | float:
    if "." not in token.text and len(token.text) <= _INTEGER_DIGITS and int(token.text) <= MAX_INTEGER:
        return int(token.text)
    number = float(token.text)
    if not math.isfinite(number):
        raise refuse("Syntax error: the number is too large", token.at)
    return number
