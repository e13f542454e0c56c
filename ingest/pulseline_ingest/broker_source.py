"""An external broker as a source: one connection after the other, each with the same session.

Theory of operation. All of it happens on the worker's thread, within ``receive``: connecting, waiting, reading. While
a group is applied nobody reads, and the broker's own limits hold the rest back; so there is no queue but the socket's
and the few messages that were read beyond a group. Another thread only calls ``end``.

* Acknowledged is what is committed, group by group, in the order of receipt, and over the connection it came over.
  What came over a connection that is gone is not: the broker sends it again, and a stale acknowledgement could hit
  another message with the same id.
* What could not be committed ends the connection, since brokers send again only then.
* Nothing is published while there is no connection: library clients miss their acknowledgements and send again, and
  states and status are published anew with the next one.
* A worker that has a partition needs the broker to keep its session. One that is new is left at once and looked for
  again, before there is anything in it; a broker that has forgotten it by then is refused.
* Two workers of one name take the session from one another for ever. Few brokers say so (``WorkerReplaced``); what the
  others do is seen by connections that are closed soon, one after the other, and is told once.
* Being connected proves nothing (``progress``): a connection that nothing comes over any more is given up.
"""

from __future__ import annotations

import logging
import random
import select
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic, time_ns
from typing import Final

from pulseline_core.backoff import Backoff
from pulseline_core.errors import BrokerUnavailable
from pulseline_core.types import JSONObject
from pulseline_core.waker import Waker
from pulseline_ingest.connection import Connection
from pulseline_ingest.login import (
    RIVAL_HINT,
    BrokerRefused,
    ConnectionClosed,
    ConnectionEnded,
    Level,
    LevelRefused,
    Login,
    SessionMissing,
)
from pulseline_ingest.probe import build_probe, read_probe_age_s
from pulseline_ingest.progress import Progress
from pulseline_ingest.source import Outgoing, Received

logger = logging.getLogger(__name__)

_RECONNECT_S: Final = 0.2
_MAX_RECONNECT_S: Final = 5.0

#: A connection that lasted for so long is followed by the next one at once.
_STABLE_S: Final = 3.0

#: A worker of our name would have closed a connection that lasted for so long: it waits half as long at most.
_UNDISPUTED_S: Final = 2 * _MAX_RECONNECT_S

#: Connections in a row that the broker closes sooner than that before we say what it looks like. A broker that is
#: started again closes one.
_DISPUTES: Final = 4

_NO_SESSIONS: Final = "it keeps no session when a connection ends, so a partition can not pass from worker to worker"

#: How long nothing may happen before the connection is looked after.
_PATIENCE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Loss:
    """Why there is no connection, and when to try again."""

    error: BrokerUnavailable
    retry_at: float


class BrokerSource:
    """A ``Source`` that reads from a broker. ``end`` and ``wait_ready`` may be called from any thread.

    Args:
        login: where and as whom.

    Attributes:
        on_ready: called within ``receive`` when messages begin to come over a new connection.
        check_right: called within ``receive`` before anything is read, with whether it is about to connect; what it
            raises comes out of there.
    """

    def __init__(self, login: Login) -> None:
        self.on_ready: Callable[[], object] = bool
        self.check_right: Callable[[bool], object] = bool
        self._login = login
        self._probe_topic = login.share.probe_topic
        self._heard_probe_topic = login.share.heard_probe_topic
        self._level = Level.MQTT_5
        self._known_level: Level | None = None
        self._connection: Connection | None = None
        self._loss: _Loss | None = None
        self._connections = 0
        self._is_session_new = False
        self._ready_at = self._ready_until = monotonic()
        self._disputes = 0
        self._backoff = Backoff(_RECONNECT_S, _MAX_RECONNECT_S, jitter=0.5)
        self._progress = Progress(now=monotonic())
        self._waker = Waker()
        self._ending = threading.Event()
        self._settled = threading.Condition()

    @property
    def queue_len(self) -> int:
        """1 when something waits that was read already; how much the broker holds it does not say."""
        return int(self._connection is not None and self._connection.has_incoming)

    @property
    def report(self) -> JSONObject:
        """The connection, and how long ago a message came through it into the store."""
        connection = self._connection
        return {
            "address": f"{self._login.host}:{self._login.port}",
            "connected": connection is not None and connection.is_ready,
            "protocol": self._level.value,
            "connections": self._connections,
            "reconnects": max(0, self._connections - 1),
            "progress_age_s": round(self._progress.get_age_s(now=monotonic()), 1),
        }

    @property
    def lag_s(self) -> float:
        """How long the last probe took, or the next one takes already: it waits behind everything else."""
        return self._progress.get_lag_s(now=monotonic())

    @property
    def away_s(self) -> float:
        """For how long there has been no connection over which messages come."""
        connection = self._connection
        return 0.0 if connection is not None and connection.is_ready else monotonic() - self._ready_until

    def wait_ready(self, timeout_s: float) -> BrokerRefused | None:
        """Wait for the first connection, but not for longer than that; return why the broker does not want us."""
        with self._settled:
            self._settled.wait_for(lambda: self._connections or self._refusal is not None, timeout_s)
            return None if self._connections else self._refusal

    @property
    def _refusal(self) -> BrokerRefused | None:
        error = None if self._loss is None else self._loss.error
        return error if isinstance(error, BrokerRefused) else None

    def receive(self, max_messages: int, timeout_s: float) -> Sequence[Received] | None:
        """Return what waits; see ``Source``.

        Raises:
            WorkerReplaced: another process has the session.
        """
        deadline = monotonic() + timeout_s
        while not self._ending.is_set():
            try:
                received = self._read(max_messages)
            except BrokerUnavailable as error:
                self._lose(error)
                received = []
            left_s = deadline - monotonic()
            if received or left_s <= 0:
                return received
            self._wait(left_s)
        return None

    def settle(self, messages: Sequence[Received], *, committed: bool, unapplied: Sequence[Received] = ()) -> None:
        """Acknowledge what is committed; see ``Source``."""
        del unapplied  # what the broker retains is its own affair
        connection = self._connection
        own = [message for message in messages if message.connection is connection]
        if connection is None or not own:
            return
        if committed:
            self._progress.note_committed(now=monotonic())
            self._note_probes([message for message in own if message.topic == self._heard_probe_topic])
            connection.acknowledge(own)
        else:
            self._lose(self._build_end("so the broker sends again what can not be stored now"))

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Send messages out while there is a connection; see ``Source``."""
        if self._connection is not None and self._connection.is_ready:
            self._connection.publish(messages)

    def pause(self, timeout_s: float) -> None:
        """Wait, but not for longer than the source lasts; see ``Source``."""
        self._ending.wait(timeout_s)

    def end(self) -> None:
        """Let ``receive`` hand out nothing more: what is not committed yet comes again after the next start."""
        self._ending.set()
        self._waker.wake()

    def close(self) -> None:
        """Let go of the connection; when no thread receives any more."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._waker.close()

    def _read(self, max_messages: int) -> list[Received]:
        now = monotonic()
        if self._connection is None:
            if self._loss is not None and now < self._loss.retry_at:
                return []
            self.check_right(True)
            self._connection = self._connect()
        else:
            self.check_right(False)
        connection = self._connection
        was_ready = connection.is_ready
        received = connection.read(max_messages)
        if connection.is_ready and not was_ready:
            self._note_ready()
        if received:
            self._progress.note_received()
        if connection.is_ready:
            self._probe(connection, now=now)
        return received

    def _connect(self) -> Connection:
        connection = Connection(self._login, self._level, keeps_subscriptions=self._keeps_subscriptions)
        try:
            connection.open()
        except BrokerUnavailable:
            connection.close()
            raise
        return connection

    @property
    def _keeps_subscriptions(self) -> bool:
        return self._connections > 0 and not self._is_session_new

    def _note_ready(self) -> None:
        self._is_session_new = False
        self._known_level = self._level
        self._ready_at = monotonic()
        self._progress.begin()
        logger.info(
            "connected to the broker at %s:%d, MQTT %s",
            *(self._login.host, self._login.port, self._level.value),
            extra={"action": "broker_connected"},
        )
        with self._settled:
            self._loss = None
            self._connections += 1
            self._settled.notify_all()
        self.on_ready()

    def _probe(self, connection: Connection, *, now: float) -> None:
        """Send a message to ourselves now and then, and miss those that do not come back."""
        if self._progress.is_probe_due(now=now):
            payload = build_probe(self._login.client_id, now_ms=_get_now_ms())
            connection.publish([Outgoing(topic=self._probe_topic, payload=payload, qos=1)])
        if self._progress.is_deaf(now=now):
            raise self._build_end(self._login.share.silence)

    def _note_probes(self, probes: Sequence[Received]) -> None:
        for probe in probes:
            lag_s = read_probe_age_s(probe.payload, now_ms=_get_now_ms())
            if lag_s is not None:
                self._progress.note_probe(lag_s, now=monotonic())

    def _build_end(self, reason: str) -> ConnectionEnded:
        return ConnectionEnded(self._login.host, self._login.port, reason)

    def _lose(self, error: BrokerUnavailable) -> None:
        """Let go of the connection and plan the next one."""
        if self._connection is not None:
            if self._connection.is_ready:
                self._note_unready(is_closed=isinstance(error, ConnectionClosed))
            self._connection.close()
            self._connection = None
        if isinstance(error, SessionMissing):
            if not self._is_session_new:
                self._is_session_new = True
                return
            error = BrokerRefused(self._login.host, self._login.port, _NO_SESSIONS)
        if isinstance(error, LevelRefused) and self._known_level is None:
            self._level = Level.MQTT_3_1_1 if self._level is Level.MQTT_5 else Level.MQTT_5
        if self._loss is None or str(self._loss.error) != str(error):
            logger.warning("%s; trying again", error, extra={"action": "broker_lost"})
        retry_at = monotonic() + self._backoff.next_delay_s(random.random)
        with self._settled:
            self._loss = _Loss(error, retry_at)
            self._settled.notify_all()

    def _note_unready(self, *, is_closed: bool) -> None:
        self._ready_until = monotonic()
        lasted_s = self._ready_until - self._ready_at
        if lasted_s >= _STABLE_S:
            self._backoff.reset()
        if lasted_s >= _UNDISPUTED_S:
            self._disputes = 0
        elif is_closed:
            self._disputes += 1
            if self._disputes == _DISPUTES:
                self._tell_of_rival()

    def _tell_of_rival(self) -> None:
        logger.warning(
            "the broker closes each connection of %r within seconds: most likely another worker has this name; %s",
            *(self._login.client_id, RIVAL_HINT),
            extra={"action": "session_disputed"},
        )

    def _wait(self, timeout_s: float) -> None:
        """Wait until something comes in, there is room for what is to go out, or it is time to look."""
        poll = select.poll()
        poll.register(self._waker, select.POLLIN)
        timeout_s = min(timeout_s, _PATIENCE_S)
        if self._connection is not None:
            poll.register(self._connection, select.POLLIN | (select.POLLOUT if self._connection.has_outgoing else 0))
        elif self._loss is not None:
            timeout_s = min(timeout_s, self._loss.retry_at - monotonic())
        poll.poll(max(0.0, timeout_s) * 1000)


def _get_now_ms() -> int:
    """Return the time of the wall clock, as the probes of an earlier process carry it, too."""
    return time_ns() // 1_000_000
