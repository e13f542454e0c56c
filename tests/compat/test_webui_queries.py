"""What aw-webui asks for on each of its pages, over data whose answers can be added up by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import httpx
import pytest

from tests.compat import webui_queries as webui
from tests.compat.activity import store_activity
from tests.compat.samples import at
from tests.compat.webui_queries import View

CLASSES: Final = [
    [["Work"], {"type": "regex", "regex": "nothing like it"}],
    [["Work", "Programming"], {"type": "regex", "regex": r"^Code$|\bgithub\b", "ignore_case": True}],
    [["Media", "Music"], {"type": "regex", "regex": "Spotify", "select_keys": ["app"]}],
    [["Comms"], {"type": "none"}],
]

VIEW: Final = View(categories=CLASSES)

#: The last one and a half hours before two o'clock, as moment writes them two hours east of Greenwich.
HOUR: Final = "2026-03-01T14:00:00+02:00/2026-03-01T15:30:00+02:00"


@pytest.fixture(scope="module", autouse=True)
def _activity(http: httpx.Client) -> None:
    store_activity(http)


def ask(http: httpx.Client, query: Sequence[str], *periods: str) -> list[Any]:
    """Return the results of a query."""
    answer = http.post("/query/?name=webui", json={"query": query, "timeperiods": periods or [HOUR]})
    assert answer.status_code == 200, answer.text
    results: list[Any] = answer.json()
    return results


def sum_up(events: list[dict[str, Any]], *keys: str) -> list[tuple[Any, ...]]:
    """Return the values of each event's data, and its duration."""
    return [(*(event["data"].get(key) for key in keys), event["duration"]) for event in events]


def test_activity_of_a_desktop(http: httpx.Client) -> None:
    """Windows, categories, pages and stopwatch; until the afternoon's break, which the music does not make longer."""
    view = View(categories=CLASSES, browsers=["aw-watcher-web-chrome_my-desk"])

    (result,) = ask(http, webui.full_desktop(view, "my-desk"))

    window, browser = result["window"], result["browser"]
    assert window["duration"] == 1200
    assert sum_up(window["app_events"], "app") == [("Code", 800), ("Google-chrome", 300), ("Spotify", 100)]
    assert sum_up(window["title_events"], "title")[0] == ("main.py; a \\w+ of Språk", 600)
    assert sum_up(window["cat_events"], "$category") == [(["Work", "Programming"], 1100), (["Media", "Music"], 100)]
    assert sum(event["duration"] for event in window["active_events"]) == 1200
    assert sum_up(browser["domains"], "$domain") == [("github.com", 200), ("music.example", 100)]
    assert sum_up(browser["urls"], "url")[0] == ("https://www.github.com/a?q=1", 200)
    assert sum_up(browser["titles"], "title") == [("pull", 200), ("list", 100)]
    assert browser["duration"] == 300
    assert result["stopwatch"] == {"stopwatch_events": []}


def test_activity_without_browsers(http: httpx.Client) -> None:
    """The same query with an empty list of pages."""
    (result,) = ask(http, webui.full_desktop(View(categories=CLASSES, browsers=[]), "my-desk"))

    assert result["window"]["duration"] == 1200
    assert result["browser"] == {"domains": [], "urls": [], "titles": [], "duration": 0}


def test_activity_of_what_is_always_active(http: httpx.Client) -> None:
    """An app that matches counts while nobody is there."""
    view = View(categories=CLASSES, browsers=[], always_active="^Code$")

    (result,) = ask(http, webui.full_desktop(view, "my-desk"))

    assert result["window"]["duration"] == 1600


def test_activity_with_the_stopwatch(http: httpx.Client) -> None:
    """Which goes before the windows of its time."""
    view = View(categories=CLASSES, browsers=[], stopwatch="aw-stopwatch")

    (result,) = ask(http, webui.full_desktop(view, "my-desk"))

    assert sum_up(result["stopwatch"]["stopwatch_events"], "label") == [("tea", 50)]
    assert sum_up(result["window"]["app_events"], "app") == [
        *(("Code", 750), ("Google-chrome", 300), ("Spotify", 100), (None, 50)),
    ]
    assert result["window"]["duration"] == 1200


def test_activity_of_some_categories(http: httpx.Client) -> None:
    """A filter by whole names."""
    view = View(categories=CLASSES, kept=[["Media", "Music"], ["Media"]], browsers=[])

    (result,) = ask(http, webui.full_desktop(view, "my-desk"))

    assert sum_up(result["window"]["title_events"], "title") == [('A "song"', 100)]


def test_activity_of_several_computers(http: httpx.Client) -> None:
    """The first goes before the others where both were used; hosts are in names of variables."""
    (result,) = ask(http, webui.multidevice(VIEW, ["my-desk", "laptop"]))
    (turned,) = ask(http, webui.multidevice(VIEW, ["laptop", "my-desk"]))

    assert result["window"]["duration"] == 2000
    assert sorted(sum_up(result["window"]["app_events"], "app")[:2]) == [("Code", 800), ("Firefox", 800)]
    assert sum(event["duration"] for event in result["window"]["active_events"]) == 2000
    assert sum_up(turned["window"]["app_events"], "app")[0] == ("Firefox", 1100)


def test_activity_of_a_phone(http: httpx.Client) -> None:
    """Merged by app, so that its titles are its apps."""
    (result,) = ask(http, webui.android(VIEW, "aw-watcher-android-test"))

    assert result["duration"] == 600
    assert sum_up(result["app_events"], "app") == [("Maps", 500), ("Chat", 100)]
    assert result["title_events"] == result["app_events"]
    assert sum_up(result["cat_events"], "$category") == [(["Uncategorized"], 600)]


def test_what_was_edited(http: httpx.Client) -> None:
    """Files with their languages, languages, projects."""
    (result,) = ask(http, webui.editor(["aw-watcher-vim_my-desk"]))

    assert sum_up(result["files"], "file", "language") == [("main.py", "python", 60), ("README.md", "markdown", 30)]
    assert sum_up(result["languages"], "language") == [("python", 60), ("markdown", 30)]
    assert sum_up(result["projects"], "project") == [("a", 90)]
    assert result["duration"] == 90


def build_days(count: int) -> list[str]:
    """Return days from four to four in the morning, the last one that of the data, with the offset of the place."""
    zone = timezone(timedelta(hours=2))
    last = datetime(2026, 3, 1, 4, tzinfo=zone)
    starts = [last - timedelta(days=count - 1 - number) for number in range(count)]
    return [f"{start.isoformat()}/{(start + timedelta(days=1)).isoformat()}" for start in starts]


def test_history_of_activity_over_a_month(http: httpx.Client) -> None:
    """31 periods in one request, an answer for each."""
    results = ask(http, webui.activity(["aw-watcher-afk_my-desk", "aw-watcher-afk_laptop"]), *build_days(31))

    assert len(results) == 31
    assert results[:30] == [[]] * 30
    assert sum_up(results[30], "status") == [("not-afk", 2000)]


def test_history_of_categories_over_a_month(http: httpx.Client) -> None:
    """In one request, and a request a day as the page does it."""
    query = webui.categories(VIEW, "my-desk")
    together = ask(http, query, *build_days(31))
    single = [result for day in build_days(31)[-3:] for result in ask(http, query, day)]

    assert together[-3:] == single
    assert together[:30] == [{"cat_events": []}] * 30
    assert sum_up(together[30]["cat_events"], "$category")[0] == (["Work", "Programming"], 1100)


def test_history_of_hours(http: httpx.Client) -> None:
    """Events that go on from one into the next are cut."""
    hours = [f"{at(begin).isoformat()}/{at(begin + 600).isoformat()}" for begin in (-600, 0, 600, 1200)]

    results = ask(http, webui.categories(VIEW, "my-desk"), *hours)

    assert [sum(event["duration"] for event in result["cat_events"]) for result in results] == [0, 600, 600, 0]


def test_report_and_search(http: httpx.Client) -> None:
    """The events of a category, each with its own id and time."""
    searched = View(categories=[[["searched"], {"type": "regex", "regex": r"\w+\.PY", "ignore_case": True}]])

    (found,) = ask(http, webui.report(View(categories=searched.categories, kept=[["searched"]]), "my-desk"))

    assert sorted(sum_up(found, "title")) == [("main.py; a \\w+ of Språk", 600), ("other.py", 200)]
    assert all(event["data"]["$category"] == ["searched"] for event in found)


def test_report_of_work(http: httpx.Client) -> None:
    """One text with all statements, several computers, a break of five minutes."""
    view = View(categories=CLASSES, kept=[["Work"], ["Work", "Programming"]])

    (result,) = ask(http, webui.work_report(view, ["my-desk", "laptop"], break_s=300))

    assert result["duration"] == 1100
    assert len(result["events"]) == 3


def test_timeline_reads_all_events_of_each_bucket(http: httpx.Client) -> None:
    """It asks for no query: events of a range, without a limit."""
    start, end = HOUR.split("/")
    answer = http.get("/buckets/aw-watcher-window_my-desk/events", params={"start": start, "end": end, "limit": -1})

    assert [event["duration"] for event in answer.json()] == [600, 100, 300, 600]


def test_explorer_shows_what_is_wrong(http: httpx.Client) -> None:
    """The page of own queries shows ``message`` to people."""
    answer = http.post(
        "/query/", json={"query": ['RETURN = query_bucket(find_bucket("no-such-"));'], "timeperiods": [HOUR]}
    )

    assert answer.status_code == 400
    assert answer.json()["type"] == "QueryFunctionException"
    assert "Unable to find bucket matching 'no-such-' (hostname filter set to 'None')" in answer.json()["message"]
