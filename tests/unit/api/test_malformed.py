"""Nothing that a client sends is answered with a 5xx, or published when it is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.poison import POISON
from tests.unit.api.memory_store import MemoryStore, RecordingWriter

GOOD = {"timestamp": "2026-11-01T10:00:00+00:00", "duration": 0, "data": {"state": "on"}}

#: Right for MQTT devices, or right as an array of events, but no heartbeat of ActivityWatch.
_NO_HEARTBEAT = {
    "null": b"null",
    "true": b"true",
    "number": b"21.5",
    "text": b'"ON"',
    "empty": b"",
    "spaces": b"  ",
    "array": b"[]",
    "empty object": b"{}",
    "deep with a long integer": b"[" * 1000 + b"1" * 19 + b"]" * 1000,
}

PATHS = {"heartbeat": "/api/0/buckets/plug/heartbeat?pulsetime=60", "insert": "/api/0/buckets/plug/events"}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
def test_poison_is_400_and_its_neighbours_are_stored(
    http: FlaskClient, store: MemoryStore, path: str, body: bytes
) -> None:
    """The message is a text, and says something."""
    before = http.post(path, json=GOOD)
    answer = http.post(path, data=body, content_type="application/json")
    after = http.post(path, json=GOOD)

    assert (before.status_code, answer.status_code, after.status_code) == (200, 400, 200)
    assert len(answer.get_json()["message"]) > 10
    assert len(store.events["plug"]) == 2


@pytest.mark.parametrize("body", _NO_HEARTBEAT.values(), ids=_NO_HEARTBEAT)
def test_what_is_no_heartbeat_is_400(http: FlaskClient, writer: RecordingWriter, body: bytes) -> None:
    """REST takes ActivityWatch's form only."""
    answer = http.post(PATHS["heartbeat"], data=body, content_type="application/json")

    assert answer.status_code == 400
    assert isinstance(answer.get_json()["message"], str)
    assert writer.calls == []


@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
def test_poison_as_a_bucket_is_400(http: FlaskClient, writer: RecordingWriter, body: bytes) -> None:
    """A description that can not be read makes no bucket."""
    answer = http.post("/api/0/buckets/new", data=body, content_type="application/json")

    assert answer.status_code == 400
    assert writer.calls == []


def test_one_bad_event_refuses_the_whole_array(http: FlaskClient, writer: RecordingWriter) -> None:
    """The message says which one."""
    answer = http.post(PATHS["insert"], json=[GOOD, {**GOOD, "data": []}, GOOD])

    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith("event 1: data")
    assert writer.calls == []


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"],
)
@pytest.mark.parametrize("path", [*PATHS.values(), "/api/0/buckets/new"])
def test_other_content_types_are_415(
    http: FlaskClient, writer: RecordingWriter, path: str, content_type: str | None
) -> None:
    """A foreign page can send those without asking."""
    answer = http.post(path, data=b"{}", content_type=content_type)

    assert answer.status_code == 415
    assert answer.get_json()["message"].startswith("the content type must be application/json")
    assert writer.calls == []


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON ;x", "application/a+json"]
)
def test_json_content_types_are_taken(http: FlaskClient, content_type: str) -> None:
    """With or without parameters."""
    assert http.post(PATHS["insert"], data=b"[]", content_type=content_type).status_code == 200


def test_body_over_the_limit_is_413(http: FlaskClient, writer: RecordingWriter) -> None:
    """16 MB are more than any client sends."""
    answer = http.post(PATHS["insert"], data=b" " * (16 * 1024 * 1024 + 1), content_type="application/json")

    assert answer.status_code == 413
    assert isinstance(answer.get_json()["message"], str)
    assert writer.calls == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/apis", 404),
        ("GET", "/api/0/nothing", 404),
        ("GET", "/api/1/info", 404),
        ("POST", "/api/0/buckets/a/b/c", 404),
        ("GET", "/api/0/buckets//events", 404),
        ("GET", "/api/0/dead-letters/x", 404),
        ("POST", "/api/0/info", 405),
        ("PATCH", "/api/0/buckets/plug", 405),
        ("PUT", "/api/0/buckets/plug/events", 405),
        ("PATCH", "/api/0/buckets", 405),
        ("GET", "/api/0/buckets/plug/heartbeat", 405),
        ("BREW", "/api/0/info", 405),
    ],
)
def test_unknown_paths_and_methods_are_json(http: FlaskClient, method: str, path: str, status: int) -> None:
    """Also where nothing is routed."""
    answer = http.open(path, method=method)

    assert answer.status_code == status
    assert isinstance(answer.get_json()["message"], str)
    assert ("Allow" in answer.headers) is (status == 405)


def test_bug_is_500_without_a_traceback(
    http: FlaskClient, writer: RecordingWriter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The traceback is in the log."""

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(writer, "heartbeat", fail)

    answer = http.post(PATHS["heartbeat"], json=GOOD)

    assert answer.status_code == 500
    assert answer.content_type == "application/json"
    assert b"secret" not in answer.data
    assert "ZeroDivisionError: secret" in caplog.text
