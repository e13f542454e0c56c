"""What the tests of ingest speak of: messages of one morning, a plug and an outbox."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from typing import Any

from pulseline_core.message import Envelope
from pulseline_core.types import BucketId, PublisherId
from pulseline_ingest.source import Outgoing, Received
from tests.contract.store.samples import MORNING

ROOT = "pulseline/v1"
PLUG = BucketId("plug")
OUTBOX = PublisherId("outbox")

_TICKETS = itertools.count(1)


def make_envelope(seq: int = 1, *, base: int = 1, reply: bool = False, publisher: str = OUTBOX) -> Envelope:
    """Return the number of a message."""
    return Envelope(publisher=PublisherId(publisher), seq=seq, base=base, reply=reply)


def number(seq: int, body: dict[str, Any], *, base: int = 1, publisher: str = OUTBOX, **more: Any) -> dict[str, Any]:
    """Return a payload with the number that a library client adds to it."""
    return {**body, "publisher": publisher, "seq": seq, "base": base, **more}


def receive(
    payload: bytes | dict[str, Any] | list[Any],
    *,
    topic: str = "plug/heartbeat",
    client_id: str | None = OUTBOX,
    received_at: datetime = MORNING,
    connection: object | None = None,
) -> Received:
    """Return a message that was published below the root."""
    return Received(
        topic=f"{ROOT}/{topic}",
        payload=payload if isinstance(payload, bytes) else json.dumps(payload).encode(),
        received_at=received_at,
        client_id=client_id,
        ticket=next(_TICKETS),
        connection=connection,
    )


def read_json(message: Outgoing) -> Any:
    """Return what a message says."""
    return json.loads(message.payload)


def read_acknowledgements(message: Outgoing) -> list[dict[str, Any]]:
    """Return the acknowledgements that a message carries."""
    value = read_json(message)
    return value if isinstance(value, list) else [value]
