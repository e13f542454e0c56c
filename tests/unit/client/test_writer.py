"""The calls that write: what they put on the wire, and what they make of the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pulseline_client.imported import Imported
from pulseline_client.queued_message import Draft
from pulseline_client.reply import CONFIRMED, Outcome
from pulseline_client.writer import Writer
from pulseline_core.bucket import BucketDescription
from pulseline_core.errors import BadInput, InvalidBucketId, InvalidEvent, InvalidTopic, PayloadTooLarge
from pulseline_core.event import Event
from pulseline_core.topic import Kind
from pulseline_core.types import JSONValue

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
STORED: JSONValue = {"id": 9, "timestamp": "2026-11-23T09:00:00+00:00", "duration": 5, "data": {"a": 1}}


class RecordingWriter(Writer):
    """Keeps the drafts, and answers each with the same outcome."""

    def __init__(self, outcome: Outcome = CONFIRMED) -> None:
        super().__init__(name="tester", max_payload_bytes=4000)
        self.outcome = outcome
        self.drafts: list[Draft] = []

    def send(self, drafts: Sequence[Draft], *, queued: bool) -> list[Outcome] | None:
        """Record."""
        self.drafts += drafts
        return None if queued else [self.outcome] * len(drafts)

    @property
    def sent(self) -> Any:
        """The body of the one message."""
        (draft,) = self.drafts
        return json.loads(draft.body)


def answer(result: JSONValue) -> RecordingWriter:
    """Return a writer whose server answers."""
    return RecordingWriter(Outcome(result=result, is_known=True))


def test_heartbeat_says_what_when_and_how_long() -> None:
    """Seconds may be a number or a duration."""
    writer = RecordingWriter()
    writer.heartbeat("plug", {"a": "é"}, timestamp=NOW, duration=timedelta(seconds=1.5), pulsetime=60)

    assert writer.drafts[0].kind is Kind.HEARTBEAT
    assert writer.sent == {
        "pulsetime": 60.0,
        "timestamp": "2026-11-23T10:00:00+00:00",
        "duration": 1.5,
        "data": {"a": "é"},
    }


def test_heartbeat_without_a_time_is_now() -> None:
    """And without a pulsetime it holds as long as the bucket says."""
    writer = RecordingWriter()
    before = datetime.now(UTC)
    writer.heartbeat("plug", {})

    assert before <= datetime.fromisoformat(writer.sent["timestamp"]) <= datetime.now(UTC)
    assert "pulsetime" not in writer.sent


def test_heartbeat_takes_a_whole_event() -> None:
    """Its id stays at home."""
    writer = RecordingWriter()
    writer.heartbeat("plug", Event(timestamp=NOW, data={"a": 1}, id=4))

    assert writer.sent == {"timestamp": "2026-11-23T10:00:00+00:00", "duration": 0.0, "data": {"a": 1}}


@pytest.mark.parametrize("result", [STORED, [STORED]], ids=["object", "array"])
def test_heartbeat_returns_the_event_that_holds_it(result: JSONValue) -> None:
    """The server answers one event as itself or as an array."""
    event = answer(result).heartbeat("plug", {"a": 1}, queued=False)

    assert event is not None
    assert (event.id, event.duration) == (9, timedelta(seconds=5))


def test_batches_return_an_event_for_each() -> None:
    """In their order; one that is alone in its message is answered alone."""
    events = [Event(timestamp=NOW, data={"text": "x" * 3000}), Event(timestamp=NOW, data={"text": "y" * 3000})]
    stored = answer(STORED).heartbeats("plug", events, pulsetime=5, queued=False)

    assert stored is not None
    assert [event.id for event in stored] == [9, 9]


def test_lost_answer_gives_back_what_was_sent() -> None:
    """It is committed; only its id is not known."""
    event = Event(timestamp=NOW, data={"a": 1})
    writer = RecordingWriter(CONFIRMED)

    assert writer.insert_event("plug", event) == event
    assert writer.heartbeats("plug", [event, event], queued=False) == [event, event]
    assert writer.delete_event("plug", 3) is None
    assert writer.create_bucket("plug", type="power") is None
    assert writer.replace_event("plug", Event(timestamp=NOW, id=3)) == Event(timestamp=NOW)


def test_queued_calls_return_nothing() -> None:
    """There is no answer to wait for."""
    event = Event(timestamp=NOW, id=3)
    writer = RecordingWriter()

    assert writer.insert_event("plug", event, queued=True) is None
    assert writer.replace_event("plug", event, queued=True) is None
    assert writer.delete_event("plug", 3, queued=True) is None
    assert writer.create_bucket("plug", type="power", queued=True) is None
    assert writer.request("plug", Kind.META, {"type": "x"}, queued=True) is None


def test_bucket_is_described_with_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is the program, the host is this one."""
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    writer = RecordingWriter()
    writer.create_bucket("plug", type="power")

    assert writer.drafts[0].kind is Kind.META
    assert writer.sent == {"type": "power", "client": "tester", "hostname": "here"}


def test_bucket_may_have_data_and_a_pulsetime() -> None:
    """Everything that the wire interface knows; an empty hostname is not a missing one."""
    writer = RecordingWriter()
    writer.create_bucket("plug", type="power", client="c", hostname="", data={"a": 1}, pulsetime=timedelta(minutes=2))

    assert writer.sent == {"type": "power", "client": "c", "hostname": "", "data": {"a": 1}, "pulsetime": 120.0}


def test_a_bucket_s_update_names_what_changes() -> None:
    """And makes no bucket."""
    writer = RecordingWriter()
    writer.update_bucket("plug", BucketDescription(hostname="attic", created=NOW))

    assert writer.drafts[0].kind is Kind.META
    assert writer.sent == {"hostname": "attic", "created": "2026-11-23T10:00:00+00:00", "create_bucket": False}


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (lambda w: w.delete_event("plug", 3), {"op": "delete_event", "id": 3}),
        (lambda w: w.delete_bucket("plug"), {"op": "delete_bucket"}),
        (
            lambda w: w.delete_events("plug", NOW, NOW + timedelta(hours=1)),
            {"op": "delete_events", "start": "2026-11-23T10:00:00+00:00", "end": "2026-11-23T11:00:00+00:00"},
        ),
        (lambda w: w.replay_dead_letter(5), {"op": "replay_dead_letter", "id": 5}),
        (lambda w: w.drop_dead_letter(5), {"op": "drop_dead_letter", "id": 5}),
        (lambda w: w.set_setting("views", [1]), {"op": "set_setting", "key": "views", "value": [1]}),
        (lambda w: w.delete_setting("views"), {"op": "delete_setting", "key": "views"}),
        (
            lambda w: w.replace_event("plug", Event(timestamp=NOW, id=3)),
            {
                "op": "replace_event",
                "event": {"id": 3, "timestamp": "2026-11-23T10:00:00+00:00", "duration": 0.0, "data": {}},
            },
        ),
    ],
    ids=["event", "bucket", "events", "replay", "drop", "set", "delete setting", "replace"],
)
def test_orders_are_what_the_wire_interface_says(call: Any, body: dict[str, Any]) -> None:
    """One object with ``op``."""
    writer = answer({"deleted": 1} if "delete" in str(body["op"]) else STORED)
    call(writer)

    assert writer.drafts[0].kind is Kind.ADMIN
    assert writer.sent == body


def test_an_import_says_what_it_changed() -> None:
    """Summed up over its messages; equal events are numbered."""
    writer = answer({"inserted": 2, "extended": 1})
    events = [Event(timestamp=NOW, data={"text": "x" * 1000})] * 5

    imported = writer.import_events("plug", events)

    bodies = [json.loads(draft.body) for draft in writer.drafts]
    assert [event.get("copy", 1) for body in bodies for event in body["events"]] == [1, 2, 3, 4, 5]
    assert {body["only_missing"] for body in bodies} == {True}
    assert imported == Imported(inserted=2 * len(bodies), extended=len(bodies))


def test_a_queued_import_says_nothing() -> None:
    """What it changes is not known yet."""
    assert answer({"inserted": 1, "extended": 0}).import_events("plug", [Event(timestamp=NOW)], queued=True) is None


@pytest.mark.parametrize(("deleted", "existed"), [(0, False), (1, True)])
def test_deletion_says_whether_there_was_something(deleted: int, existed: bool) -> None:
    """The server counts."""
    assert answer({"deleted": deleted}).delete_event("plug", 3) is existed
    assert answer({"deleted": deleted}).delete_events("plug", NOW, NOW) == deleted


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda w: w.heartbeat("", {}), InvalidBucketId),
        (lambda w: w.heartbeat("a\0", {}), InvalidBucketId),
        (lambda w: w.heartbeat(5, {}), InvalidBucketId),
        (lambda w: w.heartbeat("plug", {"a": float("inf")}), InvalidEvent),
        (lambda w: w.heartbeat("plug", {"a": "\ud800"}), InvalidEvent),
        (lambda w: w.heartbeat("plug", {"a": 2**64}), InvalidEvent),
        (lambda w: w.heartbeat("plug", {"a": object()}), InvalidEvent),
        (lambda w: w.heartbeat("plug", "on"), BadInput),
        (lambda w: w.heartbeat("plug", {}, timestamp=datetime(2026, 1, 1)), InvalidEvent),  # noqa: DTZ001
        (lambda w: w.heartbeat("plug", {}, timestamp=datetime(1969, 1, 1, tzinfo=UTC)), InvalidEvent),
        (lambda w: w.heartbeat("plug", {}, timestamp=datetime(2999, 1, 1, tzinfo=UTC)), InvalidEvent),
        (lambda w: w.heartbeat("plug", {}, duration=-1), InvalidEvent),
        (lambda w: w.heartbeat("plug", {}, duration=float("nan")), InvalidEvent),
        (lambda w: w.heartbeat("plug", {}, pulsetime=-1), InvalidEvent),
        (lambda w: w.heartbeat("plug", {}, pulsetime="60"), InvalidEvent),
        (lambda w: w.heartbeat("plug", {"a": "x" * 4000}), PayloadTooLarge),
        (lambda w: w.heartbeats("plug", [Event(timestamp=NOW, data={"a": "x" * 4000})]), PayloadTooLarge),
        (lambda w: w.create_bucket("plug", type="\ud800"), InvalidEvent),
        (lambda w: w.create_bucket("plug", type="x" * 2000), InvalidEvent),
        (lambda w: w.create_bucket("plug", type="x", data=[]), InvalidEvent),
        (lambda w: w.replace_event("plug", Event(timestamp=NOW)), InvalidEvent),
        (lambda w: w.replace_event("plug", Event(timestamp=NOW, id=3, data={"a": "x" * 4000})), PayloadTooLarge),
        (lambda w: w.check_event(Event(timestamp=NOW, data={"a": "x" * 4000})), PayloadTooLarge),
        (lambda w: w.check_event(Event(timestamp=NOW, id=3, data={"a": "x" * 4000})), PayloadTooLarge),
        (lambda w: w.delete_event("plug", -1), BadInput),
        (lambda w: w.delete_event("plug", "x"), BadInput),
        (lambda w: w.delete_events("plug", datetime(2026, 1, 1), NOW), InvalidEvent),  # noqa: DTZ001
        (lambda w: w.drop_dead_letter(0), BadInput),
        (lambda w: w.set_setting("", 1), BadInput),
        (lambda w: w.set_setting("k", float("nan")), BadInput),
        (lambda w: w.delete_setting("k" * 128), BadInput),
        (lambda w: w.request("plug", Kind.META, {"a": float("nan")}), BadInput),
        (lambda w: w.request("plug", Kind.META, {}), BadInput),
        (lambda w: w.request("plug", Kind.AVAILABILITY, {"a": 1}), InvalidTopic),
        (lambda w: w.request("plug", Kind.STATE, {"a": 1}), InvalidTopic),
    ],
    ids=[
        *("empty bucket id", "NUL in bucket id", "number as bucket id", "infinity", "lone surrogate", "65 bits"),
        *("object", "text as data", "no time zone", "before 1970", "far ahead", "negative duration", "NaN duration"),
        *("negative pulsetime", "text as pulsetime", "large heartbeat", "large batch", "surrogate as type"),
        *("long type", "array as bucket data", "event without id", "large replacement"),
        *("large event, only checked", "large replacement, only checked"),
        *("negative id", "text as id", "range without zone"),
        *(
            "dead letter 0",
            "empty key",
            "NaN as setting",
            "long key",
            "NaN in request",
            "empty request",
            "availability",
            "state",
        ),
    ],
)
def test_bad_input_raises_at_the_call(call: Any, kind: type[BadInput]) -> None:
    """And makes no message."""
    writer = RecordingWriter()

    with pytest.raises(kind):
        call(writer)

    assert writer.drafts == []
