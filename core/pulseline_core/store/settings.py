"""What clients keep under keys (``pulseline_core.setting``): rows of ``key_value``, with a mark before the key."""

from __future__ import annotations

from typing import Final

import orjson

from pulseline_core.store.connection import Connection
from pulseline_core.types import JSONObject, JSONValue

#: Before each key, so that none is the database's own.
_MARK: Final = "setting."

_SET: Final = "INSERT INTO key_value (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_DELETE: Final = "DELETE FROM key_value WHERE key = ?"
_READ: Final = "SELECT value FROM key_value WHERE key = ?"
#: From the mark to what follows it in the order of text: "/" is the character after ".".
_READ_ALL: Final = "SELECT key, value FROM key_value WHERE key >= 'setting.' AND key < 'setting/' ORDER BY key"


def set_setting(connection: Connection, key: str, value: JSONValue) -> None:
    """Keep a value under a key."""
    connection.change(_SET, (_MARK + key, orjson.dumps(value).decode()))


def delete_setting(connection: Connection, key: str) -> bool:
    """Forget a key; return whether there was a value."""
    return connection.change(_DELETE, (_MARK + key,)) > 0


def read_setting(connection: Connection, key: str) -> JSONValue:
    """Return the value of a key, ``None`` if there is none."""
    row = connection.fetch_one(_READ, (_MARK + key,))
    return None if row is None else orjson.loads(row[0])


def read_settings(connection: Connection) -> JSONObject:
    """Return all values by key."""
    return {key.removeprefix(_MARK): orjson.loads(text) for key, text in connection.fetch_all(_READ_ALL)}
