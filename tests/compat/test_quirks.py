"""What each client of ActivityWatch does that a server has to know; tests of one number are of one such habit.

The npm and the Python client run as they are. Others can not run here: what they send is sent as it is.
"""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from tests.compat.remote import ClientError, Remote
from tests.compat.samples import at, build_event, build_python_event, build_python_time, get_values

#: aw-watcher-web in Chrome and in a Firefox, which gives each installation an id of its own.
EXTENSIONS = [
    "chrome-extension://nglaklhklhcoonedhgnpgddginnjdadi",
    "moz-extension://0b2f6a1e-6d53-4a3f-9a0e-2f5d3c1b7a90",
]

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)")


def test_01_bucket_that_exists_is_304_without_a_body(http: httpx.Client, bucket: str) -> None:
    """Not 200 and not 409: axios and fetch clients look for exactly this; its description stays."""
    answer = http.post(f"/buckets/{bucket}", json={"client": "x", "type": "x", "hostname": "x"})

    assert (answer.status_code, answer.content) == (304, b"")
    assert http.get(f"/buckets/{bucket}").json()["type"] == "currentwindow"


def test_02_falsy_bodies_are_whole_responses_to_axios(js: Remote, bucket: str) -> None:
    """A count of 0 is the response with ``data`` 0, which aw-webui reads; an empty array is an array."""
    count, events = js.call("countEvents", bucket), js.call("getEvents", bucket)

    assert count == {"$response": {"status": 200, "data": 0}}
    assert events == []


@pytest.mark.parametrize(
    "path",
    ["info", "buckets/", "buckets/{}", "buckets/{}/events", "buckets/{}/events/count", "buckets/{}/export", "export"],
)
def test_03_every_get_is_json(http: httpx.Client, bucket: str, path: str) -> None:
    """The fetch client (0.4.1) parses the body of every GET, an error's too."""
    answer = http.get(f"/{path.format(bucket)}")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    json.loads(answer.content)


def test_05_failed_heartbeat_rejects_only_itself(js: Remote, bucket: str) -> None:
    """The client sends the next of the bucket all the same."""
    bad, good = js.call_together(
        ("heartbeat", bucket, 80, {"timestamp": at(0).isoformat(), "duration": 0, "data": []}),
        ("heartbeat", bucket, 80, build_event(1, url="a")),
    )

    assert bad == ClientError("AxiosError", 400)
    assert good is None
    assert get_values(js.call("getEvents", bucket), "url") == ["a"]


def test_05_tab_that_changes_ends_a_millisecond_before_the_next(js: Remote, bucket: str) -> None:
    """aw-watcher-web sends the previous page once more, 1 ms ago, and then the new one, with 0 s each."""
    js.call_together(
        ("heartbeat", bucket, 80, build_event(0, url="a")),
        ("heartbeat", bucket, 80, build_event(60, url="a")),
        ("heartbeat", bucket, 80, build_event(64.999, url="a")),
        ("heartbeat", bucket, 80, build_event(65, url="b")),
        ("heartbeat", bucket, 80, build_event(65, url="c")),
    )

    events = js.call("getEvents", bucket)
    assert sorted((event["data"]["url"], event["duration"]) for event in events) == [("a", 64.999), ("b", 0), ("c", 0)]


@pytest.mark.parametrize("origin", EXTENSIONS)
def test_06_the_browser_extension_may_write(http: httpx.Client, origin: str) -> None:
    """It runs in a page of its own origin, at a fixed address of ours, with a bucket for each browser."""
    bucket_id = f"aw-watcher-web-firefox_{origin[-12:]}"
    headers = {"Origin": origin}
    created = http.post(
        f"/buckets/{bucket_id}",
        json={"client": "aw-client-web", "type": "web.tab.current", "hostname": "desk"},
        headers=headers,
    )
    beat = http.post(f"/buckets/{bucket_id}/heartbeat?pulsetime=80", json=build_event(0, url="a"), headers=headers)

    assert (created.status_code, beat.status_code) == (200, 200)
    assert http.get("/info", headers=headers).json()["hostname"]


def test_07_window_watcher_has_a_pulsetime_of_twice_its_poll(aw: Remote, bucket: str) -> None:
    """1 s and 2.0; a poll that comes too late begins a new event."""
    for offset_s in (0, 1, 2.001, 4.001, 6.002):
        aw.call("heartbeat", bucket, build_python_event(offset_s, app="editor", title="x"), 2.0)

    events = aw.call("get_events", bucket)
    assert [event["duration"] for event in events] == [0.0, 4.001]


def test_07_afk_watcher_dates_back_and_sends_durations(aw: Remote, bucket: str) -> None:
    """Away is told after three minutes, from the last input on; the two states touch and do not overlap."""
    beats = [(0.0, 0.0, "not-afk"), (30, 0, "not-afk"), (100, 0, "not-afk")]
    beats += [(100, 0, "not-afk"), (100.001, 180, "afk"), (100, 185, "afk"), (100, 200, "afk")]
    beats += [(400, 0, "afk"), (400.001, 0, "not-afk"), (405, 0, "not-afk")]
    for offset_s, duration_s, status in beats:
        aw.call("heartbeat", bucket, build_python_event(offset_s, duration_s, status=status), 185.0)

    ends = [
        (event["data"]["status"], event["timestamp"], event["duration"])
        for event in reversed(aw.call("get_events", bucket))
        if event["duration"]
    ]
    assert ends[0] == ("not-afk", at(0).isoformat(), 100.0)
    assert ends[-1] == ("not-afk", at(400.001).isoformat(), 4.999)
    assert {status for status, _, _ in ends[1:-1]} == {"afk"}


def test_08_swift_watcher_sends_fractions(http: httpx.Client, bucket: str) -> None:
    """A pulsetime like 2.1000000000000001 and dates with milliseconds; any 2xx is success."""
    path = f"/buckets/{bucket}/heartbeat?pulsetime=2.1000000000000001"
    body = {"timestamp": "2026-03-01T12:00:00.250Z", "duration": 0, "data": {"app": "Xcode", "title": "x"}}
    first = http.post(path, json=body)
    second = http.post(path, json=body | {"timestamp": "2026-03-01T12:00:02.350Z"})

    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json()["duration"] == 2.1


def test_09_python_client_sends_a_stray_header_and_a_body_to_delete(http: httpx.Client, bucket: str) -> None:
    """``charset`` is no header of HTTP, and DELETE has a body of ``{}``: both mean nothing."""
    headers = {"Content-type": "application/json", "charset": "utf-8"}
    http.post(f"/buckets/{bucket}/events", content=json.dumps([build_event(0)]), headers=headers).raise_for_status()
    event_id = http.get(f"/buckets/{bucket}/events").json()[0]["id"]

    deleted = http.request("DELETE", f"/buckets/{bucket}/events/{event_id}", content="{}", headers=headers)
    gone = http.request("DELETE", f"/buckets/{bucket}?force=1", content="{}", headers=headers)

    assert deleted.json() == {"success": 1}
    assert gone.status_code == 200


def test_11_stopwatch_starts_as_a_heartbeat_and_ends_as_a_replaced_event(js: Remote) -> None:
    """aw-webui's own bucket, of a host that it calls unknown."""
    js.call("ensureBucket", "aw-stopwatch", "general.stopwatch", "unknown")
    js.call("heartbeat", "aw-stopwatch", 1, build_event(0, running=True, label="tea"))
    (running,) = js.call("getEvents", "aw-stopwatch", {"limit": 1})
    js.call("replaceEvent", "aw-stopwatch", running | {"duration": 240, "data": {"running": False, "label": "tea"}})

    (stopped,) = js.call("getEvents", "aw-stopwatch")
    assert stopped == running | {"duration": 240, "data": {"running": False, "label": "tea"}}


def test_12_event_editor_gets_the_whole_event(js: Remote, bucket: str) -> None:
    """A list is cut to its range, one event by its id never: or saving it would cut it for good."""
    js.call("insertEvent", bucket, build_event(0, 3600, label="a"))
    params = {"start": {"$date": at(600).isoformat()}, "end": {"$date": at(1200).isoformat()}}
    (cut,) = js.call("getEvents", bucket, params)
    whole = js.call("getEvent", bucket, cut["id"])
    js.call("replaceEvent", bucket, whole | {"data": {"label": "b"}})

    assert (cut["duration"], whole["duration"]) == (600, 3600)
    assert js.call("getEvent", bucket, cut["id"]) == whole | {"data": {"label": "b"}}


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-01T14:00:15%2B02:00", "2026-03-01T14:00:32%2B02:00"),
        ("2026-03-01T14:00:15+02:00", "2026-03-01T14:00:32+02:00"),
        ("2026-03-01T07:30:15-04:30", "2026-03-01T07:30:32-04:30"),
        ("2026-03-01T12:00:15.000Z", "2026-03-01T12:00:32.000Z"),
        ("2026-03-01T12:00:15", "2026-03-01%2012:00:32"),
    ],
    ids=["moment", "plus that is not escaped", "behind", "toISOString", "naive"],
)
def test_13_times_come_with_any_offset(http: httpx.Client, aw: Remote, bucket: str, start: str, end: str) -> None:
    """The offset of the day's begin, as moment writes it; an unescaped plus arrives as a space."""
    aw.call("insert_events", bucket, [build_python_event(10 * n, 10, n=n) for n in range(5)])
    expected = aw.call("get_events", bucket, start=build_python_time(15), end=build_python_time(32))

    events = http.get(f"/buckets/{bucket}/events?start={start}&end={end}").json()

    assert get_values(events) == [3, 2, 1]
    assert [event["duration"] for event in events] == [event["duration"] for event in expected]


def test_13_periods_have_the_offset_of_the_place(http: httpx.Client, bucket: str) -> None:
    """As moment writes them, 31 days in one request."""
    http.post(f"/buckets/{bucket}/events", json=[build_event(0, 60, n=1)]).raise_for_status()
    days = [f"2026-03-{day:02d}T04:00:00+02:00/2026-03-{day + 1:02d}T04:00:00+02:00" for day in range(1, 31)]
    query = [f'RETURN = sum_durations(query_bucket("{bucket}"));']

    answer = http.post(
        "/query/", json={"query": query, "timeperiods": ["2026-02-28T04:00:00+02:00/2026-03-01T04:00:00+02:00", *days]}
    )

    assert answer.json() == [0, 60, *[0] * 29]


def test_14_home_assistant_asks_for_the_newest_event(http: httpx.Client, bucket: str) -> None:
    """Every few seconds, of every bucket."""
    http.post(f"/buckets/{bucket}/events", json=[build_event(n, n=n) for n in range(3)]).raise_for_status()

    listed = http.get("/buckets/").json()
    assert bucket in listed
    assert get_values(http.get(f"/buckets/{bucket}/events?limit=1").json()) == [2]


def test_14_home_assistant_asks_in_one_text(http: httpx.Client, bucket: str) -> None:
    """A query of several statements, with ends of lines, is one element of the array."""
    http.post(f"/buckets/{bucket}/events", json=[build_event(n, 1, n=n) for n in range(3)]).raise_for_status()
    text = f'events = query_bucket(find_bucket("{bucket}"));\nevents = sort_by_timestamp(events);\nRETURN = events;\n'

    answer = http.post("/query/", json={"query": [text], "timeperiods": [f"{at(0).isoformat()}/{at(9).isoformat()}"]})

    assert [get_values(events) for events in answer.json()] == [[0, 1, 2]]


def test_rust_client_creates_buckets_with_nulls(http: httpx.Client) -> None:
    """aw-client-rust (awatcher) sends every field that its bucket has."""
    body: dict[str, Any] = {
        "id": "aw-watcher-window_rust",
        "type": "currentwindow",
        "client": "awatcher",
        "hostname": "desk",
        "created": None,
        "data": {},
        "metadata": {"start": None, "end": None},
        "events": None,
        "last_updated": None,
    }

    answer = http.post("/buckets/aw-watcher-window_rust", json=body)

    assert answer.status_code == 200
    created = http.get("/buckets/aw-watcher-window_rust").json()
    assert _RFC3339.fullmatch(created["created"])
    assert created["data"] == {}


def test_rust_client_sends_nanoseconds_and_no_force(http: httpx.Client, bucket: str) -> None:
    """An id of null means none; a bucket is deleted without ``force``, which testing mode allows."""
    event = build_event(0, n=1) | {"id": None, "timestamp": "2026-03-01T12:00:00.123456789Z"}
    beat = http.post(f"/buckets/{bucket}/heartbeat?pulsetime=185", json=event)
    inserted = http.post(f"/buckets/{bucket}/events", json=[event])
    deleted = http.delete(f"/buckets/{bucket}")

    assert [answer.status_code for answer in (beat, inserted, deleted)] == [200, 200, 200]
    assert beat.json()["timestamp"].startswith("2026-03-01T12:00:00.123456")
