"""A process that runs queries for the API, one at a time: ``python -m pulseline_api.query_worker DESCRIPTOR``.

A query may be heavy or hang; here it takes nothing from ingest and from short reads, can be stopped, and its memory is
given back at the latest with the process. ``query_process`` starts it; ``query_wire`` says what the two talk about.

The main thread runs queries. A second one reads what the API says, so that a stop is noticed while a query runs, and
the end of the API, however that came, ends the process: it has nothing to tidy up. A query that holds the interpreter
and so keeps that thread from noticing meets an alarm, which the kernel answers with the end of the process.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import Final, Protocol

from pulseline_api.query_request import QueryRequest
from pulseline_api.query_wire import NOTHING, STOP, Outcome, Report, WorkerOptions
from pulseline_core import runtime
from pulseline_core.errors import BadInput, Unavailable
from pulseline_core.query.budget import Budget, Limits
from pulseline_core.query.errors import QueryError, QueryTooLarge

#: The API kills a worker a second after its query's time; only one whose API is gone lives to hear this alarm.
_ALARM_DELAY_S: Final = 2.0

#: Of 1,000: where the system has no memory left, it ends this process before the API and ingest.
_OOM_SCORE: Final = 500

#: A little behind ingest and the API, where there are not enough processors for all.
_NICENESS: Final = 5

#: Sending a piece costs both sides some system calls.
_PIECE_BYTES: Final = 65_536

#: A query ends when it has used so much of its memory; between two looks it may use some more.
_FULL_SHARE: Final = 0.85

#: The largest answer, all periods together: some three million events.
_MAX_ANSWER_BYTES: Final = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswer:
    """What an engine answers.

    Attributes:
        chunks: pieces of JSON, an array with a result for each period.
        warnings: what of the query was passed over, as patterns that can not be read.
    """

    chunks: Iterable[bytes]
    warnings: tuple[str, ...] = ()


class Engine(Protocol):
    """What runs queries."""

    def run(self, query: QueryRequest, budget: Budget) -> QueryAnswer:
        """Answer a query; raise ``QueryError`` for one that is wrong. Calls ``budget.check`` now and then."""
        ...


class Inbox:
    """What the API says, read on a thread of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._queries: SimpleQueue[QueryRequest] = SimpleQueue()
        self._stop = threading.Event()

    def open(self) -> None:
        """Begin to read; the process ends with what is read from."""
        runtime.spawn(self._read, name="pulseline-query-inbox")

    def is_stopped(self) -> bool:
        """Return whether the query that came last is to be stopped."""
        return self._stop.is_set()

    def iter_queries(self) -> Iterator[QueryRequest]:
        """Yield queries as they come."""
        while True:
            yield self._queries.get()

    def _read(self) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                os._exit(0)
            if message is STOP:
                self._stop.set()
            else:
                self._stop.clear()
                self._queries.put(message)


class Worker:
    """Answers one query after the other.

    Args:
        connection: where answers go.
        engine: what runs queries.
        options: how long they may take.
        is_stopped: whether the present query is to be stopped.
    """

    def __init__(
        self, connection: Connection, engine: Engine, options: WorkerOptions, is_stopped: Callable[[], bool]
    ) -> None:
        self._connection = connection
        self._engine = engine
        self._options = options
        self._is_stopped = is_stopped

    def answer(self, query: QueryRequest) -> None:
        """Run a query and send what comes of it."""
        timeout_s = self._options.timeout_s
        signal.setitimer(signal.ITIMER_REAL, timeout_s + _ALARM_DELAY_S)
        budget = Budget(monotonic, is_client_gone=self._look_up, limits=Limits(time_s=timeout_s))
        report = self._run(query, budget)
        self._connection.send_bytes(NOTHING)
        self._connection.send_bytes(report.to_bytes())
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _look_up(self) -> bool:
        """Return whether the query is to be stopped; raise ``MemoryError`` when little memory is left.

        Not all that is written in C survives the end of memory: orjson does not.
        """
        if _read_size_bytes() > _FULL_SHARE * self._options.memory_bytes:
            raise MemoryError
        return self._is_stopped()

    def _run(self, query: QueryRequest, budget: Budget) -> Report:
        try:
            return Report(outcome=Outcome.DONE, warnings=self._send(query, budget))
        except BadInput as error:
            return _refuse(error)
        except Unavailable as error:
            return Report(outcome=Outcome.UNAVAILABLE, message=str(error))
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001  (outermost of a query: the API logs it and replaces this process)
            if _is_want_of_memory(error):
                too_large = QueryTooLarge("needs too many bytes of memory", self._options.memory_bytes)
                return _refuse(too_large, is_spent=True)
            return Report(outcome=Outcome.FAILED, message=traceback.format_exc(), is_spent=True)

    def _send(self, query: QueryRequest, budget: Budget) -> tuple[str, ...]:
        """Send the pieces of the answer; return its warnings."""
        answer = self._engine.run(query, budget)
        size_bytes = 0
        for piece in _iter_pieces(answer.chunks):
            budget.check()
            size_bytes += len(piece)
            if size_bytes > _MAX_ANSWER_BYTES:
                raise QueryTooLarge("has results of too many bytes", _MAX_ANSWER_BYTES)
            self._connection.send_bytes(piece)
        return answer.warnings


def _iter_pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what small chunks are together, and none that is empty; a list of numbers has a chunk for each."""
    waiting: list[bytes] = []
    size_bytes = 0
    for chunk in chunks:
        waiting.append(chunk)
        size_bytes += len(chunk)
        if size_bytes >= _PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size_bytes = [], 0
    if size_bytes:
        yield b"".join(waiting)


def _refuse(error: BadInput, *, is_spent: bool = False) -> Report:
    kind = error.kind if isinstance(error, QueryError) else QueryError.kind
    return Report(outcome=Outcome.REFUSED, kind=kind, message=str(error), is_spent=is_spent)


def _read_size_bytes() -> int:
    """Return the size of this process's address space, 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").partition(" ")[0]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def _is_want_of_memory(error: BaseException) -> bool:
    """Return whether an error is, or comes from, one of memory: libraries put others in its place."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, MemoryError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def main(descriptor: int) -> None:
    """Serve the API at the other end of a socket until it goes away."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the API is told, and ends this process
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    with suppress(OSError):  # Linux has this file
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE), encoding="ascii")
    connection = Connection(descriptor)
    options: WorkerOptions = connection.recv()
    inbox = Inbox(connection)
    inbox.open()
    with suppress(OSError, ValueError):  # the system has no such limit, or one that is lower already
        resource.setrlimit(resource.RLIMIT_AS, (options.memory_bytes, options.memory_bytes))
    worker = Worker(connection, _load_engine(options), options, inbox.is_stopped)
    connection.send_bytes(NOTHING)
    gc.disable()  # a query makes hundreds of thousands of small objects, and circles of none
    gc.freeze()
    for query in inbox.iter_queries():
        worker.answer(query)
        gc.collect(0)


def _load_engine(options: WorkerOptions) -> Engine:
    module, _, name = options.engine.partition(":")
    engine: Engine = getattr(import_module(module), name)(options)
    return engine


if __name__ == "__main__":
    main(int(sys.argv[1]))
