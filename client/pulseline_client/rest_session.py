"""Everything that ActivityWatch's own clients do over REST: the reads, and beside them the writes and queries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pulseline_client.event import Event
from pulseline_client.rest import RestReader, quote_segment
from pulseline_core.types import JSONObject, JSONValue


class RestSession(RestReader):
    """Reads from one server and writes to it; a write is committed when the call returns.

    A call raises ``NotFound`` for a bucket that does not exist, and otherwise as ``RestReader`` does.
    """

    def create_bucket(self, bucket_id: str, description: JSONObject) -> None:
        """Create a bucket from ``{"type", "client", "hostname"}``; one that exists stays as it is."""
        self._call("POST", f"/buckets/{quote_segment(bucket_id)}", content=_encode(description))

    def delete_bucket(self, bucket_id: str, *, force: bool) -> None:
        """Delete a bucket; without ``force`` the server takes it in testing mode only."""
        path = f"/buckets/{quote_segment(bucket_id)}"
        self._call("DELETE", path, {"force": "1"} if force else None, missing=("bucket", bucket_id))

    def heartbeat(self, bucket_id: str, event: Event, pulsetime: timedelta) -> None:
        """Merge one heartbeat."""
        path = f"/buckets/{quote_segment(bucket_id)}/heartbeat"
        query = {"pulsetime": str(pulsetime.total_seconds())}
        self._call("POST", path, query, content=_encode(event.to_json()), missing=("bucket", bucket_id))

    def insert_events(self, bucket_id: str, events: Iterable[Event]) -> None:
        """Insert events; one with the id of an event in this bucket replaces that."""
        path = f"/buckets/{quote_segment(bucket_id)}/events"
        self._call("POST", path, content=_encode([event.to_json() for event in events]), missing=("bucket", bucket_id))

    def delete_event(self, bucket_id: str, event_id: int) -> None:
        """Delete an event, if it exists."""
        self._call("DELETE", f"/buckets/{quote_segment(bucket_id)}/events/{event_id}", missing=("bucket", bucket_id))

    def get_export(self, bucket_id: str | None = None) -> JSONObject:
        """Return the export of a bucket, or of all, whole."""
        exported: JSONObject = json.loads(b"".join(self.iter_export(bucket_id)))
        return exported

    def import_buckets(self, buckets: JSONObject) -> None:
        """Import buckets by id, each with its ``events``."""
        self._call("POST", "/import", content=_encode({"buckets": buckets}))

    def query(
        self, lines: Sequence[str], periods: Sequence[tuple[datetime, datetime]], *, name: str | None, cache: bool
    ) -> list[JSONValue]:
        """Return one result for each period, which is a pair of aware instants."""
        asked = {} if name is None else {"name": name, "cache": str(int(cache))}
        spans: list[JSONValue] = [f"{start.isoformat()}/{end.isoformat()}" for start, end in periods]
        answer = self._call("POST", "/query/", asked, content=_encode({"query": list(lines), "timeperiods": spans}))
        return self._check_shape(self._decode(answer, "/query/"), list, "/query/")

    def get_settings(self) -> JSONObject:
        """Return all settings of the server."""
        return self._expect(dict, "/settings")

    def get_setting(self, key: str) -> JSONValue:
        """Return one setting, ``None`` where it is not set."""
        return self._get(f"/settings/{quote_segment(key)}")

    def set_setting(self, key: str, value: JSONValue) -> None:
        """Store a setting, any JSON value."""
        self._call("POST", f"/settings/{quote_segment(key)}", content=_encode(value))


def _encode(value: JSONValue) -> bytes:
    return json.dumps(value, allow_nan=False).encode()
