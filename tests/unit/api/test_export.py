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
from pulseline_core.store import EventRow
from pulseline_core.times import to_us
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

T0 = datetime(2026, 11, 1, 10, tzinfo=UTC)


class EndlessReader(MemoryReader):
    """Has one bucket with as many events as are asked for, none of them kept."""

    def __init__(self, store: MemoryStore, count: int) -> None:
        super().__init__(store)
        self.count = count
        self.made = 0

    def iter_event_pages(
        self, bucket_id: str, *, start: datetime | None = None, end: datetime | None = None
    ) -> Iterator[list[EventRow]]:
        """Make the events, five hundred at a time."""
        for begin in range(0, self.count, 500):
            page = [self._make(number) for number in range(begin, min(begin + 500, self.count))]
            self.made += len(page)
            yield page

    def _make(self, number: int) -> EventRow:
        start_us = to_us(T0) - number * 1_000_000
        return number, start_us, start_us, number, f'{{"n":{number}}}'


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


@pytest.mark.parametrize("path", ["/api/0/export", "/api/0/buckets/plug/export"])
def test_export_has_what_both_activitywatch_servers_read(http: FlaskClient, store: MemoryStore, path: str) -> None:
    """aw-server 0.13.2 (aw_server/api.py, import_bucket) and aw-server-rust 0.14.0 (aw-models, Bucket and Event)."""
    store.add_event("plug", Event(timestamp=T0, duration=timedelta(microseconds=1), data={"state": "on"}))

    ((bucket_id, bucket),) = http.get(path).get_json()["buckets"].items()

    (event,) = bucket["events"]
    assert bucket_id == bucket["id"] == "plug"
    assert all(isinstance(bucket[name], str) for name in ("type", "client", "hostname", "created"))
    assert datetime.fromisoformat(bucket["created"]).tzinfo is not None
    assert set(bucket["metadata"]) == {"start", "end"}
    assert isinstance(bucket["data"], dict)
    assert event == {"timestamp": T0.isoformat(), "duration": 0.000001, "data": {"state": "on"}}


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
    ("form", "content_type"),
    [
        ("json", "application/json"),
        ("csv", "text/csv; charset=utf-8"),
        ("ndjson", "application/x-ndjson"),
    ],
)
def test_each_form_has_its_type_and_its_file_name(http: FlaskClient, form: str, content_type: str) -> None:
    """Of one bucket and of all."""
    one = http.get(f"/api/0/buckets/plug/export?format={form}", buffered=True)
    everything = http.get(f"/api/0/export?format={form}", buffered=True)

    assert one.headers["Content-Type"] == everything.headers["Content-Type"] == content_type
    assert one.headers["Content-Disposition"] == f"attachment; filename=aw-bucket-export_plug.{form}"
    assert everything.headers["Content-Disposition"] == f"attachment; filename=aw-buckets-export.{form}"


@pytest.mark.parametrize("text", ["", "xml", "JSON", "x" * 5000])
def test_unknown_form_is_400(http: FlaskClient, text: str) -> None:
    """The message lists those that there are, and no place for exports is taken."""
    answers = [http.get("/api/0/export", query_string={"format": text}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [400] * 3
    message = f"format {text[:64]!r} is not one of json, csv, ndjson"
    assert answers[2].get_json() == {"message": message}


@pytest.mark.parametrize("form", ["json", "csv", "ndjson"])
def test_range_reaches_the_reader(http: FlaskClient, reader: MemoryReader, form: str) -> None:
    """Times are read as everywhere."""
    path = f"/api/0/export?format={form}"

    http.get(f"{path}&start=2026-11-01T12:00:00%2B02:00&end=2026-12-01", buffered=True)

    assert reader.asked
    assert all(asked == {"start": T0, "end": datetime(2026, 12, 1, tzinfo=UTC)} for asked in reader.asked)
    assert http.get(f"{path}&start=soon").status_code == 400


def test_ndjson_is_an_event_a_line(http: FlaskClient, store: MemoryStore) -> None:
    """Each with its bucket; whatever ends a line elsewhere is inside a text here."""
    bucket_id = 'odd "id" \\ \u2028'
    store.add_bucket(bucket_id)
    store.add_event(bucket_id, Event(timestamp=T0, duration=timedelta(seconds=1.5), data={"text": "a\nb\r\u2028"}))
    store.add_event("plug", Event(timestamp=T0))

    *lines, end = http.get("/api/0/export?format=ndjson").data.decode().split("\n")

    assert end == ""
    assert [json.loads(line) for line in lines] == [
        {"bucket": "plug", "timestamp": T0.isoformat(), "duration": 0.0, "data": {}},
        {"bucket": bucket_id, "timestamp": T0.isoformat(), "duration": 1.5, "data": {"text": "a\nb\r\u2028"}},
    ]


@pytest.mark.parametrize(("form", "empty"), [("ndjson", b""), ("csv", b"bucket,timestamp,end,duration,other_data\r\n")])
def test_export_of_no_events_is_whole(http: FlaskClient, form: str, empty: bytes) -> None:
    """With a bucket that has none."""
    assert http.get(f"/api/0/export?format={form}").data == empty


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


@pytest.mark.parametrize(("form", "limit_bytes"), [("json", 1_000_000), ("ndjson", 1_000_000), ("csv", 3_000_000)])
def test_memory_stays_flat(store: MemoryStore, writer: RecordingWriter, form: str, limit_bytes: int) -> None:
    """Fifty thousand events, each with data of its own; CSV remembers the cells of ten thousand."""
    http = create_app(EndlessReader(store, 50_000), writer, INFO).test_client()
    tracemalloc.start()
    try:
        answer = http.get(f"/api/0/export?format={form}", buffered=False)
        size_bytes = sum(len(chunk) for chunk in answer.iter_encoded())
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert size_bytes > 3_400_000
    assert peak_bytes < limit_bytes


def test_bucket_that_vanishes_is_left_out(
    reader: MemoryReader, store: MemoryStore, writer: RecordingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows it is still valid JSON."""
    store.add_bucket("gone")
    store.add_bucket("last")
    iter_event_pages = reader.iter_event_pages

    def iter_or_fail(bucket_id: str, **asked: datetime | None) -> Iterator[list[EventRow]]:
        if bucket_id == "gone":
            raise NotFound("bucket", bucket_id)
        return iter_event_pages(bucket_id, **asked)

    monkeypatch.setattr(reader, "iter_event_pages", iter_or_fail)

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
