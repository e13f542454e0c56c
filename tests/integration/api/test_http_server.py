"""The HTTP server over real sockets: its errors, its limits and how it stops."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from time import monotonic
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest

from pulseline_api import create_app
from pulseline_api.http_server import HttpServer, LargeBodies
from pulseline_core import listening
from pulseline_core.errors import InvalidSetting, NotPermitted, PortInUse
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter


def _talk(port: int, request: bytes) -> bytes:
    """Send bytes as they are and return what comes until the server hangs up."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while received := connection.recv(65536):
            answer += received
    return answer


def _read_problem(answer: bytes) -> tuple[int, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/json" in head
    return int(head.split()[1]), json.loads(body)


def test_port_that_is_taken_is_told(server: HttpServer) -> None:
    """With the flag that chooses another."""
    with pytest.raises(PortInUse) as caught, HttpServer(_answer_slowly, "127.0.0.1", server.port, threads=1):
        pass

    assert caught.value.port == server.port
    assert "--port" in caught.value.hint


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host.invalid"], ids=["foreign address", "unknown name"])
def test_host_that_is_not_ours_is_told(host: str) -> None:
    """It names the setting."""
    with pytest.raises(InvalidSetting, match=r"'api\.host' is"), HttpServer(_answer_slowly, host, 0, threads=1):
        pass


def test_port_that_two_have_bound_goes_to_the_first_that_listens() -> None:
    """The other one is told, and closes what it was given."""
    given, other = (listening.bind("127.0.0.1", 0, setting="api.host")[0] for _ in range(2))
    port = given.getsockname()[1]
    with closing(other), closing(listening.bind("127.0.0.1", port, setting="api.host")[0]) as quicker:
        quicker.listen()
        with pytest.raises(PortInUse), HttpServer(_answer_slowly, "127.0.0.1", port, threads=1, listeners=[given]):
            pass

    assert given.fileno() == -1


def test_connection_that_came_before_the_server_is_answered_by_it() -> None:
    """As while the server is started again and its supervisor holds the listening socket."""
    (held,) = listening.bind("127.0.0.1", 0, setting="api.host")
    port = held.getsockname()[1]
    with closing(held):
        with HttpServer(_answer_slowly, "127.0.0.1", port, threads=1, listeners=[held.dup()]):
            pass
        with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as waiting:
            waiting.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with HttpServer(_answer_slowly, "127.0.0.1", port, threads=1, listeners=[held.dup()]):
                answer = waiting.recv(65_536)

    assert answer.startswith(b"HTTP/1.0 200 OK")


def test_port_that_needs_more_rights_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As below 1024 for users other than root."""

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.bind", refuse)

    with (
        pytest.raises(NotPermitted, match=r"'127\.0\.0\.1:80'"),
        HttpServer(_answer_slowly, "127.0.0.1", 80, threads=1),
    ):
        pass


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 300_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET /api/0/info HTTP/1.0\r\n\r\n", 400),
        (b"GET /api/0/info HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400),
        (b"GET /api/0/info HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400),
        (b"GET /api/0/buckets/%FF HTTP/1.0\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /api/0/settings/%FF HTTP/1.0\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /api/0/buckets/\xff HTTP/1.0\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /api/0/buckets/a%1Fb HTTP/1.0\r\nHost: localhost\r\n\r\n", 400),
    ],
)
def test_requests_that_are_no_http_get_json(server: HttpServer, request_bytes: bytes, status: int) -> None:
    """They never reach the application, and still have a message."""
    found, problem = _read_problem(_talk(server.port, request_bytes))

    assert found == status
    assert isinstance(problem["message"], str)


def test_slash_in_a_bucket_id_reaches_its_bucket(server: HttpServer, store: Any) -> None:
    """Encoded, as in ``a%2Fb``."""
    store.add_bucket("a/b")

    answer = _talk(server.port, b"GET /api/0/buckets/a%2fb/events?x=%2F HTTP/1.0\r\nHost: localhost\r\n\r\n")

    assert answer.endswith(b"\r\n\r\n[]\n")


def test_body_over_the_limit_is_413_with_a_message(http: httpx.Client) -> None:
    """The client may send all of it before it reads the answer."""
    answer = http.post(
        "/api/0/buckets/plug/events", content=b" " * 17_000_000, headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 413
    assert isinstance(answer.json()["message"], str)


def test_chunked_body_over_the_limit_is_413(http: httpx.Client) -> None:
    """Without a length to look at first."""

    def chunks() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * 1_000_000

    answer = http.post("/api/0/buckets/plug/events", content=chunks(), headers={"Content-Type": "application/json"})

    assert answer.status_code == 413


def test_head_and_304_have_no_body(http: httpx.Client) -> None:
    """On one connection, so that a stray byte would be noticed."""
    body = {"type": "t", "client": "c", "hostname": "h"}
    for _ in range(3):
        assert http.head("/api/0/info").content == b""
        existing = http.post("/api/0/buckets/plug", json=body)
        assert (existing.status_code, existing.content) == (304, b"")
        assert http.get("/api/0/info").json()["hostname"] == "desk"


def _answer_slowly(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Stream for ever."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    while True:
        yield b"x" * 65536


def test_stop_is_quick_with_idle_connections(server: HttpServer, http: httpx.Client) -> None:
    """Kept-alive connections hold nothing up."""
    http.get("/api/0/info")
    began = monotonic()

    server.close()

    assert monotonic() - began < 0.5
    with pytest.raises(httpx.TransportError):
        http.get("/api/0/info")


@pytest.mark.parametrize("is_reading", [True, False], ids=["fast reader", "stuck reader"])
def test_stop_hangs_up_on_a_stream(is_reading: bool) -> None:
    """In time, and without the last chunk: the client knows that something is missing."""
    errors: list[httpx.TransportError] = []
    has_begun = threading.Event()
    is_over = threading.Event()

    def read(port: int) -> None:
        with httpx.stream("GET", f"http://127.0.0.1:{port}/", trust_env=False) as answer:
            try:
                for _ in answer.iter_raw():
                    has_begun.set()
                    if not is_reading:
                        is_over.wait(10)
            except httpx.TransportError as error:
                errors.append(error)

    server = HttpServer(_answer_slowly, "127.0.0.1", 0, threads=2)
    with server:
        reader = threading.Thread(target=read, args=(server.port,))
        reader.start()
        assert has_begun.wait(10)
        began = monotonic()
    stopped_after_s = monotonic() - began
    is_over.set()
    reader.join(10)

    assert stopped_after_s < 3
    assert len(errors) == 1


def test_clients_that_do_not_read_are_hung_up_on() -> None:
    """As many as there are threads: when the time is up the next request is answered, and each stream is closed."""
    closed = threading.Semaphore(0)

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        if environ["PATH_INFO"] == "/small":
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"small"
            return
        try:
            yield from _answer_slowly(environ, start_response)
        finally:
            closed.release()

    with HttpServer(serve, "127.0.0.1", 0, threads=2, stall_s=0.2) as server, ExitStack() as sockets:
        for _ in range(2):
            stuck = sockets.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            stuck.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            stuck.recv(1)

        answer = httpx.get(f"http://127.0.0.1:{server.port}/small", trust_env=False, timeout=10)

        assert answer.text == "small"
        assert all(closed.acquire(timeout=10) for _ in range(2))


def test_client_that_reads_slowly_is_not_hung_up_on() -> None:
    """A little now and then is progress, though the stream takes several times the longest stall."""
    with (
        HttpServer(_answer_slowly, "127.0.0.1", 0, threads=1, stall_s=1.0) as server,
        closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as slow,
    ):
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(10):
            assert slow.recv(1024 * 1024)
            threading.Event().wait(0.3)  # how a slow reader reads

        assert slow.recv(65536)


def test_stop_lets_a_running_request_end() -> None:
    """What is nearly done gets its answer."""
    has_begun = threading.Event()
    go_on = threading.Event()

    def serve(_environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        has_begun.set()
        go_on.wait(10)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]

    answers: list[bytes] = []
    with HttpServer(serve, "127.0.0.1", 0, threads=2) as server:
        url = f"http://127.0.0.1:{server.port}/"
        client = threading.Thread(target=lambda: answers.append(httpx.get(url, trust_env=False).content))
        client.start()
        assert has_begun.wait(10)
        threading.Timer(0.2, go_on.set).start()
    client.join(10)

    assert answers == [b"done"]


def test_more_connections_than_threads_are_served(http: httpx.Client, server: HttpServer) -> None:
    """They take turns."""
    clients = [httpx.Client(base_url=http.base_url, trust_env=False) for _ in range(20)]
    try:
        assert {client.get("/api/0/info").status_code for client in clients for _ in range(3)} == {200}
    finally:
        for client in clients:
            client.close()


def test_closing_twice_does_nothing(server: HttpServer) -> None:
    """And so does joining."""
    server.close()
    server.close()
    server.join()
    server.join()


@pytest.fixture
def large_server(store: MemoryStore) -> Iterator[HttpServer]:
    """A server that takes imports of 100 MiB from those who show a key."""
    large = LargeBodies("/api/0/import", 100 * 1024 * 1024, lambda headers: headers["AUTHORIZATION"] == "Bearer key")
    app = create_app(MemoryReader(store), RecordingWriter(store), INFO)
    with HttpServer(app, "127.0.0.1", 0, threads=1, large_bodies=large) as server:
        yield server


def test_one_path_takes_larger_bodies(large_server: HttpServer) -> None:
    """From those whom it admits; the body lies in a file."""
    answer = httpx.post(
        f"http://127.0.0.1:{large_server.port}/api/0/import/",
        content=b'{"buckets": {}}' + b" " * (65 * 1024 * 1024),
        headers={"Content-Type": "application/json", "Authorization": "Bearer key"},
        trust_env=False,
    )

    assert (answer.status_code, answer.json()) == (200, {"buckets": {}, "skipped": []})


@pytest.mark.parametrize(
    ("path", "key"),
    [(b"/api/0/import", b"other"), (b"/api/0/settings/x", b"key"), (b"//api/0/import", b"key")],
)
def test_others_are_turned_away_before_they_send_it(large_server: HttpServer, path: bytes, key: bytes) -> None:
    """The head says how much it would be."""
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 68157440\r\n\r\n"

    assert _read_problem(_talk(large_server.port, head % (path, key)))[0] == 413
