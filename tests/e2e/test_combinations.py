"""The same from one end to the other, whichever broker and database are between: all ways in, out and to change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from paho.mqtt import publish

from pulseline_client import Client
from tests.storm.assembly import COMBINATIONS, Assembly
from tests.storm.system import wait_until

#: NATS keeps what a worker did not acknowledge to itself for ten seconds.
TIMEOUT_S = 30.0

DESCRIPTION = {"type": "test", "client": "test", "hostname": "here"}


@pytest.fixture(scope="module", params=list(COMBINATIONS.values()), ids=list(COMBINATIONS))
def assembly(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assembly]:
    """Give the tests of each combination a Pulseline; each test has buckets of its own."""
    with request.param(tmp_path_factory.mktemp("assembly")) as assembly:
        yield assembly


class Rest:
    """REST as its clients use it, with errors raised."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Return the JSON of an answer."""
        return self._http.request(method, path, **options).raise_for_status().json()

    def read(self, bucket_id: str) -> list[tuple[Any, float]]:
        """Return data and duration of a bucket's events, oldest first; none if there is no bucket."""
        answer = self._http.get(f"/buckets/{bucket_id}/events")
        events = answer.json() if answer.is_success else []
        return [(event["data"], event["duration"]) for event in reversed(events)]

    def await_events(self, bucket_id: str, expected: list[tuple[Any, float]]) -> None:
        """Return when a bucket's events are these."""
        wait_until(lambda: self.read(bucket_id) == expected, timeout_s=TIMEOUT_S, what=str(expected))


@pytest.fixture
def rest(assembly: Assembly) -> Iterator[Rest]:
    """Give the test a client of REST."""
    with httpx.Client(base_url=assembly.system.url, timeout=TIMEOUT_S) as http:
        yield Rest(http)


def build_event(second: int, **data: object) -> dict[str, Any]:
    """Return an event of no length."""
    return {"timestamp": f"2026-03-01T12:00:{second:02d}Z", "duration": 0, "data": data}


def test_what_a_device_publishes_is_stored_and_merged(assembly: Assembly, rest: Rest) -> None:
    """Values, heartbeats and events, at QoS 1 from any MQTT client."""
    username, password = assembly.user
    login = {"username": username, "password": password} if username else None
    for second in (0, 30):
        body = json.dumps({"timestamp": f"2026-03-01T12:00:{second:02d}Z", "data": {"on": True}})
        publish.single("pulseline/v1/lamp/heartbeat", body, qos=1, port=assembly.port, auth=login)  # type: ignore[arg-type]

    rest.await_events("lamp", [({"on": True}, 30.0)])


def test_what_the_library_hands_over_is_confirmed_and_stored(assembly: Assembly, rest: Rest, tmp_path: Path) -> None:
    """Several buckets, so that each worker has some."""
    username, password = assembly.user
    with Client(port=assembly.port, outbox=tmp_path / "o.db", username=username, password=password) as client:
        for number in range(32):
            client.heartbeat(f"desk-{number % 4}", {"height": number // 4}, pulsetime=0)
        client.flush(TIMEOUT_S)

    for number in range(4):
        assert [data["height"] for data, _ in rest.read(f"desk-{number}")] == list(range(8))


def test_rest_creates_changes_and_deletes(rest: Rest) -> None:
    """Each answer is that of the worker who has the bucket, and the next read shows it."""
    rest.ask("POST", "/buckets/notes", json=DESCRIPTION)
    heartbeat = rest.ask("POST", "/buckets/notes/heartbeat", params={"pulsetime": 60}, json=build_event(0, title="a"))
    merged = rest.ask("POST", "/buckets/notes/heartbeat", params={"pulsetime": 60}, json=build_event(20, title="a"))
    added = rest.ask("POST", "/buckets/notes/events", json=[build_event(30, title="b"), build_event(40, title="c")])
    assert (merged["id"], merged["duration"]) == (heartbeat["id"], 20.0)
    assert rest.read("notes") == [({"title": "a"}, 20.0), ({"title": "b"}, 0.0), ({"title": "c"}, 0.0)]

    rest.ask("DELETE", f"/buckets/notes/events/{added[0]['id']}")
    rest.ask("POST", "/buckets/notes/events", json={**build_event(40, title="d"), "id": added[1]["id"]})
    assert rest.read("notes") == [({"title": "a"}, 20.0), ({"title": "d"}, 0.0)]

    rest.ask("DELETE", "/buckets/notes", params={"force": 1})
    assert "notes" not in rest.ask("GET", "/buckets/")


def test_queries_and_settings_work(rest: Rest) -> None:
    """A query reads what was written just before."""
    rest.ask("POST", "/buckets/windows", json=DESCRIPTION)
    rest.ask("POST", "/buckets/windows/events", json=[build_event(second, app="ab"[second % 2]) for second in range(9)])
    body = {
        "query": ["RETURN = merge_events_by_keys(query_bucket('windows'), ['app']);"],
        "timeperiods": ["2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"],
    }
    [found] = rest.ask("POST", "/query/", json=body)
    rest.ask("POST", "/settings/theme", json="dark")

    assert sorted(event["data"]["app"] for event in found) == ["a", "b"]
    assert rest.ask("GET", "/settings/theme") == "dark"


def test_what_is_exported_can_be_imported(rest: Rest) -> None:
    """Twice the same is stored once."""
    rest.ask("POST", "/buckets/diary", json=DESCRIPTION)
    rest.ask("POST", "/buckets/diary/events", json=[build_event(second, page=second) for second in range(5)])
    before, exported = rest.read("diary"), rest.ask("GET", "/buckets/diary/export")
    rest.ask("DELETE", "/buckets/diary", params={"force": 1})

    counts = [rest.ask("POST", "/import", json=exported)["buckets"]["diary"]["added"] for _ in range(2)]

    assert counts == [5, 0]
    assert rest.read("diary") == before


def test_all_parts_say_that_they_are_well(assembly: Assembly, rest: Rest) -> None:
    """In the status, and to whoever watches over them."""
    root = assembly.system.url.removesuffix("/api/0")
    wait_until(lambda: httpx.get(f"{root}/readyz").is_success, timeout_s=TIMEOUT_S, what="readiness")
    wait_until(  # a partition that passes on is nobody's for a moment
        lambda: {worker["state"] for worker in rest.ask("GET", "/status")["workers"].values()} == {"online"},
        timeout_s=TIMEOUT_S,
        what="all workers' word",
    )

    workers = rest.ask("GET", "/status")["workers"]
    assert httpx.get(f"{root}/metrics").text.count("pulseline_worker_up{") == len(workers)
