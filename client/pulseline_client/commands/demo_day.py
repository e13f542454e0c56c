"""A made-up but likely day of one person at a desk: windows, presence and the plug of a coffee machine.

Pure and deterministic: the same seed and day give the same events, whenever they are asked for. Only the end is cut
off at ``now``, so that the same day, asked for again later, goes on where it ended. Within a bucket no two events that
touch have the same data: sent as heartbeats with pulsetime 0 they stay as they are, and sent twice they change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Final

from pulseline_core.event import Event
from pulseline_core.types import JSONObject

WINDOW_BUCKET: Final = "aw-watcher-window_demo"
AFK_BUCKET: Final = "aw-watcher-afk_demo"
PLUG_BUCKET: Final = "demo-plug"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An event and the bucket that it belongs to."""

    bucket_id: str
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """A window that is looked at again and again.

    Attributes:
        weight: how often, compared with the others.
        typical_s: how long, about.
    """

    app: str
    title: str
    weight: float
    typical_s: float


#: Most of it falls into ActivityWatch's own categories, so that a report shows some.
HABITS: Final = (
    Habit(app="kate", title="timeline.py - pulseline", weight=14, typical_s=260),
    Habit(app="kate", title="test_timeline.py - pulseline", weight=9, typical_s=170),
    Habit(app="kate", title="README.md - pulseline", weight=3, typical_s=110),
    Habit(app="Alacritty", title="~/src/pulseline: git", weight=8, typical_s=45),
    Habit(app="Alacritty", title="~/src/pulseline: scripts/test", weight=7, typical_s=70),
    Habit(app="Firefox", title="MQTT Version 3.1.1", weight=5, typical_s=140),
    Habit(app="Firefox", title="Pull requests - GitHub", weight=6, typical_s=120),
    Habit(app="Firefox", title="Write-Ahead Logging - SQLite", weight=3, typical_s=160),
    Habit(app="Firefox", title="Weather for today", weight=2, typical_s=30),
    Habit(app="Thunderbird", title="Inbox", weight=6, typical_s=80),
    Habit(app="Thunderbird", title="Write: Re: release plan", weight=3, typical_s=150),
    Habit(app="Element", title="#pulseline", weight=7, typical_s=40),
    Habit(app="libreoffice-calc", title="budget.ods", weight=2, typical_s=210),
    Habit(app="Spotify", title="Deep Focus", weight=2, typical_s=20),
)

#: When the desk is left, in minutes after the day's begin, and for how long; both vary a little.
_BREAKS: Final = ((105, 11), (208, 47), (331, 9), (412, 14))

#: From the first key to the last, in minutes.
_DAY_LENGTH: Final = 535

#: What a coffee machine draws, in watts: it heats up, keeps warm, brews.
_HEATING_W: Final = 1380.0
_WARM_W: Final = (58.5, 61.0, 63.5)
_OFF: Final[JSONObject] = {"state": "OFF", "power": 0.0}


def build_day(morning: datetime, *, now: datetime, seed: int) -> list[Sample]:
    """Return the day's events in the order of their start, as far as they have begun.

    Args:
        morning: the day's begin, about half past eight; aware.
        now: nothing begins or ends later than this.
        seed: another number gives another day.
    """
    random = Random(f"{seed} {morning.isoformat()}")  # noqa: S311 - a made-up day, no secret
    begin = morning + timedelta(seconds=random.randint(0, 1200))
    presence = list(_iter_presence(begin, random))
    samples = [Sample(bucket_id=AFK_BUCKET, event=event) for event in presence]
    for event in presence:
        if event.data["status"] == "not-afk":
            windows = _iter_windows(event.timestamp, event.end, random)
            samples += [Sample(bucket_id=WINDOW_BUCKET, event=window) for window in windows]
    samples += [Sample(bucket_id=PLUG_BUCKET, event=event) for event in _iter_plug(begin, presence[-1].end, random)]
    begun = [_cut(sample, now) for sample in samples if sample.event.timestamp < now]
    return sorted(begun, key=lambda sample: sample.event.timestamp)


def _cut(sample: Sample, now: datetime) -> Sample:
    if sample.event.end <= now:
        return sample
    return replace(sample, event=replace(sample.event, duration=now - sample.event.timestamp))


def _iter_presence(begin: datetime, random: Random) -> Iterator[Event]:
    """Yield presence and breaks, one after the other, without gaps."""
    end = begin + timedelta(minutes=_DAY_LENGTH + random.randint(-20, 25))
    instant = begin
    for after_min, length_min in _BREAKS:
        leave = begin + timedelta(minutes=after_min, seconds=random.randint(-600, 600))
        back = leave + timedelta(minutes=length_min, seconds=random.randint(-120, 240))
        yield Event(timestamp=instant, duration=leave - instant, data={"status": "not-afk"})
        yield Event(timestamp=leave, duration=back - leave, data={"status": "afk"})
        instant = back
    yield Event(timestamp=instant, duration=end - instant, data={"status": "not-afk"})


def _iter_windows(begin: datetime, end: datetime, random: Random) -> Iterator[Event]:
    """Yield windows that follow one another from ``begin`` to ``end``; none follows itself."""
    previous: Habit | None = None
    while begin < end:
        others = [habit for habit in HABITS if habit is not previous]
        habit = random.choices(others, [each.weight for each in others])[0]
        length_s = max(2.0, random.lognormvariate(0, 0.7) * habit.typical_s)
        length = min(timedelta(milliseconds=round(length_s * 1000)), end - begin)
        yield Event(timestamp=begin, duration=length, data={"app": habit.app, "title": habit.title})
        begin, previous = begin + length, habit


def _iter_plug(begin: datetime, end: datetime, random: Random) -> Iterator[Event]:
    """Yield a coffee machine's states: heating, warm for a while, off; about four times a day."""
    instant = begin + timedelta(seconds=random.randint(60, 300))
    while instant < end:
        for data, length_s in _brew(random):
            yield Event(timestamp=instant, duration=timedelta(seconds=length_s), data=data)
            instant += timedelta(seconds=length_s)


def _brew(random: Random) -> Iterator[tuple[JSONObject, int]]:
    """Yield what the plug measures from switching on to the next time, and for how many seconds."""
    yield {"state": "ON", "power": _HEATING_W}, random.randint(150, 240)
    for power in random.sample(_WARM_W, k=len(_WARM_W)):
        yield {"state": "ON", "power": power}, random.randint(200, 700)
    yield dict(_OFF), random.randint(80, 150) * 60
