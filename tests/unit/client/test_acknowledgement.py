"""Acknowledgements are read without trust."""

from __future__ import annotations

import json

import pytest

from pulseline_client.acknowledgement import Acknowledgement, parse_acknowledgements, parse_error
from pulseline_core.errors import DiskFull, InvalidEvent, NotFound, PulselineError
from pulseline_core.types import BucketId, JSONValue

GOOD: dict[str, JSONValue] = {"bucket": "plug", "seq": 3, "epoch": "e", "window": 10}


def encode(value: JSONValue) -> bytes:
    """Return the payload of a value."""
    return json.dumps(value).encode()


def test_single_object_is_one_acknowledgement() -> None:
    """An object stands for itself."""
    found = parse_acknowledgements(encode(GOOD))

    assert found.items == [Acknowledgement(bucket_id=BucketId("plug"), seq=3, epoch="e", window=10)]
    assert found.malformed == 0


def test_array_keeps_its_order() -> None:
    """Several acknowledgements of one group come in one array."""
    found = parse_acknowledgements(encode([GOOD, GOOD | {"seq": 4}]))

    assert [item.seq for item in found.items] == [3, 4]


def test_good_items_of_an_array_survive_bad_ones() -> None:
    """What can not be read is counted, what can is taken."""
    found = parse_acknowledgements(encode([GOOD, 7, GOOD | {"seq": "x"}]))

    assert (len(found.items), found.malformed) == (1, 2)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[" * 100_000,
        encode({}),
        encode(GOOD | {"bucket": 5}),
        encode(GOOD | {"seq": -1}),
        encode(GOOD | {"seq": True}),
        encode(GOOD | {"seq": 1.5}),
        encode(GOOD | {"window": 0}),
        encode(GOOD | {"window": None}),
        encode(GOOD | {"epoch": ""}),
        encode(GOOD | {"epoch": 3}),
        encode({"problem": 7}),
    ],
    ids=lambda payload: repr(payload[:40]),
)
def test_malformed_payload_is_counted_and_nothing_else(payload: bytes) -> None:
    """Garbage on the acknowledgement topic confirms nothing and raises nothing."""
    found = parse_acknowledgements(payload)

    assert (found.items, found.malformed) == ([], 1)


def test_problem_is_read_and_confirms_nothing() -> None:
    """The server says why nothing can be committed."""
    found = parse_acknowledgements(encode({"problem": "the disk is ill"}))

    assert (found.items, found.malformed, found.problem) == ([], 0, "the disk is ill")


def test_null_result_differs_from_none() -> None:
    """A result may be null; a missing one means that nobody asked."""
    with_null, without = parse_acknowledgements(encode([GOOD | {"result": None}, GOOD])).items

    assert (with_null.has_result, without.has_result) == (True, False)


@pytest.mark.parametrize("kind", [NotFound, InvalidEvent, DiskFull])
def test_error_result_becomes_the_error_of_that_name(kind: type[PulselineError]) -> None:
    """The class decides what the caller does; the message is the server's."""
    error = parse_error({"error": {"type": kind.__name__, "message": "no bucket 'x' exists"}})

    assert type(error) is kind
    assert str(error) == "no bucket 'x' exists"
    assert error.hint == ""


@pytest.mark.parametrize("kind", ["ExitCode", "Exception", "object", "", None, 5])
def test_error_of_an_unknown_name_is_a_plain_one(kind: JSONValue) -> None:
    """No name from the wire makes anything but our errors."""
    error = parse_error({"error": {"type": kind, "message": None}})

    assert type(error) is PulselineError


def test_object_without_an_error_is_none() -> None:
    """An event is a result, not an error."""
    assert parse_error({"id": 1, "data": {"error": "x"}}) is None
