"""The time-based transforms again, event by event, as aw-core 0.5.18 (``aw_transform/``) walks: slow and plain.

Given whole milliseconds they do exactly what aw-core does. It cuts every timestamp down to milliseconds; here only
those are cut that flood computes, but for the start of an instant that two events with equal data leave behind a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pulseline_core.types import JSONObject
from tests.unit.core.transforms.timelines import MILLISECOND, Row

_SLIGHT_OVERLAP = 100 * MILLISECOND


@dataclass
class _Event:
    """An event that the walk of ``flood`` changes."""

    start: int
    duration: int
    row: Row

    @property
    def end(self) -> int:
        return self.start + self.duration

    def begin_at(self, start: int) -> None:
        """Move it, cut down to whole milliseconds as aw-core does whenever it is told a timestamp."""
        self.start = start - start % MILLISECOND


def flood(rows: Iterable[Row], pulsetime: int) -> list[Row]:
    """Walk from pair to pair, changing both; then take away what overlaps."""
    events = [_Event(row.start, row.end - row.start, row) for row in sorted(rows, key=lambda row: row[:2])]
    for first, second in pairwise(events):
        _fill(first, second, pulsetime)
    return [
        Row(event.start, event.end, event.row.data, event.row.id)
        for event in _lay_apart(event for event in events if event.duration > 0)
    ]


def _fill(first: _Event, second: _Event, pulsetime: int) -> None:
    gap, end = second.start - first.end, second.end
    is_equal = first.row.data == second.row.data
    if gap == 0:
        return
    if is_equal and gap < 0:
        first.start, first.duration = (
            min(first.start, second.start),
            max(first.end, end) - min(first.start, second.start),
        )
        second.begin_at(first.end)
        second.duration = 0
    elif not -_SLIGHT_OVERLAP < gap <= pulsetime:
        return
    elif is_equal and first.duration >= second.duration:
        first.duration, second.start, second.duration = end - first.start, end, 0
    elif is_equal:
        second.start, second.duration = first.start, end - first.start
        first.duration = 0
    else:
        middle = first.end + round(gap / 2)  # half to even, as timedelta divides
        first.duration = middle - first.start
        second.begin_at(middle)
        second.duration = end - middle


def _lay_apart(events: Iterable[_Event]) -> list[_Event]:
    laid: list[_Event] = []
    for event in events:
        while laid and laid[-1].end > event.start and laid[-1].row.data != event.row.data:
            laid[-1].duration = event.start - laid[-1].start
            if laid[-1].duration > 0:
                break
            laid.pop()
        if laid and laid[-1].end > event.start:
            laid[-1].duration = max(laid[-1].end, event.end) - laid[-1].start
        else:
            laid.append(event)
    return laid


def filter_period_intersect(rows: Iterable[Row], filters: Iterable[Row]) -> list[Row]:
    """Go through both with two pointers: of the two events pointed at, the one that ends first is done with."""
    events, others = _sort(rows), _sort(filters)
    found: list[Row] = []
    while events and others:
        event, other = events[0], others[0]
        start, end = max(event.start, other.start), min(event.end, other.end)
        is_met = start < end or (start == end and (event.start == event.end or other.start == other.end))
        if is_met:
            found.append(event._replace(start=start, end=end))
        if event.end <= (other.end if is_met else other.start):
            events.pop(0)
        else:
            others.pop(0)
    return found


def period_union(first: Iterable[Row], second: Iterable[Row]) -> list[Row]:
    """Let each event lengthen the period before it that it touches."""
    periods: list[Row] = []
    for row in _sort([*first, *second]):
        if periods and row.start <= periods[-1].end:
            periods[-1] = periods[-1]._replace(end=max(row.end, periods[-1].end))
        else:
            periods.append(row._replace(data={}))
    return periods


def union_no_overlap(first: Iterable[Row], second: Iterable[Row]) -> list[Row]:
    """Go through both; what begins first is taken, and what it covers of the second is cut away."""
    covers, events = _sort(first), _sort(second)
    taken: list[Row] = []
    while covers and events:
        cover, event = covers[0], events[0]
        is_first = cover.start <= event.start
        is_met = _overlaps(cover, event)
        taken.append(covers.pop(0) if is_first else events.pop(0))
        if is_met and is_first:
            events[:1] = [event._replace(start=cover.end)] if event.start < cover.end < event.end else []
        elif is_met and cover.start < event.end:
            taken[-1] = event._replace(end=cover.start)
            events.insert(0, event._replace(start=cover.start))
    return _sort([*taken, *covers, *events])


def _overlaps(cover: Row, event: Row) -> bool:
    """Return what the package timeslot 0.1.2 says, which aw-core asks."""
    return (
        cover.start <= event.start < cover.end
        or cover.start < event.end <= cover.end
        or (event.start <= cover.start and cover.end <= event.end)
    )


def merge_subwatcher_fields(base: Iterable[Row], sub: Sequence[Row], keys: Sequence[str], conflict: str) -> list[Row]:
    """Split each event where any of ``sub`` begins or ends in it, and ask all of them about each segment."""
    result: list[Row] = []
    for row in base:
        segments: list[Row] = []
        meeting = [other for other in _sort(sub) if other.start < row.end and row.start < other.end] if keys else []
        for start, end in _split(row, meeting):
            holding = [other for other in meeting if _shares(other, start, end)]
            data = _enrich(row.data, max(holding, key=lambda other: other[:2]).data if holding else {}, keys, conflict)
            if segments and segments[-1].data == data:
                segments[-1] = segments[-1]._replace(end=end)
            else:
                segments.append(Row(start, end, data, row.id))
        result.extend(segments)
    return result


def _split(row: Row, meeting: Sequence[Row]) -> list[tuple[int, int]]:
    """Return the segments of an event; one without a length that any other holds at has none."""
    if not meeting:
        return [(row.start, row.end)]
    inner = {min(max(point, row.start), row.end) for other in meeting for point in other[:2]}
    points = sorted({row.start, row.end, *inner})
    return list(pairwise(points))


def _shares(other: Row, start: int, end: int) -> bool:
    """Return whether an event shares time with a segment, or is an instant in it or at its ends."""
    return max(other.start, start) < min(other.end, end) or start <= other.start == other.end <= end


def _enrich(data: JSONObject, more: JSONObject, keys: Sequence[str], conflict: str) -> JSONObject:
    wanted = {key: more[key] for key in keys if key in more}
    return {**wanted, **data} if conflict == "base_wins" else {**data, **wanted}


def _sort(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.start)
