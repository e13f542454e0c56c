"""From a place to an open store."""

from __future__ import annotations

from collections.abc import Sequence

from pulseline_core.partition import Partition
from pulseline_core.store.migrations import MIGRATIONS, Migration
from pulseline_core.store.places import Place, find_backend
from pulseline_core.store.reader import Reader
from pulseline_core.store.writer import Store


def open_store(place: Place, *, migrations: Sequence[Migration] = MIGRATIONS, lease: Partition | None = None) -> Store:
    """Open the database at ``place`` for writing; makes its tables, or brings them up to date after a backup.

    Only one process may have a file open for writing; the lock on the data folder sees to that. A file is made if there
    is none, a database on a server must be there.

    Args:
        place: where it is.
        migrations: the steps from one version of the tables to the next.
        lease: a partition that nobody but the open store may hold; another one can be opened when this one is closed,
            or has said nothing for too long. ``EVERYTHING`` may be held by several, but not beside a partition.

    Raises:
        PartitionTaken: another store holds it.
        InvalidSetting: it is everything, while other workers share the buckets.
        NotPermitted: the file system or the server refuses us.
        UnsupportedSchema: a newer Pulseline wrote the database.
        StoreUnavailable: it is no database, is damaged or locked, can not be reached, or the disk is full
            (``DiskFull``).
    """
    store = Store(find_backend(place, lease=lease), migrations)
    store.open()
    return store


def open_reader(place: Place) -> Reader:
    """Open the database at ``place`` for reading.

    Connects at the first read: as long as there is no database, reads raise ``StoreUnavailable`` and work once there
    is one. ``Reader.check`` tells at once.
    """
    return Reader(find_backend(place))
