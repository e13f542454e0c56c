"""``ActivityWatchClient`` against a server that answers what the test says: requests, returns, errors, the queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pulseline_client import ActivityWatchClient, Event
from pulseline_core import paths
from pulseline_core.errors import BadInput, NotAuthorized, NotFound, ServerUnavailable
from pulseline_core.types import JSONValue
from tests.integration.client.fake_server import FakeServer
from tests.integration.scripted_http import Answer, Request, serve

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
EVENT = Event(timestamp=NOW, duration=1.5, data={"a": 1})
STORED: JSONValue = {"id": 3, "timestamp": "2026-11-23T10:00:00+00:00", "duration": 1.5, "data": {"a": 1}}
SENT: JSONValue = {"id": None, "timestamp": "2026-11-23T10:00:00+00:00", "duration": 1.5, "data": {"a": 1}}


@dataclass
class Rest:
    """Answers everything with ``status`` and ``body``, and keeps what was asked.

    Attributes:
        refusals: so many requests are answered with 503 first.
    """

    status: int = 200
    body: bytes = b"{}"
    refusals: int = 0
    requests: list[tuple[str, str, JSONValue]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    port: int = 0

    def say(self, value: JSONValue, status: int = 200) -> None:
        """Answer JSON from now on."""
        self.status, self.body = status, json.dumps(value).encode()

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        self.requests.append((request.method, request.path.removeprefix("/api/0"), request.value))
        self.keys.append(request.authorization)
        self.refusals -= 1
        if self.refusals >= 0:
            return Answer(status=503, body=self.body)
        return Answer(status=self.status, body=b"" if self.status == 304 else self.body)


@pytest.fixture(name="rest")
def _rest() -> Iterator[Rest]:
    """Return a running server."""
    rest = Rest()
    with serve(rest.answer) as rest.port:
        yield rest


@pytest.fixture(name="client")
def _client(rest: Rest) -> Iterator[ActivityWatchClient]:
    """Return a client of the server, not connected."""
    client = ActivityWatchClient("test", testing=True, host="127.0.0.1", port=rest.port)
    client.client_hostname = "desk"
    yield client
    client.disconnect()


_LATER = NOW + timedelta(hours=1)
_BUCKET: dict[str, Any] = {"id": "a", "events": []}

CALLS: list[tuple[str, Callable[[ActivityWatchClient], object], JSONValue, object, tuple[str, str, JSONValue]]] = [
    ("info", lambda client: client.get_info(), {"v": 1}, {"v": 1}, ("GET", "/info", None)),
    ("buckets", lambda client: client.get_buckets(), {"a": {}}, {"a": {}}, ("GET", "/buckets/", None)),
    (
        "create",
        lambda client: client.create_bucket("a b", "kind"),
        {},
        None,
        ("POST", "/buckets/a%20b", {"client": "test", "hostname": "desk", "type": "kind"}),
    ),
    ("delete", lambda client: client.delete_bucket("a"), {}, None, ("DELETE", "/buckets/a", None)),
    ("force", lambda client: client.delete_bucket("a", force=True), {}, None, ("DELETE", "/buckets/a?force=1", None)),
    (
        "events",
        lambda client: client.get_events("a", limit=10),
        [STORED],
        [EVENT],
        ("GET", "/buckets/a/events?limit=10", None),
    ),
    ("all events", lambda client: client.get_events("a"), [], [], ("GET", "/buckets/a/events", None)),
    (
        "range",
        lambda client: client.get_events("a", start=NOW, end=_LATER.replace(tzinfo=None)),
        [],
        [],
        (
            "GET",
            "/buckets/a/events?start=2026-11-23T10%3A00%3A00%2B00%3A00&end=2026-11-23T11%3A00%3A00%2B00%3A00",
            None,
        ),
    ),
    ("event", lambda client: client.get_event("a", 3), STORED, EVENT, ("GET", "/buckets/a/events/3", None)),
    ("count", lambda client: client.get_eventcount("a"), 7, 7, ("GET", "/buckets/a/events/count", None)),
    (
        "insert",
        lambda client: client.insert_event("a", EVENT),
        None,
        None,
        ("POST", "/buckets/a/events", [SENT]),
    ),
    (
        "insert many",
        lambda client: client.insert_events("a", [EVENT, EVENT]),
        None,
        None,
        ("POST", "/buckets/a/events", [SENT, SENT]),
    ),
    (
        "replace",
        lambda client: client.insert_event("a", Event(3, NOW, 1.5, {"a": 1})),
        None,
        None,
        ("POST", "/buckets/a/events", [STORED]),
    ),
    (
        "delete event",
        lambda client: client.delete_event("a", 3),
        {"success": 0},
        None,
        ("DELETE", "/buckets/a/events/3", None),
    ),
    (
        "heartbeat",
        lambda client: client.heartbeat("a", EVENT, 1.5),
        STORED,
        None,
        ("POST", "/buckets/a/heartbeat?pulsetime=1.5", SENT),
    ),
    ("export", lambda client: client.export_all(), {"buckets": {}}, {"buckets": {}}, ("GET", "/export", None)),
    (
        "export one",
        lambda client: client.export_bucket("a"),
        {"buckets": {"a": _BUCKET}},
        {"buckets": {"a": _BUCKET}},
        ("GET", "/buckets/a/export", None),
    ),
    (
        "import",
        lambda client: client.import_bucket(_BUCKET),
        None,
        None,
        ("POST", "/import", {"buckets": {"a": _BUCKET}}),
    ),
    (
        "query",
        lambda client: client.query("a;\nRETURN = b;", [(NOW, _LATER)]),
        [[1]],
        [[1]],
        (
            "POST",
            "/query/",
            {
                "query": ["a;", "RETURN = b;"],
                "timeperiods": ["2026-11-23T10:00:00+00:00/2026-11-23T11:00:00+00:00"],
            },
        ),
    ),
    (
        "query with a name",
        lambda client: client.query("a", [], name="n", cache=True),
        [],
        [],
        ("POST", "/query/?name=n", {"query": ["a"], "timeperiods": []}),
    ),
    ("settings", lambda client: client.get_setting(), {"k": 1}, {"k": 1}, ("GET", "/settings", None)),
    ("setting", lambda client: client.get_setting("k/1"), [1], [1], ("GET", "/settings/k%2F1", None)),
    ("unset", lambda client: client.get_setting("k"), None, None, ("GET", "/settings/k", None)),
    ("set", lambda client: client.set_setting("k", {"a": 1}), {"a": 1}, None, ("POST", "/settings/k", {"a": 1})),
]


@pytest.mark.parametrize(
    ("call", "answer", "result", "request_"), [each[1:] for each in CALLS], ids=[each[0] for each in CALLS]
)
def test_each_call_makes_one_request_and_returns_what_is_documented(
    client: ActivityWatchClient,
    rest: Rest,
    call: Callable[[ActivityWatchClient], object],
    answer: JSONValue,
    result: object,
    request_: tuple[str, str, JSONValue],
) -> None:
    """As aw-client 0.5.15 does."""
    rest.say(answer)

    assert call(client) == result
    assert rest.requests == [request_]


def test_an_event_that_is_missing_is_none(client: ActivityWatchClient, rest: Rest) -> None:
    """What aw-client documents."""
    rest.say(None, 404)

    assert client.get_event("a", 3) is None


def test_a_bucket_that_exists_is_no_error(client: ActivityWatchClient, rest: Rest) -> None:
    """Its answer, 304, has no body."""
    rest.status = 304

    client.create_bucket("a", "kind")


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.heartbeat("a", EVENT, 1),
        lambda client: client.insert_event("a", EVENT),
        lambda client: client.get_events("a"),
        lambda client: client.get_eventcount("a"),
        lambda client: client.delete_event("a", 3),
        lambda client: client.delete_bucket("a"),
        lambda client: client.export_bucket("a"),
    ],
)
def test_a_missing_bucket_is_an_error(
    client: ActivityWatchClient, rest: Rest, call: Callable[[ActivityWatchClient], object]
) -> None:
    """For reads and for writes that do not go through the queue."""
    rest.say({"message": "nope"}, 404)

    with pytest.raises(NotFound, match="no bucket 'a' exists"):
        call(client)


def test_errors_have_the_classes_of_pulseline(client: ActivityWatchClient, rest: Rest) -> None:
    """With the server's message."""
    rest.say({"message": "no such variable"}, 400)
    with pytest.raises(BadInput, match="no such variable"):
        client.query("RETURN = x;", [])

    rest.say({"message": "wants a key"}, 401)
    with pytest.raises(NotAuthorized, match="wants a key"):
        client.get_buckets()

    rest.say({"message": "stopping"}, 503)
    with pytest.raises(ServerUnavailable, match="stopping"):
        client.heartbeat("a", EVENT, 1)


def test_a_query_checks_its_periods_and_its_name(client: ActivityWatchClient, rest: Rest) -> None:
    """Before it asks the server."""
    with pytest.raises(ValueError, match="start/stop needs to have a timezone set"):
        client.query("a", [(NOW, _LATER.replace(tzinfo=None))])
    with pytest.raises(ValueError, match="needs a name"):
        client.query("a", [], cache=True)
    assert rest.requests == []


def test_a_negative_pulsetime_is_refused_at_the_call(client: ActivityWatchClient, rest: Rest) -> None:
    """Queued or not."""
    for queued in (False, True):
        with pytest.raises(BadInput):
            client.heartbeat("a", EVENT, -1, queued=queued)
    assert rest.requests == []


def test_the_key_is_sent(rest: Rest) -> None:
    """And none is where there is none."""
    with_key = ActivityWatchClient("test", testing=True, host="127.0.0.1", port=rest.port, api_key="secret")
    without = ActivityWatchClient("test", testing=True, host="127.0.0.1", port=rest.port)
    for client in (with_key, without):
        client.get_info()
        client.disconnect()

    assert rest.keys == ["Bearer secret", None]
    assert (with_key.server_api_key, without.server_api_key) == ("secret", None)


def test_the_key_of_the_data_folder_is_found(rest: Rest) -> None:
    """For a server on loopback: it is not shown to another machine, and what is named comes first."""
    folder = paths.get_data_dir(testing=True)
    folder.mkdir(parents=True)
    (folder / "api.key").write_text("found\n")
    (folder / "api.key").chmod(0o600)

    here = ActivityWatchClient("test", testing=True, host="127.0.0.1", port=rest.port)
    there = ActivityWatchClient("test", testing=True, host="192.0.2.1", port=rest.port)
    named = ActivityWatchClient("test", testing=True, host="localhost", port=rest.port, api_key="named")

    assert [each.server_api_key for each in (here, there, named)] == ["found", None, "named"]


def test_waiting_for_the_start_ends_with_the_first_answer(client: ActivityWatchClient, rest: Rest) -> None:
    """It asks until there is one."""
    rest.refusals = 2
    client.wait_for_start()

    assert [path for _, path, _ in rest.requests] == ["/info"] * 3


def test_waiting_for_the_start_ends_in_time() -> None:
    """With an error that says for how long it waited, and for whom."""
    client = ActivityWatchClient("test", testing=True, host="127.0.0.1", port=1)

    with pytest.raises(ServerUnavailable, match=r"127\.0\.0\.1:1: it did not start within 0\.2 s"):
        client.wait_for_start(timeout=0.2)


def test_without_a_server_what_is_queued_waits_on_disk(tmp_path: Path) -> None:
    """The bucket, and both heartbeats; the last one is handed over at the end of ``with``."""
    outbox = tmp_path / "outbox.db"
    client = ActivityWatchClient("test", host="127.0.0.1", port=1, broker_port=1, outbox=outbox)
    client.setup_bucket("a", "kind")
    with client:
        client.heartbeat("a", EVENT, 60, queued=True)
        client.heartbeat("a", Event(timestamp=_LATER - timedelta(days=1)), 60, queued=True)

    client.connect()
    waiting = client._queue.status.waiting
    client.disconnect()
    client.disconnect()

    assert waiting == 3


def test_an_unqueued_write_without_a_server_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """So the caller may try again without storing it twice."""
    client = ActivityWatchClient("test", host="127.0.0.1", port=1, broker_port=1, outbox=tmp_path / "outbox.db")
    with client:
        with pytest.raises(ServerUnavailable):
            client.heartbeat("a", EVENT, 60)
        with pytest.raises(ServerUnavailable):
            client.insert_event("a", EVENT)
        assert client._queue.status.waiting == 0


def test_a_write_lets_what_is_queued_for_its_bucket_go_first(rest: Rest, server: FakeServer) -> None:
    """An acknowledgement that got lost comes again after a second; the insert waits for it."""
    server.lost_acknowledgements = 1
    client = ActivityWatchClient("test", host="127.0.0.1", port=rest.port, broker_port=server.port)
    with client:
        client.setup_bucket("a", "kind")
        client.insert_event("a", EVENT)
        assert not client._queue.has_unconfirmed("a")

    assert rest.requests == [("POST", "/buckets/a/events", [SENT])]
    assert [message["type"] for _, _, message in server.received[-1:]] == ["kind"]


def test_a_write_does_not_wait_for_long(rest: Rest, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is queued may have to wait for hours."""
    monkeypatch.setattr("pulseline_client.activitywatch.PATIENCE_S", 0.1)
    server.is_away = True
    client = ActivityWatchClient("test", host="127.0.0.1", port=rest.port, broker_port=server.port)
    with client:
        client.setup_bucket("a", "kind")
        client.insert_event("a", EVENT)
        assert client._queue.has_unconfirmed("a")
