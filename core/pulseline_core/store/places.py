"""Where a database is: a path is a file of SQLite's, a text the URL of one on a PostgreSQL server."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from pulseline_core.errors import InvalidSetting
from pulseline_core.store.connection import Backend
from pulseline_core.store.sqlite import SqliteBackend

Place: TypeAlias = Path | str


def find_backend(place: Place) -> Backend:
    """Return the kind of database that a place has.

    Raises:
        InvalidSetting: it is a URL, and what reads it is not installed.
    """
    if isinstance(place, Path):
        return SqliteBackend(place)
    try:
        from pulseline_core.store.postgres import PostgresBackend  # noqa: PLC0415 - psycopg is an extra
    except ImportError as error:
        raise InvalidSetting(
            "store.url", f"needs psycopg: {error}", hint="pip install 'pulseline[server,postgres]'"
        ) from error
    return PostgresBackend(place)
