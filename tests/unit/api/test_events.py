"""Events over REST: reads, inserts, replacements, deletes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from pulseline_core.errors import NotFound, PayloadTooLarge
from pulseline_core.event import Event
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

EVENTS = "/api/0/buckets/plug/events"
T0 = datetime(2026, 11, 1, 10, tzinfo=UTC)
BODY = {"timestamp": "2026-11-01T10:00:00+00:00", "duration": 1.5, "data": {"state": "on"}}


def _event(seconds: float = 0, **data: Any) -> Event:
    return Event(timestamp=T0 + timedelta(seconds=seconds), duration=timedelta(seconds=1), data=data)


def test_events_are_answered_in_activitywatchs_form(http: FlaskClient, store: MemoryStore) -> None:
    """Newest first; the duration is a float, the fraction has six digits or none."""
    store.add_event("plug", _event(n=1))
    store.add_event("plug", _event(0.123, n=2))

    answer = http.get(EVENTS)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json == [
        {"id": 2, "timestamp": "2026-11-01T10:00:00.123000+00:00", "duration": 1.0, "data": {"n": 2}},
        {"id": 1, "timestamp": "2026-11-01T10:00:00+00:00", "duration": 1.0, "data": {"n": 1}},
    ]


@pytest.mark.parametrize(
    ("query", "limit"),
    [("", None), ("?limit=-1", None), ("?limit=0", 0), ("?limit=7", 7), ("?limit=%2B7", 7), ("?limit=-9", None)],
)
def test_limit_is_read_as_the_clients_send_it(
    http: FlaskClient, reader: MemoryReader, query: str, limit: int | None
) -> None:
    """ActivityWatch's -1 is all, like every negative number."""
    assert http.get(f"{EVENTS}{query}").status_code == 200
    assert reader.asked == [{"start": None, "end": None, "limit": limit}]


@pytest.mark.parametrize("limit", ["", "x", "1.5", "1e3", "NaN", "٣", "1_0", "0x1", "9" * 19, "9" * 5000])
def test_limit_that_is_no_integer_is_400(http: FlaskClient, limit: str) -> None:
    """aw-server answers 500."""
    answer = http.get(EVENTS, query_string={"limit": limit})

    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith("parameter 'limit'")


def test_range_reaches_the_reader_in_utc(http: FlaskClient, reader: MemoryReader) -> None:
    """A naive time is UTC."""
    http.get(f"{EVENTS}?start=2026-11-01&end=2026-11-01T12:00:00%2B02:00")

    assert reader.asked[0]["start"] == datetime(2026, 11, 1, tzinfo=UTC)
    assert reader.asked[0]["end"] == datetime(2026, 11, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("name", ["start", "end"])
@pytest.mark.parametrize("path", [EVENTS, f"{EVENTS}/count"])
def test_time_that_can_not_be_read_is_400(http: FlaskClient, path: str, name: str) -> None:
    """The message names the parameter and shows the value."""
    answer = http.get(path, query_string={name: "yesterday"})

    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith(f"{name} 'yesterday' is not an ISO 8601 time")


def test_count_is_a_bare_integer_and_honours_the_range(
    http: FlaskClient, store: MemoryStore, reader: MemoryReader
) -> None:
    """aw-client reads it with ``int(text)``."""
    store.add_event("plug", _event())

    answer = http.get(f"{EVENTS}/count?start=2026-11-01&end=2026-11-02")

    assert answer.data == b"1\n"
    assert reader.asked == [{"start": datetime(2026, 11, 1, tzinfo=UTC), "end": datetime(2026, 11, 2, tzinfo=UTC)}]


def test_single_event_is_answered_as_stored(http: FlaskClient, store: MemoryStore) -> None:
    """By its id, with and without a slash at the end."""
    store.add_event("plug", _event(n=1))

    answer = http.get(f"{EVENTS}/1/")

    assert answer.json == {"id": 1, "timestamp": "2026-11-01T10:00:00+00:00", "duration": 1.0, "data": {"n": 1}}


@pytest.mark.parametrize("event_id", ["2", "0", "9" * 18, "9" * 19, "9" * 5000, "x", "-1", "1.0", "٣"])
@pytest.mark.parametrize("method", ["GET"])
def test_event_that_does_not_exist_is_404(http: FlaskClient, method: str, event_id: str) -> None:
    """aw-client makes ``None`` of it."""
    answer = http.open(f"{EVENTS}/{event_id}", method=method)

    assert answer.status_code == 404
    assert isinstance(answer.get_json()["message"], str)


@pytest.mark.parametrize("path", ["events", "events/count", "events/1", "export"])
def test_reads_of_an_unknown_bucket_are_404(http: FlaskClient, path: str) -> None:
    """Whatever is read."""
    answer = http.get(f"/api/0/buckets/nothing/{path}")

    assert answer.status_code == 404
    assert answer.json == {"message": "no bucket 'nothing' exists"}


@pytest.mark.parametrize("body", [BODY, [BODY]], ids=["object", "array"])
def test_insert_answers_the_stored_events(http: FlaskClient, writer: RecordingWriter, body: Any) -> None:
    """One event or an array of one: the answer is an array, with ids."""
    answer = http.post(EVENTS, json=body)

    assert answer.status_code == 200
    assert answer.json == [{**BODY, "id": 1}]
    assert writer.names == ["insert_events"]


def test_insert_of_nothing_does_nothing(http: FlaskClient, writer: RecordingWriter) -> None:
    """aw-client may send an empty array."""
    assert http.post(EVENTS, json=[]).json == []
    assert writer.calls == []


def test_event_without_timestamp_begins_now(http: FlaskClient) -> None:
    """As in aw-server; only heartbeats need one."""
    [stored] = http.post(EVENTS, json={"data": {}}).get_json()

    assert abs(datetime.fromisoformat(stored["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_known_id_replaces_that_event(http: FlaskClient, store: MemoryStore, writer: RecordingWriter) -> None:
    """So the web interface edits an event, and stops a stopwatch."""
    store.add_event("plug", _event(n=1))

    answer = http.post(EVENTS, json=[{**BODY, "id": 1}])

    assert answer.json == [{**BODY, "id": 1}]
    assert writer.names == ["replace_event"]
    assert http.get(EVENTS).json == [{**BODY, "id": 1}]


def test_unknown_id_is_inserted_as_new(http: FlaskClient, store: MemoryStore, writer: RecordingWriter) -> None:
    """Neither lost (aw-server) nor taken from another bucket (both servers)."""
    store.add_bucket("other")
    store.add_event("other", _event(n=1))

    answer = http.post(EVENTS, json=[{**BODY, "id": 1}])

    assert answer.json == [{**BODY, "id": 2}]
    assert writer.names == ["insert_events"]
    assert len(store.events["other"]) == 1


def test_mixed_array_keeps_its_order(http: FlaskClient, store: MemoryStore, writer: RecordingWriter) -> None:
    """New events between replaced ones are answered in their places."""
    store.add_event("plug", _event(n=1))
    bodies = [{**BODY, "data": {"n": n}} for n in range(4)]

    answer = http.post(EVENTS, json=[bodies[0], bodies[1], {**bodies[2], "id": 1}, bodies[3]])

    assert [(each["id"], each["data"]["n"]) for each in answer.get_json()] == [(2, 0), (3, 1), (1, 2), (4, 3)]
    assert writer.names == ["insert_events", "replace_event", "insert_events"]


def test_event_that_was_deleted_meanwhile_is_inserted(
    http: FlaskClient, store: MemoryStore, writer: RecordingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ingest does not find it any more; the event must not get lost for that."""
    store.add_event("plug", _event(n=1))

    def refuse(*_: object, **__: object) -> None:
        raise NotFound("event", 1)

    monkeypatch.setattr(writer, "replace_event", refuse)

    assert http.post(EVENTS, json={**BODY, "id": 1}).json == [{**BODY, "id": 2}]


def test_event_larger_than_a_message_is_413(http: FlaskClient, writer: RecordingWriter) -> None:
    """As the client says."""
    writer.problem = PayloadTooLarge(size_bytes=300_000, limit_bytes=262_144)

    answer = http.post(EVENTS, json=[BODY])

    assert (answer.status_code, answer.json) == (413, {"message": "payload has 300000 bytes, the limit is 262144"})


def test_mixed_array_with_an_event_that_is_too_large_stores_nothing(
    http: FlaskClient, store: MemoryStore, writer: RecordingWriter
) -> None:
    """Whether it is new or a replacement: who is told 413 may send the others again."""
    store.add_event("plug", _event(n=1))
    replacement = {**BODY, "id": 1}

    for large in ({**BODY, "data": {"large": 1}}, {**replacement, "data": {"large": 1}}):
        assert http.post(EVENTS, json=[BODY, replacement, large]).status_code == 413

    assert writer.names == []


def test_delete_answers_one_and_then_zero(http: FlaskClient, store: MemoryStore, writer: RecordingWriter) -> None:
    """As aw-server; the body is ignored."""
    store.add_event("plug", _event())

    first = http.delete(f"{EVENTS}/1", data=b"{}", content_type="application/json")
    second = http.delete(f"{EVENTS}/1")

    assert (first.status_code, first.json) == (200, {"success": 1})
    assert (second.status_code, second.json) == (200, {"success": 0})
    assert writer.names == ["delete_event"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "events"), ("DELETE", "events/1"), ("POST", "heartbeat?pulsetime=1")],
    ids=["insert", "delete", "heartbeat"],
)
def test_writes_to_an_unknown_bucket_are_404(
    http: FlaskClient, writer: RecordingWriter, method: str, path: str
) -> None:
    """A bucket is never made by accident: the client creates it, then sends again."""
    answer = http.open(f"/api/0/buckets/nothing/{path}", method=method, json=BODY)

    assert answer.status_code == 404
    assert writer.calls == []


def test_range_is_deleted_and_counted(http: FlaskClient, store: MemoryStore) -> None:
    """The events that begin within it, both ends included."""
    for seconds in (0, 10, 20):
        store.add_event("plug", _event(seconds))

    answer = http.delete(f"{EVENTS}?start=2026-11-01T10:00:10Z&end=2026-11-01T10:00:20Z")

    assert (answer.status_code, answer.json) == (200, {"deleted": 2})
    assert [event.timestamp for event in store.events["plug"]] == [T0]


@pytest.mark.parametrize("query", ["", "?start=2026-11-01", "?end=2026-11-01", "?start=x&end=2026-11-01"])
def test_range_to_delete_needs_both_ends(http: FlaskClient, writer: RecordingWriter, query: str) -> None:
    """So that a forgotten parameter does not delete everything."""
    answer = http.delete(f"{EVENTS}{query}")

    assert (answer.status_code, writer.calls) == (400, [])
    assert answer.get_json()["message"].split()[0] in ("parameter", "start")


def test_range_that_will_be_deleted_is_not_counted(http: FlaskClient, writer: RecordingWriter) -> None:
    """The broker is away, the order is in the outbox."""
    writer.go_away()

    answer = http.delete(f"{EVENTS}?start=2026-11-01&end=2026-11-02")

    assert (answer.status_code, answer.json) == (200, {"deleted": None})
