"""The outbox's room on its disk: how far the file may grow, and how it is emptied when the disk is full.

Theory of operation. To delete takes space, too: SQLite appends the changed pages to its log, and the log can be used
again only after a checkpoint, which has to extend the file by the pages that are new. So on a full disk nothing could
ever be deleted. A file beside the outbox, the reserve, occupies the space for that::

    before a commit     the reserve is made, or made larger, where there is room; the file may grow by as much as a
                        checkpoint finds room for in the reserve, or elsewhere on a disk that is not nearly full
    a commit fails      if messages are confirmed, the reserve is removed, and they are deleted in slices, with a
                        checkpoint after each; then the commit is tried again

Invariant: the pages that only the log has are no more than the reserve, or a checkpoint that has room for them follows
at once. Without any reserve the file does not grow: messages go where others were deleted.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from pulseline_client import outbox_file
from pulseline_client.outbox_file import map_errors, transaction
from pulseline_core.errors import DiskFull, StoreUnavailable
from pulseline_core.types import BucketId

#: Twice the log, so that a commit of usual size stays below it.
RESERVE_BYTES: Final = 1024 * 1024

#: What is deleted at once, as long as the log has room for it.
SLICE_MESSAGES: Final = 512

#: After so many pages in the log they are written to the file. Measured: not slower than SQLite's 1000.
LOG_PAGES: Final = 128

#: SQLite's, by default.
PAGE_BYTES: Final = 4096

#: With so much free, the next commits need no look at the disk: none of them comes near to filling it.
PLENTY_BYTES: Final = 1024 * 1024 * 1024
PLENTY_COMMITS: Final = 100

#: What every version of SQLite takes as the largest file: 4 TB.
MAX_PAGES: Final = 2**30 - 1

_KEEP_SEQ: Final = (
    "INSERT INTO bucket (bucket_id, last_seq) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET last_seq = max(last_seq, ?2)"
)
_DELETE: Final = "DELETE FROM message WHERE bucket_id = ? AND seq <= ? RETURNING size"
_SLICE: Final = "SELECT max(seq) FROM (SELECT seq FROM message WHERE bucket_id = ? AND seq <= ? ORDER BY seq LIMIT ?)"


class Room:
    """The space that one outbox has on its disk; used by its writer alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reserve = path.with_name(f"{path.name}.reserve")
        self._commits_without_a_look = 0

    def open(self) -> sqlite3.Connection:
        """Return the writing connection, with its log bounded; errors as of ``outbox_file.open_database``."""
        try:
            connection = outbox_file.open_database(self._path)
        except StoreUnavailable:
            # SQLite needs a little space only to look at the log.
            if not self._reserve.exists():
                raise
            self._reserve.unlink()
            connection = outbox_file.open_database(self._path)
        with map_errors(self._path):
            connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        return connection

    def limit_growth(self, connection: sqlite3.Connection) -> None:
        """Let the next transaction fail, with ``DiskFull``, when it makes the file larger than a checkpoint could.

        What is new is written twice, to the log and to the file; hence half of what is free.
        """
        if self._commits_without_a_look:
            self._commits_without_a_look -= 1
            return
        status = os.statvfs(self._path.parent)
        free_bytes = status.f_bavail * status.f_frsize
        self._commits_without_a_look = PLENTY_COMMITS if free_bytes >= PLENTY_BYTES else 0
        growth_bytes = self._fill_reserve(free_bytes)
        if growth_bytes >= RESERVE_BYTES:
            growth_bytes = max(growth_bytes, free_bytes // 2)
        self._set_limit(connection, (self._path.stat().st_size + growth_bytes) // PAGE_BYTES)

    def make(self, connection: sqlite3.Connection, discards: Mapping[BucketId, int]) -> Iterator[list[int]]:
        """Make room on a full disk: delete the messages of each bucket up to its seq, and empty the log.

        Yields:
            the sizes of what was deleted, after each commit.

        Raises:
            DiskFull: somebody else was faster to take the space, or nothing is confirmed.
            StoreUnavailable: the file can not be written.
        """
        self._commits_without_a_look = 0
        if discards:
            self._reserve.unlink(missing_ok=True)
        with map_errors(self._path):
            # Else each freed page would be overwritten, by way of the log.
            connection.execute("PRAGMA secure_delete = OFF").fetchall()
            self._set_limit(connection, MAX_PAGES)
            # The log keeps its space until the end: somebody else could take it.
            _checkpoint(connection, "RESTART")
            for bucket_id, seq in discards.items():
                yield from self._delete_in_slices(connection, bucket_id, seq)
            _checkpoint(connection, "TRUNCATE")

    def _delete_in_slices(self, connection: sqlite3.Connection, bucket_id: BucketId, seq: int) -> Iterator[list[int]]:
        count = SLICE_MESSAGES
        while (last := _find_slice(connection, bucket_id, seq, count)) is not None:
            try:
                with transaction(connection, self._path):
                    sizes = delete(connection, bucket_id, last)
            except DiskFull:
                if count == 1:
                    raise
                count //= 2
            else:
                yield sizes
                _checkpoint(connection, "RESTART")

    def _fill_reserve(self, free_bytes: int) -> int:
        """Make the reserve as large as it should be; return its size. On a full disk the log gets a quarter."""
        held_bytes = self._get_reserve_size()
        missing_bytes = min(RESERVE_BYTES, (held_bytes + free_bytes) * 3 // 4) - held_bytes
        if missing_bytes <= 0:
            return held_bytes
        with suppress(OSError):
            descriptor = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(bytes(missing_bytes))
        return self._get_reserve_size()

    def _get_reserve_size(self) -> int:
        return self._reserve.stat().st_size if self._reserve.exists() else 0

    def _set_limit(self, connection: sqlite3.Connection, pages: int) -> None:
        with map_errors(self._path):
            connection.execute(f"PRAGMA max_page_count = {min(pages, MAX_PAGES)}").fetchall()


def _checkpoint(connection: sqlite3.Connection, mode: str) -> None:
    connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()


def delete(connection: sqlite3.Connection, bucket_id: BucketId, seq: int) -> list[int]:
    """Delete a bucket's messages up to ``seq``, keeping the seq in mind; return their sizes."""
    connection.execute(_KEEP_SEQ, (bucket_id, seq))
    return [size for (size,) in connection.execute(_DELETE, (bucket_id, seq))]


def _find_slice(connection: sqlite3.Connection, bucket_id: BucketId, seq: int, count: int) -> int | None:
    """Return the seq of the last of the next ``count`` messages up to ``seq``, ``None`` when there are none."""
    last: int | None
    (last,) = connection.execute(_SLICE, (bucket_id, seq, count)).fetchone()
    return last
