"""Whether the client of a request still waits for its answer.

A client that hangs up and one that has only said that it will send nothing more look alike until something is sent to
them; both count as gone, as they do with other servers that stop work for nobody (Go's ``net/http``).
"""

from __future__ import annotations

import socket
from multiprocessing.connection import Connection, wait
from typing import Final

from flask import request

from pulseline_core.errors import Unavailable

#: In a request's environment: the socket that its answer will be sent to.
CLIENT_SOCKET: Final = "pulseline.client_socket"


class ClientGone(Unavailable):
    """Nobody waits for the answer any more."""

    def __init__(self) -> None:
        super().__init__("the client has hung up")


class ClientWatch:
    """Watches the connection of one client; ``None`` is one that never hangs up. Used by its request's thread."""

    def __init__(self, connection: socket.socket | None = None) -> None:
        self._connection = connection

    def check(self) -> None:
        """Raise ``ClientGone`` if the client is."""
        if self._connection is None:
            return
        try:
            is_gone = not self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            is_gone = True
        if is_gone:
            raise ClientGone
        self._connection = None  # what it sent ahead hides its end

    def wait_for(self, other: Connection, timeout_s: float) -> bool:
        """Return whether ``other`` can be read, at once when it can, or after the time; raise ``ClientGone``."""
        while True:
            self.check()
            try:
                ready = wait([other] if self._connection is None else [other, self._connection], timeout_s)
            except ValueError as error:  # the sockets' thread has just closed it
                raise ClientGone from error
            if other in ready or not ready:
                return bool(ready)


def watch_client() -> ClientWatch:
    """Return a watch over the client of the present request."""
    return ClientWatch(request.environ.get(CLIENT_SOCKET))
