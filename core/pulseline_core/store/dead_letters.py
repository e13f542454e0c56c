"""Dead letters: messages that could not be applied, kept with all that is needed to look at them and try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pulseline_core.errors import NotFound
from pulseline_core.store.connection import Connection, Row
from pulseline_core.store.models import DeadLetterTable as Table
from pulseline_core.times import from_us, to_us

_COLUMNS: Final = (Table.id, Table.topic, Table.payload, Table.reason, Table.received_us, Table.client_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that could not be applied.

    Attributes:
        topic: where it was published; what a database can not hold of it is written as an escape.
        payload: its bytes, as they came.
        reason: why it could not be applied.
        received_at: when it came.
        client_id: the MQTT client id that it came from, or an empty text.
    """

    id: int
    topic: str
    payload: bytes
    reason: str
    received_at: datetime
    client_id: str


def add_dead_letter(
    connection: Connection, *, topic: str, payload: bytes, reason: str, received_at: datetime, client_id: str
) -> int:
    """Keep a message and return its number."""
    return connection.run(
        Table.insert(
            topic=_make_storable(topic),
            payload=payload,
            reason=_make_storable(reason),
            received_us=to_us(received_at),
            client_id=_make_storable(client_id),
        )
    )


def read_dead_letter(connection: Connection, dead_letter_id: int) -> DeadLetter:
    """Return a dead letter.

    Raises:
        NotFound: there is none with this number.
    """
    rows = connection.fetch(Table.select(*_COLUMNS).where(Table.id == dead_letter_id))
    if not rows:
        raise NotFound("dead letter", dead_letter_id)
    return _build(rows[0])


def set_reason(connection: Connection, dead_letter_id: int, reason: str) -> None:
    """Write why a dead letter could still not be applied when it was tried again.

    Raises:
        NotFound: there is none with this number.
    """
    if connection.run(Table.update(reason=_make_storable(reason)).where(Table.id == dead_letter_id)) == 0:
        raise NotFound("dead letter", dead_letter_id)


def drop_dead_letter(connection: Connection, dead_letter_id: int) -> None:
    """Forget a dead letter.

    Raises:
        NotFound: there is none with this number.
    """
    if connection.run(Table.delete().where(Table.id == dead_letter_id)) == 0:
        raise NotFound("dead letter", dead_letter_id)


def read_dead_letters(connection: Connection, *, limit: int, before_id: int | None) -> list[DeadLetter]:
    """Return the newest dead letters, newest first; with ``before_id`` those older than that one."""
    query = Table.select(*_COLUMNS).order_by(Table.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(Table.id < before_id)
    return [_build(row) for row in connection.fetch(query)]


def count_dead_letters(connection: Connection) -> int:
    """Return how many there are."""
    row = connection.fetch_one("SELECT COUNT(*) FROM dead_letter")
    return 0 if row is None else int(row[0])


def _build(row: Row) -> DeadLetter:
    number, topic, payload, reason, received_us, client_id = row
    return DeadLetter(
        id=number,
        topic=topic,
        payload=bytes(payload),
        reason=reason,
        received_at=from_us(received_us),
        client_id=client_id,
    )


def _make_storable(text: str) -> str:
    """Write NUL and lone surrogates, which databases refuse, as escapes."""
    return text.replace("\0", "\\x00").encode(errors="backslashreplace").decode()
