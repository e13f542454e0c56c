"""A store that has been in use for a while: many events, few or many buckets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pulseline_core.bucket import BucketDescription
from pulseline_core.event import Event
from pulseline_core.store import Store, open_store
from pulseline_core.types import BucketId

#: Distinct ``data`` objects: a person's window titles in some weeks, and in some months.
DISTINCT = 2000
DISTINCT_OF_TIMELINE = 5000

#: Events in one transaction.
GROUP = 5000

#: The bucket that reads are measured on, and how many others there are.
TIMELINE = BucketId("bench-timeline")
NEIGHBOURS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is stored before the measurement begins."""

    events: int
    buckets: int

    @property
    def label(self) -> str:
        """The scale as a table's heading."""
        return f"{self.events:,} events, {self.buckets:,} buckets"


def build_bucket_id(number: int) -> BucketId:
    """Return the id of the n-th bucket."""
    return BucketId(f"bench-{number}")


def build_store(path: Path, scale: Scale) -> None:
    """Write ``scale.events`` events of 10 s each, spread over the buckets, the last one a day ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    per_bucket = max(1, scale.events // scale.buckets)
    with open_store(path) as store:
        for number in range(scale.buckets):
            fill_bucket(store, build_bucket_id(number), per_bucket, distinct=DISTINCT)


def build_timeline(path: Path, events: int) -> None:
    """Write ``events`` events of 10 s each into one bucket, the last one a day ago, and a hundredth into others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_store(path) as store:
        for number in range(NEIGHBOURS):
            fill_bucket(store, build_bucket_id(number), events // 100 // NEIGHBOURS, distinct=DISTINCT)
        fill_bucket(store, TIMELINE, events, distinct=DISTINCT_OF_TIMELINE)


def fill_bucket(store: Store, bucket_id: BucketId, count: int, *, distinct: int) -> None:
    """Make a bucket with ``count`` events of 10 s each, the last one a day ago."""
    first = datetime.now(UTC) - timedelta(days=1, seconds=10 * count)
    description = BucketDescription(type="currentwindow", client="benchmark", hostname="bench")
    for begin in range(0, count, GROUP):
        numbers = range(begin, min(begin + GROUP, count))
        with store.transaction() as change:
            change.describe_bucket(bucket_id, description, now=first, hostname="bench")
            bucket = change.get_bucket(bucket_id)
            assert bucket is not None
            change.insert_events(bucket, [build_event(first, n, distinct=distinct) for n in numbers])


def build_event(first: datetime, n: int, *, distinct: int) -> Event:
    """Return the n-th stored event of a bucket."""
    data = {"app": f"app {n % 50}", "title": f"title {n % distinct} - a window of usual length"}
    return Event(timestamp=first + timedelta(seconds=10 * n), duration=timedelta(seconds=10), data=dict(data))
