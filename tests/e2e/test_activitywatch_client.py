"""``ActivityWatchClient`` against a whole Pulseline: what it hands over arrives, whatever happens in between."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from pulseline_client import ActivityWatchClient, Event, RestReader
from pulseline_core.errors import NotFound, OutboxInUse
from tests.e2e.test_readme import run
from tests.e2e.up_process import Up
from tests.storm.system import wait_until

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)

#: A program that sends one heartbeat and ends in the way that is put in its place; ``{port}`` and so on are the server.
PROGRAM = """
import sys
from pulseline_client import ActivityWatchClient, Event

client = ActivityWatchClient("ending", True, "127.0.0.1", {port}, broker_port={broker_port})
client.create_bucket("ending", "test", queued=True)
client.heartbeat("ending", Event(data={{"n": 1}}), pulsetime=60, queued=True)
{end}
"""


@pytest.fixture(scope="module", name="shared_system")
def _shared_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Return a system that nobody kills."""
    with Up(home=tmp_path_factory.mktemp("up"), flags=("--testing",)) as system:
        yield system


@pytest.fixture(name="client")
def _client(shared_system: Up) -> Iterator[ActivityWatchClient]:
    """Return a client that is not connected, and a bucket of its own in the server."""
    client = build_client(shared_system)
    client.create_bucket("own", "test")
    yield client
    client.disconnect()
    client.delete_bucket("own")
    client.disconnect()


def build_client(system: Up, name: str = "e2e") -> ActivityWatchClient:
    """Return a client of a system."""
    return ActivityWatchClient(name, True, "127.0.0.1", system.http_port, broker_port=system.mqtt_port)


def build_beat(second: float, data: dict[str, object] | None = None) -> Event:
    """Return a heartbeat so many seconds after the start."""
    return Event(timestamp=NOW + timedelta(seconds=second), data=data or {"state": "on"})  # type: ignore[arg-type]


def test_unqueued_calls_are_read_at_once(client: ActivityWatchClient) -> None:
    """Each, and what it returns, in the order of a program's life; nothing is connected for it."""
    assert client.get_info()["testing"] is True
    assert client.wait_for_start() is None  # type: ignore[func-returns-value]  # that is what is checked
    assert client.get_buckets()["own"]["client"] == "e2e"
    assert client.heartbeat("own", build_beat(0), 5) is None  # type: ignore[func-returns-value]
    client.heartbeat("own", build_beat(4), 5)
    assert client.get_events("own") == [Event(timestamp=NOW, duration=4, data={"state": "on"})]

    assert client.insert_event("own", build_beat(60, {"n": 1})) is None  # type: ignore[func-returns-value]
    assert client.insert_events("own", [build_beat(61, {"n": 2})]) is None  # type: ignore[func-returns-value]
    newest = client.get_events("own", limit=1)[0]
    assert newest == build_beat(61, {"n": 2})
    assert newest.id is not None
    assert client.get_event("own", newest.id) == newest
    assert client.get_eventcount("own", start=NOW + timedelta(seconds=30)) == 2

    newest["data"]["n"] = 3
    client.insert_event("own", newest)
    assert client.get_event("own", newest.id) == build_beat(61, {"n": 3})
    assert client.delete_event("own", newest.id) is None  # type: ignore[func-returns-value]
    assert client.get_event("own", newest.id) is None
    assert client.get_eventcount("own") == 2
    assert len(client.export_bucket("own")["buckets"]["own"]["events"]) == 2
    assert "own" in client.export_all()["buckets"]


def test_settings_are_kept(client: ActivityWatchClient) -> None:
    """Any JSON value; one that was never set is ``None``."""
    client.set_setting("startOfDay", "04:00")
    client.set_setting("views", [])

    assert client.get_setting("startOfDay") == "04:00"
    assert client.get_setting("never") is None
    assert client.get_setting() == {"startOfDay": "04:00", "views": []}


def test_a_missing_bucket_is_an_error_and_is_not_made(client: ActivityWatchClient) -> None:
    """As in ActivityWatch; another creation of one that exists is none."""
    client.create_bucket("own", "other")

    with pytest.raises(NotFound):
        client.heartbeat("missing", build_beat(0), 5)
    with pytest.raises(NotFound):
        client.insert_event("missing", build_beat(0))
    assert client.get_buckets().keys() == {"own"}
    assert client.get_buckets()["own"]["type"] == "test"


def test_a_queued_creation_leaves_an_existing_bucket_as_it_is(client: ActivityWatchClient) -> None:
    """As in ActivityWatch."""
    with client:
        client.create_bucket("own", "other", queued=True)
        client.heartbeat("own", build_beat(0), 5, queued=True)

    assert len(client.get_events("own")) == 1
    assert client.get_buckets()["own"]["type"] == "test"


def test_queued_heartbeats_make_the_timeline_of_single_ones(client: ActivityWatchClient) -> None:
    """Three states, a gap, and many commits in between; the last is there after ``with``."""
    with client:
        for second in range(30):
            client.heartbeat("own", build_beat(second), 5, queued=True)
        client.heartbeat("own", build_beat(30, {"state": "off"}), 5, queued=True)
        for second in (60, 62):
            client.heartbeat("own", build_beat(second), 5, queued=True, commit_interval=60)

    assert [(event.timestamp - NOW, event.duration, event.data["state"]) for event in client.get_events("own")] == [
        (timedelta(seconds=60), timedelta(seconds=2), "on"),
        (timedelta(seconds=30), timedelta(seconds=0), "off"),
        (timedelta(seconds=0), timedelta(seconds=29), "on"),
    ]


def test_a_queued_heartbeat_of_a_missing_bucket_is_a_dead_letter(
    client: ActivityWatchClient, shared_system: Up
) -> None:
    """The bucket is not made, and the heartbeat is not lost."""
    with client, RestReader(f"http://127.0.0.1:{shared_system.http_port}") as rest:
        client.heartbeat("missing", build_beat(0), 5, queued=True)
        client.disconnect()
        (letter,) = rest.get_dead_letters()
        assert isinstance(letter, dict)
        assert letter["topic"] == "pulseline/v1/missing/heartbeat"
        rest.drop_dead_letter(cast("int", letter["id"]))

    assert client.get_buckets().keys() == {"own"}


def test_a_queued_bucket_is_there_for_what_follows(client: ActivityWatchClient, shared_system: Up) -> None:
    """Also for an insert that does not go through the queue; and nothing comes after a deleted one."""
    with client, RestReader(f"http://127.0.0.1:{shared_system.http_port}") as rest:
        client.setup_bucket("late", "test")
        client.insert_event("late", build_beat(0))
        client.heartbeat("late", build_beat(1), 5, queued=True)
        client.heartbeat("late", build_beat(2, {"state": "off"}), 5, queued=True)
        client.delete_bucket("late")
        client.disconnect()
        assert rest.get_dead_letters() == []

    assert "late" not in client.get_buckets()


def test_a_second_client_of_the_name_can_not_queue(client: ActivityWatchClient, shared_system: Up) -> None:
    """It reads and writes over REST, though."""
    second = build_client(shared_system)
    with client:
        with pytest.raises(OutboxInUse):
            second.connect()
        second.heartbeat("own", build_beat(0), 5)
    second.disconnect()


@pytest.mark.parametrize(
    ("end", "code"),
    [("", 0), ("sys.exit(3)", 3), ("raise RuntimeError('oops')", 1), ("client.disconnect()", 0)],
    ids=["falls off the end", "exits", "raises", "disconnects"],
)
def test_the_last_heartbeat_is_handed_over_when_the_program_ends(
    shared_system: Up, client: ActivityWatchClient, tmp_path: Path, end: str, code: int
) -> None:
    """However it ends, if it ends itself; the server has it then."""
    program = PROGRAM.format(port=shared_system.http_port, broker_port=shared_system.mqtt_port, end=end)
    wrapper = f"import subprocess, sys; print(subprocess.call([sys.executable, '-c', {program!r}]))"
    printed = run([sys.executable, "-c", wrapper], tmp_path)
    events = client.get_events("ending")
    client.delete_bucket("ending")

    assert printed.strip() == str(code)
    assert [event.data for event in events] == [{"n": 1}]


def test_nothing_is_lost_while_the_server_is_killed(tmp_path: Path) -> None:
    """Ten states of four seconds each, the server away for the middle ones: all are there, with their times."""
    with Up(home=tmp_path, flags=("--testing",)) as system:
        client = build_client(system, "survivor")
        client.commit_interval = 2
        with client:
            client.setup_bucket("own", "test")
            for number in range(10):
                if number == 3:
                    wait_until(lambda: client.get_events("own"), timeout_s=30, what="the first event")
                    system.kill()
                if number == 7:
                    system.start()
                for second in (0, 1, 2, 3):
                    client.heartbeat("own", build_beat(4 * number + second, {"n": number}), 1.5, queued=True)

        wait_until(lambda: count_after_restart(client), timeout_s=30, what="the last event")
        events = sorted(client.get_events("own"))
        client.disconnect()

    assert events == [
        Event(timestamp=NOW + timedelta(seconds=4 * number), duration=3, data={"n": number}) for number in range(10)
    ]


def count_after_restart(client: ActivityWatchClient) -> bool:
    """Return whether the server has all; what the end of ``with`` left in the outbox goes on being sent."""
    client.connect()
    return client.get_eventcount("own") == 10
