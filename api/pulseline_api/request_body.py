"""The JSON that a request carries, read strictly: what gets past here can be stored and read back anywhere.

The content type must say JSON. That is no pedantry: a browser sends JSON to another site only after asking, so a
foreign page can not post it (reference: the multipart import of aw-server, which any page could call).
"""

from __future__ import annotations

import re
from typing import Final

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from pulseline_core.errors import InvalidPayload
from pulseline_core.payload import decode_json
from pulseline_core.types import JSONObject, JSONValue

#: The largest body of a request; a batch beyond the size of one message is published as several.
MAX_BODY_BYTES: Final = 16 * 1024 * 1024

_JSON: Final = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json\s*(?:;.*)?", re.ASCII | re.IGNORECASE)


def is_json() -> bool:
    """Return whether the content type of the body says JSON."""
    return _JSON.fullmatch(request.environ.get("CONTENT_TYPE", "")) is not None


def read_json() -> JSONValue:
    """Return what the body holds.

    Raises:
        UnsupportedMediaType: the content type is not JSON.
        InvalidPayload: the body is not JSON in UTF-8, or holds an integer beyond 64 bits.
    """
    if not is_json():
        content_type = request.environ.get("CONTENT_TYPE", "")
        raise UnsupportedMediaType(f"the content type must be application/json, not {content_type[:128]!r}")
    return decode_json(request.get_data(cache=False))


def read_object() -> JSONObject:
    """Return the object in the body; raise as ``read_json``, also for any other value."""
    value = read_json()
    if not isinstance(value, dict):
        raise InvalidPayload(f"payload {str(value)[:64]!r} is not an object")
    return value
