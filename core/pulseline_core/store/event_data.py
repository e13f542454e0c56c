"""Each distinct ``data`` object once: from data to the number of its row, and back to nothing when no event has it.

Equality is that of JSON (``json_value.canonical``): ``1`` is ``1.0``, ``true`` is neither, the order of keys is
nothing. The row is found by a 128-bit digest of the canonical text; no two texts that anybody can make share one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

import orjson

from pulseline_core.json_value import canonical
from pulseline_core.store.connection import Connection
from pulseline_core.types import JSONObject

_DIGEST_BYTES: Final = 16

#: Numbers kept in memory, about 150 bytes each: more than the distinct objects of a busy day.
_MAX_KNOWN: Final = 20_000

_FIND: Final = "SELECT id FROM event_data WHERE digest = ?"
#: Another writer may have added it since it was looked for.
_ADD: Final = (
    "INSERT INTO event_data (digest, json) VALUES (?, ?) ON CONFLICT (digest) DO UPDATE SET digest = excluded.digest"
)
_COLLECT: Final = "DELETE FROM event_data WHERE id = ? AND NOT EXISTS (SELECT 1 FROM event WHERE data_id = ?)"


class EventData:
    """The ``event_data`` table; of one writing connection.

    Known numbers are kept under a digest of the data as it came (not canonical: cheaper; other spellings of equal data
    are other keys with the same number).
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[bytes, int] = {}

    def get_id(self, data: JSONObject) -> int:
        """Return the number of the data's row, which is made if there is none.

        The caller must give it to an event in the same transaction, or it is an orphan.
        """
        key = _digest(orjson.dumps(data))
        data_id = self._known.get(key)
        if data_id is None:
            data_id = self._find_or_add(data)
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[key] = data_id
        return data_id

    def collect(self, data_ids: Iterable[int]) -> None:
        """Delete those of the rows that no event has any more."""
        deleted = self._connection.change_many(_COLLECT, [(data_id, data_id) for data_id in data_ids])
        if deleted:
            self._known.clear()

    def _find_or_add(self, data: JSONObject) -> int:
        text = canonical(data)
        digest = _digest(text.encode())
        row = self._connection.fetch_one(_FIND, (digest,))
        return int(row[0]) if row is not None else self._connection.insert(_ADD, (digest, text))


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()
