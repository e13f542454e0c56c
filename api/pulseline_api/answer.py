"""What the API answers with: JSON, as bytes, by the fast encoder."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import orjson
from flask import Response

JSON_TYPE: Final = "application/json"


def answer(value: object, status: int = HTTPStatus.OK) -> Response:
    """Return ``value`` as a JSON response, with a line end; times and the like must be text already."""
    return Response(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE), status, content_type=JSON_TYPE)


def answer_text(text: str) -> Response:
    """Return text that is JSON already, with a line end."""
    return Response(f"{text}\n".encode(), content_type=JSON_TYPE)


def answer_nothing(status: int) -> Response:
    """Return an empty response without a content type, as a 304 must be."""
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response
