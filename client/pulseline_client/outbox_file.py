"""The outbox's file: who may open it, its schema, and what happens when it is damaged.

One process at a time: a lock on ``<file>.lock`` is held while the outbox is open, and the kernel lets go of it when
the process ends, however it ends. A file that is not a sound database is moved aside, never deleted, and a new
outbox with a new publisher id takes its place: under the old id its messages would look like repeated ones. For the
same reason a file that was copied, or restored from a backup, gets a new id: it remembers its inode.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pulseline_core.data_folder import map_os_error
from pulseline_core.errors import (
    DiskFull,
    NotPermitted,
    OutboxInUse,
    PulselineError,
    StoreUnavailable,
    UnsupportedSchema,
)
from pulseline_core.types import PublisherId

logger = logging.getLogger(__name__)

#: Kept in SQLite's ``user_version``.
SCHEMA_VERSION: Final = 2

#: ``bucket.last_seq`` outlives the messages, so that a seq is never given twice; it is written when they are deleted.
_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE publisher (id TEXT NOT NULL, inode INTEGER);
CREATE TABLE bucket (bucket_id TEXT PRIMARY KEY, last_seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    bucket_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX message_bucket_seq ON message (bucket_id, seq);
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

#: SQLite's extended codes hold the primary one in their low byte.
_PRIMARY_CODE: Final = 0xFF


class OutboxDamaged(StoreUnavailable):
    """The outbox's file is not a sound database any more."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"outbox '{path}' is damaged: {reason}",
            hint="open it again: the damaged file is then moved aside, and a new one begun",
        )


def lock_outbox(path: Path) -> int:
    """Take the outbox's lock, making its folder (0700) where it is missing; return the open lock file.

    Raises:
        OutboxInUse: another process, or another object of this one, has it.
        NotPermitted: the file system refuses us.
        DiskFull: there is no space.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise map_os_error(error, path) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise OutboxInUse(str(path)) from None
        raise map_os_error(error, path) from error
    return descriptor


def open_database(path: Path) -> sqlite3.Connection:
    """Return the writing connection of a locked outbox, with its schema in place and its pages checked.

    Raises:
        UnsupportedSchema: a newer Pulseline wrote it.
        NotPermitted: the file system refuses us.
        StoreUnavailable: it can not be read or written now.
    """
    try:
        return _open_sound(path)
    except OutboxDamaged as error:
        aside = _move_aside(path)
        logger.error(  # noqa: TRY400  the message says all that matters
            "%s; it was moved to '%s', what waited in it is not sent", error, aside, extra={"action": "outbox_damaged"}
        )
        return _open_sound(path)


def _open_sound(path: Path) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise map_os_error(error, path) from error
    connection = connect(path)
    try:
        with map_errors(path):
            _prepare(connection, path)
    except PulselineError:
        connection.close()
        raise
    return connection


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection that several threads may use in turn; transactions are begun by hand."""
    with map_errors(path):
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise UnsupportedSchema(str(path), found=version, supported=SCHEMA_VERSION)
    problems = connection.execute("PRAGMA quick_check(1)").fetchall()
    if problems != [("ok",)]:
        raise OutboxDamaged(path, str(problems[0][0]).splitlines()[-1])
    if version == 0:
        connection.executescript(_SCHEMA)
    if version == 1:
        connection.executescript("ALTER TABLE publisher ADD COLUMN inode INTEGER; PRAGMA user_version = 2")
    _settle_publisher(connection, path)


def _settle_publisher(connection: sqlite3.Connection, path: Path) -> None:
    """Give the outbox an id, another one than the file that it is a copy of."""
    inode = path.stat().st_ino
    row = connection.execute("SELECT id, inode FROM publisher").fetchone()
    if row is None:
        connection.execute("INSERT INTO publisher (id, inode) VALUES (?, ?)", (make_publisher(), inode))
        return
    publisher, known = row
    if known == inode:
        return
    if known is not None:
        publisher = make_publisher()
        logger.warning("outbox '%s' is a copy; it gets an id of its own", path, extra={"action": "outbox_copied"})
    connection.execute("UPDATE publisher SET id = ?, inode = ?", (publisher, inode))


def make_publisher() -> PublisherId:
    """Return an id that nobody else has."""
    return PublisherId(str(uuid.uuid4()))


def check_place(path: Path, inode: int) -> None:
    """Raise ``StoreUnavailable`` when the open file does not lie where it was opened any more: nobody would find it."""
    try:
        is_there = path.stat().st_ino == inode
    except OSError:
        is_there = False
    if not is_there:
        raise StoreUnavailable(f"outbox '{path}' was removed or replaced", hint="start the program again")


def _move_aside(path: Path) -> Path:
    """Rename the file and what SQLite keeps beside it; return the new place."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    try:
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise map_os_error(error, path) from error
    return aside


@contextmanager
def map_errors(path: Path) -> Iterator[None]:
    """Let nothing of SQLite's come out."""
    try:
        yield
    except sqlite3.Error as error:
        raise _map_error(error, path) from error


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Commit what is done inside, or none of it; errors as of ``map_errors``."""
    with map_errors(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _map_error(error: sqlite3.Error, path: Path) -> PulselineError:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code in _DAMAGED:
        return OutboxDamaged(path, str(error))
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(str(path))
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY):
        return NotPermitted(str(path), str(error))
    return StoreUnavailable(f"outbox '{path}' can not be used: {error}")
