"""A worker beside an external broker and the thread that it runs on, from the open store to the last goodbye."""

from __future__ import annotations

import logging
import ssl
import threading
from contextlib import ExitStack
from time import monotonic
from typing import Final

from pulseline_core import runtime
from pulseline_core.address import reach
from pulseline_core.partition import Partition
from pulseline_core.settings import Settings
from pulseline_core.store import Store
from pulseline_ingest.broker_source import BrokerSource
from pulseline_ingest.login import BrokerRefused, Login, WorkerReplaced
from pulseline_ingest.parts import open_parts
from pulseline_ingest.worker import Worker, WorkerParts

logger = logging.getLogger(__name__)

_THREAD_NAME: Final = "pulseline-ingest-worker"

#: Groups that the broker may have sent beyond what is acknowledged: one is applied while the next one is on its way.
_GROUPS_AHEAD: Final = 2

#: MQTT 5 section 3.1.2.11.3.
_MAX_RECEIVE_MAXIMUM: Final = 65_535

#: What is kept of a message at least: more than a publisher sends by mistake, so that its dead letter is whole, and can
#: be applied when the limit is raised.
_KEPT_BYTES: Final = 4 * 1024 * 1024

#: MQTT 5 section 3.3: what a packet has around its payload, a topic and some properties.
_FRAME_BYTES: Final = 128 * 1024

#: How often a worker with a partition says something to the database; the server waits five times as long for it.
_RENEWAL_S: Final = 3.0


class WorkerThread:
    """One worker; started once. ``failure`` tells what ended it, if it was not ``end``."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None, partition: Partition | None = None) -> None:
        self.failure: Exception | None = None
        self._settings = settings
        self._tls = tls
        self._partition = partition
        self._source: BrokerSource | None = None
        self._thread: threading.Thread | None = None
        self._is_open = threading.Event()
        self._is_ending = False

    @property
    def is_alive(self) -> bool:
        """Whether it still works."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def away_s(self) -> float:
        """For how long it has had no connection to the broker."""
        return 0.0 if self._source is None else self._source.away_s

    def start(self) -> None:
        """Open the store, in a thread; ``wait_ready`` waits for it."""
        self._thread = runtime.spawn(self._run, name=_THREAD_NAME)

    def wait_ready(self, timeout_s: float) -> BrokerRefused | None:
        """Wait until the store is open, and for the broker not longer than that; return why it does not want us."""
        self._is_open.wait()
        return None if self._source is None else self._source.wait_ready(timeout_s)

    def end(self) -> None:
        """Have the group at hand committed and acknowledged, and nothing more taken in."""
        self._is_ending = True
        if self._source is not None:
            self._source.end()

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        if self._thread is not None:
            runtime.join(self._thread, timeout_s)

    def _run(self) -> None:
        try:
            with ExitStack() as stack:
                parts = open_parts(self._settings, stack, partition=self._partition)
                source = BrokerSource(self._build_login(parts))
                stack.callback(source.close)
                worker = Worker(source, parts)
                source.on_ready = worker.announce
                if self._partition is not None:
                    source.check_right = _Lease(parts.store).renew
                self._source = source
                if self._is_ending:
                    source.end()
                self._is_open.set()
                self._work(worker, source)
        except Exception as error:  # noqa: BLE001 - the thread's end is the main thread's to handle
            self.failure = error
        finally:
            self._is_open.set()

    def _work(self, worker: Worker, source: BrokerSource) -> None:
        try:
            worker.run()
        except WorkerReplaced:
            source.check_right(True)  # if the partition is another worker's by now, that is why, and as it should be
            raise

    def _build_login(self, parts: WorkerParts) -> Login:
        mqtt, ingest = self._settings.mqtt, self._settings.ingest
        return Login(
            host=reach(mqtt.host),
            port=mqtt.port,
            username=mqtt.username,
            password=mqtt.password,
            tls=self._tls,
            client_id=f"pulseline-ingest-{parts.share.name}",
            session_expiry_s=ingest.session_expiry_s,
            receive_maximum=min(_GROUPS_AHEAD * ingest.max_batch, _MAX_RECEIVE_MAXIMUM),
            max_packet_bytes=max(_KEPT_BYTES, mqtt.max_payload_bytes + _FRAME_BYTES),
            share=parts.share,
            will=parts.facts.build_offline(),
        )


class _Lease:
    """Keeps a partition while its worker has nothing to write, and notices when it is lost."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._due = monotonic() + _RENEWAL_S

    def renew(self, is_urgent: bool) -> None:
        """Say something to the database if it is time, or urgent.

        Raises:
            StoreUnavailable: the partition is lost, or may be.
        """
        if not is_urgent and monotonic() < self._due:
            return
        with self._store.transaction():
            pass
        self._due = monotonic() + _RENEWAL_S
