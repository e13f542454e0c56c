"""One process that runs queries, as the API sees it; ``query_worker`` is the program.

The process is started for the first query, or before. It is killed, and another one started in its place, when it does
not end a query in time, when it said that it is spent, or when somebody stopped taking its answer. Killing is all it
takes: the process has nothing to tidy up, and what it reads of the store is a snapshot of its own.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from multiprocessing.connection import Connection, Pipe
from time import monotonic
from typing import Final

from pulseline_api.client_watch import ClientGone, ClientWatch
from pulseline_api.query_request import QueryRequest
from pulseline_api.query_wire import STOP, Outcome, Report, WorkerOptions
from pulseline_core.child import describe_end
from pulseline_core.errors import Closed, PulselineError, Unavailable
from pulseline_core.query.errors import (
    QueryError,
    QueryFunctionError,
    QueryInterpretError,
    QueryParseError,
    QueryTooSlow,
)

logger = logging.getLogger(__name__)

#: How long a process may take to be ready; on a busy machine a second or two.
_START_TIMEOUT_S: Final = 15.0

#: How long after its time, or after a stop, a query may take to end before its process is killed.
_GRACE_S: Final = 1.0

#: One thread for linear algebra, which no query needs: each takes memory.
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1"}

_ERRORS: Final = {error.kind: error for error in (QueryParseError, QueryInterpretError, QueryFunctionError)}


class QueryProcessLost(Unavailable):
    """The process of a query ended, or never began to answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the process that ran the query {reason}; try again")
        self.reason = reason


class QueryFailed(PulselineError):
    """A bug: the query met an error that nobody foresaw."""

    def __init__(self, traceback: str) -> None:
        super().__init__("the query failed; the server's log has the traceback")
        self.add_note(traceback)


class QueryProcess:
    """The place of one process; ``run`` is called by one thread at a time, ``close`` by any.

    Args:
        options: what the process has to know.
    """

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._is_starting = False
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The number of the process, ``None`` before the first start."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start a process unless one runs; does not wait until it is ready.

        Raises:
            QueryProcessLost: the system starts no process.
            Closed: it is the end.
        """
        with self._lock:
            if self._is_closed:
                raise Closed("query process")
            if self._process is None or self._process.poll() is not None:
                self._drop()
                self._spawn()

    def run(self, query: QueryRequest, client: ClientWatch) -> Generator[bytes, None, tuple[str, ...]]:
        """Yield pieces of JSON, the results of the query; return its warnings.

        Raises:
            QueryError: the query is wrong, or beyond a limit.
            QueryProcessLost: the process ended.
            ClientGone: nobody waits any more.
            Unavailable: the store can not be read.
            QueryFailed: a bug.
        """
        self.start()
        self._await_ready(client)
        is_usable = False
        try:
            self._send(query)
            deadline = monotonic() + self._options.timeout_s + _GRACE_S
            while chunk := self._receive(client, deadline):
                yield chunk
            report = Report.from_bytes(self._receive(client, deadline))
            is_usable = not report.is_spent
        except ClientGone:
            is_usable = self._stop()
            raise
        finally:
            if not is_usable:
                self._replace()
        return _read_report(report)

    def kill(self) -> None:
        """End the process for good; who waits for its answer gets an error at once. Idempotent."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def close(self) -> None:
        """Do the same, and close the connection; call it when ``run`` is not running. Idempotent."""
        self.kill()
        with self._lock:
            self._drop()

    def _spawn(self) -> None:
        self._connection, theirs = Pipe()
        self._is_starting = True
        with theirs:
            try:
                self._connection.send(self._options)
                self._process = subprocess.Popen(  # noqa: S603  (our own program)
                    [sys.executable, "-P", "-m", "pulseline_api.query_worker", str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    env={**os.environ, **_ENVIRONMENT},
                    pass_fds=[theirs.fileno()],
                    process_group=0,
                )
            except OSError as error:
                raise QueryProcessLost(f"could not be started: {error}") from error

    def _drop(self) -> None:
        """End the process and forget it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _replace(self) -> None:
        """End the process, and have another one ready for the next query."""
        with self._lock:
            self._drop()
            if self._is_closed:
                return
            logger.info("a query's process is replaced", extra={"action": "query_process_replaced"})
            try:
                self._spawn()
            except QueryProcessLost as error:  # the next query tries again, and tells
                logger.warning("%s", error, extra={"action": "query_process_lost"})

    def _get_connection(self) -> Connection:
        assert self._connection is not None
        return self._connection

    def _await_ready(self, client: ClientWatch) -> None:
        if not self._is_starting:
            return
        if not client.wait_for(self._get_connection(), _START_TIMEOUT_S):
            self._replace()
            raise QueryProcessLost(f"was not ready within {_START_TIMEOUT_S:g} s")
        self._read()
        self._is_starting = False

    def _send(self, message: QueryRequest | None) -> None:
        try:
            self._get_connection().send(message)
        except OSError as error:
            raise self._tell_end() from error

    def _receive(self, client: ClientWatch, deadline: float) -> bytes:
        """Return what the process sends next."""
        if not client.wait_for(self._get_connection(), max(0.0, deadline - monotonic())):
            raise QueryTooSlow(self._options.timeout_s)
        return self._read()

    def _read(self) -> bytes:
        try:
            return self._get_connection().recv_bytes()
        except (EOFError, OSError) as error:
            raise self._tell_end() from error

    def _tell_end(self) -> QueryProcessLost:
        """Return why the process does not talk any more."""
        assert self._process is not None
        try:
            end = describe_end(self._process.wait(_GRACE_S))
        except subprocess.TimeoutExpired:
            end = "no exit code"
        logger.warning("a query's process ended: %s", end, extra={"action": "query_process_lost"})
        return QueryProcessLost(f"ended ({end})")

    def _stop(self) -> bool:
        """Have the query stopped; return whether it was, so that the process can be asked again."""
        nobody = ClientWatch()
        deadline = monotonic() + _GRACE_S
        try:
            self._send(STOP)
            while self._receive(nobody, deadline):
                pass
            return not Report.from_bytes(self._receive(nobody, deadline)).is_spent
        except (QueryTooSlow, QueryProcessLost):
            return False


def _read_report(report: Report) -> tuple[str, ...]:
    """Return the warnings of a query that went well, raise for another."""
    match report.outcome:
        case Outcome.DONE:
            return report.warnings
        case Outcome.REFUSED:
            raise _ERRORS.get(report.kind, QueryError)(report.message)
        case Outcome.UNAVAILABLE:
            raise Unavailable(report.message)
        case Outcome.FAILED:
            raise QueryFailed(report.message)
