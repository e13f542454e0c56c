"""Where a database is: a path is a file of SQLite's, a text the URL of one on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from pulseline_core.errors import InvalidSetting
from pulseline_core.partition import EVERYTHING, Partition
from pulseline_core.store.connection import Backend
from pulseline_core.store.roster import Roster
from pulseline_core.store.sqlite import SqliteBackend

Place: TypeAlias = Path | str


def find_backend(place: Place, *, lease: Partition | None = None) -> Backend:
    """Return the kind of database that a place has.

    Args:
        place: where it is.
        lease: what the writer has to hold; a file's has everything anyhow.

    Raises:
        InvalidSetting: it is a URL, and what reads it is not installed; or a file, which has one writer.
    """
    if isinstance(place, Path):
        if lease not in (None, EVERYTHING):
            raise _has_one_writer()
        return SqliteBackend(place)
    with _psycopg_needed():
        from pulseline_core.store.postgres import PostgresBackend  # noqa: PLC0415 - psycopg is an extra
        from pulseline_core.store.postgres_lease import LeasedPostgresBackend, UndividedPostgresBackend  # noqa: PLC0415
    if lease is None:
        return PostgresBackend(place)
    return UndividedPostgresBackend(place) if lease == EVERYTHING else LeasedPostgresBackend(place, lease)


def open_roster(place: Place, *, count: int, worker: str) -> Roster:
    """Return what tells the workers on a database of one another; it connects when it is asked.

    Args:
        place: the database.
        count: how many partitions there are.
        worker: the name that all who share them have.

    Raises:
        InvalidSetting: the database is a file, or psycopg is not installed.
    """
    if isinstance(place, Path):
        raise _has_one_writer()
    with _psycopg_needed():
        from pulseline_core.store.postgres_lease import PostgresRoster  # noqa: PLC0415 - psycopg is an extra
    return PostgresRoster(place, count=count, worker=worker)


@contextmanager
def _psycopg_needed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise InvalidSetting(
            "store.url", f"needs psycopg: {error}", hint="pip install 'pulseline[server,postgres]'"
        ) from error


def _has_one_writer() -> InvalidSetting:
    return InvalidSetting(
        "ingest.partitions",
        "is more than 1, while the database is a file, which one process writes",
        hint="name a PostgreSQL database with --database",
    )
