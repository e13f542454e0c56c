"""One connection's bytes, over TCP or WebSocket, behind one interface.

Writing never blocks: bytes are buffered, ``buffered_bytes`` says how many the peer has not taken, and ``drain``
waits until there are few.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Final, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

#: Bytes taken in at once; also what the kernel's buffer of a fast publisher typically holds.
_READ_BYTES: Final = 65_536

#: The largest WebSocket frame that is sent: clients limit what they take (the websockets library: 1 MiB).
_FRAME_BYTES: Final = 65_536

#: How long a peer may take to read the last bytes.
_CLOSE_TIMEOUT_S: Final = 1.0

#: RFC 6455 section 7.4.1: data of a type that is not accepted.
_UNSUPPORTED_DATA: Final = 1003


class Transport(Protocol):
    """A stream of bytes to and from a peer."""

    @property
    def peer(self) -> str:
        """The address, for logs and for counting failed log-ins."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes that were written and not taken yet."""

    async def read(self) -> bytes:
        """Return some bytes; none at the end or when the connection broke."""

    def write(self, data: bytes) -> None:
        """Buffer bytes for sending; after the end nothing happens."""

    async def drain(self) -> None:
        """Wait until few bytes are buffered, or the connection is gone."""

    def abort(self) -> None:
        """End at once; what is buffered is lost."""

    async def close(self) -> None:
        """Send what is buffered, then end; does not wait for the peer longer than a moment."""


class TcpTransport:
    """MQTT directly over TCP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        address = writer.get_extra_info("peername")
        self._peer = str(address[0]) if address else "unknown"
        tcp = writer.get_extra_info("socket")
        if tcp is not None:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    @property
    def peer(self) -> str:
        """The address."""
        return self._peer

    @property
    def buffered_bytes(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return int(self._writer.transport.get_write_buffer_size())

    async def read(self) -> bytes:
        """Return some bytes; none at the end."""
        try:
            return await self._reader.read(_READ_BYTES)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Buffer bytes."""
        if not self._writer.is_closing():
            self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the buffer is below its low-water mark."""
        with suppress(OSError):
            await self._writer.drain()

    def abort(self) -> None:
        """Reset the connection."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Send the rest, then read on for a moment: closing with unread bytes would reset the last ones away."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._writer.drain()
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                while await self._reader.read(_READ_BYTES):
                    pass
        except (OSError, TimeoutError):
            pass  # the peer is gone, or takes its time
        finally:
            self.abort()


class WebSocketTransport:
    """MQTT over WebSocket (MQTT 3.1.1 section 6): binary frames, cut anywhere."""

    def __init__(self, websocket: ServerConnection) -> None:
        self._websocket = websocket
        address = websocket.remote_address
        self._peer = str(address[0]) if address else "unknown"
        self._waiting = bytearray()
        self._wake = asyncio.Event()
        self._sent = asyncio.Event()
        self._sender = asyncio.create_task(self._send(), name="pulseline-websocket-sender")
        self._is_closed = False

    @property
    def peer(self) -> str:
        """The address."""
        return self._peer

    @property
    def buffered_bytes(self) -> int:
        """Bytes that wait here or in the socket's buffer."""
        return len(self._waiting) + int(self._websocket.transport.get_write_buffer_size())

    async def read(self) -> bytes:
        """Return one frame's bytes; none at the end. A text frame ends the connection (section 6.0)."""
        while not self._is_closed:
            try:
                frame = await self._websocket.recv()
            except (ConnectionClosed, OSError):
                break
            if isinstance(frame, str):
                await self._websocket.close(_UNSUPPORTED_DATA)
                break
            if frame:
                return frame
        return b""

    def write(self, data: bytes) -> None:
        """Buffer bytes; the sender makes frames of what there is."""
        if not self._is_closed:
            self._waiting += data
            self._wake.set()

    async def drain(self) -> None:
        """Wait until the sender has handed everything to the socket."""
        while self._waiting and not self._sender.done():
            self._sent.clear()
            await self._sent.wait()

    def abort(self) -> None:
        """Reset the connection."""
        self._is_closed = True
        self._sender.cancel()
        self._sent.set()
        self._websocket.transport.abort()

    async def close(self) -> None:
        """Send the rest and the closing frame."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self.drain()
                await self._websocket.close()
        except TimeoutError:
            pass  # the peer takes its time
        finally:
            self.abort()

    async def _send(self) -> None:
        try:
            while True:
                await self._wake.wait()
                data = bytes(self._waiting[:_FRAME_BYTES])
                del self._waiting[:_FRAME_BYTES]
                if not self._waiting:
                    self._wake.clear()
                await self._websocket.send(data)
                self._sent.set()
        except (ConnectionClosed, OSError):
            self._waiting.clear()
        finally:
            self._sent.set()
