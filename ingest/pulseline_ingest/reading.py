"""From a message as it was received to a delivery: what is asked for and by whom, or why that can not be said."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from pulseline_core.errors import BadInput, InvalidPayload, PayloadTooLarge, PulselineError
from pulseline_core.message import WORKER_BUCKET, Envelope, Nothing, Request
from pulseline_core.payload import PayloadRules, UnreadableMessage, parse_message
from pulseline_core.topic import ADMIN_LEVEL, PROBE_LEVEL, Kind, parse_topic
from pulseline_ingest.outcome import Failure, describe
from pulseline_ingest.source import Received

logger = logging.getLogger(__name__)

#: Of all topics that ask for something, the ones whose messages are retained: they say what holds.
_META: Final = f"/{Kind.META.value}"

#: What a publisher's id can not hold, since its acknowledgements go to a topic that ends in it.
_NO_LEVEL: Final = frozenset("/+#")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that was read.

    Attributes:
        request: what it asks for, or why it can not be applied.
        envelope: its number; ``None`` from plain publishers, and where it could not be read or believed.
        bucket_id: whose sequence the number belongs to; only with an envelope.
    """

    received: Received
    request: Request | Failure
    envelope: Envelope | None = None
    bucket_id: str = WORKER_BUCKET


def read_message(received: Received, rules: PayloadRules) -> Delivery:
    """Read a message; never raises."""
    try:
        return _read(received, rules)
    except BadInput as error:
        return Delivery(received, describe(error))
    except Exception as error:
        # A bug in a parser costs the one message that shows it, not the group, and not the worker's thread.
        logger.exception("a message on %r could not be read", received.topic, extra={"action": "read_failed"})
        return Delivery(received, describe_bug(error))


def describe_bug(error: Exception) -> Failure:
    """Return the failure of a message that no rule forbids and that can not be applied all the same."""
    text = f"internal error: {type(error).__name__}: {error}"
    return describe(PulselineError(text.encode(errors="backslashreplace").decode()))  # it is written as JSON


def _read(received: Received, rules: PayloadRules) -> Delivery:
    if not received.topic.startswith(f"{rules.root}/"):
        return Delivery(received, Nothing())
    if received.is_replay and not received.topic.endswith(_META):
        return Delivery(received, Nothing())  # a broker that retains it hands it out again and again
    if received.dropped_bytes:
        size_bytes = len(received.payload) + received.dropped_bytes
        raise PayloadTooLarge(size_bytes=size_bytes, limit_bytes=rules.max_payload_bytes)
    request, envelope = parse_request(received, rules)
    if envelope is None:
        return Delivery(received, request)
    _check_publisher(envelope, received)
    return Delivery(received, request, envelope, _get_bucket_id(received.topic, rules))


def parse_request(received: Received, rules: PayloadRules) -> tuple[Request | Failure, Envelope | None]:
    """Return what a message asks for, or why that can not be said, and its number."""
    try:
        message = parse_message(received.topic, received.payload, now=received.received_at, rules=rules)
    except UnreadableMessage as error:
        cause = error.__cause__
        return describe(cause if isinstance(cause, BadInput) else error), error.envelope
    return message.request, message.envelope


def _check_publisher(envelope: Envelope, received: Received) -> None:
    """Raise unless the number is the publisher's own, and its acknowledgement reaches the publisher alone."""
    publisher = envelope.publisher
    if received.client_id is not None and publisher != received.client_id:
        raise InvalidPayload(
            f"publisher {publisher[:64]!r} is not the MQTT client that published it, {received.client_id[:64]!r}"
        )
    if not _NO_LEVEL.isdisjoint(publisher):
        raise InvalidPayload(f"publisher {publisher[:64]!r} is no topic level: it holds '/', '+' or '#'")


def _get_bucket_id(topic: str, rules: PayloadRules) -> str:
    level = topic[len(rules.root) + 1 :].partition("/")[0]
    return WORKER_BUCKET if level in (ADMIN_LEVEL, PROBE_LEVEL) else parse_topic(topic, root=rules.root).bucket_id
