"""Pre-merging: heartbeats of one state become one message, so that a watcher's second does not cost a sync. Pure.

::

    heartbeats   a . a . a . a . a . b . b          each within the pulsetime of the one before
    handed over              [aaaa]     [a] ...     at ``commit_interval``, and when the state changes
    kept                          a          b b

What is handed over begins where what went before ended, so that the server makes one event of it: the timeline is the
one that the single heartbeats make. The rule is that of aw-client 0.5.15 (``ActivityWatchClient.heartbeat``), with the
server's idea of equal data; unlike there, the last heartbeat is handed over at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from pulseline_client.event import Event
from pulseline_core.json_value import canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A heartbeat that is kept back, to grow.

    Attributes:
        pulsetime: how far before it the server's event may have ended that it prolongs.
        is_covered: whether the server gets to know of it by what was handed over last.
    """

    event: Event
    pulsetime: timedelta
    is_covered: bool = False


def take_heartbeat(
    pending: Pending | None, heartbeat: Pending, *, commit_interval: timedelta
) -> tuple[Pending | None, Pending]:
    """Return what to hand over now, if anything, and what to keep.

    Args:
        pending: what is kept of the bucket.
        heartbeat: what comes.
        commit_interval: what has become so long is handed over.
    """
    if pending is None:
        return None, heartbeat
    if not _is_continued(pending.event, heartbeat):
        return None if pending.is_covered else pending, heartbeat
    merged = replace(pending, event=_join(pending.event, heartbeat.event), is_covered=False)
    if merged.event.duration >= commit_interval:
        return merged, replace(heartbeat, is_covered=True)
    return None, merged


def _is_continued(earlier: Event, heartbeat: Pending) -> bool:
    later = heartbeat.event
    is_in_time = earlier.timestamp <= later.timestamp <= earlier.end + heartbeat.pulsetime
    # Equal in Python comes first because it is cheap: 1 == True there, and not in JSON.
    return is_in_time and earlier.data == later.data and canonical(earlier.data) == canonical(later.data)


def _join(earlier: Event, later: Event) -> Event:
    return Event(
        timestamp=earlier.timestamp, duration=max(earlier.end, later.end) - earlier.timestamp, data=earlier.data
    )
