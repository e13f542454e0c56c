"""The processes that run queries: as many at a time as there are, the others wait for one.

Who gets a process gets the one that was used last: its cache is warm. So the last one is started only when all others
are busy. The first one is started at once, and nobody waits for it before there is a query.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import suppress
from queue import Empty, LifoQueue
from time import monotonic
from types import TracebackType
from typing import Final, Self

from werkzeug.exceptions import ServiceUnavailable

from pulseline_api.client_watch import ClientWatch
from pulseline_api.places import RETRY_AFTER_S, Places
from pulseline_api.query_process import QueryProcess, QueryProcessLost
from pulseline_api.query_request import QueryRequest
from pulseline_api.query_wire import WorkerOptions
from pulseline_core.errors import Closed

logger = logging.getLogger(__name__)

#: How long a query waits for a process, of the time that it may take then: with both, an answer comes within 15 s.
_WAIT_SHARE: Final = 0.4

#: Who waits looks this often whether its client still does.
_LOOK_S: Final = 0.25

#: How long the requests whose processes were killed may take to notice.
_CLOSE_S: Final = 1.0


class QueryPool:
    """Runs queries; a context manager that begins when entered.

    Args:
        options: what each process has to know.
        workers: how many processes, 1 or more.
        places: how many queries run or wait; each holds a request thread.
    """

    def __init__(self, options: WorkerOptions, *, workers: int, places: int) -> None:
        self._wait_s = options.timeout_s * _WAIT_SHARE
        self._processes = [QueryProcess(options) for _ in range(workers)]
        self._free: LifoQueue[QueryProcess] = LifoQueue()
        self._places = Places(places, f"{places} queries run or wait already; try again when one of them has ended")
        self._is_closed = False

    def __enter__(self) -> Self:
        for process in self._processes:
            self._free.put(process)
        with suppress(QueryProcessLost):  # the first query tries again, and tells
            self._processes[-1].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that run."""
        return [process.pid for process in self._processes if process.pid is not None]

    def run(self, query: QueryRequest, client: ClientWatch) -> Generator[bytes, None, tuple[str, ...]]:
        """Yield pieces of JSON, the results of the query; return its warnings; see ``QueryRunner``."""
        self._places.take()
        try:
            process = self._take(client)
            try:
                return (yield from process.run(query, client))
            finally:
                self._free.put(process)
        finally:
            self._places.give_back()

    def close(self) -> None:
        """End all processes; queries that run fail at once. Idempotent."""
        self._is_closed = True
        for process in self._processes:
            process.kill()
        deadline = monotonic() + _CLOSE_S
        for _ in self._processes:
            try:
                process = self._free.get(timeout=max(0.0, deadline - monotonic()))
            except Empty:
                logger.warning("a query did not end with its process", extra={"action": "query_stays"})
                return
            process.close()

    def _take(self, client: ClientWatch) -> QueryProcess:
        """Return a process that is free, wait for one."""
        deadline = monotonic() + self._wait_s
        while not self._is_closed:
            client.check()
            left_s = deadline - monotonic()
            try:
                return self._free.get(timeout=max(0.0, min(left_s, _LOOK_S)))
            except Empty:
                if left_s <= 0:
                    problem = f"other queries left no process free within {self._wait_s:g} s; try again"
                    raise ServiceUnavailable(problem, retry_after=RETRY_AFTER_S) from None
        raise Closed("server")
