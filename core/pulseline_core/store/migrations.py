"""The schema's versions, and the way from one to the next.

A new database is made from the models, at the current version. An older one is brought up step by step: step ``n``
makes version ``n + 1`` of version ``n``, in one transaction with the new version number, after a backup of the whole
database. Killed at any point, the next start goes on where the last finished step left it. A newer database is refused.

To change the schema: change ``models``, append a function to ``MIGRATIONS`` that does the same to an existing database
in SQL of its own (never through the models, which go on changing), and add the case to the tests.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from pulseline_core.errors import StoreUnavailable, UnsupportedSchema
from pulseline_core.store.connection import Connection
from pulseline_core.store.models import TABLES, KeyValueTable
from pulseline_core.times import format_timestamp

logger = logging.getLogger(__name__)

Migration: TypeAlias = Callable[[Connection], None]
"""One step of the schema; runs within a transaction, must not commit."""


def _add_rewrites(connection: Connection) -> None:
    """Make version 2: readers learn from a table which part of a timeline changed."""
    connection.change(
        "CREATE TABLE rewrite (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,"
        " bucket INTEGER NOT NULL, from_us INTEGER NOT NULL)"
    )


#: The step from version n to n + 1 stands at place n - 1.
MIGRATIONS: Final[tuple[Migration, ...]] = (_add_rewrites,)


def prepare(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Create the schema in an empty database, or bring an older one up to date.

    Raises:
        UnsupportedSchema: a newer Pulseline wrote the database.
        StoreUnavailable: the database is not ours, or fails.
    """
    newest = len(migrations) + 1
    if connection.backend.is_empty(connection):
        connection.backend.set_up(connection)
        _apply(connection, _create, before=0, after=newest)
        return
    version = connection.backend.read_version(connection)
    check_version(connection, version, newest)
    connection.backend.set_up(connection)
    for number in range(version, newest):
        backup = connection.backend.back_up(connection, number)
        logger.info("migrating the database from schema version %d; backup: %s", number, backup)
        _apply(connection, migrations[number - 1], before=number, after=number + 1)


def check_current(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Raise unless the schema is the one that the readers know.

    Raises:
        UnsupportedSchema: it is newer.
        StoreUnavailable: it is older and waits for the writer, or the database is empty or not ours.
    """
    newest = len(migrations) + 1
    place = connection.backend.place
    if connection.backend.is_empty(connection):
        raise StoreUnavailable(
            f"database {place!r} is empty", hint="start 'pulseline up', 'pulseline broker' or 'pulseline ingest'"
        )
    version = connection.backend.read_version(connection)
    check_version(connection, version, newest)
    if version < newest:
        raise StoreUnavailable(
            f"database {place!r} has the older schema version {version} and waits to be brought to {newest}",
            hint="start 'pulseline up', 'pulseline broker' or 'pulseline ingest', which does it",
        )


def check_version(connection: Connection, version: int, newest: int) -> None:
    """Raise ``UnsupportedSchema`` if the version is newer than we know."""
    if version > newest:
        raise UnsupportedSchema(connection.backend.place, found=version, supported=newest)


def read_epoch(connection: Connection) -> str:
    """Return the database's own name, a UUID that a copy shares and a new database does not."""
    rows = connection.fetch(KeyValueTable.select(KeyValueTable.value).where(KeyValueTable.key == "epoch"))
    return str(rows[0][0])


def _apply(connection: Connection, step: Migration, *, before: int, after: int) -> None:
    """Do a step, unless another program has done it meanwhile."""
    with connection.write():
        connection.lock("schema")
        version = 0 if connection.backend.is_empty(connection) else connection.backend.read_version(connection)
        if version == before:
            step(connection)
            connection.backend.write_version(connection, after)


def _create(connection: Connection) -> None:
    connection.create_tables(TABLES)
    connection.run(KeyValueTable.insert(key="epoch", value=str(uuid.uuid4())))
    connection.run(KeyValueTable.insert(key="created", value=format_timestamp(datetime.now(UTC))))
