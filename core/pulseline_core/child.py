"""One child process of the supervisor: how it is started, says that it is ready, and ends.

A child lives through these states; only the supervisor's thread moves it::

    IDLE --spawn--> STARTING --"ready"--> READY
                       |                    |
                       +------- exit -------+--> ENDED --plan_restart--> WAITING --spawn--> STARTING

Two pipes reach the child, named by environment variables (``runtime`` is their other side):

* ``PULSELINE_READY_FD``: the child writes ``ready`` when it serves. A child that only closes it has not said so.
* ``PULSELINE_LIFELINE_FD``: nothing is ever written there. Its end means that the supervisor is gone, however it
  went, and that the child has to stop by itself.

A child with an address also inherits sockets that are bound to it (``PULSELINE_LISTENER_FDS``). They are bound once and
stay open here, so that from the first time that the child listens until the stop nobody's connection is refused: what
comes while there is no process waits for the next one.

The child is the first of its own process group: Ctrl-C in a terminal reaches the supervisor alone, which then stops
its children in order. It reads nothing from the terminal and shares the supervisor's output.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from pulseline_core.backoff import Backoff
from pulseline_core.errors import PulselineError
from pulseline_core.listening import bind
from pulseline_core.runtime import LIFELINE_VARIABLE, LISTENERS_VARIABLE, READY_MESSAGE, READY_VARIABLE


class SpawnFailed(PulselineError):
    """The operating system does not start the program."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} could not be started: {reason}")
        self.name = name
        self.reason = reason


class ChildState(Enum):
    """Where a child is in its life."""

    IDLE = "idle"  #: Never started.
    STARTING = "starting"  #: The process runs and has not said that it serves.
    READY = "ready"  #: It serves.
    ENDED = "ended"  #: The process is gone and nothing is planned.
    WAITING = "waiting"  #: The process is gone and will be started again at ``due``.


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildCommand:
    """What to run.

    Attributes:
        name: what messages call it.
        argv: the program and its arguments.
        environment: the whole environment, to which the two pipes are added; ``None`` is the supervisor's own.
        address: host and port to bind for it, if any.
        address_setting: the name of the setting that the host is, for errors.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] | None = field(default=None)
    address: tuple[str, int] | None = None
    address_setting: str = ""


class Child:
    """A command and the process that runs it at the moment.

    Instants are seconds of a monotonic clock.

    Attributes:
        deadline: when STARTING gets too long, or WAITING is over.
        ready_at: when the child last became ready.
    """

    def __init__(self, command: ChildCommand, backoff: Backoff) -> None:
        self.name = command.name
        self.state = ChildState.IDLE
        self.deadline = 0.0
        self.ready_at = 0.0
        self._command = command
        self._backoff = backoff
        self._process: subprocess.Popen[bytes] | None = None
        self._ready_fd: int | None = None
        self._listeners: list[socket.socket] = []

    @property
    def ready_fd(self) -> int | None:
        """The end of the pipe that becomes readable when the child has something to say; ``None`` once it has."""
        return self._ready_fd

    @property
    def pid(self) -> int | None:
        """The number of the process, ``None`` before the first start."""
        return None if self._process is None else self._process.pid

    @property
    def returncode(self) -> int | None:
        """How the process ended: its exit code, a negative signal number, or ``None`` while it runs."""
        return None if self._process is None else self._process.returncode

    @property
    def is_alive(self) -> bool:
        """Whether a process runs and has not been seen to end."""
        return self.state in {ChildState.STARTING, ChildState.READY}

    def spawn(self, lifeline_fd: int, *, deadline: float) -> None:
        """Start the process; it has until ``deadline`` to say that it serves.

        Raises:
            SpawnFailed: the program can not be started.
            ConfigError: its address can not be bound; only at the first start.
        """
        self._bind()
        listener_fds = [each.fileno() for each in self._listeners]
        ready_fd, child_ready_fd = os.pipe()
        environment = dict(os.environ if self._command.environment is None else self._command.environment)
        environment[READY_VARIABLE] = str(child_ready_fd)
        environment[LIFELINE_VARIABLE] = str(lifeline_fd)
        environment[LISTENERS_VARIABLE] = ",".join(map(str, listener_fds))
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the caller's own command, without a shell
                self._command.argv,
                stdin=subprocess.DEVNULL,
                env=environment,
                pass_fds=(child_ready_fd, lifeline_fd, *listener_fds),
                process_group=0,
            )
        except OSError as error:
            os.close(ready_fd)
            raise SpawnFailed(self.name, str(error)) from error
        finally:
            os.close(child_ready_fd)
        self._ready_fd = ready_fd
        self.state = ChildState.STARTING
        self.deadline = deadline

    def _bind(self) -> None:
        if self._command.address is not None and not self._listeners:
            host, port = self._command.address
            self._listeners = bind(host, port, setting=self._command.address_setting)

    def release_address(self) -> None:
        """Let the process alone have its address, so that its end is the end of listening there; idempotent."""
        while self._listeners:
            self._listeners.pop().close()

    def read_ready(self, *, now: float) -> None:
        """Read what the child says on its pipe, once it is readable, and close it."""
        if self._ready_fd is None:
            return
        said = os.read(self._ready_fd, 64)
        self.close()
        if said == READY_MESSAGE and self.state is ChildState.STARTING:
            self.state = ChildState.READY
            self.ready_at = now

    def reap(self) -> bool:
        """Return whether the process has just been found to have ended."""
        if not self.is_alive or self._process is None or self._process.poll() is None:
            return False
        self.close()
        self.state = ChildState.ENDED
        return True

    def plan_restart(self, random: Callable[[], float], *, now: float, stable_s: float) -> float:
        """Wait for the next start; the wait grows unless the child was ready for ``stable_s``.

        Returns:
            The wait in seconds.
        """
        if self.ready_at and now - self.ready_at >= stable_s:
            self._backoff.reset()
        self.ready_at = 0.0
        delay_s = self._backoff.next_delay_s(random)
        self.deadline = now + delay_s
        self.state = ChildState.WAITING
        return delay_s

    def cancel_restart(self) -> None:
        """Forget a planned start."""
        if self.state is ChildState.WAITING:
            self.state = ChildState.ENDED

    def send(self, number: signal.Signals) -> None:
        """Send the process a signal; one that has ended is left alone."""
        if self.is_alive and self._process is not None:
            self._process.send_signal(number)

    def close(self) -> None:
        """Close the pipe; idempotent."""
        if self._ready_fd is not None:
            os.close(self._ready_fd)
            self._ready_fd = None


def describe_end(returncode: int | None) -> str:
    """Return how a process ended, in words."""
    if returncode is None or returncode >= 0:
        return f"exit code {returncode}"
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"signal {-returncode}"
