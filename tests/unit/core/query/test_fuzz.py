"""Queries that nobody would write: an answer or an error of the query, soon, and nothing else."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulseline_core.query.constants import fold
from pulseline_core.query.errors import QueryError
from pulseline_core.query.functions import FUNCTIONS
from pulseline_core.query.interpreter import Interpreter
from pulseline_core.query.namespace import Namespace
from pulseline_core.query.parser import parse
from pulseline_core.query.signature import Context
from pulseline_core.query.tree import Program
from tests.unit.core.query.memory_source import DAY, ask, build_budget, build_source, to_json

#: Words that queries are made of.
WORDS = [
    *"+-*/%=<>()[]{},:;#\"'\\\n",
    *("==", "!=", "<=", ">=", "if", "elif", "else", "return", "RETURN", "true", "null", "TIMEINTERVAL", "STARTTIME"),
    *("e = ", "RETURN = "),
    *("e", "x", "ö", "1", "0", "2.5", "9999999999999999999", "''", "'app'", '"status"', "[]", "{}", "['Firefox']"),
    *("'aw-watcher-window_new'", "query_bucket('aw-watcher-window_new')", "[[['A'], {'regex': '('}]]"),
    *(f"{name}(" for name in FUNCTIONS),
]  # fmt: skip

SOUP = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)

NAMES = st.sampled_from(["x", "e", "true", "null", "NAME", "if", "return", "größe"])
LITERALS = st.one_of(
    st.integers(0, 10**20).map(str),
    st.floats(0, 1e6).map(lambda number: f"{number:.3f}"),
    st.text(st.characters(exclude_characters="\"'\\", exclude_categories=["Cs"]), max_size=5).map("'{}'".format),
)


def _join(before: str, items: list[list[str]], after: str) -> list[str]:
    """Return the words of what stands between brackets."""
    words = [before]
    for number, item in enumerate(items):
        words += [","] * (number > 0) + item
    return [*words, after]


def _extend(inner: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    """Return expressions, as words, made of smaller ones."""
    items = st.lists(inner, max_size=3)
    entry = st.builds(lambda key, value: [f"'{key}'", ":", *value], st.sampled_from("abc"), inner)
    sign = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">="])
    return st.one_of(
        items.map(lambda each: _join("[", each, "]")),
        st.lists(entry, max_size=3).map(lambda each: _join("{", each, "}")),
        st.builds(lambda name, each: [name, *_join("(", each, ")")], st.sampled_from(sorted(FUNCTIONS)), items),
        st.builds(lambda left, operator, right: [*left, operator, *right], inner, sign, inner),
        inner.map(lambda each: ["-", *each]),
        inner.map(lambda each: ["(", *each, ")"]),
    )


EXPRESSIONS = st.recursive(st.one_of(NAMES, LITERALS).map(lambda word: [word]), _extend, max_leaves=12)
ASSIGNMENTS = st.builds(lambda name, value: [name, "=", *value, ";"], NAMES, EXPRESSIONS)
RETURNS = EXPRESSIONS.map(lambda value: ["return", *value, ";"])
BRANCHES = st.builds(
    lambda condition, block, other: ["if", *condition, "{", *block, "}", "else", "{", *other, "}"],
    EXPRESSIONS,
    ASSIGNMENTS,
    RETURNS,
)
STATEMENTS = st.lists(st.one_of(ASSIGNMENTS, RETURNS, BRANCHES), max_size=5)
PROGRAMS = STATEMENTS.map(lambda parts: [word for part in parts for word in part])
GAPS = st.sampled_from([" ", "\n", "\t", "\r\n", "  ", "# a 'comment;\n", "#\n#\n", "\u00a0"])


def check_answer(*statements: str) -> None:
    """Ask a query; an error of the query is an answer."""
    began = monotonic()
    with suppress(QueryError):
        ask(*statements)
    assert monotonic() - began < 5


def run(program: Program) -> object:
    """Return the result of a program, or its error, as text."""
    budget = build_budget()
    namespace = Namespace(budget, name="test", period=DAY)
    try:
        value = Interpreter(Context(source=build_source(), budget=budget), namespace).run(program).value
    except QueryError as error:
        return str(error)
    return to_json(value)


@given(st.lists(SOUP, max_size=4))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_words_in_any_order_end_in_an_answer(statements: list[str]) -> None:
    """Most are no query; some are, and run."""
    check_answer(*statements)


@given(st.lists(st.text(max_size=200), max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_text_ends_in_an_answer(statements: list[str]) -> None:
    """Half characters and control characters too."""
    check_answer(*statements)


@given(st.binary(max_size=500))
@settings(max_examples=200, deadline=None)
def test_any_bytes_end_in_an_answer(data: bytes) -> None:
    """Every byte is some character of Latin-1."""
    check_answer(data.decode("latin-1"))


@given(PROGRAMS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_program_ends_in_an_answer(words: list[str]) -> None:
    """Whatever its values and functions are."""
    check_answer(" ".join(words))


@given(PROGRAMS, st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_stands_between_words_says_nothing(words: list[str], data: st.DataObject) -> None:
    """Spaces, line breaks, comments and borders of texts, anywhere, as many as there may be."""
    plain = parse([" ".join(words)])
    texts = [""]
    for word in words:
        gap = data.draw(GAPS)
        if data.draw(st.booleans()):
            texts.append("")
        texts[-1] += gap + word

    assert parse(texts) == plain


@given(PROGRAMS)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_constants_that_are_worked_out_beforehand_change_no_result(words: list[str]) -> None:
    """Nor the error, nor its place."""
    program = parse([" ".join(words)])

    assert run(program) == run(fold(program))
