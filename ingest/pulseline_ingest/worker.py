"""The writer: the one thread that changes the store.

Theory of operation::

    source ──receive──> read ──> one transaction ──commit──> settle ──> publish
                                       │                     (PUBACK)   acknowledgements, replies, notices, states
                                       ├─ another writer in the way: roll back, then once more, a few times
                                       ├─ store unavailable: roll back ──> say why ──> settle as not committed ──> pause
                                       └─ anything else: roll back, then each message of the group by itself;
                                          the one that fails again becomes a dead letter

* A group is what waits, up to ``max_batch``; nobody lingers for more. Alone, a message commits at once; under load the
  groups grow while the disk is busy.
* What a group makes visible (``Effects``) is kept apart until its commit, so a roll-back leaves nothing behind here,
  and the store forgets what it remembered. Counters change after the commit only.
* Messages are settled each once, however its group went, and those of one connection in the order of receipt.
* A connection is closed at a message that is given back, and its publisher sends again from there. So what came over
  it after that message is given back, too, whenever it turns up here: applied, it would be doubled and out of order.
* States and status are published between groups; their timers shorten the wait for messages and never delay one.
  Under load few states are published for each group: the latest wins, so a bucket that waits longer loses nothing.
* What is deleted is out of sight with its commit. Its rows are removed a few at a time, after each group and while no
  message waits; what is left at the end is removed after the next start.
* It ends when the source does, after the last message was settled. An error that comes out of ``run`` is a bug, or a
  source that fails; whoever started the thread ends the process, and what was not settled is sent again.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Final
from weakref import WeakSet

from pulseline_core.backoff import Backoff
from pulseline_core.errors import ConfigError, StoreUnavailable, WriteConflict
from pulseline_core.message import Nothing
from pulseline_core.payload import PayloadRules
from pulseline_core.store import Store
from pulseline_ingest.acknowledgement import AcknowledgementRules, build_problems
from pulseline_ingest.batch import Batcher
from pulseline_ingest.counters import Counters
from pulseline_ingest.effects import Effects
from pulseline_ingest.outcome import Failure
from pulseline_ingest.reading import Delivery, describe_bug, read_message
from pulseline_ingest.share import Share
from pulseline_ingest.source import Outgoing, Received, Source
from pulseline_ingest.state_publisher import StatePublisher
from pulseline_ingest.status import CommitFigures, Peaks, Timer, WorkerFacts

logger = logging.getLogger(__name__)

#: How long nothing is tried after the store failed: from a moment, as for a lock, to what a person waits for gladly.
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0

#: How often a group is tried that another writer is in the way of. To give it back takes longer than all of them, as
#: some brokers send it again after seconds only.
_ATTEMPTS: Final = 5

#: States published at once while no message waits: a message that comes meanwhile waits for about a millisecond.
_IDLE_STATES: Final = 10

#: Messages for each state published while messages wait. A state costs as much as six messages, since its pages are
#: cold; so all of them take a thirtieth of the thread at most, and ten thousand buckets under full load two minutes.
_MESSAGES_PER_STATE: Final = 200

#: Deleted events that are removed in one transaction: a message that comes meanwhile waits for about a millisecond.
#: Larger transactions remove no faster, since each event's data has pages of its own.
_COLLECTED_EVENTS: Final = 50

#: How long deleted events are left alone when they could not be removed; they are out of sight, so nothing hurries.
_COLLECT_PAUSE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts:
    """What the worker is made of.

    Attributes:
        store: open, and used by the worker's thread alone.
        share: what of all messages is to be applied.
        max_batch: messages in one transaction, at most.
    """

    store: Store
    share: Share
    batcher: Batcher
    states: StatePublisher
    facts: WorkerFacts
    payload_rules: PayloadRules
    acknowledgement_rules: AcknowledgementRules
    max_batch: int


class Worker:
    """Takes messages from a source until the source ends; all on the thread that calls ``run``."""

    def __init__(self, source: Source, parts: WorkerParts) -> None:
        self._source = source
        self._parts = parts
        self._counters = Counters()
        self._commits = CommitFigures()
        self._peaks = Peaks()
        self._status_timer = Timer(parts.facts.interval_s)
        self._backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        self._problem: str | None = None
        #: Over which messages came that were given back; until nobody has them any more.
        self._closing: WeakSet[object] = WeakSet()
        #: Messages since the last state that was published while messages wait.
        self._unpaid = 0
        #: Whether there may be rows to collect; at first those that the last run left.
        self._leaves_rows = True
        self._collect_at = 0.0

    def run(self) -> None:
        """Apply and acknowledge messages until the source ends."""
        self.announce()
        self._publish_views(0)
        self._collect()
        while (group := self._source.receive(self._parts.max_batch, self._get_wait_s())) is not None:
            if group:
                self._peaks.note_group(len(group) + self._source.queue_len)
                self._handle(group)
            self._publish_views(len(group))
            self._collect()
        self._source.publish([self._parts.facts.build_offline()])

    def announce(self) -> None:
        """Publish all states and the status anew, because the broker may have forgotten them; on the same thread."""
        self._parts.states.mark_all(now=monotonic())
        self._status_timer.hasten()

    def _handle(self, group: Sequence[Received]) -> None:
        if self._closing:
            group = self._refuse_followers(group)
        if not group:
            return
        if self._commit([self._read(received) for received in group]):
            self._backoff.reset()
            return
        self._publish_views(len(group))
        self._source.pause(self._backoff.next_delay_s(random.random))

    def _read(self, received: Received) -> Delivery:
        """Read a message; one of another worker's asks for nothing, and is acknowledged in its turn."""
        if not self._parts.share.has_topic(received.topic):
            return Delivery(received, Nothing())
        return read_message(received, self._parts.payload_rules)

    def _refuse_followers(self, group: Sequence[Received]) -> Sequence[Received]:
        """Give back what follows a message that was given back, on its connection; return the others."""
        self._refuse([received for received in group if received.connection in self._closing])
        return [received for received in group if received.connection not in self._closing]

    def _commit(self, deliveries: Sequence[Delivery], *, attempts: int = _ATTEMPTS) -> bool:
        """Commit messages and settle them; return whether the store works."""
        begun = monotonic()
        try:
            with self._parts.store.transaction() as tx:
                effects = self._parts.batcher.apply(tx, deliveries)
        except (StoreUnavailable, ConfigError) as error:  # the latter: the file system refuses us, say
            if isinstance(error, WriteConflict) and attempts > 1:
                return self._commit(deliveries, attempts=attempts - 1)
            self._note_problem(error)
            self._give_back(deliveries)
            return False
        except Exception as error:  # noqa: BLE001 - whatever one message did, its neighbours are to be stored
            return self._commit_apart(deliveries, error)
        self._commits.add(messages=len(deliveries), merged=effects.merged, duration_s=monotonic() - begun)
        self._peaks.note_lag((datetime.now(UTC) - deliveries[0].received.received_at).total_seconds())
        self._note_problem(None)
        self._finish(deliveries, effects)
        return True

    def _commit_apart(self, deliveries: Sequence[Delivery], error: Exception) -> bool:
        """Commit the messages of a group that failed one by one; one that is alone already as a dead letter."""
        if len(deliveries) > 1:
            logger.warning("a group of %d failed: %s", len(deliveries), error, extra={"action": "group_failed"})
            return self._commit_each(deliveries)
        [delivery] = deliveries
        logger.error(
            "a message on %r failed", delivery.received.topic, exc_info=error, extra={"action": "message_failed"}
        )
        if isinstance(delivery.request, Failure):  # not even its dead letter can be stored
            self._refuse([delivery.received])
            return True
        return self._commit([replace(delivery, request=describe_bug(error))])

    def _commit_each(self, deliveries: Sequence[Delivery]) -> bool:
        for place, delivery in enumerate(deliveries, start=1):
            if delivery.received.connection in self._closing:
                self._refuse([delivery.received])
            elif not self._commit([delivery]):
                self._give_back(deliveries[place:])
                return False
        return True

    def _finish(self, deliveries: Sequence[Delivery], effects: Effects) -> None:
        """Make a committed group visible: first to who sent it, then to who watches."""
        self._counters.add(effects.counters, received=len(deliveries))
        self._parts.states.mark(effects.touched)
        self._leaves_rows |= effects.leaves_rows
        messages = [delivery.received for delivery in deliveries]
        self._source.settle(messages, committed=True, unapplied=effects.unapplied)
        notices = list(effects.iter_messages(self._parts.acknowledgement_rules))
        if notices:
            self._source.publish(notices)

    def _give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Settle what the store does not take as not committed, after telling numbered publishers why."""
        publishers = [delivery.envelope.publisher for delivery in deliveries if delivery.envelope is not None]
        if publishers and self._problem is not None:
            self._source.publish(build_problems(self._parts.acknowledgement_rules, publishers, self._problem))
        self._refuse([delivery.received for delivery in deliveries])

    def _refuse(self, messages: Sequence[Received]) -> None:
        """Settle messages as not committed; whoever sent them sends them again, over another connection."""
        if messages:
            self._commits.refused += len(messages)
            self._closing.update(message.connection for message in messages if message.connection is not None)
            self._source.settle(messages, committed=False)

    def _note_problem(self, error: StoreUnavailable | ConfigError | None) -> None:
        """Log and report when the store ceases to work, for another reason, or works again."""
        problem = None if error is None else str(error)
        if problem == self._problem:
            return
        self._problem = problem
        self._status_timer.hasten()
        if error is None:
            logger.info("the store works again", extra={"action": "store_recovered"})
        else:
            logger.error("nothing can be stored: %s", error, extra={"action": "store_failed"})

    def _collect(self) -> None:
        """Remove some rows of what is deleted; while the store does not work, they are left alone.

        That they can not be removed now is no problem to report: whether messages can be stored, the next one tells.
        """
        if not self._is_collecting:
            return
        try:
            with self._parts.store.transaction() as tx:
                self._leaves_rows = tx.collect(_COLLECTED_EVENTS)
        except (StoreUnavailable, ConfigError) as error:
            logger.warning("what is deleted is removed later: %s", error, extra={"action": "collect_failed"})
            self._collect_at = monotonic() + _COLLECT_PAUSE_S

    @property
    def _is_collecting(self) -> bool:
        return self._leaves_rows and self._problem is None and monotonic() >= self._collect_at

    def _publish_views(self, busy_messages: int) -> None:
        """Publish the states and the status that are due."""
        now = monotonic()
        self._unpaid += busy_messages
        states, self._unpaid = divmod(self._unpaid, _MESSAGES_PER_STATE)
        limit = states + (not self._source.queue_len) if busy_messages else _IDLE_STATES
        messages = self._parts.states.build_due(limit, now=now)
        if self._status_timer.is_due(now=now):
            messages.append(self._build_status())
        if messages:
            self._source.publish(messages)

    def _build_status(self) -> Outgoing:
        self._peaks.note_lag(self._source.lag_s)
        broker = self._source.report
        return self._parts.facts.build_online(
            now=datetime.now(UTC),
            counters=self._counters,
            commit=self._commits,
            problem=self._problem,
            load={"queue": self._source.queue_len, **self._peaks.take(), **({"broker": broker} if broker else {})},
        )

    def _get_wait_s(self) -> float:
        """Return how long to wait for messages before something else is to be done."""
        if self._is_collecting:
            return 0.0
        now = monotonic()
        wait_s = self._status_timer.get_wait_s(now=now)
        state_wait_s = self._parts.states.get_wait_s(now=now)
        return wait_s if state_wait_s is None else min(wait_s, state_wait_s)
