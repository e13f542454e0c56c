"""The ingest worker beside an external broker, as a service: one thread that receives, commits and acknowledges.

Start: the store first, whose errors end the start; then the broker. One that refuses us ends the start, too. One that
is away is waited for a little, so that a wrong address shows, and then in the background: REST writes wait in the
API's outbox meanwhile.

Stop: no message is taken in any more, the group at hand is committed and acknowledged, the status says ``offline``;
then the connection ends, and the store closes. What the broker still holds it hands out after the next start.
"""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Final, NoReturn, Self

from pulseline_core.errors import InvalidSetting, PulselineError
from pulseline_core.settings import Settings
from pulseline_core.tls import build_tls
from pulseline_ingest.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

#: How long a broker may take at the start before we go on without it.
BROKER_WAIT_S: Final = 5.0

#: For the group at hand and the goodbye; the supervisor allows 4.5 s for everything.
STOP_TIMEOUT_S: Final = 4.0

#: How often ``wait`` looks whether the worker still lives.
_CHECK_S: Final = 0.5


class WorkerFailed(PulselineError):
    """The worker's thread died: nothing is committed any more."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"the ingest worker ended: {cause!r}")


class IngestService:
    """The worker and its thread; entered, it works.

    Raises:
        InvalidSetting: no external broker is named, or a file for TLS can not be used.
    """

    def __init__(self, settings: Settings) -> None:
        check_external(settings)
        self._worker = WorkerThread(settings, build_tls(settings.mqtt))
        self._is_closed = True

    def __enter__(self) -> Self:
        """Start; return when messages are taken in, or the broker has been away for some seconds.

        Raises:
            PulselineError: the store can not be opened, or the broker refuses us.
        """
        self._is_closed = False
        self._worker.start()
        failure = self._worker.wait_ready(BROKER_WAIT_S) or self._worker.failure
        if failure is not None:
            self.close()
            raise failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, stop: threading.Event) -> None:
        """Wait for ``stop``.

        Raises:
            WorkerReplaced: another process has taken the session over.
            WorkerFailed: the worker died; only a new process helps.
        """
        while not stop.wait(_CHECK_S):
            if self._worker.failure is not None:
                end_with(self._worker.failure, who="the ingest worker")

    def close(self) -> None:
        """Commit and acknowledge the group at hand, and end; a second call does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._worker.end()
        self._worker.join(STOP_TIMEOUT_S)


def end_with(failure: Exception, *, who: str) -> NoReturn:
    """Log what a worker died of, and raise it."""
    logger.critical("%s died", who, exc_info=failure, extra={"action": "worker_died"})
    if isinstance(failure, PulselineError):
        raise failure
    raise WorkerFailed(failure) from failure


def check_external(settings: Settings) -> None:
    """Raise ``InvalidSetting`` unless there is a broker to be beside of."""
    if not settings.mqtt.is_external:
        raise InvalidSetting(
            "mqtt.broker",
            "is not set: ingest works beside a broker of its own",
            hint="name one with --broker mqtt://host, or use 'pulseline broker', which has ingest in it",
        )
