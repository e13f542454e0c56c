"""What the worker says of itself on ``{root}/_status/{worker}``: retained, now and then and when something changes.

Pure: built from figures, time comes in as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pulseline_core.times import format_timestamp
from pulseline_core.types import JSONObject
from pulseline_ingest.counters import Counters
from pulseline_ingest.encoding import encode
from pulseline_ingest.source import Outgoing


@dataclass(slots=True)
class CommitFigures:
    """How the commits go.

    Attributes:
        groups: how many there were.
        messages: how many messages they held.
        refused: how many messages could not be stored and were given back.
        last_s: how long the last one took, from the first message applied to the disk.
        longest_s: the longest so far.
    """

    groups: int = 0
    messages: int = 0
    refused: int = 0
    last_s: float = 0.0
    longest_s: float = 0.0

    def add(self, *, messages: int, duration_s: float) -> None:
        """Count one commit."""
        self.groups += 1
        self.messages += messages
        self.last_s = duration_s
        self.longest_s = max(self.longest_s, duration_s)

    def to_json(self) -> JSONObject:
        """Return the figures by name; times in milliseconds."""
        return {
            "groups": self.groups,
            "messages": self.messages,
            "refused": self.refused,
            "last_ms": round(self.last_s * 1000, 3),
            "longest_ms": round(self.longest_s * 1000, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """What does not change while the worker runs."""

    root: str
    worker: str
    version: str
    epoch: str
    started: datetime

    def build_online(
        self,
        *,
        counters: Counters,
        commit: CommitFigures,
        queue_len: int,
        problem: str | None,
        broker: JSONObject | None = None,
    ) -> Outgoing:
        """Return the report of a worker that runs.

        Args:
            counters: what became of the messages.
            commit: how the commits go.
            queue_len: how many messages wait.
            problem: why it can not store anything just now.
            broker: how the connection to an external broker is.
        """
        return self._build(
            {
                "state": "online",
                "problem": problem,
                "version": self.version,
                "epoch": self.epoch,
                "started": format_timestamp(self.started),
                "counters": counters.to_json(),
                "queue": queue_len,
                "commit": commit.to_json(),
                **({"broker": broker} if broker else {}),
            }
        )

    def build_offline(self) -> Outgoing:
        """Return the last report."""
        return self._build({"state": "offline", "version": self.version, "epoch": self.epoch})

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
