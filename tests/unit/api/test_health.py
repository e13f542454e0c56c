"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient

from pulseline_api import create_app
from pulseline_api.app import AppOptions
from pulseline_api.status_board import StatusBoard
from pulseline_core.errors import StoreUnavailable
from pulseline_core.settings import Secret
from pulseline_core.types import JSONObject
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, RecordingWriter

ONLINE: JSONObject = {"state": "online", "problem": None, "interval_s": 5.0, "broker": {"progress_age_s": 1.0}}


class Clock:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


class Server:
    """A server with a key, what it hears of ingest, and whether it reaches its broker."""

    def __init__(self, reader: MemoryReader, writer: RecordingWriter) -> None:
        self.clock = Clock()
        self.board = StatusBoard("pulseline/v1", self.clock)
        self.is_connected = True
        options = AppOptions(
            board=self.board, read_link=lambda: {"connected": self.is_connected}, key=Secret("s3cret-0123456789")
        )
        self.http: FlaskClient = create_app(reader, writer, INFO, options).test_client()

    def hear(self, status: JSONObject, worker: str = "main") -> None:
        """Let a worker say something."""
        self.board.note(f"pulseline/v1/_status/{worker}", json.dumps(status).encode())

    def ask(self) -> tuple[int, list[str]]:
        """Return the status of ``/readyz``, and the parts that do not work."""
        answer = self.http.get("/readyz")
        assert answer.json is not None
        assert answer.json["ready"] is (answer.status_code == 200)
        return answer.status_code, [part for part, works in answer.json["parts"].items() if not works]


@pytest.fixture
def server(reader: MemoryReader, writer: RecordingWriter) -> Server:
    """Give the test a server."""
    return Server(reader, writer)


def test_process_that_answers_lives(server: Server) -> None:
    """Whatever else does not work, and without the key."""
    server.is_connected = False

    assert server.http.get("/healthz").status_code == 200


def test_server_is_ready_when_everything_works(server: Server) -> None:
    """Without the key, too, and with nothing in the answer that only its holder may know."""
    server.hear(ONLINE)

    assert server.ask() == (200, [])
    assert server.http.get("/readyz").json == {"ready": True, "parts": {"broker": True, "store": True, "ingest": True}}


def test_server_without_its_broker_is_not_ready(server: Server) -> None:
    """What it hears of ingest is still as it was."""
    server.hear(ONLINE)
    server.is_connected = False

    assert server.ask() == (503, ["broker"])


def test_server_whose_store_can_not_be_read_is_not_ready(
    server: Server, reader: MemoryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be answered from it."""

    def fail() -> None:
        raise StoreUnavailable("it is gone")

    server.hear(ONLINE)
    monkeypatch.setattr(reader, "check", fail)

    assert server.ask() == (503, ["store"])


@pytest.mark.parametrize(
    "status",
    [
        {"state": "offline"},
        {**ONLINE, "problem": "no space left"},
        {**ONLINE, "broker": {"progress_age_s": 31.0}},
    ],
    ids=["dead", "can not store", "nothing comes through"],
)
def test_server_whose_ingest_does_nothing_is_not_ready(server: Server, status: JSONObject) -> None:
    """It runs, but what is published does not get into the store; or it does not run at all."""
    server.hear(status)

    assert server.ask() == (503, ["ingest"])


def test_server_that_has_heard_of_no_worker_is_not_ready(server: Server) -> None:
    """None was ever there, or the broker does not let us hear of it."""
    assert server.ask() == (503, ["ingest"])


def test_worker_that_falls_silent_is_missed(server: Server) -> None:
    """Its last will may never come: its broker may have died with it."""
    server.hear(ONLINE)

    server.clock.now += 21

    assert server.ask() == (503, ["ingest"])


def test_one_of_several_workers_is_enough(server: Server) -> None:
    """The others take over what the dead one had."""
    server.hear(ONLINE, "one")
    server.hear({"state": "offline"}, "two")

    assert server.ask() == (200, [])
