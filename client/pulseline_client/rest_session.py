"""Everything that ActivityWatch's own clients do over REST: the reads, and beside them the writes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta

from pulseline_client.event import Event
from pulseline_client.rest import RestReader, encode_json, quote_segment
from pulseline_core.types import JSONObject, JSONValue


class RestSession(RestReader):
    """Reads from one server and writes to it; a write is committed when the call returns.

    A call raises ``NotFound`` for a bucket that does not exist, and otherwise as ``RestReader`` does.
    """

    def create_bucket(self, bucket_id: str, description: JSONObject) -> None:
        """Create a bucket from ``{"type", "client", "hostname"}``; one that exists stays as it is."""
        self._call("POST", f"/buckets/{quote_segment(bucket_id)}", content=encode_json(description))

    def delete_bucket(self, bucket_id: str, *, force: bool) -> None:
        """Delete a bucket; without ``force`` the server takes it in testing mode only."""
        path = f"/buckets/{quote_segment(bucket_id)}"
        self._call("DELETE", path, {"force": "1"} if force else None, missing=("bucket", bucket_id))

    def heartbeat(self, bucket_id: str, event: Event, pulsetime: timedelta) -> None:
        """Merge one heartbeat."""
        path = f"/buckets/{quote_segment(bucket_id)}/heartbeat"
        query = {"pulsetime": str(pulsetime.total_seconds())}
        self._call("POST", path, query, content=encode_json(event.to_json()), missing=("bucket", bucket_id))

    def insert_events(self, bucket_id: str, events: Iterable[Event]) -> None:
        """Insert events; one with the id of an event in this bucket replaces that."""
        path = f"/buckets/{quote_segment(bucket_id)}/events"
        self._call(
            "POST", path, content=encode_json([event.to_json() for event in events]), missing=("bucket", bucket_id)
        )

    def delete_event(self, bucket_id: str, event_id: int) -> None:
        """Delete an event, if it exists."""
        self._call("DELETE", f"/buckets/{quote_segment(bucket_id)}/events/{event_id}", missing=("bucket", bucket_id))

    def get_export(self, bucket_id: str | None = None) -> JSONObject:
        """Return the export of a bucket, or of all, whole."""
        exported: JSONObject = json.loads(b"".join(self.iter_export(bucket_id)))
        return exported

    def import_buckets(self, buckets: JSONObject) -> None:
        """Import buckets by id, each with its ``events``."""
        self._call("POST", "/import", content=encode_json({"buckets": buckets}))

    def set_setting(self, key: str, value: JSONValue) -> None:
        """Store a setting, any JSON value."""
        self._call("POST", f"/settings/{quote_segment(key)}", content=encode_json(value))
