"""The grammar, with the place of every node and of every error."""

from __future__ import annotations

from time import monotonic

import pytest

from pulseline_core.query.errors import QueryParseError
from pulseline_core.query.parser import MAX_DEPTH, MAX_NODES, parse
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
    Variable,
)

HERE = Position(1, 1)


def number(value: float) -> Literal:
    """Return a literal number."""
    return Literal(at=HERE, value=value)


def name(text: str) -> Variable:
    """Return a variable."""
    return Variable(at=HERE, name=text)


def chain(first: Expression, *rest: tuple[str, Expression]) -> Chain:
    """Return operations one after another."""
    operations = tuple(Operation(at=HERE, operator=Operator(sign), operand=operand) for sign, operand in rest)
    return Chain(at=HERE, first=first, rest=operations)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("1", number(1)),
        ("007", number(7)),
        ("1.5", number(1.5)),
        ("1.", number(1.0)),
        ("9223372036854775807", number(2**63 - 1)),
        ("9223372036854775808", number(2.0**63)),
        ("-1", Negative(at=HERE, operand=number(1))),
        ("--x", Negative(at=HERE, operand=Negative(at=HERE, operand=name("x")))),
        ("'a'", Literal(at=HERE, value="a")),
        ("größe_1", name("größe_1")),
        ("if", name("if")),
        ("[]", ListOf(at=HERE, items=())),
        ("[1, [x]]", ListOf(at=HERE, items=(number(1), ListOf(at=HERE, items=(name("x"),))))),
        ("{}", DictOf(at=HERE, entries=())),
        (
            "{'a': 1, \"b\": {}}",
            DictOf(at=HERE, entries=(("a", number(1)), ("b", DictOf(at=HERE, entries=())))),
        ),
        ("f()", Call(at=HERE, name="f", arguments=())),
        ("f(g([1]), x)", parse(["f ( g ( [ 1 ] ) , x )"])[0].expression),  # type: ignore[union-attr] # an Evaluation
        ("(1)", number(1)),
        ("1 + 2 * 3", chain(number(1), ("+", number(2)), ("*", number(3)))),
        ("1 + (2 * 3)", chain(number(1), ("+", chain(number(2), ("*", number(3)))))),
        ("a - -1", chain(name("a"), ("-", Negative(at=HERE, operand=number(1))))),
        *((f"a {sign.value} b", chain(name("a"), (sign.value, name("b")))) for sign in Operator),
    ],
    ids=str,
)
def test_an_expression_is_read(text: str, expression: Expression) -> None:
    """Each form of the superset of both servers' languages; operators bind equally, from left to right."""
    program = parse([f"x = {text};"])

    assert program == (Assignment(at=HERE, name="x", value=expression),)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("return 1;", "RETURN = 1;"),
        ("return (1);", "RETURN = 1"),
        ("x=1;RETURN=x", "x = 1; RETURN = x;"),
        (";;x = 1;;", "x = 1"),
        ("if a { x = 1 }", "if a { x = 1; }"),
        ("if a {} y = 1;", "if a {}; y = 1;"),
    ],
)
def test_a_statement_may_be_written_in_several_ways(text: str, same: str) -> None:
    """The last semicolon of a query or block is free, and more of them say nothing."""
    assert parse([text]) == parse([same])


def test_words_of_the_language_may_name_variables() -> None:
    """aw-server knows no ``if`` or ``return``, so its queries may use the names."""
    program = parse(["return = 1; if = 2; elif = 3; else = 4; RETURN = return;"])

    assert [each.name for each in program if isinstance(each, Assignment)] == ["return", "if", "elif", "else", "RETURN"]


def test_a_branch_is_read() -> None:
    """Conditions with their blocks, in order; conditions may be dicts."""
    program = parse(["if a { x = 1; } elif {'k': 1} == b { y; if c {} } else { z = 2 } w"])

    assert program == (
        Branch(
            at=HERE,
            choices=(
                Choice(at=HERE, condition=name("a"), block=parse(["x = 1"])),
                Choice(
                    at=HERE,
                    condition=chain(DictOf(at=HERE, entries=(("k", number(1)),)), ("==", name("b"))),
                    block=parse(["y; if c {}"]),
                ),
            ),
            otherwise=parse(["z = 2"]),
        ),
        Evaluation(at=HERE, expression=name("w")),
    )


def test_nodes_know_where_they_stand() -> None:
    """Lines and columns count from 1."""
    (assignment,) = parse(["", "  x = f(1,\n  ['ö', {'k': y}] + 2);"])

    assert isinstance(assignment, Assignment)
    call = assignment.value
    assert isinstance(call, Call)
    first, second = call.arguments
    assert isinstance(second, Chain)
    listed = second.first
    assert isinstance(listed, ListOf)
    entries = listed.items[1]
    assert isinstance(entries, DictOf)
    places = [assignment.at, call.at, first.at, second.at, listed.items[0].at, entries.at, entries.entries[0][1].at]
    places += [second.rest[0].at, second.rest[0].operand.at]
    assert [(place.line, place.column) for place in places] == [
        (2, 3), (2, 7), (2, 9), (3, 3), (3, 4), (3, 9), (3, 15), (3, 19), (3, 21),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = ;", "Nothing to assign (line 1, column 5)"),
        ("x =", "Nothing to assign (line 1, column 4)"),
        ("return;", "Nothing to assign (line 1, column 7)"),
        ("a b = 1;", "Invalid syntax for assignment variable (line 1, column 3)"),
        ("1 = 2;", "Cannot assign to a non-variable (line 1, column 1)"),
        ("f(x) = 2;", "Cannot assign to a non-variable (line 1, column 1)"),
        ("x = 1 2;", "Invalid syntax for value to assign: an operator or ';' is missing before '2' (line 1, column 7)"),
        (
            "x = 1\ny = 2",
            "Invalid syntax for value to assign: an operator or ';' is missing before 'y' (line 2, column 1)",
        ),
        ("x = 1a;", "Invalid syntax for value to assign: an operator or ';' is missing before 'a' (line 1, column 6)"),
        ("f(1) g(2);", "Syntax error: an operator or ';' is missing before 'g' (line 1, column 6)"),
        ("x = 'open;", "Failed to parse string: the closing ' is missing (line 1, column 5)"),
        ("x = '\\';", "Failed to parse string: the closing ' is missing (line 1, column 5)"),
        ("x = {1: 2};", "Key in dict is not a str (line 1, column 6)"),
        ("x = {'a': 1,};", "Key in dict is not a str (line 1, column 13)"),
        ("x = {'a' 2};", "Key in dict is not followed by a : (line 1, column 10)"),
        ("x = {'a':};", "Dict expected a value, got nothing (line 1, column 10)"),
        ("x = {'a': ,};", "Syntax error: a value is missing before ',' (line 1, column 11)"),
        ("x = [1,];", "List expected a value, got nothing (line 1, column 8)"),
        ("x = [1,,2];", "Syntax error: a value is missing before ',' (line 1, column 8)"),
        ("x = [1 2];", "Syntax error: ']' is missing before '2' (line 1, column 8)"),
        ("x = [1;", "Syntax error: ']' is missing before ';' (line 1, column 7)"),
        ("x = f(,);", "Syntax error: a value is missing before ',' (line 1, column 7)"),
        ("x = f(1,);", "Syntax error: a value is missing before ')' (line 1, column 9)"),
        ("x = (1;", "Syntax error: ')' is missing before ';' (line 1, column 7)"),
        ("x = ();", "Syntax error: a value is missing before ')' (line 1, column 6)"),
        ("x = 1 +;", "Syntax error: a value is missing before ';' (line 1, column 8)"),
        ("x = 1 +", "Syntax error: the query ends too early (line 1, column 8)"),
        ("x = [1", "Syntax error: '[' is never closed (line 1, column 5)"),
        ("x = {'a': 1", "Syntax error: '{' is never closed (line 1, column 5)"),
        ("x = f(g(1)", "Syntax error: '(' is never closed (line 1, column 6)"),
        ("if a { x = 1;", "Syntax error: '{' is never closed (line 1, column 6)"),
        ("if a x = 1;", "Syntax error: '{' is missing before 'x' (line 1, column 6)"),
        ("if { x = 1 }", "Key in dict is not a str (line 1, column 6)"),
        ("x = 1; }", "Syntax error: } (line 1, column 8)"),
        ("else { x = 1 }", "Invalid syntax for assignment variable (line 1, column 6)"),
        ("x = a & b;", "Syntax error: & b; (line 1, column 7)"),
        ("x = ²;", "Syntax error: ²; (line 1, column 5)"),
        ("x = 1 @" + "y" * 100, f"Syntax error: @{'y' * 63}... (line 1, column 7)"),
        ("x = @\nmore", "Syntax error: @ (line 1, column 5)"),
        ("x = " + "9" * 400, "Syntax error: the number is too large (line 1, column 5)"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_query_is_refused_with_its_place(text: str, message: str) -> None:
    """ActivityWatch's words, where it has some for the case."""
    with pytest.raises(QueryParseError) as caught:
        parse([text])

    assert str(caught.value) == message
    assert caught.value.kind == "QueryParseException"


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("[", "]"), ("(", ")"), ("{'a':", "}"), ("f(", ")"), ("-", "")],
    ids=["list", "parentheses", "dict", "call", "minus"],
)
def test_brackets_may_be_nested_64_deep(opening: str, closing: str) -> None:
    """One level more is refused."""
    parse([f"x = {opening * MAX_DEPTH}1{closing * MAX_DEPTH}"])

    with pytest.raises(QueryParseError, match=r"^Query is nested deeper than 64 levels"):
        parse([f"x = {opening * (MAX_DEPTH + 1)}1{closing * (MAX_DEPTH + 1)}"])


def test_blocks_may_be_nested_64_deep() -> None:
    """They count like brackets."""
    parse(["if a {" * MAX_DEPTH + "}" * MAX_DEPTH])

    with pytest.raises(QueryParseError, match="nested deeper"):
        parse(["if a {" * (MAX_DEPTH + 1) + "}" * (MAX_DEPTH + 1)])


def test_a_query_may_have_10000_parts() -> None:
    """One part more is refused."""
    parse(["x;" * (MAX_NODES // 2)])

    with pytest.raises(QueryParseError, match=r"^Query has more than 10000 parts"):
        parse(["x;" * (MAX_NODES // 2) + "y"])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 65_000,
        "(" * 65_000,
        "{" * 65_000,
        "f(" * 32_000,
        "{'a':" * 13_000,
        "-" * 65_000,
        "," * 65_000,
        "'" * 65_001,
        "\"'" * 32_000,
        "\\'" * 32_000,
        "if a {" * 10_000,
        "if a {} elif " * 5_000,
        "+".join("1" * 10_000),
        "x = " * 16_000,
        "f(" + "1," * 32_000,
        "[" + "[]," * 20_000,
        "9" * 65_000,
        "1." * 32_000,
        "#" * 65_000 + "\n@",
        " \n" * 32_000 + "@",
        "\x00" * 65_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_a_hostile_query_is_refused_at_once(text: str) -> None:
    """Nothing grows faster than the text, and no depth reaches Python's own."""
    began = monotonic()

    with pytest.raises(QueryParseError):
        parse([text])

    assert monotonic() - began < 5
