"""``POST /api/0/import``: an export moves in.

The body is an export as JSON, or a form with files that are exports (the web interface sends ``buckets.json``). It lies
in a file before this is called and is read from there, an event at a time, so that its size does not matter to the
server's memory.

An import writes as fast as ingest commits, for as long as that takes, so one runs at a time; another one is 503 with
``Retry-After``. It is safe to repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from pulseline_api.answer import JSON_TYPE, answer
from pulseline_api.description import Content, describe
from pulseline_api.places import Places
from pulseline_api.request_body import is_json
from pulseline_api.schemas import EXPORT, EXPORT_FILES, IMPORTS
from pulseline_api.server_api import ServerAPI
from pulseline_core.errors import InvalidPayload

#: aw-server-rust takes 1,000 MB.
MAX_IMPORT_BYTES: Final = 1024 * 1024 * 1024

#: Below the base of the API.
IMPORT_PATH: Final = "/import"

_FORM: Final = "multipart/form-data"


def build_import_routes(api: ServerAPI) -> Blueprint:
    """Return the route of the import."""
    routes = Blueprint("import", __name__)
    place = Places(1, "another import runs; try again when it has ended")

    @routes.post(IMPORT_PATH)
    @describe(body=Content({JSON_TYPE: EXPORT, _FORM: EXPORT_FILES}), answers=IMPORTS)
    def import_all() -> Response:
        """Import an export, or several as files of a form; answer what became of it.

        With several files the answer is an array.
        """
        place.take()
        try:
            tallies = [api.import_file(file).to_json() for file in _get_files()]
        finally:
            place.give_back()
        return answer(tallies[0] if len(tallies) == 1 else tallies)

    return routes


def _get_files() -> Sequence[IO[bytes]]:
    """Return the exports in the body."""
    request.max_content_length = MAX_IMPORT_BYTES
    if is_json():
        body: IO[bytes] = request.environ["wsgi.input"]  # the server has it in a file, of which this is the whole
        return [body]
    if request.mimetype != _FORM:
        raise UnsupportedMediaType(
            f"the content type must be application/json or {_FORM}, not {(request.content_type or '')[:128]!r}"
        )
    files = [file.stream for _, file in request.files.items(multi=True)]
    if not files:
        raise InvalidPayload("the form holds no file; send an export as 'buckets.json'")
    return files
