"""The threads that requests run on.

Takes the place of waitress's own dispatcher, whose lock and condition cost each request some switches between threads;
a ``SimpleQueue`` hands a request over with one. The queue has no limit of its own: it holds at most one request for
each connection, and the server limits those.
"""

from __future__ import annotations

import logging
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Protocol

from pulseline_core import runtime

logger = logging.getLogger(__name__)


class Task(Protocol):
    """A connection with a request to run."""

    def service(self) -> None:
        """Run the request and write its response."""

    def cancel(self) -> None:
        """Drop the request; its connection will be closed."""


class RequestThreads:
    """A fixed number of threads; ``add_task`` is called by the sockets' thread and by the threads themselves."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._threads: list[Thread] = []

    def start(self) -> None:
        """Start the threads."""
        self._threads = [
            runtime.spawn(self._run, name=f"pulseline-api-request-{number}") for number in range(self._count)
        ]

    def add_task(self, task: Task) -> None:
        """Have ``task`` run by the next thread that is free; waitress's name for it."""
        self._tasks.put(task)

    def close(self, timeout_s: float) -> None:
        """Drop what waits, let what runs end, and end the threads; idempotent."""
        self._cancel_waiting()
        for _ in self._threads:
            self._tasks.put(None)
        deadline = monotonic() + timeout_s
        for thread in self._threads:
            runtime.join(thread, max(0.0, deadline - monotonic()))
        self._threads = []

    def _cancel_waiting(self) -> None:
        while True:
            try:
                task = self._tasks.get_nowait()
            except Empty:
                return
            if task is not None:
                task.cancel()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task.service()
            except Exception:
                # The outermost loop of the thread: waitress handles errors of requests itself, so this is a bug there.
                logger.exception("a request thread failed", extra={"action": "request_thread_failed"})
