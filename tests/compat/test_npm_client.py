"""aw-client 0.3.7 from npm (axios), unmodified: the one of aw-webui, and every method but ``query``."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.compat.remote import ClientError, Remote
from tests.compat.samples import at, build_event, get_values


def build_date(offset_s: float) -> dict[str, str]:
    """Return what becomes a ``Date``."""
    return {"$date": at(offset_s).isoformat()}


def tell(offset_s: float) -> str:
    """Return an instant as a ``Date`` is told in JSON."""
    return at(offset_s).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_info_is_what_the_server_says_of_itself(js: Remote) -> None:
    """aw-watcher-web takes its hostname from here."""
    assert js.call("getInfo")["hostname"] == socket.gethostname()


def test_ensure_bucket_tells_whether_it_was_there(js: Remote) -> None:
    """To axios 304 is an exception, and to this method exactly 304 means that it exists."""
    answers = [js.call("ensureBucket", "npm-ensured", "web.tab.current", "desk") for _ in range(2)]

    assert answers == [{"alreadyExist": False}, {"alreadyExist": True}]


def test_create_bucket_fails_for_one_that_exists(js: Remote) -> None:
    """With the 304 that everybody who calls this expects."""
    js.call("createBucket", "npm-created", "t", "desk")

    with pytest.raises(ClientError) as caught:
        js.call("createBucket", "npm-created", "t", "desk")

    assert caught.value == ClientError("AxiosError", 304)


def test_bucket_has_what_the_client_reads(js: Remote, bucket: str) -> None:
    """``data`` is there, and the times are ones that a ``Date`` takes."""
    js.call("insertEvent", bucket, build_event(0, 5))

    info = js.call("getBucketInfo", bucket)
    listed = js.call("getBuckets")[bucket]

    assert info["data"] == {}
    assert info["type"] == "currentwindow"
    assert info["created"].endswith("Z")
    assert info["metadata"]["end"] == at(5).isoformat()
    assert listed["last_updated"] == tell(5)


def test_bucket_is_deleted(js: Remote, bucket: str) -> None:
    """The client always sends force=1, and no body."""
    js.call("deleteBucket", bucket)

    with pytest.raises(ClientError) as caught:
        js.call("getBucketInfo", bucket)

    assert caught.value == ClientError("AxiosError", 404)


def test_heartbeats_that_are_sent_together_are_merged_in_their_order(js: Remote, bucket: str) -> None:
    """The client sends one at a time for each bucket."""
    js.call_together(*[("heartbeat", bucket, 2, build_event(offset_s, url="a")) for offset_s in range(10)])

    (event,) = js.call("getEvents", bucket)
    assert (event["timestamp"], event["duration"]) == (tell(0), 9)


@pytest.fixture(name="row")
def _row(js: Remote, bucket: str) -> str:
    """Return a bucket with events of 10 s each, 10 s apart: 0-10, 10-20, ... 40-50."""
    js.call("insertEvents", bucket, [build_event(10 * n, 10, n=n) for n in range(5)])
    return bucket


def test_range_and_limit_take_dates(js: Remote, row: str) -> None:
    """Cut to the range, newest first."""
    events = js.call("getEvents", row, {"start": build_date(15), "end": build_date(32), "limit": 2})

    assert [(event["data"]["n"], event["timestamp"], event["duration"]) for event in events] == [
        (3, tell(30), 2),
        (2, tell(20), 10),
    ]


def test_event_is_replaced_by_its_id(js: Remote, row: str) -> None:
    """As aw-webui's editor does."""
    newest = js.call("getEvents", row, {"limit": 1})[0]
    js.call("replaceEvent", row, newest | {"data": {"n": 44}, "duration": 1})

    event = js.call("getEvent", row, newest["id"])
    assert event == newest | {"data": {"n": 44}, "duration": 1}
    assert js.call("countEvents", row) == 5


def test_event_is_deleted_by_its_id(js: Remote, row: str) -> None:
    """And then it is not there."""
    newest = js.call("getEvents", row, {"limit": 1})[0]
    js.call("deleteEvent", row, newest["id"])

    assert get_values(js.call("getEvents", row)) == [3, 2, 1, 0]
    with pytest.raises(ClientError) as caught:
        js.call("getEvent", row, newest["id"])
    assert caught.value == ClientError("AxiosError", 404)


def test_count_of_a_range_is_the_count_of_all(js: Remote, row: str) -> None:
    """The client calls the ends ``starttime`` and ``endtime``, which no server knows."""
    assert js.call("countEvents", row, build_date(15), build_date(32)) == 5


def test_aborted_request_leaves_a_client_that_works(js: Remote, row: str) -> None:
    """Only the one that was under way is rejected."""
    aborted, _, events = js.call_together(("getEvents", row), ("abort",), ("getEvents", row))

    assert aborted == ClientError("CanceledError", None)
    assert len(events) == 5


def test_writes_need_no_more_than_the_client_sends(js: Remote, bucket: str) -> None:
    """An event without a duration, as aw-watcher-web has it, and with a Date for its time."""
    event: dict[str, Any] = {"timestamp": build_date(1), "data": {"n": 1}}
    js.call("insertEvent", bucket, event)
    js.call("heartbeat", bucket, 60, {"timestamp": build_date(2), "duration": 0, "data": {"n": 1}})

    (stored,) = js.call("getEvents", bucket)
    assert (stored["timestamp"], stored["duration"]) == (tell(1), 1)
