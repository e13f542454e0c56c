"""Heartbeats that aw-client 0.5.15 queues, while parts of the server are killed under it.

Its queue drops, with "not retrying" in its log, what is refused or cut off once it has been connected, and everything
that is answered with a status of 400 or more (ActivityWatch/aw-client#115). It has handed over what it was answered 200
for. What it dropped it never tries again, so that a server can only see to it that there is no reason to drop.
"""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.compat.remote import Remote, open_python
from tests.compat.samples import build_python_event
from tests.e2e.up_process import Up, hand_over
from tests.storm.system import is_running, wait_until

#: Of each test; the client sends some hundred a second.
HEARTBEATS = 300

#: What the page about compatibility promises to bridge.
BROKER_AWAY_S = 30.0


@pytest.fixture(name="system")
def _system(tmp_path: Path) -> Iterator[Up]:
    with Up(home=tmp_path, flags=("--testing",)) as system:
        yield system


@pytest.fixture(name="watcher")
def _watcher(system: Up) -> Iterator[Remote]:
    """Return a client whose queue is connected and has a bucket."""
    with open_python("watcher", system.http_port, system.home) as client:
        connect(client)
        yield client


def connect(client: Remote) -> None:
    """Connect the client's queue, with a bucket."""
    client.call("create_bucket", "watched", "t", queued=True)
    client.call("connect")
    wait_until(lambda: client.call("request_queue.connected"), timeout_s=10, what="connection of the client")


def queue_heartbeats(watcher: Remote, numbers: range) -> None:
    """Queue heartbeats that do not merge; the client holds the last one back until it sees another."""
    for n in numbers:
        watcher.call("heartbeat", "watched", build_python_event(n, n=n), 1.0, queued=True)


def wait_until_sent(watcher: Remote) -> None:
    """Wait until the client has nothing left that it would send, or try again."""

    def is_idle() -> bool:
        return watcher.call("request_queue._persistqueue.qsize") == 0 and not watcher.call("request_queue._current")

    wait_until(is_idle, timeout_s=60, what="end of the client's queue")


def read_numbers(system: Up) -> list[int]:
    """Return what is stored, in the order of time."""
    return [event["data"]["n"] for event in reversed(system.read_events("watched"))]  # type: ignore[index]  # JSON


def read_dropped(watcher: Remote) -> set[int]:
    """Return what the client says it threw away."""
    return {int(n) for n in re.findall(r"not retrying: .*'n': (\d+)", watcher.log.read_text())}


def kill(system: Up, module: str) -> None:
    """Kill -9 the child that runs ``module``, and return when it is dead."""
    (pid,) = system.find_children(module)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid), timeout_s=10, what=f"death of {module}")


def kill_everything(system: Up, watcher: Remote, *, afterwards: int) -> tuple[list[int], set[int]]:
    """Kill the whole system while the client sends, queue the other half meanwhile, and start it again.

    Args:
        system: it runs again afterwards.
        watcher: its queue comes to its end.
        afterwards: how many more heartbeats are queued once it runs.

    Returns:
        What is stored, and what the client threw away.
    """
    queue_heartbeats(watcher, range(HEARTBEATS // 2))
    wait_until(lambda: len(read_numbers(system)) >= 10, timeout_s=30, what="first commits")
    system.kill()
    queue_heartbeats(watcher, range(HEARTBEATS // 2, HEARTBEATS))
    system.start()
    queue_heartbeats(watcher, range(HEARTBEATS, HEARTBEATS + afterwards))
    wait_until_sent(watcher)
    return read_numbers(system), read_dropped(watcher)


def wait_until_answered(system: Up) -> None:
    """Wait until the REST server is there, and has connected to the broker."""

    def is_linked() -> bool:
        link = httpx.get(f"{system.url}/status", timeout=60.0).json()["link"]
        return bool(link["connected"])

    wait_until(is_linked, timeout_s=60, what="connection of the REST server")


def queue_through_kills(system: Up, watcher: Remote, module: str) -> None:
    """Queue all heartbeats, kill a child after each third of them, and return when they are sent."""
    for third in range(3):
        queue_heartbeats(watcher, range(third * HEARTBEATS // 3, (third + 1) * HEARTBEATS // 3))
        kill(system, module)
        wait_until_answered(system)
    queue_heartbeats(watcher, range(HEARTBEATS, HEARTBEATS + 1))
    wait_until_sent(watcher)


def test_without_a_fault_all_are_there(system: Up, watcher: Remote) -> None:
    """Each once, in order: the measure for the others."""
    queue_heartbeats(watcher, range(HEARTBEATS + 1))
    wait_until_sent(watcher)

    assert read_numbers(system) == list(range(HEARTBEATS))


def test_kills_of_the_rest_server_cost_at_most_what_was_in_flight(system: Up, watcher: Remote) -> None:
    """Three kills while the client sends.

    Connections wait for the next REST server, so that nothing is refused. A request that the killed one had accepted is
    cut off, and the client drops it; it is stored all the same if it was in the outbox by then. All else is there.
    """
    queue_through_kills(system, watcher, "pulseline_api")

    stored, dropped = read_numbers(system), read_dropped(watcher)
    assert set(range(HEARTBEATS)) - dropped <= set(stored)
    assert len(dropped) <= 3
    assert stored == sorted(set(stored))


def test_kills_of_broker_and_ingest_cost_nothing(system: Up, watcher: Remote) -> None:
    """Three kills while the client sends: it notices no more than a pause."""
    queue_through_kills(system, watcher, "pulseline_broker")
    wait_until(lambda: len(read_numbers(system)) >= HEARTBEATS, timeout_s=30, what="commit of the outbox")

    assert read_dropped(watcher) == set()
    assert read_numbers(system) == list(range(HEARTBEATS))


def test_broker_that_is_away_for_half_a_minute_costs_nothing(system: Up, watcher: Remote) -> None:
    """The REST server answers 200 from its outbox, and all is committed when the broker is back.

    The supervisor is stopped for that time, so that it does not start the broker again.
    """
    os.kill(system.pid, signal.SIGSTOP)
    kill(system, "pulseline_broker")
    killed_at = monotonic()
    queue_heartbeats(watcher, range(HEARTBEATS + 1))
    wait_until(lambda: monotonic() - killed_at >= BROKER_AWAY_S, timeout_s=60, what="end of the half minute")
    waiting = httpx.get(f"{system.url}/status", timeout=60.0).json()["link"]
    os.kill(system.pid, signal.SIGCONT)
    wait_until_sent(watcher)
    wait_until(lambda: len(read_numbers(system)) >= HEARTBEATS, timeout_s=30, what="commit of the outbox")

    assert not waiting["connected"]
    assert waiting["waiting"] > 0
    assert read_dropped(watcher) == set()
    assert read_numbers(system) == list(range(HEARTBEATS))


def test_kill_of_everything_loses_nothing_that_was_handed_over(system: Up, watcher: Remote) -> None:
    """Supervisor and all are killed and started again a second later, while the client sends.

    There is no port in that second, and what the client tries then it drops itself: that is lost. All that it was
    answered for is there, and it goes on by itself afterwards.
    """
    stored, dropped = kill_everything(system, watcher, afterwards=11)

    assert set(range(HEARTBEATS + 10)) - dropped <= set(stored)
    assert set(range(HEARTBEATS, HEARTBEATS + 10)) <= set(stored)
    assert stored == sorted(set(stored))


def test_kill_of_everything_behind_a_socket_of_the_service_manager_costs_at_most_what_was_in_flight(
    tmp_path: Path,
) -> None:
    """The port stays open while there is no process at all: what comes in that second waits for the next start."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        system = Up(
            home=tmp_path,
            http_port=listener.getsockname()[1],
            flags=("--testing",),
            wrapper=hand_over(listener.fileno()),
            passed_fds=(listener.fileno(),),
        )
        with system, open_python("watcher", system.http_port, system.home) as watcher:
            connect(watcher)
            stored, dropped = kill_everything(system, watcher, afterwards=1)
    assert set(range(HEARTBEATS)) - dropped <= set(stored)
    assert len(dropped) <= 1
    assert stored == sorted(set(stored))
