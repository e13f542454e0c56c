"""What publishes durably, as the target of an import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Protocol

from pulseline_client.imported import Imported
from pulseline_core.bucket import BucketDescription, parse_description
from pulseline_core.event import Event
from pulseline_core.types import JSONObject

#: As long as what the messages of an import say beside an event: that only what is missing is wanted, and which copy.
_EXTRA: Final = '"only_missing":true,"copy":1000000,'


class ImportWriter(Protocol):
    """What an import needs of a ``Client``."""

    def describe_bucket(self, bucket_id: str, description: BucketDescription, *, update: bool) -> object:
        """Create a bucket, or leave it as it is without ``update``, and wait for the commit."""
        ...

    def import_events(self, bucket_id: str, events: Sequence[Event]) -> Imported | None:
        """Add those events that the bucket does not have and wait for the commit."""
        ...

    def check_event(self, event: Event) -> None:
        """Raise ``PayloadTooLarge`` for an event that fits no message."""


class WriterTarget:
    """Writes through an open client: its outbox keeps what was on its way when the process is killed.

    Args:
        writer: the client.
        has_bucket: says whether the server has a bucket.
    """

    def __init__(self, writer: ImportWriter, has_bucket: Callable[[str], bool]) -> None:
        self._writer = writer
        self.has_bucket = has_bucket

    def describe_bucket(self, bucket_id: str, description: JSONObject) -> None:
        """Create a bucket and wait for the commit."""
        self._writer.describe_bucket(bucket_id, parse_description(description, now=datetime.now(UTC)), update=False)

    def import_events(self, bucket_id: str, events: Sequence[Event]) -> Imported:
        """Send the events and wait for the commit; see ``Writer.import_events``."""
        changed = self._writer.import_events(bucket_id, events)
        return changed if changed is not None else Imported()

    def check_event(self, event: Event) -> None:
        """Raise ``PayloadTooLarge`` for an event that fits no message of an import."""
        self._writer.check_event(replace(event, data={**event.data, _EXTRA: ""}))
