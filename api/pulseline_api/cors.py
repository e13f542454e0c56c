"""What browsers are told: who may see an answer (CORS), and what may be done with it.

A page of another origin that ``Access`` calls a friend gets ``Access-Control-Allow-Origin`` with every answer, errors
included, and its preflights are answered at once, on any path: they come without a key, and say nothing of what is
there. Cookies and the like are never asked for. Nobody else ever sees one of these headers.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from flask import Response, request

from pulseline_api.access import get_friend
from pulseline_api.answer import answer_nothing

_METHODS: Final = "GET, POST, PUT, DELETE, HEAD"

#: What every client sends; others are allowed as they are asked for, since a friend is known by its origin alone.
_HEADERS: Final = "Content-Type, Authorization"

#: What a friend's page may read of an answer beside what browsers always show it.
_EXPOSED: Final = "Pulseline-Warnings, Retry-After"

#: Names of headers: RFC 9110 section 5.6.2, as many as a browser sends.
_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:[ \t]*,[ \t]*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")

#: Seconds for which a browser does not ask again.
_MAX_AGE: Final = "600"


def answer_preflight() -> Response | None:
    """Answer a browser's question whether a friend may send a request; ``None`` for any other request."""
    environ = request.environ
    if environ["REQUEST_METHOD"] != "OPTIONS" or get_friend() is None:
        return None
    if "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in environ:
        return None
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")[:1024]
    headers = f"{_HEADERS}, {asked}" if _HEADER_NAMES.fullmatch(asked) is not None else _HEADERS
    response = answer_nothing(HTTPStatus.NO_CONTENT)
    response.headers["Access-Control-Allow-Methods"] = _METHODS
    response.headers["Access-Control-Allow-Headers"] = headers
    response.headers["Access-Control-Max-Age"] = _MAX_AGE
    return response


def add_headers(response: Response) -> Response:
    """Say who may see the answer.

    Nobody may embed it, guess its type or, unless a route says otherwise, keep it: it is what somebody did all day.
    """
    headers = response.headers
    friend = get_friend()
    if friend is not None:
        headers["Access-Control-Allow-Origin"] = friend
        headers["Access-Control-Expose-Headers"] = _EXPOSED
    headers.add("Vary", "Origin")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers.setdefault("Cache-Control", "no-store")
    return response
