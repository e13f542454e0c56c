"""Reads over REST, from a server that answers what the test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs

import pytest

from pulseline_client import QueryRefused, RestReader
from pulseline_core.errors import BadInput, ExitCode, InvalidSetting, NotAuthorized, NotFound, ServerUnavailable
from pulseline_core.event import Event
from pulseline_core.types import JSONObject, JSONValue
from tests.integration.scripted_http import Answer, Request, serve

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
EVENT: JSONObject = {"id": 3, "timestamp": "2026-11-23T10:00:00+00:00", "duration": 1.5, "data": {"a": 1}}


@dataclass
class RestServer:
    """Answers everything with ``status`` and ``body``, and keeps the paths.

    Attributes:
        promised: the Content-Length, if not the body's; more means that the connection ends early.
        asks_for_key: whether the answer says so.
        authorizations: the header of each request.
        bodies: what each request brought.
        warnings: a header of the answer.
    """

    status: int = 200
    body: bytes = b"{}"
    promised: int | None = None
    paths: list[str] = field(default_factory=list)
    asks_for_key: bool = False
    authorizations: list[str | None] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    warnings: str | None = None

    def say(self, value: JSONValue, status: int = 200) -> None:
        """Answer JSON from now on."""
        self.status, self.body = status, json.dumps(value).encode()

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        self.paths.append(request.path)
        self.bodies.append(request.body)
        self.authorizations.append(request.authorization)
        headers: dict[str, str] = {}
        if self.promised is not None:
            headers["Content-Length"] = str(self.promised)
        if self.warnings is not None:
            headers["Pulseline-Warnings"] = self.warnings
        if self.asks_for_key:
            headers["WWW-Authenticate"] = "Bearer"
        return Answer(status=self.status, body=self.body, headers=headers)


@pytest.fixture
def server() -> RestServer:
    """Return what the server says."""
    return RestServer()


@pytest.fixture
def rest(server: RestServer) -> Iterator[RestReader]:
    """Return a reader of a running server."""
    with serve(server.answer) as port, RestReader(f"http://127.0.0.1:{port}/") as reader:
        yield reader


@pytest.mark.parametrize(("status", "reason"), [(200, "OK"), (503, "Service Unavailable")])
def test_server_that_is_not_ready_has_answered(rest: RestReader, server: RestServer, status: int, reason: str) -> None:
    """What it says of itself is the answer, outside of the API's paths."""
    server.say({"ready": status == 200}, status)

    assert rest.get_health("/readyz") == {"ready": status == 200}
    assert server.paths == ["/readyz"]


@pytest.mark.parametrize(
    ("read", "answer", "path"),
    [
        (lambda rest: rest.get_info(), {"version": "1"}, "/api/0/info"),
        (lambda rest: rest.get_status(), {"ingest": {}}, "/api/0/status"),
        (lambda rest: rest.get_buckets(), {"a": {"id": "a"}}, "/api/0/buckets/"),
        (lambda rest: rest.get_bucket("a/b é"), {"id": "a/b é"}, "/api/0/buckets/a%2Fb%20%C3%A9"),
        (lambda rest: rest.get_bucket(".."), {"id": ".."}, "/api/0/buckets/%2E%2E"),
        (lambda rest: rest.get_bucket("a.b"), {"id": "a.b"}, "/api/0/buckets/a.b"),
        (lambda rest: rest.get_eventcount("a"), 7, "/api/0/buckets/a/events/count"),
        (lambda rest: rest.get_dead_letters(limit=5, before_id=9), [], "/api/0/dead-letters?limit=5&before_id=9"),
        (lambda rest: rest.get_dead_letter(4), {"id": 4}, "/api/0/dead-letters/4"),
    ],
    ids=[
        "info",
        "status",
        "buckets",
        "bucket",
        "bucket of dots",
        "bucket with a dot",
        "count",
        "dead letters",
        "dead letter",
    ],
)
def test_reads_ask_what_the_server_answers(
    rest: RestReader, server: RestServer, read: Callable[[RestReader], JSONValue], answer: JSONValue, path: str
) -> None:
    """One path each; the answer comes back as it is."""
    server.say(answer)

    assert read(rest) == answer
    assert server.paths == [path]


def test_events_of_a_range_are_events(rest: RestReader, server: RestServer) -> None:
    """Times go as UTC, with a ``+`` that arrives as one."""
    server.say([EVENT])
    start = NOW.astimezone(timezone(timedelta(hours=2)))
    events = rest.get_events("a", start=start, end=NOW + timedelta(hours=1), limit=0)

    assert events == [Event(timestamp=NOW, duration=timedelta(seconds=1.5), data={"a": 1})]
    assert events[0].id == 3
    assert server.paths == [
        "/api/0/buckets/a/events?start=2026-11-23T10%3A00%3A00%2B00%3A00&end=2026-11-23T11%3A00%3A00%2B00%3A00&limit=0"
    ]


def test_single_event_is_read_or_none(rest: RestReader, server: RestServer) -> None:
    """A missing one is no error."""
    server.say(EVENT)
    event = rest.get_event("a", 3)
    assert event is not None
    assert event.id == 3

    server.say(None, 404)
    assert rest.get_event("a", 3) is None


def test_missing_bucket_is_named(rest: RestReader, server: RestServer) -> None:
    """Whatever the server's words."""
    server.say({"message": "nope"}, 404)

    with pytest.raises(NotFound, match="no bucket 'a' exists"):
        rest.get_events("a")
    with pytest.raises(NotFound, match="no bucket 'a' exists"):
        list(rest.iter_export("a"))


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (400, BadInput, "the reason"),
        (401, NotAuthorized, "the reason"),
        (403, NotAuthorized, "the reason"),
        (404, BadInput, "the reason"),
        (500, ServerUnavailable, "HTTP 500: the reason"),
        (503, ServerUnavailable, "HTTP 503: the reason"),
    ],
)
def test_errors_of_http_have_their_class(
    rest: RestReader, server: RestServer, status: int, kind: type[Exception], message: str
) -> None:
    """The message is the server's."""
    server.say({"message": "the reason"}, status)

    with pytest.raises(kind, match=message):
        rest.get_info()


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"message": 5}', b"\xff"])
def test_error_without_a_message_has_the_name_of_its_status(rest: RestReader, server: RestServer, body: bytes) -> None:
    """A proxy may answer instead of the server."""
    server.status, server.body = 502, body

    with pytest.raises(ServerUnavailable, match="HTTP 502 Bad Gateway"):
        rest.get_info()


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"\xff", b""])
def test_answer_of_another_program_is_refused(rest: RestReader, server: RestServer, body: bytes) -> None:
    """Something else may listen on the port."""
    server.body = body

    with pytest.raises(ServerUnavailable, match="is not"):
        rest.get_info()


def test_query_sends_its_lines_and_periods(rest: RestReader, server: RestServer) -> None:
    """Aware times with their own offset; a name where there is one."""
    server.say([1.5, {"a": []}])
    here = NOW.astimezone(timezone(timedelta(hours=2)))

    results = rest.query("x = 1;\nRETURN = x;", [(here, NOW), (NOW, NOW)], name="a b")
    server.say([])
    rest.query("", [])

    assert results == [1.5, {"a": []}]
    assert server.paths == ["/api/0/query/?name=a+b", "/api/0/query/"]
    assert json.loads(server.bodies[0]) == {
        "query": ["x = 1;", "RETURN = x;"],
        "timeperiods": [
            "2026-11-23T12:00:00+02:00/2026-11-23T10:00:00+00:00",
            "2026-11-23T10:00:00+00:00/2026-11-23T10:00:00+00:00",
        ],
    }


def test_query_has_a_result_for_each_period(rest: RestReader, server: RestServer) -> None:
    """A server that answers fewer is none of ours."""
    server.say([1])

    with pytest.raises(ServerUnavailable, match="1 results for 2 periods"):
        rest.query("RETURN = 1;", [(NOW, NOW)] * 2)


def test_query_hands_on_what_was_passed_over(
    rest: RestReader, server: RestServer, caplog: pytest.LogCaptureFixture
) -> None:
    """To the caller, or else to the log; a header that is none is passed over itself."""
    told: list[str] = []
    server.say([1])
    for server.warnings in ('["one", "two", 3]', "{}", "odd", None):
        rest.query("RETURN = 1;", [(NOW, NOW)], warn=told.append)
    server.warnings = '["three"]'
    rest.query("RETURN = 1;", [(NOW, NOW)])

    assert told == ["one", "two"]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == ["query: three"]


def test_query_over_times_without_a_zone_is_refused(rest: RestReader, server: RestServer) -> None:
    """Before anybody is asked."""
    with pytest.raises(BadInput, match="time '2026-11-23T10:00:00' of a period has no time zone"):
        rest.query("RETURN = 1;", [(NOW, NOW.replace(tzinfo=None))])

    assert server.paths == []


@pytest.mark.parametrize(
    ("message", "place"),
    [("Tried to call function 'x' which doesn't exist (line 12, column 3)", (12, 3)), ("Unknown", (None, None))],
)
def test_query_that_is_refused_says_why_and_where(
    rest: RestReader, server: RestServer, message: str, place: tuple[int | None, int | None]
) -> None:
    """The kind is ActivityWatch's, the words are the server's."""
    server.say({"type": "QueryInterpretException", "message": message}, 400)

    with pytest.raises(QueryRefused) as caught:
        rest.query("RETURN = x();", [])

    assert str(caught.value) == message
    assert caught.value.kind == "QueryInterpretException"
    assert (caught.value.line, caught.value.column) == place
    assert caught.value.exit_code is ExitCode.USAGE


def test_query_that_is_bad_otherwise_is_bad_input(rest: RestReader, server: RestServer) -> None:
    """A period that is none, for one."""
    server.say({"message": "the period ends before it begins"}, 400)

    with pytest.raises(BadInput, match="ends before") as caught:
        rest.query("RETURN = 1;", [(NOW, NOW)])

    assert not isinstance(caught.value, QueryRefused)


def test_settings_are_read(rest: RestReader, server: RestServer) -> None:
    """One by its key, or all."""
    server.say({"classes": []})
    assert rest.get_settings() == {"classes": []}

    server.say(None)
    assert rest.get_setting("a b") is None
    assert server.paths == ["/api/0/settings", "/api/0/settings/a%20b"]


@pytest.mark.parametrize("url", ["http://[[::1]:5600", "http://a..b:5600", f"http://{'a' * 64}:5600"])
def test_an_address_that_can_not_be_is_refused_at_once(url: str) -> None:
    """It is wrong usage, not a server that is away."""
    with pytest.raises(InvalidSetting, match="is no address of a server"):
        RestReader(url)


def test_nobody_at_the_port_is_told() -> None:
    """With the address, and what to look after."""
    with RestReader("http://127.0.0.1:1") as rest, pytest.raises(ServerUnavailable) as caught:
        rest.get_info()

    assert "http://127.0.0.1:1" in str(caught.value)
    assert "pulseline up" in caught.value.hint


def test_key_is_shown_with_every_request(rest: RestReader, server: RestServer) -> None:
    """Also with a stream; without a key there is no header."""
    with RestReader(rest.url, key="s3cret") as guarded:
        guarded.get_info()
        b"".join(guarded.iter_export())
    rest.get_info()

    assert server.authorizations == ["Bearer s3cret", "Bearer s3cret", None]


@pytest.mark.parametrize(("key", "words"), [("", "asks for an API key"), ("wrong", "refuses the API key")])
@pytest.mark.parametrize("read", [RestReader.get_info, lambda rest: list(rest.iter_export())], ids=["read", "stream"])
def test_server_that_wants_a_key_is_told(
    rest: RestReader, server: RestServer, read: Callable[[RestReader], object], key: str, words: str
) -> None:
    """With where a key is set; that there is a wrong one is another matter than none."""
    server.say({"message": "Missing or invalid API key."}, 401)
    server.asks_for_key = True

    with RestReader(rest.url, key=key) as reader, pytest.raises(NotAuthorized, match=words) as caught:
        read(reader)

    assert caught.value.exit_code is ExitCode.NOT_PERMITTED
    assert "Client(key=...)" in caught.value.hint


def test_export_comes_in_pieces(rest: RestReader, server: RestServer) -> None:
    """It is never whole in memory."""
    server.body = b"x" * 1_000_000

    assert sum(len(piece) for piece in rest.iter_export()) == 1_000_000
    assert server.paths == ["/api/0/export"]


def test_export_has_a_form_and_a_range(rest: RestReader, server: RestServer) -> None:
    """Both are the server's to make."""
    list(rest.iter_export("a b", form="csv", start=NOW, end=NOW + timedelta(days=1)))

    (path,) = server.paths
    assert path.startswith("/api/0/buckets/a%20b/export?")
    assert parse_qs(path.partition("?")[2]) == {
        "format": ["csv"],
        "start": ["2026-11-23T10:00:00+00:00"],
        "end": ["2026-11-24T10:00:00+00:00"],
    }


def test_export_that_breaks_off_is_an_error(rest: RestReader, server: RestServer) -> None:
    """Half an export must not pass for a whole one."""
    server.body, server.promised = b"x" * 1000, 2000

    with pytest.raises(ServerUnavailable):
        list(rest.iter_export())


def test_reader_that_was_closed_reads_again(rest: RestReader) -> None:
    """A client that is opened again does."""
    rest.get_info()
    rest.close()

    assert rest.get_info() == {}


def test_reader_that_was_never_used_closes() -> None:
    """Nothing was opened."""
    RestReader().close()
