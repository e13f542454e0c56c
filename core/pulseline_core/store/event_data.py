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

#: Numbers kept in memory, about 250 bytes each: more than the distinct objects of a busy day.
_MAX_KNOWN: Final = 20_000

#: A text up to this length is known by itself, which is quicker than to make its digest; a longer one by that.
_MAX_KEY_BYTES: Final = 256

_FIND: Final = "SELECT id FROM event_data WHERE digest = ?"
#: Another writer may have added it since it was looked for.
_ADD: Final = (
    "INSERT INTO event_data (digest, json) VALUES (?, ?) ON CONFLICT (digest) DO UPDATE SET json = excluded.json"
)
#: The same for many, where each of them would be a journey; in an order that all writers share.
_FIND_ALL: Final = "SELECT digest, id FROM event_data WHERE digest = ANY(?::bytea[])"
_ADD_ALL: Final = """
INSERT INTO event_data (digest, json) SELECT * FROM unnest(?::bytea[], ?::text[])
ON CONFLICT (digest) DO UPDATE SET json = excluded.json RETURNING digest, id
"""
_COLLECT: Final = "DELETE FROM event_data WHERE id = ? AND NOT EXISTS (SELECT 1 FROM event WHERE data_id = ?)"


class EventData:
    """The ``event_data`` table; of one writing connection, thrown away after a rollback.

    Known numbers are kept under the text of the data as it came (not canonical: cheaper; other spellings of equal data
    are other keys with the same number).
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[bytes, int] = {}
        #: Rows that were made for what is expected and that no event has yet.
        self._unused: set[int] = set()

    def get_id(self, data: JSONObject) -> int:
        """Return the number of the data's row, which is made if there is none.

        The caller must give it to an event in the same transaction, or it is an orphan.
        """
        key = _build_key(data)
        data_id = self._known.get(key)
        if data_id is None:
            data_id = self._find_or_add(data)
            self._remember({key: data_id})
        if self._unused:
            self._unused.discard(data_id)
        return data_id

    def expect(self, objects: Iterable[JSONObject]) -> None:
        """Find or make the rows of all that may be asked for at once; ``flush`` removes what was not asked for."""
        unknown = {key: data for data in objects if (key := _build_key(data)) not in self._known}
        if not unknown:
            return
        texts = {key: canonical(data) for key, data in unknown.items()}
        digests = {key: _digest(text.encode()) for key, text in texts.items()}
        numbers: dict[bytes, int] = dict(self._connection.fetch_all(_FIND_ALL, (list(digests.values()),)))
        new = sorted({(digest, texts[key]) for key, digest in digests.items() if digest not in numbers})
        if new:
            added = self._connection.fetch_all(_ADD_ALL, [list(column) for column in zip(*new, strict=True)])
            self._unused.update(data_id for _, data_id in added)
            numbers.update(added)
        self._remember({key: numbers[digest] for key, digest in digests.items()})

    def collect(self, data_ids: Iterable[int]) -> None:
        """Delete those of the rows that no event has any more."""
        deleted = self._connection.change_many(_COLLECT, [(data_id, data_id) for data_id in data_ids])
        if deleted:
            self._known.clear()

    def flush(self) -> None:
        """Remove the rows that no event has; the transaction is about to commit, and its events are written."""
        if self._unused:
            self.collect(self._unused)
            self._unused.clear()

    def _find_or_add(self, data: JSONObject) -> int:
        text = canonical(data)
        digest = _digest(text.encode())
        row = self._connection.fetch_one(_FIND, (digest,))
        return int(row[0]) if row is not None else self._connection.insert(_ADD, (digest, text))

    def _remember(self, numbers: dict[bytes, int]) -> None:
        if len(self._known) + len(numbers) > _MAX_KNOWN:
            self._known.clear()
        self._known.update(numbers)


def _build_key(data: JSONObject) -> bytes:
    text = orjson.dumps(data)
    return text if len(text) <= _MAX_KEY_BYTES else _digest(text)


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()
