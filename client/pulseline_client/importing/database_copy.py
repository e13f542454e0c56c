"""A private copy of somebody's SQLite database: opening the original could change its folder.

A database in WAL mode gets files beside it as soon as it is opened, be it to read; what a crash left in a journal is
brought in; and a reader holds up the writer of a database without WAL. So the file is copied together with its journal,
and only the copy is opened. The copy is taken again when a server wrote meanwhile.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from pulseline_core.data_folder import is_disk_full
from pulseline_core.errors import BadInput, DiskFull, NotPermitted, Unavailable

#: The first bytes of every SQLite database (https://www.sqlite.org/fileformat.html section 1.3).
SQLITE_HEADER: Final = b"SQLite format 3\0"

#: What belongs to a database that was not closed.
_COMPANIONS: Final = ("-wal", "-journal")

#: So often is a copy begun anew.
_ATTEMPTS: Final = 5


class DatabaseBusy(Unavailable):
    """A database is written to all the time."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"database {str(path)!r} changed each time that it was copied",
            hint="stop its server, or import from the server's address instead",
        )
        self.path = path


@contextmanager
def open_copy(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection to a copy that vanishes afterwards; the original's folder stays as it is, to the byte.

    Raises:
        BadInput: it is damaged; also while it is read.
        NotPermitted: it can not be read.
        DatabaseBusy: a server writes to it all the time.
        DiskFull: the folder for temporary files has no room for it.
    """
    with tempfile.TemporaryDirectory(prefix="pulseline-import-") as folder:
        copy = Path(folder) / "copy.db"
        _copy_whole(path.resolve(), copy)  # a journal lies beside the file, not beside a link to it
        try:
            with closing(sqlite3.connect(copy)) as connection:
                connection.text_factory = _decode
                yield connection
        except sqlite3.DatabaseError as error:
            raise BadInput(f"database {str(path)!r} can not be read: {error}") from error


def _decode(raw: bytes) -> str:
    """Return text whose broken bytes are lone surrogates, which no event may hold."""
    return raw.decode(errors="surrogateescape")


def _copy_whole(path: Path, copy: Path) -> None:
    """Copy a database and its journal as they were at one moment."""
    try:
        for _ in range(_ATTEMPTS):
            before = _look_at(path)
            for suffix in ("", *_COMPANIONS):
                _copy_one(Path(f"{path}{suffix}"), Path(f"{copy}{suffix}"))
            if _look_at(path) == before:
                return
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull(str(copy.parent)) from error
        raise NotPermitted(str(path), (error.strerror or str(error)).lower()) from error
    raise DatabaseBusy(path)


def _copy_one(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    if source.exists():
        shutil.copyfile(source, target)


def _look_at(path: Path) -> list[tuple[int, int] | None]:
    """Return what changes with every write to the database."""
    files = [Path(f"{path}{suffix}") for suffix in ("", *_COMPANIONS)]
    return [(stat.st_mtime_ns, stat.st_size) if stat is not None else None for stat in map(_stat, files)]


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def iter_rows(connection: sqlite3.Connection, sql: str, *parameters: object) -> Iterator[tuple[Any, ...]]:
    """Yield rows; where the database is damaged, raise ``BadInput`` after those that can be read."""
    try:
        yield from connection.execute(sql, parameters)
    except sqlite3.DatabaseError as error:
        raise BadInput(f"the database can not be read any further: {error}") from error


def get_tables(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the tables."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def get_columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """Return the names of a table's columns."""
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
