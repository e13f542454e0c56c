"""The embedded broker's gate: what a PUBACK waits for.

Theory of operation::

    event loop of the broker                    thread pulseline-ingest-writer
    submit(publish, ticket) ──> queue ──────> receive ──> commit ──> settle(tickets, committed, unapplied)
    close() ──────────────────> end of queue ─> the rest is committed and settled, the store closed

* ``submit`` never blocks and never fails. The queue has no bound of its own: the broker stops reading a connection
  that has too much unacknowledged, which bounds it.
* Each ticket is settled once, in the order of submission. What is in the queue when the thread ends, and what is
  submitted after that, is settled as not committed: its senders keep it and send it again.
* ``start`` returns when the store is open, so its errors come out of there. An error later on is kept in ``failure``;
  the broker ends the process then.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from typing import Final

from pulseline_core.errors import Closed, InvalidSetting, Misuse
from pulseline_core.runtime import join, spawn
from pulseline_core.settings import Settings
from pulseline_ingest.parts import open_parts
from pulseline_ingest.submission import Send, Settle, SubmissionQueue, Submitted
from pulseline_ingest.worker import Worker

logger = logging.getLogger(__name__)

THREAD_NAME: Final = "pulseline-ingest-writer"


class IngestGate:
    """Commits what the broker submits; started once, closed once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._queue: SubmissionQueue | None = None
        self._thread: threading.Thread | None = None
        self._is_open = threading.Event()
        self._is_over = False
        self._failure: Exception | None = None

    @property
    def failure(self) -> Exception | None:
        """What ended the thread, if it was not ``close``."""
        return self._failure

    def start(self, *, settle: Settle, publish: Send) -> None:
        """Open the store; return when messages can be submitted.

        Args:
            settle: called with tickets, in order of submission, whether they are committed, and those of them that
                changed nothing; on the gate's thread, or, when that is gone, on the one that submits. Must not block
                or raise.
            publish: called with messages to send out, on the gate's thread. Must not block or raise.

        Raises:
            PulselineError: the store can not be opened.
        """
        if self._queue is not None:
            raise Misuse("the gate was started before")
        if self._settings.ingest.is_partitioned:
            raise InvalidSetting(
                "ingest.partitions",
                "is more than 1, while the embedded broker has one worker",
                hint="use another broker with --broker mqtt://host",
            )
        queue = self._queue = SubmissionQueue(settle=settle, send=publish)
        self._thread = spawn(lambda: self._run(queue), name=THREAD_NAME)
        self._is_open.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def submit(self, publish: Submitted, ticket: object) -> None:
        """Take a message; its ticket is settled when it is committed, or known not to be. Never blocks."""
        queue = self._queue
        if queue is None:
            raise Closed("gate")
        queue.put(publish, ticket)
        if self._is_over:
            queue.refuse_rest()

    def close(self, timeout_s: float) -> None:
        """Commit and settle what was submitted, close the store, end the thread; does nothing the second time."""
        if self._queue is None or self._thread is None:
            return
        self._queue.end()
        join(self._thread, timeout_s)

    def _run(self, queue: SubmissionQueue) -> None:
        try:
            with ExitStack() as stack:
                worker = Worker(queue, open_parts(self._settings, stack))
                self._is_open.set()
                worker.run()
        except Exception as error:  # noqa: BLE001 - the thread's end is the broker's to handle, whatever ended it
            self._fail(error)
        finally:
            self._is_over = True
            self._is_open.set()
            queue.refuse_rest()

    def _fail(self, error: Exception) -> None:
        self._failure = error
        if self._is_open.is_set():
            logger.critical("the ingest worker died", exc_info=error, extra={"action": "worker_died"})
