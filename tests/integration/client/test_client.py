"""The client over a real socket, to a server that behaves and to one that does not."""

from __future__ import annotations

import sqlite3
import threading
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pulseline_client import Client, Event
from pulseline_client import sender as sender_module
from pulseline_client.acknowledgement import Acknowledgements, parse_acknowledgements
from pulseline_client.connection import Connection
from pulseline_client.outbox import OutboxLimits
from pulseline_client.queued_message import Draft
from pulseline_core.errors import (
    BadInput,
    BrokerUnavailable,
    Closed,
    InvalidEvent,
    OutboxFull,
    OutboxInUse,
    ReplyTimeout,
)
from pulseline_core.topic import Kind
from pulseline_core.types import BucketId
from tests.integration.client.fake_server import FakeServer
from tests.unit.client.model_worker import ModelWorker

Build = Callable[..., Client]

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

DRAFT = Draft(bucket_id=BucketId("plug"), kind=Kind.HEARTBEAT, body=b'{"data":{}}')


def test_reply_is_the_return_value(client: Client) -> None:
    """The server answers with the stored event."""
    event = client.heartbeat("plug", {"a": 1}, timestamp=NOW, duration=2, queued=False)

    assert event == Event(timestamp=NOW, duration=timedelta(seconds=2), data={"a": 1})
    assert event is not None
    assert event.id == 1


def test_queued_call_returns_at_once_and_flush_waits(client: Client, server: FakeServer) -> None:
    """Fire and forget, and what to do before the end of a script."""
    assert client.heartbeat("plug", {"a": 1}) is None
    client.flush()

    assert server.worker.applied == {"plug": [1]}
    assert client.status.waiting == 0


def test_messages_arrive_in_order_with_their_envelope(client: Client, server: FakeServer) -> None:
    """One sequence for each bucket; the client id is the publisher."""
    for n in range(50):
        client.heartbeat(f"plug.{n % 2}", {"n": n})
    client.flush()

    assert server.worker.applied == {"plug.0": list(range(1, 26)), "plug.1": list(range(1, 26))}
    assert {message["publisher"] for _, _, message in server.received} == {server.connects[0][0]}
    assert client.status.publisher == server.connects[0][0]
    assert server.received[0][0] == "pulseline/v1/plug%2E0/heartbeat"


def test_description_of_a_bucket_is_retained(client: Client, server: FakeServer) -> None:
    """Whoever subscribes later learns what the bucket is; nothing else is kept by the broker."""
    client.create_bucket("plug", type="power", queued=True)
    client.heartbeat("plug", {})
    client.flush()

    assert [(topic.rpartition("/")[2], retain) for topic, retain, _ in server.received] == [
        ("meta", True),
        ("heartbeat", False),
    ]
    assert server.received[0][2]["client"] == "test"


def test_batches_are_one_message_each_and_keep_their_order(build_client: Build, server: FakeServer) -> None:
    """A batch that is too large for a payload becomes several, each whole."""
    events = [Event(timestamp=NOW + timedelta(seconds=n), data={"n": n}) for n in range(100)]
    with build_client(max_payload_bytes=2000) as client:
        stored = client.insert_events("plug", iter(events))

    assert stored == events
    assert 3 < len(server.received) < 20
    sent: list[Any] = [event for _, _, message in server.received for event in message["events"]]  # type: ignore[union-attr]
    assert [event["data"]["n"] for event in sent] == list(range(100))


def test_empty_batch_sends_nothing(client: Client, server: FakeServer) -> None:
    """There is nothing to say."""
    assert client.insert_events("plug", []) == []
    assert client.heartbeats("plug", []) is None
    client.flush()

    assert server.received == []


def test_requests_to_the_worker_have_no_bucket(client: Client, server: FakeServer) -> None:
    """They are numbered under the empty bucket id."""
    client.drop_dead_letter(7)

    assert server.received[0][0] == "pulseline/v1/_admin"
    assert server.worker.applied == {"": [1]}


def test_error_of_the_server_is_raised_where_somebody_waits(client: Client) -> None:
    """With the class that it names."""
    with pytest.raises(InvalidEvent, match="rejected"):
        client.request("plug", Kind.HEARTBEAT, {"data": {}, "reject": True})

    assert client.heartbeat("plug", {}, queued=False) is not None
    assert client.rejected == 0


def test_error_of_the_server_is_logged_once_and_counted_where_nobody_waits(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """The message is a dead letter now; it is not sent again."""
    client.request("plug", Kind.HEARTBEAT, {"data": {}, "reject": True}, queued=True)
    client.flush()

    assert client.rejected == 1
    assert caplog.text.count("was not applied: rejected") == 1


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


def test_call_that_timed_out_has_its_message_on_disk(build_client: Build, server: FakeServer, tmp_path: Path) -> None:
    """Whatever the sender is doing, waiting for a broker that does not answer, say."""
    server.connect_code = None
    with build_client(timeout_s=0.2, outbox=tmp_path / "timeout.db") as client:
        server.wait_for_connects(1)
        with pytest.raises(ReplyTimeout):
            client.heartbeat("plug", {}, queued=False)
        with closing(sqlite3.connect(tmp_path / "timeout.db")) as file:
            assert file.execute("SELECT bucket_id, seq FROM message").fetchall() == [("plug", 1)]


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


def test_many_threads_each_get_their_own_reply(client: Client, server: FakeServer) -> None:
    """Sixteen callers at once, as in the REST server."""
    wrong: list[object] = []

    def ask(number: int) -> None:
        for n in range(25):
            event = client.heartbeat(f"b{number % 4}", {"n": n, "of": number}, queued=False)
            if event is None or event.id is None or event.data != {"n": n, "of": number}:
                wrong.append(event)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert {bucket: len(seqs) for bucket, seqs in server.worker.applied.items()} == dict.fromkeys(
        ("b0", "b1", "b2", "b3"), 100
    )


def test_close_wakes_who_waits(build_client: Build, server: FakeServer) -> None:
    """Their messages are kept."""
    server.is_away = True
    errors: list[Exception] = []
    with build_client() as client:

        def ask() -> None:
            try:
                client.heartbeat("plug", {}, queued=False)
            except Closed as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        server.wait_for(1)
        client.close()
        thread.join()

    assert len(errors) == 1
    with pytest.raises(Closed):
        client.heartbeat("plug", {})
    with pytest.raises(Closed):
        client.flush()


def test_flush_times_out_and_keeps_everything(build_client: Build, server: FakeServer) -> None:
    """The error says so."""
    server.is_away = True
    with build_client() as client:
        client.heartbeat("plug", {})
        with pytest.raises(ReplyTimeout, match="is kept"):
            client.flush(0.1)
        assert client.status.waiting == 1


def test_full_outbox_raises_at_the_call(build_client: Build, server: FakeServer) -> None:
    """And takes again when the server has confirmed some."""
    server.is_away = True
    with build_client(limits=OutboxLimits(max_messages=2)) as client:
        client.heartbeat("plug", {})
        client.heartbeat("plug", {})
        with pytest.raises(OutboxFull, match="2 messages"):
            client.heartbeat("plug", {})
        server.is_away = False
        client.flush(20.0)
        client.heartbeat("plug", {})


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.heartbeat("", {}),
        lambda client: client.heartbeat("plug", {"a": float("nan")}),
        lambda client: client.heartbeat("plug", {"a": "x" * 300_000}),
        lambda client: client.insert_events("plug", [Event(timestamp=datetime(2999, 1, 1, tzinfo=UTC))]),
        lambda client: client.create_bucket("plug", type=5),
        lambda client: client.replace_event("plug", Event(timestamp=NOW)),
    ],
    ids=["no bucket", "NaN", "too large", "far ahead", "type", "no id"],
)
def test_bad_input_raises_at_the_call_and_reaches_nobody(client: Client, call: Callable[[Client], object]) -> None:
    """It is the caller's to mend."""
    with pytest.raises(BadInput):
        call(client)

    assert client.status.waiting == 0


def test_second_client_on_one_outbox_is_refused(client: Client, build_client: Build) -> None:
    """And the first goes on."""
    with pytest.raises(OutboxInUse) as caught, build_client():
        pass

    (last_line,) = caught.value.__notes__
    assert last_line.startswith("give each process its own outbox")
    assert caught.value.__suppress_context__
    assert client.heartbeat("plug", {}, queued=False) is not None


def test_outbox_lies_in_the_folder_of_the_users_data(server: FakeServer, home: Path) -> None:
    """The name of the program names it, whatever characters it has."""
    with Client(port=server.port, name="my/watcher") as client:
        client.heartbeat("plug", {}, queued=False)

    (path,) = home.rglob("outbox.db")
    assert path.parts[-3:] == ("client", f"my%2Fwatcher-127.0.0.1-{server.port}", "outbox.db")


def test_client_that_is_not_open_says_how_to_open_it() -> None:
    """The traceback of who wrote Client().heartbeat(...) ends with it."""
    with pytest.raises(Closed) as caught:
        Client().heartbeat("plug", {})

    assert traceback.format_exception_only(caught.value)[-1].startswith("use it in a with statement")


def test_each_broker_has_an_outbox_of_its_own() -> None:
    """What waits for the one must not go to the other; the usual one needs no mention."""
    usual, testing, distant = Client(name="load"), Client(port=1884, name="load"), Client("fe80::1/64", name="load")

    folders = [client.outbox_path.parent.name for client in (usual, testing, distant)]
    assert folders == ["load", "load-127.0.0.1-1884", "load-fe80__1_64-1883"]


def test_client_that_is_not_closed_warns(build_client: Build) -> None:
    """A forgotten ``with`` leaves a thread and a lock behind."""
    client = build_client().__enter__()

    with pytest.warns(ResourceWarning, match="unclosed Client"):
        client.__del__()
    client.close()


def test_broker_that_is_away_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not with each attempt."""
    with (
        Client(port=1, outbox=tmp_path / "outbox.db", timeout_s=0.6) as client,
        pytest.raises(ReplyTimeout) as caught,
    ):
        client.heartbeat("plug", {}, queued=False)

    assert caplog.text.count("Connection refused") == 1
    assert "no MQTT broker answers at 127.0.0.1:1" in caught.value.hint
