"""Batches: many events as few messages, none of them over the payload limit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pulseline_client.copies import number_copies
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
        only_missing: whether only what the bucket does not have is wanted there.
    """

    limit_bytes: int
    pulsetime: timedelta | None = None
    creates_bucket: bool = True
    only_missing: bool = False

    def to_json(self) -> JSONObject:
        """Return the keys that it adds to a payload."""
        keys: JSONObject = {} if self.pulsetime is None else {"pulsetime": self.pulsetime.total_seconds()}
        if not self.creates_bucket:
            keys["create_bucket"] = False
        if self.only_missing:
            keys["only_missing"] = True
        return keys


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
    yield from _fill(((encode_event(event), event) for event in events), frame)


def build_import_batches(events: Iterable[Event], frame: Frame) -> Iterator[tuple[bytes, Sequence[Event]]]:
    """Yield bodies as ``build_batches``, of events that are numbered among their equals.

    Args:
        events: in the order of their starts, either way; otherwise equal events that stand apart become one.
        frame: with ``only_missing``.
    """
    frame = replace(frame, only_missing=True)
    yield from _fill(((_encode_copy(event, copy), event) for event, copy in number_copies(events)), frame)


def _encode_copy(event: Event, copy: int) -> bytes:
    return encode_event(event) if copy == 1 else encode_event(event, copy=copy)


def _fill(items: Iterable[tuple[bytes, Event]], frame: Frame) -> Iterator[tuple[bytes, Sequence[Event]]]:
    head = encode_body({**frame.to_json(), "events": []})[:-2]
    room_bytes = frame.limit_bytes - MAX_ENVELOPE_BYTES - len(head) - len("]}")
    texts: list[bytes] = []
    held: list[Event] = []
    size_bytes = 0
    for text, event in items:
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
