"""SQLite: one file in WAL mode, which one connection writes and any number read.

- A commit is durable (``synchronous=FULL``): the log is synced before it returns.
- Only the writer checkpoints. All SQLite versions up to 3.51.2 can damage the file when two connections checkpoint and
  write at once (sqlite.org/wal.html, "The WAL-Reset Bug"); readers are told not to, and open the file read-only.
- The file is ours if its ``application_id`` says so; the schema's version is its ``user_version``.
- Whoever deletes the log of an open database takes what was committed since the last checkpoint: it is in a file
  without a name then, which is gone with the last connection. So its identity is watched. The index of the log
  (``-shm``) can not be made anew while anybody has the old one: without it only a restart helps.
- File and folder are synced to their own folder when they are made, so that a power cut does not take the whole file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import peewee

from pulseline_core.errors import PulselineError, StoreUnavailable
from pulseline_core.store import sqlite_errors
from pulseline_core.store.connection import FETCH_ROWS, Connection, Row

#: "PULS": what ``file`` and we know the database by.
_APPLICATION_ID: Final = 0x50554C53

#: How long a statement waits for another program's lock; nobody but people with tools takes one.
_BUSY_TIMEOUT_S: Final = 5.0

#: 16 MiB: pages that are written again and again reach the file once (with 10,000 active buckets, every group touches
#: some hundred pages).
_CHECKPOINT_PAGES: Final = 4000

#: The log is cut back to this when it starts anew.
_LOG_BYTES: Final = 64 * 1024 * 1024

#: A log that overlapping readers never let start anew is emptied at this size.
_MAX_LOG_BYTES: Final = 128 * 1024 * 1024

#: How long that waits for readers, and commits with it; it is tried again when the log has grown by an eighth of that.
_TIDY_TIMEOUT_MS: Final = 200

#: KiB of pages in memory; the operating system holds the rest.
_WRITER_CACHE_KIB: Final = 64 * 1024
_READER_CACHE_KIB: Final = 8 * 1024

_MOVE_SEQUENCE: Final = "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ?"
_BEGIN_SEQUENCE: Final = "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)"
_READ_SEQUENCE: Final = "SELECT seq FROM sqlite_sequence WHERE name = ?"

_WRITER_PRAGMAS: Final = (
    ("synchronous", "full"),
    ("fullfsync", "on"),  # macOS: a sync that does not stop at the disk's cache
    ("foreign_keys", "on"),
    ("wal_autocheckpoint", _CHECKPOINT_PAGES),
    ("journal_size_limit", _LOG_BYTES),
    ("cache_size", -_WRITER_CACHE_KIB),
    ("temp_store", "memory"),
)

_READER_PRAGMAS: Final = (
    ("query_only", "on"),
    ("wal_autocheckpoint", 0),
    ("cache_size", -_READER_CACHE_KIB),
    ("temp_store", "memory"),
)


class SqliteDriver:
    """A connection to a file, as ``connection.Driver``; whoever writes is alone, so nothing has to be locked."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.execute = self.execute_locking = connection.execute

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run a statement for each row of parameters."""
        return self._connection.executemany(sql, rows).rowcount

    def insert(self, sql: str, parameters: Sequence[Any]) -> int:
        """Insert one row and return its number."""
        return self._connection.execute(sql, parameters).lastrowid or 0

    def take_numbers(self, table: str, count: int) -> list[int]:
        """Move the table's sequence on; where it is kept is a table like others (SQLite, "Autoincrement")."""
        if not self.execute(_MOVE_SEQUENCE, (count, table)).rowcount:
            self.execute(_BEGIN_SEQUENCE, (table, count))
        [(last,)] = self.execute(_READ_SEQUENCE, (table,))
        return list(range(last - count + 1, last + 1))

    def iter_batches(self, sql: str, parameters: Sequence[Any]) -> Iterator[list[Row]]:
        """Yield the rows as they are found."""
        cursor = self._connection.execute(sql, parameters)
        while rows := cursor.fetchmany(FETCH_ROWS):
            yield rows

    def lock(self, name: str) -> None:
        """Do nothing."""


class SqliteBackend:
    """A database file at ``path``."""

    is_shared = False
    is_leased = False

    errors: tuple[type[Exception], ...] = (sqlite3.Error, peewee.PeeweeException)
    begin_write = "BEGIN IMMEDIATE"
    begin_read = "BEGIN"

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._log = self.path.with_name(self.path.name + "-wal")
        self._index = self.path.with_name(self.path.name + "-shm")
        self._tidy_at_bytes = _MAX_LOG_BYTES

    @property
    def place(self) -> str:
        """The file's path."""
        return str(self.path)

    def open_writer(self) -> peewee.Database:
        """Connect for writing; makes the file, for its owner alone, if there is none."""
        try:
            self._make_file()
        except OSError as error:
            raise sqlite_errors.translate_os_error(error, self.path) from error
        return self._connect("rw", _WRITER_PRAGMAS)

    def open_reader(self) -> peewee.Database:
        """Connect for reading; never changes or checkpoints the file."""
        try:
            self.path.stat()
        except OSError as error:
            raise sqlite_errors.translate_os_error(error, self.path) from error
        return self._connect("ro", _READER_PRAGMAS)

    def get_driver(self, database: peewee.Database) -> SqliteDriver:
        """Return what runs statements."""
        return SqliteDriver(database.connection())  # type: ignore[no-untyped-call]  # peewee's stubs

    def is_lost(self, database: peewee.Database) -> bool:  # noqa: ARG002 - other kinds need it
        """Return whether the connection is of no use, which a file never makes it by itself."""
        return False

    def get_identity(self) -> object:
        """Return which file, and which index of its log, lie there now."""
        return _identify(self.path), _identify(self._index)

    def get_log_identity(self) -> object:
        """Return which log lies there now; SQLite makes it at the first read, and keeps it until the last close."""
        return _identify(self._log)

    def translate(self, error: Exception) -> PulselineError:
        """Return our error for one of sqlite3 or peewee."""
        return sqlite_errors.translate(error, self.path)

    def is_empty(self, connection: Connection) -> bool:
        """Return whether the file has no table and no owner."""
        return connection.fetch_one("SELECT 1 FROM sqlite_master") is None and not self._read_owner(connection)

    def read_version(self, connection: Connection) -> int:
        """Return ``user_version``; ``StoreUnavailable`` if another program wrote the file."""
        if self._read_owner(connection) != _APPLICATION_ID:
            raise sqlite_errors.not_ours(self.path)
        row = connection.fetch_one("PRAGMA user_version")
        return 0 if row is None else int(row[0])

    def write_version(self, connection: Connection, version: int) -> None:
        """Set ``user_version`` and whose file it is."""
        connection.change(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.change(f"PRAGMA user_version = {version:d}")

    def set_up(self, connection: Connection) -> None:
        """Have the file written through a log; the file remembers it."""
        if connection.fetch_one("PRAGMA journal_mode = wal") != ("wal",):
            raise StoreUnavailable(
                f"database {self.place!r} can not have a write-ahead log where it lies",
                hint="choose a local disk with --data-dir; network file systems do not work",
            )

    def back_up(self, connection: Connection, version: int) -> Path:
        """Copy the database to ``<file>.backup-v<version>-<UTC time>`` beside it; half a copy never has that name."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        backup = self.path.with_name(f"{self.path.name}.backup-v{version}-{moment}")
        partial = self.path.with_name(f"{self.path.name}.backup-partial")
        try:
            partial.unlink(missing_ok=True)
            os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            connection.change("VACUUM INTO ?", (str(partial),))
            _sync(partial)
            partial.rename(backup)
            _sync_folder(self.path.parent)
        except OSError as error:
            raise sqlite_errors.translate_os_error(error, backup) from error
        return backup

    def tidy(self, connection: Connection) -> None:
        """Empty the log if readers have kept it from starting anew for too long."""
        try:
            size_bytes = self._log.stat().st_size
        except OSError:
            return
        if size_bytes > self._tidy_at_bytes:
            is_blocked = self._empty_log(connection)
            self._tidy_at_bytes = size_bytes + _MAX_LOG_BYTES // 8 if is_blocked else _MAX_LOG_BYTES

    def finish(self, connection: Connection) -> bool:
        """Bring the log into the file, and return whether readers allowed it; the rest is there at the next start."""
        return not self._empty_log(connection)

    def _connect(self, mode: str, pragmas: tuple[tuple[str, str | int], ...]) -> peewee.SqliteDatabase:
        database = peewee.SqliteDatabase(
            f"{self.path.as_uri()}?mode={mode}",
            pragmas=pragmas,
            timeout=_BUSY_TIMEOUT_S,
            thread_safe=False,  # peewee's way to say: one connection, not one a thread
            check_same_thread=False,
            uri=True,
        )
        database.connect()
        return database

    def _empty_log(self, connection: Connection) -> bool:
        """Bring the log into the file and cut it to nothing; return whether a reader was in the way to the end."""
        connection.change(f"PRAGMA busy_timeout = {_TIDY_TIMEOUT_MS}")
        row = connection.fetch_one("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.change(f"PRAGMA busy_timeout = {int(_BUSY_TIMEOUT_S * 1000)}")
        return row is None or row[0] != 0

    def _make_file(self) -> None:
        if self.path.exists():
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        _sync_folder(self.path.parent)

    def _read_owner(self, connection: Connection) -> int:
        row = connection.fetch_one("PRAGMA application_id")
        return 0 if row is None else int(row[0])


def _identify(path: Path) -> tuple[int, int] | None:
    """Return a file's device and number; ``None`` without a file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
