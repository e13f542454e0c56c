"""Queries over HTTP, run by real processes: what others notice of a query that is large, slow or left behind."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from time import monotonic
from typing import Any

import httpx
import pytest

from pulseline_api import create_app
from pulseline_api.app import AppOptions
from pulseline_api.http_server import HttpServer
from pulseline_api.query_pool import QueryPool
from tests.integration.api.queries import ask, build_pool, find_modules
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, MemoryStore, RecordingWriter


@pytest.fixture(name="pool")
def _pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[QueryPool]:
    """Return one process, and places for two queries."""
    find_modules(monkeypatch)
    with build_pool(places=2) as pool:
        yield pool


@pytest.fixture(name="server")
def _server(store: MemoryStore, pool: QueryPool) -> Iterator[HttpServer]:
    """Return a server with four request threads."""
    app = create_app(MemoryReader(store), RecordingWriter(store), INFO, AppOptions(queries=pool))
    server = HttpServer(app, "127.0.0.1", 0, threads=4)
    server.start()
    yield server
    server.close()
    pool.close()
    server.join()


def post(http: httpx.Client, *statements: str) -> httpx.Response:
    """Ask a query."""
    return http.post("/api/0/query/", json={"query": statements, "timeperiods": []}, timeout=30)


def send(port: int, *statements: str) -> socket.socket:
    """Send a query and wait for nothing."""
    body = json.dumps({"query": statements, "timeperiods": []}).encode()
    head = "POST /api/0/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def fill_places(http: httpx.Client, stack: ExitStack, port: int, word: str = "loop") -> None:
    """Send queries that do not end; return when one more is turned away."""
    for _ in range(2):
        stack.enter_context(closing(send(port, word)))
    deadline = monotonic() + 20
    while post(http, "refuse").status_code != 503:
        assert monotonic() < deadline


def test_answer_comes_from_another_process(http: httpx.Client) -> None:
    """With what was passed over in a header."""
    answer = post(http, "answer", "rule")

    assert answer.status_code == 200
    assert answer.json()["starts"] == []
    assert answer.headers["Pulseline-Warnings"] == '["rule"]'


def test_client_that_hangs_up_stops_its_query(http: httpx.Client, server: HttpServer, pool: QueryPool) -> None:
    """One whose turn it is, and one that waits: both places are free again, long before their time is over."""
    pid = ask(pool, "answer")["pid"]
    with ExitStack() as stack:
        fill_places(http, stack, server.port)
    began = monotonic()

    while (answer := post(http, "answer")).status_code == 503:
        assert monotonic() - began < 20

    assert answer.json()["pid"] == pid
    assert monotonic() - began < 3


def test_client_that_sends_its_next_request_ahead_gets_both_answers(server: HttpServer) -> None:
    """It is no client that has gone."""
    with closing(send(server.port, "answer")) as connection:
        connection.sendall(b"GET /api/0/info HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

        answers = b"".join(iter(lambda: connection.recv(65536), b""))

    assert b'"pid"' in answers
    assert b'"hostname":"desk"' in answers


def test_queries_that_run_leave_threads_for_others(http: httpx.Client, server: HttpServer) -> None:
    """One query too many is 503, and says when to ask again."""
    with ExitStack() as stack:
        fill_places(http, stack, server.port)

        refused = post(http, "answer")
        info = http.get("/api/0/info")

    assert (refused.status_code, info.status_code) == (503, 200)
    assert "2 queries run or wait already" in refused.json()["message"]
    assert int(refused.headers["Retry-After"]) > 0


def test_reader_that_is_slow_holds_no_process(server: HttpServer, pool: QueryPool) -> None:
    """What it has not taken yet lies in a file."""
    with closing(send(server.port, "many 50")) as slow:
        head = slow.recv(1000)
        assert head.startswith(b"HTTP/1.1 200 OK")

        assert ask(pool, "answer")["pid"]


def test_large_answer_is_whole(http: httpx.Client) -> None:
    """And has its length."""
    answer = post(http, "many 50")

    assert len(answer.json()[0]) == 50 * 1024 * 1024
    assert int(answer.headers["Content-Length"]) == len(answer.content)


@pytest.mark.parametrize(
    ("word", "status", "kind"),
    [
        ("refuse", 400, "QueryParseException"),
        ("fill", 400, "QueryInterpretException"),
        ("crash", 503, None),
        ("fail", 500, None),
    ],
)
def test_query_that_goes_wrong_is_told_alone(http: httpx.Client, word: str, status: int, kind: Any) -> None:
    """The next one works."""
    answer = post(http, word)

    assert (answer.status_code, answer.json().get("type")) == (status, kind)
    assert isinstance(answer.json()["message"], str)
    assert post(http, "answer").status_code == 200


@pytest.mark.parametrize("word", ["loop", "hang"])
def test_stop_ends_queries_in_time(http: httpx.Client, server: HttpServer, pool: QueryPool, word: str) -> None:
    """Those that run and those that wait, also when they hear nothing."""
    with ExitStack() as stack:
        fill_places(http, stack, server.port, word)
        began = monotonic()

        server.close()
        pool.close()
        server.join()

        assert monotonic() - began < 3
    assert pool.pids == []
