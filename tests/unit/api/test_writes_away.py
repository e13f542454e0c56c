"""What is answered while the broker or ingest is away: the outbox keeps the write, the client gets its 200."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from pulseline_api.writes import Writes
from pulseline_core.errors import BrokerUnavailable, PayloadTooLarge, PulselineError, ReplyTimeout
from pulseline_core.event import Event
from pulseline_core.types import BucketId
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter

BODY = {"timestamp": "2026-11-01T10:00:00+00:00", "duration": 0.0, "data": {"state": "on"}}
DESCRIPTION = {"type": "t", "client": "c", "hostname": "h"}


@pytest.mark.parametrize(
    "problem",
    [ReplyTimeout(10.0), BrokerUnavailable("127.0.0.1", 1883, "refused")],
    ids=["no answer", "no broker"],
)
def test_heartbeat_is_answered_as_it_was_sent(
    http: FlaskClient, writer: RecordingWriter, problem: PulselineError
) -> None:
    """Without an id: it has none yet."""
    writer.problem = problem

    answer = http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)

    assert (answer.status_code, answer.json) == (200, {**BODY, "id": None})


def test_insert_is_answered_as_it_was_sent(http: FlaskClient, writer: RecordingWriter) -> None:
    """All events, in order."""
    writer.go_away()
    bodies = [{**BODY, "data": {"n": n}} for n in range(3)]

    answer = http.post("/api/0/buckets/plug/events", json=bodies)

    assert (answer.status_code, answer.json) == (200, [{**body, "id": None} for body in bodies])


def test_replacement_and_deletes_are_answered(http: FlaskClient, store: MemoryStore, writer: RecordingWriter) -> None:
    """Of what is stored now."""
    store.add_event("plug", Event(timestamp=datetime(2026, 11, 1, tzinfo=UTC)))
    writer.go_away()

    assert http.post("/api/0/buckets/plug/events", json={**BODY, "id": 1}).json == [{**BODY, "id": 1}]
    assert http.delete("/api/0/buckets/plug/events/1").json == {"success": 1}
    assert http.delete("/api/0/buckets/plug?force=1").json == {}


def test_promised_bucket_takes_heartbeats(http: FlaskClient, writer: RecordingWriter) -> None:
    """A watcher that starts while the broker is away loses nothing."""
    writer.go_away()

    created = http.post("/api/0/buckets/new", json=DESCRIPTION)
    again = http.post("/api/0/buckets/new", json=DESCRIPTION)
    beat = http.post("/api/0/buckets/new/heartbeat?pulsetime=60", json=BODY)

    assert (created.status_code, again.status_code, beat.status_code) == (200, 304, 200)
    assert writer.names == ["describe_bucket", "heartbeat"]


def test_bucket_promised_to_be_deleted_can_be_made_again(http: FlaskClient, writer: RecordingWriter) -> None:
    """It is still stored, but will not be."""
    writer.go_away()
    http.delete("/api/0/buckets/plug?force=1")

    assert http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY).status_code == 404
    assert http.post("/api/0/buckets/plug", json=DESCRIPTION).status_code == 200
    assert writer.names == ["delete_bucket", "describe_bucket"]


def test_confirmation_ends_what_was_promised(http: FlaskClient, store: MemoryStore, writer: RecordingWriter) -> None:
    """From then on ingest says what exists."""
    writer.go_away()
    http.delete("/api/0/buckets/plug?force=1")
    http.post("/api/0/buckets/plug", json=DESCRIPTION)
    writer.problem = None
    http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)
    store.buckets.clear()

    assert http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY).status_code == 404


def test_bucket_that_a_device_made_after_the_promised_deletion_takes_heartbeats(
    http: FlaskClient, writer: RecordingWriter
) -> None:
    """Once the outbox is through, its promises are over."""
    writer.go_away()
    http.delete("/api/0/buckets/plug?force=1")
    refused = http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)
    writer.come_back()  # the deletion was committed, and a device made the bucket again

    assert refused.status_code == 404
    assert http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY).status_code == 200


def test_deletions_that_are_done_are_not_remembered(store: MemoryStore, writer: RecordingWriter) -> None:
    """However many there are; only one that is under way decides anything."""
    writes = Writes(MemoryReader(store), writer)
    for n in range(100):
        store.add_bucket(f"gone-{n}")
        writes.delete_bucket(BucketId(f"gone-{n}"))

    assert len(writes._doomed) == 1


def test_bucket_that_is_gone_after_the_promise_can_be_created(
    http: FlaskClient, store: MemoryStore, writer: RecordingWriter
) -> None:
    """A promise that was kept says nothing of what others did later."""
    writer.go_away()
    http.post("/api/0/buckets/new", json=DESCRIPTION)
    writer.come_back()
    store.buckets.pop("new", None)

    assert http.post("/api/0/buckets/new", json=DESCRIPTION).status_code == 200


def test_refused_write_does_not_end_the_absence_nor_the_promise(http: FlaskClient, writer: RecordingWriter) -> None:
    """An event that is too large says nothing about the broker."""
    writer.go_away()
    http.post("/api/0/buckets/new", json=DESCRIPTION)
    writer.problem = PayloadTooLarge(size_bytes=300_000, limit_bytes=262_144)
    refused = http.post("/api/0/buckets/new/heartbeat?pulsetime=60", json=BODY)
    writer.go_away()

    assert refused.status_code == 413
    assert http.post("/api/0/buckets/new/heartbeat?pulsetime=60", json=BODY).status_code == 200


def test_one_request_at_a_time_waits_while_away(
    http: FlaskClient, writer: RecordingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are answered at once, so that the threads stay free for reads."""
    writer.go_away()
    heartbeat = writer.heartbeat

    def beat_within(*arguments: Any, queued: bool, **keywords: Any) -> Event | None:
        if not queued and len(writer.calls) == 1:
            inner.append(http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY).status_code)
        return heartbeat(*arguments, queued=queued, **keywords)

    inner: list[int] = []
    http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)
    monkeypatch.setattr(writer, "heartbeat", beat_within)

    outer = http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)

    assert (outer.status_code, inner) == (200, [200])
    assert [keywords["queued"] for _, _, keywords in writer.calls] == [False, True, False]


def test_all_wait_again_once_something_was_confirmed(http: FlaskClient, writer: RecordingWriter) -> None:
    """The probe that comes through ends the absence."""
    writer.go_away()
    http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)
    writer.problem = None

    answers = [http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY).get_json() for _ in range(2)]

    assert [answer["id"] for answer in answers] == [1, 2]


READS = (
    "/api/0/buckets",
    "/api/0/export",
    "/api/0/buckets/plug",
    "/api/0/buckets/plug/events",
    "/api/0/buckets/plug/events/1",
    "/api/0/buckets/plug/events/count",
)


@pytest.mark.parametrize("path", READS)
def test_who_reads_waits_for_what_was_promised(http: FlaskClient, writer: RecordingWriter, path: str) -> None:
    """Once the broker is back the outbox empties; after that nobody waits any more."""
    writer.go_away()
    http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)
    writer.problem = None

    http.get(path)
    http.get(path)

    assert writer.flushed == 1


@pytest.mark.parametrize("path", ["/api/0/buckets", "/api/0/buckets/plug/events"])
def test_what_is_promised_while_another_read_waits_is_waited_for_as_well(
    http: FlaskClient, writer: RecordingWriter, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The end of the first wait says nothing of what came after its beginning."""
    flush = writer.flush

    def flush_and_promise(timeout_s: float) -> None:
        flush(timeout_s)
        if writer.flushed == 1:
            promise()

    def promise() -> None:
        writer.go_away()
        http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)
        writer.problem = None

    promise()
    monkeypatch.setattr(writer, "flush", flush_and_promise)

    for _ in range(3):
        http.get(path)

    assert writer.flushed == 2


@pytest.mark.parametrize("path", READS)
def test_what_a_process_before_this_one_promised_is_waited_for(
    http: FlaskClient, writer: RecordingWriter, path: str
) -> None:
    """It was killed, and left it in the outbox."""
    writer.unconfirmed.add("plug")

    http.get(path)
    http.get(path)

    assert writer.flushed == 1


def test_no_write_waits_while_there_is_no_connection(http: FlaskClient, writer: RecordingWriter) -> None:
    """The first one finds out; a watcher that sends one after the other is not held up by each."""
    writer.go_away()
    writer.is_connected = False

    for _ in range(3):
        http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)

    assert [keywords["queued"] for _, _, keywords in writer.calls] == [False, True, True]


def test_nobody_waits_for_a_broker_that_is_not_there(http: FlaskClient, writer: RecordingWriter) -> None:
    """What is stored is answered at once."""
    writer.go_away()
    writer.is_connected = False
    http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)

    assert http.get("/api/0/buckets/plug/events").status_code == 200
    assert writer.flushed == 0


def test_other_buckets_are_read_at_once(http: FlaskClient, store: MemoryStore, writer: RecordingWriter) -> None:
    """Nothing of theirs was promised."""
    store.add_bucket("window")
    writer.go_away()
    http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)

    http.get("/api/0/buckets/window/events")

    assert writer.flushed == 0


def test_a_read_that_waited_in_vain_is_answered(http: FlaskClient, writer: RecordingWriter) -> None:
    """With what is stored."""
    writer.go_away()
    http.post("/api/0/buckets/plug/heartbeat?pulsetime=60", json=BODY)

    assert http.get("/api/0/buckets/plug/events").status_code == 200
    assert writer.flushed == 1


def test_settings_are_waited_for_as_well(http: FlaskClient, writer: RecordingWriter) -> None:
    """The web interface loads them again after it saved them."""
    writer.go_away()
    http.post("/api/0/settings/theme", json="dark")

    assert http.get("/api/0/settings").status_code == 200
    assert http.get("/api/0/settings/theme").status_code == 200
    assert writer.flushed == 2
