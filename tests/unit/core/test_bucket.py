"""Buckets: their ids, their descriptions, their form on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pulseline_core.bucket import (
    MAX_BUCKET_ID_BYTES,
    MAX_LABEL_BYTES,
    Bucket,
    BucketDescription,
    parse_bucket_id,
    parse_description,
    parse_pulsetime,
)
from pulseline_core.errors import InvalidBucketId, InvalidEvent
from pulseline_core.types import BucketId
from tests.unit.core.test_times import NOW


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("aw-watcher-window_host", id="ActivityWatch"),
        pytest.param("a b/c.d%e+f#g$h", id="every special character"),
        pytest.param("Küche 🍳", id="other letters"),
        pytest.param("x" * MAX_BUCKET_ID_BYTES, id="256 bytes"),
    ],
)
def test_parse_bucket_id_takes_what_people_write(text: str) -> None:
    """An id is free text."""
    assert parse_bucket_id(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("x" * 257, "has 257 bytes", id="257 bytes"),
        pytest.param("ä" * 129, "has 258 bytes", id="258 bytes of 129 letters"),
        pytest.param("a\0b", "control character", id="NUL"),
        pytest.param("a\nb", "control character", id="line end"),
        pytest.param("a\x7fb", "control character", id="DEL"),
        pytest.param("a\ud800", "lone surrogate", id="lone surrogate"),
    ],
)
def test_parse_bucket_id_refuses_the_rest(text: str, words: str) -> None:
    """The message says what is wrong."""
    with pytest.raises(InvalidBucketId, match=words):
        parse_bucket_id(text)


def test_parse_description_reads_every_field() -> None:
    """Nothing of a full description is lost."""
    description = parse_description(
        {
            "type": "currentwindow",
            "client": "aw-watcher-window",
            "hostname": "!local",
            "data": {"room": "kitchen"},
            "pulsetime": 90.5,
            "created": "2026-11-23T11:00:00+01:00",
            "colour": "unknown keys are ignored",
        },
        now=NOW,
    )

    assert description == BucketDescription(
        type="currentwindow",
        client="aw-watcher-window",
        hostname="!local",
        data={"room": "kitchen"},
        pulsetime=timedelta(seconds=90.5),
        created=NOW,
    )
    assert description.created is not None
    assert description.created.tzinfo is UTC


def test_parse_description_takes_null_for_absent() -> None:
    """Null and absent mean the same: leave it."""
    nothing = dict.fromkeys(("type", "client", "hostname", "data", "pulsetime", "created"))

    assert parse_description(nothing, now=NOW) == parse_description({}, now=NOW) == BucketDescription()


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param({"type": 5}, "type", id="type a number"),
        pytest.param({"client": ["x"]}, "client", id="client an array"),
        pytest.param({"hostname": {}}, "hostname", id="hostname an object"),
        pytest.param({"type": "a\0"}, "type", id="NUL in the type"),
        pytest.param({"client": "\ud800"}, "client", id="surrogate in the client"),
        pytest.param({"hostname": "ä" * (MAX_LABEL_BYTES // 2 + 1)}, "hostname", id="hostname too long"),
        pytest.param({"data": []}, "data", id="data an array"),
        pytest.param({"data": {"a": float("nan")}}, "data", id="NaN in the data"),
        pytest.param({"pulsetime": "60"}, "pulsetime", id="pulsetime a text"),
        pytest.param({"pulsetime": -1}, "pulsetime", id="pulsetime negative"),
        pytest.param({"pulsetime": True}, "pulsetime", id="pulsetime true"),
        pytest.param({"created": 5}, "created", id="created a number"),
        pytest.param({"created": "now"}, "created", id="created a word"),
        pytest.param({"created": "0001-01-01T00:00:00+00:00"}, "created", id="created in the year 1"),
        pytest.param({"created": "1969-12-31T23:59:59+00:00"}, "created", id="created before 1970"),
        pytest.param({"created": "2026-11-24T10:00:01+00:00"}, "created", id="created more than a day ahead"),
    ],
)
def test_parse_description_names_the_field_that_does_not_fit(value: dict[str, Any], field: str) -> None:
    """Every field is checked."""
    with pytest.raises(InvalidEvent) as caught:
        parse_description(value, now=NOW)

    assert caught.value.field == field
    assert str(caught.value).startswith(field)


def test_parse_pulsetime_takes_0_to_366_days() -> None:
    """Zero merges only what touches."""
    assert parse_pulsetime(0) == timedelta()
    assert parse_pulsetime(366 * 86_400) == timedelta(days=366)


def test_to_json_of_an_empty_bucket_has_no_last_updated() -> None:
    """It is the union of what both ActivityWatch servers answer."""
    bucket = Bucket(id=BucketId("plug"), created=NOW)

    assert bucket.to_json() == {
        "id": "plug",
        "created": "2026-11-23T10:00:00+00:00",
        "name": None,
        "type": "unknown",
        "client": "unknown",
        "hostname": "unknown",
        "data": {},
        "metadata": {"start": None, "end": None},
    }


def test_to_json_says_where_the_timeline_begins_and_ends() -> None:
    """Times are text."""
    end = datetime(2026, 11, 23, 11, tzinfo=UTC)
    bucket = Bucket(id=BucketId("plug"), created=NOW, start=NOW, end=end, last_updated=end)

    described = bucket.to_json()

    assert described["metadata"] == {"start": "2026-11-23T10:00:00+00:00", "end": "2026-11-23T11:00:00+00:00"}
    assert described["last_updated"] == "2026-11-23T11:00:00+00:00"


def test_two_buckets_do_not_share_their_data() -> None:
    """The default is made anew for each."""
    assert Bucket(id=BucketId("a"), created=NOW).data is not Bucket(id=BucketId("b"), created=NOW).data
