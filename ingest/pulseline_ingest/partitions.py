"""A process among several that share the buckets: a worker for each partition that it holds.

Theory of operation. Who holds a partition is the database's to say (``postgres_lease``): a worker's store opens only if
nobody else has it open. Each worker is a session of its own at the broker, named after the partition, not the process;
so what its last holder has not acknowledged comes to the next one. All else is one loop, on the thread that waits:

    every second    look after the workers that ended ──> ask who is there ──> take what is free, give back what is over

* A process that dies, hangs or is cut off from the database loses its partitions there, and they are free.
* One that is cut off from the broker gives them back by itself, as long as somebody else is there to take them, and
  wants none before it reaches the broker again. A broker may take connections and do nothing for them, so the second
  attempt comes later than the first one, and so on: each takes partitions from somebody who does their work.
* A worker that ends for want of its partition, the store or the broker is no failure: it is tried again. Everything
  else ends the process.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
from time import monotonic
from types import TracebackType
from typing import Final, Self

from pulseline_core.address import reach
from pulseline_core.backoff import Backoff
from pulseline_core.errors import StoreUnavailable, Unavailable
from pulseline_core.partition import Partition
from pulseline_core.settings import Settings
from pulseline_core.store import Attendance, open_roster, open_store
from pulseline_core.tls import build_tls
from pulseline_ingest.allotment import plan
from pulseline_ingest.service import BROKER_WAIT_S, STOP_TIMEOUT_S, check_external, end_with
from pulseline_ingest.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

#: How often to look: an eighth of the time in which a dead worker's partitions shall be taken over.
_TURN_S: Final = 1.0

#: How long the broker may be away, which is longer than it takes to start again, before somebody else shall try.
_AWAY_S: Final = 6.0

#: How long to look for the broker then.
_REACH_TIMEOUT_S: Final = 1.0

#: How long to want no partition after they were given back, the first time and at most.
_FIRST_RETURN_S: Final = 2.0
_LAST_RETURN_S: Final = 300.0

#: A return that lasted for so long was none too early.
_STABLE_S: Final = 60.0


class PartitionedService:
    """The workers of one process; entered, they work. ``held`` may be read from any thread.

    Raises:
        InvalidSetting: no external broker is named, or the database is a file.
    """

    def __init__(self, settings: Settings) -> None:
        check_external(settings)
        count = settings.ingest.partitions
        self._settings = settings
        self._tls = build_tls(settings.mqtt)
        self._roster = open_roster(settings.database, count=count, worker=settings.ingest.worker)
        self._order = random.sample(range(count), count)
        self._workers: dict[int, WorkerThread] = {}
        self._is_cut_off = False
        self._return = Backoff(_FIRST_RETURN_S, _LAST_RETURN_S)
        self._return_at = 0.0
        self._is_silent = False

    @property
    def held(self) -> tuple[int, ...]:
        """The partitions that this process has, or is about to have or to give back."""
        return tuple(sorted(self._workers))

    def __enter__(self) -> Self:
        """Start; return when messages of the free partitions are taken in, or the broker has been away for long.

        Raises:
            PulselineError: the store can not be opened, or the broker refuses us.
        """
        is_ready = False
        try:
            open_store(self._settings.database).close()
            self._change(self._attend())
            deadline = monotonic() + BROKER_WAIT_S
            for worker in list(self._workers.values()):
                refusal = worker.wait_ready(max(0.0, deadline - monotonic()))
                if refusal is not None:
                    raise refusal
            self._bury()
            is_ready = True
        finally:
            if not is_ready:
                self.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, stop: threading.Event) -> None:
        """Work until ``stop``.

        Raises:
            WorkerReplaced: somebody who does not share our partitions uses our sessions.
            WorkerFailed: a worker died of a bug.
            PulselineError: the set-up is wrong.
        """
        while not stop.wait(_TURN_S):
            self._bury()
            try:
                attendance = self._attend()
            except StoreUnavailable as error:
                self._note_silence(error)
                continue
            self._note_silence(None)
            self._change(attendance)

    def close(self) -> None:
        """Commit and acknowledge what is at hand, and give all partitions back; a second call does nothing."""
        workers, self._workers = self._workers, {}
        for worker in workers.values():
            worker.end()
        deadline = monotonic() + STOP_TIMEOUT_S
        for worker in workers.values():
            worker.join(max(0.0, deadline - monotonic()))
        self._roster.close()

    def _attend(self) -> Attendance:
        if self._is_cut_off and monotonic() >= self._return_at and self._reaches_broker():
            self._is_cut_off = False
        is_told = bool(self._settings.ingest.told_partitions)
        attendance = self._roster.attend(is_worker=not is_told and not self._is_cut_off)
        away_s = max((worker.away_s for worker in self._workers.values()), default=0.0)
        if away_s > _AWAY_S and not is_told and attendance.workers > 1:
            logger.warning("the broker is out of reach; others shall try", extra={"action": "partitions_given_back"})
            self._note_cut_off()
            attendance = self._roster.attend(is_worker=False)
        return attendance

    def _note_cut_off(self) -> None:
        self._is_cut_off = True
        now = monotonic()
        if now - self._return_at >= _STABLE_S:
            self._return.reset()
        self._return_at = now + self._return.next_delay_s(random.random)

    def _reaches_broker(self) -> bool:
        mqtt = self._settings.mqtt
        try:
            socket.create_connection((reach(mqtt.host), mqtt.port), _REACH_TIMEOUT_S).close()
        except OSError:
            return False
        return True

    def _change(self, attendance: Attendance) -> None:
        """Take what is free and give back what is over."""
        if self._is_cut_off:
            for worker in self._workers.values():
                worker.end()
            return
        change = plan(attendance, self._workers.keys(), self._order, self._settings.ingest.told_partitions)
        for number in change.give:
            self._workers[number].end()
        for number in change.take:
            partition = Partition(number, self._settings.ingest.partitions)
            worker = self._workers[number] = WorkerThread(self._settings, self._tls, partition)
            worker.start()
        if change.take or change.give:
            logger.info(
                "partitions: taking %s, giving back %s, of %d workers",
                *(list(change.take), list(change.give), attendance.workers),
                extra={"action": "partitions_changed"},
            )

    def _bury(self) -> None:
        """Forget the workers that ended."""
        for number, worker in list(self._workers.items()):
            if not worker.is_alive:
                del self._workers[number]
                self._judge(number, worker.failure)

    def _judge(self, number: int, failure: Exception | None) -> None:
        """Raise what is not to be tried again."""
        if failure is None:
            return
        if not isinstance(failure, Unavailable):
            end_with(failure, who=f"the worker of partition {number}")
        logger.warning("partition %d is lost: %s", number, failure, extra={"action": "partition_lost"})

    def _note_silence(self, error: StoreUnavailable | None) -> None:
        if error is not None and not self._is_silent:
            logger.warning("who shares the partitions can not be asked: %s", error, extra={"action": "roster_lost"})
        self._is_silent = error is not None
