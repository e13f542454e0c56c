"""A client that can say anything: MQTT as bytes over a socket."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Self

TIMEOUT_S = 10.0

PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70
PINGREQ, PINGRESP = b"\xc0\x00", b"\xd0\x00"
DISCONNECT = b"\xe0\x00"


def text(value: str | bytes) -> bytes:
    """Return a length and the bytes."""
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(raw)) + raw


def packet(first: int, body: bytes = b"") -> bytes:
    """Return a packet with its remaining length."""
    length, header = len(body), bytearray((first,))
    while length > 0x7F:
        header.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes(header) + bytes((length,)) + body


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """A will for ``connect``."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


def connect(
    client_id: str = "",
    *,
    clean: bool = True,
    keep_alive: int = 60,
    will: Will | None = None,
    username: str | None = None,
    password: bytes | None = None,
    level: int = 4,
    name: str = "MQTT",
) -> bytes:
    """Return a CONNECT packet."""
    flags = 0x02 if clean else 0
    payload = text(client_id)
    if will is not None:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        payload += text(will.topic) + text(will.payload)
    if username is not None:
        flags |= 0x80
        payload += text(username)
    if password is not None:
        flags |= 0x40
        payload += text(password)
    return packet(0x10, text(name) + bytes((level, flags)) + struct.pack("!H", keep_alive) + payload)


def publish(
    topic: str | bytes,
    payload: bytes = b"x",
    *,
    qos: int = 0,
    packet_id: int = 1,
    dup: bool = False,
    retain: bool = False,
) -> bytes:
    """Return a PUBLISH packet."""
    identifier = struct.pack("!H", packet_id) if qos else b""
    return packet(0x30 | (8 if dup else 0) | qos << 1 | retain, text(topic) + identifier + payload)


def acknowledge(kind: int, packet_id: int) -> bytes:
    """Return PUBACK, PUBREC, PUBREL or PUBCOMP."""
    return bytes((kind, 2)) + struct.pack("!H", packet_id)


def subscribe(*filters: tuple[str | bytes, int], packet_id: int = 1) -> bytes:
    """Return a SUBSCRIBE packet."""
    return packet(0x82, struct.pack("!H", packet_id) + b"".join(text(each) + bytes((qos,)) for each, qos in filters))


def unsubscribe(*filters: str, packet_id: int = 1) -> bytes:
    """Return an UNSUBSCRIBE packet."""
    return packet(0xA2, struct.pack("!H", packet_id) + b"".join(map(text, filters)))


@dataclass(frozen=True, slots=True)
class Delivered:
    """A PUBLISH that the broker sent."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    id: int


class Wire:
    """One connection.

    Args:
        port: on the loopback address.
        small_buffer: whether the kernel takes little in on our behalf, as for a peer that does not read.
    """

    def __init__(self, port: int, *, small_buffer: bool = False) -> None:
        self._socket = socket.socket()
        if small_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(TIMEOUT_S)
        self._socket.connect(("127.0.0.1", port))
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Go without a word."""
        self._socket.close()

    def send(self, *packets: bytes) -> None:
        """Send bytes."""
        self._socket.sendall(b"".join(packets))

    def open(self, *args: str, session_present: bool = False, **kwargs: object) -> Self:
        """Connect, and expect to be let in."""
        self.send(connect(*args, **kwargs))  # type: ignore[arg-type]  # handed through
        assert self.read(4) == bytes((0x20, 2, session_present, 0))
        return self

    def read(self, count: int) -> bytes:
        """Return exactly so many bytes."""
        while len(self._buffer) < count:
            data = self._socket.recv(65536)
            assert data, f"closed after {self._buffer!r}"
            self._buffer += data
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def read_packet(self) -> tuple[int, bytes]:
        """Return the first byte and the body of the next packet."""
        first, length, shift = self.read(1)[0], 0, 0
        while True:
            byte = self.read(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return first, self.read(length)

    def read_publish(self) -> Delivered:
        """Return the next packet, which has to be a PUBLISH."""
        first, body = self.read_packet()
        assert first & 0xF0 == 0x30, f"0x{first:02x} {body!r}"
        qos, end = first >> 1 & 3, 2 + struct.unpack_from("!H", body)[0]
        identifier = struct.unpack_from("!H", body, end)[0] if qos else 0
        payload = body[end + 2 :] if qos else body[end:]
        return Delivered(body[2:end].decode(), payload, qos, bool(first & 1), bool(first & 8), identifier)

    def expect(self, kind: int, packet_id: int) -> None:
        """Read an acknowledgement."""
        assert self.read_packet() == (kind, struct.pack("!H", packet_id))

    def expect_codes(self, *codes: int) -> None:
        """Read a SUBACK."""
        first, body = self.read_packet()
        assert (first, body[2:]) == (0x90, bytes(codes))

    def expect_nothing(self) -> None:
        """Show with a PING that nothing was sent before its answer."""
        self.send(PINGREQ)
        assert self.read(2) == PINGRESP

    def expect_closed(self) -> bytes:
        """Wait for the end, and return what came before it."""
        rest, self._buffer = self._buffer, b""
        while True:
            try:
                data = self._socket.recv(65536)
            except ConnectionResetError:
                return rest
            if not data:
                return rest
            rest += data
