"""The made-up day: likely, repeatable, and fit for heartbeats."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from pulseline_client.classes import default_classes
from pulseline_client.commands.demo_day import AFK_BUCKET, HABITS, PLUG_BUCKET, WINDOW_BUCKET, Sample, build_day
from pulseline_core.event import Event
from pulseline_core.merge import Span, merge_timeline
from pulseline_core.times import to_us

MORNING = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
NIGHT = MORNING + timedelta(hours=15)

SEEDS = range(20)


def get_events(samples: list[Sample], bucket_id: str) -> list[Event]:
    """Return one bucket's events."""
    return [sample.event for sample in samples if sample.bucket_id == bucket_id]


def test_build_day_gives_the_same_day_for_the_same_seed() -> None:
    """Asked for twice it is equal; another seed gives another day."""
    day = build_day(MORNING, now=NIGHT, seed=1)

    assert build_day(MORNING, now=NIGHT, seed=1) == day
    assert build_day(MORNING, now=NIGHT, seed=2) != day


@pytest.mark.parametrize("seed", SEEDS)
def test_build_day_has_a_likely_size(seed: int) -> None:
    """Hundreds of windows, a few breaks, the plug on and off; eight to ten hours."""
    day = build_day(MORNING, now=NIGHT, seed=seed)

    assert 120 < len(get_events(day, WINDOW_BUCKET)) < 600
    assert len(get_events(day, AFK_BUCKET)) == 9
    assert {event.data["state"] for event in get_events(day, PLUG_BUCKET)} == {"ON", "OFF"}
    assert timedelta(hours=8) < get_events(day, AFK_BUCKET)[-1].end - MORNING < timedelta(hours=10)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("bucket_id", [WINDOW_BUCKET, AFK_BUCKET, PLUG_BUCKET])
def test_build_day_sent_twice_as_heartbeats_is_the_day_itself(seed: int, bucket_id: str) -> None:
    """With pulsetime 0 nothing merges, and the second time nothing changes."""
    events = get_events(build_day(MORNING, now=NIGHT, seed=seed), bucket_id)
    spans = [Span(to_us(event.timestamp), to_us(event.end), repr(event.data)) for event in events]

    assert merge_timeline([*spans, *spans], pulsetime_us=0) == spans


@pytest.mark.parametrize("seed", SEEDS)
def test_build_day_is_ordered_and_does_not_overlap_within_a_bucket(seed: int) -> None:
    """One thing at a time."""
    day = build_day(MORNING, now=NIGHT, seed=seed)

    for bucket_id in (WINDOW_BUCKET, AFK_BUCKET, PLUG_BUCKET):
        events = get_events(day, bucket_id)
        assert all(earlier.end <= later.timestamp for earlier, later in pairwise(events))
        assert all(event.duration > timedelta() for event in events)


def test_build_day_shows_no_window_while_nobody_is_there() -> None:
    """Windows lie within presence."""
    day = build_day(MORNING, now=NIGHT, seed=3)
    breaks = [event for event in get_events(day, AFK_BUCKET) if event.data["status"] == "afk"]

    for window in get_events(day, WINDOW_BUCKET):
        assert not any(pause.timestamp < window.end and window.timestamp < pause.end for pause in breaks)


@pytest.mark.parametrize("seed", SEEDS)
def test_build_day_goes_on_where_an_earlier_run_ended(seed: int) -> None:
    """Noon's day, then the evening's, merge into the evening's: what was cut grows."""
    noon = MORNING + timedelta(hours=3, minutes=int(seed))
    early, late = build_day(MORNING, now=noon, seed=seed), build_day(MORNING, now=NIGHT, seed=seed)

    assert max(sample.event.end for sample in early) <= noon
    for bucket_id in (WINDOW_BUCKET, AFK_BUCKET, PLUG_BUCKET):
        runs = [*get_events(early, bucket_id), *get_events(late, bucket_id)]
        spans = [Span(to_us(event.timestamp), to_us(event.end), repr(event.data)) for event in runs]
        assert len(merge_timeline(spans, pulsetime_us=0)) == len(get_events(late, bucket_id))


def test_most_of_the_day_has_a_category_of_activitywatch() -> None:
    """A report of the demo shows what categories are good for."""
    seconds = dict.fromkeys((True, False), 0.0)
    for habit in HABITS:
        is_sorted = any(re.search(rule["regex"], f"{habit.app}\n{habit.title}") for _, rule in default_classes)
        seconds[is_sorted] += habit.weight * habit.typical_s

    assert seconds[True] > 2 * seconds[False]
