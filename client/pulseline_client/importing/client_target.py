"""A client as the target of an import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pulseline_client.client import Client
from pulseline_client.imported import Imported
from pulseline_core.errors import NotFound
from pulseline_core.event import Event
from pulseline_core.topic import Kind
from pulseline_core.types import JSONObject

#: As long as what the messages of an import say beside an event: that only what is missing is wanted, and which copy.
_EXTRA: Final = '"only_missing":true,"copy":1000000,'


class ClientTarget:
    """Writes through an open client: its outbox keeps what was on its way when the process is killed."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def has_bucket(self, bucket_id: str) -> bool:
        """Return whether the server has the bucket."""
        try:
            self._client.get_bucket(bucket_id)
        except NotFound:
            return False
        return True

    def describe_bucket(self, bucket_id: str, description: JSONObject) -> None:
        """Create a bucket and wait for the commit."""
        self._client.request(bucket_id, Kind.META, description)

    def import_events(self, bucket_id: str, events: Sequence[Event]) -> Imported:
        """Send the events and wait for the commit; see ``Writer.import_events``."""
        changed = self._client.import_events(bucket_id, events)
        return changed if changed is not None else Imported()

    def check_event(self, event: Event) -> None:
        """Raise ``PayloadTooLarge`` for an event that fits no message of an import."""
        self._client.check_event(replace(event, data={**event.data, _EXTRA: ""}))
