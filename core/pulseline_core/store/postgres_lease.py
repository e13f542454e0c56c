"""Partitions on a PostgreSQL server: who holds which, by advisory locks that end with the session that took them.

* **A partition's lock belongs to the session that writes.** A worker whose writing connection is gone has lost the
  partition with it, and what it had not committed; it can not write again before it has the lock again, and what it
  had in hand it gives back, as somebody else may have had the lock, and the messages, in between. So of two workers,
  one that was held up and one that took its place, never do both commit.
* **The server ends a session that falls silent**, whatever its worker is waiting for, and a crash ends it at once. A
  worker that lives says something every few seconds.
* **The roster** is a session of each process beside that: a shared lock tells how many workers want a fair share, and
  two others how many partitions there are and what the worker is called, which has to be the same for all of them: a
  partition's session at the broker has that name.
* **A worker that does not share** says with its writing session that there is one partition, and nothing else: there
  may be several such workers, with brokers and names of their own, and one that was started again does not wait for
  the session of its last life.

The locks of different schemas of one database do not meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final
from zlib import crc32

import peewee
import psycopg

from pulseline_core.errors import InvalidSetting, PartitionTaken
from pulseline_core.partition import Partition
from pulseline_core.store.postgres import PostgresBackend
from pulseline_core.store.roster import Attendance

#: How long a session that holds something may be silent.
_SILENCE_TIMEOUT: Final = "15s"

_WATCH: Final = (
    f"SET idle_session_timeout = '{_SILENCE_TIMEOUT}'; SET idle_in_transaction_session_timeout = '{_SILENCE_TIMEOUT}'"
)

#: For a session that may be silent: a machine that is gone is noticed after as long.
_KEEPALIVE: Final = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 5"

#: How long the session of a process that has ended may still seem to be there: the server needs a moment for its end.
_FAREWELL_S: Final = 0.5

#: The first half of a lock's name; the second is the partition's number, how many there are, the name's sum, and 0.
_PARTITION: Final = "pulseline.partition"
_COUNT: Final = "pulseline.partitions"
_NAME: Final = "pulseline.name"
_WORKER: Final = "pulseline.worker"

#: The second half is a signed number of 32 bits.
_MAX_KEY: Final = 0x7FFFFFFF

_TAKE: Final = "SELECT pg_try_advisory_lock(hashtext(%s || '.' || current_schema()), %s)"
_SHARE: Final = "SELECT pg_advisory_lock_shared(hashtext(%s || '.' || current_schema()), %s)"
_RETURN: Final = "SELECT pg_advisory_unlock_shared(hashtext(%s || '.' || current_schema()), %s)"

#: The second half of each lock, by the first one; the server's manual, "pg_locks": 2 stands for keys of two halves.
_LIST: Final = (
    "SELECT name, objid::bigint FROM pg_locks"
    " JOIN unnest(%s::text[]) AS name"
    " ON classid::bigint = hashtext(name || '.' || current_schema())::bigint & 4294967295"
    " WHERE locktype = 'advisory' AND objsubid = 2 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class LeasedPostgresBackend(PostgresBackend):
    """A database whose writer holds a partition, as long as its connection lasts."""

    is_leased = True

    def __init__(self, url: str, lease: Partition) -> None:
        super().__init__(url)
        self._lease = lease

    def open_writer(self) -> peewee.Database:
        """Connect for writing.

        Raises:
            PartitionTaken: another worker holds the partition.
        """
        database = super().open_writer()
        connection: psycopg.Connection[Any] = database.connection()  # type: ignore[no-untyped-call]  # peewee's stubs
        is_ours = False
        try:
            connection.execute(_WATCH.encode())
            [(is_ours,)] = connection.execute(_TAKE.encode(), (_PARTITION, self._lease.number))
        finally:
            if not is_ours:
                connection.close()
        if not is_ours:
            raise PartitionTaken(self._lease.number)
        return database


class UndividedPostgresBackend(PostgresBackend):
    """A database whose writer takes everything, so nobody shares the buckets as long as its connection lasts."""

    def open_writer(self) -> peewee.Database:
        """Connect for writing.

        Raises:
            InvalidSetting: other workers share the buckets.
        """
        database = super().open_writer()
        connection: psycopg.Connection[Any] = database.connection()  # type: ignore[no-untyped-call]  # peewee's stubs
        is_agreed = False
        try:
            connection.execute(_KEEPALIVE.encode())
            other = _agree(connection, {_COUNT: 1})
            if other is not None:
                raise _build_count_refusal(1, other[1])
            is_agreed = True
        finally:
            if not is_agreed:
                connection.close()
        return database


class PostgresRoster:
    """A ``Roster`` of shared locks."""

    def __init__(self, url: str, *, count: int, worker: str) -> None:
        self._backend = PostgresBackend(url)
        self._count = count
        self._worker = worker
        self._connection: psycopg.Connection[Any] | None = None
        self._is_worker = False

    def attend(self, *, is_worker: bool) -> Attendance:
        """Say whether this process wants a fair share, and return who is there; see ``Roster``."""
        with self._mapped_errors():
            connection = self._connection or self._connect()
            if is_worker is not self._is_worker:
                connection.execute((_SHARE if is_worker else _RETURN).encode(), (_WORKER, 0))
                self._is_worker = is_worker
            rows = connection.execute(_LIST.encode(), ([_PARTITION, _WORKER],)).fetchall()
        return Attendance(
            workers=sum(name == _WORKER for name, _ in rows),
            held=frozenset(number for name, number in rows if name == _PARTITION),
        )

    def close(self) -> None:
        """Be there no more."""
        connection, self._connection = self._connection, None
        self._is_worker = False
        if connection is not None:
            connection.close()

    def _connect(self) -> psycopg.Connection[Any]:
        connection = self._connection = self._backend.connect()
        connection.execute(_WATCH.encode())
        own = {_COUNT: self._count, _NAME: crc32(self._worker.encode()) & _MAX_KEY}
        other = _agree(connection, own)
        if other is not None:
            self.close()  # or those who were there first would be refused, should they have to connect anew
            raise self._build_refusal(*other)
        return connection

    def _build_refusal(self, name: str, key: int) -> InvalidSetting:
        """Return the error for what another worker says otherwise."""
        if name == _COUNT:
            return _build_count_refusal(self._count, key)
        return InvalidSetting(
            "ingest.worker",
            f"is {self._worker!r}, while another worker on this database has another name",
            hint="give all workers that share the buckets the same name, as --ingest-worker main",
        )

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        try:
            yield
        except self._backend.errors as error:
            self.close()
            raise self._backend.translate(error) from error


def _agree(connection: psycopg.Connection[Any], own: Mapping[str, int]) -> tuple[str, int] | None:
    """Say what has to be the same for all workers, and return something that another one says otherwise."""
    for name, key in own.items():
        connection.execute(_SHARE.encode(), (name, key))
    deadline = monotonic() + _FAREWELL_S
    while (other := _find_other(connection, own)) is not None and monotonic() < deadline:
        connection.execute(b"SELECT pg_sleep(0.05)")
    return other


def _find_other(connection: psycopg.Connection[Any], own: Mapping[str, int]) -> tuple[str, int] | None:
    said = connection.execute(_LIST.encode(), (list(own),)).fetchall()
    return next(((name, key) for name, key in said if key != own[name]), None)


def _build_count_refusal(own: int, other: int) -> InvalidSetting:
    return InvalidSetting(
        "ingest.partitions",
        f"is {own}, while another worker on this database has {other}",
        hint="give all workers the same number; docs/how-to/nats.md says how to change it",
    )
