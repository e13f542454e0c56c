"""What is deleted: out of everybody's sight at once, removed bit by bit.

Removing a hundred thousand events and their data takes half a second, which is too long for one transaction: other
messages wait for it. So a bucket is deleted by giving it a name that no bucket can have: every look-up is by name. A
range of events is deleted by moving it to such a bucket. ``collect`` then removes the rows, a few at a time; what is
left when the writer stops is found by the next.
"""

from __future__ import annotations

import uuid
from typing import Final

from pulseline_core.store.connection import Connection
from pulseline_core.store.event_data import EventData

#: What the name of a deleted bucket begins with; ``models.IS_KEPT`` tells it apart.
_MARK: Final = "\x1f"

_RENAME: Final = "UPDATE bucket SET name = ? WHERE id = ?"

_ADD_DELETED: Final = """
INSERT INTO bucket (name, type, client, hostname, data, created_us, longest_us)
SELECT ?, type, client, hostname, data, created_us, longest_us FROM bucket WHERE id = ?
"""
_MOVE: Final = "UPDATE event SET bucket_id = ? WHERE bucket_id = ? AND start_us >= ? AND start_us <= ?"

_FIND_DELETED: Final = "SELECT id FROM bucket WHERE name < ' ' LIMIT 1"
_FIND_EVENTS: Final = "SELECT id, data_id FROM event WHERE bucket_id = ? ORDER BY start_us LIMIT ?"
_REMOVE_EVENT: Final = "DELETE FROM event WHERE id = ?"
_REMOVE_BUCKET: Final = "DELETE FROM bucket WHERE id = ?"


def delete_bucket(connection: Connection, bucket_key: int) -> None:
    """Delete a bucket with all its events."""
    connection.change(_RENAME, (_make_name(), bucket_key))


def delete_range(connection: Connection, bucket_key: int, *, first_us: int, last_us: int) -> int:
    """Delete the events of a bucket that begin within a range; return how many they were."""
    deleted_key = connection.insert(_ADD_DELETED, (_make_name(), bucket_key))
    return connection.change(_MOVE, (deleted_key, bucket_key, first_us, last_us))


def collect(connection: Connection, data: EventData, limit: int) -> bool:
    """Remove up to ``limit`` events of one deleted bucket, and the data that no event has any more.

    Returns:
        Whether there was one; there may be more of it, or another.
    """
    found = connection.fetch_locked(_FIND_DELETED)
    if found is None:
        return False
    [bucket_key] = found
    rows = connection.fetch_all(_FIND_EVENTS, (bucket_key, limit))
    connection.change_many(_REMOVE_EVENT, [(event_id,) for event_id, _ in rows])
    data.collect(sorted({data_id for _, data_id in rows}))
    if len(rows) < limit:
        connection.change(_REMOVE_BUCKET, (bucket_key,))
    return True


def _make_name() -> str:
    return f"{_MARK}{uuid.uuid4()}"
