"""JSON as a stream of tokens: values are what the standard decoder makes of them, errors have their place."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_client.importing.json_tokens import CHUNK_BYTES, BrokenJson, JsonTokens, Token, read_value, skip_value
from pulseline_core.types import JSONValue

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=30,
)


def decode(raw: bytes) -> JSONValue:
    """Return the value of a document."""
    tokens = iter(JsonTokens(io.BytesIO(raw), "the file"))
    value = read_value(tokens, next(tokens))
    assert list(tokens) == []
    return value


@given(_VALUES)
def test_a_value_is_what_the_standard_decoder_reads(value: JSONValue) -> None:
    """Numbers to the last digit, nested as deep as they come, types kept."""
    raw = json.dumps(value).encode()

    decoded = decode(raw)

    assert repr(decoded) == repr(json.loads(raw))


def test_nesting_is_no_matter_of_the_stack() -> None:
    """A hundred thousand brackets are read; whether such an event can be stored is asked later."""
    decoded = decode(b"[" * 100_000 + b"]" * 100_000)

    assert decoded != []


@given(_VALUES, _VALUES)
def test_a_value_is_skipped_to_its_end(first: JSONValue, second: JSONValue) -> None:
    """What follows it comes next."""
    tokens = iter(JsonTokens(io.BytesIO(json.dumps([first, second]).encode()), "the file"))
    next(tokens)

    skip_value(tokens, next(tokens))

    assert repr(read_value(tokens, next(tokens))) == repr(second)


@pytest.mark.parametrize("size", [10, CHUNK_BYTES - 5, 3 * CHUNK_BYTES + 7])
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [(b" x", "invalid char in json text"), (b' "a\xff', "invalid bytes in UTF8 string"), (b" ]}", "trailing garbage")],
)
def test_an_error_names_its_byte_and_comes_after_what_was_right(size: int, wrong: bytes, problem: str) -> None:
    """Wherever in the document it is."""
    right = b"[" + b"1,".ljust(size - 2, b" ") + b"2"
    raw = right + (b"," if b"]" not in wrong else b"") + wrong
    tokens: list[Token] = []

    with pytest.raises(BrokenJson) as caught:
        tokens.extend(JsonTokens(io.BytesIO(raw), "the file"))

    assert caught.value.offset == len(raw) - 1
    assert caught.value.problem == problem
    assert ("number", 2) in tokens


@pytest.mark.parametrize("size", [0, 3, CHUNK_BYTES, 2 * CHUNK_BYTES + 1])
def test_an_end_that_comes_too_early_is_named(size: int) -> None:
    """As the size of the file: a download or a copy broke off."""
    with pytest.raises(BrokenJson, match=f"the file is not JSON from byte {size} on: premature EOF"):
        list(JsonTokens(io.BytesIO(b"[".ljust(size) if size else b""), "the file"))


def test_a_byte_order_mark_is_passed_over() -> None:
    """Editors on Windows put one in front."""
    assert decode(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


#: Halves of surrogate pairs, and what their escapes could be taken for.
_PIECES = st.sampled_from(["\ud83d", "\udc22", "\U0001f422", "\\", "u", "d83d", "\xe9", "a"])


@given(st.lists(_PIECES, max_size=12).map("".join), st.integers(0, 30))
def test_half_of_a_surrogate_pair_becomes_a_nul(text: str, before: int) -> None:
    """Which no event may hold; what is whole stays, wherever the document is cut into chunks."""
    raw = json.dumps([text, "next"]).encode().rjust(CHUNK_BYTES + before)

    decoded = decode(raw)

    expected = "".join("\0" if "\ud800" <= each <= "\udfff" else each for each in json.loads(json.dumps(text)))
    assert decoded == [expected, "next"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [(b'"\xed\xb0\xa2"', "invalid bytes in UTF-8 text"), (b"1e99999999999999999999", "number out of range")],
)
def test_what_the_parser_stumbles_over_is_an_error_of_the_document(value: bytes, problem: str) -> None:
    """Like any other; what came before is read."""
    tokens: list[Token] = []

    with pytest.raises(BrokenJson, match=rf"the file is not JSON from byte \d+ on: {problem}"):
        tokens.extend(JsonTokens(io.BytesIO(b"[1, " + value + b", 2]"), "the file"))

    assert ("number", 1) in tokens
