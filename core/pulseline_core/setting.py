"""Settings that ActivityWatch's clients keep on the server: any JSON value under a key.

They are the users' own (the web interface's categories, say), not what Pulseline itself is configured with.
"""

from __future__ import annotations

from typing import Final

from pulseline_core.errors import InvalidEvent
from pulseline_core.json_value import check_json
from pulseline_core.types import JSONValue

#: The first length that aw-server-rust 0.14.0 refuses.
MAX_KEY_LENGTH: Final = 127


def parse_setting_key(value: JSONValue) -> str:
    """Return ``value`` as a key.

    Raises:
        InvalidEvent: it is no text of 1 to 127 characters, or holds a control character.
    """
    if not isinstance(value, str):
        raise InvalidEvent("key", f"{str(value)[:64]!r} is not a text")
    check_json(value, field="key")
    if not 1 <= len(value) <= MAX_KEY_LENGTH:
        raise InvalidEvent("key", f"{value[:64]!r} has {len(value)} characters, not 1 to {MAX_KEY_LENGTH}")
    if not value.isprintable():
        raise InvalidEvent("key", f"{value[:64]!r} holds a control character")
    return value


def check_setting(key: str, value: JSONValue) -> JSONValue:
    """Return ``value`` if every store and client can hold it; raise ``InvalidEvent`` naming the key."""
    check_json(value, field=f"setting {key!r}")
    return value
