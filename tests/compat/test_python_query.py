"""aw-client 0.5.15 from PyPI, unmodified: ``query``, and the queries that it builds."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Final

import httpx
import pytest

from pulseline_client.queries import DesktopQueryParams, canonicalEvents, fullDesktopQuery
from tests.compat.activity import store_activity
from tests.compat.remote import COMPAT, HERE, ClientError, Remote
from tests.compat.samples import build_python_time

PERIOD: Final = [build_python_time(0), build_python_time(5400)]

FIELDS: Final[dict[str, Any]] = {
    "bid_window": "aw-watcher-window_my-desk",
    "bid_afk": "aw-watcher-afk_my-desk",
    "classes": [(["Work"], {"type": "regex", "regex": r"\bCode\b"})],
}


@pytest.fixture(scope="module", autouse=True)
def _activity(http: httpx.Client) -> None:
    store_activity(http)


def build(**fields: Any) -> dict[str, str]:
    """Return what aw-client builds of these parameters."""
    argv = [str(COMPAT / "bin/python"), str(HERE / "python/builders.py")]
    line = json.dumps({"kind": "desktop", "fields": FIELDS | fields})
    done = subprocess.run(argv, input=line, capture_output=True, text=True, check=True, timeout=60)
    built: dict[str, str] = json.loads(done.stdout)["built"][0]
    return built


def test_query_has_a_result_for_each_period(aw: Remote) -> None:
    """Whatever it is; the lines of the text are sent one by one."""
    periods = [[build_python_time(begin), build_python_time(begin + 600)] for begin in (0, 600, 6000)]
    query = 'events = query_bucket(\n  "aw-watcher-window_my-desk");\nRETURN = sum_durations(events);'

    assert aw.call("query", query, periods) == [600, 600, 0]
    assert aw.call("query", query, []) == []


def test_query_has_a_name(aw: Remote) -> None:
    """With ``cache`` alone is it sent."""
    assert aw.call("query", "RETURN = NAME;", [PERIOD], name="mine", cache=True) == ["mine"]
    with pytest.raises(ClientError, match="Exception"):
        aw.call("query", "RETURN = NAME;", [PERIOD], cache=True)


def test_query_takes_no_time_without_a_zone(aw: Remote) -> None:
    """As the client says itself."""
    with pytest.raises(ClientError) as caught:
        aw.call("query", "RETURN = 1;", [[{"$time": "2026-03-01T12:00:00"}, PERIOD[1]]])

    assert caught.value == ClientError("ValueError", None)


@pytest.mark.parametrize("query", ["RETURN = nothing;", "RETURN = query_bucket('none');", "x = 1;", "RETURN = ("])
def test_query_that_is_wrong_is_400(aw: Remote, query: str) -> None:
    """And the client goes on."""
    with pytest.raises(ClientError) as caught:
        aw.call("query", query, [PERIOD])

    assert caught.value == ClientError("HTTPError", 400)


def test_canonical_events(aw: Remote) -> None:
    """Each event while somebody was there, with its category; ours is the same query."""
    theirs = f"{build()['canonical']}\n RETURN = events;"
    ours = f"{canonicalEvents(DesktopQueryParams(**FIELDS))}\n RETURN = events;"

    (events,) = aw.call("query", theirs, [PERIOD])

    assert [(event["data"]["app"], event["data"]["$category"], event["duration"]) for event in events] == [
        ("Code", ["Work"], 600),
        ("Google-chrome", ["Uncategorized"], 300),
        ("Spotify", ["Uncategorized"], 100),
        ("Code", ["Work"], 200),
    ]
    assert aw.call("query", ours, [PERIOD]) == [events]


def test_full_desktop_query(aw: Remote) -> None:
    """Without browsers, with which the released client sends ``{default_limit}``, and no server answers that."""
    (day,) = aw.call("query", build()["full"], [PERIOD])
    with pytest.raises(ClientError, match="400"):
        aw.call("query", build(bid_browsers=["aw-watcher-web-chrome_my-desk"])["full"], [PERIOD])

    assert len(day["events"]) == 4
    assert day["window"]["duration"] == 1200
    assert [event["data"]["$category"] for event in day["window"]["cat_events"]] == [["Work"], ["Uncategorized"]]
    assert day["browser"] == {"domains": [], "urls": [], "duration": 0}
    assert aw.call("query", fullDesktopQuery(DesktopQueryParams(**FIELDS)), [PERIOD]) == [day]


def test_full_desktop_query_with_browsers_of_ours(aw: Remote) -> None:
    """From our builder it runs."""
    params = DesktopQueryParams(**FIELDS, bid_browsers=["aw-watcher-web-chrome_my-desk"])

    (day,) = aw.call("query", fullDesktopQuery(params), [PERIOD])

    assert [(event["data"]["$domain"], event["duration"]) for event in day["browser"]["domains"]] == [
        ("github.com", 200),
        ("music.example", 100),
    ]
    assert day["window"]["duration"] == 1200
