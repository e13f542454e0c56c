"""Outcomes: what a reply says of them."""

from __future__ import annotations

import pytest

from pulseline_client.acknowledgement import parse_error
from pulseline_core.bucket import Bucket
from pulseline_core.errors import (
    InvalidBucketId,
    InvalidEvent,
    InvalidPayload,
    InvalidTopic,
    NotAuthorized,
    NotFound,
    PayloadTooLarge,
    PulselineError,
)
from pulseline_core.types import JSONValue
from pulseline_ingest.outcome import Deleted, Failure, Result, build_result, describe
from tests.contract.store.samples import MORNING, make_event
from tests.unit.ingest.samples import PLUG

EVENT = make_event(5, 2.5, {"on": True}, event_id=7)
EVENT_JSON: JSONValue = {"id": 7, "timestamp": "2026-11-23T10:00:05+00:00", "duration": 2.5, "data": {"on": True}}
BUCKET = Bucket(id=PLUG, created=MORNING)


@pytest.mark.parametrize(
    ("result", "wire"),
    [
        pytest.param(EVENT, EVENT_JSON, id="the merged event"),
        pytest.param([EVENT, EVENT], [EVENT_JSON, EVENT_JSON], id="several events"),
        pytest.param([], [], id="no events"),
        pytest.param(BUCKET, BUCKET.to_json(), id="the bucket"),
        pytest.param(Deleted(3), {"deleted": 3}, id="a number of rows"),
        pytest.param(
            Failure("NotFound", "no bucket 'x' exists"),
            {"error": {"type": "NotFound", "message": "no bucket 'x' exists"}},
            id="an error",
        ),
    ],
)
def test_result_takes_the_form_of_the_wire(result: Result, wire: JSONValue) -> None:
    """As the wire interface lists them."""
    assert build_result(result) == wire


@pytest.mark.parametrize(
    "error",
    [
        NotFound("event", 7),
        InvalidPayload("payload is an array, not an object"),
        PayloadTooLarge(size_bytes=2, limit_bytes=1),
        InvalidEvent("duration", "is wrong"),
        InvalidBucketId("", "is empty"),
        InvalidTopic("a/b", "lies outside"),
        NotAuthorized("not you"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_of_a_reply_is_the_same_error_to_the_client(error: PulselineError) -> None:
    """Class and message cross the wire."""
    result = build_result(describe(error))
    assert isinstance(result, dict)

    answered = parse_error(result)

    assert (type(answered), str(answered)) == (type(error), str(error))
