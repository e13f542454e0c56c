"""With a key, nothing but the public list is answered to those who do not show it."""

from __future__ import annotations

import hmac
from pathlib import Path
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pulseline_api import create_app
from pulseline_api.app import AppOptions
from pulseline_api.key_check import PUBLIC_ENDPOINTS, KeyCheck
from pulseline_core.settings import Secret
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, RecordingWriter

KEY = "s3cret-0123456789"
SHOWN = {"Authorization": f"Bearer {KEY}"}
MESSAGE = {"message": "Missing or invalid API key. Set 'Authorization: Bearer <key>' header."}

#: What stands for the arguments of a path.
ARGUMENTS = {"bucket_id": "plug", "event_id": 1, "dead_letter_id": 1, "page": "clock", "name": "x"}


@pytest.fixture(name="guarded_app")
def _guarded_app(reader: MemoryReader, writer: RecordingWriter) -> Flask:
    """Return an application with a key."""
    return create_app(reader, writer, INFO, AppOptions(key=Secret(KEY)))


@pytest.fixture(name="guarded")
def _guarded(guarded_app: Flask) -> FlaskClient:
    """Return a client of it, without the key."""
    return guarded_app.test_client()


def test_every_route_that_is_not_public_asks_for_the_key(guarded_app: Flask, writer: RecordingWriter) -> None:
    """A route that is added tomorrow is in this list by itself."""
    http = guarded_app.test_client()
    adapter = guarded_app.url_map.bind("localhost")
    asked = 0
    for rule in guarded_app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"OPTIONS"}:
            arguments = {name: ARGUMENTS.get(name, "1") for name in rule.arguments}
            path = adapter.build(rule.endpoint, arguments, method=method)

            answer = http.open(path, method=method)

            if rule.endpoint in PUBLIC_ENDPOINTS:
                assert answer.status_code != 401, path
                continue
            asked += 1
            assert answer.status_code == 401, (method, path)
            assert method == "HEAD" or answer.json == MESSAGE, path
    assert asked > 15
    assert writer.calls == []


def test_only_info_of_the_api_and_what_describes_it_are_public(guarded_app: Flask) -> None:
    """The list of endpoints means these paths, and none that has data."""
    rules = [rule for rule in guarded_app.url_map.iter_rules() if rule.endpoint in PUBLIC_ENDPOINTS]

    assert {rule.rule for rule in rules if rule.rule.startswith("/api")} == {
        "/api/",
        "/api/0/info",
        "/api/openapi.json",
        "/api/swagger.json",
        "/api/ui/<name>",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/api/0/buckets",
        "//api/0/buckets/",
        "///api//0/buckets/",
        "/api//0/buckets/",
        "/api/0//buckets/",
        "/api/0/%2e%2e/0/buckets/",
        "/api/0/info/../buckets",
        "/api/0/info/..%2fbuckets",
        "/api/0/info%2f..%2fbuckets",
        "/api/0/info//",
        "/api/0/info/x",
        "/api/0/info;/buckets",
        "/api/0/./buckets/",
        "/api/0/buckets%2f",
        "/api%2f0%2fbuckets",
        "/%61pi/0/buckets/",
        "/API/0/buckets/",
        "/api/0/Info",
        "/api/0",
        "/api/0/",
        "/nothing",
        "/index.html",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"])
def test_no_spelling_of_a_path_gets_around_the_key(
    guarded: FlaskClient, writer: RecordingWriter, path: str, method: str
) -> None:
    """The check goes by the route that was found; aw-server-rust 0.14.0 let ``//api`` through."""
    answer = guarded.open(method=method, environ_overrides={"PATH_INFO": unquote(path), "REQUEST_URI": path})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert writer.calls == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/api/0/info", "/api/0/info/", "/", "/pages/"])
def test_public_paths_need_none(guarded: FlaskClient, path: str, method: str) -> None:
    """aw-client asks for the info first; the page for people holds no data."""
    assert guarded.open(path, method=method).status_code == 200


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER   {KEY} "])
def test_key_opens_everything(guarded: FlaskClient, header: str) -> None:
    """The scheme's case does not matter (RFC 9110 section 11.1)."""
    headers = {"Authorization": header}

    assert guarded.get("/api/0/buckets", headers=headers).status_code == 200
    assert guarded.post("/api/0/buckets/plug/events", json=[], headers=headers).status_code == 200
    assert guarded.get("/api/0/nothing", headers=headers).status_code == 404


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}",
        f"Bearer x{KEY}",
        f"Bearer {KEY.upper()}",
        f"Bearer {KEY} {KEY}",
        f"Bearer {KEY},Bearer {KEY}",
        f"Bearer\t{KEY}",
        f"Bearer \xe9{KEY}",
        f"Basic {KEY}",
        f"Bearer{KEY}",
        KEY,
        "Bearer " + "x" * 10_000,
    ],
)
def test_anything_else_does_not(guarded: FlaskClient, header: str) -> None:
    """Neither a part of it, nor more, nor another scheme."""
    answer = guarded.get("/api/0/buckets", headers={"Authorization": header})

    assert (answer.status_code, answer.json) == (401, MESSAGE)


def test_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, guarded: FlaskClient) -> None:
    """As digests of equal length, by the function that is made for it."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare)

    guarded.get("/api/0/buckets", headers=SHOWN)
    guarded.get("/api/0/buckets", headers={"Authorization": "Bearer x"})

    assert [(len(left), len(right)) for left, right in compared] == [(32, 32)] * 2


def test_key_is_not_kept() -> None:
    """A dump of the object shows the digest alone."""
    assert KEY not in repr(vars(KeyCheck(KEY)))
    assert KEY not in repr(AppOptions(key=Secret(KEY), pages={"clock": Path("/clock")}))


def test_key_does_not_make_a_foreign_page_a_friend(guarded: FlaskClient) -> None:
    """A page that guessed it is still refused."""
    headers = {**SHOWN, "Origin": "http://evil.example"}

    assert guarded.get("/api/0/buckets", headers=headers).status_code == 403


def test_without_a_key_none_is_asked_for(http: FlaskClient) -> None:
    """A key that is shown does not matter then."""
    assert http.get("/api/0/buckets").status_code == 200
    assert http.get("/api/0/buckets", headers=SHOWN).status_code == 200


@pytest.mark.parametrize("path", ["/api/0/buckets/%00", "/api/0/buckets/%FF"])
def test_path_is_looked_at_after_the_key(guarded: FlaskClient, path: str) -> None:
    """Who may not ask is told nothing of what is wrong with the question."""
    assert guarded.get(path).status_code == 401
