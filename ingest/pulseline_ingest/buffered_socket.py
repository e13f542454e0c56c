"""A socket that reads and writes in large pieces for a protocol library that does so byte by byte.

paho reads each packet's header in two calls of one byte and writes each packet by itself: system calls that take longer
than all the rest. Here they are calls on a buffer; one ``fill`` and one ``flush`` go to the system for hundreds of
packets. The inner socket must not block; TLS or not makes no difference.

A packet of MQTT that is here as a whole can also be taken past the library, while that is between two packets.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from typing import Final

from pulseline_ingest.publish_packet import read_length

#: As much as a TCP socket's buffer usually holds.
_READ_BYTES: Final = 256 * 1024

#: For the last bytes at the end.
_CLOSE_TIMEOUT_S: Final = 1.0

_NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BufferedSocket:
    """What paho takes for a socket; used by one thread."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._incoming = b""
        self._place = 0
        self._outgoing = bytearray()
        self._is_at_end = False

    @property
    def has_incoming(self) -> bool:
        """Whether ``recv`` has something to say without asking the system."""
        return self._place < len(self._incoming) or self._is_at_end

    @property
    def outgoing_bytes(self) -> int:
        """How much waits for room."""
        return len(self._outgoing)

    def fill(self) -> bool:
        """Read what the system has; return whether there is something for ``recv``, if only the end."""
        try:
            data = self._inner.recv(_READ_BYTES)
        except _NOT_NOW:
            return self.has_incoming
        self._is_at_end = not data
        self._incoming = self._incoming[self._place :] + data
        self._place = 0
        return True

    def recv(self, size: int) -> bytes:
        """Return up to ``size`` bytes of the buffer, nothing at the end; raise ``BlockingIOError`` when it is empty."""
        start = self._place
        data = self._incoming[start : start + size]
        if not data and not self._is_at_end:
            raise BlockingIOError
        self._place = start + len(data)
        return data

    def take_packet(self, kind: int) -> tuple[int, bytes] | None:
        """Take the next packet, if it is of this kind and here as a whole: its first byte and what follows its length.

        MQTT 3.1.1 section 2.2: the kind is the first byte's upper half.
        """
        data, start = self._incoming, self._place
        if start >= len(data) or data[start] >> 4 != kind:
            return None
        found = read_length(data, start + 1)
        if found is None:
            return None
        length, place = found
        if place + length > len(data):
            return None
        self._place = place + length
        return data[start], data[place : place + length]

    def send(self, data: bytes) -> int:
        """Take all of it; ``flush`` sends it."""
        self._outgoing += data
        return len(data)

    def flush(self) -> None:
        """Send what there is room for now; raise ``OSError`` when the connection is lost."""
        while self._outgoing:
            try:
                sent = self._inner.send(self._outgoing)
            except _NOT_NOW:
                return
            del self._outgoing[:sent]

    def fileno(self) -> int:
        """Return what to wait on."""
        return self._inner.fileno()

    def setblocking(self, is_blocking: bool) -> None:
        """Never block, or always."""
        self._inner.setblocking(is_blocking)

    def close(self) -> None:
        """Send what is left, if that goes within a second, and close; a second call does nothing."""
        with suppress(OSError):
            if self._outgoing:
                self._inner.settimeout(_CLOSE_TIMEOUT_S)
                self._inner.sendall(self._outgoing)
        self._outgoing.clear()
        self._inner.close()
