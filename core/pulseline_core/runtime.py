"""How a process of Pulseline lives: readiness, signals, its supervisor's lifeline, threads, its exit code.

A service is run like this::

    with runtime.stop_on_signals() as stop:
        with Service(settings) as service:
            runtime.notify_ready()
            stop.wait()

``stop`` is set by SIGTERM, SIGINT, or when the supervisor is gone: it holds the write end of a pipe whose read end
is in ``PULSELINE_LIFELINE_FD``, and the kernel closes that end however the supervisor ends. A second signal ends the
process at once. The handlers that were there before come back at the end.

A supervisor may also have bound the sockets on which the service is to listen: they are in ``PULSELINE_LISTENER_FDS``,
and ``take_listeners`` returns them.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, NoReturn

from pulseline_core.backoff import Backoff
from pulseline_core.data_folder import DataFolder, lock_folder
from pulseline_core.errors import Misuse, PulselineError

__all__ = [
    "Backoff",
    "DataFolder",
    "exit_on_error",
    "exit_with",
    "is_alone",
    "join",
    "lock_folder",
    "notify_ready",
    "spawn",
    "stop_on_signals",
    "take_listeners",
]

logger = logging.getLogger(__name__)

READY_VARIABLE: Final = "PULSELINE_READY_FD"
LIFELINE_VARIABLE: Final = "PULSELINE_LIFELINE_FD"
LISTENERS_VARIABLE: Final = "PULSELINE_LISTENER_FDS"

READY_MESSAGE: Final = b"ready\n"

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

#: What shells report for a process that a signal ended: 128 and its number.
_SIGNALLED: Final = 128


def spawn(run: Callable[[], object], *, name: str) -> threading.Thread:
    """Start a thread.

    It is a daemon so that a crash of the main thread ends the process, but whoever starts one joins it.

    Args:
        run: what it does.
        name: ``pulseline-<component>-<role>``, as logs and debuggers show it.
    """
    if not name.startswith("pulseline-"):
        raise Misuse(f"thread name {name!r} does not begin with 'pulseline-'")
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def join(thread: threading.Thread, timeout_s: float) -> bool:
    """Wait for a thread's end; return whether it came, and log the thread's name when it did not."""
    thread.join(timeout_s)
    if thread.is_alive():
        logger.warning(
            "thread %s did not end within %g s", thread.name, timeout_s, extra={"action": "thread_join_timed_out"}
        )
        return False
    return True


def is_alone() -> bool:
    """Return whether a person at a terminal runs this process, no supervisor; ask before ``notify_ready``."""
    return READY_VARIABLE not in os.environ and sys.stdout.isatty()


def notify_ready() -> None:
    """Tell the supervisor, where there is one, that the service answers; a second call does nothing."""
    descriptor = _take_descriptor(READY_VARIABLE)
    if descriptor is None:
        return
    with os.fdopen(descriptor, "wb", buffering=0) as pipe, suppress(BrokenPipeError):
        pipe.write(READY_MESSAGE)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM, SIGINT or the supervisor's end sets; call it on the main thread."""
    stop = threading.Event()

    def handle(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            os._exit(_SIGNALLED + number)
        stop.set()

    previous = {number: signal.signal(number, handle) for number in _STOP_SIGNALS}
    lifeline = _watch_lifeline(stop)
    try:
        yield stop
    finally:
        if lifeline is not None:
            lifeline.close()
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Lifeline:
    """A thread that waits for the end of the supervisor's pipe; a byte in a pipe of our own wakes it to end."""

    def __init__(self, descriptor: int, stop: threading.Event) -> None:
        self._descriptor = descriptor
        self._stop = stop
        self._wake_reader, self._wake_writer = os.pipe()
        self._thread = spawn(self._watch, name="pulseline-runtime-lifeline")

    def _watch(self) -> None:
        while True:
            readable, _, _ = select.select([self._descriptor, self._wake_reader], [], [])
            if self._wake_reader in readable:
                return
            if not os.read(self._descriptor, 1):
                logger.warning("the supervisor is gone; stopping", extra={"action": "lifeline_ended"})
                self._stop.set()
                return

    def close(self) -> None:
        """End the thread and close the pipes."""
        os.write(self._wake_writer, b"x")
        self._thread.join()
        for descriptor in (self._descriptor, self._wake_reader, self._wake_writer):
            os.close(descriptor)


def _watch_lifeline(stop: threading.Event) -> _Lifeline | None:
    descriptor = _take_descriptor(LIFELINE_VARIABLE)
    return None if descriptor is None else _Lifeline(descriptor, stop)


def take_listeners() -> list[socket.socket]:
    """Return the bound sockets that the supervisor handed over, which is none where there is no supervisor."""
    return [socket.socket(fileno=descriptor) for descriptor in _take_descriptors(LISTENERS_VARIABLE)]


def _take_descriptor(variable: str) -> int | None:
    return next(iter(_take_descriptors(variable)), None)


def _take_descriptors(variable: str) -> list[int]:
    """Return the descriptors that a variable names, and forget the variable: they are ours, not our children's."""
    text = os.environ.pop(variable, "")
    try:
        descriptors = [int(each) for each in text.split(",") if each]
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
    except (ValueError, OSError) as error:
        raise Misuse(f"{variable} is {text!r}, which is no open file") from error
    return descriptors


@contextmanager
def exit_on_error() -> Iterator[None]:
    """End the process with one line and the error's exit code when a ``PulselineError`` comes out."""
    try:
        yield
    except PulselineError as error:
        exit_with(error)


def exit_with(error: PulselineError) -> NoReturn:
    """Say what is wrong in one line on standard error, and end with the error's exit code."""
    hint = f" ({error.hint})" if error.hint else ""
    print(f"pulseline: error: {_fold(str(error))}{hint}", file=sys.stderr, flush=True)  # noqa: T201  the user's line
    sys.exit(error.exit_code)


def _fold(message: str) -> str:
    return " ".join(message.split())
