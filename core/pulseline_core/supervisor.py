"""Runs programs that belong together: starts them in order, starts again what dies, stops them in reverse order.

Theory of operation::

    run()   start  spawn the first child, wait until it says that it is ready, then the next ...
            serve  on_ready(), then wait; a child that dies is started again, later each time (backoff with jitter)
            stop   SIGTERM to the last child, wait until it is gone, then to the one before it ...

* One thread, one wait: ``select`` over the signals' wake-up socket and the children's readiness pipes, until the next
  deadline. SIGCHLD tells of a death, so nothing is polled. ``run`` must be called on the main thread, as Python gives
  signals to no other.
* SIGTERM, SIGINT and SIGHUP ask for a stop; a second SIGTERM or SIGINT kills at once. The children are out of the
  terminal's process group, so that Ctrl-C is this process's matter (``child``).
* A child that ends before it was ever ready makes the start fail (``ChildFailed``): it has said why itself, and a
  second try would say it again. Once everything was ready nothing is given up: a disk that is full today is not
  tomorrow.
* The whole stop is bounded. Each child gets an equal share of the time that is left; one that needs more is killed,
  and ``StopTimeout`` tells so, or ``StoppedAtOnce`` when it was asked for.
* The children hold the reading end of the lifeline, a pipe without traffic. Even ``kill -9`` of this process ends it,
  and they stop by themselves.
* The address of a child that has one is bound here and inherited (``child``), so that connections wait while it is
  started again. A stop gives it up first, and then the child refuses connections as soon as it stops.

Deliberately not done: no dependency graph (the order is enough), no output capture, no restart of the neighbours of a
child that died (they reconnect).
"""

from __future__ import annotations

import logging
import os
import random
import selectors
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from types import FrameType
from typing import Final

from pulseline_core.backoff import Backoff
from pulseline_core.child import Child, ChildCommand, ChildState, SpawnFailed, describe_end
from pulseline_core.errors import PulselineError

logger = logging.getLogger(__name__)

#: How long SIGKILL may take to show; only a process that hangs in the kernel needs it.
_KILL_TIMEOUT_S: Final = 0.4


class ChildFailed(PulselineError):
    """A child ended, or stayed silent, before it was ever ready."""

    def __init__(self, name: str, returncode: int | None) -> None:
        problem = "did not become ready in time" if returncode is None else f"ended with {describe_end(returncode)}"
        super().__init__(f"{name} {problem} during the start")
        self.name = name
        self.returncode = returncode


class StopTimeout(PulselineError):
    """Children had to be killed because they did not stop in time."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"{', '.join(names)} did not stop in time and had to be killed")
        self.names = tuple(names)


class StoppedAtOnce(PulselineError):
    """Children were killed because a second signal asked for it."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"stopped at once by a second signal: {', '.join(names)} had to be killed")
        self.names = tuple(names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the supervisor waits for what; all in seconds.

    Attributes:
        ready_s: from a child's start until it serves; a database that is being migrated takes its time.
        stop_s: for the stop of everything, kills included.
        stable_s: a child that was ready for this long is started again at once when it dies.
        restart_s: the first wait before a restart, about.
        restart_maximum_s: the longest one.
    """

    ready_s: float = 300.0
    stop_s: float = 4.5
    stable_s: float = 10.0
    restart_s: float = 0.2
    restart_maximum_s: float = 30.0


class Supervisor:
    """Keeps children running until it is told to stop.

    Args:
        commands: the children in the order of their start.
        on_ready: called once, when all are ready for the first time.
        patience: the time-outs.
    """

    def __init__(
        self, commands: Sequence[ChildCommand], *, on_ready: Callable[[], None], patience: Patience | None = None
    ) -> None:
        self._on_ready = on_ready
        self._patience = Patience() if patience is None else patience
        self._children = [Child(command, self._build_backoff()) for command in commands]
        self._selector = selectors.DefaultSelector()
        self._lifeline_fd = -1
        self._stop_requests = 0

    def run(self) -> None:
        """Start everything, keep it running, and return when it was told to stop and all children are gone.

        Raises:
            SpawnFailed, ChildFailed: a child did not become ready at its first start; the others were stopped.
            ConfigError: a child's address can not be bound; the others were stopped.
            StopTimeout, StoppedAtOnce: a child had to be killed.
        """
        with self._selector, _open_lifeline() as self._lifeline_fd, _wake_on_signals() as wakeup:
            self._selector.register(wakeup, selectors.EVENT_READ)
            try:
                self._start()
                self._serve()
            finally:
                killed = self._stop()
        if killed:
            raise StoppedAtOnce(killed) if self._stop_requests > 1 else StopTimeout(killed)

    def _build_backoff(self) -> Backoff:
        return Backoff(self._patience.restart_s, self._patience.restart_maximum_s, jitter=0.5)

    @property
    def _is_stopping(self) -> bool:
        return self._stop_requests > 0

    def _start(self) -> None:
        for child in self._children:
            if self._is_stopping:
                return
            self._spawn(child)
            self._wait_for_ready(child)

    def _wait_for_ready(self, child: Child) -> None:
        while child.state is not ChildState.READY and not self._is_stopping:
            if not child.is_alive or monotonic() >= child.deadline:
                raise ChildFailed(child.name, child.returncode)
            self._wait(child.deadline)
            self._tend(except_for=child)

    def _serve(self) -> None:
        if not self._is_stopping:
            self._on_ready()
        while not self._is_stopping:
            deadlines = [
                child.deadline for child in self._children if child.state in {ChildState.STARTING, ChildState.WAITING}
            ]
            self._wait(min(deadlines, default=None))
            self._tend()

    def _stop(self) -> list[str]:
        """Stop the children, the last one first; return the names of those that had to be killed."""
        end = monotonic() + self._patience.stop_s - _KILL_TIMEOUT_S
        killed = []
        for place, child in reversed(list(enumerate(self._children))):
            child.cancel_restart()
            child.release_address()
            child.send(signal.SIGTERM)
            share_s = (end - monotonic()) / (place + 1)
            if not self._wait_for_end(child, timeout_s=share_s):
                killed.append(child.name)
                child.send(signal.SIGKILL)
                self._wait_for_end(child, timeout_s=_KILL_TIMEOUT_S, is_patient=True)
            self._forget_ready(child)
        return killed

    def _wait_for_end(self, child: Child, *, timeout_s: float, is_patient: bool = False) -> bool:
        """Return whether the child ended in time; a second request to stop ends the wait unless ``is_patient``."""
        end = monotonic() + timeout_s
        while child.is_alive and monotonic() < end and (is_patient or self._stop_requests <= 1):
            self._wait(end)
        return not child.is_alive

    def _tend(self, *, except_for: Child | None = None) -> None:
        """Do for each child what is due."""
        for child in self._children:
            if child is except_for or self._is_stopping:
                continue
            match child.state:
                case ChildState.ENDED:
                    self._plan_restart(child, f"{child.name} ended with {describe_end(child.returncode)}")
                case ChildState.WAITING if monotonic() >= child.deadline:
                    self._spawn_again(child)
                case ChildState.STARTING if monotonic() >= child.deadline:
                    logger.warning("%s does not become ready, killing it", child.name)
                    child.deadline = monotonic() + _KILL_TIMEOUT_S
                    child.send(signal.SIGKILL)
                case _:
                    pass

    def _spawn_again(self, child: Child) -> None:
        try:
            self._spawn(child)
        except SpawnFailed as error:  # no memory or no process number left: that passes
            self._plan_restart(child, str(error))

    def _plan_restart(self, child: Child, problem: str) -> None:
        delay_s = child.plan_restart(random.random, now=monotonic(), stable_s=self._patience.stable_s)
        logger.warning("%s, starting it again in %.1f s", problem, delay_s, extra={"action": "child_restart_planned"})

    def _spawn(self, child: Child) -> None:
        child.spawn(self._lifeline_fd, deadline=monotonic() + self._patience.ready_s)
        logger.info("%s started with pid %s", child.name, child.pid, extra={"action": "child_started"})
        if child.ready_fd is not None:
            self._selector.register(child.ready_fd, selectors.EVENT_READ, child)

    def _wait(self, deadline: float | None) -> None:
        """Sleep until something happens or the deadline has come, and take note of it."""
        timeout_s = None if deadline is None else max(0.0, deadline - monotonic())
        for key, _ in self._selector.select(timeout_s):
            if isinstance(key.data, Child):
                self._selector.unregister(key.fileobj)
                key.data.read_ready(now=monotonic())
                logger.debug("%s is %s", key.data.name, key.data.state.value)
            elif isinstance(key.fileobj, socket.socket):
                self._take_signals(key.fileobj.recv(4096))
        for child in self._children:
            if child.is_alive:
                self._reap(child)

    def _take_signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number != signal.SIGCHLD:
                # A terminal that closes sends SIGHUP more than once: that is no second request.
                self._stop_requests += 1 if number != signal.SIGHUP or not self._is_stopping else 0
                logger.info("stopping because of %s", signal.Signals(number).name, extra={"action": "stop_requested"})

    def _reap(self, child: Child) -> None:
        ready_fd = child.ready_fd
        if child.reap() and ready_fd is not None:
            self._selector.unregister(ready_fd)

    def _forget_ready(self, child: Child) -> None:
        """Close the pipe of a child that stopped, or was left behind, before it was ready."""
        if child.ready_fd is not None:
            self._selector.unregister(child.ready_fd)
            child.close()


@contextmanager
def _open_lifeline() -> Iterator[int]:
    """Yield the end that children inherit; the other one is closed when the supervisor ends, however it does."""
    child_end, own_end = os.pipe()
    try:
        yield child_end
    finally:
        os.close(own_end)
        os.close(child_end)


@contextmanager
def _wake_on_signals() -> Iterator[socket.socket]:
    """Yield a socket on which the number of each signal arrives as one byte; everything is put back at the end."""
    receiver, sender = socket.socketpair()
    with receiver, sender:
        sender.setblocking(False)
        numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGCHLD]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # started by nohup: stay when the terminal goes
            numbers.append(signal.SIGHUP)
        previous = {number: signal.signal(number, _take_no_action) for number in numbers}
        previous_fd = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        try:
            yield receiver
        finally:
            signal.set_wakeup_fd(previous_fd)
            for number, handler in previous.items():
                signal.signal(number, handler)


def _take_no_action(_number: int, _frame: FrameType | None) -> None:
    """Let Python write the signal's number to the wake-up socket; a default handler would end the process."""
