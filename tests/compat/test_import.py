"""Exports of this server and of both of ActivityWatch's, taken in."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.compat.remote import Remote
from tests.compat.samples import at, build_event, build_python_event, get_values

#: As aw-server (0.14, Python) exports: no ids, no metadata, microseconds and offset.
PYTHON_EXPORT: dict[str, Any] = {
    "id": "of-aw-server",
    "created": "2026-02-01T10:00:00.123456+00:00",
    "name": None,
    "type": "currentwindow",
    "client": "aw-watcher-window",
    "hostname": "desk",
    "data": {},
    "events": [
        {"timestamp": "2026-03-01T12:00:10.123000+00:00", "duration": 2.5, "data": {"n": 2}},
        {"timestamp": "2026-03-01T12:00:00+00:00", "duration": 0.0, "data": {"n": 1}},
    ],
}

#: As aw-server-rust (0.14) exports: ids, metadata, Z and nanoseconds.
RUST_EXPORT: dict[str, Any] = {
    "id": "of-aw-server-rust",
    "type": "currentwindow",
    "client": "awatcher",
    "hostname": "desk",
    "created": "2026-02-01T10:00:00.123456789Z",
    "data": {"device_id": "x"},
    "metadata": {"start": "2026-03-01T12:00:00Z", "end": "2026-03-01T12:00:12.623Z"},
    "last_updated": None,
    "events": [
        {"id": 2, "timestamp": "2026-03-01T12:00:10.123Z", "duration": 2.5, "data": {"n": 2}},
        {"id": 1, "timestamp": "2026-03-01T12:00:00Z", "duration": 0.0, "data": {"n": 1}},
    ],
}


def test_exported_bucket_comes_back_as_it_was(aw: Remote, bucket: str) -> None:
    """Deleted and imported: the same description, time of creation and events."""
    aw.call("insert_events", bucket, [build_python_event(10 * n, 5, n=n) for n in range(5)])
    exported = aw.call("export_bucket", bucket)
    aw.call("delete_bucket", bucket, force=True)

    aw.call("import_bucket", exported["buckets"][bucket])

    assert aw.call("export_bucket", bucket) == exported


def test_import_into_a_bucket_that_exists_adds_what_is_missing(aw: Remote, bucket: str) -> None:
    """Twice the same adds nothing; what is there already stays."""
    aw.call("insert_events", bucket, [build_python_event(10 * n, 5, n=n) for n in range(3)])
    (exported,) = aw.call("export_bucket", bucket)["buckets"].values()
    more = exported | {"events": [build_event(100, 5, n=10), *exported["events"]]}

    for imported in (exported, more, more):
        aw.call("import_bucket", imported)

    assert get_values(aw.call("get_events", bucket)) == [10, 2, 1, 0]


@pytest.mark.parametrize("export", [PYTHON_EXPORT, RUST_EXPORT], ids=["aw-server", "aw-server-rust"])
def test_exports_of_other_servers_are_taken(aw: Remote, export: dict[str, Any]) -> None:
    """With the time of creation; ids of theirs mean nothing here."""
    aw.call("import_bucket", export)

    info = aw.call("get_buckets")[export["id"]]
    events = aw.call("get_events", export["id"])
    assert info["created"].startswith("2026-02-01T10:00:00.123456")
    assert info["hostname"] == "desk"
    assert info["data"] == export["data"]
    assert [(event["timestamp"], event["duration"], event["data"]) for event in events] == [
        (at(10.123).isoformat(), 2.5, {"n": 2}),
        (at(0).isoformat(), 0.0, {"n": 1}),
    ]


def test_web_interface_sends_a_file(http: httpx.Client) -> None:
    """In the form field ``buckets.json``; from a page of this server."""
    bucket = PYTHON_EXPORT | {"id": "of-a-file"}
    content = json.dumps({"buckets": {"of-a-file": bucket}})
    own = f"http://{http.base_url.host}:{http.base_url.port}"

    answer = http.post(
        "/import",
        files={"buckets.json": ("aw-buckets-export.json", content, "application/json")},
        headers={"Origin": own},
    )

    assert answer.status_code == 200
    assert get_values(http.get("/buckets/of-a-file/events").json()) == [2, 1]


@pytest.mark.parametrize(
    "body",
    ["", "null", "{}", '{"buckets": 1}', '{"buckets": {"x": null}}', '{"buckets": {"x"'],
)
def test_what_is_no_export_is_refused(http: httpx.Client, body: str) -> None:
    """With a message, and without a bucket."""
    before = http.get("/buckets/").json()

    answer = http.post("/import", content=body, headers={"Content-Type": "application/json"})

    assert 400 <= answer.status_code < 500
    assert answer.json()["message"]
    assert http.get("/buckets/").json() == before


def test_bad_event_in_an_import_is_skipped_and_told(http: httpx.Client) -> None:
    """aw-server stores negative durations; when that is mended, the import may be repeated."""
    bad = PYTHON_EXPORT | {"id": "half-bad", "events": [build_event(0, n=1), build_event(1, n=2) | {"duration": -1}]}
    good = bad | {"events": [build_event(0, n=1), build_event(1, n=2)]}

    first = http.post("/import", json={"buckets": {"half-bad": bad}})
    second = http.post("/import", json={"buckets": {"half-bad": good}})

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["skipped"] == ["in bucket 'half-bad': duration -1 s is not between 0 and 366 days"]
    assert get_values(http.get("/buckets/half-bad/events").json()) == [2, 1]
