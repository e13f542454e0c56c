"""``/api/0/buckets/<id>/events``, ``.../heartbeat``: the events of a bucket."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, Response

from pulseline_api.answer import answer, answer_chunks
from pulseline_api.description import describe
from pulseline_api.event_body import parse_events, parse_heartbeat
from pulseline_api.event_text import iter_array
from pulseline_api.parameters import (
    END,
    END_NEEDED,
    LIMIT,
    PULSETIME,
    START,
    START_NEEDED,
    read_limit,
    read_pulsetime,
    read_time,
    require_time,
)
from pulseline_api.request_body import read_json, read_object
from pulseline_api.schemas import COUNT, DELETED_EVENT, DELETED_EVENTS, EVENT, EVENTS, HEARTBEAT, NEW_EVENTS
from pulseline_api.server_api import ServerAPI
from pulseline_core.errors import NotFound
from pulseline_core.types import BucketId


class EventRoutes:
    """The handlers of one bucket's events; ``api`` does it."""

    def __init__(self, api: ServerAPI) -> None:
        self._api = api

    def build(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("events", __name__, url_prefix="/buckets/<bucket_id>")
        routes.post("/heartbeat")(self.post_heartbeat)
        routes.get("/events")(self.get_events)
        routes.post("/events")(self.post_events)
        routes.delete("/events")(self.delete_events)
        routes.get("/events/count")(self.get_count)
        routes.get("/events/<row:event_id>")(self.get_event)
        routes.delete("/events/<row:event_id>")(self.delete_event)
        return routes

    @describe(query=[PULSETIME], body=HEARTBEAT, answers=EVENT)
    def post_heartbeat(self, bucket_id: BucketId) -> Response:
        """Merge one heartbeat; answer the event that holds it now."""
        pulsetime = read_pulsetime()
        event = parse_heartbeat(read_object())
        return answer(self._api.heartbeat(bucket_id, event, pulsetime.total_seconds()).to_json())

    @describe(
        query=[START, END, LIMIT],
        answers=EVENTS,
        also={HTTPStatus.INSUFFICIENT_STORAGE: "many events find no space on the disk to wait in"},
    )
    def get_events(self, bucket_id: BucketId) -> Response:
        """Answer the events within the range, clipped to it, newest first."""
        with self._api.open_event_rows(bucket_id, read_limit(), read_time("start"), read_time("end")) as rows:
            return answer_chunks(iter_array(rows))

    @describe(body=NEW_EVENTS, answers=EVENTS)
    def post_events(self, bucket_id: BucketId) -> Response:
        """Insert one event or many, replacing those whose id exists in this bucket; answer them as stored.

        aw-server-rust's answer; the python server's is ``null``, and no client of either reads it.
        """
        events = parse_events(read_json(), now=datetime.now(UTC))
        return answer([event.to_json() for event in self._api.create_events(bucket_id, events)])

    @describe(query=[START_NEEDED, END_NEEDED], answers=DELETED_EVENTS)
    def delete_events(self, bucket_id: BucketId) -> Response:
        """Delete the events that begin from ``start`` to ``end``, which both have to be there.

        Answers how many they were; null when ingest is away and will do it later.
        """
        deleted = self._api.delete_events(bucket_id, require_time("start"), require_time("end"))
        return answer({"deleted": deleted})

    @describe(query=[START, END], answers=COUNT)
    def get_count(self, bucket_id: BucketId) -> Response:
        """Answer a bare integer: the number of events within the range."""
        return answer(self._api.get_eventcount(bucket_id, read_time("start"), read_time("end")))

    @describe(answers=EVENT)
    def get_event(self, bucket_id: BucketId, event_id: int) -> Response:
        """Answer one event, never clipped: the web interface edits what it gets here."""
        event = self._api.get_event(bucket_id, event_id)
        if event is None:
            raise NotFound("event", event_id)
        return answer(event.to_json())

    @describe(answers=DELETED_EVENT)
    def delete_event(self, bucket_id: BucketId, event_id: int) -> Response:
        """Delete one event; answer whether it was there, as 1 or 0."""
        return answer({"success": int(self._api.delete_event(bucket_id, event_id))})
