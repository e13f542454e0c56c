"""``/api/0/buckets/<id>/events``, ``.../heartbeat``: the events of a bucket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from flask import Blueprint, Response

from pulseline_api.answer import answer
from pulseline_api.parameters import read_limit, read_pulsetime, read_time
from pulseline_api.reader import Reader
from pulseline_api.request_body import read_json, read_object
from pulseline_api.writes import Writes
from pulseline_core.errors import InvalidEvent, InvalidPayload, NotFound
from pulseline_core.event import Event, parse_event
from pulseline_core.types import BucketId, JSONValue


class EventRoutes:
    """The handlers of one bucket's events.

    Args:
        reader: where events are read.
        writes: where they are written.
    """

    def __init__(self, reader: Reader, writes: Writes) -> None:
        self._reader = reader
        self._writes = writes

    def build(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("events", __name__, url_prefix="/buckets/<bucket_id>")
        routes.post("/heartbeat")(self.post_heartbeat)
        routes.get("/events")(self.get_events)
        routes.post("/events")(self.post_events)
        routes.get("/events/count")(self.get_count)
        routes.get("/events/<row:event_id>")(self.get_event)
        routes.delete("/events/<row:event_id>")(self.delete_event)
        return routes

    def post_heartbeat(self, bucket_id: BucketId) -> Response:
        """Merge one heartbeat; answer the event that holds it now."""
        pulsetime = read_pulsetime()
        event = _parse_heartbeat(read_object())
        return answer(self._writes.merge_heartbeat(bucket_id, event, pulsetime).to_json())

    def get_events(self, bucket_id: BucketId) -> Response:
        """Answer the events within the range, clipped to it, newest first."""
        events = self._reader.read_events(bucket_id, start=read_time("start"), end=read_time("end"), limit=read_limit())
        return answer([event.to_json() for event in events])

    def post_events(self, bucket_id: BucketId) -> Response:
        """Insert one event or many, replacing those whose id exists in this bucket; answer them as stored.

        aw-server-rust's answer; the python server's is ``null``, and no client of either reads it.
        """
        events = _parse_events(read_json())
        return answer([event.to_json() for event in self._writes.store_events(bucket_id, events)])

    def get_count(self, bucket_id: BucketId) -> Response:
        """Answer a bare integer: the number of events within the range."""
        return answer(self._reader.count_events(bucket_id, start=read_time("start"), end=read_time("end")))

    def get_event(self, bucket_id: BucketId, event_id: int) -> Response:
        """Answer one event, never clipped: the web interface edits what it gets here."""
        event = self._reader.read_event(bucket_id, event_id)
        if event is None:
            raise NotFound("event", event_id)
        return answer(event.to_json())

    def delete_event(self, bucket_id: BucketId, event_id: int) -> Response:
        """Delete one event; answer whether it was there, as 1 or 0."""
        return answer({"success": int(self._writes.delete_event(bucket_id, event_id))})


def _parse_heartbeat(value: Mapping[str, JSONValue]) -> Event:
    """Read a heartbeat: a timestamp is required as in ActivityWatch's schema, an id means nothing."""
    if not isinstance(value.get("timestamp"), str):
        raise InvalidEvent("timestamp", "is required, as a text")
    return parse_event({**value, "id": None}, now=datetime.now(UTC))


def _parse_events(value: JSONValue) -> list[Event]:
    now = datetime.now(UTC)
    items = value if isinstance(value, list) else [value]
    return [_parse_item(item, place, now) for place, item in enumerate(items)]


def _parse_item(item: JSONValue, place: int, now: datetime) -> Event:
    if not isinstance(item, dict):
        raise InvalidPayload(f"event {place} is {str(item)[:64]!r}, not an object")
    try:
        return parse_event(item, now=now)
    except InvalidEvent as error:
        raise InvalidPayload(f"event {place}: {error}") from error
