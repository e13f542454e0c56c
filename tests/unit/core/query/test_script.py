"""The text of a query, which comes in pieces."""

from __future__ import annotations

import pytest

from pulseline_core.query.errors import QueryParseError
from pulseline_core.query.parser import parse
from pulseline_core.query.script import MAX_SCRIPT_BYTES
from pulseline_core.query.tree import Assignment, Literal, Program


def get_text(program: Program) -> object:
    """Return the literal that the first statement assigns."""
    assert isinstance(program[0], Assignment)
    assert isinstance(program[0].value, Literal)
    return program[0].value.value


@pytest.mark.parametrize(
    ("statements", "meaning"),
    [
        (["x = 'a", "b';"], "ab"),
        (["x = 'a\nb';"], "a\nb"),
        (["x = 'a", "\n", "b';"], "a\nb"),
        (["x = 'a;", "b';"], "a;b"),
        (["x = 'a\\", "'b';"], "a'b"),
        (["x = '", "", "", "';"], ""),
        ([r"""x = 'it\'s';"""], "it's"),
        ([r"""x = 'say \"no\"';"""], r"say \"no\""),
        ([r'x = "\\d+\.\n";'], r"\\d+\.\n"),
        ([r'x = "a\\"b";'], r"a\"b"),
        (["x = '# no comment';"], "# no comment"),
        (["x = 'ö 🎧';"], "ö 🎧"),
    ],
    ids=str,
)
def test_a_literal_text_means_what_activitywatch_reads(statements: list[str], meaning: str) -> None:
    """Borders vanish in it; only its own quote is escaped, and a quote after a backslash never ends it.

    ActivityWatch aw-core 0.5.18, aw_query/query2.py, QString.
    """
    assert get_text(parse(statements)) == meaning


def test_a_border_ends_a_comment_and_parts_words() -> None:
    """aw-server-rust joins the texts with a line break."""
    assert parse(["x = 1; # one", "y = 2", "; z", "= 3"]) == parse(["x = 1; y = 2; z = 3;"])


def test_a_place_counts_texts_and_line_breaks_as_lines() -> None:
    """People find the place in what they wrote."""
    with pytest.raises(QueryParseError) as caught:
        parse(["x = 1;", "y = 'a", "b'; z = 'ö\nü'; @"])

    assert (caught.value.line, caught.value.column) == (4, 5)
    assert str(caught.value) == "Syntax error: @ (line 4, column 5)"


def test_a_query_of_64_kib_is_read() -> None:
    """The bound is part of what is allowed."""
    assert parse([";" * (MAX_SCRIPT_BYTES - 1)]) == ()


@pytest.mark.parametrize(
    "statements", [[";" * MAX_SCRIPT_BYTES], [""] * 65_537, ["'" + "ö" * 32_768 + "'"]], ids=["long", "many", "wide"]
)
def test_a_longer_query_is_refused(statements: list[str]) -> None:
    """Bytes count, and borders with them."""
    with pytest.raises(QueryParseError, match=r"^Query is longer than 65536 bytes$"):
        parse(statements)


def test_half_a_character_is_refused() -> None:
    """No result could be written with it."""
    with pytest.raises(QueryParseError, match="lone surrogate"):
        parse(["x = '\ud800';"])
