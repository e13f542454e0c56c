"""From a place to an open store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pulseline_core.store.migrations import MIGRATIONS, Migration
from pulseline_core.store.reader import Reader
from pulseline_core.store.sqlite import SqliteBackend
from pulseline_core.store.writer import Store


def open_store(path: Path, *, migrations: Sequence[Migration] = MIGRATIONS) -> Store:
    """Open the database file at ``path`` for writing; creates it, or brings it up to date after a backup.

    Only one process may have it open for writing; the lock on the data folder sees to that.

    Raises:
        NotPermitted: the file system refuses us.
        UnsupportedSchema: a newer Pulseline wrote the file.
        StoreUnavailable: the file is no database, is damaged or locked, or the disk is full (``DiskFull``).
    """
    store = Store(SqliteBackend(path), migrations)
    store.open()
    return store


def open_reader(path: Path) -> Reader:
    """Open the database file at ``path`` for reading.

    Connects at the first read: as long as there is no database, reads raise ``StoreUnavailable`` and work once there
    is one. ``Reader.check`` tells at once.
    """
    return Reader(SqliteBackend(path))
