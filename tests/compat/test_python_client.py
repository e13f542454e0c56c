"""aw-client 0.5.15 from PyPI, unmodified: every method but ``query``, which has a file of its own."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compat.remote import ClientError, Remote, open_python
from tests.compat.samples import at, build_python_event, build_python_time, get_values
from tests.e2e.up_process import Up


def test_info_is_what_the_server_says_of_itself(aw: Remote) -> None:
    """The four fields that clients know."""
    info = aw.call("get_info")

    assert info["testing"] is True
    assert info["hostname"] == socket.gethostname()
    assert info["version"].startswith("v")
    assert len(info["device_id"]) == 36


def test_client_waits_for_the_start(tmp_path: Path) -> None:
    """It asks until the port is open, and is then answered."""
    system = Up(home=tmp_path, flags=("--testing",))
    with open_python("waiting", system.http_port, tmp_path) as aw:
        aw.send("wait_for_start", timeout=30)
        with system:
            assert aw.receive() is None


def test_bucket_is_created_once(aw: Remote) -> None:
    """A second time it is 304, which is no error to the client."""
    aw.call("create_bucket", "python-bucket", "currentwindow")
    aw.call("create_bucket", "python-bucket", "another type")

    bucket = aw.call("get_buckets")["python-bucket"]
    assert {key: bucket[key] for key in ("id", "client", "type", "hostname", "data")} == {
        "id": "python-bucket",
        "client": "compat",
        "type": "currentwindow",
        "hostname": socket.gethostname(),
        "data": {},
    }


def test_bucket_of_the_client_is_deleted_with_its_events(aw: Remote, bucket: str) -> None:
    """With force, as everywhere, and without, which testing mode allows."""
    aw.call("insert_event", bucket, build_python_event(0))
    aw.call("create_bucket", "python-short-lived", "t")

    aw.call("delete_bucket", bucket, force=True)
    aw.call("delete_bucket", "python-short-lived")

    assert not {bucket, "python-short-lived"} & set(aw.call("get_buckets"))
    with pytest.raises(ClientError, match="404"):
        aw.call("get_events", bucket)


def test_heartbeats_are_merged(aw: Remote, bucket: str) -> None:
    """Equal data within the pulsetime is one event; other data begins another."""
    for offset_s, app in ((0, "editor"), (1, "editor"), (2.5, "editor"), (3, "browser"), (60, "browser")):
        aw.call("heartbeat", bucket, build_python_event(offset_s, app=app), 2.0)

    events = aw.call("get_events", bucket)
    assert [(event["data"]["app"], event["duration"]) for event in events] == [
        ("browser", 0.0),
        ("browser", 0.0),
        ("editor", 2.5),
    ]


def test_heartbeat_to_no_bucket_is_404(aw: Remote) -> None:
    """A watcher hears that it has to create one."""
    with pytest.raises(ClientError) as caught:
        aw.call("heartbeat", "python-nowhere", build_python_event(0), 2.0)

    assert caught.value == ClientError("HTTPError", 404)


def test_events_that_were_inserted_are_read_at_once(aw: Remote, bucket: str) -> None:
    """One and several, newest first, to the millisecond that the client keeps."""
    aw.call("insert_event", bucket, build_python_event(1.125, 0.5, n=1))
    aw.call("insert_events", bucket, [build_python_event(3, n=3), build_python_event(2, n=2)])
    aw.call("insert_events", bucket, [])

    events = aw.call("get_events", bucket)
    assert get_values(events) == [3, 2, 1]
    assert (events[2]["timestamp"], events[2]["duration"]) == (at(1.125).isoformat(), 0.5)
    assert len({event["id"] for event in events}) == 3


@pytest.fixture(name="row")
def _row(aw: Remote, bucket: str) -> str:
    """Return a bucket with events of 10 s each, 10 s apart: 0-10, 10-20, ... 40-50."""
    aw.call("insert_events", bucket, [build_python_event(10 * n, 10, n=n) for n in range(5)])
    return bucket


@pytest.mark.parametrize(("limit", "values"), [(-1, [4, 3, 2, 1, 0]), (None, [4, 3, 2, 1, 0]), (2, [4, 3]), (0, [])])
def test_limit_takes_the_newest(aw: Remote, row: str, limit: int | None, values: list[int]) -> None:
    """-1, the client's own default, is all."""
    assert get_values(aw.call("get_events", row, limit=limit)) == values


def test_range_cuts_events(aw: Remote, row: str) -> None:
    """Both ends belong to it, and what sticks out is cut off."""
    events = aw.call("get_events", row, start=build_python_time(15), end=build_python_time(32))

    assert [(event["data"]["n"], event["timestamp"], event["duration"]) for event in events] == [
        (3, at(30).isoformat(), 2.0),
        (2, at(20).isoformat(), 10.0),
        (1, at(15).isoformat(), 5.0),
    ]


def test_count_knows_the_range(aw: Remote, row: str) -> None:
    """The client makes an integer of the bare number."""
    count = aw.call("get_eventcount", row)
    within = aw.call("get_eventcount", row, start=build_python_time(15), end=build_python_time(32))

    assert (count, within) == (5, 3)


def test_range_without_an_offset_is_utc(aw: Remote, row: str) -> None:
    """A naive datetime goes over the wire as it is."""
    naive = {"$time": at(45).replace(tzinfo=None).isoformat()}

    assert get_values(aw.call("get_events", row, start=naive)) == [4]


def test_one_event_is_read_and_deleted_by_its_id(aw: Remote, row: str) -> None:
    """And is not cut to anything."""
    newest = aw.call("get_events", row, limit=1)[0]

    assert aw.call("get_event", row, newest["id"]) == newest
    aw.call("delete_event", row, newest["id"])
    assert get_values(aw.call("get_events", row)) == [3, 2, 1, 0]


def test_event_that_is_not_there_is_404(aw: Remote, bucket: str) -> None:
    """The client means to return nothing, but takes the 404 for an error: a response that failed is false to it."""
    with pytest.raises(ClientError) as caught:
        aw.call("get_event", bucket, 999_999_999)

    assert caught.value == ClientError("HTTPError", 404)


def test_bucket_is_exported_with_its_events(aw: Remote, row: str) -> None:
    """By itself, and in the export of everything."""
    exported: dict[str, Any] = aw.call("export_bucket", row)["buckets"]
    everything = aw.call("export_all")["buckets"]

    assert list(exported) == [row]
    assert get_values(exported[row]["events"]) == [4, 3, 2, 1, 0]
    assert everything[row] == exported[row]


def test_unknown_paths_are_told_in_json(http: httpx.Client) -> None:
    """Clients show ``message``."""
    answer = http.get("/no-such-thing")

    assert answer.status_code == 404
    assert answer.json()["message"]
