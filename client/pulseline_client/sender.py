"""The sender: the thread that brings what is in the outbox to the server.

Theory of operation. One thread owns the delivery (what to send) and the connection (how), and reads the outbox::

    callers --put--> outbox --wake--> sender: load -> take_due -> publish
                                              acknowledgements -> confirm -> discard, wake the caller who waits

It waits in one place, for the socket, a wake or the next alarm. Without a connection it waits for the next attempt.
Whatever fails on the way (the broker, the outbox's disk, a bug) ends the connection and is tried again after a
growing delay: nothing is lost by that, and nothing but ``close`` ends the thread.

Confirmed messages are deleted by the callers' own commits where there are some, by the sender otherwise
after a moment, so that a lone request does not wait behind the deletion of the one before.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from pulseline_client.acknowledgement import Acknowledgement, parse_acknowledgements
from pulseline_client.connection import Connection, ConnectionRefused
from pulseline_client.delivery import Delivery
from pulseline_client.outbox import Outbox
from pulseline_client.queued_message import Draft, QueuedMessage, build_message_topic, build_payload
from pulseline_client.reply import Outcome, Replies, Reply
from pulseline_core import runtime
from pulseline_core.backoff import Backoff
from pulseline_core.errors import Closed, PulselineError, ReplyTimeout, StoreUnavailable, Unavailable
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId
from pulseline_core.waker import Waker

logger = logging.getLogger(__name__)

#: Between attempts to reach the broker: soon after a restart, and at most this late after hours.
RECONNECT_S: Final = 0.1
MAX_RECONNECT_S: Final = 2.0

#: Between attempts when the broker refuses us: a person has to do something, and checking passwords costs it.
REFUSED_S: Final = 1.0
MAX_REFUSED_S: Final = 60.0

#: How long confirmed messages may stay in the file while no caller commits.
DISCARD_AFTER_S: Final = 0.2

#: How many confirmed messages may wait for deletion before the sender makes a commit of its own.
MAX_UNDISCARDED: Final = 2000

#: Messages are taken from the outbox this many at a time, so that acknowledgements are heard in between.
CHUNK: Final = 500

#: Until a deletion that failed is tried again.
RETRY_DISCARD_S: Final = 5.0

#: With messages on their way and no progress for so long, a fresh connection is tried.
STALL_S: Final = 30.0


@dataclass(slots=True)
class SenderCounters:
    """What happened, for status and tests.

    Attributes:
        rejected: messages that the server answered with an error and nobody waited for.
        malformed: acknowledgements that could not be read.
        connections: connections that came about.
        failures: unexpected errors that the thread survived.
    """

    rejected: int = 0
    malformed: int = 0
    connections: int = 0
    failures: int = 0


class OutboxCopied(Unavailable):
    """The server knows messages under our id that we never sent: the outbox is an old copy, or there are two."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"outbox '{path}' is an old copy, or there is another one of it; it goes on under a new id")


class Sender:
    """Sends what is in an open outbox until it is closed."""

    def __init__(self, outbox: Outbox, connect: Callable[[Waker, threading.Event], Connection], *, root: str) -> None:
        """Store what it works on.

        Args:
            outbox: open, and open until after ``close``.
            connect: builds a connection that is not opened yet.
            root: of the topics.
        """
        self.counters = SenderCounters()
        self.problem: PulselineError | None = None
        self.is_connected = False
        self.replies = Replies()
        self.delivery = Delivery(inherited=outbox.inherited, random=random.random)
        self._outbox = outbox
        self._connect = connect
        self._root = root
        self._topics: dict[tuple[BucketId, Kind], str] = {}
        self._waker = Waker()
        self._stop = threading.Event()
        self._settled = threading.Condition()
        self._flushing = 0
        self._settled_id = 0
        self._cursor = 0
        self._undiscarded = 0
        self._discard_at: float | None = None
        self._progress_at = 0.0
        self._reconnect = Backoff(RECONNECT_S, MAX_RECONNECT_S)
        self._refused = Backoff(REFUSED_S, MAX_REFUSED_S)
        self._thread: threading.Thread | None = None

    # --- called by any thread

    def start(self) -> None:
        """Start the thread."""
        self._outbox.committed = self._waker.wake
        self._thread = runtime.spawn(self._run, name="pulseline-client-sender")

    def close(self, timeout_s: float) -> None:
        """Stop; what is not confirmed stays in the outbox, and who waits for a reply gets ``Closed``."""
        self._stop.set()
        self._waker.wake()
        if self._thread is not None and runtime.join(self._thread, timeout_s):
            self._waker.close()
        self.replies.fail_all(Closed("client"))
        with self._settled:
            self._settled.notify_all()

    def submit(self, drafts: Sequence[Draft]) -> None:
        """Put messages into the outbox; they are on disk when this returns."""
        self._outbox.put(drafts)

    def ask(self, drafts: Sequence[Draft], replies: Sequence[Reply]) -> None:
        """Leave messages in the outbox; each of ``replies`` gets the outcome of the draft in its place."""

        def expect(messages: Sequence[QueuedMessage], error: PulselineError | None) -> None:
            if error is not None:
                for reply in replies:
                    reply.resolve(Outcome(error=error))
                return
            for message, reply in zip(messages, replies, strict=True):
                self.replies.expect(message, reply)

        self._outbox.leave(drafts, expect)

    def save(self) -> None:
        """Return when what was asked is on disk, however slow that is; raise why it can not be."""
        self._outbox.commit()

    def flush(self, timeout_s: float) -> None:
        """Wait until everything that is in the outbox now is confirmed and deleted.

        Raises:
            ReplyTimeout: that took longer; all is kept and will be sent.
            Closed: the sender was closed meanwhile.
        """
        target = self._outbox.last_id
        with self._settled:
            self._flushing += 1
            self._waker.wake()
            is_over = self._settled.wait_for(lambda: self._settled_id >= target or self._stop.is_set(), timeout_s)
            self._flushing -= 1
        if self._settled_id < target:
            raise Closed("client") if is_over else ReplyTimeout(timeout_s)

    # --- the thread

    def _run(self) -> None:
        while not self._stop.is_set():
            delay_s = self._serve_once()
            self._stop.wait(delay_s)

    def _serve_once(self) -> float:
        """Connect and send until the connection ends; return how long to wait before the next attempt."""
        try:
            self._serve()
        except ConnectionRefused as error:
            self._note_problem(error)
            return self._refused.next_delay_s(random.random)
        except PulselineError as error:
            self._note_problem(error)
        except Exception:
            # The outermost loop of the thread: without it nothing would ever be sent again.
            self.counters.failures += 1
            logger.exception("the sender failed; it begins anew", extra={"action": "sender_failed"})
        return self._reconnect.next_delay_s(random.random)

    def _note_problem(self, error: PulselineError) -> None:
        """Keep the reason for whoever asks; log each new one once."""
        if str(error) != str(self.problem) and not self._stop.is_set():
            logger.warning("%s; trying again", error, extra={"action": "connection_failed"})
        self.problem = error

    def _serve(self) -> None:
        connection = self._connect(self._waker, self._stop)
        try:
            connection.open()
            self._begin()
            while not self._stop.is_set():
                self._step(connection)
        finally:
            self._end(connection)
            connection.close()

    def _begin(self) -> None:
        now = monotonic()
        self.counters.connections += 1
        self.is_connected = True
        self.delivery.connect(now)
        self._progress_at = now
        logger.info("connected as %s", self._outbox.publisher, extra={"action": "connected"})

    def _end(self, connection: Connection) -> None:
        self.is_connected = False
        for message in self.delivery.disconnect(monotonic()):
            self._handle_refusal(connection, message)
        self._tidy()

    def _step(self, connection: Connection) -> None:
        """Send what is due, then wait for what comes and take it in."""
        is_behind = self._load()
        for transmission in self.delivery.take_due(monotonic()):
            message = transmission.message
            payload = build_payload(
                message,
                publisher=self._outbox.publisher,
                base=transmission.base,
                has_reply=self.replies.has(message),
            )
            connection.publish(self._get_topic(message), payload, retain=message.is_retained)
        self._check_stall(connection)
        for payload in connection.wait(0.0 if is_behind else self._get_patience_s()):
            self._take_in(payload)
        self._tidy()

    def _get_topic(self, message: QueuedMessage) -> str:
        key = message.bucket_id, message.kind
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = build_message_topic(self._root, *key)
        return topic

    def _load(self) -> bool:
        """Take the next messages from the outbox; return whether there are more and room for them."""
        room, newest = min(self.delivery.get_room(), CHUNK), self._outbox.last_id
        if not room:
            return False
        if self._cursor < newest:
            messages = self._outbox.read_after(self._cursor, limit=room)
            self.delivery.load(messages)
            self._cursor = messages[-1].id if messages else newest
        wanted = self.delivery.get_wanted()
        if wanted is not None:
            messages = self._outbox.read_bucket_after(wanted.bucket_id, wanted.seq, limit=room)
            self.delivery.load_wanted(wanted, messages, is_complete=not messages)
        return self.delivery.get_room() > 0 and (self._cursor < newest or wanted is not None)

    def _get_patience_s(self) -> float:
        """Return how long nothing has to be done unless something happens."""
        alarms = [alarm for alarm in (self.delivery.get_next_alarm(), self._discard_at) if alarm is not None]
        return max(0.0, min(alarms) - monotonic()) if alarms else STALL_S

    def _check_stall(self, connection: Connection) -> None:
        """End a connection that takes messages and never gets one confirmed.

        The server may be away while the broker is not, which a fresh connection does not change; or the broker has
        lost our subscription, or acknowledges what it throws away, which only a person can see in the log.
        """
        now = monotonic()
        if not self.delivery.in_flight:
            self._progress_at = now
        if now - self._progress_at < STALL_S:
            return
        raise connection.build_error("it takes messages, but none is confirmed")

    def _take_in(self, payload: bytes) -> None:
        """Act on acknowledgements: results first, because what covers a message also ends the wait for its result."""
        found = parse_acknowledgements(payload)
        self.counters.malformed += found.malformed
        if any(self.delivery.is_beyond(acknowledgement) for acknowledgement in found.items):
            self._outbox.renew_publisher()
            raise OutboxCopied(self._outbox.path)
        for acknowledgement in found.items:
            if acknowledgement.has_result and self.delivery.is_news(acknowledgement):
                self._resolve(acknowledgement)
        for acknowledgement in found.items:
            messages = self.delivery.acknowledge(acknowledgement, monotonic())
            if messages is not None:
                self._note_progress()
                self._discard(acknowledgement.bucket_id, acknowledgement.seq, len(messages))
                self.replies.confirm(messages)
        if found.problem is not None:
            self.delivery.disconnect(monotonic(), is_excused=True)
            raise StoreUnavailable(f"the server can not store messages now: {found.problem}")

    def _resolve(self, acknowledgement: Acknowledgement) -> None:
        bucket_id, seq, error = acknowledgement.bucket_id, acknowledgement.seq, acknowledgement.error
        outcome = Outcome(result=acknowledgement.result, is_known=True, error=error)
        if not self.replies.resolve(bucket_id, seq, outcome) and error is not None:
            self.counters.rejected += 1
            logger.warning(
                "message %d of bucket %r was not applied: %s", seq, bucket_id, error, extra={"action": "rejected"}
            )

    def _note_progress(self) -> None:
        self._progress_at = monotonic()
        self.problem = None
        self._reconnect.reset()
        self._refused.reset()

    def _handle_refusal(self, connection: Connection, message: QueuedMessage) -> None:
        """Tell the log and whoever waits; the message stays, since nobody knows what became of it."""
        error = connection.build_error(
            f"it closes the connection at messages of kind {message.kind.value!r} for bucket"
            f" {message.bucket_id!r}; they are kept and tried again now and then"
        )
        logger.error("%s", error, extra={"action": "refused"})
        self.replies.resolve(message.bucket_id, message.seq, Outcome(error=error))

    # --- deletion of what is confirmed

    def _discard(self, bucket_id: BucketId, seq: int, messages: int) -> None:
        self._outbox.discard(bucket_id, seq)
        self._undiscarded += messages
        if self._discard_at is None:
            self._discard_at = monotonic() + DISCARD_AFTER_S

    def _tidy(self) -> None:
        """Delete what is confirmed when it is time, and tell those who wait in ``flush``."""
        if self._is_discard_due():
            self._commit()
        if self.delivery.is_idle and not self._undiscarded and self._settled_id < self._cursor:
            self._settled_id = self._cursor
            with self._settled:
                self._settled.notify_all()

    def _is_discard_due(self) -> bool:
        if self._discard_at is None:
            return False
        is_awaited = self._flushing > 0 and self.delivery.is_idle
        return is_awaited or self._undiscarded >= MAX_UNDISCARDED or monotonic() >= self._discard_at

    def _commit(self) -> None:
        """Delete what is confirmed."""
        try:
            self._outbox.commit()
        except PulselineError as error:
            # The disk is full, say. Confirmed messages stay and count; the server knows them if they are sent again.
            self._discard_at = monotonic() + RETRY_DISCARD_S
            logger.warning("the outbox was not written: %s", error, extra={"action": "outbox_failed"})
        else:
            self._undiscarded, self._discard_at = 0, None
