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

import ctypes
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
    "keep_memory_in_one_place",
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

#: glibc's number for "how many places memory is taken from" (``mallopt(3)``).
_M_ARENA_MAX: Final = -8

#: What is written to the pipe of a ``_StopWatch``.
_STOP: Final = b"s"
_CLOSE: Final = b"c"

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


def keep_memory_in_one_place() -> None:
    """Have all threads take memory from one place, if the C library is glibc; call it before there are any.

    By itself it gives each thread a place of its own, where what was freed stays: a server whose threads have each
    handled something large once holds as much as all of them together needed.
    """
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


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
    """Yield an event that SIGTERM, SIGINT or the supervisor's end sets; call it on the main thread.

    A handler runs between two instructions of the main thread, which may be those of ``stop.wait()``: it would wait for
    the event's lock for ever. So it only writes a byte, and a thread sets the event.
    """
    stop = threading.Event()
    watch = _StopWatch(stop, _take_descriptor(LIFELINE_VARIABLE))
    is_signalled = False

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal is_signalled
        if is_signalled or stop.is_set():
            os._exit(_SIGNALLED + number)
        is_signalled = True
        watch.stop()

    previous = {number: signal.signal(number, handle) for number in _STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        watch.close()


class _StopWatch:
    """A thread that sets the event, for a byte in a pipe of our own or at the end of the supervisor's pipe."""

    def __init__(self, stop: threading.Event, lifeline: int | None) -> None:
        self._stop = stop
        self._lifeline = lifeline
        self._reader, self._writer = os.pipe()
        self._thread = spawn(self._watch, name="pulseline-runtime-stop")

    def _watch(self) -> None:
        descriptors = [self._reader] if self._lifeline is None else [self._reader, self._lifeline]
        while True:
            readable, _, _ = select.select(descriptors, [], [])
            if self._reader in readable:
                if os.read(self._reader, 1) == _CLOSE:
                    return
                self._stop.set()
            elif self._lifeline is not None and not os.read(self._lifeline, 1):
                logger.warning("the supervisor is gone; stopping", extra={"action": "lifeline_ended"})
                self._stop.set()
                descriptors = [self._reader]

    def stop(self) -> None:
        """Have the event set; may be called by a signal handler."""
        os.write(self._writer, _STOP)

    def close(self) -> None:
        """End the thread and close the pipes."""
        os.write(self._writer, _CLOSE)
        self._thread.join()
        for descriptor in (self._reader, self._writer, self._lifeline):
            if descriptor is not None:
                os.close(descriptor)


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
