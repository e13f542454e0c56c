"""Imports over REST: JSON and forms, repeated, damaged, and turned away."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pulseline_api import ServerAPI
from pulseline_core.types import JSONObject
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

IMPORT = "/api/0/import"
BUCKET: dict[str, Any] = {
    "id": "window",
    "type": "currentwindow",
    "client": "aw-watcher-window",
    "hostname": "desk",
    "created": "2024-02-03T04:05:06+00:00",
    "events": [
        {"timestamp": f"2026-11-01T10:00:0{n}.5Z", "duration": 0.5, "data": {"n": n}, "id": n} for n in (2, 1, 0)
    ],
}
EXPORT: JSONObject = {"buckets": {"window": BUCKET}}


def as_file(value: object, name: str = "export.json") -> tuple[io.BytesIO, str]:
    """Return a file of a form."""
    return io.BytesIO(json.dumps(value).encode()), name


@pytest.mark.parametrize("path", [IMPORT, f"{IMPORT}/"])
def test_json_is_imported(http: FlaskClient, store: MemoryStore, path: str) -> None:
    """The bucket with its time of creation, the events with ids of our own."""
    answer = http.post(path, json=EXPORT)

    counts = {"id": "window", "is_new": True, "added": 3, "extended": 0, "unchanged": 0, "skipped": 0}
    assert (answer.status_code, answer.json) == (200, {"buckets": {"window": counts}, "skipped": []})
    assert store.buckets["window"].created.isoformat() == BUCKET["created"]
    assert [event.data for event in store.events["window"]] == [{"n": 2}, {"n": 1}, {"n": 0}]


def test_import_may_be_repeated(http: FlaskClient, store: MemoryStore) -> None:
    """Existing buckets keep their description, and what is there is not added."""
    http.post(IMPORT, json=EXPORT)

    answer = http.post(IMPORT, json={"buckets": {"window": {**BUCKET, "hostname": "other"}}})

    counts = answer.get_json()["buckets"]["window"]
    assert (counts["is_new"], counts["added"], counts["unchanged"]) == (False, 0, 3)
    assert store.buckets["window"].hostname == "desk"
    assert len(store.events["window"]) == 3


def test_a_bucket_that_was_deleted_takes_heartbeats_while_it_is_imported_again(
    http: FlaskClient, writer: RecordingWriter
) -> None:
    """Its deletion is over; watchers throw away what they are told is for no bucket."""
    http.post(IMPORT, json=EXPORT)
    http.delete("/api/0/buckets/window?force=1")
    http.post(IMPORT, json=EXPORT)
    writer.unconfirmed.add("window")  # the next batch is on its way

    beat = http.post("/api/0/buckets/window/heartbeat?pulsetime=60", json={**BUCKET["events"][0], "id": None})

    assert beat.status_code == 200


@pytest.mark.parametrize("field", ["buckets.json", "buckets", "file"])
def test_form_is_imported(http: FlaskClient, store: MemoryStore, field: str) -> None:
    """The web interface calls its file ``buckets.json``; aw-server reads any."""
    answer = http.post(IMPORT, data={field: as_file(EXPORT)}, content_type="multipart/form-data")

    assert answer.status_code == 200
    assert len(store.events["window"]) == 3


def test_form_may_hold_several_files(http: FlaskClient, store: MemoryStore) -> None:
    """Each is answered."""
    files = [as_file({"buckets": {name: {**BUCKET, "id": name}}}) for name in ("a", "b")]

    answer = http.post(IMPORT, data={"buckets.json": files}, content_type="multipart/form-data")

    assert [list(tally["buckets"]) for tally in answer.get_json()] == [["a"], ["b"]]
    assert {"a", "b"} <= store.buckets.keys()


def test_events_that_can_not_be_stored_are_skipped_and_named(http: FlaskClient, store: MemoryStore) -> None:
    """aw-server stores negative durations, and exports them; the other events count."""
    odd = {"timestamp": "2026-11-01T10:00:00Z", "duration": -1, "data": {}}

    answer = http.post(IMPORT, json={"buckets": {"window": {**BUCKET, "events": [*BUCKET["events"], odd]}}})

    assert answer.get_json()["buckets"]["window"]["skipped"] == 1
    assert answer.get_json()["skipped"] == ["in bucket 'window': duration -1 s is not between 0 and 366 days"]
    assert len(store.events["window"]) == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON from byte 1 on"),
        (b"[1]", "no ActivityWatch export"),
        (b'{"events": 1}', "no ActivityWatch export"),
        (b'"text"', "no ActivityWatch export"),
        (json.dumps(EXPORT).encode()[:-20], "is not JSON from byte"),
        (b'{"buckets": {"a": {"events": [NaN]}}}', "is not JSON"),
    ],
)
def test_what_is_no_export_is_400(http: FlaskClient, body: bytes, words: str) -> None:
    """The message says what and where."""
    answer = http.post(IMPORT, data=body, content_type="application/json")

    assert answer.status_code == 400
    assert words in answer.get_json()["message"]


def test_damaged_export_brings_what_came_before(http: FlaskClient, store: MemoryStore) -> None:
    """So the mended file adds the rest."""
    http.post(IMPORT, data=json.dumps(EXPORT).encode()[:-30], content_type="application/json")

    assert [event.data for event in store.events["window"]] == [{"n": 2}, {"n": 1}]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_other_content_types_are_415(http: FlaskClient, writer: RecordingWriter, content_type: str) -> None:
    """A page of another site can send these without asking."""
    answer = http.post(IMPORT, data=json.dumps(EXPORT), content_type=content_type)

    assert (answer.status_code, writer.calls) == (415, [])


def test_form_without_a_file_is_400(http: FlaskClient) -> None:
    """The message says what belongs there."""
    answer = http.post(IMPORT, data={"a": "b"}, content_type="multipart/form-data")

    assert answer.status_code == 400
    assert "buckets.json" in answer.get_json()["message"]


def test_import_of_a_foreign_page_is_403(http: FlaskClient, writer: RecordingWriter) -> None:
    """aw-server takes such a form from any page."""
    answer = http.post(
        IMPORT,
        data={"buckets.json": as_file(EXPORT)},
        content_type="multipart/form-data",
        headers={"Origin": "https://evil.example"},
    )

    assert (answer.status_code, writer.calls) == (403, [])


def test_import_without_the_broker_is_503(http: FlaskClient, writer: RecordingWriter) -> None:
    """Nothing is answered that is not done; doing it again completes it."""
    writer.go_away()

    answer = http.post(IMPORT, json=EXPORT)

    assert answer.status_code == 503
    assert answer.get_json()["message"]


def test_one_import_runs_at_a_time(app: Flask, writer: RecordingWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one is asked to come again."""
    is_running, may_end = threading.Event(), threading.Event()
    describe = writer.describe_bucket

    def describe_slowly(*arguments: Any, **keywords: Any) -> None:
        is_running.set()
        assert may_end.wait(10)
        describe(*arguments, **keywords)

    monkeypatch.setattr(writer, "describe_bucket", describe_slowly)
    first = threading.Thread(target=lambda: app.test_client().post(IMPORT, json=EXPORT))
    first.start()
    assert is_running.wait(10)

    second = app.test_client().post(IMPORT, json=EXPORT)
    may_end.set()
    first.join()

    assert (second.status_code, second.headers["Retry-After"]) == (503, "10")
    assert app.test_client().post(IMPORT, json=EXPORT).status_code == 200


def test_buckets_are_imported_as_values(store: MemoryStore) -> None:
    """For programs that embed the API."""
    api = ServerAPI(MemoryReader(store), RecordingWriter(store), INFO)

    api.import_bucket(BUCKET)
    tally = api.import_all({"window": BUCKET, "other": {**BUCKET, "id": "other"}})

    assert (tally.buckets["window"].added, tally.buckets["other"].added) == (0, 3)
