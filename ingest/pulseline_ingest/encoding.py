"""JSON as ingest writes it to the wire: the only module here that knows the encoder."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from pulseline_core.types import JSONValue


def encode(value: JSONValue | Mapping[str, JSONValue]) -> bytes:
    """Return compact JSON in UTF-8; the value holds nothing that ``check_json`` refuses."""
    return orjson.dumps(value)
