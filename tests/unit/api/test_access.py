"""Foreign web pages are kept out by Host and Origin."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from pulseline_api.access import Access
from tests.unit.api.memory_store import RecordingWriter

_OWN = [
    "localhost",
    "localhost:5600",
    "LOCALHOST:5600",
    "localhost.:5600",
    "127.0.0.1",
    "127.0.0.1:5600",
    "127.0.0.1:80",
    "[::1]",
    "[::1]:5600",
    "[0:0:0:0:0:0:0:1]:5600",
    "127.0.0.2:5600",
    "127.255.0.1",
]

_FOREIGN = [
    "",
    "evil.example",
    "evil.example:5600",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example#localhost",
    "localhost@evil.example",
    "localhost, evil.example",
    "localhost:5600:5600",
    "localhost:x",
    ":5600",
    "::1",
    "[::2]",
    "192.168.1.7",
    "127.0.0.256",
    "0.0.0.0",
    "\uff4cocalhost",
]


@pytest.mark.parametrize("host", _OWN)
def test_own_names_are_answered(http: FlaskClient, host: str) -> None:
    """With any port, in any case."""
    assert http.get("/api/0/info", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", _FOREIGN)
def test_foreign_names_are_not_own(host: str) -> None:
    """A page that rebound its name still sends it."""
    assert not Access("127.0.0.1").is_own(host)


@pytest.mark.parametrize("path", ["/api/0/info", "/api/0/nothing", "/", "/api/0/buckets/plug/export"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_foreign_host_is_400_on_every_path_and_method(http: FlaskClient, method: str, path: str) -> None:
    """Also where nothing is routed, and before anything is looked at."""
    answer = http.open(path, method=method, headers={"Host": "evil.example"})

    assert answer.status_code == 400
    assert answer.json == {"message": "Host header is invalid (was 'evil.example')"}


def test_missing_host_is_400(http: FlaskClient) -> None:
    """HTTP/1.0 has none; browsers always send one."""
    answer = http.get("/api/0/info", environ_overrides={"HTTP_HOST": ""})

    assert answer.status_code == 400


def test_configured_host_is_own() -> None:
    """The address one chose to listen on may be asked for."""
    access = Access("desk.example")

    assert access.is_own("desk.example:5600")
    assert access.is_own("Desk.Example")
    assert access.is_own("localhost:5600")
    assert not access.is_own("192.168.1.7")


def test_configured_ipv6_address_is_own() -> None:
    """It is written in brackets in a header."""
    assert Access("fd00::7").is_own("[fd00::7]:5600")


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::", ""])
def test_every_interface_admits_addresses_but_no_foreign_names(wildcard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address can not be rebound; a name can."""
    monkeypatch.setattr("socket.gethostname", lambda: "desk")
    access = Access(wildcard)

    assert access.is_own("192.168.1.7:5600")
    assert access.is_own("[fd00::7]:5600")
    assert access.is_own("desk:5600")
    assert access.is_own("desk.local")
    assert not access.is_own("evil.example")


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost",
        "http://127.0.0.1",
        "http://[::1]",
        "moz-extension://3f2a9c1e-0000-4000-8000-000000000000",
        "chrome-extension://nglaklhklhcoonedhgnpgddginnjdadi",
    ],
)
def test_own_origin_and_the_watcher_extension_may_write(http: FlaskClient, origin: str) -> None:
    """The web interface under any of the server's names, and aw-watcher-web."""
    answer = http.post("/api/0/buckets/plug/events", json=[], headers={"Origin": origin})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://evil.example",
        "http://localhost:3000",
        "http://localhost.evil.example",
        "https://localhost",
        "null",
        "",
        "http://",
        "file://",
        "chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "http://localhost/",
        "http://localhost http://evil.example",
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/0/buckets/plug/events"),
        ("POST", "/api/0/buckets/plug/heartbeat?pulsetime=1"),
        ("POST", "/api/0/buckets/new"),
        ("DELETE", "/api/0/buckets/plug?force=1"),
        ("DELETE", "/api/0/dead-letters/1"),
        ("POST", "/api/0/dead-letters/1/replay"),
        ("POST", "/api/0/nothing"),
    ],
)
def test_foreign_origin_may_change_nothing(
    http: FlaskClient, writer: RecordingWriter, method: str, path: str, origin: str
) -> None:
    """A page on another port of this machine is foreign, too."""
    answer = http.open(path, method=method, json=[], headers={"Origin": origin})

    assert answer.status_code == 403
    assert isinstance(answer.get_json()["message"], str)
    assert writer.calls == []


def test_origin_is_compared_with_the_port_asked(http: FlaskClient) -> None:
    """Behind a forwarded port the page and its requests have the same one."""
    headers = {"Host": "localhost:8080", "Origin": "http://127.0.0.1:8080"}

    assert http.post("/api/0/buckets/plug/events", json=[], headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/api/0/info", "/api/0/buckets", "/api/0/nothing", "/pages/"])
def test_foreign_origin_is_refused_on_every_method_and_path(http: FlaskClient, method: str, path: str) -> None:
    """It could not see the answer, and the server does not even make it."""
    answer = http.open(path, method=method, headers={"Origin": "http://evil.example"})

    assert answer.status_code == 403
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="buckets.json"\r\n\r\n{}'),
        ("application/x-www-form-urlencoded", b"buckets.json=%7B%7D"),
        ("text/plain", b'{"timestamp": "2026-11-23T10:00:00Z"}'),
    ],
    ids=["multipart", "form", "text"],
)
@pytest.mark.parametrize("path", ["/api/0/import", "/api/0/buckets/plug/events", "/api/0/buckets/new"])
def test_form_of_a_foreign_page_is_403(
    http: FlaskClient, writer: RecordingWriter, path: str, content_type: str, body: bytes
) -> None:
    """What a browser sends to another site without asking first; aw-server 0.13.2 takes the import."""
    headers = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}

    answer = http.post(path, data=body, content_type=content_type, headers=headers)

    assert answer.status_code == 403
    assert writer.calls == []


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("cross-site", "no-cors", 403),
        ("same-site", "no-cors", 403),
        ("same-origin", "no-cors", 200),
        ("none", "no-cors", 200),
        ("cross-site", "navigate", 200),
        ("cross-site", "cors", 200),
        ("none", "navigate", 200),
        ("same-origin", "cors", 200),
    ],
)
def test_images_and_scripts_of_other_sites_are_refused(http: FlaskClient, site: str, mode: str, status: int) -> None:
    """They have no origin. A link may lead here; an extension with leave to read has no origin either, but ``cors``."""
    answer = http.get("/api/0/buckets", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode})

    assert answer.status_code == status


def test_program_without_such_headers_may_do_everything(http: FlaskClient, writer: RecordingWriter) -> None:
    """Watchers send neither origin nor fetch metadata."""
    assert http.post("/api/0/buckets/plug/events", json=[]).status_code == 200
    assert http.get("/api/0/buckets").status_code == 200
    assert http.delete("/api/0/buckets/plug?force=1").status_code == 200


def test_answers_forbid_sniffing(http: FlaskClient) -> None:
    """A window title with markup in it stays data."""
    assert http.get("/api/0/buckets").headers["X-Content-Type-Options"] == "nosniff"
    assert http.get("/nothing").headers["X-Content-Type-Options"] == "nosniff"


def test_answers_are_neither_kept_nor_embedded(http: FlaskClient) -> None:
    """What somebody did all day stays out of caches and other pages."""
    headers = http.get("/api/0/buckets").headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_foreign_page_learns_nothing_of_a_malformed_path(http: FlaskClient) -> None:
    """The checks come before the path is looked at."""
    answer = http.get("/api/0/buckets/%00", headers={"Origin": "http://evil.example"})

    assert answer.status_code == 403
