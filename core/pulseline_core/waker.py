"""What wakes a thread that waits on a socket: a byte in a socket pair of its own."""

from __future__ import annotations

import socket
from contextlib import suppress


class Waker:
    """Any thread wakes; one thread waits for ``fileno`` to become readable, and clears before it looks for work."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._is_set = False

    def fileno(self) -> int:
        """Return what to wait on."""
        return self._reader.fileno()

    def wake(self) -> None:
        """Make the waiting thread go on; cheap when it is already awake."""
        if self._is_set:
            return
        self._is_set = True
        with suppress(OSError):  # full: it is awake; closed: nobody waits
            self._writer.send(b"\0")

    def clear(self) -> None:
        """Forget that it was woken. What is done before a ``wake`` that comes later is seen after this."""
        with suppress(BlockingIOError):
            self._reader.recv(4096)
        self._is_set = False

    def close(self) -> None:
        """Let go of the sockets."""
        self._reader.close()
        self._writer.close()
