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
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from pulseline_core import runtime
from pulseline_core.address import reach
from pulseline_core.errors import InvalidSetting, PulselineError
from pulseline_core.settings import Settings
from pulseline_core.tls import build_tls
from pulseline_core.topic import ADMIN_LEVEL, PROBE_LEVEL, Kind
from pulseline_ingest.broker_source import BrokerSource
from pulseline_ingest.login import Login
from pulseline_ingest.parts import open_parts
from pulseline_ingest.status import WorkerFacts
from pulseline_ingest.worker import Worker

logger = logging.getLogger(__name__)

_THREAD_NAME: Final = "pulseline-ingest-worker"

#: How long a broker may take at the start before we go on without it.
_BROKER_WAIT_S: Final = 5.0

#: For the group at hand and the goodbye; the supervisor allows 4.5 s for everything.
_STOP_TIMEOUT_S: Final = 4.0

#: How often ``wait`` looks whether the worker still lives.
_CHECK_S: Final = 0.5

#: What a bucket's messages are for, of those that ingest takes in.
_KINDS: Final = (Kind.HEARTBEAT, Kind.EVENTS, Kind.META, Kind.ADMIN)

#: Groups that the broker may have sent beyond what is acknowledged: one is applied while the next one is on its way.
_GROUPS_AHEAD: Final = 2

#: MQTT 5 section 3.1.2.11.3.
_MAX_RECEIVE_MAXIMUM: Final = 65_535


class WorkerFailed(PulselineError):
    """The worker's thread died: nothing is committed any more."""


class IngestService:
    """The worker and its thread; entered, it works.

    Raises:
        InvalidSetting: no external broker is named, or a file for TLS can not be used.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.mqtt.is_external:
            raise InvalidSetting(
                "mqtt.broker",
                "is not set: ingest works beside a broker of its own",
                hint="name one with --broker mqtt://host, or use 'pulseline broker', which has ingest in it",
            )
        self._settings = settings
        self._tls = build_tls(settings.mqtt)
        self._source: BrokerSource | None = None
        self._thread: threading.Thread | None = None
        self._is_open = threading.Event()
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        """Start; return when messages are taken in, or the broker has been away for some seconds.

        Raises:
            PulselineError: the store can not be opened, or the broker refuses us.
        """
        self._thread = runtime.spawn(self._run, name=_THREAD_NAME)
        self._is_open.wait()
        if self._source is not None:
            self._failure = self._source.wait_ready(_BROKER_WAIT_S) or self._failure
        if self._failure is not None:
            self.close()
            raise self._failure
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
            if isinstance(self._failure, PulselineError):
                raise self._failure
            if self._failure is not None:
                raise WorkerFailed(f"the ingest worker ended: {self._failure!r}") from self._failure

    def close(self) -> None:
        """Commit and acknowledge the group at hand, and end; a second call does nothing."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._source is not None:
            self._source.end()
        runtime.join(thread, _STOP_TIMEOUT_S)

    def _run(self) -> None:
        try:
            with ExitStack() as stack:
                parts = open_parts(self._settings, stack)
                source = BrokerSource(self._build_login(parts.facts), probe_topic=self._probe_topic)
                stack.callback(source.close)
                worker = Worker(source, parts)
                source.on_ready = worker.announce
                self._source = source
                self._is_open.set()
                worker.run()
        except Exception as error:  # noqa: BLE001 - the thread's end is the main thread's to handle
            self._fail(error)
        finally:
            self._is_open.set()

    def _fail(self, error: Exception) -> None:
        self._failure = error
        if self._source is not None:
            logger.critical("the ingest worker died", exc_info=error, extra={"action": "worker_died"})

    @property
    def _probe_topic(self) -> str:
        return f"{self._settings.mqtt.root}/{PROBE_LEVEL}/{self._settings.ingest.worker}"

    def _build_login(self, facts: WorkerFacts) -> Login:
        mqtt, ingest = self._settings.mqtt, self._settings.ingest
        return Login(
            host=reach(mqtt.host),
            port=mqtt.port,
            username=mqtt.username,
            password=mqtt.password,
            tls=self._tls,
            client_id=f"pulseline-ingest-{ingest.worker}",
            session_expiry_s=ingest.session_expiry_s,
            receive_maximum=min(_GROUPS_AHEAD * ingest.max_batch, _MAX_RECEIVE_MAXIMUM),
            topic_filters=(
                *(f"{mqtt.root}/+/{kind.value}" for kind in _KINDS),
                f"{mqtt.root}/{ADMIN_LEVEL}",
                self._probe_topic,
            ),
            will=facts.build_offline(),
        )
