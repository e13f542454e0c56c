"""``/api/0/buckets``: what timelines there are."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, Response
from werkzeug.exceptions import Unauthorized

from pulseline_api.answer import answer, answer_nothing
from pulseline_api.parameters import is_forced
from pulseline_api.reader import Reader
from pulseline_api.request_body import read_object
from pulseline_api.writes import Writes
from pulseline_core.bucket import parse_description
from pulseline_core.types import BucketId

#: The wording of aw-server 0.13.2, rest.py.
_NOT_FORCED = "Deleting buckets is only permitted if aw-server is running in testing mode or if ?force=1"


class BucketRoutes:
    """The handlers of buckets.

    Args:
        reader: where buckets are read.
        writes: where they are created and deleted.
        testing: whether a bucket may be deleted without ``?force=1``.
    """

    def __init__(self, reader: Reader, writes: Writes, *, testing: bool) -> None:
        self._reader = reader
        self._writes = writes
        self._testing = testing

    def build(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("buckets", __name__, url_prefix="/buckets")
        routes.get("")(self.get_buckets)
        routes.get("/<bucket_id>")(self.get_bucket)
        routes.post("/<bucket_id>")(self.create_bucket)
        routes.delete("/<bucket_id>")(self.delete_bucket)
        return routes

    def get_buckets(self) -> Response:
        """Answer an object: each bucket under its id."""
        return answer({bucket.id: bucket.to_json() for bucket in self._reader.read_buckets()})

    def get_bucket(self, bucket_id: BucketId) -> Response:
        """Answer one bucket."""
        return answer(self._reader.read_bucket(bucket_id).to_json())

    def create_bucket(self, bucket_id: BucketId) -> Response:
        """Create a bucket; one that exists stays as it is and is 304, as every client expects."""
        description = parse_description(read_object(), now=datetime.now(UTC))
        if not self._writes.create_bucket(bucket_id, description):
            return answer_nothing(HTTPStatus.NOT_MODIFIED)
        return answer({})

    def delete_bucket(self, bucket_id: BucketId) -> Response:
        """Delete a bucket and its events, with ``?force=1`` or in testing mode; a body is ignored."""
        if not (self._testing or is_forced()):
            raise Unauthorized(_NOT_FORCED)
        self._writes.delete_bucket(bucket_id)
        return answer({})
