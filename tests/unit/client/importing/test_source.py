"""A bucket's description from what an export says of it."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from pulseline_client.importing.source import Refusal, build_description
from pulseline_core.types import JSONObject
from tests.unit.client.importing.samples import NOW

SUMMER = timezone(timedelta(hours=2))


def test_a_description_keeps_what_describes_a_bucket() -> None:
    """And leaves out what the store says itself."""
    fields: JSONObject = {"id": "a", "type": "t", "client": "c", "hostname": "h", "name": None, "data": {"x": 1}}

    described, refusals = build_description({**fields, "created": "2024-01-01T00:00:00Z", "last_updated": "x"}, now=NOW)

    assert refusals == []
    assert described == {
        "type": "t",
        "client": "c",
        "hostname": "h",
        "data": {"x": 1},
        "created": "2024-01-01T00:00:00+00:00",
    }


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("2024-07-01T12:00:00.123456", "2024-07-01T10:00:00.123456+00:00"),
        ("2024-07-01 12:00:00+00:00", "2024-07-01T12:00:00+00:00"),
        ("2024-07-01T12:00:00.123456789Z", "2024-07-01T12:00:00.123456+00:00"),
    ],
)
def test_created_without_an_offset_is_local_time(created: str, expected: str) -> None:
    """The python server stores it so (aw-server 0.13.2)."""
    described, _ = build_description({"created": created}, now=NOW, zone=SUMMER)

    assert described["created"] == expected


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"created": "then"}, "created 'then' is no time"),
        ({"created": "1950-01-01T00:00:00Z"}, "created '1950-01-01T00:00:00+00:00' is before 1970"),
        ({"type": 7}, "type '7' is not a text"),
        ({"data": []}, "data '[]' is not an object"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_left_out_and_told(fields: JSONObject, problem: str) -> None:
    """The bucket is made with the rest."""
    described, (refusal,) = build_description({"client": "c", **fields}, now=NOW)

    assert described == {"type": "unknown", "client": "c", "hostname": "unknown"}
    assert (refusal.field, refusal.problem[: len(problem)]) == ("bucket", problem)
    assert isinstance(refusal, Refusal)
