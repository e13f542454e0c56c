"""What a group of messages makes visible when it is committed: counts, acknowledgements, notices, changed states.

Collected while the group is applied, and thrown away with it when it is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from pulseline_core.message import DeleteBucket, DeleteEvents, DescribeBucket, Envelope
from pulseline_core.topic import Kind, build_topic
from pulseline_core.types import BucketId, JSONValue
from pulseline_ingest.acknowledgement import AcknowledgementRules, Acknowledgements
from pulseline_ingest.counters import Counters
from pulseline_ingest.dead_letters import build_notice
from pulseline_ingest.outcome import Applied, BucketRequest, DeadLettered, Duplicate, Ignored, Outcome, build_result
from pulseline_ingest.reading import Delivery
from pulseline_ingest.source import Outgoing, Received


class Effects:
    """The effects of one group.

    Attributes:
        counters: what became of the messages.
        touched: the buckets whose newest event may be another now.
        unapplied: the messages that asked for something and changed nothing.
        leaves_rows: whether something was deleted whose rows are to be collected.
        merged: how many heartbeats became part of an event that was there.
    """

    def __init__(self) -> None:
        self.counters = Counters()
        self.touched: dict[BucketId, None] = {}
        self.unapplied: list[Received] = []
        self.leaves_rows = False
        self.merged = 0
        #: Deleted buckets, and whether they were described anew afterwards.
        self._deleted: dict[BucketId, bool] = {}
        self._acknowledgements = Acknowledgements()
        self._letters: list[tuple[Received, DeadLettered]] = []

    def add(self, delivery: Delivery, outcome: Outcome) -> None:
        """Add what became of one message."""
        self.counters.count(outcome)
        if not isinstance(outcome, Applied) and outcome != Ignored():
            self.unapplied.append(delivery.received)
        if isinstance(outcome, Applied):
            if outcome.change is not None:
                self._add_change(outcome.change)
        elif isinstance(outcome, DeadLettered):
            self._letters.append((delivery.received, outcome))
        if delivery.envelope is not None:
            self._acknowledge(delivery.envelope, delivery.bucket_id, outcome)

    def iter_messages(self, rules: AcknowledgementRules) -> Iterator[Outgoing]:
        """Yield what is to be published now that the group is committed."""
        yield from self._acknowledgements.iter_messages(rules)
        for received, letter in self._letters:
            yield build_notice(received, letter, root=rules.root)
        for bucket_id, is_described in self._deleted.items():
            yield _clear(rules.root, bucket_id, Kind.STATE)
            if not is_described:
                yield _clear(rules.root, bucket_id, Kind.META)

    def _add_change(self, change: BucketRequest) -> None:
        bucket_id = change.bucket_id
        if isinstance(change, DeleteBucket | DeleteEvents):
            self.leaves_rows = True
        if isinstance(change, DeleteBucket):
            self._deleted[bucket_id] = False
            self.touched.pop(bucket_id, None)
        elif isinstance(change, DescribeBucket):
            if bucket_id in self._deleted:
                self._deleted[bucket_id] = True
        else:
            self.touched[bucket_id] = None

    def _acknowledge(self, envelope: Envelope, bucket_id: str, outcome: Outcome) -> None:
        publisher, seq = envelope.publisher, envelope.seq
        if isinstance(outcome, Ignored | Duplicate):
            if outcome.watermark is not None:
                self._acknowledgements.add(publisher, bucket_id, outcome.watermark)
        elif envelope.reply:
            self._acknowledgements.add_result(publisher, bucket_id, seq=seq, result=_build_reply(outcome))
        else:
            self._acknowledgements.add(publisher, bucket_id, seq)


def _build_reply(outcome: Applied | DeadLettered) -> JSONValue:
    match outcome:
        case Applied():
            return build_result(outcome.result)
        case DeadLettered():
            return build_result(outcome.failure)
        case _:
            assert_never(outcome)


def _clear(root: str, bucket_id: BucketId, kind: Kind) -> Outgoing:
    """Return the message that makes a broker forget a retained one."""
    return Outgoing(topic=build_topic(root, bucket_id, kind), payload=b"", retain=True)
