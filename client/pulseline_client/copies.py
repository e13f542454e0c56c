"""Events that begin at the same time with the same data, and how they are told apart when they are imported. Pure.

The server numbers none of its events across installations, so an event is known by its start and its data. Those that
share both are numbered from the longest on: the first, the second ... of them. Whoever imports the same events again
numbers them the same, so the server finds that it has them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from pulseline_core.event import Event
from pulseline_core.json_value import canonical


def number_copies(events: Iterable[Event]) -> Iterator[tuple[Event, int]]:
    """Yield each event and its number, from 1; those that begin at the same time come longest first.

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
    seen: Counter[str] = Counter()
    for event in sorted(simultaneous, key=attrgetter("duration"), reverse=True):
        key = canonical(event.data)
        seen[key] += 1
        yield event, seen[key]
