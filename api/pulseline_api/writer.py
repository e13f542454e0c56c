"""What the API needs for a write; ``pulseline_client.Client`` has it, tests have one that records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from pulseline_client.imported import Imported
from pulseline_core.bucket import BucketDescription
from pulseline_core.event import Event
from pulseline_core.types import JSONValue


class Writer(Protocol):
    """Publishes writes durably and, unless ``queued``, waits until they are committed. Called on many threads.

    Every method raises ``ReplyTimeout`` or ``BrokerUnavailable`` when the message is safe in the outbox but was not
    confirmed in time, and the error that ingest answered with (``NotFound``, ``InvalidPayload``) otherwise.
    """

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the broker."""
        ...

    def flush(self, timeout_s: float) -> None:
        """Wait until what is in the outbox now is confirmed; raise ``ReplyTimeout``."""

    def has_unconfirmed(self, bucket_id: str) -> bool:
        """Return whether messages of the bucket are in the outbox that the server has not confirmed."""
        ...

    def describe_bucket(
        self, bucket_id: str, description: BucketDescription, *, update: bool = True, queued: bool = False
    ) -> object:
        """Create a bucket, or change what the description names of it unless ``update`` is false."""

    def update_bucket(self, bucket_id: str, description: BucketDescription, *, queued: bool = False) -> object:
        """Change what the description names; raise ``NotFound``."""

    def heartbeat(
        self, bucket_id: str, data: Event, *, pulsetime: float | timedelta | None = None, queued: bool = True
    ) -> Event | None:
        """Merge a heartbeat; return the event that holds it now."""

    def insert_events(self, bucket_id: str, events: Sequence[Event], *, queued: bool = False) -> list[Event] | None:
        """Insert events, in as many messages as they need; return them with their ids."""

    def import_events(self, bucket_id: str, events: Sequence[Event], *, queued: bool = False) -> Imported | None:
        """Insert those events that the bucket does not have; return what that changed."""

    def replace_event(self, bucket_id: str, event: Event, *, queued: bool = False) -> Event | None:
        """Put an event in the place of the one with its id; raise ``NotFound``."""

    def check_event(self, event: Event) -> None:
        """Raise ``BadInput`` if the event could not be inserted, or replaced if it has an id; publishes nothing."""

    def delete_event(self, bucket_id: str, event_id: int, *, queued: bool = False) -> bool | None:
        """Delete an event; return whether it existed, ``None`` when that is not known."""

    def delete_events(self, bucket_id: str, start: datetime, end: datetime, *, queued: bool = False) -> int | None:
        """Delete the events that begin within [start, end]; return how many, ``None`` when that is not known."""

    def set_setting(self, key: str, value: JSONValue, *, queued: bool = False) -> object:
        """Keep a value under a key."""

    def delete_setting(self, key: str, *, queued: bool = False) -> object:
        """Forget the value of a key."""

    def delete_bucket(self, bucket_id: str, *, queued: bool = False) -> object:
        """Delete a bucket with its events."""

    def replay_dead_letter(self, dead_letter_id: int) -> object:
        """Apply a dead letter again; raise why it still can not be applied."""

    def drop_dead_letter(self, dead_letter_id: int) -> object:
        """Forget a dead letter."""
