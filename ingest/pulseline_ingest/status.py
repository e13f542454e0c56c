"""What the worker says of itself on ``{root}/_status/{worker}``: retained, now and then and when something changes.

Pure: built from figures, time comes in as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pulseline_core.partition import Partition
from pulseline_core.times import format_timestamp
from pulseline_core.types import JSONObject
from pulseline_ingest.counters import Counters
from pulseline_ingest.encoding import encode
from pulseline_ingest.histogram import Histogram
from pulseline_ingest.source import Outgoing

#: Bounds of the commits' durations in seconds: from a disk without a care to one that keeps everybody waiting.
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

#: Bounds of the numbers of messages in one commit.
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)


@dataclass(slots=True)
class CommitFigures:
    """How the commits go.

    Attributes:
        groups: how many there were.
        messages: how many messages they held.
        merged: how many heartbeats became part of an event that was there.
        refused: how many messages could not be stored and were given back.
        last_s: how long the last one took, from the first message applied to the disk.
        longest_s: the longest so far.
        seconds: of all.
        sizes: in messages, of all.
    """

    groups: int = 0
    messages: int = 0
    merged: int = 0
    refused: int = 0
    last_s: float = 0.0
    longest_s: float = 0.0
    seconds: Histogram = field(default_factory=lambda: Histogram(_SECONDS))
    sizes: Histogram = field(default_factory=lambda: Histogram(_SIZES))

    def add(self, *, messages: int, merged: int, duration_s: float) -> None:
        """Count one commit."""
        self.groups += 1
        self.messages += messages
        self.merged += merged
        self.last_s = duration_s
        self.longest_s = max(self.longest_s, duration_s)
        self.seconds.add(duration_s)
        self.sizes.add(messages)

    def to_json(self) -> JSONObject:
        """Return the figures by name; times in milliseconds."""
        return {
            "groups": self.groups,
            "messages": self.messages,
            "merged": self.merged,
            "refused": self.refused,
            "last_ms": round(self.last_s * 1000, 3),
            "longest_ms": round(self.longest_s * 1000, 3),
            "seconds": self.seconds.to_json(),
            "sizes": self.sizes.to_json(),
        }


@dataclass(slots=True)
class Peaks:
    """The most there was since the last report; between two of them a queue may fill and empty.

    Attributes:
        lag_s: how long a message waited from its receipt to its commit.
        unacknowledged: how many messages were received and not settled.
    """

    lag_s: float = 0.0
    unacknowledged: int = 0

    def note_group(self, unacknowledged: int) -> None:
        """Note how many messages are here, now that a group has come in."""
        self.unacknowledged = max(self.unacknowledged, unacknowledged)

    def note_lag(self, lag_s: float) -> None:
        """Note how long the oldest message of a group has waited."""
        self.lag_s = max(self.lag_s, lag_s)

    def take(self) -> JSONObject:
        """Return the figures by name, and begin anew."""
        taken: JSONObject = {"lag_s": round(self.lag_s, 3), "unacknowledged": self.unacknowledged}
        self.lag_s, self.unacknowledged = 0.0, 0
        return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """What does not change while the worker runs.

    Attributes:
        interval_s: how often it reports; a worker that is silent for several of them is stuck, or gone.
        host: the machine it runs on.
        partition: its share of the buckets; ``None`` is all of them.
    """

    root: str
    worker: str
    version: str
    epoch: str
    started: datetime
    interval_s: float
    host: str = ""
    partition: Partition | None = None

    def build_online(
        self,
        *,
        now: datetime,
        counters: Counters,
        commit: CommitFigures,
        problem: str | None,
        load: JSONObject,
    ) -> Outgoing:
        """Return the report of a worker that runs.

        Args:
            now: aware.
            counters: what became of the messages.
            commit: how the commits go.
            problem: why it can not store anything just now.
            load: what waits, and what else is to be said, by name.
        """
        return self._build(
            {
                "state": "online",
                "problem": problem,
                "version": self.version,
                "epoch": self.epoch,
                "started": format_timestamp(self.started),
                "published": format_timestamp(now),
                "interval_s": self.interval_s,
                "counters": counters.to_json(),
                "commit": commit.to_json(),
                **load,
                **self._build_partition(),
            }
        )

    def build_offline(self) -> Outgoing:
        """Return the last report."""
        return self._build({"state": "offline", "version": self.version, "epoch": self.epoch})

    def _build_partition(self) -> JSONObject:
        if self.partition is None:
            return {}
        return {"partitions": [self.partition.number], "partition_count": self.partition.count, "host": self.host}

    def _build(self, report: JSONObject) -> Outgoing:
        payload = encode({"worker": self.worker, **report})
        return Outgoing(topic=f"{self.root}/_status/{self.worker}", payload=payload, qos=1, retain=True)


class Timer:
    """Says every ``interval_s`` that it is time; at once at first. Pure, the clock's reading comes in."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._due: float | None = None

    def get_wait_s(self, *, now: float) -> float:
        """Return how long it is until the next time."""
        return 0.0 if self._due is None else max(0.0, self._due - now)

    def is_due(self, *, now: float) -> bool:
        """Return whether it is time, and if so begin the next interval."""
        if self._due is not None and now < self._due:
            return False
        self._due = now + self._interval_s
        return True

    def hasten(self) -> None:
        """Let it be time at once."""
        self._due = None
