"""The supervisor with real processes: order, restart, failure, stop and the lifeline."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from time import monotonic

import pytest

from pulseline_core.backoff import Backoff
from pulseline_core.child import Child, ChildCommand, SpawnFailed
from tests.integration.commands.supervised import FAILING, GOOD, LISTENING, MUTE, SILENT, STUBBORN, Supervised


def test_children_start_in_order_and_stop_in_reverse() -> None:
    """The second child starts when the first one is ready; the first one stops when the second one is gone."""
    with Supervised(("first", GOOD), ("second", GOOD)) as supervised:
        supervised.expect("supervisor ready")
        supervised.send(signal.SIGTERM)

        code = supervised.wait()
        words = [" ".join(line.split()[:2]) for line in supervised.read_rest()]

    assert code == 0
    assert words == ["second stopped", "first stopped", "supervisor done"]


def test_second_child_waits_for_the_first_to_be_ready() -> None:
    """A first child that stays silent keeps the second one from starting."""
    with Supervised(("first", SILENT), ("second", GOOD)) as supervised:
        supervised.expect("first started")
        supervised.send(signal.SIGTERM)

        code = supervised.wait()
        lines = supervised.read_rest()

    assert code == 0
    assert not any("second" in line for line in lines)


def test_child_that_dies_is_started_again_beside_its_neighbour() -> None:
    """After kill -9 a new process of the same child becomes ready; the other child is left alone."""
    with Supervised(("first", GOOD), ("second", GOOD)) as supervised:
        pid = int(supervised.expect("first started"))
        supervised.expect("supervisor ready")
        os.kill(pid, signal.SIGKILL)

        log_line = supervised.expect("log first")
        new_pid = int(supervised.expect("first started"))
        supervised.send(signal.SIGTERM)
        code = supervised.wait()
        lines = supervised.read_rest()

    assert log_line.startswith("ended with SIGKILL, starting it again in 0.")
    assert new_pid != pid
    assert code == 0
    assert sum(line.startswith("second stopped") for line in lines) == 1


def test_child_is_started_again_however_often_it_dies() -> None:
    """Ten deaths in a row are ten new starts."""
    with Supervised(("only", GOOD)) as supervised:
        pids = [int(supervised.expect("only started"))]
        supervised.expect("supervisor ready")
        for _ in range(10):
            os.kill(pids[-1], signal.SIGKILL)
            pids.append(int(supervised.expect("only started")))

    assert len(set(pids)) == 11


def test_child_that_fails_at_the_first_start_ends_everything() -> None:
    """No second try: the earlier child is stopped, and the error tells the exit code."""
    with Supervised(("first", GOOD), ("second", FAILING)) as supervised:
        code = supervised.wait()
        lines = supervised.read_rest()

    assert code == 1
    assert [line for line in lines if line.startswith("second")][1:] == []
    assert any(line.startswith("first stopped") for line in lines)
    assert lines[-1] == "supervisor error: second ended with exit code 4 during the start"


@pytest.mark.parametrize("child", [SILENT, MUTE], ids=["silent", "pipe closed without a word"])
def test_child_that_does_not_become_ready_ends_everything(child: str) -> None:
    """The start is given up after its time; the child is stopped."""
    with Supervised(("only", child), ready_s=0.5) as supervised:
        code = supervised.wait()
        lines = supervised.read_rest()

    assert code == 1
    assert lines[-1] == "supervisor error: only did not become ready in time during the start"
    assert any(line.startswith("only stopped") for line in lines)


def test_child_that_ends_well_before_it_is_ready_is_a_failure_too() -> None:
    """Exit code 0 without having served is no start."""
    with Supervised(("only", "raise SystemExit")) as supervised:
        supervised.wait()
        lines = supervised.read_rest()

    assert lines == ["supervisor error: only ended with exit code 0 during the start"]


def test_program_that_does_not_exist_is_one_error(tmp_path: Path) -> None:
    """What the operating system says is the error; no pipe stays open."""
    child = Child(ChildCommand(name="broker", argv=(str(tmp_path / "missing"),)), Backoff(1.0, 1.0))

    with pytest.raises(SpawnFailed, match=r"^broker could not be started: .*No such file"):
        child.spawn(0, deadline=0.0)

    assert child.ready_fd is None


def test_child_that_does_not_stop_is_killed_within_the_deadline() -> None:
    """The whole stop stays within its time, the neighbour stops in good order, and the error names the culprit."""
    with Supervised(("first", GOOD), ("second", STUBBORN), stop_s=1.5) as supervised:
        supervised.expect("supervisor ready")
        begin = monotonic()
        supervised.send(signal.SIGTERM)

        code = supervised.wait()
        took_s = monotonic() - begin
        lines = supervised.read_rest()

    assert code == 1
    assert took_s < 1.5
    assert any(line.startswith("first stopped") for line in lines)
    assert lines[-1] == "supervisor error: second did not stop in time and had to be killed"


def test_second_signal_kills_at_once() -> None:
    """Somebody who presses Ctrl-C again does not wait for the deadline, and hears no complaint about it."""
    with Supervised(("only", STUBBORN), stop_s=60.0) as supervised:
        supervised.expect("supervisor ready")
        begin = monotonic()
        supervised.send(signal.SIGINT)
        supervised.expect("only refused")
        supervised.send(signal.SIGINT)

        code = supervised.wait()
        lines = supervised.read_rest()

    assert code == 1
    assert monotonic() - begin < 10
    assert lines[-1] == "supervisor error: stopped at once by a second signal: only had to be killed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_each_stop_signal_ends_in_good_order(number: signal.Signals) -> None:
    """SIGTERM, Ctrl-C and a closed terminal all stop the children and exit with 0."""
    with Supervised(("only", GOOD)) as supervised:
        supervised.expect("supervisor ready")
        supervised.send(number)

        code = supervised.wait()
        lines = supervised.read_rest()

    assert code == 0
    assert [line.split()[1] for line in lines] == ["stopped", "done"]


def test_children_are_not_in_the_process_group_of_the_terminal() -> None:
    """Ctrl-C reaches the supervisor's group only; each child leads a group of its own."""
    with Supervised(("first", GOOD), ("second", GOOD)) as supervised:
        first, second = int(supervised.expect("first started")), int(supervised.expect("second started"))
        supervised.expect("supervisor ready")

        groups = [os.getpgid(first), os.getpgid(second)]

    assert groups == [first, second]


def test_children_stop_when_the_supervisor_is_killed() -> None:
    """Even kill -9 leaves nobody behind: the lifeline ends, and the children go."""
    with Supervised(("first", GOOD), ("second", GOOD)) as supervised:
        supervised.expect("supervisor ready")
        supervised.send(signal.SIGKILL)
        supervised.wait()

        lines = supervised.read_rest()

    assert sorted(line.split()[1] for line in lines if not line.startswith("log")) == ["orphaned", "orphaned"]


@pytest.fixture(name="port")
def _port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def read_all(connection: socket.socket) -> bytes:
    """Return what a child says over a connection."""
    with connection, connection.makefile("rb") as file:
        return file.read()


def test_connection_to_a_child_that_died_waits_for_the_next_one(port: int) -> None:
    """Nobody is refused between the death and the restart."""
    with Supervised(
        ("only", LISTENING), address=("127.0.0.1", port), restart_s=0.5, restart_maximum_s=0.5
    ) as supervised:
        pid = int(supervised.expect("only started"))
        supervised.expect("supervisor ready")
        os.kill(pid, signal.SIGKILL)
        supervised.expect("log only ended")

        connection = socket.create_connection(("127.0.0.1", port), timeout=20)
        new_pid = int(supervised.expect("only started"))

        assert int(read_all(connection)) == new_pid != pid


def test_address_is_free_once_a_child_has_stopped(port: int) -> None:
    """A stop leaves no socket behind on which connections would wait for nobody."""
    with Supervised(("first", STUBBORN), ("second", LISTENING), address=("127.0.0.1", port), stop_s=60.0) as supervised:
        supervised.expect("supervisor ready")
        supervised.send(signal.SIGTERM)
        supervised.expect("second stopped")
        supervised.expect("first refused")

        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=20)


def test_address_of_somebody_else_is_one_error() -> None:
    """The child is not started, and its neighbour stops."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with Supervised(("only", LISTENING), address=("127.0.0.1", port)) as supervised:
            supervised.wait()
            lines = supervised.read_rest()

    assert lines == [f"supervisor error: port {port} on '127.0.0.1' is already in use"]


def test_stop_during_a_pending_restart_does_not_start_the_child_again() -> None:
    """A child that waits for its restart is forgotten by the stop."""
    with Supervised(("first", GOOD), ("second", GOOD), restart_s=30.0, restart_maximum_s=30.0) as supervised:
        pid = int(supervised.expect("second started"))
        supervised.expect("supervisor ready")
        os.kill(pid, signal.SIGKILL)
        supervised.expect("log second ended")
        supervised.send(signal.SIGTERM)

        code = supervised.wait()
        lines = supervised.read_rest()

    assert code == 0
    assert [line.split()[:2] for line in lines] == [["first", "stopped"], ["supervisor", "done"]]
