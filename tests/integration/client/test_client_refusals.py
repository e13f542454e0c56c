"""A broker that refuses, or does not answer: the client says why, and keeps what it was given."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pulseline_client import Client
from pulseline_core.errors import BrokerUnavailable, ReplyTimeout
from tests.integration.client.fake_server import FakeServer

Build = Callable[..., Client]


def test_call_that_timed_out_has_its_message_on_disk(build_client: Build, server: FakeServer, tmp_path: Path) -> None:
    """Whatever the sender is doing, waiting for a broker that does not answer, say."""
    server.connect_code = None
    with build_client(timeout_s=0.2, outbox=tmp_path / "timeout.db") as client:
        server.wait_for_connects(1)
        with pytest.raises(ReplyTimeout):
            client.heartbeat("plug", {}, queued=False)
        with closing(sqlite3.connect(tmp_path / "timeout.db")) as file:
            assert file.execute("SELECT bucket_id, seq FROM message").fetchall() == [("plug", 1)]


def test_timeout_names_the_time_that_was_asked_for(build_client: Build, server: FakeServer) -> None:
    """Not what was left of it, and nothing of how the waiting is done."""
    server.is_away = True
    with build_client(timeout_s=0.25) as client, pytest.raises(ReplyTimeout) as caught:
        client.create_bucket("plug", type="power")

    assert str(caught.value).startswith("no confirmation within 0.25 s;")
    assert caught.value.__suppress_context__


def test_refused_login_is_told(build_client: Build, server: FakeServer, caplog: pytest.LogCaptureFixture) -> None:
    """The message is kept, and the error says why it does not get through; the log says it once."""
    server.connect_code = 5
    with build_client(timeout_s=2.5, username="user", password="secret") as client:
        with pytest.raises(ReplyTimeout) as caught:
            client.heartbeat("plug", {}, queued=False)
        server.wait_for_connects(2)
        assert "refuses the log-in: not authorized" in caught.value.hint
        assert not client.status.is_connected
        server.connect_code = 0
        client.flush(20.0)

    assert server.connects[0][1] == "user"
    assert caplog.text.count("not authorized") == 1
    assert "secret" not in caplog.text
    assert server.worker.applied == {"plug": [1]}


@pytest.mark.parametrize(("code", "reason"), [(3, "server unavailable"), (4, "refuses the log-in: bad user")])
def test_reason_of_a_refusal_is_told(build_client: Build, server: FakeServer, code: int, reason: str) -> None:
    """Each code of CONNACK has its name."""
    server.connect_code = code
    with build_client(timeout_s=0.5) as client, pytest.raises(ReplyTimeout) as caught:
        client.heartbeat("plug", {}, queued=False)

    assert reason in caught.value.hint


def test_refused_subscription_is_told(build_client: Build, server: FakeServer) -> None:
    """Without acknowledgements nothing could ever be confirmed, so nothing is sent."""
    server.subscribe_code = 0x80
    with build_client(timeout_s=0.5) as client, pytest.raises(ReplyTimeout) as caught:
        client.heartbeat("plug", {}, queued=False)

    assert "it refuses reading our acknowledgements" in caught.value.hint
    assert server.received == []


def test_broker_that_does_not_answer_does_not_hold_up_close(build_client: Build, server: FakeServer) -> None:
    """Neither forever nor for the whole time-out of a connection."""
    server.connect_code = None
    with build_client(timeout_s=0.2) as client:
        client.heartbeat("plug", {})
        server.wait_for_connects(1)
        with pytest.raises(ReplyTimeout):
            client.flush(0.2)
        thread = client._get_sender()._thread
        client.close(2.0)

    assert thread is not None
    assert not thread.is_alive()


def test_refused_bucket_is_told_and_does_not_hold_up_the_others(
    client: Client, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker closes the connection at its messages; who waits hears of it, and the message is kept."""
    server.refused = {"secret"}
    for n in range(20):
        client.heartbeat("plug", {"n": n})
    reason = "it closes the connection at messages of kind 'heartbeat' for bucket 'secret'; they are kept"
    with pytest.raises(BrokerUnavailable, match=reason):
        client.heartbeat("secret", {}, queued=False)
    assert client.has_unconfirmed("secret")
    server.refused = set()
    for n in range(20):
        client.heartbeat("plug", {"n": n})
    client.flush(20.0)

    assert server.worker.applied == {"plug": list(range(1, 41)), "secret": [1]}


def test_problem_of_the_store_is_told_and_no_bucket_is_accused(build_client: Build, server: FakeServer) -> None:
    """However often the connection is closed, every message is kept, and goes out as soon as the store works."""
    server.problem = "no space left"
    with build_client(timeout_s=3.0) as client:
        client.heartbeat("other", {})
        with pytest.raises(ReplyTimeout) as caught:
            client.heartbeat("plug", {}, queued=False)
        server.wait_for_connects(8)
        problem, counters = client.status.problem, client._get_sender().delivery.counters
        server.problem = None
        client.flush(20.0)

    assert caught.value.hint == problem == "the server can not store messages now: no space left"
    assert counters.refusals == 0
    assert server.worker.applied == {"other": [1], "plug": [1]}


def test_refused_message_without_a_caller_stays_and_goes_out_later(
    client: Client, server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said in the log, once; others get through meanwhile, and it does when the right is given."""
    server.refused = {"secret"}
    for _ in range(3):
        client.heartbeat("secret", {})
    for n in range(10):
        client.heartbeat("plug", {"n": n})
    with server.changed:
        assert server.changed.wait_for(lambda: len(server.worker.applied["plug"]) == 10, 20.0)
    counters = client._get_sender().delivery.counters
    with server.changed:
        server.changed.wait_for(lambda: counters.refusals >= 2, 10.0)
    server.refused = set()
    client.heartbeat("plug", {}, queued=False)
    client.flush(30.0)

    assert server.worker.applied == {"secret": [1, 2, 3], "plug": list(range(1, 12))}
    assert caplog.text.count("tried again now and then") <= 1


def test_flush_times_out_and_keeps_everything(build_client: Build, server: FakeServer) -> None:
    """The error says so."""
    server.is_away = True
    with build_client() as client:
        client.heartbeat("plug", {})
        with pytest.raises(ReplyTimeout, match="is kept"):
            client.flush(0.1)
        assert client.status.waiting == 1


def test_broker_that_is_away_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not with each attempt."""
    with (
        Client(port=1, outbox=tmp_path / "outbox.db", timeout_s=0.6) as client,
        pytest.raises(ReplyTimeout) as caught,
    ):
        client.heartbeat("plug", {}, queued=False)

    assert caplog.text.count("Connection refused") == 1
    assert "no MQTT broker answers at 127.0.0.1:1" in caught.value.hint
