"""What a person does at a desk: windows, absences and pages, as ActivityWatch's watchers record them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from pulseline_core.bucket import BucketDescription
from pulseline_core.event import Event
from pulseline_core.store import Store, open_store
from pulseline_core.types import BucketId, JSONObject

HOST: Final = "bench"
WINDOW: Final = BucketId(f"aw-watcher-window_{HOST}")
AFK: Final = BucketId(f"aw-watcher-afk_{HOST}")
BROWSER: Final = BucketId(f"aw-watcher-web-firefox_{HOST}")

#: Window events of a day, spread over so many hours from the morning on.
EVENTS_OF_A_DAY: Final = 4000
HOURS_OF_A_DAY: Final = 10

#: One window event in so many shows a title that was not seen before.
_NEW_TITLE_EVERY: Final = 10

#: Most titles that are shown are among so many of the latest ones.
_TITLES_IN_USE: Final = 2000

_APPS: Final = ("Firefox", "code", "Terminal", "Slack", "Thunderbird", "Spotify", "Gimp", "LibreOffice")
_WORDS: Final = (
    "GitHub",
    "main.py",
    "Inbox",
    "YouTube",
    "report",
    "Stack Overflow",
    "meeting",
    "tests",
    "Zoom",
    "notes",
)

_GROUP: Final = 5000


def build_activity(path: Path, events: int) -> tuple[datetime, datetime]:
    """Write so many window events, with what belongs to them, up to yesterday's evening; return when they happen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    days = -(-events // EVENTS_OF_A_DAY)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=days)
    windows = list(_iter_windows(first, events, Random(1)))
    with open_store(path) as store:
        _write(store, WINDOW, "currentwindow", windows)
        _write(store, AFK, "afkstatus", list(_iter_absences(first, days, Random(2))))
        _write(store, BROWSER, "web.tab.current", [_build_page(event) for event in windows if _is_browser(event)])
    return first, today


def build_rules(count: int) -> list[tuple[list[str], dict[str, Any]]]:
    """Return category rules as people have them: names of programs and words of titles, some with look-alikes."""
    rules: list[tuple[list[str], dict[str, Any]]] = []
    for number in range(count):
        app, word = _APPS[number % len(_APPS)], _WORDS[number * 3 % len(_WORDS)]
        regex = (
            f"{app}|{word}"
            if number < len(_APPS)
            else rf"project {number}\b|{word} {number % 10}[0-9]$|page-{number}\."
        )
        rules.append((["Work", f"Topic {number}"], {"type": "regex", "regex": regex, "ignore_case": number % 2 == 0}))
    return rules


def _iter_windows(first: datetime, count: int, chance: Random) -> Iterator[Event]:
    titles = [_make_title(0)]
    pause = HOURS_OF_A_DAY * 3600 / EVENTS_OF_A_DAY
    for number in range(count):
        day, of_day = divmod(number, EVENTS_OF_A_DAY)
        if number % _NEW_TITLE_EVERY == 0:
            titles.append(_make_title(len(titles)))
        start = first + timedelta(days=day, hours=8, seconds=of_day * pause)
        length = round(chance.uniform(0.2, pause - 0.5), 3)
        title = max(0, len(titles) - 1 - int(chance.expovariate(1 / _TITLES_IN_USE)))
        data: JSONObject = {"app": _APPS[title % len(_APPS)], "title": titles[title]}
        yield Event(timestamp=start, duration=timedelta(seconds=length), data=data)


def _make_title(number: int) -> str:
    return f"{_WORDS[number % len(_WORDS)]} {number} - project {number % 997} - window of a program"


def _iter_absences(first: datetime, days: int, chance: Random) -> Iterator[Event]:
    for day in range(days):
        start = first + timedelta(days=day, hours=8)
        evening = start + timedelta(hours=HOURS_OF_A_DAY)
        is_here = True
        while start < evening:
            length = timedelta(seconds=round(chance.uniform(120, 3600) if is_here else chance.uniform(180, 900), 3))
            yield Event(timestamp=start, duration=length, data={"status": "not-afk" if is_here else "afk"})
            start += length + timedelta(milliseconds=1)
            is_here = not is_here


def _is_browser(event: Event) -> bool:
    return event.data["app"] == "Firefox"


def _build_page(event: Event) -> Event:
    title = str(event.data["title"])
    number = int(title.split(" - ")[1].removeprefix("project "))
    data: JSONObject = {
        "url": f"https://www.page-{number}.example.org/path/{number % 7}?q={number}",
        "title": title,
        "audible": number % 5 == 0,
        "incognito": False,
        "tabCount": number % 9,
    }
    return Event(timestamp=event.timestamp, duration=event.duration, data=data)


def _write(store: Store, bucket_id: BucketId, kind: str, events: list[Event]) -> None:
    description = BucketDescription(type=kind, client="benchmark", hostname=HOST)
    for begin in range(0, len(events), _GROUP):
        with store.transaction() as change:
            change.describe_bucket(bucket_id, description, now=datetime.now(UTC), hostname=HOST)
            bucket = change.get_bucket(bucket_id)
            assert bucket is not None
            change.insert_events(bucket, events[begin : begin + _GROUP])
