"""Buckets over REST."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from pulseline_api import create_app
from pulseline_core.bucket import BucketDescription
from pulseline_core.errors import NotFound, OutboxFull
from tests.poison import STRANGE_BUCKETS
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

DESCRIPTION: dict[str, Any] = {"type": "currentwindow", "client": "aw-watcher-window", "hostname": "desk"}


@pytest.mark.parametrize("path", ["/api/0/buckets", "/api/0/buckets/"])
def test_list_is_an_object_keyed_by_id(http: FlaskClient, path: str) -> None:
    """Both forms of the path answer, without a redirect, what both reference servers have for a bucket."""
    answer = http.get(path)

    assert answer.status_code == 200
    assert answer.json is not None
    assert list(answer.json) == ["plug"]
    assert answer.json["plug"] == {
        "id": "plug",
        "created": "2026-11-01T00:00:00+00:00",
        "name": None,
        "type": "power",
        "client": "meter",
        "hostname": "desk",
        "data": {},
        "metadata": {"start": None, "end": None},
    }


def test_one_bucket_is_answered_as_in_the_list(http: FlaskClient) -> None:
    """Nothing is left out or added."""
    listed = http.get("/api/0/buckets").get_json()["plug"]

    assert http.get("/api/0/buckets/plug").json == listed
    assert http.get("/api/0/buckets/plug/").json == listed


def test_unknown_bucket_is_404_with_its_name(http: FlaskClient) -> None:
    """The message says what was asked for."""
    answer = http.get("/api/0/buckets/nothing")

    assert answer.status_code == 404
    assert answer.json == {"message": "no bucket 'nothing' exists"}


def test_new_bucket_is_created_through_the_writer(http: FlaskClient, writer: RecordingWriter) -> None:
    """The answer is an empty object, as aw-server's."""
    answer = http.post("/api/0/buckets/window", json=DESCRIPTION)

    assert (answer.status_code, answer.json) == (200, {})
    [(name, arguments, keywords)] = writer.calls
    assert (name, arguments) == ("describe_bucket", ("window", BucketDescription(**DESCRIPTION)))
    assert keywords == {"update": False, "queued": False}


def test_what_aw_client_rust_sends_is_accepted(http: FlaskClient) -> None:
    """Nulls stand for what is not known, and keys that are not ours are ignored."""
    body = {
        **DESCRIPTION,
        "id": "window",
        "created": None,
        "data": {},
        "metadata": {"start": None, "end": None},
        "events": None,
        "last_updated": None,
    }

    assert http.post("/api/0/buckets/window", json=body).status_code == 200


def test_local_hostname_is_left_to_ingest(http: FlaskClient, writer: RecordingWriter) -> None:
    """``!local`` is the name of the host that stores the bucket."""
    http.post("/api/0/buckets/window", json={**DESCRIPTION, "hostname": "!local"})

    assert writer.calls[0][1][1].hostname == "!local"


def test_posted_creation_time_and_data_are_kept(http: FlaskClient, store: MemoryStore) -> None:
    """aw-server-rust honours them."""
    body = {**DESCRIPTION, "created": "2024-02-03T04:05:06+02:00", "data": {"device_id": "x"}}

    assert http.post("/api/0/buckets/window", json=body).status_code == 200
    assert store.buckets["window"].created == datetime(2024, 2, 3, 2, 5, 6, tzinfo=UTC)
    assert store.buckets["window"].data == {"device_id": "x"}


def test_posted_events_are_inserted_into_a_new_bucket(http: FlaskClient, store: MemoryStore) -> None:
    """aw-server-rust takes a whole bucket; one that exists stays as it is."""
    body = {**DESCRIPTION, "events": [{"timestamp": "2026-11-23T10:00:00Z", "data": {"a": 1}}]}

    assert [http.post("/api/0/buckets/window", json=body).status_code for _ in range(2)] == [200, 304]
    assert [event.data for event in store.events["window"]] == [{"a": 1}]


def test_posted_events_that_do_not_fit_make_no_bucket(http: FlaskClient, writer: RecordingWriter) -> None:
    """The message says which."""
    answer = http.post("/api/0/buckets/window", json={**DESCRIPTION, "events": [{"duration": -1}]})

    assert (answer.status_code, writer.calls) == (400, [])
    assert "event 0" in answer.get_json()["message"]


def test_put_changes_what_it_names(http: FlaskClient, store: MemoryStore) -> None:
    """The rest stays; data takes the place of the data before."""
    store.buckets["plug"] = replace(store.buckets["plug"], data={"old": 1})
    answer = http.put("/api/0/buckets/plug", json={"hostname": "attic", "data": {"new": 2}})

    assert (answer.status_code, answer.json) == (200, {})
    changed = store.buckets["plug"]
    assert (changed.type, changed.hostname, changed.data) == ("power", "attic", {"new": 2})


def test_put_of_an_unknown_bucket_is_404(http: FlaskClient, writer: RecordingWriter) -> None:
    """It makes none."""
    answer = http.put("/api/0/buckets/nothing", json={"hostname": "attic"})

    assert (answer.status_code, writer.calls) == (404, [])


@pytest.mark.parametrize("body", [{"data": []}, {"type": 1}, [], {"hostname": "\x00"}], ids=repr)
def test_put_of_what_does_not_fit_is_400(http: FlaskClient, writer: RecordingWriter, body: object) -> None:
    """And changes nothing."""
    answer = http.put("/api/0/buckets/plug", json=body)

    assert (answer.status_code, writer.calls) == (400, [])
    assert answer.get_json()["message"]


def test_existing_bucket_is_304_without_body_and_unchanged(http: FlaskClient, writer: RecordingWriter) -> None:
    """Every client relies on exactly this."""
    answer = http.post("/api/0/buckets/plug", json=DESCRIPTION)

    assert (answer.status_code, answer.data) == (304, b"")
    assert "Content-Type" not in answer.headers
    assert writer.calls == []


@pytest.mark.parametrize("missing", ["type", "client", "hostname"])
def test_new_bucket_needs_type_client_and_hostname(http: FlaskClient, writer: RecordingWriter, missing: str) -> None:
    """aw-server answers 500 here."""
    body = {key: value for key, value in DESCRIPTION.items() if key != missing}

    answer = http.post("/api/0/buckets/window", json=body)

    assert answer.status_code == 400
    assert answer.json == {"message": f"{missing} is required, as a text"}
    assert writer.calls == []


@pytest.mark.parametrize(
    "wrong",
    [{"type": 1}, {"client": []}, {"hostname": "a\0b"}, {"data": []}, {"pulsetime": "long"}, {"type": "t" * 2000}],
    ids=["type", "client", "hostname", "data", "pulsetime", "long type"],
)
def test_description_that_does_not_fit_is_400(http: FlaskClient, wrong: dict[str, object]) -> None:
    """The message names the field."""
    answer = http.post("/api/0/buckets/window", json={**DESCRIPTION, **wrong})

    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith(next(iter(wrong)))


@pytest.mark.parametrize("query", ["?force=1", "?force=true", "?force=1&x=y"])
def test_forced_delete_works(http: FlaskClient, store: MemoryStore, query: str) -> None:
    """The answer is an empty object; a body is ignored, whatever it is."""
    answer = http.delete(f"/api/0/buckets/plug{query}", data=b"{", content_type="application/json")

    assert (answer.status_code, answer.json) == (200, {})
    assert store.buckets == {}


@pytest.mark.parametrize("query", ["", "?force=0", "?force="])
def test_delete_without_force_is_401_in_activitywatchs_words(http: FlaskClient, store: MemoryStore, query: str) -> None:
    """Nothing is deleted."""
    answer = http.delete(f"/api/0/buckets/plug{query}")

    assert answer.status_code == 401
    assert answer.json == {
        "message": "Deleting buckets is only permitted if aw-server is running in testing mode or if ?force=1"
    }
    assert list(store.buckets) == ["plug"]


def test_delete_needs_no_force_in_testing_mode(reader: MemoryReader, writer: RecordingWriter) -> None:
    """aw-client's own tests delete without it."""
    testing = type(INFO)(hostname="desk", version="0.1.0", testing=True, device_id="7c5b", started=INFO.started)

    answer = create_app(reader, writer, testing).test_client().delete("/api/0/buckets/plug")

    assert answer.status_code == 200
    assert writer.names == ["delete_bucket"]


def test_delete_of_an_unknown_bucket_is_404(http: FlaskClient, writer: RecordingWriter) -> None:
    """It is told before anything is published."""
    assert http.delete("/api/0/buckets/nothing?force=1").status_code == 404
    assert writer.calls == []


@pytest.mark.parametrize("bucket_id", STRANGE_BUCKETS.values(), ids=STRANGE_BUCKETS)
def test_strange_bucket_ids_work(http: FlaskClient, store: MemoryStore, bucket_id: str) -> None:
    """An id may hold anything that its path segment can encode."""
    segment = quote(bucket_id, safe="")

    created = http.post(f"/api/0/buckets/{segment}", json=DESCRIPTION)

    assert created.status_code == 200
    assert list(store.buckets) == ["plug", bucket_id]
    assert http.get(f"/api/0/buckets/{segment}").get_json()["id"] == bucket_id
    assert http.get(f"/api/0/buckets/{segment}/events/count").json == 0
    assert http.get(f"/api/0/buckets/{segment}/export").status_code == 200


@pytest.mark.parametrize(
    "segment",
    ["a%00b", "a%0Ab", "a%1Fb", "a%1f%2Fb", "%7F", "b" * 257, "%F0%9F%93%B1" * 65],
    ids=["nul", "newline", "separator", "separator and slash", "del", "long", "emoji"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_bucket_ids_that_can_not_be_are_400(http: FlaskClient, method: str, segment: str) -> None:
    """They could not be stored, or be a topic."""
    answer = http.open(f"/api/0/buckets/{segment}?force=1", method=method, json=DESCRIPTION)

    assert answer.status_code == 400
    assert "bucket id" in answer.get_json()["message"]


def test_bucket_that_was_deleted_meanwhile_is_404(http: FlaskClient, writer: RecordingWriter) -> None:
    """What ingest says counts, not what was stored a moment ago."""
    writer.problem = NotFound("bucket", "plug")

    assert http.delete("/api/0/buckets/plug?force=1").status_code == 404


def test_full_outbox_is_503(http: FlaskClient, writer: RecordingWriter) -> None:
    """Here nothing keeps the write, so that the client has to know."""
    writer.problem = OutboxFull(messages=1_000_000, size_bytes=1)

    answer = http.post("/api/0/buckets/window", json=DESCRIPTION)

    assert answer.status_code == 503
    assert answer.get_json()["message"].startswith("outbox is full")
