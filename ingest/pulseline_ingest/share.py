"""What of all messages is one worker's: everything, or a partition, which the broker or the worker itself picks out.

A worker that picks gets all messages, applies those of its partition's buckets and acknowledges the rest unread. Where
the broker picks, it puts the partition into the topic, which is taken out again::

    published    {root}/desk/heartbeat
    received     {root}/_partition/8/3/desk/heartbeat       partition 3 of 8

What concerns no bucket is partition 0's. A probe goes the way of the buckets' messages, so that it does not come back
if the broker's partitions are others than ours. What a session holds of a time when there were fewer is taken, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pulseline_core.errors import BadInput
from pulseline_core.partition import PARTITION_LEVEL, Partition
from pulseline_core.topic import ADMIN_LEVEL, PROBE_LEVEL, Kind, decode_level, encode_level

#: What a bucket's messages are for, of those that ingest takes in.
_KINDS: Final = (Kind.HEARTBEAT, Kind.EVENTS, Kind.META, Kind.ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a worker takes.

    Attributes:
        root: the topics' root.
        worker: the setting of that name, the same for all who share.
        partition: which; ``None`` is everything.
        is_dealt: whether the broker puts the partition into the topic.
    """

    root: str
    worker: str
    partition: Partition | None = None
    is_dealt: bool = False

    @property
    def name(self) -> str:
        """The name of who takes it, whichever process that is: its session and its status are known by it."""
        return self.worker if self.partition is None else f"{self.worker}-{self.partition.number}"

    @property
    def topic_filters(self) -> tuple[str, ...]:
        """What to subscribe to. One filter where that is possible: NATS keeps no order between two."""
        return tuple(self._iter_filters())

    def _iter_filters(self) -> Iterator[str]:
        if self._prefix:
            yield f"{self._prefix}+/+"
        else:
            yield from (f"{self.root}/+/{kind.value}" for kind in _KINDS)
        if self.partition is None or self.partition.number == 0:
            yield f"{self.root}/{ADMIN_LEVEL}"
        if not self._prefix:
            yield self.probe_topic

    @property
    def probe_topic(self) -> str:
        """Where the worker says something to itself."""
        if self.partition is None or not self.is_dealt:
            return self.heard_probe_topic
        levels = (f"{PROBE_LEVEL}-{number}" for number in itertools.count())
        return f"{self.root}/{next(filter(self.partition.has, levels))}/{Kind.HEARTBEAT.value}"

    @property
    def heard_probe_topic(self) -> str:
        """The topic of that when it comes back."""
        return f"{self.root}/{PROBE_LEVEL}/{self.name}"

    @property
    def _prefix(self) -> str:
        """What the broker puts before the bucket, nothing if it does not."""
        if self.partition is None or not self.is_dealt:
            return ""
        return f"{self.root}/{PARTITION_LEVEL}/{self.partition.count}/{self.partition.number}/"

    def restore(self, topic: str) -> str:
        """Return the topic that was published to."""
        if not self.is_dealt or not topic.startswith(f"{self.root}/{PARTITION_LEVEL}/"):
            return topic
        rest = topic[len(self.root) :].split("/", 4)[-1]
        return self.heard_probe_topic if rest.startswith(f"{PROBE_LEVEL}-") else f"{self.root}/{rest}"

    @property
    def silence(self) -> str:
        """Why nothing may come, in words."""
        if not self._prefix:
            return f"nothing comes over it any more; may its user read and write below {self.root}?"
        return f"nothing comes over it; does it deal out to {self._prefix}+/+, as deploy/nats does?"

    def has_topic(self, topic: str) -> bool:
        """Return whether a message that was received is to be applied here."""
        if self.partition is None or self.is_dealt:
            return True
        level = topic[len(self.root) + 1 :].partition("/")[0]
        return level.startswith("_") or self.partition.has(_normalise(level))

    def has_bucket(self, bucket_id: str) -> bool:
        """Return whether a bucket is the worker's."""
        return self.partition is None or self.partition.has(encode_level(bucket_id))


def _normalise(level: str) -> str:
    """Return the level as a library client would write it: two ways to write a bucket are one bucket."""
    try:
        return encode_level(decode_level(level))
    except BadInput:
        return level
