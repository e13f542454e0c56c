"""The merge rule (``pulseline_core.merge``) on the rows of the event table.

Most heartbeats prolong the newest event of their bucket. So each bucket's newest event is kept in memory, and within a
transaction it is only changed there; its row is written when another event takes its place, when something else needs
the rows, or when the group commits: two hundred heartbeats of one state are one ``UPDATE``. What is in memory is true
to the rows and to the transaction: after a rollback the whole object is thrown away and another begins empty.

A heartbeat that begins before the newest event takes the long way, through the rows around it.

What changes anything but the newest event, or comes in front of it, is noted for readers (``rewrites``).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from pulseline_core.errors import NotFound
from pulseline_core.merge import Merge, Span, is_continued, join, merge_heartbeat
from pulseline_core.store.connection import Connection, Row
from pulseline_core.store.event_rows import MAX_US, MIN_US
from pulseline_core.store.event_writer import EventWriter
from pulseline_core.store.models import IS_KEPT
from pulseline_core.store.rewrites import Rewrites

#: Timelines kept from one transaction to the next, about 500 bytes each.
_MAX_TIMELINES: Final = 50_000

#: How many following rows are looked at first; each time all of them were absorbed, it is eight times as many.
_FIRST_FOLLOWING: Final = 4

_LONGEST: Final = f"SELECT longest_us FROM bucket WHERE id = ? AND {IS_KEPT}"  # noqa: S608 - a constant
_PREVIOUS: Final = (
    "SELECT id, start_us, end_us, data_id FROM event WHERE bucket_id = ? AND start_us <= ?"
    " ORDER BY start_us DESC, id DESC LIMIT 1"
)
#: The newest event of each bucket, where others write, too, and a statement for each would be a journey.
_EXPECT: Final = """
SELECT bucket.id, longest_us, newest.id, start_us, end_us, data_id
FROM bucket LEFT JOIN LATERAL (
    SELECT id, start_us, end_us, data_id FROM event
    WHERE bucket_id = bucket.id ORDER BY start_us DESC, id DESC LIMIT 1
) AS newest ON TRUE
WHERE bucket.id = ANY(?)
"""
_FOLLOWING: Final = (
    "SELECT id, start_us, end_us, data_id FROM event WHERE bucket_id = ? AND start_us > ? ORDER BY start_us, id LIMIT ?"
)
_EQUAL: Final = (
    "SELECT -end_us, id FROM event WHERE bucket_id = ? AND start_us = ? AND data_id = ? ORDER BY end_us DESC, id"
)
_DELETE: Final = "DELETE FROM event WHERE id = ?"


class StoredSpan(NamedTuple):
    """An event's row: its number, its time and the number of its data."""

    id: int
    span: Span


class Imported(NamedTuple):
    """How many events were not there, and how many were there but shorter."""

    inserted: int
    extended: int


@dataclass(slots=True)
class Timeline:
    """What is known of one bucket's events.

    Attributes:
        bucket_key: the number of the bucket's row.
        longest_us: no event of the bucket is longer.
        newest: the event that is last by (start, id), ``None`` if there is none; only while ``is_loaded``.
        is_loaded: whether ``newest`` is known.
        is_changed: whether ``newest`` is ahead of its row.
    """

    bucket_key: int
    longest_us: int
    newest: StoredSpan | None = None
    is_loaded: bool = False
    is_changed: bool = False


class Timelines:
    """The timelines of all buckets, for one writing connection.

    Attributes:
        merged: heartbeats that became part of an event that was there, since this object was made.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._timelines: dict[int, Timeline] = {}
        self._changed: dict[int, Timeline] = {}
        self._events = EventWriter(connection)
        self._rewrites = Rewrites(connection)
        self.merged = 0

    def get(self, bucket_key: int) -> Timeline:
        """Return the timeline of a bucket.

        Raises:
            NotFound: the bucket was deleted.
        """
        timeline = self._timelines.get(bucket_key)
        if timeline is None:
            row = self._connection.fetch_one(_LONGEST, (bucket_key,))
            if row is None:
                raise NotFound("bucket", bucket_key)
            timeline = self._timelines[bucket_key] = Timeline(bucket_key, row[0])
        return timeline

    def expect(self, bucket_keys: list[int]) -> None:
        """Read the timelines of buckets, which are locked, all at once."""
        for bucket_key, longest_us, *newest in self._connection.fetch_all(_EXPECT, (bucket_keys,)):
            stored = None if newest[0] is None else _stored(tuple(newest))
            self._timelines[bucket_key] = Timeline(bucket_key, longest_us, newest=stored, is_loaded=True)

    def merge(self, timeline: Timeline, heartbeat: Span, *, pulsetime_us: int) -> StoredSpan:
        """Merge a heartbeat and return the event that holds it now."""
        if not timeline.is_loaded:
            timeline.newest = self._read_previous(timeline, MAX_US)
            timeline.is_loaded = True
        newest = timeline.newest
        if newest is None or newest.span.start_us <= heartbeat.start_us:
            result = self._append(timeline, newest, heartbeat, pulsetime_us)
        else:
            result = self._splice(timeline, heartbeat, pulsetime_us)
        self.cover(timeline, result.span.end_us - result.span.start_us)
        return result

    def insert(self, timeline: Timeline, spans: Iterable[Span]) -> list[StoredSpan]:
        """Insert events as they are."""
        self.settle(timeline)
        stored = [self._insert(timeline, span) for span in spans]
        if stored:
            self.note_rewrite(timeline, min(item.span.start_us for item in stored))
        self.cover(timeline, max((item.span.end_us - item.span.start_us for item in stored), default=0))
        return stored

    def complete(self, timeline: Timeline, wanted: Iterable[tuple[Span, int]]) -> Imported:
        """Make the timeline hold all that is wanted, and nothing twice.

        ::

            stored   |----a----|     |--b--|
            wanted   |--a--|         |----b----|     |--c--|
            after    |----a----|     |----b----|     |--c--|

        Wanted number ``n`` of a start and data is stored if the ``n``-th longest such event is no shorter; if it is
        shorter, it has grown since it was stored and is extended; if there is none, it is inserted.

        Args:
            timeline: of the bucket.
            wanted: each with its number, from 1; of one start and data in the order of their numbers.
        """
        self.settle(timeline)
        inserted = extended = longest_us = 0
        start_us = -1
        equal: dict[Hashable, list[Row]] = {}  # those that begin at this start, by data, longest first
        for span, number in wanted:
            self.note_rewrite(timeline, span.start_us)
            if span.start_us != start_us:
                start_us, equal = span.start_us, {}
            if span.data not in equal:
                self._events.flush()
                equal[span.data] = self._connection.fetch_all(_EQUAL, (timeline.bucket_key, start_us, span.data))
            copies = equal[span.data]
            if number > len(copies):
                insort(copies, (-span.end_us, self._insert(timeline, span).id))
                inserted += 1
            elif -copies[number - 1][0] < span.end_us:
                _, event_id = copies.pop(number - 1)
                insort(copies, (-span.end_us, event_id))
                self._events.set_end(event_id, span.end_us)
                extended += 1
            longest_us = max(longest_us, span.end_us - span.start_us)
        self.cover(timeline, longest_us)
        return Imported(inserted, extended)

    def cover(self, timeline: Timeline, duration_us: int) -> None:
        """Note that the bucket has an event this long."""
        if duration_us > timeline.longest_us:
            timeline.longest_us = 1 << (duration_us - 1).bit_length()
            self._events.set_longest(timeline.bucket_key, timeline.longest_us)

    def note_rewrite(self, timeline: Timeline, from_us: int = MIN_US) -> None:
        """Note that events change which begin at ``from_us`` or later; it is committed with the change."""
        self._rewrites.note(timeline.bucket_key, from_us)

    def settle(self, timeline: Timeline) -> None:
        """Bring the bucket's rows up to date and forget its newest event: something else is about to change them."""
        if timeline.is_changed:
            self._write_newest(timeline)
        self._events.flush()
        timeline.newest, timeline.is_loaded = None, False

    def forget(self, bucket_key: int) -> None:
        """Forget a bucket that is deleted."""
        self._events.flush()
        self._timelines.pop(bucket_key, None)
        self._changed.pop(bucket_key, None)

    def write_events(self) -> None:
        """Write the rows that were kept back, so that others are not taken for the last with their data."""
        self._events.flush()

    def flush(self) -> None:
        """Bring all rows up to date; the transaction is about to commit."""
        for timeline in self._changed.values():
            if timeline.newest is not None:
                self._events.set_end(timeline.newest.id, timeline.newest.span.end_us)
            timeline.is_changed = False
        self._events.flush()
        self._changed.clear()
        self._rewrites.flush()
        if len(self._timelines) > _MAX_TIMELINES:
            self._timelines.clear()

    def _append(self, timeline: Timeline, newest: StoredSpan | None, heartbeat: Span, pulsetime_us: int) -> StoredSpan:
        """Merge a heartbeat that no event follows: rules 1 and 2 alone."""
        if newest is None or not is_continued(newest.span, heartbeat, pulsetime_us=pulsetime_us):
            if timeline.is_changed:
                self._write_newest(timeline)
            timeline.newest = self._insert(timeline, heartbeat)
            return timeline.newest
        self.merged += 1
        joined = join(newest.span, heartbeat)
        if joined is not newest.span:
            newest = StoredSpan(newest.id, joined)
            timeline.is_changed = True
            self._changed[timeline.bucket_key] = timeline
            timeline.newest = newest
        return newest

    def _splice(self, timeline: Timeline, heartbeat: Span, pulsetime_us: int) -> StoredSpan:
        """Merge a heartbeat among the rows; what it absorbs has its data, so no data is orphaned."""
        self.settle(timeline)
        previous = self._read_previous(timeline, heartbeat.start_us)
        merge, following = self._merge_with_rows(timeline, previous, heartbeat, pulsetime_us)
        self._connection.change_many(_DELETE, [(item.id,) for item in following[: merge.absorbed]])
        if previous is None or merge.is_new:
            self.note_rewrite(timeline, heartbeat.start_us)
            return self._insert(timeline, merge.result)
        self.merged += 1
        if merge.absorbed or merge.result is not previous.span:
            self.note_rewrite(timeline, previous.span.start_us)
            self._events.set_end(previous.id, merge.result.end_us)
        return StoredSpan(previous.id, merge.result)

    def _merge_with_rows(
        self, timeline: Timeline, previous: StoredSpan | None, heartbeat: Span, pulsetime_us: int
    ) -> tuple[Merge, list[StoredSpan]]:
        """Merge with as many following rows as can be absorbed, and return those that were looked at."""
        limit = _FIRST_FOLLOWING
        while True:
            parameters = (timeline.bucket_key, heartbeat.start_us, limit)
            following = [_stored(row) for row in self._connection.fetch_all(_FOLLOWING, parameters)]
            merge = merge_heartbeat(
                None if previous is None else previous.span,
                heartbeat,
                [item.span for item in following],
                pulsetime_us=pulsetime_us,
            )
            if merge.absorbed < limit:
                return merge, following
            limit *= 8

    def _read_previous(self, timeline: Timeline, start_us: int) -> StoredSpan | None:
        self._events.flush()
        row = self._connection.fetch_one(_PREVIOUS, (timeline.bucket_key, start_us))
        return None if row is None else _stored(row)

    def _insert(self, timeline: Timeline, span: Span) -> StoredSpan:
        return StoredSpan(self._events.insert(timeline.bucket_key, span), span)

    def _write_newest(self, timeline: Timeline) -> None:
        if timeline.newest is not None:
            self._events.set_end(timeline.newest.id, timeline.newest.span.end_us)
        timeline.is_changed = False
        del self._changed[timeline.bucket_key]


def _stored(row: Row) -> StoredSpan:
    event_id, start_us, end_us, data_id = row
    return StoredSpan(event_id, Span(start_us, end_us, data_id))
