"""Batches: many events as few messages, none of them over the payload limit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pulseline_client.queued_message import MAX_ENVELOPE_BYTES, encode_body
from pulseline_core.errors import PayloadTooLarge
from pulseline_core.event import Event
from pulseline_core.types import JSONObject, JSONValue


def encode_event(event: Event, **keys: JSONValue) -> bytes:
    """Write an event for publishing, with more keys in front; ids are the store's to give."""
    value = event.to_json()
    del value["id"]
    return encode_body({**keys, **value})


def check_size(body: bytes, *, limit_bytes: int) -> bytes:
    """Return ``body`` if it fits a payload together with its envelope.

    Raises:
        PayloadTooLarge: it does not.
    """
    size_bytes = len(body) + MAX_ENVELOPE_BYTES
    if size_bytes > limit_bytes:
        raise PayloadTooLarge(size_bytes=size_bytes, limit_bytes=limit_bytes)
    return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a message says beside its events.

    Attributes:
        limit_bytes: the largest payload that the server takes.
        pulsetime: of heartbeats, ``None`` is the bucket's own.
        creates_bucket: whether the events may make an unknown bucket.
    """

    limit_bytes: int
    pulsetime: timedelta | None = None
    creates_bucket: bool = True

    def to_json(self) -> JSONObject:
        """Return the keys that it adds to a payload."""
        keys: JSONObject = {} if self.pulsetime is None else {"pulsetime": self.pulsetime.total_seconds()}
        return keys if self.creates_bucket else {**keys, "create_bucket": False}


def build_single(event: Event, frame: Frame) -> bytes:
    """Return the body of a message with one event.

    Raises:
        PayloadTooLarge: the event does not fit a payload.
    """
    return check_size(encode_event(event, **frame.to_json()), limit_bytes=frame.limit_bytes)


def build_batches(events: Iterable[Event], frame: Frame) -> Iterator[tuple[bytes, Sequence[Event]]]:
    """Yield bodies with as many events each as fit a payload, in order, and the events that each holds.

    Raises:
        PayloadTooLarge: one event alone does not fit.
    """
    head = encode_body({**frame.to_json(), "events": []})[:-2]
    room_bytes = frame.limit_bytes - MAX_ENVELOPE_BYTES - len(head) - len("]}")
    texts: list[bytes] = []
    held: list[Event] = []
    size_bytes = 0
    for event in events:
        text = encode_event(event)
        if len(text) > room_bytes:
            raise PayloadTooLarge(size_bytes=frame.limit_bytes - room_bytes + len(text), limit_bytes=frame.limit_bytes)
        if texts and size_bytes + len(text) > room_bytes:
            yield _join(head, texts), held
            texts, held, size_bytes = [], [], 0
        texts.append(text)
        held.append(event)
        size_bytes += len(text) + len(",")
    if texts:
        yield _join(head, texts), held


def _join(head: bytes, texts: Iterable[bytes]) -> bytes:
    return b"%s%s]}" % (head, b",".join(texts))
