"""What the API answers with: JSON, as bytes, by the fast encoder."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import Final

import orjson
from flask import Response, request
from werkzeug.wsgi import wrap_file

from pulseline_core.data_folder import map_os_error

JSON_TYPE: Final = "application/json"

#: The largest answer that is kept in memory: some thousand events.
_MAX_BYTES_IN_MEMORY: Final = 1024 * 1024


def answer(value: object, status: int = HTTPStatus.OK) -> Response:
    """Return ``value`` as a JSON response, with a line end; times and the like must be text already."""
    return Response(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE), status, content_type=JSON_TYPE)


def answer_chunks(chunks: Iterable[bytes]) -> Response:
    """Return pieces of JSON, all of which are taken at once.

    What is large lies in a file until it is sent, so that neither memory nor a request thread is held by a client that
    is slow to take it.

    Raises:
        DiskFull: there is no space for it.
    """
    with ExitStack() as undo:
        try:
            file = undo.enter_context(SpooledTemporaryFile(_MAX_BYTES_IN_MEMORY))
            size_bytes = sum(map(file.write, chunks))
        except OSError as error:
            raise map_os_error(error, Path(gettempdir())) from error
        file.seek(0)
        if size_bytes <= _MAX_BYTES_IN_MEMORY:
            return Response(file.read(), content_type=JSON_TYPE)
        undo.pop_all()
    response = Response(wrap_file(request.environ, file), content_type=JSON_TYPE, direct_passthrough=True)
    response.content_length = size_bytes
    return response


def answer_nothing(status: int) -> Response:
    """Return an empty response without a content type, as a 304 must be."""
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response
