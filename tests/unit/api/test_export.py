"""Exports: the form, the file's name, and that they are made while they are sent."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from pulseline_api import create_app
from pulseline_api.app import AppOptions
from pulseline_core.errors import NotFound
from pulseline_core.event import Event
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

T0 = datetime(2026, 11, 1, 10, tzinfo=UTC)


class EndlessReader(MemoryReader):
    """Has one bucket with as many events as are asked for, none of them kept."""

    def __init__(self, store: MemoryStore, count: int) -> None:
        super().__init__(store)
        self.count = count
        self.made = 0

    def iter_events(self, bucket_id: str) -> Iterator[Event]:
        """Make the events one by one."""
        for number in range(self.count):
            self.made += 1
            yield Event(id=number, timestamp=T0 - timedelta(seconds=number), data={"n": number})


def test_export_of_a_bucket_holds_it_and_its_events(http: FlaskClient, store: MemoryStore) -> None:
    """Newest first and without ids, as aw-server's."""
    for number in range(3):
        store.add_event("plug", Event(timestamp=T0 + timedelta(seconds=number), data={"n": number}))

    answer = http.get("/api/0/buckets/plug/export")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"] == "attachment; filename=aw-bucket-export_plug.json"
    bucket = answer.get_json()["buckets"]["plug"]
    assert [event["data"]["n"] for event in bucket.pop("events")] == [2, 1, 0]
    assert bucket == http.get("/api/0/buckets/plug").json
    assert b'"events":[{"timestamp"' in answer.data


def test_export_of_all_holds_every_bucket(http: FlaskClient, store: MemoryStore) -> None:
    """With and without events; both forms of the path."""
    store.add_bucket("empty")
    store.add_event("plug", Event(timestamp=T0))

    answer = http.get("/api/0/export/")

    assert answer.headers["Content-Disposition"] == "attachment; filename=aw-buckets-export.json"
    assert {key: len(bucket["events"]) for key, bucket in answer.get_json()["buckets"].items()} == {
        "plug": 1,
        "empty": 0,
    }


def test_export_of_nothing_is_an_empty_object(http: FlaskClient, store: MemoryStore) -> None:
    """And still JSON."""
    store.buckets.clear()

    assert http.get("/api/0/export").json == {"buckets": {}}


@pytest.mark.parametrize("count", [1, 499, 500, 501, 1500])
def test_pages_join_without_a_seam(store: MemoryStore, writer: RecordingWriter, count: int) -> None:
    """At every border of a page."""
    http = create_app(EndlessReader(store, count), writer, INFO).test_client()

    events = http.get("/api/0/export").get_json()["buckets"]["plug"]["events"]

    assert [event["data"]["n"] for event in events] == list(range(count))


@pytest.mark.parametrize(
    ("bucket_id", "plain"),
    [
        ("my bucket", "my_bucket"),
        ('a"; filename="evil.exe', "a___filename__evil.exe"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("ä", "_"),
    ],
)
def test_file_name_is_safe(http: FlaskClient, store: MemoryStore, bucket_id: str, plain: str) -> None:
    """What no file name may hold becomes ``_``; the whole name follows in the encoded form (RFC 6266)."""
    store.add_bucket(bucket_id)

    answer = http.get(f"/api/0/buckets/{quote(bucket_id, safe='')}/export")

    encoded = quote(f"aw-bucket-export_{bucket_id}.json", safe="")
    assert answer.headers["Content-Disposition"] == (
        f"attachment; filename=aw-bucket-export_{plain}.json; filename*=UTF-8''{encoded}"
    )


def test_export_is_made_while_it_is_sent(store: MemoryStore, writer: RecordingWriter) -> None:
    """Nothing is read ahead of what the client took, beyond a page."""
    reader = EndlessReader(store, 1_000_000)
    http = create_app(reader, writer, INFO).test_client()

    answer = http.get("/api/0/export", buffered=False)
    chunks = answer.iter_encoded()
    head = [next(chunks) for _ in range(4)]
    answer.close()

    assert b"".join(head).startswith(b'{"buckets":{"plug":{"id":"plug"')
    assert reader.made <= 1000


def test_memory_stays_flat(store: MemoryStore, writer: RecordingWriter) -> None:
    """Fifty thousand events, nearly four megabytes, pass in less than one."""
    http = create_app(EndlessReader(store, 50_000), writer, INFO).test_client()
    tracemalloc.start()
    try:
        answer = http.get("/api/0/export", buffered=False)
        size_bytes = sum(len(chunk) for chunk in answer.iter_encoded())
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert size_bytes > 3_500_000
    assert peak_bytes < 1_000_000


def test_bucket_that_vanishes_is_left_out(
    reader: MemoryReader, store: MemoryStore, writer: RecordingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows it is still valid JSON."""
    store.add_bucket("gone")
    store.add_bucket("last")
    iter_events = reader.iter_events

    def iter_or_fail(bucket_id: str) -> Iterator[Event]:
        if bucket_id == "gone":
            raise NotFound("bucket", bucket_id)
        return iter_events(bucket_id)

    monkeypatch.setattr(reader, "iter_events", iter_or_fail)

    answer = create_app(reader, writer, INFO).test_client().get("/api/0/export")

    assert list(json.loads(answer.data)["buckets"]) == ["plug", "last"]


def test_one_export_too_many_is_503_until_another_ends(store: MemoryStore, writer: RecordingWriter) -> None:
    """It is told when to come back; an export that ends or breaks off, or was only a HEAD, gives its place back."""
    store.add_event("plug", Event(timestamp=T0))
    http = create_app(MemoryReader(store), writer, INFO, AppOptions(max_exports=2)).test_client()
    whole, broken_off = (http.get("/api/0/export", buffered=False) for _ in range(2))

    refused = http.get("/api/0/buckets/plug/export")
    whole.get_data()
    broken_off.close()
    whole.close()
    statuses = [http.head("/api/0/export", buffered=True).status_code for _ in range(3)]

    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "10"
    assert refused.get_json() == {"message": "2 exports run already; try again when one of them has ended"}
    assert statuses == [200] * 3
