"""Payloads that can not be read: each is refused with its reason, and keeps its number."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulseline_core.message import Envelope, Message
from pulseline_core.payload import PayloadRules, UnreadableMessage, parse_message
from pulseline_core.types import JSONValue, PublisherId
from tests.poison import POISON, POISON_BATCHES, POISON_TOPICS
from tests.unit.core.payload_reading import NOW, RULES, parse
from tests.unit.core.test_json_value import json_values, texts

#: Wrong for what the source knows of its sender, not for what the bytes say.
WRONG_SENDER = {"publisher of another client"}

#: Names that a payload can have a meaning under, whatever else is wrong with its topic.
VALUES_OF_OURS = st.dictionaries(
    st.sampled_from(
        ["data", "events", "timestamp", "duration", "pulsetime", "publisher", "seq", "base", "reply", "op"]
    ),
    json_values,
)


def parse_or_refuse(payload: bytes | dict[str, Any], *, topic: str) -> Message | str:
    """Read a payload, or return the reason why it can not be read."""
    try:
        return parse(payload, topic=topic)
    except UnreadableMessage as error:
        return str(error)


def test_a_message_that_is_too_large_keeps_its_number() -> None:
    """It is refused, and the sequence of its publisher goes on."""
    body = json.dumps({"data": {"text": "x" * 300_000}, "publisher": "outbox-1", "seq": 5, "base": 4})

    with pytest.raises(UnreadableMessage, match="payload has") as caught:
        parse(body)

    assert caught.value.envelope == Envelope(publisher=PublisherId("outbox-1"), seq=5, base=4)


@pytest.mark.parametrize("topic", ["plug/heartbeat", "plug/events"])
@pytest.mark.parametrize("name", POISON)
def test_a_malformed_event_is_refused_by_name(name: str, topic: str) -> None:
    """Every malformed input that we know of."""
    with pytest.raises(UnreadableMessage) as caught:
        parse(POISON[name], topic=topic)

    assert 0 < len(str(caught.value)) < 500


@pytest.mark.parametrize("name", sorted(POISON_BATCHES.keys() - WRONG_SENDER))
def test_a_malformed_batch_is_refused_by_name(name: str) -> None:
    """A batch is whole or not at all."""
    with pytest.raises(UnreadableMessage):
        parse(POISON_BATCHES[name])


@pytest.mark.parametrize("name", POISON_TOPICS)
def test_a_topic_that_fits_nothing_is_refused_by_name(name: str) -> None:
    """Under the root, only the known forms."""
    with pytest.raises(UnreadableMessage):
        parse_message(POISON_TOPICS[name], b'{"data":{}}', now=NOW, rules=RULES)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        pytest.param(b"\xff\xfe1\x00", "not UTF-8: byte 0 is 0xff", id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf21", "byte order mark", id="byte order mark"),
        pytest.param(b"{", "not JSON", id="broken"),
        pytest.param(b"9223372036854775808", "does not fit 64 bits", id="2^63"),
        pytest.param(b'{"data":[]}', "data '[]' is not an object", id="data an array"),
        pytest.param(b"[7]", "event 0 of the batch is '7', not an object", id="item of a batch"),
        pytest.param(b'[{"data":{}},{}]', "event 1 of the batch has no data", id="item without data"),
        pytest.param(b'[{"data":{}},{"data":1}]', "event 1 of the batch: data '1' is not", id="item with bad data"),
        pytest.param(b'{"events":{}}', "events '{}' is not an array", id="events an object"),
    ],
)
def test_a_reason_says_what_is_wrong(payload: bytes, words: str) -> None:
    """A person mends the device with it."""
    with pytest.raises(UnreadableMessage) as caught:
        parse(payload)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("payload", "topic", "words"),
    [
        pytest.param(b"ON", "plug/meta", "not JSON", id="meta a word"),
        pytest.param(b"5", "plug/meta", "payload '5' is not an object", id="meta a number"),
        pytest.param(b"[]", "plug/meta", "an array, not an object", id="meta an array"),
        pytest.param(b'{"type":5}', "plug/meta", "type '5' is not a text", id="meta of a wrong type"),
        pytest.param(b"{}", "plug/admin", "op 'None' is not one of replace_event", id="no op"),
        pytest.param(b'{"op":"format"}', "plug/admin", "op 'format' is not one of", id="unknown op"),
        pytest.param(b'{"op":"delete_event"}', "plug/admin", "id 'None' is not a positive", id="no id"),
        pytest.param(b'{"op":"delete_event","id":-1}', "plug/admin", "id '-1' is not", id="negative id"),
        pytest.param(b'{"op":"delete_event","id":true}', "plug/admin", "id 'True' is not", id="id true"),
        pytest.param(b'{"op":"replace_event"}', "plug/admin", "needs an event with an id", id="no event"),
        pytest.param(b'{"op":"replace_event","event":{}}', "plug/admin", "needs an event", id="event without id"),
        pytest.param(b'{"op":"delete_events","start":1}', "plug/admin", "start '1' is not a time", id="start a number"),
        pytest.param(b'{"op":"delete_events","start":"2026-11-23T10:00:00Z"}', "plug/admin", "end 'None'", id="no end"),
        pytest.param(b'{"op":"delete_bucket"}', "_admin", "op 'delete_bucket' is not one of replay", id="bucket's op"),
        pytest.param(b'{"op":"replay_dead_letter"}', "_admin", "id 'None'", id="no dead letter"),
        pytest.param(b"[]", "_admin", "an array", id="array to the worker"),
        pytest.param(b'{"op":"set_setting","value":1}', "_admin", "key 'None' is not a text", id="no key"),
        pytest.param(b'{"op":"set_setting","key":""}', "_admin", "not 1 to 127", id="empty key"),
        pytest.param(b'{"op":"set_setting","key":"%s"}' % (b"k" * 128), "_admin", "not 1 to 127", id="long key"),
        pytest.param(b'{"op":"delete_setting","key":"a\\nb"}', "_admin", "a control character", id="odd key"),
        pytest.param(
            b'{"op":"set_setting","key":"k","value":"\\u0000"}', "_admin", "setting 'k'", id="value no store holds"
        ),
        pytest.param(b'{"data":{}}', "plug/state", "is written by ingest alone", id="state"),
    ],
)
def test_other_topics_take_only_what_they_are_for(payload: bytes, topic: str, words: str) -> None:
    """Plain values are for heartbeats and events."""
    with pytest.raises(UnreadableMessage) as caught:
        parse(payload, topic=topic)

    assert words in str(caught.value)


def test_a_payload_may_have_just_the_limit() -> None:
    """One byte more is too large, and the reason holds both numbers."""
    rules = PayloadRules(root="pulseline/v1", max_payload_bytes=10)
    parse_message("pulseline/v1/plug/heartbeat", b"x" * 10, now=NOW, rules=rules)

    with pytest.raises(UnreadableMessage, match="payload has 11 bytes, the limit is 10"):
        parse_message("pulseline/v1/plug/heartbeat", b"x" * 11, now=NOW, rules=rules)


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        pytest.param("plug/heartbeat", {"data": []}, id="event"),
        pytest.param("plug/events", {"events": [1]}, id="batch"),
        pytest.param("plug/meta", {"type": 1}, id="meta"),
        pytest.param("plug/admin", {"op": "format"}, id="admin"),
        pytest.param("_admin", {"op": "format"}, id="unknown order to the worker"),
        pytest.param("_admin", {"op": "drop_dead_letter", "id": 0}, id="bad order to the worker"),
    ],
)
def test_a_bad_message_keeps_its_envelope(topic: str, body: dict[str, Any]) -> None:
    """So that the publisher's sequence goes on behind the dead letter."""
    with pytest.raises(UnreadableMessage) as caught:
        parse({**body, "publisher": "outbox-1", "seq": 5, "base": 4}, topic=topic)

    assert caught.value.envelope == Envelope(publisher=PublisherId("outbox-1"), seq=5, base=4)


@given(payload=st.binary(max_size=64), topic=st.sampled_from(["plug/heartbeat", "plug/meta", "plug/admin", "_admin"]))
def test_any_bytes_are_read_or_refused(payload: bytes, topic: str) -> None:
    """Nothing else ever comes out."""
    assert parse_or_refuse(payload, topic=topic)


@given(value=VALUES_OF_OURS, topic=st.sampled_from(["plug/heartbeat", "plug/events", "plug/meta", "plug/admin"]))
def test_any_object_is_read_or_refused(value: dict[str, JSONValue], topic: str) -> None:
    """With our own keys in it, which is nearer to the mark than bytes."""
    assert parse_or_refuse(value, topic=topic)


@given(level=texts, payload=st.just(b"ON"))
def test_any_bucket_level_is_read_or_refused(level: str, payload: bytes) -> None:
    """A device names its bucket as it likes."""
    assert parse_or_refuse(payload, topic=f"{level}/heartbeat")
