"""The server describes itself, and says how it is doing."""

from __future__ import annotations

import json

from flask.testing import FlaskClient

from pulseline_api import create_app
from pulseline_api.app import AppOptions
from pulseline_api.status_board import StatusBoard
from pulseline_core.partition import MAX_PARTITIONS
from tests.unit.api.conftest import INFO
from tests.unit.api.memory_store import MemoryReader, RecordingWriter


def test_info_has_the_four_keys_of_activitywatch(http: FlaskClient) -> None:
    """The version begins as the web interface parses it."""
    answer = http.get("/api/0/info")

    assert answer.status_code == 200
    assert answer.json == {
        "hostname": "desk",
        "version": "v0.1.0 (pulseline)",
        "testing": False,
        "device_id": "7c5b",
    }


def test_status_shows_workers_broker_store_and_link(reader: MemoryReader, writer: RecordingWriter) -> None:
    """Each part of the pipeline has its own key."""
    board = StatusBoard("pulseline/v1", iter([100.0, 100.0, 101.5]).__next__)
    board.note("pulseline/v1/_status/main", b'{"state":"online"}')
    board.note("$SYS/broker/clients/connected", b"3")
    options = AppOptions(board=board, read_link=lambda: {"connected": True})

    answer = create_app(reader, writer, INFO, options).test_client().get("/api/0/status")

    assert answer.json == {
        "version": "0.1.0",
        "testing": False,
        "started": INFO.started,
        "link": {"connected": True},
        "workers": {"main": {"state": "online", "age_s": 1.5, "late": False}},
        "broker": {"clients_connected": 3},
        "broker_topics": {"clients/connected": 3},
        "store": {"buckets": 1, "dead_letters": 0},
    }


def test_board_forgets_what_is_cleared_and_keeps_what_is_no_json() -> None:
    """An empty message clears a topic; text stays text, whatever its bytes."""
    board = StatusBoard("pulseline/v1")
    board.note("pulseline/v1/_status/old", b"{}")
    board.note("pulseline/v1/_status/old", b"")
    board.note("$SYS/broker/version", b"amqtt \xff")

    assert board.get_workers() == []
    assert board.get_broker() == {"version": "amqtt \ufffd"}


def test_report_that_is_heard_twice_grows_no_younger() -> None:
    """A broker that was started again hands out what a worker said that never came back."""
    board = StatusBoard("pulseline/v1", iter([100.0, 130.0]).__next__)
    board.note("pulseline/v1/_status/main", b'{"state":"online"}')
    board.note("pulseline/v1/_status/main", b'{"state":"online"}')

    (worker,) = board.get_workers()

    assert worker.age_s == 30.0


def test_board_keeps_a_limited_number_of_topics() -> None:
    """Each partition has a worker. A broker that invents topics does not fill the memory; known ones are updated."""
    board = StatusBoard("pulseline/v1")
    for number in range(2000):
        board.note(f"$SYS/broker/{number}", b"1")
        board.note(f"pulseline/v1/_status/{number}", b"{}")
    board.note("$SYS/broker/0", b"2")

    assert len(board.get_workers()) == 2 * MAX_PARTITIONS
    assert len(board.get_broker()) == 1000
    assert board.get_broker()["0"] == 2
    assert len(json.dumps(board.get_broker())) < 20_000
