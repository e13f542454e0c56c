"""Batches: many events as few messages, none of them over the payload limit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from pulseline_client.queued_message import MAX_ENVELOPE_BYTES, encode_body
from pulseline_core.errors import PayloadTooLarge
from pulseline_core.event import Event
from pulseline_core.types import JSONObject


def encode_event(event: Event) -> bytes:
    """Write an event for publishing: ids are the store's to give."""
    value = event.to_json()
    del value["id"]
    return encode_body(value)


def check_size(body: bytes, *, limit_bytes: int) -> bytes:
    """Return ``body`` if it fits a payload together with its envelope.

    Raises:
        PayloadTooLarge: it does not.
    """
    size_bytes = len(body) + MAX_ENVELOPE_BYTES
    if size_bytes > limit_bytes:
        raise PayloadTooLarge(size_bytes=size_bytes, limit_bytes=limit_bytes)
    return body


def build_single(event: Event, *, pulsetime: timedelta | None = None, limit_bytes: int) -> bytes:
    """Return the body of a message with one event.

    Raises:
        PayloadTooLarge: the event does not fit a payload.
    """
    body = encode_event(event)
    if pulsetime is not None:
        body = b'{"pulsetime":%s,%s' % (str(pulsetime.total_seconds()).encode(), body[1:])
    return check_size(body, limit_bytes=limit_bytes)


def build_batches(
    events: Iterable[Event], *, pulsetime: timedelta | None = None, limit_bytes: int
) -> Iterator[tuple[bytes, Sequence[Event]]]:
    """Yield bodies with as many events each as fit a payload, in order, and the events that each holds.

    Raises:
        PayloadTooLarge: one event alone does not fit.
    """
    frame: JSONObject = {} if pulsetime is None else {"pulsetime": pulsetime.total_seconds()}
    head = encode_body({**frame, "events": []})[:-2]
    room_bytes = limit_bytes - MAX_ENVELOPE_BYTES - len(head) - len("]}")
    texts: list[bytes] = []
    held: list[Event] = []
    size_bytes = 0
    for event in events:
        text = encode_event(event)
        if len(text) > room_bytes:
            raise PayloadTooLarge(size_bytes=limit_bytes - room_bytes + len(text), limit_bytes=limit_bytes)
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
