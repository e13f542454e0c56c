"""``GET /api/0/export`` and ``/api/0/buckets/<id>/export``: everything, or a range of time, newest first, without ids.

``?format=`` chooses the form: JSON, which ActivityWatch imports, CSV or NDJSON. Events are cut to a range, so that the
months of a year add up to it.

The answer is made while it is sent, a page of events at a time, so its size does not matter to the server. Events
that come in meanwhile may or may not be part of it; a bucket that is deleted meanwhile ends where it got to.

An export holds a request thread for as long as its client takes to read it, so only some may run at a time; one more
is 503 with ``Retry-After``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final
from urllib.parse import quote

from flask import Blueprint, Response, request

from pulseline_api.description import Content, Parameter, describe
from pulseline_api.export_form import FORMS, get_form
from pulseline_api.parameters import END, START, read_time
from pulseline_api.places import Places
from pulseline_api.schemas import EXPORT, TEXT
from pulseline_api.server_api import ServerAPI
from pulseline_core.types import BucketId

#: What a file name may hold everywhere; the rest of a bucket id becomes "_".
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)

_FORMAT: Final = Parameter(
    name="format", schema={"type": "string", "enum": [*FORMS], "default": "json"}, text="the form of the answer"
)

_ANSWERS: Final = Content({form.content_type: EXPORT if name == "json" else TEXT for name, form in FORMS.items()})


def build_export_routes(api: ServerAPI, max_exports: int) -> Blueprint:
    """Return the routes of the export, of which ``max_exports`` run at a time."""
    routes = Blueprint("export", __name__)
    places = Places(max_exports, f"{max_exports} exports run already; try again when one of them has ended")

    @routes.get("/export")
    @describe(query=[_FORMAT, START, END], answers=_ANSWERS)
    def export_all() -> Response:
        """Stream all buckets."""
        return stream(api.export_all, name="aw-buckets-export")

    @routes.get("/buckets/<bucket_id>/export")
    @describe(query=[_FORMAT, START, END], answers=_ANSWERS)
    def export_bucket(bucket_id: BucketId) -> Response:
        """Stream one bucket."""
        return stream(partial(api.export_bucket, bucket_id), name=f"aw-bucket-export_{bucket_id}")

    def stream(export: Callable[..., Iterator[bytes]], *, name: str) -> Response:
        ending = request.args.get("format", "json")
        content_type = get_form(ending).content_type
        chunks = export(form=ending, start=read_time("start"), end=read_time("end"))
        places.take()
        response = Response(chunks, content_type=content_type)
        response.call_on_close(places.give_back)
        response.headers["Content-Disposition"] = _describe_file(f"{name}.{ending}")
        return response

    return routes


def _describe_file(name: str) -> str:
    """Return a ``Content-Disposition`` that no bucket id can break out of (RFC 6266 section 4)."""
    plain = _UNSAFE.sub("_", name)
    disposition = f"attachment; filename={plain}"
    return disposition if plain == name else f"{disposition}; filename*=UTF-8''{quote(name, safe='')}"
