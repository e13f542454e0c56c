"""``/api/0/buckets``: what timelines there are."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, Response
from werkzeug.exceptions import Unauthorized

from pulseline_api.answer import answer, answer_nothing
from pulseline_api.description import describe
from pulseline_api.event_body import parse_events
from pulseline_api.parameters import FORCE, is_forced
from pulseline_api.request_body import read_object
from pulseline_api.schemas import BUCKET, BUCKET_CHANGE, BUCKETS, NEW_BUCKET, NOTHING
from pulseline_api.server_api import ServerAPI
from pulseline_core.bucket import parse_description
from pulseline_core.errors import InvalidEvent
from pulseline_core.types import BucketId

#: The wording of aw-server 0.13.2, rest.py.
_NOT_FORCED = "Deleting buckets is only permitted if aw-server is running in testing mode or if ?force=1"


class BucketRoutes:
    """The handlers of buckets.

    Args:
        api: what does it.
        testing: whether a bucket may be deleted without ``?force=1``.
    """

    def __init__(self, api: ServerAPI, *, testing: bool) -> None:
        self._api = api
        self._testing = testing

    def build(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("buckets", __name__, url_prefix="/buckets")
        routes.get("")(self.get_buckets)
        routes.get("/<bucket_id>")(self.get_bucket)
        routes.post("/<bucket_id>")(self.create_bucket)
        routes.put("/<bucket_id>")(self.update_bucket)
        routes.delete("/<bucket_id>")(self.delete_bucket)
        return routes

    @describe(answers=BUCKETS)
    def get_buckets(self) -> Response:
        """Answer an object: each bucket under its id."""
        return answer(self._api.get_buckets())

    @describe(answers=BUCKET)
    def get_bucket(self, bucket_id: BucketId) -> Response:
        """Answer one bucket."""
        return answer(self._api.get_bucket_metadata(bucket_id))

    @describe(
        body=NEW_BUCKET,
        answers=NOTHING,
        also={HTTPStatus.NOT_MODIFIED: "the bucket exists already, and stays as it is"},
    )
    def create_bucket(self, bucket_id: BucketId) -> Response:
        """Create a bucket; one that exists stays as it is and is 304, as every client expects.

        ``events`` are inserted into a new bucket (aw-server-rust 0.14.0); null and absent are none.
        """
        body, now = read_object(), datetime.now(UTC)
        description = parse_description(body, now=now)
        events = parse_events(body.get("events") or [], now=now)
        is_new = self._api.create_bucket(
            bucket_id,
            _require(description.type, "type"),
            _require(description.client, "client"),
            _require(description.hostname, "hostname"),
            description.created,
            description.data,
            pulsetime=description.pulsetime,
        )
        if not is_new:
            return answer_nothing(HTTPStatus.NOT_MODIFIED)
        if events:
            self._api.create_events(bucket_id, events)
        return answer({})

    @describe(body=BUCKET_CHANGE, answers=NOTHING)
    def update_bucket(self, bucket_id: BucketId) -> Response:
        """Change what the body names of ``type``, ``client``, ``hostname`` and ``data``; the rest stays as it is."""
        stated = parse_description(read_object(), now=datetime.now(UTC))
        self._api.update_bucket(bucket_id, stated.type, stated.client, stated.hostname, stated.data)
        return answer({})

    @describe(query=[FORCE], answers=NOTHING, also={HTTPStatus.UNAUTHORIZED: "force=1 is missing, or the key"})
    def delete_bucket(self, bucket_id: BucketId) -> Response:
        """Delete a bucket and its events, with ``?force=1`` or in testing mode; a body is ignored."""
        if not (self._testing or is_forced()):
            raise Unauthorized(_NOT_FORCED)
        self._api.delete_bucket(bucket_id)
        return answer({})


def _require(value: str | None, name: str) -> str:
    if value is None:
        raise InvalidEvent(name, "is required, as a text")
    return value
