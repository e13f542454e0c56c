"""The importer: brings the buckets of a source to a target, and counts what became of each event.

Theory of operation. The thread that calls reads; some others send, each a batch of one bucket at a time, and wait for
its commit::

    reader   [batch 1][batch 2][batch 3]..waits for batch 1..[batch 4]
    sender 1          [1 .........]                  [4 .........]
    sender 2                   [2 .........]
    sender 3                            [3 .........]

Nothing is kept but the batches on their way, so that memory does not grow with the source. A batch never ends between
events that begin at the same moment: the target numbers equal ones among them, and a number must come out the same
whenever the source is imported. So an import that was cut off anywhere is completed by another one of the same source.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from pulseline_client.imported import Imported
from pulseline_client.importing.source import Refusal, Source, SourceBucket, build_description
from pulseline_client.importing.tally import BucketTally, Tally
from pulseline_core.bucket import parse_bucket_id
from pulseline_core.errors import BadInput, InvalidBucketId, PayloadTooLarge
from pulseline_core.event import Event
from pulseline_core.types import JSONObject

#: Events sent at once: about two messages of window events.
BATCH_EVENTS: Final = 2000

#: The same for events with large texts.
BATCH_CHARACTERS: Final = 1024 * 1024

#: Batches on their way: one is committed, one waits for that, one is being written.
SENDERS: Final = 3


class Target(Protocol):
    """Where an import goes. Batches of one bucket come on several threads at a time."""

    def has_bucket(self, bucket_id: str) -> bool:
        """Return whether a bucket exists."""
        ...

    def describe_bucket(self, bucket_id: str, description: JSONObject) -> None:
        """Create a bucket; return when it is committed."""

    def import_events(self, bucket_id: str, events: Sequence[Event]) -> Imported:
        """Add those events that the bucket does not have yet, as ``Writer.import_events``.

        Returns:
            What that changed, when it is committed.

        Raises:
            PayloadTooLarge: one event is too large to be sent; then none of them is sent.
        """
        ...

    def check_event(self, event: Event) -> None:
        """Raise ``PayloadTooLarge`` for an event that is too large to be sent."""


def _do_nothing(_: Tally) -> None:
    pass


class Importer:
    """One import; used once."""

    def __init__(self, target: Target, *, now: datetime) -> None:
        """Store where it goes.

        Args:
            target: where it goes.
            now: events may begin a day after it at most.
        """
        self.tally = Tally()
        self._target = target
        self._now = now
        self._tell: Callable[[Tally], object] = _do_nothing
        self._on_their_way: deque[_Shipment] = deque()

    def run(self, source: Source, tell: Callable[[Tally], object] = _do_nothing) -> Tally:
        """Import all that a source has; return what became of it.

        An error leaves what was committed before; ``tally`` says what that was.

        Args:
            source: what to import.
            tell: called on this thread as it goes on.

        Raises:
            BadInput: the source is damaged; what came before is imported.
            PulselineError: what the target raises.
        """
        self._tell = tell
        senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="pulseline-import")
        try:
            try:
                for bucket in source.iter_buckets(now=self._now):
                    self._import_bucket(bucket, senders)
            except BadInput:
                self._receive_all()
                raise
            self._receive_all()
        finally:
            # Nobody waits for what goes on after an error: the target, when closed, ends it.
            senders.shutdown(wait=False, cancel_futures=True)
        return self.tally

    def _import_bucket(self, bucket: SourceBucket, senders: ThreadPoolExecutor) -> None:
        try:
            parse_bucket_id(bucket.id)
        except InvalidBucketId as error:
            self.tally.refuse(bucket.id, Refusal("bucket", error.problem))
            return
        self._describe(bucket)
        tally = self.tally.buckets[bucket.id]
        for batch in iter_batches(self._iter_fitting(bucket)):
            if len(self._on_their_way) >= SENDERS:
                self._receive()
            future = senders.submit(self._target.import_events, bucket.id, batch)
            self._on_their_way.append(_Shipment(bucket.id, tally, batch, future))

    def _describe(self, bucket: SourceBucket) -> None:
        """Make the bucket, unless it exists: then its description is its owner's matter."""
        tally = self.tally.buckets.setdefault(bucket.id, BucketTally())
        if tally.is_new or self._target.has_bucket(bucket.id):
            return
        description, refusals = build_description(bucket.fields, now=self._now)
        for refusal in refusals:
            self.tally.refuse(bucket.id, refusal)
        self._target.describe_bucket(bucket.id, description)
        tally.is_new = True

    def _iter_fitting(self, bucket: SourceBucket) -> Iterator[Event]:
        for event in bucket.events:
            if isinstance(event, Refusal):
                self.tally.refuse(bucket.id, event)
            else:
                yield event

    def _receive_all(self) -> None:
        while self._on_their_way:
            self._receive()

    def _receive(self) -> None:
        """Wait for the oldest batch, and count it."""
        shipment = self._on_their_way.popleft()
        try:
            shipment.count(shipment.future.result())
        except PayloadTooLarge:
            fitting = [event for event in shipment.events if self._is_small(shipment.bucket_id, event)]
            shipment.events = fitting
            shipment.count(self._target.import_events(shipment.bucket_id, fitting))
        self._tell(self.tally)

    def _is_small(self, bucket_id: str, event: Event) -> bool:
        try:
            self._target.check_event(event)
        except PayloadTooLarge as error:
            self.tally.refuse(bucket_id, Refusal("size", f"of the event of {event.timestamp.isoformat()}: {error}"))
            return False
        return True


@dataclass(slots=True)
class _Shipment:
    """A batch on its way."""

    bucket_id: str
    tally: BucketTally
    events: Sequence[Event]
    future: Future[Imported]

    def count(self, changed: Imported) -> None:
        """Count what became of its events."""
        self.tally.added += changed.inserted
        self.tally.extended += changed.extended
        self.tally.unchanged += len(self.events) - changed.inserted - changed.extended


def iter_batches(events: Iterable[Event], size: int = BATCH_EVENTS) -> Iterator[list[Event]]:
    """Yield lists of ``size`` events, fewer large ones, and of those that follow and begin when the last one does.

    Raises:
        BadInput: what the events raise, after all that came before.
    """
    batch: list[Event] = []
    characters = 0
    try:
        for event in events:
            is_full = len(batch) >= size or characters >= BATCH_CHARACTERS
            if is_full and event.timestamp != batch[-1].timestamp:
                yield batch
                batch, characters = [], 0
            batch.append(event)
            for value in event.data.values():
                if type(value) is str:
                    characters += len(value)
    except BadInput:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
