"""Friendly origins see every answer, and are told beforehand what they may send."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from pulseline_api import create_app
from pulseline_api.app import AppOptions
from pulseline_core.settings import Secret
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, RecordingWriter

EXTENSION = "moz-extension://3f2a9c1e-0000-4000-8000-000000000000"

#: How browsers ask whether a POST of JSON with a key may be sent.
ASKING = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.fixture(name="guarded")
def _guarded(reader: MemoryReader, writer: RecordingWriter) -> FlaskClient:
    """Return a client of an application with a key and a friend."""
    options = AppOptions(key=Secret("s3cret"), origins=("https://friend.example",))
    return create_app(reader, writer, INFO, options).test_client()


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost",
        "http://127.0.0.1",
        EXTENSION,
        "chrome-extension://nglaklhklhcoonedhgnpgddginnjdadi",
        "https://friend.example",
    ],
)
def test_friend_may_see_the_answer(guarded: FlaskClient, origin: str) -> None:
    """The origin itself, never a star, and nothing about cookies."""
    answer = guarded.get("/api/0/info", headers={"Origin": origin})

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/0/buckets", 401),
        ("GET", "/api/0/nothing", 401),
        ("GET", "/api/0/buckets/nothing", 404),
        ("GET", "/api/0/buckets/%00", 400),
        ("PATCH", "/api/0/buckets", 405),
        ("POST", "/api/0/buckets/plug/heartbeat", 400),
    ],
)
def test_friend_may_see_errors(guarded: FlaskClient, method: str, path: str, status: int) -> None:
    """Else the page could not say what is wrong."""
    headers = {"Origin": EXTENSION} | ({} if status == 401 else {"Authorization": "Bearer s3cret"})

    answer = guarded.open(path, method=method, headers=headers)

    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == EXTENSION


@pytest.mark.parametrize("path", ["/api/0/buckets/plug/events", "/api/0/import", "/"])
def test_preflight_is_answered_without_a_key(guarded: FlaskClient, path: str) -> None:
    """Browsers send it without; it tells nothing of what is there."""
    answer = guarded.options(path, headers={"Origin": EXTENSION, **ASKING})

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == EXTENSION
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, DELETE, HEAD"
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type, Authorization, authorization,content-type"
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("asked", ["", "a b", "charset, ", "x\x01y", "ä", "a:b"])
def test_preflight_repeats_only_names_of_headers(http: FlaskClient, asked: str) -> None:
    """Anything else is left out; the two that every client sends are always allowed."""
    headers = {"Origin": EXTENSION, **ASKING, "Access-Control-Request-Headers": asked}

    answer = http.options("/api/0/buckets", headers=headers)

    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type, Authorization"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_only_looks_like_a_preflight_needs_the_key(guarded: FlaskClient, method: str) -> None:
    """A friend may be any extension of Firefox; its origin alone opens nothing."""
    answer = guarded.open("/api/0/buckets/plug", method=method, headers={"Origin": EXTENSION, **ASKING})

    assert answer.status_code == 401


def test_preflight_of_a_foreign_page_is_403(guarded: FlaskClient) -> None:
    """So its request is never sent."""
    answer = guarded.options("/api/0/buckets/plug/events", headers={"Origin": "http://evil.example", **ASKING})

    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Methods" not in answer.headers


def test_question_for_the_methods_of_a_path_needs_no_key(guarded: FlaskClient) -> None:
    """OPTIONS without an origin is no preflight; it is answered as by any server."""
    answer = guarded.options("/api/0/buckets")

    assert answer.status_code == 200
    assert "GET" in answer.headers["Allow"]
    assert "Access-Control-Allow-Methods" not in answer.headers


@pytest.mark.parametrize("origin", ["http://127.0.0.1:27180", "http://localhost:27180"])
@pytest.mark.parametrize(("testing", "status"), [(True, 200), (False, 403)])
def test_development_server_of_the_web_interface_is_a_friend_in_testing(
    reader: MemoryReader, writer: RecordingWriter, origin: str, testing: bool, status: int
) -> None:
    """As in aw-server; real data is not its business."""
    app = create_app(reader, writer, replace(INFO, testing=testing))

    assert app.test_client().get("/api/0/info", headers={"Origin": origin}).status_code == status


@pytest.mark.parametrize(
    "origin",
    ["http://friend.example", "https://friend.example:8443", "https://friend.example.evil.example", "https://FRIEND"],
)
def test_listed_origins_are_compared_as_they_are(guarded: FlaskClient, origin: str) -> None:
    """No pattern that could match more than was meant."""
    assert guarded.get("/api/0/info", headers={"Origin": origin}).status_code == 403
