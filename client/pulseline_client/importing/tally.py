"""What became of the events of an import."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from pulseline_client.importing.source import Refusal
from pulseline_core.types import JSONObject

#: Refusals that are kept to be shown.
MAX_EXAMPLES: Final = 5


@dataclass(slots=True)
class BucketTally:
    """What became of the events of one bucket.

    Attributes:
        is_new: whether the import made the bucket.
        added: events that were not there.
        extended: events that were there, but shorter.
        unchanged: events that were there; also those whose answer got lost on the way.
        skipped: what could not be taken, by what is wrong with it.
    """

    is_new: bool = False
    added: int = 0
    extended: int = 0
    unchanged: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])

    def to_json(self, bucket_id: str) -> JSONObject:
        """Return the numbers, and the bucket's id."""
        return {
            "id": bucket_id,
            "is_new": self.is_new,
            "added": self.added,
            "extended": self.extended,
            "unchanged": self.unchanged,
            "skipped": self.skipped.total(),
        }

    @property
    def stored(self) -> int:
        """How many of its events are there now."""
        return self.added + self.extended + self.unchanged


@dataclass(slots=True)
class Tally:
    """What became of an import, also while it goes on.

    Attributes:
        buckets: by id, in the order of the source.
        examples: the first refusals, each with its bucket's id.
    """

    buckets: dict[str, BucketTally] = field(default_factory=dict[str, BucketTally])
    examples: list[tuple[str, Refusal]] = field(default_factory=list[tuple[str, Refusal]])

    @property
    def stored(self) -> int:
        """How many events are there now."""
        return sum(bucket.stored for bucket in self.buckets.values())

    @property
    def skipped(self) -> Counter[str]:
        """What could not be taken, by what is wrong with it."""
        return sum((bucket.skipped for bucket in self.buckets.values()), Counter[str]())

    def to_json(self) -> JSONObject:
        """Return ``{"buckets": {id: {...}}, "skipped": [text, ...]}``, the latter of the examples."""
        buckets: JSONObject = {bucket_id: bucket.to_json(bucket_id) for bucket_id, bucket in self.buckets.items()}
        return {"buckets": buckets, "skipped": [describe_refusal(*example) for example in self.examples]}

    def refuse(self, bucket_id: str, refusal: Refusal) -> None:
        """Count something that can not be taken."""
        self.buckets.setdefault(bucket_id, BucketTally()).skipped[refusal.field] += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append((bucket_id, refusal))


def describe_refusal(bucket_id: str, refusal: Refusal) -> str:
    """Return for people what can not be taken, and why."""
    return f"in bucket {bucket_id!r}: {refusal.field} {refusal.problem}"
