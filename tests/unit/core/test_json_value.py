"""The part of JSON that every store reads back."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.errors import InvalidEvent
from pulseline_core.json_value import MAX_DEPTH, MAX_INTEGER, MIN_INTEGER, canonical, check_json
from pulseline_core.types import JSONValue

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)

json_values: st.SearchStrategy[JSONValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(MIN_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


def nest(depth: int, *, kind: str = "list") -> JSONValue:
    """Return ``depth`` arrays or objects within one another."""
    value: JSONValue = 1
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


@given(value=json_values)
def test_check_json_takes_what_json_can_hold(value: JSONValue) -> None:
    """Finite numbers of 64 bits and clean text pass, however combined."""
    check_json(value, field="data")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(math.nan, "holds nan", id="NaN"),
        pytest.param(math.inf, "holds inf", id="Infinity"),
        pytest.param(-math.inf, "holds -inf", id="-Infinity"),
        pytest.param(2**63, "does not fit 64 bits", id="2^63"),
        pytest.param(-(2**63) - 1, "does not fit 64 bits", id="-2^63 - 1"),
        pytest.param(10**5000, "an integer of 16610 bits", id="5000 digits"),
        pytest.param("a\0b", "NUL", id="NUL"),
        pytest.param("ä\0b", "NUL", id="NUL beside other letters"),
        pytest.param("\ud800", "lone surrogate", id="lone surrogate"),
        pytest.param("ok \udfff", "lone surrogate", id="low surrogate"),
        pytest.param((1, 2), "holds a tuple", id="tuple"),
        pytest.param(b"raw", "holds a bytes", id="bytes"),
        pytest.param({1, 2}, "holds a set", id="set"),
    ],
)
@pytest.mark.parametrize("place", ["alone", "in an array", "as a value", "deep"])
def test_check_json_refuses_what_some_store_can_not_hold(value: Any, words: str, place: str) -> None:
    """A bad value is found wherever it stands."""
    holders: dict[str, Any] = {
        "alone": value,
        "in an array": [1, value],
        "as a value": {"a": 1, "b": value},
        "deep": [{"a": [{"b": value}]}],
    }

    with pytest.raises(InvalidEvent, match=words) as caught:
        check_json(holders[place], field="data")

    assert caught.value.field == "data"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        pytest.param(1, "which is not a text", id="integer"),
        pytest.param(None, "which is not a text", id="None"),
        pytest.param("a\0", "NUL", id="NUL"),
        pytest.param("\ud800", "lone surrogate", id="lone surrogate"),
    ],
)
def test_check_json_refuses_a_key_that_json_does_not_have(key: Any, words: str) -> None:
    """Keys are clean text, in inner objects too."""
    with pytest.raises(InvalidEvent, match=words):
        check_json({"a": {key: 1}}, field="data")


@pytest.mark.parametrize("kind", ["list", "dict"])
def test_check_json_takes_64_levels_and_not_65(kind: str) -> None:
    """The limit is the last depth that passes."""
    check_json(nest(MAX_DEPTH, kind=kind), field="data")

    with pytest.raises(InvalidEvent, match="nested deeper than 64 levels"):
        check_json(nest(MAX_DEPTH + 1, kind=kind), field="data")


def test_check_json_survives_a_value_deeper_than_the_interpreters_stack() -> None:
    """A hundred thousand levels are refused, not a crash."""
    with pytest.raises(InvalidEvent, match="nested deeper"):
        check_json(nest(100_000), field="data")


def test_check_json_takes_the_ends_of_64_bits() -> None:
    """Both ends belong to the range."""
    check_json([MIN_INTEGER, MAX_INTEGER], field="data")


def test_canonical_sorts_keys_and_writes_no_spaces() -> None:
    """The text is the shortest, with other letters as they are."""
    assert canonical({"b": [1, "ä"], "a": None}) == '{"a":null,"b":[1,"ä"]}'


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(1, 1.0, id="integer and float"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="order of keys"),
        pytest.param([0.0], [-0.0], id="negative zero"),
        pytest.param({"a": [{"b": 3.0}]}, {"a": [{"b": 3}]}, id="deep float"),
    ],
)
def test_canonical_is_one_text_for_equal_values(one: JSONValue, other: JSONValue) -> None:
    """Equal JSON has equal text."""
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(1, True, id="one and true"),
        pytest.param(0, False, id="zero and false"),
        pytest.param(1, "1", id="number and text"),
        pytest.param(None, "null", id="null and text"),
        pytest.param(2**53, 2**53 + 1, id="neighbours beyond double precision"),
        pytest.param([1, 2], [2, 1], id="order of items"),
    ],
)
def test_canonical_differs_for_different_values(one: JSONValue, other: JSONValue) -> None:
    """Different JSON has different text."""
    assert canonical(one) != canonical(other)


@given(value=json_values)
def test_canonical_reads_back_as_an_equal_value(value: JSONValue) -> None:
    """Nothing is lost on the way."""
    assert canonical(json.loads(canonical(value))) == canonical(value)
    assert json.loads(canonical(value)) == value
