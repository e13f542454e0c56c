"""A message on its way to the server: what the outbox keeps, and how it looks on the wire. Pure.

The body is written once, by the caller's thread. The envelope (who sends, which number, what is still waiting) is put
in front of it each time it is sent, because ``base`` moves on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from pulseline_core.message import WORKER_BUCKET
from pulseline_core.topic import ADMIN_LEVEL, Kind, build_topic
from pulseline_core.types import BucketId, JSONObject, PublisherId

#: Room in a payload for the envelope: the keys, a UUID and two numbers of 19 digits take 118 bytes.
MAX_ENVELOPE_BYTES: Final = 128

#: Made once: ``json.dumps`` would make an encoder for every call, a sixth of the time that an event takes.
_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that has no number yet.

    Attributes:
        bucket_id: whose sequence it joins.
        kind: the last level of its topic.
        body: a JSON object with at least one key, UTF-8.
    """

    bucket_id: BucketId
    kind: Kind
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMessage:
    """A message in the outbox.

    Attributes:
        id: its place in the outbox, over all buckets.
        seq: its number within the bucket; they follow one another without gaps.
    """

    id: int
    bucket_id: BucketId
    seq: int
    kind: Kind
    body: bytes

    @property
    def is_retained(self) -> bool:
        """Whether the broker keeps it for whoever subscribes later: a bucket's description is."""
        return self.kind is Kind.META and self.bucket_id != WORKER_BUCKET


def encode_body(value: JSONObject) -> bytes:
    """Write a checked JSON object as it goes over the wire."""
    return _encode(value).encode()


def build_payload(message: QueuedMessage, *, publisher: PublisherId, base: int, has_reply: bool) -> bytes:
    """Return the body with its envelope in front.

    Args:
        message: what to send.
        publisher: the outbox's id.
        base: the oldest seq of the bucket that is still unconfirmed.
        has_reply: whether somebody waits for the result.
    """
    reply = ',"reply":true' if has_reply else ""
    envelope = f'{{"publisher":"{publisher}","seq":{message.seq},"base":{base}{reply},'
    return envelope.encode() + message.body[1:]


def build_message_topic(root: str, bucket_id: BucketId, kind: Kind) -> str:
    """Return where messages of a bucket, or to the worker itself, are published."""
    return f"{root}/{ADMIN_LEVEL}" if bucket_id == WORKER_BUCKET else build_topic(root, bucket_id, kind)
