"""Every error becomes JSON with a text ``message``, which ActivityWatch's web interface shows to people.

One table maps our errors to HTTP; what Flask and werkzeug raise (an unknown path, a wrong method) keeps its status.
What nobody foresaw is a bug: logged with its traceback, answered with 500 and without it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import NotFound as PathNotFound

from pulseline_api.answer import answer
from pulseline_core.errors import (
    BadInput,
    Closed,
    DiskFull,
    NotFound,
    PayloadTooLarge,
    PulselineError,
    Unavailable,
)

logger = logging.getLogger(__name__)

#: The status of an error is that of its nearest ancestor here.
STATUSES: Final[Mapping[type[PulselineError], HTTPStatus]] = {
    PulselineError: HTTPStatus.INTERNAL_SERVER_ERROR,
    BadInput: HTTPStatus.BAD_REQUEST,
    NotFound: HTTPStatus.NOT_FOUND,
    PayloadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    DiskFull: HTTPStatus.INSUFFICIENT_STORAGE,
    Closed: HTTPStatus.SERVICE_UNAVAILABLE,
}


#: Headers of werkzeug's errors that belong to ours as well.
_PASSED_ON: Final = frozenset({"allow", "retry-after", "www-authenticate"})


def get_status(error: PulselineError) -> HTTPStatus:
    """Return the HTTP status that an error is answered with."""
    return next(STATUSES[ancestor] for ancestor in type(error).__mro__ if ancestor in STATUSES)


def register_problems(app: Flask) -> None:
    """Make ``app`` answer every error as JSON."""
    app.register_error_handler(PulselineError, _answer_error)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(PathNotFound, _answer_unknown_path)


def _answer_error(error: PulselineError) -> Response:
    status = get_status(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("a request failed: %s", error, exc_info=error)
    return answer({"message": str(error)}, status)


def _answer_unknown_path(_: PathNotFound) -> Response:
    """Name the path as the client wrote it; werkzeug says to check the spelling."""
    path = str(request.environ.get("REQUEST_URI", request.path)).partition("?")[0]
    return answer({"message": f"no path {path[:256]!r} exists; /api/0/ lists all"}, HTTPStatus.NOT_FOUND)


def _answer_http_error(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    response = answer({"message": error.description or HTTPStatus(status).phrase}, status)
    for name, value in error.get_headers():
        if name.lower() in _PASSED_ON:
            response.headers[name] = value
    return response
