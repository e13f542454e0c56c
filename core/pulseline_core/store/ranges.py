"""The events of a range of time, on the rows.

An event belongs to ``[first, last]`` if ``first <= event.end`` and ``event.start <= last``, however long it is
(ActivityWatch aw-server-rust 0.14.0; aw-server misses what began more than a day before)::

    first - longest          first - 1 h          first                       last
       |                        |                   |  events that begin here   |
       |                        |   short ones ....-|-> reach into it           |
       |   long ones ..........-|-------------------|-> reach into it           |

Those that begin in the range are one stretch of the index. Those that only reach into it began earlier: short ones, of
at most an hour, less than an hour; long ones have an index of their own, and the bucket knows its longest. So neither a
bucket of a million events nor one event of a year makes a read look at many rows that it does not return.
"""

# ruff: noqa: S608 - statements are put together of constants only

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from pulseline_core.errors import NotFound
from pulseline_core.store.connection import Connection
from pulseline_core.store.event_rows import MAX_US, MIN_US, SELECT_EVENTS, EventRow
from pulseline_core.store.models import IS_KEPT, IS_LONG, LONG_US
from pulseline_core.times import to_us

_BUCKET: Final = "SELECT id, longest_us FROM bucket WHERE name = ?"

#: A bucket may be deleted between two pages of a stream, and its rows are still there for a while.
_OF_BUCKET: Final = f"bucket_id = (SELECT id FROM bucket WHERE id = ? AND {IS_KEPT})"
_BEGIN_IN: Final = f"{_OF_BUCKET} AND start_us >= ? AND (start_us, e.id) < (?, ?)"
_REACH_INTO: Final = f"{_OF_BUCKET} AND start_us >= ? AND start_us < ? AND end_us >= ?"

_SELECT_PAGE: Final = f"{SELECT_EVENTS} WHERE {_BEGIN_IN} ORDER BY start_us DESC, e.id DESC LIMIT ?"
_SELECT_SHORT: Final = f"{SELECT_EVENTS} WHERE {_REACH_INTO} AND NOT ({IS_LONG})"
_SELECT_LONG: Final = f"{SELECT_EVENTS} WHERE {_REACH_INTO} AND {IS_LONG}"
_COUNT_BEGINNING: Final = f"SELECT COUNT(*) FROM event e WHERE {_BEGIN_IN}"
_COUNT_SHORT: Final = f"SELECT COUNT(*) FROM event e WHERE {_REACH_INTO} AND NOT ({IS_LONG})"
_COUNT_LONG: Final = f"SELECT COUNT(*) FROM event e WHERE {_REACH_INTO} AND {IS_LONG}"


class Place(NamedTuple):
    """A point in the order of a timeline; a page goes on before it."""

    start_us: int
    event_id: int


class EventRange(NamedTuple):
    """A range of a bucket's timeline; empty if ``last_us < first_us``.

    Attributes:
        bucket_key: the number of the bucket's row.
        longest_us: no event of the bucket is longer.
        first_us: the first instant.
        last_us: the last instant.
    """

    bucket_key: int
    longest_us: int
    first_us: int = MIN_US
    last_us: int = MAX_US

    @property
    def end(self) -> Place:
        """The point after the newest event that can belong to the range."""
        return Place(self.last_us, MAX_US)

    @property
    def is_empty(self) -> bool:
        """Whether no instant lies in the range."""
        return self.last_us < self.first_us

    @property
    def bounds_of_short(self) -> tuple[int, int, int, int]:
        """The parameters that find the short events which reach into the range."""
        return self.bucket_key, self.first_us - LONG_US, self.first_us, self.first_us

    @property
    def bounds_of_long(self) -> tuple[int, int, int, int]:
        """The parameters that find the long ones."""
        return self.bucket_key, self.first_us - self.longest_us, self.first_us, self.first_us


def place_of(row: EventRow) -> Place:
    """Return where a row lies."""
    event_id, start_us = row[:2]
    return Place(start_us, event_id)


def find_range(
    connection: Connection, bucket_id: str, start: datetime | None = None, end: datetime | None = None
) -> EventRange:
    """Return a range of a bucket; ``None`` is the beginning or the end of time.

    Raises:
        NotFound: there is no such bucket.
    """
    row = connection.fetch_one(_BUCKET, (bucket_id,))
    if row is None:
        raise NotFound("bucket", bucket_id)
    key, longest_us = row
    return EventRange(key, longest_us, MIN_US if start is None else to_us(start), MAX_US if end is None else to_us(end))


def iter_range(connection: Connection, wanted: EventRange, limit: int) -> Generator[EventRow]:
    """Yield the events' rows, newest first, ``limit`` at most; the transaction must stay open meanwhile."""
    if wanted.is_empty:
        return
    count = 0
    for row in iter_beginning(connection, wanted, wanted.end, limit):
        count += 1
        yield row
    if count < limit and wanted.first_us > MIN_US:
        yield from islice(read_reaching(connection, wanted), limit - count)


def iter_beginning(connection: Connection, wanted: EventRange, before: Place, limit: int) -> Iterator[EventRow]:
    """Yield the rows of events that begin in the range, newest first, from ``before`` on."""
    return connection.iter_rows(_SELECT_PAGE, (wanted.bucket_key, wanted.first_us, *before, limit))


def read_reaching(connection: Connection, wanted: EventRange) -> list[EventRow]:
    """Return the rows of events that began before the range and reach into it, newest first."""
    rows = connection.fetch_all(_SELECT_SHORT, wanted.bounds_of_short)
    rows += connection.fetch_all(_SELECT_LONG, wanted.bounds_of_long)
    return sorted(rows, key=place_of, reverse=True)


def count_range(connection: Connection, wanted: EventRange) -> int:
    """Return how many events belong to the range."""
    if wanted.is_empty:
        return 0
    beginning = (wanted.bucket_key, wanted.first_us, *wanted.end)
    return (
        _count(connection, _COUNT_BEGINNING, beginning)
        + _count(connection, _COUNT_SHORT, wanted.bounds_of_short)
        + _count(connection, _COUNT_LONG, wanted.bounds_of_long)
    )


def _count(connection: Connection, sql: str, parameters: tuple[int, ...]) -> int:
    row = connection.fetch_one(sql, parameters)
    return 0 if row is None else int(row[0])
