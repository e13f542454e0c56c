"""The transforms as functions over lists of events, with the names and parameters of ActivityWatch's ``aw_transform``.

They return new events and never change those that they are given. Events of one result that have equal data may share
it, so nobody may change it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pulseline_core import merge, times
from pulseline_core.errors import InvalidRule
from pulseline_core.event import Event, restore_event
from pulseline_core.json_value import canonical
from pulseline_core.transforms import (
    chunks,
    filters,
    flooding,
    merging,
    periods,
    precedence,
    rules,
    subwatcher,
    titles,
    urls,
)
from pulseline_core.transforms.columns import from_events, to_events
from pulseline_core.transforms.data_pool import DataPool
from pulseline_core.types import JSONValue


class Rule:
    """When an event is of a category or has a tag.

    Attributes:
        json: ``{"regex", "ignore_case", "select_keys", "priority" or "weight"}``, as in ActivityWatch's settings.
    """

    def __init__(self, rules: Mapping[str, JSONValue]) -> None:
        """Read a rule.

        Raises:
            InvalidPattern: its pattern is wrong.
            InvalidRule: something else in it is.
        """
        self.json = dict(rules)
        self._rule = _read_rule(self.json)

    def match(self, e: Event) -> bool:
        """Return whether the pattern is found in a text of an event's data.

        Raises:
            PatternTooSlow: it took too long to search a text.
        """
        pattern = self._rule.pattern
        return pattern is not None and any(
            isinstance(value, str) and self._rule.looks_at(key) and pattern.search(value)
            for key, value in e.data.items()
        )


def flood(events: Sequence[Event], pulsetime: float = 5) -> list[Event]:
    """Close gaps of up to ``pulsetime`` seconds between events, and cut what overlaps."""
    return to_events(flooding.flood(from_events(events, DataPool()), times.seconds_to_us(pulsetime)))


def filter_period_intersect(events: Sequence[Event], filterevents: Sequence[Event]) -> list[Event]:
    """Return the parts of events that lie within those of the filter."""
    pool = DataPool()
    return to_events(periods.filter_period_intersect(from_events(events, pool), from_events(filterevents, pool)))


def period_union(events1: Sequence[Event], events2: Sequence[Event]) -> list[Event]:
    """Return the periods in which there is an event of either; without data."""
    pool = DataPool()
    return to_events(periods.period_union(from_events(events1, pool), from_events(events2, pool)))


def union(events1: Sequence[Event], events2: Sequence[Event]) -> list[Event]:
    """Return all events of both by start and duration; those that are in both once."""
    counts = Counter(_get_identity(event) for event in events1)
    more: list[Event] = []
    for event in events2:
        identity = _get_identity(event)
        if counts[identity]:
            counts[identity] -= 1
        else:
            more.append(event)
    return sorted([*events1, *more], key=lambda event: (event.timestamp, event.duration))


def union_no_overlap(events1: Sequence[Event], events2: Sequence[Event]) -> list[Event]:
    """Return the events of the first, and what they leave of the second."""
    pool = DataPool()
    return to_events(precedence.union_no_overlap(from_events(events1, pool), from_events(events2, pool)))


def filter_keyvals(events: Sequence[Event], key: str, vals: Sequence[JSONValue], exclude: bool = False) -> list[Event]:
    """Return the events that have one of the values under a key, or all others."""
    return to_events(filters.filter_keyvals(from_events(events, DataPool()), key, vals, exclude=exclude))


def filter_keyvals_regex(events: Sequence[Event], key: str, regex: str) -> list[Event]:
    """Return the events that have a text under a key in which a pattern is found.

    Raises:
        InvalidPattern: the pattern is wrong.
        PatternTooSlow: it took too long to search a text.
    """
    return to_events(filters.filter_keyvals_regex(from_events(events, DataPool()), key, regex))


def sort_by_timestamp(events: Sequence[Event]) -> list[Event]:
    """Return the events by their start; those that begin together stay in their order."""
    return sorted(events, key=lambda event: event.timestamp)


def sort_by_duration(events: Sequence[Event]) -> list[Event]:
    """Return the events longest first; those of equal length stay in their order."""
    return sorted(events, key=lambda event: event.duration, reverse=True)


def sum_durations(events: Iterable[Event]) -> timedelta:
    """Return how long all events together are."""
    return sum((event.duration for event in events), timedelta())


def concat(events1: Sequence[Event], events2: Sequence[Event]) -> list[Event]:
    """Return the events of the one, then those of the other."""
    return [*events1, *events2]


def limit_events(events: Sequence[Event], count: int) -> list[Event]:
    """Return the first ``count`` events; a negative count leaves out so many at the end."""
    return list(events[:count])


def merge_events_by_keys(events: Sequence[Event], keys: Sequence[str]) -> list[Event]:
    """Return an event for each combination of values that the events have under some keys."""
    return to_events(merging.merge_events_by_keys(from_events(events, DataPool()), keys))


def chunk_events_by_key(
    events: Sequence[Event],
    key: str,
    pulsetime: float = 5.0,  # noqa: ARG001 - aw-core's, and without effect there too
) -> list[Event]:
    """Return an event for each run of events with one value under a key.

    Its data is ``{key: value, "subevents": [...]}``, the events as JSON.
    """
    return to_events(chunks.chunk_events_by_key(from_events(events, DataPool()), key))


def split_url_events(events: Sequence[Event]) -> list[Event]:
    """Return the events with the parts of their ``url`` added: ``$protocol``, ``$domain``, ``$path`` and so on."""
    return to_events(urls.split_url_events(from_events(events, DataPool())))


def simplify_string(events: Sequence[Event], key: str = "title") -> list[Event]:
    """Return the events without counts, frame rates and marks of unsaved changes in the text under a key."""
    return to_events(titles.simplify_string(from_events(events, DataPool()), key))


def categorize(events: Sequence[Event], classes: Sequence[tuple[Sequence[str], Rule]]) -> list[Event]:
    """Return the events with their ``$category``, a list of levels.

    Raises:
        InvalidRule: a rule's pattern takes too long on some text.
    """
    rule_set = rules.build_rule_set([[list(name), rule.json] for name, rule in classes])
    result = to_events(rules.categorize(from_events(events, DataPool()), rule_set))
    _check_problems(rule_set)
    return result


def tag(events: Sequence[Event], classes: Sequence[tuple[str, Rule]]) -> list[Event]:
    """Return the events with their ``$tags``, the names of all matching rules.

    Raises:
        InvalidRule: a rule's pattern takes too long on some text.
    """
    rule_set = rules.build_rule_set([[name, rule.json] for name, rule in classes])
    result = to_events(rules.tag(from_events(events, DataPool()), rule_set))
    _check_problems(rule_set)
    return result


def merge_subwatcher_fields(
    base_events: Sequence[Event],
    subwatcher_events: Sequence[Event],
    keys: Sequence[str],
    conflict: str = "base_wins",
) -> list[Event]:
    """Return the base events, split where the others begin and end, with their keys added.

    Raises:
        ValueError: ``conflict`` is neither ``base_wins`` nor ``sub_wins``.
    """
    pool = DataPool()
    base, sub = from_events(base_events, pool), from_events(subwatcher_events, pool)
    return to_events(subwatcher.merge_subwatcher_fields(base, sub, keys, conflict=conflict))


def heartbeat_merge(last_event: Event, heartbeat: Event, pulsetime: float) -> Event | None:
    """Return the last event, grown by a heartbeat that goes on with it; ``None`` if it does not."""
    earlier, later = _get_span(last_event), _get_span(heartbeat)
    pulsetime_us = times.seconds_to_us(pulsetime)
    if later.start_us < earlier.start_us or not merge.is_continued(earlier, later, pulsetime_us=pulsetime_us):
        return None
    joined = merge.join(earlier, later)
    return restore_event(
        timestamp=last_event.timestamp,
        duration=timedelta(microseconds=joined.end_us - joined.start_us),
        data=last_event.data,
        event_id=last_event.id,
    )


def heartbeat_reduce(events: Iterable[Event], pulsetime: float) -> list[Event]:
    """Return heartbeats merged, each with the one before it where it goes on with that."""
    reduced: list[Event] = []
    for heartbeat in events:
        merged = heartbeat_merge(reduced[-1], heartbeat, pulsetime) if reduced else None
        if merged is None:
            reduced.append(heartbeat)
        else:
            reduced[-1] = merged
    return reduced


def _get_identity(event: Event) -> tuple[datetime, timedelta, str]:
    """Return what makes two events equal."""
    return event.timestamp, event.duration, canonical(event.data)


def _get_span(event: Event) -> merge.Span:
    return merge.Span(times.to_us(event.timestamp), times.to_us(event.end), canonical(event.data))


def _read_rule(json_rule: dict[str, JSONValue]) -> rules.Rule:
    rule = rules.build_rule("", json_rule)
    if rule.problem is not None:
        raise rule.problem
    return rule


def _check_problems(rule_set: rules.RuleSet) -> None:
    if problems := rule_set.problems:
        raise InvalidRule(problems[0])
