"""The life cycle of a process, with real signals, pipes and processes."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pulseline_core import runtime
from pulseline_core.errors import DiskFull, ExitCode, InvalidPayload, Misuse, PortInUse

#: Says when it is ready, and what ended it.
SERVICE = """
from pulseline_core import runtime

with runtime.stop_on_signals() as stop:
    runtime.notify_ready()
    print("running", flush=True)
    stop.wait()
    print("stopping", flush=True)
    %s
print("stopped", flush=True)
"""

#: Has no end of its own.
HANG = "import threading; threading.Event().wait()"


@contextmanager
def run_service(at_the_end: str = "", *, pass_fds: tuple[int, ...] = (), **environment: str) -> Iterator[Service]:
    """Run a service in a process of its own, until it is ready."""
    command = [sys.executable, "-c", SERVICE % at_the_end]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}, pass_fds=pass_fds
    ) as process:
        try:
            service = Service(process)
            assert service.read_line() == "running"
            yield service
        finally:
            process.kill()


class Service:
    """A running process, and what it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def read_line(self) -> str:
        """Wait for the next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip()

    def wait(self) -> int:
        """Wait for the end, and return the exit status."""
        return self.process.wait(timeout=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_service_in_peace(number: signal.Signals) -> None:
    """It says so, cleans up and ends with 0."""
    with run_service() as service:
        service.process.send_signal(number)

        assert service.read_line() == "stopping"
        assert service.read_line() == "stopped"
        assert service.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_service_at_once(number: signal.Signals) -> None:
    """Even one that does not come to an end."""
    with run_service(HANG) as service:
        service.process.send_signal(number)
        assert service.read_line() == "stopping"

        service.process.send_signal(number)

        assert service.wait() == 128 + number


@pytest.mark.timeout(30)
def test_a_signal_may_come_at_any_instruction_of_the_wait() -> None:
    """The main thread holds the event's lock for some of them; the handler must not wait for it."""
    with runtime.stop_on_signals() as stop:
        with stop._cond:  # type: ignore[attr-defined]  # not in the stubs
            signal.raise_signal(signal.SIGTERM)

        assert stop.wait(10)


def test_a_service_stops_when_its_supervisor_is_gone() -> None:
    """The end of the pipe is enough: whatever killed the supervisor, the kernel closed it."""
    reader, writer = os.pipe()
    try:
        with run_service(pass_fds=(reader,), PULSELINE_LIFELINE_FD=str(reader)) as service:
            os.close(writer)

            assert service.read_line() == "stopping"
            assert service.wait() == 0
    finally:
        os.close(reader)


def test_a_service_that_is_ready_says_so_to_its_supervisor() -> None:
    """One line, then the end of the pipe."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as pipe, run_service(pass_fds=(writer,), PULSELINE_READY_FD=str(writer)):
        os.close(writer)

        assert pipe.read() == b"ready\n"


def test_without_a_supervisor_ready_means_nothing() -> None:
    """A service also runs alone."""
    runtime.notify_ready()


def test_a_supervisor_that_is_gone_does_not_hurt_readiness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setenv(runtime.READY_VARIABLE, str(writer))

    runtime.notify_ready()

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(writer)


@pytest.mark.parametrize("text", ["three", "9999"])
def test_a_descriptor_that_is_none_is_a_bug(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whoever started us."""
    monkeypatch.setenv(runtime.READY_VARIABLE, text)

    with pytest.raises(Misuse, match="which is no open file"):
        runtime.notify_ready()


def test_children_do_not_inherit_the_supervisors_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the pipe would not end with us."""
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    monkeypatch.setenv(runtime.LIFELINE_VARIABLE, str(reader))

    with runtime.stop_on_signals():
        assert not os.get_inheritable(reader)
        assert runtime.LIFELINE_VARIABLE not in os.environ

    os.close(writer)


def test_handlers_come_back_afterwards() -> None:
    """A test or a shell that runs us keeps its own."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    with runtime.stop_on_signals():
        assert signal.getsignal(signal.SIGTERM) is not before[0]

    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_spawn_starts_a_named_thread() -> None:
    """The name is seen in logs and debuggers."""
    names: list[str] = []

    thread = runtime.spawn(lambda: names.append(threading.current_thread().name), name="pulseline-test-worker")

    assert runtime.join(thread, 5)
    assert names == ["pulseline-test-worker"]


def test_spawn_refuses_a_name_that_is_not_ours() -> None:
    """In a program of somebody else it is seen whose threads are whose."""
    with pytest.raises(Misuse, match="does not begin with 'pulseline-'"):
        runtime.spawn(lambda: None, name="worker")


def test_join_logs_the_name_of_a_thread_that_does_not_end(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads the log knows which it was."""
    release = threading.Event()
    thread = runtime.spawn(release.wait, name="pulseline-test-slow")

    with caplog.at_level(logging.WARNING):
        has_ended = runtime.join(thread, 0.01)

    assert not has_ended
    assert "pulseline-test-slow did not end within 0.01 s" in caplog.text
    release.set()
    thread.join()


def test_exit_with_says_message_and_hint_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """And ends with the error's own code."""
    with pytest.raises(SystemExit) as caught:
        runtime.exit_with(PortInUse("127.0.0.1", 5600))

    assert caught.value.code == ExitCode.PORT_IN_USE
    assert capsys.readouterr().err == (
        "pulseline: error: port 5600 on '127.0.0.1' is already in use "
        "(stop the other program, or choose another port with --port)\n"
    )


def test_exit_with_folds_a_message_of_several_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """One error, one line."""
    with pytest.raises(SystemExit):
        runtime.exit_with(InvalidPayload("first\nsecond"))

    assert capsys.readouterr().err == "pulseline: error: first second\n"


def test_exit_on_error_lets_everything_else_through() -> None:
    """A bug keeps its traceback."""
    with pytest.raises(SystemExit) as caught, runtime.exit_on_error():
        raise DiskFull("/data")

    assert caught.value.code == ExitCode.DISK_FULL
    with pytest.raises(ZeroDivisionError), runtime.exit_on_error():
        raise ZeroDivisionError
