"""``GET /api/0/export`` and ``/api/0/buckets/<id>/export``: everything, in the form both ActivityWatch servers import.

``{"buckets": {"<id>": {...the bucket, "events": [...newest first, without ids]}}}``

The answer is made while it is sent, a page of events at a time, so its size does not matter to the server. Events
that come in meanwhile may or may not be part of it; a bucket that is deleted meanwhile ends where it got to.

An export holds a request thread for as long as its client takes to read it, so only some may run at a time; one more
is 503 with ``Retry-After``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final
from urllib.parse import quote

import orjson
from flask import Blueprint, Response
from werkzeug.exceptions import ServiceUnavailable

from pulseline_api.answer import JSON_TYPE
from pulseline_api.reader import Reader
from pulseline_core.bucket import Bucket
from pulseline_core.errors import NotFound
from pulseline_core.event import Event
from pulseline_core.types import BucketId, JSONObject

#: Events encoded at once: some 100 KiB of window events.
_PAGE: Final = 500

#: Seconds after which a client that was turned away may ask again.
_RETRY_AFTER_S: Final = 10

#: What a file name may hold everywhere; the rest of a bucket id becomes "_".
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)


def build_export_routes(reader: Reader, max_exports: int) -> Blueprint:
    """Return the routes of the export, of which ``max_exports`` run at a time."""
    routes = Blueprint("export", __name__)
    places = threading.BoundedSemaphore(max_exports)

    @routes.get("/export")
    def export_all() -> Response:
        """Stream all buckets."""
        return stream(reader.read_buckets(), name="aw-buckets-export.json")

    @routes.get("/buckets/<bucket_id>/export")
    def export_bucket(bucket_id: BucketId) -> Response:
        """Stream one bucket."""
        return stream([reader.read_bucket(bucket_id)], name=f"aw-bucket-export_{bucket_id}.json")

    def stream(buckets: Sequence[Bucket], *, name: str) -> Response:
        if not places.acquire(blocking=False):
            message = f"{max_exports} exports run already; try again when one of them has ended"
            raise ServiceUnavailable(message, retry_after=_RETRY_AFTER_S)
        response = Response(_iter_export(reader, buckets), content_type=JSON_TYPE)
        response.call_on_close(places.release)
        response.headers["Content-Disposition"] = _describe_file(name)
        return response

    return routes


def _describe_file(name: str) -> str:
    """Return a ``Content-Disposition`` that no bucket id can break out of (RFC 6266 section 4)."""
    plain = _UNSAFE.sub("_", name)
    disposition = f"attachment; filename={plain}"
    return disposition if plain == name else f"{disposition}; filename*=UTF-8''{quote(name, safe='')}"


def _iter_export(reader: Reader, buckets: Iterable[Bucket]) -> Iterator[bytes]:
    lead = b""
    yield b'{"buckets":{'
    for bucket in buckets:
        try:
            events = reader.iter_events(bucket.id)
        except NotFound:  # deleted since the list was read
            continue
        head = orjson.dumps(bucket.to_json())[:-1]
        yield lead + orjson.dumps(bucket.id) + b":" + head + b',"events":['
        yield from _iter_pages(events)
        yield b"]}"
        lead = b","
    yield b"}}\n"


def _iter_pages(events: Iterator[Event]) -> Iterator[bytes]:
    lead = b""
    while page := [_describe(event) for event in islice(events, _PAGE)]:
        yield lead + orjson.dumps(page)[1:-1]
        lead = b","


def _describe(event: Event) -> JSONObject:
    described = event.to_json()
    del described["id"]
    return described
