"""A target in memory that keeps what it gets as the server does: what is there already is not added."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from pulseline_client.copies import number_copies
from pulseline_client.imported import Imported
from pulseline_core.errors import PayloadTooLarge, PulselineError
from pulseline_core.event import Event
from pulseline_core.types import JSONObject


@dataclass
class FakeTarget:
    """What an importer writes to.

    Attributes:
        descriptions: of the buckets that exist.
        batches: how many events came at once.
        largest: the most characters that an event's data may have.
        error: raised instead of taking a batch, once ``works_for`` batches came.
    """

    descriptions: dict[str, JSONObject] = field(default_factory=dict[str, JSONObject])
    batches: list[int] = field(default_factory=list[int])
    largest: int = 1_000_000
    error: PulselineError | None = None
    works_for: int = 0

    def __post_init__(self) -> None:
        self._guard = threading.Lock()
        self._stored: dict[str, dict[str, list[Event]]] = {}

    def get_events(self, bucket_id: str) -> list[Event]:
        """Return what the bucket holds, newest first."""
        groups = self._stored.get(bucket_id, {}).values()
        events = [event for group in groups for event in group]
        return sorted(events, key=lambda event: event.timestamp, reverse=True)

    def has_bucket(self, bucket_id: str) -> bool:
        """Return whether it was described."""
        return bucket_id in self.descriptions

    def describe_bucket(self, bucket_id: str, description: JSONObject) -> None:
        """Keep the description."""
        self.descriptions[bucket_id] = description

    def import_events(self, bucket_id: str, events: Sequence[Event]) -> Imported:
        """Keep those events that are not there."""
        for event in events:
            self.check_event(event)
        with self._guard:
            self.batches.append(len(events))
            if self.error is not None and len(self.batches) > self.works_for:
                raise self.error
            bucket = self._stored.setdefault(bucket_id, {})
            changes = [_keep(bucket, event, number) for event, number in number_copies(events)]
        return Imported(inserted=changes.count("inserted"), extended=changes.count("extended"))

    def check_event(self, event: Event) -> None:
        """Raise for data over the limit."""
        size = len(json.dumps(event.data))
        if size > self.largest:
            raise PayloadTooLarge(size_bytes=size, limit_bytes=self.largest)


def _keep(bucket: dict[str, list[Event]], event: Event, number: int) -> str:
    equals = bucket.setdefault(json.dumps([str(event.timestamp), event.data], sort_keys=True), [])
    if len(equals) < number:
        equals.append(event)
        return "inserted"
    if equals[number - 1].duration < event.duration:
        equals[number - 1] = event
        return "extended"
    return "unchanged"
