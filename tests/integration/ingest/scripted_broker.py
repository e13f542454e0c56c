"""A broker in the test's hand: says to each connection what its script says, whatever it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from typing import Self

TIMEOUT_S = 10.0


class ScriptedBroker:
    """Answers the first packet of each connection, one script after the other; a context manager.

    Attributes:
        heard: the first packet of each connection.
    """

    def __init__(self, *answers: bytes) -> None:
        self.heard: list[bytes] = []
        self._answers: Sequence[bytes] = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT_S)
        self._thread = threading.Thread(target=self._run)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        for answer in self._answers:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(TIMEOUT_S)
                self.heard.append(connection.recv(65_536))
                connection.sendall(answer)
                while answer and connection.recv(65_536):
                    """Until the other side has had enough."""
