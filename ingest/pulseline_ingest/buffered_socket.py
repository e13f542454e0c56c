"""A socket that reads and writes in large pieces for a protocol library that does so byte by byte.

paho reads each packet's header in two calls of one byte and writes each packet by itself: system calls that take longer
than all the rest. Here they are calls on a buffer; one ``fill`` and one ``flush`` go to the system for hundreds of
packets. The inner socket must not block; TLS or not makes no difference.

A packet of MQTT that is here as a whole can also be taken past the library, while that is between two packets. One that
is longer than anybody wants is taken without its end, which is dropped as it comes: what it takes to hold it is ours to
say, not whoever sent it. So the library gets no packet of which the length is not here yet.
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

#: MQTT 3.1.1 section 2.2.3: what a length can have, after the packet's first byte.
_MAX_LENGTH_BYTES: Final = 4

_NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BufferedSocket:
    """What paho takes for a socket; used by one thread.

    Args:
        inner: the connection.
        max_packet_bytes: how much of a packet ``take_packet`` keeps.
    """

    def __init__(self, inner: socket.socket, *, max_packet_bytes: int) -> None:
        self._inner = inner
        self._max_packet_bytes = max_packet_bytes
        self._long: _LongPacket | None = None
        #: Whether the bytes at hand end before the length of the next packet does.
        self._is_torn = False
        self._incoming = b""
        self._place = 0
        self._outgoing = bytearray()
        self._is_at_end = False

    @property
    def has_incoming(self) -> bool:
        """Whether ``recv`` has something to say without asking the system."""
        return (self._place < len(self._incoming) and not self._is_torn) or self._is_at_end

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
        self._is_torn = False
        if self._long is not None:
            data = self._long.take(data)
        self._incoming = self._incoming[self._place :] + data
        self._place = 0
        return True

    def recv(self, size: int) -> bytes:
        """Return up to ``size`` bytes of the buffer, nothing at the end; raise ``BlockingIOError`` when it is empty."""
        start = self._place
        data = self._incoming[start : start + size]
        if self._is_torn or (not data and not self._is_at_end):
            raise BlockingIOError
        self._place = start + len(data)
        return data

    def take_packet(self, kind: int) -> tuple[int, bytes, int] | None:
        """Take the next packet, if it is of this kind and has come as a whole.

        MQTT 3.1.1 section 2.2: the kind is the first byte's upper half.

        Returns:
            Its first byte, what follows its length, and how many bytes are missing at the end of that.
        """
        if self._long is not None:
            return self._take_long(self._long)
        data, start = self._incoming, self._place
        if start >= len(data) or data[start] >> 4 != kind:
            return None
        found = read_length(data, start + 1)
        if found is None:
            self._is_torn = len(data) - start <= _MAX_LENGTH_BYTES and not self._is_at_end
            return None
        length, place = found
        if length > self._max_packet_bytes:
            self._long = _LongPacket(data[start], length, self._max_packet_bytes)
            self._incoming, self._place = self._long.take(data[place:]), 0
            return self._take_long(self._long)
        if place + length > len(data):
            return None
        self._place = place + length
        return data[start], data[place : place + length], 0

    def _take_long(self, packet: _LongPacket) -> tuple[int, bytes, int] | None:
        if packet.awaited_bytes:
            return None
        self._long = None
        return packet.first_byte, bytes(packet.kept), packet.dropped_bytes

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


class _LongPacket:
    """A packet of which the beginning is kept.

    Attributes:
        awaited_bytes: how much of it has not come yet.
        dropped_bytes: how much of it is not kept.
    """

    def __init__(self, first_byte: int, length: int, limit: int) -> None:
        self.first_byte = first_byte
        self.kept = bytearray()
        self.awaited_bytes = length
        self.dropped_bytes = length - limit
        self._limit = limit

    def take(self, data: bytes) -> bytes:
        """Take what belongs to it, and return what follows."""
        own = data[: self.awaited_bytes]
        self.awaited_bytes -= len(own)
        self.kept += own[: self._limit - len(self.kept)]
        return data[len(own) :]
