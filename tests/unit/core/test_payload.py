"""Payloads: every form that the wire takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from pulseline_core.bucket import BucketDescription
from pulseline_core.event import Event
from pulseline_core.json_value import MAX_INTEGER
from pulseline_core.message import (
    DeleteBucket,
    DeleteEvent,
    DeleteEvents,
    DeleteSetting,
    DescribeBucket,
    DropDeadLetter,
    Envelope,
    Heartbeats,
    ImportEvents,
    InsertEvents,
    Message,
    Nothing,
    ReplaceEvent,
    ReplayDeadLetter,
    Request,
    SetSetting,
)
from pulseline_core.payload import PayloadRules, UnreadableMessage, parse_message
from pulseline_core.types import BucketId, JSONValue, PublisherId
from tests.unit.core.payload_reading import NOW, parse
from tests.unit.core.test_event import events as any_events

PLUG = BucketId("plug")


def parse_events(payload: bytes | str | dict[str, Any] | list[Any]) -> tuple[Event, ...]:
    """Read heartbeats."""
    request = parse(payload).request
    assert isinstance(request, Heartbeats)
    return request.events


def parse_one(payload: bytes | str | dict[str, Any]) -> JSONValue:
    """Read one heartbeat's data."""
    (event,) = parse_events(payload)
    return event.data


def test_an_event_is_a_heartbeat_on_its_topic() -> None:
    """All fields are read."""
    message = parse(
        {"timestamp": "2026-11-23T10:00:00Z", "duration": 1.5, "data": {"app": "Firefox"}, "pulsetime": 5, "colour": 1}
    )

    event = Event(
        timestamp=datetime(2026, 11, 23, 10, tzinfo=UTC), duration=timedelta(seconds=1.5), data={"app": "Firefox"}
    )
    assert message == Message(Heartbeats(bucket_id=PLUG, events=(event,), pulsetimes=(timedelta(seconds=5),)))


def test_an_event_is_inserted_on_the_topic_for_that() -> None:
    """The last level of the topic decides."""
    message = parse({"data": {"a": 1}}, topic="plug/events")

    assert message.request == InsertEvents(bucket_id=PLUG, events=(Event(timestamp=NOW, data={"a": 1}),))


def test_a_missing_timestamp_is_the_time_of_receipt() -> None:
    """Devices without a clock need none."""
    assert parse_events({"data": {}}) == (Event(timestamp=NOW),)


def test_an_id_that_a_publisher_sends_is_not_taken() -> None:
    """Ids are the store's."""
    (event,) = parse_events({"id": 7, "data": {}})

    assert event.id is None


@pytest.mark.parametrize("topic", ["plug/heartbeat", "plug/events"])
@pytest.mark.parametrize("is_bare", [True, False], ids=["array", "object"])
def test_a_batch_keeps_its_order(topic: str, is_bare: bool) -> None:
    """As an array, or as an object with ``events``."""
    items: list[Any] = [{"data": {"n": number}} for number in range(3)]

    request = parse(items if is_bare else {"events": items}, topic=topic).request

    assert isinstance(request, Heartbeats | InsertEvents)
    assert [event.data for event in request.events] == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_a_batch_has_one_pulsetime() -> None:
    """It stands beside the events, for those that have none of their own."""
    batch = parse({"events": [{"data": {}}, {"data": {}, "pulsetime": 5}], "pulsetime": 90}).request
    array = parse([{"data": {}}, {"data": {}, "pulsetime": 5}]).request

    assert isinstance(batch, Heartbeats)
    assert isinstance(array, Heartbeats)
    assert batch.pulsetimes == (timedelta(seconds=90), timedelta(seconds=5))
    assert array.pulsetimes == (None, timedelta(seconds=5))


def test_an_empty_batch_is_a_batch() -> None:
    """It creates the bucket and nothing else."""
    assert parse_events([]) == parse_events({"events": []}) == ()


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        pytest.param(b"ON", "ON", id="word"),
        pytest.param(b"21.5", 21.5, id="number"),
        pytest.param(b"-3", -3, id="negative integer"),
        pytest.param(b"1e3", 1000.0, id="exponent"),
        pytest.param(b"true", True, id="true"),
        pytest.param(b"null", None, id="null"),
        pytest.param(b'"ON"', "ON", id="JSON text"),
        pytest.param(b"21.5 C", "21.5 C", id="number with a unit"),
        pytest.param(b"007", "007", id="leading zeros"),
        pytest.param(b"+5", "+5", id="plus sign"),
        pytest.param("Küche".encode(), "Küche", id="other letters"),
        pytest.param(b"nan", "nan", id="a word that is no JSON"),
        pytest.param(b"  ON ", "  ON ", id="spaces stay"),
        pytest.param(str(MAX_INTEGER).encode(), MAX_INTEGER, id="the greatest integer"),
        pytest.param(b"12345678901234567890.5", 12345678901234567890.5, id="a long fraction"),
    ],
)
def test_a_plain_value_becomes_data(payload: bytes, value: JSONValue) -> None:
    """Devices that know nothing of us are understood."""
    assert parse_one(payload) == {"value": value}


def test_an_object_without_data_is_the_data() -> None:
    """As sensors publish it."""
    assert parse_one(b'{"temperature":21.5,"unit":"C"}') == {"temperature": 21.5, "unit": "C"}
    assert parse_one(b"{}") == {}


def test_a_key_that_stands_twice_keeps_its_last_value() -> None:
    """As every common decoder does it."""
    assert parse_one(b'{"data":{"a":1,"a":2}}') == {"a": 2}


def test_a_pair_of_surrogates_is_one_character() -> None:
    """Only lone ones are refused."""
    assert parse_one(b'{"data":{"x":"\\ud83c\\udf73"}}') == {"x": "🍳"}


@pytest.mark.parametrize("topic", ["plug/heartbeat", "plug/events", "plug/meta", "plug/admin", "_admin"])
def test_an_empty_payload_asks_for_nothing(topic: str) -> None:
    """It clears a retained message."""
    assert parse(b"", topic=topic) == Message(Nothing())


@pytest.mark.parametrize("payload", [b"online", b"offline", b"\xff", b"{"])
def test_availability_asks_for_nothing(payload: bytes) -> None:
    """It is the broker's matter, whatever it says."""
    assert parse(payload, topic="plug/availability") == Message(Nothing())


def test_meta_describes_a_bucket() -> None:
    """All of it is optional."""
    message = parse({"type": "currentwindow", "pulsetime": 60}, topic="plug/meta")

    description = BucketDescription(type="currentwindow", pulsetime=timedelta(seconds=60))
    assert message == Message(DescribeBucket(bucket_id=PLUG, description=description))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param(
            {"op": "replace_event", "event": {"id": 7, "timestamp": "2026-11-23T10:00:00Z", "data": {"a": 1}}},
            ReplaceEvent(
                bucket_id=PLUG, event=Event(id=7, timestamp=datetime(2026, 11, 23, 10, tzinfo=UTC), data={"a": 1})
            ),
            id="replace_event",
        ),
        pytest.param({"op": "delete_event", "id": 7}, DeleteEvent(bucket_id=PLUG, event_id=7), id="delete_event"),
        pytest.param(
            {"op": "delete_events", "start": "2026-11-23T10:00:00Z", "end": "2026-11-23T12:00:00+01:00"},
            DeleteEvents(
                bucket_id=PLUG,
                start=datetime(2026, 11, 23, 10, tzinfo=UTC),
                end=datetime(2026, 11, 23, 11, tzinfo=UTC),
            ),
            id="delete_events",
        ),
        pytest.param({"op": "delete_bucket"}, DeleteBucket(bucket_id=PLUG), id="delete_bucket"),
    ],
)
def test_admin_orders_are_read(order: dict[str, Any], expected: Request) -> None:
    """One for each operation."""
    assert parse(order, topic="plug/admin").request == expected


def test_a_replaced_event_keeps_its_id() -> None:
    """It says which event goes."""
    request = parse({"op": "replace_event", "event": {"id": 7}}, topic="plug/admin").request

    assert isinstance(request, ReplaceEvent)
    assert request.event.id == 7


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param({"op": "replay_dead_letter", "id": 3}, ReplayDeadLetter(dead_letter_id=3), id="replay"),
        pytest.param({"op": "drop_dead_letter", "id": 3}, DropDeadLetter(dead_letter_id=3), id="drop"),
        pytest.param({"op": "set_setting", "key": "views", "value": [1]}, SetSetting(key="views", value=[1]), id="set"),
        pytest.param({"op": "set_setting", "key": "views"}, SetSetting(key="views", value=None), id="set to null"),
        pytest.param({"op": "delete_setting", "key": "views"}, DeleteSetting(key="views"), id="delete"),
    ],
)
def test_orders_to_the_worker_are_read(order: dict[str, Any], expected: Request) -> None:
    """They have a topic that is no bucket's."""
    assert parse(order, topic="_admin").request == expected


def test_an_import_numbers_equal_events() -> None:
    """An event that names no number is the first of its kind."""
    event = {"timestamp": "2026-11-23T10:00:00Z", "data": {"a": 1}}
    message = parse({"events": [event, {**event, "copy": 2}], "only_missing": True}, topic="plug/events")

    assert isinstance(message.request, ImportEvents)
    assert (message.request.copies, len(message.request.events)) == ((1, 2), 2)


def test_a_single_event_may_be_imported() -> None:
    """Its object holds the mark as well as the event."""
    body = {"timestamp": "2026-11-23T10:00:00Z", "data": {}, "only_missing": True, "copy": 3}

    request = parse(body, topic="plug/events").request

    assert isinstance(request, ImportEvents)
    assert request.copies == (3,)


@pytest.mark.parametrize("copy", [0, -1, 1.5, "2", None, True])
def test_a_number_of_an_equal_event_is_positive(copy: object) -> None:
    """What counts nothing is refused."""
    body = {"events": [{"data": {}, "copy": copy}], "only_missing": True}

    with pytest.raises(UnreadableMessage, match=r"copy .* is not a positive integer"):
        parse(body, topic="plug/events")


@pytest.mark.parametrize("topic", ["plug/heartbeat", "plug/events", "plug/meta", "plug/admin", "_admin"])
def test_an_envelope_is_read_on_every_topic(topic: str) -> None:
    """Numbered messages are acknowledged from end to end."""
    body = {"op": "drop_dead_letter", "id": 1} if topic == "_admin" else {"op": "delete_bucket", "data": {}}

    message = parse({**body, "publisher": "outbox-1", "seq": 5, "base": 4, "reply": True}, topic=topic)

    assert message.envelope == Envelope(publisher=PublisherId("outbox-1"), seq=5, base=4, reply=True)


def test_a_numbered_message_is_no_plain_value() -> None:
    """Its number would become data, and its sequence would stand still."""
    with pytest.raises(UnreadableMessage, match="data") as caught:
        parse({"x": 1, "publisher": "outbox-1", "seq": 5, "base": 4})
    plain = parse({"publisher": "Penguin", "title": "Emma"}).request

    assert caught.value.envelope == Envelope(publisher=PublisherId("outbox-1"), seq=5, base=4)
    assert isinstance(plain, Heartbeats)
    assert plain.events[0].data == {"publisher": "Penguin", "title": "Emma"}


@pytest.mark.parametrize("kind", ["heartbeat", "events"])
def test_a_bucket_is_made_unless_the_publisher_does_not_want_it(kind: str) -> None:
    """Beside the data of one event or of a batch."""
    bodies: list[dict[str, Any]] = [
        {"data": {}},
        {"data": {}, "create_bucket": False},
        {"events": [], "create_bucket": False},
        {"create_bucket": False},  # a plain object: it is the data itself
    ]

    requests = [parse(body, topic=f"plug/{kind}").request for body in bodies]

    assert [getattr(request, "creates_bucket", None) for request in requests] == [True, False, False, True]
    with pytest.raises(UnreadableMessage, match=r"create_bucket .1. is neither true nor false"):
        parse({"data": {}, "create_bucket": 1}, topic=f"plug/{kind}")


def test_a_reply_is_not_asked_for_unless_it_is() -> None:
    """Most messages need none."""
    message = parse({"data": {}, "publisher": "outbox-1", "seq": 1, "base": 1})

    assert message.envelope == Envelope(publisher=PublisherId("outbox-1"), seq=1, base=1, reply=False)


def test_another_root_has_its_own_topics() -> None:
    """The root is a setting."""
    rules = PayloadRules(root="home")

    message = parse_message("home/plug/heartbeat", b"ON", now=NOW, rules=rules)

    assert isinstance(message.request, Heartbeats)
    with pytest.raises(UnreadableMessage, match="lies outside 'home'"):
        parse_message("pulseline/v1/plug/heartbeat", b"ON", now=NOW, rules=rules)


@given(event=any_events.filter(lambda event: event.timestamp <= NOW))
def test_any_valid_event_is_read_back(event: Event) -> None:
    """What the client writes, the worker reads."""
    assert parse_events({"data": {}, **event.to_json()}) == (event,)
