"""The client over a real socket, to a server that behaves: calls and their returns, its outbox, its end."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pulseline_client import Client, Event
from pulseline_client.outbox import OutboxLimits
from pulseline_core.errors import BadInput, Closed, InvalidEvent, OutboxFull, OutboxInUse
from pulseline_core.topic import Kind
from tests.integration.client.fake_server import FakeServer

Build = Callable[..., Client]

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


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
