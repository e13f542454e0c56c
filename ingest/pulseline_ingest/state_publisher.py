"""States of buckets on their way out: what is due by the schedule, as the store has it."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from pulseline_core.errors import ConfigError, StoreUnavailable
from pulseline_core.event import Event
from pulseline_core.store import Reader
from pulseline_core.topic import Kind, build_topic
from pulseline_core.types import BucketId
from pulseline_ingest.encoding import encode
from pulseline_ingest.share import Share
from pulseline_ingest.source import Outgoing
from pulseline_ingest.state import StateSchedule

logger = logging.getLogger(__name__)


class StatePublisher:
    """Builds the retained messages on ``{root}/{bucket}/state``; used on the worker's thread."""

    def __init__(self, reader: Reader, *, share: Share, interval_s: float) -> None:
        self._reader = reader
        self._share = share
        self._interval_s = interval_s
        self._schedule = StateSchedule(interval_s)
        #: When to read which buckets there are, all of which are due; ``None`` if they need not be.
        self._survey_at: float | None = None

    def mark_all(self, *, now: float) -> None:
        """Make every bucket due: a broker that was started again remembers none."""
        self._survey_at = now

    def mark(self, bucket_ids: Iterable[BucketId]) -> None:
        """Note that these buckets have changed."""
        self._schedule.mark(bucket_ids)

    def get_wait_s(self, *, now: float) -> float | None:
        """Return how long it is until a state may be due, ``None`` if that is not foreseen."""
        wait_s = self._schedule.get_wait_s(now=now)
        if self._survey_at is None:
            return wait_s
        survey_wait_s = max(0.0, self._survey_at - now)
        return survey_wait_s if wait_s is None else min(wait_s, survey_wait_s)

    def build_due(self, limit: int, *, now: float) -> list[Outgoing]:
        """Return up to ``limit`` states; what can not be read now is due again after the interval."""
        bucket_ids: list[BucketId] = []
        messages: list[Outgoing] = []
        try:
            self._survey(now)
            bucket_ids = self._schedule.take(limit, now=now)
            for bucket_id in bucket_ids:
                messages.append(self._build(bucket_id))  # noqa: PERF401 - what was built before an error is kept
        except (StoreUnavailable, ConfigError) as error:
            logger.warning("states can not be read: %s", error, extra={"action": "states_unread"})
            self._schedule.mark(bucket_ids[len(messages) :])
        return messages

    def _survey(self, now: float) -> None:
        if self._survey_at is not None and now >= self._survey_at:
            self._survey_at = now + self._interval_s  # unless it can be read
            self._schedule.mark(filter(self._share.has_bucket, self._reader.read_bucket_ids()))
            self._survey_at = None

    def _build(self, bucket_id: BucketId) -> Outgoing:
        topic = build_topic(self._share.root, bucket_id, Kind.STATE)
        return Outgoing(topic=topic, payload=_encode(self._reader.read_newest(bucket_id)), retain=True)


def _encode(event: Event | None) -> bytes:
    """Return the payload; an empty one makes the broker forget the state."""
    return b"" if event is None else encode(event.to_json())
