"""Reading connections, lent to one thread at a time.

A call takes an idle connection, or opens one, and gives it back; so there are as many as calls ran at once, none is
bound to a thread that may have ended, and any thread can close them all. A connection that broke, or whose database
or log was replaced meanwhile, is closed instead of lent again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pulseline_core.errors import Closed
from pulseline_core.store.connection import Backend, Connection
from pulseline_core.store.migrations import check_current


class ReaderPool:
    """The reading connections to one database; for all threads."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether no connection is lent any more."""
        return self._is_closed

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend a connection in a transaction that sees one state of the data.

        Raises:
            StoreUnavailable: there is no database, or it fails.
            UnsupportedSchema: a newer Pulseline wrote it.
            Closed: the pool is closed.
        """
        with self.lend() as connection, connection.read():
            yield connection

    @contextmanager
    def lend(self) -> Iterator[Connection]:
        """Lend a connection for a single statement, which sees one state of the data by itself; errors as ``read``."""
        connection = self._take()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close the idle connections now, and those that are lent when they come back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> Connection:
        while True:
            with self._lock:
                if self._is_closed:
                    raise Closed("reader")
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._open()
            if not (connection.is_lost or connection.is_replaced or connection.is_log_lost):
                return connection
            connection.close()

    def _open(self) -> Connection:
        connection = Connection(self._backend, is_writer=False)
        is_ready = False
        try:
            check_current(connection)
            is_ready = True
        finally:
            if not is_ready:
                connection.close()
        return connection

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if not self._is_closed and not connection.is_broken:
                self._idle.append(connection)
                return
        connection.close()
