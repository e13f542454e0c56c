"""A store that has been in use for a while: many events, few or many buckets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pulseline_core.bucket import BucketDescription
from pulseline_core.event import Event
from pulseline_core.store import open_store
from pulseline_core.types import BucketId

#: Distinct ``data`` objects: a person's window titles in some weeks.
DISTINCT = 2000

#: Events in one transaction.
GROUP = 5000


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
    first = datetime.now(UTC) - timedelta(days=1, seconds=10 * per_bucket)
    with open_store(path) as store:
        for number in range(scale.buckets):
            description = BucketDescription(type="currentwindow", client="benchmark", hostname="bench")
            for begin in range(0, per_bucket, GROUP):
                events = [build_event(first, n) for n in range(begin, min(begin + GROUP, per_bucket))]
                with store.transaction() as change:
                    bucket_id = build_bucket_id(number)
                    change.describe_bucket(bucket_id, description, now=first, hostname="bench")
                    bucket = change.get_bucket(bucket_id)
                    assert bucket is not None
                    change.insert_events(bucket, events)


def build_event(first: datetime, n: int) -> Event:
    """Return the n-th stored event of a bucket."""
    data = {"app": f"app {n % 50}", "title": f"title {n % DISTINCT} - a window of usual length"}
    return Event(timestamp=first + timedelta(seconds=10 * n), duration=timedelta(seconds=10), data=dict(data))
