"""The aliases that the whole project speaks in."""

from __future__ import annotations

from typing import NewType, TypeAlias

BucketId = NewType("BucketId", str)
"""A bucket's id as people write it (not percent-encoded), 1 to 256 UTF-8 bytes, without NUL."""

PublisherId = NewType("PublisherId", str)
"""The id of one outbox, up to 256 UTF-8 bytes; also the MQTT client id that it publishes with."""

JSONValue: TypeAlias = "bool | int | float | str | list[JSONValue] | dict[str, JSONValue] | None"
"""Anything JSON can hold; numbers are finite, integers fit 64 bits signed, text has no NUL or lone surrogate."""

JSONObject: TypeAlias = "dict[str, JSONValue]"
"""A JSON object, as in an event's ``data``."""
