"""Messages for an outbox, and what is found in one."""

from __future__ import annotations

from pulseline_client.outbox import Outbox
from pulseline_client.queued_message import Draft, QueuedMessage
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId

PLUG = BucketId("plug")


def build_drafts(count: int = 1, *, bucket_id: BucketId = PLUG, body: bytes = b'{"data":{}}') -> list[Draft]:
    """Return drafts that are all alike."""
    return [Draft(bucket_id=bucket_id, kind=Kind.HEARTBEAT, body=body)] * count


def read_all(outbox: Outbox) -> list[QueuedMessage]:
    """Return what is in the outbox, as the sender of a new process reads it."""
    found: list[QueuedMessage] = []
    while messages := outbox.read_after(found[-1].id if found else 0, limit=7):
        found += messages
    return found
