"""Events that begin at the same time with the same data, and how they are told apart when they are imported. Pure.

The server numbers none of its events across installations, so an event is known by its start and its data. Those that
share both are numbered from the longest on: the first, the second ... of them. Whoever imports the same events again
numbers them the same, so the server finds that it has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, groupby
from operator import attrgetter

from pulseline_core.event import Event
from pulseline_core.json_value import canonical


def number_copies(events: Iterable[Event]) -> Iterator[tuple[Event, int]]:
    """Yield each event and its number, from 1.

    Of those that begin at the same time, equal ones come longest first, and otherwise the longest comes last: it is
    what the others gave way to, and the newest event of its bucket if none follows.

    Args:
        events: in the order of their starts, either way: only neighbours are compared.
    """
    for _, group in groupby(events, key=attrgetter("timestamp")):
        simultaneous = list(group)
        if len(simultaneous) == 1:
            yield simultaneous[0], 1
        else:
            yield from _number(simultaneous)


def _number(simultaneous: list[Event]) -> Iterator[tuple[Event, int]]:
    equal: dict[str, list[Event]] = {}
    for event in sorted(simultaneous, key=attrgetter("duration"), reverse=True):
        equal.setdefault(canonical(event.data), []).append(event)
    for events in sorted(equal.values(), key=lambda events: events[0].duration):
        yield from zip(events, count(1), strict=False)
