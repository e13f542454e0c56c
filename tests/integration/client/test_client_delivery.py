"""What the client was given arrives once and in order, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pulseline_client import Client, Event
from pulseline_client import sender as sender_module
from pulseline_client.acknowledgement import Acknowledgements, parse_acknowledgements
from pulseline_client.connection import Connection
from pulseline_client.queued_message import Draft
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId
from tests.integration.client.fake_server import FakeServer
from tests.unit.client.model_worker import ModelWorker

Build = Callable[..., Client]

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

DRAFT = Draft(bucket_id=BucketId("plug"), kind=Kind.HEARTBEAT, body=b'{"data":{}}')


def test_lost_acknowledgements_double_nothing(client: Client, server: FakeServer) -> None:
    """What is sent again is known to the server, and the caller gets what it sent as the answer."""
    server.lost_acknowledgements = 2
    event = client.heartbeat("plug", {"a": 1}, timestamp=NOW, queued=False)

    assert event == Event(timestamp=NOW, data={"a": 1})
    assert event is not None
    assert event.id is None
    assert server.worker.applied == {"plug": [1]}
    assert server.worker.duplicates >= 1


def test_lost_connections_lose_double_and_reorder_nothing(client: Client, server: FakeServer) -> None:
    """Cut again and again while messages flow."""
    for n in range(300):
        if n % 30 == 0:
            server.closes_after = 7
        client.heartbeat("plug", {"n": n})
        if n % 30 == 20:
            server.closes_after = None
    server.closes_after = None
    client.flush(30.0)

    assert server.worker.applied == {"plug": list(range(1, 301))}
    assert client._get_sender().counters.connections > 1


def test_server_that_comes_back_gets_everything_in_order(tmp_path: Path) -> None:
    """The backlog drains from the file, first in, first out."""
    with FakeServer() as gone:
        port = gone.port
    with Client(port=port, outbox=tmp_path / "outbox.db") as client:
        client._get_sender().submit([DRAFT] * 5000)
        client.heartbeat("other", {})
        assert client.status.waiting == 5001
        with FakeServer(port=port, worker=ModelWorker(window=1000)) as server:
            client.flush(20.0)

    assert server.worker.applied == {"plug": list(range(1, 5001)), "other": [1]}


def test_what_is_not_confirmed_waits_for_the_next_start(build_client: Build, server: FakeServer) -> None:
    """Close does not wait for the server, and loses nothing."""
    server.is_away = True
    with build_client() as client:
        for n in range(5):
            client.heartbeat("plug", {"n": n})
        server.wait_for(5)
    server.is_away = False
    with build_client() as client:
        client.heartbeat("plug", {"n": 5})
        client.flush()

    assert server.worker.applied == {"plug": [1, 2, 3, 4, 5, 6]}


def test_garbage_and_forgeries_on_the_acknowledgement_topic_change_nothing(client: Client, server: FakeServer) -> None:
    """They are counted; delivery goes on."""
    client.heartbeat("plug", {}, queued=False)
    for garbage in (b"\xff", b"[", b'{"bucket": 1}', b'[{"bucket": "plug", "seq": -3}]'):
        server.say(garbage)
    for bucket in ("plug", "other"):
        server.say({"bucket": bucket, "seq": 1000, "epoch": "forged", "window": 1, "result": {"error": {}}})
    client.heartbeat("plug", {}, queued=False)

    assert client._get_sender().counters.malformed == 4
    assert client._get_sender().delivery.counters.false_acknowledgements == 2
    assert client.rejected == 0
    assert server.worker.applied == {"plug": [1, 2]}


def test_replaced_database_gets_what_is_on_its_way(client: Client, server: FakeServer) -> None:
    """Another epoch: the client starts over at its oldest message."""
    client.heartbeat("plug", {}, queued=False)
    server.is_away = True
    client.heartbeat("plug", {})
    client.heartbeat("other", {})
    server.wait_for(3)
    server.worker = ModelWorker(epoch="second")
    server.is_away = False
    client.flush()

    assert server.worker.applied == {"plug": [2], "other": [1]}
    assert client._get_sender().delivery.counters.epochs == 1


def test_outbox_that_went_back_in_time_loses_nothing(build_client: Build, server: FakeServer, tmp_path: Path) -> None:
    """Its file was overwritten by an old copy: the numbers that it gives are spent, and the server says so."""
    file = tmp_path / "outbox.db"
    with build_client() as client:
        client.heartbeat("plug", {"n": 1}, queued=False)
        publisher = client.status.publisher
    old = file.read_bytes()
    with build_client() as client:
        for n in (2, 3):
            client.heartbeat("plug", {"n": n}, queued=False)
    file.write_bytes(old)

    with build_client() as client:
        client.heartbeat("plug", {"n": 4}, queued=False)
        client.heartbeat("plug", {"n": 5})
        client.flush()

        assert client.status.publisher != publisher
    assert [message["data"] for message in server.worker.bodies] == [{"n": n} for n in (1, 2, 3, 4, 5)]


def test_failing_callback_can_not_stop_delivery(
    build_client: Build, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception in a callback of paho's costs one acknowledgement, not the thread."""
    on_message = Connection._on_message
    failures = 0

    def fail_first(*arguments: Any) -> None:
        nonlocal failures
        failures += 1
        if failures < 3:
            raise RuntimeError("a bug")
        on_message(*arguments)

    monkeypatch.setattr(Connection, "_on_message", fail_first)
    with build_client() as client:
        assert client.heartbeat("plug", {}, queued=False) is not None
        assert client._get_sender().counters.connections == 1

    assert failures == 3
    assert server.worker.applied == {"plug": [1]}


def test_bug_in_the_sender_is_logged_and_survived(
    client: Client, server: FakeServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever fails ends the connection, and a new one begins where the outbox is."""
    sender = client._get_sender()
    failing = iter([True, True, False])

    def fail(payload: bytes) -> Acknowledgements:
        if next(failing, False):
            raise RuntimeError("a bug")
        return parse_acknowledgements(payload)

    monkeypatch.setattr(sender_module, "parse_acknowledgements", fail)

    assert client.heartbeat("plug", {}, queued=False) is not None
    assert sender.counters.failures == 2
    assert "the sender failed" in caplog.text
    assert server.worker.applied == {"plug": [1]}


def test_stalled_connection_is_replaced(
    client: Client, server: FakeServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Messages are taken and never confirmed: say so, and try a fresh connection."""
    monkeypatch.setattr(sender_module, "STALL_S", 0.2)
    server.is_away = True
    client.heartbeat("plug", {})
    server.wait_for_connects(2)
    assert "none is confirmed" in client.status.problem
    server.is_away = False
    client.flush(20.0)

    assert server.worker.applied == {"plug": [1]}
    assert "none is confirmed" in caplog.text
