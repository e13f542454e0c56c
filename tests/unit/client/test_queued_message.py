"""Messages get their envelope when they are sent."""

from __future__ import annotations

import json
import uuid

import pytest

from pulseline_client.queued_message import (
    MAX_ENVELOPE_BYTES,
    QueuedMessage,
    build_message_topic,
    build_payload,
    encode_body,
)
from pulseline_core.message import WORKER_BUCKET
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId, PublisherId

PUBLISHER = PublisherId(str(uuid.uuid4()))


def build_message(**values: object) -> QueuedMessage:
    """Return a message that differs from a plain one in ``values``."""
    plain = {"id": 1, "bucket_id": BucketId("plug"), "seq": 7, "kind": Kind.HEARTBEAT, "body": b'{"data":{}}'}
    return QueuedMessage(**(plain | values))  # type: ignore[arg-type]  # the tests pass what fits


def test_payload_is_the_body_with_the_envelope_in_front() -> None:
    """The body is not read again to send it."""
    payload = build_payload(build_message(), publisher=PUBLISHER, base=5, has_reply=True)

    assert json.loads(payload) == {"publisher": PUBLISHER, "seq": 7, "base": 5, "reply": True, "data": {}}


def test_payload_asks_for_no_reply_when_nobody_waits() -> None:
    """A result that nobody reads costs the server work."""
    assert "reply" not in json.loads(build_payload(build_message(), publisher=PUBLISHER, base=5, has_reply=False))


def test_envelope_never_outgrows_its_room() -> None:
    """The size check at the call holds for every number that may follow."""
    message = build_message(seq=2**63 - 1)
    payload = build_payload(message, publisher=PUBLISHER, base=2**63 - 1, has_reply=True)

    assert len(payload) - len(message.body) <= MAX_ENVELOPE_BYTES


@pytest.mark.parametrize(
    ("bucket_id", "kind", "topic"),
    [
        (BucketId("plug"), Kind.HEARTBEAT, "root/plug/heartbeat"),
        (BucketId("_a.b"), Kind.META, "root/%5Fa%2Eb/meta"),
        (WORKER_BUCKET, Kind.ADMIN, "root/_admin"),
    ],
)
def test_topic_follows_from_bucket_and_kind(bucket_id: BucketId, kind: Kind, topic: str) -> None:
    """Requests to the worker itself have no bucket."""
    assert build_message_topic("root", bucket_id, kind) == topic


@pytest.mark.parametrize(("kind", "is_retained"), [(Kind.META, True), (Kind.EVENTS, False), (Kind.ADMIN, False)])
def test_only_a_description_is_retained(kind: Kind, is_retained: bool) -> None:
    """A retained heartbeat would come back with every subscription."""
    assert build_message(kind=kind).is_retained is is_retained


def test_body_is_compact_utf8() -> None:
    """Text is not escaped to ASCII: it would count up to six times against the limit."""
    assert encode_body({"a": "é", "b": [1, 2]}) == '{"a":"é","b":[1,2]}'.encode()
